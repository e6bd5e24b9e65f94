//! Fills a new data folder with the demonstration: accounts, people, questionnaires, by the store's own functions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::feed::{AzioneOutcome, Evaluation, Origin};
use domain::identifier::Identifier;
use domain::instrument::{Id, Instrument};
use domain::scoring::Scoring;
#[cfg(test)]
use domain::scoring::Sheet;
use rand::{CryptoRng, Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use store::{
    AcceptedPassword, AccountId, AgreementKind, EnteScope, ImportPersona, ImportRow, NewAccount, NewAgreement, NewEnte,
    PersonaData, Reach, Role, RowOutcome, Store,
};

use super::answers::{self, Known, Practice};
use super::enti::{self, DemoEnte};
use super::people::{DemoPersona, People};

/// The password of every demonstration account: printed at the start, of no use anywhere else.
pub(crate) const PASSWORD: &str = "sasso-ciliegia-aquilone-47";

/// The second factor of everybody who needs one.
pub(crate) const TOTP_SECRET: [u8; 20] = *b"noncello dimostrazio";

/// Two Enti stay this small, so that one can see what small numbers do to tables.
const SMALL_ENTI: usize = 2;
const SMALL_PEOPLE: u32 = 300;

/// Persone per operator.
const PERSONE_PER_OPERATOR: u32 = 250;

/// One in so many people with a codice fiscale moves on to the next Ente, which then knows them too.
const MOVING: u32 = 40;

/// Of an Ente's people, those who came from another one are one in so many at most.
const RECEIVED: u32 = 20;

/// Rows given to the store at a time.
const BATCH: usize = 2_000;

/// The days of the first and the last assessment.
fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2023, 1, 2).expect("a day of the calendar")
}
pub(crate) fn last_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 30).expect("a day of the calendar")
}

/// Cut-off and last day of entry of the tables of three years: whoever enters in one is followed into the next, and the last
/// holds who came since.
pub(crate) fn windows() -> [(NaiveDate, NaiveDate); 3] {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar");
    [(day(2024, 12, 31), day(2023, 12, 31)), (day(2025, 12, 31), day(2024, 12, 31)), (last_day(), day(2026, 6, 30))]
}

/// What to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Persone in all.
    pub(crate) people: u32,
    /// The same seed makes the same world.
    pub(crate) seed: u64,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) enti: u64,
    pub(crate) persone: u64,
    pub(crate) assessments: u64,
}

/// Makes the demonstration. `chance` is for keys and passwords, which are different each time; the world follows from the
/// seed alone.
pub(crate) async fn fill(
    store: &Store,
    instruments: &[Instrument],
    plan: Plan,
    now: DateTime<Utc>,
    chance: &mut (impl CryptoRng + Send),
    progress: &dyn Fn(u64),
) -> Result<Filled> {
    let platform = store.command_line_platform("demo", "dimostrazione", now).await?;
    let password = |role, context: &[&str]| {
        AcceptedPassword::check(PASSWORD, role, context).context("the demonstration's password breaks a rule")
    };
    for (username, name, role) in [
        ("piattaforma", "Amministratore di piattaforma", Role::PlatformAdministrator),
        ("ricerca", "Ufficio ricerca", Role::ResearchOfficer),
        ("ricerca2", "Responsabile ricerca", Role::ResearchOfficer),
        ("universita", "Università di prova", Role::UniversityPartner),
    ] {
        let account = new_account(username, name, role);
        let accepted = password(role, &[username, name])?;
        let id = store.create_platform_account_with_password(&platform, &account, &accepted, now, chance).await?;
        store.set_platform_totp(&platform, id, &TOTP_SECRET, now, chance).await?;
    }
    let known = Known::read()?;
    let enti = enti::enti();
    let sizes = sizes(&enti, plan.people);
    let mut filled = Filled::default();
    let mut codes = BTreeSet::new();
    let mut leaving: Vec<DemoPersona> = Vec::new();
    for (number, (ente, people)) in (0_u64..).zip(enti.iter().zip(sizes)) {
        let id = store
            .create_ente(
                &platform,
                &NewEnte {
                    code: ente.code.clone(),
                    name: ente.name.clone(),
                    from: first_day(),
                    comuni: ente.comuni.iter().map(|comune| comune.code.to_string()).collect(),
                    is_demo: true,
                },
                now,
                chance,
            )
            .await
            .with_context(|| format!("the Ente {}", ente.code))?;
        store
            .add_agreement(&platform, id, &agreement(number, now.date_naive()), now, chance)
            .await
            .with_context(|| format!("the agreement with {}", ente.code))?;
        let scope = store.command_line(id, "demo", "dimostrazione", now).await?;
        let mut world = ChaCha20Rng::seed_from_u64(plan.seed);
        world.set_stream(number);
        let operators = accounts(store, &scope, ente, people, now, chance, &mut world).await?;
        let import = store.begin_import(&scope, "dimostrazione, dati sintetici", now, chance).await?;
        let mut batches: BTreeMap<usize, Vec<ImportRow>> = BTreeMap::new();
        let mut drawing = People::of(ente, last_day(), &mut codes, &mut world);
        let mut arriving = std::mem::take(&mut leaving).into_iter().take((people / RECEIVED) as usize);
        for number in 0..people {
            let persona = match arriving.next() {
                Some(from_elsewhere) => drawing.receive(&from_elsewhere, &mut world),
                None => drawing.draw(&mut world),
            };
            let has_code = matches!(persona.identifier, Some(Identifier::CodiceFiscale(_)));
            if has_code && world.random_ratio(1, MOVING) {
                leaving.push(persona.clone());
            }
            let operator = operators[world.random_range(0..operators.len())];
            for (index, row) in rows(number, &persona, operator, instruments, &known, &mut world)? {
                let batch = batches.entry(index).or_default();
                batch.push(row);
                if batch.len() == BATCH {
                    stage(store, &scope, import, &instruments[index], std::mem::take(batch), now, chance, progress)
                        .await?;
                }
            }
        }
        for (index, batch) in batches {
            stage(store, &scope, import, &instruments[index], batch, now, chance, progress).await?;
        }
        let summary = store.commit_import(&scope, import, now).await?;
        filled.enti += 1;
        filled.persone += summary.persone;
        filled.assessments += summary.assessments;
    }
    Ok(filled)
}

#[expect(clippy::too_many_arguments, reason = "one call of the store with what it needs")]
async fn stage(
    store: &Store,
    scope: &EnteScope,
    import: store::ImportId,
    instrument: &Instrument,
    rows: Vec<ImportRow>,
    now: DateTime<Utc>,
    chance: &mut (impl CryptoRng + Send),
    progress: &dyn Fn(u64),
) -> Result<()> {
    let outcomes = store.stage_import(scope, import, instrument, &rows, now, chance).await?;
    if let Some(refused) = outcomes.iter().find(|outcome| !matches!(outcome, RowOutcome::Staged(_))) {
        anyhow::bail!("the store did not take a row of the demonstration: {refused:?}");
    }
    progress(rows.len() as u64);
    Ok(())
}

/// Persone of each Ente: two small ones, the others by their residents.
fn sizes(enti: &[DemoEnte], people: u32) -> Vec<u32> {
    let small = SMALL_PEOPLE.min(people / 40);
    let large = enti.len() - SMALL_ENTI;
    let residents: u64 = enti[..large].iter().map(|ente| u64::from(ente.residents)).sum();
    let share = u64::from(people - small * 2);
    enti.iter()
        .enumerate()
        .map(|(place, ente)| {
            if place >= large {
                return small;
            }
            u32::try_from(share * u64::from(ente.residents) / residents.max(1)).expect("a share is at most the whole")
        })
        .collect()
}

/// The agreement of an Ente; the second one's runs out, so that the warning can be seen.
fn agreement(number: u64, today: NaiveDate) -> NewAgreement {
    let days_left = if number == 1 { 45 } else { 900 + 30 * number };
    NewAgreement {
        kind: AgreementKind::First,
        number: format!("{}/{}", number + 1, first_day().year()),
        text_version: 1,
        signed_on: first_day(),
        from: first_day(),
        until: today.checked_add_days(Days::new(days_left)).unwrap_or(today),
        maintenance: "ordinaria".to_owned(),
    }
}

fn new_account(username: &str, display_name: &str, role: Role) -> NewAccount {
    NewAccount {
        username: username.to_owned(),
        display_name: display_name.to_owned(),
        role,
        unita: None,
        reach: Reach::Ente,
    }
}

/// Makes the accounts of an Ente; gives its operators with their practice.
async fn accounts(
    store: &Store,
    scope: &EnteScope,
    ente: &DemoEnte,
    people: u32,
    now: DateTime<Utc>,
    chance: &mut (impl CryptoRng + Send),
    world: &mut impl Rng,
) -> Result<Vec<(AccountId, Practice)>> {
    let mut operators = Vec::new();
    let count = 2 + people / PERSONE_PER_OPERATOR;
    let wanted = [
        ("amministratore".to_owned(), "Amministrazione".to_owned(), Role::EnteAdministrator),
        ("dirigente".to_owned(), "Dirigente dei servizi sociali".to_owned(), Role::Manager),
        ("analista".to_owned(), "Analista".to_owned(), Role::Analyst),
    ];
    let more = (1..=count).map(|number| (format!("operatore{number}"), format!("Operatore {number}"), Role::Operator));
    for (username, name, role) in wanted.into_iter().chain(more) {
        let accepted = AcceptedPassword::check(PASSWORD, role, &[&username, &name, &ente.name])
            .context("the demonstration's password breaks a rule")?;
        let account = new_account(&username, &name, role);
        let id = store.create_account_with_password(scope, &account, &accepted, now, chance).await?;
        if role.needs_second_factor() {
            store.set_totp(scope, id, &TOTP_SECRET, now, chance).await?;
        }
        if role == Role::Operator {
            operators.push((id, Practice::draw(world)));
        }
    }
    Ok(operators)
}

/// The questionnaires of a persona, each with the index of its strumento.
fn rows(
    number: u32,
    persona: &DemoPersona,
    (operator, practice): (AccountId, Practice),
    instruments: &[Instrument],
    known: &Known,
    world: &mut impl Rng,
) -> Result<Vec<(usize, ImportRow)>> {
    let who = ImportPersona {
        external_id: format!("dimostrazione-{number:06}"),
        is_of_this_row: false,
        data: data(persona),
        age: None,
    };
    let pace = world.random_range(-10..=55);
    let mut rows = Vec::new();
    for (time, on) in (0..).zip(days(persona.born_on, world)) {
        for (index, instrument) in instruments.iter().enumerate() {
            // The first strumento opens every assessment; the others accompany half of the first ones, and nearly all later ones.
            if index > 0 && world.random_ratio(if time == 0 { 5 } else { 2 }, 10) {
                continue;
            }
            let age = u8::try_from(on.years_since(persona.born_on).unwrap_or(0)).unwrap_or(u8::MAX);
            let sheet = answers::sheet(instrument, known, persona, age, time * pace, practice, world);
            let scoring = instrument.score(&sheet)?;
            let (evaluation, evaluation_reason) = evaluation(instrument, &scoring, practice, world);
            let minutes = i64::from(world.random_range(6..=55_u32));
            let at = NaiveTime::from_hms_opt(world.random_range(8..16), world.random_range(0..60), 0)
                .expect("a time of the day");
            let started_at = on.and_time(at).and_utc();
            rows.push((
                index,
                ImportRow {
                    persona: who.clone(),
                    assessed_on: on,
                    azioni: agreed(instrument, &scoring, world),
                    sheet,
                    origin: Origin::Portal,
                    operator: Some(operator),
                    unita: None,
                    evaluation,
                    evaluation_reason,
                    started_at: Some(started_at),
                    validated_at: Some(started_at + TimeDelta::minutes(minutes)),
                },
            ));
        }
    }
    Ok(rows)
}

fn data(persona: &DemoPersona) -> PersonaData {
    PersonaData {
        surname: persona.surname.to_owned(),
        name: persona.name.to_owned(),
        identifier: persona.identifier.clone(),
        birth_date: Some(persona.born_on),
        birth_place: persona.birthplace.map(|place| place.to_string()),
        sex: Some(persona.sex),
        residence: Some(persona.comune.to_string()),
        education: Some(persona.education),
        citizenship: Some(persona.citizenship),
        household: Some(persona.household),
        work: Some(persona.work),
        disadvantage: Some(persona.disadvantage.clone()),
        ..PersonaData::default()
    }
}

/// Days of assessment: one for two persone in three, two to four for the others, some months apart; working days, and never
/// before the eighteenth birthday.
fn days(born_on: NaiveDate, world: &mut impl Rng) -> Vec<NaiveDate> {
    let count = if world.random_ratio(1, 3) { world.random_range(2..=4) } else { 1 };
    let of_age = born_on.with_year(born_on.year() + 18).unwrap_or(born_on + Days::new(18 * 366));
    let from = of_age.max(first_day());
    let span = u64::try_from((last_day() - from).num_days()).unwrap_or(0);
    let mut day = from + Days::new(world.random_range(0..=span * 9 / 10));
    let mut days = BTreeSet::new();
    for _ in 0..count {
        let working = match day.weekday() {
            chrono::Weekday::Sat => day - Days::new(1),
            chrono::Weekday::Sun => day + Days::new(1),
            chrono::Weekday::Mon
            | chrono::Weekday::Tue
            | chrono::Weekday::Wed
            | chrono::Weekday::Thu
            | chrono::Weekday::Fri => day,
        };
        days.insert(working);
        day = day + Days::new(world.random_range(100..=380));
        if day > last_day() {
            break;
        }
    }
    days.into_iter().collect()
}

/// Mostly confirmed; else the class next to the computed one, where there is a profile.
fn evaluation(
    instrument: &Instrument,
    scoring: &Scoring,
    practice: Practice,
    world: &mut impl Rng,
) -> (Evaluation, Option<String>) {
    if !world.random_ratio(practice.overrides, 100) {
        return (Evaluation::Confirmed, None);
    }
    let other = instrument.profile.as_ref().zip(scoring.profile).map(|(profile, class)| {
        let next = if class + 1 < profile.classes.len() { class + 1 } else { class.saturating_sub(1) };
        profile.classes[next].id.clone()
    });
    (Evaluation::Overridden { profile: other }, Some("Valutazione dell'operatore, dimostrazione".to_owned()))
}

/// One to three of the azioni that the report proposes, some with an outcome.
fn agreed(instrument: &Instrument, scoring: &Scoring, world: &mut impl Rng) -> Vec<(Id, Option<AzioneOutcome>)> {
    let levels = instrument.scales.iter().zip(&scoring.scales).filter_map(|(scale, score)| {
        let level = score.level?;
        Some(&scale.levels[level.level].azioni)
    });
    let blocks = scoring.blocks.keys().map(|block| &instrument.blocks[*block].azioni);
    let class = instrument.profile.as_ref().zip(scoring.profile).map(|(profile, class)| &profile.classes[class].azioni);
    let mut proposed: Vec<usize> = blocks.chain(class).chain(levels).flatten().copied().collect();
    proposed.dedup();
    let mut chosen: BTreeMap<usize, Option<AzioneOutcome>> = BTreeMap::new();
    for _ in 0..world.random_range(1..=3) {
        if proposed.is_empty() {
            break;
        }
        let azione = proposed.swap_remove(world.random_range(0..proposed.len()));
        let outcome = match world.random_range(0..10) {
            0..=3 => Some(AzioneOutcome::Completed),
            4..=5 => Some(AzioneOutcome::UnderWay),
            6..=7 => Some(AzioneOutcome::Dropped),
            _ => None,
        };
        chosen.insert(azione, outcome);
    }
    chosen.into_iter().map(|(azione, outcome)| (instrument.azioni[azione].id.clone(), outcome)).collect()
}

/// Whether a sheet has any answer at all: for tests.
#[cfg(test)]
fn is_answered(sheet: &Sheet) -> bool {
    sheet.values().any(|answer| answer.code() >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_follows_from_the_seed() {
        let instruments = intake::instruments::shipped().unwrap();
        let known = Known::read().unwrap();
        let ente = &enti::enti()[0];
        let make = |seed| {
            let mut world = ChaCha20Rng::seed_from_u64(seed);
            let mut codes = BTreeSet::new();
            let mut people = People::of(ente, last_day(), &mut codes, &mut world);
            let operator = (AccountId(uuid::Uuid::from_u128(1)), Practice::draw(&mut world));
            (0..50)
                .flat_map(|number| {
                    let persona = people.draw(&mut world);
                    rows(number, &persona, operator, &instruments, &known, &mut world).unwrap()
                })
                .map(|(index, row)| (index, row.assessed_on, row.sheet, row.azioni))
                .collect::<Vec<_>>()
        };
        let first = make(1);
        assert_eq!(first, make(1));
        assert_ne!(first, make(2));
        assert!(first.iter().all(|(_, on, sheet, _)| is_answered(sheet) && (first_day()..=last_day()).contains(on)));
        assert!(first.len() > 80, "{}", first.len());
    }

    #[test]
    fn people_are_shared_out_by_residents_and_two_enti_stay_small() {
        let enti = enti::enti();
        let sizes = sizes(&enti, 20_000);
        assert_eq!(sizes[enti.len() - 2..], [SMALL_PEOPLE; 2]);
        let total: u32 = sizes.iter().sum();
        assert!((19_980..=20_000).contains(&total), "{total}");
    }
}
