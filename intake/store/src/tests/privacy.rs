//! Nothing that identifies a persona, and no answer, stands in the files in a form that could be read.

use super::*;
use domain::feed::AzioneOutcome;
use domain::person::Education;
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::tables;

/// Rows of a table.
pub(crate) async fn count(world: &World, table: &str) -> u64 {
    let connection = &world.intruder().await;
    match table {
        "assessments" => tables::assessments::Entity::find().count(connection).await,
        "azione_results" => tables::azione_results::Entity::find().count(connection).await,
        "events" => tables::events::Entity::find().count(connection).await,
        "persone" => tables::persone::Entity::find().count(connection).await,
        "persona_keys" => tables::persona_keys::Entity::find().count(connection).await,
        "persona_index" => tables::persona_index::Entity::find().count(connection).await,
        other => panic!("no table {other}"),
    }
    .unwrap()
}

/// A text as it might stand somewhere: letters as they are, small, capital; UTF-8, UTF-16, hexadecimal, base64 at each of
/// the three places in which it can begin.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for text in [text.to_owned(), text.to_lowercase(), text.to_uppercase()] {
        let bytes = text.as_bytes();
        forms.push(bytes.to_vec());
        forms.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        forms.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        forms.push(hex::encode(bytes).into_bytes());
        forms.push(hex::encode_upper(bytes).into_bytes());
        for shift in 0..3 {
            forms.push(base64(bytes, shift));
        }
    }
    forms
}

/// The letters of base64 that depend on the text alone when `shift` bytes stand before it.
fn base64(bytes: &[u8], shift: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = [&vec![0; shift], bytes].concat();
    let bits: Vec<u8> = padded.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let letters: Vec<u8> = bits
        .chunks_exact(6)
        .map(|six| LETTERS[usize::from(six.iter().fold(0, |value, bit| value << 1 | bit))])
        .collect();
    letters[(shift * 8).div_ceil(6)..].to_vec()
}

#[test]
fn the_forms_are_those_that_would_be_found() {
    assert_eq!(base64(b"Man", 0), b"TWFu");
    assert!(forms("Canario").iter().any(|form| form == b"43616e6172696f"));
}

#[rstest]
#[tokio::test]
async fn no_canary_sings_in_database_or_log_or_segments(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let asso = instrument("asso");
    let canaries = [
        "Canarinozzi",
        "Usignolella",
        "RSSMRA85T10A562S",
        "0434-9988776",
        "canarinozzi@esempio.it",
        "nota segreta qui",
        "motivo riservato uno",
        "correzione riservata due",
        "annullo riservato tre",
        "unione riservata quattro",
        "esterno-riservato-5",
        "A562",
        "1985-12-10",
        "isced_5_8",
        "nota sulla domanda riservata sei",
        "sportello riservato sette",
    ];
    let codice = Identifier::parse(IdentifierKind::CodiceFiscale, canaries[2], on(2026, 1, 1)).unwrap();
    let singing = PersonaData {
        surname: canaries[0].into(),
        name: canaries[1].into(),
        identifier: Some(codice.clone()),
        birth_place: Some("A562".into()),
        education: Some(Education::Tertiary),
        phone: Some(canaries[3].into()),
        email: Some(canaries[4].into()),
        note: Some(canaries[5].into()),
        ..data("", "")
    };
    let (store, now) = (world.store.clone(), world.now);
    let persona = store.create_persona(&town.operator, &singing, now, &mut world.chance).await.unwrap();
    let twin = world.persona(&town, "Canarinozzi", "Usignolella").await;
    let (draft, revision) = world.draft(&town, persona, &asso).await;
    let class = asso.profile.as_ref().unwrap().classes[0].id.clone();
    // Everything recorded fits badly enough: what the rules say is not what this test is about.
    let rechecked = || asso.consistency.iter().map(|rule| rule.id.clone()).collect();
    let terms = AzioneTerms { due_on: None, followed_by: Some(canaries[15].into()) };
    let validation = Validation {
        rechecked: rechecked(),
        azioni: BTreeMap::from([(asso.azioni[0].id.clone(), terms)]),
        evaluation: Evaluation::Overridden { profile: Some(class) },
        evaluation_reason: Some(canaries[6].into()),
        ..confirmed(&asso)
    };
    let first = store.validate(&town.operator, draft, revision, &validation, now, &mut world.chance).await.unwrap();
    let amendment = Amendment {
        sheet: sheet(&asso, 2),
        notes: BTreeMap::from([(asso.items[0].id.clone(), canaries[14].to_owned())]),
        assessed_on: on(2026, 11, 20),
        validation: Validation { rechecked: rechecked(), ..confirmed(&asso) },
        reason: canaries[7].into(),
    };
    let second = store.amend(&town.operator, first, &amendment, now, &mut world.chance).await.unwrap();
    let azione = asso.azioni[0].id.clone();
    let outcome = AzioneOutcome::Completed;
    store.record_azione(&town.operator, second, &azione, outcome, now, &mut world.chance).await.unwrap();
    store.annul(&town.operator, second, canaries[8], now, &mut world.chance).await.unwrap();
    store.merge_persone(&town.operator, twin, persona, canaries[9], now, &mut world.chance).await.unwrap();
    let open = world.draft(&town, persona, &asso).await.0;
    store.find_by_name(&town.operator, "canarinozzi usig", 5, now).await.unwrap();
    store.find_by_identifier(&town.operator, &codice, now).await.unwrap().unwrap();
    store.draft(&town.operator, open, now).await.unwrap();
    let import = store.begin_import(&town.administrator, "archivio", now, &mut world.chance).await.unwrap();
    let row = ImportRow {
        persona: ImportPersona {
            external_id: canaries[10].into(),
            is_of_this_row: false,
            data: singing.clone(),
            age: None,
        },
        assessed_on: on(2025, 1, 1),
        sheet: sheet(&asso, 1),
        origin: domain::feed::Origin::Import,
        operator: None,
        unita: None,
        evaluation: Evaluation::Absent,
        evaluation_reason: None,
        azioni: vec![],
        started_at: None,
        validated_at: None,
    };
    let outcomes =
        store.stage_import(&town.administrator, import, &asso, &[row], now, &mut world.chance).await.unwrap();
    // The same codice fiscale is the same persona.
    assert_eq!(outcomes, [RowOutcome::Staged(persona)]);
    store.commit_import(&town.administrator, import, now).await.unwrap();
    let scope = world.extractor(&town, Reach::Ente).await;
    let mut job = world.begun(&scope).await.unwrap();
    job.keep(canaries.join(";").as_bytes(), 1, 1, now, &mut world.chance).await.unwrap();
    job.finish(BTreeMap::new(), now, &mut world.chance).await.unwrap();
    let pipeline = world.pipeline.sealing().clone();
    store.export_segments(&world.database.folder().join("segments"), &pipeline, now, &mut world.chance).await.unwrap();

    let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
    for canary in canaries {
        needles.extend(forms(canary).into_iter().map(|form| (canary.to_owned(), form)));
    }
    // Answers and azioni: the ids of items and azioni stand beside them wherever they are stored.
    for id in [asso.items[0].id.as_str(), azione.as_str()] {
        needles.push((id.to_owned(), format!("\"{id}\"").into_bytes()));
    }
    let mut files = world.database.files();
    if kind == Kind::Sqlite {
        assert!(files.iter().any(|file| file.to_string_lossy().ends_with("-wal")));
    }
    collect(&world.database.folder().join("segments"), &mut files);
    let mut finds_what_is_there = false;
    for file in files {
        // PostgreSQL takes files away while it runs.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        finds_what_is_there |= contains(&bytes, b"Comune di pordenone");
        for (canary, form) in &needles {
            // Four letters turn up by chance in random bytes once encoded; longer ones do not.
            if form.len() >= 8 {
                assert!(!contains(&bytes, form), "{canary} in {}", file.display());
            }
        }
    }
    assert!(finds_what_is_there);
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

fn collect(folder: &std::path::Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

#[rstest]
#[tokio::test]
async fn an_erased_key_is_nowhere_and_a_moved_value_does_not_open(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    use sea_orm::{ColumnTrait, QueryFilter, sea_query::Expr};
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let (anna, ugo) = (world.persona(&town, "Verdi", "Anna").await, world.persona(&town, "Neri", "Ugo").await);
    let store = world.store.clone();
    let intruder = world.intruder().await;
    let key_of = async |persona: PersonaId| {
        let row = tables::persona_keys::Entity::find_by_id((town.id.0, persona.0)).one(&intruder).await.unwrap();
        row.unwrap().wrapped_key
    };
    let (of_anna, of_ugo) = (key_of(anna).await, key_of(ugo).await);
    store.erase_persona(&town.administrator, anna, ErasureGround::Request, world.now, &mut world.chance).await.unwrap();
    assert_eq!(tables::persona_keys::Entity::find_by_id((town.id.0, anna.0)).one(&intruder).await.unwrap(), None);
    let files = world.database.files();
    // PostgreSQL takes files of its log away while it runs.
    let bytes: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect();
    assert!(contains(&bytes, &of_ugo));
    // PostgreSQL forgets a row that was deleted when it vacuums and recycles its log: docs/running.md.
    assert_eq!(contains(&bytes, &of_anna), kind == Kind::Postgres);

    let eva = world.persona(&town, "Rossi", "Eva").await;
    tables::persona_keys::Entity::update_many()
        .col_expr(tables::persona_keys::Column::WrappedKey, Expr::val(of_ugo))
        .filter(tables::persona_keys::Column::PersonaId.eq(eva.0))
        .exec(&intruder)
        .await
        .unwrap();
    let moved = store.persona(&town.operator, eva, world.now).await;
    assert!(matches!(moved, Err(StoreError::Damaged { table: "persona_keys", .. })));
}
