"""Personal data through every door: what was sent in is looked for in every byte of a home, and must not be there.

Belongs here: canaries (invented names, telephone numbers, addresses, identity numbers and accounts), the doors by which they
come, and the search. Does not belong here: what a single pattern takes out (test_scrub).

One refresh: files of all kinds, formats and encodings in the inbox, a large register, a publisher's pages through the fetcher
with their headers and failures, hand-made tables, and `check-inputs`. The inbox itself is the user's own and not searched.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import openpyxl
import polars as pl
import pyarrow.parquet as pq
import pytest

from ingest import curated
from ingest.declaration import FetchContext, Page, ParseContext, Parsed, Source, Table
from ingest.home import Home
from ingest.records import Books, Column, balance, date, text
from ingest.store.landing import Landing, page_of
from ingest.web.bodies import read_json
from ingest.web.errors import Limits
from ingest.web.fetcher import Fetcher
from sources.inbox import SOURCE, bulk
from tests.conftest import make
from tests.replicas.base import Replica, Reply, Request, serve
from tests.test_inbox import code_of


# -- the canaries ------------------------------------------------------------------------------------------
class Canaries:
    """Values that no other text holds, each remembered with the door by which it was sent."""

    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    def _next(self, door: str, made: Callable[[int], str]) -> str:
        value = made(len(self.sent) + 1)
        self.sent[value] = door
        return value

    def name(self, door: str) -> str:
        return self._next(door, lambda n: "亓官娴" + chr(0x4E00 + n))

    def mobile(self, door: str) -> str:
        return self._next(door, lambda n: f"1397531{n:04d}")

    def mail(self, door: str) -> str:
        return self._next(door, lambda n: f"c{n}@canarymail.example")

    def identity(self, door: str) -> str:
        return self._next(door, lambda n: f"11010519491231{n % 1000:03d}{'X' if n < 1000 else n // 1000}")

    def account(self, door: str) -> str:
        return self._next(door, lambda n: f"wxcanary{n:04d}")

    def landline(self, door: str) -> str:
        return self._next(door, lambda n: f"010-6677{n:04d}")

    def prose(self, door: str) -> str:
        """A text with one of each, as people write them."""
        wide = self.mobile(door + ": wide digits").translate({ord("0") + n: ord("０") + n for n in range(10)})
        dotted, spaced, hidden = (self.mobile(f"{door}: {how}") for how in ("dots", "blanks", "invisible characters"))
        return (
            f"联系人：{self.name(door)}，手机{self.mobile(door)}，邮箱 {self.mail(door)}，身份证{self.identity(door)}，微信号：{self.account(door)}，"
            f"电话：{self.landline(door)}，{self.mobile(door + ': before 万')}万，{wide}，{dotted[:3]}.{dotted[3:7]}.{dotted[7:]}，"
            f"{spaced[:3]} {spaced[3:7]} {spaced[7:]}，{hidden[:5]}\u200b{hidden[5:]}"
        )


#: A part that all canaries of a sort have, in the ways a file may hold it.
PARTS = ["亓官娴", "1397531", "139-7531", "139.7531", "139 7531", "13975\u200b31", "１３９７５３１", "1.397531", "canarymail", "11010519491231",
         "wxcanary", "010-6677"]  # fmt: skip


def forms(part: str) -> set[bytes]:
    """A text as bytes of files: in three encodings, escaped as in JSON, HTML, URLs and Python, and misread."""
    escaped = {json.dumps(part)[1:-1], json.dumps(part)[1:-1].replace("\\", "\\\\"), quote(part), part.encode("unicode_escape").decode(),
               "".join(f"&#{ord(c)};" if ord(c) > 127 else c for c in part)}  # fmt: skip
    found = {form.encode() for form in escaped} | {part.encode(e) for e in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")}
    for wrong in ("latin-1", "gb18030"):
        for right in ("utf-8", "gb18030"):
            misread = part.encode(right).decode(wrong, errors="ignore")
            if len(misread) > len(part):
                found.add(misread.encode())
    return found


NEEDLES = {form: part for part in PARTS for form in forms(part)}


# -- the doors ---------------------------------------------------------------------------------------------
#: Of each kind: a record that is taken, a column of free text, the typed columns.
KINDS: dict[str, tuple[dict[str, str], str, list[str]]] = {
    "firms": ({"uscc": "", "name_zh": "甲", "city": "深圳市", "founded_on": "2020-01-02", "registered_capital": "5万元", "business_scope": "电池"},
              "business_scope", ["uscc", "lei", "city_adcode", "founded_on", "closed_on", "registered_capital", "powertrain", "as_of"]),
    "plants": ({"operator_zh": "甲", "city": "深圳市", "product": "电池", "plant_name": "一厂"}, "plant_name",
               ["city_adcode", "opened_year", "closed_year", "capacity", "longitude", "latitude", "crs", "powertrain_at_opening",
                "converted_from_ice", "as_of"]),
    "policies": ({"title_zh": "若干措施", "issuer": "深圳市", "level": "city", "issue_date": "2023-05-01", "content_zh": "一"}, "content_zh",
                 ["adcode", "issue_date", "valid_from", "valid_to", "as_of"]),
    "city_output": ({"city": "深圳市", "year": "2023", "product": "nev", "output": "5", "unit": "辆", "source_url": "x"}, "source_url",
                    ["city_adcode", "year", "product", "output", "as_of"]),
    "miit_products": ({"batch": "350", "company_zh": "甲", "model": "M1", "production_address": "深圳"}, "production_address",
                      ["batch", "published_on", "stopped_making_on", "stopped_selling_on", "as_of"]),
    "admission_lists": ({"list_id": "L", "batch": "3", "published_on": "2023-05-01", "action": "准入", "company_zh": "甲", "category": "c"},
                        "category", ["batch", "published_on", "action", "uscc", "as_of"]),
    "listed_companies": ({"stock_code": "002594", "name_zh": "甲", "main_business": "汽车"}, "main_business",
                         ["uscc", "founded_on", "listed_on", "registered_capital", "employees", "as_of"]),
    "parents": ({"child_name": "甲", "parent_name": "乙", "source_url": "x"}, "source_url",
                ["child_uscc", "child_lei", "parent_uscc", "parent_lei", "share", "valid_from", "valid_to", "as_of"]),
}  # fmt: skip
FORMATS = ("csv", "gb18030.csv", "utf-16.csv", "csv.gz", "jsonl", "json", "parquet", "xlsx")


def records(kind: str, door: str, canaries: Canaries, numbers: bool) -> list[dict[str, Any]]:
    """Records of a kind with canaries in its free text, in its columns about persons and in every typed column; `numbers`:
    telephone numbers as the numbers that a spreadsheet makes of them."""
    model, free, typed = KINDS[kind]
    headers = [f"备注{canaries.mobile(door + ': header')}", f"mail {canaries.mail(door + ': header')}", f"联系人{canaries.name(door + ': header')}"]
    found: list[dict[str, Any]] = [{free: canaries.prose(f"{door}: {free}"), "法定代表人": canaries.name(f"{door}: person column"),
                                    "手机": canaries.mobile(f"{door}: person column"), **dict.fromkeys(headers, "x")}]  # fmt: skip
    for column in typed:
        found.append({column: canaries.name(f"{door}: name in {column}")})
        number: Any = canaries.mobile(f"{door}: mobile in {column}")
        found.append({column: (float(number) if len(found) % 4 else int(number)) if numbers else number})
    found.append({typed[-1]: canaries.identity(f"{door}: identity in {typed[-1]}")})
    found.append({typed[0]: canaries.mobile(f"{door}: mobile before 万") + "万元", free: canaries.mobile(f"{door}: bare") + ".0"})
    if numbers:
        found.append({free: int(canaries.mobile(f"{door}: number in {free}"))})
    every = list(dict.fromkeys([*model, *typed, free, "法定代表人", "手机", *headers]))
    rows = []
    for i, said in enumerate(found):
        row = {**dict.fromkeys(every), **model, **said}
        for key in ("name_zh", "operator_zh", "title_zh", "company_zh", "child_name"):  # no two records speak of one thing
            if key in model and key not in said:
                row[key] = f"{model[key]}{i}公司"
        if kind == "firms" and "uscc" not in said:
            row["uscc"] = code_of(i)
        rows.append(row)
    return rows


def csv_body(rows: list[dict[str, Any]], kind: str, door: str, canaries: Canaries) -> str:
    """Delimited text, with records of the wrong width and with a quote that does not end where it should."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([["" if v is None else v for v in row.values()] for row in rows])
    model = list(rows[0].values())
    writer.writerow(["" if v is None else v for v in model[:-2]] + [canaries.name(f"{door}: record too long")] * 5)
    writer.writerow([canaries.name(f"{door}: record too short"), canaries.mail(f"{door}: record too short")])
    out.write(f'"{canaries.name(f"{door}: bad quote")}"x,{canaries.mobile(f"{door}: bad quote")},"\n')
    writer.writerow(["" if v is None else v for v in rows[0].values()])
    return out.getvalue()


def body_of(kind: str, ending: str, door: str, canaries: Canaries) -> bytes:
    rows = records(kind, door, canaries, numbers=ending in ("json", "jsonl", "xlsx"))
    if ending.endswith("csv") or ending == "csv.gz":
        encoding = ending.removesuffix("csv").strip(".") or "utf-8"
        body = csv_body(rows, kind, door, canaries)
        if encoding == "gb18030":
            body = body.replace("\u200b", " ")
        return gzip.compress(body.encode()) if ending == "csv.gz" else body.encode(encoding)
    if ending == "jsonl":
        lines = [json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False) for row in rows]
        lines.insert(1, json.dumps({canaries.mobile(f"{door}: key"): "x", **KINDS[kind][0]}, ensure_ascii=False))
        lines.insert(2, '{"name_zh": "' + canaries.name(f"{door}: cut JSON") + '", ')
        lines.insert(3, json.dumps([canaries.name(f"{door}: no object")], ensure_ascii=False))
        return "\n".join(lines).encode()
    if ending == "json":
        return json.dumps(rows, ensure_ascii=False).encode()
    out = io.BytesIO()
    if ending == "parquet":
        frame = pl.DataFrame([{k: None if v is None else str(v) for k, v in row.items()} for row in rows])
        frame.write_parquet(out)
    else:
        book = openpyxl.Workbook()
        book.active.title = canaries.mobile(f"{door}: name of a sheet")
        book.active.append(list(rows[0]))
        for row in rows:
            book.active.append(list(row.values()))
        book.save(out)
    return out.getvalue()


def write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def fill_inbox(inbox: Path, canaries: Canaries) -> None:
    for kind in KINDS:
        for number, ending in enumerate(FORMATS):
            door = f"{kind}.{ending}"
            in_name = [canaries.mobile, canaries.mail, canaries.identity][number % 3](f"{door}: name of the file")
            write(inbox / kind / f"{number}_{in_name}_{kind}.{ending}", body_of(kind, ending, door, canaries))
    firms = inbox / "firms"
    headless = f"{canaries.name('no header')},{canaries.mobile('no header')},{canaries.mail('no header')}\n"
    write(firms / "headless.csv", (headless * 2).encode())
    write(firms / f"notes.{canaries.mobile('ending of a file')}", b"x")
    write(firms / "cut.json", ('[{"name_zh": "' + canaries.name("cut document") + '"').encode())
    write(firms / "doubled.csv", f"{canaries.name('header twice')},name_zh,{'x'}\n".replace("x", canaries.name("header")).encode())
    same = canaries.name("column twice")
    write(firms / "same.csv", f"{same},{same}\n1,2\n".encode())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr(f"{canaries.name('member of an archive')}_{canaries.mobile('member of an archive')}.xml", "x" * 5000)
    damaged = archive.getvalue().replace(b"xxxx", b"xxxy", 1)
    write(firms / "broken.xlsx", damaged)
    write(firms / "sidecar.csv", "name_zh\n甲乙丙公司\n".encode())
    said = {"rows": 1, "note": canaries.name("sidecar"), "previous": {"rows": 1, "by": canaries.mobile("sidecar")},
            "accept_anomalies": [canaries.name("sidecar")]}  # fmt: skip
    write(firms / "sidecar.csv.manifest.json", json.dumps(said, ensure_ascii=False).encode())
    write(firms / "counted.csv", b"name_zh\nx\n")
    write(firms / "counted.csv.manifest.json", json.dumps({"rows": int(canaries.mobile("sidecar: rows"))}).encode())
    for name, kind in (("ints", pl.Int64), ("floats", pl.Float64)):
        columns: dict[str, Any] = {"uscc": [code_of(n) for n in range(3)], "name_zh": [f"数{n}公司" for n in range(3)]}
        for column in ("address", "registered_capital", "founded_on"):
            numbers = [int(canaries.mobile(f"Parquet {name}: {column}")) for _ in range(3)]
            columns[column] = pl.Series(column, numbers).cast(kind)
        out = io.BytesIO()
        pl.DataFrame(columns).write_parquet(out)
        write(firms / f"{name}.parquet", out.getvalue())


def large_registers(home: Path, canaries: Canaries, patch: pytest.MonkeyPatch) -> None:
    """Files of firms that go the way of national registers."""
    patch.setattr(bulk, "BULK_BYTES", dict.fromkeys(bulk.BULK_BYTES, 0))
    landing = Landing(Home(home))
    before = set(landing.partitions(SOURCE))
    for ending in FORMATS:
        if ending != "json":
            door = f"register.{ending}"
            write(home / f"inbox/firms/register.{ending}", body_of("firms", ending, door, canaries))
    for partition in landing.partitions(SOURCE):
        if partition not in before:
            landing.land(SOURCE, partition)
    patch.undo()


HOST = "canary.example.cn"
#: No pattern knows a name that stands for itself, and a page is kept before anybody knows the types of its fields. Such a name
#: stays in the raw page, and goes no further.
UNTYPED = "raw page: a name in a typed field"
PAGES = Table("pages", {"title": pl.String, "day": pl.Date}, ("title",))


def site(canaries: Canaries) -> tuple[Source, Replica]:  # noqa: C901 - a publisher with an answer for each path
    """A publisher whose pages, headers, redirects and failures hold personal data."""
    door = "pages"

    def headers(kind: str) -> dict[str, str]:
        return {
            "Content-Type": f"{kind}; contact={canaries.mail(door + ': Content-Type')}", "ETag": f'"{canaries.mobile(door + ": ETag")}"',
            "Last-Modified": f"Mon, by {canaries.mobile(door + ': Last-Modified')}",
            "Content-Disposition": f"attachment; filename=\"{canaries.mobile(door + ': Content-Disposition')}.html\"; "
                                   f"filename*=UTF-8''{quote(canaries.mail(door + ': Content-Disposition'))}",
            "X-GLEIF-Publish-Date": canaries.mobile(door + ": X-GLEIF"), "Set-Cookie": f"who={canaries.mail(door + ': cookie')}",
        }  # fmt: skip

    def page(encoding: str, door: str) -> bytes:
        hidden = canaries.prose(door).replace("\u200b", "" if encoding == "gb18030" else "\u200b")
        return f"<html><head><meta charset='{encoding}'></head><body><p>{hidden}</p></body></html>".encode(encoding)

    rows = [
        {"title": "甲", "day": canaries.name(UNTYPED), "phone": canaries.mobile("JSON: phone")},
        {"title": "乙", "day": "2024-01-02", "remark": canaries.prose("JSON: remark"), "amount": int(canaries.mobile("JSON: number"))},
        {"title": "丙", "day": "2024-01-02", canaries.mobile("JSON: key"): 1},
        {"title": canaries.mobile("JSON: key of the table"), "day": "2024-01-02"},
        {"title": canaries.mail("JSON: key of the table"), "day": float(canaries.mobile("JSON: float"))},
    ]
    bodies = {f"/{encoding}": page(encoding, f"page in {encoding}") for encoding in ("utf-8", "gb18030", "utf-16")}
    bodies["/json"] = json.dumps(rows, ensure_ascii=False).encode()

    def answer(request: Request) -> Reply:
        if request.path in bodies:
            return Reply(bodies[request.path], headers=headers("application/json" if request.path == "/json" else "text/html"))
        if request.path == "/moved":
            return Reply(b"", 302, {"Location": f"https://elsewhere.example/{canaries.mobile('Location')}?m={canaries.mail('Location')}"})
        if request.path == "/within":
            return Reply(b"", 302, {"Location": f"/gone?tel={canaries.mobile('Location')}&m={quote(canaries.mail('Location'), safe='')}"})
        if request.path == "/later":
            return Reply(b"", 429, {"Retry-After": canaries.mobile("Retry-After")})
        if request.path == "/packed":
            return Reply(b"x", 200, {"Content-Encoding": canaries.mail("Content-Encoding")})
        return Reply(canaries.prose("page of an error").encode(), 404)

    asked = {name: f"{name}?tel={canaries.mobile('query of an address')}" for name in ("utf-8", "gb18030", "utf-16", "json", "moved", "within", "packed", "later")}

    def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
        yield context.web.get(f"https://{HOST}/{asked[partition]}", key=partition, context=context)

    def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
        books = Books(PAGES, (Column("title", "title", text, required=True), Column("day", "day", date)))
        for page in pages:
            for row in read_json(page.body, page.key) if page.key == "json" else []:
                books.add(row, page.key)
                books.refuse(row, page.key, "doubled", "said again")
        return balance([books])

    source = Source(name="canary_site", title="t", publisher="p", homepage="", licence="l", cadence="", tables=(PAGES,), fetch=fetch,
                    parse=parse, live=True, partitions="month", list_partitions=lambda _: list(asked), hosts=(HOST,))  # fmt: skip
    return source, Replica(answer, HOST)


def hand_made(folder: Path, canaries: Canaries) -> Source:
    """A table as those of the checkout, in which cells and header hold personal data."""
    lines = [f"id,value,kind,note {canaries.mobile('hand-made: header')}"]
    for n in range(3):
        door = f"hand-made {n}"
        bad = [canaries.name(UNTYPED), canaries.mobile(door), "5"][n]
        lines.append(f"{n},{bad},{canaries.name(UNTYPED) if n == 2 else 'a'},{canaries.mail(door)} {canaries.identity(door)}")
    write(folder / "table.csv", "\n".join(lines).encode())

    def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
        books = curated.Books()

        def read(row: dict[str, str]) -> None:
            float("x" + row["value"] if row["id"] == "1" else row["value"])
            curated.choose(row["kind"], ("a", "b"), "kind")

        for page in pages:
            books.take(page, curated.records(page), read)
        return Parsed({"pages": pl.DataFrame(schema=dict(PAGES.schema))}, books.records_in, books.accepted, books.quarantine())

    def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
        yield page_of(folder / "table.csv", "2026-11-30")

    return Source(name="canary_table", title="t", publisher="p", homepage="", licence="l", cadence="", tables=(PAGES,), fetch=fetch, parse=parse)


# -- the search --------------------------------------------------------------------------------------------
def decoded(path: Path, body: bytes) -> Iterator[bytes]:  # noqa: C901 - one case for each form of file
    """The bytes of a file, and what is compressed in it or stands in its columns."""
    yield body
    if body.startswith(b"\x1f\x8b"):
        yield gzip.decompress(body)
    elif body.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                yield name.encode()
                with suppress(zipfile.BadZipFile):
                    yield archive.read(name)
    elif body.startswith(b"PAR1"):
        table = pq.read_table(path)
        yield str({**(table.schema.metadata or {})}).encode() + ",".join(table.column_names).encode()
        for column in table.columns:
            yield "\n".join(map(str, column.to_pylist())).encode("utf-8", "surrogatepass")
    elif body.startswith(b"SQLite format 3"):
        con = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        for (table,) in con.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in con.execute(f'select * from "{table}"'):
                yield b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
        con.close()
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            views = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            like = " or ".join("contains(said, ?)" for _ in PARTS)
            for schema, table in views:
                rows = con.execute(f'select said from (select cast(t as varchar) as said from "{schema}"."{table}" t) where {like}', PARTS).fetchall()
                yield "\n".join(said for (said,) in rows).encode()


def leaks(home: Path, canaries: Canaries, before: Path | None = None) -> dict[str, set[str]]:
    """The canaries that a home holds, each with the files where they are; files that stand in `before` as well are not read."""
    found: dict[str, set[str]] = {}
    spelt = {canary: forms(canary) for canary in canaries.sent}
    for path in sorted(home.rglob("*")):
        where = path.relative_to(home)
        if where.parts[0] == "inbox" or path.is_symlink():
            continue
        if before and path.is_file() and (before / where).is_file() and (before / where).stat().st_mtime_ns == path.stat().st_mtime_ns:
            continue
        blobs = [where.as_posix().encode()] + ([*decoded(path, path.read_bytes())] if path.is_file() else [])
        for blob in blobs:
            for needle, part in NEEDLES.items():
                if needle not in blob:
                    continue
                around = b"\n".join(blob[at - 20 : at + len(needle) + 80] for at in islice(places(needle, blob), 3000))
                named = [c for c, known in spelt.items() if any(form in around for form in known)]
                for canary in named or [f"{part}..."]:
                    found.setdefault(canary, set()).add(where.as_posix())
    return found


def places(needle: bytes, blob: bytes) -> Iterator[int]:
    at = blob.find(needle)
    while at >= 0:
        yield max(at, 20)
        at = blob.find(needle, at + 1)


@pytest.fixture(scope="module")
def searched(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Canaries]:
    """A home into which canaries came by every door, published."""
    own = tmp_path_factory.mktemp("canaries") / "home"
    shutil.copytree(home, own, symlinks=True)
    canaries = Canaries()
    said: list[str] = []
    fill_inbox(own / "inbox", canaries)
    with pytest.MonkeyPatch.context() as patch:
        large_registers(own, canaries, patch)
    source, replica = site(canaries)
    with serve(replica):
        web = Fetcher(source.hosts, origins={HOST: replica.origin}, min_gap=0.0, backoff=0.01, limits=Limits(attempts=1))
        landing = Landing(Home(own), web=web, say=said.append)
        for partition in landing.partitions(source):
            said.append(str(landing.land(source, partition)))
    table = hand_made(own / "inbox/hand-made", canaries)
    said.append(str(Landing(Home(own)).land(table)))
    run = make("orchestration.commands.refresh", own)
    (own / "refresh.log").write_text(run.out)
    (own / "check.log").write_text(make(f"sources.inbox.check_inputs --dir {own / 'inbox'}", own).out)
    (own / "landing.log").write_text("\n".join(said))
    assert run.code == 0, run.out
    return own, canaries


def test_no_canary_is_in_any_byte_of_the_home(searched: tuple[Path, Canaries], bundled_home: Path) -> None:
    home, canaries = searched
    found = leaks(home, canaries, bundled_home)
    found = {c: {f for f in files if canaries.sent.get(c) != UNTYPED or not f.startswith("raw/blobs/")} for c, files in found.items()}
    found = {canary: files for canary, files in found.items() if files}
    told = sorted(f"{canary} ({canaries.sent.get(canary, '?')}): {', '.join(sorted(files)[:4])}" for canary, files in found.items())
    assert not found, f"{len(found)} of {len(canaries.sent)} canaries:\n" + "\n".join(told[:400])


def test_the_search_would_find_them(searched: tuple[Path, Canaries]) -> None:
    """Not for want of looking: the inbox, looked at in the same way, shows them all; so does a database, a log, an archive."""
    home, canaries = searched
    seen = b"\n".join(blob for path in (home / "inbox").rglob("*") if path.is_file() for blob in decoded(path, path.read_bytes()))
    seen += b"\n".join(path.name.encode() for path in (home / "inbox").rglob("*"))
    disguised = ("dots", "blanks", "invisible characters", "wide digits")
    plain = [c for c, door in canaries.sent.items() if door.split(".")[0] in KINDS and not door.endswith(disguised)]
    missing = [f"{c} ({canaries.sent[c]})" for c in plain if not any(form in seen for form in forms(c))]
    assert len(plain) > 1500 and not missing, missing


def test_quarantine_names_file_record_and_column(searched: tuple[Path, Canaries]) -> None:
    home, _ = searched
    with duckdb.connect(str(home / "published/current/atlas.duckdb"), read_only=True) as con:
        rows = con.execute("""select reason, "column", record is not null, count(*) from meta.quarantine where source_id = 'inbox'
                              group by all""").fetchall()
        detail = con.execute("select detail from meta.quarantine where source_id = 'inbox' and reason = 'bad_date' limit 1").fetchone()
    columns = {(reason, column) for reason, column, _, _ in rows}
    assert {("bad_date", "founded_on"), ("bad_uscc", "uscc"), ("bad_number", "registered_capital"), ("bad_adcode", "city_adcode")} <= columns
    assert detail is not None and "expected" in detail[0]
    books = pl.read_parquet(home / "landing/_meta/accounts.parquet")
    assert books.filter(pl.col("records_in") != pl.col("accepted") + pl.col("quarantined")).height == 0


def test_raw_gives_the_same_verdict_again(searched: tuple[Path, Canaries]) -> None:
    """What is kept of a wrong cell judges as the cell did: the landing is rebuilt from raw alone with the same account."""
    home, _ = searched
    landing = Landing(Home(home))
    before = {a.partition: (a.records_in, a.accepted, a.reasons, a.digests) for a in landing.accounts(SOURCE) if a.records_in}
    shutil.rmtree(home / "landing/inbox")
    landing.ensure_schema(SOURCE)
    landing.rebuild(SOURCE)
    after = {a.partition: (a.records_in, a.accepted, a.reasons, a.digests) for a in landing.accounts(SOURCE) if a.records_in}
    assert len(before) > 60 and after == before
