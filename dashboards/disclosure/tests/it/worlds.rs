//! Small worlds for attacks: dimensions, tables over them, and people who live there.

use std::collections::BTreeSet;

use disclosure::{AllPeriods, Dimension, DimensionId, Error, ProtectedTables, TableSet, Threshold};

use crate::chance::Chance;
use crate::people::Cell;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Exclusive,
    Multiple,
    /// Whoever is in the last category is in no other.
    Apart,
}

#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) kind: Kind,
    pub(crate) categories: usize,
    pub(crate) changing: bool,
}

/// Dimensions and tables; `periods` is offered in every table when it is there.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) axes: Vec<Axis>,
    pub(crate) periods: Option<(usize, AllPeriods)>,
    pub(crate) tables: Vec<Vec<usize>>,
    /// A table over everything that nobody sees.
    pub(crate) background: bool,
}

/// Where somebody is: categories by axis.
pub(crate) type Place = Vec<BTreeSet<usize>>;

/// Somebody, by period; nowhere in those where they were not seen.
pub(crate) type Person = Vec<Option<Place>>;

/// A cell by its period (or all) and its categories; `false` for those without the category.
pub(crate) type Coordinates = (Option<usize>, Vec<(usize, usize, bool)>);

fn axis(kind: Kind, categories: usize) -> Axis {
    Axis { kind, categories, changing: false }
}

fn changing(kind: Kind, categories: usize) -> Axis {
    Axis { kind, categories, changing: true }
}

/// The shapes that are attacked.
pub(crate) fn shapes() -> Vec<World> {
    use Kind::{Apart, Exclusive, Multiple};
    let world = |axes: Vec<Axis>, periods, tables| World { axes, periods, tables, background: false };
    let one = |axes: Vec<Axis>, periods| {
        let table = (0..axes.len()).collect();
        world(axes, periods, vec![table])
    };
    let with_background = |world: World| World { background: true, ..world };
    vec![
        one(vec![axis(Exclusive, 2), axis(Exclusive, 3)], None),
        one(vec![axis(Multiple, 2), axis(Exclusive, 2)], None),
        one(vec![axis(Apart, 2), axis(Exclusive, 2)], None),
        one(vec![axis(Apart, 3), axis(Exclusive, 2)], None),
        one(vec![axis(Exclusive, 2), axis(Exclusive, 2), axis(Exclusive, 2)], None),
        one(vec![axis(Exclusive, 3)], Some((3, AllPeriods::EverThere))),
        one(vec![axis(Exclusive, 2), axis(Exclusive, 2)], Some((2, AllPeriods::EverThere))),
        one(vec![changing(Exclusive, 2)], Some((3, AllPeriods::Latest))),
        one(vec![changing(Exclusive, 2), changing(Exclusive, 2)], Some((2, AllPeriods::Latest))),
        one(vec![axis(Exclusive, 2), changing(Exclusive, 2)], Some((2, AllPeriods::Latest))),
        one(vec![changing(Multiple, 2), changing(Exclusive, 2)], Some((2, AllPeriods::Latest))),
        one(vec![changing(Apart, 2), changing(Exclusive, 2)], Some((2, AllPeriods::Latest))),
        one(vec![changing(Apart, 3)], Some((3, AllPeriods::Latest))),
        one(vec![changing(Exclusive, 2), changing(Exclusive, 2)], Some((3, AllPeriods::Latest))),
        // Two tables that share a margin.
        world(vec![axis(Exclusive, 2), axis(Exclusive, 3), axis(Exclusive, 2)], None, vec![vec![0, 2], vec![1, 2]]),
        world(
            vec![axis(Exclusive, 2), changing(Exclusive, 2), changing(Exclusive, 2)],
            Some((2, AllPeriods::Latest)),
            vec![vec![0, 2], vec![1, 2]],
        ),
        with_background(ring()),
    ]
}

/// Three tables, each two of which share an axis.
pub(crate) fn ring() -> World {
    World {
        axes: vec![axis(Kind::Exclusive, 2), axis(Kind::Exclusive, 3), axis(Kind::Exclusive, 2)],
        periods: None,
        tables: vec![vec![0, 1], vec![0, 2], vec![1, 2]],
        background: false,
    }
}

impl World {
    /// Every type of person there can be.
    pub(crate) fn types(&self) -> Vec<Person> {
        let mut places: Vec<Place> = vec![vec![]];
        for axis in &self.axes {
            let choices: Vec<BTreeSet<usize>> = match axis.kind {
                Kind::Exclusive => (0..axis.categories).map(|category| BTreeSet::from([category])).collect(),
                Kind::Multiple => (0..1_usize << axis.categories)
                    .map(|bits| (0..axis.categories).filter(|category| bits >> category & 1 == 1).collect())
                    .collect(),
                Kind::Apart => (0..1_usize << (axis.categories - 1))
                    .map(|bits| (0..axis.categories - 1).filter(|category| bits >> category & 1 == 1).collect())
                    .chain([BTreeSet::from([axis.categories - 1])])
                    .collect(),
            };
            places = places
                .iter()
                .flat_map(|place| choices.iter().map(move |choice| [place.clone(), vec![choice.clone()]].concat()))
                .collect();
        }
        let seen = places.into_iter().map(Some);
        let Some((periods, _)) = self.periods else { return seen.map(|place| vec![place]).collect() };
        let states: Vec<Option<Place>> = seen.chain([None]).collect();
        let mut people: Vec<Person> = vec![vec![]];
        for _ in 0..periods {
            people = people
                .iter()
                .flat_map(|person| states.iter().map(move |state| [person.clone(), vec![state.clone()]].concat()))
                .filter(|person| self.stays_put(person))
                .collect();
        }
        people.retain(|person| person.iter().any(Option::is_some));
        people
    }

    /// So many people, drawn without listing every type.
    pub(crate) fn draw(&self, people: usize, seed: u64) -> Vec<Person> {
        let mut chance = Chance(seed);
        let mut below = |most| chance.below(most);
        let periods = self.periods.map_or(1, |(periods, _)| periods);
        (0..people)
            .map(|_| {
                let first = below(periods);
                let mut before: Option<Place> = None;
                (0..periods)
                    .map(|period| {
                        (period == first || period > first && below(2) == 0).then(|| {
                            let place: Place = (0..self.axes.len())
                                .map(|number| {
                                    let axis = &self.axes[number];
                                    match (&before, axis.kind) {
                                        (Some(before), _) if !axis.changing => before[number].clone(),
                                        (_, Kind::Multiple) => (0..axis.categories).filter(|_| below(3) == 0).collect(),
                                        (_, Kind::Apart) if below(2) == 0 => BTreeSet::from([axis.categories - 1]),
                                        (_, Kind::Apart) => {
                                            (0..axis.categories - 1).filter(|_| below(3) == 0).collect()
                                        }
                                        // The first categories more often.
                                        (_, Kind::Exclusive) => {
                                            BTreeSet::from([below(axis.categories).min(below(axis.categories))])
                                        }
                                    }
                                })
                                .collect();
                            before = Some(place.clone());
                            place
                        })
                    })
                    .collect()
            })
            .collect()
    }

    /// Whether what does not change does not.
    fn stays_put(&self, person: &Person) -> bool {
        let mut seen = person.iter().flatten();
        let Some(first) = seen.next() else { return true };
        seen.all(|place| (0..self.axes.len()).all(|axis| self.axes[axis].changing || place[axis] == first[axis]))
    }

    pub(crate) fn counts(&self, person: &Person, (period, categories): &Coordinates) -> bool {
        let (with, without): (Vec<_>, Vec<_>) = categories.iter().partition(|&&(_, _, with)| with);
        let fits = |place: &Place| with.iter().all(|&(axis, category, _)| place[axis].contains(&category));
        let fits =
            |place: &Place| fits(place) && without.iter().all(|&(axis, category, _)| !place[axis].contains(&category));
        match (period, self.periods) {
            (Some(period), _) => person[*period].as_ref().is_some_and(fits),
            (None, Some((_, AllPeriods::Latest))) => person.iter().rev().flatten().next().is_some_and(fits),
            (None, Some((_, AllPeriods::EverThere)) | None) => person.iter().flatten().any(fits),
        }
    }

    /// Every cell that is offered, and those without a category, or without two of which one is apart, that readers can compute.
    pub(crate) fn cells(&self) -> BTreeSet<Coordinates> {
        self.tables.iter().flat_map(|table| self.cells_of(table)).collect()
    }

    fn cells_of(&self, table: &[usize]) -> Vec<Coordinates> {
        let mut keys: Vec<Vec<(usize, usize, bool)>> = vec![vec![]];
        for &axis in table {
            let categories = self.axes[axis].categories;
            let mut choices: Vec<_> = (0..categories).map(|category| vec![(axis, category, true)]).collect();
            if self.axes[axis].kind != Kind::Exclusive {
                choices.extend((0..categories).map(|category| vec![(axis, category, false)]));
            }
            if self.axes[axis].kind == Kind::Apart {
                let apart = categories - 1;
                choices.extend((0..apart).map(|category| vec![(axis, category, false), (axis, apart, false)]));
            }
            let finer: Vec<_> =
                keys.iter().flat_map(|key| choices.iter().map(|choice| [key.as_slice(), choice].concat())).collect();
            keys.extend(finer);
        }
        let periods = self.periods.map_or(0, |(periods, _)| periods);
        let periods = (0..periods).map(Some).chain([None]);
        periods.flat_map(|period| keys.iter().map(move |key| (period, key.clone()))).collect()
    }

    pub(crate) fn types_in(&self, types: &[Person], cell: &Coordinates) -> Cell {
        (0..types.len()).filter(|&kind| self.counts(&types[kind], cell)).collect()
    }

    /// The engine's tables, built and asked in an order that `reversed` turns around.
    pub(crate) fn protect(&self, people: &[Person], threshold: Threshold, reversed: bool) -> Result<Protected, Error> {
        let mut set = TableSet::new();
        let mut ids = vec![None; self.axes.len()];
        let mut periods = None;
        let mut order: Vec<usize> = (0..self.axes.len()).collect();
        if reversed {
            order.reverse();
        }
        let turned = |mut names: Vec<String>| {
            if reversed {
                names.reverse();
            }
            names
        };
        let add_periods = |set: &mut TableSet| {
            self.periods.map(|(count, all)| {
                let names = (0..count).map(|period| format!("p{period}"));
                set.dimension(Dimension::periods("period", names, all)).unwrap()
            })
        };
        if reversed {
            periods = add_periods(&mut set);
        }
        for &number in &order {
            let axis = &self.axes[number];
            let names = turned((0..axis.categories).map(|category| format!("c{category}")).collect());
            let mut dimension = match axis.kind {
                Kind::Exclusive => Dimension::exclusive(format!("axis{number}"), names),
                Kind::Multiple => Dimension::multiple(format!("axis{number}"), names),
                Kind::Apart => {
                    let apart = format!("c{}", axis.categories - 1);
                    Dimension::multiple(format!("axis{number}"), names).apart(apart)
                }
            };
            if axis.changing {
                dimension = dimension.changing();
            }
            ids[number] = Some(set.dimension(dimension)?);
        }
        if !reversed {
            periods = add_periods(&mut set);
        }
        let ids: Vec<DimensionId> = ids.into_iter().flatten().collect();
        let mut tables: Vec<Vec<DimensionId>> =
            self.tables.iter().map(|table| table.iter().map(|&axis| ids[axis]).chain(periods).collect()).collect();
        let everything: Vec<usize> = (0..self.axes.len()).collect();
        let mut cells = self.cells();
        if self.background {
            cells.extend(self.cells_of(&everything));
            let dimensions: Vec<_> = everything.iter().map(|&axis| ids[axis]).chain(periods).collect();
            set.background(&dimensions)?;
        }
        let mut cells: Vec<Coordinates> =
            cells.into_iter().filter(|(_, key)| key.iter().all(|&(_, _, with)| with)).collect();
        if reversed {
            tables.reverse();
            tables.iter_mut().for_each(|table| table.reverse());
            cells.reverse();
        }
        for table in &tables {
            set.table(table)?;
        }
        for cell in &cells {
            let count = people.iter().filter(|person| self.counts(person, cell)).count();
            let names = names(cell);
            set.count(&at(&ids, periods, &names), count.try_into().unwrap())?;
        }
        Ok(Protected { tables: set.protect(threshold)?, ids, periods })
    }
}

pub(crate) struct Protected {
    pub(crate) tables: ProtectedTables,
    ids: Vec<DimensionId>,
    periods: Option<DimensionId>,
}

impl Protected {
    /// The shown count of a cell; those without a category are never shown.
    pub(crate) fn shown(&self, cell: &Coordinates) -> Option<u32> {
        if cell.1.iter().any(|&(_, _, with)| !with) {
            return None;
        }
        let names = names(cell);
        self.tables.count(&at(&self.ids, self.periods, &names)).unwrap().published().value()
    }
}

type Names = (Option<String>, Vec<(usize, String)>);

fn names((period, key): &Coordinates) -> Names {
    let categories = key.iter().map(|&(axis, category, _)| (axis, format!("c{category}"))).collect();
    (period.map(|period| format!("p{period}")), categories)
}

fn at<'a>(ids: &[DimensionId], periods: Option<DimensionId>, names: &'a Names) -> Vec<(DimensionId, &'a str)> {
    let period = periods.zip(names.0.as_deref());
    names.1.iter().map(|(axis, name)| (ids[*axis], name.as_str())).chain(period).collect()
}
