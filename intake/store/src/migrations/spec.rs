//! Tables as data, so that the rule "keys and foreign keys of an Ente's table begin with the Ente" can be read, and is
//! tested, on the lists themselves.

use sea_orm_migration::prelude::*;

/// What a column holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
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

pub(super) struct TableSpec {
    pub(super) name: &'static str,
    /// A name that ends in `?` may be null.
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) key: &'static [&'static str],
    pub(super) unique: &'static [&'static [&'static str]],
    pub(super) indexes: &'static [&'static [&'static str]],
    /// Columns here, table there, columns there.
    pub(super) foreign: &'static [(&'static [&'static str], &'static str, &'static [&'static str])],
}

pub(super) const ENTE: (&[&str], &str, &[&str]) = (&["ente_id"], "enti", &["id"]);
pub(super) const ID: &[&str] = &["ente_id", "id"];

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

/// Gives a table one more column, which may be null or has a value to begin with.
pub(super) async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await
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
    use super::super::{
        m0001_first, m0002_access, m0003_tokens, m0004_identified, m0005_signed, m0006_ways_in, m0007_renewed_keys,
    };
    use super::*;

    #[test]
    fn keys_and_foreign_keys_of_an_ente_s_table_begin_with_the_ente() {
        let all = [
            m0001_first::TABLES,
            m0002_access::TABLES,
            m0003_tokens::TABLES,
            m0004_identified::TABLES,
            m0005_signed::TABLES,
            m0006_ways_in::TABLES,
            m0007_renewed_keys::TABLES,
        ];
        for table in all.into_iter().flatten() {
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
