//! The first schema.

use sea_orm_migration::prelude::*;

use super::spec::Kind::{Date, Instant, Integer, Long, Text, Uuid};
use super::spec::{TableSpec, create_all, only_grow};

/// Makes every table.
pub(super) struct Migration;

impl MigrationName for Migration {
    /// Not a name that the portal's database knows: neither program takes the other's database for its own.
    fn name(&self) -> &'static str {
        "workspace_0001_first"
    }
}

pub(super) const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "projects",
        columns: &[
            ("id", Uuid),
            ("title", Text),
            ("purpose", Text),
            ("institution", Text),
            ("responsible", Text),
            ("ethics", Text),
            ("starts_on", Date),
            ("ends_on", Date),
            ("undertaking_on?", Date),
            ("created_at", Instant),
            ("created_by", Uuid),
            ("created_name", Text),
            ("closed_at?", Instant),
            ("closed_by?", Uuid),
            ("closed_name?", Text),
            ("closed_reason?", Text),
        ],
        key: &["id"],
        unique: &[],
        indexes: &[],
        foreign: &[],
    },
    TableSpec {
        // Who is one now; who was one stands in `events`.
        name: "members",
        columns: &[("project_id", Uuid), ("account_id", Uuid), ("name", Text)],
        key: &["project_id", "account_id"],
        unique: &[],
        indexes: &[&["account_id"]],
        foreign: &[("project_id", "projects")],
    },
    TableSpec {
        name: "requests",
        columns: &[
            ("id", Uuid),
            ("project_id", Uuid),
            ("made_at", Instant),
            ("made_by", Uuid),
            ("made_name", Text),
            ("asked", Text),
            ("state", Text),
            ("release?", Text),
            ("problem?", Text),
            ("draft_sha256?", Text),
            ("draft_rows?", Long),
            ("draft_k?", Integer),
            ("draft_report?", Text),
            ("ended_at?", Instant),
            ("ended_by?", Uuid),
            ("ended_name?", Text),
            ("ended_reason?", Text),
        ],
        key: &["id"],
        unique: &[&["release"]],
        indexes: &[&["project_id"], &["made_at"]],
        foreign: &[("project_id", "projects")],
    },
    TableSpec {
        name: "approvals",
        columns: &[("request_id", Uuid), ("draft_sha256", Text), ("account_id", Uuid), ("name", Text), ("at", Instant)],
        key: &["request_id", "draft_sha256", "account_id"],
        unique: &[],
        indexes: &[],
        foreign: &[("request_id", "requests")],
    },
    TableSpec {
        // The last number given to a release of a base.
        name: "release_numbers",
        columns: &[("base", Text), ("last", Integer)],
        key: &["base"],
        unique: &[],
        indexes: &[],
        foreign: &[],
    },
    TableSpec {
        // Of projects and requests, each numbered on its own.
        name: "events",
        columns: &[
            ("subject_id", Uuid),
            ("seq", Long),
            ("act", Text),
            ("at", Instant),
            ("by_id?", Uuid),
            ("by_name?", Text),
            ("about_id?", Uuid),
            ("about_name?", Text),
            ("detail?", Text),
        ],
        key: &["subject_id", "seq"],
        unique: &[],
        indexes: &[],
        foreign: &[],
    },
    TableSpec {
        name: "register",
        columns: &[
            ("seq", Long),
            ("act", Text),
            ("release", Text),
            ("request_id", Uuid),
            ("project_id", Uuid),
            ("at", Instant),
            ("by_id", Uuid),
            ("by_name", Text),
            ("content", Text),
            ("hash", Text),
        ],
        key: &["seq"],
        unique: &[&["release", "act"]],
        indexes: &[&["project_id"]],
        foreign: &[("request_id", "requests"), ("project_id", "projects")],
    },
    TableSpec {
        // One row: where the register ends.
        name: "register_head",
        columns: &[("id", Integer), ("seq", Long), ("hash", Text)],
        key: &["id"],
        unique: &[],
        indexes: &[],
        foreign: &[],
    },
    TableSpec {
        name: "jobs",
        columns: &[
            ("id", Uuid),
            ("seq", Long),
            ("work", Text),
            ("request_id?", Uuid),
            ("queued_at", Instant),
            ("queued_by", Uuid),
            ("queued_name", Text),
            ("state", Text),
            ("taken", Integer),
            ("started_at?", Instant),
            ("ended_at?", Instant),
            ("outcome?", Text),
        ],
        key: &["id"],
        unique: &[&["seq"]],
        indexes: &[&["state"], &["request_id"]],
        foreign: &[("request_id", "requests")],
    },
    TableSpec {
        name: "saved_queries",
        columns: &[
            ("id", Uuid),
            ("project_id", Uuid),
            ("name", Text),
            ("sql", Text),
            ("saved_at", Instant),
            ("saved_by", Uuid),
            ("saved_name", Text),
        ],
        key: &["id"],
        unique: &[&["project_id", "name"]],
        indexes: &[],
        foreign: &[("project_id", "projects")],
    },
    TableSpec {
        name: "query_log",
        columns: &[
            ("project_id", Uuid),
            ("seq", Long),
            ("at", Instant),
            ("by_id", Uuid),
            ("by_name", Text),
            ("sql", Text),
            ("outcome", Text),
            ("rows?", Long),
            ("milliseconds", Long),
        ],
        key: &["project_id", "seq"],
        unique: &[],
        indexes: &[],
        foreign: &[("project_id", "projects")],
    },
];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, TABLES).await?;
        only_grow(manager, &["register", "events"]).await
    }
}
