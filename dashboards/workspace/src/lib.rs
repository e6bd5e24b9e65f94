//! Saved views, texts, projects and the register of releases, in a database of their own.
