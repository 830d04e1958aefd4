//! Goal: what the documentation shows of the program is what the program prints.
//!
//! Method: the commands of a page's `console` blocks are run, one after the other, beside the file that the page
//! names, and the output is compared line by line. `DIURNAL_WRITE_SHOWN=1` writes the page anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::path::Path;
use std::process::Command;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/questions.md");
const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/walk.jsonl");

/// What a command prints, as on a terminal: a table unless it names another format.
fn printed(command: &str, directory: &Path) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let mut program = Command::new(env!("CARGO_BIN_EXE_diurnal"));
    program.args(&words).current_dir(directory).env("TZ", "UTC");
    if words[0] != "import" && !words.contains(&"--format") {
        program.args(["--format", "table"]);
    }
    let output = program.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command}: {told}");
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The page, with what its commands print now.
fn made_anew(page: &str, directory: &Path) -> String {
    let mut made = String::new();
    let mut in_block = false;
    for line in page.lines() {
        in_block = if line.starts_with("```") { line == "```console" } else { in_block };
        let command = line.strip_prefix("$ diurnal ").filter(|_| in_block);
        // What is shown of an earlier run is printed again by its command.
        if in_block && command.is_none() && !line.starts_with("```") {
            continue;
        }
        made.push_str(line);
        made.push('\n');
        if let Some(command) = command {
            made.push_str(&printed(command, directory));
        }
    }
    made
}

#[test]
fn what_the_page_of_questions_shows_is_what_the_program_prints() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(LOG, directory.path().join("walk.jsonl")).unwrap();
    let page = std::fs::read_to_string(PAGE).unwrap();
    let made = made_anew(&page, directory.path());
    if std::env::var_os("DIURNAL_WRITE_SHOWN").is_some() {
        std::fs::write(PAGE, &made).unwrap();
        return;
    }
    for (number, (shown, printed)) in page.lines().zip(made.lines()).enumerate() {
        assert_eq!(shown, printed, "line {} of {PAGE}", number + 1);
    }
    assert_eq!(page.lines().count(), made.lines().count());
}
