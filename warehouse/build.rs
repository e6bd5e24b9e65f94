//! Lets this package's tests find DuckDB's prebuilt library. The binary that people run has its own way (the root's build.rs).

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    if let Some(library_dir) = env::var_os("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", library_dir.display());
    }
}
