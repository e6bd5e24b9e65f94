//! The feed's stored forms: read back, sealed, and refused when they are not what they say.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::keys::{KeyError, Ring, RingKey};

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn ente() -> EnteId {
    EnteId(Uuid::from_u128(1))
}

fn assessment() -> Assessment {
    let id = |text: &str| Id::parse(text).unwrap();
    Assessment {
        id: AssessmentId(Uuid::from_u128(2)),
        supersedes: None,
        origin: Origin::Portal,
        person: PersonToken([3; 32]),
        link: Some(SealedLink("00ff".into())),
        operator: OperatorToken([4; 32]),
        unita: Some(UnitaId(Uuid::from_u128(5))),
        comune: Some("093033".into()),
        age: Some(41),
        sex: Some(Sex::Female),
        education: Some(Education::UpperSecondary),
        citizenship: Some(Citizenship::NonEu),
        household: Some(Household::SingleParent),
        work: Some(Work::UnemployedLong),
        disadvantage: Some(BTreeSet::from([Disadvantage::Poverty, Disadvantage::Housing])),
        instrument: id("prova"),
        version: 1,
        definition_sha256: "ab".repeat(32),
        answers: BTreeMap::from([(id("a1"), 3), (id("a2"), -2)]),
        scores: vec![ScaleResult {
            scale: id("scala"),
            points: 3,
            reachable: 5,
            items_answered: 1,
            is_valid: true,
            level: Some(id("basso")),
            level_of_index: Some(id("medio")),
        }],
        profile: Some(id("svantaggio")),
        blocks: BTreeSet::from([id("lingua")]),
        evaluation: Evaluation::Overridden { profile: Some(id("altro")) },
        azioni: BTreeSet::from([id("corso")]),
        started_at: Some(instant(-600)),
        assessed_on: NaiveDate::from_ymd_opt(2026, 9, 21).unwrap(),
        validated_at: instant(0),
    }
}

fn events() -> Vec<Event> {
    let person = PersonToken([3; 32]);
    let azione = Id::parse("corso").unwrap();
    let assessment_id = AssessmentId(Uuid::from_u128(2));
    let whats = vec![
        What::Validated(Box::new(assessment())),
        What::Amended(Box::new(Assessment { supersedes: Some(assessment_id), ..assessment() })),
        What::Annulled { assessment: assessment_id, person },
        What::Restricted { person },
        What::Unrestricted { person },
        What::Erased { person },
        What::PersonaChanged { person, link: None },
        What::PersonasMerged { from: person, into: PersonToken([9; 32]) },
        What::Unmerged { from: person },
        What::UnitaMoved { unita: UnitaId(Uuid::from_u128(5)), counted_under: None },
        What::AzioneRecorded { assessment: assessment_id, person, azione, outcome: AzioneOutcome::UnderWay },
        What::EnteClosed,
        What::Blank,
    ];
    (1..).zip(whats).map(|(seq, what)| Event { ente: ente(), seq, at: instant(seq), what }).collect()
}

/// Written once by version 1 and never changed: what was stored then must be read for ever.
const FEED_1: &str = include_str!("../../tests/fixtures/feed-1.jsonl");

#[test]
fn feed_1_is_read_and_still_written() {
    let lines: Vec<String> =
        events().into_iter().map(|event| serde_json::to_string(&VersionedEvent::V1(event)).unwrap()).collect();
    assert_eq!(FEED_1.lines().collect::<Vec<_>>(), lines);
    let read: Vec<Event> =
        FEED_1.lines().map(|line| serde_json::from_str::<VersionedEvent>(line).unwrap().into_latest()).collect();
    assert_eq!(read, events());
}

/// Written once by version 1, for the key below, and never changed.
const SEGMENT_1: &[u8] = include_bytes!("../../tests/fixtures/segment-1.segment");

/// 32 times the byte 1: nobody's key.
fn nobodys_key() -> RingKey {
    let text = format!("noncello-key 1 pipeline d14372d2 {}\n", "01".repeat(32));
    RingKey::parse(&text, Ring::Pipeline).unwrap()
}

#[test]
fn segments_1_is_read() {
    let segment = Segment::open(SEGMENT_1, &nobodys_key().opening()).unwrap();
    assert_eq!(segment.events(), events());
    assert_eq!(segment.file_name(), "000000000001-000000000013.segment");
}

/// Written once by version 2, for the same key, and never changed.
const SEGMENT_2: &[u8] = include_bytes!("../../tests/fixtures/segment-2.segment");

#[test]
fn segments_2_is_read() {
    let segment = Segment::open(SEGMENT_2, &nobodys_key().opening()).unwrap();
    assert_eq!(segment.events(), events());
}

/// The content without its sealing, which never repeats: what is written today is what the fixture holds.
#[test]
fn segments_2_is_still_written() {
    let key = nobodys_key().opening();
    let written = Segment::new(events()).unwrap().seal(key.sealing(), &mut ChaCha20Rng::seed_from_u64(7)).unwrap();
    let content = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let opened = key.open(&bytes[end + 1..], head).unwrap();
        (head.to_owned(), zstd::bulk::decompress(&opened, 1 << 20).unwrap())
    };
    assert_eq!(content(&written), content(SEGMENT_2));
}

/// Written once by version 1, for the same key, and never changed.
const TALLY_1: &[u8] = include_bytes!("../../tests/fixtures/tally-1.tally");

fn tally() -> Tally {
    let line = |instrument: &str, year, assessments| TallyLine { instrument: instrument.into(), year, assessments };
    Tally {
        ente: EnteId(Uuid::from_u128(1)),
        last_seq: 13,
        counting: vec![line("asso", 2025, 4), line("asso", 2026, 2), line("isa", 2026, 1)],
        superseded: 1,
        annulled: 2,
        restricted: 3,
    }
}

#[test]
fn tally_1_is_read_and_still_written() {
    let key = nobodys_key().opening();
    assert_eq!(Tally::open(TALLY_1, &key).unwrap(), tally());
    assert_eq!(tally().count_counting(), 7);
    let written = tally().seal(key.sealing(), &mut ChaCha20Rng::seed_from_u64(7));
    let content = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        (head.to_owned(), key.open(&bytes[end + 1..], head).unwrap())
    };
    assert_eq!(content(&written), content(TALLY_1));
    for at in 0..TALLY_1.len() {
        let mut changed = TALLY_1.to_vec();
        changed[at] ^= 4;
        assert!(Tally::open(&changed, &key).is_err(), "byte {at}");
        assert!(Tally::open(&TALLY_1[..at], &key).is_err(), "cut at {at}");
    }
}

#[test]
fn packed_events_speak_of_one_list_of_words() {
    let key = nobodys_key().opening();
    let mut other = events();
    for event in &mut other {
        event.seq += 13;
        if let What::Validated(assessment) | What::Amended(assessment) = &mut event.what {
            // Items in another order, one more of them, other words.
            assessment.answers = [("z9", 1), ("a2", 2), ("a1", -1)]
                .map(|(item, answer)| (Id::parse(item).unwrap(), answer))
                .into_iter()
                .collect();
            assessment.comune = Some("030129".into());
            assessment.operator = OperatorToken([8; 32]);
        }
    }
    other.rotate_left(1);
    for (at, event) in (14..).zip(&mut other) {
        event.seq = at;
    }
    let mut words = packed::Words::default();
    // The second first, so that its forms lead.
    let mut read = Vec::new();
    for segment in [&other, &events()] {
        let bytes = Segment::new(segment.clone()).unwrap().seal(key.sealing(), &mut ChaCha20Rng::seed_from_u64(7));
        let packed = PackedSegment::open(&bytes.unwrap(), &key).unwrap();
        read.push(packed.into_events(&mut words).unwrap());
    }
    let old = PackedSegment::open(SEGMENT_1, &key).unwrap();
    read.push(old.into_events(&mut words).unwrap());
    let unpacked: Vec<Vec<Event>> =
        read.iter().map(|events| events.iter().map(|event| event.unpack(ente(), &words).unwrap()).collect()).collect();
    assert_eq!(unpacked, [other, events(), events()]);
}

#[test]
fn a_link_that_is_no_number_is_refused() {
    let mut wrong = events();
    wrong.truncate(1);
    wrong[0].what = What::PersonaChanged { person: PersonToken([3; 32]), link: Some(SealedLink("Rossi".into())) };
    let sealed =
        Segment::new(wrong).unwrap().seal(nobodys_key().opening().sealing(), &mut ChaCha20Rng::seed_from_u64(7));
    assert!(matches!(sealed, Err(SegmentError::Packed(_))));
}

#[test]
fn a_segment_opens_with_its_key_and_unchanged_only() {
    let mut chance = ChaCha20Rng::seed_from_u64(1);
    let key = RingKey::generate(Ring::Pipeline, &mut chance).opening();
    let other = RingKey::generate(Ring::Pipeline, &mut chance).opening();
    let segment = Segment::new(events()).unwrap();
    let bytes = segment.seal(key.sealing(), &mut chance).unwrap();
    assert_eq!(Segment::open(&bytes, &key).unwrap(), segment);
    assert!(matches!(Segment::open(&bytes, &other), Err(SegmentError::Sealed(KeyError::Sealed))));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(Segment::open(&changed, &key).is_err(), "byte {at}");
    }
    assert!(Segment::open(&bytes[..bytes.len() - 1], &key).is_err());
    assert_eq!(Segment::parse_file_name(&segment.file_name()), Some((1, 13)));
    assert_eq!(Segment::parse_file_name("1-2.segment"), None);
}

#[test]
fn a_segment_has_no_gaps_and_one_ente() {
    assert!(matches!(Segment::new(Vec::new()), Err(SegmentError::Empty)));
    let mut gap = events();
    gap.remove(3);
    assert!(matches!(Segment::new(gap), Err(SegmentError::NotConsecutive { before: 3, found: 5, .. })));
    let mut mixed = events();
    mixed[1].ente = EnteId(Uuid::from_u128(8));
    assert!(Segment::new(mixed).is_err());
}

/// The plain text of an event holds no field for an identity: the list of fields is looked at whole.
#[test]
fn an_assessment_has_no_field_for_an_identity() {
    let value = serde_json::to_value(assessment()).unwrap();
    let fields: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "age",
            "answers",
            "assessed_on",
            "azioni",
            "blocks",
            "citizenship",
            "comune",
            "definition_sha256",
            "disadvantage",
            "education",
            "evaluation",
            "household",
            "id",
            "instrument",
            "link",
            "operator",
            "origin",
            "person",
            "profile",
            "scores",
            "sex",
            "started_at",
            "supersedes",
            "unita",
            "validated_at",
            "version",
            "work",
        ]
    );
}
