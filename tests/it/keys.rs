//! New keys for the portal, killed at fifty points: whatever was there can be read after each.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use domain::keys::{Ring, RingKey};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::StoreError;

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
