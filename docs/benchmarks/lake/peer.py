"""What somebody would write instead of the pipeline: polars, DuckDB and hmac, doing the same work plain.

    python3 peer.py FOLDER MARTS

FOLDER/plain is what `lake_bench generate FOLDER N plain` writes: a file of events per Ente (JSON, one a line, zstd), and the
definitions. MARTS is the folder warehouse/marts. Writes FOLDER/peer: Parquet per Ente, table and year, and the marts.
No encryption, no digests, no reading back, no manifest, nothing durable.
"""

import datetime
import hmac
import json
import pathlib
import re
import sys
import time

import duckdb
import polars as pl

KEY = b"k" * 32
OTHERS = ["annulled", "restricted", "unrestricted", "erased", "personas-merged", "unmerged", "azione-recorded", "unità-moved"]
STEPS = ["int_placed", "int_latest", "int_outcome_names", "int_outcomes"]
# Those whose inputs are tables alone: what the warehouse counts from answers in Rust, and what asks the definitions, is left out.
MARTS = """totals territory territory_people territory_index community paths transitions cohorts drift data_quality""".split()
KEYS = ["pseudonym", "assessed_on", "assessment_id"]


def schema(definitions):
    items = sorted({item["id"] for one in definitions for item in one["items"]})
    text = pl.String
    score = pl.Struct({
        "scale": text, "points": pl.Int64, "reachable": pl.Int64, "items_answered": pl.Int64, "is_valid": pl.Boolean,
        "level": text, "level_of_index": text,
    })
    fields = {name: text for name in (
        "event id supersedes origin person operator unita comune sex education citizenship household work instrument "
        "definition_sha256 profile started_at assessed_on validated_at assessment azione outcome from into "
        "counted_under").split()}
    return fields | {
        "seq": pl.Int64, "age": pl.Int64, "version": pl.Int64, "disadvantage": pl.List(text), "blocks": pl.List(text),
        "azioni": pl.List(text), "scores": pl.List(score), "answers": pl.Struct({item: pl.Int64 for item in items}),
        "evaluation": pl.Struct({"kind": text, "profile": text}),
    }


def pseudonyms(tokens):
    """Stands for each token."""
    unique = tokens.unique()
    made = [hmac.digest(KEY, bytes.fromhex(token), "sha256")[:16].hex() for token in unique.to_list()]
    return pl.DataFrame({"token": unique, "made": made})


def resolve(events):
    """The assessments that count, and the outcomes of azioni."""
    sheets = events.filter(pl.col("event").is_in(["validated", "amended"]))
    of = lambda *names: events.filter(pl.col("event").is_in(names))
    superseded = sheets.filter(pl.col("supersedes").is_not_null()).select(id="supersedes")
    sheets = sheets.join(superseded, on="id", how="anti")
    sheets = sheets.join(of("annulled").select(id="assessment"), on="id", how="anti")
    sheets = sheets.join(of("erased").select("person"), on="person", how="anti")
    last = of("restricted", "unrestricted").sort("seq").group_by("person").last()
    sheets = sheets.join(last.filter(pl.col("event") == "restricted").select("person"), on="person", how="anti")
    outcomes = of("azione-recorded").sort("seq").group_by(["assessment", "azione"]).last()
    return sheets, outcomes.select(id="assessment", azione="azione", outcome="outcome")


def conform(sheets, definition):
    """Those whose results come out again."""
    answers = pl.col("answers").struct
    checks = [pl.col("definition_sha256") == definition["sha256"], pl.col("age").fill_null(0) <= 120]
    checks.append(pl.col("comune").fill_null("000000").str.contains(r"^\d{6}$"))
    for index, scale in enumerate(definition["scales"]):
        points, reachable, answered, of_all = [], [], [], 0
        for item in definition["items"]:
            weight = max(option["points"][index] for option in item["options"])
            if weight == 0:
                continue
            of_all += weight
            values = {option["value"]: option["points"][index] for option in item["options"]}
            given = answers.field(item["id"])
            is_chosen = given >= 0
            points.append(given.replace_strict(values, default=0, return_dtype=pl.Int32))
            reachable.append(pl.when(is_chosen).then(weight).otherwise(0))
            answered.append(pl.when(is_chosen).then(1).otherwise(0))
        score = pl.col("scores").list.get(index).struct
        points, reachable, answered = map(pl.sum_horizontal, (points, reachable, answered))
        if scale["percent"] is None:
            is_valid = (reachable > 0) & (answered >= scale["items"])
        else:
            is_valid = (reachable > 0) & (100 * reachable >= scale["percent"] * of_all)
        level = pl.lit(scale["levels"][0][0]) if scale["levels"] else pl.lit(None, pl.String)
        for name, threshold in scale["levels"][1:]:
            level = pl.when(100 * points >= threshold * reachable).then(pl.lit(name)).otherwise(level)
        checks += [
            points == score.field("points"), reachable == score.field("reachable"),
            answered == score.field("items_answered"), is_valid == score.field("is_valid"),
            pl.when(is_valid).then(level).eq_missing(score.field("level_of_index")),
        ]
    return sheets.filter(pl.all_horizontal(checks))


def tables(sheets, outcomes, definitions):
    """All tables, each with its year."""
    base = sheets.select(
        "pseudonym", pl.col("assessed_on"), pl.col("id").alias("assessment_id"), "instrument", "version", "comune",
        "unita", "age", "sex", "education", "citizenship", "household", "work",
        pl.col("disadvantage").is_not_null().cast(pl.Int16).alias("is_disadvantage_known"), "profile",
        pl.col("evaluation").struct.field("kind").alias("evaluation"),
        pl.col("evaluation").struct.field("profile").alias("evaluation_profile"), "origin", "operator",
        pl.col("started_at").str.to_datetime(time_zone="UTC").dt.epoch("s").alias("started_at"),
        pl.col("validated_at").str.to_datetime(time_zone="UTC").dt.epoch("s").alias("validated_at"),
        "answers", "scores", "disadvantage", "blocks", "azioni",
    ).with_columns(anno=pl.col("assessed_on").dt.year()).sort(KEYS)
    all_items = {one["id"]: [item["id"] for item in one["items"]] for one in definitions}
    counts = pl.lit(0)
    for one in definitions:
        answered = pl.sum_horizontal([(pl.col("answers").struct.field(item) >= 0).fill_null(False) for item in all_items[one["id"]]])
        counts = pl.when(pl.col("instrument") == one["id"]).then(answered).otherwise(counts)
    lists = ["answers", "scores", "disadvantage", "blocks", "azioni"]
    yield "assessments", base.with_columns(
        count_answered=counts.cast(pl.Int32),
        count_items=pl.col("instrument").replace_strict({name: len(items) for name, items in all_items.items()}, return_dtype=pl.Int32),
    ).drop(lists)
    key = ["anno", *KEYS]
    yield "scores", base.select(*key, "instrument", "version", "scores").explode("scores").unnest("scores").with_columns(
        pl.col("is_valid").cast(pl.Int16),
        index_tenths=pl.when(pl.col("is_valid") & (pl.col("reachable") != 0)).then(1000 * pl.col("points") // pl.col("reachable")),
    ).sort([*KEYS, "scale"])
    yield "disadvantages", base.select(*key, category="disadvantage").explode("category").drop_nulls("category").sort([*KEYS, "category"])
    yield "blocks", base.select(*key, "instrument", block="blocks").explode("block").drop_nulls("block").sort([*KEYS, "block"])
    yield "azioni", base.select(*key, "instrument", azione="azioni").explode("azione").drop_nulls("azione").join(
        outcomes.rename({"id": "assessment_id"}), on=["assessment_id", "azione"], how="left").sort([*KEYS, "azione"])
    for one in definitions:
        rows = base.filter(pl.col("instrument") == one["id"])
        yield f"answers_{one['id']}", rows.select(
            *key, "version", *[pl.col("answers").struct.field(item).fill_null(-1) for item in sorted(all_items[one["id"]])])


def one_ente(file, to, definitions, events_schema):
    events = pl.read_ndjson(file, schema=events_schema)
    sheets, outcomes = resolve(events)
    for column in ("person", "operator"):
        made = pseudonyms(sheets[column])
        sheets = sheets.join(made, left_on=column, right_on="token", how="left")
        sheets = sheets.drop(column).rename({"made": {"person": "pseudonym"}.get(column, column)})
    sheets = sheets.with_columns(pl.col("assessed_on").str.to_date())
    sheets = pl.concat([conform(sheets.filter(pl.col("instrument") == one["id"]), one) for one in definitions])
    for name, rows in tables(sheets, outcomes, definitions):
        for (year,), of_year in rows.partition_by("anno", as_dict=True, include_key=False).items():
            folder = to / name / f"anno={year}"
            folder.mkdir(parents=True)
            of_year.write_parquet(folder / "rows.parquet", compression="zstd", compression_level=3, row_group_size=122_880)
    return sheets.height


def marts(to, definitions, folder):
    """The marts, by the same SQL."""
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    for table in sorted(to.iterdir()):
        connection.execute(f"create table {table.name} as select * from read_parquet('{table}/*/rows.parquet', hive_partitioning = false)")
    connection.execute("create table ref_instruments (instrument varchar, version integer, has_profile integer)")
    for one in definitions:
        connection.execute("insert into ref_instruments values (?, ?, ?)", [one["id"], one["version"], int(one["has_profile"])])
    for step in STEPS:
        kind = "view" if step == "int_outcomes" else "table"
        connection.execute(f"create temp {kind} {step} as {(folder / 'intermediate' / f'{step}.sql').read_text()}")
    for file in (folder / "marts" / f"mart_{name}.sql" for name in MARTS):
        connection.execute(f"copy ({re.sub(';$', '', file.read_text().strip())}) to '{to / file.stem}.parquet' (codec 'zstd')")


def main(folder, mart_folder):
    definitions = json.loads((folder / "plain" / "definitions.json").read_text())
    events_schema = schema(definitions)
    rows, of_tables, of_marts = 0, 0.0, 0.0
    for file in sorted((folder / "plain").glob("*.jsonl.zst")):
        to = folder / "peer" / file.name.split(".")[0]
        begun = time.perf_counter()
        rows += one_ente(file, to, definitions, events_schema)
        of_tables += time.perf_counter() - begun
        begun = time.perf_counter()
        marts(to, definitions, mart_folder)
        of_marts += time.perf_counter() - begun
    print(f"peer: {rows} questionnaires, tables {of_tables:.1f} s ({rows / of_tables:.0f} a second), marts {of_marts:.1f} s")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
