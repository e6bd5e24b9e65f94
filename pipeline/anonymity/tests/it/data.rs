//! Tables and hierarchies for the tests, and the door through which most of them go.

use std::sync::Arc;

use anonymity::verify::{Beside, Checks, Verification, verify};
use anonymity::{Anonymized, Hierarchy, QuasiIdentifier, Request, Rules, Seed, anonymize};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

pub(crate) const SEED: Seed = Seed::new([7; 32]);

/// Columns of text from `name: value value …` lines.
pub(crate) fn table(text: &str) -> RecordBatch {
    let columns = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let (name, values) = line.split_once(':').expect("a name");
        (name.to_owned(), values.split_whitespace().map(|value| Some(value.to_owned())).collect())
    });
    from_columns(columns.collect())
}

pub(crate) fn from_columns(columns: Vec<(String, Vec<Option<String>>)>) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, _)| Field::new(name, DataType::Utf8, true)).collect();
    let arrays = columns.into_iter().map(|(_, values)| Arc::new(StringArray::from(values)) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect()).expect("columns of one length")
}

/// The table with one cell changed.
pub(crate) fn tamper(batch: &RecordBatch, column: &str, row: usize, value: Option<&str>) -> RecordBatch {
    let mut columns = columns_of(batch);
    let cells = &mut columns.iter_mut().find(|(name, _)| name == column).expect("the column").1;
    cells[row] = value.map(str::to_owned);
    from_columns(columns)
}

pub(crate) fn columns_of(batch: &RecordBatch) -> Vec<(String, Vec<Option<String>>)> {
    let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    names.into_iter().map(|name| (name.clone(), column(batch, &name))).collect()
}

pub(crate) fn column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let array = batch.column_by_name(name).expect("the column");
    let text = array.as_any().downcast_ref::<StringArray>().expect("text");
    text.iter().map(|value| value.map(str::to_owned)).collect()
}

/// Ages 0 to 19 by fives and tens, and four places in two regions.
pub(crate) fn identifiers() -> Vec<QuasiIdentifier> {
    vec![
        QuasiIdentifier::new("age", Hierarchy::integers(0, 19, &[5, 10]).expect("widths")),
        QuasiIdentifier::new(
            "place",
            Hierarchy::from_text("Aviano;west;*\nSacile;west;*\nUdine;east;*\nCividale;east;*\n", ';').expect("a tree"),
        ),
    ]
}

pub(crate) fn beside<'a>(
    identifiers: &[QuasiIdentifier],
    original: &'a [RecordBatch],
    origins: Option<&'a [usize]>,
) -> Beside<'a> {
    let hierarchies = identifiers.iter().map(|qi| (qi.column.clone(), qi.hierarchy.clone())).collect();
    Beside { hierarchies, original, origins, ..Beside::default() }
}

/// Anonymizes and verifies what came out, `*` rows read strictly.
pub(crate) fn released(original: &RecordBatch, request: &Request) -> (Anonymized, Verification) {
    let original = std::slice::from_ref(original);
    let released = anonymize(original, request).expect("the request can be met");
    let names = request.quasi_identifiers.iter().map(|qi| qi.column.clone());
    let checks =
        Checks { suppression: Some(request.suppression), ..Checks::new(names, request.rules.clone()).strict() };
    let beside = beside(&request.quasi_identifiers, original, Some(&released.origins));
    let outcome = verify(std::slice::from_ref(&released.batch), &checks, &beside).expect("can be checked");
    (released, outcome)
}

/// The outcome of checking a table alone.
pub(crate) fn checked(batch: &RecordBatch, identifiers: &[&str], rules: Rules) -> Verification {
    let checks = Checks::new(identifiers.iter().copied(), rules);
    verify(std::slice::from_ref(batch), &checks, &Beside::default()).expect("can be checked")
}
