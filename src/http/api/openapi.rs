//! `GET /v1/openapi.json`: what describes the calls.
//!
//! Owns: the description, `openapi.json`, which is kept by hand: of the calls under `/v1`, of health and metrics, and
//! of Roundware's calls. Invariant: it describes each call that there is, with each of its methods, and no other.

use axum::body::Body;
use axum::response::Response;

use super::given::{JSON, with_type};

const DESCRIPTION: &str = include_str!("openapi.json");

pub(super) async fn description() -> Response {
    with_type(Body::from(DESCRIPTION), JSON)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::{Method, Request, StatusCode};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::http::{Service, Settings, roundware};
    use crate::store::Store;

    const METHODS: [Method; 5] =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

    fn described() -> Value {
        serde_json::from_str(DESCRIPTION).unwrap()
    }

    /// The paths of the calls.
    fn known() -> BTreeSet<String> {
        let own = [super::super::reads(), super::super::writes(), super::super::for_all()].concat();
        let calls = own.into_iter().chain(roundware::calls()).map(|(path, _)| path.to_owned());
        calls.chain(["/", "/healthz", "/readyz", "/metrics"].map(str::to_owned)).collect()
    }

    #[test]
    fn each_call_is_described_with_its_methods_and_no_other() {
        let described = described();
        let paths: BTreeSet<String> =
            described["paths"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(paths, known());
        let service = Service::new(Store::in_memory().unwrap(), Settings::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        for (path, method) in paths.iter().flat_map(|path| METHODS.map(|method| (path, method))) {
            let uri = path.replace("{id}", "1");
            let request = Request::builder().method(&method).uri(uri).body(Body::empty()).unwrap();
            let status = runtime.block_on(service.router().oneshot(request)).unwrap().status();
            let is_described =
                described["paths"][path].get(method.as_str().to_lowercase()).is_some();
            assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, is_described, "{method} {path}");
        }
    }

    #[test]
    fn what_the_description_refers_to_is_there() {
        fn refers(value: &Value, whole: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(target)) = map.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(whole.pointer(pointer).is_some(), "{target}");
                    }
                    map.values().for_each(|value| refers(value, whole));
                }
                Value::Array(list) => list.iter().for_each(|value| refers(value, whole)),
                _ => {}
            }
        }
        let described = described();
        refers(&described, &described);
        assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
