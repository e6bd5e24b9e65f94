//! Decides whether an assessment may enter the tables: its definition is known byte for byte, its answers are the
//! definition's, its score comes out again the same, and its facts are possible.
//!
//! Knows one assessment at a time; what is rejected is named by a reason's code and counted, never repaired.

use std::collections::BTreeMap;

use domain::feed::packed::{ABSENT, Form, FormIndex, PackedAssessment, PackedEvaluation, Word, Words};
use domain::instrument::{Id, Instrument, Missing};
use domain::person::{Citizenship, Disadvantage, Education, Household, Sex, Work};
use domain::scoring::Scoring;

/// Older than anyone can be.
const AGE_MAX: u8 = 120;

/// Why an assessment does not enter the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// No definition of this strumento and version is known.
    DefinitionUnknown,
    /// The definition known under this id and version is another one.
    DefinitionDiffers,
    /// An answer does not belong to the definition.
    AnswersRefused,
    /// The results are not those that the answers give.
    ResultsDiffer,
    /// The operator's class is not one of the profile's.
    EvaluationRefused,
    /// An azione is not in the definition.
    AzioneUnknown,
    /// Older than anyone can be.
    AgeImpossible,
    /// The comune is not an ISTAT code.
    ComuneForm,
    /// The assessment took place after it became valid.
    DayImpossible,
    /// A characteristic has a code that there is not.
    CodeUnknown,
}

impl Reason {
    /// All, in the order in which they are looked for.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::DefinitionUnknown,
        Self::DefinitionDiffers,
        Self::AnswersRefused,
        Self::ResultsDiffer,
        Self::EvaluationRefused,
        Self::AzioneUnknown,
        Self::AgeImpossible,
        Self::ComuneForm,
        Self::DayImpossible,
        Self::CodeUnknown,
    ];

    /// The code in reports and manifests.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::DefinitionUnknown => "definition_unknown",
            Self::DefinitionDiffers => "definition_differs",
            Self::AnswersRefused => "answers_refused",
            Self::ResultsDiffer => "results_differ",
            Self::EvaluationRefused => "evaluation_refused",
            Self::AzioneUnknown => "azione_unknown",
            Self::AgeImpossible => "age_impossible",
            Self::ComuneForm => "comune_form",
            Self::DayImpossible => "day_impossible",
            Self::CodeUnknown => "code_unknown",
        }
    }
}

/// What is known of a form that assessments were filled in on.
enum Known<'a> {
    /// Its definition, and which item of it each place of the form is.
    Definition(&'a Instrument, Vec<Option<usize>>),
    /// Why there is none.
    No(Reason),
}

/// Decides about the assessments of one Ente.
pub(crate) struct Conformity<'a> {
    words: &'a Words,
    forms: BTreeMap<FormIndex, Known<'a>>,
}

impl<'a> Conformity<'a> {
    /// With the definitions known, and the words that the assessments speak of.
    pub(crate) fn new(instruments: &'a [Instrument], words: &'a Words) -> Self {
        let known: BTreeMap<(&str, u32), &Instrument> =
            instruments.iter().map(|instrument| ((instrument.id.as_str(), instrument.version), instrument)).collect();
        let known = |form: &Form| {
            let Some(instrument) = known.get(&(words.text(form.instrument), form.version)) else {
                return Known::No(Reason::DefinitionUnknown);
            };
            if instrument.sha256 != words.text(form.definition_sha256) {
                return Known::No(Reason::DefinitionDiffers);
            }
            let places = form.items.iter().map(|item| instrument.item_index(words.text(*item))).collect();
            Known::Definition(instrument, places)
        };
        Self { words, forms: words.forms().map(|(index, form)| (index, known(form))).collect() }
    }

    /// The definition of an assessment that conforms to it, or the first reason why not.
    pub(crate) fn check(&self, assessment: &PackedAssessment) -> Result<&'a Instrument, Reason> {
        let (instrument, places) = match self.forms.get(&assessment.form) {
            Some(Known::Definition(instrument, places)) => (*instrument, places),
            Some(Known::No(reason)) => return Err(*reason),
            None => return Err(Reason::DefinitionUnknown),
        };
        let chosen = chosen(instrument, places, &assessment.answers).ok_or(Reason::AnswersRefused)?;
        if !self.are_results(assessment, instrument, &instrument.score_chosen(&chosen)) {
            return Err(Reason::ResultsDiffer);
        }
        let is_class = |seen: Word| {
            let mut classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
            classes.any(|class| class.id.as_str() == self.words.text(seen))
        };
        if let PackedEvaluation::Overridden { profile: Some(seen) } = &assessment.evaluation
            && !is_class(*seen)
        {
            return Err(Reason::EvaluationRefused);
        }
        let is_azione =
            |azione: &Word| instrument.azioni.iter().any(|known| known.id.as_str() == self.words.text(*azione));
        if !assessment.azioni.iter().all(is_azione) {
            return Err(Reason::AzioneUnknown);
        }
        if assessment.age.is_some_and(|age| age > AGE_MAX) {
            return Err(Reason::AgeImpossible);
        }
        if !assessment.comune.is_none_or(|comune| is_istat_code(self.words.text(comune))) {
            return Err(Reason::ComuneForm);
        }
        // Midnight comes to Europe/Rome up to two hours before it comes to UTC.
        let days_at_most = assessment.validated_at.seconds.div_euclid(86_400) + 1;
        if i64::from(assessment.assessed_on) > days_at_most {
            return Err(Reason::DayImpossible);
        }
        if !self.are_codes_known(assessment) {
            return Err(Reason::CodeUnknown);
        }
        Ok(instrument)
    }

    /// Whether the results are those that the answers give.
    fn are_results(&self, assessment: &PackedAssessment, instrument: &Instrument, scoring: &Scoring) -> bool {
        let is_word =
            |word: Option<Word>, id: Option<&Id>| word.map(|word| self.words.text(word)) == id.map(Id::as_str);
        let profile = scoring.profile.and_then(|class| {
            instrument.profile.iter().flat_map(|profile| &profile.classes).nth(class).map(|class| &class.id)
        });
        let mut blocks: Vec<&str> = scoring.blocks.keys().map(|block| instrument.blocks[*block].id.as_str()).collect();
        blocks.sort_unstable();
        let mut blocks_given: Vec<&str> = assessment.blocks.iter().map(|block| self.words.text(*block)).collect();
        blocks_given.sort_unstable();
        let scores = assessment.scores.iter().zip(&instrument.scales).zip(&scoring.scales);
        let mut are_equal = scores.map(|((given, scale), score)| {
            let level = |index: usize| &scale.levels[index].id;
            self.words.text(given.scale) == scale.id.as_str()
                && (given.points, given.reachable, given.is_valid) == (score.points, score.reachable, score.is_valid)
                && usize::try_from(given.items_answered) == Ok(score.items_answered)
                && is_word(given.level, score.level.map(|scored| level(scored.level)))
                && is_word(given.level_of_index, score.level.map(|scored| level(scored.level_of_index)))
        });
        assessment.scores.len() == instrument.scales.len()
            && are_equal.all(|is_equal| is_equal)
            && is_word(assessment.profile, profile)
            && blocks == blocks_given
    }

    fn are_codes_known(&self, assessment: &PackedAssessment) -> bool {
        fn is_known<T>(words: &Words, word: Option<Word>, from_code: fn(&str) -> Option<T>) -> bool {
            word.is_none_or(|word| from_code(words.text(word)).is_some())
        }
        let words = self.words;
        let categories = || assessment.disadvantage.iter().flatten();
        is_known(words, assessment.sex, Sex::from_code)
            && is_known(words, assessment.education, Education::from_code)
            && is_known(words, assessment.citizenship, Citizenship::from_code)
            && is_known(words, assessment.household, Household::from_code)
            && is_known(words, assessment.work, Work::from_code)
            && categories().all(|category| is_known(words, Some(*category), Disadvantage::from_code))
            && categories().collect::<std::collections::BTreeSet<_>>().len() == categories().count()
    }
}

/// The options chosen, by item; `None` when an answer does not belong to the definition.
fn chosen(instrument: &Instrument, places: &[Option<usize>], answers: &[i16]) -> Option<Vec<Option<usize>>> {
    let mut chosen = vec![None; instrument.items.len()];
    for (answer, place) in answers.iter().zip(places).filter(|(answer, _)| **answer != ABSENT) {
        let index = (*place)?;
        let item = &instrument.items[index];
        if let Some(missing) = Missing::ALL.into_iter().find(|missing| missing.code() == *answer) {
            if missing != Missing::NotAnswered && !item.missing.contains(&missing) {
                return None;
            }
        } else {
            chosen[index] = Some(item.options.iter().position(|option| option.value == *answer)?);
        }
    }
    Some(chosen)
}

/// The form alone: which codes were valid when is the territory's business, in the marts.
fn is_istat_code(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
