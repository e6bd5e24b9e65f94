//! What the portal knows, as papers take it: the same report as on the page, in the shapes of `documents`.

mod access_report;
mod accounts_list;
mod agreements;
mod certificate;
mod sheets;
mod words;

use std::collections::BTreeMap;
use std::fmt::Display;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use documents::{
    AgreedAzione, Answer, AnswerChange, AnswerSection, Azione, AzioneResult, Block, Cap, Change, Contact, Contribution,
    Course, Crosswalk, CrosswalkRow, Dimension, EasyAction, EasyReport, EasyScale, Evaluation, IcfChapter, Issue,
    Level, LevelMark, Minimum, Origin, Outcome, Paper, Press, Profile, Questionnaire, Raise, Report, Scale, Standing,
    Strumento,
};
use domain::feed::AzioneOutcome;
use domain::instrument::{Id, Instrument, Status};
use domain::scoring::change::{self, reliable_change};
use domain::scoring::{Refusal, Scoring};
use store::{Assessment, Session};

use crate::pages::report::answer_text;
use crate::pages::view;
use crate::portal::Portal;
use crate::reply::Failure;
use crate::visitor::italian_day;

pub(crate) use access_report::access_report;
pub(crate) use accounts_list::accounts_list;
pub(crate) use agreements::{agreement, interest, issue_of_platform};
pub(crate) use certificate::{certificate, closing_certificate};
pub(crate) use sheets::{Running, dictionary, impact, register};

/// Sets a paper, away from the threads that serve pages.
pub(crate) async fn print<P: Paper + Send + 'static>(portal: &Portal, paper: P) -> Result<Vec<u8>, Failure> {
    let press = portal.press();
    let turn = portal.setting().acquire_owned().await.map_err(|_| Failure::Broken)?;
    let set = tokio::task::spawn_blocking(move || {
        // The turn is over when the paper is set, also where nobody waits for it any more.
        let _turn = turn;
        Press::print(&press, &paper)
    })
    .await;
    match set {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            tracing::error!(%error, "a paper cannot be set");
            Err(Failure::Broken)
        }
        Err(error) => {
            tracing::error!(%error, "the setting of a paper was broken off");
            Err(Failure::Broken)
        }
    }
}

/// Who gives a paper out, and when.
pub(crate) fn issue(portal: &Portal, session: &Session, now: DateTime<Utc>) -> Issue {
    let ente = session.ente_name().unwrap_or_else(|| words::platform_name());
    issue_by(portal, ente, session.display_name(), session.is_demo(), now)
}

/// The same by the names of Ente and account.
pub(crate) fn issue_by(portal: &Portal, ente: &str, name: &str, is_demo: bool, now: DateTime<Utc>) -> Issue {
    Issue {
        ente: ente.to_owned(),
        unit: None,
        made_on: italian_day(now),
        made_by: Some(name.to_owned()),
        is_demonstration: portal.is_demonstration() || is_demo,
    }
}

/// The moment that clocks in Italy show.
fn italian_moment(at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&chrono_tz::Europe::Rome).naive_local()
}

/// What has a version, with it.
fn versioned(title: String, version: impl Display) -> String {
    format!("{title}, versione {version}")
}

fn origin(one: &Assessment) -> Origin {
    match one.origin {
        domain::feed::Origin::Portal => Origin::Portal,
        domain::feed::Origin::Import => Origin::Import { source: one.import_source.clone(), responsible: None },
    }
}

fn standing(one: &Assessment) -> Standing {
    match (&one.annulment, one.superseded_by) {
        (Some(annulment), _) => {
            Standing::Annulled { on: italian_day(annulment.at), reason: Some(annulment.reason.clone()) }
        }
        (None, Some(_)) => Standing::Superseded,
        (None, None) => Standing::Current,
    }
}

fn evaluation(one: &Assessment, class: impl Fn(&Id) -> Option<String>) -> Evaluation {
    match &one.evaluation {
        domain::feed::Evaluation::Confirmed => Evaluation::Confirmed,
        domain::feed::Evaluation::Overridden { profile } => {
            Evaluation::Overridden { profile: profile.as_ref().and_then(class), reason: one.evaluation_reason.clone() }
        }
        domain::feed::Evaluation::Absent => Evaluation::Absent,
    }
}

fn azioni(instrument: &Instrument, indices: &[usize]) -> Vec<Azione> {
    indices
        .iter()
        .map(|azione| &instrument.azioni[*azione])
        .map(|azione| Azione { title: azione.title.to_string(), text: azione.text.to_string() })
        .collect()
}

fn outcome(outcome: AzioneOutcome) -> Outcome {
    match outcome {
        AzioneOutcome::UnderWay => Outcome::UnderWay,
        AzioneOutcome::Completed => Outcome::Completed,
        AzioneOutcome::Dropped => Outcome::Dropped,
    }
}

/// A validated questionnaire.
///
/// # Errors
/// When an answer does not belong to the strumento.
pub(crate) fn questionnaire(instrument: &Instrument, one: &Assessment) -> Result<Questionnaire, Refusal> {
    let scoring = instrument.score(&one.sheet)?;
    let scales = (0..instrument.scales.len()).map(|scale| self::scale(instrument, one, &scoring, scale));
    let class = |id: &Id| {
        let classes = instrument.profile.iter().flat_map(|profile| &profile.classes);
        classes.into_iter().find(|class| class.id == *id).map(|class| class.title.to_string())
    };
    Ok(Questionnaire {
        strumento: Strumento {
            title: instrument.title.to_string(),
            subtitle: instrument.subtitle.as_ref().map(ToString::to_string),
            version: one.version,
            is_unofficial: instrument.status == Status::Unofficial,
            source: instrument.source.to_string(),
            definition_sha256: one.definition_sha256.clone(),
        },
        assessed_on: one.assessed_on,
        validated_on: Some(italian_day(one.validated_at)),
        operator: one.operator.as_ref().map(|operator| operator.display_name.clone()),
        origin: origin(one),
        standing: standing(one),
        correction_reason: one.amendment_reason.clone(),
        circumstances: Vec::new(),
        notes: Vec::new(),
        count_answered: one.sheet.values().filter(|answer| answer.code() >= 0).count(),
        count_items: instrument.items.len(),
        has_profile: instrument.profile.is_some(),
        profile: instrument.profile.as_ref().zip(scoring.profile).map(|(profile, class)| {
            let class = &profile.classes[class];
            Profile {
                label: profile.title.to_string(),
                title: class.title.to_string(),
                paragraphs: view::paragraphs(&class.paragraph),
                azioni: azioni(instrument, &class.azioni),
            }
        }),
        blocks: blocks(instrument, one, &scoring),
        scales: scales.collect::<Result<_, _>>()?,
        evaluation: evaluation(one, class),
        azioni: agreed(instrument, one),
        answers: answers(instrument, one),
    })
}

fn blocks(instrument: &Instrument, one: &Assessment, scoring: &Scoring) -> Vec<Block> {
    let block = |(index, items): (&usize, &Vec<usize>)| {
        let block = &instrument.blocks[*index];
        Block {
            title: block.title.to_string(),
            paragraphs: view::paragraphs(&block.text),
            items: items
                .iter()
                .map(|item| format!("{} {}", instrument.items[*item].text, answer_text(instrument, &one.sheet, *item)))
                .collect(),
            caps: view::caps(instrument, *index)
                .into_iter()
                .map(|cap| Cap { scale: cap.scale, level: cap.level })
                .collect(),
            azioni: azioni(instrument, &block.azioni),
        }
    };
    scoring.blocks.iter().map(block).collect()
}

fn scale(instrument: &Instrument, one: &Assessment, scoring: &Scoring, index: usize) -> Result<Scale, Refusal> {
    let (scale, score) = (&instrument.scales[index], &scoring.scales[index]);
    let raise = match instrument.raise(&one.sheet, index)? {
        domain::scoring::changes::Raise::NotScored => None,
        domain::scoring::changes::Raise::Highest => Some(Raise::Highest),
        domain::scoring::changes::Raise::OutOfReach => Some(Raise::OutOfReach),
        domain::scoring::changes::Raise::Changes { to_level, changes } => Some(Raise::Changes {
            to_level: scale.levels[to_level].title.to_string(),
            changes: changes
                .iter()
                .map(|change| {
                    let item = &instrument.items[change.item];
                    let text = |value| item.option(value).map(|option| option.text.to_string()).unwrap_or_default();
                    AnswerChange { item: item.text.to_string(), from: text(change.from), to: text(change.to) }
                })
                .collect(),
        }),
    };
    Ok(Scale {
        title: scale.title.to_string(),
        description: scale.description.to_string(),
        is_valid: score.is_valid,
        minimum: match scale.minimum {
            domain::instrument::Minimum::Items(items) => Minimum::Items(items),
            domain::instrument::Minimum::WeightPercent(percent) => Minimum::WeightPercent(percent),
        },
        covered_percent: 100 * score.reachable / score.reachable_of_all.max(1),
        items_answered: score.items_answered,
        items_total: score.items,
        points: score.points,
        reachable: score.reachable,
        index_tenths: score.index_tenths(),
        levels: scale
            .levels
            .iter()
            .enumerate()
            .map(|(place, level)| LevelMark {
                title: level.title.to_string(),
                from: level.from,
                is_current: score.level.is_some_and(|scored| scored.level == place),
            })
            .collect(),
        level: score.level.map(|scored| &scale.levels[scored.level]).map(|level| Level {
            title: level.title.to_string(),
            paragraphs: view::paragraphs(&level.paragraph),
            azioni: azioni(instrument, &level.azioni),
        }),
        capped_from: score
            .level
            .filter(domain::scoring::ScoredLevel::is_capped)
            .map(|scored| scale.levels[scored.level_of_index].title.to_string()),
        raise,
        contributions: score
            .contributions
            .iter()
            .map(|given| Contribution {
                item: instrument.items[given.item].text.to_string(),
                answer: answer_text(instrument, &one.sheet, given.item),
                points: given.points,
                reachable: given.reachable,
            })
            .collect(),
    })
}

fn agreed(instrument: &Instrument, one: &Assessment) -> Vec<AgreedAzione> {
    let paper = |agreed: &store::AzioneAgreed| {
        let azione = instrument.azioni.iter().find(|azione| azione.id == agreed.azione)?;
        Some(AgreedAzione {
            title: azione.title.to_string(),
            text: azione.text.to_string(),
            agreed_on: one.assessed_on,
            due_on: agreed.terms.due_on,
            followed_by: agreed.terms.followed_by.clone(),
            results: agreed
                .results
                .iter()
                .map(|result| AzioneResult {
                    on: italian_day(result.at),
                    outcome: outcome(result.outcome),
                    by: result.by.as_ref().map(|by| by.display_name.clone()),
                })
                .collect(),
        })
    };
    one.azioni.iter().filter_map(paper).collect()
}

fn answers(instrument: &Instrument, one: &Assessment) -> Vec<AnswerSection> {
    let answer = |item: usize| {
        let code = one.sheet.get(&instrument.items[item].id).map(|answer| answer.code());
        let text = answer_text(instrument, &one.sheet, item);
        Answer {
            number: item + 1,
            item: instrument.items[item].text.to_string(),
            answer: if text.is_empty() { "senza risposta".to_owned() } else { text },
            is_missing: code.is_none_or(|code| code < 0),
        }
    };
    instrument
        .sections
        .iter()
        .map(|section| AnswerSection {
            title: section.title.to_string(),
            answers: section.items.clone().map(answer).collect(),
        })
        .collect()
}

/// The report of a questionnaire. `past` are all of the same persona, in whatever order.
///
/// # Errors
/// When an answer does not belong to the strumento.
pub(crate) fn report(
    issue: Issue,
    persona: String,
    instrument: &Instrument,
    one: &Assessment,
    past: &[Assessment],
) -> Result<Report, Refusal> {
    Ok(Report {
        issue,
        persona,
        questionnaire: questionnaire(instrument, one)?,
        course: course(instrument, one, past),
        crosswalk: crosswalk(instrument),
    })
}

/// The indices of a version over time, up to the day of the questionnaire; `None` when there is one day alone.
fn course(instrument: &Instrument, one: &Assessment, past: &[Assessment]) -> Option<Course> {
    let mut same: Vec<&Assessment> = past
        .iter()
        .filter(|other| other.instrument == one.instrument && other.version == one.version)
        .filter(|other| (other.is_current() || other.id == one.id) && other.assessed_on <= one.assessed_on)
        .collect();
    same.sort_by_key(|other| (other.assessed_on, other.validated_at));
    if same.len() < 2 {
        return None;
    }
    let scored: Vec<Scoring> = same.iter().map(|one| instrument.score(&one.sheet)).collect::<Result<_, _>>().ok()?;
    let dimensions = instrument.scales.iter().enumerate().map(|(index, scale)| {
        let definition = scale.reliability.as_ref().map(|reliability| reliability.sem_hundredths);
        let sem = one.sem_hundredths.get(&scale.id).copied().or(definition);
        let changes = (0..scored.len()).map(|place| {
            let before = &scored[place.checked_sub(1)?].scales[index];
            Some(match reliable_change(before, &scored[place].scales[index], sem?)? {
                change::Change::ReliableImprovement => Change::Improvement,
                change::Change::WithinError => Change::WithinError,
                change::Change::ReliableWorsening => Change::Worsening,
            })
        });
        Dimension {
            title: scale.title.to_string(),
            indices_tenths: scored.iter().map(|scoring| scoring.scales[index].index_tenths()).collect(),
            changes: changes.collect(),
            sem_hundredths: sem,
        }
    });
    Some(Course { dates: same.iter().map(|one| one.assessed_on).collect(), dimensions: dimensions.collect() })
}

fn crosswalk(instrument: &Instrument) -> Option<Crosswalk> {
    let rows = view::crosswalk(instrument).into_iter().map(|row| {
        let chapters = row.chapters.into_iter().map(|chapter| IcfChapter { code: chapter.code, title: chapter.title });
        CrosswalkRow { part: row.part, areas: row.areas, chapters: chapters.collect() }
    });
    let rows: Vec<CrosswalkRow> = rows.collect();
    (!rows.is_empty()).then_some(Crosswalk { rows })
}

/// The same in easy words, for the person; `None` where the definition has none.
///
/// # Errors
/// When an answer does not belong to the strumento.
pub(crate) fn easy_report(
    issue: Issue,
    persona: String,
    instrument: &Instrument,
    one: &Assessment,
    next_on: Option<NaiveDate>,
) -> Result<Option<EasyReport>, Refusal> {
    let scoring = instrument.score(&one.sheet)?;
    if instrument.scales.iter().all(|scale| scale.levels.iter().all(|level| level.easy.is_none())) {
        return Ok(None);
    }
    let step = |place: usize| u8::try_from(place).unwrap_or(u8::MAX);
    let scales = instrument.scales.iter().zip(&scoring.scales).map(|(scale, score)| {
        let place = score.level.map(|scored| scored.level);
        EasyScale {
            title: scale.easy_title.as_ref().unwrap_or(&scale.title).to_string(),
            step: place.map(|place| step(place + 1)),
            steps: step(scale.levels.len()),
            sentences: place
                .and_then(|place| scale.levels[place].easy.as_ref())
                .map(|easy| sentences(easy.as_str()))
                .unwrap_or_default(),
        }
    });
    let titles: BTreeMap<&Id, &domain::instrument::Azione> =
        instrument.azioni.iter().map(|azione| (&azione.id, azione)).collect();
    Ok(Some(EasyReport {
        persona,
        strumento: instrument.title.to_string(),
        is_unofficial: instrument.status == Status::Unofficial,
        assessed_on: one.assessed_on,
        operator: one.operator.as_ref().map(|operator| operator.display_name.clone()),
        scales: scales.collect(),
        missing: scoring.blocks.keys().map(|block| instrument.blocks[*block].title.to_string()).collect(),
        is_overridden: matches!(one.evaluation, domain::feed::Evaluation::Overridden { .. }),
        actions: one
            .azioni
            .iter()
            .filter_map(|agreed| titles.get(&agreed.azione))
            .map(|azione| EasyAction { what: azione.title.to_string(), who: None, by: None })
            .collect(),
        next_on,
        contact: Contact {
            name: one.operator.as_ref().map_or_else(|| issue.ente.clone(), |operator| operator.display_name.clone()),
            office: Some(issue.ente.clone()),
            email: None,
            phone: None,
        },
        issue,
    }))
}

/// A text as short sentences, one each.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    for character in text.chars() {
        sentence.push(character);
        if matches!(character, '.' | '!' | '?') {
            sentences.push(std::mem::take(&mut sentence).trim().to_owned());
        }
    }
    sentences.push(sentence.trim().to_owned());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_apart_at_its_full_stops() {
        assert_eq!(sentences("Puoi lavorare. Vuoi provare? Sì"), ["Puoi lavorare.", "Vuoi provare?", "Sì"]);
    }
}
