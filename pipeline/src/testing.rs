//! For tests: assessments that conform, a feed that is appended to and blanked as the portal does, a folder to run in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::feed::packed::{PackedEvent, Words};
use domain::feed::{
    Assessment, AssessmentId, EnteId, Evaluation, Event, OperatorToken, Origin, PersonToken, ScaleResult, SealedLink,
    Segment, TALLY_FILE, Tally, UnitaId, What,
};
use domain::instrument::{Answer, Instrument};
use domain::keys::{Ring, RingKey};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use domain::scoring::Sheet;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use tempfile::TempDir;
use uuid::Uuid;
use warehouse::Lake;

use crate::report::RunReport;
use crate::run::{Config, PipelineError, run};

/// A definition that is shipped.
pub(crate) static ASSO: LazyLock<Instrument> =
    LazyLock::new(|| Instrument::parse(include_str!("../../intake/instruments/asso/1.toml")).unwrap());

/// Another one.
pub(crate) static ISA: LazyLock<Instrument> =
    LazyLock::new(|| Instrument::parse(include_str!("../../intake/instruments/isa/1.toml")).unwrap());

pub(crate) fn ente(number: u128) -> EnteId {
    EnteId(Uuid::from_u128(number))
}

pub(crate) fn id(number: u128) -> AssessmentId {
    AssessmentId(Uuid::from_u128(0xa000_0000 + number))
}

pub(crate) fn unita(number: u128) -> UnitaId {
    UnitaId(Uuid::from_u128(0xb000_0000 + number))
}

pub(crate) fn person(number: u8) -> PersonToken {
    PersonToken([number; 32])
}

pub(crate) fn day(year: i32, ordinal: u32) -> NaiveDate {
    NaiveDate::from_yo_opt(year, ordinal).unwrap()
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

/// Answers and their results: which option of each item, from the digits of a number.
pub(crate) fn fill(assessment: &mut Assessment, instrument: &Instrument, mut variant: usize) {
    let mut sheet = Sheet::new();
    for item in &instrument.items {
        variant = variant.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = (variant >> 33) % (item.options.len() + 1);
        if let Some(option) = item.options.get(choice) {
            sheet.insert(item.id.clone(), Answer::Value(option.value));
        }
    }
    let scoring = instrument.score(&sheet).unwrap();
    assessment.instrument = instrument.id.clone();
    assessment.version = instrument.version;
    assessment.definition_sha256.clone_from(&instrument.sha256);
    assessment.answers = sheet.into_iter().map(|(item, answer)| (item, answer.code())).collect();
    assessment.scores = ScaleResult::all(instrument, &scoring);
    assessment.profile = scoring.profile.map(|class| instrument.profile.as_ref().unwrap().classes[class].id.clone());
    assessment.blocks = scoring.blocks.keys().map(|block| instrument.blocks[*block].id.clone()).collect();
    assessment.azioni = instrument.azioni.iter().take(2).map(|azione| azione.id.clone()).collect();
}

/// An assessment that conforms.
pub(crate) fn assessment(number: u128, of: u8, assessed_on: NaiveDate) -> Assessment {
    let mut assessment = Assessment {
        id: id(number),
        supersedes: None,
        origin: Origin::Portal,
        person: person(of),
        link: Some(SealedLink(format!("{of:02x}{:06x}", number & 0xff_ffff))),
        operator: OperatorToken([0xee; 32]),
        unita: Some(unita(number % 3)),
        comune: Some("093033".into()),
        age: Some(18 + of % 60),
        sex: Some(Sex::ALL[usize::from(of) % 2]),
        education: Some(Education::UpperSecondary),
        citizenship: Some(Citizenship::Italian),
        household: None,
        work: Some(Work::UnemployedLong),
        disadvantage: [
            None,
            Some(BTreeSet::new()),
            Some(BTreeSet::from([Disadvantage::Poverty, Disadvantage::Housing])),
        ][usize::from(of) % 3]
            .clone(),
        instrument: ASSO.id.clone(),
        version: 1,
        definition_sha256: String::new(),
        answers: BTreeMap::new(),
        scores: Vec::new(),
        profile: None,
        blocks: BTreeSet::new(),
        evaluation: Evaluation::Confirmed,
        azioni: BTreeSet::new(),
        started_at: None,
        assessed_on,
        validated_at: assessed_on.and_hms_opt(12, 0, 0).unwrap().and_utc(),
    };
    if of.is_multiple_of(2) {
        assessment.household = Some(Household::Alone);
    }
    let instrument = if number % 4 == 3 { &ISA } else { &ASSO };
    fill(&mut assessment, instrument, usize::try_from(number).unwrap());
    assessment
}

/// Events as a segment holds them, speaking of `words`.
pub(crate) fn packed(events: &[Event], words: &mut Words) -> Vec<PackedEvent> {
    events.iter().map(|event| PackedEvent::pack(event, words).unwrap()).collect()
}

/// The events of an Ente as the portal keeps them.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) ente: EnteId,
    pub(crate) events: Vec<Event>,
}

impl Feed {
    pub(crate) fn new(ente: EnteId) -> Self {
        Self { ente, events: Vec::new() }
    }

    pub(crate) fn push(&mut self, what: What) -> &mut Self {
        let seq = i64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(Event { ente: self.ente, seq, at: instant(seq), what });
        self
    }

    pub(crate) fn validated(&mut self, assessment: Assessment) -> &mut Self {
        self.push(What::Validated(Box::new(assessment)))
    }

    /// Erases as the portal does: every earlier event about these persone becomes blank.
    pub(crate) fn erase(&mut self, person: PersonToken, with: &[PersonToken]) -> &mut Self {
        let is_theirs = |token: &PersonToken| *token == person || with.contains(token);
        for event in &mut self.events {
            if tokens(&event.what).iter().any(is_theirs) {
                event.what = What::Blank;
            }
        }
        for token in with.iter().chain([&person]) {
            self.push(What::Erased { person: *token });
        }
        self
    }
}

fn tokens(what: &What) -> Vec<PersonToken> {
    match what {
        What::Validated(assessment) | What::Amended(assessment) => vec![assessment.person],
        What::Annulled { person, .. }
        | What::Restricted { person }
        | What::Unrestricted { person }
        | What::Erased { person }
        | What::PersonaChanged { person, .. }
        | What::AzioneRecorded { person, .. } => vec![*person],
        What::PersonasMerged { from, into } => vec![*from, *into],
        What::Unmerged { from } => vec![*from],
        What::UnitaMoved { .. } | What::EnteClosed | What::Blank => Vec::new(),
    }
}

/// Content digests, by table and year.
pub(crate) type Digests = BTreeMap<(String, Option<i32>), String>;

/// A data folder of its own.
pub(crate) struct Ground {
    pub(crate) folder: TempDir,
    pub(crate) chance: ChaCha20Rng,
    pub(crate) config: Config,
    lake_ring: RingKey,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut chance = ChaCha20Rng::seed_from_u64(11);
        let ring = RingKey::generate(Ring::Pipeline, &mut chance);
        let lake_ring = RingKey::generate(Ring::Lake, &mut chance);
        let at = |name: &str| folder.path().join(name);
        let config = Config {
            segments: at("segments"),
            lake: Lake::new(at("lake"), at("keys/lake.d"), lake_ring.clone()),
            lock: at("lake/pipeline.lock"),
            links: at("links"),
            pseudonym_keys: at("keys/pipeline.d"),
            ring,
            instruments: vec![ASSO.clone(), ISA.clone()],
            keep_days: 0,
            is_full: false,
        };
        Self { folder, chance, config, lake_ring }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Continues with an empty lake under the same keys.
    pub(crate) fn with_empty_lake(&mut self, name: &str) {
        self.config.lake = Lake::new(self.path(name), self.path("keys/lake.d"), self.lake_ring.clone());
        self.config.lock = self.path(name).join("pipeline.lock");
    }

    pub(crate) fn segments_of(&self, ente: EnteId) -> PathBuf {
        self.config.segments.join(format!("ente={ente}"))
    }

    /// Writes the segments of an Ente anew, `size` events each.
    pub(crate) fn export(&mut self, feed: &Feed, size: usize) {
        let folder = self.segments_of(feed.ente);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let key = self.config.ring.opening();
        for events in feed.events.chunks(size) {
            let segment = Segment::new(events.to_vec()).unwrap();
            fs::write(folder.join(segment.file_name()), segment.seal(key.sealing(), &mut self.chance).unwrap())
                .unwrap();
        }
        self.tell(&Tally::of_events(feed.ente, &feed.events));
    }

    /// What the portal counts.
    pub(crate) fn tell(&mut self, tally: &Tally) {
        let bytes = tally.seal(self.config.ring.opening().sealing(), &mut self.chance);
        fs::write(self.segments_of(tally.ente).join(TALLY_FILE), bytes).unwrap();
    }

    pub(crate) fn run(&mut self) -> RunReport {
        self.try_run().unwrap()
    }

    /// A run in which no Ente halts.
    pub(crate) fn clean_run(&mut self) -> RunReport {
        let report = self.run();
        assert!(report.is_clean(), "{report:?}");
        report
    }

    pub(crate) fn try_run(&mut self) -> Result<RunReport, PipelineError> {
        run(&self.config, instant(0) + Duration::days(30), &mut self.chance, &|_, _| ())
    }

    pub(crate) fn digests(&self, ente: EnteId) -> Digests {
        let lake = self.config.lake.ente(ente).unwrap().unwrap();
        let files = lake.manifest().files.iter();
        files.map(|file| ((file.table.clone(), file.year), file.digest.clone())).collect()
    }

    /// One column of a base table, as text; empty when the table has no file.
    pub(crate) fn column(&self, ente: EnteId, table: &str, column: &str) -> Vec<Option<String>> {
        let sql = format!("select {column} from {table} order by pseudonym, assessed_on, assessment_id");
        let lake = self.config.lake.ente(ente).unwrap().unwrap();
        if !lake.manifest().files.iter().any(|file| file.table == table) {
            return Vec::new();
        }
        let answer = lake.query(&sql).unwrap();
        answer.rows.into_iter().map(|mut row| row.remove(0)).collect()
    }
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
