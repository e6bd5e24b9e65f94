//! Publishing: write what has changed, read it back, make the marts, and show all of it by one rename.
//!
//! A file whose rows have the digest of the one before stays as it is. What was visible before is kept for some days, and
//! removed at once when somebody was erased or restricted since, so that an erasure has reached every file when this
//! returns. Killed anywhere, the old state or the new one is visible.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::keys::{self, PartitionKey};
use crate::lake::{LIMITS, Lake, LakeError};
use crate::layout::ManifestName;
use crate::manifest::{Counts, Definition, Erasure, FileEntry, Manifest, Root, RootEntry, VersionedManifest};
use crate::mart::{self, INTERMEDIATE, Made, NOTED, Noted, Step};
use crate::session::{self, Limits, TableFiles};
use crate::states::sweep;
use crate::{checks, digest, layout, parquet_file, rows, schema, sheets, workers};

/// The tables of an Ente, whole.
#[derive(Debug)]
pub struct Publication {
    /// The base tables, by table and year.
    pub tables: Vec<TableData>,
    /// The number of the last event that they reflect.
    pub last_seq: i64,
    /// Which pseudonym key was used.
    pub pseudonym_key_id: String,
    /// The definitions known.
    pub instruments: Vec<Instrument>,
    /// What became of the assessments read.
    pub counts: Counts,
    /// What the segments were.
    pub source_mark: String,
    /// The version of the stages.
    pub stages: i64,
    /// The numbers of the events that erased somebody, rising.
    pub erasures: Vec<i64>,
    /// How many events restricted somebody.
    pub restrictions: i64,
    /// For how many days what is visible now stays readable.
    pub keep_days: i64,
}

/// One table of one year.
#[derive(Debug)]
pub struct TableData {
    /// Its name in [`schema`].
    pub table: String,
    /// The year of the assessments.
    pub year: i32,
    /// Its rows, in their total order.
    pub rows: RecordBatch,
}

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The version that is visible now.
    pub version: i64,
    /// Files written.
    pub files_written: usize,
    /// Files that stayed.
    pub files_kept: usize,
    /// Whether anything is different from before.
    pub is_changed: bool,
}

/// Writes files of one Ente, keeping those whose content is the same.
pub(crate) struct Writer<'a> {
    folder: PathBuf,
    key: &'a PartitionKey,
    before: BTreeMap<(String, Option<i32>), FileEntry>,
    files: Vec<FileEntry>,
    written: Vec<String>,
}

/// Files that are whole and durable, named by nothing yet.
pub(crate) struct Put {
    /// All of them, by table and year.
    pub(crate) files: Vec<FileEntry>,
    /// How many were written.
    pub(crate) written: usize,
}

/// A table that is to be written where its content has changed, with what its file's name ends in.
struct Wanted<'a> {
    table: &'a str,
    year: Option<i32>,
    rows: &'a RecordBatch,
    mark: String,
}

impl<'w> Writer<'w> {
    /// Writes into an Ente's folder; `before` is the state whose files may stay. Files under another key are of no use.
    pub(crate) fn new(folder: PathBuf, key: &'w PartitionKey, before: Option<&Manifest>) -> Self {
        let same_key = before.filter(|manifest| manifest.lake_key_id == key.id);
        let known = same_key.into_iter().flat_map(|manifest| &manifest.files);
        let before = known.map(|entry| ((entry.table.clone(), entry.year), entry.clone())).collect();
        Self { folder, key, before, files: Vec::new(), written: Vec::new() }
    }

    /// Makes the names of what was written durable.
    pub(crate) fn finish(mut self) -> Result<Put, LakeError> {
        self.files.sort_by(|a, b| (&a.table, a.year).cmp(&(&b.table, b.year)));
        layout::sync_folders(&self.folder, self.written.iter().map(String::as_str))
            .map_err(|source| LakeError::File { path: self.folder, source })?;
        Ok(Put { files: self.files, written: self.written.len() })
    }

    /// Puts tables into files, several at once.
    pub(crate) fn put_all<'a>(
        &mut self,
        tables: impl Iterator<Item = (&'a str, Option<i32>, &'a RecordBatch)>,
        chance: &mut impl CryptoRng,
    ) -> Result<(), LakeError> {
        let wanted: Vec<Wanted<'a>> = tables
            .map(|(table, year, rows)| {
                let mut mark = [0; 4];
                chance.fill_bytes(&mut mark);
                Wanted { table, year, rows, mark: hex::encode(mark) }
            })
            .collect();
        for put in workers::map(&wanted, |wanted| self.put(wanted)) {
            let (entry, is_written) = put?;
            if is_written {
                self.written.push(entry.path.clone());
            }
            self.files.push(entry);
        }
        Ok(())
    }

    /// The file of a table, and whether it is a new one.
    fn put(&self, wanted: &Wanted<'_>) -> Result<(FileEntry, bool), LakeError> {
        let Wanted { table, year, rows, mark } = wanted;
        let schema = rows.schema();
        let content = digest::digest(&schema, std::slice::from_ref(*rows), &self.key.digest)
            .map_err(|error| LakeError::Content(error.to_string()))?;
        if let Some(same) = self.before.get(&((*table).to_owned(), *year)).filter(|entry| entry.digest == content)
            && is_whole(&self.folder, same)
        {
            return Ok((same.clone(), false));
        }
        let path = layout::table_file(table, *year, &format!("{}-{mark}", &content[..16]));
        let bytes = parquet_file::write(rows, &self.key.parquet)?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let file = self.folder.join(&path);
        layout::write_new(&file, &bytes).map_err(|source| LakeError::File { path: file.clone(), source })?;
        let back = fs::read(&file).map_err(|source| LakeError::File { path: file.clone(), source })?;
        let (_, back) = parquet_file::read(back, &self.key.parquet)?;
        if !are_same(rows, &back) {
            return Err(LakeError::Damaged { path: file, problem: "what was read back is not what was written" });
        }
        let rows = i64::try_from(rows.num_rows()).map_err(|_| LakeError::Content("too many rows".into()))?;
        Ok((FileEntry { table: (*table).to_owned(), year: *year, path, rows, sha256, digest: content }, true))
    }
}

impl Lake {
    /// Makes the tables of an Ente visible, with their marts.
    ///
    /// # Errors
    /// A table that is not of the lake's schema, a mart whose tests fail, a file that cannot be written or is not read back as
    /// it was written. What was visible before then stays so.
    pub fn publish(
        &self,
        ente: EnteId,
        mut publication: Publication,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<Published, LakeError> {
        publication.tables.sort_by(|a, b| (&a.table, a.year).cmp(&(&b.table, b.year)));
        check_schemas(&publication)?;
        let (before, damage) = self.seen(ente)?.map_or((None, None), |seen| (Some(seen.manifest), seen.damage));
        // A key is made for an Ente that has nothing yet. Where one is gone, a copy of it is restored, or nobody reads the
        // partition again: another one made in silence would undo the end of an agreement.
        let key = match &before {
            Some(before) => keys::open(self.key_folder(), ente, self.ring(), Some(&before.lake_key_id))?,
            None => keys::open_or_create(self.key_folder(), ente, self.ring(), chance)?,
        };
        let folder = layout::ente(self.folder(), ente);
        layout::Lease::prepare(&folder).map_err(|source| LakeError::File { path: folder.clone(), source })?;
        let mut writer = Writer::new(folder.clone(), &key, before.as_ref());
        let base = publication.tables.iter().map(|data| (data.table.as_str(), Some(data.year), &data.rows));
        writer.put_all(base, chance)?;
        let of_assessments = publication.tables.iter().filter(|data| data.table == schema::ASSESSMENTS);
        let last_assessed_on = of_assessments.filter_map(|data| last_day(&data.rows)).max();
        let definitions = definitions(&publication.instruments);
        let marts_sha256 = mart::sha256();
        let base: BTreeSet<(&str, Option<i32>, &str)> = writer.files.iter().map(content_of).collect();
        let stays = before.as_ref().filter(|manifest| {
            let old: BTreeSet<_> = manifest.files.iter().filter(|entry| entry.year.is_some()).map(content_of).collect();
            old == base
                && manifest.lake_key_id == key.id
                && manifest.definitions == definitions
                && manifest.marts_sha256 == marts_sha256
        });
        let is_whole = |same: &&Manifest| {
            same.files.iter().filter(|entry| entry.year.is_none()).all(|entry| is_whole(&folder, entry))
        };
        if let Some(same) = stays.filter(is_whole) {
            let is_same = damage.is_none()
                && writer.written.is_empty()
                && same.last_seq == publication.last_seq
                && same.counts == publication.counts
                && same.pseudonym_key_id == publication.pseudonym_key_id
                && same.source_mark.as_ref() == Some(&publication.source_mark)
                && same.stages == publication.stages
                && same.erasures.iter().map(|erasure| erasure.seq).eq(publication.erasures.iter().copied())
                && same.restrictions == publication.restrictions;
            if is_same {
                // A run that died may have left what is not published any more.
                sweep(&folder, &self.kept(&folder, same, now, publication.keep_days)?)?;
                return Ok(Published {
                    version: same.version,
                    files_written: 0,
                    files_kept: same.files.len(),
                    is_changed: false,
                });
            }
            writer.files.extend(same.files.iter().filter(|entry| entry.year.is_none()).cloned());
        } else {
            let source = if publication.counts.accepted > IN_MEMORY_AT_MOST {
                // They are in files now: DuckDB gets the room.
                publication.tables.clear();
                Source::Files(TableFiles::group(&folder, &writer.files))
            } else {
                Source::Rows(&publication.tables)
            };
            let made = make_marts(&folder, &key, &source, &publication.instruments)?;
            writer.put_all(made.iter().map(|(name, rows)| (*name, None, rows)), chance)?;
        }
        let Put { files, written } = writer.finish()?;
        // A number that was visible once is never given again, not even when its manifest is damaged.
        let known = if damage.is_some() { self.manifests(&folder)?.pop().map_or(0, |name| name.version) } else { 0 };
        let version = before.as_ref().map_or(0, |manifest| manifest.version).max(known) + 1;
        let manifest = Manifest {
            ente,
            version,
            published_at: now,
            last_seq: publication.last_seq,
            last_assessed_on,
            pseudonym_key_id: publication.pseudonym_key_id,
            lake_key_id: key.id.clone(),
            marts_sha256,
            source_mark: Some(publication.source_mark),
            stages: publication.stages,
            erasures: proofs(before.as_ref(), &publication.erasures, version, now),
            restrictions: publication.restrictions,
            definitions,
            counts: publication.counts,
            files,
        };
        let kept = manifest.files.len() - written;
        self.show(&folder, &manifest)?;
        sweep(&folder, &self.kept(&folder, &manifest, now, publication.keep_days)?)?;
        Ok(Published { version, files_written: written, files_kept: kept, is_changed: true })
    }

    /// Writes the manifest, then replaces the root: from then on it is visible.
    pub(crate) fn show(&self, folder: &Path, manifest: &Manifest) -> Result<(), LakeError> {
        let bytes = serde_json::to_vec_pretty(&VersionedManifest::V2(manifest.clone()))
            .map_err(|error| LakeError::Content(error.to_string()))?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let path = folder.join(ManifestName::new(manifest.version, &sha256).file());
        layout::write_whole(&path, &bytes).map_err(|source| LakeError::File { path, source })?;
        let _one_at_a_time = self.root_lock();
        let mut root = Root::clone(&self.root()?.0);
        root.enti.insert(manifest.ente, RootEntry { version: manifest.version, sha256 });
        self.write_root(root)
    }
}

/// Assessments up to which marts are made from rows in memory; of more, files are read in place, so that memory is bounded.
pub(crate) const IN_MEMORY_AT_MOST: i64 = 50_000;

/// What marts are made from.
pub(crate) enum Source<'a> {
    /// The rows that are being published.
    Rows(&'a [TableData]),
    /// The files that have just been written.
    Files(Vec<TableFiles>),
}

/// The marts of an Ente, each with its rows.
///
/// # Errors
/// SQL that fails, or a test of a sidecar that does not hold.
pub(crate) fn make_marts(
    folder: &Path,
    key: &PartitionKey,
    source: &Source<'_>,
    instruments: &[Instrument],
) -> Result<Vec<(&'static str, RecordBatch)>, LakeError> {
    let (connection, tables): (_, BTreeSet<&str>) = match source {
        // So small that two threads would wait for each other more than they work.
        Source::Rows(tables) => (
            session::open_rows(
                folder,
                tables.iter().map(|data| (data.table.as_str(), &data.rows)),
                Limits { threads: 1, ..LIMITS },
            )?,
            tables.iter().map(|data| data.table.as_str()).collect(),
        ),
        Source::Files(tables) => (
            session::open_files(&[folder], Some(&key.parquet), tables, LIMITS)?,
            tables.iter().map(|table| table.table.as_str()).collect(),
        ),
    };
    session::prepare_marts(&connection, instruments, &tables)?;
    let make = |step: &Step| {
        let made = if matches!(source, Source::Rows(_)) { Made::Table } else { step.made };
        connection
            .execute_batch(&format!("create {} {} as {}", made.sql(), step.name, step.sql))
            .map_err(|error| LakeError::Mart { mart: step.name, problem: error.to_string() })
    };
    INTERMEDIATE.iter().try_for_each(make)?;
    sheets::count(&connection, instruments, |table| tables.contains(table))?;
    let mut made = Vec::new();
    for Noted { mart, notes, is_asked } in NOTED.iter() {
        let name = mart.step.name;
        let broken = |problem: String| LakeError::Mart { mart: name, problem };
        let mut statement =
            connection.prepare(&checks::query(mart, notes)).map_err(|error| broken(error.to_string()))?;
        let result = statement.query_arrow([]).map_err(|error| broken(error.to_string()))?;
        let schema = result.get_schema();
        let batches: Vec<RecordBatch> = result.collect();
        let whole = concat_batches(&schema, &batches).map_err(|error| LakeError::Content(error.to_string()))?;
        let whole = checks::check(mart, notes, &whole).map_err(|says| broken(format!("does not hold: {says}")))?;
        if *is_asked {
            session::hold(&connection, name, &whole)?;
        }
        made.push((name, whole));
    }
    Ok(made)
}

/// The definitions, by content.
pub(crate) fn definitions(instruments: &[Instrument]) -> Vec<Definition> {
    let mut definitions: Vec<Definition> = instruments
        .iter()
        .map(|instrument| Definition {
            id: instrument.id.to_string(),
            version: instrument.version,
            sha256: instrument.sha256.clone(),
        })
        .collect();
    definitions.sort();
    definitions
}

/// Which erasures have reached the partition, and when each had.
fn proofs(before: Option<&Manifest>, erasures: &[i64], version: i64, now: DateTime<Utc>) -> Vec<Erasure> {
    let known = before.map(|manifest| manifest.erasures.as_slice()).unwrap_or_default();
    let proof = |seq: &i64| {
        let proved = known.iter().find(|proof| proof.seq == *seq).cloned();
        proved.unwrap_or(Erasure { seq: *seq, version, published_at: now })
    };
    erasures.iter().map(proof).collect()
}

/// Whether these batches, one after the other, hold exactly these rows.
fn are_same(rows: &RecordBatch, batches: &[RecordBatch]) -> bool {
    let mut from = 0;
    for batch in batches {
        let count = batch.num_rows();
        if from + count > rows.num_rows() || batch.num_columns() != rows.num_columns() {
            return false;
        }
        let part = rows.slice(from, count);
        if part.columns() != batch.columns() {
            return false;
        }
        from += count;
    }
    from == rows.num_rows()
}

/// Whether a file is what was published.
fn is_whole(folder: &Path, entry: &FileEntry) -> bool {
    fs::read(folder.join(&entry.path)).is_ok_and(|bytes| hex::encode(Sha256::digest(&bytes)) == entry.sha256)
}

fn content_of(entry: &FileEntry) -> (&str, Option<i32>, &str) {
    (&entry.table, entry.year, &entry.digest)
}

fn check_schemas(publication: &Publication) -> Result<(), LakeError> {
    let mut seen = BTreeSet::new();
    for data in &publication.tables {
        let table = &data.table;
        if !seen.insert((table, data.year)) {
            return Err(LakeError::Content(format!("the table {table} of {} is given twice", data.year)));
        }
        let versions: Vec<&Instrument> = publication
            .instruments
            .iter()
            .filter(|instrument| schema::answers_table(instrument.id.as_str()) == *table)
            .collect();
        let expected = match schema::fixed(table) {
            Some(schema) => schema,
            None if versions.is_empty() => return Err(LakeError::Content(format!("no table is called {table}"))),
            None => schema::answers(&versions),
        };
        if data.rows.schema().fields() != expected.fields() {
            return Err(LakeError::Content(format!("the table {table} has not the lake's schema")));
        }
    }
    Ok(())
}

fn last_day(rows: &RecordBatch) -> Option<NaiveDate> {
    use arrow::array::AsArray;
    let days = rows.column_by_name(schema::column::ASSESSED_ON)?.as_primitive_opt::<arrow::datatypes::Date32Type>()?;
    days.iter().flatten().max().map(rows::day)
}
