//! A report as a file for word processors.

use tabular::{Block, Level, Link, Report, ReportColumn, ReportError, docx};

use super::content::{Content, Written};
use crate::text;

/// The file. `site` is where this installation is reached: without it sentences have no links, since an address alone leads nowhere
/// from a file.
pub(crate) fn file(content: &Content, site: Option<&str>) -> Result<Vec<u8>, ReportError> {
    let word = |code: &str| text::word("report", code);
    let mut blocks = vec![Block::Note(format!("{}: {}", word("published_at"), content.published_at))];
    blocks.extend(content.introduction.clone().map(Block::Free));
    for chapter in &content.chapters {
        chapter_blocks(chapter, site, &mut blocks);
    }
    if let Some(closing) = &content.closing {
        blocks.push(Block::Heading { level: Level::First, text: word("closing") });
        blocks.push(Block::Free(closing.clone()));
    }
    blocks.push(Block::Heading { level: Level::First, text: word("how_to_read") });
    blocks.push(Block::Note(text::word("dashboard", "mark_explained")));
    blocks.push(Block::Note(word("counted_once")));
    blocks.push(Block::Note(format!(
        "{} {}; {} {}. {}",
        word("version"),
        content.version,
        word("last_seq"),
        content.last_seq,
        content.source
    )));
    docx(&Report {
        title: content.title.clone(),
        subtitle: format!("{} – {} – {}", content.ente, content.strumento, content.period),
        language: "it-IT",
        blocks,
    })
}

fn chapter_blocks(chapter: &Written, site: Option<&str>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading { level: Level::First, text: text::word("chapter", &chapter.code) });
    blocks.extend(chapter.text.clone().map(Block::Free));
    for sentence in &chapter.sentences {
        let link = site.map(|site| Link {
            text: text::word("report", "see_figures"),
            address: format!("{site}{}", sentence.address),
        });
        blocks.push(Block::Paragraph { text: sentence.text.clone(), link });
    }
    for titled in &chapter.tables {
        let columns = titled.table.columns.iter();
        let columns = columns.map(|column| ReportColumn { title: column.text.clone(), is_number: column.is_number });
        let rows = titled.table.rows.iter().map(|row| [vec![row.head.clone()], row.cells.clone()].concat());
        blocks.push(Block::Table { caption: titled.title.clone(), columns: columns.collect(), rows: rows.collect() });
    }
}
