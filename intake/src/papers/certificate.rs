//! The certificate that the data of a persona are gone, from the line that the erasure left in the audit: it can be given out
//! again, and for an erasure that happened alone.

use documents::{Certificate, DestroyedKey, Erased, Issue, Removed};
use store::{AuditEntry, ErasureGround};
use templates::term;

use super::italian_moment;
use super::words::WORDS;
use crate::form::show_id;

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
