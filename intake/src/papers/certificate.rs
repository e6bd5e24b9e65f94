//! Certificates that data are gone: of a persona, from the line that the erasure left in the audit; of an Ente, from what is kept
//! of its closing. They can be given out again, and for what happened alone.

use documents::{Certificate, DestroyedKey, Erased, Issue, Remainder, Removed};
use store::{Agreement, AuditEntry, Closing, Ente, ErasureGround};
use templates::term;

use super::italian_moment;
use super::words::WORDS;
use crate::form::show_id;
use crate::visitor::italian_day;

/// The certificate; `None` when the line does not tell of an erasure.
pub(crate) fn certificate(issue: Issue, line: &AuditEntry, done_by: String) -> Option<Certificate> {
    let reference = line.subjects.first()?;
    let ground = ErasureGround::from_code(line.detail.as_deref()?)?;
    let words = &WORDS.certificate;
    let at = italian_moment(line.at);
    let merged = u64::try_from(line.subjects.len()).unwrap_or(u64::MAX) - 1;
    Some(Certificate {
        issue,
        number: show_id(reference),
        done_at: at,
        done_by,
        erased: Erased::Persona {
            reference: reference.to_string(),
            reason: term("erasure_ground", ground.code()).unwrap_or_default().to_owned(),
        },
        removed: words
            .removed
            .iter()
            .map(|what| Removed { what: what.clone(), count: None })
            .chain((merged > 0).then(|| Removed { what: words.merged.clone(), count: Some(merged) }))
            .collect(),
        keys: vec![DestroyedKey { what: words.key.clone(), fingerprint: None, at }],
        digests: Vec::new(),
        remains: words.remains.clone(),
    })
}

/// The certificate of an Ente that was closed, after its last agreement.
pub(crate) fn closing_certificate(
    issue: Issue,
    ente: &Ente,
    agreement: Option<&Agreement>,
    closing: &Closing,
) -> Certificate {
    let words = &WORDS.closing;
    let at = italian_moment(closing.at);
    let counts = closing.counts;
    let removed = [
        (&words.persone, Some(counts.persone)),
        (&words.assessments, Some(counts.assessments)),
        (&words.drafts, Some(counts.drafts)),
        (&words.accounts, Some(counts.accounts)),
        (&words.others, None),
    ];
    Certificate {
        issue,
        number: show_id(ente.id),
        done_at: at,
        done_by: closing.done_by.clone(),
        erased: Erased::Ente {
            name: ente.name.clone(),
            ipa_code: None,
            agreement: agreement.map(|agreement| agreement.terms.number.clone()),
            ended_on: agreement.map_or_else(|| italian_day(closing.at), |agreement| agreement.terms.until),
        },
        removed: removed.map(|(what, count)| Removed { what: what.clone(), count }).into(),
        keys: vec![DestroyedKey { what: words.key.clone(), fingerprint: Some(closing.key_fingerprint.clone()), at }],
        digests: Vec::new(),
        remains: std::iter::once(Remainder { what: words.handed_over.clone(), why: closing.reason.clone() })
            .chain(words.remains.iter().cloned())
            .collect(),
    }
}
