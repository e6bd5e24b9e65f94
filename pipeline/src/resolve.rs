//! From an Ente's events to the assessments that count today: what was amended, annulled, erased or restricted is set
//! aside, merged persone are one, unità stand under their present heading, azioni carry their last outcome.
//!
//! Pure, and the same whether an erased persona's events are still there or already blank. An event that refers to
//! something blank is passed over; one that contradicts what is there (an id twice, a version replaced twice) halts.

use std::collections::{BTreeMap, BTreeSet};

use domain::feed::packed::{PackedAssessment, PackedEvent, PackedWhat, Word};
use uuid::Uuid;

/// Who a persona is, by token.
pub(crate) type Person = [u8; 32];

/// A persona's link, sealed.
pub(crate) type Link = Vec<u8>;

/// Why a version of an assessment does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SetAside {
    /// A newer version has taken its place.
    Superseded,
    /// It was annulled.
    Annulled,
    /// Its persona's data must not be used for now.
    Restricted,
    /// Its persona was erased, and the segment is not blank yet.
    Erased,
}

impl SetAside {
    /// The code in reports.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Annulled => "annulled",
            Self::Restricted => "restricted",
            Self::Erased => "erased",
        }
    }
}

/// An event that cannot follow those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} contradicts earlier ones: {why}")]
pub(crate) struct Contradiction {
    /// The event.
    pub(crate) seq: i64,
    /// What is wrong.
    pub(crate) why: &'static str,
}

/// An assessment that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    /// As it came.
    pub(crate) assessment: Box<PackedAssessment>,
    /// Whose it is today: of merged persone the one that goes on.
    pub(crate) person: Person,
    /// The unità under which tables count it today.
    pub(crate) unita: Option<Uuid>,
    /// What came of the azioni agreed, where something was recorded.
    pub(crate) outcomes: Vec<(Word, Word)>,
}

/// What the events come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The assessments that count, by id.
    pub(crate) current: Vec<Current>,
    /// How many versions were read.
    pub(crate) versions: i64,
    /// How many of them do not count, and why.
    pub(crate) set_aside: BTreeMap<SetAside, i64>,
    /// The human behind each persona that goes on, where it has a code.
    pub(crate) links: BTreeMap<Person, Link>,
    /// The numbers of the events that erased somebody.
    pub(crate) erasures: Vec<i64>,
    /// How many events restricted somebody.
    pub(crate) restrictions: i64,
    /// Whether the agreement has ended.
    pub(crate) is_closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Counts,
    Superseded,
    Annulled,
}

struct Version {
    assessment: Box<PackedAssessment>,
    standing: Standing,
    /// The first version of the same questionnaire: outcomes of azioni are kept under it.
    first: Uuid,
}

#[derive(Default)]
struct State {
    versions: BTreeMap<Uuid, Version>,
    /// The last word on each persona's link, with the number of its event.
    links: BTreeMap<Person, (i64, Option<Link>)>,
    merged_into: BTreeMap<Person, Person>,
    restricted: BTreeSet<Person>,
    erased: BTreeSet<Person>,
    erasures: Vec<i64>,
    restrictions: i64,
    headings: BTreeMap<Uuid, Uuid>,
    outcomes: BTreeMap<(Uuid, Word), Word>,
    is_closed: bool,
}

/// Resolves all events of an Ente, in order.
pub(crate) fn resolve(events: impl IntoIterator<Item = PackedEvent>) -> Result<Resolved, Contradiction> {
    let mut state = State::default();
    for event in events {
        let seq = event.seq;
        state.apply(event).map_err(|why| Contradiction { seq, why })?;
    }
    Ok(state.into_resolved())
}

impl State {
    fn apply(&mut self, event: PackedEvent) -> Result<(), &'static str> {
        if self.is_closed && event.what != PackedWhat::Blank {
            return Err("the agreement had ended");
        }
        match event.what {
            PackedWhat::Validated(assessment) => {
                if assessment.supersedes.is_some() {
                    return Err("a first version takes nobody's place");
                }
                let first = assessment.id;
                self.add(event.seq, assessment, first)?;
            }
            PackedWhat::Amended(assessment) => {
                let old = assessment.supersedes.ok_or("an amended version names the one whose place it takes")?;
                let first = match self.versions.get_mut(&old) {
                    Some(version) if version.standing == Standing::Counts => {
                        version.standing = Standing::Superseded;
                        version.first
                    }
                    Some(_) => return Err("the version whose place it takes no longer counted"),
                    None => old,
                };
                self.add(event.seq, assessment, first)?;
            }
            PackedWhat::Annulled { assessment, person: _ } => match self.versions.get_mut(&assessment) {
                Some(version) if version.standing == Standing::Counts => version.standing = Standing::Annulled,
                Some(_) => return Err("the version that it annuls no longer counted"),
                None => {}
            },
            PackedWhat::Restricted { person } => {
                self.restricted.insert(person);
                self.restrictions += 1;
            }
            PackedWhat::Unrestricted { person } => {
                self.restricted.remove(&person);
            }
            PackedWhat::Erased { person } => {
                self.erasures.push(event.seq);
                self.erase(person);
            }
            PackedWhat::PersonaChanged { person, link } => {
                self.links.insert(person, (event.seq, link));
            }
            PackedWhat::PersonasMerged { from, into } => {
                // The one that goes on stands for itself, whatever an erased event said before: no circle can arise.
                self.merged_into.remove(&into);
                if from != into {
                    self.merged_into.insert(from, into);
                }
            }
            PackedWhat::Unmerged { from } => {
                self.merged_into.remove(&from);
            }
            PackedWhat::UnitaMoved { unita, counted_under } => {
                match counted_under.filter(|heading| *heading != unita) {
                    Some(heading) => {
                        self.headings.insert(unita, heading);
                    }
                    None => {
                        self.headings.remove(&unita);
                    }
                }
            }
            PackedWhat::AzioneRecorded { assessment, person: _, azione, outcome } => {
                let first = self.versions.get(&assessment).map_or(assessment, |version| version.first);
                self.outcomes.insert((first, azione), outcome);
            }
            PackedWhat::EnteClosed => self.is_closed = true,
            PackedWhat::Blank => {}
        }
        Ok(())
    }

    fn add(&mut self, seq: i64, mut assessment: Box<PackedAssessment>, first: Uuid) -> Result<(), &'static str> {
        self.links.insert(assessment.person, (seq, assessment.link.take()));
        let version = Version { first, standing: Standing::Counts, assessment };
        match self.versions.insert(version.assessment.id, version) {
            None => Ok(()),
            Some(_) => Err("an assessment with this id is there already"),
        }
    }

    /// Erases a persona and those merged into it; what is known of them is forgotten, as it is once events are blank.
    fn erase(&mut self, person: Person) {
        let below: Vec<Person> =
            self.merged_into.keys().copied().filter(|from| self.path(*from).contains(&person)).collect();
        for token in below.into_iter().chain([person]) {
            self.erased.insert(token);
            self.merged_into.remove(&token);
            self.restricted.remove(&token);
            self.links.remove(&token);
        }
    }

    /// The persone that a persona was merged into, one after the other, itself first.
    fn path(&self, person: Person) -> Vec<Person> {
        std::iter::successors(Some(person), |at| self.merged_into.get(at).copied()).collect()
    }

    fn goes_on_as(&self, person: Person) -> Person {
        self.path(person).pop().unwrap_or(person)
    }

    /// The heading of an unità today. Headings may stand under others; a circle ends where it closes.
    fn heading(&self, unita: Uuid) -> Uuid {
        let mut seen = BTreeSet::from([unita]);
        let mut at = unita;
        while let Some(next) = self.headings.get(&at).filter(|next| seen.insert(**next)) {
            at = *next;
        }
        at
    }

    fn into_resolved(mut self) -> Resolved {
        let restricted: BTreeSet<Person> = self.restricted.iter().map(|token| self.goes_on_as(*token)).collect();
        let links = self.links_of_those_that_go_on();
        let mut resolved = Resolved {
            links,
            erasures: std::mem::take(&mut self.erasures),
            restrictions: self.restrictions,
            is_closed: self.is_closed,
            ..Resolved::default()
        };
        let versions = std::mem::take(&mut self.versions);
        for version in versions.into_values() {
            resolved.versions += 1;
            let person = self.goes_on_as(version.assessment.person);
            let set_aside = if self.erased.contains(&version.assessment.person) {
                Some(SetAside::Erased)
            } else {
                match version.standing {
                    Standing::Superseded => Some(SetAside::Superseded),
                    Standing::Annulled => Some(SetAside::Annulled),
                    Standing::Counts => restricted.contains(&person).then_some(SetAside::Restricted),
                }
            };
            if let Some(why) = set_aside {
                *resolved.set_aside.entry(why).or_default() += 1;
                continue;
            }
            let outcome = |azione: &Word| Some((*azione, *self.outcomes.get(&(version.first, *azione))?));
            resolved.current.push(Current {
                person,
                unita: version.assessment.unita.map(|unita| self.heading(unita)),
                outcomes: version.assessment.azioni.iter().filter_map(outcome).collect(),
                assessment: version.assessment,
            });
        }
        resolved
    }

    /// A persona's own link is the one that counts; where it has none, the last one of those merged into it.
    fn links_of_those_that_go_on(&self) -> BTreeMap<Person, Link> {
        let mut best: BTreeMap<Person, (bool, i64, &Link)> = BTreeMap::new();
        for (token, (seq, link)) in &self.links {
            let Some(link) = link else { continue };
            let person = self.goes_on_as(*token);
            let offered = (person == *token, *seq, link);
            if best.get(&person).is_none_or(|known| (known.0, known.1) < (offered.0, offered.1)) {
                best.insert(person, offered);
            }
        }
        best.into_iter().map(|(person, (_, _, link))| (person, link.clone())).collect()
    }
}

#[cfg(test)]
mod tests;
