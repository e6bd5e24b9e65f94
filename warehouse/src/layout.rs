//! Where the lake's bytes lie: the one module that spells a path, and that makes a file durable.
//!
//! `root.json` names each Ente's present manifest with its hash; replacing it is what publishes. Everything else is
//! immutable: `ente=<id>/manifest-<version>.json`, `ente=<id>/<table>/anno=<year>/<name>.parquet`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::feed::EnteId;

/// The year of a table that has no years: marts.
const ALL_YEARS: &str = "all";

pub(crate) fn root(lake: &Path) -> PathBuf {
    lake.join("root.json")
}

pub(crate) fn ente(lake: &Path, ente: EnteId) -> PathBuf {
    lake.join(format!("ente={ente}"))
}

pub(crate) fn manifest_name(version: i64) -> String {
    format!("manifest-{version:08}.json")
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

/// Removes every file of an Ente that `is_kept` does not know, and folders left empty; paths are relative to the folder.
pub(crate) fn sweep(folder: &Path, is_kept: &dyn Fn(&str) -> bool) -> io::Result<()> {
    fn walk(base: &Path, folder: &Path, is_kept: &dyn Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                walk(base, &path, is_kept)?;
                // A folder that still holds something stays.
                let _ = fs::remove_dir(&path);
                continue;
            }
            let relative = path.strip_prefix(base).ok().and_then(Path::to_str).unwrap_or_default();
            if !is_kept(relative) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
    walk(folder, folder, is_kept)
}
