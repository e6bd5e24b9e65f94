//! Sets a paper and writes it down as PDF/UA-1 and PDF/A-2a.
//!
//! One press serves any number of threads. What typesetting remembers between two papers would hold names and answers, so it
//! is forgotten as soon as a paper is done.

use serde::Serialize;
use typst::diag::{SourceDiagnostic, Warned};
use typst::ecow::EcoVec;
use typst::foundations::Smart;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use crate::text::{Glyphs, Strictness};
use crate::world::{Desk, Shop};

/// Values that a `.typ` file makes a paper of.
pub trait Paper: Serialize + Sized {
    /// The file of the paper, in `typ/`.
    const FILE: &'static str;

    /// Values that show everything the paper can: the first ones full, the others with what is optional left out.
    fn samples() -> Vec<Self>;
}

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// The values do not serialise.
    #[error("the values of {file} are no JSON")]
    Values {
        /// The paper.
        file: &'static str,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The `.typ` file and its values do not go together, or the PDF would not be what it promises. Texts of people are not
    /// repeated.
    #[error("{file} cannot be set: {problems}")]
    Setting {
        /// The paper.
        file: &'static str,
        /// What is wrong, and where.
        problems: String,
    },
    /// A part of this package that is in the binary is not what it should be.
    #[error("the press lacks {0}")]
    Press(&'static str),
}

/// Fonts, files and the standards to keep, read once.
pub struct Press {
    shop: Shop,
    glyphs: Glyphs,
    standards: PdfStandards,
}

impl Press {
    /// Reads what is built in.
    ///
    /// # Errors
    /// When a font or a file in the binary is damaged.
    pub fn new() -> Result<Self, PaperError> {
        let shop = Shop::new()?;
        let glyphs = Glyphs::new(shop.fonts());
        // Tagged for reading aloud, and to be kept for years: both are PDF 1.7, and go together. A-4 would be PDF 2.0, which UA-1 is not.
        let standards = PdfStandards::new(&[PdfStandard::A_2a, PdfStandard::Ua_1])
            .map_err(|_| PaperError::Press("standards that go together"))?;
        Ok(Self { shop, glyphs, standards })
    }

    /// The paper as PDF. It takes tens to hundreds of milliseconds of one core: not on a thread that serves others.
    ///
    /// # Errors
    /// When the values do not serialise, or do not fit their `.typ` file.
    pub fn print<P: Paper>(&self, paper: &P) -> Result<Vec<u8>, PaperError> {
        let values = serde_json::to_value(paper).map_err(|source| PaperError::Values { file: P::FILE, source })?;
        // Marks that one font has and the letter before them has not cannot be foreseen letter by letter: what the
        // standards then refuse is set again with the plain letters alone.
        let first = self.set(P::FILE, values.clone(), Strictness::AnyFont);
        let printed = first.or_else(|_| self.set(P::FILE, values, Strictness::PlainLetters));
        typst::comemo::evict(0);
        printed
    }

    fn set(
        &self,
        file: &'static str,
        values: serde_json::Value,
        strictness: Strictness,
    ) -> Result<Vec<u8>, PaperError> {
        let (document, ident) = self.lay_out(file, values, strictness)?;
        let options = PdfOptions {
            // Hashed, and so the same for the same values.
            ident: Smart::Custom(ident),
            creator: Smart::Custom(Some("Noncello".to_owned())),
            timestamp: None,
            page_ranges: None,
            standards: self.standards.clone(),
            tagged: true,
            pretty: false,
        };
        typst_pdf::pdf(&document, &options).map_err(|problems| self.refusal(file, &problems))
    }

    /// The pages, and what names these values and no others.
    fn lay_out(
        &self,
        file: &'static str,
        mut values: serde_json::Value,
        strictness: Strictness,
    ) -> Result<(PagedDocument, String), PaperError> {
        let replaced = self.glyphs.clean(&mut values, strictness);
        let values = serde_json::json!({ "paper": values, "replaced": replaced });
        let values = serde_json::to_vec(&values).map_err(|source| PaperError::Values { file, source })?;
        let ident = format!("{file} {}", String::from_utf8_lossy(&values));
        let desk = Desk::new(&self.shop, file, values)?;
        let Warned { output, .. } = typst::compile::<PagedDocument>(&desk);
        Ok((output.map_err(|problems| self.refusal(file, &problems))?, ident))
    }

    /// The pages as they are laid out, before they are written down as PDF.
    #[cfg(test)]
    pub(crate) fn pages<P: Paper>(&self, paper: &P) -> PagedDocument {
        let values = serde_json::to_value(paper).unwrap();
        self.lay_out(P::FILE, values, Strictness::AnyFont).unwrap().0
    }

    /// Where something is wrong, without the text that is there: messages may quote what people typed.
    fn refusal(&self, file: &'static str, problems: &EcoVec<SourceDiagnostic>) -> PaperError {
        let places: Vec<String> = problems.iter().map(|problem| self.shop.place(problem)).collect();
        PaperError::Setting { file, problems: places.join("; ") }
    }
}
