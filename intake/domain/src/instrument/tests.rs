//! Every rule refuses, naming the place; the strumenti shipped pass.

use super::*;
use crate::person::{Citizenship, Disadvantage, Education, Household, PersonaFacts, Sex, Work};
use crate::scoring::Sheet;

/// Every key of format 1, stored once and never changed.
const SMALL: &str = include_str!("../../tests/fixtures/definition-1.toml");
/// Every key that format 2 added, stored once and never changed.
const SMALL_2: &str = include_str!("../../tests/fixtures/definition-2.toml");

#[test]
fn the_small_definition_reads_as_written() {
    let instrument = Instrument::parse(SMALL).expect("the small definition keeps every rule");
    assert_eq!(instrument.title.as_str(), "Piccolo");
    assert_eq!(instrument.title.in_language("en"), "Small");
    assert_eq!(instrument.description.in_language("en"), "Una prova.");
    let paragraphs: Vec<&str> = instrument.scales[0].levels[0].paragraph.paragraphs().collect();
    assert_eq!(paragraphs, ["Una riga che continua.", "Un secondo capoverso."]);
    assert_eq!(instrument.items[1].options[0].points, [1, 0], "reversed: the lowest value gives most");
    assert_eq!(instrument.items[0].missing, [Missing::Refused]);
    assert_eq!(instrument.items[1].missing, []);
    assert_eq!(instrument.mappings[0].items[&Id::parse("old").unwrap()].to, 0);
    assert_eq!(instrument.sha256, "84d78738583288e959124d8748b34599e59c7a805ad2fedc7a37baeb987fcd38");
}

#[test]
fn answers_of_an_earlier_version_read_as_the_mapping_says() {
    let instrument = Instrument::parse(SMALL).unwrap();
    let id = |text: &str| Id::parse(text).unwrap();
    let sheet: Sheet = [(id("old"), Answer::Value(2)), (id("gone"), Answer::Value(1))].into();
    let read = instrument.from_version(1, &sheet).unwrap();
    assert_eq!(read, [(id("first"), Answer::Value(3))].into());
    let missing: Sheet = [(id("old"), Answer::Missing(Missing::Refused))].into();
    assert_eq!(instrument.from_version(1, &missing).unwrap()[&id("first")], Answer::Missing(Missing::Refused));
    assert!(instrument.from_version(1, &[(id("old"), Answer::Value(7))].into()).unwrap().is_empty());
    assert_eq!(instrument.from_version(instrument.version, &sheet), Some(sheet.clone()));
    assert_eq!(instrument.from_version(99, &sheet), None);
}

/// What was scored once is scored the same for ever.
#[test]
fn definition_1_is_scored_as_it_was() {
    let instrument = Instrument::parse(SMALL).unwrap();
    let scored = |answers: &[(&str, i16)]| {
        let sheet = answers.iter().map(|(item, value)| (Id::parse(item).unwrap(), Answer::Value(*value))).collect();
        let scoring = instrument.score(&sheet).unwrap();
        let scales: Vec<_> = scoring
            .scales
            .iter()
            .map(|scale| (scale.points, scale.reachable, scale.is_valid, scale.level.map(|level| level.level)))
            .collect();
        (scales, scoring.blocks.len(), scoring.profile)
    };
    assert_eq!(
        scored(&[("first", 2), ("second", 0), ("calm_item", 1)]),
        (vec![(3, 5, true, Some(1)), (1, 1, true, None)], 0, Some(0))
    );
    assert_eq!(scored(&[("first", 1), ("second", 0)]), (vec![(1, 5, true, Some(0)), (0, 0, false, None)], 1, Some(1)));
    assert_eq!(scored(&[("second", 1)]), (vec![(0, 1, false, None), (0, 0, false, None)], 0, None));
}

/// Replaces `from` by `to` in the small definition and expects one of the errors to be at `place` against `rule`.
fn check(from: &str, to: &str, place: &str, rule: Rule) {
    check_in(SMALL, from, to, place, rule);
}

fn check_in(definition: &str, from: &str, to: &str, place: &str, rule: Rule) {
    assert!(definition.contains(from), "the definition has no «{from}»");
    let errors = Instrument::parse(&definition.replacen(from, to, 1)).expect_err("a rule is broken");
    assert!(
        errors.iter().any(|error| error.place == place && error.rule == rule),
        "expected [{}] at {place}, got: {errors:#?}",
        rule.code()
    );
}

#[test]
fn every_rule_refuses_and_says_where() {
    check("format = 1", "", "file", Rule::Format);
    check("format = 1", "format = 9", "file", Rule::Format);
    check("version = 2", "version = 2\nverison = 3", "file", Rule::Toml);
    check("id = \"first\"", "id = \"First\"", "item First", Rule::Id);
    check("version = 2", "version = 0", "head", Rule::Id);
    check("id = \"second\"", "id = \"pseudonym\"", "item pseudonym", Rule::Id);
    check("id = \"second\"", "id = \"first\"", "item first", Rule::Unique);
    check("{ value = 2, text = \"b\"", "{ value = 1, text = \"b\"", "item first", Rule::Unique);
    check("id = \"high\"", "id = \"low\"", "scale work", Rule::Unique);
    check("languages = [\"it\", \"en\"]", "languages = [\"it\"]", "head, title", Rule::Language);
    check("languages = [\"it\", \"en\"]", "languages = []", "head", Rule::Language);
    check("text = \"Prima?\"", "text = \"  \"", "item first", Rule::Empty);
    check("licence = \"EUPL-1.2\"", "licence = \"\"", "head", Rule::Empty);
    check("points = { work = 2 }", "points = { wrok = 2 }", "item first, option 2", Rule::Known);
    check("blocks = [\"stop\"]", "blocks = [\"halt\"]", "item first, option 1", Rule::Known);
    check("azioni = [\"talk\"]", "azioni = [\"walk\"]", "scale work, level low", Rule::Known);
    check("option_set = \"yes_no\"", "option_set = \"no_yes\"", "item second", Rule::Known);
    check("when = { work = [\"high\"] }", "when = { work = [\"tall\"] }", "profile rule 1", Rule::Known);
    check("class = \"bad\"", "class = \"worse\"", "profile rule 2", Rule::Known);
    check("missing = []", "missing = [\"not_assessable\"]", "item second", Rule::Known);
    check("option_set = \"yes_no\"", "", "item second", Rule::Options);
    check(", { value = 1, text = \"Sì\" }", "", "option set yes_no", Rule::Options);
    check("value = 3,", "value = 1000,", "item first", Rule::Options);
    check("points = { work = 4 }", "points = { work = 1001 }", "item first, option 3", Rule::Points);
    check("text = \"Prima?\"", "text = \"Prima?\"\nkeys = { work = \"forward\" }", "item first", Rule::Points);
    check("text = \"No\" }", "text = \"No\", points = { work = 1 } }", "option set yes_no", Rule::Points);
    check(
        "[profile]",
        "[[scale]]\nid = \"idle\"\ntitle = \"I\"\ndescription = \"I.\"\nminimum_items = 1\n\n[profile]",
        "scale idle",
        Rule::Weight,
    );
    check("minimum_percent = 80", "minimum_percent = 0", "scale work", Rule::Minimum);
    check("minimum_percent = 80", "", "scale work", Rule::Minimum);
    check("minimum_percent = 80", "minimum_items = 3", "scale work", Rule::Minimum);
    check("from = 0", "from = 1", "scale work", Rule::Levels);
    check("from = 50", "from = 0", "scale work", Rule::Levels);
    check("from = 50", "from = 101", "scale work, level high", Rule::Levels);
    check("caps = { work = \"low\" }", "caps = { work = \"high\" }", "block stop", Rule::Caps);
    check("caps = { work = \"low\" }", "caps = {}", "block stop", Rule::Caps);
    check(", blocks = [\"stop\"]", "", "block stop", Rule::Caps);
    check("[[profile.rule]]\nclass = \"bad\"", "", "profile", Rule::Profile);
    check("when = { work = [\"high\"] }", "", "profile rule 2", Rule::Profile);
    check("class = \"bad\"", "class = \"good\"", "class bad", Rule::Profile);
    check("azioni = [\"talk\"]", "azioni = [\"talk\", \"talk\"]", "scale work, level low", Rule::Azioni);
    check("azioni = [\"talk\"]", "", "azione talk", Rule::Azioni);
    check("sem_hundredths = 500", "sem_hundredths = 0", "scale work", Rule::Reliability);
    check("from_version = 1", "from_version = 2", "mapping from version 2", Rule::Mapping);
    check("[2, 3]", "[2, 9]", "mapping from version 1, item old", Rule::Mapping);
    check("to = \"first\"", "to = \"third\"", "mapping from version 1, item old", Rule::Known);
}

/// As [`check`], in the definition of format 2.
fn check_2(from: &str, to: &str, place: &str, rule: Rule) {
    check_in(SMALL_2, from, to, place, rule);
}

#[test]
fn every_rule_of_format_2_refuses_and_says_where() {
    check_2("id = \"too_young\"", "id = \"Young\"", "consistency Young", Rule::Id);
    check_2("id = \"works_or_not\"", "id = \"too_young\"", "consistency too_young", Rule::Unique);
    check_2("text = \"La persona ha meno di 30 anni.\"", "text = \" \"", "consistency too_young", Rule::Empty);
    check_2("en = \"Does she work now?\"", "fr = \"?\"", "consistency works_or_not", Rule::Language);
    check_2("severity = \"hard\"", "severity = \"fatal\"", "file", Rule::Toml);
    check_2("age_max = 29", "age_most = 29", "file", Rule::Toml);
    check_2("age_band = [2]", "age_hand = [2]", "consistency too_young", Rule::Known);
    check_2("age_band = [2]", "age_band = [3]", "consistency too_young", Rule::Known);
    check_2("age_band = [2]", "age_band = [70000]", "consistency too_young", Rule::Known);
    check_2("age_band = [2]", "age_band = [2, 2]", "consistency too_young", Rule::Unique);
    check_2("age_band = [2]", "age_band = []", "consistency too_young", Rule::Consistency);
    check_2("age_band = [2]", "age_band = [1, 2]", "consistency too_young", Rule::Consistency);
    check_2("answers = { age_band = [2] }, ", "", "consistency too_young", Rule::Consistency);
    check_2("when = { age_max = 17 }", "when = {}", "consistency not_for_children", Rule::Consistency);
    check_2("age_max = 29", "age_max = 131", "consistency too_young", Rule::Consistency);
    check_2("age_max = 29", "age_max = -1", "consistency too_young", Rule::Consistency);
    check_2("age_min = 18", "age_min = 65", "consistency everything", Rule::Consistency);
    check_2("sex = [\"f\"]", "sex = [\"w\"]", "consistency everything", Rule::Known);
    check_2("[\"isced_2\",", "[\"media\",", "consistency everything", Rule::Known);
    check_2("[\"it\", \"eu\"], household", "[\"it\", \"us\"], household", "consistency everything", Rule::Known);
    check_2("[\"alone\"]", "[\"solo\"]", "consistency everything", Rule::Known);
    check_2("[\"employed\"]", "[\"busy\"]", "consistency everything", Rule::Known);
    check_2("[\"employed\"]", "[]", "consistency everything", Rule::Consistency);
    check_2("[\"employed\"]", "[\"employed\", \"employed\"]", "consistency everything", Rule::Unique);
    check_2("\"poverty\"", "\"poor\"", "consistency everything", Rule::Known);
    check_2("areas_147 = [\"abitazione\"]", "areas_147 = [\"casa\"]", "item home", Rule::Known);
    check_2("areas_147 = [\"abitazione\"]", "areas_147 = []", "item home", Rule::Crosswalk);
    check_2("icf = [\"e1\", \"d6\"]", "icf = [\"e1\", \"e1\"]", "item home", Rule::Unique);
    check_2("icf = [\"d8\"]", "icf = [\"d10\"]", "section first", Rule::Known);
    check_2("easy = { it = \"Puoi cercare un lavoro.\"", "#", "scale work, level high", Rule::Easy);
    check_2("easy = \"Va bene.\"", "", "class good", Rule::Easy);
    check_2("easy = \"Va bene.\"", "easy = \"\"", "class good, easy", Rule::Empty);
    check_2("en = \"Working\"", "en = \"\"", "scale work, easy_title", Rule::Empty);
    check_2("window_days = 30\nreassess_after_days = 90", "reassess_after_days = 0", "head", Rule::Reassess);
    check_2("reassess_after_days = 90", "reassess_after_days = 4000", "head", Rule::Reassess);
    check_2("reassess_after_days = 90", "reassess_after_days = 29", "head", Rule::Reassess);
    check_2("people = 100", "people = 29", "head", Rule::Reliability);
    check_2("people = 100", "people = 1000001", "head", Rule::Reliability);
}

#[test]
fn a_file_of_format_1_has_none_of_the_parts_of_format_2() {
    let errors = Instrument::parse(&SMALL_2.replacen("format = 2", "format = 1", 1)).expect_err("they are all newer");
    assert!(errors.iter().all(|error| error.rule == Rule::Format), "{errors:#?}");
    let said: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.place, error.message.split(' ').next().unwrap_or_default()))
        .collect();
    assert_eq!(
        said,
        [
            "head: reassess_after_days",
            "head: reliability_enough",
            "consistency too_young: [[consistency]]",
            "consistency works_or_not: [[consistency]]",
            "consistency everything: [[consistency]]",
            "consistency not_for_children: [[consistency]]",
            "section first: areas_147",
            "section first: icf",
            "item last_job: areas_147",
            "item home: areas_147",
            "item home: icf",
            "scale work: easy_title",
            "scale work, level low: easy",
            "scale work, level high: easy",
            "class good: easy",
            "class bad: easy",
        ]
    );
    let renewed = SMALL.replacen("format = 1", "format = 2", 1);
    let (old, new) = (Instrument::parse(SMALL).unwrap(), Instrument::parse(&renewed).unwrap());
    assert_eq!(Instrument { sha256: old.sha256.clone(), ..new }, old, "what format 1 says, format 2 says too");
}

#[test]
fn definition_2_reads_as_written() {
    let instrument = Instrument::parse(SMALL_2).expect("the definition of format 2 keeps every rule");
    assert_eq!(instrument.sha256, "7b236a8e18ca82aae017d14959e26ba3d17cf58d2b73c1b27806ee1a106fd738");
    assert_eq!((instrument.reassess_after_days, instrument.reliability_enough), (Some(90), Some(100)));

    let areas: Vec<&[Area147]> = instrument.items.iter().map(|item| item.areas_147.as_slice()).collect();
    let chapters: Vec<Vec<String>> =
        instrument.items.iter().map(|item| item.icf.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(areas, [&[Area147::Person, Area147::Work][..], &[Area147::Work], &[Area147::Housing]]);
    assert_eq!(chapters, [&["d8"][..], &["d8"], &["d6", "e1"]], "the section's where the item has none");
    let own = SMALL_2.replacen("areas_147 = [\"lavoro\"]", "areas_147 = [\"lavoro\"]\nicf = [\"d7\"]", 1);
    let chapter = Instrument::parse(&own).unwrap().items[1].icf.clone();
    assert_eq!(chapter, [IcfChapter::from_code("d7").unwrap()], "its own where it has one");
    let by_area = instrument.items_by_area_147();
    assert_eq!(by_area[&Area147::Work], [0, 1]);
    assert_eq!(by_area[&Area147::Housing], [2]);
    assert_eq!(by_area[&Area147::Networks], [0_usize; 0]);
    let by_icf: Vec<(String, Vec<usize>)> =
        instrument.items_by_icf().into_iter().map(|(chapter, items)| (chapter.code(), items)).collect();
    assert_eq!(by_icf, [("d6".to_owned(), vec![2]), ("d8".into(), vec![0, 1]), ("e1".into(), vec![2])]);

    let scale = &instrument.scales[0];
    assert_eq!(scale.easy_title.as_ref().map(|title| title.in_language("en")), Some("Working"));
    let easy: Vec<Option<&str>> = scale.levels.iter().map(|level| level.easy.as_ref().map(Text::as_str)).collect();
    assert_eq!(easy, [Some("Il lavoro può aspettare. Prima ci sono altre cose."), Some("Puoi cercare un lavoro.")]);
    let classes = &instrument.profile.as_ref().unwrap().classes;
    assert_eq!(classes[1].easy.as_ref().map(Text::as_str), Some("Ci vuole tempo."));

    let rules: Vec<(&str, Severity)> =
        instrument.consistency.iter().map(|rule| (rule.id.as_str(), rule.severity)).collect();
    assert_eq!(rules[..2], [("too_young", Severity::Hard), ("works_or_not", Severity::Soft)]);
    assert_eq!(instrument.consistency[1].text.in_language("en"), "Does she work now?");

    let scoring = instrument.score(&sheet(&[("age_band", 1), ("last_job", 3), ("home", 1)])).unwrap();
    let score = &scoring.scales[0];
    assert_eq!((score.points, score.reachable, score.level.map(|scored| scored.level)), (5, 6, Some(0)));
    assert_eq!((scoring.blocks.len(), scoring.profile), (1, Some(1)));
}

fn sheet(answers: &[(&str, i16)]) -> Sheet {
    answers.iter().map(|(item, value)| (Id::parse(item).unwrap(), Answer::Value(*value))).collect()
}

/// The rules of a strumento that fire.
fn fired<'a>(instrument: &'a Instrument, sheet: &Sheet, facts: &PersonaFacts) -> Vec<&'a str> {
    instrument.inconsistencies(sheet, facts).into_iter().map(|rule| rule.id.as_str()).collect()
}

#[test]
fn a_rule_fires_when_all_its_conditions_are_known_to_hold() {
    let instrument = Instrument::parse(SMALL_2).unwrap();
    let aged = |age| PersonaFacts { age: Some(age), ..PersonaFacts::default() };
    let check = |answers: &[(&str, i16)], facts: &PersonaFacts, expected: &[&str]| {
        assert_eq!(fired(&instrument, &sheet(answers), facts), expected, "{answers:?}, {facts:?}");
    };
    check(&[("age_band", 2)], &aged(29), &["too_young"]);
    check(&[("age_band", 2)], &aged(30), &[]);
    check(&[("age_band", 1)], &aged(29), &[]);
    check(&[], &aged(29), &[]);
    check(&[("age_band", 2)], &PersonaFacts::default(), &[]);
    check(&[], &aged(17), &["not_for_children"]);
    check(&[("age_band", 2)], &aged(17), &["too_young", "not_for_children"]);
    let refused = [(Id::parse("age_band").unwrap(), Answer::Missing(Missing::Refused))].into();
    assert_eq!(fired(&instrument, &refused, &aged(29)), [""; 0]);

    let retired = PersonaFacts { work: Some(Work::Retired), ..PersonaFacts::default() };
    check(&[("last_job", 3), ("home", 2)], &retired, &["works_or_not"]);
    check(&[("last_job", 3), ("home", 1)], &retired, &[]);
    check(&[("last_job", 3)], &retired, &[]);
    check(&[("last_job", 3), ("home", 2)], &PersonaFacts { work: Some(Work::Employed), ..retired }, &[]);

    // Every condition of the longest rule is needed: without the fact, or with another one, it does not fire.
    let all = PersonaFacts {
        age: Some(18),
        sex: Some(Sex::Female),
        education: Some(Education::UpperSecondary),
        citizenship: Some(Citizenship::Eu),
        household: Some(Household::Alone),
        work: Some(Work::Employed),
        disadvantage: Some([Disadvantage::Other, Disadvantage::Poverty].into()),
    };
    let answers = [("last_job", 1)];
    check(&answers, &all, &["everything"]);
    check(&answers, &PersonaFacts { age: Some(64), ..all.clone() }, &["everything"]);
    for fewer in [
        PersonaFacts { age: None, ..all.clone() },
        PersonaFacts { age: Some(65), ..all.clone() },
        PersonaFacts { sex: None, ..all.clone() },
        PersonaFacts { sex: Some(Sex::Male), ..all.clone() },
        PersonaFacts { education: None, ..all.clone() },
        PersonaFacts { education: Some(Education::Primary), ..all.clone() },
        PersonaFacts { citizenship: None, ..all.clone() },
        PersonaFacts { citizenship: Some(Citizenship::NonEu), ..all.clone() },
        PersonaFacts { household: None, ..all.clone() },
        PersonaFacts { household: Some(Household::Couple), ..all.clone() },
        PersonaFacts { work: None, ..all.clone() },
        PersonaFacts { work: Some(Work::Inactive), ..all.clone() },
        PersonaFacts { disadvantage: None, ..all.clone() },
        PersonaFacts { disadvantage: Some([Disadvantage::Other].into()), ..all.clone() },
        PersonaFacts { disadvantage: Some([].into()), ..all.clone() },
    ] {
        check(&answers, &fewer, &[]);
    }
    check(&answers, &PersonaFacts { age: Some(17), ..all }, &["not_for_children"]);
}

#[test]
fn what_is_too_large_or_hides_something_is_refused() {
    check("text = \"Prima?\"", "text = \"Pri\\u202Ema?\"", "item first", Rule::Text);
    check("title = \"Basso\"", "title = \"\\u200B\"", "scale work, level low", Rule::Text);
    check("blocks = [\"stop\"]", "blocks = [\"stop\", \"stop\"]", "item first, option 1", Rule::Unique);
    check("missing = []", "missing = [\"refused\", \"refused\"]", "item second", Rule::Unique);
    check("[2, 3]", "[-1, 3]", "mapping from version 1, item old", Rule::Mapping);
    check("languages = [\"it\", \"en\"]", "languages = [\"it\", \"-\"]", "head", Rule::Language);
    let huge = "{ value = 9223372036854775807, text = \"Sì\" }";
    check("{ value = 1, text = \"Sì\" }", huge, "option set yes_no", Rule::Options);
    let item = "[[section.item]]\nid = \"x\"\ntext = \"X\"\noption_set = \"yes_no\"\n\n";
    check("[[scale]]", &format!("{}[[scale]]", item.repeat(500)), "head", Rule::Size);
    check("format = 1", &format!("format = 1\n#{}", "x".repeat(2 * 1024 * 1024)), "file", Rule::Size);
}

#[test]
fn errors_do_not_play_with_the_terminal() {
    let broken = SMALL.replacen("id = \"first\"", "id = \"\\u001b[31m\"", 1);
    for error in Instrument::parse(&broken).expect_err("an id is broken") {
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let broken = SMALL.replacen("from = 50", "from = 0", 1).replacen("id = \"second\"", "id = \"first\"", 1);
    assert!(Instrument::parse(&broken).expect_err("two rules are broken").len() >= 2);
}

#[test]
fn the_strumenti_shipped_keep_every_rule() {
    for (name, text) in crate::shipped_for_tests() {
        let result = Instrument::parse(text);
        assert!(result.is_ok(), "{name}: {:#?}", result.err());
    }
}

/// The strumenti shipped, ASSO first.
fn shipped() -> [Instrument; 2] {
    crate::shipped_for_tests().map(|(_, text)| Instrument::parse(text).unwrap())
}

#[test]
fn every_item_shipped_says_what_it_is_about() {
    for instrument in shipped() {
        let without_area: Vec<&str> =
            instrument.items.iter().filter(|item| item.areas_147.is_empty()).map(|item| item.id.as_str()).collect();
        assert_eq!(without_area, [""; 0], "{}", instrument.id);
        assert!(instrument.items_by_area_147().values().all(|items| !items.is_empty()), "{}", instrument.id);
        let without_chapter: Vec<&str> =
            instrument.items.iter().filter(|item| item.icf.is_empty()).map(|item| item.id.as_str()).collect();
        // Age is a personal factor, and the ICF classifies none.
        let expected: &[&str] = if instrument.id.as_str() == "asso" { &["fascia_eta"] } else { &[] };
        assert_eq!(without_chapter, expected, "{}", instrument.id);
        // No body structure, and of body functions the mind alone: nobody here examines a body.
        assert!(instrument.items_by_icf().keys().all(|chapter| {
            let code = chapter.code();
            code == "b1" || code.starts_with(['d', 'e'])
        }));
    }
}

/// Short sentences, each on one thought: at most sixteen words, at most six sentences, and «lei», never «tu»: whoever
/// reads is an adult, and is spoken to as one.
#[test]
fn easy_words_are_easy() {
    let mut count = 0;
    for instrument in shipped() {
        let levels = instrument.scales.iter().flat_map(|scale| &scale.levels).map(|level| (&level.id, &level.easy));
        let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
        for (id, easy) in levels.chain(classes.map(|class| (&class.id, &class.easy))) {
            let easy = easy.as_ref().unwrap_or_else(|| panic!("{} has no easy words", id)).as_str();
            let sentences: Vec<&str> = easy.split_inclusive(['.', '?', '!']).map(str::trim).collect();
            assert!(sentences.iter().all(|sentence| sentence.ends_with(['.', '?', '!'])), "{easy}");
            assert!((2..=6).contains(&sentences.len()), "{easy}");
            for sentence in sentences {
                assert!(sentence.split_whitespace().count() <= 16, "{sentence}");
            }
            let words: Vec<String> =
                easy.split(|character: char| !character.is_alphabetic()).map(str::to_lowercase).collect();
            let familiar = ["tu", "ti", "te", "tuo", "tua", "tue", "tuoi", "puoi", "hai", "devi", "vuoi"];
            for hard in familiar.into_iter().chain(["progettualità", "occupabilità", "indice", "livello", "profilo"])
            {
                assert!(!words.iter().any(|word| word == hard), "«{hard}»: {easy}");
            }
            count += 1;
        }
        assert!(instrument.scales.iter().all(|scale| scale.easy_title.is_some()));
    }
    assert_eq!(count, 3 * 4 + 5 + 5 * 4);
}

#[test]
fn every_rule_shipped_can_fire_and_asks_something_new() {
    for instrument in shipped() {
        for rule in &instrument.consistency {
            let conditions = &rule.facts;
            let facts = PersonaFacts {
                age: conditions.age_min.or(conditions.age_max),
                sex: first(conditions.sex.as_ref()),
                education: first(conditions.education.as_ref()),
                citizenship: first(conditions.citizenship.as_ref()),
                household: first(conditions.household.as_ref()),
                work: first(conditions.work.as_ref()),
                disadvantage: conditions.disadvantage_any.clone(),
            };
            let sheet: Sheet = rule
                .answers
                .iter()
                .map(|(item, values)| {
                    (instrument.items[*item].id.clone(), Answer::Value(*values.iter().next().unwrap()))
                })
                .collect();
            assert!(instrument.score(&sheet).is_ok());
            assert_eq!(fired(&instrument, &sheet, &facts), [rule.id.as_str()]);
            assert_eq!(fired(&instrument, &Sheet::new(), &PersonaFacts::default()), [""; 0]);
        }
        let texts: std::collections::BTreeSet<&str> =
            instrument.consistency.iter().map(|rule| rule.text.as_str()).collect();
        assert_eq!(texts.len(), instrument.consistency.len());
    }
}

fn first<T: Copy>(set: Option<&std::collections::BTreeSet<T>>) -> Option<T> {
    set.and_then(|set| set.iter().next().copied())
}

#[test]
fn only_the_band_of_the_age_can_be_validated() {
    let [asso, isa] = shipped();
    for age in 0..=130_u8 {
        let facts = PersonaFacts { age: Some(age), ..PersonaFacts::default() };
        let possible: Vec<i16> = (1..=5)
            .filter(|band| {
                let sheet = sheet(&[("fascia_eta", *band)]);
                asso.inconsistencies(&sheet, &facts).iter().all(|rule| rule.severity == Severity::Soft)
            })
            .collect();
        let expected = match age {
            0..=24 => 1,
            25..=34 => 2,
            35..=49 => 3,
            50..=59 => 4,
            60.. => 5,
        };
        assert_eq!(possible, [expected], "{age}");
    }
    let hard =
        |instrument: &Instrument| instrument.consistency.iter().filter(|rule| rule.severity == Severity::Hard).count();
    assert_eq!((hard(&asso), asso.consistency.len()), (5, 24));
    assert_eq!((hard(&isa), isa.consistency.len()), (0, 11));
    assert_eq!((asso.reassess_after_days, isa.reassess_after_days), (Some(180), Some(90)));
}

/// The page that owners of questionnaires read names every code that a file of theirs may name.
#[test]
fn the_page_of_the_format_names_every_code() {
    let page = include_str!("../../../../docs/definition-format.md");
    let areas = Area147::ALL.iter().map(|area| area.code());
    let codes = areas
        .chain(Sex::ALL.iter().map(|this| this.code()))
        .chain(Education::ALL.iter().map(|this| this.code()))
        .chain(Citizenship::ALL.iter().map(|this| this.code()))
        .chain(Household::ALL.iter().map(|this| this.code()))
        .chain(Work::ALL.iter().map(|this| this.code()))
        .chain(Disadvantage::ALL.iter().map(|this| this.code()));
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
    for area in Area147::ALL {
        assert!(page.contains(area.label()), "{}", area.label());
    }
    for rule in [Rule::Consistency, Rule::Crosswalk, Rule::Easy, Rule::Reassess, Rule::Reliability, Rule::Format] {
        assert!(page.contains(&format!("\n| `{}` |", rule.code())), "{}", rule.code());
    }
}
