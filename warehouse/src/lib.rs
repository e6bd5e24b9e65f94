//! The lake: one encrypted partition per Ente, its manifest, its marts, and the only door to DuckDB.
//!
//! [`Lake::publish`] takes the tables of an Ente whole, writes what has changed, reads it back, computes the marts and
//! makes all of it visible in one rename. [`Lake::ente`] opens what is visible. Where bytes lie is `layout`'s business
//! alone. [`EnteLake::extract`] gives its rows to the Ente itself, and [`Lake::vault`] keeps what was made of them. What is missing on purpose: any way to the portal's store, and any session that sees two Enti.

pub mod analyst;
mod checks;
pub mod clusters;
pub mod dictionary;
mod digest;
mod extract;
mod keys;
mod lake;
mod layout;
mod manifest;
pub mod mart;
mod notes;
mod parquet_file;
mod publish;
mod reliability;
mod renewal;
mod rows;
mod runs;
pub mod schema;
pub mod session;
mod sheets;
mod states;
#[cfg(test)]
mod tests;
mod vault;
pub mod workers;

pub use extract::{Cell, Extract, ExtractColumn, ParquetTable, Rows, Selection, Values};
pub use keys::KeyFileError;
pub use lake::{EnteLake, Lake, LakeError, QueryResult, Verified};
pub use layout::{system_mark, write_whole};
pub use manifest::{Counts, Definition, Erasure, FileEntry, Manifest, VersionedManifest};
pub use notes::{BaseColumn, BaseNotes, Kind};
pub use publish::{Publication, Published, TableData};
pub use rows::{
    AgeRow, AlikeRow, AssessedRow, AzioneRow, BlockRow, ChangeRow, CommunityRow, DataQualityRow, DisadvantageChangeRow,
    DisadvantageLowRow, DisadvantageRow, DriftRow, ItemRow, LowRow, PathRow, PracticeRow, RecencyRow, ReliabilityRow,
    ReturnRow, RowError, TerritoryIndexRow, TerritoryPeopleRow, TerritoryRow, TotalsRow,
};
pub use runs::run_record;
pub use vault::{SealedReader, SealedWriter, Vault};
