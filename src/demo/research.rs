//! The research area of the demonstration: a project of a university, what it asked for of each whole table, approved by two people and
//! published; and a request that waits. By the functions of the pages and of the builder.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::NaiveDate;
use dashboards::research::PartTold;
use store::{ResearchAccounts, Store};
use workspace::{BaseId, NewProject, NewRequest, Person, State, Terms, Workspace};

use crate::data_folder::DataFolder;
use crate::{research, system};

/// What the project asks for, where the table has it: whoever studies the way back to work needs no household.
const COLUMNS: [&str; 13] = [
    "fascia_eta",
    "sesso",
    "titolo_studio",
    "cittadinanza",
    "condizione_lavorativa",
    "territorio",
    "anno",
    "profilo",
    "livello_occupabilita",
    "livello_iniziale_occupabilita",
    "fascia_indice_occupabilita",
    "numero_valutazioni",
    "svantaggio",
];

/// Fills the area; says what was published. `bases` are the whole tables that there are.
pub(crate) async fn fill(folder: &DataFolder, store: &Store, bases: &[String]) -> Result<Vec<String>> {
    let workspace = research::open(folder).await?;
    let (officers, partner) = people(store).await?;
    let [one, other] = &officers;
    let mut chance = system::chance();
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).context("a day of the calendar");
    let project = NewProject {
        title: "Percorsi di ritorno al lavoro".into(),
        purpose: "Capire per chi, e in quanto tempo, i servizi sociali portano verso il lavoro.".into(),
        institution: "Università di prova".into(),
        responsible: "Bianca Neri".into(),
        ethics: "Parere del comitato etico 12/2025 del 3 dicembre 2025".into(),
        starts_on: day(2026, 1, 1)?,
        ends_on: day(2028, 12, 31)?,
        undertaking_on: Some(day(2025, 12, 15)?),
    };
    let now = system::now();
    let ends_on = project.ends_on;
    let project = workspace.create_project(one, &project, now, &mut chance).await?;
    workspace.add_member(project, &partner, one, now).await?;
    let mut published = Vec::new();
    for base in bases {
        let base: BaseId = base.parse()?;
        let request = ask(&workspace, project, &partner, &base, 5, folder).await?;
        workspace.accept(request, one, now, &mut chance).await?;
        research::work(folder).await?;
        let State::Assessed { draft, .. } = workspace.request(request).await?.state else { continue };
        for officer in [one, other] {
            workspace.approve(request, officer, &draft.sha256, system::now()).await?;
        }
        let told = PartTold::read(&research::part(folder, &draft.release))?;
        let terms = Terms { licence: told.licence, citation: told.citation, expires_on: ends_on };
        let release = workspace.publish(request, one, &terms, now.date_naive(), system::now()).await?;
        published.push(release.to_string());
    }
    if let Some(base) = bases.last() {
        ask(&workspace, project, &partner, &base.parse()?, 10, folder).await?;
    }
    workspace.close().await?;
    Ok(published)
}

/// Two of the office, and a partner.
async fn people(store: &Store) -> Result<([Person; 2], Person)> {
    let platform = store.command_line_platform("demo", "dimostrazione", system::now()).await?;
    let officers = store.research_accounts(&platform, ResearchAccounts::Officers).await?;
    let mut officers = officers.into_iter().map(|account| Person { account: account.id.0, name: account.display_name });
    let mut partners = store.partners(&platform).await?.into_iter();
    let missing = "the demonstration's accounts of the research area";
    let officers = [officers.next().context(missing)?, officers.next().context(missing)?];
    let partner = partners.next().context(missing)?;
    Ok((officers, Person { account: partner.id.0, name: partner.display_name }))
}

/// Asks for the project's columns of a table, years less fine.
async fn ask(
    workspace: &Workspace,
    project: workspace::ProjectId,
    partner: &Person,
    base: &BaseId,
    k: u32,
    folder: &DataFolder,
) -> Result<workspace::RequestId> {
    let now = system::now();
    let known = research::columns(folder, &base.to_string())?;
    let request = NewRequest {
        base: base.clone(),
        columns: COLUMNS.into_iter().filter(|name| known.iter().any(|column| column == name)).map(Into::into).collect(),
        k,
        coarser: BTreeMap::new(),
        reason: "Per confrontare chi entra in anni diversi.".into(),
    };
    Ok(workspace.ask(project, partner, &request, now.date_naive(), now, &mut system::chance()).await?)
}
