//! The lake as a whole, on small hand-made tables: publishing, marts, damage, and what readers cannot do.

mod damage;
mod marts;
mod reliability;
mod renewal;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use uuid::Uuid;

use crate::{Counts, Lake, Manifest, Publication, TableData, VersionedManifest, parquet_file, schema, session};

const DEFINITION: &str = r#"
format = 1
id = "prova"
version = 1
status = "ufficiale"
languages = ["it"]
title = "Prova"
description = "Una prova."
source = "Nessuna."
licence = "CC0-1.0"
[[section]]
id = "only"
title = "Sezione"
[[section.item]]
id = "a"
text = "Prima?"
options = [{ value = 1, text = "Uno" }, { value = 2, text = "Due" }, { value = 3, text = "Tre" }]
keys = { scala = "forward" }
[[section.item]]
id = "b"
text = "Seconda?"
options = [{ value = 1, text = "Uno" }, { value = 2, text = "Due" }, { value = 3, text = "Tre" }]
keys = { scala = "reverse" }
[[scale]]
id = "scala"
title = "Scala"
description = "Una scala."
minimum_percent = 50
"#;

/// A row: column and value as text; columns left out are absent.
type Row<'a> = Vec<(&'a str, &'a str)>;

fn batch(schema: &SchemaRef, rows: &[Row<'_>]) -> RecordBatch {
    let value =
        |row: &Row<'_>, name: &str| row.iter().find(|(column, _)| *column == name).map(|(_, v)| (*v).to_owned());
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| {
            let cells: Vec<Option<String>> = rows.iter().map(|row| value(row, field.name())).collect();
            let parsed = |cell: &Option<String>| cell.as_ref().map(|cell| cell.parse::<i64>().unwrap());
            let small = |cell: &Option<String>| parsed(cell).map(|number| i32::try_from(number).unwrap());
            #[expect(clippy::wildcard_enum_match_arm, reason = "the lake has five types; arrow has many")]
            match field.data_type() {
                DataType::Utf8 => Arc::new(StringArray::from(cells)) as ArrayRef,
                DataType::Int16 => Arc::new(Int16Array::from_iter(
                    cells.iter().map(|cell| parsed(cell).map(|number| i16::try_from(number).unwrap())),
                )),
                DataType::Int32 => Arc::new(Int32Array::from_iter(cells.iter().map(small))),
                DataType::Date32 => Arc::new(Date32Array::from_iter(cells.iter().map(small))),
                _ => Arc::new(Int64Array::from_iter(cells.iter().map(parsed))),
            }
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

struct World {
    folder: tempfile::TempDir,
    lake: Lake,
    chance: ChaCha20Rng,
    instrument: Instrument,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn ente(number: u128) -> EnteId {
    EnteId(Uuid::from_u128(number))
}

/// Pseudonym, day since 1970, assessment, comune, answers to a and b.
type Sheet<'a> = (&'a str, &'a str, &'a str, &'a str, [&'a str; 2]);

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut chance = ChaCha20Rng::seed_from_u64(5);
        let ring = RingKey::generate(Ring::Lake, &mut chance);
        let lake = Lake::new(folder.path().join("lake"), folder.path().join("keys"), ring);
        fs::create_dir_all(lake.folder()).unwrap();
        let instrument = Instrument::parse(DEFINITION).unwrap();
        Self { folder, lake, chance, instrument }
    }

    fn publication(&self, sheets: &[Sheet<'_>]) -> Publication {
        // 2024-01-01 is day 19,723.
        let year = |day: &str| if day.parse::<i32>().unwrap() < 19_723 { 2023 } else { 2024 };
        let mut tables = Vec::new();
        for wanted in [2023, 2024] {
            let of_year: Vec<&Sheet<'_>> = sheets.iter().filter(|sheet| year(sheet.1) == wanted).collect();
            if of_year.is_empty() {
                continue;
            }
            let assessments: Vec<Row<'_>> = of_year
                .iter()
                .map(|(person, day, id, comune, _)| {
                    vec![
                        ("pseudonym", *person),
                        ("assessed_on", *day),
                        ("assessment_id", *id),
                        ("instrument", "prova"),
                        ("version", "1"),
                        ("comune", *comune),
                        ("age", "40"),
                        ("sex", "f"),
                        ("is_disadvantage_known", "0"),
                        ("evaluation", "confirmed"),
                        ("origin", "portal"),
                        ("operator", "o"),
                        ("validated_at", "0"),
                        ("count_answered", "2"),
                        ("count_items", "2"),
                    ]
                })
                .collect();
            let points: Vec<String> = of_year
                .iter()
                .map(|(.., [a, b])| (a.parse::<i32>().unwrap() - 1 + 3 - b.parse::<i32>().unwrap()).to_string())
                .collect();
            let tenths: Vec<String> =
                points.iter().map(|points| (points.parse::<i32>().unwrap() * 1000 / 4).to_string()).collect();
            let scores: Vec<Row<'_>> = of_year
                .iter()
                .enumerate()
                .map(|(at, (person, day, id, ..))| {
                    vec![
                        ("pseudonym", *person),
                        ("assessed_on", *day),
                        ("assessment_id", *id),
                        ("instrument", "prova"),
                        ("version", "1"),
                        ("scale", "scala"),
                        ("points", points[at].as_str()),
                        ("reachable", "4"),
                        ("items_answered", "2"),
                        ("is_valid", "1"),
                        ("index_tenths", tenths[at].as_str()),
                    ]
                })
                .collect();
            let answers: Vec<Row<'_>> = of_year
                .iter()
                .map(|(person, day, id, _, [a, b])| {
                    vec![
                        ("pseudonym", *person),
                        ("assessed_on", *day),
                        ("assessment_id", *id),
                        ("version", "1"),
                        ("a", *a),
                        ("b", *b),
                    ]
                })
                .collect();
            let data = |table: &str, schema: &SchemaRef, rows: &[Row<'_>]| TableData {
                table: table.to_owned(),
                year: wanted,
                rows: batch(schema, rows),
            };
            let fixed = |table: &str| schema::fixed(table).unwrap();
            tables.push(data(schema::ASSESSMENTS, &fixed(schema::ASSESSMENTS), &assessments));
            tables.push(data(schema::SCORES, &fixed(schema::SCORES), &scores));
            tables.push(data("answers_prova", &schema::answers(&[&self.instrument]), &answers));
        }
        Publication {
            tables,
            last_seq: i64::try_from(sheets.len()).unwrap(),
            pseudonym_key_id: "p".into(),
            instruments: vec![self.instrument.clone()],
            counts: Counts::default(),
            source_mark: "segments".into(),
            stages: 1,
            erasures: Vec::new(),
            restrictions: 0,
            keep_days: 0,
        }
    }

    fn publish(&mut self, number: u128, sheets: &[Sheet<'_>]) -> crate::Published {
        let publication = self.publication(sheets);
        self.lake.publish(ente(number), publication, now(), &mut self.chance).unwrap()
    }
}

const SHEETS: [Sheet<'static>; 5] = [
    ("p1", "19500", "a1", "093033", ["1", "3"]),
    ("p1", "19800", "a2", "093033", ["3", "1"]),
    ("p2", "19800", "a3", "093033", ["2", "2"]),
    ("p3", "19801", "a4", "030129", ["3", "2"]),
    ("p4", "19802", "a5", "030129", ["1", "2"]),
];

#[test]
fn marts_count_each_person_once_a_period() {
    let mut world = World::new();
    world.publish(1, &SHEETS);
    let lake = world.lake.ente(ente(1)).unwrap().unwrap();
    let totals: Vec<_> =
        lake.totals().unwrap().into_iter().map(|r| (r.period, r.people, r.assessments, r.reassessed)).collect();
    assert_eq!(totals, [("2023".to_owned(), 1, 1, 0), ("2024".to_owned(), 4, 4, 1), ("all".to_owned(), 4, 5, 1)]);
    let people: Vec<_> = lake
        .territory_people()
        .unwrap()
        .into_iter()
        .filter(|row| row.period == "all")
        .map(|row| (row.comune, row.people, row.people_18_64, row.assessments))
        .collect();
    assert_eq!(people, [("030129".to_owned(), 2, 2, 2), ("093033".to_owned(), 2, 2, 3)]);
    let index = lake.territory_index().unwrap();
    let whole = index.iter().find(|row| row.period == "all" && row.comune == "all").unwrap();
    // Of p1's last, p2, p3, p4: 1000, 500, 750, 250.
    assert_eq!((whole.people, whole.median_tenths, whole.sum_tenths), (4, 500, 2_500));
    let women: i64 = lake
        .community()
        .unwrap()
        .iter()
        .filter(|row| {
            row.period == "2024" && row.characteristic == "sex" && row.category == "f" && row.target == "people"
        })
        .map(|row| row.people)
        .sum();
    assert_eq!(women, 4);
    let paths = lake.paths().unwrap();
    let whole: Vec<_> = paths.iter().filter(|row| row.period == "all").map(|row| row.people).collect();
    assert_eq!(whole, [1]);
}

#[test]
fn alpha_is_cronbachs_with_reversed_keys() {
    let mut world = World::new();
    world.publish(1, &SHEETS);
    let lake = world.lake.ente(ente(1)).unwrap().unwrap();
    let [row] = lake.reliability().unwrap().try_into().unwrap();
    // Points of the last sheets: a 2 1 2 0, b (reversed) 2 1 1 1; variances 11/12 and 1/4, of the sum 5/3.
    // alpha = 2 · (1 − (11/12 + 1/4) ÷ 5/3) = 0.6.
    assert_eq!((row.items, row.cases, row.alpha_millionths), (2, 4, Some(600_000)));
}

#[test]
fn no_item_can_have_the_name_of_another_column() {
    for field in schema::answers(&[]).fields() {
        assert!(domain::instrument::RESERVED_ITEM_IDS.contains(&field.name().as_str()), "{}", field.name());
    }
}

#[test]
fn the_same_tables_again_change_nothing_and_a_change_touches_what_it_must() {
    let mut world = World::new();
    let first = world.publish(1, &SHEETS);
    assert!(first.is_changed && first.files_kept == 0);
    let left_behind = world.lake.folder().join(format!("ente={}/assessments/anno=2023/old.parquet", ente(1)));
    fs::write(&left_behind, "of a run that died").unwrap();
    let again = world.publish(1, &SHEETS);
    assert!(!again.is_changed && again.version == first.version, "{again:?}");
    assert!(!left_behind.exists());
    let before = world.lake.ente(ente(1)).unwrap().unwrap().manifest().clone();
    let mut fewer = SHEETS.to_vec();
    fewer.pop();
    world.publish(1, &fewer);
    let after = world.lake.ente(ente(1)).unwrap().unwrap().manifest().clone();
    let of_2023 = |manifest: &crate::Manifest| -> Vec<_> {
        manifest.files.iter().filter(|file| file.year == Some(2023)).map(|file| file.path.clone()).collect()
    };
    assert_eq!(of_2023(&before), of_2023(&after));
    // What was taken out is on no file any more.
    for file in &before.files {
        let path = world.lake.folder().join(format!("ente={}", ente(1))).join(&file.path);
        assert_eq!(path.exists(), after.files.contains(file), "{}", file.path);
    }
    // A lake made at once from what is left has the same content, whatever its keys' ciphertext.
    world.lake.verify(ente(1)).unwrap();
}

#[test]
fn a_flipped_byte_is_found_wherever_it_is() {
    let mut world = World::new();
    world.publish(1, &SHEETS);
    let manifest = world.lake.ente(ente(1)).unwrap().unwrap().manifest().clone();
    for file in &manifest.files {
        let path = world.lake.folder().join(format!("ente={}", ente(1))).join(&file.path);
        let whole = fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(world.lake.verify(ente(1)).is_err(), "{} byte {at}", file.path);
        }
        fs::write(&path, &whole).unwrap();
    }
    world.lake.verify(ente(1)).unwrap();
    let folder = world.lake.folder().join(format!("ente={}", ente(1)));
    let path = folder.join(world.lake.manifests(&folder).unwrap()[0].file());
    let mut changed = fs::read(&path).unwrap();
    changed[40] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert!(world.lake.ente(ente(1)).is_err());
}

#[test]
fn enti_have_their_own_keys_and_a_destroyed_key_silences() {
    let mut world = World::new();
    world.publish(1, &SHEETS);
    world.publish(2, &SHEETS[..3]);
    assert_eq!(world.lake.enti().unwrap(), [ente(1), ente(2)]);
    let (one, two) = (world.lake.ente(ente(1)).unwrap().unwrap(), world.lake.ente(ente(2)).unwrap().unwrap());
    assert_ne!(one.manifest().lake_key_id, two.manifest().lake_key_id);
    let counted = two.query("select count(*) as people from assessments").unwrap();
    assert_eq!(counted.rows, [[Some("3".to_owned())]]);
    let file = &one.manifest().files[0];
    let outside = world.lake.folder().join(format!("ente={}", ente(1))).join(&file.path);
    assert!(two.query(&format!("select * from read_parquet('{}')", outside.display())).is_err());
    for refused in ["drop table assessments", "select 1; select 2", "copy assessments to 'x.csv'", "", "install httpfs"]
    {
        assert!(two.query(refused).is_err(), "{refused}");
    }
    // A key that is gone is not replaced in silence.
    let key = world.folder.path().join(format!("keys/{}.key", ente(1)));
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert!(world.lake.ente(ente(1)).is_err());
    let publication = world.publication(&SHEETS);
    assert!(world.lake.publish(ente(1), publication, now(), &mut world.chance).is_err());
    assert!(!key.exists());
    fs::write(&key, kept).unwrap();
    world.lake.verify(ente(1)).unwrap();
    world.lake.close(ente(1)).unwrap();
    assert!(!key.exists() && world.lake.enti().unwrap() == [ente(2)]);
    assert!(world.lake.ente(ente(1)).unwrap().is_none());
    world.lake.close(ente(1)).unwrap();
    world.lake.verify(ente(2)).unwrap();
}

#[test]
fn nothing_readable_stands_in_a_file() {
    let mut world = World::new();
    world.publish(1, &SHEETS);
    let manifest = world.lake.ente(ente(1)).unwrap().unwrap().manifest().clone();
    for file in &manifest.files {
        let bytes = fs::read(world.lake.folder().join(format!("ente={}", ente(1))).join(&file.path)).unwrap();
        for canary in ["093033", "pseudonym", "prova", "scala"] {
            assert!(
                !bytes.windows(canary.len()).any(|window| window == canary.as_bytes()),
                "{canary} in {}",
                file.path
            );
        }
    }
}

/// All tables, also those that few sheets fill.
fn publication_1(world: &World) -> Publication {
    let mut publication = world.publication(&SHEETS);
    let key = [("pseudonym", "p2"), ("assessed_on", "19800"), ("assessment_id", "a3")];
    let with_key =
        |more: &[(&'static str, &'static str)]| -> Row<'static> { key.iter().chain(more).copied().collect() };
    for (table, rows) in [
        (schema::DISADVANTAGES, vec![with_key(&[("category", "housing")]), with_key(&[("category", "poverty")])]),
        (schema::BLOCKS, vec![with_key(&[("instrument", "prova"), ("block", "lingua")])]),
        (
            schema::AZIONI,
            vec![
                with_key(&[("instrument", "prova"), ("azione", "casa")]),
                with_key(&[("instrument", "prova"), ("azione", "corso"), ("outcome", "completed")]),
            ],
        ),
    ] {
        let rows = batch(&schema::fixed(table).unwrap(), &rows);
        publication.tables.push(TableData { table: table.to_owned(), year: 2024, rows });
    }
    publication
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Written once by each version, under nobody's key (32 times the byte 2), and never changed: what was published then is read
/// for ever, and its content has the same digests, so that the next run keeps its files.
fn check_fixture(name: &str) {
    let ring = || {
        let text = format!("noncello-key 1 lake cb200c44 {}\n", "02".repeat(32));
        RingKey::parse(&text, Ring::Lake).unwrap()
    };
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let open = |at: &Path| Lake::new(at.join("lake"), at.join("keys"), ring());
    let mut world = World::new();
    if !fixture.exists() {
        open(&fixture).publish(ente(1), publication_1(&world), now(), &mut world.chance).unwrap();
        panic!(
            "{} was missing and is written anew: bring the old one back, unless the format is new",
            fixture.display()
        );
    }
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture, folder.path());
    let lake = open(folder.path());
    lake.verify(ente(1)).unwrap();
    let before = lake.ente(ente(1)).unwrap().unwrap();
    let mut publication = publication_1(&world);
    publication.tables.sort_by(|a, b| (&a.table, a.year).cmp(&(&b.table, b.year)));
    let tables: BTreeSet<String> = publication.tables.iter().map(|table| table.table.clone()).collect();
    for table in &tables {
        let of_table = publication.tables.iter().filter(|data| data.table == *table);
        let wanted: Vec<RecordBatch> = of_table.map(|data| data.rows.clone()).collect();
        assert_eq!(before.table(table).unwrap(), wanted, "{table}");
    }
    assert_eq!(tables.len(), schema::FIXED_TABLES.len() + 1);
    lake.publish(ente(1), publication, now(), &mut world.chance).unwrap();
    let after = lake.ente(ente(1)).unwrap().unwrap();
    let base = |lake: &crate::EnteLake| -> Vec<crate::FileEntry> {
        lake.manifest().files.iter().filter(|file| file.year.is_some()).cloned().collect()
    };
    assert_eq!(base(&before), base(&after));
}

#[test]
fn lake_1_is_read_and_its_files_are_kept() {
    check_fixture("lake-1");
}

#[test]
fn lake_2_is_read_and_its_files_are_kept() {
    check_fixture("lake-2");
}

/// Manifests of "lake 2" under names that tell their hashes, and a root that tells its own.
#[test]
fn root_2_is_read_and_its_files_are_kept() {
    check_fixture("lake-2-root-2");
}

/// The versions of an Ente whose manifests are there.
fn versions(world: &World, folder: &Path) -> Vec<i64> {
    world.lake.manifests(folder).unwrap().into_iter().map(|name| name.version).collect()
}

fn manifest(world: &World, folder: &Path, version: i64) -> Manifest {
    let name = world.lake.manifests(folder).unwrap().into_iter().find(|name| name.version == version).unwrap();
    serde_json::from_slice::<VersionedManifest>(&fs::read(folder.join(name.file())).unwrap()).unwrap().into_latest()
}

#[test]
fn what_was_visible_is_kept_for_some_days_unless_somebody_was_taken_out_of_it() {
    let mut world = World::new();
    let folder = world.lake.folder().join(format!("ente={}", ente(1)));
    let versions = |world: &World| versions(world, &folder);
    let mut seq = 0;
    let mut publish = |world: &mut World, sheets: &[Sheet<'_>], days: i64, change: &dyn Fn(&mut Publication)| {
        seq += 1;
        let mut publication = Publication { keep_days: 7, last_seq: seq, ..world.publication(sheets) };
        change(&mut publication);
        let at = now() + chrono::TimeDelta::days(days);
        world.lake.publish(ente(1), publication, at, &mut world.chance).unwrap();
    };
    publish(&mut world, &SHEETS, 0, &|_| ());
    publish(&mut world, &SHEETS[..4], 1, &|_| ());
    publish(&mut world, &SHEETS[..3], 3, &|_| ());
    assert_eq!(versions(&world), [1, 2, 3]);
    for version in [1, 2] {
        let earlier = manifest(&world, &folder, version);
        assert!(earlier.files.iter().all(|file| folder.join(&file.path).is_file()), "version {version}");
    }
    // The first was visible until day 1, the second until day 3.
    publish(&mut world, &SHEETS[..2], 9, &|_| ());
    assert_eq!(versions(&world), [2, 3, 4]);
    let named = |world: &World| -> BTreeSet<String> {
        let manifests = versions(world).into_iter().map(|version| manifest(world, &folder, version));
        manifests.flat_map(|manifest| manifest.files).map(|file| file.path).collect()
    };
    let there = || -> BTreeSet<String> {
        crate::layout::walk(&folder).unwrap().into_iter().filter(|path| path.ends_with(".parquet")).collect()
    };
    assert_eq!(there(), named(&world));
    // Nothing new, and time goes by.
    let present = world.lake.manifest(ente(1)).unwrap().unwrap();
    assert!(world.lake.keep(&present, now() + chrono::TimeDelta::days(12), 7).unwrap());
    assert_eq!(versions(&world), [3, 4]);
    publish(&mut world, &SHEETS[..1], 12, &|publication| publication.restrictions = 1);
    assert_eq!(versions(&world), [5]);
    publish(&mut world, &SHEETS[..2], 13, &|publication| publication.restrictions = 1);
    assert_eq!(versions(&world), [5, 6]);
    publish(&mut world, &SHEETS[..1], 14, &|publication| {
        publication.restrictions = 1;
        publication.erasures = vec![6];
    });
    assert_eq!(versions(&world), [7]);
    assert_eq!(there(), named(&world));
    // The proof says when, for ever, and not who.
    publish(&mut world, &SHEETS[..1], 20, &|publication| {
        publication.restrictions = 1;
        publication.erasures = vec![6, 8];
    });
    let proofs = world.lake.manifest(ente(1)).unwrap().unwrap().erasures;
    let days = |proof: &crate::Erasure| (proof.published_at - now()).num_days();
    assert_eq!(
        proofs.iter().map(|proof| (proof.seq, proof.version, days(proof))).collect::<Vec<_>>(),
        [(6, 7, 14), (8, 8, 20)]
    );
}

#[test]
fn what_is_being_read_is_not_removed() {
    let mut world = World::new();
    world.publish(1, &SHEETS);
    world.publish(1, &SHEETS[..4]);
    let reader = world.lake.ente(ente(1)).unwrap().unwrap();
    world.publish(1, &SHEETS[..3]);
    assert_eq!(reader.query("select count(*) from assessments").unwrap().rows, [[Some("4".to_owned())]]);
    drop(reader);
    let reader = world.lake.ente(ente(1)).unwrap().unwrap();
    assert_eq!(reader.query("select count(*) from assessments").unwrap().rows, [[Some("3".to_owned())]]);
    // What must go is waited for, and removed as soon as the reader has ended.
    let publication = Publication { erasures: vec![5], ..world.publication(&SHEETS[..2]) };
    let lake = world.lake.clone();
    let mut chance = ChaCha20Rng::seed_from_u64(8);
    let publisher = std::thread::spawn(move || lake.publish(ente(1), publication, now(), &mut chance).unwrap());
    while world.lake.manifest(ente(1)).unwrap().unwrap().version < 4 {
        std::thread::yield_now();
    }
    assert_eq!(reader.query("select count(*) from assessments").unwrap().rows, [[Some("3".to_owned())]]);
    drop(reader);
    publisher.join().unwrap();
    let folder = world.lake.folder().join(format!("ente={}", ente(1)));
    assert_eq!(versions(&world, &folder), [4]);
}

/// Files of one page a chunk are read by DuckDB in place, over several row groups, whatever is asked of them: more pages
/// would look tampered with, and so would any once a condition is pushed into the scan.
#[test]
fn duckdb_reads_more_than_a_million_rows_in_place() {
    const ROWS: i32 = 1_100_000;
    let folder = tempfile::tempdir().unwrap();
    let key = RingKey::generate(Ring::Lake, &mut ChaCha20Rng::seed_from_u64(9)).derive("test");
    let field = |name: &str, kind: DataType, is_nullable: bool| arrow::datatypes::Field::new(name, kind, is_nullable);
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![
        field("n", DataType::Int32, false),
        field("person", DataType::Utf8, false),
        field("assessed_on", DataType::Date32, false),
        field("comune", DataType::Utf8, true),
        field("a", DataType::Int16, true),
    ]));
    let all = |from: i32, to: i32| {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(from..to)),
            Arc::new(StringArray::from_iter_values((from..to).map(|n| format!("{:032x}", i64::from(n / 3) * 7919)))),
            Arc::new(Date32Array::from_iter_values((from..to).map(|n| 19_000 + n % 365))),
            Arc::new(StringArray::from_iter((from..to).map(|n| (n % 11 != 0).then(|| format!("0930{:02}", n % 60))))),
            Arc::new(Int16Array::from_iter((from..to).map(|n| i16::try_from(n % 5).ok().filter(|a| *a > 0)))),
        ];
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    let files = [(0, 1_000_000), (1_000_000, ROWS)].map(|(from, to)| {
        let path = folder.path().join(format!("from_{from}.parquet"));
        fs::write(&path, parquet_file::write(&all(from, to), &key).unwrap()).unwrap();
        path
    });
    let tables = [session::TableFiles { table: "many".into(), files: files.to_vec() }];
    let in_memory = all(0, ROWS);
    let in_place = session::open_files(&[folder.path()], Some(&key), &tables, crate::lake::LIMITS).unwrap();
    let in_memory = session::open_rows(folder.path(), [("many", &in_memory)], crate::lake::LIMITS).unwrap();
    let ask = |connection: &duckdb::Connection, sql: &str| -> String {
        let mut statement = connection.prepare(sql).unwrap();
        let rows: Vec<RecordBatch> =
            statement.query_arrow([]).unwrap_or_else(|error| panic!("{sql}: {error}")).collect();
        arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string()
    };
    let rows = i64::from(ROWS);
    let sum = ask(&in_place, "select cast(sum(n) as bigint) from many");
    assert!(sum.contains(&(rows * (rows - 1) / 2).to_string()));
    for sql in [
        "select count(*) from many where comune = '093033'",
        "select count(*) from many where comune in ('093033', '093034') and a is not null",
        "select sum(n) from many where n between 999000 and 1000500",
        "select count(*) from many where a is null or comune is null",
        "select sum(n) from many where person = '00000000000000000000000000000000'",
        "select sum(n) from many where person > '000000000000000000000000a0000000'",
        "select count(distinct person) from many where assessed_on = date '2022-02-05'",
        "select n from many order by n desc limit 7",
        "select comune, n from many order by comune nulls first, n limit 5 offset 3",
        "select person, max(n) from many group by person having max(n) > 1099900 order by 1",
        "select count(*) from many x join (select distinct person from many where n < 90) y using (person)",
        "select count(*) from many x left join many y on x.n = y.n + 1000000 where y.n is not null",
        "select count(*) from many where exists (select 1 from many y where y.n = many.n * 2 and y.n < 100)",
        "select count(*) from (select *, row_number() over (partition by person order by n) as place from many) where place = 2",
        "select count(*) from many where n < (select min(n) from many where comune = '093059')",
        "select assessed_on, count(*) from many where a = 3 group by assessed_on order by 2 desc, 1 limit 3",
        "select count(*) from many where n % 1000 = 0 and comune like '0930%' and not (a = 1)",
        "select min(n), max(n), count(a) from many",
        "select count(*) from many x, many y where x.n = y.n and y.comune = '093033'",
    ] {
        assert_eq!(ask(&in_place, sql), ask(&in_memory, sql), "{sql}");
    }
}
