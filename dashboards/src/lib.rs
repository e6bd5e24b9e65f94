//! Pages over published marts of one Ente: they filter, sort and limit; a join there means that a mart is missing.
//!
//! Nothing is built here yet (docs/roadmap.md). What will stay missing: sessions, the portal's store, raw counts of small cells.
