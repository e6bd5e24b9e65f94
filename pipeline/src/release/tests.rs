//! Releases of generated partitions, and what a release refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use chrono::{DateTime, NaiveDate, Utc};
use domain::feed::{PersonToken, SealedLink};
use domain::keys::{Ring, RingKey};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

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
    World { ground, ring, links }
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
    fn draft(&self, instrument: &str, k: usize, seed: u64) -> Result<Draft, ReleaseError> {
        let request = Request {
            lake: &self.ground.config.lake,
            links: self.ground.config.links.clone(),
            ring: &self.ring,
            instruments: &self.ground.config.instruments,
            places: &places(),
            lock: self.ground.config.lock.clone(),
            releases: self.ground.path("releases"),
            instrument: instrument.into(),
            cutoff: cutoff(),
            k,
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
    assert_eq!((report.count_enti, report.count_humans), (4, 4 * PEOPLE - 3));
    // Fewer than ten are not told of.
    assert_eq!((report.count_in_several_enti, report.count_without_code), (None, None));
    assert_eq!(report.rows + report.suppressed, report.count_humans);
    assert!(report.suppressed * 10 <= report.count_humans);
    assert!(report.measures.k_without_any_contributor >= Some(5));
    let profile = report.measures.sensitive.iter().find(|of| of.column == "profilo").unwrap();
    assert!(profile.t_ordered.unwrap() <= T + 1e-9);
    assert_eq!((report.l, report.t_others_max), (L, T));
    for sensitive in &report.measures.sensitive {
        assert!(sensitive.distinct_l >= L || sensitive.column == "svantaggio", "{}", sensitive.column);
        assert!(sensitive.t_ordered.unwrap() <= report.t_others_max + 1e-9, "{}", sensitive.column);
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
    assert!(matches!(world.draft("asso", 5, 6), Err(ReleaseError::Twice(_))));
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
    assert_eq!((mark("id"), mark("k")), (written.report.id.clone(), "5".to_owned()));
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
    assert_eq!(one.parts.released, same.parts.released);
    assert_ne!(one.parts.released, other.parts.released);
    // Without codes in common everybody counts.
    assert_eq!(one.parts.report.count_humans, 4 * PEOPLE);

    let mut tampered = same;
    let table = tampered.parts.released.clone();
    let mut columns = table.columns().to_vec();
    let at = table.schema().index_of("fascia_eta").unwrap();
    let mut ages: Vec<&str> = columns[at].as_string::<i32>().iter().flatten().collect();
    ages[0] = "non_noto";
    columns[at] = Arc::new(StringArray::from(ages));
    tampered.parts.released = RecordBatch::try_new(table.schema(), columns).unwrap();
    let refused = tampered.assess().unwrap();
    assert!(!refused.verification().passed);
    assert!(matches!(refused.clear(), Err(ReleaseError::Refused { .. })));
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
