//! What is kept for an Ente outside its partition: sealed under its lake key, so that destroying that key silences it too.
//!
//! A large file is sealed in pieces under a key of its own, which stands wrapped at its head. Each piece is bound to its
//! place and says whether it is the last, so that pieces can be neither changed, moved, nor cut off.

use std::io::{self, Read, Write};

use domain::feed::EnteId;
use domain::keys::{KeyError, Secret};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::keys;
use crate::lake::{Lake, LakeError};

/// How such a file begins.
const HEAD: &[u8] = b"noncello-kept 1\n";

/// A nonce and a tag.
const OVERHEAD: usize = 24 + 16;

/// A wrapped key.
const WRAPPED: usize = 32 + OVERHEAD;

/// Text in a piece: large enough that the overhead does not count, small enough that memory does not either.
const PIECE: usize = 256 * 1024;

/// Seals and opens what is kept for one Ente.
#[derive(Clone, Debug)]
pub struct Vault {
    ente: EnteId,
    /// What is sealed now.
    secret: Secret,
    /// What was sealed before, while keys are renewed.
    before: Option<Secret>,
}

impl Lake {
    /// The vault of an Ente.
    ///
    /// # Errors
    /// When the Ente's key cannot be had.
    pub fn vault(&self, ente: EnteId) -> Result<Vault, LakeError> {
        let present = keys::open(self.key_folder(), ente, self.ring(), None)?.vault;
        Ok(match keys::next(self.key_folder(), ente, self.ring())? {
            Some(next) => Vault { ente, secret: next.vault, before: Some(present) },
            None => Vault { ente, secret: present, before: None },
        })
    }
}

impl Vault {
    fn context(&self, what: &str) -> String {
        format!("{}|{what}", self.ente)
    }

    /// Seals a short text; `what` must be the same when opening.
    pub fn seal(&self, text: &[u8], what: &str, chance: &mut impl CryptoRng) -> Vec<u8> {
        self.secret.seal(text, &self.context(what), chance)
    }

    /// Opens what [`Vault::seal`] made.
    ///
    /// # Errors
    /// Changed, moved, or another Ente's.
    pub fn open(&self, sealed: &[u8], what: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let context = self.context(what);
        self.secret.open(sealed, &context).or_else(|error| match &self.before {
            Some(before) => before.open(sealed, &context),
            None => Err(error),
        })
    }

    /// What [`Vault::seal`] made, sealed anew if that was under the key before; `None` when there is nothing to do.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn renew(&self, sealed: &[u8], what: &str, chance: &mut impl CryptoRng) -> Result<Option<Vec<u8>>, KeyError> {
        if self.secret.open(sealed, &self.context(what)).is_ok() {
            return Ok(None);
        }
        Ok(Some(self.seal(&self.open(sealed, what)?, what, chance)))
    }

    /// A sealed file, copied with its key wrapped anew, if that was under the key before; `false` when there is nothing to do.
    ///
    /// # Errors
    /// When it cannot be read or written, or is not one of this Ente under this name.
    pub fn renew_file(
        &self,
        mut from: impl Read,
        mut to: impl Write,
        what: &str,
        chance: &mut impl CryptoRng,
    ) -> io::Result<bool> {
        let mut head = [0; HEAD.len() + WRAPPED];
        from.read_exact(&mut head)?;
        let (mark, wrapped) = head.split_at(HEAD.len());
        let renewed = self.renew(wrapped, &format!("{what}|key"), chance).map_err(|_| damaged())?;
        let Some(renewed) = renewed.filter(|_| mark == HEAD) else { return Ok(false) };
        to.write_all(HEAD)?;
        to.write_all(&renewed)?;
        io::copy(&mut from, &mut to)?;
        Ok(true)
    }

    /// Begins a sealed file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write<W: Write, R: CryptoRng>(
        &self,
        mut to: W,
        what: &str,
        mut chance: R,
    ) -> io::Result<SealedWriter<W, R>> {
        let key = Secret::generate(&mut chance);
        to.write_all(HEAD)?;
        to.write_all(&self.seal(key.expose(), &format!("{what}|key"), &mut chance))?;
        let piece = Zeroizing::new(Vec::with_capacity(PIECE));
        Ok(SealedWriter { to, key, what: self.context(what), piece, place: 0, bytes: 0, chance })
    }

    /// Begins to read a sealed file.
    ///
    /// # Errors
    /// When it cannot be read, or is not one of this Ente under this name.
    pub fn read<R: Read>(&self, mut from: R, what: &str) -> io::Result<SealedReader<R>> {
        let mut head = [0; HEAD.len() + WRAPPED];
        from.read_exact(&mut head)?;
        let (mark, wrapped) = head.split_at(HEAD.len());
        let key = if mark == HEAD { self.open(wrapped, &format!("{what}|key")).ok() } else { None };
        let key = key.and_then(|key| <[u8; 32]>::try_from(key.as_slice()).ok()).ok_or_else(damaged)?;
        let mut reader = SealedReader {
            from,
            key: Secret::from_bytes(key),
            what: self.context(what),
            ahead: Vec::new(),
            place: 0,
            is_over: false,
        };
        reader.ahead = reader.sealed_piece()?;
        Ok(reader)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a sealed file was changed, cut, or is another Ente's")
}

fn context(what: &str, place: u64, is_last: bool) -> String {
    format!("{what}|{place}|{}", if is_last { "last" } else { "more" })
}

/// A sealed file that is being written.
#[derive(Debug)]
pub struct SealedWriter<W: Write, R: CryptoRng> {
    to: W,
    key: Secret,
    what: String,
    piece: Zeroizing<Vec<u8>>,
    place: u64,
    bytes: u64,
    chance: R,
}

impl<W: Write, R: CryptoRng> SealedWriter<W, R> {
    fn put(&mut self, is_last: bool) -> io::Result<()> {
        let sealed = self.key.seal(&self.piece, &context(&self.what, self.place, is_last), &mut self.chance);
        self.to.write_all(&sealed)?;
        self.bytes += self.piece.len() as u64;
        self.place += 1;
        self.piece.clear();
        Ok(())
    }

    /// Ends the file; gives back what was written to, and how many bytes the text has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.put(true)?;
        Ok((self.to, self.bytes))
    }
}

impl<W: Write, R: CryptoRng> Write for SealedWriter<W, R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until more comes: only then is it known not to be the last.
        if self.piece.len() == PIECE && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sealed file that is being read.
#[derive(Debug)]
pub struct SealedReader<R: Read> {
    from: R,
    key: Secret,
    what: String,
    ahead: Vec<u8>,
    place: u64,
    is_over: bool,
}

impl<R: Read> SealedReader<R> {
    fn sealed_piece(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        self.from.by_ref().take((PIECE + OVERHEAD) as u64).read_to_end(&mut piece)?;
        Ok(piece)
    }

    /// The next piece of text; `None` after the last one.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub fn piece(&mut self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.sealed_piece()?;
        let is_last = next.is_empty();
        let sealed = std::mem::replace(&mut self.ahead, next);
        let text = self.key.open(&sealed, &context(&self.what, self.place, is_last)).map_err(|_| damaged())?;
        self.place += 1;
        self.is_over = is_last;
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;
    use uuid::Uuid;

    use super::*;

    fn vault(ente: u128) -> Vault {
        Vault { ente: EnteId(Uuid::from_u128(ente)), secret: Secret::from_bytes([7; 32]), before: None }
    }

    fn sealed(text: &[u8]) -> Vec<u8> {
        let mut writer = vault(1).write(Vec::new(), "x", ChaCha20Rng::seed_from_u64(1)).unwrap();
        // In pieces of an awkward size.
        for part in text.chunks(1_000) {
            writer.write_all(part).unwrap();
        }
        let (bytes, count) = writer.finish().unwrap();
        assert_eq!(count, text.len() as u64);
        bytes
    }

    fn opened(vault: &Vault, bytes: &[u8], what: &str) -> io::Result<Vec<u8>> {
        let mut reader = vault.read(bytes, what)?;
        let mut text = Vec::new();
        while let Some(piece) = reader.piece()? {
            text.extend_from_slice(&piece);
        }
        Ok(text)
    }

    #[test]
    fn what_is_kept_comes_back_and_only_whole() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let mut text = vec![0; length];
            ChaCha20Rng::seed_from_u64(2).fill_bytes(&mut text);
            let bytes = sealed(&text);
            assert_eq!(opened(&vault(1), &bytes, "x").unwrap(), text, "{length}");
            assert!(opened(&vault(2), &bytes, "x").is_err(), "another Ente's");
            assert!(opened(&vault(1), &bytes, "y").is_err(), "under another name");
            for at in (0..bytes.len()).step_by(bytes.len() / 40 + 1).chain([bytes.len() - 1]) {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert!(opened(&vault(1), &changed, "x").is_err(), "{length}: byte {at}");
            }
            for end in [HEAD.len() + WRAPPED, bytes.len() - 1, bytes.len().saturating_sub(PIECE + OVERHEAD)] {
                assert!(opened(&vault(1), &bytes[..end], "x").is_err(), "{length} cut at {end}");
            }
        }
    }

    #[test]
    fn what_was_sealed_before_a_renewal_is_read_and_renewed() {
        let mut chance = ChaCha20Rng::seed_from_u64(3);
        let old = vault(1);
        let both = Vault { secret: Secret::from_bytes([8; 32]), before: Some(old.secret.clone()), ..old.clone() };
        let new = Vault { before: None, ..both.clone() };
        let text = old.seal(b"record", "x", &mut chance);
        assert_eq!(*both.open(&text, "x").unwrap(), b"record");
        assert!(new.open(&text, "x").is_err());
        let renewed = both.renew(&text, "x", &mut chance).unwrap().unwrap();
        assert_eq!(*new.open(&renewed, "x").unwrap(), b"record");
        assert_eq!(both.renew(&renewed, "x", &mut chance), Ok(None));
        assert!(both.renew(&text, "y", &mut chance).is_err());

        let file = sealed(&[9; PIECE + 7]);
        let mut copy = Vec::new();
        assert!(both.renew_file(&file[..], &mut copy, "x", &mut chance).unwrap());
        assert_eq!(opened(&new, &copy, "x").unwrap(), [9; PIECE + 7]);
        assert!(opened(&new, &file, "x").is_err());
        assert!(!both.renew_file(&copy[..], &mut Vec::new(), "x", &mut chance).unwrap());
    }

    #[test]
    fn pieces_keep_their_place() {
        let mut bytes = sealed(&vec![5; 3 * PIECE]);
        let first = HEAD.len() + WRAPPED;
        let (a, b) = bytes[first..].split_at_mut(PIECE + OVERHEAD);
        a.swap_with_slice(&mut b[..PIECE + OVERHEAD]);
        assert!(opened(&vault(1), &bytes, "x").is_err());
    }
}
