//! How fast the store finds persone and takes questionnaires in: what docs/benchmarks/store.md reports.
//!
//! `store_bench search PEOPLE`, `store_bench submit sqlite`, `store_bench submit postgres`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use domain::feed::Evaluation;
use domain::identifier::{Identifier, IdentifierKind};
use domain::instrument::{Answer, Instrument};
use domain::keys::{Ring, RingKey};
use domain::scoring::Sheet;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use store::{
    AcceptedPassword, Credentials, DraftId, EnteScope, Filling, HashingCost, Location, NewAccount, NewDraft, NewEnte,
    PersonaData, PostgresUrls, Reach, Right, Role, Store, Validation,
};
use test_database::{Kind, Place, TestDatabase};

/// At the same time, as in a busy office hour of many Enti.
const CLIENTS: usize = 32;
/// Questionnaires that each client hands in.
const EACH: usize = 60;
/// Searches that are measured.
const SEARCHES: usize = 4_000;

/// Of the benchmark's one account.
const PASSWORD: &str = "fiume-lento-verde-notte";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).unwrap()
}

/// CPU of this process so far, all threads.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // utime and stime, in hundredths of a second.
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

async fn opened(database: &TestDatabase, chance: &mut ChaCha20Rng) -> Result<(Store, EnteScope), Failure> {
    let location = match database.place() {
        Place::File(file) => Location::Sqlite(file.clone()),
        Place::Server { owner, portal } => {
            Location::Postgres(PostgresUrls { portal: portal.clone().into(), owner: Some(owner.clone().into()) })
        }
    };
    let identity = RingKey::generate(Ring::Identity, chance);
    let release = RingKey::generate(Ring::Release, chance).opening().sealing().clone();
    let store = Store::open(&location, identity, release, HashingCost::LEAST, chance).await?;
    let platform = store.command_line_platform("bench", "benchmark", now()).await?;
    let new = NewEnte {
        code: "grande".to_owned(),
        name: "Ente grande".to_owned(),
        from: now().date_naive(),
        comuni: BTreeSet::from(["093033".to_owned()]),
        is_demo: true,
    };
    let ente = store.create_ente(&platform, &new, now(), chance).await?;
    let command_line = store.command_line(ente, "bench", "benchmark", now()).await?;
    let account = NewAccount {
        username: "operatrice".to_owned(),
        display_name: "Operatrice".to_owned(),
        role: Role::Operator,
        unita: None,
        reach: Reach::Ente,
    };
    let password = AcceptedPassword::check(PASSWORD, Role::Operator, &[]).map_err(|refusal| format!("{refusal:?}"))?;
    store.create_account_with_password(&command_line, &account, &password, now(), chance).await?;
    let credentials = Credentials {
        ente: Some("grande"),
        username: "operatrice",
        password: PASSWORD,
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let scope = store.login(credentials, now(), chance).await?.session.scope(Right::Assess)?;
    Ok((store, scope))
}

/// Names that nobody has, as often as real ones are: the second is half as frequent as the first, the third a third (Zipf).
struct Names {
    words: Vec<String>,
    total: f64,
}

impl Names {
    fn new(count: usize, syllables: usize, chance: &mut ChaCha20Rng) -> Self {
        const STARTS: [&str; 20] = [
            "ma", "ro", "bi", "co", "de", "fe", "ga", "lo", "mo", "pa", "ri", "sa", "to", "ve", "za", "be", "ca", "fo",
            "gi", "po",
        ];
        const ENDS: [&str; 12] = ["n", "ri", "lli", "tti", "ssi", "no", "ra", "ni", "ta", "go", "li", "zzi"];
        let mut words = BTreeSet::new();
        while words.len() < count {
            let mut word = String::new();
            for _ in 0..chance.random_range(1..=syllables) {
                word.push_str(STARTS[chance.random_range(0..STARTS.len())]);
            }
            word.push_str(ENDS[chance.random_range(0..ENDS.len())]);
            words.insert(word);
        }
        let words: Vec<String> = words.into_iter().collect();
        let total = (1..=words.len()).map(|rank| 1.0 / rank as f64).sum();
        // Neighbours in the alphabet are not neighbours in frequency.
        let mut shuffled = words;
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, chance.random_range(0..=place));
        }
        Self { words: shuffled, total }
    }

    fn pick(&self, chance: &mut ChaCha20Rng) -> &str {
        let mut left = chance.random_range(0.0..self.total);
        for (rank, word) in self.words.iter().enumerate() {
            left -= 1.0 / (rank + 1) as f64;
            if left <= 0.0 {
                return word;
            }
        }
        &self.words[0]
    }
}

fn stp(number: usize) -> Identifier {
    Identifier::parse(IdentifierKind::Stp, &format!("STP{number:013}"), now().date_naive()).unwrap()
}

async fn search(people: usize) -> Result<(), Failure> {
    let mut chance = ChaCha20Rng::seed_from_u64(1);
    let database = TestDatabase::new(Kind::Sqlite);
    let (store, scope) = opened(&database, &mut chance).await?;
    let (surnames, names) = (Names::new(30_000, 4, &mut chance), Names::new(800, 3, &mut chance));
    let began = Instant::now();
    for number in 0..people {
        let data = PersonaData {
            surname: surnames.pick(&mut chance).to_owned(),
            name: names.pick(&mut chance).to_owned(),
            identifier: Some(stp(number)),
            birth_date: NaiveDate::from_ymd_opt(chance.random_range(1950..2008), chance.random_range(1..13), 7),
            residence: Some("093033".to_owned()),
            ..PersonaData::default()
        };
        store.create_persona(&scope, &data, now(), &mut chance).await?;
        if number % 50_000 == 49_999 {
            println!("{} persone after {:.0} s", number + 1, began.elapsed().as_secs_f64());
        }
    }
    println!("{people} persone in one Ente, SQLite, {SEARCHES} searches of each kind, one after the other, audited");
    for kind in ["three letters", "five letters", "surname", "surname and name", "code"] {
        let mut times = Vec::with_capacity(SEARCHES);
        let mut found = 0;
        for _ in 0..SEARCHES {
            let (surname, name) = (surnames.pick(&mut chance), names.pick(&mut chance));
            let text = match kind {
                "three letters" => surname.chars().take(3).collect(),
                "five letters" => surname.chars().take(5).collect(),
                "surname" => surname.to_owned(),
                _ => format!("{surname} {name}"),
            };
            let code = stp(chance.random_range(0..people));
            let began = Instant::now();
            found += if kind == "code" {
                usize::from(store.find_by_identifier(&scope, &code, now()).await?.is_some())
            } else {
                store.find_by_name(&scope, &text, 50, now()).await?.persone.len()
            };
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
        let mean = found as f64 / SEARCHES as f64;
        println!(
            "{kind}: median {:.1} ms, p95 {:.1}, p99 {:.1}, slowest {:.1}; {mean:.1} persone shown",
            at(50),
            at(95),
            at(99),
            at(100)
        );
    }
    Ok(())
}

fn isa() -> Instrument {
    Instrument::parse(include_str!("../../instruments/isa/1.toml")).unwrap()
}

fn sheet(instrument: &Instrument, chance: &mut ChaCha20Rng) -> Sheet {
    let mut answer =
        |item: &domain::instrument::Item| Answer::Value(item.options[chance.random_range(0..item.options.len())].value);
    instrument.items.iter().map(|item| (item.id.clone(), answer(item))).collect()
}

async fn draft(
    store: &Store,
    scope: &EnteScope,
    instrument: &Instrument,
    number: usize,
    chance: &mut ChaCha20Rng,
) -> Result<(DraftId, i32), Failure> {
    let data = PersonaData {
        surname: "Prova".to_owned(),
        name: format!("n{number}"),
        residence: Some("093033".to_owned()),
        ..PersonaData::default()
    };
    let persona = store.create_persona(scope, &data, now(), chance).await?;
    let new = NewDraft {
        persona,
        instrument: instrument.id.clone(),
        version: instrument.version,
        assessed_on: now().date_naive(),
        copied: None,
    };
    let id = store.start_draft(scope, &new, now(), chance).await?;
    let filling = Filling { sheet: sheet(instrument, chance), notes: BTreeMap::new(), assessed_on: new.assessed_on };
    Ok((id, store.save_draft(scope, id, 1, &filling, now(), chance).await?))
}

/// A table with nothing but a number, on the same disk and with the same care for durability.
async fn bare(database: &TestDatabase) -> Result<DatabaseConnection, Failure> {
    let (url, is_file) = match database.place() {
        Place::File(file) => (format!("sqlite://{}?mode=rwc", file.with_extension("bare").display()), true),
        Place::Server { owner, .. } => (owner.clone(), false),
    };
    let mut options = ConnectOptions::new(url);
    // SQLite writes one after the other whatever asks; a queue in the program is quicker than its lock.
    options.max_connections(if is_file { 1 } else { 12 }).sqlx_logging(false);
    let connection = Database::connect(options).await?;
    if is_file {
        connection.execute_unprepared("pragma journal_mode = wal").await?;
        connection.execute_unprepared("pragma synchronous = full").await?;
    }
    connection.execute_unprepared("create table bare (id integer primary key)").await?;
    Ok(connection)
}

async fn submit(kind: Kind) -> Result<(), Failure> {
    let mut chance = ChaCha20Rng::seed_from_u64(2);
    let database = TestDatabase::new(kind);
    let (store, scope) = opened(&database, &mut chance).await?;
    let instrument = Arc::new(isa());
    let mut drafts: Vec<Vec<(DraftId, i32)>> = vec![Vec::new(); CLIENTS];
    for number in 0..CLIENTS * EACH {
        drafts[number % CLIENTS].push(draft(&store, &scope, &instrument, number, &mut chance).await?);
    }
    let bare = bare(&database).await?;
    let next = Arc::new(AtomicUsize::new(1));
    let (began, cpu_before) = (Instant::now(), cpu());
    let clients = (0..CLIENTS).map(|_| {
        let (bare, next) = (bare.clone(), next.clone());
        tokio::spawn(async move {
            for _ in 0..EACH {
                let id = next.fetch_add(1, Ordering::Relaxed);
                bare.execute_unprepared(&format!("insert into bare values ({id})")).await?;
            }
            Ok::<(), sea_orm::DbErr>(())
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await??;
    }
    let (bare_time, bare_cpu) = (began.elapsed(), cpu().saturating_sub(cpu_before));

    let (began, cpu_before) = (Instant::now(), cpu());
    let clients = drafts.into_iter().enumerate().map(|(client, drafts)| {
        let (store, scope, instrument) = (store.clone(), scope.clone(), instrument.clone());
        let mut chance = ChaCha20Rng::seed_from_u64(100 + client as u64);
        tokio::spawn(async move {
            for (draft, revision) in drafts {
                let validation = Validation {
                    instrument: &instrument,
                    evaluation: Evaluation::Confirmed,
                    evaluation_reason: None,
                    azioni: BTreeMap::new(),
                    outcomes: Vec::new(),
                    rechecked: instrument.consistency.iter().map(|rule| rule.id.clone()).collect(),
                    sem_hundredths: BTreeMap::new(),
                };
                store.validate(&scope, draft, revision, &validation, now(), &mut chance).await?;
            }
            Ok::<(), store::StoreError>(())
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await??;
    }
    let (time, used) = (began.elapsed(), cpu().saturating_sub(cpu_before));

    let count = (CLIENTS * EACH) as f64;
    let each = |time: Duration| time.as_secs_f64() * 1_000.0 / count;
    println!("{kind:?}, {CLIENTS} clients, {} questionnaires of {} items", CLIENTS * EACH, instrument.items.len());
    println!(
        "a bare commit: {:.3} ms, {:.0} a second, {:.3} ms of CPU here",
        each(bare_time),
        1_000.0 / each(bare_time),
        each(bare_cpu)
    );
    println!(
        "a submission: {:.3} ms, {:.0} a second, {:.3} ms of CPU here",
        each(time),
        1_000.0 / each(time),
        each(used)
    );
    println!("submissions are {:.0} % as many as bare commits", 100.0 * each(bare_time) / each(time));
    parts(&instrument, &mut chance);
    Ok(())
}

/// What a submission computes besides asking the database.
fn parts(instrument: &Instrument, chance: &mut ChaCha20Rng) {
    const TIMES: u32 = 2_000;
    let sheet = sheet(instrument, chance);
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let began = Instant::now();
        for _ in 0..TIMES {
            work();
        }
        println!("  {what}: {:.3} ms", (began.elapsed() / TIMES).as_secs_f64() * 1_000.0);
    };
    timed("scoring 50 items", &mut || drop(std::hint::black_box(instrument.score(&sheet))));
    let answers: BTreeMap<&str, i16> = sheet.iter().map(|(id, answer)| (id.as_str(), answer.code())).collect();
    let text = serde_json::to_vec(&answers).unwrap();
    let key = domain::keys::Secret::generate(chance);
    let mut sealing = ChaCha20Rng::seed_from_u64(3);
    timed("writing the answers as JSON", &mut || drop(std::hint::black_box(serde_json::to_vec(&answers))));
    timed("sealing them", &mut || drop(std::hint::black_box(key.seal(&text, "bench", &mut sealing))));
    std::hint::black_box(sealing.next_u32());
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["search", people] => search(people.parse()?).await,
        ["submit", "sqlite"] => submit(Kind::Sqlite).await,
        ["submit", "postgres"] => submit(Kind::Postgres).await,
        _ => Err("store_bench search PEOPLE | submit sqlite | submit postgres".into()),
    }
}
