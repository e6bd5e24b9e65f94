//! Extractions with names: who asked for what, and the sealed file in pieces.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Instant, Integer, Long, Text, Uuid};
use super::spec::{ENTE, ID, TableSpec, create_all};

/// Adds its tables.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_identified"
    }
}

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "identified_extractions",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("account_id", Uuid),
            ("asked_at", Instant),
            ("touched_at", Instant),
            ("state", Text),
            ("rows_read", Long),
            ("rows_total", Long),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "asked_at"]],
        foreign: &[ENTE, (&["ente_id", "account_id"], "accounts", ID)],
    },
    TableSpec {
        name: "identified_extraction_pieces",
        columns: &[("ente_id", Uuid), ("extraction_id", Uuid), ("place", Integer), ("sealed", Bytes)],
        key: &["ente_id", "extraction_id", "place"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE, (&["ente_id", "extraction_id"], "identified_extractions", ID)],
    },
];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await
    }
}
