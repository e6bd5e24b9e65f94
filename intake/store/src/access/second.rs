//! The second factor: codes of an authenticator (TOTP, RFC 6238: SHA-1, six digits, thirty seconds), each good once, and
//! recovery codes for the day on which the authenticator is lost. Administrators cannot do without. Passkeys are in `passkey`.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Select, Set};
use serde::{Deserialize, Serialize};
use totp_rs::Totp;
use zeroize::Zeroizing;

use super::passkey::{delete_passkeys, has_passkey};
use super::session::end_other_sessions;
use super::token::revoke_tokens;
use super::{Actor, EnteScope, PlatformScope, Right, Session};
use crate::accounts::{Keeping, end_sessions, found, only_command_line};
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::AccountId;
use crate::keys::{EnteKeys, context, open, seal};
use crate::open::{Chance, Store, moment, new_id, update};
use crate::passwords::{in_groups, same};
use crate::tables::{recovery_codes, second_factors, sessions};
use crate::throttle::forgive;

/// Bytes of a secret: as many as the digest has.
const SECRET_BYTES: usize = 20;
/// Recovery codes that an account is given.
const RECOVERY_CODES: usize = 10;
/// For how long an offer can be taken up.
const OFFERED_FOR: Duration = Duration::minutes(15);

/// How far a session has come with the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// The account has none and needs none.
    NotAsked,
    /// The role asks for one and the account has none: nothing else is possible.
    MustEnrol,
    /// The account has one, and this session has not given it.
    MustProve,
    /// Given.
    Proved,
}

/// The second factors that an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactors {
    /// An authenticator that shows codes.
    pub totp: bool,
    /// A passkey at least.
    pub passkey: bool,
}

/// A secret that an account may take up by giving a code of it.
pub struct TotpOffer {
    /// What the form carries: the secret, sealed for this account and for a quarter of an hour.
    pub sealed: String,
    /// The secret as people type it: base 32.
    pub secret: Zeroizing<String>,
    /// The address that authenticators read from a QR code.
    pub uri: Zeroizing<String>,
}

#[derive(Serialize, Deserialize)]
struct Offered {
    secret: [u8; SECRET_BYTES],
    until: DateTime<Utc>,
}

/// Whose second factor it is, in the context of what is sealed.
fn place(ente: EnteId, account: AccountId) -> String {
    format!("{ente}|{account}")
}

/// Where the secret of an account's authenticator stands.
pub(crate) fn totp_context(ente: EnteId, account: AccountId) -> String {
    context(ente, "second_factors", "sealed", place(ente, account))
}

fn totp(secret: &[u8; SECRET_BYTES], name: &str) -> Totp {
    // A colon parts the issuer from the name in the address.
    let name = name.replace(':', " ");
    totp_rs::Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(name)
        .with_issuer(Some("Noncello"))
        .build()
        .expect("twenty bytes, six digits and a name without a colon are what the RFC wants")
}

/// A secret as people type it: base 32.
#[must_use]
pub fn totp_secret(secret: &[u8; SECRET_BYTES]) -> String {
    totp(secret, "").secret().to_base32()
}

/// The code that an authenticator with this secret (base 32, spaces do not matter) shows at an instant; `None` when it is no
/// secret of twenty bytes.
#[must_use]
pub fn totp_code(secret: &str, at: DateTime<Utc>) -> Option<String> {
    let typed: String = secret.chars().filter(|character| !character.is_whitespace()).collect();
    let secret = totp_rs::Secret::try_from_base32(typed.to_uppercase()).ok()?;
    let bytes: [u8; SECRET_BYTES] = secret.as_bytes().try_into().ok()?;
    Some(totp(&bytes, "").generate(u64::try_from(at.timestamp()).ok()?).to_string())
}

/// The step whose code this is, if it is one of now, of the step before or of the next.
fn step_of(secret: &[u8; SECRET_BYTES], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let seconds = u64::try_from(now.timestamp()).ok()?;
    i64::try_from(totp(secret, "").check(code, seconds)?).ok()
}

/// A code as it was typed, without what people put between its parts.
fn typed(code: &str) -> String {
    code.chars().filter(|character| character.is_ascii_alphanumeric()).collect::<String>().to_lowercase()
}

impl Store {
    /// A new secret for one's own account; nothing changes until a code of it is given to [`Store::enrol_totp`].
    ///
    /// # Errors
    /// A session that has a second factor and has not given it, or whose password was not given for ten minutes.
    pub async fn offer_totp(
        &self,
        session: &Session,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<TotpOffer, StoreError> {
        session.require_fresh(now)?;
        let keys = self.ente_keys(session.home()).await?;
        let mut secret = [0; SECRET_BYTES];
        chance.fill_bytes(&mut secret);
        let totp = totp(&secret, &session.full_username());
        let offered = Offered { secret, until: moment(now) + OFFERED_FOR };
        let place = context(session.home(), "second_factors", "offer", place(session.home(), session.account()));
        Ok(TotpOffer {
            sealed: hex::encode(seal(&keys.own, &offered, &place, chance)),
            secret: Zeroizing::new(totp.secret().to_base32()),
            uri: Zeroizing::new(totp.to_url().map_err(|_| Refused::SecondFactor)?),
        })
    }

    /// Takes up an offer by a code of it: from now on the account logs in with a second factor. Gives new recovery codes, to
    /// be shown once; other sessions of the account end.
    ///
    /// # Errors
    /// [`Refused::SecondFactor`] when the code does not fit or the offer is too old.
    pub async fn enrol_totp(
        &self,
        session: &Session,
        offer: &str,
        code: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Vec<Zeroizing<String>>, StoreError> {
        session.require_fresh(now)?;
        let now = moment(now);
        let (home, account) = (session.home(), session.account());
        let keys = self.ente_keys(home).await?;
        let sealed = hex::decode(offer).map_err(|_| Refused::SecondFactor)?;
        let offered: Offered = open(&keys.own, &sealed, home, "second_factors", "offer", place(home, account))
            .map_err(|_| Refused::SecondFactor)?;
        let step = step_of(&offered.secret, &typed(code), now).filter(|_| now < offered.until);
        let step = step.ok_or(Refused::SecondFactor)?;
        let writing = self.write(home).await?;
        put_totp(&writing, &keys, home, account, &offered.secret, step, now, chance).await?;
        let codes = self.put_recovery_codes(&writing, home, account, chance).await?;
        end_other_sessions(&writing, session).await?;
        proved(&writing, session, now).await?;
        append(&self.keys, &*writing, session.line("account.second_factor_enrolled", &[account.0]), now).await?;
        writing.commit().await?;
        Ok(codes)
    }

    /// Gives the second factor: a code of the authenticator, or a recovery code. Each is good once.
    ///
    /// # Errors
    /// [`Refused::SecondFactor`], [`Refused::Throttled`].
    pub async fn prove_second_factor(
        &self,
        session: &Session,
        code: &str,
        peer: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = moment(now);
        let (home, account) = (session.home(), session.account());
        let attempt = self.counted("second factor", session.ente_code(), session.username(), peer);
        self.reserve_attempt(&attempt, now).await?;
        let code = typed(code);
        let keys = self.ente_keys(home).await?;
        let writing = self.write(home).await?;
        let way = if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
            use_totp(&writing, &keys, home, account, &code, now).await?.then_some("totp")
        } else {
            self.use_recovery_code(&writing, home, account, &code, now).await?.then_some("recovery code")
        };
        let Some(way) = way else {
            drop(writing);
            let subjects = [account.0];
            let line = Line { is_refused: true, ..session.line("session.second_factor", &subjects) };
            self.note(line, now).await?;
            return Err(Refused::SecondFactor.into());
        };
        proved(&writing, session, now).await?;
        forgive(&writing, &attempt, now).await?;
        let subjects = [account.0];
        let line = session.line("session.second_factor", &subjects).with_detail(way);
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }

    /// New recovery codes for one's own account, to be shown once; the old ones are good for nothing.
    ///
    /// # Errors
    /// As [`Store::offer_totp`]; [`Refused::SecondFactor`] without one.
    pub async fn renew_recovery_codes(
        &self,
        session: &Session,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Vec<Zeroizing<String>>, StoreError> {
        session.require_fresh(now)?;
        let (home, account) = (session.home(), session.account());
        if !is_enrolled(&self.reading(home), home, account).await? {
            return Err(Refused::SecondFactor.into());
        }
        let writing = self.write(home).await?;
        let codes = self.put_recovery_codes(&writing, home, account, chance).await?;
        append(&self.keys, &*writing, session.line("account.recovery_codes", &[account.0]), now).await?;
        writing.commit().await?;
        Ok(codes)
    }

    /// The second factors of one's own account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn second_factors(&self, session: &Session) -> Result<SecondFactors, StoreError> {
        let (home, account) = (session.home(), session.account());
        let reading = &self.reading(home);
        let totp = has_totp(reading, home, account).await?;
        Ok(SecondFactors { totp, passkey: has_passkey(reading, home, account).await? })
    }

    /// How many recovery codes of one's own account are still good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recovery_codes_left(&self, session: &Session) -> Result<u64, StoreError> {
        let home = session.home();
        Ok(unused_codes(home, session.account()).count(&self.reading(home)).await?)
    }

    /// Takes all second factors from one's own account, where the role can do without.
    ///
    /// # Errors
    /// As [`Store::offer_totp`]; [`Refused::SecondFactorNeeded`].
    pub async fn drop_second_factor(&self, session: &Session, now: DateTime<Utc>) -> Result<(), StoreError> {
        session.require_fresh(now)?;
        if session.role().needs_second_factor() {
            return Err(Refused::SecondFactorNeeded.into());
        }
        let writing = self.write(session.home()).await?;
        remove(&writing, session.home(), session.account()).await?;
        append(&self.keys, &*writing, session.line("account.second_factor_removed", &[session.account().0]), now)
            .await?;
        writing.commit().await
    }

    /// Takes all second factors from an account of the Ente whose authenticators are lost; its sessions end, and its tokens are revoked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; one's own account.
    pub async fn reset_second_factor(
        &self,
        scope: &EnteScope,
        id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        if scope.account_id() == Some(id) {
            return Err(Refused::Oneself.into());
        }
        self.take_second_factor(Keeping::of(scope), id, now).await
    }

    /// What taking the second factor from an account comes to, whoever keeps it.
    pub(crate) async fn take_second_factor(
        &self,
        keeping: Keeping<'_>,
        id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let writing = self.write(keeping.ente).await?;
        keeping.found(id, &*writing).await?;
        remove(&writing, keeping.ente, id).await?;
        end_sessions(keeping.ente, id, &*writing).await?;
        revoke_tokens(&self.keys, &writing, keeping, id, now).await?;
        append(&self.keys, &*writing, keeping.line("account.second_factor_removed", &[id.0]), now).await?;
        writing.commit().await
    }

    /// Gives an account of the Ente a secret that is known already: for the demo and for tests, from the command line alone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; an actor who is no command line.
    pub async fn set_totp(
        &self,
        scope: &EnteScope,
        id: AccountId,
        secret: &[u8; SECRET_BYTES],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        self.set_totp_of(scope.ente(), scope.actor(), id, secret, now, chance).await
    }

    /// As [`Store::set_totp`], for an account that belongs to no Ente.
    ///
    /// # Errors
    /// As [`Store::set_totp`].
    pub async fn set_platform_totp(
        &self,
        scope: &PlatformScope,
        id: AccountId,
        secret: &[u8; SECRET_BYTES],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageEnti)?;
        self.set_totp_of(PLATFORM, scope.actor(), id, secret, now, chance).await
    }

    async fn set_totp_of(
        &self,
        ente: EnteId,
        actor: &Actor,
        id: AccountId,
        secret: &[u8; SECRET_BYTES],
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        only_command_line(actor)?;
        let now = moment(now);
        let keys = self.ente_keys(ente).await?;
        let writing = self.write(ente).await?;
        found(ente, id, &*writing).await?;
        put_totp(&writing, &keys, ente, id, secret, 0, now, chance).await?;
        let line = Line {
            ente,
            actor: Some(actor),
            action: "account.second_factor_enrolled",
            is_refused: false,
            subjects: &[id.0],
            detail: None,
        };
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }

    pub(super) async fn put_recovery_codes(
        &self,
        writing: &Writing,
        ente: EnteId,
        account: AccountId,
        chance: &mut dyn Chance,
    ) -> Result<Vec<Zeroizing<String>>, StoreError> {
        delete_recovery_codes(writing, ente, account).await?;
        // Twelve characters each: 59 bits.
        let codes: Vec<Zeroizing<String>> = (0..RECOVERY_CODES).map(|_| in_groups(3, 4, chance)).collect();
        let rows = codes.iter().map(|code| recovery_codes::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(new_id(chance)),
            account_id: Set(account.0),
            digest: Set(self.recovery_digest(ente, account, &typed(code))),
            used_at: Set(None),
        });
        let rows: Vec<_> = rows.collect();
        recovery_codes::Entity::insert_many(rows).exec_without_returning(&**writing).await?;
        Ok(codes)
    }

    /// Under a key, although sixty bits could stand without.
    fn recovery_digest(&self, ente: EnteId, account: AccountId, code: &str) -> Vec<u8> {
        let parts: [&[u8]; 4] = [b"recovery code", ente.0.as_bytes(), account.0.as_bytes(), code.as_bytes()];
        self.keys.throttle.authenticate(&parts).to_vec()
    }

    async fn use_recovery_code(
        &self,
        writing: &Writing,
        ente: EnteId,
        account: AccountId,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let digest = self.recovery_digest(ente, account, code);
        let rows = unused_codes(ente, account).lock_exclusive().all(&**writing).await?;
        let Some(row) = rows.into_iter().find(|row| same(&row.digest, &digest)) else { return Ok(false) };
        let used = recovery_codes::ActiveModel {
            ente_id: Set(ente.0),
            id: Set(row.id),
            used_at: Set(Some(now)),
            ..Default::default()
        };
        update(used, &**writing).await?;
        Ok(true)
    }
}

/// Puts a secret in the place of the one that the account has, if it has one.
#[expect(clippy::too_many_arguments, reason = "the fields of one row")]
async fn put_totp(
    writing: &Writing,
    keys: &EnteKeys,
    ente: EnteId,
    account: AccountId,
    secret: &[u8; SECRET_BYTES],
    last_step: i64,
    now: DateTime<Utc>,
    chance: &mut dyn Chance,
) -> Result<(), StoreError> {
    second_factors::Entity::delete_by_id((ente.0, account.0)).exec(&**writing).await?;
    let place = totp_context(ente, account);
    let row = second_factors::ActiveModel {
        ente_id: Set(ente.0),
        account_id: Set(account.0),
        since: Set(now),
        last_step: Set(last_step),
        sealed: Set(seal(&keys.own, secret, &place, chance)),
    };
    second_factors::Entity::insert(row).exec_without_returning(&**writing).await?;
    Ok(())
}

/// Whether it is a code of the account's authenticator that was not used; then it is used now.
async fn use_totp(
    writing: &Writing,
    keys: &EnteKeys,
    ente: EnteId,
    account: AccountId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let row = second_factors::Entity::find_by_id((ente.0, account.0)).lock_exclusive().one(&**writing).await?;
    let Some(row) = row else { return Ok(false) };
    let secret: [u8; SECRET_BYTES] =
        open(&keys.own, &row.sealed, ente, "second_factors", "sealed", place(ente, account))?;
    let Some(step) = step_of(&secret, code, now).filter(|step| *step > row.last_step) else { return Ok(false) };
    let used = second_factors::ActiveModel {
        ente_id: Set(ente.0),
        account_id: Set(account.0),
        last_step: Set(step),
        ..Default::default()
    };
    update(used, &**writing).await?;
    Ok(true)
}

/// The recovery codes of an account that are still good.
fn unused_codes(ente: EnteId, account: AccountId) -> Select<recovery_codes::Entity> {
    recovery_codes::Entity::find()
        .filter(recovery_codes::Column::EnteId.eq(ente.0))
        .filter(recovery_codes::Column::AccountId.eq(account.0))
        .filter(recovery_codes::Column::UsedAt.is_null())
}

pub(super) async fn proved(writing: &Writing, session: &Session, now: DateTime<Utc>) -> Result<(), StoreError> {
    let change = sessions::ActiveModel {
        ente_id: Set(session.home().0),
        id: Set(session.id().0),
        second_at: Set(Some(now)),
        ..Default::default()
    };
    update(change, &**writing).await
}

pub(super) async fn delete_recovery_codes(
    writing: &Writing,
    ente: EnteId,
    account: AccountId,
) -> Result<(), StoreError> {
    recovery_codes::Entity::delete_many()
        .filter(recovery_codes::Column::EnteId.eq(ente.0))
        .filter(recovery_codes::Column::AccountId.eq(account.0))
        .exec(&**writing)
        .await?;
    Ok(())
}

async fn remove(writing: &Writing, ente: EnteId, account: AccountId) -> Result<(), StoreError> {
    delete_recovery_codes(writing, ente, account).await?;
    delete_passkeys(writing, ente, account).await?;
    second_factors::Entity::delete_by_id((ente.0, account.0)).exec(&**writing).await?;
    Ok(())
}

/// Whether an account has a second factor.
pub(super) async fn is_enrolled(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    account: AccountId,
) -> Result<bool, StoreError> {
    Ok(has_totp(connection, ente, account).await? || has_passkey(connection, ente, account).await?)
}

/// Whether an account has an authenticator that shows codes.
pub(super) async fn has_totp(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    account: AccountId,
) -> Result<bool, StoreError> {
    Ok(second_factors::Entity::find_by_id((ente.0, account.0)).one(connection).await?.is_some())
}
