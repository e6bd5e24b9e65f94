//! One file per page. What they share: how a request finds its figures, what is around them, and how they leave.

pub(crate) mod bars;
pub(crate) mod bisogni;
pub(crate) mod comunita;
pub(crate) mod esplora;
pub(crate) mod filters;
pub(crate) mod lines;
pub(crate) mod notice;
pub(crate) mod percorsi;
pub(crate) mod quadro;
pub(crate) mod qualita;
pub(crate) mod territorio;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use templates::{Area, Layout, Page, Renderer};

use crate::cache::{Cache, PATIENCE, Publication, Ready};
use crate::pages::filters::FilterForm;
use crate::pages::notice::{Notice, NoticeKind};
use crate::protect::{ALL, Group, Protected};
use crate::snapshot::{CHANGED_MIN, Position, Snapshot};
use crate::strumento::Strumento;
use crate::table::TablesFile;
use crate::{Dashboards, Viewer, text};

/// "All periods" in addresses.
pub(crate) const ALL_PERIODS: &str = "tutti";

/// What the form of a page chooses. What makes no sense is as if it were not said: pages show what is chosen instead, and
/// files do the same by the same functions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Choices {
    pub(crate) periodo: Option<String>,
    pub(crate) strumento: Option<String>,
    pub(crate) ambito: Option<String>,
    pub(crate) misura: Option<String>,
    pub(crate) livello: Option<String>,
    pub(crate) caratteristica: Option<String>,
    pub(crate) classi: Option<String>,
    pub(crate) righe: Option<String>,
    pub(crate) colonne: Option<String>,
    pub(crate) esito: Option<String>,
    pub(crate) comune: Option<String>,
    pub(crate) sesso: Option<String>,
    pub(crate) eta: Option<String>,
    pub(crate) istruzione: Option<String>,
    pub(crate) cittadinanza: Option<String>,
    pub(crate) nucleo: Option<String>,
    pub(crate) lavoro: Option<String>,
    pub(crate) svantaggio: Option<String>,
}

/// What the file of a page is to be, by the ending of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Csv,
    Xlsx,
}

impl FromRequestParts<Dashboards> for FileKind {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Dashboards) -> Result<Self, Infallible> {
        Ok(if parts.uri.path().ends_with(".xlsx") { Self::Xlsx } else { Self::Csv })
    }
}

/// A request: whose figures, and which.
pub(crate) struct Asked {
    pub(crate) viewer: Viewer,
    pub(crate) choices: Choices,
}

impl FromRequestParts<Dashboards> for Asked {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &Dashboards) -> Result<Self, StatusCode> {
        let viewer = Extension::<Viewer>::from_request_parts(parts, state).await.map_err(|_| StatusCode::NOT_FOUND)?;
        let choices = Query::<Choices>::from_request_parts(parts, state).await.map(|Query(choices)| choices);
        Ok(Self { viewer: viewer.0, choices: choices.unwrap_or_default() })
    }
}

/// What a page is made of.
#[derive(Clone)]
pub(crate) struct Data {
    /// The last state that is published.
    pub(crate) publication: Arc<Publication>,
    pub(crate) strumento: Arc<Strumento>,
    /// The state that the figures are of.
    pub(crate) position: Position,
    pub(crate) figures: Arc<Protected>,
}

impl Data {
    /// The period chosen; all of them where none is, or one without data.
    pub(crate) fn period(&self, choices: &Choices) -> String {
        let year = choices.periodo.as_ref().filter(|period| self.figures.years().contains(period));
        year.cloned().unwrap_or_else(|| ALL.to_owned())
    }
}

/// The published state of the viewer's Ente.
pub(crate) async fn publication(cache: &Arc<Cache>, viewer: &Viewer) -> Result<Arc<Publication>, NoticeKind> {
    let (reading, ente) = (Arc::clone(cache), viewer.ente);
    match tokio::task::spawn_blocking(move || reading.publication(ente)).await {
        Ok(Ok(Some(publication))) if !publication.strumenti.is_empty() => Ok(publication),
        Ok(Ok(_)) => Err(NoticeKind::Empty),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(ente.id = %ente, %error, source, "the lake of an Ente cannot be read");
            Err(NoticeKind::Broken)
        }
        Err(error) => {
            tracing::error!(ente.id = %ente, %error, "reading the lake of an Ente broke off");
            Err(NoticeKind::Broken)
        }
    }
}

/// The figures of the strumento chosen, of the first one where none is.
pub(crate) async fn data(dashboards: &Dashboards, asked: &Asked) -> Result<Data, NoticeKind> {
    let publication = publication(&dashboards.cache, &asked.viewer).await?;
    let chosen = publication.strumenti.iter().find(|known| Some(&known.id) == asked.choices.strumento.as_ref());
    let strumento = Arc::clone(chosen.or(publication.strumenti.first()).ok_or(NoticeKind::Empty)?);
    let running = dashboards.cache.start(&publication, &strumento);
    match running.wait(PATIENCE).await {
        Ready::Figures(Snapshot { position, figures }) => Ok(Data { publication, strumento, position, figures }),
        Ready::Preparing => Err(NoticeKind::Preparing),
        Ready::Refused => Err(NoticeKind::Refused),
        Ready::Broken => Err(NoticeKind::Broken),
    }
}

/// One of a list to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) title: String,
    pub(crate) is_chosen: bool,
}

impl Choice {
    pub(crate) fn new(value: &str, title: String, chosen: &str) -> Self {
        Self { value: value.to_owned(), title, is_chosen: value == chosen }
    }
}

/// What stands above and below the figures of every page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Head {
    pub(crate) ente: String,
    pub(crate) strumento: String,
    pub(crate) is_unofficial: bool,
    /// In words.
    pub(crate) period: String,
    pub(crate) published_at: String,
    pub(crate) version: i64,
    pub(crate) last_seq: i64,
    pub(crate) is_earlier: bool,
    /// How many people are assessed at least, for the first time or again, before other figures are shown.
    pub(crate) changed_min: i64,
    pub(crate) attribution: &'static str,
    pub(crate) mark: String,
    pub(crate) periods: Vec<Choice>,
    pub(crate) strumenti: Vec<Choice>,
}

impl Head {
    pub(crate) fn new(viewer: &Viewer, data: &Data, period: &str) -> Self {
        let position = data.position;
        let in_address = if period == ALL { ALL_PERIODS } else { period };
        let all = Choice::new(ALL_PERIODS, text::word("dashboard", "all_periods"), in_address);
        let years = data.figures.years().iter().rev().map(|year| Choice::new(year, year.clone(), in_address));
        let periods: Vec<Choice> = std::iter::once(all).chain(years).collect();
        let chosen = periods.iter().find(|choice| choice.is_chosen);
        Self {
            ente: viewer.ente_name.clone(),
            strumento: data.strumento.title.clone(),
            is_unofficial: data.strumento.is_unofficial,
            period: chosen.map(|choice| choice.title.clone()).unwrap_or_default(),
            published_at: text::instant(position.published_at),
            version: position.version,
            last_seq: position.last_seq,
            is_earlier: data.publication.is_earlier && data.publication.position == position,
            changed_min: CHANGED_MIN,
            attribution: territory::ATTRIBUTION,
            mark: data.figures.mark(),
            strumenti: data
                .publication
                .strumenti
                .iter()
                .map(|known| Choice::new(&known.id, known.title.clone(), &data.strumento.id))
                .collect(),
            periods,
        }
    }

    /// The address of a page's file, with the choices that made it.
    pub(crate) fn csv_path(&self, page: &str, more: &[(&str, &str)]) -> String {
        let of = |choices: &[Choice]| choices.iter().find(|choice| choice.is_chosen).map(|choice| choice.value.clone());
        let own = [("periodo", of(&self.periods)), ("strumento", of(&self.strumenti))];
        let own = own.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        let more = more.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}"));
        format!("/cruscotti/{page}.csv?{}", own.chain(more).collect::<Vec<_>>().join("&"))
    }

    /// The same with the filters in use.
    pub(crate) fn filtered_csv_path(&self, page: &str, more: &[(&str, &str)], group: &Group<'_>) -> String {
        let filters = FilterForm::in_address(group);
        let filters = filters.iter().map(|(name, value)| (*name, value.as_str()));
        self.csv_path(page, &more.iter().copied().chain(filters).collect::<Vec<_>>())
    }

    /// What a file says below its figures: whose they are, which, and of when.
    pub(crate) fn notes(&self, filters: Vec<(&str, String)>) -> Vec<(String, String)> {
        let mut notes = vec![("ente", self.ente.clone()), ("strumento", self.strumento.clone())];
        notes.push(("period", self.period.clone()));
        notes.extend(filters);
        notes.push(("published_at", self.published_at.clone()));
        notes.push(("version", self.version.to_string()));
        notes.push(("last_seq", self.last_seq.to_string()));
        notes.push(("source", self.attribution.to_owned()));
        notes.push(("mark", text::word("dashboard", "mark_explained")));
        notes.into_iter().map(|(name, value)| (text::word("dashboard", name), value)).collect()
    }
}

/// A count as shown: the figure, or the mark.
pub(crate) fn count(people: Option<u32>, mark: &str) -> String {
    people.map_or_else(|| mark.to_owned(), |people| people.to_string())
}

/// A figure in tenths as shown.
pub(crate) fn tenths(value: Option<i64>, mark: &str) -> String {
    value.map_or_else(|| mark.to_owned(), text::tenths)
}

/// A share as shown, in percent with one decimal.
pub(crate) fn share(permille: Option<u32>, mark: &str) -> String {
    tenths(permille.map(i64::from), mark)
}

pub(crate) const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Builds and renders a page on the blocking pool: boundaries are unpacked there the first time.
pub(crate) async fn respond<P: Page + 'static>(
    dashboards: &Dashboards,
    layout: Layout,
    area: Area,
    page: impl FnOnce() -> P + Send + 'static,
) -> Response {
    render(&dashboards.renderer, layout, area, page).await
}

/// The same, for pages that have no figures.
pub(crate) async fn render<P: Page + 'static>(
    renderer: &Arc<Renderer>,
    layout: Layout,
    area: Area,
    page: impl FnOnce() -> P + Send + 'static,
) -> Response {
    let renderer = Arc::clone(renderer);
    let layout = Layout { area, ..layout };
    let rendered = tokio::task::spawn_blocking(move || renderer.render(&page(), &layout)).await;
    match rendered {
        Ok(Ok(html)) => ([NO_STORE], Html(html)).into_response(),
        Ok(Err(error)) => {
            tracing::error!(template = error.template, source = %error.source, "page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "building a page broke off");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Answers with a page of figures, or with why there are none.
pub(crate) async fn show<P: Page + 'static>(
    dashboards: &Dashboards,
    asked: Asked,
    page: impl FnOnce(&Asked, &Data) -> P + Send + 'static,
) -> Response {
    match data(dashboards, &asked).await {
        Ok(data) => {
            let layout = asked.viewer.layout.clone();
            respond(dashboards, layout, Area::Cruscotti, move || page(&asked, &data)).await
        }
        Err(kind) => refuse(dashboards, &asked.viewer, Area::Cruscotti, kind).await,
    }
}

/// The same with the file of a page: its name, and what is in it.
pub(crate) async fn download(
    dashboards: &Dashboards,
    asked: Asked,
    kind: FileKind,
    named: impl FnOnce(&Asked, &Data) -> (String, TablesFile) + Send + 'static,
) -> Response {
    match data(dashboards, &asked).await {
        Ok(data) => {
            let made = tokio::task::spawn_blocking(move || {
                let (name, tables) = named(&asked, &data);
                file(&name, &tables, kind)
            });
            made.await.unwrap_or_else(|error| {
                tracing::error!(%error, "making a file of a page broke off");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            })
        }
        Err(kind) => refuse(dashboards, &asked.viewer, Area::Cruscotti, kind).await,
    }
}

/// The year of the population that a period is compared with: the nearest one published.
pub(crate) fn residents_year(figures: &Protected, period: &str) -> i32 {
    let year = if period == ALL { figures.years().last().map_or("", String::as_str) } else { period };
    territory::nearest_population_year(year.parse().unwrap_or(i32::MAX))
}

/// A page that says why there are no figures.
pub(crate) async fn refuse(dashboards: &Dashboards, viewer: &Viewer, area: Area, kind: NoticeKind) -> Response {
    let notice = Notice { kind, ente: viewer.ente_name.clone() };
    let mut response = respond(dashboards, viewer.layout.clone(), area, move || notice).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = kind.status();
    }
    response
}

/// A file to download. Its name is made of codes alone.
fn file(name: &str, tables: &TablesFile, kind: FileKind) -> Response {
    let (ending, content_type, bytes) = match kind {
        FileKind::Csv => ("csv", "text/csv; charset=utf-8", Ok(tables.csv().into_bytes())),
        FileKind::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", tables.xlsx()),
    };
    match bytes {
        Ok(bytes) => {
            let named = format!("attachment; filename=\"{name}.{ending}\"");
            ([NO_STORE, (header::CONTENT_TYPE, content_type)], [(header::CONTENT_DISPOSITION, named)], bytes)
                .into_response()
        }
        Err(error) => {
            tracing::error!(%error, file = name, "the file of a page cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use templates::{Area, Layout, Page, Renderer, UserView};

    /// Renders every sample of a page; nothing a page needs may be missing, and none may grow too large.
    fn check<P: Page>() -> Vec<String> {
        let renderer = Renderer::new().expect("every template is valid");
        let user = UserView {
            name: "Anna Rossi".to_owned(),
            role: "manager".to_owned(),
            ente: Some("Ambito dimostrativo".to_owned()),
            agreement: None,
            csrf: "segno".to_owned(),
            entries: Vec::new(),
        };
        let layout = Layout { is_demonstration: false, area: Area::Other, has_accounts: true, user: Some(user) };
        let samples = P::samples();
        assert!(!samples.is_empty(), "{} has no samples", P::TEMPLATE);
        let render = |sample: &P| match renderer.render(sample, &layout) {
            Ok(html) => html,
            Err(error) => panic!("{}: {:#}", P::TEMPLATE, error.source),
        };
        let pages: Vec<String> = samples.iter().map(render).collect();
        for html in &pages {
            assert!(html.contains("</html>"), "{} is cut", P::TEMPLATE);
            assert!(html.len() < 250_000, "{} has {} bytes", P::TEMPLATE, html.len());
            assert!(!html.contains(" style=") && !html.contains("<script"), "{} breaks the policy", P::TEMPLATE);
        }
        pages
    }

    #[test]
    fn every_page_renders_its_samples() {
        check::<super::notice::Notice>();
        check::<super::territorio::Territorio>();
        check::<super::comunita::Comunita>();
        check::<super::qualita::Qualita>();
        check::<super::quadro::Quadro>();
        check::<super::bisogni::Bisogni>();
        check::<super::percorsi::Percorsi>();
        check::<super::esplora::Esplora>();
        check::<crate::desk::Reports>();
        check::<crate::desk::ReportForm>();
        check::<crate::desk::ReportPage>();
        check::<crate::desk::Views>();
    }

    /// Every page of figures, each of its samples.
    fn every() -> Vec<String> {
        [
            check::<super::quadro::Quadro>(),
            check::<super::territorio::Territorio>(),
            check::<super::comunita::Comunita>(),
            check::<super::bisogni::Bisogni>(),
            check::<super::percorsi::Percorsi>(),
            check::<super::esplora::Esplora>(),
        ]
        .concat()
    }

    #[test]
    fn no_page_shows_a_code_instead_of_words() {
        for html in every() {
            // What a form sends is not read.
            let body = html.split("<main").nth(1).expect("a page has a main part").split("<option value=\"");
            let body: String = body.map(|part| part.split_once('"').map_or(part, |(_, shown)| shown)).collect();
            for code in ["not_valid", "comuni_pool", "category_pool", ">pool<", "isced", "age_band\">age", "unknown"] {
                assert!(!body.contains(code), "{code}");
            }
        }
    }

    #[test]
    fn each_drawing_has_a_name_and_each_choice_a_label() {
        for html in every() {
            for svg in html.split("<svg ").skip(1) {
                let head = svg.split('>').next().unwrap_or_default();
                assert!(
                    head.contains("aria-hidden=\"true\"") || head.contains("role=\"img\" aria-labelledby="),
                    "{head}"
                );
            }
            assert_eq!(html.matches("<select ").count(), html.matches("<label for=\"scelta-").count());
        }
    }
}
