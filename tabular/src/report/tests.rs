//! The file as a word processor reads it: unzipped and parsed again, not compared as text.

use std::io::{Cursor, Read};

use roxmltree::{Document, Node};

use super::*;

const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn column(title: &str, is_number: bool) -> ReportColumn {
    ReportColumn { title: title.to_owned(), is_number }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn report(blocks: Vec<Block>) -> Report {
    Report {
        title: "Autonomie & \"occupabilità\"".to_owned(),
        subtitle: "Comune <di prova>, 2026".to_owned(),
        language: "it-IT",
        blocks,
    }
}

fn table(caption: &str) -> Block {
    Block::Table {
        caption: caption.to_owned(),
        columns: vec![column("Comune", false), column("Persone > 18", true), column("%", true)],
        rows: vec![strings(&["San Vito \"T\" & <C>", "1.234", "12,5"]), strings(&["Forlì\nperiferia", "<5", ""])],
    }
}

fn linked(text: &str, words: &str, address: &str) -> Block {
    let link = Link { text: words.to_owned(), address: address.to_owned() };
    Block::Paragraph { text: text.to_owned(), link: Some(link) }
}

fn sample() -> Report {
    report(vec![
        Block::Heading { level: Level::First, text: "Chi è seguito".to_owned() },
        linked(
            "Più di 3 persone su 10 <\"sì\"> & già.",
            "Territorio",
            "https://noncello.example/cruscotti?a=1&b=\"2\"",
        ),
        Block::Heading { level: Level::Second, text: "Età & <autonomie>".to_owned() },
        Block::Free("Primo paragrafo,\r\nseconda riga.\r\n\r\n\u{0}\u{b}\n=HYPERLINK(\"x\") \u{1}perché\n".to_owned()),
        table("Persone per Comune & età"),
        Block::Note("Sotto 5 non si dice.".to_owned()),
        Block::Heading { level: Level::Third, text: "Fonti".to_owned() },
        linked("", "Qualità", "/cruscotti/dati"),
        Block::Paragraph { text: "Senza fonte".to_owned(), link: None },
    ])
}

/// A part of the file, which has to be there.
fn part(file: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((WORD, name))
}

fn all<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Vec<Node<'a, 'input>> {
    node.descendants().filter(|node| is(*node, name)).collect()
}

fn value<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    let found = node.descendants().find(|node| is(*node, name))?;
    found.attribute((WORD, "val"))
}

/// What is read: texts, and a new line where one begins.
fn words(node: Node<'_, '_>) -> String {
    let pieces = node.descendants().filter_map(|node| match node.tag_name().name() {
        "t" => node.text(),
        "br" => Some("\n"),
        _ => None,
    });
    pieces.collect()
}

/// Paragraphs outside tables, each with its style.
fn read(file: &[u8]) -> Vec<(String, String)> {
    let text = part(file, "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let body = all(document.root(), "body")[0];
    let outside = body.children().filter(|node| is(*node, "p"));
    outside.map(|node| (value(node, "pStyle").unwrap_or("Normal").to_owned(), words(node))).collect()
}

fn cells(file: &[u8]) -> Vec<Vec<Vec<String>>> {
    let text = part(file, "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let row = |row: Node<'_, '_>| all(row, "tc").into_iter().map(words).collect();
    all(document.root(), "tbl").into_iter().map(|table| all(table, "tr").into_iter().map(row).collect()).collect()
}

#[test]
fn texts_are_read_as_they_were_written() {
    let read = read(&docx(&sample()).unwrap());
    let read: Vec<(&str, &str)> = read.iter().map(|(style, text)| (style.as_str(), text.as_str())).collect();
    let expected = [
        ("Title", "Autonomie & \"occupabilità\""),
        ("Subtitle", "Comune <di prova>, 2026"),
        ("Heading1", "Chi è seguito"),
        ("Normal", "Più di 3 persone su 10 <\"sì\"> & già. Territorio"),
        ("Heading2", "Età & <autonomie>"),
        ("FreeText", "Primo paragrafo,\nseconda riga."),
        ("FreeText", "=HYPERLINK(\"x\") perché"),
        ("Caption", "Persone per Comune & età"),
        ("Note", "Sotto 5 non si dice."),
        ("Heading3", "Fonti"),
        ("Normal", "Qualità"),
        ("Normal", "Senza fonte"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn headings_make_a_table_of_contents() {
    let text = part(&docx(&sample()).unwrap(), "word/styles.xml");
    let styles = Document::parse(&text).unwrap();
    let ranks: Vec<_> = all(styles.root(), "style")
        .into_iter()
        .filter(|style| value(*style, "outlineLvl").is_some())
        .map(|style| (style.attribute((WORD, "styleId")), value(style, "name"), value(style, "outlineLvl")))
        .collect();
    let expected = [("Heading1", "heading 1", "0"), ("Heading2", "heading 2", "1"), ("Heading3", "heading 3", "2")];
    assert_eq!(ranks, expected.map(|(id, name, rank)| (Some(id), Some(name), Some(rank))));
}

#[test]
fn every_style_that_is_used_is_there() {
    let file = docx(&sample()).unwrap();
    let [text, styles, footer] = ["document", "styles", "footer"].map(|name| part(&file, &format!("word/{name}.xml")));
    let styles = Document::parse(&styles).unwrap();
    let ids: Vec<_> =
        all(styles.root(), "style").into_iter().filter_map(|style| style.attribute((WORD, "styleId"))).collect();
    for text in [text, footer] {
        let document = Document::parse(&text).unwrap();
        for name in ["pStyle", "rStyle", "tblStyle"] {
            for used in all(document.root(), name) {
                assert!(ids.contains(&used.attribute((WORD, "val")).unwrap()), "{used:?}");
            }
        }
    }
}

#[test]
fn a_table_has_the_rows_of_the_model() {
    let file = docx(&sample()).unwrap();
    let expected = [
        strings(&["Comune", "Persone > 18", "%"]),
        strings(&["San Vito \"T\" & <C>", "1.234", "12,5"]),
        strings(&["Forlì\nperiferia", "<5", ""]),
    ];
    assert_eq!(cells(&file), [expected]);

    let text = part(&file, "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let table = all(document.root(), "tbl")[0];
    assert_eq!(value(table, "tblCaption"), Some("Persone per Comune & età"));
    let is_repeated: Vec<bool> = all(table, "tr").into_iter().map(|row| !all(row, "tblHeader").is_empty()).collect();
    assert_eq!(is_repeated, [true, false, false]);
    for row in all(table, "tr") {
        let sides: Vec<_> = all(row, "tc").into_iter().map(|cell| value(cell, "jc")).collect();
        assert_eq!(sides, [None, Some("right"), Some("right")]);
    }
    let before = table.prev_sibling_element().unwrap();
    assert_eq!(value(before, "pStyle"), Some("Caption"));
}

#[test]
fn tables_never_touch_and_never_end_the_text() {
    let file = docx(&report(vec![table("Una"), table(""), table("Due")])).unwrap();
    let text = part(&file, "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let body = all(document.root(), "body")[0];
    let names: Vec<&str> = body.children().map(|node| node.tag_name().name()).collect();
    assert_eq!(names, ["p", "p", "p", "tbl", "p", "tbl", "p", "tbl", "p", "sectPr"]);
    assert_eq!(cells(&file).len(), 3);
    // No caption, no name for a screen reader.
    let captions: Vec<_> = all(body, "tbl").into_iter().map(|table| value(table, "tblCaption")).collect();
    assert_eq!(captions, [Some("Una"), None, Some("Due")]);
}

#[test]
fn a_table_is_as_wide_as_its_columns() {
    let text = part(&docx(&sample()).unwrap(), "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let widths = |name| -> Vec<usize> {
        let nodes = all(document.root(), name).into_iter();
        nodes.map(|node| node.attribute((WORD, "w")).unwrap().parse().unwrap()).collect()
    };
    let grid = widths("gridCol");
    assert_eq!(grid.len(), 3);
    assert_eq!(widths("tcW"), grid.repeat(3));
    assert_eq!(widths("tblW"), [grid.iter().sum::<usize>()]);
}

#[test]
fn links_lead_where_they_say() {
    let file = docx(&sample()).unwrap();
    let text = part(&file, "word/_rels/document.xml.rels");
    let relationships = Document::parse(&text).unwrap();
    let target = |id: &str| {
        let found = relationships.descendants().find(|node| node.attribute("Id") == Some(id)).unwrap();
        assert_eq!(found.attribute("TargetMode"), Some("External"));
        assert_eq!(found.attribute("Type"), Some(format!("{RELATIONSHIPS}/hyperlink").as_str()));
        found.attribute("Target").unwrap().to_owned()
    };
    let text = part(&file, "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let links: Vec<_> = all(document.root(), "hyperlink")
        .into_iter()
        .map(|link| (words(link), target(link.attribute((RELATIONSHIPS, "id")).unwrap())))
        .collect();
    let expected = [("Territorio", "https://noncello.example/cruscotti?a=1&b=%222%22"), ("Qualità", "/cruscotti/dati")];
    assert_eq!(links, expected.map(|(words, address)| (words.to_owned(), address.to_owned())));
}

#[test]
fn what_the_body_names_is_in_the_file() {
    let file = docx(&sample()).unwrap();
    let text = part(&file, "word/_rels/document.xml.rels");
    let relationships = Document::parse(&text).unwrap();
    let inside = relationships.descendants().filter(|node| node.attribute("TargetMode").is_none());
    let targets: Vec<&str> = inside.filter_map(|node| node.attribute("Target")).collect();
    assert_eq!(targets, ["styles.xml", "settings.xml", "footer.xml"]);
    let types = part(&file, "[Content_Types].xml");
    let types = Document::parse(&types).unwrap();
    let mut named: Vec<String> =
        types.descendants().filter_map(|node| node.attribute("PartName")).map(str::to_owned).collect();
    named.sort();
    let archive = zip::ZipArchive::new(Cursor::new(&file)).unwrap();
    let mut there: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .filter(|name| !name.contains("rels") && !name.starts_with('['))
        .map(|name| format!("/{name}"))
        .collect();
    there.sort();
    assert_eq!(named, there);
    let text = part(&file, "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let footer = all(document.root(), "footerReference")[0].attribute((RELATIONSHIPS, "id"));
    assert!(relationships.descendants().any(|node| node.attribute("Id") == footer));
}

#[test]
fn the_file_says_its_title_and_its_language() {
    let file = docx(&sample()).unwrap();
    let core = part(&file, "docProps/core.xml");
    let core = Document::parse(&core).unwrap();
    let properties: Vec<_> =
        core.root_element().children().map(|node| (node.tag_name().name(), node.text().unwrap_or_default())).collect();
    assert_eq!(properties, [("title", "Autonomie & \"occupabilità\""), ("language", "it-IT")]);
    let styles = part(&file, "word/styles.xml");
    assert_eq!(value(Document::parse(&styles).unwrap().root(), "lang"), Some("it-IT"));
    let settings = part(&file, "word/settings.xml");
    assert_eq!(value(Document::parse(&settings).unwrap().root(), "themeFontLang"), Some("it-IT"));
    assert!(!styles.contains("LANGUAGE") && !settings.contains("LANGUAGE"));
}

#[test]
fn the_page_is_a4_with_two_centimetres_around() {
    let text = part(&docx(&sample()).unwrap(), "word/document.xml");
    let document = Document::parse(&text).unwrap();
    let lengths = |element, names: &[&'static str]| -> Vec<String> {
        let node = all(document.root(), element)[0];
        names.iter().map(|name| node.attribute((WORD, *name)).unwrap().to_owned()).collect()
    };
    assert_eq!(lengths("pgSz", &["w", "h"]), ["11906", "16838"]);
    assert_eq!(lengths("pgMar", &["top", "right", "bottom", "left"]), ["1134"; 4]);
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let file = docx(&sample()).unwrap();
    assert_eq!(file, docx(&sample()).unwrap());
    let in_another_thread = std::thread::spawn(|| docx(&sample()).unwrap()).join().unwrap();
    assert_eq!(file, in_another_thread);
    let mut archive = zip::ZipArchive::new(Cursor::new(&file)).unwrap();
    for place in 0..archive.len() {
        let part = archive.by_index(place).unwrap();
        assert_eq!(part.last_modified(), Some(zip::DateTime::DEFAULT), "{:?}", part.name());
    }
}

#[test]
fn what_xml_cannot_hold_is_left_out_everywhere() {
    let bad: String = (0..=0x1f_u8).map(char::from).chain(['a', '\u{fffe}', '\u{ffff}', '\u{7f}']).collect();
    let mut report = report(vec![
        Block::Heading { level: Level::First, text: bad.clone() },
        linked(&bad, &bad, &format!("/{bad}")),
        Block::Free(bad.clone()),
        Block::Table { caption: bad.clone(), columns: vec![column(&bad, true)], rows: vec![vec![bad.clone()]] },
        Block::Note(bad.clone()),
    ]);
    report.title = bad.clone();
    report.subtitle = bad;
    let file = docx(&report).unwrap();
    // Titles have one line; elsewhere the five characters that end one do.
    let read = read(&file);
    assert_eq!(read.iter().map(|(_, text)| text.trim()).collect::<Vec<_>>(), ["a", "a", "a", "a a", "a", "a", "a"]);
    assert_eq!(cells(&file)[0][1][0].trim(), "a");
    let relationships = part(&file, "word/_rels/document.xml.rels");
    assert!(relationships.contains("Target=\"/%00%01"), "{relationships}");
}

#[test]
fn no_text_becomes_a_field() {
    let code = "{ DDEAUTO c:\\\\cmd }</w:t></w:r><w:fldSimple w:instr=\"DDEAUTO cmd\"/>";
    let blocks = vec![Block::Free(code.to_owned()), Block::Note(code.to_owned()), linked(code, code, "/a")];
    let text = part(&docx(&report(blocks)).unwrap(), "word/document.xml");
    let document = Document::parse(&text).unwrap();
    for name in ["fldSimple", "fldChar", "instrText"] {
        assert!(all(document.root(), name).is_empty(), "{name}");
    }
    assert_eq!(words(document.root()).matches(code).count(), 4);
}

#[test]
fn what_is_wrong_with_a_report_is_said() {
    let check = |blocks: Vec<Block>, expected: &str| {
        assert_eq!(docx(&report(blocks)).unwrap_err().to_string(), expected);
    };
    let of_columns =
        |count: usize, rows| Block::Table { caption: String::new(), columns: vec![column("a", true); count], rows };
    let good = || Block::Note("a".to_owned());
    check(vec![good(), of_columns(0, Vec::new())], "block 2: a table of 0 columns, of which there can be 1 to 63");
    check(vec![of_columns(64, Vec::new())], "block 1: a table of 64 columns, of which there can be 1 to 63");
    for row in [&["1"][..], &["1", "2", "3"]] {
        let rows = vec![strings(&["1", "2"]), strings(row)];
        let cells = row.len();
        check(vec![of_columns(2, rows)], &format!("block 1, row 2: {cells} cells in a table of 2 columns"));
    }
    let message = "block 2: a link that begins neither with https:// or http:// nor with one slash";
    check(vec![good(), linked("a", "b", "file:///etc/passwd")], message);
    let mut nameless = report(Vec::new());
    nameless.title = " \u{1}\n".to_owned();
    assert!(matches!(docx(&nameless), Err(ReportError::NoTitle)));
    assert!(docx(&report(vec![of_columns(63, Vec::new())])).is_ok());
}

#[test]
fn a_report_may_be_no_more_than_its_title() {
    let mut report = report(vec![Block::Free(" \n ".to_owned())]);
    report.subtitle = " ".to_owned();
    let title = report.title.clone();
    assert_eq!(read(&docx(&report).unwrap()), [("Title".to_owned(), title)]);
}
