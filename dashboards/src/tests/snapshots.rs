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

use crate::cache::Ready;
use crate::characteristic::{Characteristic, Filter, NONE};
use crate::desk::Desk;
use crate::extraction::tests::{DEFINITION, Row, batch, ente};
use crate::pages::percorsi::Percorsi;
use crate::pages::{Asked, Choices, Data, data};
use crate::protect::{ALL, COHORTS, Protected, Start};
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

    /// Publishes people with when each was assessed, and how many of the first ones were assessed again, when.
    fn publish_again(&mut self, on: &str, people: &[(usize, &str)], again: (usize, &str)) {
        let cell = |name: &'static str, text: &str| (name, text.to_owned());
        let (mut assessments, mut scores) = (Vec::new(), Vec::new());
        let days = people.iter().flat_map(|&(count, validated)| std::iter::repeat_n(validated, count));
        let people: Vec<(usize, &str)> = days.enumerate().collect();
        let twice = people.iter().take(again.0).map(|&(person, _)| (person, again.1));
        for (number, (person, validated)) in people.iter().copied().chain(twice).enumerate() {
            let instant = at(validated).timestamp();
            let key = [
                cell("pseudonym", &format!("{person:05}")),
                cell("assessed_on", &instant.div_euclid(86_400).to_string()),
                cell("assessment_id", &format!("{number:05}")),
                cell("instrument", "prova"),
                cell("version", "1"),
            ];
            let of_person: [(&str, &str); 10] = [
                ("comune", "093033"),
                ("unita", "sede"),
                ("age", "40"),
                ("sex", if person % 2 == 0 { "f" } else { "m" }),
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
        let number = i64::try_from(assessments.len()).unwrap();
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

    fn publish(&mut self, on: &str, people: &[(usize, &str)]) {
        self.publish_again(on, people, (0, on));
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
    // Of those who were there before one is too few too, however many are new; twenty are enough, with nobody new.
    let (before, new) = ((80, "2026-09-30"), (30, "2026-11-30"));
    world.publish_again("2026-12-04", &[before, new], (1, "2026-11-30"));
    assert_eq!(shown(&dashboards).await, second);
    world.publish_again("2026-12-05", &[before], (20, "2026-11-30"));
    let third = (Some(80), "2026-12-05".to_owned());
    assert_eq!(shown(&dashboards).await, third);

    // After a restart what was shown is, whatever the lake has by now; without a desk nothing is known of it.
    world.publish("2026-12-20", &[(60, "2026-09-30"), (90, "2026-12-10")]);
    assert_eq!(shown(&world.dashboards(true)).await, third);
    assert_eq!(shown(&world.dashboards(false)).await, (Some(150), "2026-12-20".to_owned()));
    // What cannot be read is as if it were not there.
    let broken = b"{\"format\":\"snapshot 2\"}".to_vec();
    assert!(world.workspace.keep_snapshot(ente(1), "prova", at("2026-12-20"), broken).await.unwrap());
    assert_eq!(shown(&world.dashboards(true)).await, (Some(150), "2026-12-20".to_owned()));
}

/// Two looks at once: the one that comes second knows of the first, here and in another server.
#[tokio::test]
async fn two_states_that_are_looked_at_together_are_not_both_shown() {
    let mut world = World::new().await;
    world.publish("2026-10-05", &[(60, "2026-09-30")]);
    let (dashboards, other) = (world.dashboards(true), world.dashboards(true));
    assert_eq!((shown(&dashboards).await.0, shown(&other).await.0), (Some(60), Some(60)));
    world.publish("2026-11-02", &[(60, "2026-09-30"), (20, "2026-10-20")]);
    let first = dashboards.cache.publication(ente(1)).unwrap().unwrap();
    let running = dashboards.cache.start(&first, &first.strumenti[0]);
    world.publish("2026-11-03", &[(60, "2026-09-30"), (21, "2026-10-20")]);
    assert_ne!(shown(&dashboards).await.0, None);
    drop(running);
    let now = shown(&dashboards).await;
    assert_eq!(shown(&other).await, now, "another server shows the same");
    // Whichever came first, the other one waits for its month.
    world.publish("2026-11-04", &[(60, "2026-09-30"), (50, "2026-10-20")]);
    assert_eq!((shown(&dashboards).await, shown(&other).await), (now.clone(), now));
}

#[tokio::test]
async fn without_its_database_nothing_new_is_shown() {
    let mut world = World::new().await;
    world.publish("2026-10-05", &[(60, "2026-09-30")]);
    let dashboards = world.dashboards(true);
    assert_eq!(shown(&dashboards).await.0, Some(60));
    let started_later = world.dashboards(true);
    world.workspace.clone().close().await.unwrap();
    world.publish("2026-11-05", &[(60, "2026-09-30"), (60, "2026-10-30")]);
    assert_eq!(shown(&dashboards).await.0, Some(60));
    let publication = started_later.cache.publication(ente(1)).unwrap().unwrap();
    let running = started_later.cache.start(&publication, &publication.strumenti[0]);
    assert!(matches!(running.wait(std::time::Duration::from_secs(60)).await, Ready::Broken));
}

#[tokio::test]
async fn an_ente_that_has_left_is_forgotten() {
    let mut world = World::new().await;
    world.publish("2026-10-05", &[(60, "2026-09-30")]);
    let dashboards = world.dashboards(true);
    shown(&dashboards).await;
    world.publish("2026-10-06", &[(70, "2026-09-30")]);
    assert_eq!(shown(&dashboards).await.0, Some(60));
    let nobody: crate::desk::EnteReader = Arc::new(|_| Box::pin(async { Ok(None) }));
    dashboards.look_after(&nobody).await;
    assert_eq!(shown(&dashboards).await.0, Some(70), "it came back");
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
    assert!(matches!(ready, Ready::Figures(Snapshot { position: Position { version: 1, .. }, .. })));
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
    assert_eq!((read.position, read.to_bytes().unwrap()), (snapshot.position, text.clone().into_bytes()));
    assert!(Snapshot::from_bytes(text.replace("snapshot 2", "snapshot 3").as_bytes()).is_err());
    // Every number of people in it is one that may be shown: none is under five, but where nobody can be.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cells = value["figures"]["tables"]["shown"].as_array().unwrap();
    assert!(cells.len() > 500, "{}", cells.len());
    for cell in cells {
        assert!(matches!(cell[1].as_u64().unwrap(), 0 | 5..), "{cell}");
    }
    let crosses = value["figures"]["crosses"].as_array().unwrap();
    assert!(!crosses.is_empty());
    for group in crosses.iter().flat_map(|cross| cross[1]["table"]["groups"].as_array().unwrap()) {
        let targets = group["targets"].as_array().unwrap().iter().flat_map(|target| target.as_array().unwrap());
        for people in targets.chain([&group["people"]]).filter_map(serde_json::Value::as_u64) {
            assert!(people >= 5, "{group}");
        }
    }
    let names: Vec<&String> = value["figures"].as_object().unwrap().keys().collect();
    let known = "assessments blocks blocks_by_comune characteristics comune comuni crosses groups has_pyramid has_ungrouped median_quarters medians one_way repeated several tables targets year years";
    assert_eq!(
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "),
        known,
        "look at what is new before it is kept"
    );
}

#[test]
fn a_snapshot_of_version_1_is_read_for_ever() {
    // Written once by version 1 and never changed.
    let version_1 = include_bytes!("fixtures/snapshot_1.json");
    let snapshot = Snapshot::from_bytes(version_1).unwrap();
    let figures = &snapshot.figures;
    assert_eq!((snapshot.position.version, figures.people(ALL)), (7, Some(400)));
    assert!(!figures.groups().is_empty() && !figures.blocks().is_empty() && figures.has_other_comuni());
    let of_now = String::from_utf8(version_1.to_vec()).unwrap().replace("snapshot 1", "snapshot 2");
    assert_eq!(snapshot.to_bytes().unwrap(), of_now.trim_end().as_bytes());
}

#[test]
fn version_1_is_read_without_those_who_have_no_disadvantage() {
    let (snapshot, text) = kept();
    let read = Snapshot::from_bytes(text.replace("snapshot 2", "snapshot 1").as_bytes()).unwrap();
    let (then, now) = (&snapshot.figures, &read.figures);
    let of = Characteristic::Disadvantage;
    let shown = |figures: &Protected, category: &str| {
        let outcomes = figures.outcomes("ambito").iter();
        let cells = outcomes.map(|outcome| figures.outcome_with(of, category, "ambito", outcome, ALL).unwrap().people);
        cells.chain([figures.people_with(of, category, ALL)]).flatten().count()
    };
    assert!(shown(then, NONE) > 1 && shown(now, NONE) == 0);
    for category in of.categories().into_iter().filter(|category| *category != NONE) {
        assert_eq!(shown(then, category), shown(now, category), "{category}");
    }
}

#[test]
fn a_snapshot_of_version_2_is_read_for_ever() {
    // Written once by version 2 and never changed: the second of two states, with what left the others since the first.
    let version_2 = include_bytes!("fixtures/snapshot_2.json");
    let snapshot = Snapshot::from_bytes(version_2).unwrap();
    assert_eq!((snapshot.position.version, snapshot.figures.people(ALL)), (9, Some(900)));
    let text = String::from_utf8(snapshot.to_bytes().unwrap()).unwrap();
    assert!(text.contains(r#""former":[["relatives","other"]]"#) && !text.contains(r#""crosses":[]"#));
    assert_eq!(text.as_bytes(), version_2.trim_ascii_end());
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

#[test]
fn years_that_were_shown_stay_the_sums_of_their_quarters_and_are_not_drawn_beside_them() {
    let strumento = samples::strumento();
    let of = |people| samples::marts(&samples::sheets(people, &strumento), &strumento);
    let (few, many) = (of(120), of(900));
    let before = Protected::new(&few, &strumento, &Start::default(), None).unwrap();
    let years: Vec<&String> = before.names_in(COHORTS).iter().filter(|name| name.ends_with(" never")).collect();
    assert!(years.len() > 1 && years.iter().all(|name| name.len() == "2024 never".len()), "{years:?}");
    let now = Protected::new(&many, &strumento, &Start::default(), Some(&before)).unwrap();
    assert!(now.exposed().is_empty());
    for name in years {
        assert!(now.names_in(COHORTS).contains(name), "{name}");
    }
    let data = Data { figures: Arc::new(now), ..samples::data(&many, strumento).unwrap() };
    let page = Percorsi::new(&samples::viewer(), &data, &Choices::default());
    let is_quarter = |row: &crate::table::Row| row.head.contains("trimestre");
    let tables = page.tables();
    let (_, cohorts) = tables.iter().find(|(_, table)| table.rows.iter().any(is_quarter)).unwrap();
    assert!(cohorts.rows.iter().filter(|row| !row.is_total).all(is_quarter), "{:?}", cohorts.rows);
}

#[test]
fn two_filters_keep_what_was_shown_of_them() {
    let strumento = samples::strumento();
    let of = |people| samples::marts(&samples::sheets(people, &strumento), &strumento);
    let before = Protected::new(&of(900), &strumento, &Start::default(), None).unwrap();
    let now = Protected::new(&of(960), &strumento, &Start::default(), Some(&before)).unwrap();
    assert!(now.exposed().is_empty());
    keep(&before, &now);
    // So they do when they were not offered in between.
    let between = || Protected::new(&of(930), &strumento, &Start::default(), Some(&before)).unwrap();
    let withdrawn = between().with_crosses_withdrawn();
    keep(&between(), &Protected::new(&of(960), &strumento, &Start::default(), Some(&withdrawn)).unwrap());
}

/// Holds what is shown of two filters against what was shown of them before.
fn keep(before: &Protected, now: &Protected) {
    let filters: Vec<Filter> = Filter::ALL.into_iter().filter(|filter| filter.is_crossed()).collect();
    let pairs =
        filters.iter().enumerate().flat_map(|(place, &one)| filters[place + 1..].iter().map(move |&two| (one, two)));
    let (mut kept, mut hidden) = (0, 0);
    for (one, other) in pairs {
        let groups = |figures: &Protected| {
            let of = |filter, other| figures.crossed_with(filter, other).map(<[Vec<String>]>::to_vec);
            of(one, other).zip(of(other, one))
        };
        let (Some(then), Some(after)) = (groups(before), groups(now)) else { continue };
        for (then, after) in [(&then.0, &after.0), (&then.1, &after.1)] {
            for group in then {
                let joined = after.iter().find(|joined| joined.contains(&group[0])).unwrap();
                assert!(group.iter().all(|category| joined.contains(category)), "{group:?} in {joined:?}");
            }
        }
        if then != after {
            continue;
        }
        for (row, column) in then.0.iter().flat_map(|row| then.1.iter().map(move |column| (row, column))) {
            let of = |figures: &Protected| {
                let group = figures.of_two((one, &row[0]), (other, &column[0])).unwrap();
                let outcomes =
                    (0..group.outcomes("ambito").len()).map(|outcome| group.part("ambito", outcome, ALL).people);
                [group.people(ALL)].into_iter().chain(outcomes).collect::<Vec<_>>()
            };
            for (then, after) in of(before).into_iter().zip(of(now)) {
                assert_eq!(then.is_some(), after.is_some(), "{one:?} {other:?} {row:?} {column:?}: {then:?} {after:?}");
                kept += usize::from(then.is_some());
                hidden += usize::from(then.is_none());
            }
        }
    }
    assert!(kept > 50 && hidden > 0, "{kept} {hidden}");
}
