//! What readers see: the counts that are shown, and nothing of the others. This is the form to keep in memory, to store and to
//! make pages of: a hidden count is not in it, whatever is asked.
//!
//! A figure made of counts is asked for here and not computed by the caller from what is shown, because a share with its
//! base shows its count: a figure is hidden with any of the counts it is made of, and its computation never sees a hidden
//! one.

use serde::{Deserialize, Serialize};

use crate::decision::{Figure, Share};
use crate::tables::{At, DimensionId};
use crate::{Error, Threshold};

/// A dimension, by names alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    name: String,
    /// Categories, then groups.
    places: Vec<String>,
}

/// The place of each dimension that a cell has a category of, in order.
type Coordinates = Vec<(usize, usize)>;

/// Tables as they are published. It can be serialized: a list of dimensions and a list of the shown counts with their
/// coordinates, both in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTables {
    threshold: Threshold,
    dimensions: Vec<Named>,
    /// In order of coordinates.
    shown: Vec<(Coordinates, u32)>,
}

impl PublishedTables {
    pub(crate) fn new(
        threshold: Threshold,
        dimensions: impl Iterator<Item = (String, Vec<String>)>,
        mut shown: Vec<(Coordinates, u32)>,
    ) -> Self {
        shown.sort_unstable();
        let dimensions = dimensions.map(|(name, places)| Named { name, places });
        Self { threshold, dimensions: dimensions.collect(), shown }
    }

    /// The threshold they were protected with.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The same tables with no count of this category of this dimension.
    #[must_use]
    pub fn without(mut self, dimension: &str, category: &str) -> Self {
        let number = self.dimensions.iter().position(|of| of.name == dimension);
        let place = number.and_then(|number| {
            let places = &self.dimensions.get(number)?.places;
            Some((number, places.iter().position(|place| place == category)?))
        });
        if let Some(place) = place {
            self.shown.retain(|(at, _)| !at.contains(&place));
        }
        self
    }

    /// Every count that is shown, with the dimension and the category of each of its coordinates.
    pub fn cells(&self) -> impl Iterator<Item = (Vec<(&str, &str)>, u32)> {
        let named = |&(dimension, place): &(usize, usize)| {
            let of = self.dimensions.get(dimension)?;
            Some((of.name.as_str(), of.places.get(place)?.as_str()))
        };
        self.shown.iter().filter_map(move |(at, people)| Some((at.iter().map(named).collect::<Option<_>>()?, *people)))
    }

    fn coordinates(&self, at: At<'_>) -> Result<Coordinates, Error> {
        let mut coordinates = Coordinates::new();
        for &(DimensionId(number), category) in at {
            let unknown = |dimension: &str| Error::UnknownCategory {
                dimension: dimension.to_owned(),
                category: category.to_owned(),
            };
            let dimension = self.dimensions.get(number).ok_or_else(|| unknown(&number.to_string()))?;
            if coordinates.iter().any(|&(known, _)| known == number) {
                return Err(Error::RepeatedDimension { dimension: dimension.name.clone() });
            }
            let place = dimension.places.iter().position(|place| place == category);
            coordinates.push((number, place.ok_or_else(|| unknown(&dimension.name))?));
        }
        coordinates.sort_unstable();
        Ok(coordinates)
    }

    fn shown(&self, at: At<'_>) -> Result<Option<u32>, Error> {
        let coordinates = self.coordinates(at)?;
        let found = self.shown.binary_search_by(|(known, _)| known.cmp(&coordinates));
        Ok(found.ok().map(|place| self.shown[place].1))
    }

    /// The count of a cell. One that no table has is hidden.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCategory`], [`Error::RepeatedDimension`].
    pub fn count(&self, at: At<'_>) -> Result<Figure<u32>, Error> {
        Ok(Figure::of(self.threshold, self.shown(at)?))
    }

    /// A figure made of the counts of these cells (a rate, an index, a mean): computed from them if all are shown.
    ///
    /// Means and sums of a value of each person belong here for now; they leave room for a dominance rule, which would
    /// ask for the largest contributions beside the cell.
    ///
    /// # Errors
    ///
    /// As [`PublishedTables::count`].
    pub fn derive<T>(&self, from: &[At<'_>], compute: impl FnOnce(&[u32]) -> T) -> Result<Figure<T>, Error> {
        let counts = from.iter().map(|at| self.shown(at)).collect::<Result<Option<Vec<u32>>, _>>()?;
        Ok(Figure::of(self.threshold, counts.map(|counts| compute(&counts))))
    }

    /// The share of `part` in `whole`, which it belongs to. Hidden also when the others are fewer than the threshold:
    /// 100 % tells something of every single person, and 96 % of 25 tells how few the others are.
    ///
    /// # Errors
    ///
    /// As [`PublishedTables::count`].
    pub fn share(&self, part: At<'_>, whole: At<'_>) -> Result<Figure<Share>, Error> {
        let (part, whole) = (self.shown(part)?, self.shown(whole)?);
        Ok(Figure::of(
            self.threshold,
            part.zip(whole).and_then(|(part, whole)| Share::told(part, whole, self.threshold)),
        ))
    }

    /// A median of the people of a cell. It is the value of one of them, so it needs more people than a count: see
    /// [`Threshold::people_for_median`].
    ///
    /// # Errors
    ///
    /// As [`PublishedTables::count`].
    pub fn median<T>(&self, of: At<'_>, compute: impl FnOnce() -> T) -> Result<Figure<T>, Error> {
        let is_enough = |people: &u32| *people >= self.threshold.people_for_median();
        Ok(Figure::of(self.threshold, self.shown(of)?.filter(is_enough).map(|_| compute())))
    }
}

/// A [`CrossTable`](crate::CrossTable) as it is published: its margins, which readers know, and of its cells those that are shown. It
/// can be serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedCross {
    threshold: Threshold,
    rows: Vec<u32>,
    columns: Vec<u32>,
    /// By group, row after row: everybody, then each target.
    groups: Vec<PublishedGroup>,
}

/// An [`IndicatorTable`](crate::IndicatorTable) as it is published: by characteristic and category those who have it with everybody,
/// where they are shown. It can be serialized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedIndicator {
    threshold: Threshold,
    told: Vec<Vec<Option<(u32, u32)>>>,
}

impl PublishedIndicator {
    pub(crate) fn new(threshold: Threshold, told: Vec<Vec<Option<(u32, u32)>>>) -> Self {
        Self { threshold, told }
    }

    fn told(&self, characteristic: usize, category: usize) -> Option<(u32, u32)> {
        *self.told.get(characteristic)?.get(category)?
    }

    /// How many people of a category have it. One that is not in the table is hidden.
    pub fn count(&self, characteristic: usize, category: usize) -> Figure<u32> {
        Figure::of(self.threshold, self.told(characteristic, category).map(|(with, _)| with))
    }

    /// Which share of the people of a category has it.
    pub fn share(&self, characteristic: usize, category: usize) -> Figure<Share> {
        let told = self.told(characteristic, category);
        Figure::of(self.threshold, told.and_then(|(with, people)| Share::told(with, people, self.threshold)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublishedGroup {
    pub(crate) people: Option<u32>,
    /// By target and outcome.
    pub(crate) targets: Vec<Vec<Option<u32>>>,
}

impl PublishedCross {
    pub(crate) fn new(threshold: Threshold, rows: Vec<u32>, columns: Vec<u32>, groups: Vec<PublishedGroup>) -> Self {
        Self { threshold, rows, columns, groups }
    }

    fn group(&self, (row, column): (usize, usize)) -> Option<&PublishedGroup> {
        let is_known = row < self.rows.len() && column < self.columns.len();
        is_known.then(|| self.groups.get(row * self.columns.len() + column)).flatten()
    }

    /// Everybody of a row: a margin, which readers are taken to know.
    #[must_use]
    pub fn people_of_row(&self, row: usize) -> u32 {
        self.rows.get(row).copied().unwrap_or_default()
    }

    /// Everybody of a column.
    #[must_use]
    pub fn people_of_column(&self, column: usize) -> u32 {
        self.columns.get(column).copied().unwrap_or_default()
    }

    /// The people of a group, a row and a column. One that is not in the table is hidden.
    pub fn people(&self, group: (usize, usize)) -> Figure<u32> {
        Figure::of(self.threshold, self.group(group).and_then(|group| group.people))
    }

    /// The people of a group with an outcome of a target.
    pub fn count(&self, group: (usize, usize), target: usize, outcome: usize) -> Figure<u32> {
        Figure::of(self.threshold, self.told(group, target, outcome))
    }

    /// The share of a group with an outcome. Hidden with either count, and when fewer than a threshold are left.
    pub fn share(&self, group: (usize, usize), target: usize, outcome: usize) -> Figure<Share> {
        let whole = self.group(group).and_then(|group| group.people);
        let share = self.told(group, target, outcome).zip(whole);
        Figure::of(self.threshold, share.and_then(|(part, whole)| Share::told(part, whole, self.threshold)))
    }

    fn told(&self, group: (usize, usize), target: usize, outcome: usize) -> Option<u32> {
        *self.group(group)?.targets.get(target)?.get(outcome)?
    }
}
