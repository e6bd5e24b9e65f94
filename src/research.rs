//! Composition of the research area: its pages behind the portal's sessions and tokens, the builder in a process of its own, and
//! what the one has to know of the other.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::{Router, middleware};
use dashboards::query;
use dashboards::research::{BaseColumn, BaseTable, Buildable, Research, ResearchConfig};
use domain::instrument::Instrument;
use intake::{Demand, Portal};
use pipeline::release::{self, PartRequest};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Right, TokenScope};
use templates::Renderer;
use tokio::sync::Notify;
use workspace::{Draft, ReleaseId, State, Work, Workspace};

use crate::commands::release::{Asking, build};
use crate::data_folder::DataFolder;
use crate::{behind, system};

/// The pages and files of the area, each behind its own door.
pub(crate) async fn area(
    folder: &DataFolder,
    workspace: Workspace,
    portal: &Portal,
    renderer: Arc<Renderer>,
    program: query::Program,
    is_demonstration: bool,
) -> Result<Router> {
    let instruments = folder.instruments()?;
    let work = Arc::new(Notify::new());
    // What a builder that died has left.
    work.notify_one();
    tokio::spawn(build_when_woken(folder.root().to_owned(), Arc::clone(&work)));
    let (reading, known) = (folder.clone(), instruments.clone());
    let config = ResearchConfig {
        workspace,
        parts: release::parts_folder(&folder.releases()),
        twins: release::twins_folder(&folder.releases()),
        bases: Arc::new(move || bases(&reading, &known)),
        strumenti: strumenti(&instruments),
        wake: Arc::new(move || work.notify_one()),
        is_demonstration,
        program,
        caps: query::CAPS,
        patience: query::PATIENCE,
        clock: Arc::new(system::now),
        chance: StdRng::from_rng(&mut system::chance()),
    };
    let routers = Research::new(renderer, config).routers();
    let as_who = |right, router: Router| {
        router.route_layer(middleware::from_fn_with_state((portal.clone(), right), behind::see_research))
    };
    let office = portal.behind(Demand::Platform(Right::Release), as_who(Right::Release, routers.office));
    let acts = portal.behind(Demand::PlatformFresh(Right::Release), as_who(Right::Release, routers.office_acts));
    let scholars = portal.behind(Demand::Platform(Right::UseReleases), as_who(Right::UseReleases, routers.scholars));
    let programs = routers.programs.route_layer(middleware::from_fn(behind::see_releases));
    let programs = portal.behind_token(TokenScope::RilasciRead, programs);
    Ok(office.merge(acts).merge(scholars).merge(programs).merge(routers.public))
}

/// The database of what is worked on beside the portal: the research area's, and what managers keep.
pub(crate) async fn open(folder: &DataFolder) -> Result<Workspace> {
    Workspace::open(&folder.workspace_place()).await.context("the workspace's database cannot be opened")
}

/// The strumenti, each once.
fn strumenti(instruments: &[Instrument]) -> Vec<Buildable> {
    let mut found: Vec<Buildable> = Vec::new();
    for known in instruments {
        let one = Buildable { id: known.id.to_string(), title: known.title.to_string() };
        match found.iter_mut().find(|found| found.id == one.id) {
            Some(earlier) => *earlier = one,
            None => found.push(one),
        }
    }
    found
}

/// The whole tables, as the pages show them.
fn bases(folder: &DataFolder, instruments: &[Instrument]) -> Result<Vec<BaseTable>, String> {
    let choices = release::choices(&folder.releases(), instruments).map_err(|error| error.to_string())?;
    let strumenti = strumenti(instruments);
    let table = |choice: release::Choice| {
        let title = strumenti.iter().find(|known| known.id == choice.origin.instrument);
        BaseTable {
            title: title.map_or(choice.origin.instrument.clone(), |known| known.title.clone()),
            id: choice.id,
            cutoff: choice.origin.cutoff,
            entered_after: choice.origin.entered_after,
            entered_by: choice.origin.entered_by,
            k: u32::try_from(choice.k).unwrap_or(u32::MAX),
            rows: choice.rows as u64,
            columns: choice
                .columns
                .into_iter()
                .map(|column| BaseColumn { name: column.name, meaning: column.meaning, levels: column.levels })
                .collect(),
        }
    };
    Ok(choices.into_iter().map(table).collect())
}

/// The columns of a whole table.
pub(crate) fn columns(folder: &DataFolder, base: &str) -> Result<Vec<String>> {
    let choices = release::choices(&folder.releases(), &folder.instruments()?)?;
    let known = choices.into_iter().find(|choice| choice.id == base).context("there is no such table")?;
    Ok(known.columns.into_iter().map(|column| column.name).collect())
}

/// Where the builder puts a release.
pub(crate) fn part(folder: &DataFolder, release: &ReleaseId) -> PathBuf {
    release::parts_folder(&folder.releases()).join(release.to_string())
}

/// Starts `noncello release work` as a child whenever there is work: it opens the rings of lake and releases, this process does
/// not open the latter.
async fn build_when_woken(data: PathBuf, work: Arc<Notify>) {
    loop {
        work.notified().await;
        let data = data.clone();
        let run = move || {
            let program = std::env::current_exe()?;
            std::process::Command::new(program).args(["release", "work", "--data"]).arg(&data).status()
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => tracing::error!(%status, "the builder of releases did not end well; see its report"),
            Ok(Err(error)) => tracing::error!(%error, "the builder of releases cannot be started"),
            Err(error) => tracing::error!(%error, "the watcher of the builder ended"),
        }
    }
}

/// Does what the area has queued, one after the other; says how much was done. What cannot be done is said in the job.
pub(crate) async fn work(folder: &DataFolder) -> Result<u32> {
    let _lock = pipeline::lock(&folder.builder_lock())?;
    let workspace = open(folder).await?;
    let mut done = 0;
    while let Some(job) = workspace.take_job(system::now()).await? {
        let ended = match &job.work {
            Work::Base(order) => {
                let asking = Asking {
                    instrument: order.instrument.to_string(),
                    cutoff: order.cutoff,
                    entered_by: Some(order.entered_by),
                    k: order.k as usize,
                };
                let base = workspace::BaseId::new(order.instrument.clone(), order.cutoff);
                match on_the_pool(folder, move |folder| build(folder, &asking, system::now(), &mut system::chance()))
                    .await
                {
                    Ok(_) => workspace.base_built(job.id, &base, system::now()).await,
                    Err(error) => workspace.fail(job.id, &problem(&error), system::now()).await,
                }
            }
            Work::Draft { request } => match draft(folder, &workspace, *request).await {
                Ok(draft) => workspace.assessed(job.id, &draft, system::now()).await,
                Err(error) => workspace.fail(job.id, &problem(&error), system::now()).await,
            },
        };
        match ended {
            Ok(()) => done += 1,
            // It was refused while it was made.
            Err(workspace::WorkspaceError::Refused(refused)) => {
                tracing::info!(%refused, "a job is not wanted any more")
            }
            Err(error) => return Err(error.into()),
        }
    }
    workspace.close().await?;
    Ok(done)
}

/// What is told of a failure: as much as fits.
fn problem(error: &anyhow::Error) -> String {
    format!("{error:#}").chars().filter(|character| !character.is_control()).take(1_000).collect()
}

async fn on_the_pool<T: Send + 'static>(
    folder: &DataFolder,
    work: impl FnOnce(&DataFolder) -> Result<T> + Send + 'static,
) -> Result<T> {
    let folder = folder.clone();
    tokio::task::spawn_blocking(move || work(&folder)).await.context("the work broke off")?
}

/// Makes the file of a request.
async fn draft(folder: &DataFolder, workspace: &Workspace, request: workspace::RequestId) -> Result<Draft> {
    let request = workspace.request(request).await?;
    let State::Building { release } = request.state else { anyhow::bail!("the request is not being built any more") };
    let project = workspace.project(request.project).await?;
    let (asked, id) = (request.asked, release.to_string());
    let report = on_the_pool(folder, move |folder| {
        let instruments = folder.instruments()?;
        let part = PartRequest {
            releases: folder.releases(),
            base: asked.base.to_string(),
            id,
            columns: asked.columns.into_iter().collect(),
            k: asked.k as usize,
            coarser: asked.coarser.into_iter().map(|(column, steps)| (column, steps as usize)).collect(),
            instruments: &instruments,
            terms: release::Terms { expires_on: Some(project.terms.ends_on), ..folder.release_terms()? },
        };
        let mut chance = system::chance();
        let cleared = release::take_part(&part, system::now(), &mut chance)?.assess()?.clear()?;
        Ok(cleared.write(&mut chance)?.report)
    })
    .await?;
    Ok(Draft {
        release,
        sha256: report.sha256.clone().unwrap_or_default(),
        rows: report.rows as u64,
        k: u32::try_from(report.k).unwrap_or(u32::MAX),
        report: serde_json::to_string(&report)?,
    })
}
