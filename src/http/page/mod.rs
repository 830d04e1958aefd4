//! The page: a look at the log in a browser, without any network but the way to the service.
//!
//! Owns: the files of the page, which are part of the program, and how they are answered. Does not own what the page asks
//! the service (`api`), nor what `/` does with an `operation` (`roundware`).
//!
//! Invariants: the files are what they are in the sources: nothing builds them. The page runs its own scripts alone, has no
//! script or style within its markup, and calls no other origin: its policy says so. It needs no token; what it asks does.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use xxhash_rust::xxh3::xxh3_128;

use super::answer::Failure;
use super::state::Shared;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// What the page may load and run. Leaflet sets pictures from `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What `/` shows.
const INDEX: &str = "index.html";

/// A file whose path below `/page/` is that below this folder.
macro_rules! own {
    ($path:literal, $kind:expr) => {
        ($path, $kind, include_str!($path))
    };
}

/// Each by its path, with its type.
const FILES: [(&str, &str, &str); 36] = [
    own!("index.html", HTML),
    own!("style.css", CSS),
    own!("icon.svg", PICTURE),
    own!("theme.js", SCRIPT),
    own!("main.js", SCRIPT),
    own!("address.js", SCRIPT),
    own!("api.js", SCRIPT),
    own!("buckets.js", SCRIPT),
    own!("chart.js", SCRIPT),
    own!("dom.js", SCRIPT),
    own!("events.js", SCRIPT),
    own!("filter.js", SCRIPT),
    own!("filters.js", SCRIPT),
    own!("format.js", SCRIPT),
    own!("histogram.js", SCRIPT),
    own!("kinds.js", SCRIPT),
    own!("live.js", SCRIPT),
    own!("map.js", SCRIPT),
    own!("panel.js", SCRIPT),
    own!("picker.js", SCRIPT),
    own!("switches.js", SCRIPT),
    own!("token.js", SCRIPT),
    own!("views/clocks.js", SCRIPT),
    own!("views/errors.js", SCRIPT),
    own!("views/health.js", SCRIPT),
    own!("views/overview.js", SCRIPT),
    own!("views/places.js", SCRIPT),
    own!("views/session.js", SCRIPT),
    own!("views/sessions.js", SCRIPT),
    own!("views/store.js", SCRIPT),
    own!("views/tags.js", SCRIPT),
    own!("vendor/uPlot.iife.min.js", SCRIPT),
    own!("vendor/uPlot.min.css", CSS),
    ("vendor/leaflet.js", SCRIPT, include_str!("../../map/assets/leaflet.js")),
    ("vendor/leaflet.css", CSS, include_str!("../../map/assets/leaflet.css")),
    ("licenses.txt", TEXT, LICENCES),
];

/// What the libraries ask to be handed on.
const LICENCES: &str = concat!(
    "diurnal: MIT or Apache-2.0\n\n",
    include_str!("../../../LICENSE-MIT"),
    "\n\nuPlot 1.6.32\n\n",
    include_str!("vendor/uPlot.LICENSE"),
    "\n\nLeaflet 1.9.4\n\n",
    include_str!("../../map/assets/leaflet.LICENSE"),
);

/// The files' tags, in the same order.
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let tag = |file: &(&str, &str, &str)| {
        let tag = format!("\"{:032x}\"", xxh3_128(file.2.as_bytes()));
        HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
    };
    FILES.iter().map(tag).collect()
});

/// The files of the page, and the page itself.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/page/{*path}", get(file))
}

/// The page itself, which `roundware` answers with at `/`.
pub(super) fn index(request: &Request) -> Response {
    match with_slash(request) {
        Some(place) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response()
        }
        None => answer(INDEX, request.headers()),
    }
}

/// Where the page is found, if a service that is nested was asked for it without the slash at the end: there the names
/// of its files would lead out of the service.
fn with_slash(request: &Request) -> Option<HeaderValue> {
    let asked = request.extensions().get::<OriginalUri>()?;
    let (_, last) = asked.path().rsplit_once('/')?;
    // With the dot it is no scheme, whatever it is.
    let place = format!("./{last}/");
    HeaderValue::from_str(&place).ok().filter(|_| !last.is_empty())
}

async fn file(path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    // What is no text is the name of no file.
    answer(path.as_ref().map_or("", |path| path.as_str()), &headers)
}

/// A file, or word that the client has it.
fn answer(path: &str, headers: &HeaderMap) -> Response {
    let Some(place) = FILES.iter().position(|file| file.0 == path) else {
        return Failure::not_found("the page has no such file").into_response();
    };
    let (_, kind, text) = FILES[place];
    let tag = TAGS[place].clone();
    // Names stay while files change, so that a browser asks each time, and most often is told that nothing has.
    let common = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    if has(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
}

/// Whether the client says that it has the file of this tag.
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    let said = headers.get_all(header::IF_NONE_MATCH);
    let said = said.iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// The files that are this project's, with their paths.
    fn own() -> impl Iterator<Item = (&'static str, &'static str)> {
        let own = FILES.iter().filter(|file| !file.0.starts_with("vendor/"));
        own.filter(|file| file.0 != "licenses.txt").map(|file| (file.0, file.2))
    }

    fn asked(path: &str, tag: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(tag) = tag {
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
        }
        answer(path, &headers)
    }

    #[test]
    fn a_file_is_sent_once_and_then_known_by_its_tag() {
        let first = asked("style.css", None);
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[header::CONTENT_TYPE], CSS);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for said in [tag.clone(), format!("W/{tag}"), format!("\"a\", {tag}"), "*".to_owned()] {
            let again = asked("style.css", Some(&said));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{said}");
            assert_eq!(again.headers()[header::ETAG].to_str().unwrap(), tag);
        }
        assert_eq!(asked("style.css", Some("\"other\"")).status(), StatusCode::OK);
        assert_eq!(asked("main.js", Some(&tag)).status(), StatusCode::OK);
        assert_eq!(asked("mod.rs", None).status(), StatusCode::NOT_FOUND);
        assert_eq!(asked("../page/mod.rs", None).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn what_a_file_of_the_page_names_is_served() {
        let known = |path: &str| FILES.iter().any(|file| file.0 == path);
        for (path, text) in own() {
            let folder = path.rsplit_once('/').map_or("", |it| it.0);
            for line in text
                .lines()
                .filter(|line| line.starts_with("import ") || line.starts_with("} from "))
            {
                let Some(named) = line.split('\'').nth(1) else { continue };
                let named = match (named.strip_prefix("../"), named.strip_prefix("./")) {
                    (Some(above), _) => above.to_owned(),
                    (_, Some(beside)) if folder.is_empty() => beside.to_owned(),
                    (_, Some(beside)) => format!("{folder}/{beside}"),
                    (None, None) => named.to_owned(),
                };
                assert!(known(&named), "{path} imports {named}");
            }
        }
        let index = FILES[0].2;
        let links = index.split("\"page/").skip(1).filter_map(|rest| rest.split('"').next());
        assert!(links.clone().count() > 5);
        assert_eq!(links.filter(|link| !known(link)).count(), 0);
    }

    #[test]
    fn no_file_of_the_page_writes_markup_or_names_another_place() {
        let banned = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "https://",
            "javascript:",
            "style=\"",
            "onclick=\"",
        ];
        for (path, text) in own() {
            for word in banned {
                assert!(!text.contains(word), "{path} says {word}");
            }
            let names = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!names.contains("http://"), "{path} names another place");
            let opens = ["// Owns:", "/* Owns:", "<!DOCTYPE html>", "<svg"];
            assert!(opens.iter().any(|open| text.starts_with(open)), "{path} opens without a word");
        }
    }
}
