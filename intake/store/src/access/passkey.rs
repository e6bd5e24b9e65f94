//! Passkeys as second factors (WebAuthn, user verification required): a device, or a security key with a PIN, signs a
//! challenge that is good once and for this site alone.
//!
//! What was asked waits in the session's own row, sealed, and is taken from there before an answer is looked at: a challenge
//! is answered once, whichever process answers.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use domain::feed::EnteId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, Set,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs::prelude::{Passkey, PasskeyAuthentication, PasskeyRegistration, Url};
use webauthn_rs::{Webauthn, WebauthnBuilder};
use zeroize::Zeroizing;

use super::Session;
use super::second::{delete_recovery_codes, has_totp, is_enrolled, proved};
use super::session::end_other_sessions;
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, PasskeyId};
use crate::keys::{EnteKeys, context, open, seal};
use crate::open::{Chance, Store, moment, new_id, required, update};
use crate::tables::{passkeys, sessions};
use crate::throttle::forgive;

/// Passkeys that an account may have.
pub const PASSKEYS_MAX: u64 = 10;
/// For how long a challenge can be answered.
const ANSWERED_WITHIN: Duration = Duration::minutes(5);

/// The site that passkeys are made for: a name and its scheme, as browsers see them.
#[derive(Clone)]
pub struct PasskeySite(Webauthn);

impl fmt::Debug for PasskeySite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PasskeySite").field(&self.0.get_allowed_origins()).finish()
    }
}

/// Why no passkey can be made for an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeySiteError {
    /// Not an address with a host's name.
    #[error(
        "{0} is no address that passkeys can be made for: they need a name, such as https://noncello.example.it or http://localhost:8080, and no number"
    )]
    NoName(String),
    /// Browsers make passkeys for `https` and for `localhost` alone.
    #[error("{0} is no address that passkeys can be made for: browsers want https, or localhost")]
    NotSecure(String),
}

impl PasskeySite {
    /// The site with this address.
    ///
    /// # Errors
    /// [`PasskeySiteError`].
    pub fn new(address: &str) -> Result<Self, PasskeySiteError> {
        let no_name = || PasskeySiteError::NoName(address.to_owned());
        let url = Url::parse(address).map_err(|_| no_name())?;
        let name = url.domain().ok_or_else(no_name)?;
        if url.scheme() != "https" && name != "localhost" {
            return Err(PasskeySiteError::NotSecure(address.to_owned()));
        }
        let builder = WebauthnBuilder::new(name, &url).map_err(|_| no_name())?;
        let timeout = ANSWERED_WITHIN.to_std().map_err(|_| no_name())?;
        builder.rp_name("Noncello").timeout(timeout).build().map(Self).map_err(|_| no_name())
    }
}

/// What an authenticator was asked for.
#[derive(Serialize, Deserialize)]
enum Ceremony {
    Enrol(PasskeyRegistration),
    Prove(PasskeyAuthentication),
}

#[derive(Serialize, Deserialize)]
struct Pending {
    ceremony: Ceremony,
    until: DateTime<Utc>,
}

/// A passkey in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Its id.
    pub id: PasskeyId,
    /// The name that its owner gave.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody last logged in with it.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Store {
    /// What the browser asks an authenticator for, to make a passkey for one's own account: JSON, as
    /// `navigator.credentials.create` wants it.
    ///
    /// # Errors
    /// As [`Store::offer_totp`]; [`Refused::PasskeysFull`].
    pub async fn challenge_new_passkey(
        &self,
        session: &Session,
        site: &PasskeySite,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<String, StoreError> {
        session.require_fresh(now)?;
        let known = self.own_passkeys(session).await?;
        if known.len() as u64 >= PASSKEYS_MAX {
            return Err(Refused::PasskeysFull.into());
        }
        let known = known.iter().map(|(_, passkey)| passkey.cred_id().clone()).collect();
        let account = session.account().0;
        let name = session.full_username();
        let (challenge, state) = site
            .0
            .start_passkey_registration(account, &name, session.display_name(), Some(known))
            .map_err(|_| Refused::Passkey)?;
        self.put_ceremony(session, Ceremony::Enrol(state), now, chance).await?;
        serde_json::to_string(&challenge).map_err(|_| Refused::Passkey.into())
    }

    /// Keeps the passkey that an authenticator made. Gives recovery codes, to be shown once, when it is the account's first
    /// second factor; then other sessions of the account end.
    ///
    /// # Errors
    /// [`Refused::Passkey`] when the answer fits no challenge of the last five minutes.
    pub async fn enrol_passkey(
        &self,
        session: &Session,
        site: &PasskeySite,
        name: &str,
        answer: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<Option<Vec<Zeroizing<String>>>, StoreError> {
        session.require_fresh(now)?;
        let name = required("name", name, 60)?;
        let Ceremony::Enrol(state) = self.take_ceremony(session, now).await? else {
            return Err(Refused::Passkey.into());
        };
        let answer = serde_json::from_str(answer).map_err(|_| Refused::Passkey)?;
        let passkey = site.0.finish_passkey_registration(&answer, &state).map_err(|_| Refused::Passkey)?;
        let (home, account) = (session.home(), session.account());
        if self.own_passkeys(session).await?.iter().any(|(_, known)| known.cred_id() == passkey.cred_id()) {
            return Err(Refused::Passkey.into());
        }
        let keys = self.ente_keys(home).await?;
        let now = moment(now);
        let writing = self.write(home).await?;
        let is_first = !is_enrolled(&*writing, home, account).await?;
        let id = new_id(chance);
        let row = passkeys::ActiveModel {
            ente_id: Set(home.0),
            id: Set(id),
            account_id: Set(account.0),
            name: Set(name),
            created_at: Set(now),
            last_used_at: Set(None),
            sealed: Set(sealed(&keys, home, id, &passkey, chance)),
        };
        passkeys::Entity::insert(row).exec_without_returning(&*writing).await?;
        let codes = if is_first {
            end_other_sessions(&writing, session).await?;
            Some(self.put_recovery_codes(&writing, home, account, chance).await?)
        } else {
            None
        };
        proved(&writing, session, now).await?;
        append(&self.keys, &*writing, session.line("account.passkey_added", &[account.0, id]), now).await?;
        writing.commit().await?;
        Ok(codes)
    }

    /// What the browser asks an authenticator for at login: JSON, as `navigator.credentials.get` wants it.
    ///
    /// # Errors
    /// [`Refused::Passkey`] of an account without one.
    pub async fn challenge_passkey(
        &self,
        session: &Session,
        site: &PasskeySite,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<String, StoreError> {
        let known: Vec<Passkey> = self.own_passkeys(session).await?.into_iter().map(|(_, passkey)| passkey).collect();
        let (challenge, state) = site.0.start_passkey_authentication(&known).map_err(|_| Refused::Passkey)?;
        self.put_ceremony(session, Ceremony::Prove(state), now, chance).await?;
        serde_json::to_string(&challenge).map_err(|_| Refused::Passkey.into())
    }

    /// Gives the second factor by a passkey.
    ///
    /// # Errors
    /// [`Refused::Passkey`] when the answer is to no challenge of the last five minutes, or by no passkey of the account;
    /// [`Refused::Throttled`].
    pub async fn prove_passkey(
        &self,
        session: &Session,
        site: &PasskeySite,
        answer: &str,
        peer: IpAddr,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let now = moment(now);
        let (home, account) = (session.home(), session.account());
        let attempt = self.counted("second factor", session.ente_code(), session.username(), peer);
        self.reserve_attempt(&attempt, now).await?;
        let Some((id, passkey)) = self.answering_passkey(session, site, answer, now).await? else {
            let subjects = [account.0];
            let line = Line { is_refused: true, ..session.line("session.second_factor", &subjects) };
            self.note(line.with_detail("passkey"), now).await?;
            return Err(Refused::Passkey.into());
        };
        let keys = self.ente_keys(home).await?;
        let writing = self.write(home).await?;
        let used = passkeys::ActiveModel {
            ente_id: Set(home.0),
            id: Set(id),
            last_used_at: Set(Some(now)),
            sealed: Set(sealed(&keys, home, id, &passkey, chance)),
            ..Default::default()
        };
        update(used, &*writing).await?;
        proved(&writing, session, now).await?;
        forgive(&writing, &attempt, now).await?;
        let subjects = [account.0, id];
        let line = session.line("session.second_factor", &subjects).with_detail("passkey");
        append(&self.keys, &*writing, line, now).await?;
        writing.commit().await
    }

    /// The passkey that answered the challenge which waits, as it is after the answer.
    async fn answering_passkey(
        &self,
        session: &Session,
        site: &PasskeySite,
        answer: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<(Uuid, Passkey)>, StoreError> {
        let state = match self.take_ceremony(session, now).await {
            Ok(Ceremony::Prove(state)) => state,
            Ok(Ceremony::Enrol(_)) | Err(StoreError::Refused(Refused::Passkey)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(answer) = serde_json::from_str(answer) else { return Ok(None) };
        let Ok(result) = site.0.finish_passkey_authentication(&answer, &state) else { return Ok(None) };
        let known = self.own_passkeys(session).await?;
        Ok(known.into_iter().find_map(|(id, mut passkey)| {
            passkey.update_credential(&result)?;
            Some((id, passkey))
        }))
    }

    /// The passkeys of one's own account, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn passkeys(&self, session: &Session) -> Result<Vec<PasskeyRow>, StoreError> {
        let home = session.home();
        let rows = of_account(home, session.account()).all(&self.reading(home)).await?;
        let list = rows.into_iter().map(|row| PasskeyRow {
            id: PasskeyId(row.id),
            name: row.name,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        });
        Ok(list.collect())
    }

    /// Takes a passkey from one's own account; with the last second factor its recovery codes go too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`Refused::SecondFactorNeeded`] when it is the last second factor of a role that cannot do
    /// without.
    pub async fn remove_passkey(&self, session: &Session, id: PasskeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
        session.require_fresh(now)?;
        let (home, account) = (session.home(), session.account());
        let writing = self.write(home).await?;
        let rows = of_account(home, account).lock_exclusive().all(&*writing).await?;
        let others = rows.len().saturating_sub(1);
        let row = rows.into_iter().find(|row| row.id == id.0).ok_or(StoreError::NotFound("passkey"))?;
        let is_last = others == 0 && !has_totp(&*writing, home, account).await?;
        if is_last && session.role().needs_second_factor() {
            return Err(Refused::SecondFactorNeeded.into());
        }
        row.delete(&*writing).await?;
        if is_last {
            delete_recovery_codes(&writing, home, account).await?;
        }
        append(&self.keys, &*writing, session.line("account.passkey_removed", &[account.0, id.0]), now).await?;
        writing.commit().await
    }

    async fn own_passkeys(&self, session: &Session) -> Result<Vec<(Uuid, Passkey)>, StoreError> {
        let home = session.home();
        let keys = self.ente_keys(home).await?;
        let rows = of_account(home, session.account()).all(&self.reading(home)).await?;
        rows.into_iter()
            .map(|row| Ok((row.id, open(&keys.own, &row.sealed, home, "passkeys", "sealed", row.id)?)))
            .collect()
    }

    /// Has a challenge wait for its answer; one that waited already can no longer be answered.
    async fn put_ceremony(
        &self,
        session: &Session,
        ceremony: Ceremony,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(), StoreError> {
        let keys = self.ente_keys(session.home()).await?;
        let pending = Pending { ceremony, until: moment(now) + ANSWERED_WITHIN };
        let place = context(session.home(), "sessions", "ceremony", session.id());
        let writing = self.write(session.home()).await?;
        set_ceremony(&writing, session, Some(seal(&keys.own, &pending, &place, chance))).await?;
        writing.commit().await
    }

    /// The challenge that waits, which nobody answers again.
    async fn take_ceremony(&self, session: &Session, now: DateTime<Utc>) -> Result<Ceremony, StoreError> {
        let (home, id) = (session.home(), session.id());
        let keys = self.ente_keys(home).await?;
        let writing = self.write(home).await?;
        let row = sessions::Entity::find_by_id((home.0, id.0)).lock_exclusive().one(&*writing).await?;
        let waiting = row.and_then(|row| row.ceremony).ok_or(Refused::Passkey)?;
        set_ceremony(&writing, session, None).await?;
        writing.commit().await?;
        let pending: Pending = open(&keys.own, &waiting, home, "sessions", "ceremony", id)?;
        if now < pending.until { Ok(pending.ceremony) } else { Err(Refused::Passkey.into()) }
    }
}

async fn set_ceremony(writing: &Writing, session: &Session, waiting: Option<Vec<u8>>) -> Result<(), StoreError> {
    let change = sessions::ActiveModel {
        ente_id: Set(session.home().0),
        id: Set(session.id().0),
        ceremony: Set(waiting),
        ..Default::default()
    };
    update(change, &**writing).await
}

fn sealed(keys: &EnteKeys, ente: EnteId, id: Uuid, passkey: &Passkey, chance: &mut dyn Chance) -> Vec<u8> {
    seal(&keys.own, passkey, &context(ente, "passkeys", "sealed", id), chance)
}

/// The passkeys of an account, the oldest first.
pub(super) fn of_account(ente: EnteId, account: AccountId) -> Select<passkeys::Entity> {
    passkeys::Entity::find()
        .filter(passkeys::Column::EnteId.eq(ente.0))
        .filter(passkeys::Column::AccountId.eq(account.0))
        .order_by_asc(passkeys::Column::CreatedAt)
        .order_by_asc(passkeys::Column::Id)
}

/// Whether an account has a passkey.
pub(super) async fn has_passkey(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    account: AccountId,
) -> Result<bool, StoreError> {
    Ok(of_account(ente, account).count(connection).await? > 0)
}

/// Takes all passkeys from an account.
pub(super) async fn delete_passkeys(writing: &Writing, ente: EnteId, account: AccountId) -> Result<(), StoreError> {
    passkeys::Entity::delete_many()
        .filter(passkeys::Column::EnteId.eq(ente.0))
        .filter(passkeys::Column::AccountId.eq(account.0))
        .exec(&**writing)
        .await?;
    Ok(())
}

/// The accounts of an Ente that have a passkey.
pub(crate) async fn accounts_with_passkeys(
    connection: &impl ConnectionTrait,
    ente: EnteId,
) -> Result<BTreeSet<Uuid>, StoreError> {
    let rows = passkeys::Entity::find().filter(passkeys::Column::EnteId.eq(ente.0)).all(connection).await?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_a_name_and_is_secure() {
        fn check(address: &str, expected: &str) {
            let made = match PasskeySite::new(address) {
                Ok(_) => "made",
                Err(PasskeySiteError::NoName(_)) => "no name",
                Err(PasskeySiteError::NotSecure(_)) => "not secure",
            };
            assert_eq!(made, expected, "{address}");
        }
        check("https://noncello.example.it", "made");
        check("http://localhost:8080", "made");
        check("http://127.0.0.1:8080", "no name");
        check("https://[::1]/", "no name");
        check("noncello", "no name");
        check("http://noncello.example.it", "not secure");
    }
}
