//! Who follows a persona: the account and the unità whose case it is. Accounts that reach less than the whole Ente see no
//! others.

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, UnitaId};
use sea_orm::{EntityTrait, Set};

use super::{group, seen_one, usable};
use crate::access::{EnteScope, Right};
use crate::accounts::{found, unita_exists};
use crate::audit::{Line, append};
use crate::database::Writing;
use crate::error::StoreError;
use crate::ids::{AccountId, PersonaId};
use crate::open::{Store, moment};
use crate::tables::persona_cases;

/// Who follows a persona.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Follows {
    /// The account, if somebody in particular does.
    pub account: Option<AccountId>,
    /// The unità, if one does.
    pub unita: Option<UnitaId>,
}

impl Follows {
    fn of(row: &persona_cases::Model) -> Self {
        Self { account: row.account_id.map(AccountId), unita: row.unita_id.map(UnitaId) }
    }
}

impl Store {
    /// Who follows a persona.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; no right.
    pub async fn who_follows(&self, scope: &EnteScope, id: PersonaId) -> Result<Follows, StoreError> {
        scope.require(Right::SeePersone)?;
        let reading = &self.reading(scope.ente());
        seen_one(reading, scope, id).await?;
        let row = persona_cases::Entity::find_by_id((scope.ente().0, id.0)).one(reading).await?;
        Ok(row.as_ref().map_or_else(Follows::default, Follows::of))
    }

    /// Gives a persona to another account or unità to follow; the persona's own data do not change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] of persona, account or unità; no right.
    pub async fn assign_persona(
        &self,
        scope: &EnteScope,
        id: PersonaId,
        follows: Follows,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(Right::Assign)?;
        let now = moment(now);
        let ente = scope.ente();
        let writing = self.write(ente).await?;
        usable(&*writing, scope, id).await?;
        if let Some(account) = follows.account
            && !found(ente, account, &*writing).await?.is_active
        {
            return Err(StoreError::NotFound("account"));
        }
        unita_exists(ente, follows.unita, &*writing).await?;
        // Whoever was merged into them goes along.
        for persona in group(&*writing, ente, id).await? {
            put(&writing, ente, persona, follows, now).await?;
        }
        let mut subjects = vec![id.0];
        subjects.extend(follows.account.map(|account| account.0));
        subjects.extend(follows.unita.map(|unita| unita.0));
        append(&self.keys, &*writing, Line::done(scope, "persona.assign", &subjects), now).await?;
        writing.commit().await
    }
}

/// Has a persona who was merged followed by whoever follows the one that goes on.
pub(super) async fn follow_along(
    writing: &Writing,
    ente: EnteId,
    from: PersonaId,
    into: PersonaId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match persona_cases::Entity::find_by_id((ente.0, into.0)).one(&**writing).await? {
        Some(row) => put(writing, ente, from, Follows::of(&row), now).await,
        None => {
            persona_cases::Entity::delete_by_id((ente.0, from.0)).exec(&**writing).await?;
            Ok(())
        }
    }
}

/// Writes down who follows a persona.
pub(super) async fn put(
    writing: &Writing,
    ente: EnteId,
    persona: PersonaId,
    follows: Follows,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    persona_cases::Entity::delete_by_id((ente.0, persona.0)).exec(&**writing).await?;
    let row = persona_cases::ActiveModel {
        ente_id: Set(ente.0),
        persona_id: Set(persona.0),
        account_id: Set(follows.account.map(|account| account.0)),
        unita_id: Set(follows.unita.map(|unita| unita.0)),
        since: Set(now),
    };
    persona_cases::Entity::insert(row).exec_without_returning(&**writing).await?;
    Ok(())
}
