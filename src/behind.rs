//! The seam between the portal and what stands behind its sessions and tokens: whose dashboards, extractions and questions these
//! are, and what of them goes into whose audit. The pages themselves know neither sessions nor the store.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dashboards::query::{Analyst, AnswerFormat, Queries, QueryEvent, QueryRecorder, Step, Unanswered};
use dashboards::research::{ResearchAct as Told, ResearchRecorder, Scholar, ScholarProgram};
use dashboards::{Act, ExtractionEvent, Extractor, NotRecorded, Recorder, Viewer};
use intake::{Answerer, NoAnswer, Portal, Question, ReleaseProgram, UnreadReader, Visitor};
use store::{Ente, EnteScope, ExtractionAct, PlatformScope, QueryAct, ResearchAct, Right, Store, StoreError};
use templates::Area;
use workspace::{Person, Workspace};

use crate::system;

/// Lets through who may see the dashboards of their Ente, and says which that is.
pub(crate) async fn see_dashboards(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let visitor = match Visitor::read(&portal, request.headers()).await {
        Ok(visitor) => visitor,
        Err(response) => return response,
    };
    let Some(store): Option<&Store> = portal.store() else { return StatusCode::NOT_FOUND.into_response() };
    let asked = request.uri().path().to_owned();
    let broken = |error: StoreError| {
        tracing::error!(%error, "the Ente of a session cannot be read, or its audit not written");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    };
    let scope = match visitor.scope(Right::SeeDashboards) {
        Ok(scope) => scope,
        Err(response) => {
            let known = visitor.session().filter(|session| session.require_complete().is_ok());
            let Some(session) = known else { return response };
            return match store.record_refusal(session, &asked, system::now()).await {
                Ok(()) => response,
                Err(error) => broken(error),
            };
        }
    };
    let ente = match store.ente(&scope, system::now()).await {
        Ok(ente) => ente,
        Err(error) => return broken(error),
    };
    if let Err(error) = store.record_reading(&scope, &asked, system::now()).await {
        return broken(error);
    }
    request.extensions_mut().insert(Viewer {
        ente: ente.id,
        ente_name: ente.name,
        comuni: ente.comuni.into_iter().collect(),
        layout: visitor.layout(Area::Cruscotti),
        person: visitor.session().map(person),
    });
    next.run(request).await
}

/// Somebody as the workspace knows them.
fn person(session: &store::Session) -> Person {
    Person { account: session.account().0, name: session.display_name().to_owned() }
}

/// Whom the portal's guard has let through, and in whose name they ask.
struct Guarded {
    visitor: Visitor,
    store: Store,
    scope: EnteScope,
    ente: Ente,
}

/// Who stands behind the portal's guard, which has found session, right, fresh password and token.
async fn guarded(portal: &Portal, visitor: Option<Visitor>, right: Right) -> Result<Guarded, Response> {
    let (Some(visitor), Some(store)) = (visitor, portal.store().cloned()) else {
        return Err(StatusCode::NOT_FOUND.into_response());
    };
    let scope = visitor.scope(right)?;
    let ente = store.ente(&scope, system::now()).await.map_err(|error| {
        tracing::error!(%error, "the Ente of a session cannot be read");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })?;
    Ok(Guarded { visitor, store, scope, ente })
}

/// Says to the pages of extractions whose data they may take out. The portal's guard stands before this, and has found session,
/// right, fresh password and token.
pub(crate) async fn see_extractions(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let Guarded { visitor, store, scope, ente } = match guarded(&portal, visitor, Right::ExtractPseudonymous).await {
        Ok(guarded) => guarded,
        Err(response) => return response,
    };
    let name = visitor.session().map(|session| session.display_name().to_owned()).unwrap_or_default();
    request.extensions_mut().insert(Extractor {
        ente: ente.id,
        ente_name: ente.name,
        comuni: ente.comuni.into_iter().collect(),
        name,
        layout: visitor.layout(Area::Estrazioni),
        record: recorder(store, scope),
    });
    next.run(request).await
}

/// Writes what is told of extractions to the Ente's audit, in the name of whoever the scope was given to.
fn recorder(store: Store, scope: EnteScope) -> Recorder {
    Arc::new(move |event| {
        let (store, scope) = (store.clone(), scope.clone());
        Box::pin(async move {
            let now = system::now();
            let written = match event {
                ExtractionEvent::Seen { path } => store.record_reading(&scope, &path, now).await,
                ExtractionEvent::Done { act, extraction, detail } => {
                    let act = match act {
                        Act::Request => ExtractionAct::Request,
                        Act::Ready => ExtractionAct::Ready,
                        Act::Fail => ExtractionAct::Fail,
                        Act::Download => ExtractionAct::Download,
                        Act::Delete => ExtractionAct::Delete,
                    };
                    store.record_extraction(&scope, act, extraction, &detail, now).await
                }
            };
            written.map_err(|error| {
                tracing::error!(%error, "a line about an extraction cannot be written to the audit");
                NotRecorded
            })
        })
    })
}

/// Says to the pages of questions in SQL whose data may be asked. As for [`see_extractions`], the portal's guard stands before
/// this: what comes out is rows about people, so the password is fresh here too.
pub(crate) async fn see_queries(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let Guarded { visitor, store, scope, ente } = match guarded(&portal, visitor, Right::Query).await {
        Ok(guarded) => guarded,
        Err(response) => return response,
    };
    request.extensions_mut().insert(Analyst {
        ente: ente.id,
        ente_name: ente.name,
        layout: visitor.layout(Area::Interrogazioni),
        record: query_recorder(store, scope),
    });
    next.run(request).await
}

/// Writes what becomes of questions to the Ente's audit, in the name of whoever the scope was given to.
pub(crate) fn query_recorder(store: Store, scope: EnteScope) -> QueryRecorder {
    Arc::new(move |event| {
        let (store, scope) = (store.clone(), scope.clone());
        Box::pin(async move {
            let now = system::now();
            let written = match event {
                QueryEvent::Seen { path } => store.record_reading(&scope, &path, now).await,
                QueryEvent::Question { act, question, detail } => {
                    let act = match act {
                        Step::Ask => QueryAct::Ask,
                        Step::Answer => QueryAct::Answer,
                        Step::Refuse => QueryAct::Refuse,
                        Step::Fail => QueryAct::Fail,
                    };
                    store.record_query(&scope, act, question, &detail, now).await
                }
            };
            written.map_err(|error| {
                tracing::error!(%error, "a line about a question cannot be written to the audit");
                NotRecorded
            })
        })
    })
}

/// Says to the pages of the research area who looks, and writes what they tell to the platform's audit. The portal's guard stands
/// before this, and has found session, right, password and token.
pub(crate) async fn see_research(
    State((portal, right)): State<(Portal, Right)>,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let (Some(visitor), Some(store)) = (visitor, portal.store().cloned()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let scope = match visitor.platform_scope(right) {
        Ok(scope) => scope,
        Err(response) => return response,
    };
    let Some(session) = visitor.session() else { return StatusCode::NOT_FOUND.into_response() };
    let person = person(session);
    let area = if right == Right::Release { Area::Ricerca } else { Area::DatiRicerca };
    let (asking, asked) = (store.clone(), scope.clone());
    let partners = move || -> Pin<Box<dyn Future<Output = Result<Vec<Person>, NotRecorded>> + Send>> {
        let (store, scope) = (asking.clone(), asked.clone());
        Box::pin(async move {
            let partners = store.partners(&scope).await.map_err(|error| {
                tracing::error!(%error, "the accounts of universities cannot be listed");
                NotRecorded
            })?;
            Ok(partners
                .into_iter()
                .map(|partner| Person { account: partner.id.0, name: partner.display_name })
                .collect())
        })
    };
    request.extensions_mut().insert(Scholar {
        person,
        layout: visitor.layout(area),
        record: research_recorder(store, scope),
        partners: Arc::new(partners),
    });
    next.run(request).await
}

/// Says the same to the files that programs read.
pub(crate) async fn see_releases(mut request: Request, next: Next) -> Response {
    let Some(program) = request.extensions().get::<ReleaseProgram>().cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    request.extensions_mut().insert(ScholarProgram {
        person: Person { account: program.account().0, name: program.display_name().to_owned() },
        record: research_recorder(program.store().clone(), program.platform_scope().clone()),
    });
    next.run(request).await
}

/// Writes what is told of research to the platform's audit, in the name of whoever the scope was given to.
fn research_recorder(store: Store, scope: PlatformScope) -> ResearchRecorder {
    Arc::new(move |event| {
        let (store, scope) = (store.clone(), scope.clone());
        Box::pin(async move {
            let act = match event.act {
                Told::See => ResearchAct::See,
                Told::Project => ResearchAct::Project,
                Told::Request => ResearchAct::Request,
                Told::Build => ResearchAct::Build,
                Told::Approve => ResearchAct::Approve,
                Told::Refuse => ResearchAct::Refuse,
                Told::Publish => ResearchAct::Publish,
                Told::Withdraw => ResearchAct::Withdraw,
                Told::Download => ResearchAct::Download,
                Told::Query => ResearchAct::Query,
                Told::Answer => ResearchAct::Answer,
                Told::Fail => ResearchAct::Fail,
            };
            let written = store.record_research(&scope, act, &event.subject, &event.detail, system::now()).await;
            written.map_err(|error| {
                tracing::error!(%error, "a line about research cannot be written to the audit");
                NotRecorded
            })
        })
    })
}

/// How long the desk waits to hear of editions.
const UNREAD_PATIENCE: Duration = Duration::from_secs(2);

/// Counts, for the desk, the editions of reports that an account has not opened.
pub(crate) fn unread(workspace: Workspace) -> UnreadReader {
    Arc::new(move |ente, account| {
        let workspace = workspace.clone();
        Box::pin(async move {
            // The desk does not wait for what it can do without.
            let unread = tokio::time::timeout(UNREAD_PATIENCE, workspace.unread(ente, account.0)).await.ok()?;
            unread.inspect_err(|error| tracing::error!(ente.id = %ente, %error, "editions cannot be counted")).ok()
        })
    })
}

/// Answers the questions of programs: by the same code as the page's, in the name of whoever the token's scope was given to.
pub(crate) fn answerer(store: Store, queries: Queries) -> Answerer {
    Arc::new(move |Question { scope, sql, format }| {
        let (store, queries) = (store.clone(), queries.clone());
        Box::pin(async move {
            let ente = scope.ente();
            let format = match format {
                intake::AnswerFormat::Json => AnswerFormat::Json,
                intake::AnswerFormat::Csv => AnswerFormat::Csv,
                intake::AnswerFormat::Parquet => AnswerFormat::Parquet,
                intake::AnswerFormat::Arrow => AnswerFormat::Arrow,
            };
            let file = queries.ask_file(ente, &query_recorder(store, scope), sql, format).await;
            file.map_err(|unanswered| {
                let (code, detail) = (unanswered.code(), unanswered.to_string());
                match unanswered {
                    Unanswered::Empty | Unanswered::TooLong | Unanswered::Refused(_) => NoAnswer::Refused(detail),
                    Unanswered::Late(_) | Unanswered::Large(_) | Unanswered::Memory | Unanswered::Format => {
                        NoAnswer::TooMuch(code, detail)
                    }
                    Unanswered::Busy => NoAnswer::Busy(detail),
                    Unanswered::Unpublished => NoAnswer::Unpublished(detail),
                    Unanswered::Broken => NoAnswer::Broken,
                }
            })
        })
    })
}
