//! Releases of generated partitions, and what a release refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anonymity::Rules;
use anonymity::verify::{Beside, Checks, Released, verify, verify_together};
use arrow::array::{AsArray, RecordBatch, StringArray};
use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{PersonToken, SealedLink};
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use super::base::{L, T};
use super::dataset::{CSV, SUMS};
use super::file::{TABLE, Written, read};
use super::*;
use crate::testing::{ASSO, Feed, Ground, assessment, day, ente, fill};

const PEOPLE: usize = 120;

fn now() -> DateTime<Utc> {
    "2026-11-25T08:00:00Z".parse().unwrap()
}

fn cutoff() -> NaiveDate {
    day(2026, 180)
}

/// A lake of four Enti, published by the pipeline; the first three work in Pordenone, the last two in Udine.
struct World {
    ground: Ground,
    ring: RingKey,
    /// What each human's link is, before it is sealed.
    links: BTreeSet<[u8; 32]>,
    /// The day of each human's first assessment, as they were entered.
    first_days: BTreeMap<[u8; 32], NaiveDate>,
}

fn world(seed: u64, share_link: bool) -> World {
    world_of(4, seed, share_link)
}

fn world_of(enti: u8, seed: u64, share_link: bool) -> World {
    let mut ground = Ground::new();
    let mut chance = ChaCha20Rng::seed_from_u64(seed);
    let ring = RingKey::generate(Ring::Release, &mut chance);
    let sealing = ring.opening().sealing().clone();
    let mut links = BTreeSet::new();
    let mut first_days: BTreeMap<[u8; 32], NaiveDate> = BTreeMap::new();
    let mut number = 0;
    for at in 1..=enti {
        let mut feed = Feed::new(ente(u128::from(at)));
        for one in 0..PEOPLE {
            let mut token = [at; 32];
            token[1] = u8::try_from(one).unwrap();
            // The first of every Ente is the same human; the last has no code.
            let mut human = if one == 0 && share_link { [0xcc; 32] } else { token };
            human[0] ^= 0x55;
            for _ in 0..chance.random_range(1..4_u32) {
                number += 1;
                let year = chance.random_range(2024..=2026);
                let ordinal = chance.random_range(1..170);
                let mut made = assessment(number, 1, day(year, ordinal));
                let first = first_days.entry(human).or_insert(made.assessed_on);
                *first = made.assessed_on.min(*first);
                fill(&mut made, &ASSO, chance.random_range(0..1_000_000));
                made.person = PersonToken(token);
                made.link = (one + 1 < PEOPLE).then(|| {
                    links.insert(human);
                    SealedLink(hex::encode(sealing.seal(&human, "link", &mut chance)))
                });
                made.comune = Some(if at < 4 && one % 4 != 1 { "093033" } else { "030129" }.into());
                made.age = Some(chance.random_range(18..66));
                made.sex = Some(Sex::ALL[chance.random_range(0..2)]);
                made.education = Some(Education::ALL[chance.random_range(0..4)]);
                made.citizenship = Some(Citizenship::ALL[chance.random_range(0..3)]);
                made.household = Some(Household::ALL[chance.random_range(0..6)]);
                made.work = Some(Work::ALL[chance.random_range(0..6)]);
                // One alone has none: a column that is nearly the same for all must not make one class of everybody.
                let is_alone = at == 1 && one == 1;
                made.disadvantage = Some((!is_alone).then_some(Disadvantage::Poverty).into_iter().collect());
                feed.validated(made);
            }
        }
        ground.export(&feed, 100);
    }
    let report = ground.run();
    assert!(report.is_clean(), "{report:?}");
    World { ground, ring, links, first_days }
}

fn places() -> Places {
    let region = "Friuli-Venezia Giulia".to_owned();
    Places {
        by_prefix: BTreeMap::from([
            ("093".into(), ("Pordenone (PN)".into(), region.clone())),
            ("030".into(), ("Udine (UD)".into(), region)),
        ]),
    }
}

impl World {
    fn draft(&self, instrument: &str, k: usize, seed: u64) -> Result<Draft<Base>, ReleaseError> {
        self.draft_of(instrument, cutoff(), None, k, seed)
    }

    fn draft_of(
        &self,
        instrument: &str,
        cutoff: NaiveDate,
        entered_by: Option<NaiveDate>,
        k: usize,
        seed: u64,
    ) -> Result<Draft<Base>, ReleaseError> {
        let request = Request {
            lake: &self.ground.config.lake,
            links: self.ground.config.links.clone(),
            ring: &self.ring,
            instruments: &self.ground.config.instruments,
            places: &places(),
            lock: self.ground.config.lock.clone(),
            releases: self.ground.path("releases"),
            instrument: instrument.into(),
            cutoff,
            entered_by,
            k,
            terms: Terms::default(),
        };
        build(&request, now(), &mut ChaCha20Rng::seed_from_u64(seed))
    }

    fn release(&self, seed: u64) -> Written {
        let cleared = self.draft("asso", 5, seed).unwrap().assess().unwrap().clear().unwrap();
        cleared.write(&mut ChaCha20Rng::seed_from_u64(99)).unwrap()
    }
}

fn counts(table: &RecordBatch, column: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for value in table.column_by_name(column).unwrap().as_string::<i32>().iter().flatten() {
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    counts
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn all_bytes(folder: &Path) -> Vec<u8> {
    crate::testing::files(folder).into_iter().flat_map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn a_release_holds_and_tells_nothing_of_anybody() {
    let world = world(1, true);
    let written = world.release(5);
    let report = &written.report;
    // Four Enti, and the first of each is one human.
    let origin = &report.origin;
    assert_eq!((origin.count_enti, origin.count_humans), (4, 4 * PEOPLE - 3));
    // Fewer than ten are not told of.
    assert_eq!((origin.count_in_several_enti, origin.count_without_code), (None, None));
    assert_eq!(report.rows + report.suppressed, origin.count_humans);
    assert!(report.suppressed * 10 <= origin.count_humans);
    assert!(report.measures.k_without_any_contributor >= Some(5));
    let profile = report.measures.sensitive.iter().find(|of| of.column == "profilo").unwrap();
    assert!(profile.t_ordered.unwrap() <= T + 1e-9);
    assert_eq!((origin.l, origin.t_others_max), (L, T));
    for sensitive in &report.measures.sensitive {
        assert!(sensitive.distinct_l >= L || sensitive.column == "svantaggio", "{}", sensitive.column);
        assert!(sensitive.t_ordered.unwrap() <= origin.t_others_max + 1e-9, "{}", sensitive.column);
    }

    let table = read(&written.folder.join(TABLE)).unwrap();
    assert_eq!(table.num_rows(), report.rows);
    // No column is left without a rule.
    for field in table.schema().fields() {
        let name = field.name();
        let has_rule = report.quasi_identifiers.contains(name)
            || report.measures.sensitive.iter().any(|sensitive| sensitive.column == *name);
        assert!(has_rule, "{name}");
    }
    let alone = Checks::new(report.quasi_identifiers.clone(), Rules::k(5)).strict();
    assert!(verify(std::slice::from_ref(&table), &alone, &Beside::default()).unwrap().passed);
    for field in table.schema().fields() {
        for word in ["persona", "ente", "unita", "operator", "pseudonym", "id_", "link", "giorno", "data"] {
            assert!(!field.name().starts_with(word), "{}", field.name());
        }
    }
    // Udine has Enti enough; but nothing else than provincia, region and * occurs.
    let places = ["Pordenone (PN)", "Udine (UD)", "Friuli-Venezia Giulia", "*"];
    assert!(counts(&table, "territorio").keys().all(|place| places.contains(&place.as_str())));

    check_beside(&written, &table);
    let bytes = all_bytes(&written.folder);
    for at in 1..=4 {
        let links = links_of(&world, at);
        assert!(!links.is_empty());
        for (pseudonym, link) in links {
            assert!(!contains(&bytes, pseudonym.as_bytes()) && !contains(&bytes, &link.0.as_bytes()[..32]));
        }
        assert!(!contains(&bytes, ente(at).to_string().as_bytes()));
    }
    assert!(world.links.iter().all(|link| !contains(&bytes, link) && !contains(&bytes, hex::encode(link).as_bytes())));

    // A program that died between the register and the folder's name: the next one gives it.
    let staged = world.ground.path("releases").join(format!(".{}.staged", report.id));
    fs::rename(&written.folder, staged).unwrap();
    // The same again is refused.
    assert!(matches!(world.draft("asso", 5, 6), Err(ReleaseError::Twice { .. })));
    assert_eq!(list(&world.ground.path("releases")).unwrap().len(), 1);
    assert!(written.folder.join(TABLE).exists());
}

/// The table as text is the table; checksums are of what is there, and of all of it; and the file says what it is.
fn check_beside(written: &Written, table: &RecordBatch) {
    let read_text = |name: &str| fs::read_to_string(written.folder.join(name)).unwrap();
    let mut rows = read_text(CSV)
        .lines()
        .map(|line| line.trim_matches('"').split("\",\"").map(str::to_owned).collect())
        .collect::<Vec<Vec<String>>>();
    let names = rows.remove(0);
    assert_eq!(rows.len(), table.num_rows());
    for (at, name) in names.iter().enumerate() {
        let column = table.column_by_name(name).unwrap().as_string::<i32>();
        assert!(column.iter().zip(&rows).all(|(value, row)| value == Some(&row[at])), "{name}");
    }
    let sums: BTreeMap<String, String> = read_text(SUMS)
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect();
    let mut files: Vec<String> =
        fs::read_dir(&written.folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|name| name != SUMS);
    files.sort();
    assert_eq!(files, sums.keys().cloned().collect::<Vec<_>>());
    for (name, sum) in &sums {
        assert_eq!(*sum, hex::encode(Sha256::digest(fs::read(written.folder.join(name)).unwrap())), "{name}");
    }
    let file = fs::File::open(written.folder.join(TABLE)).unwrap();
    let metadata = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .clone();
    let mark = |name: &str| {
        metadata.iter().find(|mark| mark.key == format!("noncello.{name}")).unwrap().value.clone().unwrap()
    };
    assert_eq!((mark("id"), mark("k")), (written.report.id.clone(), written.report.k.to_string()));
    assert_eq!(mark("dictionary_sha256"), sums["dizionario.csv"]);
    assert!(!mark("licence").is_empty());
}

fn links_of(world: &World, at: u128) -> BTreeMap<String, SealedLink> {
    crate::links::read(&crate::links::path(&world.ground.config.links, ente(at))).unwrap()
}

#[test]
fn a_seed_decides_and_a_tampered_table_is_not_cleared() {
    let world = world(2, false);
    let (one, same, other) =
        (world.draft("asso", 5, 1).unwrap(), world.draft("asso", 5, 1).unwrap(), world.draft("asso", 5, 2).unwrap());
    assert_eq!(one.table.released, same.table.released);
    assert_ne!(one.table.released, other.table.released);
    // Without codes in common everybody counts.
    assert_eq!(one.table.origin.count_humans, 4 * PEOPLE);

    let mut tampered = same;
    let table = tampered.table.released.clone();
    let mut columns = table.columns().to_vec();
    let at = table.schema().index_of("fascia_eta").unwrap();
    let mut ages: Vec<&str> = columns[at].as_string::<i32>().iter().flatten().collect();
    ages[0] = "non_noto";
    columns[at] = Arc::new(StringArray::from(ages));
    tampered.table.released = RecordBatch::try_new(table.schema(), columns).unwrap();
    let refused = tampered.assess().unwrap();
    assert!(!refused.verification().passed);
    assert!(matches!(refused.clear(), Err(ReleaseError::Refused { .. })));
    let mut exposed = world.draft("asso", 5, 3).unwrap();
    let found = &mut exposed.table.origin.self_test;
    assert!(found.cells > 0 && found.gain() < 0.05, "{found:?}");
    found.guessed = found.guessed_without + found.all_cells / 10;
    assert!(matches!(exposed.assess(), Err(ReleaseError::Exposed { .. })));
    assert!(one.assess().unwrap().clear().is_ok());
}

#[test]
fn what_cannot_be_is_refused() {
    let world = world(3, true);
    assert!(matches!(world.draft("asso", 4, 1), Err(ReleaseError::LowK(4))));
    assert!(matches!(world.draft("nessuno", 5, 1), Err(ReleaseError::UnknownInstrument(_))));
    assert!(matches!(world.draft("isa", 5, 1), Err(ReleaseError::Nobody { .. })));
    let impossible = world.draft("asso", 10 * PEOPLE, 1);
    assert!(matches!(impossible, Err(ReleaseError::Anonymity(anonymity::Error::Unsatisfiable { .. }))));
    assert!(list(&world.ground.path("releases")).unwrap().is_empty());
    assert!(matches!(world_of(2, 3, true).draft("asso", 5, 1), Err(ReleaseError::FewEnti { found: 2 })));
    let running = crate::run::lock(&world.ground.config.lock).unwrap();
    assert!(matches!(world.draft("asso", 5, 1), Err(ReleaseError::Lock(_))));
    drop(running);
    // A link that was sealed for somebody else stops everything.
    let mut elsewhere = world;
    elsewhere.ring = RingKey::generate(Ring::Release, &mut ChaCha20Rng::seed_from_u64(77));
    assert!(matches!(elsewhere.draft("asso", 5, 1), Err(ReleaseError::Link(_))));
}

/// Who each human of a lake is, and whether they are in a table, found out from the lake and not from the table.
fn rows_by_human(draft: &Draft<Base>) -> BTreeMap<String, usize> {
    let base = &draft.table;
    let keys = base.basis.master.column_by_name("persona").unwrap().as_string::<i32>();
    let rows = base.basis.origins.iter().enumerate();
    rows.map(|(row, &origin)| (keys.value(origin).to_owned(), row)).collect()
}

/// Three tables of one strumento over time. Nobody is in two of them, so that knowing that somebody is in all of them helps nobody.
#[test]
fn tables_over_time_hold_different_people() {
    let world = world(4, true);
    let (first, second, third) = (day(2024, 366), day(2025, 365), cutoff());
    let mut people: Vec<BTreeSet<[u8; 32]>> = Vec::new();
    let mut written = Vec::new();
    let (mut numbers_of, mut numbers): (BTreeMap<String, u64>, Vec<Vec<u64>>) = (BTreeMap::new(), Vec::new());
    for (cutoff, entered_by) in [(first, None), (third, Some(second)), (third.succ_opt().unwrap(), None)] {
        let draft = world.draft_of("asso", cutoff, entered_by, 5, 11).unwrap();
        people.push(entered(&world, draft.table.basis.window));
        let origin = draft.table.origin.clone();
        assert_eq!(origin.count_humans, people.last().unwrap().len(), "{origin:?}");
        // The seed is the same for all three, so a human has the same key in each.
        let keys = rows_by_human(&draft);
        assert_eq!(keys.len() + draft.table.suppressed(), origin.count_humans);
        let mut of_rows = vec![0; keys.len()];
        for (key, row) in keys {
            let next = numbers_of.len() as u64;
            of_rows[row] = *numbers_of.entry(key).or_insert(next);
        }
        numbers.push(of_rows);
        written.push(draft.assess().unwrap().clear().unwrap().write(&mut ChaCha20Rng::seed_from_u64(3)).unwrap());
    }
    assert!(
        people.iter().all(|people| people.len() > 20),
        "{:?}",
        people.iter().map(BTreeSet::len).collect::<Vec<_>>()
    );
    assert!(
        people[0].is_disjoint(&people[1]) && people[1].is_disjoint(&people[2]) && people[0].is_disjoint(&people[2])
    );
    assert_eq!(written[1].report.origin.entered_after, Some(first));
    assert!(written[1].report.origin.count_entered_outside.is_some());
    // Laid side by side by somebody who knows whose each row is, no rule breaks.
    let tables: Vec<RecordBatch> = written.iter().map(|written| read(&written.folder.join(TABLE)).unwrap()).collect();
    let checks: Vec<Checks> = written
        .iter()
        .map(|written| Checks::new(written.report.quasi_identifiers.clone(), Rules::k(5)).strict())
        .collect();
    let released: Vec<Released<'_>> = tables
        .iter()
        .zip(&numbers)
        .zip(&checks)
        .map(|((batch, people), checks)| Released { batch, people, checks })
        .collect();
    let together = verify_together(&released).unwrap();
    assert!(together.passed && together.k >= 5, "{:?}", together.violations);
    // Had the second table the first one's people, it would be found.
    let of_first: Vec<u64> = (0..tables[1].num_rows()).map(|row| numbers[0][row % numbers[0].len()]).collect();
    let overlapping = [released[0], Released { people: &of_first, ..released[1] }];
    assert!(!verify_together(&overlapping).unwrap().passed);

    // A window that begins before the last one ended is none.
    assert!(matches!(world.draft_of("asso", third, Some(second), 5, 1), Err(ReleaseError::Twice { .. })));
    assert!(matches!(world.draft_of("asso", first, Some(third), 5, 1), Err(ReleaseError::Window { .. })));
}

/// The links, or what stands for them, of whoever was first assessed in a window: read from the feed's own tokens.
fn entered(world: &World, window: register::Window) -> BTreeSet<[u8; 32]> {
    world.first_days.iter().filter(|(_, day)| window.has(**day)).map(|(human, _)| *human).collect()
}

#[test]
fn a_table_with_somebody_of_another_window_is_not_verified() {
    let world = world(5, true);
    let mut draft = world.draft_of("asso", cutoff(), Some(day(2025, 200)), 5, 1).unwrap();
    draft.table.basis.window = register::Window { after: None, by: day(2024, 100) };
    assert!(matches!(draft.assess(), Err(ReleaseError::Strangers(_))));
}

fn part<'a>(
    world: &World,
    columns: &[&str],
    k: usize,
    coarser: &[(&str, usize)],
    versions: &'a [Instrument],
) -> PartRequest<'a> {
    PartRequest {
        releases: world.ground.path("releases"),
        base: format!("asso-{}", cutoff()),
        id: format!("asso-{}-01", cutoff()),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        k,
        coarser: coarser.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect(),
        instruments: versions,
        terms: Terms::default(),
    }
}

#[test]
fn a_part_is_some_columns_in_classes_of_more_people() {
    let world = world(6, true);
    let base = world.release(5);
    let versions = world.ground.config.instruments.clone();
    let mut chance = ChaCha20Rng::seed_from_u64(8);
    let known = choices(&world.ground.path("releases"), &versions).unwrap();
    assert_eq!((known.len(), known[0].rows, known[0].k), (1, base.report.rows, 5));
    let age = known[0].columns.iter().find(|column| column.name == "fascia_eta").unwrap();
    assert_eq!(age.levels[1], ["fino a 34 anni", "da 35 a 54 anni", "55 anni o più", "non noto"]);
    assert!(known[0].columns.iter().any(|column| column.name == "profilo" && column.levels.is_empty()));

    let asked = part(&world, &["fascia_eta", "sesso", "territorio", "profilo"], 12, &[("fascia_eta", 1)], &versions);
    let written = take_part(&asked, now(), &mut chance).unwrap().assess().unwrap().clear().unwrap();
    let written = written.write(&mut chance).unwrap();
    let table = read(&written.folder.join(TABLE)).unwrap();
    let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["fascia_eta", "sesso", "territorio", "profilo"]);
    assert_eq!((written.report.k, written.report.base.as_deref()), (12, Some(base.report.id.as_str())));
    assert!(written.report.measures.k_without_any_contributor >= Some(12));
    let alone = Checks::new(["fascia_eta", "sesso", "territorio"], Rules::k(12)).strict();
    assert!(verify(std::slice::from_ref(&table), &alone, &Beside::default()).unwrap().passed);
    assert!(
        counts(&table, "fascia_eta")
            .keys()
            .all(|age| ["0_34", "35_54", "55_plus", "non_noto", "*"].contains(&age.as_str()))
    );
    // The same people: the profile's counts are those of the whole table.
    let whole = read(&base.folder.join(TABLE)).unwrap();
    assert_eq!(table.num_rows(), whole.num_rows());
    assert_eq!(counts(&table, "profilo"), counts(&whole, "profilo"));
    check_beside(&written, &table);

    // Its twin has the columns and says nothing of who is in it.
    let twin =
        read(&twins_folder(&world.ground.path("releases")).join(&written.report.id).join("gemello.parquet")).unwrap();
    assert_eq!((twin.schema(), twin.num_rows()), (table.schema(), table.num_rows()));
    // Two parts of one table do not have the same order of rows.
    let other =
        take_part(&PartRequest { k: 5, coarser: BTreeMap::new(), ..asked.clone() }, now(), &mut chance).unwrap();
    let column = |table: &RecordBatch| {
        table
            .column_by_name("profilo")
            .unwrap()
            .as_string::<i32>()
            .iter()
            .map(|value| value.unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_ne!(column(&other.table.released), column(&whole));
    assert_ne!(column(&other.table.released), column(&table));
}

#[test]
fn a_part_tells_no_more_than_the_whole() {
    let world = world(7, true);
    world.release(5);
    let versions = world.ground.config.instruments.clone();
    let mut chance = ChaCha20Rng::seed_from_u64(8);
    let mut made = |columns: &[&str], k, coarser: &[(&str, usize)]| {
        take_part(&part(&world, columns, k, coarser, &versions), now(), &mut chance)
    };
    assert!(matches!(made(&["sesso"], 4, &[]), Err(ReleaseError::LowK(4))));
    assert!(matches!(made(&["sesso", "nome"], 5, &[]), Err(ReleaseError::Columns(why)) if why.contains("nome")));
    assert!(matches!(made(&["profilo"], 5, &[]), Err(ReleaseError::Columns(_))));
    assert!(matches!(made(&["sesso"], 5, &[("sesso", 9)]), Err(ReleaseError::Columns(_))));
    assert!(matches!(made(&["sesso"], 5, &[("fascia_eta", 1)]), Err(ReleaseError::Columns(_))));

    // A label finer than the whole table's, a class that would be seen through: neither gets through the gate.
    let whole = made(&["fascia_eta", "territorio"], 5, &[]).unwrap();
    let at = whole.table.released.schema().index_of("territorio").unwrap();
    let place = whole.table.released.column(at).as_string::<i32>().iter().position(|place| place == Some("Udine (UD)"));
    let mut finer = made(&["fascia_eta", "territorio"], 5, &[("territorio", 1)]).unwrap();
    if place.is_some() {
        let rows = finer.table.released.num_rows();
        let mut columns = finer.table.released.columns().to_vec();
        columns[at] = Arc::new(StringArray::from(vec!["Pordenone (PN)"; rows]));
        finer.table.released = RecordBatch::try_new(finer.table.released.schema(), columns).unwrap();
        assert!(matches!(finer.assess(), Err(ReleaseError::NotCoarser { .. })));
    }
    let mut seen_through = made(&["fascia_eta"], 5, &[]).unwrap();
    seen_through.table.k = 10_000;
    assert!(matches!(seen_through.assess(), Err(ReleaseError::SeenThrough { .. })));

    // A table that somebody changed is not taken apart.
    let path = world.ground.path("releases").join(format!("asso-{}", cutoff())).join(TABLE);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(made(&["sesso"], 5, &[]), Err(ReleaseError::Changed(_))));
}
