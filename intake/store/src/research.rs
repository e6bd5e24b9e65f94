//! What the research area has of the portal: the accounts of the research office and of universities, and what the platform's
//! audit tells of work on anonymous datasets. Projects, requests and datasets are elsewhere: nothing of them is here.
//!
//! Each kind of account is kept by the role above it and by no other: who manages Enti keeps the office's, the office keeps
//! the partners'. An account of another role is as absent.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::access::{PlatformScope, Right, Role};
use crate::accounts::{Account, Keeping, NewAccount, ONE_TIME};
use crate::assessments::AccountName;
use crate::audit::Line;
use crate::database::PLATFORM;
use crate::error::{Refused, StoreError};
use crate::ids::AccountId;
use crate::open::{Chance, Store};
use crate::passwords::OneTimePassword;
use crate::tables::accounts;

/// Characters of what a line of the audit is about.
const SUBJECT_MAX: usize = 200;
/// Characters of what it says.
const DETAIL_MAX: usize = 1_000;

/// Accounts of the platform that another role of it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResearchAccounts {
    /// The research officers', kept by who manages Enti.
    Officers,
    /// The universities', kept by the research officers.
    Partners,
}

impl ResearchAccounts {
    /// Their role.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Officers => Role::ResearchOfficer,
            Self::Partners => Role::UniversityPartner,
        }
    }

    /// What it takes to keep them.
    const fn right(self) -> Right {
        match self {
            Self::Officers => Right::ManageEnti,
            Self::Partners => Right::Release,
        }
    }

    fn keeping(self, scope: &PlatformScope) -> Result<Keeping<'_>, Refused> {
        scope.require(self.right())?;
        Ok(Keeping { ente: PLATFORM, actor: scope.actor(), role: Some(self.role()) })
    }
}

/// What was done with anonymous datasets, or with what leads to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResearchAct {
    /// A page was looked at.
    See,
    /// A project was made or changed.
    Project,
    /// A dataset was asked for.
    Request,
    /// A dataset was built.
    Build,
    /// A request was approved.
    Approve,
    /// A request was turned down.
    Refuse,
    /// A dataset was published.
    Publish,
    /// A published dataset was taken back.
    Withdraw,
    /// A file was taken.
    Download,
    /// A question was put to a dataset.
    Query,
    /// A question was answered.
    Answer,
    /// Something that was asked for came to nothing.
    Fail,
}

impl ResearchAct {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::See,
        Self::Project,
        Self::Request,
        Self::Build,
        Self::Approve,
        Self::Refuse,
        Self::Publish,
        Self::Withdraw,
        Self::Download,
        Self::Query,
        Self::Answer,
        Self::Fail,
    ];

    /// The code of the audit.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::See => "research.see",
            Self::Project => "research.project",
            Self::Request => "research.request",
            Self::Build => "research.build",
            Self::Approve => "research.approve",
            Self::Refuse => "research.refuse",
            Self::Publish => "research.publish",
            Self::Withdraw => "research.withdraw",
            Self::Download => "research.download",
            Self::Query => "research.query",
            Self::Answer => "research.answer",
            Self::Fail => "research.fail",
        }
    }

    /// What it takes to do it: making datasets and deciding about them is the office's alone.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Build | Self::Approve | Self::Refuse | Self::Publish | Self::Withdraw => Right::Release,
            Self::See | Self::Project | Self::Request | Self::Download | Self::Query | Self::Answer | Self::Fail => {
                Right::UseReleases
            }
        }
    }
}

impl Store {
    /// The accounts of a kind, by username.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn research_accounts(
        &self,
        scope: &PlatformScope,
        kind: ResearchAccounts,
    ) -> Result<Vec<Account>, StoreError> {
        kind.keeping(scope)?;
        let all = self.accounts_of(PLATFORM).await?;
        Ok(all.into_iter().filter(|account| account.role == kind.role()).collect())
    }

    /// One account of a kind.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also of an account of another role.
    pub async fn research_account(
        &self,
        scope: &PlatformScope,
        kind: ResearchAccounts,
        id: AccountId,
    ) -> Result<Account, StoreError> {
        let all = self.research_accounts(scope, kind).await?;
        all.into_iter().find(|account| account.id == id).ok_or(StoreError::NotFound("account"))
    }

    /// Makes an account of a kind with a one-time password (72 hours).
    ///
    /// # Errors
    /// As [`Store::create_account`].
    pub async fn create_research_account(
        &self,
        scope: &PlatformScope,
        kind: ResearchAccounts,
        username: &str,
        display_name: &str,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<(AccountId, OneTimePassword), StoreError> {
        kind.keeping(scope)?;
        let new = NewAccount::plain(username, display_name, kind.role());
        let password = OneTimePassword::generate(chance);
        let id = self.insert_account(PLATFORM, scope.actor(), &new, &password.0, Some(ONE_TIME), now, chance).await?;
        Ok((id, password))
    }

    /// As [`Store::set_account_active`].
    ///
    /// # Errors
    /// As [`Store::research_account`].
    pub async fn set_research_account_active(
        &self,
        scope: &PlatformScope,
        kind: ResearchAccounts,
        id: AccountId,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.switch_account(kind.keeping(scope)?, id, is_active, now).await
    }

    /// As [`Store::reset_password`].
    ///
    /// # Errors
    /// As [`Store::research_account`].
    pub async fn reset_research_password(
        &self,
        scope: &PlatformScope,
        kind: ResearchAccounts,
        id: AccountId,
        now: DateTime<Utc>,
        chance: &mut dyn Chance,
    ) -> Result<OneTimePassword, StoreError> {
        self.renew_password(kind.keeping(scope)?, id, now, chance).await
    }

    /// As [`Store::reset_second_factor`].
    ///
    /// # Errors
    /// As [`Store::research_account`].
    pub async fn reset_research_second_factor(
        &self,
        scope: &PlatformScope,
        kind: ResearchAccounts,
        id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.take_second_factor(kind.keeping(scope)?, id, now).await
    }

    /// The partners who may log in, by name: whom a project can be given to.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn partners(&self, scope: &PlatformScope) -> Result<Vec<AccountName>, StoreError> {
        ResearchAccounts::Partners.keeping(scope)?;
        let rows = accounts::Entity::find()
            .filter(accounts::Column::EnteId.eq(PLATFORM.0))
            .filter(accounts::Column::IsActive.eq(true))
            .filter(accounts::Column::Role.eq(Role::UniversityPartner.code()))
            .order_by_asc(accounts::Column::DisplayName)
            .order_by_asc(accounts::Column::Id)
            .all(&self.reading(PLATFORM))
            .await?;
        Ok(rows.into_iter().map(|row| AccountName { id: AccountId(row.id), display_name: row.display_name }).collect())
    }

    /// Writes to the platform's audit what was done with anonymous datasets. `subject` is the id of what it is about, and
    /// `detail` has codes and counts, never the text of a question or a request.
    ///
    /// # Errors
    /// No right ([`ResearchAct::right`]); the database.
    pub async fn record_research(
        &self,
        scope: &PlatformScope,
        act: ResearchAct,
        subject: &str,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        scope.require(act.right())?;
        let detail: String = detail.chars().take(DETAIL_MAX).collect();
        // Subjects of the audit are UUIDs; whatever is called otherwise stands first in what the line says.
        let (subjects, detail) = match Uuid::parse_str(subject) {
            Ok(id) => (vec![id], detail),
            Err(_) => {
                let subject: String = subject.chars().take(SUBJECT_MAX).collect();
                (Vec::new(), format!("{subject} {detail}").trim().to_owned())
            }
        };
        self.note(Line::on_platform(scope, act.code(), &subjects).with_detail(detail), now).await
    }
}
