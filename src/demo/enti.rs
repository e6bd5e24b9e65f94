//! Twelve demonstration Enti: groups of neighbouring comuni that together are Friuli-Venezia Giulia.

use std::collections::{BTreeMap, BTreeSet};

use territory::{Comune, ComuneCode};

/// How many Enti the demonstration has.
pub(crate) const COUNT: usize = 12;

/// Friuli-Venezia Giulia.
const REGION: u8 = 6;

/// A demonstration Ente.
#[derive(Clone, Debug)]
pub(crate) struct DemoEnte {
    /// For logging in: `dimostrazione-pordenone`.
    pub(crate) code: String,
    /// Its name, which says what it is.
    pub(crate) name: String,
    /// Its comuni, by code.
    pub(crate) comuni: Vec<&'static Comune>,
    /// Residents aged 18 to 66.
    pub(crate) residents: u32,
}

/// Residents whom the services may meet: aged 18 to 66.
pub(crate) fn adults(code: ComuneCode) -> u32 {
    let year = *territory::population_years().last().expect("there are population figures");
    territory::population(code, year, None, 18..=66).unwrap_or(0)
}

/// The groups: each grows from its largest comune by the neighbour nearest to it, the smallest group first, until every
/// comune has a group. The largest comes first.
pub(crate) fn enti() -> Vec<DemoEnte> {
    let all: BTreeMap<ComuneCode, &'static Comune> = territory::comuni()
        .iter()
        .filter(|comune| comune.region.number() == REGION)
        .map(|comune| (comune.code, comune))
        .collect();
    let mut groups: Vec<BTreeSet<ComuneCode>> = seeds(&all).into_iter().map(|seed| BTreeSet::from([seed])).collect();
    let centres: Vec<ComuneCode> = groups.iter().filter_map(|group| group.first().copied()).collect();
    let mut free: BTreeSet<ComuneCode> = all.keys().copied().filter(|code| !centres.contains(code)).collect();
    while !free.is_empty() {
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|group| groups[*group].len());
        let next = order.iter().find_map(|group| {
            let near = |code: &ComuneCode| distance(all[code], all[&centres[*group]]);
            let border = groups[*group].iter().filter_map(|code| territory::neighbours(*code)).flatten();
            let nearest = border.filter(|code| free.contains(code)).min_by(|a, b| near(a).total_cmp(&near(b)))?;
            Some((*group, *nearest))
        });
        // Whoever borders on no group joins the nearest centre.
        let (group, code) = next.unwrap_or_else(|| {
            let code = *free.first().expect("a comune is free");
            let near = |group: &usize| distance(all[&code], all[&centres[*group]]);
            let group = (0..groups.len()).min_by(|a, b| near(a).total_cmp(&near(b))).expect("there are groups");
            (group, code)
        });
        groups[group].insert(code);
        free.remove(&code);
    }
    let mut enti: Vec<DemoEnte> = groups
        .into_iter()
        .zip(centres)
        .map(|(group, centre)| DemoEnte {
            code: format!("dimostrazione-{}", slug(all[&centre].name)),
            name: format!("Ente dimostrativo di {}", all[&centre].name),
            residents: group.iter().map(|code| adults(*code)).sum(),
            comuni: group.iter().map(|code| all[code]).collect(),
        })
        .collect();
    enti.sort_by(|a, b| b.residents.cmp(&a.residents).then(a.code.cmp(&b.code)));
    enti
}

/// The largest comuni that are far enough from each other to be centres.
fn seeds(all: &BTreeMap<ComuneCode, &'static Comune>) -> Vec<ComuneCode> {
    let mut by_size: Vec<ComuneCode> = all.keys().copied().collect();
    by_size.sort_by_key(|code| (std::cmp::Reverse(adults(*code)), *code));
    // In degrees of latitude; shrinks until there are enough centres.
    let mut apart = 0.4;
    loop {
        let mut chosen: Vec<ComuneCode> = Vec::new();
        for code in &by_size {
            if chosen.len() < COUNT && chosen.iter().all(|other| distance(all[code], all[other]) > apart) {
                chosen.push(*code);
            }
        }
        if chosen.len() == COUNT {
            return chosen;
        }
        apart *= 0.9;
    }
}

/// In degrees of latitude, close enough within a region.
fn distance(a: &Comune, b: &Comune) -> f64 {
    let shrink = a.latitude.to_radians().cos();
    ((a.latitude - b.latitude).powi(2) + ((a.longitude - b.longitude) * shrink).powi(2)).sqrt()
}

fn slug(name: &str) -> String {
    let letters = name.to_lowercase();
    letters.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enti_are_twelve_and_share_out_the_region() {
        let enti = enti();
        assert_eq!(enti.len(), COUNT);
        let codes: BTreeSet<&str> = enti.iter().map(|ente| ente.code.as_str()).collect();
        assert_eq!(codes.len(), COUNT);
        let comuni: Vec<ComuneCode> = enti.iter().flat_map(|ente| &ente.comuni).map(|comune| comune.code).collect();
        assert_eq!(comuni.len(), 215);
        assert_eq!(comuni.iter().collect::<BTreeSet<_>>().len(), 215);
        assert!(enti.iter().all(|ente| ente.comuni.len() >= 5), "{enti:?}");
    }
}
