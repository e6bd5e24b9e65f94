//! Which answers hold back the people of each disadvantage.

use serde::Serialize;

use super::{HeatMap, HeatRow, heat};
use crate::characteristic::Characteristic;
use crate::pages::bars::{COMPARED_MIN, Farthest, standard_errors_apart};
use crate::pages::{Data, share};
use crate::protect::ALL;
use crate::text;

/// What the title says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum DisadvantageFinding {
    /// The answer that is farthest from what is found among all, by more than chance explains.
    Apart {
        item: String,
        category: String,
        share: String,
        share_of_all: String,
    },
    None,
}

/// The heat map with what its title says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ByDisadvantage {
    pub(super) map: HeatMap,
    finding: DisadvantageFinding,
}

/// Question by question, the people of each disadvantage and everybody, over all periods; nothing where no share can be shown.
pub(super) fn by_disadvantage(data: &Data, mark: &str) -> Option<ByDisadvantage> {
    let (figures, of) = (&data.figures, Characteristic::Disadvantage);
    let categories = figures.categories(of);
    // A disadvantage of which nothing can be said, because few have it, has no column.
    let told: Vec<&String> = categories
        .iter()
        .filter(|category| {
            let mut items = data.strumento.content.items.iter();
            items.any(|item| figures.low_of_disadvantage(category, &item.id).share_permille.is_some())
        })
        .collect();
    if told.is_empty() {
        return None;
    }
    let mut columns = vec![text::word("dashboard", "item")];
    columns.extend(told.iter().map(|category| of.category(category)));
    columns.push(text::word("dashboard", "total"));
    let mut rows = Vec::new();
    let mut farthest = Farthest::none();
    let mut section = "";
    for known in &data.strumento.content.items {
        let parts: Vec<_> = told.iter().map(|category| figures.low_of_disadvantage(category, &known.id)).collect();
        if parts.iter().all(|part| part.share_permille.is_none()) {
            continue;
        }
        if known.section != section {
            section = &known.section;
            rows.push(HeatRow { head: section.to_owned(), is_section: true, cells: Vec::new() });
        }
        let of_all = figures.low(&known.id, ALL).share_permille;
        let mut cells: Vec<_> = parts.iter().map(|part| heat(part.share_permille, mark)).collect();
        cells.push(heat(of_all, mark));
        rows.push(HeatRow { head: known.text.clone(), is_section: false, cells });
        for (category, part) in told.iter().zip(parts) {
            let people = figures.asked_of_disadvantage(category, &known.id).filter(|&people| people >= COMPARED_MIN);
            let here = people.zip(part.share_permille);
            let Some((here, all)) = here.zip(figures.asked(&known.id).zip(of_all)) else { continue };
            farthest.offer(standard_errors_apart(here, all), || DisadvantageFinding::Apart {
                item: known.text.clone(),
                category: of.category(category),
                share: share(Some(here.1), mark),
                share_of_all: share(Some(all.1), mark),
            });
        }
    }
    let finding = farthest.said().unwrap_or(DisadvantageFinding::None);
    Some(ByDisadvantage { map: HeatMap { columns, rows }, finding })
}
