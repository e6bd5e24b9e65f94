//! Who asks for a page: nobody known, or somebody logged in. The extractors here prove authority: holding a [`Desk`] is
//! the permission, and it carries the scope that the store asks for.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use store::{EnteScope, PlatformScope, Refused, Right, Session, SessionToken, Standing, Store, StoreError};
use templates::{Area, Entry, Layout, Page, UserView};

use crate::cookies::Cookie;
use crate::form::Fields;
use crate::portal::Portal;
use crate::reply::{self, Failure};

/// Whoever asks for a page.
#[derive(Clone, Debug)]
pub struct Visitor {
    portal: Portal,
    session: Option<Session>,
}

impl Visitor {
    /// Looks the session up.
    ///
    /// # Errors
    /// The page that says that something of ours is broken.
    pub async fn read(portal: &Portal, headers: &HeaderMap) -> Result<Self, Response> {
        let nobody = Self { portal: portal.clone(), session: None };
        let token = portal.cookies().read(headers, Cookie::Session).and_then(SessionToken::parse);
        let (Some(store), Some(token)) = (portal.store(), token) else { return Ok(nobody) };
        match store.session(&token, portal.now()).await {
            Ok(session) => Ok(Self { session: Some(session), ..nobody }),
            Err(StoreError::Refused(_)) => Ok(nobody),
            Err(error) => Err(reply::failure(&nobody, &Failure::Store(error))),
        }
    }

    /// The portal.
    #[must_use]
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The session, if somebody is logged in.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// What pages show around their content.
    #[must_use]
    pub fn layout(&self, area: Area) -> Layout {
        Layout {
            is_demonstration: self.portal.is_demonstration() || self.session.as_ref().is_some_and(Session::is_demo),
            area,
            has_accounts: self.portal.store().is_some(),
            user: self.session.as_ref().map(|session| UserView {
                name: session.display_name().to_owned(),
                role: session.role().code().to_owned(),
                ente: session.ente_name().map(ToOwned::to_owned),
                agreement: agreement(session),
                csrf: session.csrf().to_owned(),
                entries: if session.require_complete().is_ok() { entries(session) } else { Vec::new() },
            }),
        }
    }

    /// A page as a response.
    pub fn page<P: Page>(&self, area: Area, status: StatusCode, page: &P) -> Response {
        reply::page(self, area, status, page)
    }

    /// The scope of the session's Ente, for a right.
    ///
    /// # Errors
    /// The answer that says what to do: log in, change the password, or that the role does not open this.
    #[expect(clippy::result_large_err, reason = "the answer is what the caller gives back")]
    pub fn scope(&self, right: Right) -> Result<EnteScope, Response> {
        let session = self.session.as_ref().ok_or_else(reply::to_login)?;
        session.scope(right).map_err(|error| reply::failure(self, &Failure::Store(error)))
    }

    /// The platform's scope, for a right.
    ///
    /// # Errors
    /// As [`Visitor::scope`].
    #[expect(clippy::result_large_err, reason = "the answer is what the caller gives back")]
    pub fn platform_scope(&self, right: Right) -> Result<PlatformScope, Response> {
        let session = self.session.as_ref().ok_or_else(reply::to_login)?;
        session.platform_scope(right).map_err(|error| reply::failure(self, &Failure::Store(error)))
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    Portal: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if let Some(visitor) = parts.extensions.get::<Self>() {
            return Ok(visitor.clone());
        }
        let visitor = Self::read(&Portal::from_ref(state), &parts.headers).await?;
        parts.extensions.insert(visitor.clone());
        Ok(visitor)
    }
}

/// What must be said of the agreement: to everybody when nothing can be entered, to who renews it when it runs out.
fn agreement(session: &Session) -> Option<(String, Option<String>)> {
    let standing = session.standing();
    let is_said = match standing {
        Standing::Unrecorded | Standing::Active(_) | Standing::Closed => false,
        Standing::RunningOut(_) => session.role().may(Right::ManageAccounts),
        Standing::NotYet(_) | Standing::Expired(_) => true,
    };
    is_said.then(|| (standing.code().to_owned(), standing.day().map(crate::form::show_date)))
}

/// The entries of the navigation that an account opens.
fn entries(session: &Session) -> Vec<Entry> {
    let role = session.role();
    let mut entries = vec![(Area::Desk, "/scrivania")];
    if role.may(Right::SeePersone) {
        entries.push((Area::Persone, "/persone"));
    }
    if role.may(Right::SeeOwnWork) {
        entries.push((Area::Questionari, "/questionari"));
    }
    if role.may(Right::ManageAccounts) {
        entries.push((Area::Operatori, "/operatori"));
        entries.push((Area::Registro, "/registro"));
        entries.push((Area::Impostazioni, "/impostazioni"));
    }
    if session.may(Right::Import) && session.standing().may_write() {
        entries.push((Area::Importazioni, "/importazioni"));
    }
    if role.may(Right::SeeDashboards) {
        entries.push((Area::Cruscotti, "/cruscotti/quadro"));
    }
    if role.may(Right::ManageAccounts) || role.may(Right::SeeDashboards) {
        entries.push((Area::Dati, "/dati"));
    }
    if role.may(Right::Query) {
        entries.push((Area::Interrogazioni, "/interrogazioni"));
    }
    if session.may(Right::ExtractPseudonymous) {
        entries.push((Area::Estrazioni, "/estrazioni"));
    }
    if session.may(Right::ExtractIdentified) {
        entries.push((Area::EstrazioniConNomi, "/estrazioni-con-nomi"));
    }
    if role.may(Right::ManageEnti) {
        entries.push((Area::Enti, "/enti"));
        entries.push((Area::Interessi, "/interessi"));
        entries.push((Area::RicercaUfficio, "/ricerca/ufficio"));
    }
    // The office finds the datasets among its projects.
    if role.may(Right::Release) {
        entries.push((Area::Ricerca, "/ricerca"));
        entries.push((Area::RicercaPartner, "/ricerca/partner"));
    } else if role.may(Right::UseReleases) {
        entries.push((Area::DatiRicerca, "/dati-ricerca"));
    }
    entries.into_iter().map(|(area, path)| Entry { area, path: path.to_owned() }).collect()
}

/// A right that a page asks for, as a type.
pub(crate) trait Need: Send + Sync + 'static {
    const RIGHT: Right;
}

/// Defines types that stand for rights.
macro_rules! needs {
    ($($name:ident),+ $(,)?) => { $(
        pub(crate) struct $name;
        impl Need for $name {
            const RIGHT: Right = Right::$name;
        }
    )+ };
}

needs!(
    SeeEnte,
    SeePersone,
    SeeOwnWork,
    Assess,
    Assign,
    Erase,
    ExtractIdentified,
    Import,
    ManageAccounts,
    ManageEnti,
    Release
);

/// A page's way to the data of one Ente.
pub(crate) struct Desk<N: Need> {
    pub(crate) visitor: Visitor,
    pub(crate) store: Store,
    pub(crate) scope: EnteScope,
    pub(crate) session: Session,
    pub(crate) now: DateTime<Utc>,
    right: PhantomData<N>,
}

impl<N: Need> Desk<N> {
    pub(crate) fn portal(&self) -> &Portal {
        &self.visitor.portal
    }

    /// The same desk, for reading persone.
    pub(crate) fn into_seeing(self) -> Result<Desk<SeePersone>, StoreError> {
        let Self { visitor, store, session, now, .. } = self;
        let scope = session.scope(Right::SeePersone)?;
        Ok(Desk { visitor, store, scope, session, now, right: PhantomData })
    }

    /// The day in Italy.
    pub(crate) fn today(&self) -> NaiveDate {
        italian_day(self.now)
    }

    /// Permission for something else that the same session may do.
    pub(crate) fn may(&self, right: Right) -> bool {
        self.session.may(right)
    }
}

impl<N: Need> FromRequestParts<Portal> for Desk<N> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, portal).await?;
        let scope = visitor.scope(N::RIGHT)?;
        let (Some(store), Some(session)) = (portal.store().cloned(), visitor.session.clone()) else {
            return Err(reply::to_login());
        };
        Ok(Self { visitor, store, scope, session, now: portal.now(), right: PhantomData })
    }
}

/// A page's way to what belongs to no Ente.
pub(crate) struct PlatformDesk<N: Need> {
    pub(crate) visitor: Visitor,
    pub(crate) store: Store,
    pub(crate) scope: PlatformScope,
    pub(crate) now: DateTime<Utc>,
    right: PhantomData<N>,
}

impl<N: Need> PlatformDesk<N> {
    /// The name that people read of whoever asks.
    pub(crate) fn name(&self) -> Option<String> {
        self.visitor.session().map(|session| session.display_name().to_owned())
    }
}

impl<N: Need> FromRequestParts<Portal> for PlatformDesk<N> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, portal).await?;
        let scope = visitor.platform_scope(N::RIGHT)?;
        let Some(store) = portal.store().cloned() else { return Err(reply::to_login()) };
        Ok(Self { visitor, store, scope, now: portal.now(), right: PhantomData })
    }
}

/// Somebody who gave a password, and perhaps has yet to give the second factor.
pub(crate) struct AnySession {
    pub(crate) visitor: Visitor,
    pub(crate) store: Store,
    pub(crate) session: Session,
    pub(crate) now: DateTime<Utc>,
}

impl FromRequestParts<Portal> for AnySession {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, portal).await?;
        let (Some(store), Some(session)) = (portal.store().cloned(), visitor.session.clone()) else {
            return Err(reply::to_login());
        };
        Ok(Self { visitor, store, session, now: portal.now() })
    }
}

/// Somebody's own account: whatever the role, even when the password must be changed first.
pub(crate) struct OwnAccount {
    pub(crate) visitor: Visitor,
    pub(crate) store: Store,
    pub(crate) session: Session,
    pub(crate) now: DateTime<Utc>,
}

impl FromRequestParts<Portal> for OwnAccount {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let AnySession { visitor, store, session, now } = AnySession::from_request_parts(parts, portal).await?;
        if session.require_proved().is_err() {
            return Err(reply::see("/secondo-fattore"));
        }
        Ok(Self { visitor, store, session, now })
    }
}

/// The fields of a form; there only once the guard of the route has checked its token.
impl FromRequestParts<Portal> for Fields {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or(Failure::Refused(Refused::NoSession))
    }
}

/// The client's address: the peer's as the connection says it, or what a trusted proxy says of its own peer. Headers that
/// anybody else wrote do not count.
pub(crate) struct Peer(pub(crate) IpAddr);

/// The last address in `X-Forwarded-For` that is no trusted proxy's, if the peer is one.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    // A socket of both versions gives IPv4 peers as ::ffff:a.b.c.d.
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|known| known.to_canonical() == *address);
    if !is_trusted(&peer) {
        return peer;
    }
    let said: Vec<&str> = headers.get_all("x-forwarded-for").iter().flat_map(|value| value.to_str()).collect();
    for text in said.iter().flat_map(|value| value.split(',')).rev() {
        match text.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if is_trusted(&address) => {}
            Ok(address) => return address,
            Err(_) => return peer,
        }
    }
    peer
}

impl FromRequestParts<Portal> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let peer = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self(client(peer, &parts.headers, portal.trusted_proxies())))
    }
}

/// The civil day of an instant, where the trade lives.
pub(crate) fn italian_day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&chrono_tz::Europe::Rome).date_naive()
}

/// An instant as pages show it: day and time in Italy.
pub(crate) fn show_instant(at: DateTime<Utc>) -> String {
    format!("{}, {}", crate::form::show_date(italian_day(at)), show_time(at))
}

/// The time of an instant in Italy.
pub(crate) fn show_time(at: DateTime<Utc>) -> String {
    use chrono::Timelike;
    let local = at.with_timezone(&chrono_tz::Europe::Rome);
    format!("{}:{:02}", local.hour(), local.minute())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The guard of the route, which knows the visitor, makes the page.
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let asked = |peer: &str, forwarded: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            client(ip(peer), &headers, &[ip("10.0.0.1"), ip("10.0.0.2")])
        };
        assert_eq!(asked("192.0.2.7", &["198.51.100.9"]), ip("192.0.2.7"), "anybody can write the header");
        assert_eq!(
            asked("10.0.0.1", &["203.0.113.5, 198.51.100.9"]),
            ip("198.51.100.9"),
            "the last word is the proxy's own"
        );
        assert_eq!(asked("10.0.0.1", &["198.51.100.9", "10.0.0.2"]), ip("198.51.100.9"));
        assert_eq!(asked("10.0.0.1", &[]), ip("10.0.0.1"));
        assert_eq!(asked("::ffff:10.0.0.1", &["::ffff:198.51.100.9"]), ip("198.51.100.9"));
        assert_eq!(asked("10.0.0.1", &["198.51.100.9, unknown"]), ip("10.0.0.1"));
    }
}
