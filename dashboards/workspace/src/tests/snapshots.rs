//! Figures kept until the next ones.

use super::*;

#[rstest]
#[tokio::test]
async fn the_last_figures_of_each_strumento_are_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let workspace = &world.workspace;
    assert_eq!(workspace.snapshot(pordenone(), "asso").await.unwrap(), None);
    for version in [1, 2] {
        let content = format!("figures of {version}").into_bytes();
        workspace.keep_snapshot(pordenone(), "asso", version, content, world.now).await.unwrap();
    }
    workspace.keep_snapshot(sacile(), "asso", 7, vec![0, 255], world.now).await.unwrap();
    let of = async |ente, strumento| world.opened_again().await.snapshot(ente, strumento).await.unwrap();
    assert_eq!(of(pordenone(), "asso").await.as_deref(), Some("figures of 2".as_bytes()));
    assert_eq!(of(sacile(), "asso").await, Some(vec![0, 255]));
    assert_eq!(of(sacile(), "isa").await, None);
}

#[rstest]
#[tokio::test]
async fn what_are_no_figures_is_not_kept(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let keep = async |strumento: &str, version, bytes| {
        world.workspace.keep_snapshot(pordenone(), strumento, version, vec![1; bytes], world.now).await
    };
    keep("asso", 1, 20_000_000).await.unwrap();
    assert_field(keep("asso", 1, 20_000_001).await, "content", Problem::TooLong);
    assert_field(keep("asso", 1, 0).await, "content", Problem::Missing);
    assert_field(keep("asso", -1, 1).await, "version", Problem::Range);
    assert_field(keep("ASSO 1", 1, 1).await, "strumento", Problem::Form);
    assert_eq!(world.workspace.snapshot(pordenone(), "asso").await.unwrap().map(|kept| kept.len()), Some(20_000_000));
}
