//! Identities that a gateway vouches for, by OpenID Connect (SPID, CIE): linked to an account beforehand, by whoever holds it
//! or administers the Ente, and never made by a login. One human may hold accounts in several Enti, and chooses.
//!
//! Of an identity a keyed digest is stored: the subject may be a codice fiscale. The conversation with the gateway is the
//! portal's.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{EnteScope, NewSession, Right, Role, Session};
use crate::accounts::{end_sessions, found};
use crate::audit::{Line, append};
use crate::database::{PLATFORM, Writing};
use crate::error::{Refused, StoreError};
use crate::ids::AccountId;
use crate::open::{Chance, Store, moment, required, update};
use crate::passwords::same;
use crate::tables::{accounts, gateway_identities};
use crate::throttle::forgive;

/// How a session that a gateway opened is marked.
const WAY: &str = "gateway";

/// Who somebody is, as a gateway says. Prints redacted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayIdentity {
    issuer: String,
    subject: String,
}

impl fmt::Debug for GatewayIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayIdentity").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl GatewayIdentity {
    /// Issuer and subject, which together are somebody's for ever (OpenID Connect Core 1.0, section 5.7).
    ///
    /// # Errors
    /// [`Refused::TextForm`] of an empty subject, or of more than 255 characters (section 2).
    pub fn new(issuer: &str, subject: &str) -> Result<Self, Refused> {
        let subject = required("subject", subject, 255)?;
        Ok(Self { issuer: issuer.to_owned(), subject })
    }
}

/// An account that an identity opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayAccount {
    /// Which.
    pub id: AccountId,
    /// The name of its Ente today; `None` on the platform.
    pub ente_name: Option<String>,
    /// Its name, as pages show it.
    pub display_name: String,
    /// Its role.
    pub role: Role,
}

#[derive(Serialize, Deserialize)]
struct Carried<T> {
    value: T,
    until: DateTime<Utc>,
}

impl Store {
    /// Seals what the browser carries for the portal from one page to the next: for one purpose, until an instant.
    pub fn carry(
        &self,
        value: &impl Serialize,
        purpose: &str,
        until: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> String {
        self.keys.seal_carried(&Carried { value, until }, purpose, chance)
    }

    /// What [`Store::carry`] sealed for the same purpose, if its time is not over.
    #[must_use]
    pub fn carried<T: DeserializeOwned>(&self, text: &str, purpose: &str, now: DateTime<Utc>) -> Option<T> {
        let carried: Carried<T> = self.keys.open_carried(text, purpose)?;
        (now < carried.until).then_some(carried.value)
    }

    /// Counts an attempt from an address at what a gateway answers.
    ///
    /// # Errors
    /// [`Refused::Throttled`].
    pub async fn reserve_gateway_attempt(&self, peer: IpAddr, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.reserve_attempt(&self.counted_by_address(WAY, peer), moment(now)).await
    }

    /// Gives back the attempt that an address was right to make.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forgive_gateway_attempt(&self, peer: IpAddr, now: DateTime<Utc>) -> Result<(), StoreError> {
        let writing = self.write(PLATFORM).await?;
        forgive(&writing, &self.counted_by_address(WAY, peer), moment(now)).await?;
        writing.commit().await
    }

    /// The accounts that an identity opens, those of the platform first.
    ///
    /// # Errors
    /// [`Refused::Credentials`] when there is none; the platform's audit says so.
    pub async fn gateway_accounts(
        &self,
        identity: &GatewayIdentity,
        now: DateTime<Utc>,
    ) -> Result<Vec<GatewayAccount>, StoreError> {
        let links = gateway_identities::Entity::find()
            .filter(gateway_identities::Column::Digest.eq(self.digest(identity)))
            .order_by_asc(gateway_identities::Column::EnteId)
            .order_by_asc(gateway_identities::Column::AccountId)
            .all(&self.directory())
            .await?;
        let mut opened = Vec::new();
        for link in links {
            let ente = EnteId(link.ente_id);
            let account =
                accounts::Entity::find_by_id((link.ente_id, link.account_id)).one(&self.reading(ente)).await?;
            let Some(account) = account.filter(|account| account.is_active) else { continue };
            let ente_name = if ente == PLATFORM { None } else { Some(self.ente_described(ente, now).await?.name) };
            opened.push(GatewayAccount {
                id: AccountId(account.id),
                ente_name,
                role: crate::accounts::role_of(&account)?,
                display_name: account.display_name,
            });
        }
        if opened.is_empty() {
            self.note_failed_login(PLATFORM, &[], now).await?;
            return Err(Refused::Credentials.into());
        }
        Ok(opened)
    }

    /// Logs in with an identity to one of the accounts that it opens. The gateway was asked for two factors: none is asked for
    /// here.
    ///
    /// # Errors
    /// [`Refused::Credentials`] when the identity does not open the account.
    pub async fn login_by_gateway(
        &self,
        identity: &GatewayIdentity,
        account: AccountId,
        peer: IpAddr,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<NewSession, StoreError> {
        let now = moment(now);
        let digest = self.digest(identity);
        let link = gateway_identities::Entity::find()
            .filter(gateway_identities::Column::Digest.eq(digest.clone()))
            .filter(gateway_identities::Column::AccountId.eq(account.0))
            .one(&self.directory())
            .await?
            .ok_or(Refused::Credentials)?;
        let ente = EnteId(link.ente_id);
        let own = (link.ente_id, link.account_id);
        let row = accounts::Entity::find_by_id(own).one(&self.reading(ente)).await?.ok_or(Refused::Credentials)?;
        let begun = self.begin(&row, Some(WAY), now, chance).await?;
        let writing = self.write(ente).await?;
        // The link may have been taken away, or the account closed, meanwhile.
        let is_active = accounts::Entity::find_by_id(own).one(&*writing).await?.is_some_and(|row| row.is_active);
        let is_linked = link_of(&*writing, ente, account).await?.is_some_and(|link| same(&link.digest, &digest));
        if !is_active || !is_linked {
            drop(writing);
            self.note_failed_login(ente, &[account.0], now).await?;
            return Err(Refused::Credentials.into());
        }
        forgive(&writing, &self.counted_by_address(WAY, peer), now).await?;
        let used = gateway_identities::ActiveModel {
            ente_id: Set(ente.0),
            account_id: Set(account.0),
            last_used_at: Set(Some(now)),
            ..Default::default()
        };
        update(used, &*writing).await?;
        self.keep(writing, begun, now).await
    }

    /// Shows again, by the gateway, who holds a session: as [`Store::confirm_password`].
    ///
    /// # Errors
    /// [`Refused::Credentials`] when it is somebody else's identity.
    pub async fn confirm_by_gateway(
        &self,
        session: &Session,
        identity: &GatewayIdentity,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        session.require_proved()?;
        let now = moment(now);
        let link = link_of(&self.reading(session.home()), session.home(), session.account()).await?;
        if !link.is_some_and(|link| same(&link.digest, &self.digest(identity))) {
            self.note_failed_login(session.home(), &[session.account().0], now).await?;
            return Err(Refused::Credentials.into());
        }
        self.confirmed(session, "session.gateway_confirmed", now).await
    }

    /// Links an identity to one's own account, in place of the one that is linked.
    ///
    /// # Errors
    /// As [`Store::offer_totp`].
    pub async fn link_gateway(
        &self,
        session: &Session,
        identity: &GatewayIdentity,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        session.require_fresh(now)?;
        let now = moment(now);
        let (home, account) = (session.home(), session.account());
        let writing = self.write(home).await?;
        self.put_link(&writing, home, account, identity, now).await?;
        append(&self.keys, &*writing, session.line("account.gateway_linked", &[account.0]), now).await?;
        writing.commit().await
    }

    /// Takes the identity from one's own account.
    ///
    /// # Errors
    /// As [`Store::offer_totp`].
    pub async fn unlink_gateway(&self, session: &Session, now: DateTime<Utc>) -> Result<(), StoreError> {
        session.require_fresh(now)?;
        let (home, account) = (session.home(), session.account());
        let writing = self.write(home).await?;
        gateway_identities::Entity::delete_by_id((home.0, account.0)).exec(&*writing).await?;
        append(&self.keys, &*writing, session.line("account.gateway_unlinked", &[account.0]), now).await?;
        writing.commit().await
    }

    /// Whether an identity is linked to one's own account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_gateway_linked(&self, session: &Session) -> Result<bool, StoreError> {
        Ok(link_of(&self.reading(session.home()), session.home(), session.account()).await?.is_some())
    }

    /// Links an identity to an account of the Ente, or takes the one away that is linked; the account's sessions end.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; one's own account.
    pub async fn set_gateway_of(
        &self,
        scope: &EnteScope,
        account: AccountId,
        identity: Option<&GatewayIdentity>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::ManageAccounts)?;
        if scope.account_id() == Some(account) {
            return Err(Refused::Oneself.into());
        }
        let now = moment(now);
        let ente = scope.ente();
        let writing = self.write(ente).await?;
        found(ente, account, &*writing).await?;
        let action = match identity {
            Some(identity) => {
                self.put_link(&writing, ente, account, identity, now).await?;
                "account.gateway_linked"
            }
            None => {
                gateway_identities::Entity::delete_by_id((ente.0, account.0)).exec(&*writing).await?;
                "account.gateway_unlinked"
            }
        };
        end_sessions(ente, account, &*writing).await?;
        append(&self.keys, &*writing, Line::done(scope, action, &[account.0]), now).await?;
        writing.commit().await
    }

    async fn put_link(
        &self,
        writing: &Writing,
        ente: EnteId,
        account: AccountId,
        identity: &GatewayIdentity,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        gateway_identities::Entity::delete_by_id((ente.0, account.0)).exec(&**writing).await?;
        let row = gateway_identities::ActiveModel {
            ente_id: Set(ente.0),
            account_id: Set(account.0),
            digest: Set(self.digest(identity)),
            linked_at: Set(now),
            last_used_at: Set(None),
        };
        gateway_identities::Entity::insert(row).exec_without_returning(&**writing).await?;
        Ok(())
    }

    fn digest(&self, identity: &GatewayIdentity) -> Vec<u8> {
        self.keys.gateway_digest(&identity.issuer, &identity.subject)
    }
}

async fn link_of(
    connection: &impl ConnectionTrait,
    ente: EnteId,
    account: AccountId,
) -> Result<Option<gateway_identities::Model>, StoreError> {
    Ok(gateway_identities::Entity::find_by_id((ente.0, account.0)).one(connection).await?)
}
