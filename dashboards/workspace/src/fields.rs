//! What people and programs fill in, held to its form once, where it comes in.

use chrono::{DateTime, SubsecRound, Utc};
use domain::instrument::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Problem, Refused, WorkspaceError};
use crate::ids::Person;

/// Characters of a title or of a name.
pub(crate) const SHORT: usize = 200;
/// Characters of a paragraph: a purpose, a reason, what went wrong.
pub(crate) const LONG: usize = 4_000;
/// Characters of a query.
pub(crate) const SQL: usize = 20_000;

pub(crate) fn refused(field: &'static str, problem: Problem) -> Refused {
    Refused::Field { field, problem }
}

/// A text that must say something, trimmed.
pub(crate) fn required(field: &'static str, given: &str, characters_max: usize) -> Result<String, Refused> {
    let text = given.trim();
    if text.is_empty() {
        return Err(refused(field, Problem::Missing));
    }
    if text.chars().count() > characters_max {
        return Err(refused(field, Problem::TooLong));
    }
    if domain::text::has_hidden_characters(text) {
        return Err(refused(field, Problem::Hidden));
    }
    Ok(text.to_owned())
}

/// A text of one line that must say something, trimmed.
pub(crate) fn line(field: &'static str, given: &str, characters_max: usize) -> Result<String, Refused> {
    let text = required(field, given, characters_max)?;
    if text.chars().any(char::is_control) {
        return Err(refused(field, Problem::Hidden));
    }
    Ok(text)
}

/// A code: small letters, digits, `-` and `_`.
pub(crate) fn code(field: &'static str, given: &str) -> Result<String, Refused> {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if given.is_empty() || given.len() > 64 || !given.bytes().all(is_one) {
        return Err(refused(field, Problem::Form));
    }
    Ok(given.to_owned())
}

/// A SHA-256 in small hexadecimal digits.
pub(crate) fn sha256(field: &'static str, given: &str) -> Result<String, Refused> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if given.len() != 64 || !given.bytes().all(is_digit) {
        return Err(refused(field, Problem::Form));
    }
    Ok(given.to_owned())
}

/// The id of a strumento.
pub(crate) fn strumento(given: &str) -> Result<String, Refused> {
    Id::parse(given).map(String::from).map_err(|_| refused("strumento", Problem::Form))
}

/// A version of a lake: they are numbered upwards from 1, and 0 is the lake that is empty still.
pub(crate) fn version(given: i64) -> Result<i64, Refused> {
    if given < 0 {
        return Err(refused("version", Problem::Range));
    }
    Ok(given)
}

/// Who acts, with a name that can be shown.
pub(crate) fn person(given: &Person) -> Result<Person, Refused> {
    Ok(Person { account: given.account, name: required("name", &given.name, SHORT)? })
}

/// An instant as it is stored: to the millisecond, so that what is read back equals what was written.
pub(crate) fn moment(now: DateTime<Utc>) -> DateTime<Utc> {
    now.trunc_subsecs(3)
}

/// A count as the database holds it.
pub(crate) fn stored_count(field: &'static str, count: u64) -> Result<i64, Refused> {
    i64::try_from(count).map_err(|_| refused(field, Problem::Range))
}

/// A value in its stored format.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are texts, and numbers are finite")
}

/// A stored value; `table` and `row` say whose it is.
pub(crate) fn from_json<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    row: impl ToString,
) -> Result<T, WorkspaceError> {
    serde_json::from_str(text).map_err(|_| damaged(table, row))
}

pub(crate) fn damaged(table: &'static str, row: impl ToString) -> WorkspaceError {
    WorkspaceError::Damaged { table, row: row.to_string() }
}
