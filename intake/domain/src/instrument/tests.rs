//! Every rule refuses, naming the place; the strumenti shipped pass.

use super::*;

/// Every key of format 1, stored once and never changed.
const SMALL: &str = include_str!("../../tests/fixtures/definition-1.toml");

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
    assert!(SMALL.contains(from), "the small definition has no «{from}»");
    let errors = Instrument::parse(&SMALL.replacen(from, to, 1)).expect_err("a rule is broken");
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
