//! The rules as they are typed, for whoever makes a table and for whoever checks one.

use std::path::Path;

use anonymity::{Gain, Likeness, Presence, RecursiveL, Rules, Sensitive};
use anyhow::{Context, Result, bail};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::table;

#[derive(clap::Args)]
pub(crate) struct Asked {
    /// The columns by which a person could be found, separated by commas.
    #[arg(long, required = true, value_delimiter = ',', value_name = "A,B,…")]
    pub(crate) qi: Vec<String>,
    /// At least K rows in each class of equal quasi-identifiers.
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    pub(crate) k: usize,
    /// A column nobody should learn; several, separated by commas, are asked the same of each.
    #[arg(long, value_delimiter = ',', value_name = "C")]
    pub(crate) sensitive: Vec<String>,
    /// How diverse it must be in each class: N different values; with N:entropy, an entropy of at least ln N; with N:recursive=C,
    /// the commonest value fewer than C times as often as those from the Nth on together.
    #[arg(long, value_name = "N[:distinct|entropy|recursive=C]", requires = "sensitive", value_parser = diversity)]
    l: Option<Diversity>,
    /// How far from the whole table a class may be, 0 to 1: all values equally far apart, in order with X:ordered, or by
    /// their tree with X:hierarchical. The order is that of the numbers, or of the lines in *hierarchy_<column>.csv; the tree
    /// is that file's.
    #[arg(long, value_name = "X[:equal|ordered|hierarchical]", requires = "sensitive", value_parser = closeness)]
    t: Option<Closeness>,
    /// How much more frequent than in the whole table a value may be in a class: at most X times its share more (β-likeness).
    /// With X:enhanced, −ln of the share where that is less.
    #[arg(long, value_name = "X[:basic|enhanced]", requires = "sensitive", value_parser = likeness)]
    beta: Option<Likeness>,
    /// What a missing value of a column is (null, or an empty cell): a category of its own, under this word. Several, separated
    /// by commas.
    #[arg(long, value_delimiter = ',', value_name = "C=WORD", value_parser = missing)]
    missing: Vec<(String, String)>,
    /// The table is a population of which the rows with true in column C are released; in each class they are from A to B of
    /// all, 0 to 1 (δ-presence). Needs --mode global.
    #[arg(long, value_name = "C=A..B", value_parser = presence)]
    presence: Option<Presence>,
    /// The column that says whose row it is: classes are then of K people, not rows. It stays in the table.
    #[arg(long, value_name = "C")]
    person: Option<String>,
    /// Whoever knows in which classes all the rows of a person are must not single them out either: people with the same
    /// classes are K too. Needs --mode local.
    #[arg(long, requires = "person")]
    person_pattern: bool,
    /// The column that says who gave the row: K people are left in each class without those of any one giver. It stays in the
    /// table.
    #[arg(long, value_name = "C")]
    contributor: Option<String>,
}

#[derive(Clone, Copy)]
enum Diversity {
    Distinct(usize),
    Entropy(f64),
    Recursive(RecursiveL),
}

#[derive(Clone, Copy)]
struct Closeness {
    t: f64,
    distance: Distance,
}

#[derive(Clone, Copy)]
enum Distance {
    Equal,
    Ordered,
    Hierarchical,
}

impl Asked {
    /// The rules for this table; an order of values is found in it, or in the folder.
    pub(crate) fn rules(&self, batch: &RecordBatch, hierarchies: Option<&Path>) -> Result<Rules> {
        let mut rules = Rules::k(self.k);
        rules.presence.clone_from(&self.presence);
        rules.missing = self.missing.iter().cloned().collect();
        if let Some(person) = &self.person {
            rules = if self.person_pattern { rules.per_person_pattern(person) } else { rules.per_person(person) };
        }
        if let Some(contributor) = &self.contributor {
            rules = rules.robust_to(contributor);
        }
        for column in &self.sensitive {
            let mut sensitive = Sensitive::new(column);
            sensitive = match self.l {
                None => sensitive,
                Some(Diversity::Distinct(l)) => sensitive.distinct_l(l),
                Some(Diversity::Entropy(l)) => sensitive.entropy_l(l),
                Some(Diversity::Recursive(RecursiveL { c, l })) => sensitive.recursive_l(c, l),
            };
            sensitive = match self.t {
                None => sensitive,
                Some(Closeness { t, distance: Distance::Equal }) => sensitive.equal_t(t),
                Some(Closeness { t, distance: Distance::Ordered }) => {
                    sensitive.ordered_t(t, order(batch, column, hierarchies)?)
                }
                Some(Closeness { t, distance: Distance::Hierarchical }) => {
                    let folder = hierarchies.with_context(|| {
                        format!(
                            "the distance by a tree needs *hierarchy_{column}.csv; give its folder with --hierarchies"
                        )
                    })?;
                    sensitive.hierarchical_t(t, table::hierarchy(folder, column)?)
                }
            };
            sensitive.likeness = self.beta;
            rules = rules.with(sensitive);
        }
        Ok(rules)
    }
}

/// The values of a column, lowest to highest. Numbers come first, so that a table checked alone gives the same distances.
fn order(batch: &RecordBatch, column: &str, hierarchies: Option<&Path>) -> Result<Vec<String>> {
    // The library says better which columns there are.
    let Some(array) = batch.column_by_name(column) else { return Ok(Vec::new()) };
    let text = cast(array, &DataType::Utf8).with_context(|| format!("column {column:?} has no text form"))?;
    let mut values: Vec<&str> = text.as_string::<i32>().iter().flatten().collect();
    values.sort_unstable();
    values.dedup();
    let numbers: Option<Vec<(f64, &str)>> = values
        .iter()
        .map(|value| value.trim().parse().ok().filter(|number: &f64| number.is_finite()).map(|number| (number, *value)))
        .collect();
    if let Some(mut numbers) = numbers {
        numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(pair) = numbers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            bail!("column {column:?}: {:?} and {:?} are one number; write it in one way", pair[0].1, pair[1].1);
        }
        return Ok(numbers.into_iter().map(|(_, value)| value.to_owned()).collect());
    }
    let missing = || {
        format!(
            "the values of {column:?} have no order: they are not all numbers; a file *hierarchy_{column}.csv in the \
             folder of --hierarchies gives one, a value on each line, lowest first"
        )
    };
    let hierarchy = table::hierarchy(hierarchies.with_context(missing)?, column).with_context(missing)?;
    Ok(hierarchy.values().map(str::to_owned).collect())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "a whole number from 1 up is needed".into())
}

fn diversity(text: &str) -> Result<Diversity, String> {
    let (number, kind) = text.split_once(':').unwrap_or((text, "distinct"));
    match kind {
        "distinct" => at_least_one(number).map(Diversity::Distinct),
        "entropy" => number
            .parse()
            .ok()
            .filter(|l: &f64| l.is_finite() && *l >= 1.0)
            .map(Diversity::Entropy)
            .ok_or_else(|| "for entropy a number from 1 up is needed".into()),
        _ => {
            let c = kind.strip_prefix("recursive=").and_then(|c| c.parse().ok());
            let c = c.filter(|c: &f64| c.is_finite() && *c > 0.0);
            let c = c.ok_or("after the colon, distinct, entropy, or recursive=C with a number C above 0")?;
            at_least_one(number).map(|l| Diversity::Recursive(RecursiveL { c, l }))
        }
    }
}

fn closeness(text: &str) -> Result<Closeness, String> {
    let (number, kind) = text.split_once(':').unwrap_or((text, "equal"));
    let distance = match kind {
        "equal" => Distance::Equal,
        "ordered" => Distance::Ordered,
        "hierarchical" => Distance::Hierarchical,
        _ => return Err("after the colon, equal, ordered or hierarchical".into()),
    };
    fraction(number).map(|t| Closeness { t, distance })
}

fn likeness(text: &str) -> Result<Likeness, String> {
    let (number, kind) = text.split_once(':').unwrap_or((text, "basic"));
    let gain = match kind {
        "basic" => Gain::Basic,
        "enhanced" => Gain::Enhanced,
        _ => return Err("after the colon, basic or enhanced".into()),
    };
    let beta = number.parse().ok().filter(|beta: &f64| beta.is_finite() && *beta >= 0.0);
    beta.map(|beta| Likeness { beta, gain }).ok_or_else(|| "a number from 0 up is needed".into())
}

fn missing(text: &str) -> Result<(String, String), String> {
    let (column, word) = text
        .split_once('=')
        .filter(|(column, word)| !column.is_empty() && !word.is_empty())
        .ok_or("a column and a word, such as age=unknown, are needed")?;
    Ok((column.to_owned(), word.to_owned()))
}

fn presence(text: &str) -> Result<Presence, String> {
    let expected = "a column and two numbers from 0 to 1, such as member=0.01..0.3, are needed";
    let (column, limits) = text.rsplit_once('=').ok_or(expected)?;
    let (least, most) = limits.split_once("..").ok_or(expected)?;
    let (least, most) = (fraction(least)?, fraction(most)?);
    if column.is_empty() || least > most {
        return Err(expected.into());
    }
    Ok(Presence { column: column.to_owned(), least, most })
}

/// A number from 0 to 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "a number from 0 to 1 is needed, such as 0.25".into())
}
