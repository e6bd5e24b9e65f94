//! People who do not exist: drawn from the residents of real comuni, with invented names and circumstances.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};
use domain::identifier::{CodiceFiscale, Identifier, IdentifierKind};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use rand::{Rng, RngExt};
use territory::{BelfioreCode, ComuneCode};

use super::enti::DemoEnte;

/// Ages at which the services meet people.
const AGES: std::ops::RangeInclusive<u8> = 18..=66;

const WOMEN: [&str; 30] = [
    "Anna",
    "Maria",
    "Giulia",
    "Elena",
    "Sara",
    "Francesca",
    "Paola",
    "Laura",
    "Chiara",
    "Silvia",
    "Marta",
    "Teresa",
    "Lucia",
    "Irene",
    "Nadia",
    "Monica",
    "Carla",
    "Rosa",
    "Daniela",
    "Federica",
    "Amina",
    "Fatima",
    "Olga",
    "Irina",
    "Mirela",
    "Blessing",
    "Drita",
    "Samira",
    "Valentina",
    "Giovanna",
];
const MEN: [&str; 30] = [
    "Marco", "Luca", "Andrea", "Paolo", "Giovanni", "Stefano", "Roberto", "Matteo", "Davide", "Franco", "Carlo",
    "Antonio", "Giuseppe", "Pietro", "Simone", "Claudio", "Diego", "Fabio", "Nicola", "Enrico", "Ahmed", "Ibrahim",
    "Ion", "Arben", "Emeka", "Tariq", "Dragan", "Youssef", "Sergio", "Bruno",
];
const SURNAMES: [&str; 48] = [
    "Rossi",
    "Bianchi",
    "Moretti",
    "Zanin",
    "Furlan",
    "Marcon",
    "Pellegrini",
    "Fabbro",
    "Colussi",
    "Martin",
    "Bortolin",
    "Santarossa",
    "Del Ben",
    "Piccin",
    "Gregoris",
    "Trevisan",
    "Cossutta",
    "Turco",
    "Marini",
    "Visentin",
    "Basso",
    "Venier",
    "Cattaruzza",
    "Toffoli",
    "Pitton",
    "Brun",
    "De Marchi",
    "Romano",
    "Greco",
    "Esposito",
    "Ferrari",
    "Conti",
    "Gallo",
    "Costa",
    "Fontana",
    "Rizzo",
    "Popescu",
    "Hoxha",
    "Shehu",
    "El Amrani",
    "Okafor",
    "Kovac",
    "Petrov",
    "Hussain",
    "Diallo",
    "Ionescu",
    "Begum",
    "Novak",
];
/// Belfiore codes: Romania, Albania, Marocco, Ucraina, Pakistan, Nigeria, Ghana, Bangladesh, Afghanistan.
const COUNTRIES: [(&str, Citizenship); 9] = [
    ("Z129", Citizenship::Eu),
    ("Z100", Citizenship::NonEu),
    ("Z330", Citizenship::NonEu),
    ("Z138", Citizenship::NonEu),
    ("Z236", Citizenship::NonEu),
    ("Z335", Citizenship::NonEu),
    ("Z318", Citizenship::NonEu),
    ("Z249", Citizenship::NonEu),
    ("Z200", Citizenship::NonEu),
];

/// Somebody who does not exist.
#[derive(Clone, Debug)]
pub(crate) struct DemoPersona {
    pub(crate) surname: &'static str,
    pub(crate) name: &'static str,
    pub(crate) sex: Sex,
    pub(crate) born_on: NaiveDate,
    pub(crate) birthplace: Option<BelfioreCode>,
    pub(crate) identifier: Option<Identifier>,
    pub(crate) comune: ComuneCode,
    pub(crate) education: Education,
    pub(crate) citizenship: Citizenship,
    pub(crate) household: Household,
    pub(crate) work: Work,
    pub(crate) disadvantage: BTreeSet<Disadvantage>,
    /// How far along the options this person stands, 0 to 1000: what all answers have in common.
    pub(crate) ability: i32,
}

/// Draws the people of an Ente.
pub(crate) struct People<'a> {
    ente: &'a DemoEnte,
    /// Cumulated weights of comune, sex, age.
    cells: Vec<(u64, ComuneCode, Sex, u8)>,
    /// The codici fiscali of all Enti: two people never have the same.
    codes: &'a mut BTreeSet<String>,
    /// The day on which ages are meant.
    on: NaiveDate,
}

impl<'a> People<'a> {
    /// `on` is the day on which ages are meant.
    pub(crate) fn of(
        ente: &'a DemoEnte,
        on: NaiveDate,
        codes: &'a mut BTreeSet<String>,
        chance: &mut impl Rng,
    ) -> Self {
        let year = *territory::population_years().last().expect("there are population figures");
        let mut total = 0;
        let mut cells = Vec::new();
        for comune in &ente.comuni {
            // Need is not the same everywhere.
            let need = u64::from(chance.random_range(60..=160_u32));
            for sex in [territory::Sex::Female, territory::Sex::Male] {
                for age in AGES {
                    let people = territory::population(comune.code, year, Some(sex), age..=age).unwrap_or(0);
                    total += need * u64::from(people);
                    cells.push((total, comune.code, sex.into(), age));
                }
            }
        }
        Self { ente, cells, codes, on }
    }

    fn cell(&self, chance: &mut impl Rng) -> (ComuneCode, Sex, u8) {
        let total = self.cells.last().map_or(1, |cell| cell.0.max(1));
        let at = chance.random_range(0..total);
        let (_, comune, sex, age) = self.cells[self.cells.partition_point(|cell| cell.0 <= at)];
        (comune, sex, age)
    }

    /// Somebody whom another Ente knows, and who lives here now: the same human, with the same code.
    pub(crate) fn receive(&self, from_elsewhere: &DemoPersona, chance: &mut impl Rng) -> DemoPersona {
        let (comune, ..) = self.cell(chance);
        DemoPersona { comune, ..from_elsewhere.clone() }
    }

    /// The next person.
    pub(crate) fn draw(&mut self, chance: &mut impl Rng) -> DemoPersona {
        let (comune, sex, age) = self.cell(chance);
        let back = u64::from(age) * 365 + u64::from(age) / 4 + chance.random_range(0..365);
        let born_on = self.on.checked_sub_days(Days::new(back)).expect("a day of this century or the last");
        let (citizenship, birthplace) = self.origin(born_on, comune, chance);
        let names = match sex {
            Sex::Female => &WOMEN,
            Sex::Male => &MEN,
        };
        let (surname, name) = (pick(&SURNAMES, chance), pick(names, chance));
        let identifier = birthplace.and_then(|place| self.identifier(surname, name, sex, born_on, place, chance));
        let education = draw_education(citizenship, chance);
        let disadvantage = draw_disadvantage(age, citizenship, chance);
        let work = draw_work(age, chance);
        let ability = ability(age, education, work, &disadvantage, chance);
        let household = draw_household(age, chance);
        DemoPersona {
            surname,
            name,
            sex,
            born_on,
            birthplace,
            identifier,
            comune,
            education,
            citizenship,
            household,
            work,
            disadvantage,
            ability,
        }
    }

    fn origin(
        &self,
        born_on: NaiveDate,
        comune: ComuneCode,
        chance: &mut impl Rng,
    ) -> (Citizenship, Option<BelfioreCode>) {
        let exists = |code: &BelfioreCode| territory::birthplace(*code, born_on).is_ok();
        if chance.random_ratio(27, 100) {
            let (code, citizenship) = COUNTRIES[chance.random_range(0..COUNTRIES.len())];
            return (citizenship, code.parse().ok().filter(exists));
        }
        let born_in = if chance.random_ratio(1, 2) {
            self.ente.comuni.iter().find(|candidate| candidate.code == comune)
        } else {
            self.ente.comuni.iter().max_by_key(|candidate| super::enti::adults(candidate.code))
        };
        (Citizenship::Italian, born_in.map(|comune| comune.belfiore).filter(exists))
    }

    /// Nine in ten have a codice fiscale; a few are known by the Ente's own code, some by none.
    fn identifier(
        &mut self,
        surname: &str,
        name: &str,
        sex: Sex,
        born_on: NaiveDate,
        place: BelfioreCode,
        chance: &mut impl Rng,
    ) -> Option<Identifier> {
        let draw = chance.random_range(0..100);
        if draw < 3 {
            return None;
        }
        if draw < 6 {
            let text = format!("{}/{:06}", born_on.year(), chance.random_range(0..1_000_000));
            return Identifier::parse(IdentifierKind::Local, &text, self.on).ok();
        }
        let code = CodiceFiscale::build(surname, name, born_on, sex.into(), place);
        let forms = std::iter::once(code.clone()).chain(code.omocodic_forms());
        let free = forms.into_iter().find(|form| !self.codes.contains(form.expose()))?;
        self.codes.insert(free.expose().to_owned());
        Some(Identifier::CodiceFiscale(free))
    }
}

fn pick<T: Copy>(from: &[T], chance: &mut impl Rng) -> T {
    from[chance.random_range(0..from.len())]
}

/// One of `options` by their weights.
fn weighted<T: Copy>(options: &[(T, u32)], chance: &mut impl Rng) -> T {
    let total: u32 = options.iter().map(|option| option.1).sum();
    let mut at = chance.random_range(0..total);
    for (option, weight) in options {
        if at < *weight {
            return *option;
        }
        at -= weight;
    }
    options[0].0
}

fn draw_education(citizenship: Citizenship, chance: &mut impl Rng) -> Education {
    let weights = match citizenship {
        Citizenship::Italian => [8, 48, 37, 7],
        Citizenship::Eu => [10, 40, 42, 8],
        Citizenship::NonEu => [28, 40, 24, 8],
    };
    let options: Vec<(Education, u32)> = Education::ALL.iter().copied().zip(weights).collect();
    weighted(&options, chance)
}

fn draw_work(age: u8, chance: &mut impl Rng) -> Work {
    match age {
        0..=24 => weighted(
            &[
                (Work::FirstJob, 38),
                (Work::UnemployedShort, 26),
                (Work::UnemployedLong, 14),
                (Work::Employed, 8),
                (Work::Inactive, 14),
            ],
            chance,
        ),
        25..=59 => weighted(
            &[(Work::UnemployedLong, 46), (Work::UnemployedShort, 26), (Work::Employed, 12), (Work::Inactive, 16)],
            chance,
        ),
        60.. => weighted(
            &[
                (Work::UnemployedLong, 52),
                (Work::UnemployedShort, 12),
                (Work::Inactive, 22),
                (Work::Employed, 6),
                (Work::Retired, 8),
            ],
            chance,
        ),
    }
}

fn draw_household(age: u8, chance: &mut impl Rng) -> Household {
    let weights = match age {
        0..=29 => [14, 8, 10, 8, 52, 8],
        30..=49 => [26, 10, 30, 20, 9, 5],
        50.. => [40, 24, 16, 8, 7, 5],
    };
    let options: Vec<(Household, u32)> = Household::ALL.iter().copied().zip(weights).collect();
    weighted(&options, chance)
}

fn draw_disadvantage(age: u8, citizenship: Citizenship, chance: &mut impl Rng) -> BTreeSet<Disadvantage> {
    let per_thousand = |category: Disadvantage| match category {
        Disadvantage::Disability => 170,
        Disadvantage::MentalHealth => 130,
        Disadvantage::Addiction => 90,
        Disadvantage::Justice => 50,
        Disadvantage::Violence => 45,
        Disadvantage::Housing => 90,
        Disadvantage::Protection => match citizenship {
            Citizenship::NonEu => 260,
            Citizenship::Italian | Citizenship::Eu => 0,
        },
        Disadvantage::CareLeaver => {
            if age < 25 {
                130
            } else {
                0
            }
        }
        Disadvantage::Poverty => 420,
        Disadvantage::Caregiver => 70,
        Disadvantage::Other => 30,
    };
    let mut drawn = BTreeSet::new();
    for category in Disadvantage::ALL {
        if chance.random_ratio(per_thousand(*category), 1000) {
            drawn.insert(*category);
        }
    }
    drawn
}

/// Sum of circumstances and of what cannot be seen; disadvantages pull down, each differently.
fn ability(
    age: u8,
    education: Education,
    work: Work,
    disadvantage: &BTreeSet<Disadvantage>,
    chance: &mut impl Rng,
) -> i32 {
    let weights = BTreeMap::from([
        (Disadvantage::Disability, -70),
        (Disadvantage::MentalHealth, -110),
        (Disadvantage::Addiction, -100),
        (Disadvantage::Justice, -50),
        (Disadvantage::Violence, -40),
        (Disadvantage::Housing, -80),
        (Disadvantage::Protection, -45),
        (Disadvantage::CareLeaver, -20),
        (Disadvantage::Poverty, -35),
        (Disadvantage::Caregiver, -15),
        (Disadvantage::Other, -20),
    ]);
    let from_education = match education {
        Education::Primary => -90,
        Education::LowerSecondary => -20,
        Education::UpperSecondary => 50,
        Education::Tertiary => 90,
    };
    let from_work = match work {
        Work::Employed => 70,
        Work::UnemployedShort => 30,
        Work::FirstJob => 0,
        Work::UnemployedLong => -30,
        Work::Inactive => -60,
        Work::Retired => -20,
    };
    let from_age = if age > 55 { -30 } else { 0 };
    let burden: i32 = disadvantage.iter().filter_map(|category| weights.get(category)).sum();
    // Four draws added up: close enough to a bell.
    let unseen: i32 = (0..4).map(|_| chance.random_range(-90..=90)).sum();
    (620 + from_education + from_work + from_age + burden + unseen).clamp(40, 980)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn people_live_in_the_ente_and_no_code_is_given_twice() {
        let enti = super::super::enti::enti();
        let on = NaiveDate::from_ymd_opt(2026, 10, 31).unwrap();
        let mut chance = ChaCha8Rng::seed_from_u64(3);
        let mut given = BTreeSet::new();
        let mut people = People::of(&enti[1], on, &mut given, &mut chance);
        let drawn: Vec<DemoPersona> = (0..2_000).map(|_| people.draw(&mut chance)).collect();
        let mut neighbours = People::of(&enti[2], on, &mut given, &mut chance);
        let others: Vec<DemoPersona> = (0..200).map(|_| neighbours.draw(&mut chance)).collect();
        let moved = neighbours.receive(&drawn[0], &mut chance);
        assert!(moved.identifier == drawn[0].identifier && moved.born_on == drawn[0].born_on);
        assert!(enti[2].comuni.iter().any(|comune| comune.code == moved.comune));
        let mut codes: BTreeSet<String> = BTreeSet::new();
        for persona in &others {
            if let Some(Identifier::CodiceFiscale(code)) = &persona.identifier {
                assert!(codes.insert(code.expose().to_owned()));
            }
        }
        for persona in &drawn {
            assert!(enti[1].comuni.iter().any(|comune| comune.code == persona.comune));
            if let Some(Identifier::CodiceFiscale(code)) = &persona.identifier {
                assert!(codes.insert(code.expose().to_owned()));
                let births = code.births(on).unwrap();
                assert!(births.iter().any(|birth| birth.date == persona.born_on), "{births:?}");
            }
        }
        assert!(codes.len() > 1_700, "{}", codes.len());
    }
}
