//! Databases for tests: a file of SQLite, or a database of its own in a throw-away cluster of PostgreSQL that the first
//! test starts and that ends with the test program.
//!
//! Knows nothing of ours: it gives places and addresses. PostgreSQL's programs must be installed; a test that asks for it
//! fails without them, and is never left out in silence.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database in the throw-away cluster.
    Postgres,
}

/// Where a database of a test is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file, not made yet.
    File(PathBuf),
    /// A server, by the addresses of two roles: one that owns the database, and one that owns nothing.
    Server {
        /// The address of the owner.
        owner: String,
        /// The address of the role without property.
        portal: String,
    },
}

/// A database for one test: empty, and nobody else's.
pub struct TestDatabase {
    folder: tempfile::TempDir,
    place: Place,
    intruder: String,
}

struct Cluster {
    folder: String,
    /// The cluster ends when this does: with the program.
    _until: ChildStdin,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(1);

impl Cluster {
    #[expect(clippy::zombie_processes, reason = "it ends with the program, by its standard input")]
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cluster.sh");
        let mut child = Command::new("sh")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh can be started");
        let until = child.stdin.take().expect("it was asked for");
        let mut folder = String::new();
        let read = BufReader::new(child.stdout.take().expect("it was asked for")).read_line(&mut folder);
        assert!(read.is_ok_and(|bytes| bytes > 0), "PostgreSQL did not start: what it said stands above");
        Self { folder: folder.trim().to_owned(), _until: until }
    }

    fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@{}/{database}", self.folder.replace('/', "%2F"))
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .args(["--host", &self.folder, "--username=superuser", "--dbname", database, "--command", sql])
            .output()
            .expect("psql is installed with PostgreSQL");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl TestDatabase {
    /// A new one, without any table.
    ///
    /// # Panics
    /// When it cannot be made: no test goes on without its database.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        match kind {
            Kind::Sqlite => {
                let file = folder.path().join("noncello.sqlite");
                let intruder = format!("sqlite://{}", file.display());
                Self { folder, place: Place::File(file), intruder }
            }
            Kind::Postgres => {
                let cluster = CLUSTER.get_or_init(Cluster::start);
                let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
                cluster.ask("postgres", &format!("create database {name} owner noncello_owner"));
                let place = Place::Server {
                    owner: cluster.url("noncello_owner", &name),
                    portal: cluster.url("noncello_portal", &name),
                };
                Self { folder, place, intruder: cluster.url("superuser", &name) }
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its address for somebody whom nothing holds back: who has it reads and writes every row.
    #[must_use]
    pub fn intruder(&self) -> &str {
        &self.intruder
    }

    /// A folder of the test's own; a file of SQLite stands in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The files of the database and its log, once what was written has reached them.
    ///
    /// # Panics
    /// When they cannot be listed.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match (&self.place, CLUSTER.get(), self.intruder.rsplit_once('/')) {
            (Place::Server { .. }, Some(cluster), Some((_, name))) => {
                cluster.ask(name, "checkpoint");
                let oid = cluster.ask(name, "select oid from pg_database where datname = current_database()");
                let data = Path::new(&cluster.folder).join("data");
                let mut files = files_of(&data.join("base").join(oid));
                files.extend(files_of(&data.join("pg_wal")));
                files
            }
            _ => files_of(self.folder.path()),
        }
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| path.is_file()).collect()
}
