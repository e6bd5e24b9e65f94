//! The page of questions: the editor, examples, what may be asked, and the answer; and the answer as a file.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequestParts, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Europe::Rome;
use serde::{Deserialize, Serialize};
use templates::{Area, POLICY_WITH_SCRIPTS, Page};
use warehouse::analyst::AnswerError;

use super::catalogue::{self, Column, Table};
use super::examples::{self, Example};
use super::shape::{self, AnswerFormat, Shown, ShownColumn};
use super::{Analyst, CHARACTERS_MAX, Queries, QueryEvent, Unanswered};
use crate::pages::notice::{Notice, NoticeKind};
use crate::pages::{NO_STORE, render};
use crate::text;

/// Who asks, and at which address.
pub(super) struct Asked {
    analyst: Analyst,
    path: String,
}

impl FromRequestParts<Queries> for Asked {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &Queries) -> Result<Self, StatusCode> {
        let analyst = Extension::<Analyst>::from_request_parts(parts, state).await;
        let Extension(analyst) = analyst.map_err(|_| StatusCode::NOT_FOUND)?;
        Ok(Self { analyst, path: parts.uri.path().to_owned() })
    }
}

/// What an address chooses.
#[derive(Default, Deserialize)]
pub(super) struct Choices {
    esempio: Option<String>,
}

/// A form as it was sent.
#[derive(Default, Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    sql: String,
    #[serde(default)]
    formato: String,
}

/// Why there is no answer, on the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    /// A code of `query_problem`.
    code: &'static str,
    /// What the parser or DuckDB said, in English.
    reason: Option<String>,
}

impl Problem {
    pub(crate) fn of(unanswered: &Unanswered) -> Self {
        let reason = if let Unanswered::Refused(reason) = unanswered { Some(reason.clone()) } else { None };
        Self { code: unanswered.code(), reason }
    }
}

#[derive(Serialize)]
pub(crate) struct QueryPage {
    ente: String,
    published_at: String,
    version: i64,
    sql: String,
    /// Whether nobody has asked or chosen anything.
    is_blank: bool,
    characters_max: usize,
    rows_max: usize,
    mebibytes_max: usize,
    seconds_max: u32,
    formats: Vec<&'static str>,
    examples: Vec<Example>,
    tables: Arc<Vec<Table>>,
    problem: Option<Problem>,
    shown: Option<Shown>,
}

impl Page for QueryPage {
    const TEMPLATE: &'static str = "pages/queries.html";
    const SCRIPTS: &'static [&'static str] = &["queries.js"];

    fn samples() -> Vec<Self> {
        let column = |name: &str, kind, class| Column {
            name: name.to_owned(),
            kind,
            meaning: "Che cosa vuol dire.".to_owned(),
            unit: (kind == "number").then(|| "punti".to_owned()),
            class,
        };
        let classes = ["public", "quasi_identifier", "sensitive", "private"].map(Some);
        let kinds = ["text", "number", "decimal", "day"];
        let columns = classes.into_iter().chain([None]).zip(kinds.into_iter().cycle());
        let table = |name: &str| Table {
            name: name.to_owned(),
            grain: "Una riga.".to_owned(),
            columns: columns.clone().map(|(class, kind)| column("colonna", kind, class)).collect(),
        };
        let tables = Arc::new(vec![table("prima"), table("seconda")]);
        let page = |sql: &str, problem, shown| Self {
            ente: "Ambito dimostrativo".to_owned(),
            published_at: text::instant(chrono::DateTime::UNIX_EPOCH),
            version: 3,
            sql: sql.to_owned(),
            is_blank: sql.is_empty(),
            characters_max: CHARACTERS_MAX,
            rows_max: super::CAPS.rows,
            mebibytes_max: super::CAPS.bytes >> 20,
            seconds_max: super::CAPS.seconds,
            formats: AnswerFormat::ALL.map(AnswerFormat::code).into(),
            examples: examples::all(),
            tables: Arc::clone(&tables),
            problem,
            shown,
        };
        let unanswered = [
            Unanswered::Empty,
            Unanswered::TooLong,
            Unanswered::Busy,
            Unanswered::Refused("Parser Error: no".to_owned()),
            Unanswered::Late(15),
            Unanswered::Large(super::CAPS),
            Unanswered::Memory,
            Unanswered::Format,
            Unanswered::Broken,
        ];
        let shown = |rows: usize, count_rows, count_columns| Shown {
            columns: vec![
                ShownColumn { name: "comune".to_owned(), is_number: false },
                ShownColumn { name: "persone".to_owned(), is_number: true },
            ],
            rows: vec![vec![Some("093033".to_owned()), None]; rows],
            count_rows,
            count_columns,
            hundredths: 12,
        };
        let mut samples = vec![page("", None, None)];
        samples.extend(unanswered.iter().map(|one| page("selec 1", Some(Problem::of(one)), None)));
        let answers = [shown(0, 0, 2), shown(1, 1, 2), shown(2, 2, 2), shown(2, 4_000, 130)];
        samples.extend(answers.into_iter().map(|shown| page("select 1", None, Some(shown))));
        samples
    }
}

/// What the page shows besides the question: `None` when nothing is published.
async fn offer(queries: &Queries, asked: &Asked) -> Result<Option<QueryPage>, Unanswered> {
    let ente = asked.analyst.ente;
    let offered = queries.on_the_pool(ente, move |shared| {
        let Some(lake) = shared.lake.ente(ente)? else { return Ok(None) };
        let manifest = lake.manifest();
        let known = shared.tables(ente, manifest.version);
        let tables = match known {
            Some(tables) => tables,
            None => {
                let tables = Arc::new(catalogue::tables(&lake, &shared.instruments).map_err(AnswerError::from)?);
                shared.keep_tables(ente, (manifest.version, Arc::clone(&tables)));
                tables
            }
        };
        let examples = examples::of(&catalogue::names(&lake));
        Ok(Some((manifest.version, text::instant(manifest.published_at), tables, examples)))
    });
    let Some((version, published_at, tables, examples)) = offered.await? else { return Ok(None) };
    let caps = queries.shared.caps;
    Ok(Some(QueryPage {
        ente: asked.analyst.ente_name.clone(),
        published_at,
        version,
        sql: String::new(),
        is_blank: true,
        characters_max: CHARACTERS_MAX,
        rows_max: caps.rows,
        mebibytes_max: caps.bytes >> 20,
        seconds_max: caps.seconds,
        formats: AnswerFormat::ALL.map(AnswerFormat::code).into(),
        examples,
        tables,
        problem: None,
        shown: None,
    }))
}

/// The page, filled in by `fill`, under a status.
async fn page(
    queries: &Queries,
    asked: &Asked,
    status: StatusCode,
    fill: impl FnOnce(QueryPage) -> QueryPage,
) -> Response {
    let renderer = &queries.shared.renderer;
    let layout = asked.analyst.layout.clone();
    let kind = match offer(queries, asked).await {
        Ok(Some(page)) => {
            let page = fill(page);
            let mut response = render(renderer, layout, Area::Interrogazioni, move || page).await;
            if response.status() == StatusCode::OK {
                *response.status_mut() = status;
                let policy = HeaderValue::from_static(POLICY_WITH_SCRIPTS);
                response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            }
            return response;
        }
        Ok(None) => NoticeKind::Empty,
        Err(_) => NoticeKind::Broken,
    };
    let notice = Notice { kind, ente: asked.analyst.ente_name.clone() };
    let mut response = render(renderer, layout, Area::Interrogazioni, move || notice).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = kind.status();
    }
    response
}

/// The status under which a page says why there is no answer. What asks for too much is the question's doing.
pub(crate) const fn status(unanswered: &Unanswered) -> StatusCode {
    match unanswered {
        Unanswered::Empty
        | Unanswered::TooLong
        | Unanswered::Refused(_)
        | Unanswered::Late(_)
        | Unanswered::Large(_)
        | Unanswered::Memory
        | Unanswered::Format => StatusCode::UNPROCESSABLE_ENTITY,
        Unanswered::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Unanswered::Unpublished => StatusCode::OK,
        Unanswered::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn refusal(queries: &Queries, asked: &Asked, sql: String, unanswered: &Unanswered) -> Response {
    let problem = Some(Problem::of(unanswered));
    let fill = |page| QueryPage { sql, is_blank: false, problem, ..page };
    let mut response = page(queries, asked, status(unanswered), fill).await;
    if *unanswered == Unanswered::Busy {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

pub(super) async fn get(
    State(queries): State<Queries>,
    asked: Asked,
    choices: Result<Query<Choices>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let seen = QueryEvent::Seen { path: asked.path.clone() };
    if (asked.analyst.record)(seen).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let chosen = choices.ok().and_then(|Query(choices)| choices.esempio);
    page(&queries, &asked, StatusCode::OK, |page| {
        let example = page.examples.iter().find(|example| chosen.as_ref() == Some(&example.id));
        let sql = example.map(|example| example.sql.clone());
        QueryPage { is_blank: sql.is_none(), sql: sql.unwrap_or_default(), ..page }
    })
    .await
}

/// Somebody comes to the answer's address without a question.
pub(super) async fn nothing_asked(_: Asked) -> Redirect {
    Redirect::to("/interrogazioni")
}

/// What was sent; `None` when our form never sends it.
fn sent(form: Result<Form<Sent>, FormRejection>) -> Option<Sent> {
    // Browsers send line ends as CR LF.
    form.ok().map(|Form(sent)| Sent { sql: sent.sql.replace("\r\n", "\n"), ..sent })
}

pub(super) async fn answer(
    State(queries): State<Queries>,
    asked: Asked,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let Some(Sent { sql, .. }) = sent(form) else { return StatusCode::BAD_REQUEST.into_response() };
    let Analyst { ente, record, .. } = &asked.analyst;
    let shown = match queries.ask(*ente, record, sql.clone()).await {
        Ok(answered) => {
            let shown = queries.on_the_pool(*ente, move |_| Ok(shape::shown(&answered.answer, answered.milliseconds)?));
            shown.await
        }
        Err(unanswered) => Err(unanswered),
    };
    match shown {
        Ok(shown) => {
            let fill = |page| QueryPage { sql, is_blank: false, shown: Some(shown), ..page };
            page(&queries, &asked, StatusCode::OK, fill).await
        }
        Err(unanswered) => refusal(&queries, &asked, sql, &unanswered).await,
    }
}

pub(super) async fn file(
    State(queries): State<Queries>,
    asked: Asked,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let Some(Sent { sql, formato }) = sent(form) else { return StatusCode::BAD_REQUEST.into_response() };
    let Some(format) = AnswerFormat::from_code(&formato) else { return StatusCode::BAD_REQUEST.into_response() };
    let Analyst { ente, record, .. } = &asked.analyst;
    match queries.ask_file(*ente, record, sql.clone(), format).await {
        Ok(bytes) => {
            let at = (queries.shared.clock)().with_timezone(&Rome).format("%Y%m%d-%H%M%S");
            let name = format!("attachment; filename=\"interrogazione-{at}.{}\"", format.code());
            ([(CONTENT_TYPE, format.media_type()), NO_STORE], [(CONTENT_DISPOSITION, name)], bytes).into_response()
        }
        Err(unanswered) => refusal(&queries, &asked, sql, &unanswered).await,
    }
}
