//! A strumento and its answers as HL7 FHIR R4 (4.0.1), for systems that speak it: `Questionnaire` and
//! `QuestionnaireResponse`, as JSON.
//!
//! The person is an opaque UUID: the type leaves no room for an identity. A score travels as a contained `Observation`
//! that is derived from the response around it, always `preliminary`: it is what the rules propose, and the operator's
//! own evaluation is not in here. Texts are in the definition's first language. ADR 10 gives the reasons.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::instrument::{Answer, Id, Instrument, Item, Missing, Section, Status, Text};
use crate::scoring::{Refusal, ScaleScore, Sheet};

/// Under which our canonical addresses and code systems stand. They name, and nothing has to answer there.
const BASE: &str = "https://github.com/noncello/noncello/fhir";

/// The canonical address of a strumento, the same for all its versions.
#[must_use]
pub fn canonical(instrument: &Instrument) -> String {
    format!("{BASE}/Questionnaire/{}", instrument.id)
}

/// The system of the codes that say why an item has no option chosen.
#[must_use]
pub fn missing_system() -> String {
    format!("{BASE}/CodeSystem/missing")
}

/// The system of an item's values. Each item has its own: the value 3 of one item is not the value 3 of another.
#[must_use]
pub fn item_system(instrument: &Instrument, item: &Id) -> String {
    system(instrument, "item", Some(item))
}

/// The strumento as a `Questionnaire`: a group per section, a choice per item, whose options are its own and the kinds
/// of missing that the form offers for it.
#[must_use]
pub fn questionnaire(instrument: &Instrument) -> Value {
    json!({
        "resourceType": "Questionnaire",
        "language": language(instrument),
        "url": canonical(instrument),
        "identifier": [{ "system": format!("{BASE}/definition-sha256"), "value": instrument.sha256 }],
        "version": instrument.version.to_string(),
        "name": name(&instrument.id),
        "title": match &instrument.subtitle {
            Some(subtitle) => format!("{}: {subtitle}", instrument.title),
            None => instrument.title.to_string(),
        },
        // Somebody's own wording may be used, but is nobody's standard: that is a draft.
        "status": match instrument.status {
            Status::Official => "active",
            Status::Unofficial => "draft",
        },
        "subjectType": ["Patient"],
        "description": instrument.description.as_str(),
        "copyright": format!("{}\n\n{}", instrument.source, instrument.licence),
        "item": instrument.sections.iter().map(|section| group(instrument, section)).collect::<Vec<_>>(),
    })
}

/// The answers of one assessment as a `QuestionnaireResponse`, with what the rules make of them.
///
/// An item that was left blank is left out, as FHIR does. `subject` must be opaque to whoever receives it.
///
/// # Errors
/// As [`Instrument::score`].
pub fn questionnaire_response(
    instrument: &Instrument,
    sheet: &Sheet,
    authored: DateTime<Utc>,
    subject: Uuid,
) -> Result<Value, Refusal> {
    let authored = authored.to_rfc3339_opts(SecondsFormat::Secs, true);
    // A reference by identifier alone: there is no Patient resource, here or anywhere, that could be followed.
    let subject = json!({
        "type": "Patient",
        "identifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{}", subject.hyphenated()) },
    });
    let groups: Vec<Value> =
        instrument.sections.iter().filter_map(|section| answered_group(instrument, section, sheet)).collect();
    let mut resource = json!({
        "resourceType": "QuestionnaireResponse",
        "language": language(instrument),
        "contained": observations(instrument, sheet, &subject, &authored)?,
        "questionnaire": format!("{}|{}", canonical(instrument), instrument.version),
        "status": "completed",
        "subject": subject,
        "authored": authored,
    });
    // FHIR knows no empty lists: what has no element is absent.
    if !groups.is_empty() {
        resource["item"] = groups.into();
    }
    Ok(resource)
}

fn group(instrument: &Instrument, section: &Section) -> Value {
    let intro = section.intro.as_ref().map(|intro| display(&section_link(section), "intro", intro, None));
    let items = instrument.items[section.items.clone()].iter().map(|item| question(instrument, item));
    json!({
        "linkId": section_link(section),
        "type": "group",
        "text": section.title.as_str(),
        "item": intro.into_iter().chain(items).collect::<Vec<_>>(),
    })
}

fn question(instrument: &Instrument, item: &Item) -> Value {
    let values = item.options.iter().map(|option| value_coding(instrument, item, option.value, &option.text));
    let missing = item.missing.iter().map(|missing| missing_coding(instrument, *missing));
    let mut question = json!({
        "linkId": item.id.as_str(),
        "type": "choice",
        "text": item.text.as_str(),
        "answerOption": values.chain(missing).map(|coding| json!({ "valueCoding": coding })).collect::<Vec<_>>(),
    });
    if let Some(help) = &item.help {
        question["item"] = json!([display(item.id.as_str(), "help", help, Some("help"))]);
    }
    question
}

/// Words beside a group or a question; `control` says where a form should put them.
fn display(owner: &str, what: &str, text: &Text, control: Option<&str>) -> Value {
    let mut item = json!({ "linkId": format!("{owner}.{what}"), "type": "display", "text": text.as_str() });
    if let Some(control) = control {
        item["extension"] = json!([{
            "url": "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl",
            "valueCodeableConcept": {
                "coding": [{ "system": "http://hl7.org/fhir/questionnaire-item-control", "code": control }],
            },
        }]);
    }
    item
}

fn answered_group(instrument: &Instrument, section: &Section, sheet: &Sheet) -> Option<Value> {
    let answers: Vec<Value> = instrument.items[section.items.clone()]
        .iter()
        .filter_map(|item| {
            let coding = match sheet.get(&item.id)? {
                Answer::Value(value) => value_coding(instrument, item, *value, &item.option(*value)?.text),
                Answer::Missing(Missing::NotAnswered) => return None,
                Answer::Missing(missing @ (Missing::NotAssessable | Missing::Refused)) => {
                    missing_coding(instrument, *missing)
                }
            };
            Some(json!({
                "linkId": item.id.as_str(),
                "text": item.text.as_str(),
                "answer": [{ "valueCoding": coding }],
            }))
        })
        .collect();
    (!answers.is_empty())
        .then(|| json!({ "linkId": section_link(section), "text": section.title.as_str(), "item": answers }))
}

/// One observation per scale, then one per minimum condition that is missing, then the class of the profile.
fn observations(
    instrument: &Instrument,
    sheet: &Sheet,
    subject: &Value,
    authored: &str,
) -> Result<Vec<Value>, Refusal> {
    let scoring = instrument.score(sheet)?;
    let observation = |id: String, code: Value, told: Map<String, Value>| {
        let mut observation = json!({
            "resourceType": "Observation",
            "id": id,
            "status": "preliminary",
            "code": { "coding": [code] },
            "subject": subject,
            "effectiveDateTime": authored,
            "derivedFrom": [{ "reference": "#" }],
        });
        for (key, value) in told {
            observation[key] = value;
        }
        observation
    };
    let mut all = Vec::new();
    for (index, score) in scoring.scales.iter().enumerate() {
        let scale = &instrument.scales[index];
        let code = coding(instrument, "scale", &scale.id, &scale.title);
        all.push(observation(resource_id("scale", &scale.id), code, scale_result(instrument, index, score)));
    }
    for block in scoring.blocks.keys().map(|block| &instrument.blocks[*block]) {
        let told = Map::from_iter([("valueBoolean".to_owned(), json!(true))]);
        let code = coding(instrument, "block", &block.id, &block.title);
        all.push(observation(resource_id("block", &block.id), code, told));
    }
    if let (Some(profile), Some(class)) = (&instrument.profile, scoring.profile) {
        let class = &profile.classes[class];
        let value = json!({ "coding": [coding(instrument, "class", &class.id, &class.title)] });
        let code = json!({ "system": score_system(), "code": "profile", "display": profile.title.as_str() });
        let told = Map::from_iter([("valueCodeableConcept".to_owned(), value)]);
        all.push(observation("profile".into(), code, told));
    }
    Ok(all)
}

/// The two whole numbers that the index is made of, and the level; of a result that is not valid, that it is not known.
fn scale_result(instrument: &Instrument, index: usize, score: &ScaleScore) -> Map<String, Value> {
    let levels = &instrument.scales[index].levels;
    let system = format!("{}/level", system(instrument, "scale", Some(&instrument.scales[index].id)));
    let level = |level: usize| {
        let level = &levels[level];
        json!({ "coding": [{
            "system": system,
            "version": instrument.version.to_string(),
            "code": level.id.as_str(),
            "display": level.title.as_str(),
        }] })
    };
    let component = |code: &str, key: &str, value: Value| {
        let mut component = json!({ "code": { "coding": [{ "system": score_system(), "code": code }] } });
        component[key] = value;
        component
    };
    let mut components = vec![
        component("items-answered", "valueInteger", json!(score.items_answered)),
        component("items", "valueInteger", json!(score.items)),
    ];
    if let Some(scored) = score.level {
        components.push(component("level", "valueCodeableConcept", level(scored.level)));
        if scored.is_capped() {
            components.push(component("level-before-blocks", "valueCodeableConcept", level(scored.level_of_index)));
        }
    }
    let value = if score.is_valid {
        ("valueRatio", json!({ "numerator": { "value": score.points }, "denominator": { "value": score.reachable } }))
    } else {
        let reason = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
        ("dataAbsentReason", json!({ "coding": [{ "system": reason, "code": "unknown" }] }))
    };
    Map::from_iter([(value.0.to_owned(), value.1), ("component".to_owned(), components.into())])
}

fn value_coding(instrument: &Instrument, item: &Item, value: i16, text: &Text) -> Value {
    json!({
        "system": item_system(instrument, &item.id),
        "version": instrument.version.to_string(),
        "code": value.to_string(),
        "display": text.as_str(),
    })
}

fn missing_coding(instrument: &Instrument, missing: Missing) -> Value {
    let code = match missing {
        Missing::NotAnswered => "not_answered",
        Missing::NotAssessable => "not_assessable",
        Missing::Refused => "refused",
    };
    let mut coding = json!({ "system": missing_system(), "code": code });
    if let Some(choice) = instrument.missing.iter().find(|choice| choice.kind == missing) {
        coding["display"] = json!(choice.label.as_str());
    }
    coding
}

/// The coding of a part of the strumento by its id.
fn coding(instrument: &Instrument, kind: &str, id: &Id, title: &Text) -> Value {
    json!({
        "system": system(instrument, kind, None),
        "version": instrument.version.to_string(),
        "code": id.as_str(),
        "display": title.as_str(),
    })
}

fn system(instrument: &Instrument, kind: &str, of: Option<&Id>) -> String {
    let base = format!("{BASE}/CodeSystem/{}/{kind}", instrument.id);
    match of {
        Some(id) => format!("{base}/{id}"),
        None => base,
    }
}

fn score_system() -> String {
    format!("{BASE}/CodeSystem/score")
}

/// Ids of items and sections may be alike, and link ids may not: our ids have no dot.
fn section_link(section: &Section) -> String {
    format!("section.{}", section.id)
}

/// FHIR's ids have no underscore and ours no hyphen, so no two become one.
fn resource_id(kind: &str, id: &Id) -> String {
    format!("{kind}-{}", id.as_str().replace('_', "-"))
}

/// A name for machines begins with a capital (invariant que-0).
fn name(id: &Id) -> String {
    let (first, rest) = id.as_str().split_at(1);
    first.to_ascii_uppercase() + rest
}

fn language(instrument: &Instrument) -> Option<&str> {
    instrument.languages.first().map(String::as_str)
}

#[cfg(test)]
mod tests;
