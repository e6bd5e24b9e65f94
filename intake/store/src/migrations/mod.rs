//! The versions of the schema, forward only: a migration that has run anywhere is never edited; a change is the next file.

mod m0001_first;
mod m0002_access;
mod m0003_tokens;
mod m0004_identified;
mod m0005_signed;
mod m0006_ways_in;
mod m0007_renewed_keys;
mod spec;

use sea_orm_migration::prelude::*;

/// Brings a database to the newest version.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_access::Migration),
            Box::new(m0003_tokens::Migration),
            Box::new(m0004_identified::Migration),
            Box::new(m0005_signed::Migration),
            Box::new(m0006_ways_in::Migration),
            Box::new(m0007_renewed_keys::Migration),
        ]
    }
}
