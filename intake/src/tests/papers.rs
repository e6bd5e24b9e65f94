//! Papers through the pages: what an access report holds, that a certificate names nobody, who gets a copy. What papers look
//! like and how they are tagged is tested in `documents` and in tests/browser.

use axum::http::StatusCode;
use rstest::rstest;
use serde_json::Value;
use test_database::Kind;

use super::World;
use super::journey::enters_persona;

/// The title in the metadata, which are not compressed.
fn title(paper: &str) -> &str {
    assert!(paper.starts_with("%PDF-1.7"), "no paper: {paper}");
    let metadata = paper.split("<dc:title>").nth(1).unwrap().split("</dc:title>").next().unwrap();
    metadata.rsplit("</rdf:li>").nth(1).unwrap().rsplit('>').next().unwrap()
}

#[rstest]
#[tokio::test]
async fn an_access_report_leaves_nothing_out_and_a_certificate_names_nobody(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::new(kind).await;
    let mut operator = world.logged_in("primo", "operator").await;
    let persona = enters_persona(&mut operator).await;
    let draft = operator.post(&format!("{persona}/questionari"), &[("instrument", "asso")]).await;
    assert_eq!(draft.status, StatusCode::SEE_OTHER, "{}", draft.body);

    // Entered twice, by a colleague who has begun something else.
    let mut colleague = world.logged_in("primo", "colleague").await;
    colleague.get("/persone/nuova").await;
    let fields = [
        ("action", "save"),
        ("surname", "Bianchi"),
        ("name", "Laura Maria"),
        ("identifier_kind", ""),
        ("comune", "093033"),
        ("notes", "Abita da una zia."),
    ];
    let made = colleague.post("/persone/nuova", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let other = made.location().split('?').next().unwrap().to_owned();
    colleague.get(&other).await;
    colleague.post(&format!("{other}/questionari"), &[("instrument", "isa")]).await;
    let into = persona.rsplit('/').next().unwrap();
    let merged = colleague.post(&format!("{other}/unisci"), &[("into", into), ("reason", "stessa persona")]).await;
    assert_eq!(merged.status, StatusCode::SEE_OTHER, "{}", merged.body);

    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let held = administrator.get(&format!("{persona}/fascicolo.json")).await.body;
    let held: Value = serde_json::from_str(&held).unwrap();
    assert_eq!(held["merged"][0]["recorded"]["note"], "Abita da una zia.");
    let mut drafts: Vec<&str> =
        held["drafts"].as_array().unwrap().iter().map(|draft| draft["operator"].as_str().unwrap()).collect();
    drafts.sort_unstable();
    assert_eq!(drafts, ["Prova colleague", "Prova operator"]);
    assert_eq!(held["decisions"][0]["reason"], "stessa persona");
    let created = held["accesses"].as_array().unwrap().iter().filter(|line| line["what"] == "persona.create").count();
    assert_eq!(created, 2, "who has seen the one that was merged is told too");
    let request = format!("{persona}/fascicolo");
    assert!(administrator.get(&request).await.body.contains("Relazione di accesso"));
    for (wrong, said) in [
        (("requested_on", "31/12/2026"), "È nel futuro"),
        (("requested_on", "ieri"), "Non è una data"),
        (("title", "tutore"), "Manca"),
        (("representative", "Anna Neri"), "Manca"),
    ] {
        let refused = administrator.post(&request, &[wrong]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
        assert!(refused.body.contains(said) && refused.body.contains("non è stata preparata"), "{wrong:?}");
    }
    let fields = [
        ("number", "2026/7"),
        ("requested_on", "3/11/2026"),
        ("representative", "Anna Neri"),
        ("title", "amministratrice di sostegno"),
    ];
    let paper = administrator.post(&request, &fields).await;
    assert_eq!(paper.headers["content-type"], "application/pdf");
    assert_eq!(title(&paper.body), "Relazione di accesso ai dati: Bianchi Laura");
    let history = administrator.get(&format!("{persona}/gestione")).await.body.replace("&#x2f;", "/");
    assert!(
        history.contains("Per la richiesta di Anna Neri, amministratrice di sostegno, n. 2026/7, del 3/11/2026"),
        "{history}"
    );
    let given = administrator.get(&format!("{persona}/fascicolo.json")).await.body.matches("access_given").count();
    assert_eq!(given, 2, "once as a decision and once as an access: what was refused gave nothing");

    administrator.get(&format!("{persona}/cancella")).await;
    let erased = administrator.post(&format!("{persona}/cancella"), &[("ground", "request")]).await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.body);
    let path = format!("/cancellazioni/{into}/attestato.pdf");
    assert!(erased.body.contains(&path.replace('/', "&#x2f;")), "{}", erased.body);
    let certificate = administrator.get(&path).await.body;
    assert_eq!(title(&certificate), format!("Attestazione di cancellazione n. {}", &into[..8]));
    assert!(!certificate.contains("Bianchi"));
    let twin = other.rsplit('/').next().unwrap();
    let of_the_other = administrator.get(&format!("/cancellazioni/{twin}/attestato.pdf")).await;
    assert_eq!(of_the_other.status, StatusCode::OK, "what went with it is found by its own id too");
    assert_eq!(administrator.get(&request).await.status, StatusCode::NOT_FOUND);
}

#[rstest]
#[tokio::test]
async fn who_asks_to_join_gets_a_copy_and_a_program_gets_none(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    // «%PDF-1.7» in base64.
    let paper = "href=\"data:application/pdf;base64,JVBERi0xLj";
    for (website, is_copied) in [("", true), ("https://example.org", false)] {
        let mut browser = world.browser();
        browser.get("/aderire").await;
        let fields = [
            ("administration", "Unione di Prova"),
            ("ipa_code", "udp_x"),
            ("pec", "unione@pec.example"),
            ("comuni", "Prova"),
            ("contact", "Anna Neri"),
            ("email", "a.neri@unione.example"),
            ("website", website),
        ];
        let reply = browser.post("/aderire", &fields).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert!(reply.body.contains("Richiesta ricevuta"));
        assert_eq!(reply.body.contains(paper), is_copied, "«{website}»");
    }
}
