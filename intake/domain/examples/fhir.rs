//! A definition as FHIR R4, with responses that between them use every answer: what tests/browser/fhir.test.js checks.
//!
//! `cargo run -p domain --example fhir -- FILE.toml` prints `{ "questionnaire": …, "responses": […] }`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use chrono::DateTime;
use domain::fhir::{questionnaire, questionnaire_response};
use domain::instrument::{Answer, Instrument, Item, Missing};
use domain::scoring::Sheet;
use serde_json::json;
use uuid::Uuid;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the file of a definition")?;
    let instrument = Instrument::parse(&std::fs::read_to_string(&path)?).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!("{path}:\n{}", lines.join("\n"))
    })?;
    let options = instrument.items.iter().map(|item| item.options.len()).max().unwrap_or(0);
    let mut sheets: Vec<Sheet> = (0..options).map(|place| every(&instrument, |item| option(item, place))).collect();
    sheets.extend(Missing::ALL.map(|kind| {
        every(&instrument, |item| {
            let offered = kind == Missing::NotAnswered || item.missing.contains(&kind);
            if offered { Answer::Missing(kind) } else { option(item, 0) }
        })
    }));
    sheets.push(Sheet::new());

    let authored = DateTime::from_timestamp(1_795_860_000, 0).ok_or("an instant that exists")?;
    let responses = sheets
        .iter()
        .map(|sheet| questionnaire_response(&instrument, sheet, authored, Uuid::from_u128(147)))
        .collect::<Result<Vec<_>, _>>()?;
    let all = json!({ "questionnaire": questionnaire(&instrument), "responses": responses });
    println!("{}", serde_json::to_string_pretty(&all)?);
    Ok(())
}

fn every(instrument: &Instrument, answer: impl Fn(&Item) -> Answer) -> Sheet {
    instrument.items.iter().map(|item| (item.id.clone(), answer(item))).collect()
}

/// The option at a place, or the last one.
fn option(item: &Item, place: usize) -> Answer {
    Answer::Value(item.options[place.min(item.options.len() - 1)].value)
}
