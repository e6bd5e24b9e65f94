//! Which places had which Belfiore code, name and province on which day, foreign countries included.
//!
//! The source says when each name of a code began and ended. It does not say what a comune became: a successor is here
//! only where the dates leave a single possibility. See `data/README.md` for what else is not known.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Days, NaiveDate};
use thiserror::Error;

use crate::codes::{BelfioreCode, ComuneCode};
use crate::comuni::{Comune, comune, comuni};
use crate::decode::{Reader, unpack};
use crate::fold::fold;

/// Day zero of the stored days: the founding of the kingdom, before which the source has nothing.
const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(1861, 3, 17).expect("a day of the calendar");

/// A stretch of days in which a code had one name and one province.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// First day.
    pub first: NaiveDate,
    /// Last day; `None` when it goes on.
    pub last: Option<NaiveDate>,
    /// Name in those days.
    pub name: &'static str,
    /// Letters of the province in those days (`FO` before `FC`); `EE` for foreign countries.
    pub sigla: &'static str,
}

impl Spell {
    /// Whether the day lies within.
    pub fn contains(&self, on: NaiveDate) -> bool {
        self.first <= on && self.last.is_none_or(|last| on <= last)
    }
}

/// A place that existed on the day asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birthplace {
    /// Its Belfiore code.
    pub belfiore: BelfioreCode,
    /// Its name on that day.
    pub name: &'static str,
    /// Comune or foreign country.
    pub kind: BirthplaceKind,
}

/// What a birthplace is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BirthplaceKind {
    /// A comune of Italy, as Italy was on that day.
    Comune {
        /// Letters of its province on that day.
        sigla: &'static str,
        /// The comune of today that it is or became, where that is known.
        today: Option<ComuneCode>,
    },
    /// A foreign country.
    Country,
}

/// Why a Belfiore code is not a birthplace.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BirthplaceError {
    /// No place ever had the code, as far as the source knows.
    #[error("no place has the Belfiore code {0}")]
    Unknown(BelfioreCode),
    /// The place existed on other days.
    #[error("{name} ({belfiore}) did not exist on {on}")]
    DidNotExist {
        /// The code asked for.
        belfiore: BelfioreCode,
        /// The day asked for.
        on: NaiveDate,
        /// The name nearest in time: the last one before that day, else the first.
        name: &'static str,
    },
}

struct CodeHistory {
    successor: Option<BelfioreCode>,
    spells: Vec<Spell>,
}

/// A spell as the search sees it.
struct Entry {
    folded: String,
    belfiore: BelfioreCode,
    spell: usize,
}

static UNPACKED: LazyLock<Vec<u8>> = LazyLock::new(|| unpack(include_bytes!("../data/history.bin")));
static HISTORY: LazyLock<BTreeMap<BelfioreCode, CodeHistory>> = LazyLock::new(|| read(Reader::new(&UNPACKED)));
static TODAY: LazyLock<BTreeMap<BelfioreCode, ComuneCode>> =
    LazyLock::new(|| comuni().iter().map(|comune| (comune.belfiore, comune.code)).collect());
static INDEX: LazyLock<Vec<Entry>> = LazyLock::new(index);

/// Everything a Belfiore code was, in the order of the days; empty when no place had it.
///
/// Spells of one code may overlap where the source has two places under it.
pub fn history(belfiore: BelfioreCode) -> &'static [Spell] {
    HISTORY.get(&belfiore).map_or(&[], |found| &found.spells)
}

/// The code that took the place of one that ended, as the dates suggest.
pub fn successor(belfiore: BelfioreCode) -> Option<BelfioreCode> {
    HISTORY.get(&belfiore)?.successor
}

/// The place that had this code on this day: the check a birthplace in a codice fiscale has to pass.
pub fn birthplace(belfiore: BelfioreCode, on: NaiveDate) -> Result<Birthplace, BirthplaceError> {
    let spells = history(belfiore);
    let (Some(first), Some(found)) = (spells.first(), HISTORY.get(&belfiore)) else {
        return Err(BirthplaceError::Unknown(belfiore));
    };
    match found.spells.iter().rev().find(|spell| spell.contains(on)) {
        Some(spell) => Ok(describe(belfiore, spell)),
        None => {
            let name = spells.iter().rev().find(|spell| spell.first <= on).unwrap_or(first).name;
            Err(BirthplaceError::DidNotExist { belfiore, on, name })
        }
    }
}

/// The comune of today which this code meant on this day, by itself or through its successors.
///
/// `None` for foreign countries, for codes that did not exist on that day, and where nothing tells what became of it.
pub fn comune_by_belfiore(belfiore: BelfioreCode, on: NaiveDate) -> Option<&'static Comune> {
    birthplace(belfiore, on).ok()?;
    comune(today(belfiore)?)
}

/// Places whose name on that day, or whose other official name today, begins with the prefix; accents, capitals and
/// punctuation make no difference. In the order of names, then of codes. An empty prefix finds nothing.
pub fn search_by_name(prefix: &str, on: NaiveDate) -> Vec<Birthplace> {
    let prefix = fold(prefix);
    if prefix.is_empty() {
        return Vec::new();
    }
    let start = INDEX.partition_point(|entry| entry.folded < prefix);
    let mut found: Vec<Birthplace> = Vec::new();
    for entry in INDEX[start..].iter().take_while(|entry| entry.folded.starts_with(&prefix)) {
        let spell = &history(entry.belfiore)[entry.spell];
        let is_new = || found.iter().all(|known| known.belfiore != entry.belfiore || known.name != spell.name);
        if spell.contains(on) && is_new() {
            found.push(describe(entry.belfiore, spell));
        }
    }
    found
}

fn describe(belfiore: BelfioreCode, spell: &Spell) -> Birthplace {
    let kind = if belfiore.is_foreign() {
        BirthplaceKind::Country
    } else {
        BirthplaceKind::Comune { sigla: spell.sigla, today: today(belfiore) }
    };
    Birthplace { belfiore, name: spell.name, kind }
}

fn today(belfiore: BelfioreCode) -> Option<ComuneCode> {
    let mut code = belfiore;
    // Successors may circle where a comune was dissolved and founded again; no real trail is this long.
    for _ in 0..8 {
        if let Some(comune) = TODAY.get(&code) {
            return Some(*comune);
        }
        code = successor(code)?;
    }
    None
}

fn read(mut data: Reader<'static>) -> BTreeMap<BelfioreCode, CodeHistory> {
    let codes = (0..data.length())
        .map(|_| {
            let belfiore = data.belfiore();
            let successor = (data.count() == 1).then(|| data.belfiore());
            let spells = (0..data.length()).map(|_| read_spell(&mut data)).collect();
            (belfiore, CodeHistory { successor, spells })
        })
        .collect();
    data.finish();
    codes
}

fn read_spell(data: &mut Reader<'static>) -> Spell {
    let first = EPOCH + Days::new(data.count().into());
    let length = data.count();
    let last = (length > 0).then(|| first + Days::new(u64::from(length) - 1));
    let sigla = data.text();
    Spell { first, last, name: data.text(), sigla }
}

/// Every name of every spell, sorted; today's other name stands beside the last Italian one.
fn index() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (belfiore, code) in HISTORY.iter() {
        for (position, spell) in code.spells.iter().enumerate() {
            entries.push(Entry { folded: fold(spell.name), belfiore: *belfiore, spell: position });
        }
        let other_name = TODAY.get(belfiore).and_then(|code| comune(*code)).and_then(|comune| comune.other_name);
        if let (Some(other), Some(last)) = (other_name, code.spells.len().checked_sub(1)) {
            entries.push(Entry { folded: fold(other), belfiore: *belfiore, spell: last });
        }
    }
    entries.sort_by(|a, b| (&a.folded, a.belfiore, a.spell).cmp(&(&b.folded, b.belfiore, b.spell)));
    entries
}

#[cfg(test)]
mod tests;
