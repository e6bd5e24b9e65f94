//! A set of tables offered together: dimensions with totals in, every relation between their cells out.
//!
//! All tables of a set count the same people. A cell is known by its coordinates alone, so a margin that two tables share
//! is one cell, shown or hidden in both. Dimensions differ in how their total relates to their categories, and each kind
//! brings its relations along: see [`Dimension`].

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Model, Protection, Standing, Var};
use crate::protected::ProtectedTables;
use crate::{Error, Threshold};

/// How all periods together count somebody who was counted in several of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllPeriods {
    /// In every category where they were ever found (a distinct count). Categories of a changing dimension then overlap.
    EverThere,
    /// Once, where they were found last. The last period is then part of all periods, the earlier ones need not be.
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
            changing: false,
        }
    }

    /// A person may be in other categories in another period (a level, a residence), unlike a sex.
    #[must_use]
    pub fn changing(mut self) -> Self {
        self.changing = true;
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
        if !self.categories.iter().chain(self.groups.iter().map(|(name, _)| name)).all(|name| names.insert(name)) {
            return refuse("has two categories of one name");
        }
        if !self.groups.is_empty() && self.kind != Kind::Exclusive {
            return refuse("has groups, which only an exclusive dimension can have");
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

    fn place_name(&self, place: usize) -> &str {
        match place.checked_sub(self.categories.len()) {
            None => &self.categories[place],
            Some(group) => &self.groups[group].0,
        }
    }
}

/// A dimension of one [`TableSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DimensionId(usize);

/// A cell: the categories it has, every other dimension at its total.
pub type At<'a> = &'a [(DimensionId, &'a str)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In a category or group.
    In(usize),
    /// In the table, but not in this category.
    NotIn(usize),
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

    fn contains(&self, part: &Self) -> bool {
        part.0.iter().all(|named| self.0.contains(named))
    }
}

/// Tables offered together, with their counts.
#[derive(Default)]
pub struct TableSet {
    dimensions: Vec<Dimension>,
    tables: BTreeSet<Vec<usize>>,
    counts: BTreeMap<Key, u32>,
    impossible: BTreeSet<Key>,
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
    /// [`Error::RepeatedDimension`].
    pub fn table(&mut self, dimensions: &[DimensionId]) -> Result<(), Error> {
        let mut sorted: Vec<usize> = dimensions.iter().map(|id| id.0).collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::RepeatedDimension { dimension: self.dimensions[twice[0]].name.clone() });
        }
        self.tables.insert(sorted);
        Ok(())
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

    /// Decides what may be shown of all tables together.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownCell`] for a count outside every table, [`Error::MissingTotal`], [`Error::Inconsistent`],
    /// [`Error::TooLarge`], [`Error::Unprotectable`].
    pub fn protect(self, threshold: Threshold) -> Result<ProtectedTables, Error> {
        let (model, cells) = self.model()?;
        let protection: Protection = model.protect(threshold)?;
        Ok(ProtectedTables::new(self, model, cells, protection))
    }

    /// The general form of the set, and where its cells went. For the attacker of the tests, and for whoever adds
    /// relations of their own.
    ///
    /// # Errors
    ///
    /// As [`TableSet::protect`], but for what only the protection finds.
    pub fn to_model(&self) -> Result<(Model, Vec<(String, Var)>), Error> {
        let (model, cells) = self.model()?;
        Ok((model, cells.into_iter().map(|(key, var)| (self.label(&key), var)).collect()))
    }

    pub(crate) fn key(&self, at: At<'_>) -> Result<Key, Error> {
        let mut key = Key::default();
        for &(DimensionId(number), category) in at {
            let dimension = &self.dimensions[number];
            if key.place(number).is_some() {
                return Err(Error::RepeatedDimension { dimension: dimension.name.clone() });
            }
            let names = dimension.categories.iter().chain(dimension.groups.iter().map(|(name, _)| name));
            let place = names.into_iter().position(|name| name == category).ok_or_else(|| Error::UnknownCategory {
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
                }
            })
            .collect();
        parts.sort();
        if parts.is_empty() { "everybody".to_owned() } else { parts.join(" & ") }
    }

    fn periods(&self) -> Option<(usize, AllPeriods)> {
        self.dimensions.iter().enumerate().find_map(|(number, dimension)| match dimension.kind {
            Kind::Periods(all) => Some((number, all)),
            Kind::Exclusive | Kind::Multiple => None,
        })
    }

    /// Whether the categories of an exclusive dimension overlap in this cell: they do over all periods, when whoever
    /// changed category is counted in each.
    fn overlap(&self, key: &Key, dimension: usize) -> bool {
        self.dimensions[dimension].changing
            && matches!(self.periods(), Some((periods, AllPeriods::EverThere)) if key.place(periods).is_none())
    }

    /// Whether everybody of the earlier periods may be missing from a cell over all of them, found elsewhere last.
    fn may_have_moved_on(&self, key: &Key, number: usize) -> bool {
        self.dimensions[number].kind == Kind::Periods(AllPeriods::Latest)
            && key.0.iter().any(|&(named, _)| self.dimensions[named].changing)
    }

    fn model(&self) -> Result<(Model, BTreeMap<Key, Var>), Error> {
        let mut build = Build {
            set: self,
            breadth: self.tables.iter().map(Vec::len).max().unwrap_or(0),
            cells: BTreeMap::new(),
            values: BTreeMap::new(),
            model: Model::new(),
        };
        let tables: Vec<(&Vec<usize>, Vec<Key>)> =
            self.tables.iter().map(|table| (table, self.cells_of(table))).collect();
        let all: BTreeSet<&Key> = tables.iter().flat_map(|(_, keys)| keys).collect();
        if let Some(stray) = self.counts.keys().chain(&self.impossible).find(|&key| !all.contains(key)) {
            return Err(Error::UnknownCell { cell: self.label(stray) });
        }
        for key in all {
            build.cell(key)?;
        }
        for (table, keys) in &tables {
            for key in keys {
                build.relate_dimensions(table, key)?;
            }
            build.relate_periods(table, keys)?;
        }
        Ok((build.model, build.cells))
    }

    /// Every cell of a table, margins included.
    fn cells_of(&self, table: &[usize]) -> Vec<Key> {
        let mut keys = vec![Key::default()];
        for &number in table {
            let dimension = &self.dimensions[number];
            let places = dimension.categories.len() + dimension.groups.len();
            let finer: Vec<Key> =
                keys.iter().flat_map(|key| (0..places).map(move |place| key.with(number, Place::In(place)))).collect();
            keys.extend(finer);
        }
        keys
    }

    /// The parts of a cell along one dimension of its table: the categories of its total, the members of its group.
    fn parts(&self, key: &Key, number: usize) -> Option<Vec<Key>> {
        let dimension = &self.dimensions[number];
        let places = match key.place(number) {
            None => (0..dimension.categories.len()).collect(),
            Some(Place::In(place)) => dimension.members(place)?,
            Some(Place::NotIn(_)) => return None,
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
    fn cell(&mut self, key: &Key) -> Result<(), Error> {
        let value = self.resolve(key)?;
        let known = self.set.impossible.iter().any(|impossible| key.contains(impossible));
        if known && value > 0 {
            let relation = format!("[{}] is impossible", self.set.label(key));
            return Err(Error::Inconsistent { relation });
        }
        let standing = if known { Standing::Known } else { Standing::Offered };
        // A total tells more than its size: each dimension summed over is a margin that several tables may share.
        let weight = u32::try_from(1 + 2 * self.breadth.saturating_sub(key.0.len())).unwrap_or(u32::MAX);
        let var = self.model.weighted(self.set.label(key), value, standing, weight)?;
        self.cells.insert(key.clone(), var);
        Ok(())
    }

    /// The count of a cell: as given, else the sum of its parts, else nobody if that can be.
    fn resolve(&mut self, key: &Key) -> Result<u32, Error> {
        if let Some(&value) = self.set.counts.get(key).or_else(|| self.values.get(key)) {
            return Ok(value);
        }
        let set = self.set;
        let mut least = 0;
        let mut sum = None;
        for table in set.tables.iter().filter(|table| key.0.iter().all(|(number, _)| table.contains(number))) {
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
                if set.dimensions[number].kind == Kind::Exclusive && !set.overlap(key, number) {
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

    fn relate_dimensions(&mut self, table: &[usize], key: &Key) -> Result<(), Error> {
        let set = self.set;
        for &number in table {
            let Some(parts) = set.parts(key, number) else { continue };
            let total = self.cells[key];
            let vars = self.vars(&parts);
            match set.dimensions[number].kind {
                Kind::Exclusive if set.overlap(key, number) => self.model.union(total, &vars),
                Kind::Exclusive => self.model.sum(total, &vars),
                Kind::Multiple => {
                    for (place, var) in vars.into_iter().enumerate() {
                        self.complement(key, number, place, total, var)?;
                    }
                }
                Kind::Periods(_) => {}
            }
        }
        Ok(())
    }

    /// Those of `total` who are not in `part`: a count that every reader can make.
    fn complement(&mut self, key: &Key, number: usize, place: usize, total: Var, part: Var) -> Result<(), Error> {
        let without = key.with(number, Place::NotIn(place));
        let label = self.set.label(&without);
        let var = match self.cells.get(&without) {
            Some(&var) => var,
            None => {
                let Some(value) = self.value(total).checked_sub(self.value(part)) else {
                    let relation = format!(
                        "[{}] ≤ [{}]",
                        self.set.label(&key.with(number, Place::In(place))),
                        self.set.label(key)
                    );
                    return Err(Error::Inconsistent { relation });
                };
                let known = self.set.impossible.iter().any(|impossible| key.contains(impossible));
                let standing = if known { Standing::Known } else { Standing::Implied };
                let var = self.model.variable(label, value, standing)?;
                self.cells.insert(without, var);
                var
            }
        };
        self.model.sum(total, &[part, var]);
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
    /// Conversely counts that allow such `u` come from some people, so this is all that can be known of one table.
    fn relate_latest(
        &mut self,
        table: &[usize],
        keys: &[Key],
        periods: usize,
        changing: &[usize],
    ) -> Result<(), Error> {
        let set = self.set;
        let is_inner = |key: &Key| {
            table.iter().all(|&number| match set.dimensions[number].kind {
                // Their categories do not divide the people, so they stay at their total here.
                Kind::Multiple => key.place(number).is_none(),
                Kind::Periods(_) => number == periods && key.place(number).is_none(),
                Kind::Exclusive => matches!(key.place(number), Some(Place::In(place)) if place < set.dimensions[number].categories.len()),
            })
        };
        let divides = |number: &usize| set.dimensions[*number].kind == Kind::Exclusive;
        if !changing.iter().any(divides) {
            return Ok(());
        }
        let names: Vec<&str> = table.iter().map(|&number| set.dimensions[number].name.as_str()).collect();
        let mut names = names;
        names.sort_unstable();
        let last = set.dimensions[periods].categories.len() - 1;
        for from in 1..last {
            let mut found: BTreeMap<Key, Vec<Var>> = BTreeMap::new();
            for key in keys.iter().filter(|key| is_inner(key)) {
                let later = self.each_period(key, periods).split_off(from);
                let total = self.cells[key];
                let sum = later.iter().fold(0_u32, |sum, &var| sum.saturating_add(self.value(var)));
                let label = format!(
                    "{} & last found from {} (table of {})",
                    set.label(key),
                    set.dimensions[periods].categories[from],
                    names.join(", ")
                );
                let value = sum.min(self.value(total));
                let last_found = self.model.variable(label, value, Standing::Unlisted)?;
                self.model.at_most(last_found, &[total]);
                self.model.at_most(last_found, &later);
                let fixed = changing.iter().fold(key.clone(), |key, &number| key.without(number));
                found.entry(fixed).or_default().push(last_found);
            }
            for (fixed, last_found) in found {
                let people = self.cells[&fixed.with(periods, Place::In(from))];
                self.model.at_most(people, &last_found);
            }
        }
        Ok(())
    }
}
