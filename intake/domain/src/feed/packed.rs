//! Events as segments hold them and as the pipeline works on them: texts as numbers of one list, answers in the order of a
//! form, instants and days as numbers.
//!
//! A country's events are read again and again, so their size and the time to read them count. The order of fields and
//! variants here is the stored format "segments 2": it never changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Assessment, AssessmentId, AzioneOutcome, EnteId, Evaluation, Event, OperatorToken, Origin, PersonToken,
    ScaleResult, SealedLink, UnitaId, What,
};
use crate::instrument::Id;
use crate::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};

/// A text by its place in [`Words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Word(u32);

/// A [`Form`] by its place in [`Words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FormIndex(u32);

/// An operator by its place in [`Words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperatorIndex(u32);

impl FormIndex {
    /// Its place among [`Words::forms`].
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

impl OperatorIndex {
    /// Its place among [`Words::operators`].
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// A version of a strumento, and which of its items the places of answers are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The strumento.
    pub instrument: Word,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the definition's file, lower-case hexadecimal.
    pub definition_sha256: Word,
    /// The items, in the order in which they were first met.
    pub items: Vec<Word>,
}

/// What packed events refer to by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    texts: Vec<String>,
    forms: Vec<Form>,
    operators: Vec<[u8; 32]>,
    #[serde(skip)]
    text_places: BTreeMap<String, Word>,
    #[serde(skip)]
    item_places: BTreeMap<(FormIndex, Word), usize>,
    #[serde(skip)]
    operator_places: BTreeMap<[u8; 32], OperatorIndex>,
}

/// An answer that an assessment has not.
pub const ABSENT: i16 = i16::MIN;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedEvent {
    /// Its number in the Ente.
    pub seq: i64,
    /// When it was recorded.
    pub at: Moment,
    /// What.
    pub what: PackedWhat,
}

/// Seconds since 1970, and the nanoseconds above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Whole seconds.
    pub seconds: i64,
    /// The rest.
    pub nanoseconds: u32,
}

/// What happened: [`What`], packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field by field what `What` says")]
pub enum PackedWhat {
    Validated(Box<PackedAssessment>),
    Amended(Box<PackedAssessment>),
    Annulled { assessment: Uuid, person: [u8; 32] },
    Restricted { person: [u8; 32] },
    Unrestricted { person: [u8; 32] },
    Erased { person: [u8; 32] },
    PersonaChanged { person: [u8; 32], link: Option<Vec<u8>> },
    PersonasMerged { from: [u8; 32], into: [u8; 32] },
    Unmerged { from: [u8; 32] },
    UnitaMoved { unita: Uuid, counted_under: Option<Uuid> },
    AzioneRecorded { assessment: Uuid, person: [u8; 32], azione: Word, outcome: Word },
    EnteClosed,
    Blank,
}

/// [`Assessment`], packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field by field what `Assessment` says")]
pub struct PackedAssessment {
    pub id: Uuid,
    pub supersedes: Option<Uuid>,
    pub is_imported: bool,
    pub person: [u8; 32],
    pub link: Option<Vec<u8>>,
    pub operator: OperatorIndex,
    pub unita: Option<Uuid>,
    pub comune: Option<Word>,
    pub age: Option<u8>,
    pub sex: Option<Word>,
    pub education: Option<Word>,
    pub citizenship: Option<Word>,
    pub household: Option<Word>,
    pub work: Option<Word>,
    pub disadvantage: Option<Vec<Word>>,
    /// Strumento, version, definition, and the items that `answers` belong to.
    pub form: FormIndex,
    /// By place in the form; [`ABSENT`] where there is none. A shorter list ends in absent ones.
    pub answers: Vec<i16>,
    pub scores: Vec<PackedScore>,
    pub profile: Option<Word>,
    pub blocks: Vec<Word>,
    pub evaluation: PackedEvaluation,
    pub azioni: Vec<Word>,
    pub started_at: Option<Moment>,
    /// Days since 1970-01-01.
    pub assessed_on: i32,
    pub validated_at: Moment,
}

/// [`ScaleResult`], packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field by field what `ScaleResult` says")]
pub struct PackedScore {
    pub scale: Word,
    pub points: i32,
    pub reachable: i32,
    pub items_answered: i32,
    pub is_valid: bool,
    pub level: Option<Word>,
    pub level_of_index: Option<Word>,
}

/// [`Evaluation`], packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "field by field what `Evaluation` says")]
pub enum PackedEvaluation {
    Confirmed,
    Overridden { profile: Option<Word> },
    Absent,
}

/// A number that stands for nothing, or a text that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unpackable(String);

fn unpackable(what: &str, found: impl std::fmt::Display) -> Unpackable {
    Unpackable(format!("{found} is no {what}"))
}

/// The place of the next entry of a list.
fn next_place<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).expect("a list in memory has fewer entries than numbers of 32 bits")
}

impl Words {
    /// The text of a word.
    #[must_use]
    pub fn text(&self, word: Word) -> &str {
        self.texts.get(word.0 as usize).map_or("", String::as_str)
    }

    /// All forms.
    pub fn forms(&self) -> impl Iterator<Item = (FormIndex, &Form)> {
        (0..).map(FormIndex).zip(&self.forms)
    }

    /// All operators, by place.
    pub fn operators(&self) -> impl Iterator<Item = OperatorToken> {
        self.operators.iter().copied().map(OperatorToken)
    }

    /// The word of a text, entered when it is new.
    pub fn enter(&mut self, text: &str) -> Word {
        if let Some(known) = self.text_places.get(text) {
            return *known;
        }
        let word = Word(next_place(&self.texts));
        self.texts.push(text.to_owned());
        self.text_places.insert(text.to_owned(), word);
        word
    }

    fn enter_operator(&mut self, operator: [u8; 32]) -> OperatorIndex {
        let next = OperatorIndex(next_place(&self.operators));
        let known = *self.operator_places.entry(operator).or_insert(next);
        if known == next {
            self.operators.push(operator);
        }
        known
    }

    fn enter_form(&mut self, instrument: Word, version: u32, definition_sha256: Word) -> FormIndex {
        let known = self.forms().find(|(_, form)| {
            (form.instrument, form.version, form.definition_sha256) == (instrument, version, definition_sha256)
        });
        if let Some((known, _)) = known {
            return known;
        }
        let index = FormIndex(next_place(&self.forms));
        self.forms.push(Form { instrument, version, definition_sha256, items: Vec::new() });
        index
    }

    fn enter_item(&mut self, form: FormIndex, item: Word) -> usize {
        let items = &mut self.forms[form.place()].items;
        *self.item_places.entry((form, item)).or_insert_with(|| {
            items.push(item);
            items.len() - 1
        })
    }

    /// Enters all that `other` has; says which of ours each of its numbers is.
    ///
    /// # Errors
    /// A form with a word that `other` has not.
    pub fn adopt(&mut self, other: &Self) -> Result<Adoption, Unpackable> {
        let texts: Vec<Word> = other.texts.iter().map(|text| self.enter(text)).collect();
        let text = |word: Word| texts.get(word.0 as usize).copied().ok_or_else(|| unpackable("word", word.0));
        let mut forms = Vec::new();
        for form in &other.forms {
            let own = self.enter_form(text(form.instrument)?, form.version, text(form.definition_sha256)?);
            let places = form.items.iter().map(|item| Ok(self.enter_item(own, text(*item)?)));
            forms.push((own, places.collect::<Result<_, Unpackable>>()?));
        }
        let operators = other.operators.iter().map(|operator| self.enter_operator(*operator)).collect();
        Ok(Adoption { texts, forms, operators })
    }
}

/// Which numbers of one list are which of another.
#[derive(Debug)]
pub struct Adoption {
    texts: Vec<Word>,
    forms: Vec<(FormIndex, Vec<usize>)>,
    operators: Vec<OperatorIndex>,
}

impl Adoption {
    fn word(&self, word: &mut Word) -> Result<(), Unpackable> {
        *word = *self.texts.get(word.0 as usize).ok_or_else(|| unpackable("word", word.0))?;
        Ok(())
    }

    fn words<'a>(&self, words: impl IntoIterator<Item = &'a mut Word>) -> Result<(), Unpackable> {
        words.into_iter().try_for_each(|word| self.word(word))
    }

    /// Makes an event speak of the list that adopted its own.
    ///
    /// # Errors
    /// A number that stands for nothing.
    pub fn apply(&self, event: &mut PackedEvent) -> Result<(), Unpackable> {
        match &mut event.what {
            PackedWhat::Validated(assessment) | PackedWhat::Amended(assessment) => self.apply_to(assessment),
            PackedWhat::AzioneRecorded { azione, outcome, .. } => self.words([azione, outcome]),
            PackedWhat::Annulled { .. }
            | PackedWhat::Restricted { .. }
            | PackedWhat::Unrestricted { .. }
            | PackedWhat::Erased { .. }
            | PackedWhat::PersonaChanged { .. }
            | PackedWhat::PersonasMerged { .. }
            | PackedWhat::Unmerged { .. }
            | PackedWhat::UnitaMoved { .. }
            | PackedWhat::EnteClosed
            | PackedWhat::Blank => Ok(()),
        }
    }

    fn apply_to(&self, assessment: &mut PackedAssessment) -> Result<(), Unpackable> {
        let operator = assessment.operator.0;
        assessment.operator = *self.operators.get(operator as usize).ok_or_else(|| unpackable("operator", operator))?;
        let form = assessment.form.0;
        let (form, places) = self.forms.get(form as usize).ok_or_else(|| unpackable("form", form))?;
        assessment.form = *form;
        if assessment.answers.len() > places.len() {
            return Err(unpackable("place of the form", assessment.answers.len()));
        }
        // The usual case: forms list the same items in the same order.
        if places.iter().take(assessment.answers.len()).enumerate().any(|(at, place)| at != *place) {
            let length = places.iter().map(|place| place + 1).max().unwrap_or(0);
            let mut answers = vec![ABSENT; length];
            for (answer, place) in assessment.answers.iter().zip(places) {
                answers[*place] = *answer;
            }
            assessment.answers = answers;
        }
        let PackedAssessment {
            comune,
            sex,
            education,
            citizenship,
            household,
            work,
            disadvantage,
            profile,
            blocks,
            azioni,
            scores,
            evaluation,
            ..
        } = assessment;
        self.words([comune, sex, education, citizenship, household, work, profile].into_iter().flatten())?;
        self.words(disadvantage.iter_mut().flatten().chain(blocks).chain(azioni))?;
        for score in scores {
            self.word(&mut score.scale)?;
            self.words([&mut score.level, &mut score.level_of_index].into_iter().flatten())?;
        }
        match evaluation {
            PackedEvaluation::Overridden { profile: Some(profile) } => self.word(profile),
            PackedEvaluation::Overridden { profile: None } | PackedEvaluation::Confirmed | PackedEvaluation::Absent => {
                Ok(())
            }
        }
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(at: DateTime<Utc>) -> Self {
        Self { seconds: at.timestamp(), nanoseconds: at.timestamp_subsec_nanos() }
    }
}

impl Moment {
    /// The instant; `None` for seconds beyond any calendar.
    #[must_use]
    pub fn instant(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.seconds, self.nanoseconds)
    }
}

fn link(link: Option<&SealedLink>) -> Result<Option<Vec<u8>>, Unpackable> {
    link.map(|link| hex::decode(&link.0).map_err(|_| unpackable("link", "a text"))).transpose()
}

impl PackedEvent {
    /// Packs an event, entering its texts.
    ///
    /// # Errors
    /// A link that is not hexadecimal.
    pub fn pack(event: &Event, words: &mut Words) -> Result<Self, Unpackable> {
        let what = match &event.what {
            What::Validated(assessment) => PackedWhat::Validated(Box::new(PackedAssessment::pack(assessment, words)?)),
            What::Amended(assessment) => PackedWhat::Amended(Box::new(PackedAssessment::pack(assessment, words)?)),
            What::Annulled { assessment, person } => {
                PackedWhat::Annulled { assessment: assessment.0, person: person.0 }
            }
            What::Restricted { person } => PackedWhat::Restricted { person: person.0 },
            What::Unrestricted { person } => PackedWhat::Unrestricted { person: person.0 },
            What::Erased { person } => PackedWhat::Erased { person: person.0 },
            What::PersonaChanged { person, link: to } => {
                PackedWhat::PersonaChanged { person: person.0, link: link(to.as_ref())? }
            }
            What::PersonasMerged { from, into } => PackedWhat::PersonasMerged { from: from.0, into: into.0 },
            What::Unmerged { from } => PackedWhat::Unmerged { from: from.0 },
            What::UnitaMoved { unita, counted_under } => {
                PackedWhat::UnitaMoved { unita: unita.0, counted_under: counted_under.map(|unita| unita.0) }
            }
            What::AzioneRecorded { assessment, person, azione, outcome } => PackedWhat::AzioneRecorded {
                assessment: assessment.0,
                person: person.0,
                azione: words.enter(azione.as_str()),
                outcome: words.enter(outcome.code()),
            },
            What::EnteClosed => PackedWhat::EnteClosed,
            What::Blank => PackedWhat::Blank,
        };
        Ok(Self { seq: event.seq, at: event.at.into(), what })
    }

    /// The event as it was.
    ///
    /// # Errors
    /// A number that stands for nothing, or a text that is not what it should be.
    pub fn unpack(&self, ente: EnteId, words: &Words) -> Result<Event, Unpackable> {
        let person = |token: &[u8; 32]| PersonToken(*token);
        let what = match &self.what {
            PackedWhat::Validated(assessment) => What::Validated(Box::new(assessment.unpack(words)?)),
            PackedWhat::Amended(assessment) => What::Amended(Box::new(assessment.unpack(words)?)),
            PackedWhat::Annulled { assessment, person: of } => {
                What::Annulled { assessment: AssessmentId(*assessment), person: person(of) }
            }
            PackedWhat::Restricted { person: of } => What::Restricted { person: person(of) },
            PackedWhat::Unrestricted { person: of } => What::Unrestricted { person: person(of) },
            PackedWhat::Erased { person: of } => What::Erased { person: person(of) },
            PackedWhat::PersonaChanged { person: of, link } => What::PersonaChanged {
                person: person(of),
                link: link.as_ref().map(|link| SealedLink(hex::encode(link))),
            },
            PackedWhat::PersonasMerged { from, into } => {
                What::PersonasMerged { from: person(from), into: person(into) }
            }
            PackedWhat::Unmerged { from } => What::Unmerged { from: person(from) },
            PackedWhat::UnitaMoved { unita, counted_under } => {
                What::UnitaMoved { unita: UnitaId(*unita), counted_under: counted_under.map(UnitaId) }
            }
            PackedWhat::AzioneRecorded { assessment, person: of, azione, outcome } => What::AzioneRecorded {
                assessment: AssessmentId(*assessment),
                person: person(of),
                azione: words.id(*azione)?,
                outcome: words.code(*outcome, AzioneOutcome::from_code)?,
            },
            PackedWhat::EnteClosed => What::EnteClosed,
            PackedWhat::Blank => What::Blank,
        };
        let at = self.at.instant().ok_or_else(|| unpackable("instant", self.at.seconds))?;
        Ok(Event { ente, seq: self.seq, at, what })
    }
}

impl Words {
    fn id(&self, word: Word) -> Result<Id, Unpackable> {
        Id::parse(self.text(word)).map_err(|_| unpackable("id", word.0))
    }

    fn ids<C: FromIterator<Id>>(&self, words: &[Word]) -> Result<C, Unpackable> {
        words.iter().map(|word| self.id(*word)).collect()
    }

    fn code<T>(&self, word: Word, from_code: impl Fn(&str) -> Option<T>) -> Result<T, Unpackable> {
        from_code(self.text(word)).ok_or_else(|| unpackable("code", word.0))
    }
}

impl PackedAssessment {
    fn pack(assessment: &Assessment, words: &mut Words) -> Result<Self, Unpackable> {
        let instrument = words.enter(assessment.instrument.as_str());
        let definition = words.enter(&assessment.definition_sha256);
        let form = words.enter_form(instrument, assessment.version, definition);
        let mut answers = vec![ABSENT; words.forms[form.place()].items.len()];
        for (item, answer) in &assessment.answers {
            let item = words.enter(item.as_str());
            let place = words.enter_item(form, item);
            if place >= answers.len() {
                answers.resize(place + 1, ABSENT);
            }
            answers[place] = *answer;
        }
        let mut enter_all = |ids: &BTreeSet<Id>| ids.iter().map(|id| words.enter(id.as_str())).collect::<Vec<_>>();
        let (blocks, azioni) = (enter_all(&assessment.blocks), enter_all(&assessment.azioni));
        let scores = assessment
            .scores
            .iter()
            .map(|score| PackedScore {
                scale: words.enter(score.scale.as_str()),
                points: score.points,
                reachable: score.reachable,
                items_answered: score.items_answered,
                is_valid: score.is_valid,
                level: score.level.as_ref().map(|level| words.enter(level.as_str())),
                level_of_index: score.level_of_index.as_ref().map(|level| words.enter(level.as_str())),
            })
            .collect();
        let disadvantage = assessment
            .disadvantage
            .as_ref()
            .map(|categories| categories.iter().map(|category| words.enter(category.code())).collect());
        let mut enter = |text: Option<&str>| text.map(|text| words.enter(text));
        Ok(Self {
            id: assessment.id.0,
            supersedes: assessment.supersedes.map(|id| id.0),
            is_imported: assessment.origin == Origin::Import,
            person: assessment.person.0,
            link: link(assessment.link.as_ref())?,
            unita: assessment.unita.map(|unita| unita.0),
            comune: enter(assessment.comune.as_deref()),
            age: assessment.age,
            sex: enter(assessment.sex.map(Sex::code)),
            education: enter(assessment.education.map(Education::code)),
            citizenship: enter(assessment.citizenship.map(Citizenship::code)),
            household: enter(assessment.household.map(Household::code)),
            work: enter(assessment.work.map(Work::code)),
            disadvantage,
            form,
            answers,
            scores,
            profile: enter(assessment.profile.as_ref().map(Id::as_str)),
            blocks,
            evaluation: match &assessment.evaluation {
                Evaluation::Confirmed => PackedEvaluation::Confirmed,
                Evaluation::Overridden { profile } => {
                    PackedEvaluation::Overridden { profile: enter(profile.as_ref().map(Id::as_str)) }
                }
                Evaluation::Absent => PackedEvaluation::Absent,
            },
            azioni,
            started_at: assessment.started_at.map(Moment::from),
            assessed_on: i32::try_from(assessment.assessed_on.signed_duration_since(NaiveDate::default()).num_days())
                .expect("a calendar's days fit in 32 bits"),
            validated_at: assessment.validated_at.into(),
            operator: words.enter_operator(assessment.operator.0),
        })
    }

    fn unpack(&self, words: &Words) -> Result<Assessment, Unpackable> {
        let form = words.forms.get(self.form.0 as usize).ok_or_else(|| unpackable("form", self.form.0))?;
        let operator = words.operators.get(self.operator.0 as usize);
        let operator = operator.ok_or_else(|| unpackable("operator", self.operator.0))?;
        let mut answers = BTreeMap::new();
        for (item, answer) in form.items.iter().zip(&self.answers).filter(|(_, answer)| **answer != ABSENT) {
            answers.insert(words.id(*item)?, *answer);
        }
        let scores = self.scores.iter().map(|score| {
            Ok(ScaleResult {
                scale: words.id(score.scale)?,
                points: score.points,
                reachable: score.reachable,
                items_answered: score.items_answered,
                is_valid: score.is_valid,
                level: score.level.map(|level| words.id(level)).transpose()?,
                level_of_index: score.level_of_index.map(|level| words.id(level)).transpose()?,
            })
        });
        let disadvantage = self.disadvantage.as_ref().map(|categories| {
            categories.iter().map(|category| words.code(*category, Disadvantage::from_code)).collect()
        });
        let instant = |moment: Moment| moment.instant().ok_or_else(|| unpackable("instant", moment.seconds));
        Ok(Assessment {
            id: AssessmentId(self.id),
            supersedes: self.supersedes.map(AssessmentId),
            origin: if self.is_imported { Origin::Import } else { Origin::Portal },
            person: PersonToken(self.person),
            link: self.link.as_ref().map(|link| SealedLink(hex::encode(link))),
            operator: OperatorToken(*operator),
            unita: self.unita.map(UnitaId),
            comune: self.comune.map(|comune| words.text(comune).to_owned()),
            age: self.age,
            sex: self.sex.map(|word| words.code(word, Sex::from_code)).transpose()?,
            education: self.education.map(|word| words.code(word, Education::from_code)).transpose()?,
            citizenship: self.citizenship.map(|word| words.code(word, Citizenship::from_code)).transpose()?,
            household: self.household.map(|word| words.code(word, Household::from_code)).transpose()?,
            work: self.work.map(|word| words.code(word, Work::from_code)).transpose()?,
            disadvantage: disadvantage.transpose()?,
            instrument: words.id(form.instrument)?,
            version: form.version,
            definition_sha256: words.text(form.definition_sha256).to_owned(),
            answers,
            scores: scores.collect::<Result<_, Unpackable>>()?,
            profile: self.profile.map(|class| words.id(class)).transpose()?,
            blocks: words.ids(&self.blocks)?,
            evaluation: match self.evaluation {
                PackedEvaluation::Confirmed => Evaluation::Confirmed,
                PackedEvaluation::Overridden { profile } => {
                    Evaluation::Overridden { profile: profile.map(|class| words.id(class)).transpose()? }
                }
                PackedEvaluation::Absent => Evaluation::Absent,
            },
            azioni: words.ids(&self.azioni)?,
            started_at: self.started_at.map(instant).transpose()?,
            assessed_on: NaiveDate::default()
                .checked_add_signed(chrono::TimeDelta::days(self.assessed_on.into()))
                .ok_or_else(|| unpackable("day", self.assessed_on))?,
            validated_at: instant(self.validated_at)?,
        })
    }
}
