//! Writes a cleared table: into a folder of another name first, read back, verified again, then shown by one rename; between the
//! two a whole table is entered into the register. What the register does not know was never released; what it knows is
//! shown by the next `release build` or `release list` at the latest.
//!
//! A plain Parquet file, zstd; its rows come shuffled, so that neither their order nor row groups tell the classes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use anonymity::verify::Verification;
use domain::instrument::Instrument;

use super::dataset::{self, CSV, DataFile, Dataset, SUMS, Terms};
use super::gate::refuse;
use super::{ReleaseError, Report, dictionary, register};

/// The table.
pub(super) const TABLE: &str = "dati.parquet";

/// A release that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Its folder.
    pub folder: PathBuf,
    /// What is told of it.
    pub report: Report,
}

/// A cleared table and what is told beside it.
pub(super) struct Contents<'a> {
    pub(super) id: &'a str,
    pub(super) k: usize,
    pub(super) released: &'a RecordBatch,
    pub(super) quasi_identifiers: &'a [String],
    pub(super) versions: &'a [Instrument],
    pub(super) terms: &'a Terms,
    /// What else lies beside it.
    pub(super) beside: Vec<(&'static str, Vec<u8>)>,
}

/// Writes a table and everything beside it into a folder of another name, and has what was read back verified again.
pub(super) fn stage(
    parent: &Path,
    contents: &Contents<'_>,
    verify: impl FnOnce(&RecordBatch) -> Result<Verification, ReleaseError>,
    report: impl FnOnce(&Verification) -> Report,
) -> Result<Report, ReleaseError> {
    let Contents { id, released, versions, terms, .. } = *contents;
    let (staged, folder) = (staged(parent, id), parent.join(id));
    // What is in no register was never released.
    for leftover in [&staged, &folder] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).map_err(at(leftover))?;
        }
    }
    fs::create_dir_all(&staged).map_err(at(&staged))?;
    let file = staged.join(TABLE);
    let columns = dictionary::describe(released, contents.quasi_identifiers, versions)?;
    let dictionary = dictionary::csv(&columns);
    put(&file, &parquet(released, contents.marks(&dictionary))?)?;

    let written = fs::read(&file).map_err(at(&file))?;
    let back = read(&file)?;
    let verification = verify(&back)?;
    refuse(&verification)?;
    let mut report = report(&verification);
    report.sha256 = Some(hex::encode(Sha256::digest(&written)));
    report.rows = back.num_rows();

    let title = versions.last().map_or(report.origin.instrument.as_str(), |newest| newest.title.as_str());
    let comma_separated = dataset::csv(&back)?;
    let files = vec![DataFile::parquet(&written), DataFile::csv(&comma_separated)];
    let dataset = Dataset::new(&report, title, terms, &columns, files);
    let told = serde_json::to_vec_pretty(&report)
        .map_err(|source| ReleaseError::File { path: staged.join("rapporto.json"), source: source.into() })?;
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        (CSV, comma_separated),
        ("dizionario.csv", dictionary.into_bytes()),
        ("dizionario.md", dictionary::markdown(&columns, title).into_bytes()),
        ("rapporto.json", told),
    ];
    files.extend(dataset.files().into_iter().map(|(name, text)| (name, text.into_bytes())));
    files.extend(contents.beside.iter().cloned());
    let all = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).chain([(TABLE, written.as_slice())]);
    files.push((SUMS, dataset::sums(all).into_bytes()));
    for (name, bytes) in &files {
        put(&staged.join(name), bytes)?;
    }
    Ok(report)
}

fn staged(parent: &Path, id: &str) -> PathBuf {
    parent.join(format!(".{id}.staged"))
}

/// Gives a staged folder its name, by one rename.
pub(super) fn show(parent: &Path, id: &str) -> Result<PathBuf, ReleaseError> {
    let folder = parent.join(id);
    fs::rename(staged(parent, id), &folder).map_err(at(&folder))?;
    fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(at(parent))?;
    Ok(folder)
}

/// Shows a table that the register knows and whose program died before it could.
///
/// # Errors
/// When the register or the folder cannot be read or written.
pub fn finish_interrupted(releases: &Path) -> Result<(), ReleaseError> {
    for entry in register::list(releases)? {
        if !releases.join(&entry.id).exists() && staged(releases, &entry.id).exists() {
            show(releases, &entry.id)?;
        }
    }
    Ok(())
}

pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ReleaseError {
    let path = path.to_owned();
    move |source| ReleaseError::File { path, source }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ReleaseError> {
    crate::pseudonymize::write_private(path, bytes).map_err(at(path))
}

impl Contents<'_> {
    /// What the Parquet file says of itself, wherever it goes.
    fn marks(&self, dictionary: &str) -> Vec<KeyValue> {
        let marks = [
            ("id", self.id.to_owned()),
            ("k", self.k.to_string()),
            ("licence", self.terms.licence.clone()),
            ("dictionary_sha256", hex::encode(Sha256::digest(dictionary))),
        ];
        marks.into_iter().map(|(name, value)| KeyValue::new(format!("noncello.{name}"), value)).collect()
    }
}

/// A plain Parquet file of a table, zstd.
pub(super) fn parquet(table: &RecordBatch, marks: Vec<KeyValue>) -> Result<Vec<u8>, ReleaseError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_key_value_metadata(Some(marks))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties))?;
    writer.write(table)?;
    Ok(writer.into_inner()?)
}

/// The table of a file, whoever wrote it.
pub(super) fn read(path: &Path) -> Result<RecordBatch, ReleaseError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).map_err(at(path))?)?;
    // What the file says of itself is no part of the table.
    let schema = Arc::new(Schema::new(builder.schema().fields().clone()));
    let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    let batches: Vec<RecordBatch> =
        batches.into_iter().map(|batch| batch.with_schema(Arc::clone(&schema))).collect::<Result<_, _>>()?;
    Ok(concat_batches(&schema, &batches)?)
}
