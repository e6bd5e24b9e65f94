//! The lake as its readers see it: the Enti that are published, and each one's tables and marts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::{RingKey, Secret};
use parquet::errors::ParquetError;
use sha2::{Digest, Sha256};

use crate::keys::{self, KeyFileError, PartitionKey};
use crate::layout::Lease;
use crate::manifest::{FileEntry, Manifest, Root};
use crate::publish::{IN_MEMORY_AT_MOST, Source, TableData, definitions, make_marts};
use crate::rows::{
    AgeRow, AlikeRow, AssessedRow, AzioneRow, BlockRow, ChangeRow, CommunityRow, DataQualityRow, DisadvantageChangeRow,
    DisadvantageLowRow, DisadvantageRow, DriftRow, ItemRow, LowRow, MartRow, PathRow, PracticeRow, RecencyRow,
    ReliabilityRow, ReturnRow, RowError, TerritoryIndexRow, TerritoryPeopleRow, TerritoryRow, TotalsRow,
};
use crate::session::{self, Limits, SessionError, TableFiles};
use crate::states::Seen;
use crate::{digest, layout, mart, parquet_file, schema};

/// What a session of the lake may use.
pub(crate) const LIMITS: Limits = Limits { memory_mib: 768, threads: 2 };

/// Why the lake cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not the one that was published.
    #[error("{} is damaged: {problem}; `noncello pipeline run --full` makes it anew", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// What must be removed is being read.
    #[error("{}: files of somebody who was erased or restricted are still being read; the next run removes them", .0.display())]
    Read(PathBuf),
    /// The Ente's key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A Parquet file cannot be written or read.
    #[error("a file of the lake cannot be written or read as Parquet")]
    Parquet(#[from] ParquetError),
    /// What is to be published is not what the lake holds.
    #[error("not of the lake's form: {0}")]
    Content(String),
    /// DuckDB does not open.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A mart cannot be made, or breaks one of its tests.
    #[error("{mart}: {problem}")]
    Mart {
        /// Which.
        mart: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A mart has other columns than this program expects.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A question that cannot be answered.
    #[error("{0}")]
    Query(String),
    /// A value that cannot be shown as text.
    #[error(transparent)]
    Value(#[from] ArrowError),
}

/// The lake: cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    key_folder: PathBuf,
    ring: RingKey,
    root_lock: Mutex<()>,
    /// The root as it was last read, with what the system noted of its file.
    known_root: Mutex<Option<(String, Arc<Root>)>>,
}

/// What a check of an Ente's files found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Files.
    pub files: usize,
    /// Rows in them.
    pub rows: i64,
}

/// The answer to a question in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryResult {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Values as text; `None` where there is none.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Lake {
    /// The lake in `folder`, whose Enti's keys are in `key_folder`, wrapped by `ring`.
    #[must_use]
    pub fn new(folder: PathBuf, key_folder: PathBuf, ring: RingKey) -> Self {
        Self {
            shared: Arc::new(Shared {
                folder,
                key_folder,
                ring,
                root_lock: Mutex::new(()),
                known_root: Mutex::default(),
            }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    pub(crate) fn key_folder(&self) -> &Path {
        &self.shared.key_folder
    }

    pub(crate) fn ring(&self) -> &RingKey {
        &self.shared.ring
    }

    pub(crate) fn root_lock(&self) -> MutexGuard<'_, ()> {
        // Whoever held it wrote a whole root or none.
        self.shared.root_lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known_root(&self) -> MutexGuard<'_, Option<(String, Arc<Root>)>> {
        self.shared.known_root.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Enti that are published, by id.
    ///
    /// # Errors
    /// When the lake's folder cannot be read.
    pub fn enti(&self) -> Result<Vec<EnteId>, LakeError> {
        Ok(self.root()?.0.enti.keys().copied().collect())
    }

    /// What is visible of an Ente: its present manifest, checked against the root; `None` when it was never published.
    ///
    /// # Errors
    /// A damaged manifest, when no earlier one is there.
    pub fn manifest(&self, ente: EnteId) -> Result<Option<Manifest>, LakeError> {
        Ok(self.seen(ente)?.map(|seen| seen.manifest))
    }

    /// An Ente's partition as it is now; `None` when it was never published.
    ///
    /// # Errors
    /// A damaged manifest, or a key that is gone.
    pub fn ente(&self, ente: EnteId) -> Result<Option<EnteLake>, LakeError> {
        self.open(ente, |_| Ok(true))
    }

    /// The newest state of an Ente of which no file of the tables that are `wanted` is damaged.
    ///
    /// # Errors
    /// The first damage, when there is no such state.
    pub fn sound(&self, ente: EnteId, wanted: impl Fn(&str) -> bool) -> Result<Option<EnteLake>, LakeError> {
        self.open(ente, |lake| lake.checked_files(&wanted).map(|_| true))
    }

    /// One state of an Ente: the present one, or an earlier one that is still kept.
    ///
    /// # Errors
    /// As [`Lake::ente`].
    pub fn at(&self, ente: EnteId, version: i64) -> Result<Option<EnteLake>, LakeError> {
        self.open(ente, |lake| Ok(lake.manifest.version == version))
    }

    /// The first state, from the present one backwards, that is `right`; the first damage where none is.
    fn open(
        &self,
        ente: EnteId,
        right: impl Fn(&EnteLake) -> Result<bool, LakeError>,
    ) -> Result<Option<EnteLake>, LakeError> {
        let folder = layout::ente(self.folder(), ente);
        // First the lease, then the manifest: what it names cannot be removed any more.
        let lease = Lease::to_read(&folder).map_err(|source| LakeError::File { path: folder.clone(), source })?;
        let Some(Seen { manifest, damage }) = self.seen(ente)? else { return Ok(None) };
        let present = manifest.version;
        let key = keys::open(self.key_folder(), ente, self.ring(), Some(&manifest.lake_key_id))?;
        let mut lake = EnteLake { folder: folder.clone(), key, manifest, damage, _lease: lease };
        let mut first = match right(&lake) {
            Ok(true) => return Ok(Some(lake)),
            Ok(false) => None,
            Err(error) => Some(error),
        };
        for manifest in self.earlier(&folder, ente, present)? {
            if manifest.lake_key_id != lake.key.id {
                continue;
            }
            lake.manifest = manifest;
            match right(&lake) {
                Ok(true) => {
                    lake.damage = lake.damage.or_else(|| first.map(|error| error.to_string()));
                    return Ok(Some(lake));
                }
                Ok(false) => {}
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(None), Err)
    }

    /// Reads every file of an Ente and compares it with the manifest.
    ///
    /// # Errors
    /// The first file that is not what was published.
    pub fn verify(&self, ente: EnteId) -> Result<Verified, LakeError> {
        let Some(lake) = self.ente(ente)? else { return Ok(Verified { files: 0, rows: 0 }) };
        let mut rows = 0;
        for entry in &lake.manifest.files {
            let (schema, batches) = lake.read(entry)?;
            let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let content = digest::digest(&schema, &batches, &lake.key.digest)
                .map_err(|error| LakeError::Content(error.to_string()))?;
            if i64::try_from(count) != Ok(entry.rows) || content != entry.digest {
                let path = lake.folder.join(&entry.path);
                return Err(LakeError::Damaged { path, problem: "its rows are not those of the manifest" });
            }
            rows += entry.rows;
        }
        Ok(Verified { files: lake.manifest.files.len(), rows })
    }

    /// Ends an Ente: its key is destroyed first, so that its partition, and every copy of it, cannot be read any more; then
    /// the lake forgets it.
    ///
    /// # Errors
    /// When a file cannot be removed or written; the same again goes on.
    pub fn close(&self, ente: EnteId) -> Result<(), LakeError> {
        keys::destroy(self.key_folder(), ente)?;
        {
            let _one_at_a_time = self.root_lock();
            let mut root = Root::clone(&self.root()?.0);
            if root.enti.remove(&ente).is_some() {
                self.write_root(root)?;
            }
        }
        let folder = layout::ente(self.folder(), ente);
        match fs::remove_dir_all(&folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(LakeError::File { path: folder, source }),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The partition of one Ente at one moment. Its files stay where they are while this is held.
#[derive(Debug)]
pub struct EnteLake {
    folder: PathBuf,
    key: PartitionKey,
    manifest: Manifest,
    damage: Option<String>,
    _lease: Lease,
}

impl EnteLake {
    /// What it consists of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What is damaged of a later state, or of the root: this one is shown instead.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Whether it was made with these definitions, today's marts and today's key.
    #[must_use]
    pub fn is_of_today(&self, instruments: &[Instrument]) -> bool {
        self.manifest.definitions == definitions(instruments)
            && self.manifest.marts_sha256 == mart::sha256()
            && self.manifest.lake_key_id == self.key.id
    }

    /// The bytes of a file, once they are known to be those that were published.
    pub(crate) fn bytes(&self, entry: &FileEntry) -> Result<Vec<u8>, LakeError> {
        let path = self.folder.join(&entry.path);
        let bytes = fs::read(&path).map_err(|source| LakeError::File { path: path.clone(), source })?;
        if hex::encode(Sha256::digest(&bytes)) == entry.sha256 {
            Ok(bytes)
        } else {
            Err(LakeError::Damaged { path, problem: "its hash is not the manifest's" })
        }
    }

    pub(crate) fn read(&self, entry: &FileEntry) -> Result<(SchemaRef, Vec<RecordBatch>), LakeError> {
        Ok(parquet_file::read(self.bytes(entry)?, &self.key.parquet)?)
    }

    /// The rows of a file.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn rows(&self, entry: &FileEntry) -> Result<RecordBatch, LakeError> {
        let (schema, batches) = self.read(entry)?;
        concat_batches(&schema, &batches).map_err(|error| LakeError::Content(error.to_string()))
    }

    /// The bytes that a file of the partition would have with these rows: for measuring what writing costs.
    ///
    /// # Errors
    /// When they cannot be written as Parquet.
    pub fn file_of(&self, rows: &RecordBatch) -> Result<Vec<u8>, LakeError> {
        Ok(parquet_file::write(rows, &self.key.parquet)?)
    }

    /// One plain file with all rows of a table: for measuring against.
    ///
    /// # Errors
    /// A damaged file; rows that cannot be written as Parquet.
    pub fn plain_file_of(&self, table: &str) -> Result<Vec<u8>, LakeError> {
        let batches = self.table(table)?;
        let schema = batches.first().map(RecordBatch::schema);
        let schema = schema.ok_or_else(|| LakeError::Content(format!("there is no table {table}")))?;
        let mut writer = parquet_file::plain(Vec::new(), schema)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        Ok(writer.into_inner()?)
    }

    /// The marts that these tables come to, made as when an Ente of their size is published: for measuring what that costs.
    ///
    /// # Errors
    /// SQL that fails, or a test of a sidecar that does not hold.
    pub fn marts_of(
        &self,
        tables: &[TableData],
        instruments: &[Instrument],
    ) -> Result<Vec<(&'static str, RecordBatch)>, LakeError> {
        let is_small = self.manifest.counts.accepted <= IN_MEMORY_AT_MOST;
        let files = if is_small { Vec::new() } else { self.checked_files(|table| !table.starts_with("mart_"))? };
        let source = if is_small { Source::Rows(tables) } else { Source::Files(files) };
        make_marts(&self.folder, &self.key, &source, instruments)
    }

    /// A table, all years, decrypted: for the release builder and for tests.
    ///
    /// # Errors
    /// A damaged file.
    pub fn table(&self, table: &str) -> Result<Vec<RecordBatch>, LakeError> {
        let mut batches = Vec::new();
        for entry in self.manifest.files.iter().filter(|entry| entry.table == table) {
            batches.extend(self.read(entry)?.1);
        }
        Ok(batches)
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its files are encrypted with.
    pub(crate) fn file_key(&self) -> &Secret {
        &self.key.parquet
    }

    /// The files of the tables that `is_wanted`, once they are known to be those that were published.
    pub(crate) fn checked_files(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<TableFiles>, LakeError> {
        let wanted: Vec<&FileEntry> = self.manifest.files.iter().filter(|entry| is_wanted(&entry.table)).collect();
        for entry in &wanted {
            self.bytes(entry)?;
        }
        Ok(TableFiles::group(&self.folder, wanted))
    }

    fn mart<R: MartRow>(&self) -> Result<Vec<R>, LakeError> {
        let mut rows = Vec::new();
        for batch in self.table(R::MART)? {
            rows.extend(R::read(&batch)?);
        }
        Ok(rows)
    }

    /// People and assessments by period.
    ///
    /// # Errors
    /// A damaged file.
    pub fn totals(&self) -> Result<Vec<TotalsRow>, LakeError> {
        self.mart()
    }

    /// People by comune and level.
    ///
    /// # Errors
    /// A damaged file.
    pub fn territory(&self) -> Result<Vec<TerritoryRow>, LakeError> {
        self.mart()
    }

    /// People by comune.
    ///
    /// # Errors
    /// A damaged file.
    pub fn territory_people(&self) -> Result<Vec<TerritoryPeopleRow>, LakeError> {
        self.mart()
    }

    /// Indices by comune.
    ///
    /// # Errors
    /// A damaged file.
    pub fn territory_index(&self) -> Result<Vec<TerritoryIndexRow>, LakeError> {
        self.mart()
    }

    /// People by characteristic and outcome.
    ///
    /// # Errors
    /// A damaged file.
    pub fn community(&self) -> Result<Vec<CommunityRow>, LakeError> {
        self.mart()
    }

    /// Cronbach's alpha by scale.
    ///
    /// # Errors
    /// A damaged file.
    pub fn reliability(&self) -> Result<Vec<ReliabilityRow>, LakeError> {
        self.mart()
    }

    /// From first to last level.
    ///
    /// # Errors
    /// A damaged file.
    pub fn paths(&self) -> Result<Vec<PathRow>, LakeError> {
        self.mart()
    }

    /// People by sex and age.
    ///
    /// # Errors
    /// A damaged file.
    pub fn ages(&self) -> Result<Vec<AgeRow>, LakeError> {
        self.mart()
    }

    /// Answers by item.
    ///
    /// # Errors
    /// A damaged file.
    pub fn items(&self) -> Result<Vec<ItemRow>, LakeError> {
        self.mart()
    }

    /// Minimum conditions that are missing.
    ///
    /// # Errors
    /// A damaged file.
    pub fn blocks(&self) -> Result<Vec<BlockRow>, LakeError> {
        self.mart()
    }

    /// Azioni by people.
    ///
    /// # Errors
    /// A damaged file.
    pub fn azioni(&self) -> Result<Vec<AzioneRow>, LakeError> {
        self.mart()
    }

    /// How long until people are assessed again.
    ///
    /// # Errors
    /// A damaged file.
    pub fn returns(&self) -> Result<Vec<ReturnRow>, LakeError> {
        self.mart()
    }

    /// When people were assessed last.
    ///
    /// # Errors
    /// A damaged file.
    pub fn recency(&self) -> Result<Vec<RecencyRow>, LakeError> {
        self.mart()
    }

    /// How people's first and last valid results differ.
    ///
    /// # Errors
    /// A damaged file; whatever DuckDB says of it.
    pub fn changes(&self) -> Result<Vec<ChangeRow>, LakeError> {
        let of_people = "select instrument, scale, change, cast(count(*) as bigint) as people from mart_persone
                         group by instrument, scale, change order by instrument, scale, change";
        self.select_rows(of_people)
    }

    /// How complete questionnaires are, by period.
    ///
    /// # Errors
    /// A damaged file.
    pub fn data_quality(&self) -> Result<Vec<DataQualityRow>, LakeError> {
        self.mart()
    }

    /// What each operator's questionnaires are like, by period.
    ///
    /// # Errors
    /// A damaged file.
    pub fn practice(&self) -> Result<Vec<PracticeRow>, LakeError> {
        self.mart()
    }

    /// Each operator's indices beside the Ente's, by period.
    ///
    /// # Errors
    /// A damaged file.
    pub fn drift(&self) -> Result<Vec<DriftRow>, LakeError> {
        self.mart()
    }

    /// People by everything that is recorded of them at once, at their last assessment with each strumento. Nearly one by one:
    /// for counting categories against each other before they are protected, and for nothing else.
    ///
    /// # Errors
    /// A damaged file.
    pub fn alike(&self) -> Result<Vec<AlikeRow>, LakeError> {
        let sql = "
            with levels as (
                select assessment_id, string_agg(scale || '=' || case when is_valid = 0 then 'not_valid'
                    else coalesce(level, 'none') end, ' ' order by scale) as levels
                from scores group by assessment_id
            )
            select lasts.instrument, coalesce(comune, 'unknown') as comune, age_band, coalesce(sex, 'unknown') as sex,
                coalesce(education, 'unknown') as education, coalesce(citizenship, 'unknown') as citizenship,
                coalesce(household, 'unknown') as household, coalesce(work, 'unknown') as work,
                coalesce(profile, 'not_valid') as profile, coalesce(levels.levels, '') as levels,
                cast(count(*) as bigint) as people
            from mart_assessments as lasts left join levels on levels.assessment_id = lasts.assessment_id
            where is_last = 1
            group by all order by all";
        self.select_rows(sql)
    }

    /// People whose last assessment with a strumento is of a version, by which of these items hold them back: each item is given with the
    /// answers that do. Nearly one by one, as [`EnteLake::alike`]. Nobody where an item is not in the table.
    ///
    /// # Errors
    /// A damaged file.
    pub fn low_answers(
        &self,
        strumento: &str,
        version: i64,
        low: &[(&str, Vec<i16>)],
    ) -> Result<Vec<LowRow>, LakeError> {
        let Some(pattern) = self.low_pattern(strumento, low)? else { return Ok(Vec::new()) };
        let answers = schema::answers_table(strumento);
        self.select_rows(&format!(
            "select {pattern} as pattern, cast(count(*) as bigint) as people
             from {answers} as answers
             inner join mart_assessments as lasts on lasts.assessment_id = answers.assessment_id
             where lasts.is_last = 1 and answers.version = {version}
             group by all order by all"
        ))
    }

    /// The same of the people of each disadvantage, who are in the rows of each that they have; of `none` those who have none.
    ///
    /// # Errors
    /// A damaged file.
    pub fn low_answers_by_disadvantage(
        &self,
        strumento: &str,
        version: i64,
        low: &[(&str, Vec<i16>)],
    ) -> Result<Vec<DisadvantageLowRow>, LakeError> {
        let Some(pattern) = self.low_pattern(strumento, low)? else { return Ok(Vec::new()) };
        let (answers, lasts) = (schema::answers_table(strumento), self.lasts_by_disadvantage());
        self.select_rows(&format!(
            "with lasts as ({lasts})
             select lasts.category, {pattern} as pattern, cast(count(*) as bigint) as people
             from {answers} as answers
             inner join lasts on lasts.assessment_id = answers.assessment_id
             where answers.version = {version}
             group by all order by all"
        ))
    }

    /// What tells the people apart whom these items hold back; nothing where an item is not in the table of answers.
    fn low_pattern(&self, strumento: &str, low: &[(&str, Vec<i16>)]) -> Result<Option<String>, LakeError> {
        let answers = schema::answers_table(strumento);
        if low.is_empty() || !self.has_table(&answers) {
            return Ok(None);
        }
        // The lake may have been published before these items were known.
        let columns = self.select(&format!("select * from {answers} limit 0"))?.0;
        if low.iter().any(|(item, _)| columns.column_with_name(item).is_none()) {
            return Ok(None);
        }
        let of_item = |(item, values): &(&str, Vec<i16>)| {
            let values: Vec<String> = values.iter().map(i16::to_string).collect();
            format!("case when answers.\"{item}\" in ({}) then '1' else '0' end", values.join(", "))
        };
        let pattern: Vec<String> = low.iter().map(of_item).collect();
        Ok(Some(pattern.join(" || ")))
    }

    fn has_table(&self, table: &str) -> bool {
        self.manifest.files.iter().any(|entry| entry.table == table)
    }

    /// SQL of the last assessment of each person with each strumento, once for every disadvantage that they have then, as
    /// `mart_community` counts them.
    fn lasts_by_disadvantage(&self) -> String {
        // Where nobody has any there is no such table.
        let had = match self.has_table(schema::DISADVANTAGES) {
            true => schema::DISADVANTAGES,
            false => "(select assessment_id, instrument as category from assessments limit 0)",
        };
        format!(
            "select all_lasts.*,
                case when is_disadvantage_known = 0 then 'unknown' else coalesce(had.category, 'none') end as category
             from mart_assessments as all_lasts
             left join {had} as had on had.assessment_id = all_lasts.assessment_id
             where all_lasts.is_last = 1"
        )
    }

    /// The people of each disadvantage at their last assessment with each strumento, and of `none`: whoever has several is in several
    /// rows.
    ///
    /// # Errors
    /// A damaged file.
    pub fn disadvantaged(&self) -> Result<Vec<DisadvantageRow>, LakeError> {
        let lasts = self.lasts_by_disadvantage();
        self.select_rows(&format!(
            "with lasts as ({lasts})
             select instrument, category, cast(count(*) as bigint) as people,
                cast(count(*) filter (where place > 1) as bigint) as again
             from lasts group by all order by all"
        ))
    }

    /// How the first and last valid results of the same people differ, where they can be compared.
    ///
    /// # Errors
    /// A damaged file.
    pub fn changes_by_disadvantage(&self) -> Result<Vec<DisadvantageChangeRow>, LakeError> {
        let lasts = self.lasts_by_disadvantage();
        self.select_rows(&format!(
            "with lasts as ({lasts})
             select persone.instrument, lasts.category, persone.scale, persone.change, cast(count(*) as bigint) as people
             from mart_persone as persone
             inner join lasts on lasts.instrument = persone.instrument and lasts.pseudonym = persone.pseudonym
             where persone.change <> 'none'
             group by all order by all"
        ))
    }

    /// How many people were assessed with each strumento after an instant, for the first time and again: by when their questionnaires
    /// were validated. Nobody of a strumento that is not in it.
    ///
    /// # Errors
    /// A damaged file.
    pub fn assessed_after(&self, instant: DateTime<Utc>) -> Result<Vec<AssessedRow>, LakeError> {
        let sql = format!(
            "with latest as (
                select instrument, min(validated_at) > {0} as is_first, max(validated_at) > {0} as is_there
                from assessments group by instrument, pseudonym
             )
             select instrument, cast(count(*) filter (where is_first) as bigint) as first,
                cast(count(*) filter (where is_there and not is_first) as bigint) as again
             from latest group by instrument",
            instant.timestamp()
        );
        self.select_rows(&sql)
    }

    /// The tables that a text names, anywhere in it, and those of the views that it names, their files checked. What it does not name
    /// it cannot ask.
    pub(crate) fn tables_named(&self, sql: &str) -> Result<Vec<TableFiles>, LakeError> {
        let text = sql.to_lowercase();
        let has_view = mart::names_a_view(sql);
        self.checked_files(|table| text.contains(table) || (has_view && mart::is_read_by_views(table)))
    }

    /// The views that whoever asks this partition sees besides its tables, with their columns.
    ///
    /// # Errors
    /// A damaged file.
    pub fn views(&self) -> Result<Vec<(&'static mart::Mart, SchemaRef)>, LakeError> {
        let Some(scales) = self.manifest.files.iter().find(|entry| entry.table == session::SCALES) else {
            return Ok(Vec::new());
        };
        let tables = self.manifest.files.iter().map(|entry| entry.table.as_str()).collect();
        Ok(session::view_schemas(&tables, &self.read(scales)?.0)?)
    }

    /// Answers one SELECT over the Ente's tables and marts. For whoever holds the keys anyway: SQL that people send from
    /// elsewhere needs a process of its own.
    ///
    /// # Errors
    /// Anything but one SELECT; whatever DuckDB says of it.
    pub fn query(&self, sql: &str) -> Result<QueryResult, LakeError> {
        let sql = sql.trim().trim_end_matches(';');
        let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if sql.contains(';') || !matches!(first.as_str(), "select" | "with") {
            return Err(LakeError::Query("one SELECT is answered, without `;` in it".into()));
        }
        let (schema, batches) = self.select(sql)?;
        Ok(QueryResult::new(&schema, &batches)?)
    }

    /// The rows of one SELECT of ours, as values.
    fn select_rows<R: MartRow>(&self, sql: &str) -> Result<Vec<R>, LakeError> {
        let mut rows = Vec::new();
        for batch in self.select(sql)?.1 {
            rows.extend(R::read(&batch)?);
        }
        Ok(rows)
    }

    /// The rows of one SELECT of ours.
    fn select(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), LakeError> {
        let broken = |error: duckdb::Error| LakeError::Query(error.to_string());
        let tables = self.tables_named(sql)?;
        let connection = session::open_files(&[&self.folder], Some(&self.key.parquet), &tables, LIMITS)?;
        if mart::names_a_view(sql) {
            session::show_views(&connection, &tables.iter().map(|table| table.table.as_str()).collect())?;
        }
        let mut statement = connection.prepare(sql).map_err(broken)?;
        let result = statement.query_arrow([]).map_err(broken)?;
        Ok((result.get_schema(), result.collect()))
    }
}

impl QueryResult {
    /// Rows as text.
    ///
    /// # Errors
    /// A type that cannot be shown.
    pub fn new(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        let options = FormatOptions::new();
        let mut rows = Vec::new();
        for batch in batches {
            let formatters = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
                .collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let values = formatters.iter().zip(batch.columns());
                rows.push(
                    values
                        .map(|(format, column)| (!column.is_null(row)).then(|| format.value(row).to_string()))
                        .collect(),
                );
            }
        }
        Ok(Self { columns, rows })
    }
}
