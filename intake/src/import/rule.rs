//! Why a heading, a cell or a row cannot be taken: a sentence for the command line, a code for pages.

use domain::identifier::IdentifierError;
use domain::instrument::Instrument;
use store::Refused;

use crate::form::identifier_problem;

/// What has to stand there, and does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Two columns have one heading.
    TwoColumns,
    /// The map names a column that the table has not.
    NoColumn,
    /// The map names an item that the strumento has not.
    NoItem,
    /// An item has no column.
    ItemWithoutColumn,
    /// The external id is missing, too long, or cannot be seen.
    ExternalId,
    /// The day of the assessment is missing.
    NoDay,
    /// The day has not come yet.
    FutureDay,
    /// Not a day; how one is written.
    Day(String),
    /// Not a day of the past; how one is written.
    PastDay(String),
    /// The item does not offer this kind of missing.
    MissingKind,
    /// No option of the item.
    OptionValue,
    /// A value that the map does not recode.
    Recode,
    /// No code of the field.
    Code,
    /// A name that is too long, or cannot be seen.
    Name,
    /// A code of a persona that is none.
    Identifier {
        /// The code of `field_error` in messages/terms.toml.
        code: &'static str,
        /// The sentence.
        text: String,
    },
    /// No age.
    Age,
    /// No comune of today.
    Comune,
    /// No category of disadvantage.
    Disadvantage,
    /// The cell of a spreadsheet holds an error.
    CellError,
    /// The questionnaire is there already with other content.
    Different,
    /// The external id is somebody else's.
    OtherPersona,
    /// The persona's data may not be used for now.
    Restricted,
    /// Answers and what is recorded of the persona contradict each other: the definition's words.
    Contradiction(String),
    /// Whatever else the store forbids.
    Store(String),
}

impl Rule {
    /// Of a code of a persona.
    pub(super) fn of_identifier(error: &IdentifierError) -> Self {
        Self::Identifier { code: identifier_problem(error), text: error.to_string() }
    }

    /// Of what the store forbids.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what no page explains is shown as one rule, whichever it is")]
    pub(super) fn of_store(refused: &Refused, instrument: &Instrument) -> Self {
        match refused {
            Refused::OtherPersona => Self::OtherPersona,
            Refused::Restricted => Self::Restricted,
            Refused::Inconsistent(rules) => {
                let fired = instrument.consistency.iter().filter(|rule| rules.contains(&rule.id));
                Self::Contradiction(fired.map(|rule| rule.text.to_string()).collect::<Vec<_>>().join(" "))
            }
            other => Self::Store(other.to_string()),
        }
    }

    /// The words of the rule for pages: a kind and a code of messages/terms.toml.
    #[must_use]
    pub const fn code(&self) -> (&'static str, &'static str) {
        let code = match self {
            Self::TwoColumns => "two_columns",
            Self::NoColumn => "no_column",
            Self::NoItem => "no_item",
            Self::ItemWithoutColumn => "item_without_column",
            Self::ExternalId => "external_id",
            Self::NoDay => "no_day",
            Self::FutureDay => "future_day",
            Self::Day(_) => "day",
            Self::PastDay(_) => "past_day",
            Self::MissingKind => "missing_kind",
            Self::OptionValue => "option_value",
            Self::Recode => "recode",
            Self::Code => "code",
            Self::Name => "name",
            Self::Identifier { code, .. } => return ("field_error", *code),
            Self::Age => "age",
            Self::Comune => "comune",
            Self::Disadvantage => "disadvantage",
            Self::CellError => "cell_error",
            Self::Different => "different",
            Self::OtherPersona => "other_persona",
            Self::Restricted => "restricted",
            Self::Contradiction(_) => "contradiction",
            Self::Store(_) => "store",
        };
        ("import_rule", code)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TwoColumns => "two columns have this heading",
            Self::NoColumn => "the table has no such column",
            Self::NoItem => "the strumento has no such item",
            Self::ItemWithoutColumn => {
                "no column for this item: name one under items.columns, or give it the item's id and match_names"
            }
            Self::ExternalId => "an external id has 1 to 200 visible characters",
            Self::NoDay => "a questionnaire needs the day of its assessment",
            Self::FutureDay => "a day that is not in the future",
            Self::Day(format) => return write!(f, "a date written as {format}"),
            Self::PastDay(format) => return write!(f, "a past date written as {format}"),
            Self::MissingKind => "the item does not offer this kind of missing",
            Self::OptionValue => "the value of an option of the item",
            Self::Recode => "one of the values that the map recodes",
            Self::Code => "a code of the field: see docs/import.md, or recode",
            Self::Name => "at most 100 visible characters",
            Self::Identifier { text, .. } | Self::Store(text) => text,
            Self::Age => "an age in whole years, 0 to 120",
            Self::Comune => "the ISTAT code (six digits) or the whole name of a comune of today",
            Self::Disadvantage => {
                "a code of a category of disadvantage, or `none`: see docs/import.md, or recode"
            }
            Self::CellError => "a value: the cell of the spreadsheet holds an error",
            Self::Different => {
                "another questionnaire with this external id and day is there already: an import never changes one"
            }
            Self::OtherPersona => {
                "the external id is already another persona's: give the table external ids of its own, or, where rows are numbered, another source"
            }
            Self::Restricted => "the persona is restricted",
            Self::Contradiction(text) => {
                return write!(f, "what the definition says cannot be true at once: {text}");
            }
        })
    }
}
