//! Takes the design system's files and the editor's modules out of node_modules, and ours, into the binary, under one path
//! that changes with their content: a browser may keep them for ever.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

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
    ("queries.js", "queries.js", SCRIPT),
];

/// The modules of the editor of SQL: package, file in it. Each becomes an asset of its own, whose imports name the others by
/// [`module_name`]; a browser finds them without a bundler.
const MODULES: &[(&str, &str)] = &[
    ("@codemirror/autocomplete", "dist/index.js"),
    ("@codemirror/commands", "dist/index.js"),
    ("@codemirror/lang-sql", "dist/index.js"),
    ("@codemirror/language", "dist/index.js"),
    ("@codemirror/state", "dist/index.js"),
    ("@codemirror/streamparser", "dist/index.js"),
    ("@codemirror/view", "dist/index.js"),
    ("@lezer/common", "dist/index.js"),
    ("@lezer/highlight", "dist/index.js"),
    ("@lezer/lr", "dist/index.js"),
    ("@marijn/find-cluster-break", "src/index.js"),
    ("crelt", "index.js"),
    ("style-mod", "src/style-mod.js"),
    ("w3c-keyname", "index.js"),
];

/// The name under which a module of a package is served.
fn module_name(package: &str) -> String {
    format!("{}.js", package.trim_start_matches('@').replace('/', "-"))
}

/// A module as browsers take it: its licence first, without the comments that explain its functions, importing by address.
fn module(text: &str, licence: &str) -> String {
    let mut written = format!("/*!\n{}\n*/\n", licence.trim());
    let mut is_comment = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        // Comments that have lines of their own; whatever stands beside code stays.
        is_comment |= trimmed.starts_with("/**");
        if is_comment || trimmed.starts_with("//") {
            is_comment &= !trimmed.ends_with("*/");
            continue;
        }
        let imported = (line.starts_with("import ") || line.starts_with("export "))
            .then(|| {
                MODULES.iter().find(|(package, _)| {
                    line.contains(&format!(" from '{package}'")) || line.contains(&format!(" from \"{package}\""))
                })
            })
            .flatten();
        match imported {
            Some((package, _)) => written.push_str(&line.replace(package, &format!("./{}", module_name(package)))),
            None => {
                assert!(!line.starts_with("import "), "no module of the table is what this imports: {line}");
                written.push_str(trimmed);
            }
        }
        written.push('\n');
    }
    written
}

/// Reads a file of npm's, or says what is missing.
#[expect(clippy::panic, reason = "a build script has no other way to say what is missing")]
fn read(path: &Path) -> Vec<u8> {
    println!("cargo:rerun-if-changed={}", path.display());
    fs::read(path).unwrap_or_else(|error| {
        panic!("{}: {error}; run `make build` once, it installs the npm packages", path.display())
    })
}

/// Reads a text.
fn read_text(path: &Path) -> String {
    String::from_utf8(read(path)).expect("npm's modules and licences are text")
}

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let npm = package.join("../node_modules");
    let mut digest = Sha256::new();
    let mut table = String::new();
    let mut add = |name: &str, path: &Path, media_type: &str, bytes: &[u8]| {
        digest.update(bytes);
        writeln!(
            table,
            "    Asset {{ name: {name:?}, media_type: {media_type:?}, bytes: include_bytes!({:?}) }},",
            path.display().to_string()
        )
        .expect("a string grows");
    };
    for (name, file, media_type) in FILES {
        let vendor = npm.join("bootstrap-italia/dist");
        let path = if file.contains('/') { vendor.join(file) } else { package.join("assets").join(file) };
        add(name, &path, media_type, &read(&path));
    }
    for (name, file) in MODULES {
        let folder = npm.join(name);
        let text = module(&read_text(&folder.join(file)), &read_text(&folder.join("LICENSE")));
        let path = out.join(module_name(name));
        fs::write(&path, &text).expect("OUT_DIR can be written");
        add(&module_name(name), &path, SCRIPT, text.as_bytes());
    }
    let digest = hex::encode(digest.finalize());
    let source = format!(
        "/// Changes with the content of any asset.\npub const ASSETS_VERSION: &str = {:?};\n\n/// All files that pages load.\npub static ASSETS: &[Asset] = &[\n{table}];\n",
        &digest[..16]
    );
    fs::write(out.join("assets.rs"), source).expect("OUT_DIR can be written");
}
