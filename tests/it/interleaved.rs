//! Dashboards of several Enti from one process, ten thousand requests in no order: each gets the bytes that its own Ente gets
//! when it asks alone, with no word of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use dashboards::{Dashboards, Viewer};
use domain::keys::Ring;
use http_body_util::BodyExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::Ente;
use templates::{Area, Layout, Renderer};
use tower::ServiceExt;
use warehouse::Lake;

use crate::demonstration::{Demonstration, now};

/// Requests in all.
const REQUESTS: usize = 10_000;
/// Under way at the same time.
const AT_ONCE: usize = 16;
/// Enti that ask: those with the most people.
const ENTI: usize = 3;

fn dashboards(demonstration: &Demonstration) -> Router {
    let ring = demonstration.ring("lake.key", Ring::Lake).unwrap();
    let (folder, keys) = (demonstration.data.join("lake"), demonstration.data.join("keys/lake.d"));
    let instruments = intake::instruments::shipped().unwrap();
    Dashboards::new(Lake::new(folder, keys, ring), instruments, Arc::new(Renderer::new().unwrap())).router()
}

/// The Enti, those with the most persone first.
async fn enti(demonstration: &Demonstration) -> Vec<Ente> {
    let store = demonstration.store(demonstration.ring("identity.key", Ring::Identity).unwrap()).await.unwrap();
    let platform = store.command_line_platform("test", "test", now()).await.unwrap();
    let mut counted = Vec::new();
    for ente in store.enti(&platform, now()).await.unwrap() {
        let scope = store.command_line(ente.id, "test", "test", now()).await.unwrap();
        counted.push((std::cmp::Reverse(store.all_persone(&scope, now()).await.unwrap().len()), ente));
    }
    store.close().await.unwrap();
    counted.sort_by_key(|(count, ente)| (*count, ente.id));
    counted.into_iter().map(|(_, ente)| ente).take(ENTI).collect()
}

fn viewer(ente: &Ente) -> Viewer {
    Viewer {
        ente: ente.id,
        ente_name: ente.name.clone(),
        comuni: ente.comuni.iter().cloned().collect(),
        layout: Layout { is_demonstration: true, area: Area::Cruscotti, has_accounts: true, user: None },
        person: None,
    }
}

/// What can be asked: every page and file, in every measure, level, characteristic and period.
fn paths() -> Vec<String> {
    let mut all = vec!["/cruscotti/qualita?strumento=asso".to_owned(), "/cruscotti/qualita?strumento=isa".to_owned()];
    for strumento in ["asso", "isa"] {
        for periodo in ["tutti", "2025"] {
            for ending in ["", ".csv"] {
                for misura in ["tasso", "persone", "indice", "livello"] {
                    all.push(format!(
                        "/cruscotti/territorio{ending}?strumento={strumento}&periodo={periodo}&misura={misura}"
                    ));
                }
                for filters in ["", "&sesso=f", "&sesso=f&eta=35_44"] {
                    all.push(format!("/cruscotti/quadro{ending}?strumento={strumento}&periodo={periodo}{filters}"));
                }
                all.push(format!("/cruscotti/esplora{ending}?strumento={strumento}&righe=comune&colonne=sesso"));
                for of in ["sex", "age_band", "work"] {
                    all.push(format!(
                        "/cruscotti/comunita{ending}?strumento={strumento}&periodo={periodo}&caratteristica={of}"
                    ));
                }
            }
        }
    }
    all
}

async fn get(router: Router, viewer: Viewer, path: String) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(viewer);
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// The names of an Ente's comuni, and its own.
fn words(ente: &Ente) -> Vec<String> {
    let name = |code: &String| territory::comune(code.parse().unwrap()).unwrap().name.to_string();
    ente.comuni.iter().map(name).chain([ente.name.clone()]).collect()
}

/// Whether a text has a word, not as a part of a longer one.
fn says(text: &str, word: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word)
        .any(|(at, _)| !is_letter(text[..at].chars().next_back()) && !is_letter(text[at + word.len()..].chars().next()))
}

#[test]
fn ten_thousand_requests_of_several_enti_cross_nowhere() {
    let demonstration = Demonstration::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let enti = enti(&demonstration).await;
        let mut alone: BTreeMap<(usize, String), String> = BTreeMap::new();
        for (place, ente) in enti.iter().enumerate() {
            // Alone: nobody else has asked this process.
            let router = dashboards(&demonstration);
            for path in paths() {
                let mut answer = get(router.clone(), viewer(ente), path.clone()).await;
                for _ in 0..60 {
                    if !answer.2.contains("in preparazione") {
                        break;
                    }
                    answer = get(router.clone(), viewer(ente), path.clone()).await;
                }
                let (status, headers, body) = answer;
                assert_eq!(status, StatusCode::OK, "{path}");
                assert!(!headers.contains_key("etag"), "{path}: nothing to tell a cache apart by");
                assert_eq!(headers["cache-control"], "no-store", "{path}");
                assert!(says(&body, &escaped(&ente.name)), "{path} says whose it is");
                for other in enti.iter().filter(|other| other.id != ente.id) {
                    for word in words(other) {
                        // A comune may be called as a part of one's own is.
                        if !words(ente).iter().any(|own| own.contains(&word)) {
                            assert!(!says(&body, &escaped(&word)), "{path} of {} says {word}", ente.name);
                        }
                    }
                }
                alone.insert((place, path), body);
            }
        }
        // The test would see it: what two Enti get differs.
        let first = |place: usize| alone.iter().find(|((of, _), _)| *of == place).map(|(_, body)| body);
        assert_ne!(first(0), first(1));

        let together = dashboards(&demonstration);
        let mut chance = StdRng::seed_from_u64(16);
        let asked = paths();
        for _ in 0..REQUESTS / AT_ONCE {
            let mut running = tokio::task::JoinSet::new();
            for _ in 0..AT_ONCE {
                let place = chance.random_range(0..enti.len());
                let path = asked[chance.random_range(0..asked.len())].clone();
                let (router, viewer) = (together.clone(), viewer(&enti[place]));
                running.spawn(async move { (place, path.clone(), get(router, viewer, path).await.2) });
            }
            while let Some(done) = running.join_next().await {
                let (place, path, body) = done.unwrap();
                // While figures are being protected the page says so, to anybody alike.
                if !body.contains("in preparazione") {
                    let expected = &alone[&(place, path.clone())];
                    assert!(*expected == body, "{path} of {} is not what it is alone", enti[place].name);
                }
            }
        }
    });
}

/// As a page writes a text.
fn escaped(text: &str) -> String {
    text.replace('\'', "&#x27;")
}
