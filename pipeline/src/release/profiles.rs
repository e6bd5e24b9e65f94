//! Profiles of the community: groups of people of a whole table who are alike in what is not a quasi-identifier, so that whoever
//! plans knows for how many people, and where, a kind of need is there.
//!
//! The groups are those of [`warehouse::clusters`], on the places of codes in their order (from most to least favourable), each column
//! scaled alike. A group keeps its letter from one table of a strumento to the next: by the nearest centre.
//! Everything is counted in the anonymous table, and counts of fewer than ten people are not told.
//!
//! Stored format "community profiles 1": read for ever.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anonymity::{Distance, Sensitive};

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use warehouse::clusters::{Clusters, letters};

use super::dictionary::{self, Column};
use super::{ReleaseError, file, text};
use crate::pseudonymize::write_private;

/// More groups are not tried.
const GROUPS_MAX: usize = 8;
/// Fewer people are neither a group nor told of.
const PEOPLE_MIN: usize = 10;
/// What is told of a group.
const FACTS: usize = 5;

/// The profiles of a whole table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profiles {
    /// The table.
    pub base: String,
    /// The columns that groups are alike in.
    pub columns: Vec<String>,
    /// The mean silhouette of each number of groups that was tried, from −1 to 1.
    pub silhouettes: Vec<(usize, f64)>,
    /// The groups, by their letters.
    pub groups: Vec<Group>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its letter.
    pub name: String,
    /// People in it.
    pub people: usize,
    /// Of all, in thousandths.
    pub permille: usize,
    /// What distinguishes it, the most telling first.
    pub facts: Vec<Fact>,
    /// Where its people are: the label of the place and how many; `None` when they are fewer than ten.
    pub places: Vec<(String, Option<usize>)>,
    /// Its centre, in the order of the columns: 0 the most favourable code, 1 the least.
    pub centre: Vec<f64>,
}

/// Something that is more frequent in a group than among all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The column.
    pub column: String,
    /// What it says.
    pub meaning: String,
    /// The code, in words.
    pub words: String,
    /// In the group, in thousandths.
    pub permille: usize,
    /// Among all, in thousandths.
    pub permille_of_all: usize,
}

#[derive(Serialize)]
struct Stored<'a> {
    format: &'static str,
    #[serde(flatten)]
    profiles: &'a Profiles,
}

#[derive(Deserialize)]
struct Form {
    format: String,
}

const FORM_1: &str = "community profiles 1";

/// A column as places in its order, from 0 to 1; codes that have none are in the middle of the others.
fn places_of(table: &RecordBatch, sensitive: &Sensitive) -> Result<Option<Vec<f64>>, ReleaseError> {
    let Some(closeness) = &sensitive.closeness else { return Ok(None) };
    let Distance::Ordered { values } = &closeness.distance else { return Ok(None) };
    let known: Vec<&String> =
        values.iter().filter(|code| !matches!(code.as_str(), "non_valido" | "non_noto")).collect();
    let top = known.len().saturating_sub(1).max(1) as f64;
    let place = |code: &str| known.iter().position(|value| *value == code).map(|place| place as f64 / top);
    let column = text(table, &sensitive.column)?;
    let found: Vec<Option<f64>> = column.iter().map(|code| code.and_then(place)).collect();
    let all: Vec<f64> = found.iter().flatten().copied().collect();
    if all.is_empty() {
        return Ok(None);
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let varies = all.iter().any(|place| (place - all[0]).abs() > f64::EPSILON);
    Ok(varies.then(|| found.into_iter().map(|place| place.unwrap_or(mean)).collect()))
}

/// The groups of a table; `None` where nothing tells its people apart, or there are too few.
pub(super) fn make(
    table: &RecordBatch,
    base: &str,
    sensitive: &[Sensitive],
    described: &[Column],
    territory: &str,
    earlier: Option<&Profiles>,
) -> Result<Option<Profiles>, ReleaseError> {
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    for rule in sensitive {
        if let Some(places) = places_of(table, rule)? {
            columns.push((rule.column.clone(), places));
        }
    }
    let rows = table.num_rows();
    if columns.is_empty() || rows < 2 * PEOPLE_MIN {
        return Ok(None);
    }
    let points: Vec<Vec<f64>> = (0..rows).map(|row| columns.iter().map(|(_, places)| places[row]).collect()).collect();
    let Some(Clusters { assigned, centres, silhouettes }) = Clusters::of(&points, PEOPLE_MIN, GROUPS_MAX, &[]) else {
        return Ok(None);
    };
    let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let known = earlier.filter(|earlier| earlier.columns == names).map(|earlier| earlier.groups.as_slice());
    let known = known.unwrap_or_default().iter().map(|group| (group.name.clone(), group.centre.clone()));
    let letters = letters(&centres, &known.collect::<Vec<_>>(), &[]);
    let mut groups = Vec::new();
    for (number, letter) in letters.into_iter().enumerate() {
        let members: Vec<usize> = (0..rows).filter(|&row| assigned[row] == number).collect();
        groups.push(Group {
            name: letter,
            people: members.len(),
            permille: members.len() * 1_000 / rows,
            facts: facts(table, described, territory, &members)?,
            places: places(table, described, territory, &members)?,
            centre: centres[number].clone(),
        });
    }
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Some(Profiles { base: base.to_owned(), columns: names, silhouettes, groups }))
}

/// What is most over-represented: one code of a column at most.
fn facts(
    table: &RecordBatch,
    described: &[Column],
    territory: &str,
    members: &[usize],
) -> Result<Vec<Fact>, ReleaseError> {
    let mut found = Vec::new();
    for column in described.iter().filter(|column| column.name != territory) {
        let values = text(table, &column.name)?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        members.iter().for_each(|&row| *counts.entry(values.value(row)).or_default() += 1);
        let share = |people: usize, of: usize| people * 1_000 / of.max(1);
        let telling = column.codes.iter().filter(|code| code.code != anonymity::SUPPRESSED).map(|code| {
            let people = counts.get(code.code.as_str()).copied().unwrap_or(0);
            (code, people, share(people, members.len()), share(code.rows, table.num_rows()))
        });
        let most = telling
            .filter(|(_, people, here, all)| *people >= PEOPLE_MIN && here > all)
            .max_by_key(|(_, _, here, all)| here - all);
        if let Some((code, _, permille, permille_of_all)) = most {
            found.push(Fact {
                column: column.name.clone(),
                meaning: column.meaning.clone(),
                words: code.words.clone(),
                permille,
                permille_of_all,
            });
        }
    }
    found.sort_by_key(|fact| std::cmp::Reverse(fact.permille - fact.permille_of_all));
    found.truncate(FACTS);
    Ok(found)
}

/// Where a group's people are.
fn places(
    table: &RecordBatch,
    described: &[Column],
    territory: &str,
    members: &[usize],
) -> Result<Vec<(String, Option<usize>)>, ReleaseError> {
    let Some(column) = described.iter().find(|column| column.name == territory) else { return Ok(Vec::new()) };
    let values = text(table, territory)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    members.iter().for_each(|&row| *counts.entry(values.value(row)).or_default() += 1);
    let place = |code: &dictionary::Code| {
        let people = counts.get(code.code.as_str()).copied().unwrap_or(0);
        (code.words.clone(), (people >= PEOPLE_MIN).then_some(people))
    };
    Ok(column.codes.iter().map(place).collect())
}

fn path(releases: &Path, base: &str) -> PathBuf {
    releases.join("profiles").join(format!("{base}.json"))
}

/// As they are stored, and given with parts.
pub(super) fn to_json(profiles: &Profiles) -> Result<Vec<u8>, io::Error> {
    serde_json::to_vec_pretty(&Stored { format: FORM_1, profiles }).map_err(io::Error::from)
}

pub(super) fn keep(releases: &Path, profiles: &Profiles) -> Result<(), ReleaseError> {
    let path = path(releases, &profiles.base);
    to_json(profiles).and_then(|bytes| write_private(&path, &bytes)).map_err(file::at(&path))
}

/// The profiles of a whole table; `None` where none were found, or it was made before there were any.
pub(super) fn read(releases: &Path, base: &str) -> Result<Option<Profiles>, ReleaseError> {
    let path = path(releases, base);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file::at(&path)(error)),
    };
    let read = match serde_json::from_slice(&bytes) {
        Ok(Form { format }) if format == FORM_1 => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Ok(Form { format }) => {
            Err(io::Error::other(format!("{format} is no form of profiles that this program knows")))
        }
        Err(error) => Err(error.into()),
    };
    read.map(Some).map_err(file::at(&path))
}

/// The profiles as a table: a line for each group and place.
pub(super) fn csv(profiles: &Profiles) -> String {
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let percent = |permille: usize| format!("{},{}", permille / 10, permille % 10);
    let mut lines = vec![
        ["profilo", "persone", "quota_per_cento", "descrizione", "territorio", "persone_nel_territorio"]
            .map(cell)
            .join(";"),
    ];
    for group in &profiles.groups {
        let facts = group.facts.iter().map(|fact| {
            dictionary::heading("fatto")
                .replace("{colonna}", &fact.meaning)
                .replace("{valore}", &fact.words)
                .replace("{quota}", &percent(fact.permille))
                .replace("{totale}", &percent(fact.permille_of_all))
        });
        let facts = facts.collect::<Vec<_>>().join("; ");
        let all = [(dictionary::heading("ovunque").to_owned(), Some(group.people))];
        for (place, people) in all.iter().chain(&group.places) {
            let people = people.map_or_else(|| dictionary::heading("pochi").to_owned(), |people| people.to_string());
            let cells = [&group.name, &group.people.to_string(), &percent(group.permille), &facts, place, &people];
            lines.push(cells.map(|text| cell(text)).join(";"));
        }
    }
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::super::table::batch;
    use super::*;

    const LEVELS: [&str; 4] = ["alta", "media", "bassa", "minima"];

    /// Two kinds of people: ninety who do well, sixty who do not, in two places; and three in a third.
    fn table(turned: bool) -> RecordBatch {
        let does_well = |row: usize| (row % 5 < 3) != turned;
        let column = |good: [&str; 2], bad: [&str; 2]| -> Vec<String> {
            (0..150).map(|row| (if does_well(row) { good[row % 2] } else { bad[row % 2] }).to_owned()).collect()
        };
        let place = (0..150).map(|row| {
            if row < 3 {
                "c".into()
            } else if row % 3 == 0 {
                "a".into()
            } else {
                "b".into()
            }
        });
        batch(vec![
            ("livello".into(), column(["alta", "media"], ["minima", "bassa"])),
            ("blocchi".into(), column(["0", "0"], ["1", "1"])),
            ("territorio".into(), place.collect()),
        ])
        .unwrap()
    }

    fn rules() -> Vec<Sensitive> {
        vec![
            Sensitive::new("livello").ordered_t(0.25, LEVELS),
            Sensitive::new("blocchi").ordered_t(0.25, ["0", "1"]),
            Sensitive::new("territorio").distinct_l(2),
        ]
    }

    fn made(turned: bool, earlier: Option<&Profiles>) -> Profiles {
        let table = table(turned);
        let described = dictionary::describe(&table, &["territorio".into()], &[]).unwrap();
        make(&table, "x-2026-01-01", &rules(), &described, "territorio", earlier).unwrap().unwrap()
    }

    #[test]
    fn people_who_are_alike_are_one_group_and_said_to_be() {
        let found = made(false, None);
        assert_eq!(found.columns, ["livello", "blocchi"]);
        let two = found.silhouettes.iter().find(|(groups, _)| *groups == 2).unwrap().1;
        assert!(two > 0.7, "{:?}", found.silhouettes);
        let people: usize = found.groups.iter().map(|group| group.people).sum();
        assert_eq!(people, 150);
        for group in &found.groups {
            let fact = group.facts.iter().find(|fact| fact.column == "blocchi").unwrap();
            assert_eq!(fact.permille, 1_000);
            let place = |name: &str| group.places.iter().find(|(place, _)| place == name).unwrap().1;
            assert_eq!(place("c"), None);
            assert!(place("b") > place("a"));
        }
        assert_eq!(made(false, None), found);
    }

    #[test]
    fn a_group_keeps_its_letter() {
        let first = made(false, None);
        // The same two kinds, the other way round: what was the smaller is the larger.
        let second = made(true, Some(&first));
        assert_eq!(first.groups.len(), second.groups.len());
        for (one, other) in first.groups.iter().zip(&second.groups) {
            assert_eq!(one.name, other.name);
            let apart: f64 = one.centre.iter().zip(&other.centre).map(|(a, b)| (a - b).abs()).sum();
            assert!(apart < 0.2, "{one:?} {other:?}");
        }
        // Other columns are another picture: letters begin anew.
        let strange = Profiles { columns: vec!["altro".into()], ..first.clone() };
        assert_eq!(made(false, Some(&strange)).groups[0].name, "A");
    }

    #[test]
    fn profiles_of_every_version_are_read_and_tell_no_small_count() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles {
            base: "asso-2026-06-30".into(),
            columns: vec!["livello".into()],
            silhouettes: vec![(2, 0.5)],
            groups: vec![Group {
                name: "A".into(),
                people: 40,
                permille: 400,
                facts: vec![Fact {
                    column: "livello".into(),
                    meaning: "Livello".into(),
                    words: "alta".into(),
                    permille: 805,
                    permille_of_all: 400,
                }],
                places: vec![("Udine (UD)".into(), Some(31)), ("Altrove".into(), None)],
                centre: vec![0.25],
            }],
        };
        keep(folder.path(), &profiles).unwrap();
        // Written once by version 1 and never changed.
        let version_1 = include_str!("profiles-1.json").trim_end();
        assert_eq!(fs::read_to_string(path(folder.path(), &profiles.base)).unwrap(), version_1);
        assert_eq!(read(folder.path(), &profiles.base).unwrap(), Some(profiles.clone()));
        assert_eq!(read(folder.path(), "isa-2026-06-30").unwrap(), None);
        let lines = csv(&profiles);
        assert!(lines.contains("«alta» per il 80,5 %") && lines.contains("\"Altrove\";\"meno di dieci\""), "{lines}");
    }
}
