//! Pages over a lake that `lake_bench` has made: `pages_bench DIR ENTI STRUMENTO…`. What docs/benchmarks/dashboards.md reports.
//!
//! Of Enti of all sizes: how long protecting takes, then every page many times, one reader alone and fifty at once, beside the bare
//! questions to DuckDB that a page without protection would be made of.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the sizes of a benchmark are far from every limit"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use dashboards::{Dashboards, Viewer};
use domain::feed::EnteId;
use domain::instrument::Instrument;
use domain::keys::{Ring, RingKey};
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use templates::{Area, Layout, Renderer};
use tower::ServiceExt;
use warehouse::Lake;

const PAGES: [&str; 7] = ["quadro", "territorio", "comunita", "bisogni", "percorsi", "esplora", "qualita"];
/// Times that each page is asked of one Ente.
const TIMES: usize = 50;
const AT_ONCE: usize = 50;

/// What a page without protection would ask for Quadro.
const BARE: [&str; 3] = [
    "select * from mart_totals",
    "select * from mart_territory_index where comune = 'all'",
    "select period, target, outcome, sum(people) from mart_community where characteristic = 'sex' group by all",
];

fn lake(folder: &Path) -> Lake {
    let mut chance = ChaCha20Rng::seed_from_u64(1);
    // The keys of the benchmark: a seed gives the same ones every time, the pipeline's first.
    let _pipeline = RingKey::generate(Ring::Pipeline, &mut chance);
    let ring = RingKey::generate(Ring::Lake, &mut chance);
    Lake::new(folder.join("lake"), folder.join("keys/lake.d"), ring)
}

fn viewer(ente: EnteId) -> Viewer {
    let layout = Layout { is_demonstration: true, area: Area::Cruscotti, has_accounts: true, user: None };
    Viewer { ente, ente_name: "Ente".to_owned(), comuni: Vec::new(), layout, person: None }
}

async fn ask(router: &Router, ente: EnteId, page: &str, strumento: &str) -> (StatusCode, String) {
    let mut request = Request::get(format!("/cruscotti/{page}?strumento={strumento}")).body(Body::empty()).unwrap();
    request.extensions_mut().insert(viewer(ente));
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn show(what: &str, mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what}: median {:.1} ms, p99 {:.1} ms, of {}", at(0.5), at(0.99), times.len());
    at(0.5)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, wanted, strumenti @ ..] = arguments.as_slice() else {
        return println!("the first lines of this file say how it is called");
    };
    let (folder, wanted) = (Path::new(folder), wanted.parse::<usize>().unwrap());
    let lake = lake(folder);
    let instruments =
        [include_str!("../../intake/instruments/asso/1.toml"), include_str!("../../intake/instruments/isa/1.toml")]
            .map(|text| Instrument::parse(text).unwrap())
            .to_vec();
    let mut enti: Vec<(i64, EnteId)> = lake
        .enti()
        .unwrap()
        .into_iter()
        .map(|ente| {
            (lake.ente(ente).unwrap().unwrap().totals().unwrap().iter().map(|row| row.people).max().unwrap(), ente)
        })
        .collect();
    enti.sort();
    // From the smallest to the largest.
    let step = (enti.len() - 1).max(1) as f64 / (wanted - 1).max(1) as f64;
    let mut chosen: Vec<(i64, EnteId)> =
        (0..wanted).map(|place| enti[((place as f64 * step).round() as usize).min(enti.len() - 1)]).collect();
    chosen.dedup();
    let dashboards = Dashboards::new(lake.clone(), instruments, Arc::new(Renderer::new().unwrap()));
    let router = dashboards.router();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut alone, mut bare) = (Vec::new(), Vec::new());
        for &(people, ente) in &chosen {
            for strumento in strumenti {
                let begun = Instant::now();
                let mut answer = ask(&router, ente, "quadro", strumento).await;
                while answer.0 == StatusCode::SERVICE_UNAVAILABLE {
                    answer = ask(&router, ente, "quadro", strumento).await;
                }
                assert_eq!(answer.0, StatusCode::OK);
                let pairs = answer.1.contains("due insieme");
                println!(
                    "{people} people at most, {strumento}: protected in {:.1} s, two filters: {pairs}",
                    begun.elapsed().as_secs_f64()
                );
            }
            for _ in 0..TIMES {
                for page in PAGES {
                    for strumento in strumenti {
                        let begun = Instant::now();
                        assert_eq!(ask(&router, ente, page, strumento).await.0, StatusCode::OK);
                        alone.push(milliseconds(begun.elapsed()));
                    }
                }
                let begun = Instant::now();
                let of_ente = lake.ente(ente).unwrap().unwrap();
                for question in BARE {
                    assert!(!of_ente.query(question).unwrap().rows.is_empty());
                }
                bare.push(milliseconds(begun.elapsed()));
            }
        }
        let pages = show("a page, one reader", alone);
        let asked = show("the bare questions of Quadro", bare);
        println!("a page takes {:.2} of the bare questions' time", pages / asked);
        let readers = (0..AT_ONCE).map(|reader| {
            let (router, strumento) = (router.clone(), strumenti[0].clone());
            let ente = chosen[reader % chosen.len()].1;
            tokio::spawn(async move {
                let mut times = Vec::new();
                for page in PAGES.iter().cycle().skip(reader).take(3 * PAGES.len()) {
                    let begun = Instant::now();
                    let status = ask(&router, ente, page, &strumento).await.0;
                    times.push((milliseconds(begun.elapsed()), status));
                }
                times
            })
        });
        let (mut times, mut failed) = (Vec::new(), 0);
        for reader in readers.collect::<Vec<_>>() {
            for (took, status) in reader.await.unwrap() {
                times.push(took);
                failed += usize::from(status != StatusCode::OK);
            }
        }
        show("a page, fifty readers at once", times);
        println!("not answered: {failed}");
    });
}
