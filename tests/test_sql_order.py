"""No table depends on the order in which threads meet rows: the compiled SQL of every model, read with its types.

Belongs here: rules that SQL must keep to be a function of its inputs (the macros of dbt_project/macros/exactness.sql keep them).
Does not belong here: that two builds agree (tests/test_same_tables.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from tests.conftest import REPO

FLOATS = ("DOUBLE", "FLOAT", "REAL")
COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ)
REDUCTIONS = (exp.Sum, exp.Avg, exp.Corr, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.CovarSamp, exp.CovarPop)
CLOCKS = {"now", "today", "get_current_time", "get_current_timestamp", "random", "uuid", "gen_random_uuid", "transaction_timestamp"}
#: An order that ends in one of these is total within its partition: it is the key of what is numbered, or the last part of it.
KEYS = {
    "city_id", "segment_id", "group_id", "firm_id", "policy_id", "to_policy_id", "record_key", "record_id", "place_id",
    "partition", "year", "t", "version", "target", "instrument_id", "province_id", "source_url",
    "province_adcode",  # a landed column: staging gives it the name of the contract
    "at",  # of a letter in a text
    "plant_id",
    "record_no",  # of supplied files, behind the partition that it stands in
    "supplied_order",  # a row number over all supplied documents
    "province_en",  # several cities share an English name, provinces do not
}  # fmt: skip
#: model -> what a rule would name there, and why it may stand. A piece of the SQL is enough, in lower case.
ALLOWED: dict[str, dict[str, str]] = {
    "survival": {"< 1e-300": "exp(-700) stands for a survival of zero; nothing lies near"},
    "mart_policy_diffusion": {"< 1e-300": "exp(-700) stands for a survival of zero; nothing lies near"},
    "int_firms__resolved": {"place_in_line": "a row number within the firm"},
    "int_policies__documents": {"place_in_cluster": "a row number within the document", ".edge_no)": "a row number within the document"},
    "mart_city_profile": {".year)": "one row per city and year in mart_involution"},
    "int_firms__links": {"arg_min(": "the order ends in record_key, unique over all records"},
    "int_firms__segmented": {"arg_min(": "position, then the curated firm: one row for each of its segments"},
    "int_gleif__entities": {".way": "date and way are the partition, which has an LEI once"},
    "int_plants__operated": {".note": "all columns that are read stand in the order"},
    "int_firms__parents": {".relationship": "child, parent and relationship are the key of int_gleif__parents"},
    "int_policies__edges": {".to_level": "all columns that are read stand in the order", ".target_no": "all columns that are read stand in the order"},
    "policy_coder_disagreement": {".prompt": "all columns that are read stand in the order"},
    "int_firms__admitted": {"first_value(": "batch and action are the key within firm and list"},
    "meta_source": {"sum(a.": "counts of records"},
    "int_firms__records_brought": {"arg_max(": "as_of, partition and record: the record that stands is the greatest"},
    "int_policies__versions": {"supplied_order": "a row number over all supplied documents"},
    "meta_supplied": {"place_in_line": "a row number within the firm"},
}


def models(home: Path) -> Iterator[tuple[str, exp.Expression]]:
    """Name and typed tree of the compiled SQL of every model of a built home."""
    schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        columns = con.sql("select database_name, schema_name, table_name, column_name, data_type from duckdb_columns() where not internal")
        for database, space, table, column, kind in columns.fetchall():
            schema.setdefault(database, {}).setdefault(space, {}).setdefault(table, {})[column] = kind
    for path in sorted((home / "dbt" / "compiled" / "evatlas" / "models").rglob("*.sql")):
        if path.parent.suffix == ".yml":
            continue  # a test of a model
        yield path.stem, typed(path.read_text("utf-8"), schema)


def typed(sql: str, schema: dict | None = None) -> exp.Expression:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    try:
        tree = qualify(tree.copy(), schema=schema, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False)
    except OptimizeError:
        pass  # a table function without columns in the schema: what needs no types is still read
    return annotate_types(tree, schema=schema, dialect="duckdb")


def kind(node: exp.Expression | None) -> str:
    return node.type.sql("duckdb") if node is not None and node.type else "UNKNOWN"


def is_float(node: exp.Expression | None) -> bool:
    return kind(node).startswith(FLOATS)


def columns(node: exp.Expression) -> set[str]:
    return {c.sql("duckdb") for c in node.find_all(exp.Column)}


def zero(node: exp.Expression | None) -> bool:
    return isinstance(node, exp.Literal) and node.this == "0"


def tolerant(node: exp.Expression) -> bool:
    """One of the comparisons of macros/exactness.sql: a difference against a multiple of the tolerance."""
    other = node.args.get("expression")
    return other is not None and any(literal.this == "1e-9" for literal in other.find_all(exp.Literal)) and node.this.find(exp.Sub) is not None


def problems(tree: exp.Expression) -> Iterator[str]:  # noqa: C901 - one case for each kind of expression
    """What in a tree depends on the order of rows or on the last bit of a number: the rule, and the SQL that breaks it."""
    for node in tree.walk():
        sql = node.sql("duckdb", comments=False)
        if isinstance(node, REDUCTIONS) or isinstance(node, exp.Anonymous) and node.name.lower() in ("product", "fsum", "kahan_sum"):
            arguments = list(node.iter_expressions())
            order = next((a for a in arguments if isinstance(a, exp.Order)), None)
            # sqlglot does not know product(); a distinct or integer argument is exact
            if order is None and (isinstance(node, exp.Anonymous) or any(is_float(a) or kind(a) == "UNKNOWN" for a in arguments)):
                yield f"a sum of floats in the order of threads: {sql}"
            if order is not None and not columns(node) <= {c for o in order.expressions for c in columns(o)}:
                yield f"a sum ordered by something else than what is added: {sql}"
        elif isinstance(node, COMPARISONS):
            sides = [node.this, *(node.args[k] for k in ("expression", "low", "high") if node.args.get(k) is not None)]
            if any(map(is_float, sides)) and not any(map(zero, sides)) and not tolerant(node):
                yield f"a float compared without the tolerance: {sql}"
        elif isinstance(node, (exp.AnyValue, exp.First, exp.Last)):
            yield f"some value of a group: {sql}"
        elif isinstance(node, (exp.ArgMax, exp.ArgMin)):
            key = node.expression
            if not (isinstance(key, (exp.Tuple, exp.Struct)) and columns(node.this) <= columns(key)):
                yield f"a pick that ties leave open: {sql}"
        elif isinstance(node, exp.Mode) or isinstance(node, exp.Anonymous) and node.name.lower() == "mode":
            if not node.find(exp.Order):
                yield f"a mode that ties leave open: {sql}"
        elif isinstance(node, (exp.ArrayAgg, exp.GroupConcat)):
            order = node.find(exp.Order)
            if order is None:
                yield f"a list in the order of threads: {sql}"
            else:
                ordered = {c for o in order.expressions for c in columns(o)}
                value = order.this if order.this is not None else node.this
                if not columns(value) <= ordered and not {c.name.lower() for c in order.expressions[-1].find_all(exp.Column)} & KEYS:
                    yield f"a list whose order is not total: {sql}"
        elif isinstance(node, exp.Window):
            order = node.args.get("order")
            if isinstance(node.this, (exp.Rank, exp.DenseRank)) and order is not None and any(is_float(o.this) for o in order.expressions):
                yield f"a rank by floats: {sql}"
            if isinstance(node.this, (exp.RowNumber, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Ntile, exp.Lag, exp.Lead)):
                last = order.expressions[-1].this if order is not None else None
                if last is None and not node.args.get("alias"):
                    yield f"rows numbered without an order: {sql}"
                elif last is not None and not (isinstance(last, exp.Column) and last.name.lower() in KEYS):
                    yield f"rows numbered by an order that is not total: {sql}"
        elif isinstance(node, exp.Limit) or isinstance(node, exp.Distinct) and node.args.get("on"):
            yield f"some of the rows: {sql}"
        elif isinstance(node, (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.Rand, exp.Uuid, exp.TableSample)):
            yield f"a clock or chance: {sql}"
        elif isinstance(node, exp.Anonymous) and node.name.lower() in CLOCKS:
            yield f"a clock or chance: {sql}"


def test_no_model_depends_on_the_order_of_rows(home: Path) -> None:
    found, used, seen = [], set(), 0
    for name, tree in models(home):
        seen += 1
        for problem in problems(tree):
            reasons = [piece for piece in ALLOWED.get(name, {}) if piece in problem.lower()]
            used.update((name, piece) for piece in reasons)
            if not reasons:
                found.append(f"{name}: {problem[:300]}")
    assert seen > 100
    assert not found, "\n".join(found)
    needless = {(n, p) for n, pieces in ALLOWED.items() for p, why in pieces.items() if "see there" not in why} - used
    assert not needless, f"nothing needs these exceptions any more: {needless}"


SCHEMA = {"t": {"k": "VARCHAR", "g": "VARCHAR", "n": "INTEGER", "x": "DOUBLE", "d": "DECIMAL(18, 6)"}}


@pytest.mark.parametrize(
    "sql",
    [
        "select g, sum(x) as s from t group by g",
        "select g, avg(x) as s from t group by g",
        "select k, sum(x) over (partition by g) as s from t",
        "select g, sum(x order by n) as s from t group by g",
        "select g, product(1 - x) as s from t group by g",
        "select k from t where x >= 0.6",
        "select k from t where 0.5 < x",
        "with m as (select median(x) as m from t) select k from t, m where t.x >= m.m",
        "with m as (select avg(n) as a from t) select k from t, m where t.n > m.a",
        "select any_value(k) as k from t",
        "select first(k) as k from t",
        "select arg_max(k, n) as k from t",
        "select mode(k) as k from t",
        "select list(k) as k from t",
        "select list(k order by n) as k from t",
        "select string_agg(distinct k, ';') as k from t",
        "select k, row_number() over (partition by g order by n) as r from t",
        "select k, row_number() over () as r from t",
        "select k from t qualify row_number() over (partition by g order by n desc) = 1",
        "select k, rank() over (order by x desc) as r from t",
        "select k from t order by k limit 3",
        "select distinct on (g) k from t",
        "select current_date as d from t",
        "select now() as d from t",
        "select random() as d from t",
    ],
)
def test_a_rule_sees_what_breaks_it(sql: str) -> None:
    assert list(problems(typed(sql, SCHEMA))), sql


@pytest.mark.parametrize(
    "sql",
    [
        "select g, sum(x order by x) filter (where n > 1) as s, sum(n) as n, sum(d) as d from t group by g",
        "select k, sum(x order by x) over (partition by g) as s from t",
        "select k from t where ((x) - (0.6) >= -1e-9 * greatest(1, abs(0.6))) and x > 0 and n >= 5 and d < 5",
        "select arg_max(k, (n, k)) as k, list(k order by n, k) as l from t",
        "select k, row_number() over (partition by g order by n, year) as r, rank() over (order by n) as p from t",
    ],
)
def test_a_rule_lets_pass_what_is_sound(sql: str) -> None:
    assert not list(problems(typed(sql, {"t": {**SCHEMA["t"], "year": "INTEGER"}})))


def test_python_models_and_macros_read_no_clock_and_no_chance() -> None:
    """What the compiled SQL does not show: Python models, their science, macros in text."""
    pattern = re.compile(r"\bnow\(|\btoday\(|current_(date|time)|\buuid|default_rng\(\)|np\.random\.(?!default_rng|Generator)|\brandom_state=None|time\.time\(")
    found = [
        f"{path.relative_to(REPO)}:{number}: {line.strip()}"
        for folder in ("models", "python", "macros")
        for path in sorted((REPO / "dbt_project" / folder).rglob("*"))
        if path.suffix in (".py", ".sql") and "__pycache__" not in path.parts
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)
