//! Saved views: who sees them, who changes them, and where they may lead.

use super::*;

const QUADRO: &str = "/cruscotti/quadro?periodo=2025&strumento=asso";

async fn titles(world: &World, ente: EnteId, by: &Person) -> Vec<String> {
    let views = world.workspace.views(ente, by.account).await.unwrap();
    views.into_iter().map(|view| view.title).collect()
}

#[rstest]
#[tokio::test]
async fn a_view_is_saved_shared_and_deleted_by_its_owner(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, ente, elsa, fabio) = (world.workspace.clone(), pordenone(), manager(), second_manager());
    let id = world.save_view(ente, &elsa, " Persone del 2025 ", QUADRO).await.unwrap();
    world.save_view(ente, &elsa, "Bisogni", "/cruscotti/bisogni").await.unwrap();
    world.save_view(ente, &fabio, "Comunità", "/cruscotti/comunita").await.unwrap();
    let view = SavedView {
        id,
        ente,
        owner: elsa.clone(),
        title: "Persone del 2025".to_owned(),
        address: QUADRO.to_owned(),
        is_shared: false,
        created_at: world.now,
    };
    assert_eq!(workspace.view(ente, elsa.account, id).await.unwrap(), view);
    assert_eq!(titles(&world, ente, &elsa).await, ["Bisogni", "Persone del 2025"]);
    assert_eq!(titles(&world, ente, &fabio).await, ["Comunità"]);
    assert_absent(workspace.view(ente, fabio.account, id).await, "view");

    for _ in 0..2 {
        workspace.share_view(ente, elsa.account, id).await.unwrap();
        let shared = SavedView { is_shared: true, ..view.clone() };
        assert_eq!(workspace.view(ente, fabio.account, id).await.unwrap(), shared);
    }
    assert_eq!(titles(&world, ente, &fabio).await, ["Comunità", "Persone del 2025"]);
    assert_eq!(titles(&world, ente, &elsa).await, ["Bisogni", "Persone del 2025"], "once, though own and shared");

    // Who sees it does not change it: to them it is as unknown as one that never was.
    for unknown in [id, ViewId(Uuid::nil())] {
        assert_absent(workspace.share_view(ente, fabio.account, unknown).await, "view");
        assert_absent(workspace.unshare_view(ente, fabio.account, unknown).await, "view");
        assert_absent(workspace.delete_view(ente, fabio.account, unknown).await, "view");
    }
    workspace.unshare_view(ente, elsa.account, id).await.unwrap();
    assert_absent(workspace.view(ente, fabio.account, id).await, "view");
    assert_eq!(titles(&world, ente, &fabio).await, ["Comunità"]);
    workspace.delete_view(ente, elsa.account, id).await.unwrap();
    assert_absent(workspace.delete_view(ente, elsa.account, id).await, "view");
    assert_eq!(titles(&world, ente, &elsa).await, ["Bisogni"]);
}

#[rstest]
#[tokio::test]
async fn no_view_is_reached_from_another_ente(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let (workspace, elsa) = (world.workspace.clone(), manager());
    let id = world.save_view(pordenone(), &elsa, "Quadro", QUADRO).await.unwrap();
    workspace.share_view(pordenone(), elsa.account, id).await.unwrap();
    // Not even by the same account.
    for account in [elsa.account, second_manager().account] {
        assert_eq!(workspace.views(sacile(), account).await.unwrap(), []);
        assert_absent(workspace.view(sacile(), account, id).await, "view");
        assert_absent(workspace.share_view(sacile(), account, id).await, "view");
        assert_absent(workspace.unshare_view(sacile(), account, id).await, "view");
        assert_absent(workspace.delete_view(sacile(), account, id).await, "view");
    }
    assert!(workspace.view(pordenone(), elsa.account, id).await.unwrap().is_shared);
}

#[rstest]
#[tokio::test]
async fn an_account_keeps_200_views(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let elsa = manager();
    let mut last = None;
    for number in 0..VIEWS_MAX {
        last = Some(world.save_view(pordenone(), &elsa, &format!("Vista {number}"), QUADRO).await.unwrap());
    }
    let refused = world.save_view(pordenone(), &elsa, "Una di troppo", QUADRO).await.unwrap_err();
    assert!(matches!(refused, EnteError::ViewsFull { most: 200 }), "{refused:?}");
    let told = "the account keeps 200 views already and may keep no more: it must delete one first";
    assert_eq!(refused.to_string(), told);
    // Nobody else is held back by them.
    world.save_view(pordenone(), &second_manager(), "Mia", QUADRO).await.unwrap();
    world.save_view(sacile(), &elsa, "Altrove", QUADRO).await.unwrap();
    world.workspace.delete_view(pordenone(), elsa.account, last.unwrap()).await.unwrap();
    world.save_view(pordenone(), &elsa, "Di nuovo", QUADRO).await.unwrap();
}

#[tokio::test]
async fn a_view_is_held_to_its_form() {
    let mut world = World::new(Kind::Sqlite).await;
    let elsa = manager();
    let long = "è".repeat(121);
    for (title, problem) in [
        (" ", Problem::Missing),
        (long.as_str(), Problem::TooLong),
        ("a\nb", Problem::Hidden),
        ("a\tb", Problem::Hidden),
        ("a\u{202E}b", Problem::Hidden),
    ] {
        assert_field(world.save_view(pordenone(), &elsa, title, QUADRO).await, "title", problem);
    }
    world.save_view(pordenone(), &elsa, &long[..240], QUADRO).await.unwrap();
    let full = format!("/cruscotti/quadro?a={}", "b".repeat(980));
    assert_eq!(full.len(), 1_000);
    for address in ["/cruscotti/", "/cruscotti/quadro?a=..&b=%2E%2E/#c", "/cruscotti/quadro..csv", full.as_str()] {
        let id = world.save_view(pordenone(), &elsa, "Quadro", address).await.unwrap();
        assert_eq!(world.workspace.view(pordenone(), elsa.account, id).await.unwrap().address, address);
    }
    assert_field(world.save_view(pordenone(), &elsa, "a", &(full + "b")).await, "address", Problem::TooLong);
    for address in [
        "",
        "/cruscotti",
        "cruscotti/quadro",
        " /cruscotti/quadro",
        "/cruscotti/quadro ",
        "//cruscotti/quadro",
        "https://altrove.it/cruscotti/",
        "/persone/1",
        "/cruscotti/quadro?a=è",
        "/cruscotti/quadro\n",
        "/cruscotti/quadro?a=\0",
        "/cruscotti/../persone",
        "/cruscotti/%2e./persone",
        "/cruscotti/.%2E/persone?a",
        "/cruscotti/..",
        "/cruscotti/./quadro",
        "/cruscotti/..\\persone",
    ] {
        assert_field(world.save_view(pordenone(), &elsa, "a", address).await, "address", Problem::Form);
    }
    let nobody = Person { name: String::new(), ..elsa };
    assert_field(world.save_view(pordenone(), &nobody, "a", QUADRO).await, "name", Problem::Missing);
}
