//! Rows of the marts as plain values.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};
use chrono::{Days, NaiveDate};

/// A column that is not there or has another type: the mart's SQL and this program disagree.
#[derive(Debug, thiserror::Error)]
#[error("the mart {mart} has no column {column} of the type expected")]
pub struct RowError {
    mart: &'static str,
    column: &'static str,
}

/// A mart with its rows.
pub(crate) trait MartRow: Sized {
    const MART: &'static str;
    fn read(batch: &RecordBatch) -> Result<Vec<Self>, RowError>;
}

/// The day with a number of days since 1970-01-01.
pub(crate) fn day(number: i32) -> NaiveDate {
    let days = Days::new(u64::from(number.unsigned_abs()));
    let epoch = NaiveDate::default();
    if number < 0 { epoch - days } else { epoch + days }
}

/// A value of a row, read from its column.
trait Value: Sized {
    /// Per row; `None` where the column has no value. `None` altogether when the column has another type.
    fn column(array: &dyn Array) -> Option<Vec<Option<Self>>>;
    /// What an absent value is, where one may be.
    fn absent() -> Option<Self> {
        None
    }
}

impl Value for String {
    fn column(array: &dyn Array) -> Option<Vec<Option<Self>>> {
        Some(array.as_string_opt::<i32>()?.iter().map(|text| text.map(ToOwned::to_owned)).collect())
    }
}

impl Value for i64 {
    fn column(array: &dyn Array) -> Option<Vec<Option<Self>>> {
        Some(array.as_primitive_opt::<Int64Type>()?.iter().collect())
    }
}

impl Value for NaiveDate {
    fn column(array: &dyn Array) -> Option<Vec<Option<Self>>> {
        Some(array.as_primitive_opt::<Date32Type>()?.iter().map(|number| number.map(day)).collect())
    }
}

impl Value for Option<i64> {
    fn column(array: &dyn Array) -> Option<Vec<Option<Self>>> {
        Some(i64::column(array)?.into_iter().map(|value| value.map(Some)).collect())
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// Defines rows: a mart and its columns, which are the fields.
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident from $mart:literal { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)+ })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)+ }

        impl MartRow for $name {
            const MART: &'static str = $mart;
            fn read(batch: &RecordBatch) -> Result<Vec<Self>, RowError> {
                $(
                    let wrong = || RowError { mart: $mart, column: stringify!($field) };
                    // A mart made by an earlier version may lack a column: where a value may be absent, all are.
                    let values: Vec<Option<$kind>> = match batch.column_by_name(stringify!($field)) {
                        Some(array) => <$kind as Value>::column(array).ok_or_else(wrong)?,
                        None => vec![None; batch.num_rows()],
                    };
                    let $field: Vec<$kind> = values
                        .into_iter()
                        .map(|value| value.or_else(<$kind as Value>::absent).ok_or_else(wrong))
                        .collect::<Result<_, _>>()?;
                    let mut $field = $field.into_iter();
                )+
                let mut rows = Vec::with_capacity(batch.num_rows());
                while let ($(Some($field),)+) = ($($field.next(),)+) {
                    rows.push(Self { $($field,)+ });
                }
                Ok(rows)
            }
        }
    )+ };
}

rows! {
    /// People and assessments of a period.
    TotalsRow from "mart_totals" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// People assessed.
        people: i64,
        /// Assessments.
        assessments: i64,
        /// Of these, imported.
        imported: i64,
        /// People with two or more assessments up to the end of the period.
        reassessed: i64,
        /// People whose first assessment is in the year of the last one that counts here.
        of_first_year: Option<i64>,
        /// The first day.
        first_on: NaiveDate,
        /// The last day.
        last_on: NaiveDate,
    }
    /// People by comune and level of a scale.
    TerritoryRow from "mart_territory" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// ISTAT code, or `unknown`.
        comune: String,
        /// The scale.
        scale: String,
        /// The level; `none` when the scale has none, `not_valid`.
        level: String,
        /// People.
        people: i64,
    }
    /// People by comune.
    TerritoryPeopleRow from "mart_territory_people" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// ISTAT code, or `unknown`.
        comune: String,
        /// People.
        people: i64,
        /// Of these, aged 18 to 64.
        people_18_64: i64,
        /// Assessments.
        assessments: i64,
    }
    /// The index of a scale by comune.
    TerritoryIndexRow from "mart_territory_index" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// ISTAT code, `unknown`, or `all` for the Ente.
        comune: String,
        /// The scale.
        scale: String,
        /// People with a valid result.
        people: i64,
        /// The lower median of the index, in tenths.
        median_tenths: i64,
        /// The sum of the indices, in tenths.
        sum_tenths: i64,
    }
    /// People by characteristic and outcome.
    CommunityRow from "mart_community" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// Which characteristic.
        characteristic: String,
        /// Its category.
        category: String,
        /// A scale, `profile` or `people`.
        target: String,
        /// A level, a class, `none`, `not_valid`, or `all`.
        outcome: String,
        /// People.
        people: i64,
    }
    /// How precisely a scale measures in this Ente.
    ReliabilityRow from "mart_reliability" {
        /// The strumento.
        instrument: String,
        /// Its version.
        version: i64,
        /// The scale.
        scale: String,
        /// Its items.
        items: i64,
        /// People with every item answered.
        cases: i64,
        /// Cronbach's alpha in millionths; absent when there is no variance.
        alpha_millionths: Option<i64>,
        /// The standard error of measurement, in hundredths of an index point; absent below 30 people.
        sem_hundredths: Option<i64>,
    }
    /// From the first to the last level of people assessed twice or more.
    PathRow from "mart_paths" {
        /// A calendar year, or `all`: assessments up to its end.
        period: String,
        /// The strumento.
        instrument: String,
        /// The scale.
        scale: String,
        /// The level of the first assessment.
        from_level: String,
        /// The level of the last.
        to_level: String,
        /// People.
        people: i64,
    }
    /// People by sex and age.
    AgeRow from "mart_ages" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// The sex, or `unknown`.
        sex: String,
        /// The age band, or `unknown`.
        age_band: String,
        /// People.
        people: i64,
    }
    /// What people answered to an item.
    ItemRow from "mart_items" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// Its version.
        version: i64,
        /// The item.
        item: String,
        /// The value of the option, or the negative code of what is missing.
        value: i64,
        /// People.
        people: i64,
    }
    /// Minimum conditions that are missing.
    BlockRow from "mart_blocks" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// ISTAT code, `unknown`, or `all` for the Ente.
        comune: String,
        /// The condition.
        block: String,
        /// People.
        people: i64,
    }
    /// Azioni proposed, agreed, and what came of them, by people: the last time in the period counts.
    AzioneRow from "mart_azioni" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// The azione.
        azione: String,
        /// To whom their last result proposes it.
        people_proposed: Option<i64>,
        /// Who agreed on it.
        people: i64,
        /// Of these, who completed it.
        people_completed: Option<i64>,
        /// Of these, for whom it is under way.
        people_under_way: Option<i64>,
        /// Of these, for whom it was dropped.
        people_dropped: Option<i64>,
    }
    /// How long after the first assessment people are assessed again.
    ReturnRow from "mart_returns" {
        /// The quarter of the first assessment, such as `2024-Q1`.
        cohort: String,
        /// The strumento.
        instrument: String,
        /// Quarters to the second one; -1 when there is none.
        quarters_to_second: i64,
        /// People.
        people: i64,
    }
    /// When people were assessed last.
    RecencyRow from "mart_recency" {
        /// The strumento.
        instrument: String,
        /// The month, such as `2025-03`.
        month: String,
        /// People.
        people: i64,
    }
    /// How people's first and last valid results differ, counted from `mart_persone`.
    ChangeRow from "mart_persone" {
        /// The strumento.
        instrument: String,
        /// The scale.
        scale: String,
        /// `improved`, `unchanged`, `worsened`, or `none` where two results cannot be compared.
        change: String,
        /// People.
        people: i64,
    }
    /// How complete the questionnaires of a period are.
    DataQualityRow from "mart_data_quality" {
        /// A calendar year, or `all`.
        period: String,
        /// The strumento.
        instrument: String,
        /// Questionnaires.
        assessments: i64,
        /// Of these without a comune of residence; so with what follows.
        comune_unknown: i64,
        /// Without an age.
        age_unknown: i64,
        /// Without a sex.
        sex_unknown: i64,
        /// Without an education.
        education_unknown: i64,
        /// Without a citizenship.
        citizenship_unknown: i64,
        /// Without a household.
        household_unknown: i64,
        /// Without a work condition.
        work_unknown: i64,
        /// Nobody asked about disadvantages.
        disadvantage_unknown: i64,
        /// Items asked, over all questionnaires.
        items_asked: i64,
        /// Of these without an answer.
        items_missing: i64,
        /// Results, one of each questionnaire and scale.
        results: i64,
        /// Of these not valid.
        results_not_valid: i64,
    }
    /// What an operator's questionnaires are like.
    PracticeRow from "mart_practice" {
        /// A calendar year, or `all`.
        period: String,
        /// The operator's pseudonym.
        operator: String,
        /// The strumento.
        instrument: String,
        /// Questionnaires.
        assessments: i64,
        /// Items asked.
        items_asked: i64,
        /// Of these left without an answer.
        not_answered: i64,
        /// Of these that could not be assessed.
        not_assessable: i64,
        /// Of these that the persona did not want to answer.
        refused: i64,
        /// Median days from assessment to validation.
        days_median: Option<i64>,
        /// Questionnaires whose result the operator confirms.
        confirmed: i64,
        /// Whose result the operator does not confirm.
        overridden: i64,
    }
    /// An operator's indices beside the Ente's.
    DriftRow from "mart_drift" {
        /// A calendar year, or `all`.
        period: String,
        /// The operator's pseudonym.
        operator: String,
        /// The strumento.
        instrument: String,
        /// The scale.
        scale: String,
        /// Valid results of the operator.
        results: i64,
        /// Sum of their indices, in tenths.
        sum_tenths: i64,
        /// Valid results of the Ente.
        ente_results: i64,
        /// Sum of their indices, in tenths.
        ente_sum_tenths: i64,
        /// Sum of the squares of these tenths; `None` in a mart of before they were counted.
        ente_sum_squares: Option<i64>,
    }
    /// People who were assessed with a strumento after an instant, counted from `assessments`.
    AssessedRow from "assessments" {
        /// The strumento.
        instrument: String,
        /// People who had no questionnaire before.
        first: i64,
        /// People who had one.
        again: i64,
    }
    /// People whom the same questions hold back at their last assessment, counted from the answers.
    LowRow from "answers" {
        /// A character for each question that was asked about: `1` where the answer is one of those that hold back, else `0`.
        pattern: String,
        /// People.
        people: i64,
    }
    /// The same of those who have a disadvantage.
    DisadvantageLowRow from "answers" {
        /// A disadvantage, `none` or `unknown`.
        category: String,
        /// As [`LowRow::pattern`].
        pattern: String,
        /// People.
        people: i64,
    }
    /// People who have a disadvantage at their last assessment, counted from `mart_assessments`.
    DisadvantageRow from "mart_assessments" {
        /// The strumento.
        instrument: String,
        /// A disadvantage, `none` or `unknown`.
        category: String,
        /// People.
        people: i64,
        /// Those of them with two assessments or more.
        again: i64,
    }
    /// The same by how their first and last valid results differ, counted from `mart_persone`.
    DisadvantageChangeRow from "mart_persone" {
        /// The strumento.
        instrument: String,
        /// A disadvantage, `none` or `unknown`.
        category: String,
        /// The scale.
        scale: String,
        /// `improved`, `unchanged` or `worsened`, by more than the error or not.
        change: String,
        /// People.
        people: i64,
    }
    /// People of whom everything is the same at their last assessment, counted from `mart_assessments`.
    AlikeRow from "mart_assessments" {
        /// The strumento.
        instrument: String,
        /// ISTAT code, or `unknown`.
        comune: String,
        /// The age band, or `unknown`; so with what follows.
        age_band: String,
        /// The sex.
        sex: String,
        /// The education.
        education: String,
        /// The citizenship.
        citizenship: String,
        /// The household.
        household: String,
        /// The work condition.
        work: String,
        /// The class of the profile, or `not_valid`.
        profile: String,
        /// `scale=level` of each scale, with spaces between; `none` where it has no levels, `not_valid`.
        levels: String,
        /// People.
        people: i64,
    }
}
