//! Publishing under faults (SECURITY 30, 31): killed at every write, fsync, rename, unlink and mkdir, each of them failing once,
//! a disk that is full. What is visible is the old state or the new one, whole; the next run comes to the new one.
//!
//! `strace` stops or fails exactly the call that is asked for. On one core everything happens in one thread, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use chrono::Datelike;
use domain::feed::{EnteId, Event, Segment, TALLY_FILE, Tally, What};
use domain::keys::{Ring, RingKey};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use warehouse::{Lake, VersionedManifest};

use crate::demonstration::Demonstration;

/// Whatever changes something on the disk.
const CALLS: [&str; 5] = ["write", "fsync", "rename", "unlink", "mkdir"];

/// Content digests of tables and marts.
type State = BTreeMap<(String, Option<i32>), String>;

/// A data folder without a portal, whose lake is a segment behind.
struct Ground {
    folder: TempDir,
    ente: EnteId,
    ring: RingKey,
    before: State,
    after: State,
    /// The file of links that belongs to the new state.
    links: Vec<u8>,
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Some questionnaires of one year, numbered from 1.
fn events(segments: &Path, ring: &RingKey) -> Vec<Event> {
    let files = walkdir::WalkDir::new(segments).into_iter().map(|entry| entry.unwrap().into_path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "segment"));
    let file = files.max_by_key(|path| fs::metadata(path).unwrap().len());
    let segment = Segment::open(&fs::read(file.unwrap()).unwrap(), &ring.opening()).unwrap();
    let year = |event: &Event| {
        let What::Validated(assessment) = &event.what else { return None };
        Some(assessment.assessed_on.year())
    };
    let last = segment.events().iter().filter_map(year).max();
    let of_year = segment.into_events().into_iter().filter(|event| year(event) == last);
    let events: Vec<Event> = of_year.zip(1..).map(|(event, seq)| Event { seq, ..event }).take(24).collect();
    assert!(events.len() > 10, "a small demonstration has some questionnaires in its last year");
    events
}

impl Ground {
    fn new() -> Self {
        let demonstration = Demonstration::new();
        let pipeline = demonstration.ring("pipeline.key", Ring::Pipeline).unwrap();
        let ring = demonstration.ring("lake.key", Ring::Lake).unwrap();
        let events = events(&demonstration.data.join("segments"), &pipeline);
        let ente = events[0].ente;
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("base");
        // The lake of the demonstration is another one.
        for part in ["keys", "instruments"] {
            copy(&demonstration.data.join(part), &base.join(part));
        }
        let segments = base.join(format!("segments/ente={ente}"));
        fs::create_dir_all(&segments).unwrap();
        let export = |first: usize, end: usize| {
            let (opening, mut chance) = (pipeline.opening(), StdRng::seed_from_u64(1));
            let segment = Segment::new(events[first..end].to_vec()).unwrap();
            let sealed = segment.seal(opening.sealing(), &mut chance).unwrap();
            fs::write(segments.join(segment.file_name()), sealed).unwrap();
            let told = Tally::of_events(ente, &events[..end]).seal(opening.sealing(), &mut chance);
            fs::write(segments.join(TALLY_FILE), told).unwrap();
        };
        let mut ground = Self { folder, ente, ring, before: State::new(), after: State::new(), links: Vec::new() };
        export(0, 6);
        assert!(publish(&base).status().unwrap().success());
        ground.before = ground.state(&base);
        export(6, events.len());
        let ahead = ground.trial("ahead");
        assert!(publish(&ahead).status().unwrap().success());
        ground.after = ground.state(&ahead);
        ground.links = ground.links(&ahead);
        assert_ne!(ground.links, ground.links(&base));
        assert_ne!(ground.before, ground.after);
        ground
    }

    /// A copy of the folder whose lake is behind.
    fn trial(&self, name: &str) -> PathBuf {
        let trial = self.folder.path().join(name);
        copy(&self.folder.path().join("base"), &trial);
        trial
    }

    fn lake(&self, data: &Path) -> Lake {
        Lake::new(data.join("lake"), data.join("keys/lake.d"), self.ring.clone())
    }

    fn links(&self, data: &Path) -> Vec<u8> {
        fs::read(data.join(format!("links/{}.json", self.ente))).unwrap()
    }

    /// What is visible, after every byte of it was checked.
    fn state(&self, data: &Path) -> State {
        let lake = self.lake(data);
        lake.verify(self.ente).unwrap();
        let published = lake.ente(self.ente).unwrap().unwrap();
        let files = published.manifest().files.iter();
        files.map(|file| ((file.table.clone(), file.year), file.digest.clone())).collect()
    }

    /// What is visible after a fault is one of the two states; the next run comes to the new one and leaves nothing behind.
    fn check(&self, data: &Path, status: ExitStatus, what: &str) {
        let state = self.state(data);
        assert!(state == self.before || state == self.after, "{what}: neither the old state nor the new one");
        assert!(!status.success() || state == self.after, "{what}: said to be done, and is not");
        let again = publish(data).output().unwrap();
        assert!(again.status.success(), "{what}: {}", String::from_utf8_lossy(&again.stderr));
        assert_eq!(self.state(data), self.after, "{what}");
        assert_eq!(self.links(data), self.links, "{what}");
        let folder = data.join(format!("lake/ente={}", self.ente));
        let mut named = BTreeSet::from(["lease".to_owned()]);
        for entry in fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with("manifest-") {
                let manifest = fs::read(folder.join(&name)).unwrap();
                let manifest = serde_json::from_slice::<VersionedManifest>(&manifest).unwrap().into_latest();
                named.extend(manifest.files.into_iter().map(|file| file.path));
                named.insert(name);
            }
        }
        let there = walkdir::WalkDir::new(&folder).into_iter().map(Result::unwrap);
        let there = there.filter(|entry| entry.file_type().is_file());
        let there = there.map(|entry| entry.path().strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
        assert_eq!(there.collect::<BTreeSet<String>>(), named, "{what}");
    }
}

fn publish(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noncello"));
    command.args(["pipeline", "publish", "--data"]).arg(data).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The same, on one core, with something happening at a call.
fn publish_with(data: &Path, call: &str, fault: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0", "strace", "-qq", "-o", "/dev/null"]);
    command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{fault}")]);
    command.arg(env!("CARGO_BIN_EXE_noncello")).args(["pipeline", "publish", "--data"]).arg(data);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn killed_at_every_call_the_old_state_or_the_new_one_is_visible() {
    let ground = Ground::new();
    let mut kills = BTreeMap::new();
    for call in CALLS {
        for at in 1.. {
            let trial = ground.trial("killed");
            let status = publish_with(&trial, call, &format!("signal=SIGKILL:when={at}")).status().unwrap();
            let is_killed = status.signal() == Some(9);
            assert!(is_killed || status.success(), "{call} {at}: {status}");
            ground.check(&trial, status, &format!("killed at {call} {at}"));
            fs::remove_dir_all(&trial).unwrap();
            if !is_killed {
                break;
            }
            *kills.entry(call).or_insert(0) += 1;
        }
    }
    // A file of each table and mart that has changed, the manifest, the root and the links are written and made durable.
    assert!(kills["write"] > 15 && kills["fsync"] > 15 && kills["rename"] >= 3 && kills["mkdir"] >= 1, "{kills:?}");
}

#[test]
fn a_call_that_fails_is_a_refusal_and_nothing_is_half_done() {
    let ground = Ground::new();
    let mut refusals = 0;
    for (call, error) in
        [("write", "ENOSPC"), ("write", "EIO"), ("fsync", "EIO"), ("rename", "EIO"), ("mkdir", "ENOSPC")]
    {
        for at in 1.. {
            let trial = ground.trial("failed");
            let output = publish_with(&trial, call, &format!("error={error}:when={at}")).output().unwrap();
            ground.check(&trial, output.status, &format!("{call} {at} failed with {error}"));
            fs::remove_dir_all(&trial).unwrap();
            if output.status.success() {
                break;
            }
            refusals += 1;
        }
    }
    assert!(refusals > 40, "{refusals}");
}

/// The lake alone is on a disk that is too small, in a mount namespace of its own.
#[test]
fn a_full_disk_is_a_refusal_and_reads_go_on() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size="$2" tmpfs "$1/lake" && cp -r "$1/kept/." "$1/lake" || exit 90
        "$4" pipeline publish --data "$1" 2> "$1/complaint"; echo $? > "$1/status"
        "$4" pipeline verify --data "$1" || exit 91
        cp -r "$1/lake/." "$1/left"
        mount -o remount,size=64M "$1/lake" && "$4" pipeline publish --data "$1" || exit 92
        cp -r "$1/lake/." "$1/mended"
    "#;
    let can_mount = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success());
    assert!(can_mount, "a mount namespace is needed for this test: `unshare -rm true` must work");
    let ground = Ground::new();
    let (mut refused, mut done) = (0, 0);
    for kibibytes in (160..).step_by(24) {
        let trial = ground.trial("full");
        fs::rename(trial.join("lake"), trial.join("kept")).unwrap();
        for folder in ["lake", "left", "mended"] {
            fs::create_dir(trial.join(folder)).unwrap();
        }
        let script = Command::new("unshare")
            .args(["-rm", "sh", "-c", SCRIPT, "sh"])
            .arg(&trial)
            .args([format!("{kibibytes}k"), String::new()])
            .arg(env!("CARGO_BIN_EXE_noncello"))
            .output()
            .unwrap();
        if script.status.code() == Some(90) {
            // Not even what is there fits.
            fs::remove_dir_all(&trial).unwrap();
            continue;
        }
        assert!(script.status.success(), "{kibibytes} KiB: {script:?}");
        let status = fs::read_to_string(trial.join("status")).unwrap();
        let state_of = |copy: &str| {
            fs::remove_dir_all(trial.join("lake")).unwrap();
            fs::rename(trial.join(copy), trial.join("lake")).unwrap();
            ground.state(&trial)
        };
        let left = state_of("left");
        assert_eq!(state_of("mended"), ground.after, "{kibibytes} KiB");
        let complaint = fs::read_to_string(trial.join("complaint")).unwrap();
        fs::remove_dir_all(&trial).unwrap();
        if status.trim() == "0" {
            assert_eq!(left, ground.after, "{kibibytes} KiB");
            done += 1;
            break;
        }
        assert_eq!(status.trim(), "1", "{kibibytes} KiB: {complaint}");
        assert!(complaint.contains("No space left on device"), "{complaint}");
        assert_eq!(left, ground.before, "{kibibytes} KiB");
        refused += 1;
    }
    assert!(refused >= 3 && done == 1, "{refused} sizes too small");
}
