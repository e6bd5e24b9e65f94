//! Which key seals what: a random key per persona, wrapped by a random key per Ente, wrapped by the identity ring. Those of
//! ring and Enti can be renewed while the portal runs (`rotation`).
//!
//! A sealed value's context is `ente|table|column|row`: it cannot be moved. Search tokens are HMACs under a key of the
//! Ente, so that two Enti share none. Everything here is memory; rows are the caller's.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::NaiveDate;
use domain::feed::{EnteId, OperatorToken, PersonToken, SealedLink};
use domain::identifier::{Identifier, IdentifierKind};
use domain::keys::{KeyError, RingKey, SealingKey, Secret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::ids::{AccountId, PersonaId};
use crate::open::Chance;

/// The secrets that outlive the ring they were first derived from, by the purpose they were derived for. Tokens stand in the
/// feed and in the lake, digests in tables: another secret would make others of them.
const LASTING: [&str; 7] = [
    "person token",
    "operator token",
    "link token",
    "audit chain",
    "login throttle",
    "gateway identity",
    "carried by the browser",
];

/// A secret that outlives a ring, as it is kept: its purpose, and itself sealed under the ring.
pub(crate) type Kept = (String, Vec<u8>);

/// Gives the key of the identity ring that has an id, where this installation has it.
pub(crate) type RingSource = Box<dyn Fn(&str) -> Option<RingKey> + Send + Sync>;

/// What the portal has of its ring.
pub(crate) struct PortalKeys {
    /// By the id of their ring, what the keys of Enti are wrapped under: two while keys are renewed.
    wrapping: RwLock<BTreeMap<String, Secret>>,
    /// The ring under which a new Ente's key is wrapped: the platform's own.
    ring_id: RwLock<String>,
    source: RwLock<Option<RingSource>>,
    /// The keys of Enti, read once.
    enti: RwLock<BTreeMap<EnteId, Arc<EnteKeys>>>,
    person: Secret,
    operator: Secret,
    link: Secret,
    pub(crate) audit: Secret,
    pub(crate) throttle: Secret,
    gateway: Secret,
    carried: Secret,
    release: SealingKey,
}

fn wrapping_of(ring: &RingKey) -> Secret {
    ring.derive("ente keys")
}

fn kept_context(purpose: &str) -> String {
    format!("kept_secrets|sealed|{purpose}")
}

impl PortalKeys {
    /// With the secrets that were kept when the ring before was given up; derived from this one where none were.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when the ring opens none of them.
    pub(crate) fn new(identity: &RingKey, kept: &[Kept], release: SealingKey) -> Result<Self, StoreError> {
        let keeping = identity.derive("kept secrets");
        let secret = |purpose: &str| match kept.iter().find(|(name, _)| name == purpose) {
            None => Ok(identity.derive(purpose)),
            Some((_, sealed)) => unwrap(&keeping, sealed, &kept_context(purpose)).ok_or(KeyError::Sealed),
        };
        let [person, operator, link, audit, throttle, gateway, carried] = LASTING.map(secret);
        let all = || -> Result<Self, KeyError> {
            Ok(Self {
                wrapping: RwLock::new(BTreeMap::from([(identity.id().to_owned(), wrapping_of(identity))])),
                ring_id: RwLock::new(identity.id().to_owned()),
                source: RwLock::new(None),
                enti: RwLock::default(),
                person: person?,
                operator: operator?,
                link: link?,
                audit: audit?,
                throttle: throttle?,
                gateway: gateway?,
                carried: carried?,
                release,
            })
        };
        all().map_err(StoreError::WrongKey)
    }

    /// The secrets that outlive the ring, for the one that comes after it.
    pub(crate) fn keep(&self, next: &RingKey, chance: &mut dyn Chance) -> Vec<Kept> {
        let secrets =
            [&self.person, &self.operator, &self.link, &self.audit, &self.throttle, &self.gateway, &self.carried];
        let keeping = next.derive("kept secrets");
        let named = LASTING.into_iter().zip(secrets);
        named
            .map(|(name, secret)| (name.to_owned(), keeping.seal(secret.expose(), &kept_context(name), chance)))
            .collect()
    }

    /// The ring under which the key of a new Ente is wrapped.
    pub(crate) fn ring_id(&self) -> String {
        read(&self.ring_id).clone()
    }

    /// From now on this ring wraps.
    pub(crate) fn use_ring(&self, id: &str) {
        id.clone_into(&mut write(&self.ring_id));
    }

    /// Learns a ring that wraps keys.
    pub(crate) fn learn_ring(&self, ring: &RingKey) {
        write(&self.wrapping).insert(ring.id().to_owned(), wrapping_of(ring));
    }

    pub(crate) fn set_source(&self, source: RingSource) {
        *write(&self.source) = Some(source);
    }

    fn wrapping(&self, ring_id: &str) -> Result<Secret, StoreError> {
        if let Some(known) = read(&self.wrapping).get(ring_id) {
            return Ok(known.clone());
        }
        let found = read(&self.source).as_ref().and_then(|source| source(ring_id));
        let wrong = || KeyError::OtherRing { wanted: "identity", found: ring_id.to_owned() };
        let ring = found.filter(|ring| ring.id() == ring_id).ok_or_else(|| StoreError::WrongKey(wrong()))?;
        self.learn_ring(&ring);
        Ok(wrapping_of(&ring))
    }

    /// The keys of an Ente that were read before.
    pub(crate) fn cached(&self, ente: EnteId) -> Option<Arc<EnteKeys>> {
        read(&self.enti).get(&ente).cloned()
    }

    pub(crate) fn cache(&self, keys: Arc<EnteKeys>) {
        write(&self.enti).insert(keys.ente, keys);
    }

    /// Forgets what was read of an Ente's keys.
    pub(crate) fn forget(&self, ente: EnteId) {
        write(&self.enti).remove(&ente);
    }

    /// Forgets the keys of all Enti: they are read again when they are asked for.
    pub(crate) fn forget_all(&self) {
        write(&self.enti).clear();
    }

    /// Whether the keys that were read of an Ente are those that it has, by the version that its counters name. Asked in
    /// every transaction that writes: nothing is kept that was sealed with a key given up.
    ///
    /// # Errors
    /// [`StoreError::KeysRenewed`]; the keys are read again the next time.
    pub(crate) fn check_version(&self, ente: EnteId, version: i32) -> Result<(), StoreError> {
        if self.cached(ente).is_none_or(|keys| keys.version == version) {
            return Ok(());
        }
        self.forget(ente);
        Err(StoreError::KeysRenewed)
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

    /// Wraps the keys of an Ente under a ring that is known.
    pub(crate) fn wrap_ente(
        &self,
        ring_id: &str,
        ente: EnteId,
        keys: &Bundle,
        chance: &mut dyn Chance,
    ) -> Result<Vec<u8>, StoreError> {
        let text = match keys {
            Bundle::First(key) => Zeroizing::new(key.expose().to_vec()),
            Bundle::Renewed(keys) => {
                Zeroizing::new(serde_json::to_vec(&VersionedBundle::V2(keys.to_stored())).expect("it is plain data"))
            }
        };
        Ok(self.wrapping(ring_id)?.seal(&text, &context(ente, "enti", "wrapped_key", ente), chance))
    }

    pub(crate) fn unwrap_ente(&self, ring_id: &str, ente: EnteId, wrapped: &[u8]) -> Result<Bundle, StoreError> {
        let damaged = || StoreError::Damaged { table: "enti", row: ente.to_string() };
        let place = context(ente, "enti", "wrapped_key", ente);
        let text = self.wrapping(ring_id)?.open(wrapped, &place).map_err(|_| damaged())?;
        if let Ok(first) = <[u8; 32]>::try_from(text.as_slice()) {
            return Ok(Bundle::First(Secret::from_bytes(first)));
        }
        let VersionedBundle::V2(stored) = serde_json::from_slice(&text).map_err(|_| damaged())?;
        RenewedKeys::of_stored(&stored).map(Bundle::Renewed).ok_or_else(damaged)
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// The keys of an Ente as its row holds them.
#[derive(Clone)]
pub(crate) enum Bundle {
    /// The one that it began with, from which all others are derived.
    First(Secret),
    /// After they were renewed.
    Renewed(RenewedKeys),
}

/// Keys that were renewed. The first of each list seals, all of them open.
#[derive(Clone)]
pub(crate) struct RenewedKeys {
    /// How often they have changed, from 1 for the keys that an Ente begins with.
    pub(crate) version: i32,
    pub(crate) persone: Vec<Secret>,
    pub(crate) own: Vec<Secret>,
    /// It stays: what search tokens were made of is not kept.
    pub(crate) index: Secret,
    /// Whether the new keys are there and do not seal yet.
    pub(crate) is_announced: bool,
}

/// The stored form, after 32 bytes of one key. Every version is read, the newest is written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "format")]
enum VersionedBundle {
    #[serde(rename = "ente keys 2")]
    V2(StoredBundle),
}

/// Keys in hexadecimal digits.
#[derive(Serialize, Deserialize)]
struct StoredBundle {
    version: i32,
    persone: Vec<Zeroizing<String>>,
    own: Vec<Zeroizing<String>>,
    index: Zeroizing<String>,
    is_announced: bool,
}

impl RenewedKeys {
    fn to_stored(&self) -> StoredBundle {
        let text = |key: &Secret| Zeroizing::new(hex::encode(key.expose()));
        StoredBundle {
            version: self.version,
            persone: self.persone.iter().map(text).collect(),
            own: self.own.iter().map(text).collect(),
            index: text(&self.index),
            is_announced: self.is_announced,
        }
    }

    fn of_stored(stored: &StoredBundle) -> Option<Self> {
        let key = |text: &Zeroizing<String>| {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(text.as_bytes(), bytes.as_mut()).ok()?;
            Some(Secret::from_bytes(*bytes))
        };
        let all = |texts: &[Zeroizing<String>]| {
            let keys: Option<Vec<Secret>> = texts.iter().map(key).collect();
            keys.filter(|keys| !keys.is_empty())
        };
        Some(Self {
            version: stored.version,
            persone: all(&stored.persone)?,
            own: all(&stored.own)?,
            index: key(&stored.index)?,
            is_announced: stored.is_announced,
        })
    }
}

impl Bundle {
    /// As they are once renewed.
    pub(crate) fn into_renewed(self) -> RenewedKeys {
        match self {
            Self::Renewed(keys) => keys,
            Self::First(key) => RenewedKeys {
                version: 1,
                persone: vec![key.derive("persona keys")],
                own: vec![key.derive("the ente's own payloads")],
                index: key.derive("search index"),
                is_announced: false,
            },
        }
    }
}

/// A key that was renewed, with the one before it while that still seals anything.
pub(crate) struct Renewable(Vec<Secret>);

/// What seals and opens.
pub(crate) trait Opens {
    /// What seals.
    fn sealing(&self) -> &Secret;

    /// Opens what this, or what came before it, sealed.
    ///
    /// # Errors
    /// [`KeyError::Sealed`].
    fn open(&self, sealed: &[u8], context: &str) -> Result<Zeroizing<Vec<u8>>, KeyError>;
}

impl Opens for Secret {
    fn sealing(&self) -> &Secret {
        self
    }

    fn open(&self, sealed: &[u8], context: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Self::open(self, sealed, context)
    }
}

impl Opens for Renewable {
    fn sealing(&self) -> &Secret {
        &self.0[0]
    }

    fn open(&self, sealed: &[u8], context: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut opened = Err(KeyError::Sealed);
        for key in &self.0 {
            opened = key.open(sealed, context);
            if opened.is_ok() {
                break;
            }
        }
        opened
    }
}

/// The keys of an Ente.
pub(crate) struct EnteKeys {
    ente: EnteId,
    version: i32,
    persone: Renewable,
    index: Secret,
    /// Seals what belongs to no persona, or outlives one.
    pub(crate) own: Renewable,
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
    pub(crate) fn new(ente: EnteId, bundle: Bundle) -> Self {
        let RenewedKeys { version, persone, own, index, is_announced: _ } = bundle.into_renewed();
        Self { ente, version, persone: Renewable(persone), index, own: Renewable(own) }
    }

    pub(crate) fn wrap_persona(&self, persona: PersonaId, key: &Secret, chance: &mut dyn Chance) -> Vec<u8> {
        self.persone.sealing().seal(key.expose(), &persona_context(self.ente, persona), chance)
    }

    /// The same key under the newest of the Ente's; `None` where it is so already.
    pub(crate) fn rewrap_persona(
        &self,
        persona: PersonaId,
        wrapped: &[u8],
        chance: &mut dyn Chance,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if unwrap(self.persone.sealing(), wrapped, &persona_context(self.ente, persona)).is_some() {
            return Ok(None);
        }
        let key = self.unwrap_persona(persona, wrapped)?;
        Ok(Some(self.wrap_persona(persona, &key, chance)))
    }

    pub(crate) fn unwrap_persona(&self, persona: PersonaId, wrapped: &[u8]) -> Result<Secret, StoreError> {
        unwrap(&self.persone, wrapped, &persona_context(self.ente, persona))
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

fn persona_context(ente: EnteId, persona: PersonaId) -> String {
    context(ente, "persona_keys", "wrapped_key", persona)
}

fn unwrap(key: &impl Opens, wrapped: &[u8], context: &str) -> Option<Secret> {
    let opened = key.open(wrapped, context).ok()?;
    Some(Secret::from_bytes(opened.as_slice().try_into().ok()?))
}

/// Where a sealed value stands.
pub(crate) fn context(ente: EnteId, table: &str, column: &str, row: impl std::fmt::Display) -> String {
    format!("{ente}|{table}|{column}|{row}")
}

/// Seals a value as JSON.
pub(crate) fn seal(key: &impl Opens, value: &impl Serialize, context: &str, chance: &mut dyn Chance) -> Vec<u8> {
    let text = Zeroizing::new(serde_json::to_vec(value).expect("stored forms are plain data"));
    key.sealing().seal(&text, context, chance)
}

/// Opens what [`seal`] made.
pub(crate) fn open<T: DeserializeOwned>(
    key: &impl Opens,
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
