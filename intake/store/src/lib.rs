//! The portal's database: SeaORM, migrations, encryption at rest.
