//! Decides whether an assessment may enter the tables: its definition is known byte for byte, its answers are the
//! definition's, its score comes out again the same, and its facts are possible.
//!
//! Knows one assessment at a time; what is rejected is named by a reason's code and counted, never repaired.

use std::collections::BTreeMap;

use domain::feed::{Assessment, Evaluation, ScaleResult};
use domain::instrument::{Answer, Id, Instrument, Missing};
use domain::scoring::Sheet;

/// The definitions known, by id and version.
pub(crate) type Definitions<'a> = BTreeMap<(&'a Id, u32), &'a Instrument>;

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
}

impl Reason {
    /// All, in the order in which they are looked for.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 9] = [
        Self::DefinitionUnknown,
        Self::DefinitionDiffers,
        Self::AnswersRefused,
        Self::ResultsDiffer,
        Self::EvaluationRefused,
        Self::AzioneUnknown,
        Self::AgeImpossible,
        Self::ComuneForm,
        Self::DayImpossible,
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
        }
    }
}

/// The definitions by id and version.
pub(crate) fn definitions(instruments: &[Instrument]) -> Definitions<'_> {
    instruments.iter().map(|instrument| ((&instrument.id, instrument.version), instrument)).collect()
}

/// The definition of an assessment that conforms to it, or the first reason why not.
pub(crate) fn conform<'a>(definitions: &Definitions<'a>, assessment: &Assessment) -> Result<&'a Instrument, Reason> {
    let instrument =
        *definitions.get(&(&assessment.instrument, assessment.version)).ok_or(Reason::DefinitionUnknown)?;
    if instrument.sha256 != assessment.definition_sha256 {
        return Err(Reason::DefinitionDiffers);
    }
    let scoring = instrument.score(&sheet(assessment)).map_err(|_| Reason::AnswersRefused)?;
    let classes = || instrument.profile.iter().flat_map(|profile| &profile.classes);
    let profile = scoring.profile.and_then(|class| classes().nth(class)).map(|class| &class.id);
    let blocks = scoring.blocks.keys().map(|block| &instrument.blocks[*block].id);
    if assessment.scores != ScaleResult::all(instrument, &scoring)
        || assessment.profile.as_ref() != profile
        || !blocks.collect::<std::collections::BTreeSet<_>>().into_iter().eq(&assessment.blocks)
    {
        return Err(Reason::ResultsDiffer);
    }
    if let Evaluation::Overridden { profile: Some(seen) } = &assessment.evaluation
        && !classes().any(|class| class.id == *seen)
    {
        return Err(Reason::EvaluationRefused);
    }
    if !assessment.azioni.iter().all(|azione| instrument.azioni.iter().any(|known| known.id == *azione)) {
        return Err(Reason::AzioneUnknown);
    }
    if assessment.age.is_some_and(|age| age > AGE_MAX) {
        return Err(Reason::AgeImpossible);
    }
    if !assessment.comune.as_deref().is_none_or(is_istat_code) {
        return Err(Reason::ComuneForm);
    }
    // Midnight comes to Europe/Rome up to two hours before it comes to UTC.
    if assessment.validated_at.date_naive().succ_opt().is_some_and(|day| assessment.assessed_on > day) {
        return Err(Reason::DayImpossible);
    }
    Ok(instrument)
}

/// The form alone: which codes were valid when is the territory's business, in the marts.
fn is_istat_code(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Codes of the feed as answers. A negative code that is no kind of missing stays a value, which no option has.
fn sheet(assessment: &Assessment) -> Sheet {
    let answer = |code: i16| {
        Missing::ALL.into_iter().find(|missing| missing.code() == code).map_or(Answer::Value(code), Answer::Missing)
    };
    assessment.answers.iter().map(|(item, code)| (item.clone(), answer(*code))).collect()
}

#[cfg(test)]
mod tests;
