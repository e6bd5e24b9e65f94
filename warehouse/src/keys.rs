//! The key of an Ente's partition: 32 random bytes in a file of their own, wrapped by the lake ring, kept outside the lake.
//!
//! Deleting the file makes the partition, and every copy of it, unreadable: that is how an agreement ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::feed::EnteId;
use domain::keys::{KeyError, RingKey, Secret};
use rand::CryptoRng;

use crate::layout::write_whole;

/// Why an Ente's key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none.
    #[error("{} is not there: the Ente's key was destroyed, or must be restored from a copy", .0.display())]
    Absent(PathBuf),
    /// Not a key file, or wrapped by another ring.
    #[error("{} cannot be used", .path.display())]
    Wrapped {
        /// Which.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
}

/// An Ente's key with the purposes it is used for.
#[derive(Clone, Debug)]
pub(crate) struct PartitionKey {
    /// Eight hexadecimal digits that tell keys apart.
    pub(crate) id: String,
    /// For the files.
    pub(crate) parquet: Secret,
    /// For content digests.
    pub(crate) digest: Secret,
    /// For what is kept outside the partition.
    pub(crate) vault: Secret,
}

fn file(folder: &Path, ente: EnteId) -> PathBuf {
    folder.join(format!("{ente}.key"))
}

/// The key that takes the place of the present one, while keys are renewed.
fn next_file(folder: &Path, ente: EnteId) -> PathBuf {
    folder.join(format!("{ente}.next.key"))
}

fn context(ente: EnteId) -> String {
    format!("lake key|{ente}")
}

/// Reads the key of an Ente with this id, of the two that can be there; the present one when neither has it.
pub(crate) fn open(
    folder: &Path,
    ente: EnteId,
    ring: &RingKey,
    id: Option<&str>,
) -> Result<PartitionKey, KeyFileError> {
    let present = read(file(folder, ente), ente, ring)?;
    if id.is_none_or(|id| id == present.id) {
        return Ok(present);
    }
    Ok(next(folder, ente, ring)?.filter(|next| id == Some(&next.id)).unwrap_or(present))
}

/// The key that takes the place of the present one, while keys are renewed.
pub(crate) fn next(folder: &Path, ente: EnteId, ring: &RingKey) -> Result<Option<PartitionKey>, KeyFileError> {
    match read(next_file(folder, ente), ente, ring) {
        Ok(key) => Ok(Some(key)),
        Err(KeyFileError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(path: PathBuf, ente: EnteId, ring: &RingKey) -> Result<PartitionKey, KeyFileError> {
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyFileError::Absent(path)),
        Err(source) => return Err(KeyFileError::File { path, source }),
    };
    let unusable = |source| KeyFileError::Wrapped { path: path.clone(), source };
    let wrapped = text.trim_end().strip_prefix("noncello-wrapped 1 ").and_then(|digits| hex::decode(digits).ok());
    let wrapped = wrapped.ok_or_else(|| unusable(KeyError::Form("wrapped")))?;
    let bytes = ring.derive("lake keys").open(&wrapped, &context(ente)).map_err(unusable)?;
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| unusable(KeyError::Damaged))?;
    let secret = Secret::from_bytes(bytes);
    Ok(PartitionKey {
        id: hex::encode(&secret.derive("key id").expose()[..4]),
        parquet: secret.derive("parquet"),
        digest: secret.derive("content digest"),
        vault: secret.derive("vault"),
    })
}

/// Reads an Ente's key, or makes one.
pub(crate) fn open_or_create(
    folder: &Path,
    ente: EnteId,
    ring: &RingKey,
    chance: &mut impl CryptoRng,
) -> Result<PartitionKey, KeyFileError> {
    create(&file(folder, ente), ente, ring, chance)?;
    open(folder, ente, ring, None)
}

/// Reads the key that is to take the place of the present one, or makes it.
pub(crate) fn open_or_create_next(
    folder: &Path,
    ente: EnteId,
    ring: &RingKey,
    chance: &mut impl CryptoRng,
) -> Result<PartitionKey, KeyFileError> {
    let path = next_file(folder, ente);
    create(&path, ente, ring, chance)?;
    read(path, ente, ring)
}

/// Makes a key, unless there is one.
fn create(path: &Path, ente: EnteId, ring: &RingKey, chance: &mut impl CryptoRng) -> Result<(), KeyFileError> {
    if path.exists() {
        return Ok(());
    }
    let secret = Secret::generate(chance);
    let wrapped = ring.derive("lake keys").seal(secret.expose(), &context(ente), chance);
    let text = format!("noncello-wrapped 1 {}\n", hex::encode(wrapped));
    write_whole(path, text.as_bytes()).map_err(|source| KeyFileError::File { path: path.to_owned(), source })
}

/// Puts the key that was to come in the place of the present one, which is gone with that.
pub(crate) fn settle(folder: &Path, ente: EnteId) -> Result<(), KeyFileError> {
    let (path, next) = (file(folder, ente), next_file(folder, ente));
    fs::rename(&next, &path)
        .and_then(|()| fs::File::open(folder)?.sync_all())
        .map_err(|source| KeyFileError::File { path: next, source })
}

/// Destroys an Ente's key.
pub(crate) fn destroy(folder: &Path, ente: EnteId) -> Result<(), KeyFileError> {
    for path in [file(folder, ente), next_file(folder, ente)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(KeyFileError::File { path, source: error });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
