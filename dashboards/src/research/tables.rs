//! The whole tables of which projects get parts, and the builder's work.

use axum::extract::{Query, State};
use axum::response::Response;
use domain::instrument::Id;
use serde::Serialize;
use templates::{Area, Page};
use workspace::{BaseOrder, Job, JobState, Work};

use super::fields::{self, Field, Fields, Offer, Problem, Sent};
use super::{BaseTable, Research, ResearchAct, Said, SaidView, Scholar, Trouble, back, day};
use crate::text;

/// Jobs that the page shows.
const JOBS_SHOWN: u64 = 20;

/// A whole table, in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TableRow {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) cutoff: String,
    pub(crate) entered_after: Option<String>,
    pub(crate) entered_by: String,
    pub(crate) k: u32,
    pub(crate) rows: u64,
    pub(crate) columns: usize,
}

impl TableRow {
    pub(super) fn of(table: &BaseTable) -> Self {
        Self {
            id: table.id.clone(),
            title: table.title.clone(),
            cutoff: day(table.cutoff),
            entered_after: table.entered_after.map(day),
            entered_by: day(table.entered_by),
            k: table.k,
            rows: table.rows,
            columns: table.columns.len(),
        }
    }

    pub(super) fn sample() -> Self {
        Self {
            id: "asso-2026-06-30".into(),
            title: "ASSO".into(),
            cutoff: "30/06/2026".into(),
            entered_after: Some("30/06/2024".into()),
            entered_by: "30/06/2025".into(),
            k: 5,
            rows: 1_804,
            columns: 22,
        }
    }
}

/// A job, in a list.
#[derive(Clone, Debug, Serialize)]
struct JobRow {
    /// What it makes: a code.
    makes: &'static str,
    of: String,
    state: &'static str,
    queued_at: String,
    by: String,
    problem: Option<String>,
}

impl JobRow {
    fn of(job: Job) -> Self {
        let (makes, of) = match &job.work {
            Work::Base(order) => ("base", format!("{}-{}", order.instrument, order.cutoff)),
            Work::Draft { request } => ("draft", request.to_string()),
        };
        let (state, problem, of) = match job.state {
            JobState::Queued => ("queued", None, of),
            JobState::Started { .. } => ("started", None, of),
            JobState::Done { made, .. } => ("done", None, made),
            JobState::Failed { problem, .. } => ("failed", Some(problem), of),
            JobState::Dropped { .. } => ("dropped", None, of),
        };
        Self { makes, of, state, queued_at: text::instant(job.queued_at), by: job.by.name, problem }
    }
}

#[derive(Serialize)]
pub(crate) struct TablesPage {
    said: SaidView,
    tables: Vec<TableRow>,
    jobs: Vec<JobRow>,
    strumenti: Vec<Offer>,
    problems: Vec<Problem>,
    strumento: Field,
    cutoff: Field,
    entered_by: Field,
    k: Field,
}

impl Page for TablesPage {
    const TEMPLATE: &'static str = "pages/research_tables.html";

    fn samples() -> Vec<Self> {
        let job = |state: &'static str| JobRow {
            makes: "base",
            of: "asso-2026-06-30".into(),
            state,
            queued_at: "01/07/2026 10:00".into(),
            by: "Ufficio ricerca".into(),
            problem: (state == "failed").then(|| "a release needs people of at least 3 Enti".into()),
        };
        let blank = || Self {
            said: SaidView::default(),
            tables: Vec::new(),
            jobs: Vec::new(),
            strumenti: vec![Offer { code: "asso".into(), text: "ASSO".into() }],
            problems: Vec::new(),
            strumento: Field::default(),
            cutoff: Field::default(),
            entered_by: Field::default(),
            k: Field::of("5"),
        };
        let mut wrong = blank();
        for (name, code) in [("cutoff", "date"), ("entered_by", "date_order"), ("k", "people_k")] {
            wrong.mark(name, code);
        }
        let jobs = ["queued", "started", "done", "failed", "dropped"].map(job).into();
        vec![blank(), wrong, Self { tables: vec![TableRow::sample()], jobs, ..blank() }]
    }
}

impl TablesPage {
    fn mark(&mut self, name: &'static str, code: &'static str) {
        self.problems.push(Problem { name, code });
        let field = match name {
            "strumento" => &mut self.strumento,
            "cutoff" => &mut self.cutoff,
            "entered_by" => &mut self.entered_by,
            _ => &mut self.k,
        };
        field.error = Some(code);
    }
}

async fn blank(research: &Research) -> Result<TablesPage, Trouble> {
    let tables = research.bases().await?;
    let jobs = research.workspace().jobs(JOBS_SHOWN).await?;
    let strumenti = &research.shared.config.strumenti;
    Ok(TablesPage {
        said: SaidView::default(),
        tables: tables.iter().map(TableRow::of).collect(),
        jobs: jobs.into_iter().map(JobRow::of).collect(),
        strumenti: strumenti.iter().map(|one| Offer { code: one.id.clone(), text: one.title.clone() }).collect(),
        problems: Vec::new(),
        strumento: Field::default(),
        cutoff: Field::default(),
        entered_by: Field::default(),
        k: Field::of("5"),
    })
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Query(said): Query<Said>,
) -> Result<Response, Trouble> {
    scholar.see("/ricerca/tabelle").await?;
    let page = TablesPage { said: said.view(), ..blank(&research).await? };
    Ok(research.page(&scholar, Area::Ricerca, page).await)
}

pub(super) async fn build(State(research): State<Research>, scholar: Scholar, sent: Sent) -> Result<Response, Trouble> {
    let fields = Fields::read(sent)?;
    let mut page = TablesPage {
        strumento: fields.field("strumento"),
        cutoff: fields.field("cutoff"),
        entered_by: fields.field("entered_by"),
        k: fields.field("k"),
        ..blank(&research).await?
    };
    let known = page.strumenti.iter().any(|one| one.code == page.strumento.value);
    let instrument = known.then(|| Id::parse(&page.strumento.value).ok()).flatten();
    let (cutoff, entered_by) = (fields::day(&page.cutoff.value), fields::day(&page.entered_by.value));
    let k = page.k.value.parse::<u32>().ok().filter(|k| *k >= workspace::K_MIN);
    for (name, is_wrong, code) in [
        ("strumento", instrument.is_none(), "choice"),
        ("cutoff", cutoff.is_none_or(|day| day > research.today()), "date_past"),
        ("entered_by", entered_by.is_none(), "date"),
        ("entered_by", cutoff.zip(entered_by).is_some_and(|(cutoff, entered)| entered > cutoff), "date_order"),
        ("k", k.is_none(), "people_k"),
    ] {
        if is_wrong {
            page.mark(name, code);
        }
    }
    let (Some(instrument), Some(cutoff), Some(entered_by), Some(k), true) =
        (instrument, cutoff, entered_by, k, page.problems.is_empty())
    else {
        return Ok(research.again(&scholar, Area::Ricerca, page).await);
    };
    let order = BaseOrder { instrument, entered_by, cutoff, k };
    scholar
        .tell(ResearchAct::Build, format!("{}-{cutoff}", order.instrument), format!("entered_by={entered_by} k={k}"))
        .await?;
    let queued = research.workspace().queue_base(&scholar.person, &order, research.now(), &mut research.chance()).await;
    let outcome = super::outcome("queued", queued.map(|_| ()))?;
    research.wake();
    Ok(back("/ricerca/tabelle", outcome))
}
