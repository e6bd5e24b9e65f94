//! Made-up people for the samples of pages and for tests: their marts are counted here, then protected like any others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, NaiveDate};
use domain::feed::EnteId;
use templates::{Area, Layout};
use warehouse::{
    AgeRow, AlikeRow, AzioneRow, BlockRow, ChangeRow, CommunityRow, DataQualityRow, DisadvantageChangeRow,
    DisadvantageLowRow, DisadvantageRow, DriftRow, ItemRow, LowRow, PathRow, PracticeRow, RecencyRow, ReliabilityRow,
    ReturnRow, TerritoryIndexRow, TerritoryPeopleRow, TerritoryRow, TotalsRow,
};

use crate::Viewer;
use crate::cache::{Publication, Quality};
use crate::characteristic::{Characteristic, NONE};
use crate::merge::UNKNOWN;
use crate::pages::Data;
use crate::protect::{ALL, Marts, NOT_VALID, PROFILE, ProtectError, Protected, Start};
use crate::snapshot::Position;
use crate::strumento::{Content, ItemNames, Named, OptionNames, ScaleNames, Strumento};

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
        content: content(),
    }
}

fn content() -> Content {
    let option = |value: i16, text: &str, is_low| OptionNames { value, text: text.to_owned(), is_low };
    let item = |(section, id, text): (&str, &str, &str)| ItemNames {
        id: id.to_owned(),
        text: text.to_owned(),
        section: section.to_owned(),
        is_fixed: false,
        options: vec![option(1, "Mai", true), option(2, "Qualche volta", false), option(3, "Sempre", false)],
    };
    Content {
        version: 1,
        reassess_after_days: Some(180),
        items: [
            ("Impegni", "orari", "Rispetta gli orari?"),
            ("Impegni", "avvisi", "Avvisa quando non può venire?"),
            ("Impegni", "accordi", "Porta a termine quello che è stato deciso?"),
            ("Impegni", "visite", "Va alle visite?"),
            ("Impegni", "scadenze", "Ricorda le scadenze?"),
            ("Impegni", "colloqui", "Si presenta ai colloqui?"),
            ("Spostamenti", "mezzi", "Si sposta con i mezzi pubblici?"),
            ("Spostamenti", "strade", "Trova da sé un posto nuovo?"),
            ("Spostamenti", "viaggi", "Arriva in un altro comune?"),
            ("Spostamenti", "biglietti", "Compra da sé i biglietti?"),
            ("Spostamenti", "cambi", "Cambia mezzo quando serve?"),
            ("Spostamenti", "ritorno", "Torna da sé la sera?"),
        ]
        .map(item)
        .into(),
        blocks: named(&[("casa", "Un posto dove dormire")]),
        azioni: named(&[("corso", "Corso di lingua"), ("tirocinio", "Tirocinio di inclusione")]),
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
        content: Content::default(),
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
            if of == Characteristic::Disadvantage && person % 41 == 7 {
                own = vec![UNKNOWN];
            } else if of == Characteristic::Disadvantage && person % 5 < 2 {
                own = vec![NONE];
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
    let mut marts = Marts { as_of: NaiveDate::from_ymd_opt(2025, 12, 1).unwrap_or_default(), ..Marts::default() };
    let firsts: BTreeMap<u32, &Sheet> = sheets.iter().rev().map(|sheet| (sheet.person, sheet)).collect();
    add_followed(&mut marts, strumento, sheets);
    let years: BTreeSet<i32> = sheets.iter().map(|sheet| sheet.year).collect();
    let mut by_disadvantage: BTreeMap<String, [i64; 2]> = BTreeMap::new();
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
            of_first_year: Some(size(last.values().filter(|sheet| firsts[&sheet.person].year == sheet.year).count())),
            first_on: day(year.unwrap_or(2023), 1),
            last_on: day(year.unwrap_or(2025), 11),
        });
        add_needs(&mut marts, &period, strumento, last.values().copied());
        if year.is_none() {
            marts.alike = last.values().map(|sheet| alike(sheet, strumento)).collect();
            marts.low = last.values().map(|sheet| low(sheet, strumento)).collect();
            for (person, sheet) in &last {
                for &category in &sheet.categories[&Characteristic::Disadvantage] {
                    let low = low(sheet, strumento);
                    let (category, again) = (category.to_owned(), i64::from(so_far[person] > 1));
                    let row =
                        DisadvantageLowRow { category: category.clone(), pattern: low.pattern, people: low.people };
                    marts.low_by_disadvantage.push(row);
                    by_disadvantage
                        .entry(category)
                        .and_modify(|[people, more]| {
                            *people += 1;
                            *more += again;
                        })
                        .or_insert([1, again]);
                }
            }
        }
        let mut by_age: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for sheet in last.values() {
            let of = |characteristic| sheet.categories[&characteristic][0];
            *by_age.entry((of(Characteristic::Sex), of(Characteristic::AgeBand))).or_default() += 1;
        }
        marts.ages.extend(by_age.into_iter().map(|((sex, age_band), people)| AgeRow {
            period: period.clone(),
            instrument: instrument(),
            sex: sex.to_owned(),
            age_band: age_band.to_owned(),
            people,
        }));
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
    marts.disadvantaged.extend(by_disadvantage.into_iter().map(|(category, [people, again])| DisadvantageRow {
        instrument: instrument(),
        category,
        people,
        again,
    }));
    marts
}

/// Somebody by everything at once.
fn alike(sheet: &Sheet, strumento: &Strumento) -> AlikeRow {
    let of = |characteristic| sheet.categories[&characteristic][0].to_owned();
    let outcome = |target: &str| match sheet.outcomes.get(target) {
        Some(Some(outcome)) => outcome.clone(),
        Some(None) => NOT_VALID.to_owned(),
        None => "none".to_owned(),
    };
    let levels: Vec<String> =
        strumento.scales.iter().map(|scale| format!("{}={}", scale.id, outcome(&scale.id))).collect();
    AlikeRow {
        instrument: strumento.id.clone(),
        comune: sheet.comune.to_owned(),
        age_band: of(Characteristic::AgeBand),
        sex: of(Characteristic::Sex),
        education: of(Characteristic::Education),
        citizenship: of(Characteristic::Citizenship),
        household: of(Characteristic::Household),
        work: of(Characteristic::Work),
        profile: outcome(PROFILE),
        levels: levels.join(" "),
        people: 1,
    }
}

/// Somebody by which questions hold them back.
fn low(sheet: &Sheet, strumento: &Strumento) -> LowRow {
    let items = strumento.content.items.iter().zip(0..);
    let pattern = items.map(|(_, place)| if answer(sheet, place) == 1 { '1' } else { '0' }).collect();
    LowRow { pattern, people: 1 }
}

/// How these people are followed: the months of their sheets are made up too.
fn add_followed(marts: &mut Marts, strumento: &Strumento, sheets: &[Sheet]) {
    let mut histories: BTreeMap<u32, Vec<&Sheet>> = BTreeMap::new();
    for sheet in sheets {
        histories.entry(sheet.person).or_default().push(sheet);
    }
    let month = |sheet: &Sheet| sheet.person % 12 + 1;
    let quarter = |sheet: &Sheet| i64::from(sheet.year) * 4 + i64::from((month(sheet) - 1) / 3);
    let mut paths: BTreeMap<(&str, String, String), i64> = BTreeMap::new();
    let mut changes: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut by_disadvantage: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
    let mut returns: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let mut recency: BTreeMap<String, i64> = BTreeMap::new();
    for history in histories.values() {
        let (Some(first), Some(last)) = (history.first(), history.last()) else { continue };
        let to_second = history.get(1).map_or(-1, |second| quarter(second) - quarter(first));
        let cohort = format!("{}-Q{}", quarter(first) / 4, quarter(first) % 4 + 1);
        *returns.entry((cohort, to_second)).or_default() += 1;
        *recency.entry(format!("{}-{:02}", last.year, month(last))).or_default() += 1;
        for scale in &strumento.scales {
            let level = |sheet: &Sheet| sheet.outcomes.get(&scale.id).cloned().flatten();
            let level = |sheet: &Sheet| level(sheet).unwrap_or_else(|| NOT_VALID.to_owned());
            let is_valid = |sheet: &Sheet| sheet.outcomes.get(&scale.id).is_none_or(Option::is_some);
            let moved = last.index_tenths - first.index_tenths;
            let change = match moved {
                _ if history.len() < 2 || !is_valid(first) || !is_valid(last) => "none",
                -150..=150 => "unchanged",
                151.. => "improved",
                ..-150 => "worsened",
            };
            *changes.entry((&scale.id, change)).or_default() += 1;
            for &category in last.categories[&Characteristic::Disadvantage].iter().filter(|_| change != "none") {
                *by_disadvantage.entry((category, &scale.id, change)).or_default() += 1;
            }
            if history.len() > 1 && !scale.levels.is_empty() {
                *paths.entry((&scale.id, level(first), level(last))).or_default() += 1;
            }
        }
    }
    let instrument = || strumento.id.clone();
    marts.paths.extend(paths.into_iter().map(|((scale, from_level, to_level), people)| PathRow {
        period: ALL.to_owned(),
        instrument: instrument(),
        scale: scale.to_owned(),
        from_level,
        to_level,
        people,
    }));
    marts.changes.extend(changes.into_iter().map(|((scale, change), people)| ChangeRow {
        instrument: instrument(),
        scale: scale.to_owned(),
        change: change.to_owned(),
        people,
    }));
    let by_disadvantage = by_disadvantage.into_iter();
    marts.changes_by_disadvantage.extend(by_disadvantage.map(|((category, scale, change), people)| {
        DisadvantageChangeRow {
            instrument: instrument(),
            category: category.to_owned(),
            scale: scale.to_owned(),
            change: change.to_owned(),
            people,
        }
    }));
    marts.returns.extend(returns.into_iter().map(|((cohort, quarters_to_second), people)| ReturnRow {
        cohort,
        instrument: instrument(),
        quarters_to_second,
        people,
    }));
    let row = |(month, people)| RecencyRow { instrument: instrument(), month, people };
    marts.recency.extend(recency.into_iter().map(row));
}

/// What somebody answered to the item at a place: of two in three people most answers hold them back, of the others few.
fn answer(sheet: &Sheet, place: u32) -> i64 {
    let mut mixed = sheet.person.wrapping_mul(0x9e37_79b1) ^ place.wrapping_mul(0x85eb_ca6b);
    mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0xc2b2_ae35);
    let chance = (mixed >> 16) % 101;
    let low = if sheet.person.is_multiple_of(3) { 20 } else { 70 };
    match chance {
        100 => -1,
        chance if chance < low => 1,
        chance => i64::from(chance % 2) + 2,
    }
}

/// What they answered, miss and agreed in a period, by rules of thumb.
fn add_needs<'a>(marts: &mut Marts, period: &str, strumento: &Strumento, last: impl Iterator<Item = &'a Sheet>) {
    let instrument = || strumento.id.clone();
    let mut items: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    let mut blocks: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut azioni: BTreeMap<&str, [i64; 5]> = BTreeMap::new();
    for sheet in last {
        let draw = sheet.person.wrapping_mul(7) + u32::from(sheet.year.unsigned_abs() % 5 == 0);
        for (item, place) in strumento.content.items.iter().zip(0..) {
            *items.entry((&item.id, answer(sheet, place))).or_default() += 1;
        }
        for block in strumento.content.blocks.iter().filter(|_| draw % 5 == 0) {
            for comune in [sheet.comune, ALL] {
                *blocks.entry((&block.id, comune)).or_default() += 1;
            }
        }
        for (azione, place) in strumento.content.azioni.iter().zip(0..) {
            let [proposed, agreed, completed, under_way, dropped] = azioni.entry(&azione.id).or_default();
            *proposed += i64::from((draw + place) % 2 == 0);
            if (draw + place) % 3 == 0 {
                *agreed += 1;
                match draw % 4 {
                    0 => *completed += 1,
                    1 => *under_way += 1,
                    2 => *dropped += 1,
                    _ => {}
                }
            }
        }
    }
    marts.items.extend(items.into_iter().map(|((item, value), people)| ItemRow {
        period: period.to_owned(),
        instrument: instrument(),
        version: 1,
        item: item.to_owned(),
        value,
        people,
    }));
    marts.blocks.extend(blocks.into_iter().map(|((block, comune), people)| BlockRow {
        period: period.to_owned(),
        instrument: instrument(),
        comune: comune.to_owned(),
        block: block.to_owned(),
        people,
    }));
    marts.azioni.extend(azioni.into_iter().map(|(azione, [proposed, agreed, completed, under_way, dropped])| {
        AzioneRow {
            period: period.to_owned(),
            instrument: instrument(),
            azione: azione.to_owned(),
            people_proposed: Some(proposed),
            people: agreed,
            people_completed: Some(completed),
            people_under_way: Some(under_way),
            people_dropped: Some(dropped),
        }
    }));
}

/// What a page gets, of these marts.
pub(crate) fn data(marts: &Marts, strumento: Strumento) -> Result<Data, ProtectError> {
    let figures = Protected::new(marts, &strumento, &Start::default(), None)?;
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
    let position = Position {
        version: 7,
        published_at: DateTime::from_timestamp(1_795_577_760, 0).unwrap_or_default(),
        last_seq: 1_234,
    };
    let publication = Publication {
        ente: EnteId(uuid::Uuid::nil()),
        position,
        is_earlier: false,
        strumenti: vec![Arc::clone(&strumento)],
        reliability,
        quality: quality(&strumento),
    };
    Ok(Data { publication: Arc::new(publication), strumento, position, figures: Arc::new(figures) })
}

/// How made-up operators fill questionnaires in: four with enough of them, one with few.
fn quality(strumento: &Strumento) -> Quality {
    let instrument = || strumento.id.clone();
    let data = ["2024", "2025", ALL].into_iter().zip([90, 400, 490]).map(|(period, assessments)| DataQualityRow {
        period: period.to_owned(),
        instrument: instrument(),
        assessments,
        comune_unknown: 0,
        age_unknown: 3,
        sex_unknown: 4,
        education_unknown: assessments / 12,
        citizenship_unknown: assessments / 7,
        household_unknown: assessments / 3,
        work_unknown: assessments / 2 + 1,
        disadvantage_unknown: 7,
        items_asked: assessments * 10,
        items_missing: assessments / 4,
        results: assessments * 2,
        results_not_valid: assessments / 20,
    });
    let operators = [("d", 120), ("a", 130), ("c", 110), ("b", 113), ("e", 17)];
    let practice = operators.iter().zip(0..).map(|(&(operator, assessments), place)| PracticeRow {
        period: ALL.to_owned(),
        operator: operator.to_owned(),
        instrument: instrument(),
        assessments,
        items_asked: assessments * 10,
        not_answered: assessments / 10,
        not_assessable: assessments / (8 + place),
        refused: place,
        days_median: (place != 2).then_some(place),
        confirmed: assessments / 2,
        overridden: assessments / (5 + place),
    });
    let drift = operators.iter().flat_map(|&(operator, results)| {
        strumento.scales.iter().map(move |scale| DriftRow {
            period: ALL.to_owned(),
            operator: operator.to_owned(),
            instrument: String::new(),
            scale: scale.id.clone(),
            results,
            sum_tenths: results * if operator == "c" { 640 } else { 500 },
            ente_results: 490,
            ente_sum_tenths: 490 * 531,
            // A standard deviation of fifteen points.
            ente_sum_squares: Some(490 * (531 * 531 + 150 * 150)),
        })
    });
    let drift = drift.map(|row| DriftRow { instrument: instrument(), ..row });
    Quality { data: data.collect(), practice: practice.collect(), drift: drift.collect() }
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
        person: None,
    }
}
