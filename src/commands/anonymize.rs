//! `noncello anonymize`: any table in, an anonymous one out.
//!
//! The engine is not taken at its word: the output is written under another name, read back, and given its name only if
//! the verifier finds nothing against it, whichever way rows of `*` are read.

pub(crate) mod asked;
pub(crate) mod table;

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anonymity::compare::compare;
use anonymity::register::register_risk;
use anonymity::verify::{Beside, Checks, Verification, verify};
use anonymity::{Anonymized, Error, Page, QuasiIdentifier, Request, RowOrder, Seed};
use anyhow::{Context, Result, bail, ensure};
use arrow::array::RecordBatch;
use clap::ValueEnum;
use indicatif::ProgressBar;
use rand::TryRng;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::signal::unix::{SignalKind, signal};

use super::print_line;
use asked::Asked;
use table::Form;

#[derive(clap::Args)]
#[command(after_help = "\
Example: noncello anonymize --input people.csv --hierarchies folder --qi age,town --sensitive illness --k 5 --l 2 --output anonymous.csv

The folder holds a file *hierarchy_<column>.csv for each quasi-identifier, \";\" between cells: the value, then ever broader
labels, last *. Other columns stay as they are: leave names and codes out of the input. A value that is suppressed is *.")]
pub(crate) struct Arguments {
    /// The table: .csv (.tsv, .txt), with a first line of names, or .parquet.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// What stands between the cells of the CSV file; without it, found among comma, semicolon and tab.
    #[arg(long, value_name = "CHARACTER|tab", value_parser = table::delimiter)]
    delimiter: Option<u8>,
    /// The folder of files *hierarchy_<column>.csv.
    #[arg(long, value_name = "DIR")]
    hierarchies: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// How labels may differ.
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// How much the loss of a column counts when labels are chosen, where not 1: several, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "A=W", value_parser = weight)]
    weight: Vec<(String, f64)>,
    /// How long to search; global recoding always finds the best.
    #[arg(long, value_enum, default_value_t)]
    effort: Effort,
    /// The greatest fraction of rows that may be suppressed; fewer are, unless the loss falls.
    #[arg(long, value_name = "FRACTION", default_value = "0", value_parser = asked::fraction)]
    suppression: f64,
    /// 32 secret bytes: the same ones give the same table. Without it they are drawn and forgotten.
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
    /// Put the rows in another order, which the seed decides.
    #[arg(long)]
    shuffle: bool,
    /// Where to write, in the form of the input. A file that is there is replaced, once the new one is verified.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Where to write what is reached: rules, loss, risk, the verifier's figures, and distributions before and after. As JSON, or as
    /// a page to read and print.
    #[arg(long, value_name = "FILE.json|FILE.html")]
    report: Option<PathBuf>,
    /// How many people there are, for the journalist's risk in the report: a table with some of the quasi-identifiers, and the
    /// number of people in column COUNT.
    #[arg(long, value_name = "FILE:COUNT", requires = "report", value_parser = register)]
    register: Option<(PathBuf, String)>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Mode {
    /// Each class has its own labels: least loss.
    #[default]
    Local,
    /// One level of its hierarchy for each column, in all rows; of all combinations the one of least loss.
    Global,
}

impl From<Mode> for anonymity::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Local => Self::Local,
            Mode::Global => Self::Global,
        }
    }
}

fn register(text: &str) -> Result<(PathBuf, String), String> {
    let (file, count) = text.rsplit_once(':').ok_or("a file and a column, such as residents.csv:people, are needed")?;
    Ok((file.into(), count.to_owned()))
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let (column, weight) = text.rsplit_once('=').ok_or("a column and a number, such as age=2, are needed")?;
    let weight = weight.parse().map_err(|_| format!("{weight:?} is no number"))?;
    Ok((column.to_owned(), weight))
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Effort {
    /// One construction, no search.
    Fast,
    /// A short search.
    #[default]
    Default,
    /// A long search, for what will be published.
    More,
}

impl From<Effort> for anonymity::Effort {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Fast => Self::Fast,
            Effort::Default => Self::Default,
            Effort::More => Self::More,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    check_paths(arguments)?;
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(100));

    progress.set_message("reading");
    let (original, form) = table::read(&arguments.input, arguments.delimiter)?;
    let request = request(arguments, &original)?;

    progress.set_message("searching");
    let original = [original];
    let made = anonymity::anonymize(&original, &request).map_err(|error| explained(error, &arguments.input))?;

    progress.set_message("writing and verifying");
    let interruption = Interruption::watch()?;
    let output = staged(&arguments.output)?;
    table::write(&made.batch, form, output.as_file())?;
    output.as_file().sync_all()?;
    interruption.check()?;
    let outcome = verified(output.path(), form, &original, &made, &request)?;
    let report = match &arguments.report {
        Some(path) => Some(staged_report(path, arguments, &original, &made, &request, &outcome)?),
        None => None,
    };
    interruption.check()?;
    persist(output, &arguments.output)?;
    if let (Some(file), Some(path)) = (report, &arguments.report) {
        persist(file, path)?;
    }
    progress.finish_and_clear();

    let measures = &outcome.measures;
    print_line(&format!(
        "{}: {} rows, {} classes, k {}, loss {:.5}, {} rows suppressed; read back and verified",
        arguments.output.display(),
        measures.rows,
        measures.classes,
        measures.k,
        measures.loss.unwrap_or(f64::NAN),
        measures.suppressed,
    ));
    Ok(ExitCode::SUCCESS)
}

/// Nothing that is read may be written over, and the output keeps the form of the input.
fn check_paths(arguments: &Arguments) -> Result<()> {
    let (input, output) = (&arguments.input, &arguments.output);
    arguments.report.as_deref().map(is_page).transpose()?;
    ensure!(
        table::is_parquet(input)? == table::is_parquet(output)?,
        "{} and {} are of different forms; give both .csv, or both .parquet",
        input.display(),
        output.display(),
    );
    let real = |path: &Path| path.canonicalize().ok();
    let read = [Some(input), arguments.seed_file.as_ref(), arguments.register.as_ref().map(|(file, _)| file)];
    for written in [Some(output), arguments.report.as_ref()].into_iter().flatten() {
        for read in read.into_iter().flatten() {
            let is_same = real(read).is_some_and(|read| real(written) == Some(read));
            ensure!(!is_same, "{} is read and cannot be written over; give another name", read.display());
        }
    }
    ensure!(
        arguments.report.as_ref().is_none_or(|report| report != output),
        "{} is given for the table and for the report; give two names",
        output.display(),
    );
    Ok(())
}

fn request(arguments: &Arguments, original: &RecordBatch) -> Result<Request> {
    let asked = &arguments.asked;
    let mut identifiers = Vec::new();
    for column in &asked.qi {
        // Without the column, what is wrong is its name and not the hierarchy.
        if original.column_by_name(column).is_none() {
            let present = original.schema().fields().iter().map(|field| field.name().clone()).collect();
            return Err(explained(Error::UnknownColumn { column: column.clone(), present }, &arguments.input));
        }
        let weight = arguments.weight.iter().find(|(of, _)| of == column).map_or(1.0, |(_, weight)| *weight);
        identifiers
            .push(QuasiIdentifier::new(column, table::hierarchy(&arguments.hierarchies, column)?).weight(weight));
    }
    if let Some((column, _)) = arguments.weight.iter().find(|(column, _)| !asked.qi.contains(column)) {
        bail!("--weight names {column:?}, which is not among --qi");
    }
    let rules = asked.rules(original, Some(&arguments.hierarchies))?;
    let order = if arguments.shuffle { RowOrder::Shuffled } else { RowOrder::Kept };
    Ok(Request::new(identifiers, rules, seed(arguments.seed_file.as_deref())?)
        .mode(arguments.mode.into())
        .effort(arguments.effort.into())
        .suppression(arguments.suppression)
        .row_order(order))
}

fn seed(file: Option<&Path>) -> Result<Seed> {
    let mut bytes = [0; 32];
    match file {
        None => rand::rngs::SysRng.try_fill_bytes(&mut bytes).context("the system's random generator gives nothing")?,
        Some(path) => {
            let content = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let found = content.len();
            bytes = content.try_into().ok().with_context(|| {
                let path = path.display();
                format!("{path} holds {found} bytes, a seed has 32; `head -c 32 /dev/urandom > {path}` makes one")
            })?;
        }
    }
    Ok(Seed::new(bytes))
}

/// An error of the library with the file it is about, and what to do.
pub(crate) fn explained(error: Error, file: &Path) -> anyhow::Error {
    let hint = if let Error::UnknownValue { column, .. } = &error {
        format!(" (rows count from 0 below the names); add it to *hierarchy_{column}.csv, or mend the table")
    } else if matches!(error, Error::Null { .. } | Error::UnorderedValue { .. }) {
        " (rows count from 0 below the names)".into()
    } else {
        String::new()
    };
    anyhow::anyhow!("{}: {error}{hint}", file.display())
}

/// A file that vanishes unless it is given its name; in the folder of that name, since only there renaming is one step.
fn staged(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new()
        .prefix(".noncello-")
        // As any output: what the user's mask leaves, and not the owner alone.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(|| format!("nothing can be written in {}", folder.display()))
}

fn staged_report(
    path: &Path,
    arguments: &Arguments,
    original: &[RecordBatch],
    made: &Anonymized,
    request: &Request,
    outcome: &Verification,
) -> Result<NamedTempFile> {
    let comparison = compare(original, &made.batch, &made.origins, request)?;
    let register = match &arguments.register {
        Some((file, count)) => {
            let (people, _) = table::read(file, None)?;
            let risk = register_risk(&made.batch, &request.quasi_identifiers, &people, count);
            Some(risk.map_err(|error| explained(error, file))?)
        }
        None => None,
    };
    let mut file = staged(path)?;
    if is_page(path)? {
        let title = arguments.output.file_name().unwrap_or_default().to_string_lossy();
        let page = Page {
            title: &title,
            report: &made.report,
            verification: Some(outcome),
            comparison: Some(&comparison),
            register: register.as_ref(),
        };
        file.write_all(page.to_html().as_bytes())?;
    } else {
        let all = json!({
            "release": made.report, "verification": outcome, "comparison": comparison, "register": register,
        });
        serde_json::to_writer_pretty(&mut file, &all)?;
        file.write_all(b"\n")?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Whether a report is a page, by its ending.
fn is_page(path: &Path) -> Result<bool> {
    match path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase().as_str() {
        "html" | "htm" => Ok(true),
        "json" => Ok(false),
        _ => bail!("{}: a report is .json or .html", path.display()),
    }
}

fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path).map(drop).with_context(|| format!("{} cannot be written", path.display()))
}

/// Reads the file back and believes only that. Rows of `*` are set apart in the outcome, and must hold as a class too.
fn verified(
    path: &Path,
    form: Form,
    original: &[RecordBatch],
    made: &Anonymized,
    request: &Request,
) -> Result<Verification> {
    let released = [table::read_as(path, form)?];
    let names = request.quasi_identifiers.iter().map(|identifier| &identifier.column);
    let checks = Checks { suppression: Some(request.suppression), ..Checks::new(names, request.rules.clone()) };
    let beside = Beside {
        hierarchies: request.quasi_identifiers.iter().map(|qi| (qi.column.clone(), qi.hierarchy.clone())).collect(),
        original,
        origins: Some(&made.origins),
        ..Beside::default()
    };
    let outcome = verify(&released, &checks, &beside)?;
    let strict = (outcome.star_rows > 0).then(|| verify(&released, &checks.strict(), &beside)).transpose()?;
    let found = [Some(&outcome), strict.as_ref()];
    let violation = found.into_iter().flatten().flat_map(|outcome| &outcome.violations).next();
    if let Some(violation) = violation {
        bail!(
            "the table that was written does not hold and was thrown away, which is a defect of this program: {violation}"
        );
    }
    let (said, found) = (&made.report.measures, &outcome.measures);
    let close = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() < 1e-9);
    ensure!(
        (said.rows, said.classes, said.k, said.suppressed) == (found.rows, found.classes, found.k, found.suppressed)
            && close(said.loss, found.loss),
        "engine and verifier measure different things; the table was thrown away, which is a defect of this program",
    );
    Ok(outcome)
}

/// Whether somebody wants to stop. From when a file is there that must not stay; before, stopping needs no care.
struct Interruption {
    asked: Arc<AtomicBool>,
    /// Listens for as long as it lives.
    _runtime: tokio::runtime::Runtime,
}

impl Interruption {
    fn watch() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let asked = Arc::new(AtomicBool::new(false));
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let asked = Arc::clone(&asked);
            let mut signals = {
                let _inside = runtime.enter();
                signal(kind)?
            };
            runtime.spawn(async move {
                signals.recv().await;
                asked.store(true, Ordering::SeqCst);
            });
        }
        Ok(Self { asked, _runtime: runtime })
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.asked.load(Ordering::SeqCst), "interrupted; nothing was written");
        Ok(())
    }
}
