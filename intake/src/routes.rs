//! The table of routes: method, path, what it takes to be let in, handler. It builds the router, and the test that asks
//! every route as every role; a route without a [`Need`] cannot be written.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use store::{Right, StoreError, TokenScope};
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

use crate::cookies::{Cookie, login_token};
use crate::form::Fields;
use crate::portal::Portal;
use crate::reply::{self, Failure};
use crate::upload::{self, NotRead};
use crate::visitor::{ManageEnti, Release, Visitor};
use crate::{api, headers, pages};

/// A form of 50 items with a long note on each is below this.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// From the last byte of the head to the answer: a body that stalls is cut.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// The same where a file is sent, which takes as long as the line is slow.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(5 * 60);

/// What it takes to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Public,
    /// Nothing, and nobody is looked up: files, the health page.
    Open,
    /// To have given a password, even where a second factor is still asked for.
    AnySession,
    /// To be logged in, even with a password that must be changed or a second factor that must be set up.
    OwnAccount,
    /// The same, with a password given in the last ten minutes.
    OwnAccountFresh,
    /// To be logged in.
    Account,
    /// A program's token with all of these scopes.
    Program(&'static [TokenScope]),
    /// A right in one's own Ente.
    Ente(Right),
    /// The same, with a password given in the last ten minutes.
    EnteFresh(Right),
    /// A right on the platform.
    Platform(Right),
    /// The same, with a password given in the last ten minutes.
    PlatformFresh(Right),
}

/// What an unsafe request must prove, besides coming from a page of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The session's token.
    Session,
    /// The token of the browser that asked for the login form.
    Login,
    /// Nothing more than the program's own, which no browser sends by itself.
    Bearer,
    /// The session's token, as the first field of a form with a file.
    Upload,
    /// Nothing: the handler writes nothing, anywhere.
    WritesNothing,
}

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads.
    Get,
    /// Writes, once the token is proved.
    Post(Token),
    /// Writes the whole of one thing: programs alone.
    Put(Token),
    /// Takes one thing away: programs alone.
    Delete(Token),
}

/// What a request must pass: how it asks, where, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    pub(crate) verb: Verb,
    pub(crate) path: &'a str,
    pub(crate) need: Need,
}

/// A line of the table.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    handler: fn() -> MethodRouter<Portal>,
}

macro_rules! routes {
    ($($verb:ident $(($token:ident))? $path:literal, $need:expr, $handler:path;)+) => {
        &[$(Route {
            verb: routes!(@verb $verb $($token)?),
            path: $path,
            need: $need,
            handler: || routes!(@method $verb)($handler),
        }),+]
    };
    (@verb get) => { Verb::Get };
    (@verb post $token:ident) => { Verb::Post(Token::$token) };
    (@verb put $token:ident) => { Verb::Put(Token::$token) };
    (@verb delete $token:ident) => { Verb::Delete(Token::$token) };
    (@method get) => { get };
    (@method post) => { post };
    (@method put) => { put };
    (@method delete) => { delete };
}

const SEE: Need = Need::Ente(Right::SeePersone);
const ASSESS: Need = Need::Ente(Right::Assess);
const ACCOUNTS: Need = Need::Ente(Right::ManageAccounts);
const CREDENTIALS: Need = Need::EnteFresh(Right::ManageAccounts);
const PRIVACY: Need = Need::EnteFresh(Right::Erase);
const NAMES: Need = Need::EnteFresh(Right::ExtractIdentified);
const IMPORT: Need = Need::Ente(Right::Import);
const IMPORT_FRESH: Need = Need::EnteFresh(Right::Import);
const ENTI: Need = Need::Platform(Right::ManageEnti);
const ADMISSION: Need = Need::PlatformFresh(Right::ManageEnti);
const RESEARCH: Need = Need::Platform(Right::Release);
const RESEARCH_CREDENTIALS: Need = Need::PlatformFresh(Right::Release);

const FIND: Need = Need::Program(&[TokenScope::PersoneRead]);
const ENTER: Need = Need::Program(&[TokenScope::PersoneWrite]);
const READ: Need = Need::Program(&[TokenScope::QuestionariRead]);
const MAKE: Need = Need::Program(&[TokenScope::QuestionariWrite]);
const CORRECT: Need = Need::Program(&[TokenScope::QuestionariRead, TokenScope::QuestionariWrite]);
const TAKE_OUT: Need = Need::Program(&[TokenScope::EstrazioniIdentified]);
const QUERY: Need = Need::Program(&[TokenScope::InterrogazioniAsk]);
const PRINT: Need = Need::Program(&[TokenScope::PersoneRead, TokenScope::QuestionariRead]);

/// Every route.
pub(crate) static ROUTES: &[Route] = routes! {
    get "/", Need::Public, pages::home::get;
    get "/strumenti", Need::Public, pages::instruments::get;
    get "/strumenti/{instrument}", Need::Public, pages::instrument::get;
    get "/strumenti/{instrument}/fhir.json", Need::Public, pages::fhir::questionnaire;
    get "/strumenti/{instrument}/prova", Need::Public, pages::tryout::get;
    post(WritesNothing) "/strumenti/{instrument}/prova", Need::Public, pages::tryout::post;
    get "/privacy", Need::Public, pages::notices::privacy;
    get "/accessibilita", Need::Public, pages::notices::accessibility;
    get "/aderire", Need::Public, pages::interest::get;
    post(Login) "/aderire", Need::Public, pages::interest::post;
    get "/salute", Need::Open, pages::health::get;
    get "/assets/{version}/{name}", Need::Open, pages::assets::get;

    get "/fuori-rete", Need::Open, pages::offline::page;
    get "/sw.js", Need::Open, pages::offline::worker;

    get "/accesso", Need::Public, pages::login::get;
    post(Login) "/accesso", Need::Public, pages::login::post;
    get "/accesso/gateway", Need::Public, pages::gateway::enter;
    get "/accesso/gateway/ritorno", Need::Public, pages::gateway::arrive;
    post(Login) "/accesso/gateway/ritorno", Need::Public, pages::gateway::finish;
    post(Login) "/accesso/gateway/scelta", Need::Public, pages::gateway::choose;
    post(Session) "/esci", Need::AnySession, pages::login::leave;
    get "/secondo-fattore", Need::AnySession, pages::second_factor::get;
    post(Session) "/secondo-fattore", Need::AnySession, pages::second_factor::post;
    post(Session) "/secondo-fattore/passkey", Need::AnySession, pages::passkeys::prove;
    post(Session) "/secondo-fattore/passkey/sfida", Need::AnySession, pages::passkeys::ask;
    get "/conferma", Need::OwnAccount, pages::confirm::get;
    get "/conferma/gateway", Need::OwnAccount, pages::gateway::confirm;
    post(Session) "/conferma", Need::OwnAccount, pages::confirm::post;
    get "/account", Need::OwnAccount, pages::account::get;
    post(Session) "/account/sessioni/{session}/chiudi", Need::OwnAccount, pages::account::end_session;
    get "/account/chiavi", Need::OwnAccountFresh, pages::tokens::get;
    post(Session) "/account/chiavi", Need::OwnAccountFresh, pages::tokens::create;
    post(Session) "/account/chiavi/{token}/revoca", Need::OwnAccount, pages::tokens::revoke;
    get "/account/secondo-fattore", Need::OwnAccountFresh, pages::second_factor::set_up;
    post(Session) "/account/secondo-fattore", Need::OwnAccountFresh, pages::second_factor::enrol;
    post(Session) "/account/secondo-fattore/togli", Need::OwnAccountFresh, pages::second_factor::remove;
    post(Session) "/account/codici-di-recupero", Need::OwnAccountFresh, pages::second_factor::renew_codes;
    get "/account/passkey", Need::OwnAccountFresh, pages::passkeys::get;
    post(Session) "/account/passkey", Need::OwnAccountFresh, pages::passkeys::enrol;
    post(Session) "/account/passkey/sfida", Need::OwnAccountFresh, pages::passkeys::ask_new;
    post(Session) "/account/passkey/{passkey}/togli", Need::OwnAccountFresh, pages::passkeys::remove;
    get "/account/gateway", Need::OwnAccountFresh, pages::gateway::link;
    post(Session) "/account/gateway/togli", Need::OwnAccountFresh, pages::gateway::unlink;
    get "/password", Need::OwnAccount, pages::password::get;
    post(Session) "/password", Need::OwnAccount, pages::password::post;
    get "/scrivania", Need::Account, pages::desk::get;
    get "/sessione.json", Need::Account, pages::session::get;

    get "/persone", SEE, pages::persone::get;
    post(Session) "/persone/cerca", SEE, pages::persone::search;
    get "/persone/nuova", ASSESS, pages::persona_form::new;
    post(Session) "/persone/nuova", ASSESS, pages::persona_form::create;
    get "/persone/{persona}", SEE, pages::persona::get;
    get "/persone/{persona}/modifica", ASSESS, pages::persona_form::edit;
    post(Session) "/persone/{persona}/modifica", ASSESS, pages::persona_form::update;
    post(Session) "/persone/{persona}/questionari", ASSESS, pages::draft::start;

    get "/persone/doppioni", SEE, pages::duplicates::get;
    get "/persone/{persona}/confronto/{definition}", SEE, pages::compare::get;
    get "/persone/{persona}/gestione", SEE, pages::persona_case::get;
    post(Session) "/persone/{persona}/affida", Need::Ente(Right::Assign), pages::persona_case::assign;
    post(Session) "/persone/{persona}/informativa", ASSESS, pages::persona_case::notice;
    post(Session) "/persone/{persona}/unisci", ASSESS, pages::persona_case::merge;
    post(Session) "/persone/{persona}/separa", ASSESS, pages::persona_case::unmerge;
    post(Session) "/persone/{persona}/limita", PRIVACY, pages::persona_case::restrict;
    post(Session) "/persone/{persona}/riammetti", PRIVACY, pages::persona_case::lift;
    get "/persone/{persona}/cancella", PRIVACY, pages::erase::get;
    post(Session) "/persone/{persona}/cancella", PRIVACY, pages::erase::post;
    get "/persone/{persona}/fascicolo.json", PRIVACY, pages::dossier::json;
    get "/persone/{persona}/fascicolo", PRIVACY, pages::access_request::get;
    post(Session) "/persone/{persona}/fascicolo", PRIVACY, pages::access_request::post;
    get "/cancellazioni/{erased}/attestato.pdf", PRIVACY, pages::erase::certificate;
    get "/persone/{persona}/accessi", ACCOUNTS, pages::audit::of_persona;

    get "/bozze/{draft}", ASSESS, pages::draft::open;
    get "/bozze/{draft}/parte/{section}", ASSESS, pages::draft::get;
    post(Session) "/bozze/{draft}/parte/{section}", ASSESS, pages::autosave::save;
    get "/bozze/{draft}/fuori-rete", ASSESS, pages::offline::take;
    get "/bozze/{draft}/fuori-rete.json", ASSESS, pages::offline::copy;
    post(Session) "/bozze/{draft}/fuori-rete", ASSESS, pages::offline::send;
    get "/bozze/{draft}/riepilogo", ASSESS, pages::draft_summary::get;
    post(Session) "/bozze/{draft}/valida", ASSESS, pages::draft_summary::validate;
    post(Session) "/bozze/{draft}/elimina", ASSESS, pages::draft::delete;

    get "/questionari", Need::Ente(Right::SeeOwnWork), pages::questionari::mine;
    get "/questionari/tutti", SEE, pages::questionari::all;
    get "/questionari/{assessment}", SEE, pages::assessment::get;
    get "/questionari/{assessment}/fhir.json", SEE, pages::fhir::response;
    get "/questionari/{assessment}/relazione.pdf", SEE, pages::report_pdf::whole;
    get "/questionari/{assessment}/facile.pdf", SEE, pages::report_pdf::easy;
    post(Session) "/questionari/{assessment}/azioni", ASSESS, pages::assessment::record;
    get "/questionari/{assessment}/correggi", ASSESS, pages::amend::get;
    post(Session) "/questionari/{assessment}/correggi", ASSESS, pages::amend::post;
    get "/questionari/{assessment}/annulla", ASSESS, pages::annul::get;
    post(Session) "/questionari/{assessment}/annulla", ASSESS, pages::annul::post;

    get "/operatori", ACCOUNTS, pages::accounts::get;
    get "/operatori/nuovo", CREDENTIALS, pages::account_form::new;
    post(Session) "/operatori/nuovo", CREDENTIALS, pages::account_form::create;
    get "/operatori/unita", ACCOUNTS, pages::unita::get;
    post(Session) "/operatori/unita", ACCOUNTS, pages::unita::create;
    post(Session) "/operatori/unita/{unita}", ACCOUNTS, pages::unita::update;
    get "/operatori/{account}", CREDENTIALS, pages::account_form::edit;
    post(Session) "/operatori/{account}", CREDENTIALS, pages::account_form::update;
    post(Session) "/operatori/{account}/sospendi", CREDENTIALS, pages::accounts::suspend;
    post(Session) "/operatori/{account}/riattiva", CREDENTIALS, pages::accounts::reactivate;
    post(Session) "/operatori/{account}/password", CREDENTIALS, pages::accounts::reset;
    post(Session) "/operatori/{account}/secondo-fattore", CREDENTIALS, pages::accounts::reset_second_factor;
    post(Session) "/operatori/{account}/gateway", CREDENTIALS, pages::accounts::set_gateway;
    post(Session) "/operatori/{account}/sessioni", CREDENTIALS, pages::accounts::end_sessions;
    post(Session) "/operatori/{account}/chiavi/{token}/revoca", CREDENTIALS, pages::tokens::revoke_of;
    get "/operatori/elenco.csv", CREDENTIALS, pages::accounts::list;
    get "/operatori/elenco.pdf", CREDENTIALS, pages::accounts::list_pdf;
    get "/operatori/{account}/questionari", ACCOUNTS, pages::questionari::of_operator;

    get "/dati", Need::Ente(Right::SeeEnte), pages::data::get;
    get "/conservazione", PRIVACY, pages::retention::get;
    post(Session) "/conservazione", PRIVACY, pages::retention::post;
    get "/registro", ACCOUNTS, pages::audit::get;
    get "/impostazioni", ACCOUNTS, pages::settings::get;
    post(Session) "/impostazioni", ACCOUNTS, pages::settings::post;
    get "/impostazioni/registro-dei-trattamenti.pdf", ACCOUNTS, pages::sheets::register;
    get "/impostazioni/valutazione-di-impatto.pdf", ACCOUNTS, pages::sheets::impact;
    get "/impostazioni/dizionario-dei-dati.pdf", ACCOUNTS, pages::sheets::dictionary;

    get "/estrazioni-con-nomi", NAMES, pages::identified::list;
    get "/estrazioni-con-nomi/nuova", NAMES, pages::identified::form;
    post(Session) "/estrazioni-con-nomi/nuova", NAMES, pages::identified::ask;
    get "/estrazioni-con-nomi/{extraction}", NAMES, pages::identified::one;
    get "/estrazioni-con-nomi/{extraction}/scarica", NAMES, pages::identified::download;
    post(Session) "/estrazioni-con-nomi/{extraction}/elimina", NAMES, pages::identified::delete;

    get "/importazioni", IMPORT, pages::imports::get;
    get "/importazioni/modelli/{instrument}", IMPORT, pages::import_template::get;
    get "/importazioni/modelli/{instrument}/modello.csv", IMPORT, pages::import_template::csv;
    get "/importazioni/modelli/{instrument}/modello.xlsx", IMPORT, pages::import_template::xlsx;
    get "/importazioni/nuova", IMPORT_FRESH, pages::import_form::get;
    post(Upload) "/importazioni/nuova", IMPORT_FRESH, pages::import_form::post;
    get "/importazioni/prove/{trial}", IMPORT_FRESH, pages::import_trial::get;
    post(Session) "/importazioni/prove/{trial}/importa", IMPORT_FRESH, pages::import_trial::import;
    post(Session) "/importazioni/prove/{trial}/lascia", IMPORT_FRESH, pages::import_trial::forget;

    get "/enti", ENTI, pages::enti::get;
    get "/enti/{ente}", ENTI, pages::ente::get;
    post(Session) "/enti/{ente}/convenzioni", ADMISSION, pages::ente::add_agreement;
    get "/enti/{ente}/convenzioni/{agreement}/convenzione.pdf", ENTI, pages::ente::agreement_pdf;
    post(Upload) "/enti/{ente}/convenzioni/firmata", ADMISSION, pages::ente::keep_signed;
    get "/enti/{ente}/convenzioni/{agreement}/firmata.pdf", ENTI, pages::ente::signed_pdf;
    post(Session) "/enti/{ente}/amministratori", ADMISSION, pages::ente::add_administrator;
    get "/enti/{ente}/modifica", ADMISSION, pages::ente_change::get;
    post(Session) "/enti/{ente}/modifica", ADMISSION, pages::ente_change::post;
    get "/enti/{ente}/chiudi", ADMISSION, pages::ente_closing::get;
    post(Session) "/enti/{ente}/chiudi", ADMISSION, pages::ente_closing::post;
    get "/chiusure/{closed}/attestato.pdf", ENTI, pages::ente_closing::certificate;
    get "/interessi", ENTI, pages::interests::get;
    get "/interessi/{interest}", ENTI, pages::interests::one;
    get "/interessi/{interest}/copia.pdf", ENTI, pages::interests::copy;
    post(Session) "/interessi/{interest}/declina", ADMISSION, pages::interests::decline;
    get "/enti/nuovo", ADMISSION, pages::ente_form::get;
    post(Session) "/enti/nuovo", ADMISSION, pages::ente_form::post;

    get "/ricerca/partner", RESEARCH, pages::research_accounts::get::<Release>;
    get "/ricerca/partner/nuovo", RESEARCH_CREDENTIALS, pages::research_account::new::<Release>;
    post(Session) "/ricerca/partner/nuovo", RESEARCH_CREDENTIALS, pages::research_account::create::<Release>;
    get "/ricerca/partner/{partner}", RESEARCH_CREDENTIALS, pages::research_account::get::<Release>;
    post(Session) "/ricerca/partner/{partner}/sospendi", RESEARCH_CREDENTIALS, pages::research_account::suspend::<Release>;
    post(Session) "/ricerca/partner/{partner}/riattiva", RESEARCH_CREDENTIALS, pages::research_account::reactivate::<Release>;
    post(Session) "/ricerca/partner/{partner}/password", RESEARCH_CREDENTIALS, pages::research_account::reset::<Release>;
    post(Session) "/ricerca/partner/{partner}/secondo-fattore", RESEARCH_CREDENTIALS, pages::research_account::reset_second_factor::<Release>;
    get "/ricerca/ufficio", ADMISSION, pages::research_accounts::get::<ManageEnti>;
    get "/ricerca/ufficio/nuovo", ADMISSION, pages::research_account::new::<ManageEnti>;
    post(Session) "/ricerca/ufficio/nuovo", ADMISSION, pages::research_account::create::<ManageEnti>;
    get "/ricerca/ufficio/{officer}", ADMISSION, pages::research_account::get::<ManageEnti>;
    post(Session) "/ricerca/ufficio/{officer}/sospendi", ADMISSION, pages::research_account::suspend::<ManageEnti>;
    post(Session) "/ricerca/ufficio/{officer}/riattiva", ADMISSION, pages::research_account::reactivate::<ManageEnti>;
    post(Session) "/ricerca/ufficio/{officer}/password", ADMISSION, pages::research_account::reset::<ManageEnti>;
    post(Session) "/ricerca/ufficio/{officer}/secondo-fattore", ADMISSION, pages::research_account::reset_second_factor::<ManageEnti>;

    get "/api/v1/openapi.json", Need::Open, api::description::openapi;
    get "/api/v1/strumenti", Need::Open, api::strumenti::list;
    get "/api/v1/strumenti/{instrument}", Need::Open, api::strumenti::one;
    post(Bearer) "/api/v1/persone/cerca", FIND, api::persone::search;
    post(Bearer) "/api/v1/persone", ENTER, api::persone::create;
    get "/api/v1/persone/{persona}", FIND, api::persone::one;
    put(Bearer) "/api/v1/persone/{persona}", ENTER, api::persone::change;
    get "/api/v1/persone/{persona}/questionari", READ, api::questionari::of_persona;
    post(Bearer) "/api/v1/persone/{persona}/questionari", MAKE, api::questionari::create;
    get "/api/v1/questionari", READ, api::questionari::list;
    get "/api/v1/questionari/{assessment}", READ, api::questionari::one;
    get "/api/v1/questionari/{assessment}/fhir", READ, api::questionari::fhir;
    get "/api/v1/questionari/{assessment}/relazione.pdf", PRINT, api::questionari::report;
    get "/api/v1/questionari/{assessment}/relazione", READ, api::report::report;
    post(Bearer) "/api/v1/questionari/{assessment}/correggi", CORRECT, api::questionari::amend;
    post(Bearer) "/api/v1/questionari/{assessment}/annulla", MAKE, api::questionari::annul;
    get "/api/v1/estrazioni", TAKE_OUT, api::estrazioni::list;
    post(Bearer) "/api/v1/estrazioni", TAKE_OUT, api::estrazioni::ask;
    get "/api/v1/estrazioni/{extraction}", TAKE_OUT, api::estrazioni::one;
    get "/api/v1/estrazioni/{extraction}/file", TAKE_OUT, api::estrazioni::file;
    delete(Bearer) "/api/v1/estrazioni/{extraction}", TAKE_OUT, api::estrazioni::delete;
    post(Bearer) "/api/v1/interrogazioni", QUERY, api::interrogazioni::ask;
};

/// The router of the table, with others beside it.
pub(crate) fn router(portal: &Portal, others: Router) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let guarded = (route.handler)().route_layer(middleware::from_fn_with_state((portal.clone(), route), guard));
        let time_max = if route.verb == Verb::Post(Token::Upload) { UPLOAD_TIME_MAX } else { REQUEST_TIME_MAX };
        router = router.route(route.path, guarded.route_layer(timeout(time_max)));
    }
    router
        .fallback(nowhere)
        .with_state(portal.clone())
        .merge(others.layer(timeout(REQUEST_TIME_MAX)))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(headers::add))
        .layer(CompressionLayer::new())
}

/// What is asked of no route.
async fn nowhere(visitor: Visitor, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return api::Problem::not_found().into_response();
    }
    pages::message::not_found(visitor).await
}

fn timeout(time_max: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, time_max)
}

/// Stands before every handler of the table.
async fn guard(State((portal, route)): State<(Portal, &'static Route)>, request: Request, next: Next) -> Response {
    if route.need == Need::Open {
        return next.run(request).await;
    }
    if let Need::Program(scopes) = route.need {
        return api::pass(&portal, route.path, scopes, request, next).await;
    }
    pass(&portal, Door { verb: route.verb, path: route.path, need: route.need }, request, next).await
}

/// Who asks, may they, and is the form ours: only then the handler is asked.
pub(crate) async fn pass(portal: &Portal, route: Door<'_>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visitor = match Visitor::from_request_parts(&mut parts, portal).await {
        Ok(visitor) => visitor,
        Err(broken) => return broken,
    };
    if let Err(answer) = admit(&visitor, &route, &parts.uri).await {
        if route.verb == Verb::Post(Token::Upload) {
            upload::drain(&parts.headers, body).await;
        }
        return answer;
    }
    let request = match route.verb {
        Verb::Get => Request::from_parts(parts, body),
        Verb::Post(token) | Verb::Put(token) | Verb::Delete(token) => {
            if !is_from_here(&parts.headers) {
                if token == Token::Upload {
                    upload::drain(&parts.headers, body).await;
                }
                return reply::stale(&visitor);
            }
            if token == Token::WritesNothing {
                Request::from_parts(parts, body)
            } else if token == Token::Upload {
                let is_proved = |fields: &Fields| is_proved(&visitor, token, &parts.headers, fields);
                match upload::read(&parts.headers, body, portal.uploading(), is_proved).await {
                    Ok((fields, file)) => {
                        parts.extensions.insert(fields);
                        parts.extensions.insert(file);
                        Request::from_parts(parts, Body::empty())
                    }
                    Err(NotRead::Unproved) => return reply::stale(&visitor),
                    Err(NotRead::Senseless) => return reply::bad_request(&visitor),
                }
            } else {
                let Some((fields, bytes)) = read_form(body).await else { return reply::bad_request(&visitor) };
                if !is_proved(&visitor, token, &parts.headers, &fields) {
                    return reply::stale(&visitor);
                }
                parts.extensions.insert(fields);
                // Handlers beside the portal's own read the body themselves.
                Request::from_parts(parts, Body::from(bytes))
            }
        }
    };
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Failure>>() {
        Some(failure) => reply::failure(&visitor, &failure),
        None => response,
    }
}

/// Whether the visitor has what the route needs; a refusal to somebody known is written to the audit.
async fn admit(visitor: &Visitor, route: &Door<'_>, uri: &Uri) -> Result<(), Response> {
    let Some(store) = visitor.portal().store() else {
        return if route.need == Need::Public && route.path != "/accesso" {
            Ok(())
        } else {
            Err(reply::no_accounts(visitor))
        };
    };
    let session = match route.need {
        Need::Public | Need::Open => return Ok(()),
        Need::AnySession
        | Need::OwnAccount
        | Need::OwnAccountFresh
        | Need::Account
        | Need::Program(_)
        | Need::Ente(_)
        | Need::EnteFresh(_)
        | Need::Platform(_)
        | Need::PlatformFresh(_) => visitor.session().ok_or_else(reply::to_login)?,
    };
    let fresh = || session.require_fresh(visitor.portal().now());
    let admitted = match route.need {
        Need::Public | Need::Open | Need::AnySession => Ok(()),
        Need::OwnAccount => session.require_proved().map_err(StoreError::from),
        Need::OwnAccountFresh => fresh().map_err(StoreError::from),
        Need::Account => session.require_complete().map_err(StoreError::from),
        // A session is no token.
        Need::Program(_) => Err(store::Refused::NoToken.into()),
        Need::Ente(right) => session.scope(right).map(|_| ()),
        Need::EnteFresh(right) => session.scope(right).and_then(|_| Ok(fresh()?)),
        Need::Platform(right) => session.platform_scope(right).map(|_| ()),
        Need::PlatformFresh(right) => session.platform_scope(right).and_then(|_| Ok(fresh()?)),
    };
    let Err(error) = admitted else { return Ok(()) };
    if matches!(error, StoreError::Refused(store::Refused::MustConfirmPassword)) {
        // What was typed into a form is typed again: a form that was open for ten minutes is rare, and forms here are short.
        let is_page =
            route.verb == Verb::Get || ROUTES.iter().any(|other| other.verb == Verb::Get && other.path == route.path);
        let above = || uri.path().rsplit_once('/').map_or("/", |(above, _)| above);
        let then = if is_page { uri.path() } else { above() };
        return Err(reply::see(&format!("/conferma?poi={then}")));
    }
    if matches!(error, StoreError::Refused(store::Refused::NotAllowed(_)))
        && let Err(error) = store.record_refusal(session, route.path, visitor.portal().now()).await
    {
        return Err(reply::failure(visitor, &Failure::Store(error)));
    }
    Err(reply::failure(visitor, &Failure::from(error)))
}

/// Whether an unsafe request comes from a page of ours, as far as the browser says.
fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    match (headers.get(ORIGIN), headers.get(HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| host.to_str().is_ok_and(|host| host == authority))
        }
        (Some(_), None) => false,
    }
}

async fn read_form(body: Body) -> Option<(Fields, Bytes)> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok()?;
    let request = Request::builder()
        .method("POST")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(bytes.clone()))
        .ok()?;
    let form = <axum::Form<Vec<(String, String)>> as axum::extract::FromRequest<()>>::from_request(request, &()).await;
    form.ok().map(|axum::Form(pairs)| (Fields::new(pairs), bytes))
}

fn is_proved(visitor: &Visitor, token: Token, headers: &HeaderMap, fields: &Fields) -> bool {
    let given = fields.get("csrf");
    match token {
        Token::WritesNothing => true,
        Token::Bearer => false,
        Token::Session | Token::Upload => visitor.session().is_some_and(|session| session.csrf_fits(given)),
        Token::Login => visitor
            .portal()
            .cookies()
            .read(headers, Cookie::Login)
            .is_some_and(|value| value.len() == 64 && login_token(value) == given),
    }
}
