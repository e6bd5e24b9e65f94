//! What is shown of one state of the lake until another takes its place.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey};
use rand::SeedableRng;
use rand::rngs::StdRng;
use templates::Renderer;
use warehouse::{Counts, Lake, Publication, TableData, schema};
use workspace::{Place, Workspace};

use crate::desk::Desk;
use crate::extraction::tests::{DEFINITION, Row, batch, ente};
use crate::pages::{Asked, Choices, Data, data};
use crate::protect::{ALL, Protected, Start};
use crate::snapshot::{Position, Snapshot};
use crate::{Dashboards, Viewer, samples};

/// An Ente's lake that is published again and again, with what its dashboards keep.
struct World {
    _folder: tempfile::TempDir,
    lake: Lake,
    workspace: Workspace,
    chance: StdRng,
}

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}T03:00:00Z").parse().unwrap()
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut chance = StdRng::seed_from_u64(9);
        let ring = RingKey::generate(Ring::Lake, &mut chance);
        let lake = Lake::new(folder.path().join("lake"), folder.path().join("keys"), ring);
        std::fs::create_dir_all(lake.folder()).unwrap();
        let workspace = Workspace::open(&Place::File(folder.path().join("workspace.sqlite"))).await.unwrap();
        Self { _folder: folder, lake, workspace, chance }
    }

    /// Publishes people with when each was assessed.
    fn publish(&mut self, on: &str, people: &[(usize, &str)]) {
        let cell = |name: &'static str, text: &str| (name, text.to_owned());
        let (mut assessments, mut scores) = (Vec::new(), Vec::new());
        let mut number = 0;
        for &(count, validated) in people {
            for _ in 0..count {
                number += 1;
                let instant = at(validated).timestamp();
                let key = [
                    cell("pseudonym", &format!("{number:05}")),
                    cell("assessed_on", &instant.div_euclid(86_400).to_string()),
                    cell("assessment_id", &format!("{number:05}")),
                    cell("instrument", "prova"),
                    cell("version", "1"),
                ];
                let of_person: [(&str, &str); 10] = [
                    ("comune", "093033"),
                    ("unita", "sede"),
                    ("age", "40"),
                    ("sex", if number % 2 == 0 { "f" } else { "m" }),
                    ("is_disadvantage_known", "0"),
                    ("evaluation", "confirmed"),
                    ("origin", "portal"),
                    ("operator", "a"),
                    ("count_answered", "2"),
                    ("count_items", "2"),
                ];
                let mut row: Row = key.clone().into();
                row.extend(of_person.map(|(name, text)| cell(name, text)));
                row.insert("validated_at", instant.to_string());
                assessments.push(row);
                let mut row: Row = key.into();
                let of_score = [("scale", "scala"), ("points", "1"), ("reachable", "2"), ("items_answered", "2")];
                row.extend(of_score.map(|(name, text)| cell(name, text)));
                row.extend([cell("is_valid", "1"), cell("index_tenths", "500")]);
                scores.push(row);
            }
        }
        let table = |table: &str, rows: &[Row]| TableData {
            table: table.to_owned(),
            year: 2026,
            rows: batch(&schema::fixed(table).unwrap(), rows),
        };
        let publication = Publication {
            tables: vec![table("assessments", &assessments), table("scores", &scores)],
            last_seq: number,
            pseudonym_key_id: "00000000".to_owned(),
            instruments: vec![Instrument::parse(DEFINITION).unwrap()],
            counts: Counts { read: number, accepted: number, ..Counts::default() },
            source_mark: on.to_owned(),
            stages: 1,
            erasures: Vec::new(),
            restrictions: 0,
            keep_days: 0,
        };
        self.lake.publish(ente(1), publication, at(on), &mut self.chance).unwrap();
    }

    /// Dashboards that have just been started.
    fn dashboards(&self, has_desk: bool) -> Dashboards {
        let instruments = vec![Instrument::parse(DEFINITION).unwrap()];
        let dashboards = Dashboards::new(self.lake.clone(), instruments, Arc::new(Renderer::new().unwrap()));
        let clock = Arc::new(|| "2026-11-30T10:00:00Z".parse().unwrap());
        match has_desk {
            true => dashboards.with_desk(Desk::new(self.workspace.clone(), clock, StdRng::seed_from_u64(3))),
            false => dashboards,
        }
    }
}

/// How many people are shown, and of when, once everything is settled.
async fn shown(dashboards: &Dashboards) -> (Option<u32>, String) {
    let publication = dashboards.cache.publication(ente(1)).unwrap().unwrap();
    dashboards.cache.compute_all(&publication).await;
    let viewer = Viewer { ente: ente(1), ..samples::viewer() };
    let Ok(Data { position, figures, .. }) = data(dashboards, &Asked { viewer, choices: Choices::default() }).await
    else {
        panic!("there are figures")
    };
    (figures.people(ALL), position.published_at.format("%Y-%m-%d").to_string())
}

#[tokio::test]
async fn figures_stay_until_a_month_has_begun_and_enough_people_have_come() {
    let mut world = World::new().await;
    world.publish("2026-10-05", &[(60, "2026-09-30")]);
    let dashboards = world.dashboards(true);
    let first = (Some(60), "2026-10-05".to_owned());
    assert_eq!(shown(&dashboards).await, first);
    // Many, in the same month.
    world.publish("2026-10-31", &[(60, "2026-09-30"), (45, "2026-10-20")]);
    assert_eq!(shown(&dashboards).await, first);
    // The next month, and one too few.
    world.publish("2026-11-01", &[(60, "2026-09-30"), (19, "2026-10-20")]);
    assert_eq!(shown(&dashboards).await, first);
    // Nor are those enough who were there before.
    world.publish("2026-11-02", &[(70, "2026-10-04"), (19, "2026-10-20")]);
    assert_eq!(shown(&dashboards).await, first);
    world.publish("2026-11-03", &[(60, "2026-09-30"), (20, "2026-10-20")]);
    let second = (Some(80), "2026-11-03".to_owned());
    assert_eq!(shown(&dashboards).await, second);

    // After a restart what was shown is, whatever the lake has by now; without a desk nothing is known of it.
    world.publish("2026-11-20", &[(60, "2026-09-30"), (90, "2026-11-10")]);
    assert_eq!(shown(&world.dashboards(true)).await, second);
    assert_eq!(shown(&world.dashboards(false)).await, (Some(150), "2026-11-20".to_owned()));
    // What cannot be read is as if it were not there.
    let broken = b"{\"format\":\"snapshot 2\"}".to_vec();
    world.workspace.keep_snapshot(ente(1), "prova", 1, broken, at("2026-11-20")).await.unwrap();
    assert_eq!(shown(&world.dashboards(true)).await, (Some(150), "2026-11-20".to_owned()));
}

#[tokio::test]
async fn what_is_shown_stays_while_the_next_is_computed() {
    let mut world = World::new().await;
    world.publish("2026-10-05", &[(60, "2026-09-30")]);
    let dashboards = world.dashboards(true);
    shown(&dashboards).await;
    world.publish("2026-11-05", &[(60, "2026-09-30"), (60, "2026-10-30")]);
    let publication = dashboards.cache.publication(ente(1)).unwrap().unwrap();
    // Asked before anything of it is computed, without patience.
    let running = dashboards.cache.start(&publication, &publication.strumenti[0]);
    let ready = running.wait(std::time::Duration::ZERO).await;
    assert!(matches!(ready, crate::cache::Ready::Figures(Snapshot { position: Position { version: 1, .. }, .. })));
    assert_eq!(shown(&dashboards).await.0, Some(120));
}

/// A made-up Ente with everything, as it is kept.
fn kept() -> (Snapshot, String) {
    let of = &samples::all()[0];
    let snapshot = Snapshot { position: of.position, figures: Arc::clone(&of.figures) };
    let text = String::from_utf8(snapshot.to_bytes().unwrap()).unwrap();
    (snapshot, text)
}

#[test]
fn what_is_kept_is_read_as_it_was_and_has_nothing_hidden_in_it() {
    let (snapshot, text) = kept();
    let read = Snapshot::from_bytes(text.as_bytes()).unwrap();
    assert_eq!(read.position, snapshot.position);
    assert_eq!(*read.figures, *snapshot.figures);
    assert!(Snapshot::from_bytes(text.replace("snapshot 1", "snapshot 2").as_bytes()).is_err());
    // Every number of people in it is one that may be shown: none is under five, but where nobody can be.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cells = value["figures"]["tables"]["shown"].as_array().unwrap();
    assert!(cells.len() > 500, "{}", cells.len());
    for cell in cells {
        assert!(matches!(cell[1].as_u64().unwrap(), 0 | 5..), "{cell}");
    }
}

#[test]
fn a_snapshot_of_version_1_is_read_for_ever() {
    // Written once by version 1 and never changed.
    let version_1 = include_bytes!("fixtures/snapshot_1.json");
    let snapshot = Snapshot::from_bytes(version_1).unwrap();
    assert_eq!(snapshot.position.version, 7);
    assert_eq!(snapshot.figures.people(ALL), Some(300));
    assert_eq!(snapshot.to_bytes().unwrap(), version_1.trim_ascii_end());
}

#[test]
fn categories_of_what_was_shown_stay() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let first = samples::marts(&sheets, &strumento);
    let before = Protected::new(&first, &strumento, &Start::default(), None).unwrap();
    // More people, of a comune and an age that were rare.
    let more = samples::sheets(1_100, &strumento);
    let second = samples::marts(&more, &strumento);
    let now = Protected::new(&second, &strumento, &Start::default(), Some(&before)).unwrap();
    assert!(now.exposed().is_empty());
    let (then, is_pooled) = (before.comuni().to_vec(), before.has_other_comuni());
    assert!(then.iter().all(|comune| now.comuni().contains(comune)));
    // Whatever was shown is shown, where it is not small.
    let mut seen = 0;
    for comune in &then {
        for year in before.years() {
            if before.people_of(comune, year).is_some() {
                seen += 1;
                assert!(now.people_of(comune, year).is_some(), "{comune} {year}");
            }
        }
    }
    assert!(seen > 5 && is_pooled, "{seen}");
}
