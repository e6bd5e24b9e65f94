//! The tables of a partition: names of tables and columns, and their schemas. Signed integers, texts, days; nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use domain::instrument::Instrument;

/// Names of columns.
pub mod column {
    /// Stands for a persona in this Ente alone.
    pub const PSEUDONYM: &str = "pseudonym";
    /// The day of the assessment.
    pub const ASSESSED_ON: &str = "assessed_on";
    /// The version of the assessment that counts.
    pub const ASSESSMENT_ID: &str = "assessment_id";
    /// The strumento.
    pub const INSTRUMENT: &str = "instrument";
    /// Its version.
    pub const VERSION: &str = "version";
    /// ISTAT code of the comune of residence on the day.
    pub const COMUNE: &str = "comune";
    /// The unità under which it counts.
    pub const UNITA: &str = "unita";
    /// Age in completed years on the day.
    pub const AGE: &str = "age";
    /// Sex.
    pub const SEX: &str = "sex";
    /// Education.
    pub const EDUCATION: &str = "education";
    /// Citizenship.
    pub const CITIZENSHIP: &str = "citizenship";
    /// Household.
    pub const HOUSEHOLD: &str = "household";
    /// Work condition.
    pub const WORK: &str = "work";
    /// 1 when somebody asked for categories of disadvantage.
    pub const IS_DISADVANTAGE_KNOWN: &str = "is_disadvantage_known";
    /// The class of the profile that the rules give.
    pub const PROFILE: &str = "profile";
    /// The operator's word.
    pub const EVALUATION: &str = "evaluation";
    /// The class that the operator sees instead.
    pub const EVALUATION_PROFILE: &str = "evaluation_profile";
    /// Portal or import.
    pub const ORIGIN: &str = "origin";
    /// Stands for an operator in this Ente alone.
    pub const OPERATOR: &str = "operator";
    /// Seconds of the epoch at which the form was opened.
    pub const STARTED_AT: &str = "started_at";
    /// Seconds of the epoch at which it became valid.
    pub const VALIDATED_AT: &str = "validated_at";
    /// Items with an option chosen.
    pub const COUNT_ANSWERED: &str = "count_answered";
    /// Items of the strumento.
    pub const COUNT_ITEMS: &str = "count_items";
    /// The scale.
    pub const SCALE: &str = "scale";
    /// Points given by the answers.
    pub const POINTS: &str = "points";
    /// The most points that the answered items can give.
    pub const REACHABLE: &str = "reachable";
    /// Items of the scale that are answered.
    pub const ITEMS_ANSWERED: &str = "items_answered";
    /// 1 when enough was answered.
    pub const IS_VALID: &str = "is_valid";
    /// The level that counts.
    pub const LEVEL: &str = "level";
    /// The level before minimum conditions.
    pub const LEVEL_OF_INDEX: &str = "level_of_index";
    /// 1000 × points ÷ reachable, rounded down.
    pub const INDEX_TENTHS: &str = "index_tenths";
    /// A category of disadvantage.
    pub const CATEGORY: &str = "category";
    /// A minimum condition that is missing.
    pub const BLOCK: &str = "block";
    /// An azione agreed.
    pub const AZIONE: &str = "azione";
    /// What came of it.
    pub const OUTCOME: &str = "outcome";
}

/// One row per current assessment.
pub const ASSESSMENTS: &str = "assessments";
/// One row per assessment and scale.
pub const SCORES: &str = "scores";
/// One row per assessment and category of disadvantage.
pub const DISADVANTAGES: &str = "disadvantages";
/// One row per assessment and missing minimum condition.
pub const BLOCKS: &str = "blocks";
/// One row per assessment and azione agreed.
pub const AZIONI: &str = "azioni";

/// The tables that every Ente has; the answers of each strumento come on top.
pub const FIXED_TABLES: [&str; 5] = [ASSESSMENTS, SCORES, DISADVANTAGES, BLOCKS, AZIONI];

/// The table of the answers of a strumento.
#[must_use]
pub fn answers_table(instrument: &str) -> String {
    format!("answers_{instrument}")
}

fn always(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

fn if_known(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

fn with_key(fields: impl IntoIterator<Item = Field>) -> SchemaRef {
    let key = [
        always(column::PSEUDONYM, DataType::Utf8),
        always(column::ASSESSED_ON, DataType::Date32),
        always(column::ASSESSMENT_ID, DataType::Utf8),
    ];
    Arc::new(Schema::new(key.into_iter().chain(fields).collect::<Vec<_>>()))
}

/// The schema of a fixed table; `None` for any other name.
#[must_use]
pub fn fixed(table: &str) -> Option<SchemaRef> {
    use DataType::{Int16, Int32, Int64, Utf8};
    use column::*;
    Some(with_key(match table {
        ASSESSMENTS => vec![
            always(INSTRUMENT, Utf8),
            always(VERSION, Int32),
            if_known(COMUNE, Utf8),
            if_known(UNITA, Utf8),
            if_known(AGE, Int16),
            if_known(SEX, Utf8),
            if_known(EDUCATION, Utf8),
            if_known(CITIZENSHIP, Utf8),
            if_known(HOUSEHOLD, Utf8),
            if_known(WORK, Utf8),
            always(IS_DISADVANTAGE_KNOWN, Int16),
            if_known(PROFILE, Utf8),
            always(EVALUATION, Utf8),
            if_known(EVALUATION_PROFILE, Utf8),
            always(ORIGIN, Utf8),
            always(OPERATOR, Utf8),
            if_known(STARTED_AT, Int64),
            always(VALIDATED_AT, Int64),
            always(COUNT_ANSWERED, Int32),
            always(COUNT_ITEMS, Int32),
        ],
        SCORES => vec![
            always(INSTRUMENT, Utf8),
            always(VERSION, Int32),
            always(SCALE, Utf8),
            always(POINTS, Int32),
            always(REACHABLE, Int32),
            always(ITEMS_ANSWERED, Int32),
            always(IS_VALID, Int16),
            if_known(LEVEL, Utf8),
            if_known(LEVEL_OF_INDEX, Utf8),
            if_known(INDEX_TENTHS, Int32),
        ],
        DISADVANTAGES => vec![always(CATEGORY, Utf8)],
        BLOCKS => vec![always(INSTRUMENT, Utf8), always(BLOCK, Utf8)],
        AZIONI => vec![always(INSTRUMENT, Utf8), always(AZIONE, Utf8), if_known(OUTCOME, Utf8)],
        _ => return None,
    }))
}

/// The schema of the answers of one strumento: a column per item of any of its versions, in the order of ids; an item
/// that the sheet's version has not is absent.
#[must_use]
pub fn answers(versions: &[&Instrument]) -> SchemaRef {
    let items: BTreeSet<&str> =
        versions.iter().flat_map(|instrument| &instrument.items).map(|item| item.id.as_str()).collect();
    let version = always(column::VERSION, DataType::Int32);
    with_key(std::iter::once(version).chain(items.into_iter().map(|item| if_known(item, DataType::Int16))))
}
