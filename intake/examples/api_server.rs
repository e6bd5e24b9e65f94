//! A portal with one made-up Ente and a token, for tests of the API from outside (`tests/api/run`).
//!
//! Prints its address and the token as one line of JSON, and serves until its standard input ends. The clock stands still
//! and chance has a seed, so that two runs are the same.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use domain::keys::{Ring, RingKey};
use intake::{Cookies, Portal, PortalConfig};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{
    AcceptedPassword, AccountChange, Credentials, HashingCost, Location, NewAccount, NewEnte, NewToken, Reach, Right,
    Role, Store, TokenScope,
};

/// Of an account that is there for minutes, on this machine alone.
const PASSWORD: &str = "tavolo nuvola girasole binario 7";

/// A token of an operator who sees the whole Ente.
async fn token(store: &Store, now: DateTime<Utc>, chance: &mut StdRng) -> Result<String, Box<dyn Error>> {
    let platform = store.command_line_platform("tests/api", "test", now).await?;
    let new = NewEnte {
        code: "prova".to_owned(),
        name: "Ente di prova".to_owned(),
        from: now.date_naive(),
        comuni: BTreeSet::from(["093033".to_owned()]),
        is_demo: true,
    };
    let ente = store.create_ente(&platform, &new, now, chance).await?;
    let scope = store.command_line(ente, "tests/api", "test", now).await?;
    let account = NewAccount {
        username: "operatrice".to_owned(),
        display_name: "Anna Prova".to_owned(),
        role: Role::Operator,
        unita: None,
        reach: Reach::Ente,
    };
    let password = AcceptedPassword::check(PASSWORD, account.role, &[]).map_err(|refused| format!("{refused:?}"))?;
    let account_id = store.create_account_with_password(&scope, &account, &password, now, chance).await?;
    let change = AccountChange {
        display_name: account.display_name.clone(),
        unita: None,
        reach: Reach::Ente,
        granted: [Right::ExtractIdentified].into(),
    };
    store.update_account(&scope, account_id, &change, now).await?;
    let credentials = Credentials {
        ente: Some("prova"),
        username: "operatrice",
        password: PASSWORD,
        peer: Ipv4Addr::LOCALHOST.into(),
    };
    let session = store.login(credentials, now, chance).await?.session;
    // Questions in SQL are an analyst's: what its route answers without the scope is asked here all the same.
    let scopes = TokenScope::ALL.into_iter().filter(|scope| session.may(scope.right())).collect();
    let new = NewToken { name: "Schemathesis".to_owned(), scopes, days: 1 };
    let (_, secret) = store.create_token(&session, &new, now, chance).await?;
    Ok(secret.expose().to_string())
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever starts it reads address and token from here")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut chance = StdRng::seed_from_u64(1);
    let now = Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).single().ok_or("no such moment")?;
    let identity = RingKey::generate(Ring::Identity, &mut chance);
    let release = RingKey::generate(Ring::Release, &mut chance).opening().sealing().clone();
    let location = Location::Sqlite(folder.path().join("noncello.sqlite"));
    let store = Store::open(&location, identity, release, HashingCost::LEAST, &mut chance).await?;
    let token = token(&store, now, &mut chance).await?;
    let portal = Portal::new(PortalConfig {
        store: Some(store.clone()),
        instruments: intake::instruments::shipped()?,
        is_demonstration: true,
        clock: Arc::new(move || now),
        chance,
        cookies: Cookies::Host,
        passkeys: None,
        gateway: None,
        runs: None,
        calibrations: None,
        trusted_proxies: Vec::new(),
        answerer: None,
        unread: None,
    })?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", serde_json::json!({ "url": format!("http://{}", listener.local_addr()?), "token": token }));
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        // Whether it ended or broke, whoever started this is gone.
        let _ = std::io::stdin().read_to_end(&mut rest);
        let _ = end.send(());
    });
    let service = portal.router().into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async {
            let _ = ended.await;
        })
        .await?;
    store.close().await?;
    Ok(())
}
