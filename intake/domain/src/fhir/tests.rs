//! Every item and option is there, and a response reads back as the sheet it was made of. Whether the resources keep
//! to the published structure of FHIR is checked in tests/browser/fhir.test.js, by a validator that is not ours.

use std::collections::BTreeSet;

use super::*;

const SMALL: &str = include_str!("../../tests/fixtures/definition-1.toml");

fn shipped() -> [Instrument; 2] {
    crate::shipped_for_tests().map(|(_, text)| Instrument::parse(text).unwrap())
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn respond(instrument: &Instrument, sheet: &Sheet) -> Value {
    let authored = DateTime::from_timestamp(1_795_860_000, 987_000_000).unwrap();
    questionnaire_response(instrument, sheet, authored, Uuid::from_u128(7)).unwrap()
}

/// All items of a tree, in its order.
fn flat(resource: &Value) -> Vec<&Value> {
    let children = resource["item"].as_array().map(Vec::as_slice).unwrap_or_default();
    children.iter().flat_map(|item| std::iter::once(item).chain(flat(item))).collect()
}

/// The sheet that a response tells.
fn read_back(instrument: &Instrument, response: &Value) -> Sheet {
    flat(response)
        .into_iter()
        .filter(|item| item.get("answer").is_some())
        .map(|item| {
            let item_id = id(item["linkId"].as_str().unwrap());
            let coding = &item["answer"][0]["valueCoding"];
            let code = coding["code"].as_str().unwrap();
            let answer = if coding["system"] == json!(missing_system()) {
                Answer::Missing(serde_json::from_value(json!(code)).unwrap())
            } else {
                assert_eq!(coding["system"], json!(item_system(instrument, &item_id)));
                Answer::Value(code.parse().unwrap())
            };
            (item_id, answer)
        })
        .collect()
}

#[test]
fn a_questionnaire_has_every_item_with_its_options() {
    for instrument in shipped() {
        let resource = questionnaire(&instrument);
        assert_eq!(resource["status"], "draft");
        assert_eq!(resource["url"], json!(canonical(&instrument)));
        assert_eq!(resource["version"], "1");
        assert_eq!(resource["identifier"][0]["value"], json!(instrument.sha256));
        let items = flat(&resource);
        let links: BTreeSet<&str> = items.iter().map(|item| item["linkId"].as_str().unwrap()).collect();
        assert_eq!(links.len(), items.len(), "link ids are unique");
        let groups: Vec<&&Value> = items.iter().filter(|item| item["type"] == "group").collect();
        assert_eq!(groups.len(), instrument.sections.len());
        let questions: Vec<&&Value> = items.iter().filter(|item| item["type"] == "choice").collect();
        assert_eq!(questions.len(), instrument.items.len());
        for (question, item) in questions.iter().zip(&instrument.items) {
            assert_eq!(question["linkId"], json!(item.id));
            assert_eq!(question["text"], json!(item.text.as_str()));
            let codes: Vec<&str> = question["answerOption"]
                .as_array()
                .unwrap()
                .iter()
                .map(|option| option["valueCoding"]["code"].as_str().unwrap())
                .collect();
            let expected: Vec<String> = item
                .options
                .iter()
                .map(|option| option.value.to_string())
                .chain(
                    item.missing
                        .iter()
                        .map(|missing| serde_json::to_value(missing).unwrap().as_str().unwrap().to_owned()),
                )
                .collect();
            assert_eq!(codes, expected, "{}", item.id);
            let help = question["item"][0]["text"].as_str();
            assert_eq!(help, item.help.as_ref().map(Text::as_str));
        }
    }
    let official = Instrument::parse(&SMALL.replacen("\"non ufficiale\"", "\"ufficiale\"", 1)).unwrap();
    let resource = questionnaire(&official);
    assert_eq!(resource["status"], "active");
    assert_eq!(resource["name"], "Small");
    assert_eq!(resource["title"], "Piccolo: Sottotitolo");
    assert_eq!(resource["item"][0]["item"][0]["text"], "Due parole prima.");
}

/// The same number means another thing in another item, and the same id another thing for a section.
#[test]
fn what_is_not_the_same_has_not_the_same_name() {
    for instrument in shipped() {
        let systems: BTreeSet<String> =
            instrument.items.iter().map(|item| item_system(&instrument, &item.id)).collect();
        assert_eq!(systems.len(), instrument.items.len());
    }
    let alike = Instrument::parse(&SMALL.replacen("id = \"only\"", "id = \"first\"", 1)).unwrap();
    let resource = questionnaire(&alike);
    let items = flat(&resource);
    assert_eq!(items.iter().map(|item| item["linkId"].as_str()).collect::<BTreeSet<_>>().len(), items.len());
}

#[test]
fn a_response_reads_back_as_its_sheet() {
    for instrument in shipped() {
        let of_places = |shift: usize| -> Sheet {
            let answer = |(index, item): (usize, &Item)| {
                let place = (index + shift) % (item.options.len() + item.missing.len());
                let answer = match item.options.get(place) {
                    Some(option) => Answer::Value(option.value),
                    None => Answer::Missing(item.missing[place - item.options.len()]),
                };
                (item.id.clone(), answer)
            };
            instrument.items.iter().enumerate().map(answer).collect()
        };
        for shift in 0..7 {
            let sheet = of_places(shift);
            let response = respond(&instrument, &sheet);
            assert_eq!(read_back(&instrument, &response), sheet);
            assert_eq!(response["questionnaire"], json!(format!("{}|1", canonical(&instrument))));
            let offered: BTreeSet<&str> = flat(&response).iter().map(|item| item["linkId"].as_str().unwrap()).collect();
            let resource = questionnaire(&instrument);
            let known: BTreeSet<&str> = flat(&resource).iter().map(|item| item["linkId"].as_str().unwrap()).collect();
            assert!(offered.is_subset(&known));
        }
        let first = &instrument.items[0].id;
        let blank = Sheet::from([(first.clone(), Answer::Missing(Missing::NotAnswered))]);
        assert_eq!(respond(&instrument, &blank).get("item"), None, "what is blank is absent");
        let wrong = Sheet::from([(id("no_such_item"), Answer::Value(1))]);
        assert!(questionnaire_response(&instrument, &wrong, DateTime::UNIX_EPOCH, Uuid::nil()).is_err());
    }
}

#[test]
fn scores_are_proposals_in_whole_numbers() {
    let instrument = Instrument::parse(SMALL).unwrap();
    let answers = |first: i16| Sheet::from([(id("first"), Answer::Value(first)), (id("second"), Answer::Value(0))]);
    let response = respond(&instrument, &answers(2));
    let observations = response["contained"].as_array().unwrap();
    let ids: Vec<&str> = observations.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["scale-work", "scale-calm", "profile"]);
    for observation in observations {
        assert_eq!(observation["status"], "preliminary");
        assert_eq!(observation["derivedFrom"][0]["reference"], "#");
        assert_eq!(observation["subject"], response["subject"]);
        assert_eq!(observation["effectiveDateTime"], response["authored"]);
    }
    let ratio = |points: i32, reachable: i32| json!({ "numerator": { "value": points }, "denominator": { "value": reachable } });
    assert_eq!(observations[0]["valueRatio"], ratio(3, 5));
    let level = |observation: &Value, code: &str| {
        observation["component"]
            .as_array()
            .unwrap()
            .iter()
            .find(|component| component["code"]["coding"][0]["code"] == code)
            .map(|component| component["valueCodeableConcept"]["coding"][0]["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(level(&observations[0], "level").as_deref(), Some("high"));
    assert_eq!(level(&observations[0], "level-before-blocks"), None);
    assert_eq!(observations[1].get("valueRatio"), None, "nothing answered");
    assert_eq!(observations[1]["dataAbsentReason"]["coding"][0]["code"], "unknown");
    assert_eq!(observations[2]["valueCodeableConcept"]["coding"][0]["code"], "good");

    // With a block the level is lower, and both are told. All points are reached but for the one that sets the block.
    let capped = SMALL.replacen("text = \"a\", blocks", "text = \"a\", points = { work = 4 }, blocks", 1);
    let instrument = Instrument::parse(&capped).unwrap();
    let response = respond(&instrument, &answers(1));
    let observations = response["contained"].as_array().unwrap();
    assert_eq!(level(&observations[0], "level").as_deref(), Some("low"));
    assert_eq!(level(&observations[0], "level-before-blocks").as_deref(), Some("high"));
    let block = observations.iter().find(|it| it["id"] == "block-stop").unwrap();
    assert_eq!(block["valueBoolean"], true);
    assert_eq!(block["code"]["coding"][0]["display"], "Manca");
}

#[test]
fn nobody_is_named() {
    let instrument = Instrument::parse(SMALL).unwrap();
    let response = respond(&instrument, &Sheet::new());
    let expected = json!({
        "type": "Patient",
        "identifier": {
            "system": "urn:ietf:rfc:3986",
            "value": "urn:uuid:00000000-0000-0000-0000-000000000007",
        },
    });
    assert_eq!(response["subject"], expected);
    assert_eq!(response["authored"], "2026-11-28T10:00:00Z", "no fraction of a second");
    for key in ["author", "source", "encounter", "basedOn", "partOf", "text"] {
        assert_eq!(response.get(key), None);
    }
}

/// FHIR's ids are short and of few characters; the longest of ours must fit.
#[test]
fn ids_of_contained_resources_are_ids_of_fhir() {
    for instrument in shipped() {
        let blocks = instrument.blocks.iter().map(|block| resource_id("block", &block.id));
        let scales = instrument.scales.iter().map(|scale| resource_id("scale", &scale.id));
        for id in blocks.chain(scales).chain([resource_id("scale", &id(&format!("a{}", "_".repeat(31))))]) {
            assert!(id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{id}");
        }
    }
}
