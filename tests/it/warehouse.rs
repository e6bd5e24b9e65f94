//! The DuckDB session: the version that package.json pins, and a door that opens one folder only.

use std::path::Path;

use warehouse::session::{Limits, open};

const LIMITS: Limits = Limits { memory_mib: 256, threads: 2 };

#[test]
fn the_library_is_the_one_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let version: String =
        open(folder.path(), LIMITS).unwrap().query_row("select version()", [], |row| row.get(0)).unwrap();
    let package = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("package.json")).unwrap();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap();
    let pinned = package["optionalDependencies"]["@duckdb/node-bindings-linux-x64"].as_str().unwrap();
    assert_eq!(version.trim_start_matches('v'), pinned.split('-').next().unwrap());
}

#[test]
fn a_session_reads_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), "a\n1\n2\n").unwrap();
    let sql = format!("select sum(a)::bigint from read_csv('{}/rows.csv')", folder.path().display());
    let sum: i64 = open(folder.path(), LIMITS).unwrap().query_row(&sql, [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 3);
}

#[test]
fn a_session_opens_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let (own, other) = (parent.path().join("own"), parent.path().join("own-other"));
    for folder in [&own, &other] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("rows.csv"), "a\n1\n").unwrap();
    }
    std::os::unix::fs::symlink(&other, own.join("link")).unwrap();
    let (own, other) = (own.display(), other.display());
    let connection = open(Path::new(&own.to_string()), LIMITS).unwrap();
    for sql in [
        format!("select * from read_csv('{other}/rows.csv')"),
        format!("select * from read_csv('{own}/../own-other/rows.csv')"),
        format!("select * from read_csv('file://{other}/rows.csv')"),
        format!("select * from read_text('{other}/rows.csv')"),
        format!("select * from read_blob('{other}/rows.csv')"),
        format!("select * from glob('{other}/*')"),
        format!("select * from '{other}/rows.csv'"),
        format!("copy (select 1) to '{other}/written.csv'"),
        format!("attach '{other}/database.db'"),
        format!("export database '{other}/export'"),
        "select * from read_text('/etc/passwd')".to_owned(),
        "install httpfs".to_owned(),
        "load httpfs".to_owned(),
        "set enable_external_access = true".to_owned(),
        format!("set allowed_directories = ['{other}/']"),
        "set lock_configuration = false".to_owned(),
        "set memory_limit = '8GiB'".to_owned(),
        "reset memory_limit".to_owned(),
        "pragma enable_external_access = true".to_owned(),
    ] {
        assert!(connection.execute_batch(&sql).is_err(), "let through: {sql}");
    }
    assert!(!Path::new(&format!("{other}/written.csv")).exists());
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&folder.path().join("absent"), LIMITS).unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
}
