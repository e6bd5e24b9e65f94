//! A request, for the research office: what is asked for, what the builder made of it, and what becomes of it.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use templates::{Area, Page};
use workspace::{Draft, ReleaseId, Request, RequestId, State as Stands, StateKind, Terms};

use super::fields::{Fields, Sent};
use super::files::{self, FileView};
use super::office::RequestRow;
use super::project::EventRow;
use super::{Research, ResearchAct, Said, SaidView, Scholar, TABLE, Trouble, back, day, id, outcome};
use crate::text;

/// The release that a state speaks of.
pub(super) fn release_of(state: &Stands) -> Option<&ReleaseId> {
    match state {
        Stands::Requested | Stands::Refused { .. } => None,
        Stands::Building { release }
        | Stands::Failed { release, .. }
        | Stands::Published { release }
        | Stands::Withdrawn { release, .. } => Some(release),
        Stands::Assessed { draft, .. } => Some(&draft.release),
    }
}

/// What the builder's report says, as far as the office reads it here; all of it is in `rapporto.html`.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Report {
    suppressed: u64,
    measures: Measures,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Measures {
    classes: u64,
    k: u64,
    #[serde(default)]
    k_without_any_contributor: Option<u64>,
    #[serde(default)]
    loss: Option<f64>,
    #[serde(default)]
    loss_by_attribute: Vec<Loss>,
    #[serde(default)]
    sensitive: Vec<Sensitive>,
    risk: Risk,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Loss {
    column: String,
    loss: f64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Sensitive {
    column: String,
    distinct_l: u64,
    t_equal: f64,
    #[serde(default)]
    t_ordered: Option<f64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Risk {
    prosecutor_max: f64,
    prosecutor_mean: f64,
}

/// A share of one, in percent with one decimal.
fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0).replace('.', ",")
}

fn decimal(value: f64) -> String {
    format!("{value:.3}").replace('.', ",")
}

/// A draft, as the page tells it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DraftView {
    release: String,
    sha256: String,
    rows: u64,
    suppressed: u64,
    classes: u64,
    k: u64,
    k_without_any_ente: Option<u64>,
    loss: Option<String>,
    losses: Vec<(String, String)>,
    /// Column, values in the worst class, distance of the worst class.
    sensitive: Vec<(String, u64, String)>,
    risk_max: String,
    risk_mean: String,
    files: Vec<FileView>,
}

impl DraftView {
    fn of(draft: &Draft, files: Vec<FileView>) -> Result<Self, Trouble> {
        let read = serde_json::from_str(&draft.report);
        let report: Report = read.map_err(|error| Trouble::broken("the report of a draft cannot be read", &error))?;
        let measures = report.measures;
        let distance = |of: &Sensitive| decimal(of.t_ordered.unwrap_or(of.t_equal));
        Ok(Self {
            release: draft.release.to_string(),
            sha256: draft.sha256.clone(),
            rows: draft.rows,
            suppressed: report.suppressed,
            classes: measures.classes,
            k: measures.k,
            k_without_any_ente: measures.k_without_any_contributor,
            loss: measures.loss.map(decimal),
            losses: measures.loss_by_attribute.iter().map(|of| (of.column.clone(), decimal(of.loss))).collect(),
            sensitive: measures.sensitive.iter().map(|of| (of.column.clone(), of.distinct_l, distance(of))).collect(),
            risk_max: percent(measures.risk.prosecutor_max),
            risk_mean: percent(measures.risk.prosecutor_mean),
            files,
        })
    }

    fn sample() -> Self {
        Self {
            release: "asso-2026-06-30-01".into(),
            sha256: "00ff".repeat(16),
            rows: 1_804,
            suppressed: 12,
            classes: 210,
            k: 5,
            k_without_any_ente: Some(5),
            loss: Some("0,213".into()),
            losses: vec![("fascia_eta".into(), "0,120".into())],
            sensitive: vec![("profilo".into(), 2, "0,249".into())],
            risk_max: "20,0".into(),
            risk_mean: "9,4".into(),
            files: vec![FileView { name: "rapporto.html".into(), bytes: 9_000 }],
        }
    }
}

/// A column that is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AskedColumn {
    pub(crate) name: String,
    pub(crate) meaning: String,
    /// How many levels coarser than it could be.
    pub(crate) coarser: u32,
}

#[derive(Serialize)]
pub(crate) struct RequestPage {
    said: SaidView,
    request: RequestRow,
    project_id: String,
    reason: String,
    columns: Vec<AskedColumn>,
    problem: Option<String>,
    ended: Option<String>,
    draft: Option<DraftView>,
    approvals: Vec<(String, String)>,
    approvals_needed: usize,
    /// Whether whoever looks has approved, or asked for it.
    may_approve: bool,
    expires_on: String,
    history: Vec<EventRow>,
}

impl Page for RequestPage {
    const TEMPLATE: &'static str = "pages/research_request.html";

    fn samples() -> Vec<Self> {
        let page = |state: StateKind| Self {
            said: SaidView::default(),
            request: RequestRow::sample(state.code()),
            project_id: "1".into(),
            reason: "Per lo studio sui tempi.".into(),
            columns: vec![
                AskedColumn { name: "sesso".into(), meaning: "Sesso anagrafico".into(), coarser: 0 },
                AskedColumn { name: "fascia_eta".into(), meaning: "Età".into(), coarser: 1 },
            ],
            problem: None,
            ended: None,
            draft: None,
            approvals: Vec::new(),
            approvals_needed: workspace::APPROVALS_NEEDED,
            may_approve: true,
            expires_on: "31/12/2028".into(),
            history: EventRow::samples(),
        };
        let approval = |name: &str| (name.to_owned(), "02/07/2026 09:00".to_owned());
        let assessed = |approvals, may_approve| Self {
            draft: Some(DraftView::sample()),
            approvals,
            may_approve,
            ..page(StateKind::Assessed)
        };
        vec![
            page(StateKind::Requested),
            page(StateKind::Building),
            Self { problem: Some("at least one quasi-identifier is needed".into()), ..page(StateKind::Failed) },
            assessed(Vec::new(), true),
            assessed(vec![approval("Ufficio ricerca")], false),
            assessed(vec![approval("Ufficio ricerca"), approval("Responsabile ricerca")], false),
            Self { ended: Some("Manca il parere etico".into()), ..page(StateKind::Refused) },
            Self { draft: Some(DraftView::sample()), ..page(StateKind::Published) },
            Self { ended: Some("Un errore nella codifica".into()), ..page(StateKind::Withdrawn) },
        ]
    }
}

fn path(id: RequestId) -> String {
    format!("/ricerca/richieste/{id}")
}

/// What is asked for, with the words of the table where it is still known.
pub(super) async fn asked_columns(research: &Research, request: &Request) -> Result<Vec<AskedColumn>, Trouble> {
    let base = request.asked.base.to_string();
    let bases = research.bases().await?;
    let known = bases.iter().filter(|table| table.id == base).flat_map(|table| &table.columns);
    let meaning = |name: &str| known.clone().find(|column| column.name == name).map(|column| column.meaning.clone());
    let columns = request.asked.columns.iter().map(|name| AskedColumn {
        name: name.clone(),
        meaning: meaning(name).unwrap_or_default(),
        coarser: request.asked.coarser.get(name).copied().unwrap_or(0),
    });
    Ok(columns.collect())
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Path(request): Path<String>,
    Query(said): Query<Said>,
) -> Result<Response, Trouble> {
    let id: RequestId = id(&request)?;
    scholar.see(path(id)).await?;
    let workspace = research.workspace();
    let request = workspace.request(id).await?;
    let project = workspace.project(request.project).await?;
    let account = scholar.person.account;
    let (mut problem, mut ended, mut draft, mut approvals) = (None, None, None, Vec::new());
    let mut may_approve = account != request.by.account;
    match &request.state {
        Stands::Requested | Stands::Building { .. } | Stands::Published { .. } => {}
        Stands::Failed { problem: why, .. } => problem = Some(why.clone()),
        Stands::Assessed { draft: made, approvals: given } => {
            draft = Some(DraftView::of(made, files::list(&research.part(&made.release))?)?);
            may_approve &= given.iter().all(|approval| approval.by.account != account);
            approvals = given.iter().map(|one| (one.by.name.clone(), text::instant(one.at))).collect();
        }
        Stands::Refused { reason, .. } | Stands::Withdrawn { reason, .. } => ended = Some(reason.clone()),
    }
    let page = RequestPage {
        said: said.view(),
        request: RequestRow::of(&request, std::slice::from_ref(&project)),
        project_id: project.id.to_string(),
        reason: request.asked.reason.clone(),
        columns: asked_columns(&research, &request).await?,
        problem,
        ended,
        draft,
        approvals,
        approvals_needed: workspace::APPROVALS_NEEDED,
        may_approve,
        expires_on: day(project.terms.ends_on),
        history: workspace.history(id).await?.into_iter().rev().map(EventRow::of).collect(),
    };
    Ok(research.page(&scholar, Area::Ricerca, page).await)
}

/// What the folder of a release says of it, as far as it is entered into the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartTold {
    /// Of the table.
    pub sha256: String,
    /// How it is to be cited.
    pub citation: String,
    /// The name of its licence.
    pub licence: String,
}

impl PartTold {
    /// Reads it.
    ///
    /// # Errors
    /// The disk.
    pub fn read(folder: &std::path::Path) -> std::io::Result<Self> {
        let text = |name: &str| std::fs::read_to_string(folder.join(name));
        Ok(Self {
            sha256: hex::encode(Sha256::digest(std::fs::read(folder.join(TABLE))?)),
            citation: text("citazione.txt")?.trim().to_owned(),
            licence: text("licenza.txt")?.lines().next().unwrap_or_default().to_owned(),
        })
    }
}

/// A file of a draft, to judge it by.
pub(super) async fn file(
    State(research): State<Research>,
    scholar: Scholar,
    Path((request, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let id: RequestId = id(&request)?;
    let request = research.workspace().request(id).await?;
    let Stands::Assessed { draft, .. } = &request.state else { return Err(Trouble::Missing) };
    scholar.tell(ResearchAct::Download, &draft.release, format!("draft file={name}")).await?;
    files::send(method, &headers, &research.part(&draft.release), &name).await
}

pub(super) async fn accept(
    State(research): State<Research>,
    scholar: Scholar,
    Path(request): Path<String>,
) -> Result<Response, Trouble> {
    let id: RequestId = id(&request)?;
    research.workspace().request(id).await?;
    scholar.tell(ResearchAct::Build, id, "draft").await?;
    let accepted =
        research.workspace().accept(id, &scholar.person, research.now(), &mut research.chance()).await.map(|_| ());
    let outcome = outcome("accepted", accepted)?;
    research.wake();
    Ok(back(&path(id), outcome))
}

pub(super) async fn refuse(
    State(research): State<Research>,
    scholar: Scholar,
    Path(request): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id: RequestId = id(&request)?;
    let reason = Fields::read(sent)?.get("motivo").to_owned();
    research.workspace().request(id).await?;
    scholar.tell(ResearchAct::Refuse, id, "").await?;
    let refused = research.workspace().refuse(id, &scholar.person, &reason, research.now()).await;
    Ok(back(&path(id), outcome("refused", refused)?))
}

pub(super) async fn approve(
    State(research): State<Research>,
    scholar: Scholar,
    Path(request): Path<String>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id: RequestId = id(&request)?;
    let sha256 = Fields::read(sent)?.get("sha256").to_owned();
    research.workspace().request(id).await?;
    scholar.tell(ResearchAct::Approve, id, format!("sha256={}", sha256.get(..64).unwrap_or_default())).await?;
    let approved = research.workspace().approve(id, &scholar.person, &sha256, research.now()).await;
    Ok(back(&path(id), outcome("approved", approved)?))
}

/// Publishes what two people approved, if the file is still that one.
pub(super) async fn publish(
    State(research): State<Research>,
    scholar: Scholar,
    Path(request): Path<String>,
) -> Result<Response, Trouble> {
    let id: RequestId = id(&request)?;
    let workspace = research.workspace();
    let request = workspace.request(id).await?;
    let Stands::Assessed { draft, .. } = &request.state else { return Ok(back(&path(id), Err("not-now"))) };
    let project = workspace.project(request.project).await?;
    let folder = research.part(&draft.release);
    let read = tokio::task::spawn_blocking(move || PartTold::read(&folder)).await;
    let read = read.map_err(|error| Trouble::broken("reading a draft broke off", &error))?;
    let told = read.map_err(|error| Trouble::broken("a draft cannot be read", &error))?;
    if told.sha256 != draft.sha256 {
        tracing::error!(release = %draft.release, "the file of a draft is not the one that was assessed");
        return Ok(back(&path(id), Err("other-draft")));
    }
    let terms = Terms { licence: told.licence, citation: told.citation, expires_on: project.terms.ends_on };
    scholar.tell(ResearchAct::Publish, &draft.release, format!("request={id} sha256={}", told.sha256)).await?;
    let published = workspace.publish(id, &scholar.person, &terms, research.today(), research.now()).await;
    Ok(back(&path(id), outcome("published", published.map(|_| ()))?))
}
