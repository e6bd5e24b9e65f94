//! The rules as the engine checks them, on codes and in whole numbers.
//!
//! Every rule here is closed under union: two classes that hold may always be merged. So only what takes rows away from a
//! class, or adds rows that are no class by themselves, asks again.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use crate::hierarchy::{Hierarchy, NodeId};
use crate::rules::{Gain, Likeness, RecursiveL};
use crate::table::signed;

/// Rules over coded columns.
#[derive(Clone)]
pub(crate) struct Conditions {
    pub(crate) k: usize,
    /// The person of each row; `None` if each row is a person of its own.
    pub(crate) people: Option<Vec<u32>>,
    pub(crate) contributors: Option<Contributors>,
    pub(crate) sensitive: Vec<SensitiveCondition>,
}

/// Who knows whom.
#[derive(Clone)]
pub(crate) struct Contributors {
    pub(crate) count: usize,
    /// Person (row, without people) → range in `known_to`.
    pub(crate) starts: Vec<u32>,
    /// The contributors that have a row of the person anywhere in the table.
    pub(crate) known_to: Vec<u32>,
}

/// One sensitive column and what is asked of it.
#[derive(Clone)]
pub(crate) struct SensitiveCondition {
    /// Its name, for what is said when the condition cannot be met.
    pub(crate) column: String,
    pub(crate) codes: Vec<u32>,
    /// Rows of the whole table by value.
    pub(crate) totals: Vec<u32>,
    pub(crate) distinct_l: Option<usize>,
    pub(crate) entropy_l: Option<f64>,
    pub(crate) recursive_l: Option<RecursiveL>,
    pub(crate) closeness: Option<(f64, Ground)>,
    pub(crate) likeness: Option<Likeness>,
}

#[derive(Clone)]
pub(crate) enum Ground {
    Equal,
    Ordered,
    /// The inner nodes of the values' tree.
    Tree(Arc<[Branching]>),
}

/// An inner node of a tree of values.
pub(crate) struct Branching {
    /// Its height over the tree's.
    height: f64,
    /// The values under each child.
    children: Vec<Range<usize>>,
}

impl Ground {
    pub(crate) fn tree(hierarchy: &Hierarchy) -> Self {
        let top = hierarchy.level_count() - 1;
        let branching = |node: NodeId| {
            let children = hierarchy.children(node).map(|child| hierarchy.leaves(child));
            Branching { height: hierarchy.level(node) as f64 / top as f64, children: children.collect() }
        };
        // What has one child moves nothing.
        let all = hierarchy.nodes().map(branching);
        Self::Tree(all.filter(|branching| branching.children.len() > 1).collect())
    }
}

/// Buffers reused between checks; one for each thread.
#[derive(Default)]
pub(crate) struct Scratch {
    counts: Vec<u32>,
    people: Vec<u32>,
    rows: Vec<u32>,
}

impl Scratch {
    pub(crate) fn take_rows(&mut self) -> Vec<u32> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        rows
    }

    pub(crate) fn give_back_rows(&mut self, rows: Vec<u32>) {
        self.rows = rows;
    }
}

/// Entropy is a sum of logarithms: three equal thirds may come out a rounding below ln 3.
const ROUNDING: f64 = 1e-10;

impl Conditions {
    /// Whether only the number of rows matters, which most steps can see without looking at the rows.
    pub(crate) fn is_size_only(&self) -> bool {
        self.people.is_none()
            && self.contributors.is_none()
            && self.sensitive.iter().all(SensitiveCondition::asks_nothing)
    }

    /// Whether classes must have about the values that the whole table has.
    pub(crate) fn is_like_the_table(&self) -> bool {
        self.sensitive.iter().any(|sensitive| sensitive.closeness.is_some() || sensitive.likeness.is_some())
    }

    /// Whether more rows can never make a class break a rule that it keeps.
    pub(crate) fn is_monotone(&self) -> bool {
        self.sensitive.iter().all(SensitiveCondition::is_monotone)
    }

    /// The same rules when these rows are no longer in the table.
    pub(crate) fn without(&self, rows: &[u32]) -> Self {
        let mut conditions = self.clone();
        for sensitive in &mut conditions.sensitive {
            for &row in rows {
                sensitive.totals[sensitive.codes[row as usize] as usize] -= 1;
            }
        }
        conditions
    }

    /// Whether these rows may be a class.
    pub(crate) fn hold(&self, rows: &[u32], scratch: &mut Scratch) -> bool {
        rows.len() >= self.k
            && self.enough_people(rows, scratch)
            && self.sensitive.iter().all(|sensitive| sensitive.holds(rows, scratch))
    }

    /// What these rows have too little of to be a class.
    pub(crate) fn complaint(&self, rows: &[u32], scratch: &mut Scratch) -> Option<String> {
        let k = self.k;
        let (people, left) = self.count_people(rows, scratch);
        let counted = if self.people.is_some() { "people" } else { "rows" };
        if people < k {
            return Some(format!("{people} {counted}, and k is {k}"));
        }
        if let Some(left) = left.filter(|&left| left < k) {
            return Some(format!("{left} {counted} that the largest contributor does not know, and k is {k}"));
        }
        let sensitive = self.sensitive.iter().find(|sensitive| !sensitive.holds(rows, scratch))?;
        let Reached { distinct, entropy, distance, outweighing, .. } = sensitive.measure(rows, scratch);
        let (column, entropy_l) = (&sensitive.column, entropy.exp());
        if let Some(l) = sensitive.distinct_l.filter(|&l| l > distinct) {
            return Some(format!("{distinct} different values of {column:?}, and l is {l}"));
        }
        if let Some(l) = sensitive.entropy_l.filter(|l| entropy < l.ln() - ROUNDING) {
            return Some(format!("entropy ln {entropy_l:.4} of {column:?}, and l is {l}"));
        }
        if let Some(RecursiveL { c, l }) = sensitive.recursive_l.filter(|rule| outweighing >= rule.c) {
            return Some(format!(
                "a commonest value of {column:?} that is {outweighing:.3} times those from place {l} on, and c is {c}"
            ));
        }
        // Of a part only: a table is at no distance from itself, and no value of it gains.
        if let Some((t, _)) = sensitive.closeness.as_ref().filter(|(t, _)| distance > t + ROUNDING) {
            return Some(format!("{column:?} {distance:.4} from the table, and t is {t}"));
        }
        let beta = sensitive.likeness?.beta;
        Some(format!("a value of {column:?} that is too much more frequent than in the table, and β is {beta}"))
    }

    fn enough_people(&self, rows: &[u32], scratch: &mut Scratch) -> bool {
        if self.people.is_none() && self.contributors.is_none() {
            return true;
        }
        let (people, left) = self.count_people(rows, scratch);
        people >= self.k && left.is_none_or(|left| left >= self.k)
    }

    /// The people of these rows, and how many the contributor that knows most of them does not know.
    pub(crate) fn count_people(&self, rows: &[u32], scratch: &mut Scratch) -> (usize, Option<usize>) {
        let mut people = std::mem::take(&mut scratch.people);
        people.clear();
        match &self.people {
            None => people.extend_from_slice(rows),
            Some(person_of) => {
                people.extend(rows.iter().map(|&row| person_of[row as usize]));
                people.sort_unstable();
                people.dedup();
            }
        }
        let left =
            self.contributors.as_ref().map(|contributors| people.len() - contributors.most_known(&people, scratch));
        let count = people.len();
        scratch.people = people;
        (count, left)
    }
}

impl Contributors {
    /// From the contributor of each row, and its person unless each row is one.
    pub(crate) fn new(count: usize, person_count: usize, contributor_of: &[u32], people: Option<&[u32]>) -> Self {
        let mut pairs: Vec<(u32, u32)> = match people {
            Some(people) => people.iter().copied().zip(contributor_of.iter().copied()).collect(),
            None => (0..).zip(contributor_of.iter().copied()).collect(),
        };
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = vec![0; person_count + 1];
        for &(person, _) in &pairs {
            starts[person as usize + 1] += 1;
        }
        for person in 0..person_count {
            starts[person + 1] += starts[person];
        }
        Self { count, starts, known_to: pairs.into_iter().map(|(_, contributor)| contributor).collect() }
    }

    /// How many of these people the contributor that knows most of them knows.
    fn most_known(&self, people: &[u32], scratch: &mut Scratch) -> usize {
        let counts = cleared(&mut scratch.counts, self.count);
        let mut most = 0;
        for &person in people {
            let range = self.starts[person as usize] as usize..self.starts[person as usize + 1] as usize;
            for &contributor in &self.known_to[range] {
                let count = &mut counts[contributor as usize];
                *count += 1;
                most = most.max(*count);
            }
        }
        most as usize
    }
}

/// What a class reaches in one sensitive column.
pub(crate) struct Reached {
    pub(crate) distinct: usize,
    pub(crate) entropy: f64,
    pub(crate) equal: f64,
    /// The distance that the rule names.
    pub(crate) distance: f64,
    pub(crate) gain: f64,
    /// The greatest count over the sum of the rare ones; infinite where there are none.
    pub(crate) outweighing: f64,
}

impl SensitiveCondition {
    fn asks_nothing(&self) -> bool {
        self.distinct_l.is_none()
            && self.entropy_l.is_none()
            && self.recursive_l.is_none()
            && self.closeness.is_none()
            && self.likeness.is_none()
    }

    /// Whether what it asks is kept by whatever a class that keeps it grows to.
    fn is_monotone(&self) -> bool {
        self.entropy_l.is_none() && self.recursive_l.is_none() && self.closeness.is_none() && self.likeness.is_none()
    }

    fn holds(&self, rows: &[u32], scratch: &mut Scratch) -> bool {
        if self.asks_nothing() {
            return true;
        }
        let counts = self.count(rows, scratch);
        self.distinct_l.is_none_or(|l| counts.iter().filter(|&&count| count > 0).count() >= l)
            && self.entropy_l.is_none_or(|l| entropy(counts, rows.len()) >= l.ln() - ROUNDING)
            && self.recursive_l.is_none_or(|rule| outweighing(counts, rule.l) < rule.c)
            && self
                .closeness
                .as_ref()
                .is_none_or(|(t, ground)| self.distance(counts, rows.len(), ground) <= t + ROUNDING)
            && self.likeness.is_none_or(|likeness| self.gains_little(counts, rows.len(), likeness))
    }

    /// What these rows reach.
    pub(crate) fn measure(&self, rows: &[u32], scratch: &mut Scratch) -> Reached {
        let counts = self.count(rows, scratch);
        let equal = self.distance(counts, rows.len(), &Ground::Equal);
        Reached {
            distinct: counts.iter().filter(|&&count| count > 0).count(),
            entropy: entropy(counts, rows.len()),
            equal,
            distance: self.closeness.as_ref().map_or(equal, |(_, ground)| self.distance(counts, rows.len(), ground)),
            gain: self.gains(counts, rows.len()).map(|(_, gain)| gain).fold(0.0, f64::max),
            outweighing: outweighing(counts, self.recursive_l.map_or(1, |rule| rule.l)),
        }
    }

    /// (q − p) ÷ p of each value that the class has, with its share p of the table.
    fn gains(&self, counts: &[u32], class: usize) -> impl Iterator<Item = (f64, f64)> {
        let table: u64 = self.totals.iter().map(|&total| u64::from(total)).sum();
        let present = counts.iter().zip(&self.totals).filter(|(count, _)| **count > 0);
        present.map(move |(&count, &total)| {
            let expected = (u64::from(total) * class as u64) as f64;
            (f64::from(total) / table as f64, (u64::from(count) * table) as f64 / expected - 1.0)
        })
    }

    fn gains_little(&self, counts: &[u32], class: usize, likeness: Likeness) -> bool {
        self.gains(counts, class).all(|(share, gain)| {
            let limit = match likeness.gain {
                Gain::Basic => likeness.beta,
                Gain::Enhanced => likeness.beta.min(-share.ln()),
            };
            gain <= limit + ROUNDING
        })
    }

    fn count<'a>(&self, rows: &[u32], scratch: &'a mut Scratch) -> &'a [u32] {
        let counts = cleared(&mut scratch.counts, self.totals.len());
        for &row in rows {
            counts[self.codes[row as usize] as usize] += 1;
        }
        counts
    }

    fn distance(&self, counts: &[u32], class: usize, ground: &Ground) -> f64 {
        let table = self.totals.iter().map(|&total| i64::from(total)).sum::<i64>();
        let class = signed(class);
        // p − q over the common denominator, so that a class equal to the table is at distance 0 exactly.
        let difference = |value: usize| i64::from(counts[value]) * table - i64::from(self.totals[value]) * class;
        let scale = (class * table) as f64;
        match ground {
            Ground::Equal => (0..counts.len()).map(|value| difference(value).abs()).sum::<i64>() as f64 / scale / 2.0,
            Ground::Ordered if counts.len() < 2 => 0.0,
            Ground::Ordered => {
                let mut carried = 0;
                let mut moved = 0;
                for value in 0..counts.len() {
                    carried += difference(value);
                    moved += carried.abs();
                }
                moved as f64 / scale / (counts.len() - 1) as f64
            }
            Ground::Tree(branchings) => {
                let mut before = Vec::with_capacity(counts.len() + 1);
                before.push(0);
                for value in 0..counts.len() {
                    before.push(before[value] + difference(value));
                }
                let moved = branchings.iter().map(|branching| {
                    let extras = branching.children.iter().map(|values| before[values.end] - before[values.start]);
                    let (more, less) =
                        extras.fold(
                            (0, 0),
                            |(more, less), extra: i64| {
                                if extra > 0 { (more + extra, less) } else { (more, less - extra) }
                            },
                        );
                    branching.height * more.min(less) as f64
                });
                moved.sum::<f64>() / scale
            }
        }
    }
}

/// The greatest count over the sum of those from the `l`-th on.
fn outweighing(counts: &[u32], l: usize) -> f64 {
    let mut sorted: Vec<u32> = counts.iter().copied().filter(|&count| count > 0).collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let rare: u32 = sorted.iter().skip(l - 1).sum();
    match sorted.first() {
        Some(_) if rare == 0 => f64::INFINITY,
        Some(&most) => f64::from(most) / f64::from(rare),
        None => 0.0,
    }
}

/// ln n − Σ c ln c ÷ n over the counts c of n rows.
fn entropy(counts: &[u32], rows: usize) -> f64 {
    let weighted: f64 = counts.iter().map(|&count| weighted_logarithm(count)).sum();
    let rows = rows as f64;
    rows.ln() - weighted / rows
}

/// c ln c; classes are small, and what is asked of them is asked many times.
fn weighted_logarithm(count: u32) -> f64 {
    static KNOWN: LazyLock<Vec<f64>> = LazyLock::new(|| (0..1024).map(weighted_logarithm_of).collect());
    KNOWN.get(count as usize).copied().unwrap_or_else(|| weighted_logarithm_of(count))
}

fn weighted_logarithm_of(count: u32) -> f64 {
    if count == 0 { 0.0 } else { f64::from(count) * f64::from(count).ln() }
}

fn cleared(counts: &mut Vec<u32>, length: usize) -> &mut [u32] {
    counts.clear();
    counts.resize(length, 0);
    counts
}
