//! The certificate of an erasure: what is gone, by which keys, what remains and why. It does not say who it was about.

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use super::{Issue, day, moment};
use crate::press::Paper;

/// A certificate of erasure, of a persona or of an Ente's whole partition.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// Who gives it out.
    pub issue: Issue,
    /// Its number.
    pub number: String,
    /// When it was done, in Italy.
    #[serde(serialize_with = "super::to_the_minute")]
    pub done_at: NaiveDateTime,
    /// Who did it, by name or by office.
    pub done_by: String,
    /// What was erased.
    pub erased: Erased,
    /// What is gone, kind by kind.
    pub removed: Vec<Removed>,
    /// Keys destroyed: what they had sealed is unreadable, but for backups that still hold them.
    pub keys: Vec<DestroyedKey>,
    /// Lines by which it can be proved what stands there now.
    pub digests: Vec<DigestLine>,
    /// What remains, and why.
    pub remains: Vec<Remainder>,
}

/// What was erased.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Erased {
    /// The data of a persona.
    Persona {
        /// The opaque reference of the request, which names nobody.
        reference: String,
        /// Why: a request, the end of storage.
        reason: String,
    },
    /// The data of an Ente whose agreement ended.
    Ente {
        /// Its full name.
        name: String,
        /// Its code in the index of public administrations (IPA).
        ipa_code: Option<String>,
        /// The agreement's number.
        agreement: Option<String>,
        /// The agreement's last day.
        ended_on: NaiveDate,
    },
}

/// A kind of thing that is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Removed {
    /// What.
    pub what: String,
    /// How many; `None` for all there were, uncounted.
    pub count: Option<u64>,
}

/// A key that is gone.
#[derive(Clone, Debug, Serialize)]
pub struct DestroyedKey {
    /// What it sealed.
    pub what: String,
    /// Its fingerprint, in hexadecimal digits; `None` where none was kept.
    pub fingerprint: Option<String>,
    /// When it was destroyed, in Italy.
    #[serde(serialize_with = "super::to_the_minute")]
    pub at: NaiveDateTime,
}

/// A digest.
#[derive(Clone, Debug, Serialize)]
pub struct DigestLine {
    /// Of what.
    pub what: String,
    /// In hexadecimal digits.
    pub digest: String,
}

/// Something that remains.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Remainder {
    /// What.
    pub what: String,
    /// Why, and for how long.
    pub why: String,
}

impl Paper for Certificate {
    const FILE: &'static str = "certificate.typ";

    fn samples() -> Vec<Self> {
        let removed = |what: &str, count| Removed { what: what.to_owned(), count };
        let remainder = |what: &str, why: &str| Remainder { what: what.to_owned(), why: why.to_owned() };
        let at = moment(day(2026, 11, 25), 18, 40);
        let persona = Self {
            issue: Issue::sample(),
            number: "CE-2026-0003".to_owned(),
            done_at: at,
            done_by: "Carla Prova, amministrazione dell'Ente".to_owned(),
            erased: Erased::Persona {
                reference: "0b9d7c1e-5a3f-4c77-9a0e-3f5f2d1c8e42".to_owned(),
                reason: "Richiesta della persona (art. 17 del Regolamento)".to_owned(),
            },
            removed: vec![
                removed("dati che identificano", None),
                removed("questionari, in ogni versione", Some(3)),
                removed("bozze", Some(0)),
            ],
            keys: vec![DestroyedKey {
                what: "chiave della persona".to_owned(),
                fingerprint: Some("5f2b8e0c91d47a36".to_owned()),
                at,
            }],
            digests: vec![DigestLine {
                what: "ultima riga del registro delle operazioni".to_owned(),
                digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
            }],
            remains: vec![
                remainder(
                    "le righe del registro delle operazioni",
                    "provano che la cancellazione è avvenuta; hanno soltanto codici casuali",
                ),
                remainder("i dati anonimi già pubblicati", "non riguardano più una persona che si possa riconoscere"),
            ],
        };
        let ente = Self {
            issue: Issue { ente: "Comune di Pordenone".to_owned(), ..Issue::bare_sample() },
            erased: Erased::Ente {
                name: "Ambito territoriale sociale del Noncello".to_owned(),
                ipa_code: Some("atsn_pn".to_owned()),
                agreement: Some("12/2026".to_owned()),
                ended_on: day(2026, 1, 31),
            },
            removed: vec![
                removed("persone", Some(1_234)),
                removed("questionari", Some(5_678)),
                removed("account", Some(25)),
            ],
            digests: Vec::new(),
            remains: Vec::new(),
            ..persona.clone()
        };
        let uncounted = Self {
            removed: vec![removed("dati che identificano", None), removed("questionari, in ogni versione", None)],
            keys: vec![DestroyedKey { what: "chiave della persona".to_owned(), fingerprint: None, at }],
            digests: Vec::new(),
            ..persona.clone()
        };
        vec![persona, ente, uncounted]
    }
}
