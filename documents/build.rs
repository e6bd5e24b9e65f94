//! Takes Titillium Web out of node_modules into the binary, as `templates` does for pages: one copy of the letters, and one
//! version of the design system.

use std::env;
use std::fs;
use std::path::PathBuf;

/// Faces that papers use.
const FACES: &[&str] = &["regular", "italic", "600", "700"];

#[expect(clippy::panic, reason = "a build script has no other way to say what is missing")]
fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = package.join("../node_modules/bootstrap-italia/dist/fonts/Titillium_Web");
    println!("cargo:rerun-if-changed=build.rs");
    for face in FACES {
        let path = folder.join(format!("titillium-web-v10-latin-ext_latin-{face}.ttf"));
        println!("cargo:rerun-if-changed={}", path.display());
        let bytes = fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; run `make build` once, it installs the npm packages", path.display())
        });
        fs::write(out.join(format!("titillium-{face}.ttf")), bytes).expect("OUT_DIR can be written");
    }
}
