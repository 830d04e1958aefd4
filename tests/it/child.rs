//! Goal: tests that need another process. Method: the test binary starts itself again with the name
//! of one ignored test, which does the child's part and talks through its standard input and output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const STORE: &str = "DIURNAL_TEST_STORE";
const PART: &str = "DIURNAL_TEST_PART";

/// What opens a line of a child, among what the test harness says.
const MARK: &str = "@@ ";

/// A child process, killed when it is dropped.
pub(crate) struct Other {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts the ignored test of this name, with a store and the part to play there.
    pub(crate) fn start(test: &str, store: &Path, part: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--ignored", "--nocapture"])
            .env(STORE, store)
            .env(PART, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that the child said whole; `None` when it says no more.
    pub(crate) fn heard(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            // What a killed child was in the middle of was not said.
            let line = line.strip_suffix('\n')?;
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// Says a line to the child, and waits for its answer.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.heard().unwrap_or_else(|| panic!("the child died of {line:?}"))
    }

    /// SIGKILL; what it had said before can still be heard.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child: the store, and the part to play. `None` where nobody started this process for it.
pub(crate) fn part() -> Option<(PathBuf, String)> {
    Some((std::env::var_os(STORE)?.into(), std::env::var(PART).ok()?))
}

/// In a child: says lines, all of them at once.
pub(crate) fn say(lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{MARK}{line}\n")).collect();
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).unwrap();
    output.flush().unwrap();
}

/// In a child: the next line from the parent; `None` when the parent is gone.
pub(crate) fn asked() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.strip_suffix('\n').map(str::to_owned)
}

/// In a child: waits to be killed, and leaves without another word if the parent is gone.
pub(crate) fn wait_to_be_killed() -> ! {
    while asked().is_some() {}
    std::process::abort()
}
