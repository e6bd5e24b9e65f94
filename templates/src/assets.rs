//! The files that pages load, in the binary: nothing is fetched from anybody else.

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its name, the last part of its path.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The path of an asset; changes when any asset does, so that browsers may keep it.
#[must_use]
pub fn asset_path(name: &str) -> String {
    format!("/assets/{ASSETS_VERSION}/{name}")
}
