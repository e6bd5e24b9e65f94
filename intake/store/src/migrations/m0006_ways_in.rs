//! Other ways in than a password and a code: passkeys, and identities that a gateway vouches for. The end of an Ente and of
//! an unità. The version of the search index.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Instant, Long, Text, Uuid};
use super::spec::{ENTE, ID, TableSpec, add_column, create_all};

/// Adds its tables and columns.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_ways_in"
    }
}

const ACCOUNT: (&[&str], &str, &[&str]) = (&["ente_id", "account_id"], "accounts", ID);

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec {
        // The public key of an authenticator, and how often it was used.
        name: "passkeys",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("account_id", Uuid),
            ("name", Text),
            ("created_at", Instant),
            ("last_used_at?", Instant),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "account_id"]],
        foreign: &[ENTE, ACCOUNT],
    },
    TableSpec {
        // Who an account's holder is to the gateway: a keyed digest of issuer and subject, the same in every Ente.
        name: "gateway_identities",
        columns: &[
            ("ente_id", Uuid),
            ("account_id", Uuid),
            ("digest", Bytes),
            ("linked_at", Instant),
            ("last_used_at?", Instant),
        ],
        key: &["ente_id", "account_id"],
        unique: &[],
        indexes: &[&["digest"]],
        foreign: &[ENTE, ACCOUNT],
    },
    TableSpec {
        // The end of an Ente: by whom, why, and how much went.
        name: "closings",
        columns: &[
            ("ente_id", Uuid),
            ("at", Instant),
            ("done_by", Text),
            ("reason", Text),
            ("key_fingerprint", Text),
            ("count_persone", Long),
            ("count_assessments", Long),
            ("count_drafts", Long),
            ("count_accounts", Long),
        ],
        key: &["ente_id"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE],
    },
];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await?;
        // What was asked of an authenticator, and waits for its answer.
        add_column(manager, "sessions", ColumnDef::new("ceremony").blob().null().take()).await?;
        // How it began, where that was not with a password.
        add_column(manager, "sessions", ColumnDef::new("way").text().null().take()).await?;
        // From which day on nobody belongs to an unità.
        add_column(manager, "unita", ColumnDef::new("ended_on").date().null().take()).await?;
        // What an Ente's index of names was written by: the program brings it to its own version when it starts.
        add_column(manager, "enti", ColumnDef::new("index_version").integer().not_null().default(1).take()).await
    }
}
