//! Logging in, what a session is, and how it ends. A session gives a scope when its role has the right.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use domain::feed::{EnteId, UnitaId};
use domain::keys::Secret;
use sea_orm::{ColumnTrait, EntityTrait, ModelTrait, QueryFilter, QueryOrder, Set};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::second::{SecondFactor, is_enrolled};
use super::{Actor, EnteScope, PlatformScope, Reach, Right, Role, TokenScope};
use crate::agreements::Standing;
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, SessionId};
use crate::open::{Chance, Store, moment, new_id, update};
use crate::passwords::{AcceptedPassword, same};
use crate::tables::{accounts, enti, sessions};
use crate::throttle::{Attempt, Counted, address_bytes, forgive, reserve};

/// A session that is not used for so long is over.
const IDLE: Duration = Duration::minutes(30);
/// A session is over after so long whatever happens.
const LIFETIME: Duration = Duration::hours(12);
/// Use is noted at most so often: a page must not wait for a write each time.
const NOTED_EVERY: Duration = Duration::minutes(1);
/// For so long after the password was given, what asks for it again goes on without.
const FRESH: Duration = Duration::minutes(10);
/// Wrong passwords for one account from one address before the first block.
const FREE_PER_ACCOUNT_HERE: i32 = 5;
/// Wrong passwords for one account, from wherever, before the first block.
const FREE_PER_ACCOUNT: i32 = 50;
/// Wrong passwords from one address before the first block: a whole office may stand behind one.
const FREE_PER_ADDRESS: i32 = 30;

/// A session's secret, as the cookie carries it. Prints redacted, is wiped when dropped.
pub struct SessionToken(Zeroizing<[u8; 32]>);

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl SessionToken {
    /// Reads the cookie's text: 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, bytes.as_mut()).ok()?;
        Some(Self(bytes))
    }

    /// The cookie's text.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_ref()))
    }

    /// What is stored of it. The token is random: no key is needed.
    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_ref()).to_vec()
    }

    /// What forms carry: nobody who has not the cookie can compute it.
    fn csrf(&self) -> String {
        hex::encode(Secret::from_bytes(*self.0).authenticate(&[b"csrf"]))
    }
}

/// What a login form brings.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// Code of the Ente; `None` for the platform.
    pub ente: Option<&'a str>,
    /// Username.
    pub username: &'a str,
    /// Password.
    pub password: &'a str,
    /// Address of the peer, as the connection says it.
    pub peer: IpAddr,
}

/// A login that succeeded.
#[derive(Debug)]
pub struct NewSession {
    /// For the cookie.
    pub token: SessionToken,
    /// What it stands for.
    pub session: Session,
}

/// A session that is not good yet.
pub(super) struct Begun {
    row: sessions::Model,
    new: NewSession,
}

/// Somebody logged in, at the moment of asking.
#[derive(Clone, Debug)]
pub struct Session {
    id: SessionId,
    account: AccountId,
    ente: Option<EnteId>,
    ente_code: Option<String>,
    ente_name: Option<String>,
    is_demo: bool,
    standing: Standing,
    unita: Option<UnitaId>,
    username: String,
    display_name: String,
    role: Role,
    must_change: bool,
    second_factor: SecondFactor,
    reach: Reach,
    granted: BTreeSet<Right>,
    csrf: String,
    as_actor: Actor,
    expires_at: DateTime<Utc>,
    password_at: DateTime<Utc>,
}

impl Session {
    /// Permission to reach the Ente's data with this right.
    ///
    /// # Errors
    /// [`crate::Refused::NotAllowed`] when the role has not the right, [`crate::Refused::MustChangePassword`].
    pub fn scope(&self, right: Right) -> Result<EnteScope, StoreError> {
        let ente = self.ente.ok_or(Refused::NotAllowed(right))?;
        self.require(right)?;
        Ok(EnteScope {
            ente,
            actor: self.actor(),
            reach: self.reach,
            unita: self.unita,
            granted: self.granted.clone(),
            only: None,
            may_write: self.standing.may_write(),
        })
    }

    /// Permission to reach the platform's data with this right.
    ///
    /// # Errors
    /// As [`Session::scope`].
    pub fn platform_scope(&self, right: Right) -> Result<PlatformScope, StoreError> {
        if self.ente.is_some() {
            return Err(Refused::NotAllowed(right).into());
        }
        self.require(right)?;
        Ok(PlatformScope { actor: self.actor(), only: None })
    }

    fn require(&self, right: Right) -> Result<(), Refused> {
        self.require_complete()?;
        if !self.may(right) {
            return Err(Refused::NotAllowed(right));
        }
        if right.writes() && !self.standing.may_write() { Err(Refused::NoAgreement) } else { Ok(()) }
    }

    /// How its Ente stands; the platform needs no agreement.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether its role has a right, or its account was given it.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.role.may(right) || self.granted.contains(&right)
    }

    /// Whether a token of its account can open a scope: what the account may do, on its side of the wall between the platform
    /// and the Enti.
    #[must_use]
    pub fn may_lend(&self, scope: TokenScope) -> bool {
        let right = scope.right();
        self.may(right) && right.is_of_the_platform() == self.ente.is_none()
    }

    /// Whether nothing stands between the session and what its role may do.
    ///
    /// # Errors
    /// [`Refused::MustProveSecondFactor`], [`Refused::MustChangePassword`], [`Refused::MustEnrolSecondFactor`].
    pub fn require_complete(&self) -> Result<(), Refused> {
        self.require_proved()?;
        if self.must_change {
            return Err(Refused::MustChangePassword);
        }
        if self.second_factor == SecondFactor::MustEnrol {
            return Err(Refused::MustEnrolSecondFactor);
        }
        Ok(())
    }

    /// Nothing is done for a session that has yet to give its second factor.
    ///
    /// # Errors
    /// [`Refused::MustProveSecondFactor`].
    pub fn require_proved(&self) -> Result<(), Refused> {
        if self.second_factor == SecondFactor::MustProve { Err(Refused::MustProveSecondFactor) } else { Ok(()) }
    }

    /// What changes how one logs in asks for a password given in the last ten minutes.
    ///
    /// # Errors
    /// [`Refused::MustConfirmPassword`]; [`Refused::MustProveSecondFactor`].
    pub fn require_fresh(&self, now: DateTime<Utc>) -> Result<(), Refused> {
        self.require_proved()?;
        if self.password_at + FRESH > now { Ok(()) } else { Err(Refused::MustConfirmPassword) }
    }

    fn actor(&self) -> Actor {
        self.as_actor.clone()
    }

    /// The row under which its account stands.
    pub(super) fn home(&self) -> EnteId {
        self.ente.unwrap_or(PLATFORM)
    }

    pub(super) fn line<'a>(&'a self, action: &'static str, subjects: &'a [Uuid]) -> Line<'a> {
        Line { ente: self.home(), actor: Some(&self.as_actor), action, is_refused: false, subjects, detail: None }
    }

    /// Its id in lists.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }
    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }
    /// Its role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }
    /// Its Ente; `None` on the platform.
    #[must_use]
    pub fn ente(&self) -> Option<EnteId> {
        self.ente
    }
    /// The Ente's code.
    #[must_use]
    pub fn ente_code(&self) -> Option<&str> {
        self.ente_code.as_deref()
    }
    /// The Ente's name today.
    #[must_use]
    pub fn ente_name(&self) -> Option<&str> {
        self.ente_name.as_deref()
    }
    /// Whether the Ente is a demonstration.
    #[must_use]
    pub fn is_demo(&self) -> bool {
        self.is_demo
    }
    /// The unità of the account.
    #[must_use]
    pub fn unita(&self) -> Option<UnitaId> {
        self.unita
    }
    /// Its username.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }
    /// Its username and its Ente's code: what tells it from all others.
    #[must_use]
    pub fn full_username(&self) -> String {
        match &self.ente_code {
            Some(code) => format!("{}@{code}", self.username),
            None => self.username.clone(),
        }
    }
    /// Its name, as pages show it.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }
    /// Whether nothing but changing the password is possible.
    #[must_use]
    pub fn must_change_password(&self) -> bool {
        self.must_change
    }
    /// Which persone of its Ente it reaches.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }
    /// How far it has come with the second factor.
    #[must_use]
    pub fn second_factor(&self) -> SecondFactor {
        self.second_factor
    }
    /// What every form of this session carries: 64 hexadecimal digits, derived from the token.
    #[must_use]
    pub fn csrf(&self) -> &str {
        &self.csrf
    }
    /// Compares a form's token in constant time.
    #[must_use]
    pub fn csrf_fits(&self, given: &str) -> bool {
        same(self.csrf.as_bytes(), given.as_bytes())
    }
    /// When it ends whatever happens.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
    /// When the password was last given: for what asks for it again after ten minutes.
    #[must_use]
    pub fn password_at(&self) -> DateTime<Utc> {
        self.password_at
    }
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl Store {
    /// Logs in: throttled per account and address, with the same work for accounts that do not exist.
    ///
    /// # Errors
    /// [`crate::Refused::Credentials`], [`crate::Refused::Throttled`], [`crate::Refused::OneTimePasswordExpired`].
    pub async fn login(
        &self,
        credentials: Credentials<'_>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<NewSession, StoreError> {
        let now = moment(now);
        let attempt = self.counted("password", credentials.ente, credentials.username, credentials.peer);
        self.reserve_attempt(&attempt, now).await?;
        let ente = match credentials.ente {
            None => enti::Entity::find_by_id(PLATFORM.0).one(&self.reading(PLATFORM)).await?,
            Some(code) => {
                let code = code.trim().to_lowercase();
                enti::Entity::find()
                    .filter(enti::Column::Code.eq(code))
                    .filter(enti::Column::IsPlatform.eq(false))
                    .one(&self.directory())
                    .await?
            }
        };
        // An Ente that does not exist takes the same way as one that does.
        let found = EnteId(ente.as_ref().map_or(Uuid::max(), |ente| ente.id));
        let account = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(found.0))
            .filter(accounts::Column::UsernameFolded.eq(fold(credentials.username)))
            .one(&self.reading(found))
            .await?;
        let stored = account.as_ref().map(|account| account.password_hash.as_str());
        let (fits, is_old) = self.verify_password(stored, credentials.password).await?;
        let Some(account) = account.filter(|account| fits && account.is_active) else {
            self.note_failed_login(ente.map_or(PLATFORM, |ente| EnteId(ente.id)), &[], now).await?;
            return Err(Refused::Credentials.into());
        };
        let ente_id = EnteId(account.ente_id);
        if account.one_time_until.is_some_and(|until| until <= now) {
            self.note_failed_login(ente_id, &[account.id], now).await?;
            return Err(Refused::OneTimePasswordExpired.into());
        }
        let rehashed = if is_old { Some(self.hash_password(credentials.password, chance).await?) } else { None };
        let begun = self.begin(&account, None, now, chance).await?;
        let writing = self.write(ente_id).await?;
        // The password may have been changed, or the account closed, while the hash was computed.
        let now_stored = accounts::Entity::find_by_id((ente_id.0, account.id)).one(&*writing).await?;
        if !now_stored.is_some_and(|it| it.is_active && it.password_hash == account.password_hash) {
            return Err(Refused::Credentials.into());
        }
        forgive(&writing, &attempt, now).await?;
        if let Some(hash) = rehashed {
            let change = accounts::ActiveModel {
                ente_id: Set(ente_id.0),
                id: Set(account.id),
                password_hash: Set(hash),
                ..Default::default()
            };
            update(change, &*writing).await?;
        }
        self.keep(writing, begun, now).await
    }

    /// A session of an account that has shown what it takes, in memory; [`Store::keep`] makes it good. Everything is looked up
    /// here, before it is our turn to write: whoever holds the turn asks for no second connection.
    pub(super) async fn begin(
        &self,
        account: &accounts::Model,
        way: Option<&str>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Begun, StoreError> {
        let mut token = Zeroizing::new([0; 32]);
        chance.fill_bytes(token.as_mut());
        let token = SessionToken(token);
        let row = sessions::Model {
            ente_id: account.ente_id,
            id: new_id(chance),
            account_id: account.id,
            token_hash: token.hash(),
            created_at: now,
            last_seen_at: now,
            expires_at: now + LIFETIME,
            password_at: now,
            // A gateway is asked for two factors.
            second_at: way.map(|_| now),
            ceremony: None,
            way: way.map(ToOwned::to_owned),
        };
        let session = self.describe(row.clone(), account.clone(), &token, now).await?;
        Ok(Begun { row, new: NewSession { token, session } })
    }

    /// Makes a session good, and writes the login to the audit.
    pub(super) async fn keep(
        &self,
        writing: Writing,
        begun: Begun,
        now: DateTime<Utc>,
    ) -> Result<NewSession, StoreError> {
        let Begun { row, new } = begun;
        sessions::Entity::delete_many().filter(sessions::Column::ExpiresAt.lte(now)).exec(&*writing).await?;
        let change = accounts::ActiveModel {
            ente_id: Set(row.ente_id),
            id: Set(row.account_id),
            last_login_at: Set(Some(now)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        let way = row.way.clone();
        sessions::Entity::insert(sessions::ActiveModel::from(row)).exec_without_returning(&*writing).await?;
        let subjects = [new.session.id.0];
        let line = new.session.line("session.login", &subjects);
        let line = if let Some(way) = way { line.with_detail(way) } else { line };
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await?;
        Ok(new)
    }

    /// The session of a token: 30 minutes after its last use or 12 hours after login it is over.
    ///
    /// # Errors
    /// [`crate::Refused::NoSession`].
    pub async fn session(&self, token: &SessionToken, now: DateTime<Utc>) -> Result<Session, StoreError> {
        let now = moment(now);
        let row = sessions::Entity::find()
            .filter(sessions::Column::TokenHash.eq(token.hash()))
            .one(&self.directory())
            .await?
            .filter(|row| row.expires_at > now && row.last_seen_at + IDLE > now)
            .ok_or(Refused::NoSession)?;
        let home = EnteId(row.ente_id);
        let account = accounts::Entity::find_by_id((row.ente_id, row.account_id))
            .one(&self.reading(home))
            .await?
            .filter(|account| account.is_active)
            .ok_or(Refused::NoSession)?;
        if row.last_seen_at + NOTED_EVERY <= now {
            let writing = self.write(home).await?;
            sessions::Entity::update_many()
                .col_expr(sessions::Column::LastSeenAt, now.into())
                .filter(sessions::Column::EnteId.eq(row.ente_id))
                .filter(sessions::Column::Id.eq(row.id))
                .exec(&*writing)
                .await?;
            writing.commit().await?;
        }
        self.describe(row, account, token, now).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn logout(&self, session: &Session, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.end_session(session, session.id, "session.logout", now).await
    }

    /// The sessions of one's own account that are not over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions(&self, session: &Session, now: DateTime<Utc>) -> Result<Vec<SessionRow>, StoreError> {
        self.open_sessions(session.home(), session.account, now).await
    }

    /// The sessions of an account that are not over, the last used first.
    pub(crate) async fn open_sessions(
        &self,
        ente: EnteId,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let now = moment(now);
        let rows = sessions::Entity::find()
            .filter(sessions::Column::EnteId.eq(ente.0))
            .filter(sessions::Column::AccountId.eq(account.0))
            .filter(sessions::Column::ExpiresAt.gt(now))
            .filter(sessions::Column::LastSeenAt.gt(now - IDLE))
            .order_by_desc(sessions::Column::LastSeenAt)
            .all(&self.reading(ente))
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| SessionRow {
                id: SessionId(row.id),
                created_at: row.created_at,
                last_seen_at: row.last_seen_at,
                expires_at: row.expires_at,
            })
            .collect())
    }

    /// Ends another session of one's own account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_session(&self, session: &Session, id: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
        session.require_proved()?;
        self.end_session(session, id, "session.revoke", now).await
    }

    /// Asks for the password again; afterwards [`Session::password_at`] is now.
    ///
    /// # Errors
    /// As [`Store::login`].
    pub async fn confirm_password(
        &self,
        session: &Session,
        password: &str,
        peer: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        session.require_proved()?;
        let now = moment(now);
        self.check_present_password(session, password, peer, now).await?;
        self.confirmed(session, "session.password_confirmed", now).await
    }

    /// Notes that a session has shown now what it takes to log in.
    pub(super) async fn confirmed(
        &self,
        session: &Session,
        action: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let writing = self.write(session.home()).await?;
        sessions::Entity::update_many()
            .col_expr(sessions::Column::PasswordAt, now.into())
            .filter(sessions::Column::EnteId.eq(session.home().0))
            .filter(sessions::Column::Id.eq(session.id.0))
            .exec(&*writing)
            .await?;
        append(&self.keys, &*writing, session.line(action, &[]), now).await?;
        writing.commit().await
    }

    /// Changes one's own password; all other sessions of the account end.
    ///
    /// # Errors
    /// As [`Store::login`] when the present password is wrong.
    pub async fn change_password(
        &self,
        session: &Session,
        present: &str,
        new: AcceptedPassword,
        peer: IpAddr,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        session.require_proved()?;
        let now = moment(now);
        let before = self.check_present_password(session, present, peer, now).await?;
        let hash = self.hash_password(&new.0, chance).await?;
        let writing = self.write(session.home()).await?;
        // Hashing takes its time: whoever was given another password meanwhile, or was logged out, changes nothing.
        let own = (session.home().0, session.account.0);
        let account = accounts::Entity::find_by_id(own).one(&*writing).await?;
        let is_logged_in =
            sessions::Entity::find_by_id((session.home().0, session.id.0)).one(&*writing).await?.is_some();
        if !is_logged_in || account.is_none_or(|account| account.password_hash != before || !account.is_active) {
            return Err(Refused::NoSession.into());
        }
        let change = accounts::ActiveModel {
            ente_id: Set(session.home().0),
            id: Set(session.account.0),
            password_hash: Set(hash),
            must_change: Set(false),
            one_time_until: Set(None),
            ..Default::default()
        };
        update(change, &*writing).await?;
        end_other_sessions(&writing, session).await?;
        append(&self.keys, &*writing, session.line("account.password_changed", &[session.account.0]), now).await?;
        writing.commit().await
    }

    /// Writes to the audit that a session asked for what it may not have.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_refusal(&self, session: &Session, what: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let what: String = what.chars().take(200).collect();
        let line = Line { is_refused: true, ..session.line("refused", &[]) }.with_detail(what);
        self.note(line, now).await
    }

    /// Writes to the audit that somebody looked at figures of their Ente.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_reading(&self, scope: &EnteScope, what: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let what: String = what.chars().take(200).collect();
        self.note(Line::done(scope, "dashboards.read", &[]).with_detail(what), now).await
    }

    /// What an attempt at a password, or at a second factor, counts for.
    pub(super) fn counted(&self, at: &str, ente: Option<&str>, username: &str, peer: IpAddr) -> Attempt {
        let ente = ente.map_or_else(|| "/".to_owned(), |code| code.trim().to_lowercase());
        let username = fold(username);
        let peer = address_bytes(peer);
        let counted = |what: &[&[u8]], free, one_forgiven_every| Counted {
            id: self.keys.throttle.authenticate(what).to_vec(),
            free,
            one_forgiven_every,
        };
        let (at, ente, username) = (at.as_bytes(), ente.as_bytes(), username.as_bytes());
        Attempt {
            account_here: counted(&[b"account at address", at, ente, username, &peer], FREE_PER_ACCOUNT_HERE, None),
            account: counted(&[b"account", at, ente, username], FREE_PER_ACCOUNT, Some(Duration::minutes(10))),
            address: counted(&[b"address", &peer], FREE_PER_ADDRESS, Some(Duration::minutes(2))),
        }
    }

    /// What an attempt counts for that names no account: its address alone.
    pub(super) fn counted_by_address(&self, at: &str, peer: IpAddr) -> Attempt {
        let Attempt { account_here, account, address } = self.counted(at, None, &peer.to_string(), peer);
        let free = FREE_PER_ADDRESS;
        Attempt { account_here: Counted { free, ..account_here }, account: Counted { free, ..account }, address }
    }

    pub(super) async fn reserve_attempt(&self, attempt: &Attempt, now: DateTime<Utc>) -> Result<(), StoreError> {
        let writing = self.write(PLATFORM).await?;
        match reserve(&writing, attempt, now).await? {
            Some(until) => Err(Refused::Throttled { until }.into()),
            None => writing.commit().await,
        }
    }

    /// The hash that the password was found to fit.
    async fn check_present_password(
        &self,
        session: &Session,
        password: &str,
        peer: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<String, StoreError> {
        let attempt = self.counted("password", session.ente_code.as_deref(), &session.username, peer);
        self.reserve_attempt(&attempt, now).await?;
        let account = accounts::Entity::find_by_id((session.home().0, session.account.0))
            .one(&self.reading(session.home()))
            .await?;
        let stored = account.as_ref().map(|account| account.password_hash.as_str());
        let (fits, _) = self.verify_password(stored, password).await?;
        if !fits {
            self.note_failed_login(session.home(), &[session.account.0], now).await?;
            return Err(Refused::Credentials.into());
        }
        let writing = self.write(session.home()).await?;
        forgive(&writing, &attempt, now).await?;
        writing.commit().await?;
        account.map(|account| account.password_hash).ok_or(Refused::NoSession.into())
    }

    pub(super) async fn note_failed_login(
        &self,
        ente: EnteId,
        subjects: &[Uuid],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let line = Line { ente, actor: None, action: "session.login", is_refused: true, subjects, detail: None };
        self.note(line, now).await
    }

    async fn end_session(
        &self,
        session: &Session,
        id: SessionId,
        action: &'static str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let writing = self.write(session.home()).await?;
        let row = sessions::Entity::find_by_id((session.home().0, id.0))
            .one(&*writing)
            .await?
            .filter(|row| row.account_id == session.account.0)
            .ok_or(StoreError::NotFound("session"))?;
        row.delete(&*writing).await?;
        append(&self.keys, &*writing, session.line(action, &[id.0]), now).await?;
        writing.commit().await
    }

    async fn describe(
        &self,
        row: sessions::Model,
        account: accounts::Model,
        token: &SessionToken,
        now: DateTime<Utc>,
    ) -> Result<Session, StoreError> {
        let damaged = || StoreError::Damaged { table: "accounts", row: account.id.to_string() };
        let role = Role::from_code(&account.role).ok_or_else(damaged)?;
        let ente = EnteId(account.ente_id);
        let reach = crate::accounts::reach_of(&account)?;
        let granted = crate::accounts::granted(&self.reading(ente), ente, AccountId(account.id)).await?;
        let second_factor = if row.way.is_some() {
            SecondFactor::Proved
        } else {
            let is_enrolled = is_enrolled(&self.reading(ente), ente, AccountId(account.id)).await?;
            match (is_enrolled, row.second_at) {
                (true, Some(_)) => SecondFactor::Proved,
                (true, None) => SecondFactor::MustProve,
                (false, _) if role.needs_second_factor() => SecondFactor::MustEnrol,
                (false, _) => SecondFactor::NotAsked,
            }
        };
        let known = if ente == PLATFORM { None } else { Some(self.ente_described(ente, now).await?) };
        Ok(Session {
            id: SessionId(row.id),
            account: AccountId(account.id),
            ente: known.as_ref().map(|ente| ente.id),
            is_demo: known.as_ref().is_some_and(|ente| ente.is_demo),
            standing: known.as_ref().map_or(Standing::Unrecorded, |ente| ente.standing),
            ente_name: known.as_ref().map(|ente| ente.name.clone()),
            ente_code: known.map(|ente| ente.code),
            unita: account.unita_id.map(UnitaId),
            username: account.username,
            display_name: account.display_name,
            role,
            // Who came by the gateway gave no password, and may not know one.
            must_change: account.must_change && row.way.is_none(),
            second_factor,
            reach,
            granted,
            csrf: token.csrf(),
            as_actor: Actor::Account { id: AccountId(account.id), role },
            expires_at: row.expires_at,
            password_at: row.password_at,
        })
    }
}

/// Ends all sessions of one's own account but this.
pub(super) async fn end_other_sessions(writing: &Writing, session: &Session) -> Result<(), StoreError> {
    sessions::Entity::delete_many()
        .filter(sessions::Column::EnteId.eq(session.home().0))
        .filter(sessions::Column::AccountId.eq(session.account.0))
        .filter(sessions::Column::Id.ne(session.id.0))
        .exec(&**writing)
        .await?;
    Ok(())
}

/// A username as it is compared.
pub(crate) fn fold(username: &str) -> String {
    username.trim().to_lowercase()
}
