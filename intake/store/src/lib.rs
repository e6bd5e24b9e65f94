//! The portal's database: SeaORM, migrations, encryption at rest; the only place that names the SQL crate.
//!
//! What identifies a persona or speaks of their health is sealed before it reaches a table (`keys`). Every query of an
//! Ente's data asks for an [`EnteScope`], and only `access` makes one: holding the value is the permission. Clock and
//! chance are arguments. Words that people read, forms and pages belong to `intake`.

mod access;
mod accounts;
mod assessments;
mod audit;
mod drafts;
mod enti;
mod error;
mod feed;
mod ids;
mod import;
mod keys;
mod migrations;
mod open;
mod passwords;
mod persone;
mod segments;
mod tables;
mod throttle;

pub use access::{
    Actor, Credentials, EnteScope, NewSession, PlatformScope, Right, Role, Session, SessionRow, SessionToken,
};
pub use accounts::{Account, NewAccount};
pub use assessments::{
    AccountName, Amendment, Annulment, Assessment, AzioneAgreed, AzioneResult, Categories, Validation,
};
pub use audit::{AuditEntry, AuditProblem, AuditVerdict};
pub use drafts::{Draft, NewDraft};
pub use enti::{Ente, EnteName, NewEnte, Unita};
pub use error::{DatabaseError, Refused, StoreError};
pub use ids::{AccountId, DraftId, ImportId, PersonaId, SessionId};
pub use import::{ImportPersona, ImportRow, ImportSummary, RowOutcome};
pub use open::{Chance, HashingCost, Store};
pub use passwords::{AcceptedPassword, OneTimePassword, PasswordRefusal};
pub use persone::{Persona, PersonaData, PersonaFound, PersonaSummary};
pub use segments::Exported;

#[cfg(test)]
mod tests;
