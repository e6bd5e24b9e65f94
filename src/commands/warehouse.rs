//! `noncello warehouse query`: one SELECT over the published tables and marts of one Ente, at the machine; and the process
//! that answers it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use dashboards::query::Unanswered;
use serde_json::{Map, Value};
use warehouse::QueryResult;
use warehouse::analyst::{self, Answer, Caps};

use super::{block_on, open_store, print_complaint, print_line};
use crate::data_folder::DataFolder;
use crate::{behind, server, system};

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Columns side by side.
    #[default]
    Table,
    /// Comma-separated.
    Csv,
    /// A list of objects; every value is text.
    Json,
    /// A Parquet file, in clear.
    Parquet,
    /// An Arrow stream.
    Arrow,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Answer one SELECT. Who asked is written to the Ente's audit.
    #[command(after_help = "Example: noncello warehouse query --data demo-data --ente dimostrazione-pordenone \\
  \"select * from mart_reliability\"

The tables are assessments, scores, disadvantages, blocks, azioni, answers_<strumento> and the marts; docs/architecture.md
lists them. The answer comes from a process of its own, with at most 100,000 rows, 64 MiB, 1 GiB of memory and 20 seconds.
Figures printed here are not protected: they are for the Ente's own people.")]
    Query {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The code of the Ente.
        #[arg(long, value_name = "CODE")]
        ente: String,
        /// How to print.
        #[arg(long, value_enum, default_value_t)]
        format: Output,
        /// The SELECT.
        sql: String,
    },
    /// The process that answers: reads a question, writes rows. Started by whoever asks, never by people.
    #[command(hide = true)]
    Answer,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let (data, ente, format, sql) = match command {
        Command::Query { data, ente, format, sql } => (data, ente, *format, sql),
        Command::Answer => return Ok(answer()),
    };
    super::log_to_standard_error();
    let folder = DataFolder::open(data)?;
    let answered = block_on(async {
        let store = open_store(&folder).await?;
        let id = store.ente_id(ente).await.with_context(|| format!("the Ente {ente}"))?;
        let scope = store.command_line(id, "warehouse query", "query", system::now()).await?;
        let queries = server::queries(&folder, Caps::default())?;
        let answered = queries.ask(id, &behind::query_recorder(store.clone(), scope), sql.clone()).await;
        store.close().await?;
        Ok(answered)
    })?;
    match answered {
        Ok(answered) => print(answered.answer(), format)?,
        Err(Unanswered::Unpublished) => {
            bail!("nothing of {ente} is published yet; `noncello pipeline run` does it");
        }
        Err(unanswered) => return Err(unanswered.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn answer() -> ExitCode {
    match analyst::answer(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            print_complaint(&reason);
            ExitCode::from(analyst::REFUSED)
        }
    }
}

fn print(answer: &Answer, format: Output) -> Result<()> {
    let texts = || QueryResult::new(&answer.schema, &answer.batches);
    match format {
        Output::Parquet => io::stdout().write_all(&answer.to_parquet()?)?,
        Output::Arrow => io::stdout().write_all(&answer.to_arrow()?)?,
        Output::Table => {
            let result = texts()?;
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
            let width = |column: usize| {
                let values = result.rows.iter().map(|row| text(&row[column]).chars().count());
                values.chain([result.columns[column].chars().count()]).max().unwrap_or(0)
            };
            let widths: Vec<usize> = (0..result.columns.len()).map(width).collect();
            let line = |cells: Vec<String>| {
                let padded: Vec<String> =
                    cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
                padded.join("  ").trim_end().to_owned()
            };
            print_line(&line(result.columns.clone()));
            for row in &result.rows {
                print_line(&line(row.iter().map(text).collect()));
            }
        }
        Output::Csv => {
            let result = texts()?;
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&result.columns)?;
            for row in &result.rows {
                writer.write_record(row.iter().map(|value| value.as_deref().unwrap_or_default()))?;
            }
            print_line(String::from_utf8(writer.into_inner()?)?.trim_end());
        }
        Output::Json => {
            let result = texts()?;
            let objects: Vec<Value> = result
                .rows
                .iter()
                .map(|row| {
                    let pairs = result.columns.iter().zip(row);
                    Value::Object(
                        pairs
                            .map(|(column, value)| (column.clone(), value.clone().map_or(Value::Null, Value::String)))
                            .collect::<Map<_, _>>(),
                    )
                })
                .collect();
            print_line(&serde_json::to_string_pretty(&objects)?);
        }
    }
    Ok(())
}
