//! The command line as people type it: exit codes, what is printed where.

use std::path::Path;
use std::process::{Command, Output};

fn noncello(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noncello"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .output()
        .expect("the binary starts without any environment variable, its DuckDB library beside it")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn definition(folder: &Path, replace: &str, by: &str) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("intake/instruments/asso/1.toml");
    let shipped = std::fs::read_to_string(shipped).expect("the definition is shipped");
    assert!(shipped.contains(replace), "the definition has no «{replace}»");
    let path = folder.join("broken.toml");
    std::fs::write(&path, shipped.replacen(replace, by, 1)).expect("the folder can be written");
    path.to_str().expect("a temporary path is Unicode").to_owned()
}

#[test]
fn the_binary_finds_duckdb_without_environment_variables() {
    let output = noncello(&["version"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("DuckDB v1.5.6"), "{}", text(&output.stdout));
}

#[test]
fn instrument_check_passes_the_definitions_shipped() {
    let output = noncello(&["instrument", "check", "intake/instruments/asso/1.toml", "intake/instruments/isa/1.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("asso 1: 25 items"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("isa 1: 50 items"), "{}", text(&output.stdout));
}

#[test]
fn instrument_check_names_file_item_and_rule() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = definition(folder.path(), "value = 3,", "value = 2,");
    let output = noncello(&["instrument", "check", &path]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stderr);
    assert!(printed.contains("broken.toml: item ") && printed.contains("[unique]"), "{printed}");
    let output = noncello(&["instrument", "check", "--format", "json", &path]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report[0]["errors"][0]["rule"], "unique");
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let output = noncello(&["instrument", "check", "no/such/file.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no/such/file.toml"), "{}", text(&output.stderr));
}

#[test]
fn a_wrong_usage_exits_with_2() {
    assert_eq!(noncello(&["instrument", "shout"]).status.code(), Some(2));
}

#[test]
fn instrument_show_prints_every_item() {
    let output = noncello(&["instrument", "show", "asso"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("non ufficiale"));
    assert_eq!(printed.lines().filter(|line| line.starts_with("  [")).count(), 25, "{printed}");
    let unknown = noncello(&["instrument", "show", "nessuno"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("asso 1, isa 1"), "says what there is: {}", text(&unknown.stderr));
}

#[test]
fn the_demonstration_refuses_a_broken_definition_before_it_listens() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = definition(folder.path(), "value = 3,", "value = 2,");
    let output = noncello(&["demo", "--listen", "127.0.0.1:0", "--instrument", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("[unique]"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).is_empty());
}
