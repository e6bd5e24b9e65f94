//! Accounts: who may log in, made and reset by administrators.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use domain::feed::{EnteId, UnitaId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::access::{
    Actor, EnteScope, PlatformScope, Reach, Right, Role, SessionRow, accounts_with_passkeys, fold, revoke_tokens,
};
use crate::assessments::AccountName;
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::AccountId;
use crate::keys::folded_words;
use crate::open::{Chance, Store, moment, new_id, required, update};
use crate::passwords::{AcceptedPassword, OneTimePassword};
use crate::tables::{account_rights, accounts, gateway_identities, second_factors, sessions, unita};

/// For how long a one-time password is good.
pub(crate) const ONE_TIME: Duration = Duration::hours(72);

/// An administrator who has logged in since so long ago administers the Ente.
const ADMINISTERED: Duration = Duration::days(30);

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Unique in its Ente, whatever the case of its letters.
    pub username: String,
    /// As pages show it.
    pub display_name: String,
    /// What it is for.
    pub role: Role,
    /// The unità, if it belongs to one.
    pub unita: Option<UnitaId>,
    /// Which persone it reaches: less than the whole Ente is for operators alone.
    pub reach: Reach,
}

/// What an administrator changes of an account.
#[derive(Clone, Debug)]
pub struct AccountChange {
    /// As pages show it.
    pub display_name: String,
    /// The unità, if it belongs to one.
    pub unita: Option<UnitaId>,
    /// Which persone it reaches.
    pub reach: Reach,
    /// The rights of [`Right::GRANTED`] that it has.
    pub granted: BTreeSet<Right>,
}

/// An account, as its administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its username.
    pub username: String,
    /// As pages show it.
    pub display_name: String,
    /// What it is for.
    pub role: Role,
    /// The unità, if it belongs to one.
    pub unita: Option<UnitaId>,
    /// Which persone it reaches.
    pub reach: Reach,
    /// The rights of [`Right::GRANTED`] that it has.
    pub granted: BTreeSet<Right>,
    /// Whether it has a second factor.
    pub has_second_factor: bool,
    /// Whether an identity that a gateway vouches for is linked to it.
    pub is_gateway_linked: bool,
    /// Whether it may log in.
    pub is_active: bool,
    /// Whether the password must be changed at the next login.
    pub must_change: bool,
    /// Until when a one-time password is good.
    pub one_time_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last logged in.
    pub last_login_at: Option<DateTime<Utc>>,
}

/// Whose accounts somebody keeps: an Ente's, or those of one role of the platform.
#[derive(Clone, Copy)]
pub(crate) struct Keeping<'a> {
    pub(crate) ente: EnteId,
    pub(crate) actor: &'a Actor,
    /// Accounts of another role are as absent; `None` for all.
    pub(crate) role: Option<Role>,
}

impl<'a> Keeping<'a> {
    /// All of an Ente's.
    pub(crate) fn of(scope: &'a EnteScope) -> Self {
        Self { ente: scope.ente(), actor: scope.actor(), role: None }
    }

    pub(crate) fn line(self, action: &'static str, subjects: &'a [Uuid]) -> Line<'a> {
        Line { ente: self.ente, actor: Some(self.actor), action, is_refused: false, subjects, detail: None }
    }

    /// One of them.
    pub(crate) async fn found(
        self,
        id: AccountId,
        connection: &impl ConnectionTrait,
    ) -> Result<accounts::Model, StoreError> {
        let row = found(self.ente, id, connection).await?;
        let is_kept = self.role.is_none_or(|role| row.role == role.code());
        if is_kept { Ok(row) } else { Err(StoreError::NotFound("account")) }
    }
}

impl NewAccount {
    /// An account of no unità, which reaches all that its role does.
    pub(crate) fn plain(username: &str, display_name: &str, role: Role) -> Self {
        Self {
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            role,
            unita: None,
            reach: Reach::Ente,
        }
    }

    /// An administrator of an Ente.
    pub(crate) fn administrator(username: &str, display_name: &str) -> Self {
        Self::plain(username, display_name, Role::EnteAdministrator)
    }

    /// The same with what forms write into it put in order.
    pub(crate) fn checked(&self) -> Result<Self, Refused> {
        let username = username(&self.username)?;
        let display_name = required("display_name", &self.display_name, 100)?;
        fitting_reach(self.role, self.reach, self.unita)?;
        Ok(Self { username, display_name, ..self.clone() })
    }
}

impl Account {
    /// Whether each word of a text begins a word of the name or of the username; case and accents do not matter, and nothing
    /// fits everybody.
    #[must_use]
    pub fn is_named(&self, text: &str) -> bool {
        let own: Vec<String> =
            [&self.display_name, &self.username].into_iter().flat_map(|text| folded_words(text)).collect();
        folded_words(text).iter().all(|word| own.iter().any(|own| own.starts_with(word.as_str())))
    }
}

impl Store {
    /// Makes an account of the Ente with a one-time password (72 hours).
    ///
    /// # Errors
    /// Username taken or malformed, a role that is not an Ente's, no right.
    pub async fn create_account(
        &self,
        scope: &EnteScope,
        new: &NewAccount,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(AccountId, OneTimePassword), StoreError> {
        scope.require(Right::ManageAccounts)?;
        of_an_ente(new.role)?;
        let password = OneTimePassword::generate(chance);
        let id =
            self.insert_account(scope.ente(), scope.actor(), new, &password.0, Some(ONE_TIME), now, chance).await?;
        Ok((id, password))
    }

    /// Makes an account of the Ente with a password that need not be changed: for the demo, from the command line alone.
    ///
    /// # Errors
    /// As [`Store::create_account`].
    pub async fn create_account_with_password(
        &self,
        scope: &EnteScope,
        new: &NewAccount,
        password: &AcceptedPassword,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AccountId, StoreError> {
        scope.require(Right::ManageAccounts)?;
        of_an_ente(new.role)?;
        only_command_line(scope.actor())?;
        self.insert_account(scope.ente(), scope.actor(), new, &password.0, None, now, chance).await
    }

    /// Makes an account that belongs to no Ente, with a one-time password.
    ///
    /// # Errors
    /// As [`Store::create_account`]; a role of an Ente.
    pub async fn create_platform_account(
        &self,
        scope: &PlatformScope,
        new: &NewAccount,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(AccountId, OneTimePassword), StoreError> {
        scope.require(Right::ManageEnti)?;
        of_the_platform(new)?;
        let password = OneTimePassword::generate(chance);
        let id = self.insert_account(PLATFORM, scope.actor(), new, &password.0, Some(ONE_TIME), now, chance).await?;
        Ok((id, password))
    }

    /// As [`Store::create_account_with_password`], for an account that belongs to no Ente.
    ///
    /// # Errors
    /// As [`Store::create_platform_account`].
    pub async fn create_platform_account_with_password(
        &self,
        scope: &PlatformScope,
        new: &NewAccount,
        password: &AcceptedPassword,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AccountId, StoreError> {
        scope.require(Right::ManageEnti)?;
        of_the_platform(new)?;
        only_command_line(scope.actor())?;
        self.insert_account(PLATFORM, scope.actor(), new, &password.0, None, now, chance).await
    }

    /// Makes the administrator of an Ente, with a one-time password: the one account that the platform gives to an Ente.
    ///
    /// # Errors
    /// [`Refused::Administered`] while an administrator of the Ente has logged in, or was made, in the last thirty days; as
    /// [`Store::create_account`].
    pub async fn create_ente_administrator(
        &self,
        scope: &PlatformScope,
        ente: EnteId,
        username: &str,
        display_name: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(AccountId, OneTimePassword), StoreError> {
        scope.require(Right::ManageEnti)?;
        if ente == PLATFORM {
            return Err(StoreError::NotFound("Ente"));
        }
        let new = NewAccount::administrator(username, display_name);
        // Where somebody administers the Ente, the platform gives itself no way in.
        let since = moment(now) - ADMINISTERED;
        let administrators = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(ente.0))
            .filter(accounts::Column::Role.eq(Role::EnteAdministrator.code()))
            .filter(accounts::Column::IsActive.eq(true))
            .all(&self.reading(ente))
            .await?;
        if administrators.iter().any(|row| row.last_login_at.unwrap_or(row.created_at) > since) {
            return Err(Refused::Administered.into());
        }
        let password = OneTimePassword::generate(chance);
        let id = self.insert_account(ente, scope.actor(), &new, &password.0, Some(ONE_TIME), now, chance).await?;
        self.note(Line::on_platform(scope, "account.create", &[ente.0, id.0]), now).await?;
        Ok((id, password))
    }

    /// The Ente's accounts, by username.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn accounts(&self, scope: &EnteScope) -> Result<Vec<Account>, StoreError> {
        scope.require(Right::ManageAccounts)?;
        self.accounts_of(scope.ente()).await
    }

    /// One account of the Ente.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn account(&self, scope: &EnteScope, id: AccountId) -> Result<Account, StoreError> {
        scope.require(Right::ManageAccounts)?;
        let mut accounts = self.accounts_of(scope.ente()).await?;
        let place = accounts.iter().position(|account| account.id == id).ok_or(StoreError::NotFound("account"))?;
        Ok(accounts.swap_remove(place))
    }

    /// The accounts that belong to no Ente, by username.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn platform_accounts(&self, scope: &PlatformScope) -> Result<Vec<Account>, StoreError> {
        scope.require(Right::ManageEnti)?;
        self.accounts_of(PLATFORM).await
    }

    /// How many accounts each Ente has (active ones), by role; `None` is the platform.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn account_counts(
        &self,
        scope: &PlatformScope,
    ) -> Result<BTreeMap<(Option<EnteId>, Role), u64>, StoreError> {
        scope.require(Right::ManageEnti)?;
        let rows: Vec<(uuid::Uuid, String, i64)> = accounts::Entity::find()
            .select_only()
            .column(accounts::Column::EnteId)
            .column(accounts::Column::Role)
            .column_as(accounts::Column::Id.count(), "count")
            .filter(accounts::Column::IsActive.eq(true))
            .group_by(accounts::Column::EnteId)
            .group_by(accounts::Column::Role)
            .into_tuple()
            .all(&self.directory())
            .await?;
        rows.into_iter()
            .map(|(ente, role, count)| {
                let damaged = || StoreError::Damaged { table: "accounts", row: ente.to_string() };
                let role = Role::from_code(&role).ok_or_else(damaged)?;
                let count = u64::try_from(count).map_err(|_| damaged())?;
                Ok((((ente != PLATFORM.0).then_some(EnteId(ente)), role), count))
            })
            .collect()
    }

    /// Changes name, unità, reach and given rights of an account; they hold from its next request on. Its tokens are revoked when
    /// it goes to another unità.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a reach below the Ente for who is no operator, or of an unità for who has none; rights that
    /// are not given by name.
    pub async fn update_account(
        &self,
        scope: &EnteScope,
        id: AccountId,
        change: &AccountChange,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        let now = moment(now);
        let ente = scope.ente();
        let display_name = required("display_name", &change.display_name, 100)?;
        if !change.granted.iter().all(|right| right.code().is_some()) {
            return Err(Refused::RightNotGiven.into());
        }
        let writing = self.write(ente).await?;
        let row = found(scope.ente(), id, &*writing).await?;
        unita_exists(ente, change.unita, &*writing).await?;
        fitting_reach(role_of(&row)?, change.reach, change.unita)?;
        let model = accounts::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            display_name: Set(display_name),
            unita_id: Set(change.unita.map(|unita| unita.0)),
            reach: Set(change.reach.code().to_owned()),
            ..Default::default()
        };
        update(model, &*writing).await?;
        if row.unita_id != change.unita.map(|unita| unita.0) {
            revoke_tokens(&self.keys, &writing, Keeping::of(scope), id, now).await?;
        }
        let before = granted(&*writing, ente, id).await?;
        for right in before.difference(&change.granted) {
            account_rights::Entity::delete_many()
                .filter(account_rights::Column::EnteId.eq(ente.0))
                .filter(account_rights::Column::AccountId.eq(id.0))
                .filter(account_rights::Column::Right.eq(right.code().unwrap_or_default()))
                .exec(&*writing)
                .await?;
        }
        for right in change.granted.difference(&before) {
            let row = account_rights::ActiveModel {
                ente_id: Set(ente.0),
                account_id: Set(id.0),
                right: Set(right.code().unwrap_or_default().to_owned()),
                granted_at: Set(now),
                granted_by: Set(scope.account_id().map(|account| account.0)),
            };
            account_rights::Entity::insert(row).exec_without_returning(&*writing).await?;
        }
        let rights: Vec<&str> = change.granted.iter().filter_map(|right| right.code()).collect();
        let detail = format!("reach {} rights {}", change.reach.code(), rights.join(" "));
        append(&self.keys, &*writing, Line::done(scope, "account.update", &[id.0]).with_detail(detail), now).await?;
        writing.commit().await
    }

    /// The sessions of an account of the Ente that are not over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn sessions_of(
        &self,
        scope: &EnteScope,
        id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionRow>, StoreError> {
        scope.require(Right::ManageAccounts)?;
        found(scope.ente(), id, &self.reading(scope.ente())).await?;
        self.open_sessions(scope.ente(), id, now).await
    }

    /// Ends all sessions of an account of the Ente.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn end_sessions_of(
        &self,
        scope: &EnteScope,
        id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        let writing = self.write(scope.ente()).await?;
        found(scope.ente(), id, &*writing).await?;
        end_sessions(scope.ente(), id, &*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, "session.end_all", &[id.0]), now).await?;
        writing.commit().await
    }

    /// Lets an account log in, or no longer: then its sessions end and its tokens are revoked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; one's own account.
    pub async fn set_account_active(
        &self,
        scope: &EnteScope,
        id: AccountId,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        if scope.account_id() == Some(id) {
            return Err(Refused::Oneself.into());
        }
        self.switch_account(Keeping::of(scope), id, is_active, now).await
    }

    /// What suspending an account, or taking it up again, comes to, whoever keeps it.
    pub(crate) async fn switch_account(
        &self,
        keeping: Keeping<'_>,
        id: AccountId,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let writing = self.write(keeping.ente).await?;
        keeping.found(id, &*writing).await?;
        let change = accounts::ActiveModel {
            ente_id: Set(keeping.ente.0),
            id: Set(id.0),
            is_active: Set(is_active),
            ..Default::default()
        };
        update(change, &*writing).await?;
        end_sessions(keeping.ente, id, &*writing).await?;
        revoke_tokens(&self.keys, &writing, keeping, id, now).await?;
        let action = if is_active { "account.activate" } else { "account.suspend" };
        append(&self.keys, &*writing, keeping.line(action, &[id.0]), now).await?;
        writing.commit().await
    }

    /// A new one-time password; the account's sessions end, and its tokens are revoked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn reset_password(
        &self,
        scope: &EnteScope,
        id: AccountId,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<OneTimePassword, StoreError> {
        scope.require(Right::ManageAccounts)?;
        self.renew_password(Keeping::of(scope), id, now, chance).await
    }

    /// What a new one-time password comes to, whoever keeps the account.
    pub(crate) async fn renew_password(
        &self,
        keeping: Keeping<'_>,
        id: AccountId,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<OneTimePassword, StoreError> {
        let now = moment(now);
        let password = OneTimePassword::generate(chance);
        let hash = self.hash_password(&password.0, chance).await?;
        let writing = self.write(keeping.ente).await?;
        keeping.found(id, &*writing).await?;
        let change = accounts::ActiveModel {
            ente_id: Set(keeping.ente.0),
            id: Set(id.0),
            password_hash: Set(hash),
            must_change: Set(true),
            one_time_until: Set(Some(now + ONE_TIME)),
            ..Default::default()
        };
        update(change, &*writing).await?;
        end_sessions(keeping.ente, id, &*writing).await?;
        revoke_tokens(&self.keys, &writing, keeping, id, now).await?;
        append(&self.keys, &*writing, keeping.line("account.reset_password", &[id.0]), now).await?;
        writing.commit().await?;
        Ok(password)
    }

    #[expect(clippy::too_many_arguments, reason = "what the public ways of making an account have in common")]
    pub(crate) async fn insert_account(
        &self,
        ente: EnteId,
        actor: &Actor,
        new: &NewAccount,
        password: &str,
        one_time: Option<Duration>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AccountId, StoreError> {
        let new = new.checked()?;
        let hash = self.hash_password(password, chance).await?;
        self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        let id = self.insert_account_within(&writing, ente, actor, &new, hash, one_time, moment(now), chance).await?;
        writing.commit().await?;
        Ok(id)
    }

    /// Puts in a checked account, in a transaction that has turned to the Ente.
    #[expect(clippy::too_many_arguments, reason = "the fields of one row and its line of the audit")]
    pub(crate) async fn insert_account_within(
        &self,
        writing: &Writing,
        ente: EnteId,
        actor: &Actor,
        new: &NewAccount,
        hash: String,
        one_time: Option<Duration>,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<AccountId, StoreError> {
        let id = AccountId(new_id(chance));
        unita_exists(ente, new.unita, &**writing).await?;
        let taken = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(ente.0))
            .filter(accounts::Column::UsernameFolded.eq(fold(&new.username)))
            .one(&**writing)
            .await?;
        if taken.is_some() {
            return Err(Refused::UsernameTaken.into());
        }
        let row = accounts::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(id.0),
            username_folded: Set(fold(&new.username)),
            username: Set(new.username.clone()),
            display_name: Set(new.display_name.clone()),
            role: Set(new.role.code().to_owned()),
            unita_id: Set(new.unita.map(|unita| unita.0)),
            password_hash: Set(hash),
            must_change: Set(one_time.is_some()),
            one_time_until: Set(one_time.map(|for_how_long| now + for_how_long)),
            is_active: Set(true),
            created_at: Set(now),
            last_login_at: Set(None),
            reach: Set(new.reach.code().to_owned()),
        };
        accounts::Entity::insert(row).exec_without_returning(&**writing).await?;
        let line = Line {
            ente,
            actor: Some(actor),
            action: "account.create",
            is_refused: false,
            subjects: &[id.0],
            detail: Some(new.role.code().to_owned()),
        };
        append(&self.keys, &**writing, line, now).await?;
        Ok(id)
    }

    /// The Ente's operators who may log in, by name: to whom a persona can be given to follow.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn operators(&self, scope: &EnteScope) -> Result<Vec<AccountName>, StoreError> {
        scope.require(Right::SeePersone)?;
        let rows = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(scope.ente().0))
            .filter(accounts::Column::IsActive.eq(true))
            .filter(accounts::Column::Role.eq(Role::Operator.code()))
            .order_by_asc(accounts::Column::DisplayName)
            .order_by_asc(accounts::Column::Id)
            .all(&self.reading(scope.ente()))
            .await?;
        Ok(rows.into_iter().map(|row| AccountName { id: AccountId(row.id), display_name: row.display_name }).collect())
    }

    /// The names of an Ente's accounts, by id.
    pub(crate) async fn account_names(&self, ente: EnteId) -> Result<BTreeMap<Uuid, String>, StoreError> {
        let rows =
            accounts::Entity::find().filter(accounts::Column::EnteId.eq(ente.0)).all(&self.reading(ente)).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.display_name)).collect())
    }

    pub(crate) async fn accounts_of(&self, ente: EnteId) -> Result<Vec<Account>, StoreError> {
        let rows = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(ente.0))
            .order_by_asc(accounts::Column::UsernameFolded)
            .all(&self.reading(ente))
            .await?;
        let reading = &self.reading(ente);
        let mut enrolled = accounts_with_passkeys(reading, ente).await?;
        let with_totp =
            second_factors::Entity::find().filter(second_factors::Column::EnteId.eq(ente.0)).all(reading).await?;
        enrolled.extend(with_totp.into_iter().map(|row| row.account_id));
        let linked: BTreeSet<Uuid> = gateway_identities::Entity::find()
            .filter(gateway_identities::Column::EnteId.eq(ente.0))
            .all(reading)
            .await?
            .into_iter()
            .map(|row| row.account_id)
            .collect();
        let mut rights: BTreeMap<Uuid, BTreeSet<Right>> = BTreeMap::new();
        for row in account_rights::Entity::find().filter(account_rights::Column::EnteId.eq(ente.0)).all(reading).await?
        {
            rights.entry(row.account_id).or_default().insert(right_of(&row)?);
        }
        rows.into_iter()
            .map(|row| {
                Ok(Account {
                    id: AccountId(row.id),
                    role: role_of(&row)?,
                    reach: reach_of(&row)?,
                    granted: rights.remove(&row.id).unwrap_or_default(),
                    has_second_factor: enrolled.contains(&row.id),
                    is_gateway_linked: linked.contains(&row.id),
                    username: row.username,
                    display_name: row.display_name,
                    unita: row.unita_id.map(UnitaId),
                    is_active: row.is_active,
                    must_change: row.must_change,
                    one_time_until: row.one_time_until,
                    created_at: row.created_at,
                    last_login_at: row.last_login_at,
                })
            })
            .collect()
    }
}

fn damaged(row: Uuid) -> StoreError {
    StoreError::Damaged { table: "accounts", row: row.to_string() }
}

pub(crate) fn role_of(row: &accounts::Model) -> Result<Role, StoreError> {
    Role::from_code(&row.role).ok_or_else(|| damaged(row.id))
}

pub(crate) fn reach_of(row: &accounts::Model) -> Result<Reach, StoreError> {
    Reach::from_code(&row.reach).ok_or_else(|| damaged(row.id))
}

fn right_of(row: &account_rights::Model) -> Result<Right, StoreError> {
    Right::from_code(&row.right).ok_or_else(|| damaged(row.account_id))
}

/// The rights that an account was given by name.
pub(crate) async fn granted(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    account: AccountId,
) -> Result<BTreeSet<Right>, StoreError> {
    let rows = account_rights::Entity::find()
        .filter(account_rights::Column::EnteId.eq(ente.0))
        .filter(account_rights::Column::AccountId.eq(account.0))
        .all(connection)
        .await?;
    rows.iter().map(right_of).collect()
}

/// Less than the whole Ente is for operators, and an unità's for who is of one.
fn fitting_reach(role: Role, reach: Reach, unita: Option<UnitaId>) -> Result<(), Refused> {
    let fits = match reach {
        Reach::Ente => true,
        Reach::Unita => role == Role::Operator && unita.is_some(),
        Reach::Own => role == Role::Operator,
    };
    if fits { Ok(()) } else { Err(Refused::Reach) }
}

fn of_an_ente(role: Role) -> Result<(), Refused> {
    if role.is_of_an_ente() { Ok(()) } else { Err(Refused::RoleMisplaced) }
}

fn of_the_platform(new: &NewAccount) -> Result<(), Refused> {
    if new.role.is_of_an_ente() || new.unita.is_some() { Err(Refused::RoleMisplaced) } else { Ok(()) }
}

pub(crate) fn only_command_line(actor: &Actor) -> Result<(), Refused> {
    match actor {
        Actor::CommandLine { .. } => Ok(()),
        Actor::Account { .. } | Actor::Token { .. } => Err(Refused::NotAllowed(Right::ManageAccounts)),
    }
}

fn username(given: &str) -> Result<String, Refused> {
    let trimmed = given.trim();
    let fits = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_' | '-' | '@');
    if (3..=64).contains(&trimmed.chars().count()) && trimmed.chars().all(fits) {
        Ok(trimmed.to_owned())
    } else {
        Err(Refused::UsernameForm)
    }
}

pub(crate) async fn found(
    ente: EnteId,
    id: AccountId,
    connection: &impl ConnectionTrait,
) -> Result<accounts::Model, StoreError> {
    let row = accounts::Entity::find_by_id((ente.0, id.0)).one(connection).await?;
    row.ok_or(StoreError::NotFound("account"))
}

pub(crate) async fn end_sessions(
    ente: EnteId,
    id: AccountId,
    connection: &impl ConnectionTrait,
) -> Result<(), StoreError> {
    sessions::Entity::delete_many()
        .filter(sessions::Column::EnteId.eq(ente.0))
        .filter(sessions::Column::AccountId.eq(id.0))
        .exec(connection)
        .await?;
    Ok(())
}

pub(crate) async fn unita_exists(
    ente: EnteId,
    id: Option<UnitaId>,
    connection: &impl ConnectionTrait,
) -> Result<(), StoreError> {
    if let Some(id) = id {
        let row = unita::Entity::find_by_id((ente.0, id.0)).one(connection).await?;
        row.ok_or(StoreError::NotFound("unità"))?;
    }
    Ok(())
}
