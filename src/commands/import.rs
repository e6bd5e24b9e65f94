//! `noncello import`: questionnaires from a CSV file or an XLSX workbook, all of them or none.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use domain::instrument::Instrument;
use intake::import::{self, Count, ImportError, ImportReport, Options, Rule};
use serde_json::{Value, json};

use super::{Format, block_on, open_store, print_complaint, print_line, progress_bar};
use crate::data_folder::DataFolder;
use crate::system;

#[derive(clap::Args)]
#[command(
    after_help = "Example: noncello import --data /srv/noncello --ente dimostrazione-pordenone --instrument asso@1 \\
  --map mappa.toml --dry-run questionari.csv

The map is described in docs/import.md. The same file again changes nothing."
)]
pub(crate) struct Arguments {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The code of the Ente.
    #[arg(long, value_name = "CODE")]
    ente: String,
    /// The strumento: ID, or ID@VERSION; the newest version without one.
    #[arg(long, value_name = "ID[@VERSION]")]
    instrument: String,
    /// The map: which column is what.
    #[arg(long, value_name = "MAP.toml")]
    map: PathBuf,
    /// The table: CSV, or the first sheet of an XLSX workbook.
    file: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Import although some rows are surprising.
    #[arg(long)]
    accept_warnings: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    super::log_to_standard_error();
    let folder = DataFolder::open(&arguments.data)?;
    let instrument = find(&folder, &arguments.instrument)?;
    let text = std::fs::read_to_string(&arguments.map)
        .with_context(|| format!("{} cannot be read", arguments.map.display()))?;
    let map = match import::read_map(&text) {
        Ok(map) => map,
        Err(errors) => {
            for error in &errors {
                print_complaint(&format!("{}: {error}", arguments.map.display()));
            }
            return Ok(ExitCode::from(1));
        }
    };
    let file = File::open(&arguments.file).with_context(|| format!("{} cannot be read", arguments.file.display()))?;
    let options = Options { dry_run: arguments.dry_run, accept_warnings: arguments.accept_warnings };
    let bar = progress_bar("rows");
    let outcome = block_on(async {
        let store = open_store(&folder).await?;
        let ente = store.ente_id(&arguments.ente).await.with_context(|| format!("the Ente {}", arguments.ente))?;
        let now = system::now();
        let scope = store.command_line(ente, "import", "import of a table", now).await?;
        let mut told = |rows| bar.set_position(rows);
        let reader = BufReader::new(file);
        let mut chance = system::chance();
        let outcome =
            import::run(&store, &scope, &instrument, &map, reader, options, now, &mut chance, &mut told).await;
        store.close().await?;
        Ok(outcome)
    })?;
    bar.finish_and_clear();
    match outcome {
        Ok(report) => {
            tell(&report, arguments.format)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(ImportError::Refused { refusals, count, .. }) => {
            for refusal in &refusals {
                print_complaint(&format!("{}: {refusal}", arguments.file.display()));
            }
            print_complaint(&format!(
                "{count} refusals; nothing was imported. Mend the file, or say in the map what to do (on_invalid)"
            ));
            Ok(ExitCode::from(1))
        }
        Err(ImportError::Warnings(report)) => {
            tell(&report, arguments.format)?;
            print_complaint("nothing was imported: look at these rows, and say --accept-warnings if they are right");
            Ok(ExitCode::from(1))
        }
        Err(error) => Err(anyhow::Error::from(error).context(format!("{} was not imported", arguments.file.display()))),
    }
}

fn find(folder: &DataFolder, wanted: &str) -> Result<Instrument> {
    let (id, version) = match wanted.split_once('@') {
        Some((id, version)) => {
            let version =
                version.parse::<u32>().with_context(|| format!("{version} is not a version: a whole number is"))?;
            (id, Some(version))
        }
        None => (wanted, None),
    };
    let instruments = folder.instruments()?;
    let names: Vec<String> = instruments.iter().map(|known| format!("{}@{}", known.id, known.version)).collect();
    let fits = |known: &Instrument| known.id.as_str() == id && version.is_none_or(|version| version == known.version);
    let Some(found) = instruments.into_iter().filter(fits).max_by_key(|known| known.version) else {
        bail!(
            "no strumento {wanted} in this data folder; there is: {}; `noncello instrument add` adds one",
            names.join(", ")
        );
    };
    Ok(found)
}

fn rows(count: &Count) -> String {
    let first: Vec<String> = count.first_rows.iter().map(ToString::to_string).collect();
    let more = if count.count > count.first_rows.len() as u64 { ", …" } else { "" };
    format!("{} (rows {}{more})", count.count, first.join(", "))
}

fn tell(report: &ImportReport, format: Format) -> Result<()> {
    if format == Format::Json {
        let count = |count: &Count| json!({ "count": count.count, "first_rows": count.first_rows });
        let by_rule = |counts: &std::collections::BTreeMap<(String, Rule), Count>| -> Vec<Value> {
            let one = |((column, rule), value): (&(String, Rule), &Count)| json!({ "column": column, "rule": rule.to_string(), "rows": count(value) });
            counts.iter().map(one).collect()
        };
        let value = json!({
            "rows": report.rows,
            "imported": report.imported,
            "persone": report.persone,
            "already_there": report.already_there,
            "rejected": by_rule(&report.rejected),
            "set_missing": by_rule(&report.set_missing),
            "warnings": report.warnings.iter().map(|(kind, value)| json!({ "warning": kind.to_string(), "rows": count(value) })).collect::<Vec<_>>(),
            "unused_columns": report.unused_columns,
            "is_dry_run": report.is_dry_run,
        });
        print_line(&serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    let (done, made) = if report.is_dry_run { ("can be imported", "would be made") } else { ("imported", "made") };
    print_line(&format!(
        "{} rows: {} {done}, {} there already; {} persone {made}",
        report.rows, report.imported, report.already_there, report.persone
    ));
    for ((column, rule), count) in &report.rejected {
        print_line(&format!("  left out, {column}, {rule}: {}", rows(count)));
    }
    for ((column, rule), count) in &report.set_missing {
        print_line(&format!("  set to missing, {column}, {rule}: {}", rows(count)));
    }
    for (kind, count) in &report.warnings {
        print_line(&format!("  surprising, {kind}: {}", rows(count)));
    }
    if !report.unused_columns.is_empty() {
        print_line(&format!("  columns that the map does not name: {}", report.unused_columns.join(", ")));
    }
    Ok(())
}
