//! The batch that turns feed segments into one encrypted partition per Ente, and cleared tables into releases.
//!
//! Nothing is built here yet (docs/roadmap.md). What will stay missing: the portal's store, identities and their keys.
