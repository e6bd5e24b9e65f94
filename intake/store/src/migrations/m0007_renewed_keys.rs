//! What it takes to renew keys: how often an Ente's have changed, and the secrets that outlive the ring they came from.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Text, Uuid};
use super::spec::{ENTE, TableSpec, add_column, create_all};

/// Adds its table and column.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_renewed_keys"
    }
}

pub(super) const TABLES: &[TableSpec] = &[TableSpec {
    // The platform's alone.
    name: "kept_secrets",
    columns: &[("ente_id", Uuid), ("purpose", Text), ("sealed", Bytes)],
    key: &["ente_id", "purpose"],
    unique: &[],
    indexes: &[],
    foreign: &[ENTE],
}];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await?;
        let version = ColumnDef::new("key_version").integer().not_null().default(1).take();
        add_column(manager, "ente_counters", version).await
    }
}
