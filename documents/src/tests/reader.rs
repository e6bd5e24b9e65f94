//! Reads what was laid out, page by page, in the order it stands there. How the pages are tagged is read from the PDF, by
//! tests/browser/papers.test.js.

use typst::layout::{Abs, Frame, FrameItem, Point};
use typst_layout::PagedDocument;

/// The text of each page, its head and foot included, with single spaces.
pub(crate) fn pages(document: &PagedDocument) -> Vec<String> {
    document
        .pages()
        .iter()
        .map(|page| {
            let mut reader = Reader::default();
            reader.read(&page.frame, Point::zero());
            flat(&reader.text)
        })
        .collect()
}

/// Space by space, whatever the lines.
pub(crate) fn flat(text: &str) -> String {
    text.replace('\u{A0}', " ").replace('\u{200B}', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Reader {
    text: String,
    /// Where the last piece of text ended.
    end: Point,
}

impl Reader {
    fn read(&mut self, frame: &Frame, at: Point) {
        for (place, item) in frame.items() {
            let start = at + *place;
            match item {
                FrameItem::Group(group) => self.read(&group.frame, start),
                FrameItem::Text(piece) => {
                    // Pieces of one word touch.
                    let touches =
                        (start.y - self.end.y).abs() < Abs::pt(0.1) && (start.x - self.end.x).abs() < Abs::pt(0.5);
                    if !touches {
                        self.text.push(' ');
                    }
                    self.text.push_str(&piece.text);
                    self.end = Point::new(start.x + piece.width(), start.y);
                }
                FrameItem::Shape(..) | FrameItem::Image(..) | FrameItem::Link(..) | FrameItem::Tag(_) => {}
            }
        }
    }
}
