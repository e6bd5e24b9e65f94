//! New keys for the portal, killed at fifty points, and for the lake: whatever was there can be read after each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use domain::feed::EnteId;
use domain::keys::{Ring, RingKey};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::StoreError;
use warehouse::Lake;

use crate::demonstration::{Demonstration, now};

/// Kills that hit a renewal under way.
const KILLS: usize = 50;

fn rotate(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noncello"));
    command.args(["keys", "rotate", "--offline", "--data"]).arg(data).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The identity keys that the folder has, the one in use first.
fn rings(demonstration: &Demonstration) -> Vec<RingKey> {
    let files = ["identity.key", "identity.key.next"];
    files.iter().filter_map(|file| demonstration.ring(file, Ring::Identity)).collect()
}

/// Reads every persona and every questionnaire of every Ente; gives how many persone and events there are.
async fn read(demonstration: &Demonstration) -> (usize, usize) {
    let mut opened = None;
    for ring in rings(demonstration) {
        match demonstration.store(ring).await {
            Ok(store) => opened = Some(store),
            Err(StoreError::WrongKey(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let store = opened.expect("one of the keys in the folder opens the database");
    let known = rings(demonstration);
    store.set_ring_source(move |id| known.iter().find(|ring| ring.id() == id).cloned());
    let platform = store.command_line_platform("test", "test", now()).await.unwrap();
    let (mut persone, mut events) = (0, 0);
    for ente in store.enti(&platform, now()).await.unwrap() {
        let scope = store.command_line(ente.id, "test", "test", now()).await.unwrap();
        persone += store.all_persone(&scope, now()).await.unwrap().len();
        events += store.events(ente.id, 0, 1_000_000).await.unwrap().len();
    }
    store.close().await.unwrap();
    (persone, events)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a renewal takes says when to kill one; nothing is asserted of it"
)]
fn a_renewal_killed_at_fifty_points_leaves_everything_readable() {
    let demonstration = Demonstration::new();
    let data = demonstration.data.as_path();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = runtime.block_on(read(&demonstration));
    assert!(before.0 > 50 && before.1 > 50, "{before:?}");
    let first = rings(&demonstration).remove(0);
    let began = Instant::now();
    let whole = rotate(data).output().unwrap();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let takes = began.elapsed();
    assert_eq!(rings(&demonstration).len(), 1);
    assert_ne!(rings(&demonstration)[0].id(), first.id());
    assert_eq!(runtime.block_on(read(&demonstration)), before);

    let mut chance = StdRng::seed_from_u64(7);
    let (mut kills, mut ends, mut halfway) = (0, 0, 0);
    while kills < KILLS {
        let mut child = rotate(data).spawn().unwrap();
        let after = chance.random_range(0..takes.as_micros());
        std::thread::sleep(Duration::from_micros(u64::try_from(after).unwrap()));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.code().is_some() {
            assert!(status.success(), "{status}");
            ends += 1;
        } else {
            kills += 1;
            halfway += usize::from(rings(&demonstration).len() == 2);
        }
        assert_eq!(runtime.block_on(read(&demonstration)), before, "after {kills} kills and {ends} ends");
    }
    assert!(halfway >= KILLS / 5, "{halfway} of {KILLS} hit a renewal under way");
    // What was begun is ended, and then holds.
    let last = rotate(data).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    assert_eq!(rings(&demonstration).len(), 1);
    assert_eq!(runtime.block_on(read(&demonstration)), before);
    demonstration.done(&["audit", "verify"], &[]);
}

/// The lake, with its ring.
fn lake(demonstration: &Demonstration) -> Lake {
    let ring = demonstration.ring("lake.key", Ring::Lake).unwrap();
    Lake::new(demonstration.data.join("lake"), demonstration.data.join("keys/lake.d"), ring)
}

/// Every row of every Ente, checked: the ids of its key, and how many rows there are.
fn partitions(demonstration: &Demonstration) -> BTreeMap<EnteId, (String, i64)> {
    let lake = lake(demonstration);
    let of = |ente: EnteId| {
        let rows = lake.verify(ente).unwrap().rows;
        (ente, (lake.manifest(ente).unwrap().unwrap().lake_key_id, rows))
    };
    lake.enti().unwrap().into_iter().map(of).collect()
}

fn pseudonyms(demonstration: &Demonstration, ente: EnteId) -> BTreeSet<Option<String>> {
    let published = lake(demonstration).ente(ente).unwrap().unwrap();
    let answer = published.query("select distinct pseudonym from assessments").unwrap();
    answer.rows.into_iter().map(|mut row| row.remove(0)).collect()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a renewal takes says when to kill one; nothing is asserted of it"
)]
fn keys_of_the_lake_are_renewed_wherever_they_are_killed_and_pseudonyms_after_them() {
    const LAKE_KILLS: usize = 20;
    let demonstration = Demonstration::new();
    let data = demonstration.data.as_path();
    let rotate = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noncello"));
        command.args(["keys", "rotate-lake", "--data"]).arg(data).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let first = partitions(&demonstration);
    assert!(first.len() > 3, "{first:?}");
    let began = Instant::now();
    let whole = rotate().output().unwrap();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let takes = began.elapsed();
    let rows =
        |of: &BTreeMap<EnteId, (String, i64)>| of.iter().map(|(ente, (_, rows))| (*ente, *rows)).collect::<Vec<_>>();
    let second = partitions(&demonstration);
    assert_eq!(rows(&second), rows(&first));
    assert!(second.iter().all(|(ente, (key, _))| *key != first[ente].0));

    let mut chance = StdRng::seed_from_u64(8);
    let (mut kills, mut seen) = (0, BTreeSet::new());
    while kills < LAKE_KILLS {
        let mut child = rotate().spawn().unwrap();
        let after = chance.random_range(0..takes.as_micros());
        std::thread::sleep(Duration::from_micros(u64::try_from(after).unwrap()));
        child.kill().unwrap();
        if !child.wait().unwrap().success() {
            kills += 1;
        }
        let now = partitions(&demonstration);
        assert_eq!(rows(&now), rows(&first));
        seen.extend(now.into_values().map(|(key, _)| key));
    }
    assert!(seen.len() > second.len(), "no kill came after a new key: {seen:?}");
    // A run goes on from there: nothing is new, whatever keys are half-way.
    demonstration.done(&["pipeline", "run"], &[]);
    assert!(rotate().output().unwrap().status.success());
    assert_eq!(rows(&partitions(&demonstration)), rows(&first));
    let keys = std::fs::read_dir(data.join("keys/lake.d")).unwrap().count();
    assert_eq!(keys, first.len(), "no key of before is left");

    let (one, other) = (*first.keys().next().unwrap(), *first.keys().next_back().unwrap());
    let before = [one, other].map(|ente| pseudonyms(&demonstration, ente));
    let said = demonstration.done(&["keys", "rotate-pseudonyms"], &["--ente", &one.to_string()]);
    assert!(said.contains("new pseudonym keys: 1"), "{said}");
    let after = [one, other].map(|ente| pseudonyms(&demonstration, ente));
    assert!(after[0].is_disjoint(&before[0]) && after[0].len() == before[0].len());
    assert_eq!(after[1], before[1]);
    let nobody = demonstration.run(&["keys", "rotate-lake"], &["--ente", "00000000-0000-0000-0000-000000000009"]);
    assert_eq!(nobody.status.code(), Some(1));
}
