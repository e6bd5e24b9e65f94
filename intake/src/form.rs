//! Forms as they are sent: fields by name, each read into a value or into what is wrong with it.
//!
//! Words are the templates': a problem is a code of `field_error` in messages/terms.toml.

use std::fmt::Display;

use chrono::{Datelike, NaiveDate};
use domain::identifier::{CodiceFiscaleError, IdentifierError};
use domain::text::has_hidden_characters;
use serde::Serialize;

/// The fields of a form, after its token has been checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The value of a field, without white space around it; empty when the form has no such field.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// The value of a field exactly as it was typed.
    pub(crate) fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field, for boxes that can be ticked together.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// Every field in its order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A field as the form shows it again.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Field {
    pub(crate) value: String,
    pub(crate) error: Option<&'static str>,
}

impl Field {
    pub(crate) fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }
}

/// What is wrong with a field, for the list above the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
}

/// Reads fields one by one and gathers what is wrong.
pub(crate) struct Reading<'a> {
    fields: &'a Fields,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(fields: &'a Fields) -> Self {
        Self { fields, problems: Vec::new() }
    }

    /// The fields that are read.
    pub(crate) fn fields(&self) -> &'a Fields {
        self.fields
    }

    /// Notes what is wrong with a field.
    pub(crate) fn refuse(&mut self, name: &'static str, code: &'static str) {
        self.problems.push(Problem { name, code });
    }

    /// A text of at most `length_max` characters; empty is `None`.
    pub(crate) fn text(&mut self, name: &'static str, length_max: usize) -> Option<String> {
        let value = self.fields.get(name);
        if value.chars().count() > length_max {
            self.refuse(name, "too_long");
        } else if has_hidden_characters(value) {
            self.refuse(name, "text");
        }
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, name: &'static str, length_max: usize) -> Option<String> {
        let value = self.text(name, length_max);
        if value.is_none() {
            self.refuse(name, "required");
        }
        value
    }

    /// One of a set of codes; empty is `None`.
    pub(crate) fn code<T>(&mut self, name: &'static str, from_code: fn(&str) -> Option<T>) -> Option<T> {
        let value = self.fields.get(name);
        if value.is_empty() {
            return None;
        }
        let read = from_code(value);
        if read.is_none() {
            self.refuse(name, "choice");
        }
        read
    }

    /// One of a set of codes that must be there.
    pub(crate) fn required_code<T>(&mut self, name: &'static str, from_code: fn(&str) -> Option<T>) -> Option<T> {
        self.given(name)?;
        self.code(name, from_code)
    }

    /// A date; empty is `None`.
    pub(crate) fn date(&mut self, name: &'static str) -> Option<NaiveDate> {
        let value = self.fields.get(name);
        if value.is_empty() {
            return None;
        }
        let read = read_date(value);
        if read.is_none() {
            self.refuse(name, "date");
        }
        read
    }

    /// A date that must be there.
    pub(crate) fn required_date(&mut self, name: &'static str) -> Option<NaiveDate> {
        self.given(name)?;
        self.date(name)
    }

    /// Whether a field holds anything; one that does not is noted.
    fn given(&mut self, name: &'static str) -> Option<()> {
        if self.fields.get(name).is_empty() {
            self.refuse(name, "required");
            return None;
        }
        Some(())
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }

    /// A field as the form shows it again, with its first problem.
    pub(crate) fn field(&self, name: &'static str) -> Field {
        Field { value: self.fields.get(name).to_owned(), error: self.error(name) }
    }

    /// A field that is never shown again, such as a password.
    pub(crate) fn hidden(&self, name: &'static str) -> Field {
        Field { value: String::new(), error: self.error(name) }
    }

    fn error(&self, name: &str) -> Option<&'static str> {
        self.problems.iter().find(|problem| problem.name == name).map(|problem| problem.code)
    }
}

/// A date as people write it (3/7/1985, 03-07-1985, 3.7.1985) or as browsers send it (1985-07-03).
pub(crate) fn read_date(text: &str) -> Option<NaiveDate> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return (1800..=9999).contains(&date.year()).then_some(date);
    }
    let parts: Vec<&str> = text.split(['/', '-', '.', ' ']).collect();
    let &[day, month, year] = parts.as_slice() else { return None };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !parts.iter().all(|part| is_number(part)) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    (date.year() >= 1800).then_some(date)
}

/// What is wrong with a code of a persona, as a code of `field_error`.
pub(crate) const fn identifier_problem(error: &IdentifierError) -> &'static str {
    match error {
        IdentifierError::CodiceFiscale(CodiceFiscaleError::Length(_)) => "identifier_length",
        IdentifierError::CodiceFiscale(CodiceFiscaleError::Character { .. }) => "identifier_character",
        IdentifierError::CodiceFiscale(CodiceFiscaleError::CheckLetter) => "identifier_check",
        IdentifierError::CodiceFiscale(CodiceFiscaleError::Date) => "identifier_date",
        IdentifierError::CodiceFiscale(CodiceFiscaleError::Birthplace(_)) => "identifier_place",
        IdentifierError::ProvisionalForm | IdentifierError::ProvisionalCheckDigit => "identifier_provisional",
        IdentifierError::HealthForm(prefix) => {
            if matches!(prefix.as_bytes(), b"ENI") {
                "identifier_eni"
            } else {
                "identifier_stp"
            }
        }
        IdentifierError::LocalForm => "identifier_local",
    }
}

/// The first digits of an id, by which people tell one from another.
pub(crate) fn show_id(id: impl Display) -> String {
    id.to_string().chars().take(8).collect()
}

/// A date as forms and tables show it.
pub(crate) fn show_date(date: NaiveDate) -> String {
    format!("{}/{}/{}", date.day(), date.month(), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_write_them() {
        let expected = NaiveDate::from_ymd_opt(1985, 7, 3);
        for text in ["3/7/1985", "03/07/1985", "3-7-1985", "3.7.1985", "1985-07-03", "3 7 1985"] {
            assert_eq!(read_date(text), expected, "{text}");
        }
        for text in
            ["", "31/2/2020", "3/7/85", "7/1985", "a/7/1985", "+3/7/1985", "3/7/1985/1", "0001-01-01", "1/1/1799"]
        {
            assert_eq!(read_date(text), None, "{text}");
        }
        assert_eq!(expected.map(show_date).as_deref(), Some("3/7/1985"));
    }

    #[test]
    fn what_is_wrong_is_gathered_by_field() {
        let pairs = [("a", " x "), ("b", ""), ("c", "zz\u{202e}"), ("d", "31/2/2020")];
        let fields = Fields::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let mut reading = Reading::new(&fields);
        assert_eq!(reading.required("a", 5).as_deref(), Some("x"));
        assert_eq!(reading.required("b", 5), None);
        reading.text("c", 2);
        reading.text("c", 9);
        assert_eq!(reading.date("d"), None);
        let codes: Vec<_> = reading.problems.iter().map(|problem| (problem.name, problem.code)).collect();
        assert_eq!(codes, [("b", "required"), ("c", "too_long"), ("c", "text"), ("d", "date")]);
        for problem in &reading.problems {
            assert!(templates::term("field_error", problem.code).is_some());
        }
        assert_eq!(reading.field("c").error, Some("too_long"));
    }
}
