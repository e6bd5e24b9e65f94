//! The minijinja environment, page and component templates, and the design system's assets.
//!
//! Knows nothing of the trade: a page's type lives beside its handler and names its template here. Undefined values are
//! errors, so a page that forgets one fails in the test that renders every page's samples. All words that people read
//! are in the templates, none in Rust.

mod assets;
mod format;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;

pub use assets::{ASSETS, ASSETS_VERSION, Asset, asset_path};

/// A page: its template and the values the template may use, under `page`.
pub trait Page: Serialize {
    /// The template's file name in templates/pages.
    const TEMPLATE: &'static str;

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
}

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// What the platform is.
    Home,
    /// The strumenti.
    Instruments,
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
    "components/answers.html",
    "components/report.html",
    "pages/accessibility.html",
    "pages/home.html",
    "pages/instrument.html",
    "pages/instruments.html",
    "pages/message.html",
    "pages/privacy.html",
    "pages/tryout.html",
    "pages/tryout_report.html",
];

impl Renderer {
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
        environment.add_filter("hundredths", format::hundredths);
        environment.add_filter("tenths", format::tenths);
        environment.add_filter("thousands", format::thousands);
        Ok(Self { environment })
    }

    /// Renders a page.
    ///
    /// # Errors
    /// When the template uses a value that the page does not give.
    pub fn render<P: Page>(&self, page: &P, layout: &Layout) -> Result<String, RenderError> {
        self.environment
            .get_template(P::TEMPLATE)
            .and_then(|template| template.render(context! { page => Serde(page), layout => Serde(layout) }))
            .map_err(|source| RenderError { template: P::TEMPLATE, source: Box::new(source) })
    }
}
