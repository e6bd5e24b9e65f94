//! Second factors, rights and reach of an account, whose case a persona is, agreements with the Enti, expressions of
//! interest, notices given, settings of an Ente.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Date, Instant, Integer, Long, Text, Uuid};
use super::spec::{ENTE, ID, TableSpec, add_column, create_all};

/// Adds its tables and columns.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_access"
    }
}

const ACCOUNT: (&[&str], &str, &[&str]) = (&["ente_id", "account_id"], "accounts", ID);
const PERSONA: (&[&str], &str, &[&str]) = (&["ente_id", "persona_id"], "persone", ID);

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec {
        // The secret of an account's TOTP, and the last step that was used.
        name: "second_factors",
        columns: &[("ente_id", Uuid), ("account_id", Uuid), ("since", Instant), ("last_step", Long), ("sealed", Bytes)],
        key: &["ente_id", "account_id"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE, ACCOUNT],
    },
    TableSpec {
        name: "recovery_codes",
        columns: &[("ente_id", Uuid), ("id", Uuid), ("account_id", Uuid), ("digest", Bytes), ("used_at?", Instant)],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "account_id"]],
        foreign: &[ENTE, ACCOUNT],
    },
    TableSpec {
        // Rights that no role has by itself.
        name: "account_rights",
        columns: &[
            ("ente_id", Uuid),
            ("account_id", Uuid),
            ("right", Text),
            ("granted_at", Instant),
            ("granted_by?", Uuid),
        ],
        key: &["ente_id", "account_id", "right"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE, ACCOUNT, (&["ente_id", "granted_by"], "accounts", ID)],
    },
    TableSpec {
        // Who follows a persona: without a row, whoever reaches the whole Ente.
        name: "persona_cases",
        columns: &[
            ("ente_id", Uuid),
            ("persona_id", Uuid),
            ("account_id?", Uuid),
            ("unita_id?", Uuid),
            ("since", Instant),
        ],
        key: &["ente_id", "persona_id"],
        unique: &[],
        indexes: &[&["ente_id", "account_id"], &["ente_id", "unita_id"]],
        foreign: &[ENTE, PERSONA, ACCOUNT, (&["ente_id", "unita_id"], "unita", ID)],
    },
    TableSpec {
        name: "agreements",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("kind", Text),
            ("number", Text),
            ("text_version", Integer),
            ("signed_on", Date),
            ("valid_from", Date),
            ("valid_until", Date),
            ("maintenance", Text),
            ("made_at", Instant),
            ("document?", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "valid_until"]],
        foreign: &[ENTE],
    },
    TableSpec {
        // Of the platform.
        name: "interests",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("received_at", Instant),
            ("state", Text),
            ("decided_at?", Instant),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "state", "received_at"]],
        foreign: &[ENTE],
    },
    TableSpec {
        // Notices on the use of data given to a persona.
        name: "notices",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("persona_id", Uuid),
            ("version", Text),
            ("given_on", Date),
            ("at", Instant),
            ("account_id?", Uuid),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "persona_id"]],
        foreign: &[ENTE, PERSONA, ACCOUNT],
    },
    TableSpec {
        name: "settings",
        columns: &[("ente_id", Uuid), ("name", Text), ("value", Text), ("set_at", Instant), ("set_by?", Uuid)],
        key: &["ente_id", "name"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE, (&["ente_id", "set_by"], "accounts", ID)],
    },
];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await?;
        add_column(manager, "accounts", ColumnDef::new("reach").text().not_null().default("ente").take()).await?;
        add_column(manager, "sessions", ColumnDef::new("second_at").timestamp_with_time_zone().null().take()).await?;
        add_column(manager, "enti", ColumnDef::new("closed_at").timestamp_with_time_zone().null().take()).await
    }
}
