//! Publishing: write what has changed, read it back, make the marts, and show all of it by one rename.
//!
//! A file whose rows have the digest of the one before stays as it is. What is not in the new manifest is removed at once,
//! so that an erasure has reached every file when this returns. Killed anywhere, the old state or the new one is visible.

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
use crate::lake::{Lake, LakeError, read_root, write_root};
use crate::manifest::{Counts, Definition, FileEntry, Manifest, Root, RootEntry, VersionedManifest};
use crate::mart::{self, INTERMEDIATE, MARTS};
use crate::session::{self, TableFiles};
use crate::{digest, layout, parquet_file, rows, schema};

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
struct Writer<'a> {
    folder: PathBuf,
    key: &'a PartitionKey,
    before: BTreeMap<(String, Option<i32>), FileEntry>,
    files: Vec<FileEntry>,
    written: usize,
}

impl Writer<'_> {
    fn put(
        &mut self,
        table: &str,
        year: Option<i32>,
        rows: &RecordBatch,
        chance: &mut impl CryptoRng,
    ) -> Result<(), LakeError> {
        let schema = rows.schema();
        let digest = |batches: &[RecordBatch]| {
            digest::digest(&schema, batches, &self.key.digest).map_err(|error| LakeError::Content(error.to_string()))
        };
        let content = digest(std::slice::from_ref(rows))?;
        if let Some(same) = self.before.get(&(table.to_owned(), year)).filter(|entry| entry.digest == content)
            && self.folder.join(&same.path).is_file()
        {
            self.files.push(same.clone());
            return Ok(());
        }
        let mut mark = [0; 4];
        chance.fill_bytes(&mut mark);
        let path = layout::table_file(table, year, &format!("{}-{}", &content[..16], hex::encode(mark)));
        let bytes = parquet_file::write(rows, &self.key.parquet)?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let file = self.folder.join(&path);
        layout::write_whole(&file, &bytes).map_err(|source| LakeError::File { path: file.clone(), source })?;
        let back = fs::read(&file).map_err(|source| LakeError::File { path: file.clone(), source })?;
        let (_, back) = parquet_file::read(back, &self.key.parquet)?;
        if digest(&back)? != content {
            return Err(LakeError::Damaged { path: file, problem: "what was read back is not what was written" });
        }
        self.written += 1;
        let rows = i64::try_from(rows.num_rows()).map_err(|_| LakeError::Content("too many rows".into()))?;
        self.files.push(FileEntry { table: table.to_owned(), year, path, rows, sha256, digest: content });
        Ok(())
    }

    fn tables(&self) -> Vec<TableFiles> {
        let mut tables: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
        for entry in self.files.iter().filter(|entry| entry.year.is_some()) {
            tables.entry(&entry.table).or_default().push(self.folder.join(&entry.path));
        }
        tables.into_iter().map(|(table, files)| TableFiles { table: table.to_owned(), files }).collect()
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
        let before = self.manifest(ente)?;
        // A key is made for an Ente that has nothing yet. Where one is gone, a copy of it is restored, or nobody reads the
        // partition again: another one made in silence would undo the end of an agreement.
        let key = match &before {
            Some(_) => keys::open(self.key_folder(), ente, self.ring())?,
            None => keys::open_or_create(self.key_folder(), ente, self.ring(), chance)?,
        };
        let folder = layout::ente(self.folder(), ente);
        // Files under another key are of no use: all are written anew.
        let same_key = before.as_ref().filter(|manifest| manifest.lake_key_id == key.id);
        let known = same_key.into_iter().flat_map(|manifest| &manifest.files);
        let mut writer = Writer {
            folder: folder.clone(),
            key: &key,
            before: known.map(|entry| ((entry.table.clone(), entry.year), entry.clone())).collect(),
            files: Vec::new(),
            written: 0,
        };
        let mut last_assessed_on = None;
        for table in &publication.tables {
            writer.put(&table.table, Some(table.year), &table.rows, chance)?;
            if table.table == schema::ASSESSMENTS {
                last_assessed_on = last_assessed_on.max(last_day(&table.rows));
            }
        }
        let mut definitions: Vec<Definition> = publication
            .instruments
            .iter()
            .map(|instrument| Definition {
                id: instrument.id.to_string(),
                version: instrument.version,
                sha256: instrument.sha256.clone(),
            })
            .collect();
        definitions.sort();
        let marts_sha256 = mart::sha256();
        let base: BTreeSet<(&str, Option<i32>, &str)> = writer.files.iter().map(content_of).collect();
        let stays = before.as_ref().filter(|manifest| {
            let old: BTreeSet<_> = manifest.files.iter().filter(|entry| entry.year.is_some()).map(content_of).collect();
            old == base
                && manifest.lake_key_id == key.id
                && manifest.definitions == definitions
                && manifest.marts_sha256 == marts_sha256
        });
        if let Some(same) = stays {
            if same.last_seq == publication.last_seq && same.counts == publication.counts {
                // A run that died may have left what is not published any more.
                sweep(&folder, same)?;
                return Ok(Published {
                    version: same.version,
                    files_written: 0,
                    files_kept: same.files.len(),
                    is_changed: false,
                });
            }
            writer.files.extend(same.files.iter().filter(|entry| entry.year.is_none()).cloned());
        } else {
            fs::create_dir_all(&folder).map_err(|source| LakeError::File { path: folder.clone(), source })?;
            for (name, rows) in self.make_marts(&writer, &publication.instruments)? {
                writer.put(name, None, &rows, chance)?;
            }
        }
        writer.files.sort_by(|a, b| (&a.table, a.year).cmp(&(&b.table, b.year)));
        let version = before.as_ref().map_or(1, |manifest| manifest.version + 1);
        let manifest = Manifest {
            ente,
            version,
            published_at: now,
            last_seq: publication.last_seq,
            last_assessed_on,
            pseudonym_key_id: publication.pseudonym_key_id,
            lake_key_id: key.id.clone(),
            marts_sha256,
            definitions,
            counts: publication.counts,
            files: writer.files,
        };
        let (written, kept) = (writer.written, manifest.files.len() - writer.written);
        self.show(&folder, &manifest)?;
        Ok(Published { version, files_written: written, files_kept: kept, is_changed: true })
    }

    fn make_marts(
        &self,
        writer: &Writer<'_>,
        instruments: &[Instrument],
    ) -> Result<Vec<(&'static str, RecordBatch)>, LakeError> {
        let tables = writer.tables();
        let connection = session::open_tables(&writer.folder, &writer.key.parquet, &tables, crate::lake::LIMITS)?;
        session::prepare_marts(&connection, instruments, &tables)?;
        for step in INTERMEDIATE {
            connection
                .execute_batch(&format!("create {} {} as {}", step.made.sql(), step.name, step.sql))
                .map_err(|error| LakeError::Mart { mart: step.name, problem: error.to_string() })?;
        }
        let mut made = Vec::new();
        for mart in MARTS {
            let name = mart.step.name;
            let broken = |error: duckdb::Error| LakeError::Mart { mart: name, problem: error.to_string() };
            connection
                .execute_batch(&format!("create {} {name} as {}", mart.step.made.sql(), mart.step.sql))
                .map_err(broken)?;
            let checks = mart.checks().map_err(|error| LakeError::Mart { mart: name, problem: error.to_string() })?;
            for (says, sql) in checks {
                let mut statement = connection.prepare(&sql).map_err(broken)?;
                if statement.query([]).and_then(|mut found| Ok(found.next()?.is_some())).map_err(broken)? {
                    return Err(LakeError::Mart { mart: name, problem: format!("does not hold: {says}") });
                }
            }
            let mut statement = connection.prepare(&format!("select * from {name}")).map_err(broken)?;
            let result = statement.query_arrow([]).map_err(broken)?;
            let schema = result.get_schema();
            let batches: Vec<RecordBatch> = result.collect();
            let whole = concat_batches(&schema, &batches).map_err(|error| LakeError::Content(error.to_string()))?;
            made.push((name, whole));
        }
        Ok(made)
    }

    /// Writes the manifest, then replaces the root: from then on it is visible. Sweeps what it does not name.
    fn show(&self, folder: &Path, manifest: &Manifest) -> Result<(), LakeError> {
        let bytes = serde_json::to_vec_pretty(&VersionedManifest::V1(manifest.clone()))
            .map_err(|error| LakeError::Content(error.to_string()))?;
        let name = layout::manifest_name(manifest.version);
        let path = folder.join(&name);
        layout::write_whole(&path, &bytes).map_err(|source| LakeError::File { path, source })?;
        {
            let _one_at_a_time = self.root_lock();
            let mut root: Root = read_root(self.folder())?;
            let entry = RootEntry { version: manifest.version, sha256: hex::encode(Sha256::digest(&bytes)) };
            root.enti.insert(manifest.ente, entry);
            write_root(self.folder(), &root)?;
        }
        sweep(folder, manifest)
    }
}

/// Removes what a manifest does not name.
fn sweep(folder: &Path, manifest: &Manifest) -> Result<(), LakeError> {
    let name = layout::manifest_name(manifest.version);
    let named: BTreeSet<&str> = manifest.files.iter().map(|entry| entry.path.as_str()).chain([name.as_str()]).collect();
    layout::sweep(folder, &|path| named.contains(path))
        .map_err(|source| LakeError::File { path: folder.to_owned(), source })
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
