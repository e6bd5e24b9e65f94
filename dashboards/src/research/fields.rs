//! What the area's forms have besides fields: days, lists to choose from, and what the workspace's rules say of a field.

use chrono::NaiveDate;
use serde::Serialize;
use workspace::{Refused, WorkspaceError};

use super::Trouble;
use crate::fields::words_of;
pub(super) use crate::fields::{Field, Fields, Problem, Sent};

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
}
