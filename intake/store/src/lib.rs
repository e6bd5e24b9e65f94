//! The portal's database: SeaORM, migrations, encryption at rest. Nothing else reaches it.
//!
//! What identifies a persona or speaks of their health is sealed before it reaches a table (`keys`). Every query of an
//! Ente's data asks for an [`EnteScope`], and only `access` makes one: holding the value is the permission. Clock and
//! chance are arguments. Words that people read, forms and pages belong to `intake`.

mod access;
mod accounts;
mod admission;
mod agreements;
mod assessments;
mod audit;
mod checkpoints;
mod closing;
mod database;
mod drafts;
mod enti;
mod error;
mod extractions;
mod feed;
mod identified;
mod ids;
mod import;
mod interests;
mod keys;
mod migrations;
mod open;
mod passwords;
mod persone;
mod postgres;
mod queries;
mod research;
mod rotation;
mod segments;
mod settings;
mod signed;
mod tables;
mod tally;
mod throttle;

pub use access::{
    Actor, Credentials, EnteScope, GatewayAccount, GatewayIdentity, NewSession, NewToken, PASSKEYS_MAX, PasskeyRow,
    PasskeySite, PasskeySiteError, PlatformScope, Reach, Right, Role, SecondFactor, SecondFactors, Session, SessionRow,
    SessionToken, TOKEN_DAYS_MAX, TokenAccess, TokenRow, TokenScope, TokenSecret, TotpOffer, totp_code, totp_secret,
};
pub use accounts::{Account, AccountChange, NewAccount};
pub use admission::Admission;
pub use agreements::{Agreement, AgreementKind, NewAgreement, Standing, WARNED_DAYS};
pub use assessments::{
    AccountName, Amendment, Annulment, Assessment, AzioneAgreed, AzioneResult, AzioneTerms, Categories, Entry,
    HistoryFilter, NewOutcome, Validation,
};
pub use audit::{AuditEntry, AuditFilter, AuditProblem, AuditVerdict};
pub use checkpoints::{AuditCheckpoint, AuditHead, VersionedCheckpoint};
pub use closing::{Closing, ClosingCounts};
pub use database::{Location, PostgresUrls};
pub use drafts::{Copied, Draft, Filling, NewDraft};
pub use enti::{Ente, EnteChange, EnteName, NewEnte, Unita};
pub use error::{DatabaseError, Refused, StoreError};
pub use extractions::ExtractionAct;
pub use identified::{IdentifiedExtraction, IdentifiedJob, IdentifiedRequest, IdentifiedState, Narrowing};
pub use ids::{
    AccountId, AgreementId, DraftId, ExtractionId, ImportId, InterestId, PasskeyId, PersonaId, SessionId, TokenId,
};
pub use import::{ImportCheck, ImportEntry, ImportPersona, ImportRow, ImportState, ImportSummary, RowOutcome};
pub use interests::{Interest, InterestData, InterestState};
pub use open::{Chance, HashingCost, Store};
pub use passwords::{AcceptedPassword, OneTimePassword, PasswordRefusal};
pub use persone::{
    Decision, DecisionKind, Due, ErasureGround, ErasurePreview, Follows, FormerIdentifier, Notice, PastRetention,
    Persona, PersonaData, PersonaFound, PersonaSummary,
};
pub use queries::QueryAct;
pub use research::{ResearchAccounts, ResearchAct};
pub use rotation::{KeyStep, Renewed};
pub use segments::Exported;
pub use settings::{REASSESS_DAYS_MAX, RETENTION_MONTHS_MAX};

#[cfg(test)]
mod tests;
