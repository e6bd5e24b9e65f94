//! Tokens with which programs act in the name of an account: made by its holder, shown once, kept as a hash.
//!
//! A token opens what its scopes name and its account may still do at the moment of asking, never more: no accounts, no
//! erasure, no audit; of the platform the anonymous datasets of one's projects alone. An Ente's account has nothing there, nor
//! an account of the platform in an Ente. It dies with what it was given for: when its account is suspended, goes to another
//! unità, changes role or gets a password from who keeps it, when the Ente is closed, and after a year at most.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use domain::feed::{EnteId, UnitaId};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Select, Set};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::second::is_enrolled;
use super::{Actor, EnteScope, PlatformScope, Reach, Right, Role, Session};
use crate::accounts::{Keeping, found, granted, reach_of};
use crate::agreements::Standing;
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::enti::Ente;
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, TokenId};
use crate::keys::PortalKeys;
use crate::open::{Chance, Store, moment, new_id, required, update};
use crate::tables::{accounts, sessions, tokens};
use crate::throttle::{Counted, address_bytes, blocked, reserve_one};

/// For how many days a token is good at most.
pub const TOKEN_DAYS_MAX: u16 = 365;
/// Tokens that an account has at once.
const TOKENS_MAX: u64 = 20;
/// A token that is over stays so long, so that its use is still told of it.
const KEPT: Duration = Duration::days(90);
/// Use is noted at most so often.
const NOTED_EVERY: Duration = Duration::minutes(1);
/// Wrong tokens from one address before the first block.
const FREE_PER_ADDRESS: i32 = 30;
/// What a token's text begins with, so that one left in a file is recognised.
const PREFIX: &str = "noncello_";

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenScope {
    /// Find and read persone.
    PersoneRead,
    /// Enter and change persone.
    PersoneWrite,
    /// Read questionnaires.
    QuestionariRead,
    /// Make questionnaires valid, correct and annul them.
    QuestionariWrite,
    /// Take out persone and questionnaires, with names.
    EstrazioniIdentified,
    /// Ask the Ente's published data in SQL.
    InterrogazioniAsk,
    /// Read the anonymous datasets of one's projects: of the platform.
    RilasciRead,
}

impl TokenScope {
    /// All scopes.
    pub const ALL: [Self; 7] = [
        Self::PersoneRead,
        Self::PersoneWrite,
        Self::QuestionariRead,
        Self::QuestionariWrite,
        Self::EstrazioniIdentified,
        Self::InterrogazioniAsk,
        Self::RilasciRead,
    ];

    /// The code that is stored, and that programs know.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::PersoneRead => "persone:read",
            Self::PersoneWrite => "persone:write",
            Self::QuestionariRead => "questionari:read",
            Self::QuestionariWrite => "questionari:write",
            Self::EstrazioniIdentified => "estrazioni:identified",
            Self::InterrogazioniAsk => "interrogazioni:ask",
            Self::RilasciRead => "rilasci:read",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }

    /// The right of the account that it lends.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::PersoneRead | Self::QuestionariRead => Right::SeePersone,
            Self::PersoneWrite | Self::QuestionariWrite => Right::Assess,
            Self::EstrazioniIdentified => Right::ExtractIdentified,
            Self::InterrogazioniAsk => Right::Query,
            Self::RilasciRead => Right::UseReleases,
        }
    }
}

/// A token's secret, as a program shows it. Prints redacted, is wiped when dropped.
pub struct TokenSecret(Zeroizing<[u8; 32]>);

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

impl TokenSecret {
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix(PREFIX)?, bytes.as_mut()).ok()?;
        Some(Self(bytes))
    }

    /// Its text: `noncello_` and 64 hexadecimal digits.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", hex::encode(self.0.as_ref())))
    }

    /// What is stored of it. The secret is random: no key is needed.
    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_ref()).to_vec()
    }
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What its holder calls it: which program has it.
    pub name: String,
    /// What it opens: one thing at least, and nothing that the account may not.
    pub scopes: BTreeSet<TokenScope>,
    /// For how many days it is good, from 1 to [`TOKEN_DAYS_MAX`].
    pub days: u16,
}

/// A token in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// What its holder calls it.
    pub name: String,
    /// What it opens.
    pub scopes: BTreeSet<TokenScope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A program that showed a good token, at the moment of asking.
#[derive(Clone, Debug)]
pub struct TokenAccess {
    id: TokenId,
    account: AccountId,
    display_name: String,
    role: Role,
    scopes: BTreeSet<TokenScope>,
    /// Where its account belongs; `None` on the platform.
    place: Option<Place>,
}

/// The Ente of an account, and what the account reaches there.
#[derive(Clone, Debug)]
struct Place {
    ente: Ente,
    unita: Option<UnitaId>,
    reach: Reach,
    granted: BTreeSet<Right>,
}

impl TokenAccess {
    /// Permission to reach the Ente's data with the right that a scope lends, and with no other.
    ///
    /// # Errors
    /// [`Refused::NotInScope`]; [`Refused::NotAllowed`] when the account has not the right, or is the platform's;
    /// [`Refused::NoAgreement`].
    pub fn scope(&self, scope: TokenScope) -> Result<EnteScope, Refused> {
        let right = self.lent(scope)?;
        let place = self.place.as_ref().filter(|_| !right.is_of_the_platform()).ok_or(Refused::NotAllowed(right))?;
        let given = EnteScope {
            ente: place.ente.id,
            actor: self.actor(),
            reach: place.reach,
            unita: place.unita,
            granted: place.granted.clone(),
            only: Some(right),
            may_write: place.ente.standing.may_write(),
        };
        given.require(right)?;
        Ok(given)
    }

    /// Permission to reach the platform's data with the right that a scope lends, and with no other.
    ///
    /// # Errors
    /// [`Refused::NotInScope`]; [`Refused::NotAllowed`] when the account has not the right, or is an Ente's.
    pub fn platform_scope(&self, scope: TokenScope) -> Result<PlatformScope, Refused> {
        let right = self.lent(scope)?;
        if self.place.is_some() || !right.is_of_the_platform() {
            return Err(Refused::NotAllowed(right));
        }
        let given = PlatformScope { actor: self.actor(), only: Some(right) };
        given.require(right)?;
        Ok(given)
    }

    /// The right of a scope that the token was given.
    fn lent(&self, scope: TokenScope) -> Result<Right, Refused> {
        if self.scopes.contains(&scope) { Ok(scope.right()) } else { Err(Refused::NotInScope(scope)) }
    }

    /// The row under which its account stands.
    fn home(&self) -> EnteId {
        self.place.as_ref().map_or(PLATFORM, |place| place.ente.id)
    }

    fn actor(&self) -> Actor {
        Actor::Token { id: self.account, role: self.role, token: self.id }
    }

    /// The account in whose name it asks.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The account's name.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The account's Ente; `None` on the platform.
    #[must_use]
    pub fn ente(&self) -> Option<&Ente> {
        self.place.as_ref().map(|place| &place.ente)
    }
}

impl Store {
    /// Makes a token for one's own account. Its secret is given this once.
    ///
    /// # Errors
    /// As [`Session::require_complete`] and [`Session::require_fresh`]; [`Refused::NotAllowed`] for a scope that lends what
    /// the account may not; no scope, too many days, no name, too many tokens.
    pub async fn create_token(
        &self,
        session: &Session,
        new: &NewToken,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(TokenId, TokenSecret), StoreError> {
        session.require_complete()?;
        session.require_fresh(now)?;
        let now = moment(now);
        let ente = session.home();
        let name = required("token_name", &new.name, 60)?;
        if new.scopes.is_empty() {
            return Err(Refused::TokenScopes.into());
        }
        if let Some(scope) = new.scopes.iter().find(|scope| !session.may_lend(**scope)) {
            return Err(Refused::NotAllowed(scope.right()).into());
        }
        if !(1..=TOKEN_DAYS_MAX).contains(&new.days) {
            return Err(Refused::TokenDays.into());
        }
        let mut secret = Zeroizing::new([0; 32]);
        chance.fill_bytes(secret.as_mut());
        let secret = TokenSecret(secret);
        let id = TokenId(new_id(chance));
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.code()).collect();
        let scopes = scopes.join(" ");
        let account = session.account();
        let writing = self.write(ente).await?;
        // Whoever was logged out or suspended meanwhile makes none.
        let is_logged_in = sessions::Entity::find_by_id((ente.0, session.id().0)).one(&*writing).await?.is_some();
        let row = accounts::Entity::find_by_id((ente.0, account.0)).one(&*writing).await?;
        if !is_logged_in || row.is_none_or(|row| !row.is_active || row.role != session.role().code()) {
            return Err(Refused::NoSession.into());
        }
        if good(ente, account, now).count(&*writing).await? >= TOKENS_MAX {
            return Err(Refused::TokensFull.into());
        }
        tokens::Entity::delete_many()
            .filter(tokens::Column::EnteId.eq(ente.0))
            .filter(
                Condition::any()
                    .add(tokens::Column::ExpiresAt.lt(now - KEPT))
                    .add(tokens::Column::RevokedAt.lt(now - KEPT)),
            )
            .exec(&*writing)
            .await?;
        let row = tokens::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            account_id: Set(account.0),
            name: Set(name),
            role: Set(session.role().code().to_owned()),
            scopes: Set(scopes.clone()),
            token_hash: Set(secret.hash()),
            created_at: Set(now),
            expires_at: Set(now + Duration::days(new.days.into())),
            last_used_at: Set(None),
            revoked_at: Set(None),
        };
        tokens::Entity::insert(row).exec_without_returning(&*writing).await?;
        let detail = format!("{scopes} days {}", new.days);
        let subjects = [id.0];
        append(&self.keys, &*writing, session.line("token.create", &subjects).with_detail(detail), now).await?;
        writing.commit().await?;
        Ok((id, secret))
    }

    /// What a token stands for. Wrong ones slow their address down, as wrong passwords do, and are written to the audit: of
    /// the Ente where the token is known, else of the platform.
    ///
    /// # Errors
    /// [`Refused::NoToken`], whatever is wrong with it; [`Refused::Throttled`].
    pub async fn token_access(&self, shown: &str, peer: IpAddr, now: DateTime<Utc>) -> Result<TokenAccess, StoreError> {
        let now = moment(now);
        let address = Counted {
            id: self.keys.throttle.authenticate(&[b"token at address", &address_bytes(peer)]).to_vec(),
            free: FREE_PER_ADDRESS,
            one_forgiven_every: Some(Duration::minutes(2)),
        };
        if let Some(until) = blocked(&self.reading(PLATFORM), &address, now).await? {
            return Err(Refused::Throttled { until }.into());
        }
        let row = match TokenSecret::parse(shown) {
            Some(secret) => {
                let row = tokens::Entity::find().filter(tokens::Column::TokenHash.eq(secret.hash()));
                row.one(&self.directory()).await?
            }
            None => None,
        };
        let known = row.as_ref().map(|row| (EnteId(row.ente_id), row.id));
        let access = match row {
            Some(row) => self.accept(row, now).await?,
            None => None,
        };
        if let Some(access) = access {
            return Ok(access);
        }
        let writing = self.write(PLATFORM).await?;
        if let Some(until) = reserve_one(&writing, &address, now).await? {
            return Err(Refused::Throttled { until }.into());
        }
        writing.commit().await?;
        let (ente, id) = known.unzip();
        let (ente, subjects) = (ente.unwrap_or(PLATFORM), id.as_slice());
        let line = Line { ente, actor: None, action: "token.use", is_refused: true, subjects, detail: None };
        self.note(line, now).await?;
        Err(Refused::NoToken.into())
    }

    /// Writes to the audit that a program asked for what its token does not open.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_token_refusal(
        &self,
        access: &TokenAccess,
        what: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let what: String = what.chars().take(200).collect();
        let (ente, actor) = (access.home(), access.actor());
        let line =
            Line { ente, actor: Some(&actor), action: "refused", is_refused: true, subjects: &[], detail: Some(what) };
        self.note(line, now).await
    }

    /// The tokens of one's own account that are good, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens(&self, session: &Session, now: DateTime<Utc>) -> Result<Vec<TokenRow>, StoreError> {
        self.good_tokens(session.home(), session.account(), now).await
    }

    /// The tokens of an account of the Ente that are good, the newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn tokens_of(
        &self,
        scope: &EnteScope,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<TokenRow>, StoreError> {
        scope.require(Right::ManageAccounts)?;
        found(scope.ente(), account, &self.reading(scope.ente())).await?;
        self.good_tokens(scope.ente(), account, now).await
    }

    /// Revokes a token of one's own account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_token(&self, session: &Session, id: TokenId, now: DateTime<Utc>) -> Result<(), StoreError> {
        session.require_proved()?;
        let subjects = [id.0];
        self.revoke(session.home(), session.account(), id, session.line("token.revoke", &subjects), now).await
    }

    /// Revokes a token of an account of the Ente.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_token_of(
        &self,
        scope: &EnteScope,
        account: AccountId,
        id: TokenId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        let subjects = [id.0, account.0];
        self.revoke(scope.ente(), account, id, Line::done(scope, "token.revoke", &subjects), now).await
    }

    async fn revoke(
        &self,
        ente: EnteId,
        account: AccountId,
        id: TokenId,
        line: Line<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = moment(now);
        let writing = self.write(ente).await?;
        let row = good(ente, account, now).filter(tokens::Column::Id.eq(id.0)).one(&*writing).await?;
        row.ok_or(StoreError::NotFound("token"))?;
        let change = tokens::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            revoked_at: Set(Some(now)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }

    async fn good_tokens(
        &self,
        ente: EnteId,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<TokenRow>, StoreError> {
        let rows = good(ente, account, moment(now))
            .order_by_desc(tokens::Column::CreatedAt)
            .order_by_asc(tokens::Column::Id)
            .all(&self.reading(ente))
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(TokenRow {
                    id: TokenId(row.id),
                    scopes: scopes_of(&row)?,
                    name: row.name,
                    created_at: row.created_at,
                    last_used_at: row.last_used_at,
                    expires_at: row.expires_at,
                })
            })
            .collect()
    }

    /// What a token that is there stands for; nothing when it is over, or its account may not use it.
    async fn accept(&self, row: tokens::Model, now: DateTime<Utc>) -> Result<Option<TokenAccess>, StoreError> {
        let id = EnteId(row.ente_id);
        if row.revoked_at.is_some() || row.expires_at <= now {
            return Ok(None);
        }
        let account = accounts::Entity::find_by_id((row.ente_id, row.account_id)).one(&self.reading(id)).await?;
        let is_usable =
            |account: &accounts::Model| account.is_active && !account.must_change && account.role == row.role;
        let Some(account) = account.filter(is_usable) else { return Ok(None) };
        let damaged = || StoreError::Damaged { table: "accounts", row: account.id.to_string() };
        let role = Role::from_code(&account.role).ok_or_else(damaged)?;
        if role.needs_second_factor() && !is_enrolled(&self.reading(id), id, AccountId(account.id)).await? {
            return Ok(None);
        }
        let place = if id == PLATFORM {
            None
        } else {
            let ente = self.ente_described(id, now).await?;
            if ente.standing == Standing::Closed {
                return Ok(None);
            }
            Some(Place {
                ente,
                unita: account.unita_id.map(UnitaId),
                reach: reach_of(&account)?,
                granted: granted(&self.reading(id), id, AccountId(account.id)).await?,
            })
        };
        if row.last_used_at.is_none_or(|last| last + NOTED_EVERY <= now) {
            let writing = self.write(id).await?;
            tokens::Entity::update_many()
                .col_expr(tokens::Column::LastUsedAt, now.into())
                .filter(tokens::Column::EnteId.eq(row.ente_id))
                .filter(tokens::Column::Id.eq(row.id))
                .exec(&*writing)
                .await?;
            writing.commit().await?;
        }
        let scopes = scopes_of(&row)?;
        Ok(Some(TokenAccess {
            id: TokenId(row.id),
            account: AccountId(account.id),
            role,
            display_name: account.display_name,
            scopes,
            place,
        }))
    }
}

/// Revokes all tokens of an account, within a transaction.
pub(crate) async fn revoke_tokens(
    keys: &PortalKeys,
    writing: &Writing,
    keeping: Keeping<'_>,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let now = moment(now);
    let rows = good(keeping.ente, account, now).order_by_asc(tokens::Column::Id).all(&**writing).await?;
    if rows.is_empty() {
        return Ok(());
    }
    tokens::Entity::update_many()
        .col_expr(tokens::Column::RevokedAt, now.into())
        .filter(tokens::Column::EnteId.eq(keeping.ente.0))
        .filter(tokens::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(&**writing)
        .await?;
    let subjects: Vec<Uuid> = rows.iter().map(|row| row.id).chain([account.0]).collect();
    append(keys, &**writing, keeping.line("token.revoke", &subjects), now).await
}

/// The tokens of an account that are neither over nor revoked.
fn good(ente: EnteId, account: AccountId, now: DateTime<Utc>) -> Select<tokens::Entity> {
    tokens::Entity::find()
        .filter(tokens::Column::EnteId.eq(ente.0))
        .filter(tokens::Column::AccountId.eq(account.0))
        .filter(tokens::Column::RevokedAt.is_null())
        .filter(tokens::Column::ExpiresAt.gt(now))
}

fn scopes_of(row: &tokens::Model) -> Result<BTreeSet<TokenScope>, StoreError> {
    let scopes: Option<BTreeSet<TokenScope>> = row.scopes.split_ascii_whitespace().map(TokenScope::from_code).collect();
    scopes.ok_or_else(|| StoreError::Damaged { table: "tokens", row: row.id.to_string() })
}
