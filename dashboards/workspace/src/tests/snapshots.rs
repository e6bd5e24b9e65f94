//! Figures kept until the next ones.

use chrono::TimeDelta;

use super::*;

#[rstest]
#[tokio::test]
async fn the_last_figures_of_each_strumento_are_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let workspace = &world.workspace;
    assert_eq!(workspace.snapshot(pordenone(), "asso").await.unwrap(), None);
    let keep = async |days, content: &str| {
        let published_at = world.now + TimeDelta::days(days);
        workspace.keep_snapshot(pordenone(), "asso", published_at, content.as_bytes().to_vec()).await.unwrap()
    };
    assert!(keep(1, "figures of 1").await && keep(2, "others of 2").await && keep(2, "figures of 2").await);
    assert!(!keep(1, "figures of 1").await, "an earlier state takes the place of none");
    workspace.keep_snapshot(sacile(), "asso", world.now, vec![0, 255]).await.unwrap();
    let of = async |ente, strumento| world.opened_again().await.snapshot(ente, strumento).await.unwrap();
    assert_eq!(of(pordenone(), "asso").await.as_deref(), Some("figures of 2".as_bytes()));
    assert_eq!(of(sacile(), "asso").await, Some(vec![0, 255]));
    assert_eq!(of(sacile(), "isa").await, None);
}

#[rstest]
#[tokio::test]
async fn what_are_no_figures_is_not_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let keep = async |strumento: &str, bytes| {
        world.workspace.keep_snapshot(pordenone(), strumento, world.now, vec![1; bytes]).await
    };
    keep("asso", 20_000_000).await.unwrap();
    assert_field(keep("asso", 20_000_001).await, "content", Problem::TooLong);
    assert_field(keep("asso", 0).await, "content", Problem::Missing);
    assert_field(keep("ASSO 1", 1).await, "strumento", Problem::Form);
    assert_eq!(world.workspace.snapshot(pordenone(), "asso").await.unwrap().map(|kept| kept.len()), Some(20_000_000));
}
