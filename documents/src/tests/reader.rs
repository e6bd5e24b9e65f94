//! Reads a PDF back as somebody does who hears it: the tree of its tags, with the text that each of them marks.

use std::collections::BTreeMap;

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId, decode_text_string};

/// An element of the tree.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its tag: `H1`, `TH`.
    pub(crate) tag: String,
    /// What is said in its stead.
    pub(crate) alt: Option<String>,
    /// Of a header cell, what it heads.
    pub(crate) scope: Option<String>,
    /// Of a table, what it shows.
    pub(crate) summary: Option<String>,
    /// Columns a cell stands in.
    pub(crate) span: usize,
    /// What is in it, in the order it is read.
    pub(crate) children: Vec<Child>,
}

/// What is in an element.
#[derive(Debug)]
pub(crate) enum Child {
    /// Another one.
    Element(Element),
    /// Text.
    Text(String),
}

/// A PDF, read.
pub(crate) struct Pdf {
    pub(crate) document: Document,
    pub(crate) root: Element,
}

/// The text of each marked piece, by page and number.
type Marked = BTreeMap<(ObjectId, i64), String>;

impl Pdf {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let document = Document::load_mem(bytes).unwrap();
        let mut marked = Marked::new();
        for page in document.page_iter() {
            read_page(&document, page, &mut marked);
        }
        let tree = document.catalog().unwrap().get(b"StructTreeRoot").unwrap();
        let tree = document.dereference(tree).unwrap().1.as_dict().unwrap();
        let root = Element {
            tag: "Root".to_owned(),
            alt: None,
            scope: None,
            summary: None,
            span: 1,
            children: children(&document, tree, None, &marked),
        };
        Self { document, root }
    }

    /// Everything read aloud, in order.
    pub(crate) fn text(&self) -> String {
        self.root.text()
    }

    /// All elements with this tag.
    pub(crate) fn all(&self, tag: &str) -> Vec<&Element> {
        self.root.all(&|element| element.tag == tag)
    }

    /// The stream of metadata.
    pub(crate) fn metadata(&self) -> String {
        let id = self.document.catalog().unwrap().get(b"Metadata").unwrap().as_reference().unwrap();
        let stream = self.document.get_object(id).unwrap().as_stream().unwrap();
        String::from_utf8(stream.get_plain_content().unwrap_or_else(|_| stream.content.clone())).unwrap()
    }

    /// What is printed on a page, whether it is read aloud or not.
    pub(crate) fn pages(&self) -> Vec<String> {
        self.document
            .page_iter()
            .map(|page| {
                let mut all = String::new();
                each_text(&self.document, page, &mut |_, text| all.push_str(text));
                all
            })
            .collect()
    }
}

impl Element {
    /// Everything in it that is read aloud.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for child in &self.children {
            match child {
                Child::Element(element) => {
                    text.push_str(&element.text());
                    if !["Span", "Strong", "Em", "Link", "Lbl"].contains(&element.tag.as_str()) {
                        text.push('\n');
                    }
                }
                Child::Text(piece) => text.push_str(piece),
            }
        }
        text
    }

    /// All elements within it that are asked for, in order.
    pub(crate) fn all(&self, wanted: &impl Fn(&Self) -> bool) -> Vec<&Self> {
        let mut found = Vec::new();
        for child in &self.children {
            if let Child::Element(element) = child {
                if wanted(element) {
                    found.push(element);
                }
                found.extend(element.all(wanted));
            }
        }
        found
    }
}

fn read_page(document: &Document, page: ObjectId, marked: &mut Marked) {
    each_text(document, page, &mut |mcid, text| {
        if let Some(mcid) = mcid {
            marked.entry((page, mcid)).or_default().push_str(text);
        }
    });
}

/// Gives every text of a page with the number of the marked piece it stands in.
fn each_text(document: &Document, page: ObjectId, give: &mut impl FnMut(Option<i64>, &str)) {
    let fonts = document.get_page_fonts(page).unwrap();
    let encodings: BTreeMap<_, _> =
        fonts.iter().map(|(name, font)| (name.clone(), font.get_font_encoding(document).unwrap())).collect();
    let content = Content::decode(&document.get_page_content(page)).unwrap();
    // The marks that are open: the number of the piece, and whether its text was given already.
    let mut open: Vec<(Option<i64>, bool)> = Vec::new();
    let mut font = Vec::new();
    for operation in &content.operations {
        match operation.operator.as_str() {
            "BMC" => open.push((None, false)),
            "BDC" => {
                let properties = operation.operands.get(1).and_then(|properties| properties.as_dict().ok());
                let mcid = properties.and_then(|this| this.get(b"MCID").ok()).and_then(|mcid| mcid.as_i64().ok());
                let actual = properties.and_then(|this| this.get(b"ActualText").ok());
                let actual = actual.map(|text| decode_text_string(text).unwrap());
                if let Some(actual) = &actual {
                    give(mcid.or_else(|| open.iter().rev().find_map(|(mcid, _)| *mcid)), actual);
                }
                open.push((mcid, actual.is_some()));
            }
            "EMC" => {
                open.pop();
            }
            "Tf" => font = operation.operands[0].as_name().unwrap().to_vec(),
            "Tj" | "TJ" if !open.iter().any(|(_, is_given)| *is_given) => {
                let mcid = open.iter().rev().find_map(|(mcid, _)| *mcid);
                each_string(&operation.operands, &mut |bytes| {
                    give(mcid, &Document::decode_text(&encodings[&font], bytes).unwrap());
                });
            }
            _ => {}
        }
    }
}

fn each_string(operands: &[Object], give: &mut impl FnMut(&[u8])) {
    for operand in operands {
        if let Ok(bytes) = operand.as_str() {
            give(bytes);
        } else if let Ok(array) = operand.as_array() {
            each_string(array, give);
        }
    }
}

fn children(document: &Document, of: &Dictionary, page: Option<ObjectId>, marked: &Marked) -> Vec<Child> {
    let Ok(kids) = of.get(b"K") else { return Vec::new() };
    let page = of.get(b"Pg").and_then(Object::as_reference).ok().or(page);
    let kids = document.dereference(kids).unwrap().1;
    let single = [kids.clone()];
    let kids = kids.as_array().map_or(&single[..], Vec::as_slice);
    let mut found = Vec::new();
    for kid in kids {
        let kid = document.dereference(kid).unwrap().1;
        if let Ok(mcid) = kid.as_i64() {
            found.push(Child::Text(marked.get(&(page.unwrap(), mcid)).cloned().unwrap_or_default()));
        } else if let Ok(kid) = kid.as_dict() {
            if let Ok(mcid) = kid.get(b"MCID").and_then(Object::as_i64) {
                let page = kid.get(b"Pg").and_then(Object::as_reference).ok().or(page).unwrap();
                found.push(Child::Text(marked.get(&(page, mcid)).cloned().unwrap_or_default()));
            } else if kid.has(b"S") {
                found.push(Child::Element(element(document, kid, page, marked)));
            }
        }
    }
    found
}

fn element(document: &Document, of: &Dictionary, page: Option<ObjectId>, marked: &Marked) -> Element {
    let text = |key: &[u8]| of.get(key).ok().map(|text| decode_text_string(text).unwrap());
    let mut attributes = Dictionary::new();
    if let Ok(given) = of.get(b"A") {
        let given = document.dereference(given).unwrap().1;
        let single = [given.clone()];
        for one in given.as_array().map_or(&single[..], Vec::as_slice) {
            if let Ok(one) = document.dereference(one).unwrap().1.as_dict() {
                attributes.extend(one);
            }
        }
    }
    Element {
        tag: String::from_utf8(of.get(b"S").unwrap().as_name().unwrap().to_vec()).unwrap(),
        alt: text(b"Alt"),
        scope: attributes.get(b"Scope").ok().map(|it| String::from_utf8(it.as_name().unwrap().to_vec()).unwrap()),
        summary: attributes.get(b"Summary").ok().map(|it| decode_text_string(it).unwrap()),
        span: attributes.get(b"ColSpan").and_then(Object::as_i64).map_or(1, |span| usize::try_from(span).unwrap()),
        children: children(document, of, page, marked),
    }
}
