//! `noncello release`: tables that leave the house: build one, list them, check one, whoever made it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anonymity::report::SensitiveMeasures;
use anonymity::verify::{Beside, Checks, StarRows, Verification, verify};
use anyhow::Result;
use chrono::{DateTime, NaiveDate, Utc};
use clap::Subcommand;
use domain::keys::Ring;
use pipeline::release::{self, Places, Written};
use rand::CryptoRng;

use super::anonymize::asked::Asked;
use super::anonymize::{explained, table};
use super::{Format, block_on, print_complaint, print_line};
use crate::data_folder::DataFolder;
use crate::{research, server, system};

/// So many violations are told; the JSON form tells all.
const TOLD_MAX: usize = 20;

/// People in each class, without those of any one Ente, where nothing else is asked.
pub(crate) const K: usize = 5;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Build the anonymous table of a strumento from the partitions of all Enti, verify it, and write it.
    #[command(after_help = "\
Example: noncello release build --data /srv/noncello --instrument asso --cutoff 2026-06-30 --entered-by 2025-12-31

One row per persona first assessed in a window of time: from the end of the last table of the strumento up to --entered-by.
Windows never overlap, so that nobody is in two tables. What a project gets is a part of one.")]
    Build {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Which strumento.
        #[arg(long, value_name = "ID")]
        instrument: String,
        /// The last day of an assessment; today, without it.
        #[arg(long, value_name = "YYYY-MM-DD")]
        cutoff: Option<NaiveDate>,
        /// The last day of a first assessment; the cut-off, without it. An earlier day gives everybody time to be assessed again.
        #[arg(long, value_name = "YYYY-MM-DD")]
        entered_by: Option<NaiveDate>,
        /// People in each class after taking away those of any one Ente.
        #[arg(long, value_name = "K", default_value_t = K)]
        k: usize,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// List the releases that were made.
    #[command(after_help = "Example: noncello release list --data /srv/noncello --format json")]
    List {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Do what the research area has queued: whole tables, and files for projects. `serve` starts it by itself.
    #[command(after_help = "Example: noncello release work --data /srv/noncello")]
    Work {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Check that a table is anonymous by the rules given, whoever made it.
    Verify(Box<VerifyArguments>),
}

#[derive(clap::Args)]
#[command(after_help = "\
Example: noncello release verify anonymous.csv --k 5 --qi age,town --sensitive illness --l 2 --t 0.25

With --original and --hierarchies it is also asked that each label covers the value of the same row, and that no other
column differs: for tables whose rows were not shuffled. Rows count from 0 below the names.
Exit code 0: it holds; 1: it does not, or cannot be checked; 2: wrong usage.")]
pub(crate) struct VerifyArguments {
    /// The table: .csv (.tsv, .txt), with a first line of names, or .parquet.
    file: PathBuf,
    /// What stands between the cells of CSV files; without it, found among comma, semicolon and tab.
    #[arg(long, value_name = "CHARACTER|tab", value_parser = table::delimiter)]
    delimiter: Option<u8>,
    #[command(flatten)]
    asked: Asked,
    /// The table it was made from, its rows in the same order.
    #[arg(long, value_name = "FILE", requires = "hierarchies")]
    original: Option<PathBuf>,
    /// The folder of files *hierarchy_<column>.csv: labels must be known, and the loss is told.
    #[arg(long, value_name = "DIR")]
    hierarchies: Option<PathBuf>,
    /// Ask every rule of the rows of * only too, as one class; otherwise they are counted and set apart.
    #[arg(long)]
    strict: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Build { data, instrument, cutoff, entered_by, k, format } => {
            let folder = DataFolder::open(data)?;
            let now = system::now();
            let cutoff = cutoff.unwrap_or_else(|| now.with_timezone(&chrono_tz::Europe::Rome).date_naive());
            let asked = Asking { instrument: instrument.clone(), cutoff, entered_by: *entered_by, k: *k };
            let built = build(&folder, &asked, now, &mut system::chance())?;
            match format {
                Format::Text => print_line(&built.to_string()),
                Format::Json => print_line(&serde_json::to_string_pretty(&built.written.report)?),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::List { data, format } => list(&DataFolder::open(data)?, *format),
        Command::Work { data } => {
            let folder = DataFolder::open(data)?;
            let done = block_on(research::work(&folder))?;
            print_line(&format!("{done} jobs done"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify(arguments) => run_verify(arguments),
    }
}

/// What a release is, in a few lines.
pub(crate) struct BuiltSummary {
    written: Written,
}

impl BuiltSummary {
    /// The table's id.
    pub(crate) fn id(&self) -> &str {
        &self.written.report.id
    }
}

impl fmt::Display for BuiltSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written { folder, report } = &self.written;
        let release::Report { id, origin, rows, suppressed, measures, .. } = report;
        let release::Origin { count_humans, count_enti, entered_by, .. } = origin;
        let insiders = measures.k_without_any_contributor.unwrap_or_default();
        writeln!(f, "{id}: {rows} rows of {count_humans} people in {count_enti} Enti, {suppressed} left out")?;
        let after = origin.entered_after.map(|day| format!("after {day} and ")).unwrap_or_default();
        writeln!(f, "  first assessed {after}by {entered_by}, looked at up to {}", origin.cutoff)?;
        writeln!(
            f,
            "  {} people without a code that holds everywhere, counted once in each Ente; {} known to more than one Ente",
            told(origin.count_without_code),
            told(origin.count_in_several_enti)
        )?;
        writeln!(f, "  {} classes, k {} ({insiders} without any one Ente)", measures.classes, measures.k)?;
        for sensitive in &measures.sensitive {
            let t = sensitive.t_ordered.unwrap_or(sensitive.t_equal);
            writeln!(f, "  {}: t {t:.4}, at least {} values in a class", sensitive.column, sensitive.distinct_l)?;
        }
        write!(f, "  loss {:.5}:", measures.loss.unwrap_or_default())?;
        for attribute in &measures.loss_by_attribute {
            write!(f, " {} {:.3}", attribute.column, attribute.loss)?;
        }
        write!(f, "\n  {}", folder.display())
    }
}

fn told(people: Option<usize>) -> String {
    people.map_or_else(|| "fewer than ten".to_owned(), |people| people.to_string())
}

/// A whole table that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) instrument: String,
    pub(crate) cutoff: NaiveDate,
    pub(crate) entered_by: Option<NaiveDate>,
    pub(crate) k: usize,
}

/// Builds a whole table.
pub(crate) fn build(
    folder: &DataFolder,
    asked: &Asking,
    now: DateTime<Utc>,
    chance: &mut impl CryptoRng,
) -> Result<BuiltSummary> {
    let request = release::Request {
        lake: &server::lake(folder)?,
        links: folder.links(),
        ring: &folder.key(Ring::Release)?,
        instruments: &folder.instruments()?,
        places: &places(),
        lock: folder.pipeline_lock(),
        releases: folder.releases(),
        instrument: asked.instrument.clone(),
        cutoff: asked.cutoff,
        entered_by: asked.entered_by,
        k: asked.k,
        terms: folder.release_terms()?,
    };
    let written = release::build(&request, now, chance)?.assess()?.clear()?.write(chance)?;
    Ok(BuiltSummary { written })
}

/// Names by the first three digits of today's comuni; older codes have no name, and their people no place.
fn places() -> Places {
    let mut by_prefix = BTreeMap::new();
    for province in territory::provinces() {
        let Some(region) = territory::region(province.region) else { continue };
        let name = format!("{} ({})", province.name, province.sigla);
        by_prefix.insert(province.code.to_string(), (name, region.name.to_owned()));
    }
    Places { by_prefix }
}

fn list(folder: &DataFolder, format: Format) -> Result<ExitCode> {
    // While somebody holds the lock a release may be on its way: it is not for a list to finish it.
    if let Ok(_lock) = pipeline::lock(&folder.pipeline_lock()) {
        release::finish_interrupted(&folder.releases())?;
    }
    let releases = release::list(&folder.releases())?;
    match format {
        Format::Json => print_line(&serde_json::to_string_pretty(&releases)?),
        Format::Text if releases.is_empty() => print_line("no release was made; `noncello release build` makes one"),
        Format::Text => {
            for entry in &releases {
                let made = entry.created_at.format("%Y-%m-%d %H:%M");
                print_line(&format!(
                    "{}: {} rows, first assessed by {}, k {}, made {made} UTC, SHA-256 {}",
                    entry.id, entry.rows, entry.entered_by, entry.k, entry.sha256
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run_verify(arguments: &VerifyArguments) -> Result<ExitCode> {
    let (released, _) = table::read(&arguments.file, arguments.delimiter)?;
    let folder = arguments.hierarchies.as_deref();
    let mut beside = Beside::default();
    if let Some(folder) = folder {
        for column in &arguments.asked.qi {
            beside.hierarchies.insert(column.clone(), table::hierarchy(folder, column)?);
        }
    }
    let original = match &arguments.original {
        Some(path) => {
            let delimiter = if table::is_parquet(path)? { None } else { arguments.delimiter };
            vec![table::read(path, delimiter)?.0]
        }
        None => Vec::new(),
    };
    beside.original = &original;
    let rules = arguments.asked.rules(&released, folder)?;
    let checks = Checks::new(arguments.asked.qi.iter(), rules);
    let checks = if arguments.strict { checks.strict() } else { checks };
    let outcome = verify(&[released], &checks, &beside).map_err(|error| explained(error, &arguments.file))?;
    match arguments.format {
        Format::Text => tell(&arguments.file, &outcome),
        Format::Json => print_line(&outcome.to_json()),
    }
    Ok(if outcome.passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(file: &Path, outcome: &Verification) {
    let measures = &outcome.measures;
    let file = file.display();
    print_line(&format!("{file}: {}", if outcome.passed { "holds" } else { "does not hold" }));
    let stars = match (outcome.star_rows, outcome.star_rows_read_as) {
        (0, _) => String::from("no row of * only"),
        (count, StarRows::AreSetApart) => format!("{count} rows of * only set apart"),
        (count, StarRows::AreAClass) => format!("{count} rows of * only read as a class"),
    };
    print_line(&format!("  {} rows, {} classes, k {}, {stars}", measures.rows, measures.classes, measures.k));
    for sensitive in &measures.sensitive {
        let SensitiveMeasures { column, distinct_l, entropy_l, t_equal, t_ordered, t_hierarchical, outweighing, gain } =
            sensitive;
        let others = [
            t_ordered.map(|t| format!(", t {t:.4} ordered")),
            t_hierarchical.map(|t| format!(", t {t:.4} hierarchical")),
            outweighing.map(|times| format!("; the commonest {times:.4} times the rare")),
            gain.map(|gain| format!("; a value {gain:.4} more frequent than in the table")),
        ];
        let others: String = others.into_iter().flatten().collect();
        print_line(&format!(
            "  {column}: l {distinct_l} distinct, {entropy_l:.4} entropy; t {t_equal:.4} equal{others}"
        ));
    }
    if let Some(presence) = measures.presence {
        print_line(&format!(
            "  of {} in the population, from {:.4} to {:.4} of a class",
            presence.population, presence.least, presence.most
        ));
    }
    if let Some(loss) = measures.loss {
        print_line(&format!("  loss {loss:.5}"));
    }
    for violation in outcome.violations.iter().take(TOLD_MAX) {
        print_complaint(&format!("{file}: {violation}"));
    }
    let untold = outcome.violations.len().saturating_sub(TOLD_MAX);
    if untold > 0 {
        print_complaint(&format!(
            "{file}: and {untold} more; --format json tells all (rows count from 0 below the names)"
        ));
    }
}
