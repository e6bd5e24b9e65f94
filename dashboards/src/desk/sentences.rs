//! Figures in sentences: the words are a template's, a line for each sentence.

use serde::Serialize;

use crate::Dashboards;

const TEMPLATE: &str = "components/report_sentences.txt";

/// What a page has to say in a chapter. A template that fails is a defect, and says nothing.
pub(super) fn of<P: Serialize>(dashboards: &Dashboards, chapter: &str, page: &P) -> Vec<String> {
    match dashboards.renderer.lines(TEMPLATE, chapter, page) {
        Ok(lines) => lines,
        Err(error) => {
            tracing::error!(template = error.template, source = %error.source, "sentences cannot be made");
            Vec::new()
        }
    }
}
