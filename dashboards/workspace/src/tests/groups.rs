//! Groups of needs, remembered.

use super::*;

#[rstest]
#[tokio::test]
async fn the_last_groups_of_each_strumento_are_remembered(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let workspace = &world.workspace;
    let of = |ente, strumento| workspace.needs_groups(ente, strumento);
    assert_eq!(of(pordenone(), "asso").await.unwrap(), None);
    for content in ["{\"a\":1}", "{\"a\":2}"] {
        workspace.keep_needs_groups(pordenone(), "asso", content, world.now).await.unwrap();
    }
    workspace.keep_needs_groups(pordenone(), "isa", "{}", world.now).await.unwrap();
    workspace.keep_needs_groups(sacile(), "asso", "[]", world.now).await.unwrap();
    assert_eq!(of(pordenone(), "asso").await.unwrap().as_deref(), Some("{\"a\":2}"));
    assert_eq!(of(pordenone(), "isa").await.unwrap().as_deref(), Some("{}"));
    assert_eq!(of(sacile(), "isa").await.unwrap(), None);
    assert_eq!(world.opened_again().await.needs_groups(sacile(), "asso").await.unwrap().as_deref(), Some("[]"));
}

#[rstest]
#[tokio::test]
async fn what_is_no_group_is_not_remembered(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let keep = async |strumento: &str, content: &str| {
        world.workspace.keep_needs_groups(pordenone(), strumento, content, world.now).await
    };
    keep("asso", "{}").await.unwrap();
    assert_field(keep("asso", "{").await, "content", Problem::Form);
    assert_field(keep("asso", &format!("\"{}\"", "a".repeat(20_000))).await, "content", Problem::TooLong);
    assert_field(keep("ASSO 1", "{}").await, "strumento", Problem::Form);
    assert_field(world.workspace.needs_groups(pordenone(), "a\0").await, "strumento", Problem::Form);
    assert_eq!(world.workspace.needs_groups(pordenone(), "asso").await.unwrap().as_deref(), Some("{}"));
}
