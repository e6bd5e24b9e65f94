//! The rules as the engine checks them, on codes and in whole numbers.
//!
//! Every rule here is closed under union: two classes that hold may always be merged. So only what takes rows away from a
//! class, or adds rows that are no class by themselves, asks again.

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
    pub(crate) closeness: Option<(f64, Ground)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Equal,
    Ordered,
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
            && self.sensitive.iter().all(|sensitive| {
                sensitive.distinct_l.is_none() && sensitive.entropy_l.is_none() && sensitive.closeness.is_none()
            })
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
        let (distinct, entropy, ..) = sensitive.measure(rows, scratch);
        let (column, entropy_l) = (&sensitive.column, entropy.exp());
        Some(match (sensitive.distinct_l.filter(|&l| l > distinct), sensitive.entropy_l) {
            (Some(l), _) => format!("{distinct} different values of {column:?}, and l is {l}"),
            (None, Some(l)) => format!("entropy ln {entropy_l:.4} of {column:?}, and l is {l}"),
            (None, None) => format!("values of {column:?} that are too far from themselves"),
        })
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

impl SensitiveCondition {
    fn holds(&self, rows: &[u32], scratch: &mut Scratch) -> bool {
        if self.distinct_l.is_none() && self.entropy_l.is_none() && self.closeness.is_none() {
            return true;
        }
        let counts = self.count(rows, scratch);
        self.distinct_l.is_none_or(|l| counts.iter().filter(|&&count| count > 0).count() >= l)
            && self.entropy_l.is_none_or(|l| entropy(counts, rows.len()) >= l.ln() - ROUNDING)
            && self.closeness.is_none_or(|(t, ground)| self.distance(counts, rows.len(), ground) <= t + ROUNDING)
    }

    /// Different values, entropy, and the two distances from the whole table.
    pub(crate) fn measure(&self, rows: &[u32], scratch: &mut Scratch) -> (usize, f64, f64, f64) {
        let counts = self.count(rows, scratch);
        (
            counts.iter().filter(|&&count| count > 0).count(),
            entropy(counts, rows.len()),
            self.distance(counts, rows.len(), Ground::Equal),
            self.distance(counts, rows.len(), Ground::Ordered),
        )
    }

    fn count<'a>(&self, rows: &[u32], scratch: &'a mut Scratch) -> &'a [u32] {
        let counts = cleared(&mut scratch.counts, self.totals.len());
        for &row in rows {
            counts[self.codes[row as usize] as usize] += 1;
        }
        counts
    }

    fn distance(&self, counts: &[u32], class: usize, ground: Ground) -> f64 {
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
        }
    }
}

fn entropy(counts: &[u32], rows: usize) -> f64 {
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / rows as f64;
            -share * share.ln()
        })
        .sum()
}

fn cleared(counts: &mut Vec<u32>, length: usize) -> &mut [u32] {
    counts.clear();
    counts.resize(length, 0);
    counts
}
