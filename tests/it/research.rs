//! The research area by the processes that really do: the one that answers questions over releases, and the builder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;
use warehouse::analyst::{Answer, AnswerError, Caps, ask_files};
use workspace::{BaseOrder, JobState, Person, Place, Work, Workspace};

use crate::analyst::{hostile, lake, two};
use crate::demonstration::{Demonstration, now};

/// A release of so many rows in a folder of its own.
fn release(folder: &Path, id: &str, rows: u32) -> PathBuf {
    let folder = folder.join(id);
    fs::create_dir_all(&folder).unwrap();
    let columns: [(&str, ArrayRef, bool); 2] = [
        (
            "sesso",
            Arc::new(StringArray::from_iter_values((0..rows).map(|row| if row % 2 == 0 { "f" } else { "m" }))),
            false,
        ),
        ("n", Arc::new(Int64Array::from_iter_values((0..rows).map(i64::from))), false),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = folder.join("dati.parquet");
    let mut writer = ArrowWriter::try_new(fs::File::create(&file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn ask(files: &BTreeMap<String, PathBuf>, sql: &str) -> Result<Answer, AnswerError> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_noncello"));
    program.args(["warehouse", "answer"]);
    ask_files(files, &mut program, sql, Caps { memory_mib: 256, ..Caps::default() })
}

#[test]
fn a_question_reads_the_releases_given_and_nothing_else() {
    let demonstration = Demonstration::new();
    let folder = tempfile::tempdir().unwrap();
    let own = release(folder.path(), "asso-2026-06-30-01", 1_000);
    let second = release(folder.path(), "asso-2025-06-30-01", 30);
    let other = release(folder.path(), "asso-2026-06-30-02", 7);
    let files: BTreeMap<String, PathBuf> =
        [("asso_2026_06_30_01".to_owned(), own.clone()), ("asso_2025_06_30_01".to_owned(), second)].into();
    let answer = ask(
        &files,
        "with both_years as (select sesso, n from asso_2026_06_30_01 union all select sesso, n from asso_2025_06_30_01)
         select sesso, count(*)::bigint as people from both_years group by sesso order by sesso",
    )
    .unwrap();
    let people = answer.batches[0].column(1).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
    assert_eq!(people, [515, 515]);

    // Everything that is refused to an Ente's analyst, and other releases by any way of naming them.
    let lake = lake(&demonstration);
    let written = folder.path().join("written");
    let mut statements: Vec<String> = hostile(&lake, two(&lake), &demonstration.data, &written)
        .into_iter()
        .map(|sql| sql.replace("assessments", "asso_2026_06_30_01"))
        .collect();
    for path in [&own, &other] {
        let path = path.display();
        statements.push(format!("select * from '{path}'"));
        statements.push(format!("select * from read_parquet('{path}')"));
        statements.push(format!("select * from parquet_metadata('{path}')"));
        statements.push(format!("copy asso_2026_06_30_01 to '{path}'"));
    }
    statements.push("select * from asso_2026_06_30_02".into());
    statements.push(format!("select * from glob('{}/**')", folder.path().display()));
    let before = fs::read(&own).unwrap();
    let mut refused = 0;
    for sql in &statements {
        match ask(&files, sql) {
            Err(AnswerError::Refused(_)) => refused += 1,
            other => panic!("{sql}: {other:?}"),
        }
    }
    assert!(refused >= 80, "{refused}");
    assert!(!written.exists());
    assert_eq!(fs::read(&own).unwrap(), before);
}

/// What is too small a world for an anonymous table is said in the job, and nothing is left of it.
#[test]
fn the_builder_does_what_is_queued_and_says_what_it_cannot() {
    let demonstration = Demonstration::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let place = Place::File(demonstration.data.join("workspace/workspace.sqlite"));
    let officer = Person { account: Uuid::from_u128(1), name: "Ufficio ricerca".into() };
    let day = |text: &str| text.parse().unwrap();
    runtime.block_on(async {
        let workspace = Workspace::open(&place).await.unwrap();
        for (cutoff, k) in [("2026-10-30", 100_000), ("2026-10-30", 5)] {
            let order = BaseOrder {
                instrument: domain::instrument::Id::parse("isa").unwrap(),
                entered_by: day("2026-10-30"),
                cutoff: day(cutoff),
                k,
            };
            workspace.queue_base(&officer, &order, now(), &mut StdRng::seed_from_u64(k.into())).await.unwrap();
        }
        workspace.close().await.unwrap();
    });
    let said = demonstration.done(&["release", "work"], &[]);
    assert_eq!(said.trim(), "2 jobs done");
    let jobs = runtime.block_on(async {
        let workspace = Workspace::open(&place).await.unwrap();
        let jobs = workspace.jobs(10).await.unwrap();
        workspace.close().await.unwrap();
        jobs
    });
    let impossible =
        jobs.iter().find(|job| matches!(&job.work, Work::Base(order) if order.k == 100_000)).map(|job| &job.state);
    assert!(
        matches!(impossible, Some(JobState::Failed { problem, .. }) if problem.contains("no anonymous table")),
        "{impossible:?}"
    );
    assert!(jobs.iter().all(|job| matches!(job.state, JobState::Done { .. } | JobState::Failed { .. })));
    // Nothing to do is no error.
    assert_eq!(demonstration.done(&["release", "work"], &[]).trim(), "0 jobs done");
}
