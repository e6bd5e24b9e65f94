//! Checkpoints: how far every audit has come at one moment, sealed under the identity ring, for a file outside the database.
//!
//! Whoever can write to the database can cut an audit off and set its head back with it. Held against a checkpoint that is
//! found; so is a checkpoint that was changed, and one that was taken out from between two others. What a checkpoint cannot
//! show is that the last ones are missing: copies belong on another machine.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::feed::EnteId;
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};

use crate::access::{PlatformScope, Right};
use crate::database::PLATFORM;
use crate::error::StoreError;
use crate::open::{Store, moment};
use crate::tables::ente_counters;

/// How far one audit had come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Whose; the platform's has an id of its own.
    pub ente: EnteId,
    /// The number of its last line.
    pub seq: i64,
    /// The seal of that line, in hexadecimal digits.
    pub mac: String,
}

/// The heads of every audit at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCheckpoint {
    /// When.
    pub at: DateTime<Utc>,
    /// The platform's first, then the Enti's by id.
    pub heads: Vec<AuditHead>,
    /// The seal, in hexadecimal digits: over all of this and the seal of the checkpoint before.
    mac: String,
}

/// A line of a file of checkpoints, in the version in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum VersionedCheckpoint {
    /// Version 1.
    #[serde(rename = "1")]
    V1(AuditCheckpoint),
}

impl VersionedCheckpoint {
    /// The checkpoint, as the newest version has it.
    #[must_use]
    pub fn into_latest(self) -> AuditCheckpoint {
        match self {
            Self::V1(checkpoint) => checkpoint,
        }
    }
}

impl Store {
    /// The heads of every audit, sealed, to be written after the checkpoint `before`.
    ///
    /// # Errors
    /// No right; the database.
    pub async fn audit_checkpoint(
        &self,
        scope: &PlatformScope,
        before: Option<&AuditCheckpoint>,
        now: DateTime<Utc>,
    ) -> Result<AuditCheckpoint, StoreError> {
        scope.require(Right::ManageEnti)?;
        let mut enti: Vec<EnteId> = self.enti(scope, now).await?.into_iter().map(|ente| ente.id).collect();
        enti.sort();
        let mut heads = Vec::new();
        for ente in std::iter::once(PLATFORM).chain(enti) {
            let head = ente_counters::Entity::find_by_id(ente.0).one(&self.reading(ente)).await?;
            let head = head.ok_or(StoreError::NotFound("Ente"))?;
            heads.push(AuditHead { ente, seq: head.audit_seq, mac: hex::encode(head.audit_mac) });
        }
        let unsealed = AuditCheckpoint { at: moment(now), heads, mac: String::new() };
        Ok(AuditCheckpoint { mac: self.seal_of(&unsealed, before), ..unsealed })
    }

    /// Whether a checkpoint was made with this database's ring and stands where it was written.
    #[must_use]
    pub fn is_our_checkpoint(&self, checkpoint: &AuditCheckpoint, before: Option<&AuditCheckpoint>) -> bool {
        checkpoint.mac == self.seal_of(checkpoint, before)
    }

    fn seal_of(&self, checkpoint: &AuditCheckpoint, before: Option<&AuditCheckpoint>) -> String {
        let at = checkpoint.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let numbers: Vec<[u8; 8]> = checkpoint.heads.iter().map(|head| head.seq.to_be_bytes()).collect();
        let mut parts: Vec<&[u8]> =
            vec![b"checkpoint 1", before.map_or(&[], |before| before.mac.as_bytes()), at.as_bytes()];
        for (head, number) in checkpoint.heads.iter().zip(&numbers) {
            parts.extend([head.ente.0.as_bytes().as_slice(), number.as_slice(), head.mac.as_bytes()]);
        }
        hex::encode(self.keys.audit.authenticate(&parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_read_for_ever() {
        let line = r#"{"v":"1","at":"2026-11-28T10:00:00Z","heads":[{"ente":"00000000-0000-0000-0000-000000000001","seq":7,"mac":"00ff"}],"mac":"0a"}"#;
        let read: VersionedCheckpoint = serde_json::from_str(line).unwrap();
        let checkpoint = read.clone().into_latest();
        assert_eq!(
            (checkpoint.heads[0].seq, checkpoint.heads[0].mac.as_str(), checkpoint.mac.as_str()),
            (7, "00ff", "0a")
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
}
