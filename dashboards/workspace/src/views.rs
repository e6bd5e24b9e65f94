//! Views of dashboards that an account saved: an address under a title, its own or shared with the Ente.
//!
//! Whoever sees a shared view may open it; only its owner shares it, stops sharing it, or deletes it. To everybody else a view
//! that is not shared does not exist.

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use rand::CryptoRng;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, Set};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::{EnteError, Problem, Refused};
use crate::fields::{line, moment, person, refused};
use crate::ids::{Person, ViewId, new_id};
use crate::tables::saved_views;

/// How many views an account keeps in an Ente.
pub const VIEWS_MAX: u32 = 200;
/// Characters of a title.
const TITLE: usize = 120;
/// Bytes of an address.
const ADDRESS_BYTES: usize = 1_000;
/// Where the dashboards are: no view leads anywhere else.
const DASHBOARDS: &str = "/cruscotti/";

/// A view of a dashboard that somebody saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// Its id.
    pub id: ViewId,
    /// The Ente whose figures it shows.
    pub ente: EnteId,
    /// Who saved it.
    pub owner: Person,
    /// Its title.
    pub title: String,
    /// The path of a dashboard, with its query.
    pub address: String,
    /// Whether everybody in the Ente sees it.
    pub is_shared: bool,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
}

impl SavedView {
    fn read(row: saved_views::Model) -> Self {
        Self {
            id: ViewId(row.id),
            ente: EnteId(row.ente_id),
            owner: Person { account: row.owner_id, name: row.owner_name },
            title: row.title,
            address: row.address,
            is_shared: row.is_shared,
            created_at: row.created_at,
        }
    }
}

/// An address of a dashboard. A browser takes `\` for `/` and goes up at `..`, however that is written.
fn address(given: &str) -> Result<String, Refused> {
    if given.len() > ADDRESS_BYTES {
        return Err(refused("address", Problem::TooLong));
    }
    let path = given.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    let is_visible = given.bytes().all(|byte| byte.is_ascii_graphic());
    let stays = !path.contains('\\') && path.split('/').all(|step| step != "." && step != "..");
    if !given.starts_with(DASHBOARDS) || !is_visible || !stays {
        return Err(refused("address", Problem::Form));
    }
    Ok(given.to_owned())
}

/// The rows of an Ente that an account owns.
fn owned(ente: EnteId, account: Uuid) -> Condition {
    Condition::all().add(saved_views::Column::EnteId.eq(ente.0)).add(saved_views::Column::OwnerId.eq(account))
}

/// The rows of an Ente that an account sees.
fn visible(ente: EnteId, account: Uuid) -> Condition {
    let own_or_shared =
        Condition::any().add(saved_views::Column::OwnerId.eq(account)).add(saved_views::Column::IsShared.eq(true));
    Condition::all().add(saved_views::Column::EnteId.eq(ente.0)).add(own_or_shared)
}

impl Workspace {
    /// Saves a view, seen by its owner alone. Two may have the same title.
    ///
    /// # Errors
    /// The title is missing, longer than 120 characters or of more than a line; the address is longer than 1,000 bytes or leads
    /// out of the dashboards; the account keeps [`VIEWS_MAX`] already.
    pub async fn save_view(
        &self,
        ente: EnteId,
        by: &Person,
        title: &str,
        address_given: &str,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<ViewId, EnteError> {
        let (by, now, id) = (person(by)?, moment(now), new_id(chance));
        let (title, address) = (line("title", title, TITLE)?, address(address_given)?);
        let writing = self.write().await?;
        let kept = saved_views::Entity::find().filter(owned(ente, by.account)).count(&writing).await?;
        if kept >= u64::from(VIEWS_MAX) {
            return Err(EnteError::ViewsFull { most: VIEWS_MAX });
        }
        let row = saved_views::ActiveModel {
            id: Set(id),
            ente_id: Set(ente.0),
            owner_id: Set(by.account),
            owner_name: Set(by.name),
            title: Set(title),
            address: Set(address),
            is_shared: Set(false),
            created_at: Set(now),
        };
        saved_views::Entity::insert(row).exec_without_returning(&writing).await?;
        writing.commit().await?;
        Ok(ViewId(id))
    }

    /// The views that an account sees in an Ente: its own and the shared ones, by title.
    ///
    /// # Errors
    /// The database.
    pub async fn views(&self, ente: EnteId, account: Uuid) -> Result<Vec<SavedView>, EnteError> {
        let rows = saved_views::Entity::find().filter(visible(ente, account)).all(self.reading()).await?;
        let mut views: Vec<SavedView> = rows.into_iter().map(SavedView::read).collect();
        // Here, not in the database: each sorts letters in its own way.
        views.sort_by(|a, b| (&a.title, a.created_at, a.id).cmp(&(&b.title, b.created_at, b.id)));
        Ok(views)
    }

    /// A view that an account sees in an Ente.
    ///
    /// # Errors
    /// No such view in the Ente that is the account's own or shared.
    pub async fn view(&self, ente: EnteId, account: Uuid, id: ViewId) -> Result<SavedView, EnteError> {
        let row = saved_views::Entity::find()
            .filter(visible(ente, account))
            .filter(saved_views::Column::Id.eq(id.0))
            .one(self.reading())
            .await?;
        row.map(SavedView::read).ok_or(EnteError::NotFound("view"))
    }

    /// Lets everybody in the Ente see a view. Does nothing when they do.
    ///
    /// # Errors
    /// No such view of this account in the Ente.
    pub async fn share_view(&self, ente: EnteId, account: Uuid, id: ViewId) -> Result<(), EnteError> {
        self.set_shared(ente, account, id, true).await
    }

    /// Lets its owner alone see a view. Does nothing when nobody else does.
    ///
    /// # Errors
    /// No such view of this account in the Ente.
    pub async fn unshare_view(&self, ente: EnteId, account: Uuid, id: ViewId) -> Result<(), EnteError> {
        self.set_shared(ente, account, id, false).await
    }

    async fn set_shared(&self, ente: EnteId, account: Uuid, id: ViewId, is_shared: bool) -> Result<(), EnteError> {
        let writing = self.write().await?;
        let done = saved_views::Entity::update_many()
            .set(saved_views::ActiveModel { is_shared: Set(is_shared), ..Default::default() })
            .filter(owned(ente, account))
            .filter(saved_views::Column::Id.eq(id.0))
            .exec(&writing)
            .await?;
        if done.rows_affected == 0 {
            return Err(EnteError::NotFound("view"));
        }
        writing.commit().await?;
        Ok(())
    }

    /// Throws a view away, for everybody.
    ///
    /// # Errors
    /// No such view of this account in the Ente.
    pub async fn delete_view(&self, ente: EnteId, account: Uuid, id: ViewId) -> Result<(), EnteError> {
        let writing = self.write().await?;
        let done = saved_views::Entity::delete_many()
            .filter(owned(ente, account))
            .filter(saved_views::Column::Id.eq(id.0))
            .exec(&writing)
            .await?;
        if done.rows_affected == 0 {
            return Err(EnteError::NotFound("view"));
        }
        writing.commit().await?;
        Ok(())
    }
}
