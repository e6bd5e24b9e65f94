//! Puts DuckDB's prebuilt library beside the binary and lets the binary look for it there, so that no environment
//! variable is needed at run time. With the feature `bundled` there is no library to find.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    // The binary stands in <profile>/, the tests in <profile>/deps/.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN:$ORIGIN/..");
    let Some(library_dir) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else {
        println!("cargo:warning=DUCKDB_LIB_DIR is not set: run `make build` once, or build with the feature `bundled`");
        return;
    };
    let library = library_dir.join("libduckdb.so");
    println!("cargo:rerun-if-changed={}", library.display());
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let profile_dir: &Path = out_dir.ancestors().nth(3).expect("OUT_DIR is <profile>/build/<package>/out");
    // Under another name first: a program that runs meanwhile keeps the file that it has mapped.
    let (fresh, copy) = (profile_dir.join("libduckdb.so.fresh"), profile_dir.join("libduckdb.so"));
    if let Err(error) = fs::copy(&library, &fresh).and_then(|_| fs::rename(&fresh, &copy)) {
        println!("cargo:warning={} cannot be copied ({error}): run `make build` once", library.display());
    }
}
