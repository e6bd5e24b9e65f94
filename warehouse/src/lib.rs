//! The lake: layout, schema, manifest, the only door to DuckDB, marts.
