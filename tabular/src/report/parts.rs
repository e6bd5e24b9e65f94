//! The parts of a DOCX file, in one archive. What is the same in every report is a file of its own.

use std::io::{self, Cursor, Write};

use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::body::{Body, FOOTER_ID, link_id};
use super::text::one_line;
use super::xml::Xml;
use super::{Report, ReportError};

/// What stands in a part for the language of the report.
const LANGUAGE: &str = "LANGUAGE";

const KIND: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

pub(super) fn zipped(report: &Report, body: &Body) -> Result<Vec<u8>, ReportError> {
    let in_its_language = |part: &str| part.replace(LANGUAGE, report.language).into_bytes();
    let parts = [
        // First, as those who look at the first bytes of a file expect.
        ("[Content_Types].xml", include_bytes!("parts/content_types.xml").to_vec()),
        ("_rels/.rels", include_bytes!("parts/package_relationships.xml").to_vec()),
        ("docProps/core.xml", properties(report)?),
        ("word/_rels/document.xml.rels", relationships(&body.links)?),
        ("word/document.xml", body.xml.clone()),
        ("word/footer.xml", include_bytes!("parts/footer.xml").to_vec()),
        ("word/settings.xml", in_its_language(include_str!("parts/settings.xml"))),
        ("word/styles.xml", in_its_language(include_str!("parts/styles.xml"))),
    ];
    // Said, because the crate would take the clock's if another package gave it the feature `time`.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(name, options)?;
        archive.write_all(&bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// What the file says of itself. Neither who made it nor when.
fn properties(report: &Report) -> io::Result<Vec<u8>> {
    let namespaces = [
        ("xmlns:cp", "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"),
        ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    ];
    Xml::part("cp:coreProperties", &namespaces, |xml| {
        xml.element("dc:title", &[], |xml| xml.text(&one_line(&report.title)))?;
        xml.element("dc:language", &[], |xml| xml.text(report.language))
    })
}

fn relationships(links: &[String]) -> io::Result<Vec<u8>> {
    let namespace = [("xmlns", "http://schemas.openxmlformats.org/package/2006/relationships")];
    Xml::part("Relationships", &namespace, |xml| {
        for (id, kind, target) in [
            ("rIdStyles", "styles", "styles.xml"),
            ("rIdSettings", "settings", "settings.xml"),
            (FOOTER_ID, "footer", "footer.xml"),
        ] {
            let kind = format!("{KIND}/{kind}");
            xml.empty("Relationship", &[("Id", id), ("Type", &kind), ("Target", target)])?;
        }
        let kind = format!("{KIND}/hyperlink");
        for (number, address) in (1..).zip(links) {
            let id = link_id(number);
            let to = [("Id", id.as_str()), ("Type", &kind), ("Target", address), ("TargetMode", "External")];
            xml.empty("Relationship", &to)?;
        }
        Ok(())
    })
}
