//! The pseudonym key of an Ente, and what it makes of tokens: 16 bytes of HMAC-SHA-256, other ones in every Ente.
//!
//! The key lies in a file of its own, wrapped by the pipeline ring, made at first use. Replacing it ([`renew`]) makes the next
//! run make another partition, whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::feed::{EnteId, OperatorToken, PersonToken};
use domain::keys::{KeyError, RingKey, Secret};
use rand::CryptoRng;

use crate::partition::Pseudonym;

/// Why an Ente's pseudonym key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PseudonymKeyError {
    /// The file cannot be read or written.
    #[error("the pseudonym key {} cannot be read or written", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no key that this ring wrapped for this Ente.
    #[error("the pseudonym key {} cannot be used: restore it, or delete it to have all pseudonyms made anew", .path.display())]
    Wrapped {
        /// Which.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
}

/// Makes the pseudonyms of one Ente.
#[derive(Clone, Debug)]
pub(crate) struct Pseudonyms {
    key_id: String,
    persone: Secret,
    operators: Secret,
}

impl Pseudonyms {
    fn new(key: &Secret) -> Self {
        Self {
            key_id: hex::encode(&key.derive("key id").expose()[..4]),
            persone: key.derive("pseudonyms of persone"),
            operators: key.derive("pseudonyms of operators"),
        }
    }

    /// Eight hexadecimal digits that tell keys apart.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Stands for a persona.
    pub(crate) fn person(&self, token: PersonToken) -> Pseudonym {
        pseudonym(&self.persone, &token.0)
    }

    /// Stands for an operator.
    pub(crate) fn operator(&self, token: OperatorToken) -> Pseudonym {
        pseudonym(&self.operators, &token.0)
    }
}

fn pseudonym(key: &Secret, token: &[u8; 32]) -> Pseudonym {
    let mut pseudonym = [0; 16];
    pseudonym.copy_from_slice(&key.authenticate(&[token])[..16]);
    pseudonym
}

fn path(folder: &Path, ente: EnteId) -> PathBuf {
    folder.join(format!("{ente}.key"))
}

fn context(ente: EnteId) -> String {
    format!("pseudonym key|{ente}")
}

/// Reads the key of an Ente; `None` when it has none yet.
pub(crate) fn open(folder: &Path, ente: EnteId, ring: &RingKey) -> Result<Option<Pseudonyms>, PseudonymKeyError> {
    let path = path(folder, ente);
    match fs::read_to_string(&path) {
        Ok(text) => unwrap(&text, ente, ring)
            .map(|key| Some(Pseudonyms::new(&key)))
            .map_err(|source| PseudonymKeyError::Wrapped { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PseudonymKeyError::File { path, source }),
    }
}

/// Reads the key of an Ente, or makes it.
pub(crate) fn open_or_create(
    folder: &Path,
    ente: EnteId,
    ring: &RingKey,
    chance: &mut impl CryptoRng,
) -> Result<Pseudonyms, PseudonymKeyError> {
    if let Some(known) = open(folder, ente, ring)? {
        return Ok(known);
    }
    create(folder, ente, ring, chance)
}

/// Gives an Ente another key, in place of the one it has: the next run makes its partition anew, with other pseudonyms, and removes
/// what has the old ones. `false` when it has none yet.
///
/// # Errors
/// A key that cannot be read or written.
pub fn renew(
    folder: &Path,
    ente: EnteId,
    ring: &RingKey,
    chance: &mut impl CryptoRng,
) -> Result<bool, PseudonymKeyError> {
    if open(folder, ente, ring)?.is_none() {
        return Ok(false);
    }
    create(folder, ente, ring, chance)?;
    Ok(true)
}

fn create(
    folder: &Path,
    ente: EnteId,
    ring: &RingKey,
    chance: &mut impl CryptoRng,
) -> Result<Pseudonyms, PseudonymKeyError> {
    let path = path(folder, ente);
    let key = Secret::generate(chance);
    let wrapped = ring.derive("pseudonym keys").seal(key.expose(), &context(ente), chance);
    write_private(&path, format!("noncello-wrapped 1 {}\n", hex::encode(wrapped)).as_bytes())
        .map_err(|source| PseudonymKeyError::File { path, source })?;
    Ok(Pseudonyms::new(&key))
}

fn unwrap(text: &str, ente: EnteId, ring: &RingKey) -> Result<Secret, KeyError> {
    let wrapped = text
        .trim_end()
        .strip_prefix("noncello-wrapped 1 ")
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or(KeyError::Form("wrapped"))?;
    let bytes = ring.derive("pseudonym keys").open(&wrapped, &context(ente))?;
    <[u8; 32]>::try_from(bytes.as_slice()).map(Secret::from_bytes).map_err(|_| KeyError::Damaged)
}

/// Destroys the key of an Ente: nobody can tell any more whose a pseudonym was.
pub(crate) fn destroy(folder: &Path, ente: EnteId) -> Result<(), PseudonymKeyError> {
    remove(&path(folder, ente)).map_err(|source| PseudonymKeyError::File { path: path(folder, ente), source })
}

/// Removes a file; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a file that only its owner may read, whole and durable or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a file stands in a folder"))?;
    fs::create_dir_all(folder)?;
    let staged = path.with_extension("staged");
    // One left by a run that died may have another mode.
    remove(&staged)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&staged)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&staged, path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use domain::keys::Ring;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use uuid::Uuid;

    use super::*;

    fn chance(seed: u64) -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(seed)
    }

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let ring = RingKey::generate(Ring::Pipeline, &mut chance(1));
        let (ente, token) = (EnteId(Uuid::from_u128(1)), PersonToken([7; 32]));
        let first = open_or_create(folder.path(), ente, &ring, &mut chance(2)).unwrap();
        let again = open_or_create(folder.path(), ente, &ring, &mut chance(3)).unwrap();
        assert_eq!(first.person(token), again.person(token));
        assert_eq!(first.key_id(), again.key_id());
        let file = path(folder.path(), ente);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let other_ring = RingKey::generate(Ring::Pipeline, &mut chance(4));
        assert!(open_or_create(folder.path(), ente, &other_ring, &mut chance(5)).is_err());
        // The key of an Ente is of no use under another's name.
        let other = EnteId(Uuid::from_u128(2));
        fs::copy(&file, path(folder.path(), other)).unwrap();
        assert!(open_or_create(folder.path(), other, &ring, &mut chance(6)).is_err());
    }

    #[test]
    fn a_renewed_key_makes_other_pseudonyms() {
        let folder = tempfile::tempdir().unwrap();
        let ring = RingKey::generate(Ring::Pipeline, &mut chance(1));
        let (ente, token) = (EnteId(Uuid::from_u128(1)), PersonToken([7; 32]));
        assert!(!renew(folder.path(), ente, &ring, &mut chance(2)).unwrap());
        let before = open_or_create(folder.path(), ente, &ring, &mut chance(3)).unwrap();
        assert!(renew(folder.path(), ente, &ring, &mut chance(4)).unwrap());
        let after = open(folder.path(), ente, &ring).unwrap().unwrap();
        assert_ne!(before.person(token), after.person(token));
        assert_ne!(before.key_id(), after.key_id());
    }

    #[test]
    fn pseudonyms_differ_between_enti_and_purposes() {
        let folder = tempfile::tempdir().unwrap();
        let mut chance = chance(1);
        let ring = RingKey::generate(Ring::Pipeline, &mut chance);
        let one = open_or_create(folder.path(), EnteId(Uuid::from_u128(1)), &ring, &mut chance).unwrap();
        let two = open_or_create(folder.path(), EnteId(Uuid::from_u128(2)), &ring, &mut chance).unwrap();
        let pseudonym = one.person(PersonToken([7; 32]));
        assert_ne!(pseudonym, two.person(PersonToken([7; 32])));
        assert_ne!(pseudonym, one.operator(OperatorToken([7; 32])));
        assert_ne!(pseudonym, one.person(PersonToken([8; 32])));
        assert_ne!(pseudonym, [7; 16]);
    }
}
