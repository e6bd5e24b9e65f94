//! Forms as they are sent: names with texts, some of them more than once; and a field with what is wrong with it.

use axum::Form;
use axum::extract::rejection::FormRejection;
use serde::Serialize;

/// What was sent is none of our forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotOurForm;

/// What a form extractor gives.
pub(crate) type Sent = Result<Form<Vec<(String, String)>>, FormRejection>;

/// What was sent.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn read(sent: Sent) -> Result<Self, NotOurForm> {
        // Browsers send line ends as CR LF.
        let Form(fields) = sent.map_err(|_| NotOurForm)?;
        Ok(Self(fields.into_iter().map(|(name, value)| (name, value.replace("\r\n", "\n"))).collect()))
    }

    /// The first of a name, without the blanks around it; nothing where it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// What begins with a prefix: the rest of the name, and the value.
    pub(crate) fn each<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }

    pub(crate) fn field(&self, name: &str) -> Field {
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
    pub(crate) fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }
}

/// Something wrong with a form, told above it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
}

/// The code of `field_error` for what the workspace finds wrong with a field.
pub(crate) const fn words_of(problem: workspace::Problem) -> &'static str {
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
    fn names_may_come_more_than_once() {
        let sent = [("colonna", " sesso "), ("colonna", "anno"), ("liv.sesso", "1"), ("nota", "a\r\nb")];
        let sent = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let fields = Fields::read(Ok(Form(sent))).unwrap();
        assert_eq!(fields.all("colonna").collect::<Vec<_>>(), ["sesso", "anno"]);
        assert_eq!(fields.each("liv.").collect::<Vec<_>>(), [("sesso", "1")]);
        assert_eq!((fields.get("nota"), fields.get("altro")), ("a\nb", ""));
    }
}
