//! The first schema: tables as data, so that the rule "keys and foreign keys of an Ente's table begin with the Ente" can
//! be read, and is tested, on the list itself.

use sea_orm_migration::prelude::*;

/// Makes every table.
pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Uuid,
    Text,
    Bytes,
    Integer,
    Long,
    Bool,
    Date,
    Instant,
}
use Kind::{Bool, Bytes, Date, Instant, Integer, Long, Text, Uuid};

struct TableSpec {
    name: &'static str,
    /// A name that ends in `?` may be null.
    columns: &'static [(&'static str, Kind)],
    key: &'static [&'static str],
    unique: &'static [&'static [&'static str]],
    indexes: &'static [&'static [&'static str]],
    /// Columns here, table there, columns there.
    foreign: &'static [(&'static [&'static str], &'static str, &'static [&'static str])],
}

const ENTE: (&[&str], &str, &[&str]) = (&["ente_id"], "enti", &["id"]);
const ID: &[&str] = &["ente_id", "id"];

const TABLES: &[TableSpec] = &[
    TableSpec {
        name: "enti",
        columns: &[
            ("id", Uuid),
            ("code", Text),
            ("is_platform", Bool),
            ("is_demo", Bool),
            ("created_at", Instant),
            ("wrapped_key", Bytes),
            ("ring_id", Text),
        ],
        key: &["id"],
        unique: &[&["code"]],
        indexes: &[],
        foreign: &[],
    },
    TableSpec {
        name: "ente_counters",
        columns: &[("ente_id", Uuid), ("feed_seq", Long), ("audit_seq", Long), ("audit_mac", Bytes)],
        key: &["ente_id"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE],
    },
    TableSpec {
        name: "ente_names",
        columns: &[("ente_id", Uuid), ("id", Uuid), ("name", Text), ("valid_from", Date), ("valid_until?", Date)],
        key: ID,
        unique: &[],
        indexes: &[],
        foreign: &[ENTE],
    },
    TableSpec {
        name: "ente_comuni",
        columns: &[("ente_id", Uuid), ("id", Uuid), ("istat_code", Text), ("valid_from", Date), ("valid_until?", Date)],
        key: ID,
        unique: &[],
        indexes: &[],
        foreign: &[ENTE],
    },
    TableSpec {
        name: "unita",
        columns: &[("ente_id", Uuid), ("id", Uuid), ("name", Text), ("counted_under?", Uuid), ("created_at", Instant)],
        key: ID,
        unique: &[],
        indexes: &[],
        foreign: &[ENTE, (&["ente_id", "counted_under"], "unita", ID)],
    },
    TableSpec {
        name: "accounts",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("username", Text),
            ("username_folded", Text),
            ("display_name", Text),
            ("role", Text),
            ("unita_id?", Uuid),
            ("password_hash", Text),
            ("must_change", Bool),
            ("one_time_until?", Instant),
            ("is_active", Bool),
            ("created_at", Instant),
            ("last_login_at?", Instant),
        ],
        key: ID,
        unique: &[&["ente_id", "username_folded"]],
        indexes: &[],
        foreign: &[ENTE, (&["ente_id", "unita_id"], "unita", ID)],
    },
    TableSpec {
        name: "sessions",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("account_id", Uuid),
            ("token_hash", Bytes),
            ("created_at", Instant),
            ("last_seen_at", Instant),
            ("expires_at", Instant),
            ("password_at", Instant),
        ],
        key: ID,
        unique: &[&["token_hash"]],
        indexes: &[&["ente_id", "account_id"], &["expires_at"]],
        foreign: &[ENTE, (&["ente_id", "account_id"], "accounts", ID)],
    },
    TableSpec {
        // Of no Ente: the key is an HMAC of an account's name or of an address.
        name: "throttles",
        columns: &[("id", Bytes), ("failures", Integer), ("last_at", Instant), ("blocked_until?", Instant)],
        key: &["id"],
        unique: &[],
        indexes: &[&["last_at"]],
        foreign: &[],
    },
    TableSpec {
        name: "imports",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("source", Text),
            ("state", Text),
            ("begun_at", Instant),
            ("touched_at", Instant),
            ("committed_at?", Instant),
            ("count_events", Long),
            ("count_assessments", Long),
            ("count_persone", Long),
            ("count_skipped", Long),
            ("first_seq?", Long),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "first_seq"]],
        foreign: &[ENTE],
    },
    TableSpec {
        name: "persone",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("revision", Integer),
            ("created_at", Instant),
            ("updated_at", Instant),
            ("is_restricted", Bool),
            ("erased_at?", Instant),
            ("merged_into?", Uuid),
            ("import_id?", Uuid),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "updated_at"], &["ente_id", "merged_into"], &["ente_id", "import_id"]],
        foreign: &[ENTE, (&["ente_id", "merged_into"], "persone", ID), (&["ente_id", "import_id"], "imports", ID)],
    },
    TableSpec {
        name: "persona_keys",
        columns: &[("ente_id", Uuid), ("persona_id", Uuid), ("wrapped_key", Bytes)],
        key: &["ente_id", "persona_id"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE, (&["ente_id", "persona_id"], "persone", ID)],
    },
    TableSpec {
        name: "persona_index",
        columns: &[("ente_id", Uuid), ("kind", Text), ("token", Bytes), ("persona_id", Uuid)],
        key: &["ente_id", "kind", "token", "persona_id"],
        unique: &[],
        indexes: &[&["ente_id", "persona_id"]],
        foreign: &[ENTE, (&["ente_id", "persona_id"], "persone", ID)],
    },
    TableSpec {
        // What was decided about a persona as a whole, with its reason: restrictions, merges.
        name: "persona_trail",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("persona_id", Uuid),
            ("other_id?", Uuid),
            ("kind", Text),
            ("at", Instant),
            ("account_id?", Uuid),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "persona_id"], &["ente_id", "other_id"]],
        foreign: &[
            ENTE,
            (&["ente_id", "persona_id"], "persone", ID),
            (&["ente_id", "other_id"], "persone", ID),
            (&["ente_id", "account_id"], "accounts", ID),
        ],
    },
    TableSpec {
        name: "drafts",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("persona_id", Uuid),
            ("account_id", Uuid),
            ("instrument", Text),
            ("version", Integer),
            ("assessed_on", Date),
            ("revision", Integer),
            ("started_at", Instant),
            ("updated_at", Instant),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "account_id"], &["ente_id", "persona_id"]],
        foreign: &[ENTE, (&["ente_id", "persona_id"], "persone", ID), (&["ente_id", "account_id"], "accounts", ID)],
    },
    TableSpec {
        name: "assessments",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("persona_id", Uuid),
            ("account_id?", Uuid),
            ("unita_id?", Uuid),
            ("instrument", Text),
            ("version", Integer),
            ("assessed_on", Date),
            ("validated_at", Instant),
            ("revision", Integer),
            ("supersedes?", Uuid),
            ("superseded_by?", Uuid),
            ("annulled_at?", Instant),
            ("annulled_by?", Uuid),
            ("annulment?", Bytes),
            ("draft_id?", Uuid),
            ("import_id?", Uuid),
            ("external_token?", Bytes),
            ("external_mac?", Bytes),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[&["ente_id", "draft_id"], &["ente_id", "external_token"], &["ente_id", "supersedes"]],
        indexes: &[
            &["ente_id", "persona_id", "assessed_on"],
            &["ente_id", "account_id", "validated_at"],
            &["ente_id", "import_id"],
        ],
        foreign: &[
            ENTE,
            (&["ente_id", "persona_id"], "persone", ID),
            (&["ente_id", "account_id"], "accounts", ID),
            (&["ente_id", "annulled_by"], "accounts", ID),
            (&["ente_id", "unita_id"], "unita", ID),
            (&["ente_id", "supersedes"], "assessments", ID),
            (&["ente_id", "import_id"], "imports", ID),
        ],
    },
    TableSpec {
        name: "azione_results",
        columns: &[
            ("ente_id", Uuid),
            ("id", Uuid),
            ("assessment_id", Uuid),
            ("persona_id", Uuid),
            ("account_id?", Uuid),
            ("at", Instant),
            ("sealed", Bytes),
        ],
        key: ID,
        unique: &[],
        indexes: &[&["ente_id", "assessment_id"], &["ente_id", "persona_id"]],
        foreign: &[
            ENTE,
            (&["ente_id", "assessment_id"], "assessments", ID),
            (&["ente_id", "persona_id"], "persone", ID),
            (&["ente_id", "account_id"], "accounts", ID),
        ],
    },
    TableSpec {
        // Ordinary events stand in the block of nil, numbered by the Ente; those of an import in the import's block,
        // numbered within it: `imports.first_seq` says where the block stands.
        name: "events",
        columns: &[
            ("ente_id", Uuid),
            ("block", Uuid),
            ("ordinal", Long),
            ("persona_id?", Uuid),
            ("assessment_id?", Uuid),
            ("at", Instant),
            ("kind", Text),
            ("sealed", Bytes),
        ],
        key: &["ente_id", "block", "ordinal"],
        unique: &[],
        indexes: &[&["ente_id", "persona_id"], &["ente_id", "assessment_id"]],
        foreign: &[
            ENTE,
            (&["ente_id", "persona_id"], "persone", ID),
            (&["ente_id", "assessment_id"], "assessments", ID),
        ],
    },
    TableSpec {
        name: "segments",
        columns: &[("ente_id", Uuid), ("first_seq", Long), ("last_seq", Long), ("wanted", Long), ("written", Long)],
        key: &["ente_id", "first_seq"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE],
    },
    TableSpec {
        name: "audit",
        columns: &[
            ("ente_id", Uuid),
            ("seq", Long),
            ("at", Instant),
            ("actor_id?", Uuid),
            ("actor_role?", Text),
            ("actor_name?", Text),
            ("action", Text),
            ("is_refused", Bool),
            ("subjects", Text),
            ("detail?", Text),
            ("mac", Bytes),
        ],
        key: &["ente_id", "seq"],
        unique: &[],
        indexes: &[],
        foreign: &[ENTE],
    },
];

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out, and naming it is another signature")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.create_table(create(table)).await?;
            for columns in table.unique {
                manager.create_index(index(table, columns).unique().take()).await?;
            }
            for columns in table.indexes {
                manager.create_index(index(table, columns)).await?;
            }
        }
        Ok(())
    }
}

fn create(table: &TableSpec) -> TableCreateStatement {
    let mut statement = Table::create();
    statement.table(table.name);
    for (name, kind) in table.columns {
        let mut column = ColumnDef::new(name.trim_end_matches('?'));
        match kind {
            Uuid => column.uuid(),
            Text => column.text(),
            Bytes => column.blob(),
            Integer => column.integer(),
            Long => column.big_integer(),
            Bool => column.boolean(),
            Date => column.date(),
            Instant => column.timestamp_with_time_zone(),
        };
        if !name.ends_with('?') {
            column.not_null();
        }
        statement.col(&mut column);
    }
    let mut key = Index::create();
    for column in table.key {
        key.col(*column);
    }
    statement.primary_key(&mut key);
    for (here, there, columns) in table.foreign {
        let mut foreign = ForeignKey::create();
        foreign.from_tbl(table.name).to_tbl(*there);
        for column in *here {
            foreign.from_col(*column);
        }
        for column in *columns {
            foreign.to_col(*column);
        }
        statement.foreign_key(&mut foreign);
    }
    statement
}

fn index(table: &TableSpec, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{}__{}", table.name, columns.join("__"))).table(table.name);
    for column in columns {
        index.col(*column);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_foreign_keys_of_an_ente_s_table_begin_with_the_ente() {
        for table in TABLES {
            if ["enti", "throttles"].contains(&table.name) {
                continue;
            }
            assert_eq!(table.key[0], "ente_id", "{}", table.name);
            assert!(table.foreign.iter().any(|(here, there, _)| *here == ["ente_id"] && *there == "enti"));
            for (here, there, columns) in table.foreign {
                assert_eq!(here[0], "ente_id", "{} → {there}", table.name);
                assert!(columns == &ID || *there == "enti", "{} → {there}", table.name);
            }
            for unique in table.unique {
                assert!(unique[0] == "ente_id" || *unique == ["token_hash"], "{}", table.name);
            }
        }
    }
}
