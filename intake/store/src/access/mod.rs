//! Who may do what: roles, rights, and the scopes that every query asks for. Logging in and sessions are in `session`, second
//! factors in `second` and `passkey`, identities that a gateway vouches for in `gateway`, tokens for programs in `token`.
//!
//! The only module that makes an [`EnteScope`] or a [`PlatformScope`]: from a session whose role has the right, from a
//! token that was given it, or for the command line, which is written to the audit first. Sessions and tokens of an Ente's
//! account never give a platform's scope, nor the reverse.
//!
//! A scope is given:
//!
//! ```
//! fn of(session: &store::Session) -> Result<store::EnteScope, store::StoreError> {
//!     session.scope(store::Right::SeePersone)
//! }
//! ```
//!
//! It cannot be made: its fields are private.
//!
//! ```compile_fail,E0451
//! fn of(ente: domain::feed::EnteId, actor: store::Actor) -> store::EnteScope {
//!     store::EnteScope { ente, actor, reach: store::Reach::Ente, unita: None, granted: Default::default(), only: None, may_write: true }
//! }
//! ```

mod gateway;
mod passkey;
mod second;
mod session;
mod token;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::feed::{EnteId, UnitaId};
use sea_orm::EntityTrait;

use crate::audit::Line;
use crate::error::{Refused, StoreError};
use crate::ids::{AccountId, TokenId};
use crate::open::{Store, required};
use crate::tables::enti;

pub use gateway::{GatewayAccount, GatewayIdentity};
pub(crate) use passkey::accounts_with_passkeys;
pub use passkey::{PASSKEYS_MAX, PasskeyRow, PasskeySite, PasskeySiteError};
pub(crate) use second::totp_context;
pub use second::{SecondFactor, SecondFactors, TotpOffer, totp_code, totp_secret};
pub(crate) use session::fold;
pub use session::{Credentials, NewSession, Session, SessionRow, SessionToken};
pub(crate) use token::revoke_tokens;
pub use token::{NewToken, TOKEN_DAYS_MAX, TokenAccess, TokenRow, TokenScope, TokenSecret};

/// What an account is for. Platform, research and Ente accounts are separate even for the same human.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Admits Enti; belongs to none; sees no persona.
    PlatformAdministrator,
    /// Manages the accounts of an Ente, searches, imports, extracts.
    EnteAdministrator,
    /// Assesses persone.
    Operator,
    /// Reads the Ente's dashboards.
    Manager,
    /// Reads the Ente's dashboards and asks by SQL.
    Analyst,
    /// Builds anonymous datasets; belongs to no Ente.
    ResearchOfficer,
    /// Uses the anonymous datasets of its projects, for a university; belongs to no Ente.
    UniversityPartner,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 7] = [
        Self::PlatformAdministrator,
        Self::EnteAdministrator,
        Self::Operator,
        Self::Manager,
        Self::Analyst,
        Self::ResearchOfficer,
        Self::UniversityPartner,
    ];

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::PlatformAdministrator => "platform_administrator",
            Self::EnteAdministrator => "ente_administrator",
            Self::Operator => "operator",
            Self::Manager => "manager",
            Self::Analyst => "analyst",
            Self::ResearchOfficer => "research_officer",
            Self::UniversityPartner => "university_partner",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Whether accounts of the role belong to an Ente.
    #[must_use]
    pub const fn is_of_an_ente(self) -> bool {
        match self {
            Self::PlatformAdministrator | Self::ResearchOfficer | Self::UniversityPartner => false,
            Self::EnteAdministrator | Self::Operator | Self::Manager | Self::Analyst => true,
        }
    }

    /// Whether accounts of the role cannot do without a second factor.
    #[must_use]
    pub const fn needs_second_factor(self) -> bool {
        match self {
            Self::PlatformAdministrator | Self::EnteAdministrator | Self::ResearchOfficer | Self::UniversityPartner => {
                true
            }
            Self::Operator | Self::Manager | Self::Analyst => false,
        }
    }

    /// Whether the role has a right.
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match right {
            Right::SeePersone => matches!(self, Self::EnteAdministrator | Self::Operator),
            Right::Assess | Right::SeeOwnWork => matches!(self, Self::Operator),
            Right::ManageAccounts | Right::Import | Right::Erase => matches!(self, Self::EnteAdministrator),
            Right::Assign => matches!(self, Self::EnteAdministrator | Self::Operator),
            // Of no role: given to an account by name.
            Right::ExtractPseudonymous | Right::ExtractIdentified => false,
            Right::SeeEnte => self.is_of_an_ente(),
            Right::SeeDashboards => matches!(self, Self::Manager | Self::Analyst),
            Right::Query => matches!(self, Self::Analyst),
            Right::ManageEnti => matches!(self, Self::PlatformAdministrator),
            Right::Release => matches!(self, Self::ResearchOfficer),
            Right::UseReleases => matches!(self, Self::ResearchOfficer | Self::UniversityPartner),
        }
    }
}

/// What a scope may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Of an Ente: its name, comuni, unità.
    SeeEnte,
    /// Of an Ente: persone and their questionnaires, to read.
    SeePersone,
    /// Of an Ente: one's own drafts and questionnaires, to read.
    SeeOwnWork,
    /// Of an Ente: enter and change persone, drafts, questionnaires.
    Assess,
    /// Of an Ente: accounts and unità.
    ManageAccounts,
    /// Of an Ente: bring in questionnaires.
    Import,
    /// Of an Ente: say who follows a persona.
    Assign,
    /// Of an Ente: take out its own data in bulk, without identities.
    ExtractPseudonymous,
    /// Of an Ente: take out its own data in bulk, with names and codes.
    ExtractIdentified,
    /// Of an Ente: restrict and erase persone.
    Erase,
    /// Of an Ente: dashboards.
    SeeDashboards,
    /// Of an Ente: SQL on its marts.
    Query,
    /// Of the platform: Enti and their administrators.
    ManageEnti,
    /// Of the platform: make anonymous datasets, and say who may use them.
    Release,
    /// Of the platform: read the anonymous datasets of one's projects.
    UseReleases,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 15] = [
        Self::SeeEnte,
        Self::SeePersone,
        Self::SeeOwnWork,
        Self::Assess,
        Self::ManageAccounts,
        Self::Import,
        Self::Assign,
        Self::ExtractPseudonymous,
        Self::ExtractIdentified,
        Self::Erase,
        Self::SeeDashboards,
        Self::Query,
        Self::ManageEnti,
        Self::Release,
        Self::UseReleases,
    ];

    /// The rights that are given to an account by name, whatever its role.
    pub const GRANTED: [Self; 2] = [Self::ExtractPseudonymous, Self::ExtractIdentified];

    /// Whether it enters anything: that needs an agreement in force. What a person may ask of the Ente does not.
    #[must_use]
    pub const fn writes(self) -> bool {
        match self {
            Self::Assess | Self::Import | Self::Assign => true,
            Self::SeeEnte
            | Self::SeePersone
            | Self::SeeOwnWork
            | Self::ManageAccounts
            | Self::ExtractPseudonymous
            | Self::ExtractIdentified
            | Self::Erase
            | Self::SeeDashboards
            | Self::Query
            | Self::ManageEnti
            | Self::Release
            | Self::UseReleases => false,
        }
    }

    /// Whether it is of the platform: no scope of an Ente has it, and no other right is a platform scope's.
    #[must_use]
    pub const fn is_of_the_platform(self) -> bool {
        match self {
            Self::ManageEnti | Self::Release | Self::UseReleases => true,
            Self::SeeEnte
            | Self::SeePersone
            | Self::SeeOwnWork
            | Self::Assess
            | Self::ManageAccounts
            | Self::Import
            | Self::Assign
            | Self::ExtractPseudonymous
            | Self::ExtractIdentified
            | Self::Erase
            | Self::SeeDashboards
            | Self::Query => false,
        }
    }

    /// The code under which a right of [`Right::GRANTED`] is stored; `None` of the others.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::ExtractPseudonymous => Some("extract_pseudonymous"),
            Self::ExtractIdentified => Some("extract_identified"),
            Self::SeeEnte
            | Self::SeePersone
            | Self::SeeOwnWork
            | Self::Assess
            | Self::ManageAccounts
            | Self::Import
            | Self::Assign
            | Self::Erase
            | Self::SeeDashboards
            | Self::Query
            | Self::ManageEnti
            | Self::Release
            | Self::UseReleases => None,
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::GRANTED.into_iter().find(|right| right.code() == Some(code))
    }
}

/// Which persone an account reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Those it follows itself.
    Own,
    /// Those that its unità follows, and its own.
    Unita,
    /// All of the Ente.
    Ente,
}

impl Reach {
    /// All, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Own, Self::Unita, Self::Ente];

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Unita => "unita",
            Self::Ente => "ente",
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reach| reach.code() == code)
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody logged in.
    Account {
        /// Their account.
        id: AccountId,
        /// Its role.
        role: Role,
    },
    /// A program in somebody's name.
    Token {
        /// Their account.
        id: AccountId,
        /// Its role.
        role: Role,
        /// What the program showed.
        token: TokenId,
    },
    /// Somebody at the machine.
    CommandLine {
        /// The name they gave, or the system's.
        name: String,
    },
}

impl Actor {
    fn require(&self, right: Right) -> Result<(), Refused> {
        match self {
            Self::Account { role, .. } | Self::Token { role, .. } if role.may(right) => Ok(()),
            Self::Account { .. } | Self::Token { .. } => Err(Refused::NotAllowed(right)),
            Self::CommandLine { .. } => Ok(()),
        }
    }
}

/// Permission to reach the data of one Ente. Only this module makes one.
#[derive(Clone, Debug)]
pub struct EnteScope {
    ente: EnteId,
    actor: Actor,
    reach: Reach,
    unita: Option<UnitaId>,
    granted: BTreeSet<Right>,
    /// A program's: this right alone.
    only: Option<Right>,
    may_write: bool,
}

/// Permission to reach what belongs to no Ente: the list of Enti, platform accounts. Only this module makes one.
#[derive(Clone, Debug)]
pub struct PlatformScope {
    actor: Actor,
    /// A program's: this right alone.
    only: Option<Right>,
}

impl EnteScope {
    /// The Ente.
    #[must_use]
    pub fn ente(&self) -> EnteId {
        self.ente
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Each query asks once more: a scope given for one right opens nothing that the role may not.
    pub(crate) fn require(&self, right: Right) -> Result<(), Refused> {
        if right.writes() && !self.may_write {
            return Err(Refused::NoAgreement);
        }
        if self.only.is_some_and(|only| only != right) {
            return Err(Refused::NotAllowed(right));
        }
        if self.granted.contains(&right) { Ok(()) } else { self.actor.require(right) }
    }

    /// Which persone it reaches.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The unità of the account that acts.
    #[must_use]
    pub fn unita(&self) -> Option<UnitaId> {
        self.unita
    }

    /// The account that acts, if it is one.
    pub(crate) fn account_id(&self) -> Option<AccountId> {
        match &self.actor {
            Actor::Account { id, .. } | Actor::Token { id, .. } => Some(*id),
            Actor::CommandLine { .. } => None,
        }
    }
}

impl PlatformScope {
    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// As [`EnteScope::require`].
    pub(crate) fn require(&self, right: Right) -> Result<(), Refused> {
        if self.only.is_some_and(|only| only != right) {
            return Err(Refused::NotAllowed(right));
        }
        self.actor.require(right)
    }
}

impl Store {
    /// A scope for the command line; who and why is written to the Ente's audit before it is given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such Ente, [`crate::Refused::ReasonMissing`].
    pub async fn command_line(
        &self,
        ente: EnteId,
        actor: &str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<EnteScope, StoreError> {
        let row = enti::Entity::find_by_id(ente.0)
            .one(&self.reading(ente))
            .await?
            .filter(|row| !row.is_platform)
            .ok_or(StoreError::NotFound("Ente"))?;
        let may_write = self.standing(ente, row.closed_at, now).await?.may_write();
        let actor = command_line_actor(actor)?;
        let granted = BTreeSet::new();
        let scope = EnteScope { ente, actor, reach: Reach::Ente, unita: None, granted, only: None, may_write };
        let reason = command_line_reason(reason)?;
        self.note(Line::done(&scope, "command_line", &[]).with_detail(reason), now).await?;
        Ok(scope)
    }

    /// The platform's scope for the command line, audited likewise.
    ///
    /// # Errors
    /// [`crate::Refused::ReasonMissing`].
    pub async fn command_line_platform(
        &self,
        actor: &str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<PlatformScope, StoreError> {
        let scope = PlatformScope { actor: command_line_actor(actor)?, only: None };
        let reason = command_line_reason(reason)?;
        self.note(Line::on_platform(&scope, "command_line", &[]).with_detail(reason), now).await?;
        Ok(scope)
    }
}

fn command_line_actor(name: &str) -> Result<Actor, StoreError> {
    Ok(Actor::CommandLine { name: required("actor", name, 100)? })
}

fn command_line_reason(reason: &str) -> Result<String, StoreError> {
    required("reason", reason, 500).map_err(|_| Refused::ReasonMissing.into())
}
