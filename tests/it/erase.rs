//! A persona is forgotten, from the command that people type to the files of the lake.

use domain::keys::Ring;

use crate::demonstration::{Demonstration, now};

const ENTE: &str = "dimostrazione-trieste";

/// People and questionnaires that the lake shows of the Ente.
fn published(demonstration: &Demonstration) -> (i64, i64) {
    let sql = "select count(distinct pseudonym) as people, count(*) as assessments from assessments";
    let rows = demonstration.ask(ENTE, sql);
    let number = |column: &str| rows[0][column].as_str().unwrap().parse().unwrap();
    (number("people"), number("assessments"))
}

/// The id of somebody with questionnaires, and how many these are.
fn somebody(demonstration: &Demonstration) -> (String, i64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = demonstration.store(demonstration.ring("identity.key", Ring::Identity).unwrap()).await.unwrap();
        let ente = store.ente_id(ENTE).await.unwrap();
        let scope = store.command_line(ente, "test", "test", now()).await.unwrap();
        let persona = store.recent_persone(&scope, 1, now()).await.unwrap().remove(0).id;
        let history = store.history_of_persona(&scope, persona, now()).await.unwrap();
        store.close().await.unwrap();
        (persona.to_string(), i64::try_from(history.len()).unwrap())
    })
}

#[test]
fn an_erased_persona_is_gone_from_portal_and_lake() {
    let demonstration = Demonstration::new();
    let before = published(&demonstration);
    let (persona, questionnaires) = somebody(&demonstration);
    let asked = ["--ente", ENTE, "--persona", persona.as_str(), "--actor", "Anna Neri"];
    assert_eq!(demonstration.run(&["erase"], &asked).status.code(), Some(2), "a reason is needed");
    demonstration.done(&["erase"], &[asked.as_slice(), &["--reason", "richiesta"]].concat());
    let again = demonstration.run(&["erase"], &[asked.as_slice(), &["--reason", "richiesta"]].concat());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("no such persona"));
    demonstration.done(&["pipeline", "run"], &[]);
    assert_eq!(published(&demonstration), (before.0 - 1, before.1 - questionnaires));
    let status = demonstration.done(&["pipeline", "status"], &[]);
    let proofs: Vec<&str> = status.lines().filter(|line| line.contains("in no file since version 2")).collect();
    assert_eq!(proofs.len(), 1, "{status}");
    assert!(!status.contains(&persona), "the proof does not say who");
    demonstration.done(&["pipeline", "verify"], &[]);
    demonstration.done(&["audit", "verify"], &[]);
}
