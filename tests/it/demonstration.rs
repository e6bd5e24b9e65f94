//! A small demonstration in a folder of its own, and the commands that people type on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Filled and published; gone with the value.
pub(crate) struct Demonstration {
    _parent: tempfile::TempDir,
    /// Its data folder.
    pub(crate) data: PathBuf,
}

impl Demonstration {
    pub(crate) fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let demonstration = Self { data: parent.path().join("data"), _parent: parent };
        demonstration.done(&["demo", "--people", "240", "--no-serve"], &[]);
        demonstration
    }

    /// Runs a command on it, from the folder of the project.
    pub(crate) fn run(&self, command: &[&str], rest: &[&str]) -> Output {
        let mut process = Command::new(env!("CARGO_BIN_EXE_noncello"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        process.args(command).arg("--data").arg(&self.data).args(rest).current_dir(root).output().unwrap()
    }

    /// Standard output of a command that is done.
    pub(crate) fn done(&self, command: &[&str], rest: &[&str]) -> String {
        let output = self.run(command, rest);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?} {rest:?}: {}", text(output.stderr));
        text(output.stdout)
    }

    /// The answer of the lake to a question about an Ente: a list of objects, every value a text.
    pub(crate) fn ask(&self, ente: &str, sql: &str) -> Value {
        let answer = self.done(&["warehouse", "query"], &["--ente", ente, "--format", "json", sql]);
        serde_json::from_str(&answer).unwrap()
    }
}
