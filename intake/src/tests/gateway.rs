//! The gateway, with a provider in the test that tells the truth, or lies as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreHmacKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use test_database::Kind;

use super::{Browser, Reply, World, now};
use crate::{Gateway, GatewayConfig};

const CLIENT_ID: &str = "noncello-prova";
const CLIENT_SECRET: &str = "un segreto di prova, lungo abbastanza";
const LEVEL: &str = "https://www.spid.gov.it/SpidL2";
const RETURN: &str = "/accesso/gateway/ritorno";

/// How the provider departs from the truth.
#[derive(Clone, Default)]
struct Lie {
    /// Claims in the place of the true ones; `null` leaves one out.
    claims: Vec<(&'static str, Value)>,
    signature: Signature,
    answer: TokenAnswer,
}

#[derive(Clone, Copy, Default)]
enum Signature {
    #[default]
    Own,
    /// By another key under the name of its own.
    Forged,
    /// By a key that it does not publish.
    Unpublished,
    /// None at all.
    None,
    /// By the secret that the client holds too.
    Shared,
}

#[derive(Clone, Copy, Default)]
enum TokenAnswer {
    #[default]
    Token,
    NoIdentity,
    Failure,
    Garbage,
    Endless,
}

/// What the provider remembers of a code.
struct Grant {
    challenge: String,
    claims: Value,
    lie: Lie,
}

struct Shared {
    issuer: String,
    grants: Mutex<BTreeMap<String, Grant>>,
}

/// A provider on a port of its own.
#[derive(Clone)]
pub(super) struct Provider(Arc<Shared>);

/// A signing key from 32 bytes (RFC 8410).
fn key(byte: u8, id: &str) -> CoreEdDsaPrivateSigningKey {
    let mut der = hex::decode("302e020100300506032b657004220420").unwrap();
    der.extend([byte; 32]);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.to_owned()))).unwrap()
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn token(claims: &Value, signature: Signature) -> String {
    let by = |key: &CoreEdDsaPrivateSigningKey, name: &str| {
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": name });
        signed(&header, claims, |text| key.sign(&CoreJwsSigningAlgorithm::EdDsa, text).unwrap())
    };
    match signature {
        Signature::Own => by(&key(7, "uno"), "uno"),
        Signature::Forged => by(&key(8, "uno"), "uno"),
        Signature::Unpublished => by(&key(8, "due"), "due"),
        Signature::None => signed(&json!({ "alg": "none", "typ": "JWT" }), claims, |_| Vec::new()),
        Signature::Shared => {
            let key = CoreHmacKey::new(CLIENT_SECRET);
            let header = json!({ "alg": "HS256", "typ": "JWT" });
            signed(&header, claims, |text| key.sign(&CoreJwsSigningAlgorithm::HmacSha256, text).unwrap())
        }
    }
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self(Arc::new(Shared { issuer, grants: Mutex::default() }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(Self::metadata))
            .route("/keys", get(Self::keys))
            .route("/token", post(Self::exchange))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    /// The gateway as the portal knows it.
    pub(super) fn gateway(&self) -> Gateway {
        let config = GatewayConfig {
            name: "SPID o CIE".to_owned(),
            issuer: self.0.issuer.clone(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(CLIENT_SECRET.to_owned()),
            acr: vec![LEVEL.to_owned()],
        };
        Gateway::new(config, "http://localhost:8080").unwrap()
    }

    async fn metadata(State(provider): State<Self>) -> Json<Value> {
        let issuer = &provider.0.issuer;
        Json(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
        }))
    }

    async fn keys() -> Json<Value> {
        Json(json!({ "keys": [key(7, "uno").as_verification_key()] }))
    }

    async fn exchange(State(provider): State<Self>, Form(fields): Form<BTreeMap<String, String>>) -> Response {
        let refused = || (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
        let grant = provider.0.grants.lock().unwrap().remove(&fields["code"]);
        let Some(grant) = grant else { return refused() };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(&fields["code_verifier"]));
        if proof != grant.challenge || fields["redirect_uri"] != format!("http://localhost:8080{RETURN}") {
            return refused();
        }
        let mut answer = json!({ "access_token": "x", "token_type": "Bearer" });
        match grant.lie.answer {
            TokenAnswer::Token => answer["id_token"] = token(&grant.claims, grant.lie.signature).into(),
            TokenAnswer::NoIdentity => {}
            TokenAnswer::Failure => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            TokenAnswer::Garbage => return "<html>".into_response(),
            TokenAnswer::Endless => answer["id_token"] = "x".repeat(2_000_000).into(),
        }
        Json(answer).into_response()
    }

    /// What somebody with this subject does at the provider: the address at which they come back.
    fn sign_in(&self, asked: &str, subject: &str, lie: &Lie, at: chrono::DateTime<chrono::Utc>) -> String {
        let asked = query(asked);
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT_ID));
        assert_eq!((asked["acr_values"].as_str(), asked["code_challenge_method"].as_str()), (LEVEL, "S256"));
        let mut claims = json!({
            "iss": self.0.issuer,
            "sub": subject,
            "aud": CLIENT_ID,
            "exp": at.timestamp() + 300,
            "iat": at.timestamp(),
            "auth_time": at.timestamp(),
            "nonce": asked["nonce"],
            "acr": LEVEL,
        });
        for (name, value) in &lie.claims {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(*name);
            } else {
                claims[*name] = value.clone();
            }
        }
        let code = format!("code-{}", &asked["state"][..16]);
        let grant = Grant { challenge: asked["code_challenge"].clone(), claims, lie: lie.clone() };
        self.0.grants.lock().unwrap().insert(code.clone(), grant);
        format!("{RETURN}?code={code}&state={}", asked["state"])
    }
}

/// The fields of an address.
fn query(address: &str) -> BTreeMap<String, String> {
    let address: axum::http::Uri = address.parse().unwrap();
    axum::extract::Query::try_from_uri(&address).unwrap().0
}

/// Brings what stands in the address of a page to the portal, as the page's form does.
async fn bring(browser: &mut Browser, address: &str) -> Reply {
    let page = browser.get(address).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    // Whoever is logged in has the form that ends the session above it, with another token.
    let form = Reply { body: page.body.split_once("id=\"nc-arrival\"").unwrap().1.to_owned(), ..page };
    let fields = ["csrf", "code", "state", "issuer"].map(|name| (name, form.value(name).replace("&#x2f;", "/")));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post_exactly(RETURN, &fields).await
}

impl World {
    /// Links a subject to the account of an Ente (0, 1; 2 for the platform).
    async fn linked(&self, place: usize, username: &str, subject: &str) {
        let scope = self.store.command_line(self.enti[place], "prova", "test", now()).await.unwrap();
        let identity = self.provider.gateway().identity(subject).unwrap();
        let account = self.accounts[&(place, username.to_owned())];
        self.store.set_gateway_of(&scope, account, Some(&identity), now()).await.unwrap();
    }

    /// The way to the provider and back, with a lie of its.
    async fn through(&self, browser: &mut Browser, subject: &str, lie: &Lie) -> Reply {
        let asked = browser.get("/accesso/gateway").await;
        assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
        let back = self.provider.sign_in(asked.location(), subject, lie, self.clock.now());
        bring(browser, &back).await
    }
}

fn is_logged_in(browser: &Browser) -> bool {
    browser.cookies.contains_key("__Host-noncello")
}

#[rstest]
#[tokio::test]
async fn an_identity_opens_its_account(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.linked(0, "ente_administrator", "anna").await;
    let mut browser = world.browser();
    let login = browser.get("/accesso").await;
    assert!(login.body.contains("Entra con SPID o CIE"));
    let entered = world.through(&mut browser, "anna", &Lie::default()).await;
    assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/scrivania"));
    assert!(!browser.cookies.contains_key("__Host-noncello-gateway"), "nothing of the gateway stays");
    // Two factors were shown at the gateway: none is asked for here, and what asks for a fresh password is open.
    assert_eq!(browser.get("/operatori/nuovo").await.status, StatusCode::OK);
}

#[rstest]
#[tokio::test]
async fn who_has_several_accounts_chooses_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.linked(0, "operator", "anna").await;
    world.linked(1, "manager", "anna").await;
    let mut browser = world.browser();
    let choice = world.through(&mut browser, "anna", &Lie::default()).await;
    assert_eq!(choice.status, StatusCode::OK);
    assert!(choice.body.contains("Ente primo: Prova operator") && choice.body.contains("Ente secondo: Prova manager"));
    assert!(!is_logged_in(&browser));
    let ticket = choice.value("ticket");
    let id = |place, name: &str| world.accounts[&(place, name.to_owned())].to_string();
    // Not one that is not linked; not in another browser; not after a while.
    let fields = [("ticket", ticket.as_str()), ("account", &id(0, "ente_administrator"))];
    assert_eq!(browser.clone().post("/accesso/gateway/scelta", &fields).await.status, StatusCode::UNAUTHORIZED);
    let (second, mut other) = (id(1, "manager"), world.browser());
    let fields = [("ticket", ticket.as_str()), ("account", second.as_str())];
    other.get("/accesso").await;
    assert_eq!(other.post("/accesso/gateway/scelta", &fields).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.clone().post("/accesso/gateway/scelta", &fields).await.location(), "/scrivania");
    world.clock.pass(5 * 60);
    let late = browser.post("/accesso/gateway/scelta", &fields).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    assert!(!is_logged_in(&browser));
}

/// Everything that a provider, or somebody in its name, may say and that opens nothing.
fn lies() -> Vec<(&'static str, Lie)> {
    let claim = |name: &'static str, value: Value| Lie { claims: vec![(name, value)], ..Lie::default() };
    let signature = |signature| Lie { signature, ..Lie::default() };
    let answer = |answer| Lie { answer, ..Lie::default() };
    let at = now().timestamp();
    vec![
        ("the nonce of another login", claim("nonce", json!("altro"))),
        ("no nonce", claim("nonce", Value::Null)),
        ("another issuer", claim("iss", json!("https://altro.example.it"))),
        ("another client's token", claim("aud", json!("altro"))),
        ("a token for others too", claim("aud", json!([CLIENT_ID, "altro"]))),
        ("a token that has expired", claim("exp", json!(at - 1))),
        ("a token of an hour ago", claim("iat", json!(at - 3_600))),
        ("a token of tomorrow", claim("iat", json!(at + 86_400))),
        ("no level of assurance", claim("acr", Value::Null)),
        ("a lower level", claim("acr", json!("https://www.spid.gov.it/SpidL1"))),
        ("no subject", claim("sub", json!(""))),
        ("a signature by somebody else", signature(Signature::Forged)),
        ("a signature by an unknown key", signature(Signature::Unpublished)),
        ("no signature", signature(Signature::None)),
        ("a signature by the shared secret", signature(Signature::Shared)),
        ("no token of identity", answer(TokenAnswer::NoIdentity)),
        ("a failure", answer(TokenAnswer::Failure)),
        ("no protocol", answer(TokenAnswer::Garbage)),
        ("two million bytes", answer(TokenAnswer::Endless)),
    ]
}

#[tokio::test]
async fn no_lie_opens_anything() {
    let world = World::new(Kind::Sqlite).await;
    world.linked(0, "operator", "anna").await;
    for (at, (name, lie)) in lies().into_iter().enumerate() {
        let mut browser = world.browser();
        let reply = world.through(&mut browser, "anna", &lie).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{name}");
        assert!(reply.body.contains("Non è stato possibile entrare con SPID o CIE"), "{name}");
        assert!(!is_logged_in(&browser), "{name}");
        // Truth still opens, which also forgives the attempt.
        if at % 4 == 3 {
            assert_eq!(world.through(&mut browser, "anna", &Lie::default()).await.location(), "/scrivania", "{name}");
        }
    }
    let mut browser = world.browser();
    let unknown = world.through(&mut browser, "nessuno", &Lie::default()).await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert!(unknown.body.contains("non è collegata a nessun account"));
    world.linked(0, "suspended", "sospesa").await;
    assert_eq!(world.through(&mut browser, "sospesa", &Lie::default()).await.status, StatusCode::UNAUTHORIZED);
    assert!(!is_logged_in(&browser));
}

#[tokio::test]
async fn no_detour_opens_anything() {
    let world = World::new(Kind::Sqlite).await;
    world.linked(0, "operator", "anna").await;
    let truth = Lie::default();
    let asked = |browser: &Browser| {
        let mut browser = browser.clone();
        async move {
            let location = browser.get("/accesso/gateway").await.location().to_owned();
            (browser, location)
        }
    };
    let (honest, location) = asked(&world.browser()).await;
    let back = world.provider.sign_in(&location, "anna", &truth, world.clock.now());

    // A browser that was not sent to the gateway; one that was sent there for another login.
    let refused = bring(&mut world.browser(), &back).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "no cookie");
    let (mut other, _) = asked(&world.browser()).await;
    assert_eq!(bring(&mut other, &back).await.status, StatusCode::UNAUTHORIZED, "another login's cookie");
    // The state of this login with the code of another: its proof does not fit.
    let (mut mixed, second) = asked(&world.browser()).await;
    let (code, state) = (query(&back)["code"].clone(), query(&second)["state"].clone());
    let refused = bring(&mut mixed, &format!("{RETURN}?code={code}&state={state}")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "another login's code");
    // A cookie that was changed.
    let mut changed = honest.clone();
    let cookie = changed.cookies.get_mut("__Host-noncello-gateway").unwrap();
    let flipped = if cookie.ends_with('0') { "1" } else { "0" };
    cookie.replace_range(cookie.len() - 1.., flipped);
    assert_eq!(bring(&mut changed, &back).await.status, StatusCode::UNAUTHORIZED, "a changed cookie");
    // Another gateway says that it answers.
    let back = world.provider.sign_in(&location, "anna", &truth, world.clock.now());
    let elsewhere = format!("{back}&iss=https%3A%2F%2Faltro.example.it");
    assert_eq!(bring(&mut honest.clone(), &elsewhere).await.status, StatusCode::UNAUTHORIZED, "another issuer");
    // Without the form's token, and from another site, nothing is looked at.
    let mut alone = honest.clone();
    let (code, state) = (query(&back)["code"].clone(), query(&back)["state"].clone());
    let without = alone.post_exactly(RETURN, &[("code", &code), ("state", &state)]).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "no token");
    // Whoever thought better of it.
    let left = honest.clone().get(&format!("{RETURN}?error=access_denied&state={state}")).await;
    assert_eq!(left.status, StatusCode::OK);
    assert!(left.body.contains("non è stato completato"));
    // The same code twice: the first time it opens.
    let mut once = honest.clone();
    assert_eq!(bring(&mut once, &back).await.location(), "/scrivania");
    assert_eq!(bring(&mut honest.clone(), &back).await.status, StatusCode::UNAUTHORIZED, "a code again");
    // Too late.
    let (mut late, location) = asked(&world.browser()).await;
    world.clock.pass(10 * 60);
    let back = world.provider.sign_in(&location, "anna", &truth, world.clock.now());
    assert_eq!(bring(&mut late, &back).await.status, StatusCode::UNAUTHORIZED, "too late");
    world.clock.pass(5 * 60);
    assert_eq!(bring(&mut late, &back).await.status, StatusCode::UNAUTHORIZED, "much too late");
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let world = World::new(Kind::Sqlite).await;
    world.linked(0, "operator", "anna").await;
    let lie = Lie { signature: Signature::None, ..Lie::default() };
    for _ in 0..30 {
        world.through(&mut world.browser(), "anna", &lie).await;
    }
    let blocked = world.through(&mut world.browser(), "anna", &Lie::default()).await;
    assert_eq!(blocked.status, StatusCode::UNAUTHORIZED);
    world.clock.pass(15 * 60);
    assert_eq!(world.through(&mut world.browser(), "anna", &Lie::default()).await.location(), "/scrivania");
}

#[rstest]
#[tokio::test]
async fn one_links_one_s_own_identity_and_shows_it_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut browser = world.logged_in("primo", "operator").await;
    let asked = browser.get("/account/gateway").await;
    // In a browser where somebody else is logged in it links nothing.
    let mut other = world.logged_in("primo", "manager").await;
    other.cookies.insert("__Host-noncello-gateway".to_owned(), browser.cookies["__Host-noncello-gateway"].clone());
    let back = world.provider.sign_in(asked.location(), "anna", &Lie::default(), world.clock.now());
    let elsewhere = bring(&mut other, &back).await;
    assert_eq!(elsewhere.location(), "/accesso?motivo=scaduta", "{} {}", elsewhere.status, elsewhere.body);
    let back = world.provider.sign_in(asked.location(), "anna", &Lie::default(), world.clock.now());
    assert_eq!(bring(&mut browser, &back).await.location(), "/account?fatto=collegato");
    assert!(browser.get("/account").await.body.contains("identità digitale è collegata a questo account"));

    // Ten minutes later, the gateway in the place of the password.
    for _ in 0..11 {
        world.clock.pass(60);
        browser.get("/scrivania").await;
    }
    let confirm = browser.get("/conferma?poi=/account/passkey").await;
    assert!(confirm.body.contains("conferma con SPID o CIE"));
    let asked = browser.get("/conferma/gateway?poi=/account/passkey").await;
    let asked_for = query(asked.location());
    assert_eq!((asked_for["prompt"].as_str(), asked_for["max_age"].as_str()), ("login", "0"));
    // Whoever was signed in at the gateway an hour ago was not asked again.
    for (name, at) in [("nobody was asked", json!(now().timestamp() - 3_600)), ("it does not say", Value::Null)] {
        let lie = Lie { claims: vec![("auth_time", at)], ..Lie::default() };
        let mut again = browser.clone();
        let asked = again.get("/conferma/gateway?poi=/account/passkey").await;
        let back = world.provider.sign_in(asked.location(), "anna", &lie, world.clock.now());
        assert_eq!(bring(&mut again, &back).await.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let mut again = browser.clone();
    let asked = again.get("/conferma/gateway?poi=/account/passkey").await;
    let back = world.provider.sign_in(asked.location(), "bruno", &Lie::default(), world.clock.now());
    assert_eq!(bring(&mut again, &back).await.status, StatusCode::BAD_REQUEST, "somebody else's identity");
    let asked = browser.get("/conferma/gateway?poi=/account/passkey").await;
    let back = world.provider.sign_in(asked.location(), "anna", &Lie::default(), world.clock.now());
    assert_eq!(bring(&mut browser, &back).await.location(), "/account/passkey");
    assert_eq!(browser.get("/account/passkey").await.status, StatusCode::OK);

    // Logged out, the identity opens; taken away, it opens nothing.
    let mut entered = world.browser();
    assert_eq!(world.through(&mut entered, "anna", &Lie::default()).await.location(), "/scrivania");
    entered.get("/account").await;
    assert_eq!(entered.post("/account/gateway/togli", &[]).await.location(), "/account?fatto=scollegato");
    assert_eq!(world.through(&mut world.browser(), "anna", &Lie::default()).await.status, StatusCode::UNAUTHORIZED);
}

#[rstest]
#[tokio::test]
async fn an_administrator_links_the_account_of_somebody(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let mut administrator = world.logged_in("primo", "ente_administrator").await;
    let path = format!("/operatori/{}", world.accounts[&(0, "colleague".to_owned())]);
    assert!(administrator.get(&path).await.body.contains("Nessuna identità digitale è collegata"));
    let linked = administrator.post(&format!("{path}/gateway"), &[("subject", "carla")]).await;
    assert_eq!(linked.location(), "/operatori?fatto=gateway");
    let page = administrator.get(&path).await;
    assert!(page.body.contains("Scollega l'identità") && !page.body.contains("carla"));
    let mut browser = world.browser();
    assert_eq!(world.through(&mut browser, "carla", &Lie::default()).await.location(), "/scrivania");
    administrator.post(&format!("{path}/gateway"), &[]).await;
    assert!(browser.get("/scrivania").await.location().starts_with("/accesso"), "the session ends with the link");
    let own = format!("/operatori/{}/gateway", world.accounts[&(0, "ente_administrator".to_owned())]);
    administrator.get("/account").await;
    assert_eq!(administrator.post(&own, &[("subject", "x")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_gateway_that_is_silent_stops_nobody() {
    let world = World::new(Kind::Sqlite).await;
    let gateway = Gateway::new(
        GatewayConfig {
            name: "SPID o CIE".to_owned(),
            // Nothing listens on the port of discarding.
            issuer: "http://127.0.0.1:9".to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: None,
            acr: vec![LEVEL.to_owned()],
        },
        "http://localhost:8080",
    );
    let world = world.with_gateway(gateway.unwrap());
    let mut browser = world.browser();
    let silent = browser.get("/accesso/gateway").await;
    assert_eq!(silent.status, StatusCode::BAD_GATEWAY);
    assert!(silent.body.contains("il servizio non risponde"));
    assert_eq!(browser.log_in("primo", "operator", super::PASSWORD).await.location(), "/scrivania");
}

#[test]
fn a_gateway_that_makes_no_sense_is_refused() {
    let config = |issuer: &str, acr: &[&str]| GatewayConfig {
        name: "SPID o CIE".to_owned(),
        issuer: issuer.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: None,
        acr: acr.iter().map(|&level| level.to_owned()).collect(),
    };
    let refused = |config| Gateway::new(config, "https://noncello.example.it").is_err();
    assert!(!refused(config("https://gateway.example.it", &[LEVEL])));
    assert!(refused(config("http://gateway.example.it", &[LEVEL])), "no TLS");
    assert!(refused(config("https://gateway.example.it", &[])), "no level");
    assert!(refused(config("https://gateway.example.it", &[" "])), "an empty level");
}
