//! Handing persone over from one Ente to another: what merging, splitting and moving house come down to. An export and an import
//! in one, audited on both sides: what arrives has new ids and keys, says where it comes from, and nothing is re-labelled.
//!
//! Questionnaires that count today go along, with answers, evaluation, azioni and what was recorded on their day. Corrected and
//! annulled versions, notes on items, notices and restrictions stay: they are the acts of the Ente that made them. The persone
//! stay too, until that Ente erases them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::feed::Origin;
use domain::instrument::{Id, Instrument};
use rand::CryptoRng;
use store::{
    Assessment, Chance, EnteScope, ImportPersona, ImportRow, Persona, PersonaData, PersonaId, Refused, RowOutcome,
    Store, StoreError,
};

/// What was handed over, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandedOver {
    /// Persone that were asked for.
    pub persone: u64,
    /// Those whom the other Ente did not know, and who were made.
    pub made: u64,
    /// Questionnaires that arrived.
    pub questionnaires: u64,
    /// Questionnaires that were there already, the same in everything.
    pub there_already: u64,
}

/// Why nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// The two Enti are one.
    #[error("the two Enti are the same")]
    Same,
    /// A persona cannot be handed over.
    #[error("the persona {persona}: {why}")]
    Persona {
        /// Which, in the Ente that hands over.
        persona: PersonaId,
        /// Why.
        why: &'static str,
    },
    /// A questionnaire's definition is not here.
    #[error("the strumento {0} version {1} is not in this installation: add its definition first")]
    NoDefinition(Id, u32),
    /// The other Ente holds the same questionnaire with other content.
    #[error("the persona {0}: the other Ente holds one of their questionnaires with other answers")]
    Different(PersonaId),
    /// A questionnaire breaks a rule.
    #[error("the persona {persona}: {refused}")]
    Refused {
        /// Whose it is.
        persona: PersonaId,
        /// The rule.
        refused: Refused,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct HandOver<'a> {
    /// Whom, in the Ente that hands over.
    pub persone: &'a BTreeSet<PersonaId>,
    /// From where, as people of the other Ente read it on the questionnaires.
    pub source: &'a str,
    /// Whether to look only.
    pub is_dry_run: bool,
}

/// What was recorded on the day of a questionnaire, with who the persona is.
fn of_the_day(data: &PersonaData, assessment: &Assessment) -> PersonaData {
    let categories = &assessment.categories;
    let facts = categories.facts.clone();
    PersonaData {
        sex: facts.sex,
        residence: categories.comune.clone(),
        education: facts.education,
        citizenship: facts.citizenship,
        household: facts.household,
        work: facts.work,
        disadvantage: facts.disadvantage,
        ..data.clone()
    }
}

fn row(persona: &Persona, assessment: &Assessment) -> ImportRow {
    ImportRow {
        persona: ImportPersona {
            external_id: persona.id.to_string(),
            is_of_this_row: false,
            data: of_the_day(&persona.data, assessment),
            age: assessment.categories.facts.age,
        },
        assessed_on: assessment.assessed_on,
        sheet: assessment.sheet.clone(),
        origin: Origin::Import,
        operator: None,
        unita: None,
        evaluation: assessment.evaluation.clone(),
        evaluation_reason: assessment.evaluation_reason.clone(),
        azioni: assessment
            .azioni
            .iter()
            .map(|agreed| (agreed.azione.clone(), agreed.results.last().map(|result| result.outcome)))
            .collect(),
        started_at: assessment.started_at,
        validated_at: Some(assessment.validated_at),
    }
}

/// Hands persone over, all or none.
///
/// # Errors
/// [`HandOverError`]; then the other Ente has nothing of it.
pub async fn hand_over(
    store: &Store,
    from: &EnteScope,
    to: &EnteScope,
    instruments: &[Instrument],
    asked: HandOver<'_>,
    now: DateTime<Utc>,
    chance: &mut (impl CryptoRng + Send),
) -> Result<HandedOver, HandOverError> {
    if from.ente() == to.ente() {
        return Err(HandOverError::Same);
    }
    let mut gone = Vec::new();
    let mut rows: BTreeMap<(Id, u32), Vec<(PersonaId, ImportRow)>> = BTreeMap::new();
    let mut without = Vec::new();
    for id in asked.persone {
        let persona = store.persona(from, *id, now).await?;
        let refuse = |why| Err(HandOverError::Persona { persona: *id, why });
        if persona.merged_into.is_some() {
            return refuse("merged into another: hand that one over");
        }
        if persona.is_restricted {
            return refuse("restricted: lift the restriction first");
        }
        let history = store.history_of_persona(from, *id, now).await?;
        let current: Vec<&Assessment> = history.iter().filter(|one| one.is_current()).collect();
        if current.is_empty() {
            without.push(persona.clone());
        }
        for one in current {
            let key = (one.instrument.clone(), one.version);
            rows.entry(key).or_default().push((*id, row(&persona, one)));
        }
        gone.push(persona);
    }
    let mut definitions = Vec::new();
    for (id, version) in rows.keys() {
        let found = instruments.iter().find(|known| known.id == *id && known.version == *version);
        definitions.push(found.ok_or_else(|| HandOverError::NoDefinition(id.clone(), *version))?);
    }
    let mut done = HandedOver { persone: gone.len() as u64, ..HandedOver::default() };
    let mut new_ids: BTreeMap<PersonaId, PersonaId> = BTreeMap::new();
    if asked.is_dry_run {
        let mut check = store.begin_check(to, now).await?;
        for (definition, rows) in definitions.into_iter().zip(rows.into_values()) {
            let (ids, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let outcomes = store.check_import(to, &mut check, definition, &rows, now, chance).await?;
            count(&mut done, &mut new_ids, &ids, outcomes)?;
        }
        done.made = check.persone() + without.len() as u64;
        return Ok(done);
    }
    let import = store.begin_import(to, asked.source, now, chance).await?;
    let staged = stage(store, to, import, definitions, rows, &mut done, &mut new_ids, now, chance).await;
    if let Err(error) = staged {
        store.abandon_import(to, import, now).await?;
        return Err(error);
    }
    let summary = store.commit_import(to, import, now).await?;
    done.made = summary.persone;
    for persona in &gone {
        if let Some(new) = new_ids.get(&persona.id) {
            complete(store, to, *new, &persona.data, now, chance).await?;
        }
    }
    for persona in &without {
        if is_known(store, to, &persona.data, now).await? {
            continue;
        }
        store.create_persona(to, &persona.data, now, chance).await?;
        done.made += 1;
    }
    store.record_hand_over(from, asked.persone, now).await?;
    Ok(done)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one step of one function, apart so that whatever fails abandons the import"
)]
async fn stage(
    store: &Store,
    to: &EnteScope,
    import: store::ImportId,
    definitions: Vec<&Instrument>,
    rows: BTreeMap<(Id, u32), Vec<(PersonaId, ImportRow)>>,
    done: &mut HandedOver,
    new_ids: &mut BTreeMap<PersonaId, PersonaId>,
    now: DateTime<Utc>,
    chance: &mut dyn Chance,
) -> Result<(), HandOverError> {
    for (definition, rows) in definitions.into_iter().zip(rows.into_values()) {
        let (ids, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let outcomes = store.stage_import(to, import, definition, &rows, now, chance).await?;
        count(done, new_ids, &ids, outcomes)?;
    }
    Ok(())
}

fn count(
    done: &mut HandedOver,
    new_ids: &mut BTreeMap<PersonaId, PersonaId>,
    ids: &[PersonaId],
    outcomes: Vec<RowOutcome>,
) -> Result<(), HandOverError> {
    for (persona, outcome) in ids.iter().zip(outcomes) {
        match outcome {
            RowOutcome::Staged(new) => {
                done.questionnaires += 1;
                new_ids.insert(*persona, new);
            }
            RowOutcome::Skipped => done.there_already += 1,
            RowOutcome::Different => return Err(HandOverError::Different(*persona)),
            RowOutcome::Refused(refused) => return Err(HandOverError::Refused { persona: *persona, refused }),
        }
    }
    Ok(())
}

/// Records what is known today of somebody who was made just now: an import leaves them as they were on the day of a questionnaire.
async fn complete(
    store: &Store,
    to: &EnteScope,
    new: PersonaId,
    data: &PersonaData,
    now: DateTime<Utc>,
    chance: &mut dyn Chance,
) -> Result<(), StoreError> {
    let there = store.persona(to, new, now).await?;
    let is_new = there.revision == 1 && there.created_at == now;
    if is_new && there.data != *data {
        store.update_persona(to, new, there.revision, data, now, chance).await?;
    }
    Ok(())
}

/// Whether the other Ente has somebody with the same code, or with the same name and birth date.
async fn is_known(store: &Store, to: &EnteScope, data: &PersonaData, now: DateTime<Utc>) -> Result<bool, StoreError> {
    if let Some(identifier) = &data.identifier
        && store.find_by_identifier(to, identifier, now).await?.is_some()
    {
        return Ok(true);
    }
    Ok(!store.similar_persone(to, data, now).await?.is_empty())
}
