//! The filters of a page: what the address asks for, what of it can be shown, and the form that says so.

use serde::Serialize;

use super::{Choice, Choices};
use crate::characteristic::{Characteristic, Filter};
use crate::protect::{Group, Protected};
use crate::text;

/// Why not all filters asked for are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Problem {
    /// More than the page takes.
    TooMany,
    /// These two are not counted together here.
    NotTogether,
    /// A category that is not counted by itself, or not any more.
    NotCounted,
}

/// The filters that a page takes, as its form shows them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FilterForm {
    fields: Vec<FilterField>,
    /// How many at once.
    most: usize,
    /// Those in use, in words; categories that are counted together are all named.
    pub(crate) in_use: Vec<String>,
    problem: Option<Problem>,
    /// Whether the figures are of all periods, whichever was asked for.
    pub(crate) is_without_periods: bool,
}

#[derive(Clone, Debug, Serialize)]
struct FilterField {
    name: &'static str,
    label: String,
    choices: Vec<Choice>,
}

/// What an address asks for: filters in the order of the form, and whether any was of a category that is not counted by itself.
pub(crate) struct AskedFilters {
    filters: Vec<(Filter, String)>,
    is_any_lost: bool,
}

pub(crate) fn asked(choices: &Choices, figures: &Protected) -> AskedFilters {
    let of = |filter: Filter| match filter {
        Filter::Comune => &choices.comune,
        Filter::Of(Characteristic::Sex) => &choices.sesso,
        Filter::Of(Characteristic::AgeBand) => &choices.eta,
        Filter::Of(Characteristic::Education) => &choices.istruzione,
        Filter::Of(Characteristic::Citizenship) => &choices.cittadinanza,
        Filter::Of(Characteristic::Household) => &choices.nucleo,
        Filter::Of(Characteristic::Work) => &choices.lavoro,
        Filter::Of(Characteristic::Disadvantage) => &choices.svantaggio,
    };
    let sent = Filter::ALL.into_iter().filter_map(|filter| Some((filter, of(filter).clone()?)));
    let sent: Vec<(Filter, String)> = sent.filter(|(_, category)| !category.is_empty()).collect();
    let (filters, lost): (Vec<_>, Vec<_>) =
        sent.into_iter().partition(|(filter, category)| figures.filter_categories(*filter).contains(category));
    AskedFilters { filters, is_any_lost: !lost.is_empty() }
}

/// The people that filters leave, and the form. What cannot be is as if it were not asked for, and said. On a page with a line for each
/// category of a characteristic this one is no filter, and the others must be counted with it.
pub(crate) fn narrow<'a>(
    figures: &'a Protected,
    asked: &'a AskedFilters,
    most: usize,
    without: Option<Filter>,
) -> (Group<'a>, FilterForm) {
    let wanted: Vec<(Filter, &str)> = asked
        .filters
        .iter()
        .filter(|(filter, _)| Some(*filter) != without)
        .map(|(filter, category)| (*filter, category.as_str()))
        .collect();
    let mut problem = asked.is_any_lost.then_some(Problem::NotCounted);
    if wanted.len() > most {
        problem = Some(Problem::TooMany);
    }
    let first = wanted.first().filter(|_| most > 0).copied();
    let one = first.and_then(|(filter, category)| match without {
        Some(of) => figures.of_joined(filter, category, of),
        None => figures.of_one(filter, category),
    });
    let two = match (first, wanted.get(1)) {
        (Some(first), Some(&second)) if most > 1 => figures.of_two(first, second),
        _ => None,
    };
    if one.is_none() && first.is_some() || two.is_none() && most > 1 && wanted.len() > 1 {
        problem = Some(Problem::NotTogether);
    }
    let group = two.or(one).unwrap_or_else(|| figures.everybody());
    let form = FilterForm::new(figures, &group, most, problem, without);
    (group, form)
}

impl FilterForm {
    fn new(
        figures: &Protected,
        group: &Group<'_>,
        most: usize,
        problem: Option<Problem>,
        without: Option<Filter>,
    ) -> Self {
        let common = group.common();
        let field = |filter: Filter| {
            let chosen = common.iter().find(|(of, _)| *of == filter).map(|(_, categories)| categories.as_slice());
            let categories = figures.filter_categories(filter);
            let all = Choice::new("", text::word("dashboard", "no_filter"), if chosen.is_some() { "-" } else { "" });
            let first = chosen.and_then(<[String]>::first).map_or("-", String::as_str);
            let each = categories.iter().map(|one| Choice::new(one, filter.category(one), first));
            FilterField {
                name: filter.parameter(),
                label: filter.title(),
                choices: std::iter::once(all).chain(each).collect(),
            }
        };
        // Beside a characteristic only what can be crossed with it.
        let is_offered = |filter: &Filter| without.is_none_or(|of| figures.crossed_with(of, *filter).is_some());
        let fields = Filter::ALL.into_iter().filter(is_offered);
        Self {
            fields: fields.map(field).filter(|field| field.choices.len() > 1).collect(),
            most,
            in_use: common.iter().map(|(filter, categories)| words(*filter, categories)).collect(),
            problem,
            is_without_periods: !group.has_periods(),
        }
    }

    /// The filters as a page's address has them.
    pub(crate) fn in_address(group: &Group<'_>) -> Vec<(&'static str, String)> {
        let first =
            |(filter, categories): (Filter, Vec<String>)| Some((filter.parameter(), categories.first()?.clone()));
        group.common().into_iter().filter_map(first).collect()
    }
}

/// A filter in words: «Età: 25–34 anni o 35–44 anni».
pub(crate) fn words(filter: Filter, categories: &[String]) -> String {
    format!("{}: {}", filter.title(), together(filter, categories))
}

/// Categories counted together, in words.
pub(crate) fn together(filter: Filter, categories: &[String]) -> String {
    let titles: Vec<String> = categories.iter().map(|one| filter.category(one)).collect();
    either(&titles)
}

/// Several titles as one.
pub(crate) fn either(titles: &[String]) -> String {
    match titles {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} o {last}", others.join(", ")),
    }
}
