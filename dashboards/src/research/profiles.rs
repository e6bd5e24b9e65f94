//! The profiles of the community that a release's table holds: groups of people with similar needs, in words, and where they are.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use templates::{Area, Page};

use super::chart::{Bar, Chart};
use super::scholar::ReleaseRow;
use super::{Research, Scholar, Trouble, release};
use crate::text;

/// What the builder wrote, "community profiles 1".
#[derive(Deserialize)]
struct Profiles {
    format: String,
    silhouettes: Vec<(usize, f64)>,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    people: u64,
    permille: i64,
    facts: Vec<Fact>,
    places: Vec<(String, Option<u64>)>,
}

#[derive(Deserialize)]
struct Fact {
    meaning: String,
    words: String,
    permille: i64,
    permille_of_all: i64,
}

/// A group, as the page tells it.
#[derive(Clone, Debug, Serialize)]
struct GroupView {
    name: String,
    people: u64,
    share: String,
    /// Column, code in words, share in the group, share among all.
    facts: Vec<(String, String, String, String)>,
    /// By place, in the order of the page's.
    places: Vec<Option<u64>>,
}

#[derive(Serialize)]
pub(crate) struct ProfilesPage {
    release: ReleaseRow,
    groups: Vec<GroupView>,
    places: Vec<String>,
    /// Numbers of groups that were tried, with their silhouette.
    tried: Vec<(usize, String)>,
    chart: Option<Chart>,
    citation: String,
}

impl Page for ProfilesPage {
    const TEMPLATE: &'static str = "pages/scholar_profiles.html";

    fn samples() -> Vec<Self> {
        let fact = ("Profilo".to_owned(), "svantaggio lieve".to_owned(), "80,5".to_owned(), "40,0".to_owned());
        let group = |name: &str, facts| GroupView {
            name: name.into(),
            people: 120,
            share: "60,0".into(),
            facts,
            places: vec![Some(110), None],
        };
        let page = |groups| Self {
            release: ReleaseRow::sample(),
            groups,
            places: vec!["Pordenone (PN)".into(), "Udine (UD)".into()],
            tried: vec![(2, "0,310".into()), (3, "0,280".into())],
            chart: None,
            citation: "Noncello, dati anonimi".into(),
        };
        vec![
            Self { places: Vec::new(), ..page(Vec::new()) },
            Self { chart: Some(Chart::sample()), ..page(vec![group("A", vec![fact]), group("B", Vec::new())]) },
        ]
    }
}

pub(super) async fn get(
    State(research): State<Research>,
    scholar: Scholar,
    Path(release): Path<String>,
) -> Result<Response, Trouble> {
    let release = release::own(&research, scholar.person.account, &release).await?;
    scholar.see(format!("/dati-ricerca/rilasci/{}/profili", release.id)).await?;
    let path = research.part(&release.id).join("profili.json");
    let read =
        tokio::task::spawn_blocking(move || if path.is_file() { std::fs::read(path).map(Some) } else { Ok(None) });
    let read = read.await.map_err(|error| Trouble::broken("reading profiles broke off", &error))?;
    let profiles = match read.map_err(|error| Trouble::broken("profiles cannot be read", &error))? {
        Some(bytes) => {
            let profiles: Profiles = serde_json::from_slice(&bytes)
                .map_err(|error| Trouble::broken("what the builder wrote are no profiles", &error))?;
            if profiles.format != "community profiles 1" {
                return Err(Trouble::broken("profiles of a form that is not known", &profiles.format));
            }
            profiles
        }
        None => Profiles { format: String::new(), silhouettes: Vec::new(), groups: Vec::new() },
    };
    let places = profiles.groups.first().map(|group| group.places.iter().map(|(place, _)| place.clone()).collect());
    let page = ProfilesPage {
        release: ReleaseRow::of(&release),
        chart: chart(&profiles.groups),
        places: places.unwrap_or_default(),
        tried: profiles
            .silhouettes
            .iter()
            .map(|(groups, mean)| (*groups, format!("{mean:.3}").replace('.', ",")))
            .collect(),
        groups: profiles.groups.into_iter().map(GroupView::of).collect(),
        citation: release.content.citation.clone(),
    };
    Ok(research.page(&scholar, Area::DatiRicerca, page).await)
}

impl GroupView {
    fn of(group: Group) -> Self {
        let fact =
            |fact: Fact| (fact.meaning, fact.words, text::tenths(fact.permille), text::tenths(fact.permille_of_all));
        Self {
            name: group.name,
            people: group.people,
            share: text::tenths(group.permille),
            facts: group.facts.into_iter().map(fact).collect(),
            places: group.places.into_iter().map(|(_, people)| people).collect(),
        }
    }
}

/// How many people each group has.
fn chart(groups: &[Group]) -> Option<Chart> {
    let greatest = groups.iter().max_by_key(|group| group.people)?;
    let bar = |group: &Group| Bar {
        label: group.name.clone(),
        value: group.people.to_string(),
        width: (group.people as f64 * 1_000.0 / greatest.people.max(1) as f64).round(),
    };
    Some(Chart {
        measure: text::word("research", "people"),
        of: String::new(),
        greatest: (greatest.name.clone(), greatest.people.to_string()),
        bars: groups.iter().map(bar).collect(),
    })
}
