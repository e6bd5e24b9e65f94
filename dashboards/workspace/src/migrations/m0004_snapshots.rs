//! The figures that an Ente's pages show, until there are people enough for the next ones.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Instant, Text, Uuid};
use super::spec::{TableSpec, create_all};

/// Makes its table; the others stay as they are.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "workspace_0004_snapshots"
    }
}

const TABLES: &[TableSpec] = &[TableSpec {
    name: "snapshots",
    columns: &[("ente_id", Uuid), ("strumento", Text), ("published_at", Instant), ("content", Bytes)],
    key: &["ente_id", "strumento"],
    unique: &[],
    indexes: &[],
    foreign: &[],
}];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await
    }
}
