//! The portal's database: SeaORM, migrations, encryption at rest; the only place that names the SQL crate.
//!
//! Nothing is built here yet (docs/roadmap.md).
