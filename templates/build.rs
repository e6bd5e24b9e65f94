//! Takes the design system's files out of node_modules, and ours, into the binary, under one path that changes with
//! their content: a browser may keep them for ever.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name in the binary, file in node_modules/bootstrap-italia/dist (or in assets/, without a folder), media type.
const FILES: &[(&str, &str, &str)] = &[
    ("bootstrap-italia.css", "css/bootstrap-italia.min.css", "text/css; charset=utf-8"),
    ("sprites.svg", "svg/sprites.svg", "image/svg+xml"),
    ("titillium-regular.woff2", "fonts/Titillium_Web/titillium-web-v10-latin-ext_latin-regular.woff2", "font/woff2"),
    ("titillium-600.woff2", "fonts/Titillium_Web/titillium-web-v10-latin-ext_latin-600.woff2", "font/woff2"),
    ("titillium-700.woff2", "fonts/Titillium_Web/titillium-web-v10-latin-ext_latin-700.woff2", "font/woff2"),
    ("lora-regular.woff2", "fonts/Lora/lora-v20-latin-ext_latin-regular.woff2", "font/woff2"),
    ("noncello.css", "noncello.css", "text/css; charset=utf-8"),
    ("page.js", "page.js", SCRIPT),
    ("keys.js", "keys.js", SCRIPT),
    ("draft.js", "draft.js", SCRIPT),
    ("vault.js", "vault.js", SCRIPT),
    ("local.js", "local.js", SCRIPT),
    ("take.js", "take.js", SCRIPT),
    ("passkey.js", "passkey.js", SCRIPT),
    ("arrival.js", "arrival.js", SCRIPT),
    ("offline.js", "offline.js", SCRIPT),
    ("sw.js", "sw.js", SCRIPT),
];

#[expect(clippy::panic, reason = "a build script has no other way to say what is missing")]
fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("assets.rs");
    let vendor = package.join("../node_modules/bootstrap-italia/dist");
    let mut digest = Sha256::new();
    let mut table = String::new();
    for (name, file, media_type) in FILES {
        let path = if file.contains('/') { vendor.join(file) } else { package.join("assets").join(file) };
        println!("cargo:rerun-if-changed={}", path.display());
        let bytes = fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; run `make build` once, it installs the npm packages", path.display())
        });
        digest.update(&bytes);
        writeln!(
            table,
            "    Asset {{ name: {name:?}, media_type: {media_type:?}, bytes: include_bytes!({:?}) }},",
            path.display().to_string()
        )
        .expect("a string grows");
    }
    let digest = hex::encode(digest.finalize());
    let source = format!(
        "/// Changes with the content of any asset.\npub const ASSETS_VERSION: &str = {:?};\n\n/// All files that pages load.\npub static ASSETS: &[Asset] = &[\n{table}];\n",
        &digest[..16]
    );
    fs::write(&out, source).expect("OUT_DIR can be written");
}
