//! Where the lake's bytes lie: the one module that spells a path, and that makes a file durable.
//!
//! `root.json` names each Ente's present manifest with its hash; replacing it is what publishes. Everything else is
//! immutable: `ente=<id>/manifest-<version>-<hash>.json`, `ente=<id>/<table>/anno=<year>/<name>.parquet`.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::feed::EnteId;

/// The year of a table that has no years: marts.
const ALL_YEARS: &str = "all";

/// What readers of an Ente hold while they read.
pub(crate) const LEASE: &str = "lease";

pub(crate) fn root(lake: &Path) -> PathBuf {
    lake.join("root.json")
}

pub(crate) fn ente(lake: &Path, ente: EnteId) -> PathBuf {
    lake.join(format!("ente={ente}"))
}

/// The records of the Enti's last runs.
pub(crate) fn run_records(lake: &Path) -> PathBuf {
    lake.join("runs")
}

pub(crate) fn run_record(lake: &Path, ente: EnteId) -> PathBuf {
    run_records(lake).join(format!("{ente}.json"))
}

/// The name of a manifest's file: its version, and the beginning of its hash, so that a damaged one is known without the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ManifestName {
    pub(crate) version: i64,
    /// Absent before "lake root 2".
    mark: Option<String>,
}

impl ManifestName {
    pub(crate) fn new(version: i64, sha256: &str) -> Self {
        Self { version, mark: Some(sha256[..32].to_owned()) }
    }

    pub(crate) fn plain(version: i64) -> Self {
        Self { version, mark: None }
    }

    pub(crate) fn parse(file: &str) -> Option<Self> {
        let name = file.strip_prefix("manifest-")?.strip_suffix(".json")?;
        let (version, mark) = name.split_once('-').map_or((name, None), |(version, mark)| (version, Some(mark)));
        Some(Self { version: version.parse().ok()?, mark: mark.map(ToOwned::to_owned) })
    }

    pub(crate) fn file(&self) -> String {
        let mark = self.mark.as_ref().map(|mark| format!("-{mark}")).unwrap_or_default();
        format!("manifest-{:08}{mark}.json", self.version)
    }
}

/// The path of a table's file, relative to the Ente's folder.
pub(crate) fn table_file(table: &str, year: Option<i32>, name: &str) -> String {
    let year = year.map_or_else(|| ALL_YEARS.to_owned(), |year| year.to_string());
    format!("{table}/anno={year}/{name}.parquet")
}

/// Writes a file that appears whole and durable, or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a file stands in a folder"))?;
    fs::create_dir_all(folder)?;
    let staged = path.with_extension("staged");
    let mut file = File::create(&staged)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&staged, path)?;
    File::open(folder)?.sync_all()
}

/// Writes a file that appears whole, or not at all; what was there before may be there again after a power cut.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let staged = path.with_extension("staged");
    fs::write(&staged, bytes)?;
    fs::rename(&staged, path)
}

/// Writes a file under a name that nothing points to yet. Durable once its folders are ([`sync_folders`]).
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names of new files durable: their folders, and those above up to `base`.
pub(crate) fn sync_folders<'a>(base: &Path, files: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    let mut folders = BTreeSet::from([base.to_owned()]);
    for file in files {
        folders.extend(base.join(file).ancestors().skip(1).take_while(|folder| *folder != base).map(Path::to_owned));
    }
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Removes every file of an Ente that is not `named`, and folders left empty; paths are relative to the folder. Gives back those
/// that stay.
pub(crate) fn sweep(folder: &Path, named: &BTreeSet<String>) -> io::Result<BTreeSet<String>> {
    let (kept, others): (BTreeSet<String>, BTreeSet<String>) =
        walk(folder)?.into_iter().partition(|path| named.contains(path));
    for relative in others {
        let path = folder.join(relative);
        fs::remove_file(&path)?;
        for above in path.ancestors().skip(1).take_while(|above| *above != folder) {
            // A folder that still holds something stays.
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }
    Ok(kept)
}

/// What the system notes of a file's last change: a file that is only ever replaced by a rename, and has the same mark, holds the same
/// bytes.
#[cfg(unix)]
#[must_use]
pub fn system_mark(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!(
        "{} {} {}.{:09} {}.{:09}",
        metadata.len(),
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

/// What the system notes of a file's last change.
#[cfg(not(unix))]
#[must_use]
pub fn system_mark(metadata: &Metadata) -> String {
    format!("{} {:?}", metadata.len(), metadata.modified())
}

/// All files below a folder, by their paths relative to it.
pub(crate) fn walk(folder: &Path) -> io::Result<BTreeSet<String>> {
    fn below(base: &Path, folder: &Path, found: &mut BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                below(base, &path, found)?;
            } else {
                found.extend(path.strip_prefix(base).ok().and_then(Path::to_str).map(ToOwned::to_owned));
            }
        }
        Ok(())
    }
    let mut found = BTreeSet::new();
    below(folder, folder, &mut found)?;
    Ok(found)
}

/// Held by whoever reads an Ente's files: while anybody holds it none of them is removed.
#[derive(Debug)]
pub(crate) struct Lease(#[expect(dead_code, reason = "the lock is freed when the file is closed")] Option<File>);

impl Lease {
    /// To read. Where there is no file for it there is nothing that could be removed: the Ente was never published, or by
    /// a version that removed files at once.
    pub(crate) fn to_read(folder: &Path) -> io::Result<Self> {
        match File::open(folder.join(LEASE)) {
            Ok(file) => {
                file.lock_shared()?;
                Ok(Self(Some(file)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// Makes the file that is locked, before anything can be read.
    pub(crate) fn prepare(folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        File::options().create(true).truncate(false).write(true).open(folder.join(LEASE)).map(drop)
    }

    /// To remove; `None` while somebody reads.
    pub(crate) fn to_remove(folder: &Path) -> io::Result<Option<Self>> {
        let file = File::options().create(true).truncate(false).write(true).open(folder.join(LEASE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Some(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
