//! One file per page: its values, handler and samples. What several pages show of a strumento is in `view`.

pub(crate) mod assets;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod instrument;
pub(crate) mod instruments;
pub(crate) mod message;
pub(crate) mod notices;
pub(crate) mod report;
pub(crate) mod tryout;
pub(crate) mod view;

#[cfg(test)]
mod tests {
    use templates::{Area, Layout, Page, Renderer};

    /// Renders every sample of a page, with and without the band of the demonstration.
    fn check<P: Page>() {
        let renderer = Renderer::new().expect("every template is valid");
        let samples = P::samples();
        assert!(!samples.is_empty(), "{} has no samples", P::TEMPLATE);
        for sample in samples {
            for is_demonstration in [false, true] {
                let html =
                    renderer.render(&sample, &Layout { is_demonstration, area: Area::Home }).unwrap_or_else(|error| {
                        panic!("{}: {}", P::TEMPLATE, error.source);
                    });
                assert!(html.contains("</html>"), "{} is cut", P::TEMPLATE);
                assert_eq!(html.contains("dati sintetici"), is_demonstration, "{}", P::TEMPLATE);
            }
        }
    }

    #[test]
    fn every_page_renders_its_samples() {
        check::<super::home::Home>();
        check::<super::instrument::InstrumentPage>();
        check::<super::instruments::Instruments>();
        check::<super::message::Message>();
        check::<super::notices::Accessibility>();
        check::<super::notices::Privacy>();
        check::<super::tryout::Tryout>();
        check::<super::tryout::TryoutReport>();
    }
}
