//! Generalisation hierarchies: which broader labels a value may be released under.
//!
//! Owns the tree, its labels and the loss of each node. Leaves are numbered depth first, so a node is an interval of
//! leaves and "is an ancestor of" is two comparisons. The surprising rule: a label must name one set of values only,
//! because a released table is read back by its labels and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The label of the root, and of every suppressed value.
pub const SUPPRESSED: &str = "*";

/// The tree is climbed one call for each level: a line of separators only must not exhaust the stack.
const LEVELS_MAX: usize = 256;

/// A mark of byte order, which some programs write before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a text or a list of values is not a hierarchy. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HierarchyError {
    /// There is no value at all.
    #[error("the hierarchy has no values")]
    Empty,
    /// A line has a value and nothing to generalise it to.
    #[error("line {line}: value {value:?} has no column after it; the last one must be \"*\"")]
    TooShallow {
        /// The line.
        line: usize,
        /// Its first column.
        value: String,
    },
    /// A line has more or fewer columns than the first.
    #[error("line {line}: value {value:?} has {found} columns, the first line has {expected}")]
    DifferingDepth {
        /// The line.
        line: usize,
        /// Its first column.
        value: String,
        /// Columns on this line.
        found: usize,
        /// Columns on the first line.
        expected: usize,
    },
    /// A cell is empty.
    #[error("line {line}: column {column} is empty; name the missing value with a word")]
    EmptyLabel {
        /// The line.
        line: usize,
        /// The column, from 0.
        column: usize,
    },
    /// A line ends in something other than `*`.
    #[error("line {line}: value {value:?} ends in {found:?}, not in \"*\"")]
    RootIsNotStar {
        /// The line.
        line: usize,
        /// Its first column.
        value: String,
        /// Its last column.
        found: String,
    },
    /// `*` stands before the last column, where it would read as suppression.
    #[error("line {line}: column {column} is \"*\", which is reserved for the last column")]
    ReservedLabel {
        /// The line.
        line: usize,
        /// The column, from 0.
        column: usize,
    },
    /// A value has two lines.
    #[error("line {line}: value {value:?} is there twice, first on line {first_line}")]
    ValueTwice {
        /// The second line.
        line: usize,
        /// The first line.
        first_line: usize,
        /// The value.
        value: String,
    },
    /// A label lies under two parents.
    #[error("line {line}: not a tree: {label:?} lies under {parent:?} here and under {other_parent:?} before")]
    NotATree {
        /// The line.
        line: usize,
        /// The label.
        label: String,
        /// Its parent on this line.
        parent: String,
        /// Its parent on an earlier line.
        other_parent: String,
    },
    /// One label stands for two different sets of values, on two levels.
    #[error("label {label:?} stands for two different sets of values (columns {lower} and {upper}); rename one")]
    AmbiguousLabel {
        /// The label.
        label: String,
        /// The lower column.
        lower: usize,
        /// The upper column.
        upper: usize,
    },
    /// A label goes over several lines, which a file of a hierarchy cannot hold.
    #[error("line {line}: column {column} has a line break in it")]
    LineBreak {
        /// The line.
        line: usize,
        /// The column, from 0.
        column: usize,
    },
    /// A line has more columns than anybody means.
    #[error("line {line}: {found} columns, at most {limit} are read")]
    TooDeep {
        /// The line.
        line: usize,
        /// Columns on this line.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A quoted cell has no closing quote.
    #[error("line {line}: a quoted cell is not closed")]
    UnclosedQuote {
        /// The line.
        line: usize,
    },
    /// Widths of intervals must grow, each a multiple of the one before.
    #[error("width {width} must be greater than {previous} and a multiple of it")]
    Width {
        /// The width refused.
        width: usize,
        /// The width before it (1 for the first).
        previous: usize,
    },
}

/// A period of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A month of the calendar.
    Month,
    /// Three of them.
    Quarter,
    /// A year of the calendar.
    Year,
    /// So many years.
    Years(u16),
}

impl Period {
    fn months(self) -> usize {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
            Self::Years(years) => 12 * usize::from(years),
        }
    }

    fn label(self, day: NaiveDate) -> String {
        let year = day.year();
        match self {
            Self::Month => day.format("%Y-%m").to_string(),
            Self::Quarter => format!("{year}-Q{}", day.quarter()),
            Self::Year | Self::Years(1) => year.to_string(),
            Self::Years(years) => {
                let years = i32::from(years);
                let first = year.div_euclid(years) * years;
                format!("{first}-{}", first + years - 1)
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Node {
    label: String,
    parent: Option<u32>,
    first_leaf: u32,
    end_leaf: u32,
    /// Column of the file, 0 for a value.
    level: u32,
}

/// A tree of labels over the values of one attribute; its root is `*`.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    nodes: Vec<Node>,
    /// Leaf position → node.
    leaf_nodes: Vec<u32>,
    by_label: BTreeMap<String, u32>,
    levels: u32,
}

impl Hierarchy {
    /// Reads the text of a hierarchy file: one value a line, then ever broader labels, the last `*`.
    ///
    /// Cells may be quoted with `"`; blank lines are skipped.
    pub fn from_text(text: &str, separator: char) -> Result<Self, HierarchyError> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let cells = split_cells(line, separator).ok_or(HierarchyError::UnclosedQuote { line: index + 1 })?;
            lines.push((index + 1, cells));
        }
        Self::build(lines)
    }

    /// The same from rows already split: each is a value, then ever broader labels, the last `*`.
    pub fn from_rows<R, S>(rows: impl IntoIterator<Item = R>) -> Result<Self, HierarchyError>
    where
        R: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let lines =
            rows.into_iter().enumerate().map(|(index, row)| (index + 1, row.into_iter().map(Into::into).collect()));
        Self::build(lines.collect())
    }

    /// No level between a value and `*`.
    pub fn flat<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Result<Self, HierarchyError> {
        Self::from_rows(values.into_iter().map(|value| [value.into(), SUPPRESSED.to_owned()]))
    }

    /// Ordered values in intervals of so many neighbours: `widths` from narrow to wide, each a multiple of the one
    /// before. An interval is labelled `first–last`; one that holds a single value keeps that value's label.
    pub fn ordered<S: Into<String>>(
        values: impl IntoIterator<Item = S>,
        widths: &[usize],
    ) -> Result<Self, HierarchyError> {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        check_widths(widths)?;
        let rows = values.iter().enumerate().map(|(position, value)| {
            let mut row = vec![value.clone()];
            for &width in widths {
                let first = position / width * width;
                let last = (first + width - 1).min(values.len() - 1);
                row.push(if first == last {
                    values[first].clone()
                } else {
                    format!("{}–{}", values[first], values[last])
                });
            }
            row.push(SUPPRESSED.to_owned());
            row
        });
        Self::from_rows(rows)
    }

    /// The whole numbers from `first` to `last` in intervals aligned on multiples of each width: `0-4`, `5-9` …
    pub fn integers(first: i64, last: i64, widths: &[usize]) -> Result<Self, HierarchyError> {
        check_widths(widths)?;
        let rows = (first..=last).map(|value| {
            let mut row = vec![value.to_string()];
            for &width in widths {
                let width = i64::try_from(width).unwrap_or(i64::MAX);
                let low = value.div_euclid(width).saturating_mul(width);
                row.push(format!("{low}-{}", low.saturating_add(width - 1)));
            }
            row.push(SUPPRESSED.to_owned());
            row
        });
        Self::from_rows(rows)
    }

    /// The days from `first` to `last`, as ISO 8601 writes them, in ever longer periods: `2026-11`, `2026-Q4`, `2026`,
    /// `2020-2029`. Periods of several years begin with a year that they divide.
    pub fn days(first: NaiveDate, last: NaiveDate, periods: &[Period]) -> Result<Self, HierarchyError> {
        let months: Vec<usize> = periods.iter().map(|period| period.months()).collect();
        // A month is the narrowest: it is compared with nothing.
        if let Some(width) = months.iter().find(|&&width| width == 0) {
            return Err(HierarchyError::Width { width: *width, previous: 1 });
        }
        for pair in months.windows(2) {
            if pair[1] <= pair[0] || pair[1] % pair[0] != 0 {
                return Err(HierarchyError::Width { width: pair[1], previous: pair[0] });
            }
        }
        let rows = first.iter_days().take_while(|day| *day <= last).map(|day| {
            let labels = periods.iter().map(|period| period.label(day));
            [day.to_string()].into_iter().chain(labels).chain([SUPPRESSED.to_owned()]).collect::<Vec<String>>()
        });
        Self::from_rows(rows)
    }

    fn build(lines: Vec<(usize, Vec<String>)>) -> Result<Self, HierarchyError> {
        let depth = lines.first().ok_or(HierarchyError::Empty)?.1.len();
        check_cells(&lines, depth)?;

        // Children in the order of the file, level by level from the root: index of (level, label) → children.
        let mut parents: BTreeMap<(usize, &str), &str> = BTreeMap::new();
        let mut children: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
        let mut value_lines: BTreeMap<&str, usize> = BTreeMap::new();
        for (line, row) in &lines {
            if let Some(&first_line) = value_lines.get(row[0].as_str()) {
                return Err(HierarchyError::ValueTwice { line: *line, first_line, value: row[0].clone() });
            }
            value_lines.insert(&row[0], *line);
            for level in 0..depth - 1 {
                let (label, parent) = (row[level].as_str(), row[level + 1].as_str());
                match parents.insert((level, label), parent) {
                    None => children.entry((level + 1, parent)).or_default().push(label),
                    Some(other_parent) if other_parent == parent => {}
                    Some(other_parent) => {
                        return Err(HierarchyError::NotATree {
                            line: *line,
                            label: label.to_owned(),
                            parent: parent.to_owned(),
                            other_parent: other_parent.to_owned(),
                        });
                    }
                }
            }
        }

        let mut tree = Self {
            nodes: Vec::new(),
            leaf_nodes: Vec::with_capacity(lines.len()),
            by_label: BTreeMap::new(),
            levels: u32::try_from(depth).unwrap_or(u32::MAX),
        };
        tree.grow(depth - 1, SUPPRESSED, None, &children);
        tree.index_labels()?;
        Ok(tree)
    }

    fn grow(&mut self, level: usize, label: &str, parent: Option<u32>, children: &BTreeMap<(usize, &str), Vec<&str>>) {
        let index = count(self.nodes.len());
        let first_leaf = count(self.leaf_nodes.len());
        self.nodes.push(Node {
            label: label.to_owned(),
            parent,
            first_leaf,
            end_leaf: first_leaf,
            level: count(level),
        });
        if level == 0 {
            self.leaf_nodes.push(index);
        } else {
            for child in children.get(&(level, label)).into_iter().flatten() {
                self.grow(level - 1, child, Some(index), children);
            }
        }
        self.nodes[index as usize].end_leaf = count(self.leaf_nodes.len());
    }

    fn index_labels(&mut self) -> Result<(), HierarchyError> {
        // Pre-order puts a parent before its child, so of a chain with one label the lowest node is kept.
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(earlier) = self.by_label.insert(node.label.clone(), count(index)) {
                let earlier = &self.nodes[earlier as usize];
                if (earlier.first_leaf, earlier.end_leaf) != (node.first_leaf, node.end_leaf) {
                    let (a, b) = (node.level as usize, earlier.level as usize);
                    return Err(HierarchyError::AmbiguousLabel {
                        label: node.label.clone(),
                        lower: a.min(b),
                        upper: a.max(b),
                    });
                }
            }
        }
        Ok(())
    }

    /// How many values the hierarchy knows: D in the definition of loss.
    pub fn leaf_count(&self) -> usize {
        self.leaf_nodes.len()
    }

    /// Columns of the file: 2 for a flat hierarchy.
    pub fn level_count(&self) -> usize {
        self.levels as usize
    }

    /// The values, in the order of their numbering.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.leaf_nodes.iter().map(|&node| self.nodes[node as usize].label.as_str())
    }

    /// The number of a value, `None` if the hierarchy does not know it or knows it only as a broader label.
    pub fn leaf(&self, value: &str) -> Option<usize> {
        let node = &self.nodes[*self.by_label.get(value)? as usize];
        (node.level == 0).then_some(node.first_leaf as usize)
    }

    /// The node a label names.
    pub fn node(&self, label: &str) -> Option<NodeId> {
        self.by_label.get(label).map(|&index| NodeId(index))
    }

    /// The node of the value with this number.
    pub fn leaf_node(&self, leaf: usize) -> NodeId {
        NodeId(self.leaf_nodes[leaf])
    }

    /// What a node is called in a released table.
    pub fn label(&self, node: NodeId) -> &str {
        &self.nodes[node.index()].label
    }

    /// All nodes, a parent before its children.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        (0..count(self.nodes.len())).map(NodeId)
    }

    /// The nodes right below this one.
    pub(crate) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.nodes().filter(move |&child| self.parent(child) == Some(node))
    }

    /// The next broader node, `None` above the root.
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.nodes[node.index()].parent.map(NodeId)
    }

    /// The node at a level above this one, or this one where it is there or higher.
    pub fn raised(&self, mut node: NodeId, level: usize) -> NodeId {
        while self.level(node) < level {
            let Some(parent) = self.parent(node) else { break };
            node = parent;
        }
        node
    }

    /// The numbers of the values under a node.
    pub fn leaves(&self, node: NodeId) -> std::ops::Range<usize> {
        let node = &self.nodes[node.index()];
        node.first_leaf as usize..node.end_leaf as usize
    }

    /// Column of the file the node is in, 0 for a value.
    pub fn level(&self, node: NodeId) -> usize {
        self.nodes[node.index()].level as usize
    }

    /// The loss of one cell as numerator and denominator: (leaves − 1) over (D − 1), and 1 for `*`.
    pub fn loss(&self, node: NodeId) -> (usize, usize) {
        if self.nodes[node.index()].parent.is_none() || self.leaf_count() == 1 {
            return (usize::from(self.nodes[node.index()].parent.is_none()), 1);
        }
        (self.leaves(node).len() - 1, self.leaf_count() - 1)
    }

    /// The hierarchy written back in the form [`Hierarchy::from_text`] reads.
    pub fn to_text(&self, separator: char) -> String {
        let mut text = String::new();
        for &leaf in &self.leaf_nodes {
            let mut node = Some(NodeId(leaf));
            while let Some(current) = node {
                let label = self.label(current);
                // Before a text the mark would be taken for one of the file's.
                if label.contains([separator, '"']) || label.starts_with(BYTE_ORDER_MARK) {
                    let _ = write!(text, "\"{}\"", label.replace('"', "\"\""));
                } else {
                    text.push_str(label);
                }
                node = self.parent(current);
                text.push(if node.is_some() { separator } else { '\n' });
            }
        }
        text
    }
}

impl PartialEq for Hierarchy {
    fn eq(&self, other: &Self) -> bool {
        self.to_text(';') == other.to_text(';')
    }
}

impl Eq for Hierarchy {}

/// As the text of a file, `;` between cells.
impl Serialize for Hierarchy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text(';'))
    }
}

impl<'de> Deserialize<'de> for Hierarchy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_text(&String::deserialize(deserializer)?, ';').map_err(serde::de::Error::custom)
    }
}

/// A node of one [`Hierarchy`]; means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a hierarchy has fewer than four thousand million nodes: its text is in memory")
}

fn check_widths(widths: &[usize]) -> Result<(), HierarchyError> {
    let mut previous = 1;
    for &width in widths {
        if width <= previous || width % previous != 0 {
            return Err(HierarchyError::Width { width, previous });
        }
        previous = width;
    }
    Ok(())
}

fn check_cells(lines: &[(usize, Vec<String>)], depth: usize) -> Result<(), HierarchyError> {
    for (line, row) in lines {
        let line = *line;
        let value = row.first().cloned().unwrap_or_default();
        if row.len() != depth {
            return Err(HierarchyError::DifferingDepth { line, value, found: row.len(), expected: depth });
        }
        if row.len() < 2 {
            return Err(HierarchyError::TooShallow { line, value });
        }
        if depth > LEVELS_MAX {
            return Err(HierarchyError::TooDeep { line, found: depth, limit: LEVELS_MAX });
        }
        if let Some(column) = row.iter().position(String::is_empty) {
            return Err(HierarchyError::EmptyLabel { line, column });
        }
        if let Some(column) = row.iter().position(|label| label.contains('\n')) {
            return Err(HierarchyError::LineBreak { line, column });
        }
        if let Some(column) = row[..depth - 1].iter().position(|label| label == SUPPRESSED) {
            return Err(HierarchyError::ReservedLabel { line, column });
        }
        if row[depth - 1] != SUPPRESSED {
            return Err(HierarchyError::RootIsNotStar { line, value, found: row[depth - 1].clone() });
        }
    }
    Ok(())
}

/// `None` if a quote is left open.
fn split_cells(line: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let cell = cells.last_mut()?;
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            _ if character == separator && !quoted => cells.push(String::new()),
            _ => cell.push(character),
        }
    }
    (!quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDUCATION: &str = "none;low;*\nprimary;low;*\nsecondary;high;*\ndegree;high;*\n";

    fn refuses(text: &str, expected: HierarchyError) {
        assert_eq!(Hierarchy::from_text(text, ';').expect_err("refused"), expected);
    }

    #[test]
    fn reads_a_file_and_numbers_leaves_depth_first() {
        let tree = Hierarchy::from_text("a;x;*\r\nb;y;*\r\nc;x;*\r\n", ';').expect("a tree");
        assert_eq!(tree.values().collect::<Vec<_>>(), ["a", "c", "b"]);
        assert_eq!(tree.leaves(tree.node("x").expect("known")), 0..2);
        assert_eq!(tree.loss(tree.node("x").expect("known")), (1, 2));
        assert_eq!(tree.loss(tree.node("*").expect("known")), (1, 1));
        assert_eq!(tree.leaf("x"), None);
        assert_eq!((tree.leaf_count(), tree.level_count()), (3, 3));
    }

    #[test]
    fn writes_back_what_it_read() {
        let quoted = "\"a;b\";\"say \"\"so\"\"\";*\n";
        assert_eq!(Hierarchy::from_text(quoted, ';').expect("a tree").to_text(';'), quoted);
        assert_eq!(Hierarchy::from_text(EDUCATION, ';').expect("a tree").to_text(';'), EDUCATION);
        let marked = Hierarchy::flat(["\u{feff}a"]).expect("a tree");
        assert_eq!(Hierarchy::from_text(&marked.to_text(';'), ';').expect("a tree"), marked);
    }

    #[test]
    fn days_stand_in_periods() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let all = [Period::Month, Period::Quarter, Period::Year, Period::Years(5)];
        let hierarchy = Hierarchy::days(day("2024-02-28"), day("2026-01-02"), &all).expect("rising periods");
        let leaf = hierarchy.leaf("2024-02-29").expect("a leap day");
        let mut labels = Vec::new();
        let mut node = Some(hierarchy.leaf_node(leaf));
        while let Some(current) = node {
            labels.push(hierarchy.label(current).to_owned());
            node = hierarchy.parent(current);
        }
        assert_eq!(labels, ["2024-02-29", "2024-02", "2024-Q1", "2024", "2020-2024", "*"]);
        assert_eq!(hierarchy.leaf_count(), 675);
        let refused = |periods: &[Period]| Hierarchy::days(day("2024-01-01"), day("2024-12-31"), periods).unwrap_err();
        assert_eq!(refused(&[Period::Year, Period::Month]), HierarchyError::Width { width: 1, previous: 12 });
        assert_eq!(refused(&[Period::Years(0)]), HierarchyError::Width { width: 0, previous: 1 });
        assert_eq!(Hierarchy::days(day("2024-01-02"), day("2024-01-01"), &all).unwrap_err(), HierarchyError::Empty);
    }

    #[test]
    fn intervals_are_aligned() {
        let ages = Hierarchy::integers(17, 30, &[5, 10]).expect("a tree");
        assert_eq!(ages.to_text(';').lines().nth(4), Some("21;20-24;20-29;*"));
        let below_zero = Hierarchy::integers(-3, 3, &[2]).expect("a tree");
        assert_eq!(below_zero.to_text(';').lines().next(), Some("-3;-4--3;*"));
        let levels = Hierarchy::ordered(["low", "mid", "high"], &[2]).expect("a tree");
        assert_eq!(levels.to_text(';'), "low;low–mid;*\nmid;low–mid;*\nhigh;high;*\n");
    }

    #[test]
    fn says_what_is_wrong() {
        refuses("", HierarchyError::Empty);
        refuses("a", HierarchyError::TooShallow { line: 1, value: "a".into() });
        refuses("a;*\n\na;*", HierarchyError::ValueTwice { line: 3, first_line: 1, value: "a".into() });
        refuses("a;x;*\nb;*", HierarchyError::DifferingDepth { line: 2, value: "b".into(), found: 2, expected: 3 });
        refuses("a;;*", HierarchyError::EmptyLabel { line: 1, column: 1 });
        refuses("a;x", HierarchyError::RootIsNotStar { line: 1, value: "a".into(), found: "x".into() });
        refuses("a;*;*", HierarchyError::ReservedLabel { line: 1, column: 1 });
        refuses("\"a;*", HierarchyError::UnclosedQuote { line: 1 });
        let deep = format!("a{}*", ";x".repeat(200_000) + ";");
        refuses(&deep, HierarchyError::TooDeep { line: 1, found: 200_002, limit: LEVELS_MAX });
        assert_eq!(
            Hierarchy::flat(["a", "b\nc"]).expect_err("refused"),
            HierarchyError::LineBreak { line: 2, column: 0 }
        );
        refuses(
            "a;x;p;*\nb;x;q;*",
            HierarchyError::NotATree { line: 2, label: "x".into(), parent: "q".into(), other_parent: "p".into() },
        );
        refuses(
            "Other;Other;*\nWhite;Other;*",
            HierarchyError::AmbiguousLabel { label: "Other".into(), lower: 0, upper: 1 },
        );
        assert_eq!(
            Hierarchy::integers(0, 9, &[5, 7]).expect_err("refused"),
            HierarchyError::Width { width: 7, previous: 5 }
        );
    }

    #[test]
    fn a_label_may_repeat_up_a_chain_of_single_children() {
        let tree = Hierarchy::from_text("Other;Other;*\nWhite;Pale;*", ';').expect("a tree");
        assert_eq!(tree.leaf("Other"), Some(0));
    }
}
