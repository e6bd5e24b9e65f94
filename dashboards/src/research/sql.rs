//! SQL over the releases of a project: one SELECT in a process of its own, which can open the files of that project's releases and
//! nothing else. Queries can be saved for the project, and everything asked is in its log.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono_tz::Europe::Rome;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use templates::{Area, POLICY_WITH_SCRIPTS, Page};
use warehouse::analyst::{self, Answer, AnswerError};
use workspace::{NewLogLine, Project, QueryId, Release, WorkspaceError};

use super::chart::Chart;
use super::fields::{Fields, Sent};
use super::office::ProjectRow;
use super::release::table_name;
use super::{BaseColumn, Research, ResearchAct, SaidView, Scholar, TABLE, Trouble, back, id, outcome, scholar};
use crate::pages::NO_STORE;
use crate::query::{self, AnswerFormat, CHARACTERS_MAX, Problem, Unanswered, shape};
use crate::text;

/// Lines of the log that the page shows.
const LOG_SHOWN: u64 = 20;

/// Characters of a question that the log shows.
const SQL_CHARACTERS: usize = 300;

/// A table that can be asked: a release.
#[derive(Clone, Debug, Serialize)]
struct Table {
    name: String,
    release: String,
    rows: u64,
    columns: Vec<BaseColumn>,
}

/// A query that somebody of the project saved.
#[derive(Clone, Debug, Serialize)]
struct Saved {
    id: String,
    name: String,
    by: String,
}

/// A question that was asked.
#[derive(Clone, Debug, Serialize)]
struct Logged {
    at: String,
    by: String,
    sql: String,
    outcome: String,
    rows: Option<u64>,
}

/// An example to begin with.
#[derive(Clone, Debug, Serialize)]
struct Example {
    title: &'static str,
    sql: String,
}

#[derive(Serialize)]
pub(crate) struct SqlPage {
    said: SaidView,
    project: ProjectRow,
    tables: Vec<Table>,
    sql: String,
    is_blank: bool,
    characters_max: usize,
    rows_max: usize,
    mebibytes_max: usize,
    seconds_max: u32,
    formats: Vec<&'static str>,
    examples: Vec<Example>,
    saved: Vec<Saved>,
    log: Vec<Logged>,
    problem: Option<Problem>,
    shown: Option<shape::Shown>,
    chart: Option<Chart>,
}

impl Page for SqlPage {
    const TEMPLATE: &'static str = "pages/scholar_sql.html";
    const SCRIPTS: &'static [&'static str] = &["queries.js"];

    fn samples() -> Vec<Self> {
        let column = |name: &str, levels: &[&str]| BaseColumn {
            name: name.into(),
            meaning: "Che cosa vuol dire".into(),
            levels: levels.iter().map(|level| vec![(*level).to_owned()]).collect(),
        };
        let page = || Self {
            said: SaidView::default(),
            project: ProjectRow::sample("active"),
            tables: vec![Table {
                name: "asso_2026_06_30_01".into(),
                release: "asso-2026-06-30-01".into(),
                rows: 1_804,
                columns: vec![column("sesso", &["f"]), column("profilo", &[])],
            }],
            sql: "select 1".into(),
            is_blank: false,
            characters_max: CHARACTERS_MAX,
            rows_max: query::CAPS.rows,
            mebibytes_max: query::CAPS.bytes >> 20,
            seconds_max: query::CAPS.seconds,
            formats: AnswerFormat::ALL.map(AnswerFormat::code).into(),
            examples: examples("asso_2026_06_30_01", &["sesso", "anno", "profilo"]),
            saved: vec![Saved { id: "1".into(), name: "Profili".into(), by: "Anna Verdi".into() }],
            log: vec![Logged {
                at: "01/07/2026 10:00".into(),
                by: "Anna Verdi".into(),
                sql: "select 1".into(),
                outcome: "answered".into(),
                rows: Some(1),
            }],
            problem: None,
            shown: None,
            chart: None,
        };
        let shown = |rows: usize, count_rows| shape::Shown {
            columns: vec![
                shape::ShownColumn { name: "profilo".into(), is_number: false },
                shape::ShownColumn { name: "persone".into(), is_number: true },
            ],
            rows: vec![vec![Some("svantaggio lieve".into()), None]; rows],
            count_rows,
            count_columns: 2,
            hundredths: 12,
        };
        let blank = Self { sql: String::new(), is_blank: true, saved: Vec::new(), log: Vec::new(), ..page() };
        let refused = Unanswered::Refused("Parser Error: no".into());
        vec![
            Self { tables: Vec::new(), examples: Vec::new(), ..blank },
            page(),
            Self { problem: Some(Problem::of(&refused)), ..page() },
            Self { shown: Some(shown(0, 0)), ..page() },
            Self { shown: Some(shown(2, 2)), chart: Some(Chart::sample()), ..page() },
            Self {
                shown: Some(shown(2, 4_000)),
                said: SaidView { done: Some("saved".into()), problem: None },
                ..page()
            },
        ]
    }
}

/// Questions to begin with, of a table that has these columns.
fn examples(table: &str, columns: &[&str]) -> Vec<Example> {
    let has = |name: &str| columns.contains(&name);
    let mut found = vec![Example { title: "Le prime righe", sql: format!("select *\nfrom {table}\nlimit 20") }];
    let mut add = |title, needed: &[&str], sql: String| {
        if needed.iter().all(|name| has(name)) {
            found.push(Example { title, sql });
        }
    };
    let count = |what: &str| {
        format!("select {what}, count(*) as persone\nfrom {table}\ngroup by {what}\norder by persone desc")
    };
    add("Quante persone per profilo", &["profilo"], count("profilo"));
    add("Quante persone per anno", &["anno"], count("anno"));
    add(
        "La quota di donne per profilo",
        &["profilo", "sesso"],
        format!(
            "select profilo, round(100.0 * count(*) filter (where sesso = 'f') / count(*), 1) as donne_per_cento\nfrom {table}\nwhere sesso <> '*'\ngroup by profilo\norder by donne_per_cento desc"
        ),
    );
    found
}

/// The releases of a project that may be used now, by the names of their tables.
async fn usable(research: &Research, scholar: &Scholar, project: &Project) -> Result<Vec<Release>, Trouble> {
    let releases = research.workspace().releases_of(scholar.person.account, research.today()).await?;
    Ok(releases.into_iter().filter(|release| release.project == project.id).collect())
}

/// What can be asked of a release: the columns that its request named, in the words of its table.
async fn tables(research: &Research, releases: &[Release]) -> Result<Vec<Table>, Trouble> {
    let bases = research.bases().await?;
    let mut tables = Vec::new();
    for release in releases {
        let request = research.workspace().request(release.request).await?;
        let base = release.content.base.to_string();
        let known = bases.iter().find(|table| table.id == base);
        let columns = known.iter().flat_map(|table| &table.columns);
        let columns = columns.filter(|column| request.asked.columns.contains(&column.name)).cloned().collect();
        tables.push(Table {
            name: table_name(&release.id),
            release: release.id.to_string(),
            rows: release.content.rows,
            columns,
        });
    }
    Ok(tables)
}

/// What a request is about.
struct Asked {
    research: Research,
    scholar: Scholar,
    project: Project,
    releases: Vec<Release>,
}

impl Asked {
    async fn of(research: Research, scholar: Scholar, project: &str) -> Result<Self, Trouble> {
        let project = scholar::own(&research, &scholar, project).await?;
        let releases = usable(&research, &scholar, &project).await?;
        Ok(Self { research, scholar, project, releases })
    }

    fn path(&self) -> String {
        format!("/dati-ricerca/progetti/{}/sql", self.project.id)
    }

    async fn page(
        &self,
        sql: String,
        status: StatusCode,
        fill: impl FnOnce(SqlPage) -> SqlPage,
    ) -> Result<Response, Trouble> {
        let workspace = self.research.workspace();
        let tables = tables(&self.research, &self.releases).await?;
        let caps = self.research.shared.config.caps;
        let saved = workspace.saved_queries(self.project.id).await?;
        let log = workspace.query_log(self.project.id, LOG_SHOWN).await?;
        let page = fill(SqlPage {
            said: SaidView::default(),
            project: ProjectRow::of(&self.project, &self.research),
            examples: tables
                .first()
                .map(|table| {
                    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
                    examples(&table.name, &columns)
                })
                .unwrap_or_default(),
            tables,
            is_blank: sql.is_empty(),
            sql,
            characters_max: CHARACTERS_MAX,
            rows_max: caps.rows,
            mebibytes_max: caps.bytes >> 20,
            seconds_max: caps.seconds,
            formats: AnswerFormat::ALL.map(AnswerFormat::code).into(),
            saved: saved
                .into_iter()
                .map(|query| Saved { id: query.id.to_string(), name: query.name, by: query.by.name })
                .collect(),
            log: log
                .into_iter()
                .map(|logged| Logged {
                    at: text::instant(logged.at),
                    by: logged.by.name,
                    sql: text::cut(&logged.line.sql, SQL_CHARACTERS),
                    outcome: logged.line.outcome,
                    rows: logged.line.rows,
                })
                .collect(),
            problem: None,
            shown: None,
            chart: None,
        });
        let mut response = self.research.page(&self.scholar, Area::DatiRicerca, page).await;
        if response.status() == StatusCode::OK {
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_WITH_SCRIPTS));
        }
        Ok(response)
    }

    async fn refusal(&self, sql: String, unanswered: &Unanswered) -> Result<Response, Trouble> {
        let problem = Some(Problem::of(unanswered));
        self.page(sql, query::status(unanswered), |page| SqlPage { problem, ..page }).await
    }

    /// Has a question answered: the audit first, and the log when it is over.
    async fn ask(&self, sql: &str) -> Result<Result<(Answer, i64), Unanswered>, Trouble> {
        if let Err(problem) = query::check_length(sql) {
            return Ok(Err(problem));
        }
        let config = &self.research.shared.config;
        let turn = match self.research.shared.turns.take(self.scholar.person.account, config.patience).await {
            Ok(turn) => turn,
            Err(problem) => return Ok(Err(problem)),
        };
        let detail = format!("sha256={} characters={}", hex::encode(Sha256::digest(sql)), sql.chars().count());
        self.scholar.tell(ResearchAct::Query, self.project.id, detail).await?;
        let files: BTreeMap<String, PathBuf> = self
            .releases
            .iter()
            .map(|release| (table_name(&release.id), self.research.part(&release.id).join(TABLE)))
            .collect();
        let begun = self.research.now();
        let (research, scholar, project, asked) =
            (self.research.clone(), self.scholar.clone(), self.project.id, sql.to_owned());
        // What was begun ends, with its lines in audit and log, even where nobody waits any more.
        let working = tokio::spawn(async move {
            let answer = answered(&research, files, asked.clone()).await;
            drop(turn);
            let milliseconds = (research.now() - begun).num_milliseconds().max(0);
            let rows = answer.as_ref().ok().map(count_rows);
            let (act, outcome) = match &answer {
                Ok(_) => (ResearchAct::Answer, "answered"),
                Err(problem) => (ResearchAct::Fail, problem.code()),
            };
            scholar.tell(act, project, rows.map_or_else(|| outcome.to_owned(), |rows| format!("rows={rows}"))).await?;
            let line =
                NewLogLine { sql: asked, outcome: outcome.to_owned(), rows, milliseconds: milliseconds.unsigned_abs() };
            research.workspace().log_query(project, &scholar.person, &line, research.now()).await?;
            Ok::<_, Trouble>(answer.map(|answer| (answer, milliseconds)))
        });
        working.await.map_err(|error| Trouble::broken("a question to releases broke off", &error))?
    }
}

fn count_rows(answer: &Answer) -> u64 {
    answer.batches.iter().map(|batch| batch.num_rows() as u64).sum()
}

/// Has it answered on the blocking pool; what is ours to mend is logged.
pub(super) async fn answered(
    research: &Research,
    files: BTreeMap<String, PathBuf>,
    sql: String,
) -> Result<Answer, Unanswered> {
    let config = &research.shared.config;
    let (program, caps) = (std::sync::Arc::clone(&config.program), config.caps);
    let asked = tokio::task::spawn_blocking(move || analyst::ask_files(&files, &mut program(), &sql, caps)).await;
    let told = |error: &dyn std::fmt::Display| tracing::error!(%error, "a question to releases cannot be answered");
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(query::unanswered(error, caps).unwrap_or_else(|error: AnswerError| {
            told(&error);
            Unanswered::Broken
        })),
        Err(error) => {
            told(&error);
            Err(Unanswered::Broken)
        }
    }
}

/// What an address chooses.
#[derive(Default, Deserialize)]
pub(super) struct Choices {
    salvata: Option<String>,
    esempio: Option<usize>,
    #[serde(flatten)]
    said: super::Said,
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    Query(choices): Query<Choices>,
) -> Result<Response, Trouble> {
    let asked = Asked::of(research, scholar, &project).await?;
    asked.scholar.see(asked.path()).await?;
    let saved = asked.research.workspace().saved_queries(asked.project.id).await?;
    let chosen = saved.into_iter().find(|query| choices.salvata.as_deref() == Some(query.id.to_string().as_str()));
    let said = choices.said.view();
    asked
        .page(chosen.map(|query| query.sql).unwrap_or_default(), StatusCode::OK, |page| {
            let example = choices.esempio.and_then(|number| page.examples.get(number)).map(|one| one.sql.clone());
            match example {
                Some(sql) if page.is_blank => SqlPage { said, sql, is_blank: false, ..page },
                _ => SqlPage { said, ..page },
            }
        })
        .await
}

pub(super) async fn answer(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let asked = Asked::of(research, scholar, &project).await?;
    let sql = Fields::read(sent)?.get("sql").to_owned();
    match asked.ask(&sql).await? {
        Ok((answer, milliseconds)) => {
            let shown = shape::shown(&answer, milliseconds);
            let shown = shown.map_err(|error| Trouble::broken("an answer cannot be shown", &error))?;
            let chart = Chart::of(&shown);
            asked.page(sql, StatusCode::OK, |page| SqlPage { shown: Some(shown), chart, ..page }).await
        }
        Err(unanswered) => asked.refusal(sql, &unanswered).await,
    }
}

pub(super) async fn file(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let asked = Asked::of(research, scholar, &project).await?;
    let fields = Fields::read(sent)?;
    let sql = fields.get("sql").to_owned();
    let format = AnswerFormat::from_code(fields.get("formato")).ok_or(Trouble::Form)?;
    let file = match asked.ask(&sql).await? {
        Ok((answer, _)) => query::file(&answer, format, asked.research.shared.config.caps),
        Err(unanswered) => Err(unanswered),
    };
    match file {
        Ok(bytes) => {
            let at = asked.research.now().with_timezone(&Rome).format("%Y%m%d-%H%M%S");
            let name = format!("attachment; filename=\"interrogazione-{at}.{}\"", format.code());
            Ok(([(CONTENT_TYPE, format.media_type()), NO_STORE], [(CONTENT_DISPOSITION, name)], bytes).into_response())
        }
        Err(unanswered) => asked.refusal(sql, &unanswered).await,
    }
}

/// Keeps a query for the project, under a name.
pub(super) async fn save(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let asked = Asked::of(research, scholar, &project).await?;
    let fields = Fields::read(sent)?;
    asked.scholar.tell(ResearchAct::Project, asked.project.id, "query saved").await?;
    let (name, sql) = (fields.get("nome"), fields.get("sql"));
    let research = &asked.research;
    let saved = research
        .workspace()
        .save_query(asked.project.id, &asked.scholar.person, name, sql, research.now(), &mut research.chance())
        .await;
    Ok(back(&asked.path(), outcome("saved", saved.map(|_| ()))?))
}

pub(super) async fn delete(
    State(research): State<Research>,
    scholar: Scholar,
    Path(project): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let asked = Asked::of(research, scholar, &project).await?;
    let query: QueryId = id(Fields::read(sent)?.get("salvata"))?;
    asked.scholar.tell(ResearchAct::Project, asked.project.id, "query deleted").await?;
    let deleted = asked.research.workspace().delete_query(asked.project.id, query, &asked.scholar.person).await;
    match deleted {
        // Somebody else of the project was faster.
        Err(WorkspaceError::NotFound(_)) => Ok(back(&asked.path(), Ok("deleted"))),
        deleted => Ok(back(&asked.path(), outcome("deleted", deleted)?)),
    }
}
