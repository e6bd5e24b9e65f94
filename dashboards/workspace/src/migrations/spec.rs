//! Tables as data, and those that only grow.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// What a column holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Uuid,
    Text,
    Integer,
    Long,
    Date,
    Instant,
    Flag,
    Bytes,
}
use Kind::{Bytes, Date, Flag, Instant, Integer, Long, Text, Uuid};

pub(super) struct TableSpec {
    pub(super) name: &'static str,
    /// A name that ends in `?` may be null.
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) key: &'static [&'static str],
    pub(super) unique: &'static [&'static [&'static str]],
    pub(super) indexes: &'static [&'static [&'static str]],
    /// Column here, table there; the column there is `id`.
    pub(super) foreign: &'static [(&'static str, &'static str)],
}

/// Makes tables, with their indexes.
pub(super) async fn create_all(manager: &SchemaManager<'_>, tables: &[TableSpec]) -> Result<(), DbErr> {
    for table in tables {
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

fn create(table: &TableSpec) -> TableCreateStatement {
    let mut statement = Table::create();
    statement.table(table.name);
    for (name, kind) in table.columns {
        let mut column = ColumnDef::new(name.trim_end_matches('?'));
        match kind {
            Uuid => column.uuid(),
            Text => column.text(),
            Integer => column.integer(),
            Long => column.big_integer(),
            Date => column.date(),
            Instant => column.timestamp_with_time_zone(),
            Flag => column.boolean(),
            Bytes => column.blob(),
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
    for (here, there) in table.foreign {
        statement.foreign_key(ForeignKey::create().from(table.name, *here).to(*there, "id"));
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

/// Has the database itself refuse to change a row of these tables, or to take one out.
pub(super) async fn only_grow(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
    if is_postgres {
        let function = "create function refuse_change() returns trigger language plpgsql as \
                        $$ begin raise exception '% only grows', tg_table_name; end $$";
        connection.execute_unprepared(function).await?;
    }
    for table in tables {
        for act in ["update", "delete"] {
            let trigger = if is_postgres {
                format!(
                    "create trigger {table}_no_{act} before {act} on {table} \
                     for each row execute function refuse_change()"
                )
            } else {
                format!(
                    "create trigger {table}_no_{act} before {act} on {table} \
                     begin select raise(abort, '{table} only grows'); end"
                )
            };
            connection.execute_unprepared(&trigger).await?;
        }
        if is_postgres {
            let trigger = format!(
                "create trigger {table}_no_truncate before truncate on {table} \
                 for each statement execute function refuse_change()"
            );
            connection.execute_unprepared(&trigger).await?;
        }
    }
    Ok(())
}
