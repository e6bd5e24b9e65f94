//! Feeds of any size: Enti of very different sizes, people who are assessed again over ten years, and all that happens to
//! questionnaires afterwards.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::feed::{
    Assessment, AssessmentId, AzioneOutcome, EnteId, Evaluation, Event, OperatorToken, Origin, PersonToken,
    ScaleResult, SealedLink, Segment, TALLY_FILE, Tally, UnitaId, VersionedEvent, What,
};
use domain::instrument::{Id, Instrument, Minimum, Missing};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use uuid::Uuid;

use crate::Place;

/// Ambiti territoriali sociali of Italy, about.
const ENTI: usize = 600;
/// The first of the Enti of middling size, to which questionnaires are added.
const MIDDLING: usize = ENTI / 4;
/// Events of a segment, as the portal has it.
const SEGMENT: usize = 20_000;
/// Questionnaires per hundred people.
const PER_HUNDRED_PEOPLE: usize = 333;
const YEARS: u64 = 10;

fn ente(number: usize) -> EnteId {
    EnteId(Uuid::from_u128(0xe000_0000 + number as u128))
}

/// How many questionnaires each Ente has: as unequal as places are, the largest some forty times the smallest.
fn sizes(questionnaires: usize) -> Vec<usize> {
    let weights: Vec<f64> = (1..=ENTI).map(|rank| 1.0 / (rank as f64 + 15.0).powf(0.9)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (questionnaires as f64 * weight / sum).ceil() as usize).collect()
}

struct Persona {
    token: PersonToken,
    ability: i32,
    sex: Sex,
    birth_year: i32,
    education: Education,
    citizenship: Citizenship,
    household: Option<Household>,
    work: Work,
    disadvantage: Option<BTreeSet<Disadvantage>>,
    comune: String,
    unita: UnitaId,
}

struct Writer<'a> {
    place: &'a Place,
    ente: EnteId,
    chance: ChaCha20Rng,
    events: Vec<Event>,
    first: i64,
    plain: Option<zstd::Encoder<'static, File>>,
}

impl Writer<'_> {
    fn push(&mut self, at: DateTime<Utc>, what: What) {
        let seq = self.first + self.events.len() as i64;
        let event = Event { ente: self.ente, seq, at, what };
        if let Some(plain) = &mut self.plain {
            serde_json::to_writer(&mut *plain, &VersionedEvent::V1(event.clone())).unwrap();
            plain.write_all(b"\n").unwrap();
        }
        self.events.push(event);
        if self.events.len() == SEGMENT {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let events = std::mem::take(&mut self.events);
        self.first += events.len() as i64;
        let segment = Segment::new(events).unwrap();
        let bytes = segment.seal(self.place.pipeline.opening().sealing(), &mut self.chance).unwrap();
        let folder = self.place.at("segments").join(format!("ente={}", self.ente));
        fs::write(folder.join(segment.file_name()), bytes).unwrap();
    }
}

/// Tells what the segments of an Ente come to, as the portal's export does.
fn tell(place: &Place, ente: EnteId, chance: &mut ChaCha20Rng) {
    let folder = place.at("segments").join(format!("ente={ente}"));
    let key = place.pipeline.opening();
    let mut segments: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    segments.sort();
    let events: Vec<Event> =
        segments.iter().flat_map(|path| Segment::open(&fs::read(path).unwrap(), &key).unwrap().into_events()).collect();
    fs::write(folder.join(TALLY_FILE), Tally::of_events(ente, &events).seal(key.sealing(), chance)).unwrap();
}

fn pick<T: Copy>(list: &[T], chance: &mut ChaCha20Rng) -> T {
    list[chance.random_range(0..list.len())]
}

fn persona(ente: usize, number: usize, chance: &mut ChaCha20Rng) -> Persona {
    let mut token = [0; 32];
    chance.fill_bytes(&mut token);
    token[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let disadvantage = match chance.random_range(0..10) {
        0..=1 => None,
        2..=5 => Some(BTreeSet::new()),
        _ => Some((0..chance.random_range(1..3)).map(|_| pick(Disadvantage::ALL, chance)).collect()),
    };
    let place = chance.random_range(0..15);
    Persona {
        token: PersonToken(token),
        ability: chance.random_range(0..100),
        sex: pick(Sex::ALL, chance),
        birth_year: chance.random_range(1950..2005),
        education: pick(Education::ALL, chance),
        citizenship: pick(Citizenship::ALL, chance),
        household: chance.random_bool(0.8).then(|| pick(Household::ALL, chance)),
        work: pick(Work::ALL, chance),
        disadvantage,
        comune: format!("{:06}", 1_000 + ente * 20 + place),
        unita: UnitaId(Uuid::from_u128(0xb000_0000 + (ente * 20 + place / 3) as u128)),
    }
}

fn assessment(
    persona: &Persona,
    instrument: &Instrument,
    assessed_on: NaiveDate,
    operators: &[OperatorToken],
    chance: &mut ChaCha20Rng,
) -> Assessment {
    let mut answers = std::collections::BTreeMap::new();
    let mut chosen = vec![None; instrument.items.len()];
    for (at, item) in instrument.items.iter().enumerate() {
        let code = if chance.random_bool(0.05) {
            *[Missing::NotAnswered]
                .iter()
                .chain(&item.missing)
                .nth(chance.random_range(0..=item.missing.len()))
                .unwrap()
        } else {
            let count = item.options.len() as i32;
            let tendency = persona.ability + chance.random_range(-35..35);
            let option = (tendency * count / 100).clamp(0, count - 1) as usize;
            chosen[at] = Some(option);
            answers.insert(item.id.clone(), item.options[option].value);
            continue;
        };
        answers.insert(item.id.clone(), code.code());
    }
    let scoring = instrument.score_chosen(&chosen);
    let mut id = [0; 16];
    chance.fill_bytes(&mut id);
    let mut link = [0; 80];
    chance.fill_bytes(&mut link);
    let validated_at = assessed_on.and_hms_opt(12, 0, 0).unwrap().and_utc()
        + chrono::TimeDelta::seconds(chance.random_range(0..400_000));
    let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
    Assessment {
        id: AssessmentId(uuid::Builder::from_random_bytes(id).into_uuid()),
        supersedes: None,
        origin: if chance.random_bool(0.1) { Origin::Import } else { Origin::Portal },
        person: persona.token,
        link: Some(SealedLink(hex::encode(link))),
        operator: pick(operators, chance),
        unita: Some(persona.unita),
        comune: Some(persona.comune.clone()),
        age: u8::try_from(chrono::Datelike::year(&assessed_on) - persona.birth_year).ok(),
        sex: Some(persona.sex),
        education: Some(persona.education),
        citizenship: Some(persona.citizenship),
        household: persona.household,
        work: Some(persona.work),
        disadvantage: persona.disadvantage.clone(),
        instrument: instrument.id.clone(),
        version: instrument.version,
        definition_sha256: instrument.sha256.clone(),
        answers,
        scores: ScaleResult::all(instrument, &scoring),
        profile: scoring.profile.and_then(|class| classes.clone().nth(class)).map(|class| class.id.clone()),
        blocks: scoring.blocks.keys().map(|block| instrument.blocks[*block].id.clone()).collect(),
        evaluation: if chance.random_bool(0.9) {
            Evaluation::Confirmed
        } else {
            Evaluation::Overridden { profile: None }
        },
        azioni: instrument.azioni.iter().filter(|_| chance.random_bool(0.06)).map(|azione| azione.id.clone()).collect(),
        started_at: Some(validated_at - chrono::TimeDelta::seconds(chance.random_range(600..5_000))),
        assessed_on,
        validated_at,
    }
}

/// What stands before the events of an Ente, or is added to them.
struct Batch {
    number: usize,
    questionnaires: usize,
    /// The first day, and over how many days.
    days: (NaiveDate, u64),
}

fn write(writer: &mut Writer<'_>, batch: &Batch) {
    let mut chance = ChaCha20Rng::seed_from_u64(writer.chance.random());
    let operators: Vec<OperatorToken> = (0..8)
        .map(|operator| {
            let mut token = [7; 32];
            token[..16].copy_from_slice(&((batch.number * 8 + operator) as u128).to_be_bytes());
            OperatorToken(token)
        })
        .collect();
    let people = (batch.questionnaires * 100 / PER_HUNDRED_PEOPLE).max(1);
    let people: Vec<Persona> = (0..people).map(|number| persona(batch.number, number, &mut chance)).collect();
    let (first_day, days) = batch.days;
    for number in 0..batch.questionnaires {
        let day = first_day + Days::new(number as u64 * days / batch.questionnaires as u64);
        let persona = &people[chance.random_range(0..people.len())];
        let instrument = &writer.place.instruments[usize::from(number % 3 == 2)];
        let sheet = assessment(persona, instrument, day, &operators, &mut chance);
        let (id, at, azione) = (sheet.id, sheet.validated_at, sheet.azioni.first().cloned());
        writer.push(at, What::Validated(Box::new(sheet)));
        afterwards(writer, persona, (id, at), azione, instrument, day, &operators, &mut chance);
    }
    writer.flush();
}

/// What happens to some questionnaires and people later on.
#[expect(clippy::too_many_arguments, reason = "one caller, in a benchmark")]
fn afterwards(
    writer: &mut Writer<'_>,
    persona: &Persona,
    (id, at): (AssessmentId, DateTime<Utc>),
    azione: Option<Id>,
    instrument: &Instrument,
    day: NaiveDate,
    operators: &[OperatorToken],
    chance: &mut ChaCha20Rng,
) {
    let person = persona.token;
    match chance.random_range(0..1_000) {
        0..20 => {
            let amended = assessment(persona, instrument, day, operators, chance);
            writer.push(at, What::Amended(Box::new(Assessment { supersedes: Some(id), ..amended })));
        }
        20..25 => writer.push(at, What::Annulled { assessment: id, person }),
        25..28 => writer.push(at, What::Restricted { person }),
        28..30 => writer.push(at, What::Unrestricted { person }),
        30..31 => writer.push(at, What::PersonaChanged { person, link: None }),
        100..150 => {
            if let Some(azione) = azione {
                let outcome = pick(&AzioneOutcome::ALL, chance);
                writer.push(at, What::AzioneRecorded { assessment: id, person, azione, outcome });
            }
        }
        _ => {}
    }
}

fn writer(place: &Place, number: usize, first: i64, seed: u64, is_plain: bool) -> Writer<'_> {
    let ente = ente(number);
    fs::create_dir_all(place.at("segments").join(format!("ente={ente}"))).unwrap();
    let plain = is_plain.then(|| {
        let folder = place.at("plain");
        fs::create_dir_all(&folder).unwrap();
        zstd::Encoder::new(File::create(folder.join(format!("{ente}.jsonl.zst"))).unwrap(), 1).unwrap()
    });
    Writer { place, ente, chance: ChaCha20Rng::seed_from_u64(seed), events: Vec::new(), first, plain }
}

/// What a script needs to know of the definitions, without reading our format.
fn definitions(instruments: &[Instrument]) -> serde_json::Value {
    let of = |instrument: &Instrument| {
        let items = instrument.items.iter().map(|item| {
            let options = item.options.iter().map(|option| {
                let blocks: Vec<&str> = option.blocks.iter().map(|at| instrument.blocks[*at].id.as_str()).collect();
                serde_json::json!({ "value": option.value, "points": option.points, "blocks": blocks })
            });
            serde_json::json!({ "id": item.id, "options": options.collect::<Vec<_>>() })
        });
        let scales = instrument.scales.iter().map(|scale| {
            let levels: Vec<_> = scale.levels.iter().map(|level| (level.id.as_str(), level.from)).collect();
            let (percent, least) = match scale.minimum {
                Minimum::WeightPercent(percent) => (Some(percent), None),
                Minimum::Items(items) => (None, Some(items)),
            };
            serde_json::json!({ "id": scale.id, "levels": levels, "percent": percent, "items": least })
        });
        serde_json::json!({
            "id": instrument.id, "version": instrument.version, "sha256": instrument.sha256,
            "has_profile": instrument.profile.is_some(),
            "items": items.collect::<Vec<_>>(), "scales": scales.collect::<Vec<_>>(),
            "azioni": instrument.azioni.iter().map(|azione| azione.id.as_str()).collect::<Vec<_>>(),
        })
    };
    instruments.iter().map(of).collect()
}

/// Segments of all Enti; with the same events as plain JSON when `is_plain`.
pub(crate) fn all(place: &Place, questionnaires: usize, is_plain: bool, is_middling: bool) {
    if is_plain {
        fs::create_dir_all(place.at("plain")).unwrap();
        fs::write(place.at("plain/definitions.json"), definitions(&place.instruments).to_string()).unwrap();
    }
    sizes(questionnaires).into_par_iter().enumerate().for_each(|(number, questionnaires)| {
        if is_middling && !(MIDDLING..MIDDLING + 10).contains(&number) {
            return;
        }
        let mut writer = writer(place, number, 1, number as u64, is_plain);
        let first_day = NaiveDate::from_ymd_opt(2017, 1, 1).unwrap();
        write(&mut writer, &Batch { number, questionnaires, days: (first_day, YEARS * 365 - 60) });
        tell(place, writer.ente, &mut writer.chance);
        if let Some(plain) = writer.plain {
            plain.finish().unwrap().sync_all().unwrap();
        }
    });
}

fn last_seq(folder: &Path) -> i64 {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| Segment::parse_file_name(&name)).map(|(_, last)| last).max().unwrap_or(0)
}

/// Further questionnaires of this week, spread over some Enti of middling size.
pub(crate) fn add(place: &Place, enti: usize, questionnaires: usize) {
    let first_day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    for at in 0..enti {
        let number = if enti == ENTI { at } else { MIDDLING + at };
        let folder = place.at("segments").join(format!("ente={}", ente(number)));
        let last = last_seq(&folder);
        let mut writer = writer(place, number, last + 1, last as u64, false);
        let share = (questionnaires * (at + 1)) / enti - (questionnaires * at) / enti;
        write(&mut writer, &Batch { number, questionnaires: share, days: (first_day, 5) });
        tell(place, writer.ente, &mut writer.chance);
    }
}
