//! Which passwords are accepted, and how they are kept: argon2id, salted, with the cost of the day.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngExt;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::access::Role;
use crate::error::{DatabaseError, StoreError};
use crate::keys::folded_words;
use crate::open::{Chance, HashingCost, Store};

/// A password that has passed the rules. Prints redacted, is wiped when dropped.
pub struct AcceptedPassword(pub(crate) Zeroizing<String>);

impl fmt::Debug for AcceptedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AcceptedPassword(…)")
    }
}

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Fewer characters than the role asks for.
    #[error("at least {minimum} characters")]
    TooShort {
        /// 12; 14 for administrators.
        minimum: usize,
    },
    /// More than 128 characters.
    #[error("at most 128 characters")]
    TooLong,
    /// Holds the username, the name of the person or of the Ente.
    #[error("it holds a name that anybody knows")]
    Context,
    /// Guessed too soon.
    #[error("too easy to guess")]
    Guessable,
}

impl AcceptedPassword {
    /// Characters at most.
    pub const CHARACTERS_MAX: usize = 128;

    /// Looks at a password. `context` is what an acquaintance would try: username, display name, name and code of the Ente.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(text: &str, role: Role, context: &[&str]) -> Result<Self, PasswordRefusal> {
        let minimum = match role {
            Role::PlatformAdministrator | Role::EnteAdministrator => 14,
            Role::Operator | Role::Manager | Role::Analyst | Role::ResearchOfficer | Role::UniversityPartner => 12,
        };
        let length = text.chars().count();
        if length < minimum {
            return Err(PasswordRefusal::TooShort { minimum });
        }
        if length > Self::CHARACTERS_MAX {
            return Err(PasswordRefusal::TooLong);
        }
        let words: Vec<String> =
            context.iter().flat_map(|text| folded_words(text)).filter(|word| word.chars().count() >= 4).collect();
        let folded = folded_words(text).concat();
        if words.iter().any(|word| folded.contains(word.as_str())) {
            return Err(PasswordRefusal::Context);
        }
        if zxcvbn(text, context).score() < Score::Three {
            return Err(PasswordRefusal::Guessable);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

/// A password made by the portal: shown once, expires in 72 hours, must be changed at the first login.
pub struct OneTimePassword(pub(crate) Zeroizing<String>);

impl fmt::Debug for OneTimePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimePassword(…)")
    }
}

impl OneTimePassword {
    /// The password itself, to show once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl OneTimePassword {
    /// Twenty characters in groups of five: 99 bits.
    pub(crate) fn generate(chance: &mut dyn Chance) -> Self {
        Self(in_groups(4, 5, chance))
    }
}

/// Groups of characters that people copy by hand, hyphens between them; none of the 31 is read for another.
pub(crate) fn in_groups(groups: usize, characters: usize, chance: &mut dyn Chance) -> Zeroizing<String> {
    const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    // As long as it becomes: a text that grows leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(groups * (characters + 1)));
    for place in 0..groups * characters {
        if place > 0 && place % characters == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[chance.random_range(0..ALPHABET.len())]));
    }
    text
}

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// `argon2id:memory:passes:salt:hash`, numbers decimal, bytes hexadecimal.
fn write(cost: HashingCost, salt: &[u8], hash: &[u8]) -> String {
    format!("argon2id:{}:{}:{}:{}", cost.memory_kib, cost.passes, hex::encode(salt), hex::encode(hash))
}

fn read(stored: &str) -> Option<(HashingCost, Vec<u8>, Vec<u8>)> {
    let parts: Vec<&str> = stored.split(':').collect();
    let &["argon2id", memory, passes, salt, hash] = parts.as_slice() else { return None };
    let cost = HashingCost { memory_kib: memory.parse().ok()?, passes: passes.parse().ok()? };
    Some((cost, hex::decode(salt).ok()?, hex::decode(hash).ok()?))
}

fn hash(cost: HashingCost, password: &str, salt: &[u8]) -> Result<[u8; HASH_BYTES], argon2::Error> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_BYTES))?;
    let mut out = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(password.as_bytes(), salt, &mut out)?;
    Ok(out)
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

impl Store {
    /// Hashes a password, on the blocking pool.
    pub(crate) async fn hash_password(&self, password: &str, chance: &mut dyn Chance) -> Result<String, StoreError> {
        let mut salt = [0; SALT_BYTES];
        chance.fill_bytes(&mut salt);
        let cost = self.cost;
        let hashed = self.hash_blocking(cost, password, salt.to_vec()).await?;
        Ok(write(cost, &salt, &hashed))
    }

    /// Compares a password with a stored hash; without one, does the same work and says no. Second, whether the hash is of
    /// another cost than today's.
    pub(crate) async fn verify_password(
        &self,
        stored: Option<&str>,
        password: &str,
    ) -> Result<(bool, bool), StoreError> {
        let read = stored.and_then(read);
        let is_known = read.is_some();
        let (cost, salt, expected) = read.unwrap_or_else(|| (self.cost, vec![0; SALT_BYTES], vec![0; HASH_BYTES]));
        // A longer text was never accepted, and must not cost more than one that was.
        let is_possible = password.chars().count() <= AcceptedPassword::CHARACTERS_MAX;
        let tried = if is_possible { password } else { "" };
        let hashed = self.hash_blocking(cost, tried, salt).await?;
        Ok((same(&hashed, &expected) && is_known && is_possible, cost != self.cost))
    }

    async fn hash_blocking(
        &self,
        cost: HashingCost,
        password: &str,
        salt: Vec<u8>,
    ) -> Result<[u8; HASH_BYTES], StoreError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Database(DatabaseError(error));
        let permit = self.hashing.clone().acquire_owned().await.map_err(|error| failed(Box::new(error)))?;
        let password = Zeroizing::new(password.to_owned());
        // The permit goes along: a client that goes away does not end the hashing that it asked for.
        let hashing = move || {
            let _permit = permit;
            hash(cost, &password, &salt)
        };
        tokio::task::spawn_blocking(hashing)
            .await
            .map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(error.to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_not_names_and_not_guessed() {
        fn check(text: &str, role: Role, expected: Option<PasswordRefusal>) {
            let context = ["maria.rossi", "Maria Rossi", "Comune di Pordenone", "pordenone-demo"];
            assert_eq!(AcceptedPassword::check(text, role, &context).err(), expected, "{text}");
        }
        check("fiume-lento-verde", Role::Operator, None);
        check("tazza blu 47", Role::Operator, None);
        check("tazza blu 47", Role::UniversityPartner, None);
        check("tazza blu 47", Role::EnteAdministrator, Some(PasswordRefusal::TooShort { minimum: 14 }));
        check("corto", Role::Operator, Some(PasswordRefusal::TooShort { minimum: 12 }));
        check(&"àé".repeat(65), Role::Operator, Some(PasswordRefusal::TooLong));
        check("Pordenòne-vivissima", Role::Operator, Some(PasswordRefusal::Context));
        check("aaaaaaaaaaaaaaa", Role::Operator, Some(PasswordRefusal::Guessable));
        check("password1234", Role::Operator, Some(PasswordRefusal::Guessable));
    }

    #[test]
    fn a_stored_hash_is_read_back() {
        let cost = HashingCost::LEAST;
        let stored = write(cost, &[1; 16], &[2; 32]);
        assert_eq!(read(&stored), Some((cost, vec![1; 16], vec![2; 32])));
        assert_eq!(read("argon2id:8:1:zz:00"), None);
    }
}
