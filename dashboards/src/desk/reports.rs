//! Reports for the plan of a territory: chosen chapters with the figures of today, and what managers wrote between them.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;
use templates::Page;
use workspace::{CLOSING, EnteError, Every, INTRODUCTION, NewReport, Report, ReportId, Schedule};

use super::content::{Chapter, Content};
use super::editions::{EditionRow, rows};
use super::{Asked, Trouble, document, id, to};
use crate::fields::{Field, Fields, Problem, Sent, words_of};
use crate::pages::{Choice, NO_STORE, publication};
use crate::{Dashboards, text};

const PATH: &str = "/cruscotti/relazioni";

/// A report in the list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReportRow {
    id: String,
    title: String,
    updated: String,
    by: String,
    next_on: Option<String>,
}

/// All reports of the Ente, and their editions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reports {
    reports: Vec<ReportRow>,
    editions: Vec<EditionRow>,
}

impl Page for Reports {
    const TEMPLATE: &'static str = "pages/reports.html";

    fn samples() -> Vec<Self> {
        let report = |next_on: Option<&str>| ReportRow {
            id: "1".to_owned(),
            title: "Piano di Zona 2027".to_owned(),
            updated: "30/11/2026 10:15".to_owned(),
            by: "Anna Rossi".to_owned(),
            next_on: next_on.map(str::to_owned),
        };
        vec![
            Self { reports: Vec::new(), editions: Vec::new() },
            Self { reports: vec![report(None), report(Some("01/12/2026"))], editions: EditionRow::samples() },
        ]
    }
}

/// A chapter to choose, with what is written in it.
#[derive(Clone, Debug, Serialize)]
struct ChapterField {
    code: &'static str,
    is_chosen: bool,
    text: Field,
}

/// The form of a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportForm {
    /// None for a new one.
    id: Option<String>,
    revision: i64,
    problems: Vec<Problem>,
    /// Somebody else saved it meanwhile: what stands here is what was written now.
    is_conflict: bool,
    title: Field,
    strumenti: Vec<Choice>,
    periods: Vec<Choice>,
    introduction: Field,
    chapters: Vec<ChapterField>,
    closing: Field,
    schedules: Vec<Choice>,
}

impl Page for ReportForm {
    const TEMPLATE: &'static str = "pages/report_form.html";

    fn samples() -> Vec<Self> {
        let blank = Self {
            id: None,
            revision: 0,
            problems: Vec::new(),
            is_conflict: false,
            title: Field::default(),
            strumenti: vec![Choice::new("asso", "ASSO".to_owned(), "asso")],
            periods: vec![Choice::new("tutti", "tutti gli anni".to_owned(), "tutti")],
            introduction: Field::default(),
            chapters: Chapter::ALL
                .into_iter()
                .map(|chapter| ChapterField { code: chapter.code(), is_chosen: true, text: Field::default() })
                .collect(),
            closing: Field::default(),
            schedules: schedules(None),
        };
        let wrong = Self {
            id: Some("1".to_owned()),
            problems: vec![Problem { name: "title", code: "required" }],
            title: Field { value: String::new(), error: Some("required") },
            is_conflict: true,
            ..blank.clone()
        };
        vec![blank, wrong]
    }
}

/// A report, or one of its editions, as it is read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportPage {
    /// Of a report that can be changed; none of an edition.
    report: Option<String>,
    docx_path: String,
    content: Content,
    /// When an edition was made.
    made_at: Option<String>,
}

impl ReportPage {
    pub(super) fn of(report: Option<String>, docx_path: String, content: Content, made_at: Option<String>) -> Self {
        Self { report, docx_path, content, made_at }
    }
}

impl Page for ReportPage {
    const TEMPLATE: &'static str = "pages/report.html";

    fn samples() -> Vec<Self> {
        let content = super::content::sample();
        let path = || "/cruscotti/relazioni/1/docx".to_owned();
        vec![
            Self::of(Some("1".to_owned()), path(), content.clone(), None),
            Self::of(None, path(), content, Some("30/11/2026 10:15".to_owned())),
        ]
    }
}

/// How often a report is issued by itself, to choose from.
fn schedules(chosen: Option<Every>) -> Vec<Choice> {
    let chosen = chosen.map_or("", Every::code);
    let never = Choice::new("", text::word("schedule", "never"), chosen);
    let each =
        Every::ALL.into_iter().map(|every| Choice::new(every.code(), text::word("schedule", every.code()), chosen));
    std::iter::once(never).chain(each).collect()
}

/// The first day of the next month, or quarter.
pub(super) fn next_on(every: Every, today: NaiveDate) -> Option<NaiveDate> {
    let first = today.with_day(1)?;
    let months = match every {
        Every::Month => 1,
        Every::Quarter => 3 - (today.month() - 1) % 3,
    };
    first.checked_add_months(Months::new(months))
}

pub(super) async fn list(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    let listed = async {
        let (workspace, ente) = (&asked.desk.workspace, asked.viewer.ente);
        let row = |report: &Report| ReportRow {
            id: report.id.to_string(),
            title: report.terms.title.clone(),
            updated: text::instant(report.updated_at),
            by: report.updated_by.name.clone(),
            next_on: report.schedule.map(|schedule| schedule.next_on.format("%d/%m/%Y").to_string()),
        };
        let reports = workspace.reports(ente).await?.iter().map(row).collect();
        let editions = rows(&workspace.editions(ente, asked.person.account).await?);
        Ok(asked.page(&dashboards, Reports { reports, editions }).await)
    };
    let outcome = listed.await;
    asked.answer(&dashboards, outcome).await
}

/// The strumenti and years to choose from.
async fn offered(
    dashboards: &Dashboards,
    asked: &Asked,
    terms: &NewReport,
) -> Result<(Vec<Choice>, Vec<Choice>), Trouble> {
    let publication = publication(&dashboards.cache, &asked.viewer).await?;
    let strumenti = publication.strumenti.iter();
    let strumenti = strumenti.map(|one| Choice::new(&one.id, one.title.clone(), &terms.strumento)).collect();
    // The last ten years: those without data read as all of them.
    let this_year = text::day(asked.desk.now()).year();
    let years = (0..10).map(|back| (this_year - back).to_string());
    let all = Choice::new(crate::pages::ALL_PERIODS, text::word("dashboard", "all_periods"), &terms.period);
    let years = years.map(|year| Choice::new(&year, year.clone(), &terms.period));
    Ok((strumenti, std::iter::once(all).chain(years).collect()))
}

async fn filled(
    dashboards: &Dashboards,
    asked: &Asked,
    terms: &NewReport,
    report: Option<(ReportId, i64)>,
    every: Option<Every>,
) -> Result<ReportForm, Trouble> {
    let (strumenti, periods) = offered(dashboards, asked, terms).await?;
    let text_of = |code: &str| Field { value: terms.texts.get(code).cloned().unwrap_or_default(), error: None };
    let chapters = Chapter::ALL.into_iter().map(|chapter| ChapterField {
        code: chapter.code(),
        is_chosen: terms.chapters.iter().any(|one| one == chapter.code()),
        text: text_of(chapter.code()),
    });
    Ok(ReportForm {
        id: report.map(|(id, _)| id.to_string()),
        revision: report.map_or(0, |(_, revision)| revision),
        problems: Vec::new(),
        is_conflict: false,
        title: Field { value: terms.title.clone(), error: None },
        strumenti,
        periods,
        introduction: text_of(INTRODUCTION),
        chapters: chapters.collect(),
        closing: text_of(CLOSING),
        schedules: schedules(every),
    })
}

/// What a form sends: terms, how often, and the texts of chapters that are not chosen, which nobody may lose unasked.
struct SentTerms {
    terms: NewReport,
    every: Option<Every>,
    left_out: BTreeMap<String, String>,
}

impl SentTerms {
    fn read(fields: &Fields) -> Self {
        let chapters: Vec<String> = Chapter::ALL
            .into_iter()
            .filter(|chapter| fields.all("capitolo").any(|one| one == chapter.code()))
            .map(|chapter| chapter.code().to_owned())
            .collect();
        let is_asked = |code: &str| [INTRODUCTION, CLOSING].contains(&code) || chapters.iter().any(|one| one == code);
        let written = fields.each("testo.").filter(|(_, value)| !value.is_empty());
        let written = written.map(|(code, value)| (code.to_owned(), value.to_owned()));
        let (texts, left_out) = written.partition(|(code, _)| is_asked(code));
        let every = Every::ALL.into_iter().find(|every| every.code() == fields.get("ogni"));
        let period = fields.get("periodo");
        let is_year = period.len() == 4 && period.bytes().all(|letter| letter.is_ascii_digit());
        let terms = NewReport {
            title: fields.get("title").to_owned(),
            strumento: fields.get("strumento").to_owned(),
            period: if is_year { period } else { crate::pages::ALL_PERIODS }.to_owned(),
            chapters,
            texts,
        };
        Self { terms, every, left_out }
    }
}

/// The form once more because chapters that are not chosen have a text.
async fn left_out(
    dashboards: &Dashboards,
    asked: &Asked,
    sent: &SentTerms,
    report: Option<(ReportId, i64)>,
) -> Result<Response, Trouble> {
    let mut form = filled(dashboards, asked, &sent.terms, report, sent.every).await?;
    for chapter in &mut form.chapters {
        if let Some(text) = sent.left_out.get(chapter.code) {
            chapter.text = Field { value: text.clone(), error: Some("chapter_left_out") };
        }
    }
    form.problems.push(Problem { name: "testo", code: "chapter_left_out" });
    let mut response = asked.page(dashboards, form).await;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

pub(super) async fn blank(State(dashboards): State<Dashboards>, asked: Asked) -> Response {
    let terms = NewReport {
        title: String::new(),
        strumento: String::new(),
        period: crate::pages::ALL_PERIODS.to_owned(),
        chapters: Chapter::ALL.map(|chapter| chapter.code().to_owned()).into(),
        texts: BTreeMap::new(),
    };
    let outcome = match filled(&dashboards, &asked, &terms, None, None).await {
        Ok(form) => Ok(asked.page(&dashboards, form).await),
        Err(trouble) => Err(trouble),
    };
    asked.answer(&dashboards, outcome).await
}

/// The form once more with what is wrong, nothing of what was written lost.
async fn refused(
    dashboards: &Dashboards,
    asked: &Asked,
    (terms, every): (&NewReport, Option<Every>),
    report: Option<(ReportId, i64)>,
    error: EnteError,
) -> Result<Response, Trouble> {
    let mut form = filled(dashboards, asked, terms, report, every).await?;
    let status = match error {
        EnteError::Conflict { present } => {
            form.revision = present;
            form.is_conflict = true;
            StatusCode::CONFLICT
        }
        EnteError::Field { field: "title", problem } => {
            form.title.error = Some(words_of(problem));
            form.problems.push(Problem { name: "title", code: words_of(problem) });
            StatusCode::UNPROCESSABLE_ENTITY
        }
        EnteError::Text { part, problem } => {
            let code = words_of(problem);
            for chapter in form.chapters.iter_mut().filter(|chapter| chapter.code == part) {
                chapter.text.error = Some(code);
            }
            if part == INTRODUCTION {
                form.introduction.error = Some(code);
            } else if part == CLOSING {
                form.closing.error = Some(code);
            }
            form.problems.push(Problem { name: "testo", code });
            StatusCode::UNPROCESSABLE_ENTITY
        }
        EnteError::Field { .. } => return Err(Trouble::Form),
        EnteError::NotFound(_) | EnteError::ViewsFull { .. } | EnteError::NotScheduled | EnteError::Workspace(_) => {
            return Err(error.into());
        }
    };
    let mut response = asked.page(dashboards, form).await;
    *response.status_mut() = status;
    Ok(response)
}

/// When it is issued next, from a day on; as before where nothing of it changed.
fn schedule(every: Option<Every>, before: Option<Schedule>, today: NaiveDate) -> Option<Schedule> {
    let every = every?;
    if let Some(before) = before.filter(|before| before.every == every) {
        return Some(before);
    }
    Some(Schedule { every, next_on: next_on(every, today)? })
}

pub(super) async fn create(State(dashboards): State<Dashboards>, asked: Asked, sent: Sent) -> Response {
    let created = async {
        let sent = SentTerms::read(&Fields::read(sent)?);
        if !sent.left_out.is_empty() {
            return left_out(&dashboards, &asked, &sent, None).await;
        }
        let SentTerms { terms, every, .. } = sent;
        let (desk, ente) = (&asked.desk, asked.viewer.ente);
        let mut chance = desk.chance();
        match desk.workspace.create_report(ente, &asked.person, &terms, desk.now(), &mut chance).await {
            Ok(report) => {
                let schedule = schedule(every, None, text::day(desk.now()));
                desk.workspace.schedule_report(ente, report, schedule).await?;
                Ok(to(&format!("{PATH}/{report}")))
            }
            Err(error) => refused(&dashboards, &asked, (&terms, every), None, error).await,
        }
    };
    let outcome = created.await;
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn form(State(dashboards): State<Dashboards>, asked: Asked, Path(report): Path<String>) -> Response {
    let shown = async {
        let report = asked.desk.workspace.report(asked.viewer.ente, id(&report)?).await?;
        let every = report.schedule.map(|schedule| schedule.every);
        let form = filled(&dashboards, &asked, &report.terms, Some((report.id, report.revision)), every).await?;
        Ok(asked.page(&dashboards, form).await)
    };
    let outcome = shown.await;
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn update(
    State(dashboards): State<Dashboards>,
    asked: Asked,
    Path(report): Path<String>,
    sent: Sent,
) -> Response {
    let updated = async {
        let fields = Fields::read(sent)?;
        let (report, revision) = (id::<ReportId>(&report)?, fields.get("revision").parse().map_err(|_| Trouble::Form)?);
        let sent = SentTerms::read(&fields);
        if !sent.left_out.is_empty() {
            return left_out(&dashboards, &asked, &sent, Some((report, revision))).await;
        }
        let SentTerms { terms, every, .. } = sent;
        let (desk, ente) = (&asked.desk, asked.viewer.ente);
        let before = desk.workspace.report(ente, report).await?;
        match desk.workspace.update_report(ente, report, revision, &terms, &asked.person, desk.now()).await {
            Ok(_) => {
                let schedule = schedule(every, before.schedule, text::day(desk.now()));
                desk.workspace.schedule_report(ente, report, schedule).await?;
                Ok(to(&format!("{PATH}/{report}")))
            }
            Err(error) => refused(&dashboards, &asked, (&terms, every), Some((report, revision)), error).await,
        }
    };
    let outcome = updated.await;
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn delete(State(dashboards): State<Dashboards>, asked: Asked, Path(report): Path<String>) -> Response {
    let deleted = async {
        asked.desk.workspace.delete_report(asked.viewer.ente, id(&report)?).await?;
        Ok(to(PATH))
    };
    let outcome = deleted.await;
    asked.answer(&dashboards, outcome).await
}

/// A report with the figures of today.
async fn content(dashboards: &Dashboards, asked: &Asked, report: &str) -> Result<(ReportId, Content), Trouble> {
    let report = asked.desk.workspace.report(asked.viewer.ente, id(report)?).await?;
    let content = Content::now(dashboards, &asked.viewer, &report.terms).await?;
    Ok((report.id, content))
}

pub(super) async fn one(State(dashboards): State<Dashboards>, asked: Asked, Path(report): Path<String>) -> Response {
    let outcome = match content(&dashboards, &asked, &report).await {
        Ok((report, content)) => {
            let page = ReportPage::of(Some(report.to_string()), format!("{PATH}/{report}/docx"), content, None);
            Ok(asked.page(&dashboards, page).await)
        }
        Err(trouble) => Err(trouble),
    };
    asked.answer(&dashboards, outcome).await
}

pub(super) async fn docx(
    State(dashboards): State<Dashboards>,
    asked: Asked,
    Path(report): Path<String>,
    headers: HeaderMap,
) -> Response {
    let outcome = content(&dashboards, &asked, &report).await.and_then(|(_, content)| file(&content, &headers));
    asked.answer(&dashboards, outcome).await
}

/// The file of a report, with links to where it was asked for.
pub(super) fn file(content: &Content, headers: &HeaderMap) -> Result<Response, Trouble> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let site = host.map(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&name);
        format!("{}://{host}", if is_here { "http" } else { "https" })
    });
    let bytes = document::file(content, site.as_deref()).map_err(|error| {
        tracing::error!(%error, "a report cannot be written as a file");
        Trouble::Broken
    })?;
    let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let name = format!("attachment; filename=\"relazione-v{}.docx\"", content.version);
    Ok(([NO_STORE, (header::CONTENT_TYPE, kind)], [(header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_due_on_the_first_day_of_a_month_or_of_a_quarter() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (every, today, next) in [
            (Every::Month, "2026-11-30", "2026-12-01"),
            (Every::Month, "2026-12-31", "2027-01-01"),
            (Every::Quarter, "2026-11-30", "2027-01-01"),
            (Every::Quarter, "2026-01-01", "2026-04-01"),
            (Every::Quarter, "2026-06-30", "2026-07-01"),
        ] {
            assert_eq!(next_on(every, day(today)), Some(day(next)), "{every:?} from {today}");
        }
    }
}
