//! A new key for the partition of an Ente: every file is written anew under it, and what is kept sealed beside the lake.
//!
//! While it is under way both keys are there. Readers take the one that the manifest names, so that the change is the rename
//! of the root, as with any publication; the old key is destroyed last. Killed anywhere, the same again goes on.

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use rand::CryptoRng;

use crate::keys::{self, PartitionKey};
use crate::lake::{Lake, LakeError};
use crate::layout;
use crate::manifest::Manifest;
use crate::publish::Writer;

impl Lake {
    /// Begins the renewal of an Ente's key: from now on whatever is sealed for it is sealed under the new one.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn begin_renewal(&self, ente: EnteId, chance: &mut impl CryptoRng) -> Result<(), LakeError> {
        // One that is gone stays so: the agreement has ended.
        keys::open(self.key_folder(), ente, self.ring(), None)?;
        keys::open_or_create_next(self.key_folder(), ente, self.ring(), chance)?;
        Ok(())
    }

    /// Ends a renewal that was begun: the partition stands under the new key, the old one is destroyed, and nothing is left of
    /// what it opened. What is kept beside the lake must have been sealed anew before. Gives the number of files written.
    ///
    /// # Errors
    /// A damaged file; one that cannot be written; files that go on being read.
    pub fn end_renewal(
        &self,
        ente: EnteId,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<usize, LakeError> {
        let Some(next) = keys::next(self.key_folder(), ente, self.ring())? else { return Ok(0) };
        let present = match self.seen(ente)? {
            None => None,
            Some(seen) if seen.manifest.lake_key_id == next.id => Some(seen.manifest),
            Some(_) => self.under(ente, &next, now, chance)?,
        };
        keys::settle(self.key_folder(), ente)?;
        let Some(present) = present else { return Ok(0) };
        self.keep(&present, now, 0)?;
        Ok(present.files.len())
    }

    /// Publishes the same rows under another key.
    fn under(
        &self,
        ente: EnteId,
        key: &PartitionKey,
        now: DateTime<Utc>,
        chance: &mut impl CryptoRng,
    ) -> Result<Option<Manifest>, LakeError> {
        let Some(lake) = self.ente(ente)? else { return Ok(None) };
        if let Some(problem) = lake.damage() {
            return Err(LakeError::Content(format!("{problem}, before its key can be renewed")));
        }
        let folder = layout::ente(self.folder(), ente);
        let mut writer = Writer::new(folder.clone(), key, None);
        // One file at a time, so that memory is bounded by the largest.
        for entry in &lake.manifest().files {
            let rows: RecordBatch = lake.rows(entry)?;
            writer.put_all(std::iter::once((entry.table.as_str(), entry.year, &rows)), chance)?;
        }
        let files = writer.finish()?.files;
        let before = lake.manifest();
        let manifest = Manifest {
            version: before.version + 1,
            published_at: now,
            lake_key_id: key.id.clone(),
            files,
            ..before.clone()
        };
        drop(lake);
        self.show(&folder, &manifest)?;
        Ok(Some(manifest))
    }
}
