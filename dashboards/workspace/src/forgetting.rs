//! Takes out what is kept for an Ente that leaves: all of it, and nothing of another.

use std::collections::BTreeSet;

use domain::feed::EnteId;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::database::Workspace;
use crate::error::EnteError;
use crate::tables::{edition_readers, editions, needs_groups, reports, saved_views, snapshots, visits};

/// How much was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// States of pages that accounts had seen.
    pub visits: u64,
    /// Saved views.
    pub views: u64,
    /// Reports.
    pub reports: u64,
    /// Editions of them.
    pub editions: u64,
    /// Strumenti whose groups of needs were remembered.
    pub groups: u64,
    /// Strumenti whose figures were kept.
    pub snapshots: u64,
}

impl Workspace {
    /// The Enti of which anything is kept.
    ///
    /// # Errors
    /// The database.
    pub async fn kept_enti(&self) -> Result<Vec<EnteId>, EnteError> {
        let reading = self.reading();
        let visits = visits::Entity::find().select_only().column(visits::Column::EnteId).distinct();
        let views = saved_views::Entity::find().select_only().column(saved_views::Column::EnteId).distinct();
        let reports = reports::Entity::find().select_only().column(reports::Column::EnteId).distinct();
        let groups = needs_groups::Entity::find().select_only().column(needs_groups::Column::EnteId).distinct();
        let snapshots = snapshots::Entity::find().select_only().column(snapshots::Column::EnteId).distinct();
        let mut enti: BTreeSet<Uuid> = visits.into_tuple().all(reading).await?.into_iter().collect();
        enti.extend(views.into_tuple::<Uuid>().all(reading).await?);
        enti.extend(reports.into_tuple::<Uuid>().all(reading).await?);
        enti.extend(groups.into_tuple::<Uuid>().all(reading).await?);
        enti.extend(snapshots.into_tuple::<Uuid>().all(reading).await?);
        Ok(enti.into_iter().map(EnteId).collect())
    }

    /// Deletes everything of an Ente in one transaction. What is of the research area is of no Ente, and stays.
    ///
    /// # Errors
    /// The database.
    pub async fn forget_ente(&self, ente: EnteId) -> Result<Forgotten, EnteError> {
        let writing = self.write().await?;
        // Readers before editions before reports: each names the next.
        let readers = edition_readers::Column::EnteId.eq(ente.0);
        edition_readers::Entity::delete_many().filter(readers).exec(&writing).await?;
        let editions =
            editions::Entity::delete_many().filter(editions::Column::EnteId.eq(ente.0)).exec(&writing).await?;
        let reports = reports::Entity::delete_many().filter(reports::Column::EnteId.eq(ente.0)).exec(&writing).await?;
        let views =
            saved_views::Entity::delete_many().filter(saved_views::Column::EnteId.eq(ente.0)).exec(&writing).await?;
        let visits = visits::Entity::delete_many().filter(visits::Column::EnteId.eq(ente.0)).exec(&writing).await?;
        let groups =
            needs_groups::Entity::delete_many().filter(needs_groups::Column::EnteId.eq(ente.0)).exec(&writing).await?;
        let snapshots =
            snapshots::Entity::delete_many().filter(snapshots::Column::EnteId.eq(ente.0)).exec(&writing).await?;
        writing.commit().await?;
        Ok(Forgotten {
            visits: visits.rows_affected,
            views: views.rows_affected,
            reports: reports.rows_affected,
            editions: editions.rows_affected,
            groups: groups.rows_affected,
            snapshots: snapshots.rows_affected,
        })
    }
}
