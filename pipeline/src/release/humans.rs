//! From the partitions of all Enti to humans: who has the same link in two Enti is one, and the latest assessment wins.
//!
//! The links are opened here, made into keys of this release alone, and forgotten with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Int16Type, Int32Type, Int64Type};
use chrono::{Datelike, NaiveDate, TimeDelta};
use domain::keys::{OpeningKey, Secret};
use warehouse::schema::{self, column};
use warehouse::{EnteLake, Lake};

use super::ReleaseError;
use crate::links;

/// One assessment, as far as a release may look.
#[derive(Clone, Debug)]
pub(super) struct Assessed {
    /// Day, second of validation, id: a total order.
    order: (NaiveDate, i64, String),
    /// In which Ente, by its place among the Enti.
    pub(super) ente: usize,
    pub(super) year: i32,
    pub(super) comune: Option<String>,
    pub(super) age: Option<i16>,
    pub(super) sex: Option<String>,
    pub(super) education: Option<String>,
    pub(super) citizenship: Option<String>,
    pub(super) household: Option<String>,
    pub(super) work: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) scores: BTreeMap<String, Score>,
    pub(super) blocks: usize,
    /// Categories of disadvantage; `None` when nobody asked.
    pub(super) disadvantages: Option<usize>,
}

/// The result on one scale.
#[derive(Clone, Debug)]
pub(super) struct Score {
    pub(super) level: Option<String>,
    pub(super) index_tenths: Option<i32>,
}

/// Somebody with at least one assessment.
#[derive(Clone, Debug)]
pub(super) struct Human {
    /// In the order of time; never empty.
    pub(super) assessments: Vec<Assessed>,
    /// Every Ente that knows them.
    pub(super) enti: BTreeSet<usize>,
    /// Whether a link told that two persone are one human.
    pub(super) has_link: bool,
}

impl Human {
    /// What was assessed where the last assessment was made. Nothing of a row comes from two Enti: each could recognise there
    /// what it wrote itself, and read beside it what the other did.
    fn of_the_last_ente(&self) -> impl Iterator<Item = &Assessed> {
        let ente = self.last().ente;
        self.assessments.iter().filter(move |assessed| assessed.ente == ente)
    }

    /// The day of the first assessment of all, in whichever Ente.
    pub(super) fn entered_on(&self) -> NaiveDate {
        self.assessments[0].order.0
    }

    pub(super) fn first(&self) -> &Assessed {
        self.of_the_last_ente().next().unwrap_or_else(|| self.last())
    }

    pub(super) fn count_assessments(&self) -> usize {
        self.of_the_last_ente().count()
    }

    pub(super) fn last(&self) -> &Assessed {
        &self.assessments[self.assessments.len() - 1]
    }
}

/// Everybody assessed with `instrument` up to the cut-off, by a key that nothing else has.
pub(super) fn read(
    lake: &Lake,
    links_folder: &Path,
    opening: &OpeningKey,
    instrument: &str,
    cutoff: NaiveDate,
    release_key: &Secret,
) -> Result<BTreeMap<String, Human>, ReleaseError> {
    let mut humans: BTreeMap<String, Human> = BTreeMap::new();
    for (number, ente) in lake.enti()?.into_iter().enumerate() {
        let Some(partition) = lake.ente(ente)? else { continue };
        let assessed = assessments(&partition, instrument, cutoff, number)?;
        if assessed.is_empty() {
            continue;
        }
        let sealed = links::read(&links::path(links_folder, ente))?;
        for (pseudonym, assessed) in assessed {
            let (key, has_link) = match sealed.get(&pseudonym) {
                Some(link) => {
                    let bytes = hex::decode(&link.0).map_err(|_| ReleaseError::Link(ente))?;
                    let link = opening.open(&bytes, "link").map_err(|_| ReleaseError::Link(ente))?;
                    (release_key.authenticate(&[b"link", &link]), true)
                }
                None => (release_key.authenticate(&[b"ente", ente.0.as_bytes(), pseudonym.as_bytes()]), false),
            };
            let human = humans.entry(hex::encode(key)).or_insert_with(|| Human {
                assessments: Vec::new(),
                enti: BTreeSet::new(),
                has_link,
            });
            human.enti.insert(number);
            human.assessments.push(assessed);
        }
    }
    for human in humans.values_mut() {
        human.assessments.sort_by(|a, b| a.order.cmp(&b.order));
    }
    Ok(humans)
}

fn assessments(
    partition: &EnteLake,
    instrument: &str,
    cutoff: NaiveDate,
    ente: usize,
) -> Result<Vec<(String, Assessed)>, ReleaseError> {
    let mut scores = scores(partition, instrument)?;
    let blocks = count(partition, schema::BLOCKS)?;
    let disadvantages = count(partition, schema::DISADVANTAGES)?;
    let mut found = Vec::new();
    for batch in partition.table(schema::ASSESSMENTS)? {
        let pseudonyms = texts(&batch, column::PSEUDONYM)?;
        let ids = texts(&batch, column::ASSESSMENT_ID)?;
        let instruments = texts(&batch, column::INSTRUMENT)?;
        let days = numbers::<Date32Type>(&batch, column::ASSESSED_ON)?;
        let validated = numbers::<Int64Type>(&batch, column::VALIDATED_AT)?;
        let ages = numbers::<Int16Type>(&batch, column::AGE)?;
        let known = numbers::<Int16Type>(&batch, column::IS_DISADVANTAGE_KNOWN)?;
        let text = |name| texts(&batch, name);
        let (comuni, sexes, education) = (text(column::COMUNE)?, text(column::SEX)?, text(column::EDUCATION)?);
        let (citizenship, household) = (text(column::CITIZENSHIP)?, text(column::HOUSEHOLD)?);
        let (work, profiles) = (text(column::WORK)?, text(column::PROFILE)?);
        for row in 0..batch.num_rows() {
            let day = NaiveDate::default() + TimeDelta::days(i64::from(days.value(row)));
            if instruments.value(row) != instrument || day > cutoff {
                continue;
            }
            let id = ids.value(row);
            let word = |array: &StringArray| array.is_valid(row).then(|| array.value(row).to_owned());
            let assessed = Assessed {
                order: (day, validated.value(row), id.to_owned()),
                ente,
                year: day.year(),
                comune: word(comuni),
                age: ages.is_valid(row).then(|| ages.value(row)),
                sex: word(sexes),
                education: word(education),
                citizenship: word(citizenship),
                household: word(household),
                work: word(work),
                profile: word(profiles),
                scores: scores.remove(id).unwrap_or_default(),
                blocks: blocks.get(id).copied().unwrap_or(0),
                disadvantages: (known.value(row) == 1).then(|| disadvantages.get(id).copied().unwrap_or(0)),
            };
            found.push((pseudonyms.value(row).to_owned(), assessed));
        }
    }
    Ok(found)
}

fn scores(partition: &EnteLake, instrument: &str) -> Result<BTreeMap<String, BTreeMap<String, Score>>, ReleaseError> {
    let mut found: BTreeMap<String, BTreeMap<String, Score>> = BTreeMap::new();
    for batch in partition.table(schema::SCORES)? {
        let ids = texts(&batch, column::ASSESSMENT_ID)?;
        let instruments = texts(&batch, column::INSTRUMENT)?;
        let scales = texts(&batch, column::SCALE)?;
        let levels = texts(&batch, column::LEVEL)?;
        let indices = numbers::<Int32Type>(&batch, column::INDEX_TENTHS)?;
        for row in (0..batch.num_rows()).filter(|&row| instruments.value(row) == instrument) {
            let score = Score {
                level: levels.is_valid(row).then(|| levels.value(row).to_owned()),
                index_tenths: indices.is_valid(row).then(|| indices.value(row)),
            };
            found.entry(ids.value(row).to_owned()).or_default().insert(scales.value(row).to_owned(), score);
        }
    }
    Ok(found)
}

/// Rows of a table by assessment.
fn count(partition: &EnteLake, table: &str) -> Result<BTreeMap<String, usize>, ReleaseError> {
    let mut counts = BTreeMap::new();
    for batch in partition.table(table)? {
        for id in texts(&batch, column::ASSESSMENT_ID)?.iter().flatten() {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

fn texts<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a StringArray, ReleaseError> {
    batch.column_by_name(name).and_then(|array| array.as_string_opt()).ok_or(ReleaseError::Column(name))
}

fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a PrimitiveArray<T>, ReleaseError> {
    batch.column_by_name(name).and_then(|array| array.as_primitive_opt()).ok_or(ReleaseError::Column(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assessed(ente: usize, day: &str) -> Assessed {
        Assessed {
            order: (day.parse().unwrap(), 0, String::new()),
            ente,
            year: 2025,
            comune: None,
            age: None,
            sex: None,
            education: None,
            citizenship: None,
            household: None,
            work: None,
            profile: None,
            scores: BTreeMap::new(),
            blocks: 0,
            disadvantages: None,
        }
    }

    #[test]
    fn a_row_holds_nothing_of_two_enti() {
        let assessments = vec![
            assessed(0, "2025-01-01"),
            assessed(1, "2025-02-01"),
            assessed(0, "2025-03-01"),
            assessed(1, "2025-04-01"),
        ];
        let human = Human { assessments, enti: BTreeSet::from([0, 1]), has_link: true };
        assert_eq!(human.first().order.0.to_string(), "2025-02-01");
        assert_eq!(human.count_assessments(), 2);
    }
}
