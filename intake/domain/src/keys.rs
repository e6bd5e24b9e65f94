//! Secrets as types: the wrapping key of a ring, keys derived from it, and what is sealed for another ring.
//!
//! Three rings and the release builder's key: identity (portal), pipeline, lake, release. Whoever runs one holds its file
//! alone; the portal also holds the *public* halves of the pipeline's and the release builder's, so that it can write
//! what only they can read. All print redacted and are wiped when dropped. Chance is an argument; files are the caller's.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Whose wrapping key a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ring {
    /// The portal's: identities, answers, search index, tokens.
    Identity,
    /// The pipeline's: opens segments, makes pseudonyms.
    Pipeline,
    /// The lake's: the key of each Ente's partition.
    Lake,
    /// The release builder's: opens link tokens.
    Release,
}

impl Ring {
    /// All rings.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Pipeline, Self::Lake, Self::Release];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Pipeline => "pipeline",
            Self::Lake => "lake",
            Self::Release => "release",
        }
    }
}

/// What can go wrong with a key or with what it protects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file is not a key file of this format.
    #[error("not a key file: one line `noncello-{0} 1 RING ID HEX` was expected")]
    Form(&'static str),
    /// The file holds another ring's key.
    #[error("this is the key of the ring {found}, not of {wanted}")]
    OtherRing {
        /// Which was asked for.
        wanted: &'static str,
        /// Which it is.
        found: String,
    },
    /// The id in the file does not follow from the key.
    #[error("the key file is damaged: its id does not fit its key")]
    Damaged,
    /// A sealed text was changed, moved elsewhere, or belongs to another key.
    #[error("a sealed value cannot be opened: another key, or it was changed")]
    Sealed,
}

/// 32 secret bytes: seals, opens, authenticates, derives.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new one.
    pub fn generate(chance: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        chance.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// From bytes that were exposed before.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for wrapping and for libraries that take a key.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for another purpose (HKDF-SHA-256, RFC 5869), named by `info`. Different purposes give independent keys.
    #[must_use]
    pub fn derive(&self, info: &str) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.0.as_ref())
            .expand(info.as_bytes(), bytes.as_mut())
            .expect("32 bytes are fewer than HKDF can give");
        Self(bytes)
    }

    /// HMAC-SHA-256 of `parts`, each with its length before it, so that no two lists of parts are the same text.
    #[must_use]
    pub fn authenticate(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_ref()).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Seals `plaintext` (XChaCha20-Poly1305): a nonce of 24 bytes, then text and tag. `context` is not stored and must
    /// be the same when opening: where the value stands, so that it cannot be moved.
    pub fn seal(&self, plaintext: &[u8], context: &str, chance: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        let mut nonce = [0; 24];
        chance.fill_bytes(&mut nonce);
        let cipher = XChaCha20Poly1305::new(&Key::from(*self.0));
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: context.as_bytes() })
            .expect("a text in memory is shorter than the cipher's limit");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Secret::seal`] made.
    ///
    /// # Errors
    /// [`KeyError::Sealed`]: changed by a bit, another key, or another context.
    pub fn open(&self, sealed: &[u8], context: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (nonce, text) = sealed.split_first_chunk::<24>().ok_or(KeyError::Sealed)?;
        XChaCha20Poly1305::new(&Key::from(*self.0))
            .decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: context.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Sealed)
    }
}

/// The wrapping key of a ring, as its file holds it.
#[derive(Clone, Debug)]
pub struct RingKey {
    ring: Ring,
    id: String,
    secret: Secret,
}

impl RingKey {
    /// A new one.
    pub fn generate(ring: Ring, chance: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::new(ring, Secret::generate(chance))
    }

    fn new(ring: Ring, secret: Secret) -> Self {
        let id = hex::encode(&secret.derive("key id").expose()[..4]);
        Self { ring, id, secret }
    }

    /// Whose it is.
    #[must_use]
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// Eight hexadecimal digits that tell keys apart and say nothing of them.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A key for one purpose of this ring.
    #[must_use]
    pub fn derive(&self, info: &str) -> Secret {
        self.secret.derive(info)
    }

    /// The text of its file.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(hex::encode(self.secret.expose()));
        Zeroizing::new(format!("noncello-key 1 {} {} {}\n", self.ring.name(), self.id, *secret))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// Another format, another ring, or a damaged key.
    pub fn parse(text: &str, wanted: Ring) -> Result<Self, KeyError> {
        let bytes = parse_line(text, "key", wanted)?;
        let key = Self::new(wanted, Secret::from_bytes(bytes.1));
        if key.id == bytes.0 { Ok(key) } else { Err(KeyError::Damaged) }
    }

    /// The half that opens what was sealed for this ring.
    #[must_use]
    pub fn opening(&self) -> OpeningKey {
        let (private, public) = X25519HkdfSha256::derive_keypair(self.derive("sealed for this ring").expose());
        OpeningKey { private, public: SealingKey { ring: self.ring, public } }
    }
}

/// The public half: seals for a ring, opens nothing.
#[derive(Clone)]
pub struct SealingKey {
    ring: Ring,
    public: <X25519HkdfSha256 as Kem>::PublicKey,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}, {})", self.ring.name(), self.id())
    }
}

impl SealingKey {
    /// Eight hexadecimal digits that tell keys apart.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(&Sha256::digest(self.public.to_bytes())[..4])
    }

    /// The text of its file.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("noncello-public 1 {} {} {}\n", self.ring.name(), self.id(), hex::encode(self.public.to_bytes()))
    }

    /// Reads a public key file.
    ///
    /// # Errors
    /// Another format, another ring, or a damaged key.
    pub fn parse(text: &str, wanted: Ring) -> Result<Self, KeyError> {
        let (id, bytes) = parse_line(text, "public", wanted)?;
        let public = Deserializable::from_bytes(&bytes).map_err(|_| KeyError::Damaged)?;
        let key = Self { ring: wanted, public };
        if key.id() == id { Ok(key) } else { Err(KeyError::Damaged) }
    }

    /// Seals `plaintext` (HPKE, RFC 9180: X25519, HKDF-SHA-256, ChaCha20-Poly1305): 32 bytes of encapsulated key, then text
    /// and tag. `context` as in [`Secret::seal`]. The same text sealed twice shares no byte.
    pub fn seal(&self, plaintext: &[u8], context: &str, chance: &mut (impl CryptoRng + ?Sized)) -> Vec<u8> {
        let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &self.public,
            self.ring.name().as_bytes(),
            plaintext,
            context.as_bytes(),
            // The library wants a type of known size: a reference to one has it.
            &mut &mut *chance,
        )
        .expect("a valid public key and a text in memory can be sealed");
        [encapsulated.to_bytes().as_slice(), &sealed].concat()
    }
}

/// The private half: opens what was sealed for a ring.
#[derive(Clone)]
pub struct OpeningKey {
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: SealingKey,
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningKey({})", self.public.ring.name())
    }
}

impl OpeningKey {
    /// The public half.
    #[must_use]
    pub fn sealing(&self) -> &SealingKey {
        &self.public
    }

    /// Opens what [`SealingKey::seal`] made.
    ///
    /// # Errors
    /// [`KeyError::Sealed`]: changed by a bit, another key, or another context.
    pub fn open(&self, sealed: &[u8], context: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (encapsulated, text) = sealed.split_first_chunk::<32>().ok_or(KeyError::Sealed)?;
        let encapsulated = Deserializable::from_bytes(encapsulated).map_err(|_| KeyError::Sealed)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            self.public.ring.name().as_bytes(),
            text,
            context.as_bytes(),
        )
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Sealed)
    }
}

/// Id and bytes of `noncello-KIND 1 RING ID HEX`.
fn parse_line(text: &str, kind: &'static str, wanted: Ring) -> Result<(String, [u8; 32]), KeyError> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let &[head, "1", ring, id, digits] = words.as_slice() else { return Err(KeyError::Form(kind)) };
    if head.strip_prefix("noncello-") != Some(kind) {
        return Err(KeyError::Form(kind));
    }
    if ring != wanted.name() {
        return Err(KeyError::OtherRing { wanted: wanted.name(), found: ring.to_owned() });
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| KeyError::Form(kind))?;
    Ok((id.to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn chance() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(7)
    }

    #[test]
    fn a_key_file_is_read_back_and_only_as_its_own_ring() {
        let key = RingKey::generate(Ring::Lake, &mut chance());
        let text = key.to_text();
        assert_eq!(RingKey::parse(&text, Ring::Lake).unwrap().secret.expose(), key.secret.expose());
        let other = RingKey::parse(&text, Ring::Identity).unwrap_err();
        assert_eq!(other, KeyError::OtherRing { wanted: "identity", found: "lake".into() });
        let digit = text.trim_end().len() - 1;
        let flipped = format!("{}{}", &text[..digit], if &text[digit..=digit] == "0" { "1" } else { "0" });
        assert_eq!(RingKey::parse(&flipped, Ring::Lake).unwrap_err(), KeyError::Damaged);
        assert_eq!(RingKey::parse("", Ring::Lake).unwrap_err(), KeyError::Form("key"));
        let public = key.opening().sealing().to_text();
        assert_eq!(SealingKey::parse(&public, Ring::Lake).unwrap().to_text(), public);
        assert!(SealingKey::parse(&text, Ring::Lake).is_err());
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let secret = Secret::generate(&mut chance());
        let sealed = secret.seal(b"Maria", "ente|persone|name|1", &mut chance());
        assert_eq!(secret.open(&sealed, "ente|persone|name|1").unwrap().as_slice(), b"Maria");
        assert_eq!(secret.open(&sealed, "ente|persone|name|2"), Err(KeyError::Sealed));
        assert_eq!(secret.derive("x").open(&sealed, "ente|persone|name|1"), Err(KeyError::Sealed));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(secret.open(&changed, "ente|persone|name|1"), Err(KeyError::Sealed), "byte {at}");
        }
        assert_eq!(secret.open(b"short", ""), Err(KeyError::Sealed));
    }

    #[test]
    fn what_is_sealed_for_a_ring_is_opened_by_it_alone() {
        let key = RingKey::generate(Ring::Pipeline, &mut chance()).opening();
        let mut chance = chance();
        let other = RingKey::generate(Ring::Pipeline, &mut chance);
        let other = RingKey::generate(other.ring(), &mut chance).opening();
        let sealed = key.sealing().seal(b"answers", "segment 1", &mut chance);
        assert_eq!(key.open(&sealed, "segment 1").unwrap().as_slice(), b"answers");
        assert_eq!(key.open(&sealed, "segment 2"), Err(KeyError::Sealed));
        assert_eq!(other.open(&sealed, "segment 1"), Err(KeyError::Sealed));
        assert_ne!(key.sealing().seal(b"answers", "segment 1", &mut chance), sealed);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(&changed, "segment 1"), Err(KeyError::Sealed), "byte {at}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let secret = Secret::generate(&mut chance());
        assert_ne!(secret.authenticate(&[b"ab", b"c"]), secret.authenticate(&[b"a", b"bc"]));
        assert_ne!(secret.derive("a").expose(), secret.derive("b").expose());
    }

    #[test]
    fn nothing_prints_a_secret() {
        let key = RingKey::generate(Ring::Identity, &mut chance());
        let printed = format!("{key:?} {:?} {:?}", key.derive("x"), key.opening());
        assert!(!printed.contains(&hex::encode(key.secret.expose())));
    }
}
