//! Made-up people for the samples of pages and for tests: their marts are counted here, then protected like any others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, NaiveDate};
use domain::feed::EnteId;
use templates::{Area, Layout};
use warehouse::{CommunityRow, ReliabilityRow, TerritoryIndexRow, TerritoryPeopleRow, TerritoryRow, TotalsRow};

use crate::Viewer;
use crate::cache::{Position, Publication};
use crate::pages::Data;
use crate::protect::{ALL, Characteristic, Marts, NOT_VALID, PROFILE, ProtectError, Protected};
use crate::strumento::{Named, ScaleNames, Strumento};

/// Somebody's sheet: what is recorded, and the outcome by target (`None` where the answers are not enough).
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) person: u32,
    pub(crate) year: i32,
    pub(crate) comune: &'static str,
    pub(crate) categories: BTreeMap<Characteristic, Vec<&'static str>>,
    pub(crate) outcomes: BTreeMap<String, Option<String>>,
    pub(crate) index_tenths: i64,
}

/// The comuni of the samples: some near Pordenone, the last one with few people.
pub(crate) const COMUNI: [&str; 5] = ["093033", "093017", "093032", "093051", "093004"];

fn named(codes: &[(&str, &str)]) -> Vec<Named> {
    codes.iter().map(|(id, title)| Named { id: (*id).to_owned(), title: (*title).to_owned() }).collect()
}

/// A strumento with two scales, one of them with levels, and a profile.
pub(crate) fn strumento() -> Strumento {
    let scale = |id: &str, title: &str, levels| ScaleNames { id: id.to_owned(), title: title.to_owned(), levels };
    Strumento {
        id: "prova".to_owned(),
        title: "Prova".to_owned(),
        is_unofficial: true,
        scales: vec![
            scale("ambito", "Ambito", named(&[("bassa", "Bassa"), ("media", "Media"), ("alta", "Alta")])),
            scale("misura", "Misura", Vec::new()),
        ],
        profile: Some(("Profilo".to_owned(), named(&[("vicino", "Vicino"), ("lontano", "Lontano")]))),
    }
}

/// A strumento without levels and without profile.
pub(crate) fn plain_strumento() -> Strumento {
    let scale = ScaleNames { id: "misura".to_owned(), title: "Misura".to_owned(), levels: Vec::new() };
    Strumento {
        id: "semplice".to_owned(),
        title: "Semplice".to_owned(),
        is_unofficial: false,
        scales: vec![scale],
        profile: None,
    }
}

/// Small numbers that look like chance and are always the same.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap_or(1)).unwrap_or(0)
    }
}

/// The sheets of so many people over three years, some of them assessed again.
pub(crate) fn sheets(people: u32, strumento: &Strumento) -> Vec<Sheet> {
    let mut draw = Draw(11);
    let mut sheets = Vec::new();
    for person in 0..people {
        let place = draw.below(4).min(draw.below(5));
        let comune = COMUNI[if person % 97 == 5 { 4 } else { place.min(3) }];
        let mut categories = BTreeMap::new();
        for of in Characteristic::ALL {
            let all = of.categories();
            let one = all[draw.below(all.len()).min(draw.below(all.len()))];
            let mut own = vec![one];
            if of == Characteristic::Disadvantage && one != "none" && draw.below(3) == 0 {
                own.push(all[draw.below(all.len() - 1)]);
                own.sort_unstable();
                own.dedup();
            }
            categories.insert(of, own);
        }
        let first = draw.below(3);
        for year in first..3 {
            if year > first && draw.below(3) > 0 {
                continue;
            }
            let outcome = |draw: &mut Draw, outcomes: &[Named], lean: usize| {
                let place = (draw.below(outcomes.len()) + draw.below(outcomes.len()) + lean) / 2;
                (draw.below(25) > 0).then(|| outcomes[place.min(outcomes.len() - 1)].id.clone())
            };
            let lean = usize::from(categories[&Characteristic::Sex][0] == "f");
            let scales = strumento.scales.iter().filter(|scale| !scale.levels.is_empty());
            let mut outcomes: BTreeMap<String, Option<String>> =
                scales.map(|scale| (scale.id.clone(), outcome(&mut draw, &scale.levels, lean))).collect();
            if let Some((_, classes)) = &strumento.profile {
                outcomes.insert(PROFILE.to_owned(), outcome(&mut draw, classes, lean));
            }
            let year = 2023 + i32::try_from(year).unwrap_or(0);
            let index_tenths = 300 + i64::try_from(draw.below(400)).unwrap_or(0);
            sheets.push(Sheet { person, year, comune, categories: categories.clone(), outcomes, index_tenths });
        }
    }
    sheets
}

/// What the pipeline would publish of these sheets: one person once in each period, by their last sheet of it.
pub(crate) fn marts(sheets: &[Sheet], strumento: &Strumento) -> Marts {
    let mut marts = Marts::default();
    let years: BTreeSet<i32> = sheets.iter().map(|sheet| sheet.year).collect();
    let instrument = || strumento.id.clone();
    for year in years.into_iter().map(Some).chain([None]) {
        let period = year.map_or_else(|| ALL.to_owned(), |year| year.to_string());
        let within = || sheets.iter().filter(move |sheet| year.is_none_or(|year| sheet.year == year));
        let last: BTreeMap<u32, &Sheet> = within().map(|sheet| (sheet.person, sheet)).collect();
        let mut so_far: BTreeMap<u32, i64> = BTreeMap::new();
        for sheet in sheets.iter().filter(|sheet| year.is_none_or(|year| sheet.year <= year)) {
            *so_far.entry(sheet.person).or_default() += 1;
        }
        let size = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let day = |year: i32, month| NaiveDate::from_ymd_opt(year, month, 15).unwrap_or_default();
        marts.totals.push(TotalsRow {
            period: period.clone(),
            instrument: instrument(),
            people: size(last.len()),
            assessments: size(within().count()),
            imported: 0,
            reassessed: size(so_far.values().filter(|&&sheets| sheets > 1).count()),
            first_on: day(year.unwrap_or(2023), 1),
            last_on: day(year.unwrap_or(2025), 11),
        });
        let mut by_comune: BTreeMap<&str, i64> = BTreeMap::new();
        let mut by_level: BTreeMap<(&str, &str, String), i64> = BTreeMap::new();
        let mut by_category: BTreeMap<(Characteristic, &str, &str, String), i64> = BTreeMap::new();
        let mut indices: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
        for sheet in last.values() {
            *by_comune.entry(sheet.comune).or_default() += 1;
            for scale in &strumento.scales {
                for place in [sheet.comune, ALL] {
                    indices.entry((place, &scale.id)).or_default().push(sheet.index_tenths);
                }
            }
            for (target, outcome) in &sheet.outcomes {
                let outcome = || outcome.clone().unwrap_or_else(|| NOT_VALID.to_owned());
                if target != PROFILE {
                    *by_level.entry((sheet.comune, target, outcome())).or_default() += 1;
                }
                for (&of, categories) in &sheet.categories {
                    for &category in categories {
                        *by_category.entry((of, category, target, outcome())).or_default() += 1;
                    }
                }
            }
            for (&of, categories) in &sheet.categories {
                for &category in categories {
                    *by_category.entry((of, category, "people", ALL.to_owned())).or_default() += 1;
                }
            }
        }
        marts.territory_people.extend(by_comune.into_iter().map(|(comune, people)| TerritoryPeopleRow {
            period: period.clone(),
            instrument: instrument(),
            comune: comune.to_owned(),
            people,
            people_18_64: people,
            assessments: people,
        }));
        marts.territory.extend(by_level.into_iter().map(|((comune, scale, level), people)| TerritoryRow {
            period: period.clone(),
            instrument: instrument(),
            comune: comune.to_owned(),
            scale: scale.to_owned(),
            level,
            people,
        }));
        marts.community.extend(by_category.into_iter().map(|((of, category, target, outcome), people)| CommunityRow {
            period: period.clone(),
            instrument: instrument(),
            characteristic: of.code().to_owned(),
            category: category.to_owned(),
            target: target.to_owned(),
            outcome,
            people,
        }));
        marts.territory_index.extend(indices.into_iter().map(|((comune, scale), mut values)| {
            values.sort_unstable();
            TerritoryIndexRow {
                period: period.clone(),
                instrument: instrument(),
                comune: comune.to_owned(),
                scale: scale.to_owned(),
                people: size(values.len()),
                median_tenths: values[values.len() / 2],
                sum_tenths: values.iter().sum(),
            }
        }));
    }
    marts
}

/// What a page gets, of these marts.
pub(crate) fn data(marts: &Marts, strumento: Strumento) -> Result<Data, ProtectError> {
    let figures = Protected::new(marts, &strumento)?;
    let reliability =
        strumento.scales.iter().zip([Some(824_400), None]).map(|(scale, alpha_millionths)| ReliabilityRow {
            instrument: strumento.id.clone(),
            version: 1,
            scale: scale.id.clone(),
            items: 9,
            cases: if alpha_millionths.is_some() { 412 } else { 3 },
            alpha_millionths,
            sem_hundredths: alpha_millionths.map(|_| 640),
        });
    let reliability = reliability.collect();
    let strumento = Arc::new(strumento);
    let publication = Publication {
        ente: EnteId(uuid::Uuid::nil()),
        position: Position {
            version: 7,
            published_at: DateTime::from_timestamp(1_795_577_760, 0).unwrap_or_default(),
            last_seq: 1_234,
        },
        is_earlier: false,
        strumenti: vec![Arc::clone(&strumento)],
        reliability,
    };
    Ok(Data { publication: Arc::new(publication), strumento, figures: Arc::new(figures) })
}

/// A strumento with everything, one with neither levels nor profile, and an Ente with hardly anybody.
static ALL_DATA: LazyLock<Vec<Data>> = LazyLock::new(|| {
    let of = |people, strumento: Strumento| {
        data(&marts(&sheets(people, &strumento), &strumento), strumento).expect("made-up marts agree with each other")
    };
    vec![of(900, strumento()), of(300, plain_strumento()), of(9, strumento())]
});

/// What the samples of pages show.
pub(crate) fn all() -> &'static [Data] {
    &ALL_DATA
}

/// A manager of the made-up Ente.
pub(crate) fn viewer() -> Viewer {
    Viewer {
        ente: EnteId(uuid::Uuid::nil()),
        ente_name: "Ambito dimostrativo".to_owned(),
        comuni: COMUNI.map(str::to_owned).into(),
        layout: Layout { is_demonstration: false, area: Area::Other, has_accounts: true, user: None },
    }
}
