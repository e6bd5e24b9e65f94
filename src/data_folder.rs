//! The data folder: the one place that names its paths and reads or writes its key files.
//!
//! Key files are made readable by their owner alone, and refused when anybody else can read them: a key that others may
//! have seen is no key. Packages get paths and keys as arguments and never look for them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey, SealingKey};
use pipeline::release::Terms;
use rand::CryptoRng;
use serde::Deserialize;
use store::{Location, PostgresUrls};

/// A folder with keys, store, segments, lake and releases.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder {
    root: PathBuf,
}

impl DataFolder {
    /// The folder that `init` made.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let folder = Self { root: root.to_owned() };
        if !folder.keys().is_dir() {
            bail!("{} is not a data folder of noncello; `noncello init --data {0}` makes one", root.display());
        }
        Ok(folder)
    }

    /// Makes the folder with new keys and the strumenti shipped.
    pub(crate) fn create(root: &Path, chance: &mut impl CryptoRng) -> Result<Self> {
        let folder = Self { root: root.to_owned() };
        if root.exists() && fs::read_dir(root).with_context(|| cannot("look into", root))?.next().is_some() {
            bail!("{} is not empty; give a new folder, or remove this one if nobody needs it", root.display());
        }
        for private in [folder.root.clone(), folder.keys(), folder.lake_keys(), folder.pipeline_keys()] {
            private_folder(&private)?;
        }
        for ordinary in [
            folder.portal(),
            folder.segments(),
            folder.lake(),
            folder.extractions(),
            folder.releases(),
            folder.workspace(),
        ] {
            private_folder(&ordinary)?;
        }
        for ring in Ring::ALL {
            let key = RingKey::generate(ring, chance);
            write_private(&folder.key_file(ring), key.to_text().as_bytes())?;
            if has_public_half(ring) {
                write_private(&folder.public_file(ring), key.opening().sealing().to_text().as_bytes())?;
            }
        }
        for (id, version, text) in intake::instruments::shipped_files() {
            folder.add_definition(id, version, text)?;
        }
        Ok(folder)
    }

    /// Where it is: for a child that opens it too.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    fn key_file(&self, ring: Ring) -> PathBuf {
        self.keys().join(format!("{}.key", ring.name()))
    }

    fn public_file(&self, ring: Ring) -> PathBuf {
        self.keys().join(format!("{}.pub", ring.name()))
    }

    /// The wrapped keys of the Enti's partitions.
    pub(crate) fn lake_keys(&self) -> PathBuf {
        self.keys().join("lake.d")
    }

    /// The wrapped pseudonym keys of the Enti.
    pub(crate) fn pipeline_keys(&self) -> PathBuf {
        self.keys().join("pipeline.d")
    }

    fn portal(&self) -> PathBuf {
        self.root.join("portal")
    }

    /// Says where PostgreSQL is; without it the portal's database is a file of SQLite.
    fn postgres_file(&self) -> PathBuf {
        self.portal().join("postgres.toml")
    }

    /// Where the portal's database is.
    pub(crate) fn store_location(&self) -> Result<Location> {
        let path = self.postgres_file();
        if path.exists() {
            Ok(Location::Postgres(read_postgres(&path)?))
        } else {
            Ok(Location::Sqlite(self.portal().join("noncello.sqlite")))
        }
    }

    /// Has the portal's database in PostgreSQL, as a file says; before the store is opened for the first time.
    pub(crate) fn use_postgres(&self, file: &Path) -> Result<()> {
        read_postgres(file)?;
        let text = zeroize::Zeroizing::new(fs::read(file).with_context(|| cannot("read", file))?);
        write_private(&self.postgres_file(), &text)
    }

    /// How far the audits had come, from time to time; outside the database.
    pub(crate) fn audit_checkpoints(&self) -> PathBuf {
        self.root.join("audit-checkpoints.jsonl")
    }

    /// The sealed segments of the feed.
    pub(crate) fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    /// Sealed link tokens by pseudonym, for the release builder.
    pub(crate) fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    /// The lake.
    pub(crate) fn lake(&self) -> PathBuf {
        self.root.join("lake")
    }

    /// What the Enti have taken out of the lake, sealed, for seven days.
    pub(crate) fn extractions(&self) -> PathBuf {
        self.root.join("extractions")
    }

    /// How precisely strumenti measure in each Ente: from its lake, for its reports.
    pub(crate) fn calibration(&self, ente: EnteId) -> PathBuf {
        self.root.join("calibrations").join(format!("{ente}.json"))
    }

    /// Held while events are copied to segments.
    pub(crate) fn export_lock(&self) -> PathBuf {
        self.segments().join("export.lock")
    }

    /// Held by the run of the pipeline that is under way, and while a release is made.
    pub(crate) fn pipeline_lock(&self) -> PathBuf {
        self.lake().join("run.lock")
    }

    /// Says that a demonstration was filled, and from what; the last file of it that is written.
    pub(crate) fn demonstration_mark(&self) -> PathBuf {
        self.root.join("demonstration.json")
    }

    /// The releases.
    pub(crate) fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// Under what terms releases are given: `releases/terms.toml`, or the words shipped.
    pub(crate) fn release_terms(&self) -> Result<Terms> {
        let path = self.releases().join("terms.toml");
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| {
                format!("{} is not the terms of releases: licence_title, licence, holder, holder_code", path.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Terms::default()),
            Err(error) => Err(error).with_context(|| cannot("read", &path)),
        }
    }

    fn workspace(&self) -> PathBuf {
        self.root.join("workspace")
    }

    /// The research area's database.
    pub(crate) fn workspace_place(&self) -> workspace::Place {
        workspace::Place::File(self.workspace().join("workspace.sqlite"))
    }

    /// Held by whoever builds what the research area has queued.
    pub(crate) fn builder_lock(&self) -> PathBuf {
        self.releases().join("builder.lock")
    }

    fn definitions(&self) -> PathBuf {
        self.root.join("instruments")
    }

    /// The identity key that takes the place of the present one, while keys are renewed.
    fn next_identity_file(&self) -> PathBuf {
        self.keys().join("identity.key.next")
    }

    /// The identity key with this id, of the two that can be there.
    pub(crate) fn identity_key(&self, id: &str) -> Option<RingKey> {
        let files = [self.key_file(Ring::Identity), self.next_identity_file()];
        let mut keys = files.iter().filter_map(|path| RingKey::parse(&read_private(path).ok()?, Ring::Identity).ok());
        keys.find(|key| key.id() == id)
    }

    /// The identity key to come: the one that a renewal began with, else a new one.
    pub(crate) fn next_identity_key(&self, chance: &mut impl CryptoRng) -> Result<RingKey> {
        let path = self.next_identity_file();
        if !path.exists() {
            // Whole or not at all: a key that a crash cut short may have wrapped nothing yet, but nobody could tell.
            let made = path.with_extension("next.part");
            let _ = fs::remove_file(&made);
            write_private(&made, RingKey::generate(Ring::Identity, chance).to_text().as_bytes())?;
            fs::rename(&made, &path).with_context(|| cannot("rename", &made))?;
            sync_folder(&self.keys())?;
        }
        RingKey::parse(&read_private(&path)?, Ring::Identity).with_context(|| cannot("use", &path))
    }

    /// Puts the identity key that was to come in its place; the one before stays under its id.
    pub(crate) fn settle_identity_key(&self, ring: &RingKey) -> Result<()> {
        let (path, next) = (self.key_file(Ring::Identity), self.next_identity_file());
        let old = self.key(Ring::Identity)?;
        if old.id() != ring.id() {
            let kept = self.keys().join(format!("identity-{}.key.old", old.id()));
            fs::copy(&path, &kept).with_context(|| cannot("make", &kept))?;
            File::open(&kept).and_then(|file| file.sync_all()).with_context(|| cannot("write", &kept))?;
            fs::rename(&next, &path).with_context(|| cannot("rename", &next))?;
            sync_folder(&self.keys())?;
        }
        Ok(())
    }

    /// Held while keys are renewed.
    pub(crate) fn lock_keys(&self) -> Result<File> {
        let path = self.keys().join("rotate.lock");
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| cannot("open", &path))?;
        if file.try_lock().is_err() {
            bail!("keys are being renewed by another process: wait until it ends");
        }
        Ok(file)
    }

    /// A ring's wrapping key.
    pub(crate) fn key(&self, ring: Ring) -> Result<RingKey> {
        let path = self.key_file(ring);
        let text = read_private(&path)?;
        RingKey::parse(&text, ring).with_context(|| cannot("use", &path))
    }

    /// The public half of a ring's key.
    pub(crate) fn sealing_key(&self, ring: Ring) -> Result<SealingKey> {
        let path = self.public_file(ring);
        let text = fs::read_to_string(&path).with_context(|| cannot("read", &path))?;
        SealingKey::parse(&text, ring).with_context(|| cannot("use", &path))
    }

    /// All definitions, in the order of ids and versions.
    pub(crate) fn instruments(&self) -> Result<Vec<Instrument>> {
        let mut found = Vec::new();
        for folder in sorted_entries(&self.definitions())? {
            for path in sorted_entries(&folder)? {
                let text = fs::read_to_string(&path).with_context(|| cannot("read", &path))?;
                let instrument = Instrument::parse(&text).map_err(|errors| {
                    let first = errors.first().map(ToString::to_string).unwrap_or_default();
                    anyhow::anyhow!("{} breaks a rule: {first}", path.display())
                })?;
                found.push(instrument);
            }
        }
        found.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        Ok(found)
    }

    /// Adds a definition; one that is there already may only be added again unchanged.
    pub(crate) fn add_definition(&self, id: &str, version: u32, text: &str) -> Result<()> {
        let folder = self.definitions().join(id);
        private_folder(&folder)?;
        let path = folder.join(format!("{version}.toml"));
        if path.exists() {
            if fs::read_to_string(&path).with_context(|| cannot("read", &path))? == text {
                return Ok(());
            }
            bail!("{id} {version} is there already, with other content: a changed definition needs a new version");
        }
        write_private(&path, text.as_bytes())
    }
}

/// Only what is sealed for somebody needs a public half.
fn has_public_half(ring: Ring) -> bool {
    match ring {
        Ring::Pipeline | Ring::Release => true,
        Ring::Identity | Ring::Lake => false,
    }
}

/// How to reach PostgreSQL, as a file says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostgresFile {
    portal: String,
    owner: Option<String>,
}

fn read_postgres(path: &Path) -> Result<PostgresUrls> {
    let text = read_private(path)?;
    // What TOML says of a mistake quotes the line, and lines here hold passwords.
    let Ok(file) = toml::from_str::<PostgresFile>(&text) else {
        bail!(
            "{} must hold `portal = \"postgres://ROLE:PASSWORD@HOST/DATABASE\"`, and `owner = …` where this program may change tables",
            path.display()
        );
    };
    Ok(PostgresUrls { portal: file.portal.into(), owner: file.owner.map(Into::into) })
}

/// Reads a file that nobody but its owner may.
pub(crate) fn read_private(path: &Path) -> Result<zeroize::Zeroizing<String>> {
    let metadata = fs::metadata(path).with_context(|| cannot("read", path))?;
    if metadata.mode() & 0o077 != 0 {
        bail!("{} can be read by others; `chmod 600` it, and replace what it holds if they may have", path.display());
    }
    Ok(zeroize::Zeroizing::new(fs::read_to_string(path).with_context(|| cannot("read", path))?))
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .with_context(|| cannot("look into", folder))?;
    entries.sort();
    Ok(entries)
}

fn private_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| cannot("make", folder))
}

/// Writes a new file that only its owner reads, durable before this returns.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(|| cannot("make", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| cannot("write", path))?;
    sync_folder(path.parent().expect("a file stands in a folder"))
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| cannot("write", folder))
}

pub(crate) fn cannot(verb: &str, path: &Path) -> String {
    format!("cannot {verb} {}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_folder_is_made_once_and_its_keys_are_private() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("data");
        let mut chance = StdRng::seed_from_u64(1);
        assert!(DataFolder::open(&root).unwrap_err().to_string().contains("noncello init"));
        let folder = DataFolder::create(&root, &mut chance).unwrap();
        assert!(DataFolder::create(&root, &mut chance).unwrap_err().to_string().contains("not empty"));
        for ring in Ring::ALL {
            assert_eq!(fs::metadata(folder.key_file(ring)).unwrap().mode() & 0o777, 0o600);
            folder.key(ring).unwrap();
        }
        let sealing = folder.sealing_key(Ring::Pipeline).unwrap();
        assert_eq!(sealing.id(), folder.key(Ring::Pipeline).unwrap().opening().sealing().id());
        assert!(!folder.instruments().unwrap().is_empty());

        let path = folder.key_file(Ring::Lake);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(folder.key(Ring::Lake).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_definition_never_changes() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(&parent.path().join("data"), &mut StdRng::seed_from_u64(1)).unwrap();
        let (id, version, text) = intake::instruments::shipped_files().next().unwrap();
        folder.add_definition(id, version, text).unwrap();
        let changed = format!("{text}\n# changed\n");
        assert!(folder.add_definition(id, version, &changed).unwrap_err().to_string().contains("new version"));
    }
}
