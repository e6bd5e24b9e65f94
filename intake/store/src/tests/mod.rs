//! The store as its callers use it: people who log in, enter, validate, erase; and those who should not.

mod access;
mod agreements;
mod assessments;
mod authenticator;
mod cases;
mod closing;
mod enti;
mod feed;
mod gateway;
mod identified;
mod import;
mod passkeys;
mod postgres;
mod privacy;
mod research;
mod retention;
mod rotation;
mod search;
mod second;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use domain::feed::{AssessmentId, EnteId, Evaluation, UnitaId};
use domain::identifier::{Identifier, IdentifierKind};
use domain::instrument::{Answer, Id, Instrument};
use domain::keys::{OpeningKey, Ring, RingKey};
use domain::scoring::Sheet;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rstest::rstest;

use test_database::{Kind, Place, TestDatabase};

use crate::*;

pub(crate) const PASSWORD: &str = "fiume-lento-verde-notte";
/// The second factor of everybody who needs one.
pub(crate) const TOTP_SECRET: [u8; 20] = *b"12345678901234567890";
pub(crate) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A portal of its own, in a folder of its own, with a clock that stands still until it is moved.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) store: Store,
    pub(crate) platform: PlatformScope,
    pub(crate) chance: ChaCha20Rng,
    pub(crate) now: DateTime<Utc>,
    pub(crate) identity: RingKey,
    pub(crate) release: OpeningKey,
    pub(crate) pipeline: OpeningKey,
}

/// An Ente with its people.
pub(crate) struct Town {
    pub(crate) id: EnteId,
    pub(crate) code: String,
    pub(crate) command_line: EnteScope,
    pub(crate) operator: EnteScope,
    pub(crate) administrator: EnteScope,
    pub(crate) account: AccountId,
}

pub(crate) fn instrument(name: &str) -> Instrument {
    let text = match name {
        "asso" => include_str!("../../../instruments/asso/1.toml"),
        "isa" => include_str!("../../../instruments/isa/1.toml"),
        other => panic!("no strumento {other}"),
    };
    Instrument::parse(text).unwrap()
}

/// Every item answered with the option at place `place`, or its last one; the answer on age is that of [`data`]'s people.
pub(crate) fn sheet(instrument: &Instrument, place: usize) -> Sheet {
    let answer = |item: &domain::instrument::Item| match item.id.as_str() {
        "fascia_eta" => Answer::Value(3),
        _ => Answer::Value(item.options[place.min(item.options.len() - 1)].value),
    };
    instrument.items.iter().map(|item| (item.id.clone(), answer(item))).collect()
}

pub(crate) fn filling(sheet: Sheet, assessed_on: NaiveDate) -> Filling {
    Filling { sheet, notes: BTreeMap::new(), assessed_on }
}

pub(crate) fn on(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

pub(crate) fn data(surname: &str, name: &str) -> PersonaData {
    PersonaData {
        surname: surname.to_owned(),
        name: name.to_owned(),
        birth_date: Some(on(1985, 12, 10)),
        residence: Some("093033".to_owned()),
        ..PersonaData::default()
    }
}

/// A code that a human has everywhere.
pub(crate) fn stp(number: u64) -> Identifier {
    Identifier::parse(IdentifierKind::Stp, &format!("STP{number:013}"), on(2026, 1, 1)).unwrap()
}

/// A code that only this Ente gives.
pub(crate) fn local(code: &str) -> Identifier {
    Identifier::parse(IdentifierKind::Local, code, on(2026, 1, 1)).unwrap()
}

/// Where the database of a test is.
pub(crate) fn location(database: &TestDatabase) -> Location {
    match database.place() {
        Place::File(file) => Location::Sqlite(file.clone()),
        Place::Server { owner, portal } => {
            Location::Postgres(PostgresUrls { portal: portal.clone().into(), owner: Some(owner.clone().into()) })
        }
    }
}

impl World {
    /// Whoever can read and write every row.
    pub(crate) async fn intruder(&self) -> sea_orm::DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(self.database.intruder());
        options.max_connections(1).sqlx_logging(false);
        sea_orm::Database::connect(options).await.unwrap()
    }

    pub(crate) async fn new(kind: Kind) -> Self {
        let mut chance = ChaCha20Rng::seed_from_u64(42);
        let database = TestDatabase::new(kind);
        let identity = RingKey::generate(Ring::Identity, &mut chance);
        let release = RingKey::generate(Ring::Release, &mut chance).opening();
        let pipeline = RingKey::generate(Ring::Pipeline, &mut chance).opening();
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap();
        let sealing = release.sealing().clone();
        let store = Store::open(&location(&database), identity.clone(), sealing, HashingCost::LEAST, &mut chance)
            .await
            .unwrap();
        let platform = store.command_line_platform("prova", "test", now).await.unwrap();
        Self { database, store, platform, chance, now, identity, release, pipeline }
    }

    /// The store opened once more, as another process would.
    pub(crate) async fn opened_again(&mut self, identity: RingKey) -> Result<Store, StoreError> {
        let release = self.release.sealing().clone();
        Store::open(&location(&self.database), identity, release, HashingCost::LEAST, &mut self.chance).await
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub(crate) async fn town(&mut self, code: &str) -> Town {
        let new = NewEnte {
            code: code.to_owned(),
            name: format!("Comune di {code}"),
            from: on(2020, 1, 1),
            comuni: BTreeSet::from(["093033".to_owned()]),
            is_demo: true,
        };
        let id = self.store.create_ente(&self.platform, &new, self.now, &mut self.chance).await.unwrap();
        let command_line = self.store.command_line(id, "prova", "test", self.now).await.unwrap();
        let account = self.account(&command_line, "operatrice", Role::Operator).await;
        let administrator = self.account(&command_line, "amministra", Role::EnteAdministrator).await;
        let (store, now) = (self.store.clone(), self.now);
        store.set_totp(&command_line, administrator, &TOTP_SECRET, now, &mut self.chance).await.unwrap();
        let operator = self.login(code, "operatrice").await.session.scope(Right::Assess).unwrap();
        let login = self.login(code, "amministra").await;
        store
            .prove_second_factor(&login.session, &totp_code(&totp_secret(&TOTP_SECRET), now).unwrap(), PEER, now)
            .await
            .unwrap();
        let administrator = store.session(&login.token, now).await.unwrap().scope(Right::ManageAccounts).unwrap();
        Town { id, code: code.to_owned(), command_line, operator, administrator, account }
    }

    pub(crate) async fn account(&mut self, scope: &EnteScope, username: &str, role: Role) -> AccountId {
        let new = NewAccount {
            username: username.into(),
            display_name: username.into(),
            role,
            unita: None,
            reach: Reach::Ente,
        };
        let password = AcceptedPassword::check(PASSWORD, role, &[username]).unwrap();
        self.store.create_account_with_password(scope, &new, &password, self.now, &mut self.chance).await.unwrap()
    }

    pub(crate) async fn try_login(
        &mut self,
        ente: &str,
        username: &str,
        password: &str,
    ) -> Result<NewSession, StoreError> {
        let credentials = Credentials { ente: Some(ente), username, password, peer: PEER };
        self.store.login(credentials, self.now, &mut self.chance).await
    }

    pub(crate) async fn login(&mut self, ente: &str, username: &str) -> NewSession {
        self.try_login(ente, username, PASSWORD).await.unwrap()
    }

    pub(crate) async fn persona(&mut self, town: &Town, surname: &str, name: &str) -> PersonaId {
        let data = data(surname, name);
        self.store.create_persona(&town.operator, &data, self.now, &mut self.chance).await.unwrap()
    }

    /// A draft with every item answered; its id and revision.
    pub(crate) async fn draft(&mut self, town: &Town, persona: PersonaId, instrument: &Instrument) -> (DraftId, i32) {
        let new = NewDraft {
            persona,
            instrument: instrument.id.clone(),
            version: instrument.version,
            assessed_on: on(2026, 11, 20),
            copied: None,
        };
        let id = self.store.start_draft(&town.operator, &new, self.now, &mut self.chance).await.unwrap();
        let filling = filling(sheet(instrument, 1), new.assessed_on);
        let revision =
            self.store.save_draft(&town.operator, id, 1, &filling, self.now, &mut self.chance).await.unwrap();
        (id, revision)
    }

    pub(crate) async fn validated(&mut self, town: &Town, persona: PersonaId, instrument: &Instrument) -> AssessmentId {
        let (draft, revision) = self.draft(town, persona, instrument).await;
        let validation = confirmed(instrument);
        self.store.validate(&town.operator, draft, revision, &validation, self.now, &mut self.chance).await.unwrap()
    }

    pub(crate) async fn events(&self, town: &Town) -> Vec<domain::feed::Event> {
        self.store.events(town.id, 0, 1_000_000).await.unwrap()
    }
}

pub(crate) fn confirmed(instrument: &Instrument) -> Validation<'_> {
    Validation {
        instrument,
        evaluation: Evaluation::Confirmed,
        evaluation_reason: None,
        azioni: BTreeMap::from([(instrument.azioni[0].id.clone(), AzioneTerms::default())]),
        outcomes: Vec::new(),
        rechecked: BTreeSet::new(),
        sem_hundredths: BTreeMap::new(),
    }
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// Pages are served from many threads: what the store promises must be able to cross them.
#[test]
fn futures_can_cross_threads() {
    fn check<T: Send>(_: impl Fn(&'static Store) -> T) {}
    check(|store| async {
        let mut chance = ChaCha20Rng::seed_from_u64(0);
        let now = DateTime::UNIX_EPOCH;
        let credentials = Credentials { ente: None, username: "", password: "", peer: PEER };
        let session = store.login(credentials, now, &mut chance).await?.session;
        let scope = session.scope(Right::Assess)?;
        let instrument = instrument("asso");
        store.create_persona(&scope, &PersonaData::default(), now, &mut chance).await?;
        store.validate(&scope, DraftId(uuid::Uuid::nil()), 1, &confirmed(&instrument), now, &mut chance).await?;
        store.stage_import(&scope, ImportId(uuid::Uuid::nil()), &instrument, &[], now, &mut chance).await?;
        store.find_by_name(&scope, "", 1, now).await?;
        Ok::<(), StoreError>(())
    });
}

#[rstest]
#[tokio::test]
async fn another_key_is_refused_and_the_same_one_goes_on(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let town = world.town("pordenone").await;
    let persona = world.persona(&town, "Verdi", "Anna").await;
    world.store.clone().close().await.unwrap();
    let other = RingKey::generate(Ring::Identity, &mut world.chance);
    assert!(matches!(world.opened_again(other).await, Err(StoreError::WrongKey(_))));
    let again = world.opened_again(world.identity.clone()).await.unwrap();
    assert_eq!(again.persona(&town.operator, persona, world.now).await.unwrap().data.surname, "Verdi");
}
