"""Who-is-who run on records of one's own: the project's SQL models rendered and executed in a DuckDB in memory.

Belongs here: what the benchmark and the tests of firm resolution share. Does not belong here: any rule of matching
(they are the dbt models int_firms__* and dbt_project/python/evatlas_science/resolution.py, used as they are).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb
import jinja2
import pyarrow as pa

DBT = Path(__file__).resolve().parent.parent / "dbt_project"
sys.path.insert(0, str(DBT / "python"))

from evatlas_science.resolution import cluster  # noqa: E402

COLUMNS = (
    "source_id", "source_record_id", "priority", "name_zh", "name_zh_short", "name_en", "uscc", "lei", "stock_codes",
    "city_id", "place_rule", "other_city_id", "province_id", "founded_on", "founded_year", "status",
    "status_year", "powertrain", "group_name", "support", "source_tier", "confidence", "source_url", "as_of",
)  # fmt: skip


def render(name: str) -> str:
    """SQL of a model with the project's macros; `ref('x')` is the table x."""
    macros = "".join((DBT / "macros" / file).read_text("utf-8") for file in ("names.sql", "identifiers.sql", "supplied.sql"))
    body = (DBT / "models" / "intermediate" / f"{name}.sql").read_text("utf-8")
    env = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    return env.from_string(macros + body).render(ref=lambda table: table)


def records_sql() -> str:
    """int_firms__records with one table `given` in the place of its sources."""
    sql = render("int_firms__records")
    head, tail = sql.index("with curated as ("), sql.index("traditional as (")
    return sql[:head] + "with united as (select * from given),\n\n" + sql[tail:]


def resolve(
    con: duckdb.DuckDBPyConnection, former: list[tuple[str, str]] | None = None, records: str | None = None
) -> dict[str, float]:
    """Run the models on table `given` (COLUMNS) of `con`, or on what the query `records` gives; leaves tables
    int_firms__records, _pairs, _clusters, _links and _conflicts there. Out: CPU seconds by step."""
    spent: dict[str, float] = {}

    def step(name: str, sql: str) -> None:
        start = time.process_time()
        con.execute(f"create or replace table {name} as {sql}")
        spent[name] = time.process_time() - start

    con.execute("create or replace table firm_former_names (name_zh varchar, former_name_zh varchar)")
    if former:
        con.executemany("insert into firm_former_names values (?, ?)", former)
    for seed in ("cities", "provinces"):
        con.execute(f"create table if not exists {seed} as select * from read_csv('{DBT}/seeds/{seed}.csv', all_varchar = true)")
    # the exchange's lists, where the caller brings none
    con.execute("create table if not exists stg_szse__listed (stock_code varchar, name_zh varchar)")
    con.execute("create table if not exists stg_szse__name_changes "
                "(stock_code varchar, changed_on date, name_before varchar, name_after varchar)")  # fmt: skip
    step("int_firms__records", records or records_sql())
    step("int_firms__former_names", render("int_firms__former_names"))
    step("int_firms__pairs", render("int_firms__pairs"))
    start = time.process_time()
    records = con.execute("select record_key, priority, uscc, lei, share_code, curated_id from int_firms__records").fetchall()
    pairs = con.execute("select a, b, match_rule, match_score from int_firms__pairs").fetchall()
    rows = cluster(records, pairs)
    names = ("record_key", "cluster_key", "match_rule", "match_score", "matched_to")
    types = (pa.string(), pa.string(), pa.string(), pa.float64(), pa.string())
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    clusters = pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
    con.register("clusters_arrow", clusters)
    con.execute("create or replace table int_firms__clusters as select * from clusters_arrow")
    spent["int_firms__clusters"] = time.process_time() - start
    step("int_firms__links", render("int_firms__links"))
    step("int_firms__conflicts", render("int_firms__conflicts"))
    return spent


def given(con: duckdb.DuckDBPyConnection, rows: list[dict[str, object]]) -> None:
    """Table `given` from records that name only the columns they know."""
    kinds = {"priority": "integer", "founded_year": "integer", "status_year": "integer"}
    columns = ", ".join(f"{c} {kinds.get(c, 'varchar')}" for c in COLUMNS)
    con.execute(f"create or replace table given ({columns})")
    defaults = {"source_id": "inbox", "priority": 2}
    for row in rows:
        unknown = set(row) - set(COLUMNS)
        assert not unknown, unknown
    values = [tuple(({**defaults, **row}).get(c) for c in COLUMNS) for row in rows]
    con.executemany(f"insert into given values ({', '.join('?' * len(COLUMNS))})", values)
