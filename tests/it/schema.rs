//! Goal: whatever is sent to a call, the answer is one that the description of the calls tells of, and no call fails
//! for what it is sent.
//!
//! Method: where `DIURNAL_SCHEMA_PYTHON` names a Python with what `tests/schema/requirements.txt` lists, schemathesis
//! draws requests from the description, right and wrong ones, sends them to a service, and compares the answers with
//! the description; `.ci/run` sets it. `DIURNAL_SCHEMA_EXAMPLES` says how many requests there are for each call; with
//! more than 15, the corners of each schema are tried first. `DIURNAL_SCHEMA_SEED` draws others. Followers of live
//! events, who are never done, have their own tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::path::Path;
use std::process::Command;

use diurnal::Store;
use diurnal::http::Settings;
use diurnal::testing::workload::Workload;

use crate::common::number_from;
use crate::service::Running;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// Requests of a call unless the environment says otherwise.
const EXAMPLES: u64 = 15;

#[test]
fn each_answer_is_one_that_is_described() {
    let Some(python) = std::env::var_os("DIURNAL_SCHEMA_PYTHON") else {
        println!("schemathesis: skipped, DIURNAL_SCHEMA_PYTHON names no Python");
        return;
    };
    let store = Store::in_memory().unwrap();
    store.log_events(Workload::realistic().events(300).days(2).iter()).unwrap();
    let running = Running::start(store.clone(), Settings::default());
    let folder = tempfile::tempdir().unwrap();
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/hooks.py");
    std::fs::copy(hooks, folder.path().join("hooks.py")).unwrap();
    let examples = number_from("DIURNAL_SCHEMA_EXAMPLES", EXAMPLES);
    // A request for each corner of each schema: some 17,000.
    let phases = if examples > EXAMPLES { "coverage,fuzzing" } else { "fuzzing" };
    let examples = examples.to_string();
    let seed = number_from("DIURNAL_SCHEMA_SEED", 1).to_string();
    let output = Command::new(python)
        .args([
            "-c",
            "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())",
        ])
        .args(["run", &running.url("/v1/openapi.json"), "--checks", CHECKS, "--phases", phases])
        .args(["--exclude-path", "/v1/live", "--max-examples", &examples, "--seed", &seed])
        .args([
            "--no-shrink",
            "--continue-on-failure",
            "--request-timeout",
            "60",
            "--warnings",
            "off",
        ])
        .args(["--no-color", "--generation-database", "none"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    let counts =
        out.lines().filter(|line| line.contains("generated") || line.contains("Operations"));
    println!("schemathesis: {}", counts.map(str::trim).collect::<Vec<_>>().join(", "));
    running.get("/healthz").expect(200);
}
