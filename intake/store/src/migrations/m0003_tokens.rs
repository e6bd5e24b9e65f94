//! Tokens with which programs act in the name of an account.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Instant, Text, Uuid};
use super::spec::{ENTE, ID, TableSpec, create_all};

/// Adds its table.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_tokens"
    }
}

pub(super) const TABLES: &[TableSpec] = &[TableSpec {
    name: "tokens",
    columns: &[
        ("ente_id", Uuid),
        ("id", Uuid),
        ("account_id", Uuid),
        ("name", Text),
        // The role of the account when it was made: with another one it is no token.
        ("role", Text),
        // Codes with blanks between.
        ("scopes", Text),
        ("token_hash", Bytes),
        ("created_at", Instant),
        ("expires_at", Instant),
        ("last_used_at?", Instant),
        ("revoked_at?", Instant),
    ],
    key: ID,
    unique: &[&["token_hash"]],
    indexes: &[&["ente_id", "account_id"]],
    foreign: &[ENTE, (&["ente_id", "account_id"], "accounts", ID)],
}];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await
    }
}
