//! How an Ente's data stand on their way to the dashboards: what the portal counts now, what the last run came to, stage by
//! stage. Counts of questionnaires alone; nothing here speaks of anyone.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::feed::Tally;
use domain::run::{RunRecord, Standing};
use serde::Serialize;
use templates::{Area, Page, term};

use crate::reply::Outcome;
use crate::visitor::{Desk, SeeEnte, show_instant};

#[derive(Serialize)]
pub(crate) struct DataPage {
    standing: &'static str,
    /// What stopped the last run.
    cause: Option<String>,
    ran_at: Option<String>,
    in_order_at: Option<String>,
    compared: Vec<Compared>,
    is_same: bool,
    stages: Vec<Stage>,
}

/// One thing that portal and run count.
#[derive(Serialize)]
struct Compared {
    what: &'static str,
    portal: i64,
    run: Option<i64>,
}

/// A line of what the run did.
#[derive(Serialize)]
struct Stage {
    what: String,
    count: i64,
    /// Part of the line above.
    is_part: bool,
}

impl DataPage {
    fn new(tally: &Tally, record: Option<&RunRecord>, standing: Standing) -> Self {
        let counts = record.map(|record| &record.counts);
        let aside = |why: &str| counts.map(|counts| counts.set_aside.get(why).copied().unwrap_or(0));
        let compared = vec![
            Compared { what: "counting", portal: tally.count_counting(), run: counts.map(|counts| counts.current) },
            Compared { what: "superseded", portal: tally.superseded, run: aside("superseded") },
            Compared { what: "annulled", portal: tally.annulled, run: aside("annulled") },
            Compared { what: "restricted", portal: tally.restricted, run: aside("restricted") },
        ];
        let halt = record.and_then(|record| record.halt.as_ref());
        Self {
            standing: standing.code(),
            cause: halt.map(|halt| words("halt_cause", halt.cause.code())),
            ran_at: record.map(|record| show_instant(record.ran_at)),
            in_order_at: record.and_then(|record| record.in_order_at).map(show_instant),
            is_same: compared.iter().all(|line| line.run == Some(line.portal)),
            compared,
            stages: counts.map(stages).unwrap_or_default(),
        }
    }
}

/// A code that a later pipeline may have made stands for itself.
fn words(kind: &str, code: &str) -> String {
    term(kind, code).unwrap_or(code).to_owned()
}

fn stages(counts: &domain::run::StageCounts) -> Vec<Stage> {
    let whole = |what: &str, count| Stage { what: words("data_stage", what), count, is_part: false };
    let parts = |kind: &'static str, counts: &BTreeMap<String, i64>| {
        let part =
            move |(code, count): (&String, &i64)| Stage { what: words(kind, code), count: *count, is_part: true };
        counts.iter().map(part).collect::<Vec<_>>()
    };
    let mut lines = vec![whole("events", counts.events), whole("versions", counts.versions)];
    lines.extend(parts("data_set_aside", &counts.set_aside));
    lines.push(whole("current", counts.current));
    lines.extend(parts("data_rejected", &counts.rejected));
    lines.push(whole("accepted", counts.accepted));
    lines.push(whole("people", counts.people));
    lines
}

impl Page for DataPage {
    const TEMPLATE: &'static str = "pages/data.html";

    fn samples() -> Vec<Self> {
        let at = Some("29 novembre 2026, 3:10".to_owned());
        let line = |what, portal, run| Compared { what, portal, run };
        let stage = |what: &str, count, is_part| Stage { what: what.to_owned(), count, is_part };
        let sample = |standing, cause: Option<&str>, run| Self {
            standing,
            cause: cause.map(ToOwned::to_owned),
            ran_at: at.clone(),
            in_order_at: at.clone(),
            compared: vec![line("counting", 120, run), line("annulled", 2, Some(2))],
            is_same: run == Some(120),
            stages: vec![stage("Registrazioni lette", 140, false), stage("annullate", 2, true)],
        };
        vec![
            sample("in_order", None, Some(120)),
            sample("late", None, Some(119)),
            sample("halted", Some("i conti non tornano"), Some(119)),
            Self {
                standing: "waiting",
                cause: None,
                ran_at: None,
                in_order_at: None,
                compared: vec![line("counting", 3, None)],
                is_same: false,
                stages: Vec::new(),
            },
        ]
    }
}

pub(crate) async fn get(desk: Desk<SeeEnte>) -> Outcome {
    desk.store.record_reading(&desk.scope, "/dati", desk.now).await?;
    let tally = desk.store.tally(&desk.scope).await?;
    let record = desk.portal().run_record(desk.scope.ente()).await;
    let standing = Standing::of(record.as_ref(), desk.now);
    let page = DataPage::new(&tally, record.as_ref(), standing);
    Ok(desk.visitor.page(Area::Dati, StatusCode::OK, &page))
}
