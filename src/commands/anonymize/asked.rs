//! The rules as they are typed, for whoever makes a table and for whoever checks one.

use std::path::Path;

use anonymity::{Rules, Sensitive};
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
    /// How diverse it must be in each class: N different values, or an entropy of at least ln N with N:entropy.
    #[arg(long, value_name = "N[:distinct|entropy]", requires = "sensitive", value_parser = diversity)]
    l: Option<Diversity>,
    /// How far from the whole table a class may be, 0 to 1: all values equally far apart, or in order with X:ordered. The
    /// order is that of the numbers, or of the lines in *hierarchy_<column>.csv.
    #[arg(long, value_name = "X[:equal|ordered|hierarchical]", requires = "sensitive", value_parser = closeness)]
    t: Option<Closeness>,
}

#[derive(Clone, Copy)]
enum Diversity {
    Distinct(usize),
    Entropy(f64),
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
}

impl Asked {
    /// The rules for this table; an order of values is found in it, or in the folder.
    pub(crate) fn rules(&self, batch: &RecordBatch, hierarchies: Option<&Path>) -> Result<Rules> {
        let mut rules = Rules::k(self.k);
        for column in &self.sensitive {
            let mut sensitive = Sensitive::new(column);
            sensitive = match self.l {
                None => sensitive,
                Some(Diversity::Distinct(l)) => sensitive.distinct_l(l),
                Some(Diversity::Entropy(l)) => sensitive.entropy_l(l),
            };
            sensitive = match self.t {
                None => sensitive,
                Some(Closeness { t, distance: Distance::Equal }) => sensitive.equal_t(t),
                Some(Closeness { t, distance: Distance::Ordered }) => {
                    sensitive.ordered_t(t, order(batch, column, hierarchies)?)
                }
            };
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
        _ => Err("after the colon, distinct or entropy; recursive l is not there".into()),
    }
}

fn closeness(text: &str) -> Result<Closeness, String> {
    let (number, kind) = text.split_once(':').unwrap_or((text, "equal"));
    let distance = match kind {
        "equal" => Distance::Equal,
        "ordered" => Distance::Ordered,
        "hierarchical" => return Err("the hierarchical distance is not there yet; equal and ordered are".into()),
        _ => return Err("after the colon, equal or ordered".into()),
    };
    fraction(number).map(|t| Closeness { t, distance })
}

/// A number from 0 to 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| "a number from 0 to 1 is needed, such as 0.25".into())
}
