//! `noncello demo`: a synthetic world, from the portal to dashboards and a release, on this machine only unless asked otherwise.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::release::{self, Asking};
use super::{block_on, instrument, open_store, pipeline, print_line, progress_bar};
use crate::data_folder::DataFolder;
use crate::demo::fill::{self, Plan};
use crate::outside::Outside;
use crate::server::{self, Parts};
use crate::{demo, system};

#[derive(clap::Args)]
#[command(after_help = "Example: noncello demo --data demo-data --listen 127.0.0.1:8080

A folder that holds the same demonstration already is served as it is.")]
pub(crate) struct Arguments {
    /// The data folder of the demonstration; made when it is not there.
    #[arg(long, default_value = "demo-data", value_name = "DIR")]
    data: PathBuf,
    /// How many persone.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u32).range(200..=200_000))]
    people: u32,
    /// The same seed makes the same world.
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Fill and publish, and do not serve.
    #[arg(long)]
    no_serve: bool,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Keep the portal's database in PostgreSQL, as with `noncello init`.
    #[arg(long, value_name = "FILE")]
    postgres: Option<PathBuf>,
    #[command(flatten)]
    outside: Outside,
    /// A definition file to have beside the strumenti shipped; may be given more than once.
    #[arg(long = "instrument", value_name = "FILE")]
    instruments: Vec<PathBuf>,
}

/// What a demonstration was made from: another program or plan makes another one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    version: String,
    people: u32,
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    super::log_to_standard_error();
    let mut others = Vec::new();
    for file in &arguments.instruments {
        match instrument::read(file)? {
            Ok(read) => {
                let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
                others.push((read, text));
            }
            Err(errors) => {
                instrument::complain(file, &errors);
                return Ok(ExitCode::from(1));
            }
        }
    }
    let mark = Mark { version: env!("CARGO_PKG_VERSION").to_owned(), people: arguments.people, seed: arguments.seed };
    let folder = match kept(&arguments.data, &mark)? {
        Some(folder) => folder,
        None => make(arguments, &mark)?,
    };
    for (read, text) in &others {
        folder.add_definition(read.id.as_str(), read.version, text)?;
    }
    if arguments.no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    block_on(async {
        let parts = Parts { portal: true, dashboards: true };
        let (router, _) = server::pages(&folder, open_store(&folder).await?, parts, true, &arguments.outside).await?;
        print_users(&arguments.data);
        server::serve(router, arguments.listen, |address| server::announce("the demonstration", address)).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The demonstration that is there already, if it is this one.
fn kept(data: &Path, mark: &Mark) -> Result<Option<DataFolder>> {
    let Ok(folder) = DataFolder::open(data) else { return Ok(None) };
    let text = fs::read_to_string(folder.demonstration_mark()).unwrap_or_default();
    match serde_json::from_str::<Mark>(&text) {
        Ok(found) if found == *mark => Ok(Some(folder)),
        Ok(found) => bail!(
            "{} holds another demonstration ({} people, seed {}, version {}); remove it, or give another --data",
            data.display(),
            found.people,
            found.seed,
            found.version
        ),
        Err(_) => bail!(
            "{} holds data that are no finished demonstration; remove it if nobody needs it, or give another --data",
            data.display()
        ),
    }
}

fn make(arguments: &Arguments, mark: &Mark) -> Result<DataFolder> {
    let mut chance = system::chance();
    let folder = DataFolder::create(&arguments.data, &mut chance)?;
    if let Some(file) = &arguments.postgres {
        folder.use_postgres(file)?;
    }
    print_line(&format!("filling {} with {} synthetic persone", arguments.data.display(), arguments.people));
    let instruments = folder.instruments()?;
    let bar = progress_bar("questionnaires");
    let filled = block_on(async {
        let store = open_store(&folder).await?;
        let plan = Plan { people: arguments.people, seed: arguments.seed };
        let filled = fill::fill(&store, &instruments, plan, system::now(), &mut chance, &|more| bar.inc(more)).await?;
        store.close().await?;
        pipeline::export(&folder).await?;
        Ok(filled)
    })?;
    bar.finish_and_clear();
    print_line(&format!(
        "{} Enti, {} persone, {} questionnaires; running the pipeline",
        filled.enti, filled.persone, filled.assessments
    ));
    let report = pipeline::run_stages(&folder, false)?;
    if !report.is_clean() {
        bail!("the pipeline did not publish every Ente; `noncello pipeline run` says why");
    }
    print_line(&format!("{} questionnaires published; building releases", report.total.accepted));
    let mut bases = Vec::new();
    for (cutoff, entered_by) in fill::windows() {
        let instrument = instruments[0].id.to_string();
        let asked = Asking { instrument, cutoff, entered_by: Some(entered_by), k: release::K };
        match release::build(&folder, &asked, system::now(), &mut chance) {
            Ok(built) => {
                print_line(&built.to_string());
                bases.push(built.id().to_owned());
            }
            // A small world has too few people for an anonymous table, and is of use without one.
            Err(error) => print_line(&format!("no release of so few people up to {entered_by}: {error:#}")),
        }
    }
    let published = block_on(async {
        let store = open_store(&folder).await?;
        let published = demo::research::fill(&folder, &store, &bases).await?;
        store.close().await?;
        Ok(published)
    })?;
    for release in published {
        print_line(&format!("{release}: approved by two people, published for the project of universita"));
    }
    let text = serde_json::to_vec_pretty(mark)?;
    let path = folder.demonstration_mark();
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(folder)
}

fn print_users(data: &Path) {
    print_line("");
    print_line(&format!("everybody's password: {}", fill::PASSWORD));
    let secret = store::totp_secret(&fill::TOTP_SECRET);
    print_line(&format!(
        "second factor of piattaforma, ricerca, ricerca2, universita and each amministratore: {secret} (for an authenticator)"
    ));
    if let Ok(program) = std::env::current_exe() {
        print_line(&format!("  its code of the moment: {} totp {secret}", program.display()));
    }
    print_line("platform (leave the Ente empty): piattaforma, ricerca, ricerca2, universita");
    print_line("in each Ente: amministratore, dirigente, analista, operatore1, operatore2, …");
    print_line("Enti:");
    for ente in demo::enti::enti() {
        print_line(&format!("  {}  ({}, {} comuni)", ente.code, ente.name, ente.comuni.len()));
    }
    print_line("");
    if let Ok(program) = std::env::current_exe() {
        print_line("what is entered now reaches the dashboards with:");
        print_line(&format!("  {} pipeline run --data {}", program.display(), data.display()));
        print_line("");
    }
}
