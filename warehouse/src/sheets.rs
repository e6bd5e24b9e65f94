//! Reads the answers once and counts what marts need of them: kinds of missing by assessment, options by item, and what people
//! who answered a whole scale say of how well it measures.
//!
//! In Rust, because an answer per row, which SQL would need, is thirty times as many rows as a sheet per row, and pairs of items
//! are a hundred times as many again. What is counted becomes tables that the marts' SQL reads like any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Int16Type, Int32Type, Int64Type, Schema};
use domain::instrument::{Instrument, Missing};
use duckdb::Connection;

use crate::reliability::{self, Estimate, Quality, Source};
use crate::schema::{self, column};
use crate::session::{SessionError, create};

/// Missing answers of every assessment, by kind.
const MISSING: &str = "int_missing";
/// How often an item has a value among people's last assessments of a year, apart for those that are also their last of all.
const ITEM_COUNTS: &str = "int_item_counts";
/// How precisely scales measure.
const QUALITY: &str = "int_quality";
/// How items go along with the rest of their scale.
const ITEM_REST: &str = "int_item_rest";

/// The codes below zero, in the order in which they are counted.
const KINDS: [Missing; 3] = Missing::ALL;

/// A version of a strumento, as its answers are counted.
struct Version<'a> {
    instrument: &'a Instrument,
    /// Where each of its items stands in a row of answers.
    places: Vec<usize>,
    scales: Vec<Scale>,
    /// Of a year, and whether of last assessments: per item, how often each value occurs.
    counts: BTreeMap<(i32, i32), Vec<Vec<i64>>>,
    /// People's last assessments, each with where its person stands among all.
    lasts: Vec<(i64, Vec<i16>)>,
}

/// Items of a scale.
struct Scale {
    id: String,
    items: Vec<usize>,
    /// Per item, points by value; less than 0 where there is no such option.
    points: Vec<Vec<i64>>,
    least: i64,
    most: i64,
}

impl Scale {
    fn all(instrument: &Instrument) -> Vec<Self> {
        let scales = instrument.scales.iter().enumerate();
        let of = |(index, scale): (usize, &domain::instrument::Scale)| {
            let counted = instrument.items.iter().enumerate().filter(|(_, item)| item.weight(index) > 0);
            let (mut items, mut points, mut least, mut most) = (Vec::new(), Vec::new(), 0, 0);
            for (place, item) in counted {
                let given = item.options.iter().map(|option| (option.value, i64::from(option.points[index])));
                let mut by_value = Vec::new();
                for (value, given) in given.clone() {
                    let Ok(value) = usize::try_from(value) else { continue };
                    by_value.resize(by_value.len().max(value + 1), -1);
                    by_value[value] = given;
                }
                least += given.clone().map(|(_, given)| given).min().unwrap_or(0);
                most += given.map(|(_, given)| given).max().unwrap_or(0);
                items.push(place);
                points.push(by_value);
            }
            Self { id: scale.id.to_string(), items, points, least, most }
        };
        scales.map(of).collect()
    }

    /// Adds the points of a sheet, unless an item has no answer.
    fn take(&self, answers: &[i16], rows: &mut Vec<i64>) {
        let before = rows.len();
        for (item, points) in self.items.iter().zip(&self.points) {
            let given = usize::try_from(answers[*item]).ok().and_then(|value| points.get(value)).copied();
            match given.filter(|given| *given >= 0) {
                Some(given) => rows.push(given),
                None => return rows.truncate(before),
            }
        }
    }

    fn quality(&self, lasts: &[(i64, Vec<i16>)]) -> Option<Quality> {
        let mut rows = Vec::new();
        lasts.iter().for_each(|(_, answers)| self.take(answers, &mut rows));
        (!rows.is_empty()).then(|| reliability::quality(&rows, self.items.len(), self.least, self.most))
    }
}

/// Counts the answers in the tables of a session that has the marks (`int_marks`) of people's last assessments.
pub(crate) fn count(
    connection: &Connection,
    instruments: &[Instrument],
    is_there: impl Fn(&str) -> bool,
) -> Result<(), SessionError> {
    let mut by_id: BTreeMap<&str, Vec<&Instrument>> = BTreeMap::new();
    for instrument in instruments {
        by_id.entry(instrument.id.as_str()).or_default().push(instrument);
    }
    connection.execute_batch(&format!(
        "create table {MISSING} as select assessment_id, cast(0 as integer) as not_answered, \
         cast(0 as integer) as not_assessable, cast(0 as integer) as refused from assessments limit 0"
    ))?;
    let mut missing = Vec::new();
    let (mut item_counts, mut quality, mut item_rest) =
        (ItemCounts::default(), QualityRows::default(), RestRows::default());
    for (id, versions) in by_id {
        let table = schema::answers_table(id);
        if !is_there(&table) {
            continue;
        }
        let items: Vec<String> =
            schema::answers(&versions).fields().iter().map(|field| field.name().clone()).skip(KEY_COLUMNS).collect();
        let mut versions: Vec<Version<'_>> = versions
            .into_iter()
            .map(|instrument| Version {
                instrument,
                places: instrument
                    .items
                    .iter()
                    .filter_map(|item| items.iter().position(|name| name == item.id.as_str()))
                    .collect(),
                scales: Scale::all(instrument),
                counts: BTreeMap::new(),
                lasts: Vec::new(),
            })
            .collect();
        let listed: Vec<String> = items.iter().map(|item| format!("answers.\"{item}\"")).collect();
        let mut statement = connection.prepare(&format!(
            "select answers.assessment_id, marks.year, marks.is_last, marks.place, answers.version, {} \
             from \"{table}\" as answers left join int_marks as marks on marks.assessment_id = answers.assessment_id",
            listed.join(", ")
        ))?;
        for batch in statement.query_arrow([])? {
            missing.push(read(&batch, &mut versions)?);
        }
        for version in &mut versions {
            // Whatever the order of rows: groups of people are made by it.
            version.lasts.sort_unstable_by_key(|(place, _)| *place);
            item_counts.add(version);
            for scale in &version.scales {
                if let Some(found) = scale.quality(&version.lasts) {
                    item_rest.add(version.instrument, scale, &found);
                    quality.add(version.instrument, scale, &found);
                }
            }
        }
    }
    let mut appender = connection.appender(MISSING)?;
    missing.into_iter().try_for_each(|rows| appender.append_record_batch(rows))?;
    appender.flush()?;
    item_counts.finish(connection)?;
    quality.finish(connection)?;
    item_rest.finish(connection)
}

/// Columns of a table of answers before its items.
const KEY_COLUMNS: usize = 4;

/// Counts the rows of a batch; gives back which kinds of missing each has.
fn read(batch: &RecordBatch, versions: &mut [Version<'_>]) -> Result<RecordBatch, SessionError> {
    let wrong = || arrow::error::ArrowError::SchemaError("the answers have other columns than their strumento".into());
    let ids = batch.column(0);
    let years = batch.column(1).as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    let is_last = batch.column(2).as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    let places = batch.column(3).as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
    let numbers = batch.column(4).as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    let items: Vec<&Int16Array> = batch.columns()[5..]
        .iter()
        .map(|column| column.as_primitive_opt::<Int16Type>().ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let mut missing = KINDS.map(|_| Vec::with_capacity(batch.num_rows()));
    for row in 0..batch.num_rows() {
        let mut kinds = [0_i32; KINDS.len()];
        let number = u32::try_from(numbers.value(row)).ok();
        if let Some(version) = versions.iter_mut().find(|version| Some(version.instrument.version) == number) {
            let answer = |place: &usize| {
                let column = items[*place];
                if column.is_null(row) { Missing::NotAnswered.code() } else { column.value(row) }
            };
            let answers: Vec<i16> = version.places.iter().map(answer).collect();
            for (count, kind) in kinds.iter_mut().zip(KINDS) {
                *count = answers.iter().map(|answer| i32::from(*answer == kind.code())).sum();
            }
            if years.is_valid(row) {
                let counts = version
                    .counts
                    .entry((years.value(row), is_last.value(row)))
                    .or_insert_with(|| vec![Vec::new(); answers.len()]);
                for (counts, answer) in counts.iter_mut().zip(&answers) {
                    let at = usize::try_from(i32::from(*answer) - LOWEST).map_err(|_| wrong())?;
                    if counts.len() <= at {
                        counts.resize(at + 1, 0);
                    }
                    counts[at] += 1;
                }
                if is_last.value(row) == 1 {
                    version.lasts.push((places.value(row), answers));
                }
            }
        }
        missing.iter_mut().zip(kinds).for_each(|(column, count)| column.push(count));
    }
    let mut columns = vec![Arc::clone(ids)];
    columns.extend(missing.map(|counts| Arc::new(Int32Array::from(counts)) as ArrayRef));
    let names = [column::ASSESSMENT_ID, "not_answered", "not_assessable", "refused"];
    let fields = names.iter().zip(&columns).map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns.clone())?)
}

/// The lowest code that an answer can have.
const LOWEST: i32 = -3;

/// A table in the making: a name and columns.
fn make(connection: &Connection, table: &str, columns: Vec<(&str, ArrayRef)>) -> Result<(), SessionError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    create(connection, table, &schema)?;
    let rows = RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())?;
    let mut appender = connection.appender(table)?;
    appender.append_record_batch(rows)?;
    appender.flush()?;
    Ok(())
}

fn texts(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn numbers<T: Into<Option<i64>>>(values: Vec<T>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::<Option<i64>>::into).collect::<Int64Array>())
}

#[derive(Default)]
struct ItemCounts {
    instrument: Vec<String>,
    version: Vec<i64>,
    year: Vec<i64>,
    is_last: Vec<i64>,
    item: Vec<String>,
    value: Vec<i64>,
    people: Vec<i64>,
}

impl ItemCounts {
    fn add(&mut self, version: &Version<'_>) {
        for ((year, is_last), items) in &version.counts {
            for (item, counts) in version.instrument.items.iter().zip(items) {
                for (value, people) in (i64::from(LOWEST)..).zip(counts).filter(|(_, people)| **people > 0) {
                    self.instrument.push(version.instrument.id.to_string());
                    self.version.push(version.instrument.version.into());
                    self.year.push((*year).into());
                    self.is_last.push((*is_last).into());
                    self.item.push(item.id.to_string());
                    self.value.push(value);
                    self.people.push(*people);
                }
            }
        }
    }

    fn finish(self, connection: &Connection) -> Result<(), SessionError> {
        let columns = vec![
            (column::INSTRUMENT, texts(self.instrument)),
            (column::VERSION, numbers(self.version)),
            ("year", numbers(self.year)),
            ("is_last", numbers(self.is_last)),
            ("item", texts(self.item)),
            ("value", numbers(self.value)),
            ("people", numbers(self.people)),
        ];
        make(connection, ITEM_COUNTS, columns)
    }
}

#[derive(Default)]
struct QualityRows(Vec<(String, i64, String, i64, Quality)>);

impl QualityRows {
    fn add(&mut self, instrument: &Instrument, scale: &Scale, quality: &Quality) {
        let items = i64::try_from(scale.items.len()).unwrap_or(i64::MAX);
        self.0.push((instrument.id.to_string(), instrument.version.into(), scale.id.clone(), items, quality.clone()));
    }

    fn finish(self, connection: &Connection) -> Result<(), SessionError> {
        let rows = self.0;
        let number = |of: &dyn Fn(&Quality) -> Option<i64>| numbers(rows.iter().map(|row| of(&row.4)).collect());
        let low = |estimate: Option<Estimate>| Some(estimate?.interval?.0);
        let high = |estimate: Option<Estimate>| Some(estimate?.interval?.1);
        let source = |quality: &Quality| quality.sem.map(|(_, source)| Source::code(source));
        let sources: StringArray = rows.iter().map(|row| source(&row.4)).collect();
        let columns = vec![
            (column::INSTRUMENT, texts(rows.iter().map(|row| row.0.clone()).collect())),
            (column::VERSION, numbers(rows.iter().map(|row| row.1).collect())),
            (column::SCALE, texts(rows.iter().map(|row| row.2.clone()).collect())),
            ("items", numbers(rows.iter().map(|row| row.3).collect())),
            ("cases", number(&|quality| Some(quality.cases))),
            ("alpha_millionths", number(&|quality| Some(quality.alpha?.millionths))),
            ("alpha_low_millionths", number(&|quality| low(quality.alpha))),
            ("alpha_high_millionths", number(&|quality| high(quality.alpha))),
            ("omega_millionths", number(&|quality| Some(quality.omega?.millionths))),
            ("omega_low_millionths", number(&|quality| low(quality.omega))),
            ("omega_high_millionths", number(&|quality| high(quality.omega))),
            ("sem_hundredths", number(&|quality| Some(quality.sem?.0))),
            ("sem_source", Arc::new(sources) as ArrayRef),
            ("floor_people", number(&|quality| Some(quality.floor))),
            ("ceiling_people", number(&|quality| Some(quality.ceiling))),
        ];
        make(connection, QUALITY, columns)
    }
}

#[derive(Default)]
struct RestRows {
    instrument: Vec<String>,
    version: Vec<i64>,
    scale: Vec<String>,
    item: Vec<String>,
    cases: Vec<i64>,
    correlation: Vec<Option<i64>>,
}

impl RestRows {
    fn add(&mut self, instrument: &Instrument, scale: &Scale, quality: &Quality) {
        for (item, correlation) in scale.items.iter().zip(&quality.item_rest) {
            self.instrument.push(instrument.id.to_string());
            self.version.push(instrument.version.into());
            self.scale.push(scale.id.clone());
            self.item.push(instrument.items[*item].id.to_string());
            self.cases.push(quality.cases);
            self.correlation.push(*correlation);
        }
    }

    fn finish(self, connection: &Connection) -> Result<(), SessionError> {
        let columns = vec![
            (column::INSTRUMENT, texts(self.instrument)),
            (column::VERSION, numbers(self.version)),
            (column::SCALE, texts(self.scale)),
            ("item", texts(self.item)),
            ("cases", numbers(self.cases)),
            ("correlation_millionths", numbers(self.correlation)),
        ];
        make(connection, ITEM_REST, columns)
    }
}
