//! Tables brought in by a map: what is taken, what is refused, and that nothing is half done.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::feed::{Evaluation, Origin, What};
use domain::instrument::Instrument;

use rstest::rstest;
use test_database::Kind;

use super::{World, chance, now};
use crate::import::{ImportError, ImportReport, Options, Plausibility, read_map, run};

const DEFINITION: &str = include_str!("../../../tests/real/bfi/definition.toml");
const MAP: &str = include_str!("../../../tests/real/bfi/map.toml");
const HEADINGS: &str =
    "\"\",A1,A2,A3,A4,A5,C1,C2,C3,C4,C5,E1,E2,E3,E4,E5,N1,N2,N3,N4,N5,O1,O2,O3,O4,O5,gender,education,age\n";

/// Each import has a generator of its own, as each run of the command has.
static SEED: AtomicU64 = AtomicU64::new(100);

async fn import(world: &World, map: &str, table: &str, options: Options) -> Result<ImportReport, ImportError> {
    let instrument = Instrument::parse(DEFINITION).unwrap();
    let map = read_map(map).unwrap_or_else(|errors| panic!("{errors:?}"));
    let scope = world.store.command_line(world.enti[0], "prova", "test", now()).await.unwrap();
    let mut rows = 0;
    let mut chance = chance(SEED.fetch_add(1, Ordering::Relaxed));
    run(&world.store, &scope, &instrument, &map, table.as_bytes(), options, now(), &mut chance, &mut |read| rows = read)
        .await
}

fn table(rows: &[&str]) -> String {
    format!("{HEADINGS}{}\n", rows.join("\n"))
}

const GOOD: &str = "1,2,4,3,4,4,2,3,3,4,4,3,3,3,4,4,3,4,2,2,3,3,6,3,4,3,1,NA,16";
const WITH_MISSING: &str = "2,2,NA,3,4,4,2,3,3,4,4,3,3,3,4,4,3,4,2,2,3,3,6,3,4,3,2,3,44";
const STRAIGHT: &str = "3,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,3,44";

#[rstest]
#[tokio::test]
async fn a_table_is_imported_once_and_marked_as_such(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let dry = Options { dry_run: true, ..Options::default() };
    let report = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), dry).await.unwrap();
    assert_eq!((report.rows, report.imported, report.is_dry_run), (2, 2, true));
    assert!(world.store.events(world.enti[0], 0, 10).await.unwrap().is_empty(), "a dry run writes nothing");

    let report = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), Options::default()).await.unwrap();
    assert_eq!((report.imported, report.persone, report.already_there), (2, 2, 0));
    let events = world.store.events(world.enti[0], 0, 10).await.unwrap();
    assert_eq!(events.len(), 2);
    let What::Validated(first) = &events[0].what else { panic!("not a questionnaire") };
    assert_eq!((first.origin, &first.evaluation, first.age), (Origin::Import, &Evaluation::Absent, Some(16)));
    assert_eq!(first.sex.map(domain::person::Sex::code), Some("m"));
    assert_eq!(first.education, None);

    let again = import(&world, MAP, &table(&[GOOD, WITH_MISSING]), Options::default()).await.unwrap();
    assert_eq!((again.imported, again.already_there), (0, 2));
    assert_eq!(world.store.events(world.enti[0], 0, 10).await.unwrap().len(), 2, "the same table changes nothing");

    let changed = GOOD.replacen(",2,4,", ",3,4,", 1);
    let refused = import(&world, MAP, &table(&[&changed]), Options::default()).await.unwrap_err();
    let ImportError::Refused { refusals, .. } = refused else { panic!("{refused}") };
    assert!(refusals[0].rule.contains("never changes"), "{refusals:?}");
}

#[rstest]
#[tokio::test]
async fn a_wrong_cell_is_named_and_nothing_is_stored(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let wrong = GOOD.replacen(",6,3,4,3,1,", ",9,3,4,3,7,", 1);
    let refused = import(&world, MAP, &table(&[WITH_MISSING, &wrong]), Options::default()).await.unwrap_err();
    let ImportError::Refused { refusals, count } = refused else { panic!("{refused}") };
    assert_eq!(count, 2);
    let named: Vec<_> = refusals.iter().map(|one| (one.row, one.column.as_str(), one.value.as_str())).collect();
    assert_eq!(named, [(Some(2), "gender", "7"), (Some(2), "O2", "9")]);
    assert!(world.store.events(world.enti[0], 0, 10).await.unwrap().is_empty());

    let lenient = MAP
        .replace("[items]", "[items]\non_invalid = \"missing\"")
        .replace("recode = { 1 = \"m\", 2 = \"f\" }", "recode = { 1 = \"m\", 2 = \"f\" }, on_invalid = \"reject_row\"");
    let report = import(&world, &lenient, &table(&[WITH_MISSING, &wrong]), Options::default()).await.unwrap();
    assert_eq!((report.imported, report.rejected.len(), report.set_missing.len()), (1, 1, 1));
    assert_eq!(report.rejected.values().next().unwrap().first_rows, [2]);
}

#[rstest]
#[tokio::test]
async fn what_is_surprising_needs_a_word(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let refused = import(&world, MAP, &table(&[STRAIGHT]), Options::default()).await.unwrap_err();
    let ImportError::Warnings(report) = refused else { panic!("{refused}") };
    assert_eq!(report.warnings[&Plausibility::SameAnswers].first_rows, [1]);
    let accepted = Options { accept_warnings: true, ..Options::default() };
    assert_eq!(import(&world, MAP, &table(&[STRAIGHT]), accepted).await.unwrap().imported, 1);
}

#[rstest]
#[tokio::test]
async fn a_table_without_its_columns_is_refused(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let headings = HEADINGS.replace("A1", "B1");
    let refused = import(&world, MAP, &format!("{headings}{GOOD}\n"), Options::default()).await.unwrap_err();
    assert!(refused.to_string().contains("items.columns.a1"), "{refused}");
    let doubled = HEADINGS.replace("A1", "A2");
    let refused = import(&world, MAP, &format!("{doubled}{GOOD}\n"), Options::default()).await.unwrap_err();
    assert!(refused.to_string().contains("two columns"), "{refused}");
    let short = format!("{HEADINGS}1,2,3\n");
    assert!(matches!(import(&world, MAP, &short, Options::default()).await, Err(ImportError::Csv { .. })));
}
