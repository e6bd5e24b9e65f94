//! What marts say of one strumento.

use chrono::NaiveDate;
use warehouse::{
    AgeRow, AlikeRow, AzioneRow, BlockRow, ChangeRow, CommunityRow, DisadvantageChangeRow, DisadvantageLowRow,
    DisadvantageRow, EnteLake, ItemRow, LakeError, LowRow, PathRow, RecencyRow, ReturnRow, TerritoryIndexRow,
    TerritoryPeopleRow, TerritoryRow, TotalsRow,
};

use super::clusters::questions;
use super::{ALL, NOT_VALID, PROFILE};
use crate::strumento::Strumento;
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
    /// People over all periods by everything at once.
    pub(crate) alike: Vec<AlikeRow>,
    /// People over all periods by which of [`questions`] hold them back, of the latest version.
    pub(crate) low: Vec<LowRow>,
    /// People of each disadvantage over all periods, by which of the same hold them back, and by how they changed.
    pub(crate) disadvantaged: Vec<DisadvantageRow>,
    pub(crate) low_by_disadvantage: Vec<DisadvantageLowRow>,
    pub(crate) changes_by_disadvantage: Vec<DisadvantageChangeRow>,
}

/// The rows of a strumento.
macro_rules! of {
    ($strumento:ident, $rows:expr) => {{
        let mut rows = $rows;
        rows.retain(|row| row.instrument == $strumento);
        rows
    }};
}

impl Marts {
    pub(crate) fn read(lake: &EnteLake, strumento: &Strumento) -> Result<Self, LakeError> {
        let content = &strumento.content;
        let low: Vec<_> = questions(content).into_iter().map(|item| (item.id.as_str(), item.low().collect())).collect();
        let low_by_disadvantage = lake.low_answers_by_disadvantage(&strumento.id, content.version, &low)?;
        let low = lake.low_answers(&strumento.id, content.version, &low)?;
        let strumento = strumento.id.as_str();
        Ok(Self {
            as_of: text::day(lake.manifest().published_at),
            totals: of!(strumento, lake.totals()?),
            territory: of!(strumento, lake.territory()?),
            territory_people: of!(strumento, lake.territory_people()?),
            territory_index: of!(strumento, lake.territory_index()?),
            community: of!(strumento, lake.community()?),
            ages: of!(strumento, lake.ages()?),
            paths: of!(strumento, lake.paths()?),
            changes: of!(strumento, lake.changes()?),
            returns: of!(strumento, lake.returns()?),
            recency: of!(strumento, lake.recency()?),
            items: of!(strumento, lake.items()?),
            blocks: of!(strumento, lake.blocks()?),
            azioni: of!(strumento, lake.azioni()?),
            alike: of!(strumento, lake.alike()?),
            low,
            disadvantaged: of!(strumento, lake.disadvantaged()?),
            low_by_disadvantage,
            changes_by_disadvantage: of!(strumento, lake.changes_by_disadvantage()?),
        })
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

/// What came of the people of a row on a scale or in the profile.
pub(super) fn level<'a>(row: &'a AlikeRow, target: &str) -> &'a str {
    if target == PROFILE {
        return &row.profile;
    }
    let of = |one: &&'a str| one.split_once('=').is_some_and(|(scale, _)| scale == target);
    row.levels.split(' ').find(of).and_then(|one| one.split_once('=')).map_or(NOT_VALID, |(_, level)| level)
}
