//! Signed agreements, as they came back: apart from the agreements, which are read with every request.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Instant, Uuid};
use super::spec::{ENTE, ID, TableSpec, create_all};

/// Adds its table, and takes away the column that never held one.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_signed"
    }
}

pub(super) const TABLES: &[TableSpec] = &[TableSpec {
    name: "signed_agreements",
    columns: &[("ente_id", Uuid), ("agreement_id", Uuid), ("received_at", Instant), ("sealed", Bytes)],
    key: &["ente_id", "agreement_id"],
    unique: &[],
    indexes: &[],
    foreign: &[ENTE, (&["ente_id", "agreement_id"], "agreements", ID)],
}];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await?;
        manager.alter_table(Table::alter().table("agreements").drop_column("document").take()).await
    }
}
