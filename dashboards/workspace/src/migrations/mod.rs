//! The versions of the schema, forward only: a migration that has run anywhere is never edited; a change is the next file.

mod m0001_first;
mod m0002_of_enti;
mod m0003_groups;
mod m0004_snapshots;
mod spec;

use sea_orm_migration::prelude::*;

/// Brings a database to the newest version.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_of_enti::Migration),
            Box::new(m0003_groups::Migration),
            Box::new(m0004_snapshots::Migration),
        ]
    }
}
