//! Opaque ids of what the store holds and the feed never names.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Defines an opaque id.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+ };
}

ids! {
    /// An account.
    AccountId;
    /// A session, as lists show it: says nothing of its token.
    SessionId;
    /// A token for programs, as lists show it: says nothing of its secret.
    TokenId;
    /// A passkey, as lists show it: says nothing of its public key.
    PasskeyId;
    /// A persona.
    PersonaId;
    /// A questionnaire being filled in.
    DraftId;
    /// An import.
    ImportId;
    /// An agreement with an Ente.
    AgreementId;
    /// An extraction with names.
    ExtractionId;
    /// An expression of interest.
    InterestId;
}
