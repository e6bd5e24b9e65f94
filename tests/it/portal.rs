//! The portal's pages through its router, as a browser asks for them.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::instrument::Instrument;
use http_body_util::BodyExt;
use intake::{Cookies, Portal, PortalConfig, PortalError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tower::ServiceExt;

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: String,
}

/// A portal without accounts: the strumenti shipped and `others`.
fn portal(others: Vec<Instrument>) -> Result<Portal, PortalError> {
    let mut instruments = intake::instruments::shipped()?;
    instruments.extend(others);
    Portal::new(PortalConfig {
        store: None,
        instruments,
        is_demonstration: true,
        clock: std::sync::Arc::new(|| chrono::DateTime::UNIX_EPOCH),
        chance: StdRng::seed_from_u64(1),
        cookies: Cookies::Host,
        passkeys: None,
        gateway: None,
        runs: None,
        calibrations: None,
        trusted_proxies: Vec::new(),
        answerer: None,
        unread: None,
    })
}

fn ask_with(others: Vec<Instrument>, request: Request<Body>) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let router = portal(others).unwrap().router();
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    })
}

/// A GET, or a POST of a form.
fn request(path: &str, form: Option<&str>) -> Request<Body> {
    let request = match form {
        None => Request::get(path).body(Body::empty()),
        Some(form) => Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned())),
    };
    request.unwrap()
}

fn get(path: &str) -> Answer {
    ask_with(Vec::new(), request(path, None))
}

fn post(path: &str, form: &str) -> Answer {
    ask_with(Vec::new(), request(path, Some(form)))
}

#[test]
fn every_page_forbids_what_it_does_not_need() {
    for path in ["/", "/strumenti", "/strumenti/asso", "/strumenti/isa/prova", "/privacy", "/no-such-page"] {
        let answer = get(path);
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert!(!answer.body.contains(" style="), "{path} has an inline style, which the policy forbids");
        assert!(!answer.body.contains("<script"), "{path} has a script");
        assert!(answer.body.contains("dati sintetici"), "{path} does not say that this is a demonstration");
    }
}

#[test]
fn assets_are_kept_for_ever_under_a_path_of_their_own() {
    let path = templates::asset_path("noncello.css");
    let answer = get(&path);
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(get("/assets/0000000000000000/noncello.css").status, StatusCode::NOT_FOUND);
    assert_eq!(get(&path.replace("noncello.css", "..%2FCargo.toml")).status, StatusCode::NOT_FOUND);
}

#[test]
fn an_unknown_strumento_or_page_is_not_found() {
    for path in ["/strumenti/nessuno", "/strumenti/nessuno/prova", "/x", "/strumenti/%FF", "/assets/%FF/x"] {
        let answer = get(path);
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("Pagina non trovata"), "{path}");
    }
}

#[test]
fn the_page_of_a_strumento_says_everything_and_that_it_is_not_official() {
    let instruments = intake::instruments::shipped().unwrap();
    for instrument in &instruments {
        let page = get(&format!("/strumenti/{}", instrument.id)).body;
        assert!(page.contains("non ufficiale"));
        for item in &instrument.items {
            assert!(page.contains(&escaped(item.text.as_str())), "{} is missing", item.id);
        }
    }
}

/// As the templates escape text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('\'', "&#x27;").replace('"', "&quot;").replace('/', "&#x2f;")
}

#[test]
fn a_tried_out_strumento_gives_the_report_that_the_score_gives() {
    for instrument in &intake::instruments::shipped().unwrap() {
        for seed in 0..5 {
            let sheet = intake::example::sheet(instrument, seed);
            let form: Vec<String> = sheet.iter().map(|(item, answer)| format!("{item}={}", answer.code())).collect();
            // A blank is sent as an empty value.
            let form = form.join("&").replace("=-1", "=");
            let answer = post(&format!("/strumenti/{}/prova", instrument.id), &form);
            assert_eq!(answer.status, StatusCode::OK);
            let scoring = instrument.score(&sheet).unwrap();
            for (scale, score) in instrument.scales.iter().zip(&scoring.scales) {
                if let Some(scored) = score.level {
                    let heading = escaped(&format!("{}: {}", scale.title, scale.levels[scored.level].title));
                    assert!(answer.body.contains(&heading), "{} {seed}: no «{heading}»", instrument.id);
                    let points = format!("{} punti su {}", score.points, score.reachable);
                    assert!(answer.body.contains(&points), "{} {seed}: no «{points}»", instrument.id);
                }
            }
            for block in scoring.blocks.keys() {
                assert!(answer.body.contains(&escaped(instrument.blocks[*block].title.as_str())));
            }
            if let (Some(class), Some(profile)) = (scoring.profile, &instrument.profile) {
                assert!(answer.body.contains(&escaped(profile.classes[class].title.as_str())));
            }
        }
    }
}

#[test]
fn an_empty_sheet_gets_a_report_that_says_so() {
    let answer = post("/strumenti/asso/prova", "");
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("Le risposte non bastano per un risultato"));
}

#[test]
fn a_value_that_is_not_offered_is_named_and_the_rest_kept() {
    let answer = post("/strumenti/asso/prova", "fascia_eta=77&titolo_studio=2");
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("href=\"#item-fascia_eta\""), "the summary links the item");
    assert!(answer.body.contains("id=\"errore-fascia_eta\""), "the item says what is wrong");
    let kept = answer.body.lines().find(|line| line.contains("id=\"item-titolo_studio-2\"")).unwrap();
    assert!(kept.contains(" checked"), "{kept}");
}

#[test]
fn only_the_codes_of_the_form_are_answers() {
    for code in ["%2B1", "01", "1+", "1.0", "-1", "-9", "99999999999"] {
        let form = format!("titolo_studio={code}");
        assert_eq!(post("/strumenti/asso/prova", &form).status, StatusCode::UNPROCESSABLE_ENTITY, "{code}");
    }
}

#[test]
fn a_request_that_makes_no_sense_is_refused_without_internals() {
    for form in ["no_such_item=1", "titolo_studio=1&titolo_studio=2", "titolo_studio=1&titolo_studio=x", "%FF=%FF"] {
        let answer = post("/strumenti/asso/prova", form);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
        assert!(answer.body.contains("Richiesta non valida"), "{form}");
    }
    let huge = format!("titolo_studio={}", "1".repeat(300_000));
    assert_eq!(post("/strumenti/asso/prova", &huge).status, StatusCode::BAD_REQUEST);
    assert_eq!(get("/strumenti/asso/prova?esempio=x").status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_definition_cannot_write_markup() {
    let hostile = Instrument::parse(
        r#"
        format = 1
        id = "hostile"
        version = 1
        status = "ufficiale"
        languages = ["it"]
        title = "<script>alert(1)</script>"
        description = "<img src=x onerror=alert(1)>"
        source = "\" onload=\"alert(1)"
        licence = "none"
        [[section]]
        id = "only"
        title = "<b>"
        [[section.item]]
        id = "contenuto"
        text = "</legend><script>"
        options = [{ value = 0, text = "<i>" }, { value = 1, text = "<u>" }]
        keys = { scale = "forward" }
        [[scale]]
        id = "scale"
        title = "<s>"
        description = "<em>"
        minimum_items = 1
        "#,
    )
    .unwrap();
    for (path, form) in [
        ("/strumenti", None),
        ("/strumenti/hostile", None),
        ("/strumenti/hostile/prova", None),
        ("/strumenti/hostile/prova", Some("contenuto=1")),
    ] {
        let answer = ask_with(vec![hostile.clone()], request(path, form));
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.contains("&lt;"), "{path} shows the texts");
        for markup in ["<script", "<img", "<b>", "<i>", "<u>", "<s>", "<em>", "\" onload"] {
            assert!(!answer.body.contains(markup), "{path} lets {markup} through");
        }
        let same_id = answer.body.matches("id=\"contenuto\"").count();
        assert_eq!(same_id, 1, "{path}: an item's id is not another element's");
    }
}

#[test]
fn two_strumenti_that_nobody_could_tell_apart_are_refused() {
    let again = intake::instruments::shipped().unwrap().swap_remove(0);
    let error = portal(vec![again]).unwrap_err();
    assert!(error.to_string().contains("asso 1"), "{error}");
}
