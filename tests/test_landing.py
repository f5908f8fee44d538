"""The framework that every source goes through: raw bytes, books, quarantine, what stands when the world fails."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pytest

from ingest import curated, records
from ingest.declaration import (
    QUARANTINE_SCHEMA,
    FetchContext,
    Health,
    Page,
    ParseContext,
    Parsed,
    RejectFile,
    Source,
    SourceError,
    Table,
)
from ingest.home import Home
from ingest.store.landing import PROVENANCE, Landing, page_of
from ingest.store.raw import MissingBlob, RawStore
from sources import all_sources, selected_sources

SCHEMA = {"id": pl.String, "value": pl.Int64}
WORLD: dict[str, object] = {}


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    body = WORLD["body"]
    if isinstance(body, Exception):
        raise body
    yield Page(url="mem:x", body=body, fetched_at=WORLD.get("at", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)), key="x.jsonl")  # type: ignore[arg-type]


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:
    good, bad, count = [], [], 0
    for page in pages:
        for number, line in enumerate(page.body.decode().splitlines(), start=1):
            count += 1
            try:
                good.append(json.loads(line))
            except ValueError:
                bad.append({"page_key": page.key, "record": number, "reason": "invalid_json", "detail": "", "payload": line})
    if count == 0:
        raise RejectFile("empty", "x.jsonl has no record")
    return Parsed({"things": pl.DataFrame(good, schema=SCHEMA)}, count, len(good), pl.DataFrame(bad, schema=QUARANTINE_SCHEMA))


SOURCE = Source(
    name="toy", title="toy", publisher="tests", homepage="", licence="CC0", cadence="", fetch=fetch, parse=parse,
    tables=(Table("things", SCHEMA, ("id",), (0, 5)),),
)  # fmt: skip


def land(home: Home, body: object, source: Source = SOURCE):
    WORLD["body"] = body
    return Landing(home).land(source)


def test_books_balance_and_rows_carry_their_origin(tmp_path: Path) -> None:
    home = Home(tmp_path)
    account = land(home, b'{"id": "a", "value": 1}\nnot json\n{"id": "b", "value": 2}')
    assert (account.records_in, account.accepted, account.quarantined, account.reasons) == (3, 2, 1, {"invalid_json": 1})
    frame = pl.read_parquet(home.landing / "toy/things/all.parquet")
    assert frame.columns == [*SCHEMA, *PROVENANCE]
    body = RawStore(home.raw).get(frame["_snapshot_sha256"][0])
    assert b"not json" in body
    held = pl.read_parquet(home.quarantine / "toy/all.parquet")
    assert held.row(0, named=True)["record"] == 2


def test_same_bytes_twice_change_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = land(home, b'{"id": "a", "value": 1}')
    digest = Landing(home).write_ledger([SOURCE])
    second = land(home, b'{"id": "a", "value": 1}')
    assert (first.outcome, second.outcome) == ("landed", "unchanged")
    assert Landing(home).write_ledger([SOURCE]) == digest
    assert len(list(RawStore(home.raw).entries("toy"))) == 1


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (SourceError(Health.challenged, "a captcha answered"), "failed"),
        (b"", "rejected"),
        (b"\n".join(b'{"id": "%d", "value": 1}' % i for i in range(9)), "blocked"),
        (b'{"id": "a", "value": 1}\n{"id": "a", "value": 2}', "blocked"),
    ],
)
def test_last_good_landing_stands(tmp_path: Path, body: object, outcome: str) -> None:
    home = Home(tmp_path)
    land(home, b'{"id": "a", "value": 1}')
    before = (home.landing / "toy/things/all.parquet").read_bytes()
    account = land(home, body)
    assert account.outcome == outcome
    assert account.message
    assert (home.landing / "toy/things/all.parquet").read_bytes() == before
    assert account.records_in == account.accepted + account.quarantined == 1


def test_a_source_that_was_down_recovers(tmp_path: Path) -> None:
    home = Home(tmp_path)
    land(home, b'{"id": "a", "value": 1}')
    land(home, SourceError(Health.unreachable, "no route"))
    account = land(home, b'{"id": "a", "value": 1}')
    assert account.health == "ok" and account.outcome in ("landed", "unchanged")


LIVE = dataclasses.replace(SOURCE, live=True)
GOOD = b'{"id": "a", "value": 1}'


def test_the_time_of_a_fetch_is_no_part_of_what_landed_and_its_day_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two homes that get the same bytes at other hours of a day in China land the same; on another day, what they hold is newer."""
    seen = {}
    for name, hour in (("early", "2026-03-01T16:05:00+00:00"), ("late", "2026-03-02T15:55:00+00:00"), ("next", "2026-03-02T16:05:00+00:00")):
        home = Home(tmp_path / name)
        monkeypatch.setitem(WORLD, "at", dt.datetime.fromisoformat(hour))
        account = land(home, GOOD, LIVE)
        seen[name] = (account.as_of, (home.landing / "toy/things/all.parquet").read_bytes(), Landing(home).write_ledger([LIVE]))
    assert seen["early"] == seen["late"] and seen["early"][0] == "2026-03-02"
    assert seen["next"][0] == "2026-03-03" and seen["next"][2] != seen["early"][2]
    # what a user supplies carries no day of receipt at all
    monkeypatch.setitem(WORLD, "at", dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    one = land(Home(tmp_path / "one"), GOOD)
    monkeypatch.setitem(WORLD, "at", dt.datetime(2027, 3, 1, tzinfo=dt.UTC))
    assert land(Home(tmp_path / "two"), GOOD).content == one.content


def test_bundled_data_speak_to_the_day_that_they_declare() -> None:
    for source in (s for s in all_sources() if not s.live and s.name != "inbox"):
        assert dt.date.fromisoformat(source.as_of) >= dt.date(2026, 11, 1), source.name
        assert {p.fetched_at.date().isoformat() for p in source.fetch(FetchContext(home=None), "all")} == {source.as_of}


def test_what_was_refused_or_not_reached_stands_in_the_journal_once(tmp_path: Path) -> None:
    """A home made anew from raw/ says of its sources what the first one said."""
    home = Home(tmp_path / "home")
    land(home, GOOD, LIVE)
    for _ in range(3):
        land(home, SourceError(Health.challenged, "a captcha answered"), LIVE)
    assert [e["health"] for e in RawStore(home.raw).entries("toy")] == ["ok", "challenged"]
    other = Home(tmp_path / "other")
    shutil.copytree(home.raw, other.raw)
    landing = Landing(other)
    landing.ensure_schema(LIVE)
    landing.rebuild(LIVE)
    assert landing.account(LIVE, "all").content == Landing(home).account(LIVE, "all").content
    assert landing.write_ledger([LIVE]) == Landing(home).write_ledger([LIVE])
    land(home, GOOD, LIVE)
    assert [e["health"] for e in RawStore(home.raw).entries("toy")] == ["ok", "challenged", "ok"], "the trouble is over, and the journal says so"


def test_a_refusal_while_reading_survives_in_raw_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    land(home, RejectFile("missing_column", "x.jsonl has no id"))
    other = Home(tmp_path / "other")
    shutil.copytree(home.raw, other.raw)
    landing = Landing(other)
    landing.ensure_schema(SOURCE)
    landing.rebuild(SOURCE)
    account = landing.account(SOURCE, "all") or pytest.fail("the refusal is forgotten")
    assert (account.outcome, account.reasons) == ("rejected", {"missing_column": 1})
    assert pl.read_parquet(other.quarantine / "toy/all.parquet")["reason"].to_list() == ["missing_column"]


@pytest.mark.parametrize("damage", ["rows lost", "file lost", "quarantine lost", "quarantine cut", "audit changed"])
def test_the_audit_is_held_against_what_was_written(tmp_path: Path, damage: str) -> None:
    home = Home(tmp_path)
    account = land(home, GOOD + b"\nnot json\n" + GOOD.replace(b'"a"', b'"b"'))
    landing = Landing(home)
    assert landing.unbalanced(SOURCE, account) == ""
    table, held = home.landing / "toy/things/all.parquet", home.quarantine / "toy/all.parquet"
    if damage == "rows lost":
        pl.read_parquet(table).head(1).write_parquet(table)
    elif damage == "file lost":
        table.unlink()
    elif damage == "quarantine lost":
        held.unlink()
    elif damage == "quarantine cut":
        held.write_bytes(b"PAR1")
    else:
        account = dataclasses.replace(account, records_in=4)
    assert ("things" if "row" in damage or "file" in damage else "quarantine" if "quarantine" in damage else "4 records in") in landing.unbalanced(SOURCE, account)


def test_unbalanced_books_are_a_programming_error(tmp_path: Path) -> None:
    def lossy(pages: Iterable[Page], ctx: ParseContext) -> Parsed:
        parsed = parse(pages, ctx)
        return dataclasses.replace(parsed, records_in=parsed.records_in + 1)

    with pytest.raises(TypeError, match="books do not balance"):
        land(Home(tmp_path), b'{"id": "a", "value": 1}', dataclasses.replace(SOURCE, parse=lossy))


def test_damaged_blob_is_named(tmp_path: Path) -> None:
    store = RawStore(tmp_path)
    digest = store.put(b"whole")
    store.blob(digest).write_bytes(b"hole")
    with pytest.raises(MissingBlob, match=digest):
        store.get(digest)


def test_rebuild_from_raw_gives_the_same_bytes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    land(home, b'{"id": "a", "value": 1}')
    path = home.landing / "toy/things/all.parquet"
    before = path.read_bytes()
    path.unlink()
    (home.landing / "toy/_accounts/all.json").unlink()
    landing = Landing(home)
    entry = landing.store.latest("toy", "all")
    assert entry is not None
    landing.parse(SOURCE, "all", entry)
    assert path.read_bytes() == before


@pytest.mark.parametrize("source", all_sources(), ids=lambda s: s.name)
def test_every_declaration_is_whole(source: Source) -> None:
    assert source.title and source.publisher and source.licence
    assert source.tables and all(t.schema and t.key for t in source.tables)
    assert source.coverage, f"{source.name}: say what it covers and what it misses"
    if source.live:
        assert source.cadence
        # the one origin of the second coder is the endpoint that a person sets, tested in test_second_coder
        assert source.hosts or source.name == "second_coder"


def test_selection_names_unknown_sources() -> None:
    assert {s.live for s in selected_sources("bundled")} == {False}
    with pytest.raises(ValueError, match="no_such_source"):
        selected_sources("curated_firms,no_such_source")


def test_no_quarantine_quotes_a_value(tmp_path: Path) -> None:
    """Of publishers' records and of hand-made tables: reason, column, and what was expected."""
    table = Table("t", {"name": pl.String, "day": pl.Date, "n": pl.Int64}, ("name",))
    books = records.Books(table, (records.Column("name", "NAME", required=True), records.Column("day", "DAY", records.date),
                                  records.Column("n", "N", records.whole)))  # fmt: skip
    rows = [{"NAME": "甲", "DAY": "张三丰"}, {"NAME": "乙", "N": "欧阳锋", "other": "王重阳"}, {"NAME": "13812345678"}, {"NAME": "13812345678", "N": 1}, {}]
    for row in rows:
        books.add(row, "p")
    held = books.quarantine()
    assert held.select("record", "reason", "column").rows() == [
        (1, "bad_day", "day"), (2, "bad_n", "n"), (4, "conflicting", None), (5, "missing_name", "name")
    ]  # fmt: skip
    assert held["detail"][0] == "DAY: expected a day such as 2011-06-30 or 19990727"
    made = curated.Books()

    def read(row: dict[str, str]) -> None:
        float(row["value"])
        curated.choose(row["kind"], ("a", "b"), "kind")

    path = tmp_path / "x"
    path.write_bytes("value,kind,note\n1,张三丰,13812345678\n欧阳锋,a,王重阳\n".encode())
    page = page_of(path, "2026-11-26")
    made.take(page, curated.records(page), read)
    assert made.quarantine().select("record", "reason", "column", "detail").rows() == [
        (1, "unknown_kind", "kind", "expected one of a, b"), (2, "bad_value", None, "a cell does not read")
    ]  # fmt: skip
    told = str(held.rows()) + str(made.quarantine().rows()) + page.body.decode()[20:30]
    assert not any(value in told for value in ("张三丰", "欧阳锋", "王重阳", "13812345678"))


def test_a_quarantine_of_former_versions_gets_its_columns(tmp_path: Path):
    landing = Landing(Home(tmp_path))
    path = tmp_path / "quarantine" / SOURCE.name / "_schema.parquet"
    path.parent.mkdir(parents=True)
    pl.DataFrame(schema={"page_key": pl.String, "detail": pl.String}).write_parquet(path)
    landing.ensure_schema(SOURCE)
    assert "column" in pl.read_parquet_schema(path)
