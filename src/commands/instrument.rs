//! `noncello instrument`: list, show, check.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use domain::instrument::{DefinitionError, Instrument, Rule, Status};
use serde_json::{Value, json};

use super::{Format, print_complaint, print_line};
use crate::data_folder::DataFolder;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the strumenti.
    #[command(after_help = "Example: noncello instrument list --format json")]
    List {
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print a strumento: its items, options and points.
    #[command(after_help = "Example: noncello instrument show asso@1")]
    Show {
        /// ID, or ID@VERSION; the newest version without one.
        instrument: String,
    },
    /// Add a definition to a data folder, so that it can be used there. It never changes afterwards: a change is a new version.
    #[command(after_help = "Example: noncello instrument add --data /srv/noncello questionario.toml")]
    Add {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// Check definition files against every rule of docs/definition-format.md.
    #[command(after_help = "Example: noncello instrument check questionario.toml")]
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to report.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::List { format } => list(*format),
        Command::Show { instrument } => show(instrument),
        Command::Add { data, file } => add(data, file),
        Command::Check { files, format } => check(files, *format),
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Official => "ufficiale",
        Status::Unofficial => "non ufficiale",
    }
}

fn summary(instrument: &Instrument) -> String {
    format!(
        "{} {}: {} items, {} scales, {} azioni, {}, sha256 {}",
        instrument.id,
        instrument.version,
        instrument.items.len(),
        instrument.scales.len(),
        instrument.azioni.len(),
        status_word(instrument.status),
        &instrument.sha256[..12],
    )
}

fn summary_json(instrument: &Instrument) -> Value {
    json!({
        "id": instrument.id,
        "version": instrument.version,
        "title": instrument.title.as_str(),
        "status": status_word(instrument.status),
        "items": instrument.items.len(),
        "scales": instrument.scales.iter().map(|scale| scale.id.as_str()).collect::<Vec<_>>(),
        "sha256": instrument.sha256,
    })
}

fn list(format: Format) -> Result<ExitCode> {
    let instruments = intake::instruments::shipped()?;
    match format {
        Format::Text => instruments.iter().for_each(|instrument| print_line(&summary(instrument))),
        Format::Json => {
            print_line(&serde_json::to_string_pretty(&instruments.iter().map(summary_json).collect::<Vec<_>>())?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(wanted: &str) -> Result<ExitCode> {
    let instruments = intake::instruments::shipped()?;
    let (id, version) = match wanted.split_once('@') {
        Some((id, version)) => (
            id,
            Some(version.parse::<u32>().with_context(|| format!("{version} is not a version: a whole number is"))?),
        ),
        None => (wanted, None),
    };
    let found = instruments
        .iter()
        .filter(|instrument| {
            instrument.id.as_str() == id && version.is_none_or(|version| version == instrument.version)
        })
        .max_by_key(|instrument| instrument.version);
    let Some(instrument) = found else {
        let names: Vec<String> =
            instruments.iter().map(|instrument| format!("{} {}", instrument.id, instrument.version)).collect();
        bail!("no strumento {wanted}; there is: {}", names.join(", "));
    };
    print_line(&summary(instrument));
    for section in &instrument.sections {
        print_line(&format!("\n{}", section.title));
        for item in &instrument.items[section.items.clone()] {
            print_line(&format!("  [{}] {}", item.id, item.text));
            for option in &item.options {
                let points: Vec<String> = instrument
                    .scales
                    .iter()
                    .zip(&option.points)
                    .filter(|(_, points)| **points > 0)
                    .map(|(scale, points)| format!("{} {points}", scale.id))
                    .collect();
                let blocks: Vec<&str> =
                    option.blocks.iter().map(|block| instrument.blocks[*block].id.as_str()).collect();
                let blocks = if blocks.is_empty() { String::new() } else { format!("; blocks {}", blocks.join(", ")) };
                print_line(&format!("    {:>3}  {} ({}{blocks})", option.value, option.text, points.join(", ")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn add(data: &Path, file: &Path) -> Result<ExitCode> {
    let folder = DataFolder::open(data)?;
    match read(file)? {
        Ok(instrument) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
            folder.add_definition(instrument.id.as_str(), instrument.version, &text)?;
            print_line(&summary(&instrument));
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            complain(file, &errors);
            Ok(ExitCode::from(1))
        }
    }
}

/// Reads and checks a definition file.
pub(super) fn read(file: &Path) -> Result<Result<Instrument, Vec<DefinitionError>>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Instrument::parse(&text))
}

/// Says all that is wrong with a definition file.
pub(super) fn complain(file: &Path, errors: &[DefinitionError]) {
    let file = file.display();
    for error in errors {
        print_complaint(&format!("{file}: {error}"));
    }
    print_complaint(&format!("{file}: {} to mend; the rules are in docs/definition-format.md", errors.len()));
}

fn check(files: &[PathBuf], format: Format) -> Result<ExitCode> {
    let mut report = Vec::new();
    let mut is_any_wrong = false;
    for file in files {
        let result = match (read(file), format) {
            (Ok(result), _) => result,
            (Err(error), Format::Text) => return Err(error),
            (Err(error), Format::Json) => {
                Err(vec![DefinitionError { place: "file".into(), rule: Rule::Toml, message: format!("{error:#}") }])
            }
        };
        is_any_wrong |= result.is_err();
        match (format, result) {
            (Format::Text, Ok(instrument)) => print_line(&summary(&instrument)),
            (Format::Text, Err(errors)) => complain(file, &errors),
            (Format::Json, result) => report.push(json!({
                "file": file,
                "instrument": result.as_ref().ok().map(summary_json),
                "errors": result.as_ref().err().into_iter().flatten().map(error_json).collect::<Vec<_>>(),
            })),
        }
    }
    if format == Format::Json {
        print_line(&serde_json::to_string_pretty(&report)?);
    }
    Ok(if is_any_wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn error_json(error: &DefinitionError) -> Value {
    json!({ "place": error.place, "rule": error.rule.code(), "message": error.message })
}
