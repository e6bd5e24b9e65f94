//! Persone who arrive in another Ente.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use domain::feed::Origin;
use domain::instrument::{Answer, Instrument};
use domain::person::{Sex, Work};
use rand::rngs::StdRng;
use rstest::rstest;
use store::{Assessment, Credentials, EnteScope, PersonaData, PersonaId, Right};
use test_database::Kind;

use super::{PASSWORD, Questionnaire, World, chance, now};
use crate::handover::{HandOver, HandOverError, HandedOver, hand_over};

struct Move {
    instruments: Vec<Instrument>,
    from: EnteScope,
    to: EnteScope,
    /// The operator of the Ente that hands over.
    operator: EnteScope,
    chance: StdRng,
}

impl Move {
    async fn new(world: &World) -> Self {
        let credentials =
            Credentials { ente: Some("primo"), username: "operator", password: PASSWORD, peer: [127, 0, 0, 1].into() };
        let session = world.store.login(credentials, now(), &mut chance(500)).await.unwrap().session;
        let scope =
            async |place: usize| world.store.command_line(world.enti[place], "prova", "test", now()).await.unwrap();
        Self {
            instruments: crate::instruments::shipped().unwrap(),
            from: scope(0).await,
            to: scope(1).await,
            operator: session.scope(Right::Assess).unwrap(),
            chance: chance(501),
        }
    }

    async fn persona(&mut self, world: &World, surname: &str) -> PersonaId {
        let data = PersonaData {
            surname: surname.to_owned(),
            name: "Anna".to_owned(),
            birth_date: NaiveDate::from_ymd_opt(1985, 12, 10),
            sex: Some(Sex::Female),
            residence: Some("093033".to_owned()),
            work: Some(Work::UnemployedShort),
            phone: Some("0434 1".to_owned()),
            note: Some("annotazione".to_owned()),
            ..PersonaData::default()
        };
        world.store.create_persona(&self.operator, &data, now(), &mut self.chance).await.unwrap()
    }

    /// A questionnaire of so many days ago.
    async fn assessed(&mut self, world: &World, persona: PersonaId, days: u64) {
        let instrument = &self.instruments[0];
        let mut sheet = crate::example::sheet(instrument, 3 + days);
        // Between 35 and 49, as the birth date says.
        sheet.insert(instrument.items[0].id.clone(), Answer::Value(3));
        let questionnaire = Questionnaire {
            instrument,
            persona,
            assessed_on: now().date_naive() - Days::new(days),
            sheet,
            note: Some("nota".to_owned()),
            azione: Some(store::AzioneTerms::default()),
        };
        questionnaire.validate(&world.store, &self.operator, &mut self.chance).await;
    }

    async fn run(
        &mut self,
        world: &World,
        persone: &[PersonaId],
        is_dry_run: bool,
    ) -> Result<HandedOver, HandOverError> {
        let persone: BTreeSet<PersonaId> = persone.iter().copied().collect();
        let asked = HandOver { persone: &persone, source: "passaggio da Ente primo", is_dry_run };
        hand_over(&world.store, &self.from, &self.to, &self.instruments, asked, now(), &mut self.chance).await
    }

    async fn arrived(&self, world: &World, surname: &str) -> Vec<(PersonaId, Vec<Assessment>)> {
        let mut all = Vec::new();
        for one in world.store.find_by_name(&self.to, surname, 9, now()).await.unwrap().persone {
            all.push((one.id, world.store.history_of_persona(&self.to, one.id, now()).await.unwrap()));
        }
        all
    }
}

#[rstest]
#[tokio::test]
async fn somebody_moves_with_what_counts_today(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut moving = Move::new(&world).await;
    let persona = moving.persona(&world, "Rossi").await;
    moving.assessed(&world, persona, 300).await;
    let recorded = world.store.persona(&moving.from, persona, now()).await.unwrap();
    let changed = PersonaData { work: Some(Work::Employed), ..recorded.data.clone() };
    world.store.update_persona(&moving.operator, persona, 1, &changed, now(), &mut moving.chance).await.unwrap();
    moving.assessed(&world, persona, 3).await;
    let without = moving.persona(&world, "Bianchi").await;
    let before = world.store.history_of_persona(&moving.from, persona, now()).await.unwrap();

    let expected = HandedOver { persone: 2, made: 2, questionnaires: 2, there_already: 0 };
    assert_eq!(moving.run(&world, &[persona, without], true).await.unwrap(), expected);
    assert!(moving.arrived(&world, "Rossi").await.is_empty(), "a dry run writes nothing");
    assert_eq!(moving.run(&world, &[persona, without], false).await.unwrap(), expected);

    let arrived = moving.arrived(&world, "Rossi").await;
    let [(new, history)] = arrived.as_slice() else { panic!("{} arrived", arrived.len()) };
    assert_ne!(*new, persona, "nobody is re-labelled");
    let there = world.store.persona(&moving.to, *new, now()).await.unwrap();
    assert_eq!(there.data, changed, "what is recorded today, contacts and note included");
    assert_eq!(history.len(), 2);
    for (new, old) in history.iter().zip(&before) {
        assert_eq!((&new.sheet, new.assessed_on, &new.scores), (&old.sheet, old.assessed_on, &old.scores));
        assert_eq!(new.categories, old.categories, "as they were on the day");
        assert_eq!((new.origin, new.import_source.as_deref()), (Origin::Import, Some("passaggio da Ente primo")));
        assert_eq!((&new.evaluation, new.azioni.len()), (&old.evaluation, old.azioni.len()));
        assert!(new.notes.is_empty() && new.operator.is_none() && new.id != old.id);
    }
    assert_eq!(moving.arrived(&world, "Bianchi").await.len(), 1);
    assert_eq!(world.store.history_of_persona(&moving.from, persona, now()).await.unwrap(), before, "and stays");

    // The same again changes nothing.
    let again = HandedOver { persone: 2, made: 0, questionnaires: 0, there_already: 2 };
    assert_eq!(moving.run(&world, &[persona, without], false).await.unwrap(), again);
    assert_eq!(moving.arrived(&world, "Rossi").await, arrived);
    let filter = store::AuditFilter { action: Some("persona.hand_over".to_owned()), ..store::AuditFilter::default() };
    let lines = world.store.audit(&moving.from, &filter, 10, now()).await.unwrap();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.subjects.contains(&persona.0)));
}

#[rstest]
#[tokio::test]
async fn all_move_or_none(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut moving = Move::new(&world).await;
    let (first, second) = (moving.persona(&world, "Rossi").await, moving.persona(&world, "Verdi").await);
    moving.assessed(&world, first, 3).await;
    moving.assessed(&world, second, 4).await;
    let (store, chance) = (&world.store, &mut moving.chance);
    store.restrict_persona(&moving.from, second, "richiesta", now(), chance).await.unwrap();
    let refused = moving.run(&world, &[first, second], false).await;
    assert!(matches!(refused, Err(HandOverError::Persona { persona, .. }) if persona == second), "{refused:?}");
    assert!(moving.arrived(&world, "Rossi").await.is_empty());
    let nobody = moving.run(&world, &["00000000-0000-4000-8000-000000000001".parse().unwrap()], false).await;
    assert!(matches!(nobody, Err(HandOverError::Store(_))), "{nobody:?}");
    moving.instruments.clear();
    let unknown = moving.run(&world, &[first], false).await;
    assert!(matches!(unknown, Err(HandOverError::NoDefinition(..))), "{unknown:?}");
    moving.to = moving.from.clone();
    assert!(matches!(moving.run(&world, &[first], false).await, Err(HandOverError::Same)));
}
