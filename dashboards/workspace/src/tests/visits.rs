//! What an account saw last, and what it is compared with.

use super::*;

fn quadro() -> Visit<'static> {
    Visit { ente: pordenone(), account: manager().account, page: "quadro", strumento: "asso" }
}

fn figures(people: u32) -> String {
    format!("{{\"persone\":{people}}}")
}

/// What version `before` is compared with: a version, and its people.
async fn compared(world: &World, visit: &Visit<'_>, before: i64) -> Option<(i64, String)> {
    world.workspace.seen(visit, before).await.unwrap().map(|seen| (seen.version, seen.figures))
}

#[rstest]
#[tokio::test]
async fn a_page_is_compared_with_what_was_seen_before(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let (workspace, visit) = (world.workspace.clone(), quadro());
    let (first, again, second) =
        (world.now, world.now + TimeDelta::hours(1), world.now + TimeDelta::days(1) + TimeDelta::microseconds(1_500));
    assert_eq!(workspace.seen(&visit, 3).await.unwrap(), None, "nothing was seen yet");
    workspace.see(&visit, 3, &figures(100), first).await.unwrap();
    assert_eq!(compared(&world, &visit, 3).await, None, "nothing was seen before this one");

    // The same again: the time alone.
    workspace.see(&visit, 3, &figures(999), again).await.unwrap();
    let seen = Seen { version: 3, first_at: first, last_at: again, figures: figures(100) };
    assert_eq!(workspace.seen(&visit, 4).await.unwrap(), Some(seen.clone()));

    // A newer one: both are kept, and opening the page twice changes nothing of what it says.
    for _ in 0..2 {
        workspace.see(&visit, 5, &figures(120), second).await.unwrap();
        assert_eq!(workspace.seen(&visit, 5).await.unwrap(), Some(seen.clone()));
    }
    let newest = workspace.seen(&visit, 6).await.unwrap().unwrap();
    assert_eq!((newest.version, newest.first_at), (5, world.now + TimeDelta::days(1) + TimeDelta::milliseconds(1)));
    assert_eq!(compared(&world, &visit, 4).await, Some((3, figures(100))), "a lake in an earlier state");

    // One newer still: the oldest is gone.
    workspace.see(&visit, 8, &figures(130), second).await.unwrap();
    assert_eq!(compared(&world, &visit, 8).await, Some((5, figures(120))));
    assert_eq!(compared(&world, &visit, 5).await, None);
}

#[rstest]
#[tokio::test]
async fn an_older_lake_changes_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let (workspace, visit, later) = (world.workspace.clone(), quadro(), world.now + TimeDelta::days(1));
    workspace.see(&visit, 3, &figures(100), world.now).await.unwrap();
    workspace.see(&visit, 5, &figures(120), world.now).await.unwrap();
    let before = [workspace.seen(&visit, 5).await.unwrap(), workspace.seen(&visit, 6).await.unwrap()];
    for older in [0, 2, 3, 4] {
        workspace.see(&visit, older, &figures(1), later).await.unwrap();
        let after = [workspace.seen(&visit, 5).await.unwrap(), workspace.seen(&visit, 6).await.unwrap()];
        assert_eq!(after, before, "version {older}");
    }
}

#[rstest]
#[tokio::test]
async fn each_has_visits_of_its_own(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let visit = quadro();
    let others = [
        Visit { ente: sacile(), ..visit },
        Visit { account: second_manager().account, ..visit },
        Visit { page: "bisogni", ..visit },
        Visit { strumento: "isa", ..visit },
    ];
    world.workspace.see(&visit, 3, &figures(0), world.now).await.unwrap();
    for (other, people) in others.iter().zip(1..) {
        assert_eq!(compared(&world, other, 9).await, None, "{other:?}");
        // An older version than that of the first: it is no older lake here.
        world.workspace.see(other, 1, &figures(people), world.now).await.unwrap();
        world.workspace.see(other, 2, &figures(people), world.now).await.unwrap();
        world.workspace.see(other, 4, &figures(people), world.now).await.unwrap();
    }
    assert_eq!(compared(&world, &visit, 9).await, Some((3, figures(0))));
    for (other, people) in others.iter().zip(1..) {
        assert_eq!(compared(&world, other, 4).await, Some((2, figures(people))), "{other:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_visit_is_held_to_its_form(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let (workspace, visit, now) = (world.workspace.clone(), quadro(), world.now);
    let full = format!("\"{}\"", "a".repeat(19_998));
    workspace.see(&visit, 1, &full, now).await.unwrap();
    assert_eq!(compared(&world, &visit, 2).await, Some((1, full.clone())));
    let long = full.replacen('a', "aa", 1);
    assert_field(workspace.see(&visit, 2, &long, now).await, "figures", Problem::TooLong);
    for no_json in ["", "{", "{} {}", "persone", "\"a\0b\""] {
        assert_field(workspace.see(&visit, 2, no_json, now).await, "figures", Problem::Form);
    }
    assert_field(workspace.see(&visit, -1, "{}", now).await, "version", Problem::Range);
    for page in ["", "Quadro", "quadro.csv", "a\0b"] {
        let odd = Visit { page, ..visit };
        assert_field(workspace.see(&odd, 2, "{}", now).await, "page", Problem::Form);
        assert_field(workspace.seen(&odd, 2).await, "page", Problem::Form);
    }
    for strumento in ["", "ASSO", "a-b", "a\0b"] {
        let odd = Visit { strumento, ..visit };
        assert_field(workspace.see(&odd, 2, "{}", now).await, "strumento", Problem::Form);
        assert_field(workspace.seen(&odd, 2).await, "strumento", Problem::Form);
    }
    assert_eq!(compared(&world, &visit, 9).await, Some((1, full)), "nothing of all this was written");
}
