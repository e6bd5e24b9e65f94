//! Saved views, texts, projects and the register of releases, in a database of their own with no persona in it.
//!
//! Nothing is built here yet (docs/roadmap.md).
