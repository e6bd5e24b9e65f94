//! The lake at the scale of a country: what docs/benchmarks/lake.md reports.
//!
//! `lake_bench generate DIR QUESTIONNAIRES [plain] [middling]` (`middling`: only the ten Enti that `add` adds to), then
//! `lake_bench rebuild DIR`, `lake_bench write DIR`, `lake_bench marts DIR`, `lake_bench add DIR ENTI QUESTIONNAIRES`,
//! `lake_bench query DIR`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the sizes of a benchmark are far from every limit"
)]

mod generate;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey};
use pipeline::{Config, RunReport};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use warehouse::session::Limits;
use warehouse::{Lake, TableData, workers};

/// The folder of a benchmark, with its keys: a seed gives the same ones every time.
pub(crate) struct Place {
    folder: PathBuf,
    pipeline: RingKey,
    lake: RingKey,
    instruments: Vec<Instrument>,
}

impl Place {
    fn new(folder: &str) -> Self {
        let mut chance = ChaCha20Rng::seed_from_u64(1);
        Self {
            folder: PathBuf::from(folder),
            pipeline: RingKey::generate(Ring::Pipeline, &mut chance),
            lake: RingKey::generate(Ring::Lake, &mut chance),
            instruments: [
                include_str!("../../../intake/instruments/asso/1.toml"),
                include_str!("../../../intake/instruments/isa/1.toml"),
            ]
            .map(|text| Instrument::parse(text).unwrap())
            .to_vec(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn lake(&self) -> Lake {
        Lake::new(self.at("lake"), self.at("keys/lake.d"), self.lake.clone())
    }

    fn config(&self) -> Config {
        Config {
            segments: self.at("segments"),
            lake: self.lake(),
            lock: self.at("lake/pipeline.lock"),
            links: self.at("links"),
            pseudonym_keys: self.at("keys/pipeline.d"),
            ring: self.pipeline.clone(),
            instruments: self.instruments.clone(),
            keep_days: 0,
            is_full: false,
        }
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// The most memory that this process has held, in MiB.
fn memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// CPU of this process so far, all threads.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // utime and stime, in hundredths of a second.
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn bytes_and_files(folder: &Path) -> (u64, usize) {
    let mut total = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let (bytes, files) = bytes_and_files(&entry.path());
            total = (total.0 + bytes, total.1 + files);
        } else {
            total = (total.0 + entry.metadata().unwrap().len(), total.1 + 1);
        }
    }
    total
}

fn run(place: &Place) -> (RunReport, Duration) {
    let begun = Instant::now();
    let report = pipeline::run(&place.config(), now(), &mut ChaCha20Rng::seed_from_u64(2), &|_, _| ()).unwrap();
    let took = begun.elapsed();
    assert!(
        report.is_clean(),
        "an Ente halted: {:?}",
        report.enti.iter().map(|ente| &ente.state).find(|state| matches!(state, pipeline::State::Halted(_)))
    );
    (report, took)
}

fn rebuild(place: &Place) {
    let _ = fs::remove_dir_all(place.at("lake"));
    let before = cpu();
    let (report, took) = run(place);
    let (bytes, files) = bytes_and_files(&place.at("lake"));
    println!(
        "rebuild: {} questionnaires of {} people in {} Enti, {} events: {:.1} s, {:.1} s of CPU, {:.0} a second, {} MiB at most, \
         {files} files, {} MiB",
        report.total.accepted,
        report.total.people,
        report.enti.len(),
        report.total.events,
        took.as_secs_f64(),
        (cpu() - before).as_secs_f64(),
        report.total.accepted as f64 / took.as_secs_f64(),
        memory_mib(),
        bytes >> 20,
    );
    let (_, again) = run(place);
    println!("again, nothing new: {:.2} s", again.as_secs_f64());
}

/// Writes the files of the lake's tables again, from memory, and does nothing else: the limit of a rebuild.
fn write(place: &Place) {
    let lake = place.lake();
    let enti = lake.enti().unwrap();
    let to = place.at("written");
    let _ = fs::remove_dir_all(&to);
    let nanoseconds = workers::map(&enti, |ente| {
        let published = lake.ente(*ente).unwrap().unwrap();
        let files: Vec<_> = published.manifest().files.iter().filter(|file| file.year.is_some()).collect();
        let rows: Vec<_> = files.iter().map(|file| published.rows(file).unwrap()).collect();
        let folder = to.join(ente.to_string());
        let begun = Instant::now();
        for (file, rows) in files.iter().zip(&rows) {
            let path = folder.join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes = published.file_of(rows).unwrap();
            let written = fs::File::create(&path).unwrap();
            std::io::Write::write_all(&mut &written, &bytes).unwrap();
            written.sync_all().unwrap();
            fs::File::open(path.parent().unwrap()).unwrap().sync_all().unwrap();
        }
        let took = begun.elapsed().as_nanos();
        fs::remove_dir_all(&folder).unwrap();
        took
    });
    let workers = thread::available_parallelism().unwrap().get();
    println!("write: {:.1} s", nanoseconds.into_iter().sum::<u128>() as f64 / 1e9 / workers as f64);
}

/// Makes the marts of every Ente again, from rows in memory: their part of a rebuild.
fn marts(place: &Place) {
    let lake = place.lake();
    let nanoseconds = workers::map(&lake.enti().unwrap(), |ente| {
        let published = lake.ente(*ente).unwrap().unwrap();
        let base = published.manifest().files.iter().filter_map(|file| Some((file, file.year?)));
        let tables: Vec<TableData> = base
            .map(|(file, year)| TableData { table: file.table.clone(), year, rows: published.rows(file).unwrap() })
            .collect();
        let begun = Instant::now();
        assert!(published.marts_of(&tables, &place.instruments).unwrap().len() > 3);
        begun.elapsed().as_nanos()
    });
    let workers = thread::available_parallelism().unwrap().get();
    println!("marts: {:.1} s", nanoseconds.into_iter().sum::<u128>() as f64 / 1e9 / workers as f64);
}

/// What a dashboard asks, of a mart and of a table that its figures come from.
const QUESTIONS: [(&str, &str); 2] = [
    (
        "mart_territory",
        "select comune, level, sum(people) as people from mart_territory where period = 'all' and instrument = 'asso' group by all order by all",
    ),
    (
        "scores",
        "select scale, level, count(*) as results from scores where instrument = 'asso' and is_valid = 1 group by all order by all",
    ),
];

/// The same questions to an Ente's partition and to DuckDB on one plain file with that Ente's rows, turn about; and all its marts, read.
fn query(place: &Place) {
    let lake = place.lake();
    let enti = lake.enti().unwrap();
    let chosen: Vec<_> = enti.iter().step_by((enti.len() / 30).max(1)).collect();
    let folder = place.at("plain-of-ente");
    fs::create_dir_all(&folder).unwrap();
    let milliseconds = |begun: Instant| begun.elapsed().as_secs_f64() * 1e3;
    let show = |what: &str, mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("{what}: median {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99));
        at(0.99)
    };
    for (table, sql) in QUESTIONS {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for ente in &chosen {
            let published = lake.ente(**ente).unwrap().unwrap();
            let file = folder.join(format!("{table}.parquet"));
            fs::write(&file, published.plain_file_of(table).unwrap()).unwrap();
            let of_file = sql.replace(&format!("from {table}"), &format!("from read_parquet('{}')", file.display()));
            for _ in 0..10 {
                let begun = Instant::now();
                let answer = lake.ente(**ente).unwrap().unwrap().query(sql).unwrap().rows.len();
                ours.push(milliseconds(begun));
                let begun = Instant::now();
                let session = warehouse::session::open(&folder, Limits { memory_mib: 768, threads: 2 }).unwrap();
                let mut statement = session.prepare(&of_file).unwrap();
                let rows: usize = statement.query_arrow([]).unwrap().map(|batch| batch.num_rows()).sum();
                plain.push(milliseconds(begun));
                assert_eq!(rows, answer);
            }
        }
        let (ours, plain) =
            (show(&format!("{table}, of the lake"), ours), show(&format!("{table}, plain file"), plain));
        println!("{table}: {:.2} times", ours / plain);
    }
    let mut times = Vec::new();
    for ente in &enti {
        let begun = Instant::now();
        let published = lake.ente(*ente).unwrap().unwrap();
        let marts = published.manifest().files.iter().filter(|file| file.year.is_none());
        let rows: usize = marts.map(|file| published.rows(file).unwrap().num_rows()).sum();
        times.push(milliseconds(begun));
        assert!(rows > 100);
    }
    show("all marts of an Ente, read", times);
}

fn add(place: &Place, enti: usize, questionnaires: usize) {
    let before = cpu();
    generate::add(place, enti, questionnaires);
    let generated = cpu() - before;
    let (report, took) = run(place);
    let changed = report.enti.iter().filter(|ente| ente.is_changed).count();
    println!(
        "add: {questionnaires} questionnaires to {changed} Enti: {:.2} s, {:.2} s of CPU, {} files written, {} MiB at most",
        took.as_secs_f64(),
        (cpu() - before - generated).as_secs_f64(),
        report.total.files_written,
        memory_mib(),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse::<usize>().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", folder, _, rest @ ..] => {
            generate::all(
                &Place::new(folder),
                number(&arguments[2]),
                rest.contains(&"plain"),
                rest.contains(&"middling"),
            );
        }
        ["rebuild", folder] => rebuild(&Place::new(folder)),
        ["write", folder] => write(&Place::new(folder)),
        ["marts", folder] => marts(&Place::new(folder)),
        ["query", folder] => query(&Place::new(folder)),
        ["add", folder, ..] if arguments.len() == 4 => {
            add(&Place::new(folder), number(&arguments[2]), number(&arguments[3]));
        }
        _ => println!("the first lines of this file say how it is called"),
    }
}
