//! A set of tables offered together: dimensions with totals in, every relation between their cells out.
//!
//! All tables of a set count the same people. A cell is known by its coordinates alone, so a margin that two tables share
//! is one cell, shown or hidden in both. Dimensions differ in how their total relates to their categories, and each kind
//! brings its relations along: see [`Dimension`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Model, Protection, Standing, Var};
use crate::protected::ProtectedTables;
use crate::published::PublishedTables;
use crate::{Error, Threshold};

/// How all periods together count somebody who was counted in several of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllPeriods {
    /// Wherever they were ever found. Only for dimensions that do not change with time: were they to change, people would
    /// be in several categories at once, and readers could make more of that than relations between cells can say.
    EverThere,
    /// Where they were found last. The last period is then part of all periods; the earlier ones need not be, in the
    /// categories of a changing dimension.
    Latest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exclusive,
    Multiple,
    Periods(AllPeriods),
}

/// A way to divide the people, with its total.
#[derive(Debug, Clone)]
pub struct Dimension {
    name: String,
    kind: Kind,
    categories: Vec<String>,
    groups: Vec<(String, Vec<String>)>,
    apart: Option<String>,
    changing: bool,
}

impl Dimension {
    /// Everybody is in exactly one category: the total is their sum.
    pub fn exclusive(name: impl Into<String>, categories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(name, Kind::Exclusive, categories)
    }

    /// Everybody is in any number of categories, or in none: each is at most the total. Readers can subtract, so those
    /// *without* a category are counted and protected too.
    pub fn multiple(name: impl Into<String>, categories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(name, Kind::Multiple, categories)
    }

    /// Periods in which the same people may be counted again, in order of time; the total is all of them together.
    pub fn periods(
        name: impl Into<String>,
        periods: impl IntoIterator<Item = impl Into<String>>,
        all: AllPeriods,
    ) -> Self {
        Self::new(name, Kind::Periods(all), periods)
    }

    fn new(name: impl Into<String>, kind: Kind, categories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            name: name.into(),
            kind,
            categories: categories.into_iter().map(Into::into).collect(),
            groups: Vec::new(),
            apart: None,
            changing: false,
        }
    }

    /// A person may be in other categories in another period (a level, a residence), unlike a sex.
    #[must_use]
    pub fn changing(mut self) -> Self {
        self.changing = true;
        self
    }

    /// Whoever is in this category of a multiple dimension is in no other (those who have none of the characteristics, who are told too).
    /// Readers can then take both it and any other from the total, so those in *neither* are counted and protected.
    #[must_use]
    pub fn apart(mut self, category: impl Into<String>) -> Self {
        self.apart = Some(category.into());
        self
    }

    /// A subtotal of an exclusive dimension, offered beside the categories.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>, members: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.groups.push((name.into(), members.into_iter().map(Into::into).collect()));
        self
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |problem| Err(Error::Dimension { dimension: self.name.clone(), problem });
        let mut names = BTreeSet::new();
        if self.categories.is_empty() {
            return refuse("has no categories");
        }
        if !self.names().all(|name| names.insert(name)) {
            return refuse("has two categories of one name");
        }
        if !self.groups.is_empty() && self.kind != Kind::Exclusive {
            return refuse("has groups, which only an exclusive dimension can have");
        }
        if let Some(apart) = &self.apart {
            if self.kind != Kind::Multiple {
                return refuse("has a category apart, which only a multiple dimension can have");
            }
            if !self.categories.contains(apart) {
                return refuse("has a category apart that is no category");
            }
        }
        for (_, members) in &self.groups {
            let distinct: BTreeSet<_> = members.iter().collect();
            if members.is_empty() || distinct.len() < members.len() {
                return refuse("has a group that is empty or names a member twice");
            }
            if !members.iter().all(|member| self.categories.contains(member)) {
                return refuse("has a group with a member that is no category");
            }
        }
        if self.changing && matches!(self.kind, Kind::Periods(_)) {
            return refuse("is one of periods and cannot change with them");
        }
        Ok(())
    }

    /// The categories of group `place`, by their places.
    fn members(&self, place: usize) -> Option<Vec<usize>> {
        let (_, members) = self.groups.get(place.checked_sub(self.categories.len())?)?;
        Some(
            members
                .iter()
                .filter_map(|member| self.categories.iter().position(|category| category == member))
                .collect(),
        )
    }

    /// The place of the category that excludes all others.
    fn place_apart(&self) -> Option<usize> {
        self.place(self.apart.as_ref()?)
    }

    /// The categories by which a multiple dimension divides the people in halves, or in thirds where one is apart: that one divides nobody
    /// by itself, being a part of each of the others' divisions.
    fn divisions(&self) -> Vec<usize> {
        let apart = self.place_apart().filter(|_| self.categories.len() > 1);
        (0..self.categories.len()).filter(|&place| Some(place) != apart).collect()
    }

    /// The place of a category or group.
    fn place(&self, name: &str) -> Option<usize> {
        self.names().position(|known| known == name)
    }

    /// Categories, then groups.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.categories.iter().chain(self.groups.iter().map(|(name, _)| name))
    }

    fn place_name(&self, place: usize) -> &str {
        match place.checked_sub(self.categories.len()) {
            None => &self.categories[place],
            Some(group) => &self.groups[group].0,
        }
    }
}

/// A dimension of one [`TableSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DimensionId(pub(crate) usize);

/// A cell: the categories it has, every other dimension at its total.
pub type At<'a> = &'a [(DimensionId, &'a str)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In a category or group.
    In(usize),
    /// In the table, but not in this category.
    NotIn(usize),
    /// In the table, but neither in this category nor in the one that is apart.
    Neither(usize),
}

/// Sorted by dimension; what is not named is at its total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Key(Vec<(usize, Place)>);

impl Key {
    fn place(&self, dimension: usize) -> Option<Place> {
        self.0.iter().find(|&&(named, _)| named == dimension).map(|&(_, place)| place)
    }

    fn with(&self, dimension: usize, place: Place) -> Self {
        let mut key = self.without(dimension);
        key.0.push((dimension, place));
        key.0.sort_unstable();
        key
    }

    fn without(&self, dimension: usize) -> Self {
        Self(self.0.iter().copied().filter(|&(named, _)| named != dimension).collect())
    }

    /// The places of a cell that is in a category of each of its dimensions; nothing for those *without* one.
    pub(crate) fn coordinates(&self) -> Option<Vec<(usize, usize)>> {
        let place = |&(dimension, place): &(usize, Place)| match place {
            Place::In(place) => Some((dimension, place)),
            Place::NotIn(_) | Place::Neither(_) => None,
        };
        self.0.iter().map(place).collect()
    }

    fn contains(&self, part: &Self) -> bool {
        part.0.iter().all(|named| self.0.contains(named))
    }
}

/// Of which counts that were shown before readers are taken to know what they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// Of all: also of those that have changed.
    Known,
    /// Of those that are the same.
    Unknown,
}

/// Tables offered together, with their counts.
#[derive(Default)]
pub struct TableSet {
    dimensions: Vec<Dimension>,
    /// Dimensions, and whether the table is offered or only in the background.
    tables: BTreeMap<Vec<usize>, bool>,
    counts: BTreeMap<Key, u32>,
    impossible: BTreeSet<Key>,
    before: BTreeMap<Key, Before>,
    sums: Vec<(Key, Vec<Key>)>,
}

impl TableSet {
    /// No tables yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dimension.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] when its description makes no sense, its name is taken, or it is a second one of periods.
    pub fn dimension(&mut self, dimension: Dimension) -> Result<DimensionId, Error> {
        dimension.check()?;
        let refuse = |problem| Err(Error::Dimension { dimension: dimension.name.clone(), problem });
        if self.dimensions.iter().any(|other| other.name == dimension.name) {
            return refuse("is there already");
        }
        if matches!(dimension.kind, Kind::Periods(_)) && self.periods().is_some() {
            return refuse("is a second one of periods");
        }
        self.dimensions.push(dimension);
        Ok(DimensionId(self.dimensions.len() - 1))
    }

    /// Offers the table over these dimensions: its inner cells, all its margins and the total of everybody.
    ///
    /// # Errors
    ///
    /// [`Error::RepeatedDimension`]; [`Error::Dimension`] where two have a category apart.
    pub fn table(&mut self, dimensions: &[DimensionId]) -> Result<(), Error> {
        let sorted = self.sorted(dimensions)?;
        self.tables.insert(sorted, true);
        Ok(())
    }

    /// Adds a table that nobody sees. Its counts stay in the house, but readers know that it exists: tables over A × B,
    /// B × C and A × C come from the same people, so there must be one over A × B × C without negative cells, and that
    /// can narrow down what their sums leave open. Worth declaring where it is small enough.
    ///
    /// # Errors
    ///
    /// As [`TableSet::table`].
    pub fn background(&mut self, dimensions: &[DimensionId]) -> Result<(), Error> {
        let sorted = self.sorted(dimensions)?;
        self.tables.entry(sorted).or_insert(false);
        Ok(())
    }

    fn sorted(&self, dimensions: &[DimensionId]) -> Result<Vec<usize>, Error> {
        let mut sorted: Vec<usize> = dimensions.iter().map(|id| id.0).collect();
        sorted.sort_unstable();
        let mut apart =
            sorted.iter().map(|&number| &self.dimensions[number]).filter(|dimension| dimension.apart.is_some());
        if let Some(second) = apart.nth(1) {
            let problem = "has a category apart, and so has another one of the same table";
            return Err(Error::Dimension { dimension: second.name.clone(), problem });
        }
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(Error::RepeatedDimension { dimension: self.dimensions[twice[0]].name.clone() }),
            None => Ok(sorted),
        }
    }

    /// Sets the count of a cell. An inner cell that is never counted has nobody; a total that is a sum may be left out,
    /// and is checked when it is given.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCategory`], [`Error::RepeatedDimension`], and [`Error::Contradiction`] when it was counted before
    /// with another result.
    pub fn count(&mut self, at: At<'_>, people: u32) -> Result<(), Error> {
        let key = self.key(at)?;
        match self.counts.insert(key.clone(), people) {
            Some(first) if first != people => {
                Err(Error::Contradiction { cell: self.label(&key), first, second: people })
            }
            _ => Ok(()),
        }
    }

    /// Declares that nobody can be in these categories at once, which readers know: such cells are shown, as zero.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCategory`], [`Error::RepeatedDimension`].
    pub fn impossible(&mut self, at: At<'_>) -> Result<(), Error> {
        let key = self.key(at)?;
        self.impossible.insert(key);
        Ok(())
    }

    /// Declares what was published before, which readers remember: of another time, so that not all counts are the same, but in cells
    /// of the same meaning. A count that was shown and is not small now is shown again, if `changes` says that it is known, and nothing
    /// that proves what is hidden now moves it. So where both times count the same people, as in a year that is over, an alternative
    /// for these tables is one for those before too.
    ///
    /// A cell is the same where dimensions and categories have the same names. `renamed` gives the name that a category, after its
    /// dimension, has here; nothing where it has none.
    pub fn published_before(
        &mut self,
        before: &PublishedTables,
        changes: Changes,
        renamed: impl Fn(&str, &str) -> Option<String>,
    ) {
        let key = |cell: &[(&str, &str)]| {
            let place = |&(name, category): &(&str, &str)| {
                let number = self.dimensions.iter().position(|dimension| dimension.name == name)?;
                let place = self.dimensions[number].place(&renamed(name, category)?)?;
                Some((number, Place::In(place)))
            };
            let mut places = cell.iter().map(place).collect::<Option<Vec<_>>>()?;
            places.sort_unstable();
            Some(Key(places))
        };
        let enough = before.threshold().people();
        let cells = before.cells().filter_map(|(cell, people)| Some((key(&cell)?, Before { people, enough, changes })));
        let cells: Vec<_> = cells.collect();
        self.before.extend(cells);
    }

    /// Declares what no dimension says, and readers know: the people of `total` are those of `parts`, each in one of them (those
    /// of a level are the ones assessed once and the ones assessed again who are there now). One part means: the same people.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCategory`], [`Error::RepeatedDimension`]; of cells that are in no table [`TableSet::protect`] says so.
    pub fn sum(&mut self, total: At<'_>, parts: &[At<'_>]) -> Result<(), Error> {
        let parts = parts.iter().map(|part| self.key(part)).collect::<Result<_, _>>()?;
        self.sums.push((self.key(total)?, parts));
        Ok(())
    }

    /// Decides what may be shown of all tables together.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCell`] for a count outside every table, [`Error::MissingTotal`], [`Error::Inconsistent`],
    /// [`Error::TooLarge`], [`Error::Unprotectable`].
    pub fn protect(mut self, threshold: Threshold) -> Result<ProtectedTables, Error> {
        for before in self.before.values_mut() {
            before.enough = before.enough.max(threshold.people());
        }
        let (model, cells) = self.model(threshold)?;
        let protection: Protection = model.protect(threshold)?;
        Ok(ProtectedTables::new(self, model, cells, protection))
    }

    /// The general form of the set, to be protected with this threshold or a lower one, and where its cells went. For the attacker of the
    /// tests, and for whoever adds
    /// relations of their own.
    ///
    /// # Errors
    ///
    /// As [`TableSet::protect`], but for what only the protection finds.
    pub fn to_model(&self, threshold: Threshold) -> Result<(Model, Vec<(String, Var)>), Error> {
        let (model, cells) = self.model(threshold)?;
        Ok((model, cells.into_iter().map(|(key, var)| (self.label(&key), var)).collect()))
    }

    pub(crate) fn key(&self, at: At<'_>) -> Result<Key, Error> {
        let mut key = Key::default();
        for &(DimensionId(number), category) in at {
            let dimension = &self.dimensions[number];
            if key.place(number).is_some() {
                return Err(Error::RepeatedDimension { dimension: dimension.name.clone() });
            }
            let place = dimension.place(category).ok_or_else(|| Error::UnknownCategory {
                dimension: dimension.name.clone(),
                category: category.to_owned(),
            })?;
            key = key.with(number, Place::In(place));
        }
        Ok(key)
    }

    /// A cell in words, the same whatever the order of the dimensions.
    pub(crate) fn label(&self, key: &Key) -> String {
        let mut parts: Vec<String> = key
            .0
            .iter()
            .map(|&(number, place)| {
                let dimension = &self.dimensions[number];
                match place {
                    Place::In(place) => format!("{}={}", dimension.name, dimension.place_name(place)),
                    Place::NotIn(place) => format!("{}≠{}", dimension.name, dimension.place_name(place)),
                    Place::Neither(place) => {
                        let apart = dimension.apart.as_deref().unwrap_or_default();
                        format!("{}≠{},{apart}", dimension.name, dimension.place_name(place))
                    }
                }
            })
            .collect();
        parts.sort();
        if parts.is_empty() { "everybody".to_owned() } else { parts.join(" & ") }
    }

    /// The dimensions that a cell has a category of, but for periods.
    fn divided_by(&self, key: &Key) -> Vec<usize> {
        let is_of_people = |number: &usize| !matches!(self.dimensions[*number].kind, Kind::Periods(_));
        key.0.iter().map(|&(number, _)| number).filter(is_of_people).collect()
    }

    fn periods(&self) -> Option<(usize, AllPeriods)> {
        self.dimensions.iter().enumerate().find_map(|(number, dimension)| match dimension.kind {
            Kind::Periods(all) => Some((number, all)),
            Kind::Exclusive | Kind::Multiple => None,
        })
    }

    /// Whether everybody of the earlier periods may be missing from a cell over all of them, found elsewhere last.
    fn may_have_moved_on(&self, key: &Key, number: usize) -> bool {
        self.dimensions[number].kind == Kind::Periods(AllPeriods::Latest)
            && key.0.iter().any(|&(named, _)| self.dimensions[named].changing)
    }

    fn model(&self, threshold: Threshold) -> Result<(Model, BTreeMap<Key, Var>), Error> {
        if let Some((_, AllPeriods::EverThere)) = self.periods()
            && let Some(changing) = self.dimensions.iter().find(|dimension| dimension.changing)
        {
            let problem = "changes, so all periods must count everybody where they were found last";
            return Err(Error::Dimension { dimension: changing.name.clone(), problem });
        }
        let mut build = Build {
            set: self,
            breadth: self.tables.keys().map(Vec::len).max().unwrap_or(0),
            cells: BTreeMap::new(),
            values: BTreeMap::new(),
            model: Model::new(),
        };
        let mut is_offered: BTreeMap<Key, bool> = BTreeMap::new();
        let mut tables = Vec::new();
        for (table, &offered) in &self.tables {
            let keys = self.cells_of(table);
            for key in &keys {
                *is_offered.entry(key.clone()).or_default() |= offered;
            }
            tables.push((table, keys));
        }
        if let Some(stray) = self.counts.keys().chain(&self.impossible).find(|&key| !is_offered.contains_key(key)) {
            return Err(Error::UnknownCell { cell: self.label(stray) });
        }
        for (key, offered) in is_offered {
            if !self.is_divided_further(&key) || build.resolve(&key)? < threshold.people() {
                build.cell(key, offered)?;
            }
        }
        for (table, keys) in &mut tables {
            // What is known of a sum of others is what is known of these.
            keys.retain(|key| !self.is_divided_further(key));
            for key in keys.iter() {
                build.relate_dimensions(table, key);
            }
            build.relate_periods(table, keys)?;
        }
        for (total, parts) in &self.sums {
            build.relate_sum(total, parts)?;
        }
        Ok((build.model, build.cells))
    }

    /// Every cell of a table, margins included, and of a multiple dimension those without a category, or without two of which one is
    /// apart.
    fn cells_of(&self, table: &[usize]) -> Vec<Key> {
        let mut keys = vec![Key::default()];
        for &number in table {
            let dimension = &self.dimensions[number];
            let places = dimension.categories.len() + dimension.groups.len();
            let mut choices: Vec<Place> = (0..places).map(Place::In).collect();
            if dimension.kind == Kind::Multiple {
                choices.extend((0..places).map(Place::NotIn));
                if let Some(apart) = dimension.place_apart() {
                    choices.extend((0..places).filter(|&place| place != apart).map(Place::Neither));
                }
            }
            let finer: Vec<Key> =
                keys.iter().flat_map(|key| choices.iter().map(|&place| key.with(number, place))).collect();
            keys.extend(finer);
        }
        keys
    }

    /// Whether it counts those without a category where they are counted in two parts: those who are apart, and those in neither. It is
    /// their sum, and only counted where it is small.
    fn is_divided_further(&self, key: &Key) -> bool {
        key.0.iter().any(|&(number, place)| {
            let dimension = &self.dimensions[number];
            matches!(place, Place::NotIn(_)) && dimension.apart.is_some() && dimension.categories.len() > 1
        })
    }

    /// For an inner cell over all periods, every way to divide the people of which it is a part: by the categories of multiple dimensions,
    /// one of each. Cells of one such way are everybody, each once. None for margins, groups and single periods.
    fn inner(&self, table: &[usize], key: &Key) -> Vec<Vec<usize>> {
        let mut ways = vec![Vec::new()];
        for &number in table {
            let dimension = &self.dimensions[number];
            let divisions = match (dimension.kind, key.place(number)) {
                (Kind::Exclusive, Some(Place::In(place))) if place < dimension.categories.len() => continue,
                (Kind::Periods(_), None) => continue,
                (Kind::Multiple, Some(Place::In(place) | Place::Neither(place) | Place::NotIn(place))) => {
                    let divisions = dimension.divisions();
                    if divisions.contains(&place) { vec![place] } else { divisions }
                }
                (Kind::Exclusive | Kind::Multiple | Kind::Periods(_), _) => return Vec::new(),
            };
            let with = |way: &Vec<usize>| {
                divisions.iter().map(|&place| [way.as_slice(), &[place]].concat()).collect::<Vec<_>>()
            };
            ways = ways.iter().flat_map(with).collect();
        }
        ways
    }

    /// The dimensions, each with its categories and groups.
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.dimensions.iter().map(|dimension| (dimension.name.clone(), dimension.names().cloned().collect()))
    }

    /// The parts of a cell along one dimension of its table: the categories of its total, the members of its group.
    fn parts(&self, key: &Key, number: usize) -> Option<Vec<Key>> {
        let dimension = &self.dimensions[number];
        let places = match key.place(number) {
            None => (0..dimension.categories.len()).collect(),
            Some(Place::In(place)) => dimension.members(place)?,
            Some(Place::NotIn(_) | Place::Neither(_)) => return None,
        };
        Some(places.into_iter().map(|place| key.with(number, Place::In(place))).collect())
    }
}

impl std::fmt::Debug for TableSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableSet")
            .field("dimensions", &self.dimensions)
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}

/// A count that was shown before.
#[derive(Debug, Clone, Copy)]
struct Before {
    people: u32,
    enough: u32,
    changes: Changes,
}

impl Before {
    /// Whether readers know the count that is there now.
    fn tells(self, now: u32) -> bool {
        now >= self.enough
            && match self.changes {
                Changes::Known => true,
                Changes::Unknown => now == self.people,
            }
    }
}

/// A model in the making.
struct Build<'a> {
    set: &'a TableSet,
    /// Dimensions of the widest table.
    breadth: usize,
    cells: BTreeMap<Key, Var>,
    values: BTreeMap<Key, u32>,
    model: Model,
}

impl Build<'_> {
    fn cell(&mut self, key: Key, offered: bool) -> Result<(), Error> {
        let value = self.resolve(&key)?;
        let known = self.set.impossible.iter().any(|impossible| key.contains(impossible));
        if known && value > 0 {
            let relation = format!("[{}] is impossible", self.set.label(&key));
            return Err(Error::Inconsistent { relation });
        }
        let was_told = offered && self.set.before.get(&key).is_some_and(|before| before.tells(value));
        let standing = match (known || was_told, offered) {
            (true, _) => Standing::Known,
            (false, true) if key.coordinates().is_none() => Standing::Implied,
            (false, true) => Standing::Offered,
            (false, false) => Standing::Unlisted,
        };
        // A total tells more than its size: each dimension summed over is a margin that several tables may share.
        let weight = u32::try_from(1 + 2 * self.breadth.saturating_sub(key.0.len())).unwrap_or(u32::MAX);
        let dimensions = self.set.divided_by(&key);
        let var = self.model.weighted(self.set.label(&key), value, standing, weight)?;
        self.model.is_of(var, dimensions);
        self.cells.insert(key, var);
        Ok(())
    }

    /// The count of a cell: as given, else the sum of its parts, else nobody if that can be.
    fn resolve(&mut self, key: &Key) -> Result<u32, Error> {
        if let Some(&value) = self.set.counts.get(key).or_else(|| self.values.get(key)) {
            return Ok(value);
        }
        let set = self.set;
        let rest = key.0.iter().find_map(|&(number, place)| {
            let parts = match place {
                Place::In(_) => return None,
                Place::NotIn(part) => vec![part],
                Place::Neither(part) => [part].into_iter().chain(set.dimensions[number].place_apart()).collect(),
            };
            Some((number, parts))
        });
        if let Some((number, parts)) = rest {
            let total = key.without(number);
            let parts: Vec<Key> = parts.into_iter().map(|part| key.with(number, Place::In(part))).collect();
            let mut value = self.resolve(&total)?;
            for part in &parts {
                let Some(less) = value.checked_sub(self.resolve(part)?) else {
                    let parts: Vec<_> = parts.iter().map(|part| format!("[{}]", set.label(part))).collect();
                    let relation = format!("{} ≤ [{}]", parts.join(" + "), set.label(&total));
                    return Err(Error::Inconsistent { relation });
                };
                value = less;
            }
            self.values.insert(key.clone(), value);
            return Ok(value);
        }
        let mut least = 0;
        let mut sum = None;
        for table in set.tables.keys().filter(|table| key.0.iter().all(|(number, _)| table.contains(number))) {
            for &number in table {
                let Some(parts) = set.parts(key, number) else { continue };
                let mut total: u32 = 0;
                let moved_on = set.may_have_moved_on(key, number);
                for (place, part) in parts.iter().enumerate() {
                    let value = self.resolve(part)?;
                    if !moved_on || place + 1 == parts.len() {
                        least = least.max(value);
                    }
                    total = total.saturating_add(value);
                }
                if set.dimensions[number].kind == Kind::Exclusive {
                    sum = sum.or(Some(total));
                }
            }
        }
        let value = match sum {
            Some(sum) => sum,
            None if least == 0 => 0,
            None => return Err(Error::MissingTotal { cell: set.label(key) }),
        };
        self.values.insert(key.clone(), value);
        Ok(value)
    }

    fn vars(&self, keys: &[Key]) -> Vec<Var> {
        keys.iter().map(|key| self.cells[key]).collect()
    }

    fn value(&self, var: Var) -> u32 {
        self.model.variables[var.0].value
    }

    fn relate_dimensions(&mut self, table: &[usize], key: &Key) {
        for &number in table {
            let Some(parts) = self.set.parts(key, number) else { continue };
            let total = self.cells[key];
            match self.set.dimensions[number].kind {
                Kind::Exclusive => self.model.sum(total, &self.vars(&parts)),
                Kind::Multiple => {
                    let apart = self.set.dimensions[number].place_apart();
                    for (place, part) in parts.iter().enumerate() {
                        // Those of the total who are not in the part: a count that every reader can make.
                        if let Some(&rest) = self.cells.get(&key.with(number, Place::NotIn(place))) {
                            self.model.sum(total, &[self.cells[part], rest]);
                        }
                        if let Some(apart) = apart.filter(|&apart| apart != place) {
                            let neither = key.with(number, Place::Neither(place));
                            let of_all = [part, &parts[apart], &neither].map(|key| self.cells[key]);
                            self.model.sum(total, &of_all);
                        }
                    }
                }
                Kind::Periods(_) => {}
            }
        }
    }

    fn relate_sum(&mut self, total: &Key, parts: &[Key]) -> Result<(), Error> {
        let var =
            |key: &Key| self.cells.get(key).copied().ok_or_else(|| Error::UnknownCell { cell: self.set.label(key) });
        let (total, parts) = (var(total)?, parts.iter().map(var).collect::<Result<Vec<_>, _>>()?);
        self.model.sum(total, &parts);
        Ok(())
    }

    fn relate_periods(&mut self, table: &[usize], keys: &[Key]) -> Result<(), Error> {
        let Some((periods, all)) = self.set.periods().filter(|(periods, _)| table.contains(periods)) else {
            return Ok(());
        };
        let over_all = || keys.iter().filter(|key| key.place(periods).is_none());
        match all {
            AllPeriods::EverThere => {
                for key in over_all() {
                    let each = self.each_period(key, periods);
                    self.model.union(self.cells[key], &each);
                }
            }
            AllPeriods::Latest => {
                let changing: Vec<usize> =
                    table.iter().copied().filter(|&number| self.set.dimensions[number].changing).collect();
                for key in over_all() {
                    let each = self.each_period(key, periods);
                    let total = self.cells[key];
                    if changing.iter().all(|&number| key.place(number).is_none()) {
                        self.model.union(total, &each);
                    } else {
                        self.model.at_most(total, &each);
                        // Whoever is here in the last period was found here last.
                        self.model.at_most(each[each.len() - 1], &[total]);
                    }
                }
                self.relate_latest(table, keys, periods, &changing)?;
            }
        }
        Ok(())
    }

    fn each_period(&self, key: &Key, periods: usize) -> Vec<Var> {
        let count = self.set.dimensions[periods].categories.len();
        (0..count).map(|period| self.cells[&key.with(periods, Place::In(period))]).collect()
    }

    /// What else follows from counting everybody where they were found last. Let `u` be those of a cell who were found
    /// last in period k or later. They are at most the cell's count over all periods, at most the sum of its counts from
    /// k on, and over all categories together at least everybody of period k, who were all found last then or later.
    /// Conversely counts that allow such `u` come from some people, so this is all that can be known of one table without a multiple
    /// dimension. With one, each of its categories divides the people in two, or in three with one that is apart; that these divisions
    /// count the same people is not said, so a little more can be known.
    fn relate_latest(
        &mut self,
        table: &[usize],
        keys: &[Key],
        periods: usize,
        changing: &[usize],
    ) -> Result<(), Error> {
        if changing.is_empty() {
            return Ok(());
        }
        let set = self.set;
        let mut names: Vec<&str> = table.iter().map(|&number| set.dimensions[number].name.as_str()).collect();
        names.sort_unstable();
        let all = &set.dimensions[periods].categories;
        for (from, name) in all.iter().enumerate().take(all.len() - 1).skip(1) {
            let mut found: BTreeMap<(Key, Vec<usize>), Vec<Var>> = BTreeMap::new();
            for key in keys {
                let ways = set.inner(table, key);
                if ways.is_empty() {
                    continue;
                }
                let later = self.each_period(key, periods).split_off(from);
                let total = self.cells[key];
                let sum = later.iter().fold(0_u32, |sum, &var| sum.saturating_add(self.value(var)));
                let label = format!("{} & last found from {} (table of {})", set.label(key), name, names.join(", "));
                let value = sum.min(self.value(total));
                let last_found = self.model.variable(label, value, Standing::Unlisted)?;
                self.model.is_of(last_found, set.divided_by(key));
                self.model.at_most(last_found, &[total]);
                self.model.at_most(last_found, &later);
                let fixed = changing.iter().fold(key.clone(), |key, &number| key.without(number));
                for way in ways {
                    found.entry((fixed.clone(), way)).or_default().push(last_found);
                }
            }
            for ((fixed, _), last_found) in found {
                let people = self.cells[&fixed.with(periods, Place::In(from))];
                self.model.at_most(people, &last_found);
            }
        }
        Ok(())
    }
}
