//! Forms as they are sent: names with texts, some of them more than once; and a field with what is wrong with it.

use axum::Form;
use axum::extract::rejection::FormRejection;
use chrono::NaiveDate;
use serde::Serialize;
use workspace::{Refused, WorkspaceError};

use super::Trouble;

/// What a form extractor gives.
pub(super) type Sent = Result<Form<Vec<(String, String)>>, FormRejection>;

/// What was sent.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn read(sent: Sent) -> Result<Self, Trouble> {
        // Browsers send line ends as CR LF.
        let Form(fields) = sent.map_err(|_| Trouble::Form)?;
        Ok(Self(fields.into_iter().map(|(name, value)| (name, value.replace("\r\n", "\n"))).collect()))
    }

    /// The first of a name, without the blanks around it; nothing where it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// What begins with a prefix: the rest of the name, and the value.
    pub(super) fn each<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }

    pub(super) fn field(&self, name: &str) -> Field {
        Field { value: self.get(name).to_owned(), error: None }
    }
}

/// A field: what stands in it, and what is wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Field {
    pub(crate) value: String,
    pub(crate) error: Option<&'static str>,
}

impl Field {
    pub(super) fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }
}

/// Something wrong with a form, told above it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
}

/// One of a list to choose from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Offer {
    pub(crate) code: String,
    pub(crate) text: String,
}

/// A day as people type it: 30/6/2026; or as programs do.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%d/%m/%Y").or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d")).ok()
}

/// What a rule says of a field; anything else is trouble.
pub(super) fn problem(error: WorkspaceError) -> Result<(&'static str, &'static str), Trouble> {
    let WorkspaceError::Refused(refused) = error else { return Err(error.into()) };
    match refused {
        Refused::Field { field, problem } => Ok((field, words_of(problem))),
        Refused::NotMember
        | Refused::MemberAlready
        | Refused::NotActive(_)
        | Refused::Closed
        | Refused::NotNow(_)
        | Refused::OtherDraft
        | Refused::OwnRequest
        | Refused::ApprovedAlready
        | Refused::ApprovalsMissing
        | Refused::JobNotUnderWay
        | Refused::OtherWork => Ok(("", refused.code())),
    }
}

/// The code of `field_error` for what the workspace finds wrong with a field.
const fn words_of(problem: workspace::Problem) -> &'static str {
    match problem {
        workspace::Problem::Missing => "required",
        workspace::Problem::TooLong => "too_long",
        workspace::Problem::Hidden => "text",
        workspace::Problem::Range => "people_k",
        workspace::Problem::Order => "date_order",
        workspace::Problem::Form | workspace::Problem::Twice | workspace::Problem::NotAsked => "choice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_here() {
        let expected = NaiveDate::from_ymd_opt(2026, 6, 3);
        for text in ["03/06/2026", "3/6/2026", "2026-06-03"] {
            assert_eq!(day(text), expected, "{text}");
        }
        for text in ["", "6/2026", "31/02/2026", "domani"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn names_may_come_more_than_once() {
        let sent = [("colonna", " sesso "), ("colonna", "anno"), ("liv.sesso", "1"), ("nota", "a\r\nb")];
        let sent = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let fields = Fields::read(Ok(Form(sent))).unwrap();
        assert_eq!(fields.all("colonna").collect::<Vec<_>>(), ["sesso", "anno"]);
        assert_eq!(fields.each("liv.").collect::<Vec<_>>(), [("sesso", "1")]);
        assert_eq!((fields.get("nota"), fields.get("altro")), ("a\nb", ""));
    }
}
