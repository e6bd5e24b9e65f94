//! Writes a cleared release: into a folder of another name first, read back, verified again, entered into the register, then
//! shown by one rename. What the register does not know was never released; what it knows is shown by the next
//! `release build` or `release list` at the latest.
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
use rand::CryptoRng;
use sha2::{Digest, Sha256};

use super::dataset::{self, CSV, DataFile, Dataset, SUMS};
use super::register::{self, Entry};
use super::{Cleared, Parts, ReleaseError, Report, dictionary, refuse};

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

impl Cleared {
    /// Writes the release into its folder among the releases, and enters it into the register.
    ///
    /// # Errors
    /// When the disk refuses, or what was read back does not hold; then nothing is shown.
    pub fn write(self, chance: &mut impl CryptoRng) -> Result<Written, ReleaseError> {
        let parts = &self.parts;
        let releases = &parts.releases;
        let _lock = crate::run::lock(&parts.lock)?;
        register::refuse_twice(releases, &parts.id)?;
        let (staged, folder) = (staged(releases, &parts.id), releases.join(&parts.id));
        // What the register does not know was never released.
        for leftover in [&staged, &folder] {
            if leftover.exists() {
                fs::remove_dir_all(leftover).map_err(at(leftover))?;
            }
        }
        fs::create_dir_all(&staged).map_err(at(&staged))?;
        let file = staged.join(TABLE);
        let columns = dictionary::describe(&parts.released, &parts.basis.columns(), &parts.versions)?;
        let dictionary = dictionary::csv(&columns);
        put(&file, &bytes(&parts.released, parts.marks(&dictionary))?)?;

        let written = fs::read(&file).map_err(at(&file))?;
        let back = read(&file)?;
        let verification = parts.basis.verify(&back)?;
        refuse(&verification)?;
        let mut report = parts.report(&verification);
        let sha256 = hex::encode(Sha256::digest(&written));
        report.sha256 = Some(sha256.clone());
        report.rows = back.num_rows();

        let title = parts.versions.last().map_or(report.instrument.as_str(), |newest| newest.title.as_str());
        let comma_separated = dataset::csv(&back)?;
        let dataset = Dataset::new(
            &parts.id,
            title,
            (report.cutoff, report.created_at),
            (report.rows, report.k),
            &columns,
            vec![DataFile::parquet(&written), DataFile::csv(&comma_separated)],
        );
        let told = serde_json::to_vec_pretty(&report)
            .map_err(|source| ReleaseError::File { path: staged.join("rapporto.json"), source: source.into() })?;
        let mut files: Vec<(&str, Vec<u8>)> = vec![
            (CSV, comma_separated),
            ("dizionario.csv", dictionary.into_bytes()),
            ("dizionario.md", dictionary::markdown(&columns, title).into_bytes()),
            ("rapporto.json", told),
        ];
        files.extend(dataset.files().into_iter().map(|(name, text)| (name, text.into_bytes())));
        let all = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).chain([(TABLE, written.as_slice())]);
        files.push((SUMS, dataset::sums(all).into_bytes()));
        for (name, bytes) in &files {
            put(&staged.join(name), bytes)?;
        }

        register::keep_seed(releases, &parts.id, &parts.seed, &parts.ring, chance)?;
        let entry = Entry {
            id: parts.id.clone(),
            instrument: report.instrument.clone(),
            cutoff: report.cutoff,
            created_at: report.created_at,
            sha256,
            rows: report.rows,
            k: report.k,
        };
        register::append(releases, entry)?;
        show(releases, &parts.id)?;
        Ok(Written { folder, report })
    }
}

fn staged(releases: &Path, id: &str) -> PathBuf {
    releases.join(format!(".{id}.staged"))
}

fn show(releases: &Path, id: &str) -> Result<(), ReleaseError> {
    let folder = releases.join(id);
    fs::rename(staged(releases, id), &folder).map_err(at(&folder))?;
    fs::File::open(releases).and_then(|folder| folder.sync_all()).map_err(at(releases))
}

/// Shows a release that the register knows and whose program died before it could.
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

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ReleaseError {
    let path = path.to_owned();
    move |source| ReleaseError::File { path, source }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ReleaseError> {
    crate::pseudonymize::write_private(path, bytes).map_err(at(path))
}

impl Parts {
    /// What the Parquet file says of itself, wherever it goes.
    fn marks(&self, dictionary: &str) -> Vec<KeyValue> {
        let marks = [
            ("id", self.id.clone()),
            ("k", self.report.k.to_string()),
            ("licence", dictionary::heading("licenza").to_owned()),
            ("dictionary_sha256", hex::encode(Sha256::digest(dictionary))),
        ];
        marks.into_iter().map(|(name, value)| KeyValue::new(format!("noncello.{name}"), value)).collect()
    }
}

fn bytes(table: &RecordBatch, marks: Vec<KeyValue>) -> Result<Vec<u8>, ReleaseError> {
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
