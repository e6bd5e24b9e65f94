//! What marts say of one strumento.

use chrono::NaiveDate;
use warehouse::{
    AgeRow, AzioneRow, BlockRow, ChangeRow, CommunityRow, EnteLake, ItemRow, LakeError, PathRow, RecencyRow, ReturnRow,
    TerritoryIndexRow, TerritoryPeopleRow, TerritoryRow, TotalsRow,
};

use super::ALL;
use crate::text;

/// The marts, the rows of one strumento.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marts {
    /// The day of the data: what is overdue is so on this day.
    pub(crate) as_of: NaiveDate,
    pub(crate) totals: Vec<TotalsRow>,
    pub(crate) territory: Vec<TerritoryRow>,
    pub(crate) territory_people: Vec<TerritoryPeopleRow>,
    pub(crate) territory_index: Vec<TerritoryIndexRow>,
    pub(crate) community: Vec<CommunityRow>,
    pub(crate) ages: Vec<AgeRow>,
    pub(crate) paths: Vec<PathRow>,
    pub(crate) changes: Vec<ChangeRow>,
    pub(crate) returns: Vec<ReturnRow>,
    pub(crate) recency: Vec<RecencyRow>,
    pub(crate) items: Vec<ItemRow>,
    pub(crate) blocks: Vec<BlockRow>,
    pub(crate) azioni: Vec<AzioneRow>,
}

/// Reads tables of a lake and keeps the rows of a strumento.
macro_rules! read {
    ($lake:ident, $strumento:ident: $($mart:ident),+) => { Self {
        as_of: text::day($lake.manifest().published_at),
        $($mart: {
            let mut rows = $lake.$mart()?;
            rows.retain(|row| row.instrument == $strumento);
            rows
        },)+
    } };
}

impl Marts {
    pub(crate) fn read(lake: &EnteLake, strumento: &str) -> Result<Self, LakeError> {
        Ok(
            read!(lake, strumento: totals, territory, territory_people, territory_index, community, ages, paths, changes,
            returns, recency, items, blocks, azioni),
        )
    }

    /// The calendar years with data, in order.
    pub(crate) fn years(&self) -> Vec<String> {
        let mut years: Vec<String> =
            self.totals.iter().map(|row| row.period.clone()).filter(|period| period != ALL).collect();
        years.sort();
        years.dedup();
        years
    }
}
