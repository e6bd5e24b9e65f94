//! The codice fiscale: reading it, checking it, building it from personal data.
//!
//! Omocodia: where two people would have the same code, the Agenzia delle Entrate turns digits of one into letters,
//! from the right. Letters are turned back for reading date and place, never for telling people apart. The layout is
//! that of the ministerial decree of 23 December 1976 (G.U. 345/1976).

use std::fmt;

use chrono::{Datelike, NaiveDate};
use territory::{BelfioreCode, Birthplace, BirthplaceError, Sex};
use unicode_normalization::UnicodeNormalization;

/// Letter of each month, January first.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
/// Letter that stands for each digit in an omocodic code, zero first.
const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";
/// Places, from 0, that hold a digit or its letter; omocodia goes through them from the last.
const DIGIT_PLACES: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];
/// Value of a character in an odd place (counted from one): 0–9, then A–Z.
const ODD: [u32; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
    22, 25, 24, 23,
];
/// Nobody is older than this, in years.
const AGE_MAX: i32 = 125;

/// A codice fiscale whose form, check letter, date and birthplace hold. Prints redacted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodiceFiscale(String);

/// What a codice fiscale says of a birth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The day.
    pub date: NaiveDate,
    /// The sex registered.
    pub sex: Sex,
    /// Comune or country, as it was on that day.
    pub place: Birthplace,
}

/// Why a text is not a codice fiscale. Messages never hold the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodiceFiscaleError {
    /// Another length.
    #[error("a codice fiscale has sixteen characters, not {0}")]
    Length(usize),
    /// A character that cannot stand there.
    #[error("character {place} cannot stand there")]
    Character {
        /// Its place, from 1.
        place: usize,
    },
    /// The last letter does not follow from the others: a slip of the pen somewhere.
    #[error("the last letter does not follow from the others: one of the characters is wrong")]
    CheckLetter,
    /// No such day, in any century possible.
    #[error("there is no such birth date")]
    Date,
    /// No place has the code, or not on that day.
    #[error(transparent)]
    Birthplace(#[from] BirthplaceError),
}

impl fmt::Debug for CodiceFiscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodiceFiscale(…)")
    }
}

impl CodiceFiscale {
    /// Reads a codice fiscale; small letters and blanks around it do not matter.
    ///
    /// # Errors
    /// The first thing that is wrong, from form to birthplace; `on` is the day on which it is read.
    pub fn parse(text: &str, on: NaiveDate) -> Result<Self, CodiceFiscaleError> {
        let upper = text.trim().to_ascii_uppercase();
        let length = upper.chars().count();
        if length != 16 {
            return Err(CodiceFiscaleError::Length(length));
        }
        for (place, character) in upper.chars().enumerate() {
            let fits = match place {
                8 => u8::try_from(character).is_ok_and(|letter| MONTHS.contains(&letter)),
                place if DIGIT_PLACES.contains(&place) => digit(character).is_some(),
                _ => character.is_ascii_uppercase(),
            };
            if !fits {
                return Err(CodiceFiscaleError::Character { place: place + 1 });
            }
        }
        let code = Self(upper);
        if !code.0.ends_with(check_letter(&code.0[..15])) {
            return Err(CodiceFiscaleError::CheckLetter);
        }
        code.births(on)?;
        Ok(code)
    }

    /// The code itself, for storing and showing to who may see it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Every birth that the code can mean on the day `on`, the latest first: a code has no century. More than one is
    /// rare and means a person of over a hundred, or a child.
    ///
    /// # Errors
    /// When there is none: no such day, or the place did not exist on it.
    pub fn births(&self, on: NaiveDate) -> Result<Vec<Birth>, CodiceFiscaleError> {
        let two_digits = i32::from(self.number(6) * 10 + self.number(7));
        let month = MONTHS.iter().zip(1..).find(|(letter, _)| **letter == self.0.as_bytes()[8]);
        let month: u32 = month.map(|(_, month)| month).ok_or(CodiceFiscaleError::Date)?;
        let (day, sex) = match u32::from(self.number(9) * 10 + self.number(10)) {
            day @ 1..=31 => (day, Sex::Male),
            day @ 41..=71 => (day - 40, Sex::Female),
            _ => return Err(CodiceFiscaleError::Date),
        };
        let belfiore = self.belfiore()?;
        let century = on.year() - on.year().rem_euclid(100);
        let mut why_not = CodiceFiscaleError::Date;
        let mut births = Vec::new();
        for year in [century + two_digits, century - 100 + two_digits, century - 200 + two_digits] {
            let Some(date) = NaiveDate::from_ymd_opt(year, month, day) else { continue };
            if date > on || on.year() - year > AGE_MAX {
                continue;
            }
            match territory::birthplace(belfiore, date) {
                Ok(place) => births.push(Birth { date, sex, place }),
                Err(error) => why_not = error.into(),
            }
        }
        if births.is_empty() { Err(why_not) } else { Ok(births) }
    }

    /// The Belfiore code inside, omocodia undone.
    fn belfiore(&self) -> Result<BelfioreCode, CodiceFiscaleError> {
        let digits: String = [12, 13, 14].iter().map(|place| char::from(b'0' + self.number(*place))).collect();
        // The form has been checked: a letter and three digits.
        format!("{}{digits}", &self.0[11..12]).parse().map_err(|_| CodiceFiscaleError::Character { place: 12 })
    }

    /// The digit at a place that holds one, omocodia undone.
    fn number(&self, place: usize) -> u8 {
        digit(char::from(self.0.as_bytes()[place])).unwrap_or(0)
    }

    /// Builds the code of a person, without omocodia.
    #[must_use]
    pub fn build(surname: &str, name: &str, birth: NaiveDate, sex: Sex, place: BelfioreCode) -> Self {
        let month =
            MONTHS.iter().zip(1..).find(|(_, month)| *month == birth.month()).map_or(b'A', |(letter, _)| *letter);
        let day = birth.day() + if sex == Sex::Female { 40 } else { 0 };
        let first_fifteen = format!(
            "{}{}{:02}{}{day:02}{place}",
            surname_letters(surname),
            name_letters(name),
            birth.year().rem_euclid(100),
            char::from(month),
        );
        let check = check_letter(&first_fifteen);
        Self(format!("{first_fifteen}{check}"))
    }

    /// Whether surname and name can be those of the code.
    #[must_use]
    pub fn fits_names(&self, surname: &str, name: &str) -> bool {
        self.0[..3] == surname_letters(surname) && self.0[3..6] == name_letters(name)
    }

    /// All 128 forms of the code, its digits as they are or as letters, in the order in which they are given out: the
    /// last digit first. Each is somebody else's.
    #[must_use]
    pub fn omocodic_forms(&self) -> Vec<Self> {
        (0_u32..128)
            .map(|form| {
                let mut characters: Vec<u8> = self.0.as_bytes()[..15].to_vec();
                for (bit, place) in DIGIT_PLACES.iter().rev().enumerate() {
                    let number = self.number(*place);
                    let as_letter = form & (1 << bit) != 0;
                    characters[*place] = if as_letter { OMOCODIA[usize::from(number)] } else { b'0' + number };
                }
                let first_fifteen: String = characters.into_iter().map(char::from).collect();
                let check = check_letter(&first_fifteen);
                Self(format!("{first_fifteen}{check}"))
            })
            .collect()
    }
}

/// The digit that a character is or, by omocodia, stands for.
fn digit(character: char) -> Option<u8> {
    let byte = u8::try_from(character).ok()?;
    if byte.is_ascii_digit() {
        return Some(byte - b'0');
    }
    OMOCODIA.iter().zip(0..).find(|(letter, _)| **letter == byte).map(|(_, digit)| digit)
}

/// The sixteenth letter, from the first fifteen characters.
fn check_letter(first_fifteen: &str) -> char {
    let sum: u32 = first_fifteen
        .chars()
        .enumerate()
        .map(|(place, character)| {
            // 0–9 keep their value, letters count from A = 0; `to_digit` in base 36 gives A = 10.
            let value = character.to_digit(36).unwrap_or(0);
            if place % 2 == 0 {
                ODD.iter().zip(0..).find(|(_, at)| *at == value).map_or(0, |(odd, _)| *odd)
            } else if value < 10 {
                value
            } else {
                value - 10
            }
        })
        .sum();
    ('A'..='Z').zip(0..).find(|(_, at)| *at == sum % 26).map_or('A', |(letter, _)| letter)
}

/// Letters A to Z of a name: accents off, everything else dropped.
fn letters(name: &str) -> (Vec<char>, Vec<char>) {
    name.nfd()
        .flat_map(char::to_uppercase)
        .flat_map(|character| {
            // Letters that do not decompose, as registry offices write them.
            let spelt: &[char] = match character {
                'Æ' => &['A', 'E'],
                'Œ' => &['O', 'E'],
                'Ø' => &['O'],
                'Đ' | 'Ð' => &['D'],
                'Ł' => &['L'],
                'Þ' => &['T', 'H'],
                _ => &[],
            };
            let itself = spelt.is_empty().then_some(character);
            spelt.iter().copied().chain(itself)
        })
        .filter(char::is_ascii_uppercase)
        .partition(|letter| !"AEIOU".contains(*letter))
}

fn three((consonants, vowels): (Vec<char>, Vec<char>)) -> String {
    consonants.into_iter().chain(vowels).chain(['X', 'X', 'X']).take(3).collect()
}

fn surname_letters(surname: &str) -> String {
    three(letters(surname))
}

/// With four consonants or more the first, third and fourth.
fn name_letters(name: &str) -> String {
    let (mut consonants, vowels) = letters(name);
    if consonants.len() >= 4 {
        consonants.remove(1);
    }
    three((consonants, vowels))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn today() -> NaiveDate {
        day(2026, 11, 23)
    }

    fn born(code: &str) -> Vec<(NaiveDate, Sex, &'static str)> {
        let births = CodiceFiscale::parse(code, today()).unwrap().births(today()).unwrap();
        births.into_iter().map(|birth| (birth.date, birth.sex, birth.place.name)).collect()
    }

    fn refused(code: &str, expected: CodiceFiscaleError) {
        assert_eq!(CodiceFiscale::parse(code, today()).unwrap_err(), expected);
    }

    #[test]
    fn published_codes_are_read() {
        assert_eq!(born("RSSMRA85T10A562S")[0].0, day(1985, 12, 10));
        assert_eq!(born(" rssmra85t10a562s ")[0].1, Sex::Male);
        let (date, sex, place) = born("BNCLRA80A41G888J")[0];
        assert_eq!((date, sex), (day(1980, 1, 1), Sex::Female));
        assert_eq!(place.to_lowercase(), "pordenone");
        let (date, _, place) = born("DNGMHD90B12Z335M")[0];
        assert_eq!(date, day(1990, 2, 12));
        assert!(place.to_lowercase().contains("nigeria"), "{place}");
    }

    #[test]
    fn omocodic_codes_read_alike_and_are_other_people() {
        let plain = CodiceFiscale::parse("BNCLRA80A41G888J", today()).unwrap();
        let forms = plain.omocodic_forms();
        assert_eq!(forms.len(), 128);
        assert_eq!(forms[0], plain);
        for expected in ["BNCLRA80A41G88UG", "BNCLRA80A41G8UUS", "BNCLRAULAQMGUUUB"] {
            let form = CodiceFiscale::parse(expected, today()).unwrap();
            assert!(forms.contains(&form), "{expected}");
            assert_ne!(form, plain, "two codes are two people");
            assert_eq!(form.births(today()), plain.births(today()));
        }
        assert_eq!(forms[1].expose(), "BNCLRA80A41G88UG", "the last digit goes first");
        let distinct: std::collections::BTreeSet<_> = forms.iter().collect();
        assert_eq!(distinct.len(), 128);
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused("RSSMRA85T10A562", CodiceFiscaleError::Length(15));
        refused("RSSMRA85T10A56ÈS", CodiceFiscaleError::Character { place: 15 });
        refused("RSSMRA85F10A562S", CodiceFiscaleError::Character { place: 9 });
        refused("RSSMRA8ZT10A562S", CodiceFiscaleError::Character { place: 8 });
        refused("RSSMRA85T10A562T", CodiceFiscaleError::CheckLetter);
        let with_check = |first_fifteen: &str| format!("{first_fifteen}{}", check_letter(first_fifteen));
        refused(&with_check("RSSMRA85B30A562"), CodiceFiscaleError::Date);
        refused(&with_check("RSSMRA85T35A562"), CodiceFiscaleError::Date);
        let unknown = CodiceFiscale::parse(&with_check("RSSMRA85T10Z999"), today()).unwrap_err();
        assert!(matches!(unknown, CodiceFiscaleError::Birthplace(BirthplaceError::Unknown(_))), "{unknown:?}");
    }

    #[test]
    fn a_birthplace_must_have_existed_on_the_birth_date() {
        // Valvasone Arzene (M346) was made on 1 January 2015.
        let place: BelfioreCode = "M346".parse().unwrap();
        let built = |date| CodiceFiscale::build("Rossi", "Mario", date, Sex::Male, place);
        assert!(CodiceFiscale::parse(built(day(2015, 3, 1)).expose(), today()).is_ok());
        let before = CodiceFiscale::parse(built(day(1985, 3, 1)).expose(), today()).unwrap_err();
        assert!(matches!(before, CodiceFiscaleError::Birthplace(BirthplaceError::DidNotExist { .. })), "{before:?}");
    }

    #[test]
    fn a_code_has_no_century() {
        let code = CodiceFiscale::build("Rossi", "Mario", day(1924, 5, 1), Sex::Male, "G888".parse().unwrap());
        let years: Vec<i32> = code.births(today()).unwrap().iter().map(|birth| birth.date.year()).collect();
        assert_eq!(years, [2024, 1924]);
        let code = CodiceFiscale::build("Rossi", "Mario", day(1930, 5, 1), Sex::Male, "G888".parse().unwrap());
        let years: Vec<i32> = code.births(today()).unwrap().iter().map(|birth| birth.date.year()).collect();
        assert_eq!(years, [1930], "2030 has not come yet");
        // 29 February exists in 2000 and not in 1900.
        let code = CodiceFiscale::build("Rossi", "Mario", day(2000, 2, 29), Sex::Male, "G888".parse().unwrap());
        assert_eq!(code.births(today()).unwrap().len(), 1);
    }

    #[test]
    fn names_become_letters() {
        for (surname, name, expected) in [
            ("Rossi", "Mario", "RSSMRA"),
            ("Fo", "Al", "FOXLAX"),
            ("D'Alì", "Gianfranco", "DLAGFR"),
            ("Øster", "Æsa", "STRSAE"),
            ("Weiß", "Łucja", "WSSLCJ"),
            ("Đorđević", "Zoë", "DRDZOE"),
            ("Iu", "Ai", "IUXAIX"),
        ] {
            assert_eq!(format!("{}{}", surname_letters(surname), name_letters(name)), expected, "{surname} {name}");
        }
        let code = CodiceFiscale::parse("RSSMRA85T10A562S", today()).unwrap();
        assert!(code.fits_names("ROSSI", "mario") && !code.fits_names("Rossi", "Anna"));
    }

    fn any_code() -> impl Strategy<Value = (CodiceFiscale, NaiveDate, Sex)> {
        let places = prop::sample::select(vec!["G888", "H501", "F205", "A944", "L483", "Z335"]);
        // Within the last hundred years, so that one birth is the right one.
        (0_i64..36_500, any::<bool>(), places, "[A-Za-zÀ-ÿ' ]{1,12}", "[A-Za-zÀ-ÿ' ]{1,12}").prop_map(
            |(days, is_female, place, surname, name)| {
                let date = today() - chrono::Days::new(days.unsigned_abs());
                let sex = if is_female { Sex::Female } else { Sex::Male };
                (CodiceFiscale::build(&surname, &name, date, sex, place.parse().unwrap()), date, sex)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_built_reads_back((code, date, sex) in any_code(), form in 0_usize..128) {
            let form = code.omocodic_forms().swap_remove(form);
            match CodiceFiscale::parse(form.expose(), today()) {
                Ok(read) => {
                    let births = read.births(today()).unwrap();
                    prop_assert!(births.iter().any(|birth| birth.date == date && birth.sex == sex));
                }
                // Countries and comuni that were not there yet.
                Err(error) => prop_assert!(matches!(error, CodiceFiscaleError::Birthplace(_)), "{error:?}"),
            }
        }

        #[test]
        fn one_wrong_character_is_caught((code, _, _) in any_code(), place in 0_usize..16, by in "[A-Z0-9]") {
            let mut wrong = code.expose().to_owned();
            wrong.replace_range(place..=place, &by);
            prop_assume!(wrong != code.expose());
            // Within one place the characters that may stand there all have different values modulo 26.
            prop_assert!(CodiceFiscale::parse(&wrong, today()).is_err());
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,20}") {
            let _ = CodiceFiscale::parse(&text, today());
        }
    }
}
