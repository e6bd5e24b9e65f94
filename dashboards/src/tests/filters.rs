//! Filters: every figure counted once more, whatever the sequence of filters; and what cannot be filtered is said.

use std::collections::{BTreeMap, BTreeSet};

use super::{Data, render, same_cells};
use crate::characteristic::{Characteristic, Filter};
use crate::merge::POOL;
use crate::pages::Choices;
use crate::pages::comunita::Comunita;
use crate::pages::esplora::Esplora;
use crate::pages::filters::together;
use crate::pages::quadro::Quadro;
use crate::protect::{ALL, Group, NOT_VALID};
use crate::samples::{self, Sheet};

/// Whether somebody's sheet is in one of some categories; the pool has whatever is in no other.
fn is_in(sheet: &Sheet, filter: Filter, categories: &[String], all: &[String]) -> bool {
    let own: Vec<&str> = match filter {
        Filter::Comune => vec![sheet.comune],
        Filter::Of(of) => sheet.categories[&of].clone(),
    };
    let is_named = |code: &str| all.iter().any(|one| one == code);
    own.iter().any(|code| categories.iter().any(|one| one == code || (one == POOL && !is_named(code))))
}

/// The people over all periods, each by their last sheet.
fn lasts(sheets: &[Sheet]) -> Vec<&Sheet> {
    sheets.iter().map(|sheet| (sheet.person, sheet)).collect::<BTreeMap<_, _>>().into_values().collect()
}

fn check(data: &Data, group: &Group<'_>, lasts: &[&Sheet], shown: &mut (usize, usize)) {
    let figures = &data.figures;
    let of: Vec<&&Sheet> = lasts
        .iter()
        .filter(|sheet| {
            let in_common = |(filter, categories): &(Filter, Vec<String>)| {
                is_in(sheet, *filter, categories, &figures.filter_categories(*filter))
            };
            group.common().iter().all(in_common)
        })
        .collect();
    let mut told = |found: Option<u32>, wanted: usize, what: &dyn std::fmt::Debug| match found {
        Some(found) => {
            assert_eq!(usize::try_from(found).unwrap(), wanted, "{:?} {what:?}", group.common());
            assert!(found >= 5, "{:?}: {found} people are shown", group.common());
            shown.0 += 1;
        }
        None => shown.1 += 1,
    };
    told(group.people(ALL), of.len(), &"people");
    for (target, _) in data.strumento.targets() {
        for (place, wanted) in group.outcomes(target).iter().enumerate() {
            let has = |sheet: &&&&Sheet| {
                let outcome = sheet.outcomes.get(target).cloned().flatten().unwrap_or_else(|| NOT_VALID.to_owned());
                outcome == *wanted
            };
            told(group.part(target, place, ALL).people, of.iter().filter(has).count(), &(target, wanted));
        }
    }
}

#[test]
fn every_figure_behind_filters_is_the_count_of_its_people() {
    let strumento = samples::strumento();
    let sheets = samples::sheets(900, &strumento);
    let data = samples::data(&samples::marts(&sheets, &strumento), strumento).unwrap();
    let (figures, lasts) = (&data.figures, lasts(&sheets));
    let mut shown = (0, 0);
    let mut crossed = 0;
    for (place, &first) in Filter::ALL.iter().enumerate() {
        for one in figures.filter_categories(first) {
            check(&data, &figures.of_one(first, &one).unwrap(), &lasts, &mut shown);
            for &second in &Filter::ALL[place + 1..] {
                for other in figures.filter_categories(second) {
                    let two = figures.of_two((first, &one), (second, &other));
                    let back = figures.of_two((second, &other), (first, &one));
                    assert_eq!(two.map(|two| two.people(ALL)), back.map(|back| back.people(ALL)));
                    if let Some(two) = two {
                        crossed += 1;
                        check(&data, &two, &lasts, &mut shown);
                    }
                }
            }
        }
    }
    assert!(crossed > 100, "{crossed} combinations are offered: too few to be a test");
    assert!(shown.0 > 500 && shown.1 > 20, "{shown:?} shown and hidden");
}

#[test]
fn categories_counted_together_are_everybody_and_nobody_twice() {
    for data in samples::all() {
        let figures = &data.figures;
        for (first, second) in Filter::ALL.iter().flat_map(|one| Filter::ALL.iter().map(move |other| (*one, *other))) {
            let Some(groups) = figures.crossed_with(first, second) else { continue };
            let codes: Vec<&String> = groups.iter().flatten().collect();
            assert_eq!(codes.len(), codes.iter().collect::<BTreeSet<_>>().len());
            assert_eq!(codes.len(), figures.filter_categories(first).len());
            let of = |place| figures.people_crossed_with(first, second, place).unwrap();
            let sum: u32 = (0..groups.len()).map(of).sum();
            assert_eq!(Some(sum), figures.people(ALL), "{first:?} with {second:?}");
        }
    }
}

fn choices(filters: &[(&str, &str)]) -> Choices {
    let mut choices = Choices::default();
    for &(name, value) in filters {
        let value = Some(value.to_owned());
        match name {
            "sesso" => choices.sesso = value,
            "eta" => choices.eta = value,
            "svantaggio" => choices.svantaggio = value,
            "lavoro" => choices.lavoro = value,
            "istruzione" => choices.istruzione = value,
            "cittadinanza" => choices.cittadinanza = value,
            "nucleo" => choices.nucleo = value,
            "periodo" => choices.periodo = value,
            "righe" => choices.righe = value,
            "colonne" => choices.colonne = value,
            "esito" => choices.esito = value,
            "caratteristica" => choices.caratteristica = value,
            _ => panic!("{name} is no choice"),
        }
    }
    choices
}

#[test]
fn filtered_pages_say_what_their_files_say() {
    let viewer = samples::viewer();
    for data in samples::all() {
        for filters in
            [&[("sesso", "f")][..], &[("sesso", "f"), ("eta", "25_34")], &[("svantaggio", "none"), ("periodo", "2025")]]
        {
            let page = Quadro::new(&viewer, data, &choices(filters));
            same_cells(&render(&page), &page.file().csv());
            let page = Comunita::new(&viewer, data, &choices(filters));
            same_cells(&render(&page), &page.file().csv());
        }
        for (rows, columns, counted) in [
            ("eta", "sesso", "persone"),
            ("eta", "sesso", "ambito.bassa"),
            ("anno", "eta", "persone"),
            ("lavoro", "esiti", ""),
        ] {
            let page =
                Esplora::new(&viewer, data, &choices(&[("righe", rows), ("colonne", columns), ("esito", counted)]));
            same_cells(&render(&page), &page.file().csv());
        }
    }
}

/// Two characteristics that are crossed in the samples.
fn crossed_pair(data: &Data) -> (Filter, Filter) {
    let pairs = Filter::ALL.iter().flat_map(|one| Filter::ALL.iter().map(move |other| (*one, *other)));
    let mut of_people = pairs.filter(|(one, other)| ![one, other].contains(&&Filter::Comune));
    of_people.find(|(one, other)| data.figures.crossed_with(*one, *other).is_some()).expect("some are crossed")
}

#[test]
fn a_filtered_page_and_the_table_that_crosses_the_two_agree() {
    let (viewer, data) = (samples::viewer(), &samples::all()[0]);
    let (rows, filter) = crossed_pair(data);
    let Filter::Of(characteristic) = rows else { panic!("{rows:?} is no characteristic") };
    let groups = data.figures.crossed_with(rows, filter).unwrap();
    let wanted = &data.figures.crossed_with(filter, rows).unwrap()[0];
    let narrowed = [(filter.parameter(), wanted[0].as_str()), ("caratteristica", characteristic.code())];
    let page = Comunita::new(&viewer, data, &choices(&narrowed)).file().csv();
    let pivot = [("righe", rows.parameter()), ("colonne", filter.parameter()), ("esito", "persone")];
    let crossed = Esplora::new(&viewer, data, &choices(&pivot)).file().csv();
    let column = |csv: &str, heading: &str, head: &str| -> Option<String> {
        let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(';').collect()).collect();
        let at = lines.iter().find_map(|line| line.iter().position(|cell| *cell == heading))?;
        lines.iter().find(|line| line[0] == head).and_then(|line| line.get(at).map(|cell| (*cell).to_owned()))
    };
    let mut sum = 0;
    for group in groups {
        let (row, heading) = (together(rows, group), together(filter, wanted));
        let (one, other) = (column(&page, "Persone", &row), column(&crossed, &heading, &row));
        assert!(one.is_some() && one == other, "{row}: {one:?} and {other:?}");
        sum += one.and_then(|people| people.parse::<u32>().ok()).unwrap_or_default();
    }
    // Below the rows stand the people that all of them are of: no more than the rows add up to, where all are shown.
    let total = column(&page, "Persone", "Totale").unwrap().parse::<u32>().unwrap();
    assert!(sum <= total && total == data.figures.people_crossed_with(filter, rows, 0).unwrap());
}

#[test]
fn filters_that_cannot_be_are_said_and_left_out() {
    let (viewer, data) = (samples::viewer(), &samples::all()[0]);
    let quadro = |filters: &[(&str, &str)]| render(&Quadro::new(&viewer, data, &choices(filters)));
    let disadvantage = &data.figures.filter_categories(Filter::Of(Characteristic::Disadvantage))[0];
    let (one, other) = crossed_pair(data);
    let [first, second] = [one, other].map(|filter| data.figures.filter_categories(filter).swap_remove(0));
    let too_many = quadro(&[(one.parameter(), &first), (other.parameter(), &second), ("svantaggio", disadvantage)]);
    assert!(too_many.contains("I filtri scelti sono troppi"));
    let together = quadro(&[("sesso", "f"), ("svantaggio", disadvantage)]);
    assert!(together.contains("Vale soltanto il primo filtro."));
    assert!(together.contains("Filtri in uso:"), "the first one stays");
    let lost = quadro(&[("sesso", "nessuno")]);
    assert!(!lost.contains("Filtri in uso:") && lost.contains("non si conta da sola"));
    let comunita = Comunita::new(&viewer, data, &choices(&[("svantaggio", disadvantage), ("caratteristica", "sex")]));
    assert!(render(&comunita).contains("Nessun filtro è in uso."));
    let esplora = Esplora::new(&viewer, data, &choices(&[("righe", "svantaggio"), ("colonne", "sesso")]));
    assert!(render(&esplora).contains("insieme non si possono mostrare"));
}
