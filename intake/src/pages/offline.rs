//! A draft on a device, for where there is no network: what is copied, what comes back, and the page and worker that the browser
//! keeps ([ADR 13](../../../docs/adr/0013-drafts-without-network.md)).
//!
//! The copy names nobody: the questions, the answers so far, the revision. What comes back is saved whole, by the revision that it
//! was taken at; where the draft has changed since, the answer is the portal's version and nothing is written. Taking along needs the
//! Ente's permission; sending back does not, so that switching it off loses nobody's work.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::instrument::{Answer, Instrument, Missing, Status};
use domain::scoring::Sheet;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{Draft, DraftId, Filling, StoreError};
use templates::{ASSETS, Area, POLICY_WITH_SCRIPTS, Page, asset_path};

use super::draft::{self, Loaded};
use super::people::PersonaHead;
use super::{id, view};
use crate::form::{Fields, show_date};
use crate::portal::Portal;
use crate::reply::{self, Failure, Outcome};
use crate::visitor::{Assess, Desk, Visitor, show_time};

/// The page that the browser keeps.
const PAGE: &str = "/fuori-rete";

/// What that page loads.
const FILES: [&str; 10] = [
    "bootstrap-italia.css",
    "noncello.css",
    "titillium-regular.woff2",
    "titillium-600.woff2",
    "titillium-700.woff2",
    "lora-regular.woff2",
    "page.js",
    "keys.js",
    "vault.js",
    "offline.js",
];

/// The page for drafts without network: the same bytes for everybody, with nobody's data.
#[derive(Serialize)]
pub(crate) struct Offline {}

impl Page for Offline {
    const TEMPLATE: &'static str = "pages/offline.html";
    const SCRIPTS: &'static [&'static str] = &["offline.js"];

    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

/// Taking a draft along.
#[derive(Serialize)]
pub(crate) struct Take {
    path: String,
    from: String,
    instrument: String,
    persona: String,
}

impl Take {
    fn new(id: DraftId, instrument: String, persona: PersonaHead) -> Self {
        let path = format!("/bozze/{id}");
        Self { from: format!("{path}/fuori-rete.json"), path, instrument, persona: persona.name }
    }
}

impl Page for Take {
    const TEMPLATE: &'static str = "pages/take.html";
    const SCRIPTS: &'static [&'static str] = &["take.js"];

    fn samples() -> Vec<Self> {
        vec![Self::new(DraftId(uuid::Uuid::nil()), "ASSO".to_owned(), PersonaHead::sample())]
    }
}

/// Nobody: whoever asks for what the browser keeps.
async fn nobody(portal: &Portal) -> Result<Visitor, Response> {
    Visitor::read(portal, &HeaderMap::new()).await
}

pub(crate) async fn page(State(portal): State<Portal>) -> Response {
    match nobody(&portal).await {
        Ok(visitor) => reply::page(&visitor, Area::Other, StatusCode::OK, &Offline {}),
        Err(broken) => broken,
    }
}

/// The worker, with the files that it keeps; its text changes with the page, which names the version of the files.
pub(crate) async fn worker(State(portal): State<Portal>) -> Response {
    let visitor = match nobody(&portal).await {
        Ok(visitor) => visitor,
        Err(broken) => return broken,
    };
    let html = portal.renderer().render(&Offline {}, &visitor.layout(Area::Other)).unwrap_or_default();
    let version = hex::encode(Sha256::digest(html));
    let files: Vec<String> = [PAGE.to_owned()].into_iter().chain(FILES.map(asset_path)).collect();
    let source = ASSETS.iter().find(|asset| asset.name == "sw.js").map_or(&[][..], |asset| asset.bytes);
    let head = format!("const VERSION = \"{}\";\nconst FILES = {};\n", &version[..16], json!(files));
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPTS)];
    (headers, [head.as_bytes(), source].concat()).into_response()
}

/// The page on which a passphrase is chosen; not there where the Ente does not allow it.
pub(crate) async fn take(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let id = id(path)?;
    let loaded = Loaded::read(&desk, id).await?;
    if !desk.store.allows_offline(&desk.scope).await? {
        return Err(Failure::NotFound);
    }
    let page = Take::new(id, loaded.instrument(&desk)?.title.to_string(), loaded.head());
    Ok(desk.visitor.page(Area::Persone, StatusCode::OK, &page))
}

/// What is copied to the device.
pub(crate) async fn copy(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>) -> Outcome {
    let draft = desk.store.take_draft(&desk.scope, id(path)?, desk.now).await?;
    let missing = StoreError::Damaged { table: "drafts", row: draft.id.to_string() };
    let instrument = desk.portal().instrument_version(&draft.instrument, draft.version);
    let instrument = instrument.ok_or(Failure::Store(missing))?;
    let definition = json!({
        "title": instrument.title.to_string(),
        "is_unofficial": instrument.status == Status::Unofficial,
        "window_days": instrument.window_days,
        "sections": view::sections(instrument, &Sheet::new(), &[]),
    });
    let version = portal_version(instrument, &draft);
    Ok(Json(json!({
        "format": 1,
        "draft": draft.id.to_string(),
        "revision": version.revision,
        "assessed_on": version.assessed_on,
        "answers": version.answers,
        "instrument": definition,
    }))
    .into_response())
}

/// What the portal has of a draft.
#[derive(Serialize)]
struct PortalVersion {
    revision: i32,
    assessed_on: String,
    /// By item, what the form sends: the code; nothing for one that is blank.
    answers: BTreeMap<String, String>,
}

fn portal_version(instrument: &Instrument, draft: &Draft) -> PortalVersion {
    let code = |answer: &Answer| match answer {
        Answer::Missing(Missing::NotAnswered) => String::new(),
        Answer::Value(_) | Answer::Missing(_) => answer.code().to_string(),
    };
    let answers = instrument.items.iter().map(|item| {
        let answer = draft.sheet.get(&item.id).map(code).unwrap_or_default();
        (item.id.to_string(), answer)
    });
    PortalVersion { revision: draft.revision, assessed_on: show_date(draft.assessed_on), answers: answers.collect() }
}

/// What comes back from a device: every item, or nothing is taken for an answer.
pub(crate) async fn send(desk: Desk<Assess>, path: Result<Path<String>, PathRejection>, fields: Fields) -> Outcome {
    let loaded = Loaded::read(&desk, id(path)?).await?;
    let instrument = loaded.instrument(&desk)?;
    let revision: i32 = fields.get("revision").parse().map_err(|_| Failure::BadRequest)?;
    // An item that is not there at all would read as blank and take away an answer.
    if instrument.items.iter().any(|item| fields.all(&format!("item.{}", item.id)).next().is_none()) {
        return Err(Failure::BadRequest);
    }
    let (sheet, invalid) = draft::read_sheet(instrument, &fields)?;
    if !invalid.is_empty() {
        return Err(Failure::BadRequest);
    }
    let assessed_on = match draft::day(fields.get("assessed_on"), loaded.persona.data.birth_date, desk.today()) {
        Ok(day) => day,
        Err(code) => {
            let problem = templates::term("field_error", code);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "problem": problem }))).into_response());
        }
    };
    let id = loaded.draft.id;
    // Notes stay in the portal: a device has none.
    let filling = Filling { sheet, notes: loaded.draft.notes.clone(), assessed_on };
    let mut chance = desk.portal().chance();
    match desk.store.save_draft(&desk.scope, id, revision, &filling, desk.now, &mut chance).await {
        Ok(revision) => Ok(Json(json!({ "revision": revision, "saved_at": show_time(desk.now) })).into_response()),
        Err(StoreError::Conflict(_)) => {
            let loaded = Loaded::read(&desk, id).await?;
            let version = portal_version(instrument, &loaded.draft);
            Ok((StatusCode::CONFLICT, Json(version)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
