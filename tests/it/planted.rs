//! Goal: the bugs in `tests/planted` can still be planted, so that `tests/planted/run` tells whether the
//! tests catch them. Method: each patch is tried on the sources.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_planted_bug_applies_and_names_the_tests_that_catch_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut patches = 0;
    for entry in std::fs::read_dir(root.join("tests/planted")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        patches += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("Bug: "), "{}: says what is wrong", path.display());
        let tests = text.lines().find_map(|line| line.strip_prefix("Caught by: "));
        let module = tests.and_then(|tests| tests.split("::").next()).unwrap_or_default();
        let folder = root.join("tests/it");
        let there = folder.join(format!("{module}.rs")).exists() || folder.join(module).is_dir();
        assert!(there && !module.is_empty(), "{}: caught by {tests:?}", path.display());
        let mut git = Command::new("git");
        git.args(["apply", "--check"]).arg(&path).current_dir(root);
        let tried = git.output().expect("git is installed");
        let why = String::from_utf8_lossy(&tried.stderr);
        assert!(tried.status.success(), "{} does not apply: {why}", path.display());
    }
    assert!(patches >= 10, "{patches} patches");
}
