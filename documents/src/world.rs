//! What typesetting may see: the files and fonts in the binary, and the values of one paper. No disk, no network, no clock.

use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{DiagSpanKind, FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Feature, Features, Library, LibraryExt, World};

use crate::press::PaperError;

/// The files of `typ/`.
const FILES: &[(&str, &str)] = &[
    ("access_report.typ", include_str!("../typ/access_report.typ")),
    ("accounts_list.typ", include_str!("../typ/accounts_list.typ")),
    ("agreement.typ", include_str!("../typ/agreement.typ")),
    ("agreement_1.typ", include_str!("../typ/agreement_1.typ")),
    ("base.typ", include_str!("../typ/base.typ")),
    ("certificate.typ", include_str!("../typ/certificate.typ")),
    ("easy_report.typ", include_str!("../typ/easy_report.typ")),
    ("interest.typ", include_str!("../typ/interest.typ")),
    ("questionnaire.typ", include_str!("../typ/questionnaire.typ")),
    ("report.typ", include_str!("../typ/report.typ")),
    ("sheet.typ", include_str!("../typ/sheet.typ")),
];

/// Titillium Web first: it is what papers are written in. DejaVu Sans has the letters that it lacks.
const FONTS: &[&[u8]] = &[
    include_bytes!(concat!(env!("OUT_DIR"), "/titillium-regular.ttf")),
    include_bytes!(concat!(env!("OUT_DIR"), "/titillium-italic.ttf")),
    include_bytes!(concat!(env!("OUT_DIR"), "/titillium-600.ttf")),
    include_bytes!(concat!(env!("OUT_DIR"), "/titillium-700.ttf")),
    include_bytes!("../fonts/DejaVuSans-subset.ttf"),
];

/// Where a `.typ` file finds its values.
const VALUES: &str = "values.json";

/// What all papers share.
pub(crate) struct Shop {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    sources: Vec<Source>,
    values: FileId,
}

impl Shop {
    pub(crate) fn new() -> Result<Self, PaperError> {
        let fonts: Option<Vec<Font>> = FONTS.iter().map(|bytes| Font::new(Bytes::new(*bytes), 0)).collect();
        let fonts = fonts.ok_or(PaperError::Press("a font that can be read"))?;
        let sources = FILES.iter().map(|(name, text)| Some(Source::new(file_id(name)?, (*text).to_owned())));
        Ok(Self {
            // Header cells of rows and summaries of tables are still behind this switch.
            library: LazyHash::new(
                Library::builder().with_features(Features::from_iter([Feature::A11yExtras])).build(),
            ),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            sources: sources.collect::<Option<_>>().ok_or(PaperError::Press("a file with a name"))?,
            values: file_id(VALUES).ok_or(PaperError::Press("a name for the values"))?,
        })
    }

    /// The fonts, the one that papers are written in first.
    pub(crate) fn fonts(&self) -> &[Font] {
        &self.fonts
    }

    fn source(&self, id: FileId) -> Option<&Source> {
        self.sources.iter().find(|source| source.id() == id)
    }

    /// Where a problem is. In tests, which have nobody's data, also what it is.
    pub(crate) fn place(&self, problem: &SourceDiagnostic) -> String {
        let said = if cfg!(test) { format!(": {} {:?}", problem.message, problem.hints) } else { String::new() };
        let at = match problem.span.get() {
            DiagSpanKind::Detached => None,
            DiagSpanKind::Number { id, num, sub_range } => {
                self.source(id).and_then(|source| Some((source, source.range(num, sub_range)?)))
            }
            DiagSpanKind::Range { id, range } => self.source(id).map(|source| (source, range)),
        };
        let Some((source, range)) = at else { return format!("the whole paper{said}") };
        let line = source.lines().byte_to_line(range.start).unwrap_or_default() + 1;
        format!("{} line {line}{said}", source.id().get().vpath().get_without_slash())
    }
}

/// One paper on its way.
pub(crate) struct Desk<'shop> {
    shop: &'shop Shop,
    main: FileId,
    values: Bytes,
}

impl<'shop> Desk<'shop> {
    pub(crate) fn new(shop: &'shop Shop, file: &str, values: Vec<u8>) -> Result<Self, PaperError> {
        let main =
            file_id(file).filter(|id| shop.source(*id).is_some()).ok_or(PaperError::Press("the paper's file"))?;
        Ok(Self { shop, main, values: Bytes::new(values) })
    }
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.shop.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.shop.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.shop.source(id).cloned().ok_or(FileError::AccessDenied)
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.shop.values { Ok(self.values.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.shop.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
pub(crate) fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied()
}

fn file_id(name: &str) -> Option<FileId> {
    Some(RootedPath::new(VirtualRoot::Project, VirtualPath::new(name).ok()?).intern())
}
