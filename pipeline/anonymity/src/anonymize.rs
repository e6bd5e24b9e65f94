//! From a request and a table to a released table and its report.
//!
//! Puts the rows into an order of its own before the engine sees them, writes the labels afterwards, and measures what
//! was written. The order is by codes, and equal rows are put in an order that only the seed knows: so neither the order of
//! the input nor the place of a person in it has any part in the classes.

mod together;

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take};
use arrow::datatypes::{DataType, Field, Schema};
use rayon::prelude::*;

use crate::engine::{
    self, Chance, Conditions, Contributors, Domain, Ground, Input, SensitiveCondition, Solution, Space, WEIGHTS,
    streams,
};
use crate::error::Error;
use crate::hierarchy::{NodeId, SUPPRESSED};
use crate::report::{Parameters, PresenceMeasures, REPORT_VERSION, Report};
use crate::rules::{
    Distance, Mode, Presence, QuasiIdentifier, RecursiveL, Request, RowOrder, Rules, SeveralRows, SuppressedRows,
};
use crate::table;
use crate::{global, measure};

/// A released table, and what is known about it.
#[derive(Debug, Clone)]
pub struct Anonymized {
    /// The table: quasi-identifiers as text, the other columns untouched.
    pub batch: RecordBatch,
    /// For each row of the table, the row of the input it comes from. For checking only: it undoes a shuffle.
    pub origins: Vec<usize>,
    /// Sizes, rules reached, loss and risk.
    pub report: Report,
}

/// Generalises the quasi-identifiers of a table until the rules hold, at little loss.
///
/// The batches are one table. The result depends on the request (its seed included) and on the rows, not on the number of
/// threads; rows in another order give the same loss.
pub fn anonymize(batches: &[RecordBatch], request: &Request) -> Result<Anonymized, Error> {
    let population = one_batch(batches)?;
    check_request(request)?;
    let (batch, chosen) = to_release(&population, &request.rules)?;
    let rows = batch.num_rows();
    let codes = leaves(&batch, request)?;
    let rule_codes = RuleCodes::read(&batch, &request.rules)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the fraction was checked to lie between 0 and 1"
    )]
    let suppressed_max = (request.suppression * rows as f64).floor() as usize;
    let (assignment, presence) = match (request.mode, request.rules.several_rows) {
        (Mode::Local, SeveralRows::Apart) => (locally(request, &codes, &rule_codes, suppressed_max)?, None),
        (Mode::Local, SeveralRows::Together) => (together::solve(request, &codes, &rule_codes, suppressed_max)?, None),
        // With people read together it was refused.
        (Mode::Global, _) => globally(request, &codes, &rule_codes, suppressed_max, &population)?,
    };
    let suppressed = assignment.class_of.iter().filter(|class| class.is_none()).count();
    if suppressed > suppressed_max {
        // A class in which nothing but `*` is left reads as suppressed, and that many were not allowed to be.
        return Err(Error::Unsatisfiable {
            reason: format!(
                "{suppressed} of {rows} rows could be released as \"*\" only, and {suppressed_max} may be; ask for less, or \
                 allow more suppression"
            ),
        });
    }

    let origins = assignment.origins(request);
    let batch = write(&batch, request, &assignment, &origins)?;
    let origins = match &chosen {
        None => origins,
        Some(chosen) => origins.into_iter().map(|row| chosen[row]).collect(),
    };
    let report = Report {
        version: REPORT_VERSION,
        engine: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
        parameters: Parameters {
            quasi_identifiers: request.quasi_identifiers.iter().map(|qi| qi.column.clone()).collect(),
            rules: request.rules.clone(),
            suppression: request.suppression,
            mode: request.mode,
            weights: if request.quasi_identifiers.iter().all(|qi| qi.weight == 1.0) {
                Vec::new()
            } else {
                request.quasi_identifiers.iter().map(|qi| qi.weight).collect()
            },
            effort: request.effort,
            row_order: request.row_order,
            suppressed_rows: request.suppressed_rows,
        },
        measures: measure::measure(&assignment, &codes, &rule_codes, request, presence),
    };
    Ok(Anonymized { batch, origins, report })
}

/// What a missing value of a column is.
fn missing<'a>(rules: &'a Rules, column: &str) -> Option<&'a str> {
    rules.missing.get(column).map(String::as_str)
}

/// The leaf of each row, by column.
fn leaves(batch: &RecordBatch, request: &Request) -> Result<Vec<Vec<u32>>, Error> {
    let codes: Vec<_> = request
        .quasi_identifiers
        .par_iter()
        .map(|identifier| {
            let QuasiIdentifier { column, hierarchy, .. } = identifier;
            table::leaves(batch, column, hierarchy, missing(&request.rules, column))
        })
        .collect();
    // The first column that is wrong is told, not the first that was found to be.
    codes.into_iter().collect()
}

/// The rows that are released and which of the population they are; all of them where no presence is asked.
pub(crate) fn to_release(population: &RecordBatch, rules: &Rules) -> Result<(RecordBatch, Option<Vec<usize>>), Error> {
    let Some(Presence { column, .. }) = &rules.presence else { return Ok((population.clone(), None)) };
    let is_released = table::flags(population, column)?;
    let chosen = (0..is_released.len()).filter(|&row| is_released[row]).collect();
    let batch = filter_record_batch(population, &BooleanArray::from(is_released))?;
    let mut columns: Vec<usize> = (0..batch.num_columns()).collect();
    // It is true in every row.
    columns.retain(|&index| batch.schema().field(index).name() != column);
    Ok((batch.project(&columns)?, Some(chosen)))
}

fn locally(
    request: &Request,
    codes: &[Vec<u32>],
    rule_codes: &RuleCodes,
    suppressed_max: usize,
) -> Result<Assignment, Error> {
    let order = canonical_order(codes, rule_codes, request);
    let mut domains = Vec::new();
    let mut columns = Vec::new();
    for (identifier, codes) in request.quasi_identifiers.iter().zip(codes) {
        let (domain, renumbered) = Domain::new(identifier, codes)?;
        columns.push(order.iter().map(|&row| renumbered[codes[row as usize] as usize]).collect());
        domains.push(domain);
    }
    let solution = engine::solve(Input {
        space: Space::new(domains),
        columns,
        conditions: rule_codes.conditions(&request.rules, &order),
        suppressed_max,
        suppressed_rows: request.suppressed_rows,
        effort: request.effort,
        seed: request.seed,
    })?;
    Ok(Assignment::new(solution, &order, request))
}

fn globally(
    request: &Request,
    codes: &[Vec<u32>],
    rule_codes: &RuleCodes,
    suppressed_max: usize,
    population: &RecordBatch,
) -> Result<(Assignment, Option<PresenceMeasures>), Error> {
    let all = request.rules.presence.as_ref().map(|limits| Ok::<_, Error>((leaves(population, request)?, limits)));
    let all = all.transpose()?;
    let order: Vec<u32> = (0..table::small(codes.first().map_or(0, Vec::len))).collect();
    global::solve(&global::Input {
        identifiers: &request.quasi_identifiers,
        codes,
        conditions: &rule_codes.conditions(&request.rules, &order),
        population: all.as_ref().map(|(codes, limits)| global::Population { codes, limits }),
        suppressed_max,
        suppressed_rows: request.suppressed_rows,
    })
}

/// Which class each row of the input is in, and what each class is released as.
pub(crate) struct Assignment {
    /// `None` for a suppressed row.
    pub(crate) class_of: Vec<Option<u32>>,
    /// For each class, one node for each quasi-identifier; no two are equal and none is all `*`.
    pub(crate) nodes: Vec<Vec<NodeId>>,
}

impl Assignment {
    /// Classes of the engine with equal labels are one class to whoever reads the table, and a class of `*` only is
    /// suppressed.
    fn new(solution: Solution, order: &[u32], request: &Request) -> Self {
        let mut classes = solution.classes;
        classes.sort_unstable_by(|a, b| a.nodes.cmp(&b.nodes));
        let mut class_of = vec![None; order.len()];
        let mut nodes: Vec<Vec<NodeId>> = Vec::new();
        for class in classes {
            let is_star = class
                .nodes
                .iter()
                .zip(&request.quasi_identifiers)
                .all(|(&node, identifier)| identifier.hierarchy.parent(node).is_none());
            if is_star {
                continue;
            }
            if nodes.last() != Some(&class.nodes) {
                nodes.push(class.nodes);
            }
            for row in class.rows {
                class_of[order[row as usize] as usize] = Some(table::small(nodes.len() - 1));
            }
        }
        Self { class_of, nodes }
    }

    /// The rows that are released, in the order they are.
    fn origins(&self, request: &Request) -> Vec<usize> {
        let mut origins: Vec<usize> = (0..self.class_of.len())
            .filter(|&row| request.suppressed_rows == SuppressedRows::Kept || self.class_of[row].is_some())
            .collect();
        if request.row_order == RowOrder::Shuffled {
            Chance::new(request.seed, streams::ROW_ORDER_OUT).shuffle(&mut origins);
        }
        origins
    }
}

fn one_batch(batches: &[RecordBatch]) -> Result<RecordBatch, Error> {
    let batch = match batches {
        [] => RecordBatch::new_empty(Arc::new(Schema::empty())),
        [batch] => batch.clone(),
        [first, ..] => concat_batches(&first.schema(), batches)?,
    };
    if u32::try_from(batch.num_rows()).is_err() {
        return Err(Error::TooMany { what: "rows".into(), found: batch.num_rows(), limit: u32::MAX as usize });
    }
    Ok(batch)
}

fn check_request(request: &Request) -> Result<(), Error> {
    let refuse = |parameter: &str, value: String, expected| {
        Err(Error::Parameter { parameter: parameter.to_owned(), value, expected })
    };
    let rules = &request.rules;
    if request.quasi_identifiers.is_empty() {
        return refuse("quasi_identifiers", "empty".into(), "at least one column");
    }
    if rules.k == 0 {
        return refuse("k", "0".into(), "at least 1");
    }
    if !(0.0..=1.0).contains(&request.suppression) {
        return refuse("suppression", request.suppression.to_string(), "a fraction from 0 to 1");
    }
    if let Some(identifier) = request.quasi_identifiers.iter().find(|identifier| !WEIGHTS.contains(&identifier.weight))
    {
        return refuse(&format!("weight of {:?}", identifier.column), identifier.weight.to_string(), "from 0.01 to 64");
    }
    if rules.several_rows == SeveralRows::Together {
        if rules.person.is_none() {
            return refuse("person", "not named".into(), "a column where a person's rows are read together");
        }
        if request.mode == Mode::Global {
            return refuse("mode", "global".into(), "local where a person's rows are read together");
        }
    }
    if let Some(Presence { column, least, most }) = &rules.presence {
        if request.mode == Mode::Local {
            return refuse("mode", "local".into(), "global where presence is asked");
        }
        if !(0.0 <= *least && least <= most && *most <= 1.0) {
            return refuse(&format!("presence by {column:?}"), format!("{least} to {most}"), "a range between 0 and 1");
        }
    }
    let mut named: Vec<&str> = request.quasi_identifiers.iter().map(|qi| qi.column.as_str()).collect();
    named.extend(rules.presence.as_ref().map(|presence| presence.column.as_str()));
    named.extend(rules.person.as_deref());
    named.extend(rules.contributor.as_deref());
    named.extend(rules.sensitive.iter().map(|sensitive| sensitive.column.as_str()));
    for (position, name) in named.iter().enumerate() {
        if named[..position].contains(name) {
            return Err(Error::ColumnTwice { column: (*name).to_owned() });
        }
    }
    let may_miss = |column: &&String| {
        request.quasi_identifiers.iter().any(|qi| qi.column == **column)
            || rules.sensitive.iter().any(|sensitive| sensitive.column == **column)
    };
    if let Some(column) = rules.missing.keys().find(|column| !may_miss(column)) {
        return refuse("missing", column.clone(), "a quasi-identifier or a sensitive column");
    }
    for sensitive in &rules.sensitive {
        let column = &sensitive.column;
        if sensitive.distinct_l == Some(0) {
            return refuse(&format!("distinct l of {column:?}"), "0".into(), "at least 1");
        }
        if let Some(l) = sensitive.entropy_l.filter(|l| !l.is_finite() || *l < 1.0) {
            return refuse(&format!("entropy l of {column:?}"), l.to_string(), "at least 1");
        }
        if let Some(RecursiveL { c, l }) =
            sensitive.recursive_l.filter(|rule| !(rule.c.is_finite() && rule.c > 0.0 && rule.l > 0))
        {
            return refuse(
                &format!("recursive l of {column:?}"),
                format!("c {c}, l {l}"),
                "c above 0 and l at least 1",
            );
        }
        if let Some(beta) =
            sensitive.likeness.map(|likeness| likeness.beta).filter(|beta| !(beta.is_finite() && *beta >= 0.0))
        {
            return refuse(&format!("β of {column:?}"), beta.to_string(), "0 or more");
        }
        if let Some(closeness) = sensitive.closeness.as_ref().filter(|closeness| !(0.0..=1.0).contains(&closeness.t)) {
            return refuse(&format!("t of {column:?}"), closeness.t.to_string(), "from 0 to 1");
        }
    }
    Ok(())
}

/// The columns that the rules name, as codes in the order of the input.
pub(crate) struct RuleCodes {
    person: Option<Codes>,
    contributor: Option<Codes>,
    sensitive: Vec<Codes>,
}

struct Codes {
    codes: Vec<u32>,
    count: usize,
}

impl RuleCodes {
    fn read(batch: &RecordBatch, rules: &Rules) -> Result<Self, Error> {
        let categories = |name: &String| {
            let coded = table::categories(batch, name, missing(rules, name));
            coded.map(|(codes, count)| Codes { codes, count })
        };
        let sensitive = rules.sensitive.iter().map(|sensitive| {
            let missing = missing(rules, &sensitive.column);
            match sensitive.closeness.as_ref().map(|closeness| &closeness.distance) {
                Some(Distance::Ordered { values }) => table::listed(batch, &sensitive.column, values, missing)
                    .map(|codes| Codes { codes, count: values.len() }),
                Some(Distance::Hierarchical { hierarchy }) => {
                    let codes = table::leaves(batch, &sensitive.column, hierarchy, missing)?;
                    Ok(Codes { codes, count: hierarchy.leaf_count() })
                }
                Some(Distance::Equal) | None => categories(&sensitive.column),
            }
        });
        Ok(Self {
            person: rules.person.as_ref().map(categories).transpose()?,
            contributor: rules.contributor.as_ref().map(categories).transpose()?,
            sensitive: sensitive.collect::<Result<_, _>>()?,
        })
    }

    /// The rules over these rows, numbered as they stand in `order`.
    pub(crate) fn conditions(&self, rules: &Rules, order: &[u32]) -> Conditions {
        let pick = |codes: &Codes| -> Vec<u32> { order.iter().map(|&row| codes.codes[row as usize]).collect() };
        let people = self.person.as_ref().map(pick);
        let contributors = self.contributor.as_ref().map(|contributor| {
            let person_count = self.person.as_ref().map_or(order.len(), |person| person.count);
            Contributors::new(contributor.count, person_count, &pick(contributor), people.as_deref())
        });
        let sensitive = rules.sensitive.iter().zip(&self.sensitive).map(|(rule, codes)| {
            let picked = pick(codes);
            let mut totals = vec![0; codes.count];
            for &code in &picked {
                totals[code as usize] += 1;
            }
            SensitiveCondition {
                column: rule.column.clone(),
                codes: picked,
                totals,
                distinct_l: rule.distinct_l,
                entropy_l: rule.entropy_l,
                recursive_l: rule.recursive_l,
                closeness: rule.closeness.as_ref().map(|closeness| {
                    let ground = match &closeness.distance {
                        Distance::Equal => Ground::Equal,
                        Distance::Ordered { .. } => Ground::Ordered,
                        Distance::Hierarchical { hierarchy } => Ground::tree(hierarchy),
                    };
                    (closeness.t, ground)
                }),
                likeness: rule.likeness,
            }
        });
        Conditions { k: rules.k, people, contributors, sensitive: sensitive.collect() }
    }

    fn columns(&self) -> impl Iterator<Item = &[u32]> {
        self.person.iter().chain(&self.contributor).chain(&self.sensitive).map(|codes| codes.codes.as_slice())
    }
}

/// The rows by their codes; rows with equal codes in an order only the seed knows.
fn canonical_order(codes: &[Vec<u32>], rule_codes: &RuleCodes, request: &Request) -> Vec<u32> {
    let rows = codes.first().map_or(0, Vec::len);
    let mut shuffled: Vec<u32> = (0..table::small(rows)).collect();
    Chance::new(request.seed, streams::ROW_ORDER_IN).shuffle(&mut shuffled);
    let mut keys = vec![0_u128; rows];
    let mut bits_used = 0;
    for column in codes.iter().map(Vec::as_slice).chain(rule_codes.columns()) {
        let bits = u32::BITS - column.iter().max().copied().unwrap_or(0).leading_zeros();
        if bits_used + bits > u128::BITS {
            // No room: what is packed so far becomes its rank, which needs 32 bits at most.
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            sorted.dedup();
            for key in &mut keys {
                *key = sorted.partition_point(|other| other < key) as u128;
            }
            bits_used = u32::BITS;
        }
        for (key, &code) in keys.iter_mut().zip(column) {
            *key = *key << bits | u128::from(code);
        }
        bits_used += bits;
    }
    let mut order: Vec<(u128, u32, u32)> = shuffled
        .into_iter()
        .enumerate()
        .map(|(position, row)| (keys[row as usize], table::small(position), row))
        .collect();
    order.par_sort_unstable();
    order.into_iter().map(|(_, _, row)| row).collect()
}

/// Writes the labels; everything else is taken as it is.
fn write(
    batch: &RecordBatch,
    request: &Request,
    assignment: &Assignment,
    origins: &[usize],
) -> Result<RecordBatch, Error> {
    let indices = UInt32Array::from_iter_values(origins.iter().map(|&row| table::small(row)));
    let in_place = origins.len() == batch.num_rows() && request.row_order == RowOrder::Kept;
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let identifier = request.quasi_identifiers.iter().position(|qi| qi.column == *field.name());
        if let Some(position) = identifier {
            let hierarchy = &request.quasi_identifiers[position].hierarchy;
            let labels: Vec<&str> = assignment.nodes.iter().map(|nodes| hierarchy.label(nodes[position])).collect();
            let text = StringArray::from_iter_values(
                origins.iter().map(|&row| assignment.class_of[row].map_or(SUPPRESSED, |class| labels[class as usize])),
            );
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, false)));
            arrays.push(Arc::new(text));
        } else {
            fields.push(Arc::clone(field));
            arrays.push(if in_place { Arc::clone(array) } else { take(array, &indices, None)? });
        }
    }
    let schema = Schema::new_with_metadata(fields, batch.schema().metadata().clone());
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}
