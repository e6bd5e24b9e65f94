//! Flipped bits (SECURITY 31): whatever is shown is a state that was published, with its date, or nothing is; and a run over
//! everything puts it right.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt;

use super::*;

/// Everything that a state shows, by table and file.
type Shown = BTreeMap<String, Vec<RecordBatch>>;

fn shown(lake: &crate::EnteLake) -> Shown {
    let tables = lake.manifest().files.iter().map(|file| file.table.clone());
    tables.map(|table| (table.clone(), lake.table(&table).unwrap())).collect()
}

struct Ground {
    world: World,
    manifests: [crate::Manifest; 2],
    states: [Shown; 2],
}

impl Ground {
    /// Two states of an Ente that are both kept, and another Ente.
    fn new() -> Self {
        let mut world = World::new();
        world.publish(2, &SHEETS[..2]);
        let mut state = |sheets: &[Sheet<'_>], last_seq, days| {
            let publication = Publication { keep_days: 7, last_seq, ..world.publication(sheets) };
            let at = now() + chrono::TimeDelta::days(days);
            world.lake.publish(ente(1), publication, at, &mut world.chance).unwrap();
            let lake = world.lake.ente(ente(1)).unwrap().unwrap();
            (lake.manifest().clone(), shown(&lake))
        };
        let (first, second) = (state(&SHEETS[..4], 4, 0), state(&SHEETS, 5, 1));
        Self { world, manifests: [first.0, second.0], states: [first.1, second.1] }
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(self.world.folder.path()).sort_by_file_name();
        let files = entries.into_iter().map(|entry| entry.unwrap()).filter(|entry| entry.file_type().is_file());
        files.map(walkdir::DirEntry::into_path).filter(|path| fs::metadata(path).unwrap().len() > 0).collect()
    }

    /// Which of the two states is shown, if any.
    fn check(&self, damaged: &Path) -> Option<usize> {
        let is_named = |at: usize| self.manifests[at].files.iter().any(|file| damaged.ends_with(&file.path));
        match self.world.lake.sound(ente(1), |_| true) {
            Ok(Some(lake)) => {
                let at = self.manifests.iter().position(|manifest| manifest == lake.manifest());
                let at = at.unwrap_or_else(|| panic!("{} shows a state that never was", damaged.display()));
                assert_eq!(shown(&lake), self.states[at], "{}", damaged.display());
                assert!(!is_named(at), "{} is damaged, and shown", damaged.display());
                assert!(at == 1 || lake.damage().is_some(), "{}: an earlier state must say why", damaged.display());
                Some(at)
            }
            Ok(None) => panic!("{}: what is damaged is not what was never there", damaged.display()),
            Err(_) => {
                let is_key = damaged.extension().is_some_and(|extension| extension == "key");
                assert!(is_key || (is_named(0) && is_named(1)), "{}: there is a whole state", damaged.display());
                None
            }
        }
    }
}

#[test]
fn a_thousand_flipped_bits_are_found_before_use() {
    let ground = Ground::new();
    let mut chance = ChaCha20Rng::seed_from_u64(31);
    let files = ground.files();
    let mut outcomes: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    for _ in 0..1_000 {
        let file = &files[chance.random_range(0..files.len())];
        let whole = fs::read(file).unwrap();
        let mut changed = whole.clone();
        let bit = chance.random_range(0..whole.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(file, &changed).unwrap();
        *outcomes.entry(ground.check(file)).or_default() += 1;
        fs::write(file, &whole).unwrap();
    }
    // All three happen: the newest state although something else is damaged, the one before, and none.
    assert!(outcomes.len() == 3 && outcomes.values().all(|count| *count > 20), "{outcomes:?}");
    assert_eq!(ground.check(Path::new("nothing")), Some(1));
}

#[test]
fn what_is_cut_or_gone_is_found_too() {
    let ground = Ground::new();
    for file in ground.files() {
        let whole = fs::read(&file).unwrap();
        for left in [0, whole.len() / 2, whole.len() - 1] {
            fs::write(&file, &whole[..left]).unwrap();
            ground.check(&file);
        }
        fs::remove_file(&file).unwrap();
        ground.check(&file);
        fs::write(&file, &whole).unwrap();
    }
    assert_eq!(ground.check(Path::new("nothing")), Some(1));
}

#[test]
fn a_run_over_everything_makes_damage_good() {
    let mut ground = Ground::new();
    let publication = |ground: &Ground| Publication { keep_days: 7, last_seq: 5, ..ground.world.publication(&SHEETS) };
    let folder = ground.world.lake.folder().join(format!("ente={}", ente(1)));
    let digests = |manifest: &crate::Manifest| -> BTreeMap<(String, Option<i32>), String> {
        manifest.files.iter().map(|file| ((file.table.clone(), file.year), file.digest.clone())).collect()
    };
    // What is made anew lies elsewhere than what was damaged: each is damaged in the state that is visible then.
    let of_file = |ground: &Ground, at: usize| {
        let present = ground.world.lake.manifest(ente(1)).unwrap().unwrap();
        present.files.get(at * 3).map(|file| folder.join(&file.path))
    };
    let mut version = 2;
    for at in 0..6 {
        let file = match at {
            0 => ground.world.lake.folder().join("root.json"),
            1 => folder.join(ground.world.lake.manifests(&folder).unwrap().last().unwrap().file()),
            _ => of_file(&ground, at - 2).unwrap(),
        };
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let again = publication(&ground);
        let published = ground.world.lake.publish(ente(1), again, now(), &mut ground.world.chance).unwrap();
        assert!(published.is_changed && published.version > version, "{}", file.display());
        version = published.version;
        ground.world.lake.verify(ente(1)).unwrap();
        let lake = ground.world.lake.ente(ente(1)).unwrap().unwrap();
        assert_eq!(lake.damage(), None);
        assert_eq!(digests(lake.manifest()), digests(&ground.manifests[1]));
        // The other Ente is there as before.
        ground.world.lake.verify(ente(2)).unwrap();
        assert_eq!(ground.world.lake.enti().unwrap(), [ente(1), ente(2)]);
    }
    let again = publication(&ground);
    let published = ground.world.lake.publish(ente(1), again, now(), &mut ground.world.chance).unwrap();
    assert!(!published.is_changed);
}
