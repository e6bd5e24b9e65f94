//! The minijinja environment, page and component templates, and the design system's assets.
//!
//! Knows nothing of the trade: a page's type lives beside its handler and names its template here. Undefined values are
//! errors, so a page that forgets one fails in the test that renders every page's samples. All words that people read
//! are in the templates, none in Rust.

mod assets;
mod format;
mod policy;
mod terms;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;

pub use assets::{ASSETS, ASSETS_VERSION, Asset, asset_path};
pub use policy::{POLICY, POLICY_WITH_SCRIPTS};
pub use terms::term;

/// A page: its template and the values the template may use, under `page`.
pub trait Page: Serialize {
    /// The template's file name in templates/pages.
    const TEMPLATE: &'static str;

    /// The scripts that the page loads, by the names of their files. A page works without them; one that names none is served
    /// under a content policy that forbids scripts altogether.
    const SCRIPTS: &'static [&'static str] = &[];

    /// Values that together reach every branch of the template.
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

/// What every page shows around its own content, under `layout`.
#[derive(Clone, Debug, Serialize)]
pub struct Layout {
    /// Synthetic data: said on every page.
    pub is_demonstration: bool,
    /// Which entry of the navigation is the present one.
    pub area: Area,
    /// Whether one can log in here at all.
    pub has_accounts: bool,
    /// Who is logged in, if anybody: whoever serves the page knows, never this package.
    pub user: Option<UserView>,
}

/// Who is logged in, as every page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    /// The name to show.
    pub name: String,
    /// The code of the role, for its words in messages/terms.toml.
    pub role: String,
    /// The Ente's name; `None` for accounts of the platform.
    pub ente: Option<String>,
    /// What must be said of the Ente's agreement, if anything: a code of `standing` in messages/terms.toml, and a day.
    pub agreement: Option<(String, Option<String>)>,
    /// The token of the form that ends the session.
    pub csrf: String,
    /// The entries of the navigation that the role opens, in their order.
    pub entries: Vec<Entry>,
}

/// An entry of the navigation that belongs to a role; its words are in messages/terms.toml, under `entry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Which.
    pub area: Area,
    /// Where it leads.
    pub path: String,
}

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// What the platform is.
    Home,
    /// The strumenti.
    Instruments,
    /// Logging in.
    Login,
    /// Where one starts after logging in.
    Desk,
    /// The persone of the Ente.
    Persone,
    /// What one has validated.
    Questionari,
    /// The Ente's figures.
    Cruscotti,
    /// How the Ente's data stand.
    Dati,
    /// The Ente's data, asked in SQL.
    Interrogazioni,
    /// The Ente's data, taken out without names.
    Estrazioni,
    /// The Ente's data, taken out with names.
    EstrazioniConNomi,
    /// The accounts of the Ente.
    Operatori,
    /// The Ente's audit.
    Registro,
    /// What the Ente sets for itself.
    Impostazioni,
    /// Questionnaires brought in from tables.
    Importazioni,
    /// The Enti.
    Enti,
    /// Expressions of interest.
    Interessi,
    /// Projects of research and their datasets, for the research office.
    Ricerca,
    /// The accounts of universities.
    RicercaPartner,
    /// The accounts of the research office.
    RicercaUfficio,
    /// The anonymous datasets of one's projects.
    DatiRicerca,
    /// None of them.
    Other,
}

/// A template that could not be rendered: a defect, never the user's doing.
#[derive(Debug, thiserror::Error)]
#[error("template {template} cannot be rendered")]
pub struct RenderError {
    /// The page's template.
    pub template: &'static str,
    /// What minijinja said.
    #[source]
    pub source: Box<minijinja::Error>,
}

/// The environment with every template loaded.
#[derive(Debug)]
pub struct Renderer {
    environment: Environment<'static>,
}

macro_rules! template_files {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../", $name)))),*] };
}

/// Every template, by its path in this package.
const TEMPLATES: &[(&str, &str)] = template_files![
    "components/base.html",
    "components/agreement.html",
    "components/answer.html",
    "components/answers.html",
    "components/autosave.html",
    "components/chart.html",
    "components/chart_dashboard.html",
    "components/evaluation.html",
    "components/form.html",
    "components/interest.html",
    "components/local_drafts.html",
    "components/passkey.html",
    "components/report.html",
    "components/report_sentences.txt",
    "components/research.html",
    "components/steps.html",
    "components/tokens.html",
    "pages/access_request.html",
    "pages/account.html",
    "pages/account_created.html",
    "pages/account_form.html",
    "pages/accessibility.html",
    "pages/accounts.html",
    "pages/amend.html",
    "pages/annul.html",
    "pages/assessment.html",
    "pages/audit.html",
    "pages/dashboard_bisogni.html",
    "pages/dashboard_comunita.html",
    "pages/dashboard_esplora.html",
    "pages/dashboard_notice.html",
    "pages/dashboard_percorsi.html",
    "pages/dashboard_quadro.html",
    "pages/dashboard_qualita.html",
    "pages/dashboard_territorio.html",
    "pages/compare.html",
    "pages/confirm.html",
    "pages/desk.html",
    "pages/draft.html",
    "pages/draft_summary.html",
    "pages/ente.html",
    "pages/ente_change.html",
    "pages/ente_closing.html",
    "pages/ente_form.html",
    "pages/enti.html",
    "pages/duplicates.html",
    "pages/erase.html",
    "pages/erased.html",
    "pages/extraction.html",
    "pages/extraction_form.html",
    "pages/extractions.html",
    "pages/gateway_arrival.html",
    "pages/gateway_choice.html",
    "pages/home.html",
    "pages/identified.html",
    "pages/identified_form.html",
    "pages/identified_list.html",
    "pages/import_form.html",
    "pages/import_template.html",
    "pages/import_trial.html",
    "pages/imports.html",
    "pages/instrument.html",
    "pages/instruments.html",
    "pages/interest.html",
    "pages/interest_form.html",
    "pages/interest_received.html",
    "pages/interests.html",
    "pages/login.html",
    "pages/message.html",
    "pages/offline.html",
    "pages/passkey_new.html",
    "pages/password.html",
    "pages/persona.html",
    "pages/persona_case.html",
    "pages/persona_form.html",
    "pages/persone.html",
    "pages/privacy.html",
    "pages/queries.html",
    "pages/questionari.html",
    "pages/recovery_codes.html",
    "pages/report.html",
    "pages/report_form.html",
    "pages/reports.html",
    "pages/research_account.html",
    "pages/research_accounts.html",
    "pages/research_office.html",
    "pages/research_project.html",
    "pages/research_project_form.html",
    "pages/research_register.html",
    "pages/research_request.html",
    "pages/research_tables.html",
    "pages/retention.html",
    "pages/saved_views.html",
    "pages/scholar_analyses.html",
    "pages/scholar_home.html",
    "pages/scholar_profiles.html",
    "pages/scholar_release.html",
    "pages/scholar_request.html",
    "pages/scholar_sql.html",
    "pages/second_factor.html",
    "pages/second_factor_set_up.html",
    "pages/data.html",
    "pages/settings.html",
    "pages/take.html",
    "pages/token_form.html",
    "pages/token_made.html",
    "pages/tryout.html",
    "pages/tryout_report.html",
    "pages/twins.html",
    "pages/unita.html",
];

impl Renderer {
    /// Renders a text line by line, without the blank ones: `kind` says what of the template is meant, `page` gives the values.
    ///
    /// # Errors
    /// When the template uses a value that the page does not give.
    pub fn lines<P: Serialize>(
        &self,
        template: &'static str,
        kind: &str,
        page: &P,
    ) -> Result<Vec<String>, RenderError> {
        let text = self
            .environment
            .get_template(template)
            .and_then(|found| found.render(context! { kind, page => Serde(page) }))
            .map_err(|source| RenderError { template, source: Box::new(source) })?;
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Loads every template.
    ///
    /// # Errors
    /// When a template is not valid.
    pub fn new() -> Result<Self, RenderError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|source| RenderError { template: "all", source: Box::new(source) })?);
        for (name, source) in TEMPLATES {
            environment
                .add_template(name, source)
                .map_err(|source| RenderError { template: name, source: Box::new(source) })?;
        }
        environment.add_function("asset", asset_path);
        environment.add_function("term", terms::term_or_error);
        environment.add_filter("hundredths", format::hundredths);
        environment.add_filter("tenths", format::tenths);
        environment.add_filter("thousands", format::thousands);
        environment.add_filter("with_article", format::with_article);
        Ok(Self { environment })
    }

    /// Renders a page.
    ///
    /// # Errors
    /// When the template uses a value that the page does not give.
    pub fn render<P: Page>(&self, page: &P, layout: &Layout) -> Result<String, RenderError> {
        self.environment
            .get_template(P::TEMPLATE)
            .and_then(|template| {
                template.render(context! { page => Serde(page), layout => Serde(layout), scripts => Serde(P::SCRIPTS) })
            })
            .map_err(|source| RenderError { template: P::TEMPLATE, source: Box::new(source) })
    }
}
