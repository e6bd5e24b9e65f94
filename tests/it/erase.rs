//! A persona is forgotten, from the command that people type to the files of the lake.

use std::path::Path;
use std::process::{Command, Output};

use domain::keys::{Ring, RingKey, SealingKey};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{HashingCost, Store};

const ENTE: &str = "dimostrazione-trieste";

fn run(command: &[&str], data: &Path, rest: &[&str]) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_noncello"));
    process.args(command).arg("--data").arg(data).args(rest).output().unwrap()
}

fn done(command: &[&str], data: &Path, rest: &[&str]) -> String {
    let output = run(command, data, rest);
    assert_eq!(output.status.code(), Some(0), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// People and questionnaires that the lake shows of the Ente.
fn published(data: &Path) -> (i64, i64) {
    let sql = "select count(distinct pseudonym) as people, count(*) as assessments from assessments";
    let rows = done(&["warehouse", "query"], data, &["--ente", ENTE, "--format", "json", sql]);
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    let number = |column: &str| rows[0][column].as_str().unwrap().parse().unwrap();
    (number("people"), number("assessments"))
}

/// The id of somebody with questionnaires, and how many these are.
fn somebody(data: &Path) -> (String, i64) {
    let key = |name: &str| std::fs::read_to_string(data.join("keys").join(name)).unwrap();
    let identity = RingKey::parse(&key("identity.key"), Ring::Identity).unwrap();
    let release = SealingKey::parse(&key("release.pub"), Ring::Release).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut chance = StdRng::seed_from_u64(1);
        let now = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
        let path = data.join("portal/noncello.sqlite");
        let store = Store::open(&path, identity, release, HashingCost::default(), &mut chance).await.unwrap();
        let ente = store.ente_id(ENTE).await.unwrap();
        let scope = store.command_line(ente, "test", "test", now).await.unwrap();
        let persona = store.recent_persone(&scope, 1, now).await.unwrap().remove(0).id;
        let history = store.history_of_persona(&scope, persona, now).await.unwrap();
        store.close().await.unwrap();
        (persona.to_string(), i64::try_from(history.len()).unwrap())
    })
}

#[test]
fn an_erased_persona_is_gone_from_portal_and_lake() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    done(&["demo", "--people", "240", "--no-serve"], &data, &[]);
    let before = published(&data);
    let (persona, questionnaires) = somebody(&data);
    let asked = ["--ente", ENTE, "--persona", persona.as_str(), "--actor", "Anna Neri"];
    assert_eq!(run(&["erase"], &data, &asked).status.code(), Some(2), "a reason is needed");
    done(&["erase"], &data, &[asked.as_slice(), &["--reason", "richiesta"]].concat());
    let again = run(&["erase"], &data, &[asked.as_slice(), &["--reason", "richiesta"]].concat());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("no such persona"));
    done(&["pipeline", "run"], &data, &[]);
    assert_eq!(published(&data), (before.0 - 1, before.1 - questionnaires));
    done(&["pipeline", "verify"], &data, &[]);
    done(&["audit", "verify"], &data, &[]);
}
