//! What the dashboards keep for each Ente: visits, saved views, reports and their editions.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Bytes, Date, Flag, Instant, Long, Text, Uuid};
use super::spec::{TableSpec, create_all};

/// Makes their tables; those of the first schema stay as they are.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "workspace_0002_of_enti"
    }
}

const TABLES: &[TableSpec] = &[
    TableSpec {
        // At most two rows for each key without its version: the newest lake seen, and the one before it.
        name: "visits",
        columns: &[
            ("ente_id", Uuid),
            ("account_id", Uuid),
            ("page", Text),
            ("strumento", Text),
            ("version", Long),
            ("first_at", Instant),
            ("last_at", Instant),
            ("figures", Text),
        ],
        key: &["ente_id", "account_id", "page", "strumento", "version"],
        unique: &[],
        indexes: &[],
        foreign: &[],
    },
    TableSpec {
        name: "saved_views",
        columns: &[
            ("id", Uuid),
            ("ente_id", Uuid),
            ("owner_id", Uuid),
            ("owner_name", Text),
            ("title", Text),
            ("address", Text),
            ("is_shared", Flag),
            ("created_at", Instant),
        ],
        key: &["id"],
        unique: &[],
        indexes: &[&["ente_id", "owner_id"]],
        foreign: &[],
    },
    TableSpec {
        // `body` has chapters and texts; `every` and `next_on` are both there or both absent.
        name: "reports",
        columns: &[
            ("id", Uuid),
            ("ente_id", Uuid),
            ("title", Text),
            ("strumento", Text),
            ("period", Text),
            ("body", Text),
            ("revision", Long),
            ("every?", Text),
            ("next_on?", Date),
            ("created_at", Instant),
            ("updated_at", Instant),
            ("updated_by", Uuid),
            ("updated_name", Text),
        ],
        key: &["id"],
        unique: &[],
        indexes: &[&["ente_id"], &["next_on"]],
        foreign: &[],
    },
    TableSpec {
        name: "editions",
        columns: &[
            ("id", Uuid),
            ("ente_id", Uuid),
            ("report_id", Uuid),
            ("version", Long),
            ("made_at", Instant),
            ("title", Text),
            ("content", Bytes),
        ],
        key: &["id"],
        unique: &[],
        indexes: &[&["ente_id"], &["report_id"]],
        foreign: &[("report_id", "reports")],
    },
    TableSpec {
        // Who opened what.
        name: "edition_readers",
        columns: &[("edition_id", Uuid), ("account_id", Uuid), ("ente_id", Uuid)],
        key: &["edition_id", "account_id"],
        unique: &[],
        indexes: &[&["ente_id", "account_id"]],
        foreign: &[("edition_id", "editions")],
    },
];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await
    }
}
