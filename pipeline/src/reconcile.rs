//! Whether the portal, the segments and the lake count the same: the portal from its own tables, the segments from their events, the
//! lake from its files. Where they differ nothing of the Ente is published, and the difference is said.

use std::collections::BTreeMap;

use domain::feed::Tally;
use domain::feed::packed::{FormIndex, Words};
use domain::run::StageCounts;
use warehouse::schema;

use crate::partition::year;
use crate::report::count;
use crate::resolve::{Current, SetAside};

/// Differences said at most: the first ones are enough to know where to look.
const SAID_MAX: usize = 4;

/// Two that count something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    /// The tally is of another moment than the segments.
    #[error(
        "the portal has told {told} events and the segments end at {found}: export the segments again; if it goes on, restore them"
    )]
    Moment { told: i64, found: i64 },
    /// Counts differ.
    #[error(
        "the portal and the {other} count differently: {differences}; nothing is published until they agree: \
         look into the portal's database before anything else"
    )]
    Counts { other: &'static str, differences: String },
}

/// One thing that is counted on both sides.
type Sides = BTreeMap<String, (i64, i64)>;

fn compare(other: &'static str, sides: Sides) -> Result<(), Mismatch> {
    let differing: Vec<String> = sides
        .into_iter()
        .filter(|(_, (portal, found))| portal != found)
        .map(|(what, (portal, found))| format!("{what} {portal} and {found}"))
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    let more = differing.len().saturating_sub(SAID_MAX);
    let mut differences = differing[..differing.len().min(SAID_MAX)].join(", ");
    if more > 0 {
        differences.push_str(&format!(", and {more} more"));
    }
    Err(Mismatch::Counts { other, differences })
}

fn set_aside(tally: &Tally, found: impl Fn(&'static str) -> i64) -> Sides {
    // What was erased is in neither: the portal has no row of it, and events of it are blank or set aside as erased.
    let pairs = [
        (SetAside::Superseded, tally.superseded),
        (SetAside::Annulled, tally.annulled),
        (SetAside::Restricted, tally.restricted),
    ];
    pairs.into_iter().map(|(why, told)| (why.code().to_owned(), (told, found(why.code())))).collect()
}

/// Whether the portal counted when the segments ended where they do.
pub(crate) fn same_moment(tally: &Tally, last_seq: i64) -> Result<(), Mismatch> {
    if tally.last_seq == last_seq { Ok(()) } else { Err(Mismatch::Moment { told: tally.last_seq, found: last_seq }) }
}

/// Whether the segments give what the portal counts, by strumento and year.
pub(crate) fn segments(
    tally: &Tally,
    current: &[Current],
    aside: &BTreeMap<SetAside, i64>,
    words: &Words,
) -> Result<(), Mismatch> {
    let mut sides =
        set_aside(tally, |code| aside.iter().find(|(why, _)| why.code() == code).map_or(0, |(_, count)| *count));
    for line in &tally.counting {
        sides.entry(format!("{} of {}", line.instrument, line.year)).or_default().0 += line.assessments;
    }
    let forms: BTreeMap<FormIndex, &str> =
        words.forms().map(|(index, form)| (index, words.text(form.instrument))).collect();
    let mut found: BTreeMap<(FormIndex, i32), usize> = BTreeMap::new();
    for Current { assessment, .. } in current {
        *found.entry((assessment.form, year(assessment.assessed_on))).or_default() += 1;
    }
    for ((form, year), number) in found {
        let instrument = forms.get(&form).copied().unwrap_or("unknown");
        sides.entry(format!("{instrument} of {year}")).or_default().1 += count(number);
    }
    compare("segments", sides)
}

/// Whether what is published is what the portal counts; `counts` are those of its manifest and its files.
pub(crate) fn lake(tally: &Tally, counts: &StageCounts) -> Result<(), Mismatch> {
    let mut sides = set_aside(tally, |code| counts.set_aside.get(code).copied().unwrap_or(0));
    let rejected: i64 = counts.rejected.values().sum();
    let shown = rows_of_assessments(&counts.rows) + rejected;
    sides.insert("assessments that count".to_owned(), (tally.count_counting(), shown));
    compare("lake", sides)
}

/// Rows of the table of assessments.
pub(crate) fn rows_of_assessments(rows: &BTreeMap<String, i64>) -> i64 {
    rows.get(schema::ASSESSMENTS).copied().unwrap_or(0)
}
