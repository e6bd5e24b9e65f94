//! Which key seals what: a random key per persona, wrapped by a random key per Ente, wrapped by the identity ring.
//!
//! A sealed value's context is `ente|table|column|row`: it cannot be moved. Search tokens are HMACs under a key of the
//! Ente, so that two Enti share none. Everything here is memory; rows are the caller's.

use chrono::NaiveDate;
use domain::feed::{EnteId, OperatorToken, PersonToken, SealedLink};
use domain::identifier::{Identifier, IdentifierKind};
use domain::keys::{RingKey, SealingKey, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::error::StoreError;
use crate::ids::{AccountId, PersonaId};
use crate::open::Chance;

/// What the portal derives from its ring once.
pub(crate) struct PortalKeys {
    pub(crate) ring_id: String,
    enti: Secret,
    person: Secret,
    operator: Secret,
    link: Secret,
    pub(crate) audit: Secret,
    pub(crate) throttle: Secret,
    gateway: Secret,
    carried: Secret,
    release: SealingKey,
}

impl PortalKeys {
    pub(crate) fn new(identity: &RingKey, release: SealingKey) -> Self {
        Self {
            ring_id: identity.id().to_owned(),
            enti: identity.derive("ente keys"),
            person: identity.derive("person token"),
            operator: identity.derive("operator token"),
            link: identity.derive("link token"),
            audit: identity.derive("audit chain"),
            throttle: identity.derive("login throttle"),
            gateway: identity.derive("gateway identity"),
            carried: identity.derive("carried by the browser"),
            release,
        }
    }

    pub(crate) fn person_token(&self, persona: PersonaId) -> PersonToken {
        PersonToken(self.person.authenticate(&[persona.0.as_bytes()]))
    }

    /// Of nobody, for imports that do not say who assessed: one token for all of an Ente's.
    pub(crate) fn operator_token(&self, ente: EnteId, account: Option<AccountId>) -> OperatorToken {
        OperatorToken(match account {
            Some(account) => self.operator.authenticate(&[account.0.as_bytes()]),
            None => self.operator.authenticate(&[b"nobody", ente.0.as_bytes()]),
        })
    }

    /// By which human an identifier is known, whatever the Ente; `None` for an Ente's own codes: two Enti give the same ones
    /// to different people.
    pub(crate) fn link(&self, identifier: &Identifier, chance: &mut dyn Chance) -> Option<SealedLink> {
        if identifier.kind() == IdentifierKind::Local {
            return None;
        }
        let token = self.link.authenticate(&[identifier.kind().code().as_bytes(), identifier.expose().as_bytes()]);
        Some(SealedLink(hex::encode(self.release.seal(&token, "link", chance))))
    }

    /// Who somebody is to a gateway, the same in every Ente: one human may work for several.
    pub(crate) fn gateway_digest(&self, issuer: &str, subject: &str) -> Vec<u8> {
        self.gateway.authenticate(&[issuer.as_bytes(), subject.as_bytes()]).to_vec()
    }

    /// Seals what the browser carries for us from one page to the next.
    pub(crate) fn seal_carried(&self, value: &impl Serialize, purpose: &str, chance: &mut dyn Chance) -> String {
        hex::encode(seal(&self.carried, value, purpose, chance))
    }

    /// Opens what [`PortalKeys::seal_carried`] made for the same purpose.
    pub(crate) fn open_carried<T: DeserializeOwned>(&self, carried: &str, purpose: &str) -> Option<T> {
        let text = self.carried.open(&hex::decode(carried).ok()?, purpose).ok()?;
        serde_json::from_slice(&text).ok()
    }

    pub(crate) fn wrap_ente(&self, ente: EnteId, key: &Secret, chance: &mut dyn Chance) -> Vec<u8> {
        self.enti.seal(key.expose(), &context(ente, "enti", "wrapped_key", ente), chance)
    }

    pub(crate) fn unwrap_ente(&self, ente: EnteId, wrapped: &[u8]) -> Result<EnteKeys, StoreError> {
        let key = unwrap(&self.enti, wrapped, &context(ente, "enti", "wrapped_key", ente))
            .ok_or_else(|| StoreError::Damaged { table: "enti", row: ente.to_string() })?;
        Ok(EnteKeys {
            ente,
            persone: key.derive("persona keys"),
            index: key.derive("search index"),
            own: key.derive("the ente's own payloads"),
        })
    }
}

/// What is derived from the key of an Ente.
pub(crate) struct EnteKeys {
    ente: EnteId,
    persone: Secret,
    index: Secret,
    /// Seals what belongs to no persona, or outlives one.
    pub(crate) own: Secret,
}

/// The kinds of search token, by the code under which they stand in the index.
#[derive(Clone, Copy)]
pub(crate) enum IndexKind {
    Identifier,
    External,
    Name,
    /// The whole name and the birth date: who may be the same human.
    Similar,
}

impl IndexKind {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Identifier => "i",
            Self::External => "x",
            Self::Name => "n",
            Self::Similar => "s",
        }
    }
}

impl EnteKeys {
    pub(crate) fn wrap_persona(&self, persona: PersonaId, key: &Secret, chance: &mut dyn Chance) -> Vec<u8> {
        self.persone.seal(key.expose(), &context(self.ente, "persona_keys", "wrapped_key", persona), chance)
    }

    pub(crate) fn unwrap_persona(&self, persona: PersonaId, wrapped: &[u8]) -> Result<Secret, StoreError> {
        unwrap(&self.persone, wrapped, &context(self.ente, "persona_keys", "wrapped_key", persona))
            .ok_or_else(|| StoreError::Damaged { table: "persona_keys", row: persona.to_string() })
    }

    pub(crate) fn identifier_token(&self, identifier: &Identifier) -> Vec<u8> {
        self.token(&[b"identifier", identifier.kind().code().as_bytes(), identifier.expose().as_bytes()], 16)
    }

    pub(crate) fn external_token(&self, external_id: &str) -> Vec<u8> {
        self.token(&[b"external", external_id.as_bytes()], 16)
    }

    /// The one questionnaire that an external id, a strumento and a day stand for.
    pub(crate) fn external_row_token(&self, instrument: &str, external_id: &str, day: &str) -> Vec<u8> {
        self.token(&[b"external row", instrument.as_bytes(), external_id.as_bytes(), day.as_bytes()], 16)
    }

    /// A keyed digest of a row's content, to tell the same from another.
    pub(crate) fn content_mac(&self, content: &[u8]) -> Vec<u8> {
        self.token(&[b"content", content], 16)
    }

    /// Of a whole folded word.
    pub(crate) fn word_token(&self, word: &str) -> Vec<u8> {
        self.token(&[b"word", word.as_bytes()], 8)
    }

    /// Of the first letters of a folded word, which has as many.
    pub(crate) fn prefix_token(&self, word: &str, letters: usize) -> Vec<u8> {
        let prefix: String = word.chars().take(letters).collect();
        self.token(&[b"prefix", prefix.as_bytes()], 8)
    }

    /// Of all words of a name, in whatever order, and a birth date; `None` without either.
    pub(crate) fn similarity_token(&self, surname: &str, name: &str, birth_date: Option<NaiveDate>) -> Option<Vec<u8>> {
        let mut words: Vec<String> = [surname, name].into_iter().flat_map(folded_words).collect();
        words.sort_unstable();
        let day = birth_date?.to_string();
        (!words.is_empty()).then(|| self.token(&[b"similar", words.join(" ").as_bytes(), day.as_bytes()], 16))
    }

    fn token(&self, parts: &[&[u8]], bytes: usize) -> Vec<u8> {
        self.index.authenticate(parts)[..bytes].to_vec()
    }
}

fn unwrap(key: &Secret, wrapped: &[u8], context: &str) -> Option<Secret> {
    let opened = key.open(wrapped, context).ok()?;
    Some(Secret::from_bytes(opened.as_slice().try_into().ok()?))
}

/// Where a sealed value stands.
pub(crate) fn context(ente: EnteId, table: &str, column: &str, row: impl std::fmt::Display) -> String {
    format!("{ente}|{table}|{column}|{row}")
}

/// Seals a value as JSON.
pub(crate) fn seal(key: &Secret, value: &impl Serialize, context: &str, chance: &mut dyn Chance) -> Vec<u8> {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(value).expect("stored forms are plain data"));
    key.seal(&text, context, chance)
}

/// Opens what [`seal`] made.
pub(crate) fn open<T: DeserializeOwned>(
    key: &Secret,
    sealed: &[u8],
    ente: EnteId,
    table: &'static str,
    column: &str,
    row: impl std::fmt::Display,
) -> Result<T, StoreError> {
    let damaged = || StoreError::Damaged { table, row: row.to_string() };
    let text = key.open(sealed, &context(ente, table, column, &row)).map_err(|_| damaged())?;
    serde_json::from_slice(&text).map_err(|_| damaged())
}

/// The words of a name as they are searched: small letters without accents.
pub(crate) fn folded_words(text: &str) -> Vec<String> {
    let mut folded = String::new();
    for character in text.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase) {
        match character {
            'đ' | 'ð' => folded.push('d'),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            other if other.is_alphanumeric() => folded.push(other),
            other if is_combining_mark(other) => {}
            _ => folded.push(' '),
        }
    }
    folded.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_to_what_is_typed_without_thinking() {
        fn check(text: &str, expected: &[&str]) {
            assert_eq!(folded_words(text), expected);
        }
        check("D’Ángelo  Đorđević", &["d", "angelo", "dordevic"]);
        check("Müller-Łukasz", &["muller", "lukasz"]);
        check("  ", &[]);
    }
}
