//! A small demonstration in a folder of its own, and the commands that people type on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::keys::{Ring, RingKey, SealingKey};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use store::{HashingCost, Location, Store, StoreError};

/// The moment at which tests read.
pub(crate) fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
}

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

    /// A key of its folder, by the name of its file.
    pub(crate) fn ring(&self, file: &str, ring: Ring) -> Option<RingKey> {
        RingKey::parse(&std::fs::read_to_string(self.data.join("keys").join(file)).ok()?, ring).ok()
    }

    /// Its portal's store, opened with an identity key.
    pub(crate) async fn store(&self, identity: RingKey) -> Result<Store, StoreError> {
        let release = std::fs::read_to_string(self.data.join("keys/release.pub")).unwrap();
        let release = SealingKey::parse(&release, Ring::Release).unwrap();
        let location = Location::Sqlite(self.data.join("portal/noncello.sqlite"));
        let mut chance = StdRng::seed_from_u64(1);
        Store::open(&location, identity, release, HashingCost::LEAST, &mut chance).await
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
