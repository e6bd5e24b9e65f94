//! An Ente is admitted: the Ente with its keys, its first agreement, its administrator, and the expression of interest that it
//! answers, all in one transaction. Half an Ente would be one that nobody could log in to, under a code that is taken.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;

use crate::access::{PlatformScope, Right};
use crate::accounts::{NewAccount, ONE_TIME};
use crate::agreements::NewAgreement;
use crate::audit::{Line, append};
use crate::database::PLATFORM;
use crate::enti::NewEnte;
use crate::error::StoreError;
use crate::ids::InterestId;
use crate::interests::InterestState;
use crate::open::{Chance, Store, moment, new_id};
use crate::passwords::OneTimePassword;

/// What an Ente is admitted with.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The Ente.
    pub ente: NewEnte,
    /// Its first agreement.
    pub agreement: NewAgreement,
    /// Its administrator's username.
    pub username: String,
    /// Its administrator's name.
    pub display_name: String,
    /// The expression of interest that is answered by this.
    pub interest: Option<InterestId>,
}

impl Store {
    /// Admits an Ente; gives the one-time password of its administrator.
    ///
    /// # Errors
    /// Code taken; a code, username, name or agreement that cannot be; [`StoreError::NotFound`] for an expression of interest
    /// that is not there or was decided; no right. Nothing is left behind.
    pub async fn admit(
        &self,
        scope: &PlatformScope,
        admission: &Admission,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(EnteId, OneTimePassword), StoreError> {
        scope.require(Right::ManageEnti)?;
        let now = moment(now);
        let agreement = admission.agreement.checked()?;
        let administrator = NewAccount::administrator(&admission.username, &admission.display_name).checked()?;
        let new = self.checked_ente(&admission.ente).await?;
        let platform_keys = self.ente_keys(PLATFORM).await?;
        let password = OneTimePassword::generate(chance);
        let hash = self.hash_password(&password.0, chance).await?;
        let ente = EnteId(new_id(chance));
        let writing = self.write(PLATFORM).await?;
        if let Some(interest) = admission.interest {
            let admitted = InterestState::Admitted;
            self.decide_within(&writing, scope, &platform_keys, interest, admitted, now, chance).await?;
        }
        writing.turn_to(ente).await?;
        self.insert_new_ente(&writing, scope, ente, &new, now, chance).await?;
        writing.turn_to(ente).await?;
        self.insert_agreement(&writing, scope, ente, &agreement, now, chance).await?;
        writing.turn_to(ente).await?;
        let one_time = Some(ONE_TIME);
        let actor = scope.actor();
        let account =
            self.insert_account_within(&writing, ente, actor, &administrator, hash, one_time, now, chance).await?;
        writing.turn_to(PLATFORM).await?;
        let subjects = [ente.0, account.0];
        append(&self.keys, &*writing, Line::on_platform(scope, "account.create", &subjects), now).await?;
        writing.commit().await?;
        Ok((ente, password))
    }
}
