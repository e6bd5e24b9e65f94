//! How the people of each disadvantage have changed.

use serde::Serialize;

use super::CHANGES;
use crate::characteristic::Characteristic;
use crate::pages::bars::{Bars, COMPARED_MIN, Farthest, bar, keys, standard_errors_apart, with_interval};
use crate::pages::{Data, count, share};
use crate::protect::{ALL, Part, changes};
use crate::strumento::ScaleNames;
use crate::table::{Column, Row, Table};
use crate::text;

/// What the title says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum DisadvantageFinding {
    /// The disadvantage with which people got better more or less often than all, by more than chance explains.
    Apart {
        category: String,
        improved: String,
        improved_of_all: String,
    },
    None,
    Nothing,
}

/// Of each disadvantage those assessed again, and how their index on a scale changed; nothing where no share can be shown.
pub(super) fn by_disadvantage(data: &Data, scale: &ScaleNames, mark: &str) -> Option<Bars<DisadvantageFinding>> {
    let (figures, of) = (&data.figures, Characteristic::Disadvantage);
    let word = |code: &str| text::word("dashboard", code);
    let codes: Vec<String> = CHANGES.iter().map(|code| (*code).to_owned()).collect();
    let titles: Vec<String> = CHANGES.iter().map(|code| text::word("change", code)).collect();
    let mut columns = vec![
        Column::text(text::word("characteristic", of.code())),
        Column::number(word("again")),
        Column::number(word("share_of_row")),
    ];
    columns.extend(titles.iter().map(|title| Column::number(format!("{title} % ({})", word("interval")))));
    let row = |head: String, again: Part, parts: &[Part; 3], is_total| {
        let mut cells = vec![count(again.people, mark), share(again.share_permille, mark)];
        cells.extend(parts.iter().map(|part| with_interval(*part, again.people, mark)));
        Row { head, cells, is_total }
    };
    let of_all = CHANGES.map(|code| figures.part_in(&changes(&scale.id), code, Some("again"), ALL));
    let again_of_all = figures.repeated();
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    let mut farthest = Farthest::none();
    let mut is_compared = false;
    for category in figures.categories(of) {
        let again = figures.again_of_disadvantage(&category);
        let parts = CHANGES.map(|code| figures.change_of_disadvantage(&category, &scale.id, code));
        if parts.iter().all(|part| part.share_permille.is_none()) && again.people.is_none() {
            continue;
        }
        rows.push(row(of.category(&category), again, &parts, false));
        bars.push(bar(of.category(&category), &codes, &titles, &parts));
        let here = again.people.filter(|&people| people >= COMPARED_MIN).zip(parts[0].share_permille);
        let Some((here, all)) = here.zip(again_of_all.people.zip(of_all[0].share_permille)) else { continue };
        is_compared = true;
        farthest.offer(standard_errors_apart(here, all), || DisadvantageFinding::Apart {
            category: of.category(&category),
            improved: share(Some(here.1), mark),
            improved_of_all: share(Some(all.1), mark),
        });
    }
    if rows.is_empty() {
        return None;
    }
    rows.push(row(word("total"), again_of_all, &of_all, true));
    bars.push(bar(word("total"), &codes, &titles, &of_all));
    // Where no share is told a drawing of nothing but hatching says less than the table.
    if bars.iter().all(|bar| bar.said.is_empty()) {
        bars.clear();
    }
    let finding = match farthest.said() {
        Some(finding) => finding,
        None if is_compared => DisadvantageFinding::None,
        None => DisadvantageFinding::Nothing,
    };
    Some(Bars {
        id: "svantaggi".to_owned(),
        title: word("changes_by_disadvantage"),
        finding,
        keys: keys(&codes, &titles),
        bars,
        table: Table { columns, rows },
    })
}
