//! Which states of an Ente are there, which of them is visible, and which stay.
//!
//! A manifest's file carries the beginning of its own hash in its name, and the root a hash of what it says: a flipped bit in
//! either is found, and the last good state is shown instead, with its date. That is always one of those kept on purpose:
//! what somebody was taken out of is gone before the state without them is all there is.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::feed::EnteId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::lake::{Lake, LakeError};
use crate::layout::{self, ManifestName};
use crate::manifest::{Manifest, Root, RootEntry, RootFormat, VersionedManifest};

/// What is visible of an Ente.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) manifest: Manifest,
    /// What is wrong with a later one, or with the root.
    pub(crate) damage: Option<String>,
}

/// Says which Enti are published, and checks that it says so.
fn read_root(folder: &Path) -> Result<Option<Root>, LakeError> {
    let path = layout::root(folder);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LakeError::File { path, source }),
    };
    let root: Option<Root> = serde_json::from_slice(&bytes).ok();
    let root = root.filter(|root| match root.format {
        RootFormat::V1 => root.sha256.is_none(),
        RootFormat::V2 => root.sha256.as_deref() == Some(&root.digest()),
    });
    root.map(Some).ok_or(LakeError::Damaged { path, problem: "it is not what was written" })
}

impl Root {
    fn digest(&self) -> String {
        hex::encode(Sha256::digest(serde_json::to_vec(&self.enti).expect("plain data can be written to memory")))
    }
}

impl Lake {
    /// The root; where it is lost or damaged, what the folders of the Enti say instead, with what is wrong.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn root(&self) -> Result<(Arc<Root>, Option<LakeError>), LakeError> {
        // Of a whole country it is long: read once for each time that it is replaced.
        let mark = fs::metadata(layout::root(self.folder())).ok().map(|metadata| layout::system_mark(&metadata));
        if let Some(known) = self.known_root().as_ref().filter(|known| Some(&known.0) == mark.as_ref()) {
            return Ok((Arc::clone(&known.1), None));
        }
        match read_root(self.folder()) {
            Ok(Some(root)) => {
                let root = Arc::new(root);
                *self.known_root() = mark.map(|mark| (mark, Arc::clone(&root)));
                Ok((root, None))
            }
            Ok(None) => {
                let root = Arc::new(self.recovered_root()?);
                let path = layout::root(self.folder());
                let lost = (!root.enti.is_empty()).then_some(LakeError::Damaged { path, problem: "it is not there" });
                Ok((root, lost))
            }
            Err(damage @ LakeError::Damaged { .. }) => Ok((Arc::new(self.recovered_root()?), Some(damage))),
            Err(error) => Err(error),
        }
    }

    /// The newest whole manifest of each Ente.
    fn recovered_root(&self) -> Result<Root, LakeError> {
        let failed = |source| LakeError::File { path: self.folder().to_owned(), source };
        let mut root = Root::default();
        let entries = match fs::read_dir(self.folder()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(root),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix("ente=")).and_then(|id| Uuid::try_parse(id).ok());
            let Some(ente) = id.map(EnteId) else { continue };
            let folder = layout::ente(self.folder(), ente);
            for name in self.manifests(&folder)?.iter().rev() {
                if let Some((manifest, sha256)) = read_marked(&folder, name).filter(|(found, _)| found.ente == ente) {
                    root.enti.insert(ente, RootEntry { version: manifest.version, sha256 });
                    break;
                }
            }
        }
        Ok(root)
    }

    pub(crate) fn write_root(&self, mut root: Root) -> Result<(), LakeError> {
        root.format = RootFormat::V2;
        root.sha256 = Some(root.digest());
        let bytes = serde_json::to_vec_pretty(&root).map_err(|error| LakeError::Content(error.to_string()))?;
        let path = layout::root(self.folder());
        layout::write_whole(&path, &bytes).map_err(|source| LakeError::File { path, source })
    }

    /// The manifests of an Ente that are there, by rising version.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(crate) fn manifests(&self, folder: &Path) -> Result<Vec<ManifestName>, LakeError> {
        let failed = |source| LakeError::File { path: folder.to_owned(), source };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(failed)?.file_name().to_str().and_then(ManifestName::parse));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The manifest that the root names.
    fn read_present(&self, folder: &Path, ente: EnteId, entry: &RootEntry) -> Result<Manifest, LakeError> {
        let marked = folder.join(ManifestName::new(entry.version, &entry.sha256).file());
        // Before "lake root 2" the name had no hash.
        let plain = folder.join(ManifestName::plain(entry.version).file());
        let path = if marked.is_file() { marked } else { plain };
        let bytes = fs::read(&path).map_err(|source| LakeError::File { path: path.clone(), source })?;
        if hex::encode(Sha256::digest(&bytes)) != entry.sha256 {
            return Err(LakeError::Damaged { path, problem: "its hash is not the root's" });
        }
        let manifest: VersionedManifest = serde_json::from_slice(&bytes)
            .map_err(|_| LakeError::Damaged { path: path.clone(), problem: "not a manifest of a known format" })?;
        let manifest = manifest.into_latest();
        if manifest.ente == ente {
            Ok(manifest)
        } else {
            Err(LakeError::Damaged { path, problem: "it is another Ente's" })
        }
    }

    /// The states of an Ente that could be shown, the newest first: the one that the root names, and earlier ones whose manifests are
    /// whole. `None` when it was never published.
    ///
    /// # Errors
    /// A folder that cannot be read; the first damage, when there is no whole state.
    pub(crate) fn seen(&self, ente: EnteId) -> Result<Option<Seen>, LakeError> {
        let (root, damage) = self.root()?;
        let damage = damage.map(|damage| damage.to_string());
        let Some(entry) = root.enti.get(&ente) else { return Ok(None) };
        let folder = layout::ente(self.folder(), ente);
        match self.read_present(&folder, ente, entry) {
            Ok(manifest) => Ok(Some(Seen { manifest, damage })),
            Err(LakeError::File { source, .. }) if source.kind() != io::ErrorKind::NotFound => {
                Err(LakeError::File { path: folder, source })
            }
            Err(error) => match self.earlier(&folder, ente, entry.version)?.next() {
                Some(manifest) => Ok(Some(Seen { manifest, damage: Some(error.to_string()) })),
                None => Err(error),
            },
        }
    }

    /// Whole manifests of an Ente from before a version, the newest first.
    pub(crate) fn earlier(
        &self,
        folder: &Path,
        ente: EnteId,
        version: i64,
    ) -> Result<impl Iterator<Item = Manifest>, LakeError> {
        let names = self.manifests(folder)?;
        let folder = folder.to_owned();
        let before = names.into_iter().rev().filter(move |name| name.version < version);
        Ok(before.filter_map(move |name| Some(read_marked(&folder, &name)?.0)).filter(move |found| found.ente == ente))
    }

    /// Removes what was visible before and need not be kept any longer: whatever stopped being visible more than `keep_days`
    /// days ago, and at once what is from before somebody was erased or restricted, or from under another key. Says whether
    /// every file that the present manifest names is there.
    ///
    /// # Errors
    /// When a file cannot be removed; when one must be, and somebody goes on reading.
    pub fn keep(&self, present: &Manifest, now: DateTime<Utc>, keep_days: i64) -> Result<bool, LakeError> {
        let folder = layout::ente(self.folder(), present.ente);
        let kept = self.kept(&folder, present, now, keep_days)?;
        if kept.is_all_there_is {
            return Ok(present.files.iter().all(|entry| folder.join(&entry.path).is_file()));
        }
        let there = sweep(&folder, &kept)?;
        Ok(present.files.iter().all(|entry| there.contains(&entry.path)))
    }

    /// Which states of an Ente stay readable, the present one first.
    pub(crate) fn kept(
        &self,
        folder: &Path,
        present: &Manifest,
        now: DateTime<Utc>,
        keep_days: i64,
    ) -> Result<Kept, LakeError> {
        let names = self.manifests(folder)?;
        let mut kept = Kept { names: BTreeSet::new(), files: BTreeSet::new(), is_all_there_is: true, must_go: false };
        let mut visible_until = Some(present.published_at);
        for name in names.iter().rev() {
            let manifest = read(folder, name);
            let stays = match &manifest {
                Some(found) if found.version == present.version => found == present,
                Some(found) if found.version < present.version => {
                    let holds_others = found.erasures.len() != present.erasures.len()
                        || found.restrictions != present.restrictions
                        || found.lake_key_id != present.lake_key_id
                        || found.pseudonym_key_id != present.pseudonym_key_id;
                    // What lies behind one that goes, goes too.
                    visible_until = visible_until
                        .filter(|until| !holds_others && (now - *until).num_seconds() < keep_days * 86_400)
                        .map(|_| found.published_at);
                    kept.must_go |= holds_others;
                    visible_until.is_some()
                }
                // Never visible: a run died before the root named it; or not readable.
                Some(_) | None => false,
            };
            match manifest.filter(|_| stays) {
                Some(manifest) => {
                    kept.names.insert(name.file());
                    kept.files.extend(manifest.files.into_iter().map(|entry| entry.path));
                }
                None => kept.is_all_there_is = false,
            }
        }
        Ok(kept)
    }
}

/// States of an Ente that stay readable.
pub(crate) struct Kept {
    /// Their manifests.
    names: BTreeSet<String>,
    /// Their files.
    files: BTreeSet<String>,
    /// Whether there are no others.
    is_all_there_is: bool,
    /// Whether the others hold somebody who was taken out since.
    must_go: bool,
}

/// A manifest, whether or not its name tells its hash.
fn read(folder: &Path, name: &ManifestName) -> Option<Manifest> {
    let bytes = fs::read(folder.join(name.file())).ok()?;
    serde_json::from_slice(&bytes).ok().map(VersionedManifest::into_latest)
}

/// A manifest that is what its name says, with its hash.
fn read_marked(folder: &Path, name: &ManifestName) -> Option<(Manifest, String)> {
    let bytes = fs::read(folder.join(name.file())).ok()?;
    let sha256 = hex::encode(Sha256::digest(&bytes));
    if *name != ManifestName::new(name.version, &sha256) {
        return None;
    }
    let manifest: Option<VersionedManifest> = serde_json::from_slice(&bytes).ok();
    manifest.map(VersionedManifest::into_latest).filter(|found| found.version == name.version).map(|m| (m, sha256))
}

/// Removes every file that is not of a state that stays; gives back those that do.
pub(crate) fn sweep(folder: &Path, kept: &Kept) -> Result<BTreeSet<String>, LakeError> {
    let failed = |source| LakeError::File { path: folder.to_owned(), source };
    let named: BTreeSet<String> =
        kept.names.iter().chain(&kept.files).cloned().chain([layout::LEASE.to_owned()]).collect();
    let mut tries = if kept.must_go { LEASE_TRIES } else { 1 };
    let lease = loop {
        tries -= 1;
        match layout::Lease::to_remove(folder).map_err(failed)? {
            Some(lease) => break Some(lease),
            None if tries == 0 => break None,
            None => thread::sleep(LEASE_PAUSE),
        }
    };
    match lease {
        Some(_lease) => layout::sweep(folder, &named).map_err(failed),
        None if kept.must_go => Err(LakeError::Read(folder.to_owned())),
        // The next run tries again.
        None => layout::walk(folder).map_err(failed),
    }
}

/// How often a run tries to remove what must go while somebody reads, and how long it waits in between: half a minute.
const LEASE_TRIES: u32 = 1_500;
const LEASE_PAUSE: Duration = Duration::from_millis(20);
