//! What can go wrong in the store, as far as a caller would act differently. Never holds personal data.

use chrono::{DateTime, Utc};
use domain::instrument::Id;
use domain::keys::KeyError;

use crate::access::{Right, TokenScope};
use crate::ids::ImportId;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing in this Ente; whether another Ente has it is not said.
    #[error("no such {0} in this Ente")]
    NotFound(&'static str),
    /// Somebody else changed it meanwhile: read again and decide.
    #[error("the {0} has been changed since it was read: read it again")]
    Conflict(&'static str),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database does not answer, or refuses.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// What is stored makes no sense, was changed, or belongs to another key.
    #[error("damaged: table {table}, row {row}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row's id.
        row: String,
    },
    /// The keys of the Ente were renewed meanwhile: the same once more is done with the new ones.
    #[error("the keys were renewed meanwhile: try again")]
    KeysRenewed,
    /// The key is not the one that this database was made with.
    #[error("the identity key is not the one of this database: give the key file that was made with it")]
    WrongKey(#[source] KeyError),
    /// The database was written by a newer program.
    #[error("the database does not fit this program: it was written by another version of it ({0})")]
    Version(String),
    /// A role of PostgreSQL does not fit: row security would not hold it.
    #[error("the portal's role in PostgreSQL cannot be used: {0}; docs/running.md says how to make it")]
    PostgresRole(String),
    /// A file cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A failure of the database, for logs; its text never reaches a client.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(pub(crate) Box<dyn std::error::Error + Send + Sync>);

fn listed(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}

/// The rule that forbids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Ente, username or password is wrong; which of them is not said.
    #[error("wrong credentials")]
    Credentials,
    /// Too many wrong attempts: not before.
    #[error("too many attempts: not before {until}")]
    Throttled {
        /// From when on another attempt is looked at.
        until: DateTime<Utc>,
    },
    /// The one-time password is older than 72 hours: a new one must be made.
    #[error("the one-time password has expired")]
    OneTimePasswordExpired,
    /// The session has ended, or never was.
    #[error("no valid session")]
    NoSession,
    /// No token for programs that is good: unknown, expired, revoked, or of an account that may not use one.
    #[error("no valid token")]
    NoToken,
    /// The token was not given this scope.
    #[error("the token has not the scope {}", .0.code())]
    NotInScope(TokenScope),
    /// A token opens one thing at least.
    #[error("a token has one scope at least")]
    TokenScopes,
    /// A token is good for a year at most.
    #[error("a token is good for one day at least and 365 at most")]
    TokenDays,
    /// The account has as many tokens as it may have.
    #[error("the account has as many tokens as it may have: revoke one first")]
    TokensFull,
    /// The password must be changed first.
    #[error("the password must be changed first")]
    MustChangePassword,
    /// The second factor must be given first.
    #[error("the second factor must be given first")]
    MustProveSecondFactor,
    /// The role asks for a second factor, and the account has none.
    #[error("the role asks for a second factor: set one up first")]
    MustEnrolSecondFactor,
    /// The password was last given too long ago.
    #[error("the password must be given again")]
    MustConfirmPassword,
    /// The code is wrong, was used already, or the offer is too old.
    #[error("the code of the second factor is wrong or was used already")]
    SecondFactor,
    /// No passkey, or none of this account, answered what was asked.
    #[error("the passkey does not fit, or answered too late")]
    Passkey,
    /// The account has as many passkeys as it may have.
    #[error("the account has as many passkeys as it may have: remove one first")]
    PasskeysFull,
    /// The role cannot do without a second factor.
    #[error("the role asks for a second factor")]
    SecondFactorNeeded,
    /// The role has not this right.
    #[error("the role has not the right {0:?}")]
    NotAllowed(Right),
    /// The command line has no account in whose name to do it.
    #[error("this needs an account: the command line has none")]
    NeedsAccount,
    /// The role does not belong there: an Ente's role on the platform, or the reverse.
    #[error("this role does not belong there")]
    RoleMisplaced,
    /// A reach below the whole Ente is for operators, and an unità's for those who are of one.
    #[error("this account cannot have this reach")]
    Reach,
    /// The right comes with a role and is not given by name.
    #[error("this right is not given by name")]
    RightNotGiven,
    /// The agreement ends before it begins, or two would hold on the same day.
    #[error("the days of the agreement do not fit: it ends before it begins, or another one holds on some of them")]
    AgreementDays,
    /// What came is no PDF.
    #[error("this is no PDF")]
    NotPdf,
    /// No agreement is in force: the Ente's data can be read and nothing be entered.
    #[error("no agreement of the Ente is in force: nothing can be entered")]
    NoAgreement,
    /// The Ente is closed: its data and its key are gone.
    #[error("the Ente is closed: its data and its key are gone")]
    EnteClosed,
    /// An Ente is closed once its agreement is over.
    #[error("the agreement of the Ente is not over: an Ente is closed afterwards")]
    AgreementNotOver,
    /// Too many expressions of interest wait for somebody to look at them.
    #[error("too many expressions of interest are undecided")]
    InterestsFull,
    /// Somebody administers the Ente: the platform makes no other administrator.
    #[error("an administrator of the Ente has logged in during the last thirty days: they make other accounts")]
    Administered,
    /// Another account of the Ente has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// An account cannot take its own rights away.
    #[error("an account cannot do this to itself")]
    Oneself,
    /// Another Ente has the code.
    #[error("the code of the Ente is taken")]
    CodeTaken,
    /// Not a username: 3 to 64 letters, digits and `. _ - @`.
    #[error("a username has 3 to 64 characters: letters, digits and . _ - @")]
    UsernameForm,
    /// Not a code of an Ente: 2 to 40 small letters, digits and `-`.
    #[error("the code of an Ente has 2 to 40 characters: small letters, digits and -")]
    CodeForm,
    /// A text is too long, or has characters that nobody can see.
    #[error("the field {0} is empty where it must not be, too long, or has characters that cannot be seen")]
    TextForm(&'static str),
    /// Another persona of the Ente has this identifier.
    #[error("another persona has this identifier")]
    IdentifierTaken,
    /// An imported row names a persona by its external id, and another one by its code or by being a row of its own.
    #[error(
        "the external id is already another persona's: give the table external ids of its own, or, where rows are numbered, another source"
    )]
    OtherPersona,
    /// The persona's data may not be used for now.
    #[error("the persona is restricted")]
    Restricted,
    /// The persona has been erased.
    #[error("the persona has been erased")]
    Erased,
    /// The persona has been merged into another, or is no longer.
    #[error("the persona is merged with another")]
    Merged,
    /// It has a newer version: correct that one.
    #[error("it has been superseded by a newer version")]
    Superseded,
    /// It was annulled.
    #[error("it has been annulled")]
    Annulled,
    /// A reason is required.
    #[error("a reason is required")]
    ReasonMissing,
    /// The operator's evaluation is missing, or names a class that the strumento has not.
    #[error("the evaluation is missing or does not fit the strumento")]
    Evaluation,
    /// An azione that the strumento has not, or that was not agreed.
    #[error("no such azione")]
    Azione,
    /// The account made something else by this request, or what it made has changed since.
    #[error("something else was made by this request, or it has changed since: read what is there")]
    RequestReused,
    /// The definition is not the one that the questionnaire was begun or made with.
    #[error("this is another definition than the questionnaire's")]
    OtherDefinition,
    /// An answer does not belong to the strumento.
    #[error("{0}")]
    Sheet(#[from] domain::scoring::Refusal),
    /// Hard rules of the definition fire: these answers and what is recorded of the persona cannot both be true.
    #[error("answers and record contradict each other: rules {}", listed(.0))]
    Inconsistent(Vec<Id>),
    /// Soft rules of the definition fire, and the operator has not said that they looked again.
    #[error("answers and record hardly fit: look again at the rules {}", listed(.0))]
    Unchecked(Vec<Id>),
    /// The day of the assessment lies in the future, or before anything is possible.
    #[error("the day of the assessment is not possible")]
    AssessedOn,
    /// Another import into this Ente is under way.
    #[error("the import {0} is under way in this Ente: commit it or abandon it first")]
    ImportUnderWay(ImportId),
    /// Another extraction with names is being made for this Ente.
    #[error("another extraction of this Ente is under way")]
    ExtractionUnderWay,
    /// The import is over.
    #[error("the import is committed or abandoned already")]
    ImportOver,
}
