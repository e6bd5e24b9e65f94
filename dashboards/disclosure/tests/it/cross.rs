//! Cross tables over settled margins: against linear programming, and against an attacker who looks for people.

use disclosure::{
    Alike, At, CrossError, CrossTable, Dimension, DimensionId, ProtectedCross, ProtectedTables, TableSet, Threshold,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::chance::Chance;
use crate::people::{Ask, Cell, Seen};

const OUTCOMES: [usize; 2] = [3, 2];

fn table(rows: usize, columns: usize, people: &[(usize, usize, usize, usize)]) -> CrossTable {
    let mut table = CrossTable::new(rows, columns, &OUTCOMES, &[]);
    for &(row, column, first, second) in people {
        let alike = Alike { row: row % rows, column: column % columns, outcomes: &[first, second], beside: &[] };
        table.add(alike, 1).unwrap();
    }
    table
}

/// Somebody of favourite kinds, so that cells are uneven.
fn anybody() -> impl Strategy<Value = (usize, usize, usize, usize)> {
    let uneven = |most: usize| (0..most, 0..most).prop_map(|(one, other)| one.min(other));
    (uneven(4), uneven(4), uneven(3), uneven(2))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_small_is_shown_and_linear_programming_finds_nothing(
        rows in 2_usize..5,
        columns in 2_usize..5,
        people in prop::collection::vec(anybody(), 60..400),
    ) {
        match table(rows, columns, &people).protect(Threshold::default()) {
            Ok(protected) => prop_assert_eq!(protected.exposed().unwrap(), Vec::<String>::new()),
            Err(CrossError::Unprotectable { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[test]
fn a_large_table_shows_most_of_its_people() {
    let mut chance = Chance(7);
    let mut below = |most| chance.below(most);
    let people: Vec<_> = (0..3_000).map(|_| (below(5), below(4), below(3), below(2))).collect();
    let protected = table(5, 4, &people).protect(Threshold::default()).unwrap();
    assert_eq!(protected.size(), (20 * 6, 0));
    let few: Vec<_> = people
        .iter()
        .enumerate()
        .filter(|&(number, person)| person.0 != 4 || number % 15 == 0)
        .map(|(_, p)| *p)
        .collect();
    let protected = table(5, 4, &few).protect(Threshold::default()).unwrap();
    let (cells, hidden) = protected.size();
    assert!(hidden > 0 && hidden < cells / 2, "{hidden} of {cells}");
    assert!(protected.people((4, 0)).unwrap().published().value().is_none_or(|people| people >= 5));
    assert_eq!(protected.exposed().unwrap(), Vec::<String>::new());
}

#[test]
fn a_group_that_is_hidden_shows_no_outcome_and_a_share_no_last_few() {
    let mut table = CrossTable::new(2, 2, &[2], &[]);
    for (row, column, counts) in [(0, 0, [40, 30]), (0, 1, [2, 1]), (1, 0, [30, 20]), (1, 1, [60, 40])] {
        for (outcome, people) in counts.into_iter().enumerate() {
            table.add(Alike { row, column, outcomes: &[outcome], beside: &[] }, people).unwrap();
        }
    }
    let protected = table.clone().protect(Threshold::default()).unwrap();
    // Two by two: whoever knows the margins knows all groups from one.
    for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        assert_eq!(protected.people((row, column)).unwrap().published().value(), None);
        assert_eq!(protected.count((row, column), 0, 0).unwrap().published().value(), None);
        assert_eq!(protected.published().share((row, column), 0, 0).value(), None);
    }
    let nowhere = table.add(Alike { row: 0, column: 2, outcomes: &[0], beside: &[] }, 1);
    assert_eq!(nowhere, Err(CrossError::Unknown { row: 0, column: 2 }));
}

#[test]
fn people_that_are_known_stay_where_they_are() {
    let table = |times: u32| {
        let mut table = CrossTable::new(2, 2, &[2], &[]).with_known_people();
        for (row, column, counts) in [(0, 0, [40, 30]), (0, 1, [2 * times, 7]), (1, 0, [30, 20]), (1, 1, [60, 40])] {
            for (outcome, people) in counts.into_iter().enumerate() {
                table.add(Alike { row, column, outcomes: &[outcome], beside: &[] }, people).unwrap();
            }
        }
        table.protect(Threshold::default())
    };
    let protected = table(1).unwrap();
    assert_eq!(protected.people((0, 1)).unwrap().published().value(), Some(9));
    assert_eq!((protected.published().people_of_row(0), protected.published().people_of_column(0)), (79, 120));
    assert_eq!(protected.count((0, 1), 0, 0).unwrap().published().value(), None);
    assert_eq!(protected.exposed().unwrap(), Vec::<String>::new());
    // Few of them are not for this table to tell.
    let mut few = CrossTable::new(2, 2, &[], &[]).with_known_people();
    for (row, column, people) in [(0, 0, 40), (0, 1, 4), (1, 0, 30), (1, 1, 60)] {
        few.add(Alike { row, column, outcomes: &[], beside: &[] }, people).unwrap();
    }
    assert_eq!(few.protect(Threshold::default()).unwrap_err(), CrossError::Unprotectable { row: 0, column: 1 });
    assert_eq!(table(3).unwrap().count((0, 1), 0, 0).unwrap().published().value(), Some(6));
}

/// Everything that is offered of people with three characteristics and an outcome: each characteristic by outcome, from the
/// engine; each two of them, crossed over the margins that it settled.
struct World {
    base: ProtectedTables,
    outcome: DimensionId,
    of: Vec<DimensionId>,
    crosses: Vec<Crossed>,
}

/// Two characteristics crossed, with the categories counted together.
struct Crossed {
    of: (usize, usize),
    rows: Vec<Vec<usize>>,
    columns: Vec<Vec<usize>>,
    protected: ProtectedCross,
}

/// The ways to count categories together that leave two groups at least, the finest first.
fn ways(categories: usize) -> Vec<Vec<Vec<usize>>> {
    let alone: Vec<Vec<usize>> = (0..categories).map(|one| vec![one]).collect();
    let joined = pairs(categories, categories).filter(|(one, other)| one < other).map(|(one, other)| {
        let others = (0..categories).filter(|&rest| rest != one && rest != other).map(|rest| vec![rest]);
        std::iter::once(vec![one, other]).chain(others).collect::<Vec<_>>()
    });
    std::iter::once(alone).chain(joined).filter(|groups| groups.len() >= 2).collect()
}

const CATEGORIES: [usize; 3] = [2, 3, 2];
const LEVELS: usize = 2;

/// A person: the category of each characteristic, and the outcome.
type Person = ([usize; 3], usize);

/// Categories asked for of each characteristic, and an outcome: whoever has all of them is counted.
#[derive(Clone, Debug, Default)]
struct Looked {
    /// Of a characteristic, the categories of which one is asked for.
    categories: Vec<(usize, Vec<usize>)>,
    level: Option<usize>,
}

impl Looked {
    fn counts(&self, (categories, level): &Person) -> bool {
        self.categories.iter().all(|(number, asked)| asked.contains(&categories[*number]))
            && self.level.is_none_or(|asked| asked == *level)
    }
}

const NAMES: [&str; 3] = ["0", "1", "2"];

fn number_of(people: &[Person], cell: &Looked) -> u32 {
    u32::try_from(people.iter().filter(|one| cell.counts(one)).count()).unwrap()
}

impl World {
    fn new(people: &[Person]) -> Self {
        let mut set = TableSet::new();
        let outcome = set.dimension(Dimension::exclusive("outcome", NAMES[..LEVELS].iter().copied())).unwrap();
        let dimension = |(number, &most): (usize, &usize)| {
            set.dimension(Dimension::exclusive(format!("of {number}"), NAMES[..most].iter().copied())).unwrap()
        };
        let of: Vec<_> = CATEGORIES.iter().enumerate().map(dimension).collect();
        for (number, &most) in CATEGORIES.iter().enumerate() {
            set.table(&[of[number], outcome]).unwrap();
            for (category, level) in pairs(most, LEVELS) {
                let cell = Looked { categories: vec![(number, vec![category])], level: Some(level) };
                set.count(&[(of[number], NAMES[category]), (outcome, NAMES[level])], number_of(people, &cell)).unwrap();
            }
        }
        let base = set.protect(Threshold::default()).unwrap();
        // Categories are counted together until all margins are settled.
        let settled = |number: usize| {
            ways(CATEGORIES[number]).into_iter().find(|groups| {
                groups.iter().all(|group| {
                    (0..LEVELS).all(|level| {
                        let at = |&one: &usize| [(of[number], NAMES[one]), (outcome, NAMES[level])];
                        let cells: Vec<_> = group.iter().map(at).collect();
                        base.is_settled(&cells.iter().map(|cell| cell.as_slice()).collect::<Vec<_>>()).unwrap()
                    })
                })
            })
        };
        let place =
            |groups: &[Vec<usize>], category: usize| groups.iter().position(|one| one.contains(&category)).unwrap();
        let mut crosses = Vec::new();
        for (first, second) in [(0, 1), (0, 2), (1, 2)] {
            let (Some(rows), Some(columns)) = (settled(first), settled(second)) else { continue };
            let third = 3 - first - second;
            let mut cross = CrossTable::new(CATEGORIES[first], CATEGORIES[second], &[LEVELS], &[CATEGORIES[third]]);
            for (categories, level) in people {
                let (row, column) = (place(&rows, categories[first]), place(&columns, categories[second]));
                let beside = &[categories[third]];
                cross.add(Alike { row, column, outcomes: &[*level], beside }, 1).unwrap();
            }
            if let Ok(protected) = cross.protect(Threshold::default()) {
                crosses.push(Crossed { of: (first, second), rows, columns, protected });
            }
        }
        Self { base, outcome, of, crosses }
    }

    /// Everything that can be asked for, with what is shown.
    fn looked_at(&self) -> Vec<(Looked, Option<u32>)> {
        let levels = || std::iter::once(None).chain((0..LEVELS).map(Some));
        let mut all = Vec::new();
        let ask_base = |cell: Looked| {
            let mut at: Vec<_> =
                cell.categories.iter().map(|(number, one)| (self.of[*number], NAMES[one[0]])).collect();
            at.extend(cell.level.map(|level| (self.outcome, NAMES[level])));
            let shown = self.base.count(&at).unwrap().published().value();
            (cell, shown)
        };
        for level in levels() {
            all.push(ask_base(Looked { categories: Vec::new(), level }));
            for (number, &most) in CATEGORIES.iter().enumerate() {
                let of = |category| Looked { categories: vec![(number, vec![category])], level };
                all.extend((0..most).map(of).map(ask_base));
            }
            for Crossed { of: (first, second), rows, columns, protected } in &self.crosses {
                for (row, column) in pairs(rows.len(), columns.len()) {
                    let decision = match level {
                        None => protected.people((row, column)),
                        Some(level) => protected.count((row, column), 0, level),
                    };
                    let categories = vec![(*first, rows[row].clone()), (*second, columns[column].clone())];
                    all.push((Looked { categories, level }, decision.unwrap().published().value()));
                }
            }
        }
        all
    }

    /// What a reader of everything could say against the promise.
    fn complaints(&self, people: &[Person]) -> Vec<String> {
        let mut types: Vec<Person> = Vec::new();
        for ((first, second), (third, level)) in pairs(CATEGORIES[0], CATEGORIES[1])
            .flat_map(|one| pairs(CATEGORIES[2], LEVELS).map(move |other| (one, other)))
        {
            types.push(([first, second, third], level));
        }
        let types_in = |cell: &Looked| (0..types.len()).filter(|&one| cell.counts(&types[one])).collect::<Cell>();
        let mut seen = Seen { cells: Vec::new(), types: types.len() };
        let mut small = Vec::new();
        let mut complaints = Vec::new();
        for (cell, shown) in self.looked_at() {
            let truth = number_of(people, &cell);
            match shown {
                Some(value) if value != truth || value < 5 => {
                    complaints.push(format!("{cell:?} shows {value} for {truth}"))
                }
                Some(value) => seen.cells.push((types_in(&cell), value)),
                None if truth < 5 => small.push(cell),
                None => {}
            }
        }
        for cell in small {
            for ask in [Ask::Nobody, Ask::AtLeast(5)] {
                if !seen.allows(&types_in(&cell), ask) {
                    complaints.push(format!("{cell:?} cannot be {ask:?}"));
                }
            }
        }
        complaints
    }
}

fn pairs(first: usize, second: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..first).flat_map(move |one| (0..second).map(move |other| (one, other)))
}

fn person() -> impl Strategy<Value = Person> {
    (0..CATEGORIES[0], 0..CATEGORIES[1], 0..CATEGORIES[2], 0..LEVELS).prop_map(|(a, b, c, level)| ([a, b, c], level))
}

/// What came of many random populations: cells of crosses that are hidden, those that had something to hide, and what an
/// attacker says.
#[derive(Default)]
struct Attacked {
    hidden: usize,
    worlds: usize,
    complaints: Vec<String>,
}

fn attack(populations: impl Strategy<Value = Vec<(Person, usize)>>) -> Attacked {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut attacked = Attacked::default();
    for _ in 0..60 {
        let drawn = populations.new_tree(&mut runner).unwrap().current();
        let people: Vec<Person> = drawn.iter().flat_map(|(one, times)| std::iter::repeat_n(*one, *times)).collect();
        let world = World::new(&people);
        let hidden = world.crosses.iter().map(|crossed| crossed.protected.size().1).sum::<usize>();
        attacked.hidden += hidden;
        attacked.worlds += usize::from(hidden > 0);
        attacked.complaints.extend(world.complaints(&people));
    }
    attacked
}

#[test]
fn whoever_sees_every_combination_can_explain_it_with_other_people() {
    let attacked = attack(prop::collection::vec((person(), 1_usize..25), 6..22));
    assert_eq!(attacked.complaints, Vec::<String>::new());
    assert!(attacked.worlds > 10, "only {} worlds had anything to hide", attacked.worlds);
}

#[test]
fn nor_can_whoever_knows_that_people_are_of_few_kinds_say_more() {
    let attacked = attack(prop::collection::vec((person(), 4_usize..30), 8..16));
    assert_eq!(attacked.complaints, Vec::<String>::new());
    assert!(attacked.worlds > 10, "only {} worlds had anything to hide", attacked.worlds);
}

#[test]
fn what_the_proofs_move_is_not_settled() {
    let people: Vec<Person> = [([0, 0, 0], 0, 3), ([0, 1, 0], 1, 40), ([1, 2, 1], 0, 20), ([1, 2, 1], 1, 30)]
        .into_iter()
        .flat_map(|(categories, level, times)| std::iter::repeat_n((categories, level), times))
        .collect();
    let world = World::new(&people);
    let settled = |cells: &[At<'_>]| world.base.is_settled(cells).unwrap();
    let (low, high) = ((world.outcome, "0"), (world.outcome, "1"));
    let first = (world.of[0], "0");
    assert!(!settled(&[&[first, low]]), "three people are hidden");
    assert!(!settled(&[&[first, high]]), "and so is what would tell them");
    // Together they are the whole category, which is shown.
    assert!(settled(&[&[first, low], &[first, high]]));
    assert!(settled(&[&[first]]));
    let movement = |cell: At<'_>| world.base.movement(cell).unwrap();
    assert_ne!(movement(&[first, low]), 0);
    assert_eq!(movement(&[first, low]).wrapping_add(movement(&[first, high])), 0);
    assert!(world.crosses.iter().all(|crossed| crossed.of.0 != 0), "nothing is crossed over a margin that moves");
}

/// Somebody by row, column and outcome, and whether they came in between.
type Came = ([usize; 3], bool);

/// Two times of one cross table: the people who are there at both, and those who came in between, in the first two columns alone.
struct TwoTimes {
    then: ProtectedCross,
    now: ProtectedCross,
    people: Vec<Came>,
}

const TWO: [usize; 3] = [3, 4, 3];

/// What two times tell together, and what the later one hides that was shown.
#[derive(Default)]
struct Between {
    complaints: Vec<String>,
    lost: usize,
    tried: usize,
}

impl TwoTimes {
    /// None where one of the two cannot be protected.
    fn new(seed: u64, is_told: bool) -> Option<Self> {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut below = |most| chance.below(most);
        let people: Vec<_> = (0..450)
            .map(|number| {
                let is_new = number >= 400;
                let columns = if is_new { 2 } else { TWO[1] };
                let row = below(TWO[0]).min(below(TWO[0]));
                ([row, below(columns), below(TWO[2]).min(below(TWO[2]))], is_new)
            })
            .collect();
        let table = |is_there: &dyn Fn(bool) -> bool| {
            let mut table = CrossTable::new(TWO[0], TWO[1], &TWO[2..], &[]);
            for ([row, column, outcome], _) in people.iter().filter(|(_, is_new)| is_there(*is_new)) {
                table.add(Alike { row: *row, column: *column, outcomes: &[*outcome], beside: &[] }, 1).unwrap();
            }
            table
        };
        let then = table(&|is_new| !is_new).protect(Threshold::default()).ok()?;
        let mut now = table(&|_| true);
        for (group, outcome) in Self::cells().filter(|_| is_told) {
            let was_shown = shown(&then, group, outcome).is_some();
            now.seen_before(group, outcome.map(|outcome| (0, outcome)), was_shown).unwrap();
        }
        Some(Self { then, now: now.protect(Threshold::default()).ok()?, people })
    }

    fn cells() -> impl Iterator<Item = ((usize, usize), Option<usize>)> {
        let outcomes = || std::iter::once(None).chain((0..TWO[2]).map(Some));
        pairs(TWO[0], TWO[1]).flat_map(move |group| outcomes().map(move |outcome| (group, outcome)))
    }

    /// Looks at both as whoever knows which columns nobody came to, and all margins.
    fn compare(&self, between: &mut Between) {
        let in_columns = |columns: usize, is_new| {
            let of_row = move |(row, column)| (0..TWO[2]).map(move |outcome| ([row, column, outcome], is_new));
            pairs(TWO[0], columns).flat_map(of_row)
        };
        let types: Vec<_> = in_columns(TWO[1], false).chain(in_columns(2, true)).collect();
        let of = |is_of: &dyn Fn(&Came) -> bool| {
            let cell: Cell = (0..types.len()).filter(|&one| is_of(&types[one])).collect();
            (cell, u32::try_from(self.people.iter().filter(|one| is_of(one)).count()).unwrap())
        };
        let mut seen = Seen { cells: Vec::new(), types: types.len() };
        let mut small = Vec::new();
        for (cross, is_now) in [(&self.then, false), (&self.now, true)] {
            let outcomes = || std::iter::once(None).chain((0..TWO[2]).map(Some));
            let is_there = move |is_new: bool| is_now || !is_new;
            for outcome in outcomes() {
                let has = move |of: usize| outcome.is_none_or(|asked| asked == of);
                for row in 0..TWO[0] {
                    seen.cells.push(of(&|([one, _, last], is_new)| *one == row && has(*last) && is_there(*is_new)));
                }
                for column in 0..TWO[1] {
                    seen.cells.push(of(&|([_, one, last], is_new)| *one == column && has(*last) && is_there(*is_new)));
                }
            }
            for (group, outcome) in Self::cells() {
                let (cell, people) = of(&|([row, column, last], is_new)| {
                    (*row, *column) == group && outcome.is_none_or(|asked| asked == *last) && is_there(*is_new)
                });
                match shown(cross, group, outcome) {
                    Some(value) => {
                        assert_eq!(value, people);
                        seen.cells.push((cell, people));
                    }
                    None if people < 5 => small.push((is_now, group, outcome, cell)),
                    None => {}
                }
            }
        }
        // Who came is told by what has changed, whatever is hidden: not asked here.
        small.retain(|(is_now, (_, column), ..)| !is_now || *column >= 2);
        between.tried += small.len();
        for (is_now, group, outcome, cell) in small {
            for ask in [Ask::Nobody, Ask::AtLeast(5)] {
                if !seen.allows(&cell, ask) {
                    between.complaints.push(format!("now {is_now}: {group:?} {outcome:?} cannot be {ask:?}"));
                }
            }
        }
        let is_lost = |&(group, outcome): &((usize, usize), Option<usize>)| {
            shown(&self.then, group, outcome).is_some() && shown(&self.now, group, outcome).is_none()
        };
        between.lost += Self::cells().filter(is_lost).count();
    }

    fn between(is_told: bool) -> Between {
        let mut between = Between::default();
        (0..60).filter_map(|seed| Self::new(seed, is_told)).for_each(|two| two.compare(&mut between));
        between
    }
}

fn shown(cross: &ProtectedCross, group: (usize, usize), outcome: Option<usize>) -> Option<u32> {
    let decision = match outcome {
        None => cross.people(group),
        Some(outcome) => cross.count(group, 0, outcome),
    };
    decision.unwrap().published().value()
}

#[test]
fn two_times_of_a_cross_table_tell_of_hidden_counts_unless_the_later_knows_the_first() {
    let (alone, knowing) = (TwoTimes::between(false), TwoTimes::between(true));
    assert!(alone.tried > 300 && knowing.tried > 300, "{} and {}", alone.tried, knowing.tried);
    // Each proved by itself.
    assert!(alone.complaints.len() > 20 && alone.lost > 20, "{} and {}", alone.complaints.len(), alone.lost);
    assert_eq!((knowing.complaints, knowing.lost), (Vec::<String>::new(), 0));
}
