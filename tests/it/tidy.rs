//! The shape of the workspace: who may use whom, what each package does without, who owns the heavy crates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Who may use whom, and nothing else. A new arrow is a design decision: an ADR comes before a line here.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("territory", "intake/territory", &[]),
    ("anonymity", "pipeline/anonymity", &[]),
    ("disclosure", "dashboards/disclosure", &[]),
    ("tabular", "tabular", &[]),
    ("templates", "templates", &[]),
    ("documents", "documents", &[]),
    ("domain", "intake/domain", &["territory"]),
    ("store", "intake/store", &["domain"]),
    ("test-database", "intake/store/test-database", &[]),
    ("intake", "intake", &["documents", "domain", "store", "tabular", "templates", "territory"]),
    ("warehouse", "warehouse", &["domain", "territory"]),
    ("pipeline", "pipeline", &["anonymity", "domain", "warehouse"]),
    ("workspace", "dashboards/workspace", &["domain"]),
    (
        "dashboards",
        "dashboards",
        &["disclosure", "domain", "tabular", "templates", "territory", "warehouse", "workspace"],
    ),
];

/// Packages that only tests may use.
const FOR_TESTS: &[&str] = &["test-database"];

/// Heavy or dangerous crates, each with the only packages that may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("sea-orm", &["store", "workspace"]),
    ("sea-orm-migration", &["store", "workspace"]),
    ("libsqlite3-sys", &["store"]),
    ("duckdb", &["warehouse"]),
    ("minijinja", &["templates", "anonymity", "pipeline"]),
    ("typst", &["documents"]),
    ("typst-layout", &["documents"]),
    ("typst-pdf", &["documents"]),
    ("argon2", &["store"]),
];

/// Packages without IO, clock or log, with what would break that.
const PURE: &[&str] = &["documents", "intake/domain", "intake/territory", "tabular"];
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::time",
    "std::env",
    "tokio",
    "tracing",
    "chrono::Utc",
    "chrono::Local",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dependencies(manifest: &toml::Table, kind: &str) -> BTreeSet<String> {
    manifest.get(kind).and_then(toml::Value::as_table).map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some("node_modules" | "target" | ".git")))
        .map(|entry| entry.expect("the workspace can be read").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no Rust file under {}", folder.display());
    files
}

#[test]
fn every_member_has_its_line_in_the_table() {
    let workspace = manifest("");
    let members: BTreeSet<&str> = workspace["workspace"]["members"]
        .as_array()
        .expect("members is a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    assert_eq!(members, ARROWS.iter().map(|(_, folder, _)| *folder).collect());
}

#[test]
fn packages_use_only_whom_they_may() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _, _)| *name).collect();
    for (name, folder, allowed) in ARROWS {
        let manifest = manifest(folder);
        assert_eq!(manifest["package"]["name"].as_str(), Some(*name));
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for used in dependencies(&manifest, kind) {
                let is_for_tests = FOR_TESTS.contains(&used.as_str()) && kind == "dev-dependencies";
                let may = !ours.contains(used.as_str()) || allowed.contains(&used.as_str()) || is_for_tests;
                assert!(may, "{name} uses {used} ({kind}): write an ADR, then a line in ARROWS");
            }
        }
    }
}

#[test]
fn heavy_crates_have_one_owner() {
    for (crate_name, owners) in OWNERS {
        for (name, folder, _) in ARROWS {
            let manifest = manifest(folder);
            let names_it = dependencies(&manifest, "dependencies").contains(*crate_name);
            assert!(!names_it || owners.contains(name), "{name} names {crate_name}, which belongs to {owners:?}");
        }
    }
}

#[test]
fn every_version_stands_in_the_workspace_table() {
    for (name, folder, _) in ARROWS {
        let manifest = manifest(folder);
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for used in dependencies(&manifest, kind) {
                let from_workspace = manifest[kind][&used].get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(from_workspace, Some(true), "{name}: {used} does not take its version from the workspace");
            }
        }
    }
}

/// Named for their versions alone: the workspace table says which releases they keep out.
const NAMED_FOR_THEIR_VERSION: &[&str] = &["encoding_rs", "libsqlite3-sys"];

#[test]
fn every_dependency_is_used() {
    let mut of_nobody =
        dependencies(manifest("")["workspace"].as_table().expect("it is the workspace"), "dependencies");
    for folder in std::iter::once("").chain(ARROWS.iter().map(|(_, folder, _)| *folder)) {
        let manifest = manifest(folder);
        // The root's folder holds every other package too.
        let parts = ["src", "tests", "examples", "build.rs"].map(|part| root().join(folder).join(part));
        let files = parts.iter().filter(|part| part.exists()).flat_map(walkdir::WalkDir::new);
        let code: String = files
            .map(|entry| entry.expect("a package can be read").into_path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| std::fs::read_to_string(path).expect("a source file is text"))
            .collect();
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for used in dependencies(&manifest, kind) {
                of_nobody.remove(&used);
                let name = used.replace('-', "_");
                let path = format!("{name}::");
                let stands_alone = |at: usize| {
                    code[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_')
                };
                let is_used =
                    code.contains(&format!("use {name};")) || code.match_indices(&path).any(|(at, _)| stands_alone(at));
                assert!(is_used || NAMED_FOR_THEIR_VERSION.contains(&used.as_str()), "{folder}: nothing uses {used}");
            }
        }
    }
    assert!(of_nobody.is_empty(), "in the workspace's table, and nobody's: {of_nobody:?}");
}

#[test]
fn no_package_switches_its_tests_off() {
    for folder in std::iter::once("").chain(ARROWS.iter().map(|(_, folder, _)| *folder)) {
        let manifest = manifest(folder);
        for (kind, targets) in manifest.iter().filter(|(kind, _)| ["lib", "bin", "test"].contains(&kind.as_str())) {
            let tables = targets.as_array().cloned().unwrap_or_else(|| vec![targets.clone()]);
            for table in tables {
                assert_ne!(table.get("test").and_then(toml::Value::as_bool), Some(false), "{folder}: {kind}");
            }
        }
    }
}

#[test]
fn pure_packages_do_without_the_world() {
    for folder in PURE {
        for path in rust_files(&root().join(folder).join("src")) {
            let text = std::fs::read_to_string(&path).expect("a source file is text");
            for word in IMPURE {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    for path in rust_files(root()) {
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        // A package that stands alone opens with its README.
        let opens = text.starts_with("//! ") || text.starts_with("#![doc = include_str!(\"../README.md\")]");
        assert!(opens, "{} has no opening comment", path.display());
    }
}

#[test]
fn every_adr_is_in_the_index() {
    let folder = root().join("docs/adr");
    let index = std::fs::read_to_string(folder.join("README.md")).expect("docs/adr has an index");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("docs/adr can be read") {
        let name = entry.expect("docs/adr can be read").file_name().into_string().expect("names are Unicode");
        if name != "README.md" {
            count += 1;
            assert!(index.contains(&format!("({name})")), "docs/adr/README.md does not link {name}");
        }
    }
    assert!(count > 0, "no ADR at all");
}

#[test]
fn links_between_pages_of_the_docs_lead_somewhere() {
    let mut pages: BTreeMap<PathBuf, String> = BTreeMap::new();
    let docs = walkdir::WalkDir::new(root().join("docs"))
        .into_iter()
        .map(|entry| entry.expect("docs can be read").into_path());
    for path in docs.chain(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name))) {
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            pages.insert(path, text);
        }
    }
    for (path, text) in &pages {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let target = path.parent().expect("a page stands in a folder").join(file);
            assert!(target.exists(), "{} links {link}, which is not there", path.display());
        }
    }
}

/// The data dictionary says which pages show a mart: those that it names are there, and whatever dashboards read is shown.
#[test]
fn marts_name_the_pages_that_show_them() {
    let dashboards: String = rust_files(&root().join("dashboards/src"))
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a source file can be read"))
        .collect();
    for mart in warehouse::mart::MARTS {
        let name = mart.step.name;
        let pages = mart.notes().expect("a sidecar is one").shown_on;
        for page in &pages {
            let is_page = |path: String| root().join("dashboards/src/pages").join(path).is_file();
            assert!(
                is_page(format!("{page}.rs")) || is_page(format!("{page}/mod.rs")),
                "{name} is shown on no page {page}"
            );
        }
        let reader = format!(".{}()", name.trim_start_matches("mart_"));
        let is_read = dashboards.contains(&format!("lake{reader}"));
        assert_eq!(is_read, !pages.is_empty(), "{name}: `shown_on` of its sidecar says {pages:?}");
    }
}
