//! Whether the portal answers, for whoever watches it.

/// `ok` as plain text.
pub(crate) async fn get() -> &'static str {
    "ok"
}
