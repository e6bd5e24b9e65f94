//! What a report says, as the words and tables of `word/document.xml`.

use std::io;

use super::text::{lines, one_line, paragraphs, spelled};
use super::widths::widths;
use super::xml::Xml;
use super::{Block, Level, Link, Report, ReportColumn};

/// The part, and where its links lead: the first is `rIdLink1`.
pub(super) struct Body {
    pub(super) xml: Vec<u8>,
    pub(super) links: Vec<String>,
}

/// What the body calls the foot of its pages.
pub(super) const FOOTER_ID: &str = "rIdFooter";

/// What the body calls a link.
pub(super) fn link_id(number: usize) -> String {
    format!("rIdLink{number}")
}

const NAMESPACES: &[(&str, &str)] = &[
    ("xmlns:r", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
    ("xmlns:w", "http://schemas.openxmlformats.org/wordprocessingml/2006/main"),
];

// Twentieths of a point: A4, and two centimetres.
const PAGE_WIDTH: usize = 11_906;
const PAGE_HEIGHT: usize = 16_838;
const MARGIN: usize = 1_134;
/// From the edge to the number of the page: one centimetre.
const MARGIN_OF_FOOTER: usize = 567;

pub(super) fn written(report: &Report) -> io::Result<Body> {
    let mut links = Vec::new();
    let xml = Xml::part("w:document", NAMESPACES, |xml| {
        xml.element("w:body", &[], |xml| {
            paragraph(xml, "Title", &[one_line(&report.title)])?;
            let subtitle = one_line(&report.subtitle);
            if !subtitle.is_empty() {
                paragraph(xml, "Subtitle", &[subtitle])?;
            }
            let mut blocks = report.blocks.iter().peekable();
            while let Some(block) = blocks.next() {
                written_block(xml, block, &mut links)?;
                // Two tables that touch become one, and a text has to end with a paragraph.
                if is_table(block) && blocks.peek().is_none_or(|next| is_bare_table(next)) {
                    paragraph(xml, "TableText", &[])?;
                }
            }
            page(xml)
        })
    })?;
    Ok(Body { xml, links })
}

const fn is_table(block: &Block) -> bool {
    matches!(block, Block::Table { .. })
}

/// A table without a caption, which would stand between it and what is above.
fn is_bare_table(block: &Block) -> bool {
    matches!(block, Block::Table { caption, .. } if one_line(caption).is_empty())
}

fn written_block(xml: &mut Xml, block: &Block, links: &mut Vec<String>) -> io::Result<()> {
    match block {
        Block::Heading { level, text } => paragraph(xml, heading_style(*level), &[one_line(text)]),
        Block::Paragraph { text, link } => sentence(xml, text, link.as_ref(), links),
        Block::Free(text) => paragraphs(text).iter().try_for_each(|lines| paragraph(xml, "FreeText", lines)),
        Block::Table { caption, columns, rows } => table(xml, &one_line(caption), columns, rows),
        Block::Note(text) => paragraph(xml, "Note", &lines(text)),
    }
}

const fn heading_style(level: Level) -> &'static str {
    match level {
        Level::First => "Heading1",
        Level::Second => "Heading2",
        Level::Third => "Heading3",
    }
}

fn paragraph(xml: &mut Xml, style: &str, lines: &[String]) -> io::Result<()> {
    xml.element("w:p", &[], |xml| {
        xml.element("w:pPr", &[], |xml| xml.empty("w:pStyle", &[("w:val", style)]))?;
        run(xml, None, lines)
    })
}

fn sentence(xml: &mut Xml, text: &str, link: Option<&Link>, links: &mut Vec<String>) -> io::Result<()> {
    xml.element("w:p", &[], |xml| {
        let mut lines = lines(text);
        if link.is_some()
            && let Some(last) = lines.last_mut().filter(|last| !last.is_empty())
        {
            last.push(' ');
        }
        run(xml, None, &lines)?;
        let Some(link) = link else { return Ok(()) };
        links.push(spelled(&link.address));
        let id = link_id(links.len());
        xml.element("w:hyperlink", &[("r:id", &id), ("w:history", "1")], |xml| {
            run(xml, Some("Hyperlink"), &[one_line(&link.text)])
        })
    })
}

/// Words in one style; nothing at all if there are none.
fn run(xml: &mut Xml, style: Option<&str>, lines: &[String]) -> io::Result<()> {
    if lines.iter().all(String::is_empty) {
        return Ok(());
    }
    xml.element("w:r", &[], |xml| {
        if let Some(style) = style {
            xml.element("w:rPr", &[], |xml| xml.empty("w:rStyle", &[("w:val", style)]))?;
        }
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                xml.empty("w:br", &[])?;
            }
            if !line.is_empty() {
                xml.element("w:t", &[("xml:space", "preserve")], |xml| xml.text(line))?;
            }
        }
        Ok(())
    })
}

fn table(xml: &mut Xml, caption: &str, columns: &[ReportColumn], rows: &[Vec<String>]) -> io::Result<()> {
    if !caption.is_empty() {
        paragraph(xml, "Caption", &[caption.to_owned()])?;
    }
    let widths = widths(columns, rows, PAGE_WIDTH - 2 * MARGIN);
    let of_table: usize = widths.iter().sum();
    let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
    xml.element("w:tbl", &[], |xml| {
        xml.element("w:tblPr", &[], |xml| {
            xml.empty("w:tblStyle", &[("w:val", "ReportTable")])?;
            xml.empty("w:tblW", &[("w:w", &of_table.to_string()), ("w:type", "dxa")])?;
            xml.empty("w:tblLook", &[("w:val", "0620"), ("w:firstRow", "1"), ("w:noHBand", "1"), ("w:noVBand", "1")])?;
            if caption.is_empty() { Ok(()) } else { xml.empty("w:tblCaption", &[("w:val", caption)]) }
        })?;
        xml.element("w:tblGrid", &[], |xml| {
            widths.iter().try_for_each(|width| xml.empty("w:gridCol", &[("w:w", width)]))
        })?;
        let head = columns.iter().map(|column| column.title.as_str());
        row(xml, Part::Head, columns, &widths, head)?;
        rows.iter().try_for_each(|cells| row(xml, Part::Row, columns, &widths, cells.iter().map(String::as_str)))
    })
}

/// Which part of a table a row is.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Row,
}

fn row<'a>(
    xml: &mut Xml,
    part: Part,
    columns: &[ReportColumn],
    widths: &[String],
    cells: impl Iterator<Item = &'a str>,
) -> io::Result<()> {
    xml.element("w:tr", &[], |xml| {
        xml.element("w:trPr", &[], |xml| {
            xml.empty("w:cantSplit", &[])?;
            match part {
                // Again at the top of each page.
                Part::Head => xml.empty("w:tblHeader", &[]),
                Part::Row => Ok(()),
            }
        })?;
        let style = match part {
            Part::Head => "TableHead",
            Part::Row => "TableText",
        };
        for ((column, width), text) in columns.iter().zip(widths).zip(cells) {
            xml.element("w:tc", &[], |xml| {
                xml.element("w:tcPr", &[], |xml| xml.empty("w:tcW", &[("w:w", width), ("w:type", "dxa")]))?;
                xml.element("w:p", &[], |xml| {
                    xml.element("w:pPr", &[], |xml| {
                        xml.empty("w:pStyle", &[("w:val", style)])?;
                        if column.is_number { xml.empty("w:jc", &[("w:val", "right")]) } else { Ok(()) }
                    })?;
                    run(xml, None, &lines(text))
                })
            })?;
        }
        Ok(())
    })
}

fn page(xml: &mut Xml) -> io::Result<()> {
    let [width, height, margin, of_footer] =
        [PAGE_WIDTH, PAGE_HEIGHT, MARGIN, MARGIN_OF_FOOTER].map(|length| length.to_string());
    xml.element("w:sectPr", &[], |xml| {
        xml.empty("w:footerReference", &[("w:type", "default"), ("r:id", FOOTER_ID)])?;
        xml.empty("w:pgSz", &[("w:w", &width), ("w:h", &height)])?;
        let sides = ["w:top", "w:right", "w:bottom", "w:left"].map(|side| (side, margin.as_str()));
        let around = [("w:header", of_footer.as_str()), ("w:footer", &of_footer), ("w:gutter", "0")];
        xml.empty("w:pgMar", &[&sides[..], &around].concat())
    })
}
