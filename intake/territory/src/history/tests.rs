//! What public registers say about a few places, and what must hold for all of them.

use super::*;
use crate::comuni::REFERENCE_DATE;

fn belfiore(text: &str) -> BelfioreCode {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Name and province, or the error's words.
fn check(code: &str, on: &str, expected: Result<(&str, &str), &str>) {
    let found = birthplace(belfiore(code), day(on));
    let found = match &found {
        Ok(Birthplace { name, kind: BirthplaceKind::Comune { sigla, .. }, .. }) => Ok((*name, *sigla)),
        Ok(Birthplace { name, kind: BirthplaceKind::Country, .. }) => Ok((*name, "EE")),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(found.as_ref().map_err(String::as_str), expected.as_ref().map_err(|words| *words), "{code} on {on}");
}

fn found(prefix: &str, on: &str) -> Vec<&'static str> {
    search_by_name(prefix, day(on)).into_iter().map(|place| place.name).collect()
}

#[test]
fn pordenone_was_in_the_province_of_udine() {
    check("G888", "1960-01-01", Ok(("Pordenone", "UD")));
    check("G888", "1968-04-05", Ok(("Pordenone", "UD")));
    check("G888", "1968-04-06", Ok(("Pordenone", "PN")));
    assert_eq!(comune_by_belfiore(belfiore("G888"), day("1960-01-01")).unwrap().code.to_string(), "093033");
}

#[test]
fn valvasone_and_arzene_became_one_in_2015() {
    check("L657", "2014-12-31", Ok(("Valvasone", "PN")));
    check("L657", "2015-01-01", Err("Valvasone (L657) did not exist on 2015-01-01"));
    check("A456", "2014-12-31", Ok(("Arzene", "PN")));
    check("M346", "2015-01-01", Ok(("Valvasone Arzene", "PN")));
    check("M346", "2014-12-31", Err("Valvasone Arzene (M346) did not exist on 2014-12-31"));
    for code in ["L657", "A456"] {
        assert_eq!(successor(belfiore(code)), Some(belfiore("M346")));
        assert_eq!(comune_by_belfiore(belfiore(code), day("1990-06-01")).unwrap().name, "Valvasone Arzene");
        assert_eq!(comune_by_belfiore(belfiore(code), REFERENCE_DATE), None);
    }
    assert_eq!(found("valvasone", "2014-12-31"), ["Valvasone"]);
    assert_eq!(found("valvasone", "2015-01-01"), ["Valvasone Arzene"]);
}

#[test]
fn arzene_was_no_comune_between_1928_and_1946() {
    check("A456", "1928-12-15", Ok(("Arzene", "UD")));
    check("A456", "1940-01-01", Err("Arzene (A456) did not exist on 1940-01-01"));
    check("A456", "1946-12-24", Ok(("Arzene", "UD")));
}

#[test]
fn foreign_countries_are_birthplaces() {
    check("Z335", "1990-02-12", Ok(("Nigeria", "EE")));
    check("Z118", "1980-01-01", Ok(("Jugoslavia", "EE")));
    check("Z118", "2010-01-01", Err("Jugoslavia (Z118) did not exist on 2010-01-01"));
    assert_eq!(comune_by_belfiore(belfiore("Z335"), REFERENCE_DATE), None);
    assert_eq!(found("nige", "2026-01-01"), ["Niger", "Nigeria"]);
}

#[test]
fn unknown_codes_are_unknown() {
    check("Z999", "2000-01-01", Err("no place has the Belfiore code Z999"));
    check("A000", "2000-01-01", Err("no place has the Belfiore code A000"));
    check("G888", "1850-01-01", Err("Pordenone (G888) did not exist on 1850-01-01"));
}

#[test]
fn comuni_of_today_and_codes_that_exist_today_are_the_same() {
    for comune in comuni() {
        let place = birthplace(comune.belfiore, REFERENCE_DATE).unwrap();
        let sigla = crate::province(comune.province).unwrap().sigla;
        assert_eq!(place.kind, BirthplaceKind::Comune { sigla, today: Some(comune.code) }, "{}", comune.name);
        assert_eq!(comune_by_belfiore(comune.belfiore, REFERENCE_DATE), Some(comune));
    }
    let existing =
        HISTORY.keys().filter(|code| !code.is_foreign() && birthplace(**code, REFERENCE_DATE).is_ok()).count();
    assert_eq!(existing, comuni().len());
}

#[test]
fn spells_are_in_order_and_not_empty() {
    for (code, history) in HISTORY.iter() {
        assert!(!history.spells.is_empty(), "{code}");
        assert!(history.spells.iter().all(|spell| spell.last.is_none_or(|last| spell.first <= last)), "{code}");
        assert!(history.spells.is_sorted_by_key(|spell| spell.first), "{code}");
        assert!(history.spells.iter().all(|spell| (spell.sigla == "EE") == code.is_foreign()), "{code}");
    }
}

#[test]
fn successors_are_known_codes_and_only_of_codes_that_ended() {
    for (code, history) in HISTORY.iter().filter(|(_, history)| history.successor.is_some()) {
        assert!(history.successor.is_some_and(|next| HISTORY.contains_key(&next) && next != *code), "{code}");
        assert!(history.spells.iter().all(|spell| spell.last.is_some()), "{code}");
    }
}

#[test]
fn accents_capitals_and_apostrophes_do_not_matter() {
    for prefix in ["forli", "FORLÌ", "Forli'"] {
        assert_eq!(found(prefix, "2026-01-01"), ["Forlì", "Forlì del Sannio", "Forlimpopoli"], "{prefix}");
    }
    assert_eq!(found("agliè", "2026-01-01"), found("AGLIE", "2026-01-01"));
    assert_eq!(found("aglie", "2026-01-01"), ["Agliè", "Aglientu"]);
    assert_eq!(found("sant'andrea di c", "2026-01-01"), found("sant andrea di c", "2026-01-01"));
}

#[test]
fn other_official_names_are_found() {
    assert_eq!(found("bozen", "2026-01-01"), ["Bolzano"]);
    assert_eq!(found("devin", "2026-01-01").len(), 1);
}

#[test]
fn an_empty_prefix_finds_nothing() {
    assert!(found("", "2026-01-01").is_empty());
    assert!(found(" '-", "2026-01-01").is_empty());
}
