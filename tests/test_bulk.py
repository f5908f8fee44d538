"""Large registry files: by whole columns as record by record, in blocks of any size, with the same rows and books.

Belongs here: that the way of many records (sources/inbox/bulk) decides as the way of few (judge.py) does, and what a
national register needs beside. Does not belong here: the rules (test_inbox, test_values), speed (bench/registries.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import random
import shutil
import zlib
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.declaration import RejectFile
from ingest.files.archives import gunzip_into
from ingest.files.open import media_of
from ingest.firms import enrichment, sector
from ingest.home import SEEDS, Home
from ingest.store import code_digest
from ingest.store import landing as landing_module
from ingest.store.landing import Landing
from ingest.store.raw import RawStore
from ingest.text.values import CURRENCIES
from sources.inbox import SOURCE, bulk
from sources.inbox.bulk import read as bulk_read
from sources.inbox.bulk import sector as bulk_sector
from sources.inbox.bulk.judge import judge_bulk
from sources.inbox.bulk.lanes import META
from sources.inbox.bulk.read import read_bulk
from sources.inbox.check_inputs import judge_file
from sources.inbox.judge import judge
from sources.inbox.kinds import LANDED, SCHEMAS
from sources.inbox.scrubbed import read
from tests.conftest import examples
from tests.registers import dirty, registrations
from tests.test_hostile import CASES, outside
from tests.test_inbox import HEADER, code_of, csv_text, firm_lines, land_all, landed, media_variants, write

TODAY = dt.date(2026, 11, 24)
SAID = {"_partition": "p", "_received_sha256": "s", "_fetched_at": "f"}


def both(path: Path, work: Path, manifest: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """What the two ways say of a file of firms: rows, quarantine, counts and notes, or the reason of a refusal."""
    media = media_of(path.name)

    def few() -> Any:
        found = judge(read(path, "firms", media, manifest), TODAY)
        rows = pl.DataFrame(found.rows, schema=dict(SCHEMAS["firms"]), orient="row", infer_schema_length=0)
        held = [(q["record"], q["reason"], q["detail"], q["payload"]) for q in found.quarantine]
        rows = rows.select(list(LANDED["firms"]))
        return found.records_in, found.accepted, rows.sort("record_no").rows(), sorted(held), sorted(found.notes)

    def many() -> Any:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        form, out, again = (work / f"{name}.parquet" for name in ("form", "firms", "again"))
        found = bulk.read_and_judge(path, "firms", media, manifest or {}, form, TODAY, out, SAID).parsed(form, TODAY, "k")
        later = judge_bulk(form, TODAY, again, SAID, "k")  # as when it is rebuilt from the raw form: the same bytes
        assert out.read_bytes() == again.read_bytes() and found.quarantine.equals(later.quarantine) and found.notes == later.notes
        rows = pl.read_parquet(out).select(list(LANDED["firms"]))
        held = found.quarantine.select("record", "reason", "detail", "payload").rows()
        return found.records_in, found.accepted, rows.sort("record_no").rows(), sorted(held), sorted(found.notes)

    answers = []
    for way in (few, many):
        try:
            answers.append(way())
        except RejectFile as error:
            answers.append((type(error).__name__, error.reason))
    return answers[0], answers[1]


@pytest.mark.parametrize("block", [150, 1 << 20])
def test_blocks_of_any_size_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int):
    monkeypatch.setattr(bulk_read, "BLOCK", block)
    rows = firm_lines(40)
    rows[3][1] = '深圳"引号",逗号有限公司'
    rows[5][1] = "两行\n名称有限公司"
    rows[7][0] = "1234"
    rows[9][0] = rows[8][0]  # one code, two firms
    rows[11] = rows[10].copy()
    rows[13][1] = "深圳市比亚迪汽车有限公司".encode().decode("gb18030", "replace")
    rows[15][1] = "张三丰 13812345678 有限公司"
    rows[17][3] = code_of(17)  # shifted
    rows[19][4] = "1,000(万美元)"
    rows[21][0] = ""
    rows[23] = ["", "", "", "", "", ""]
    for name, body in media_variants(rows).items():
        if media_of(name) != "json":  # one document, small by its cap
            few, many = both(write(tmp_path / name, body), tmp_path / "w")
            assert few == many, name
            assert name == "x" or few[0] == 40


def test_hostile_files_get_the_same_verdict(hostile: Path, monkeypatch: pytest.MonkeyPatch):
    compared = 0
    for case in CASES:
        path = hostile / case["file"]
        if media_of(path.name) not in bulk.BULK_BYTES:
            continue
        few = judge_file(path, "firms", TODAY, outside(case))
        with monkeypatch.context() as patch:
            patch.setattr(bulk, "BULK_BYTES", dict.fromkeys(bulk.BULK_BYTES, 0))
            many = judge_file(path, "firms", TODAY, outside(case))
        for key in ("verdict", "rows_in", "rows_ok", "rows_quarantined", "reasons"):
            assert few[key] == many[key], (case["id"], few, many)
        compared += 1
    assert compared > 40


CELLS = st.lists(st.sampled_from([*'甲乙（）公司,"\n\r \x00\ufeff\ufffdAé', "13812345678", "联系人张三", "锟斤拷"]), max_size=6).map("".join)


@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS).map(list), min_size=1, max_size=9), st.sampled_from(["utf-8", "gb18030", "utf-8-sig"]),
       st.sampled_from(["\n", "\r\n"]), st.data())  # fmt: skip
def test_any_text_is_judged_alike(tmp_path: Path, rows: Any, encoding: str, end: str, data: st.DataObject):
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([["name_zh", "经营范围"], *rows])
    body = bytearray(out.getvalue().encode(encoding))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(len("name_zh,经营范围".encode(encoding)) + 1, len(body)))
        body[place:place] = data.draw(st.sampled_from([b'"', b",", b"\n", b"\xff", b'""']))
    before, bulk_read.BLOCK = bulk_read.BLOCK, data.draw(st.sampled_from([40, 1 << 20]))
    try:
        few, many = both(write(tmp_path / "e.csv", bytes(body)), tmp_path / "w")
    finally:
        bulk_read.BLOCK = before
    assert few == many


def test_registrations_are_judged_alike(tmp_path: Path):
    """6,000 composed registrations, and the dirty ones of 30,000."""
    frame = registrations(30_000, 5)
    some = pl.concat([frame.head(6000), dirty(frame)]).unique(maintain_order=True)
    assert dirty(frame).height > 80
    some.write_csv(tmp_path / "r.csv")
    few, many = both(tmp_path / "r.csv", tmp_path / "w")
    assert few == many and few[0] == some.height == few[1] + len(few[3])
    some.write_parquet(tmp_path / "r.parquet")
    _, parquet = both(tmp_path / "r.parquet", tmp_path / "w")
    assert parquet[:3] == many[:3]


def test_a_register_goes_through_the_inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Landed by whole columns: only the sector reaches the extract, no person is stored, all is rebuilt from raw."""
    monkeypatch.setattr(bulk, "BULK_BYTES", dict.fromkeys(bulk.BULK_BYTES, 0))
    monkeypatch.setattr(bulk_sector, "LIST_ROWS", 10)
    head = [*HEADER, "法定代表人", "经营范围"]
    rows = [[*row, "张三丰", "锂离子电池制造" if i % 4 == 0 else "服装、鞋帽零售；联系人张三丰"] for i, row in enumerate(firm_lines(60))]
    rows[7][0] = "1234"
    for i, row in enumerate(rows):
        row[1] = f"深圳第{i}电池有限公司" if i % 4 == 0 else f"深圳第{i}服装店"
    write(tmp_path / "inbox/firms/r.csv.gz", gzip.compress(csv_text(rows, head).encode()))
    (account,) = land_all(tmp_path).values()
    assert (account.outcome, account.records_in, account.accepted, account.quarantined) == ("landed", 60, 59, 1)
    assert account.tables == {"firms": 59, "firms_sector": 15}
    shutil.rmtree(tmp_path / "inbox")
    for path in tmp_path.rglob("*.parquet"):
        assert "张三丰" not in str(pl.read_parquet(path).rows()), path
    for path in (tmp_path / "raw/blobs").rglob("*"):
        if path.is_file():
            assert "张三丰" not in str(pl.read_parquet(path).rows())
    assert not list((tmp_path / "raw/tmp").rglob("*.parquet"))
    shutil.rmtree(tmp_path / "landing")
    (again,) = land_all(tmp_path).values()
    assert again.digests == account.digests and landed(tmp_path, "firms").height == 59


def lands(home: Path, body: bytes, name: str, monkeypatch: pytest.MonkeyPatch, many: bool) -> Any:
    """The account of a file that goes the way of many records, or of few."""
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "BULK_BYTES", dict.fromkeys(bulk.BULK_BYTES, 0 if many else 1 << 60))
        write(home / f"inbox/firms/{name}", body)
        (account,) = land_all(home).values()
    return account


def dirty_register() -> list[list[str]]:
    """Registrations with everything that makes a record go another way than most: quotes, a code twice, a wrong one, no code."""
    rows = [[*row, "锂离子电池制造；五金销售" if i % 3 == 0 else "服装、鞋帽零售"] for i, row in enumerate(firm_lines(90))]
    for i in (6, 9, 12, 30, 33):
        rows[i][1] = f"深圳第{i}电池有限公司"
    rows[9][-1] = '锂离子电池制造，"动力"电池'
    rows[12][-1] = " 动力电池制造\n及销售 "
    rows[15][-1] = "锂离子电池制造；联系人张三丰"
    rows[18][0], rows[21][0] = "", "1234"
    rows[33] = rows[30].copy()
    rows[48] = ["", "深圳\n无码公司", *rows[48][2:]]  # says the same as the next one, and is read another way
    rows[49] = ["", "深圳 无码公司", *rows[48][2:]]
    rows[36][-1], rows[37][-1], rows[38][-1] = "无", "", "反重力舱的制造"
    rows[39][1] = "深圳\ufffd电池有限公司"
    return rows


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("block", [700, 1 << 20])
def test_the_sector_of_many_is_that_of_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, lists: bool):
    """The extract of a register, in a step of its own beside the raw form, is what judging it record by record gives."""
    monkeypatch.setattr(bulk_read, "BLOCK", block)
    if not lists:  # a register, of which only the sector goes on
        monkeypatch.setattr(bulk_sector, "LIST_ROWS", 0)
        monkeypatch.setattr(enrichment, "LIST_ROWS", 0)
    body = csv_text(dirty_register(), [*HEADER, "经营范围"]).encode()
    few = lands(tmp_path / "few", body, "r.csv", monkeypatch, many=False)
    many = lands(tmp_path / "many", body, "r.csv", monkeypatch, many=True)
    assert (few.records_in, few.accepted, few.reasons, few.tables) == (many.records_in, many.accepted, many.reasons, many.tables)
    for table in ("firms", "firms_sector"):
        one, other = (landed(tmp_path / way, table).drop("_fetched_at", "_snapshot_sha256", strict=False).sort("record_no") for way in ("few", "many"))
        assert one.height > 0 and one.equals(other), table
    sector = landed(tmp_path / "many", "firms_sector")
    assert sector.filter(pl.col("record_no") == 13)["business_scope"].item() == "动力电池制造\n及销售"
    assert "张三丰" not in str(sector.rows())


def test_registrations_have_the_same_sector_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_read, "BATCH", 3_000)
    monkeypatch.setattr(bulk_sector, "MANY", 100)
    frame = registrations(12_000, 8)
    frame.write_parquet(tmp_path / "r.parquet")
    body = (tmp_path / "r.parquet").read_bytes()
    for way in ("few", "many"):
        lands(tmp_path / way, body, "r.parquet", monkeypatch, many=way == "many")
    one, other = (landed(tmp_path / way, "firms_sector").drop("_fetched_at", "_snapshot_sha256").sort("record_no") for way in ("few", "many"))
    assert one.height > 300 and one.equals(other)


def test_the_sector_is_decided_again_without_judging_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A step that was cut short, or whose vocabulary changed, is done again alone; its table names the page it came of."""
    body = csv_text(dirty_register(), [*HEADER, "经营范围"]).encode()
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    monkeypatch.setattr(landing_module, "SEEDS", seeds)
    monkeypatch.setattr(code_digest, "SEEDS", seeds)
    monkeypatch.setattr(code_digest, "_DIGESTS", {})

    def cut(*_: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("sources.inbox.sector_bulk", cut)
        with pytest.raises(OSError):
            lands(tmp_path / "h", body, "r.csv", monkeypatch, many=True)
    assert not list((tmp_path / "h/raw/tmp").rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(landing_module, "check_table", cut)
        with pytest.raises(OSError):
            land_all(tmp_path / "h")
    assert not list((tmp_path / "h/raw/tmp").rglob("*"))
    (standing,) = Landing(Home(tmp_path / "h")).accounts(SOURCE)
    assert standing.tables.keys() == {"firms"} and not standing.input_digest

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("judged again")

    monkeypatch.setattr("sources.inbox.judge_bulk", never)
    monkeypatch.setattr("sources.inbox.read_and_judge", never)
    (first,) = land_all(tmp_path / "h").values()
    assert first.outcome == "landed" and first.tables["firms_sector"] > 0
    assert (first.records_in, first.accepted, first.digests["firms"]) == (standing.records_in, standing.accepted, standing.digests["firms"])
    (entry,) = RawStore(tmp_path / "h/raw").entries("inbox")
    assert landed(tmp_path / "h", "firms_sector")["_snapshot_sha256"].unique().to_list() == [entry["pages"][0]["sha256"]]
    assert landed(tmp_path / "h", "firms")["_received_sha256"].unique().to_list() == [hashlib.sha256(body).hexdigest()]
    file = tmp_path / f"h/landing/inbox/firms/{first.partition}.parquet"
    assert first.digests["firms"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [a.outcome for a in land_all(tmp_path / "h").values()] == ["unchanged"]
    assert not list((tmp_path / "h/raw/tmp").iterdir())
    with open(seeds / "segment_rules.csv", "a", encoding="utf-8") as handle:
        handle.write("Z01,icv,icv,scope,反重力舱,make,strong,,a word that the vocabulary did not have\n")
    code_digest._DIGESTS.clear()
    sector.rules_of.cache_clear()
    (changed,) = land_all(tmp_path / "h").values()
    assert changed.outcome == "landed" and changed.digests["firms"] == first.digests["firms"]
    assert changed.digests["firms_sector"] != first.digests["firms_sector"]
    # cut between table and account, and the vocabulary as it was: the account must not speak for the table of another one
    shutil.copy(SEEDS / "segment_rules.csv", seeds / "segment_rules.csv")
    code_digest._DIGESTS.clear()
    sector.rules_of.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(Landing, "_write_table", lambda self, *a, put=Landing._write_table: (put(self, *a), cut()))
        with pytest.raises(OSError):
            land_all(tmp_path / "h")
    with open(seeds / "segment_rules.csv", "a", encoding="utf-8") as handle:
        handle.write("Z01,icv,icv,scope,反重力舱,make,strong,,a word that the vocabulary did not have\n")
    code_digest._DIGESTS.clear()
    sector.rules_of.cache_clear()
    (back,) = land_all(tmp_path / "h").values()
    assert back.digests == changed.digests
    for name, digest in back.digests.items():
        table = tmp_path / f"h/landing/inbox/{name}/{back.partition}.parquet"
        assert hashlib.sha256(table.read_bytes()).hexdigest() == digest


def test_a_damaged_table_is_judged_again_and_not_classified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    body = csv_text(dirty_register(), [*HEADER, "经营范围"]).encode()
    monkeypatch.setattr(code_digest, "_DIGESTS", {})
    first = lands(tmp_path / "h", body, "r.csv", monkeypatch, many=True)
    table = tmp_path / f"h/landing/inbox/firms/{first.partition}.parquet"
    damaged = bytearray(table.read_bytes())
    damaged[100:200] = bytes(100)
    table.write_bytes(damaged)
    code_digest._DIGESTS[SOURCE.name, False] = "another vocabulary"
    (healed,) = land_all(tmp_path / "h").values()
    assert healed.outcome == "landed" and healed.digests == first.digests


def test_forms_of_former_versions_lose_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """They kept the records of a block that were read one by one in a row group after that of the plain ones."""
    monkeypatch.setattr(bulk_read, "BLOCK", 700)
    body = csv_text(dirty_register(), [*HEADER, "经营范围"]).encode()
    lands(tmp_path / "new", body, "r.csv", monkeypatch, many=True)
    form, former = (tmp_path / f"{name}.parquet" for name in ("form", "former"))
    read_bulk(write(tmp_path / "r.csv", body), "firms", "csv", {}, form)
    source = pq.ParquetFile(form)
    with pq.ParquetWriter(former, source.schema_arrow) as out:
        for index in range(source.num_row_groups):
            group = source.read_row_group(index)
            numbers = group["record"].to_pylist()
            cut = next((i for i in range(1, len(numbers)) if numbers[i] < numbers[i - 1]), len(numbers))
            for piece in (group.slice(0, cut), group.slice(cut)):
                if piece.num_rows:
                    out.write_table(piece)
        out.add_key_value_metadata({META: source.metadata.metadata[META]})
    assert pq.ParquetFile(former).num_row_groups > source.num_row_groups
    judge_bulk(former, TODAY, tmp_path / "firms.parquet", SAID)
    bulk_sector.sector_bulk(tmp_path / "firms.parquet", former, SEEDS, tmp_path / "sector.parquet", {})
    for table in ("firms", "sector"):
        wanted = landed(tmp_path / "new", {"sector": "firms_sector"}.get(table, table))
        found = pl.read_parquet(tmp_path / f"{table}.parquet").drop(*SAID, strict=False).sort("record_no")
        assert found.equals(wanted.select(found.columns).sort("record_no")) and found.height > 20, table


def test_a_fault_of_ours_is_not_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What goes wrong while records are judged is no reason to refuse the file, and leaves nothing behind."""
    frame = pl.DataFrame({"uscc": [code_of(i) for i in range(9)], "name_zh": [f"深圳第{i}公司" for i in range(9)]})
    frame.write_parquet(tmp_path / "r.parquet")
    bodies = {"r.parquet": (tmp_path / "r.parquet").read_bytes(), "r.csv": frame.write_csv().encode()}

    def fault(*_: Any) -> None:
        raise ValueError("a fault of the judge")

    for name, body in bodies.items():
        with monkeypatch.context() as patch:
            patch.setattr("sources.inbox.bulk.judge._Judge.batch", fault)
            with pytest.raises(ValueError, match="a fault of the judge"):
                lands(tmp_path / name[2:], body, name, monkeypatch, many=True)
        assert not list((tmp_path / name[2:] / "raw/tmp").iterdir()), name
        with monkeypatch.context() as patch:
            patch.setattr(RawStore, "record", fault)
            with pytest.raises(ValueError, match="a fault of the judge"):
                lands(tmp_path / name[2:], body, name, monkeypatch, many=True)
        assert not list((tmp_path / name[2:] / "raw/tmp").iterdir()), name
        assert lands(tmp_path / name[2:], body, name, monkeypatch, many=True).tables["firms"] == 9


ALIKE = {
    "signs that are three letters": "uscc,name_zh\n91440300MAKM20000W,深圳甲公司\n91440300MA㎢0000W,深圳乙公司\n91440300ma00000000,丙\n",
    "codes in small letters": "uscc,name_zh\n91440300MAKM20000W,深圳甲公司\n91440300makm20000w,深圳乙公司\n",
    "codes with blanks": "uscc,name_zh\n91440300MAKM20000W,深圳甲公司\n 91440300 makm20000w,深圳乙公司\n",
    "dates that are not quite ISO": "name_zh,founded_on,as_of\n甲公司,2020- 1-01,\n乙公司,+2020-1-01,\n丙公司, 2020-1-01,\n丁公司,2020-01-01,2021- 1-01\n",
    "a day that merged records burst": "name_zh,founded_on\n" + "".join(
        f"深圳第{i}公司,2020-01-01\n" * 2 for i in range(8)) + "".join(f"广州第{i}公司,20{i:02}-03-0{i % 9 + 1}\n" for i in range(14)),
}  # fmt: skip


@pytest.mark.parametrize("what", ALIKE)
def test_what_was_once_judged_otherwise(tmp_path: Path, what: str):
    few, many = both(write(tmp_path / "a.csv", ALIKE[what].encode()), tmp_path / "w")
    assert few == many, what
    if "burst" in what:
        assert few == ("BlockFile", "anomaly:same_day_burst")


def test_numbers_and_dates_of_parquet(tmp_path: Path):
    frame = pl.DataFrame({
        "uscc": [code_of(i) for i in range(4)], "name_zh": [f"深圳第{i}公司" for i in range(4)],
        "founded_on": [dt.date(2001, 2, 3), None, dt.date(1999, 12, 31), dt.date(2090, 1, 1)],
        "registered_capital": [500.0, 12.5, None, 1e16], "as_of": [2020, 2021, None, 2022],
        "closed_on": [dt.datetime(2011, 2, 3, 4, 5), None, dt.datetime(2012, 1, 1), None], "stock_code": [600006.0, None, 1.5, None],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "n.parquet")
    few, many = both(tmp_path / "n.parquet", tmp_path / "w")
    assert few == many and few[0] == 4 and 0 < few[1] < 4


@pytest.mark.parametrize("block", [150, 900, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_an_encoding_is_told_by_all_that_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, block: int):
    """The head of a file may be ASCII alone; one damaged line after it does not decide for the rest."""
    monkeypatch.setattr(bulk_read, "HEAD", 200)
    monkeypatch.setattr(bulk_read, "BLOCK", block)
    rows = [[code_of(i), f"Works No {i} Ltd"] for i in range(40)] + [[code_of(i), f"深圳第{i}公司"] for i in range(40, 60)]
    body = csv_text(rows, ["uscc", "name_zh"]).encode(encoding)
    few, many = both(write(tmp_path / "a.csv", body), tmp_path / "w")
    assert few == many and few[1] == 60
    few, many = both(write(tmp_path / "b.csv", body.replace(b"Works No 20 ", b"M\xfcller AG")), tmp_path / "w")
    assert few == many and few[1] >= 59
    few, many = both(write(tmp_path / "c.csv", body[:-1]), tmp_path / "w")
    assert few == many


def test_a_file_that_is_all_head_is_read_to_its_last_sign(tmp_path: Path):
    body = (f"uscc,name_zh\n{code_of(1)},A Ltd\n{code_of(2)},".encode() + "深圳公司".encode("gb18030"))
    few, many = both(write(tmp_path / "a.csv", body), tmp_path / "w")
    assert few == many and few[1] == 2


def test_a_list_is_as_long_as_what_lands_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_sector, "LIST_ROWS", 9)
    monkeypatch.setattr(enrichment, "LIST_ROWS", 9)
    rows = [[code_of(i), f"深圳第{i}公司"] for i in range(9)] + [["1234", "深圳甲公司"], ["5678", "深圳乙公司"]]
    for way in ("few", "many"):
        account = lands(tmp_path / way, csv_text(rows, ["uscc", "name_zh"]).encode(), "l.csv", monkeypatch, many=way == "many")
        assert account.tables == {"firms": 9, "firms_sector": 9}, way


def test_a_beginning_that_packs_well_is_no_bomb(tmp_path: Path):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = packer.compress(b"a,b\n" * (15 << 20)) + packer.compress(random.Random(1).randbytes(600 << 10)) + packer.flush()
    assert gunzip_into(write(tmp_path / "a.gz", body), io.BytesIO()) == (60 << 20) + (600 << 10)
    with pytest.raises(RejectFile, match="decompressed_too_large"):
        gunzip_into(write(tmp_path / "b.gz", gzip.compress(bytes(400 << 20))), io.BytesIO())


def test_a_cut_archive_lands_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk, "BULK_BYTES", dict.fromkeys(bulk.BULK_BYTES, 0))
    body = gzip.compress(csv_text(firm_lines(3000)).encode())
    got = judge_file(write(tmp_path / "c.csv.gz", body[: len(body) // 2]), "firms", TODAY)
    assert (got["verdict"], got["reasons"]) == ("reject", ["bad_archive"])
    write(tmp_path / "h/inbox/firms/c.csv.gz", body[: len(body) // 2])
    (account,) = land_all(tmp_path / "h").values()
    assert account.outcome == "rejected" and account.reasons == {"bad_archive": 1} and not account.tables


SPELLINGS = {
    "5000(万元人民币)": (5e7, "CNY"), "5000（万元）": (5e7, "CNY"), "5,000万元": (5e7, "CNY"), "5000万人民币": (5e7, "CNY"),
    "5000万": (5e7, "CNY"), "5000(万)": (5e7, "CNY"), "5000万元人民币 ": (5e7, "CNY"), "人民币5000万元": (5e7, "CNY"),
    "5000 万元整": (5e7, "CNY"), "0.5亿元": (5e7, "CNY"), "0.5亿": (5e7, "CNY"), "50000000元": (5e7, "CNY"),
    "50000000.00元人民币": (5e7, "CNY"), "50,000,000元": (5e7, "CNY"), "RMB 5000万": (5e7, "CNY"), "5千万元": (5e7, "CNY"),
    "50百万元": (5e7, "CNY"), "５０００万元": (5e7, "CNY"), "100(万美元)": (1e6, "USD"), "100万美元": (1e6, "USD"),
    "USD 1,000,000": (1e6, "USD"), "100万港币": (1e6, "HKD"), "100万香港元": (1e6, "HKD"), "100万港元": (1e6, "HKD"),
    "100(万欧元)": (1e6, "EUR"), "100万欧元": (1e6, "EUR"), "10000万日元": (1e8, "JPY"), "1亿日元": (1e8, "JPY"),
    "100万德国马克": (1e6, "DEM"), "100.0000万英镑": (1e6, "GBP"),
}  # fmt: skip


def test_spellings_of_capital(tmp_path: Path):
    """25 spellings and more, and five currencies and more, by both ways."""
    assert len(SPELLINGS) >= 25 and len({c for _, c in SPELLINGS.values()}) >= 5 <= len(set(CURRENCIES.values()))
    rows = [[code_of(i), f"深圳第{i}公司", text] for i, text in enumerate(SPELLINGS)]
    path = write(tmp_path / "c.csv", csv_text([*rows, [code_of(99), "深圳公司", "若干"]], ["uscc", "name_zh", "注册资本"]))
    few, many = both(path, tmp_path / "w")
    assert few == many and [q[1] for q in many[3]] == ["bad_number"]
    columns = list(LANDED["firms"])
    at, currency = columns.index("registered_capital"), columns.index("capital_currency")
    assert [(row[at], row[currency]) for row in many[2]] == list(SPELLINGS.values())


def test_manifest_of_a_register(tmp_path: Path):
    path = write(tmp_path / "m.csv", csv_text(firm_lines(50)))
    for manifest in ({"rows": 51}, {"rows": 49}, {"previous_rows": 100}, {"bytes": 3}, {"sha256": "0" * 64}):
        few, many = both(path, tmp_path / "w", manifest)
        assert few == many and isinstance(few[0], str), manifest
    assert json.dumps(both(path, tmp_path / "w", {"rows": 50})[1][0]) == "50"


def test_signs_that_fold_to_digits_are_part_of_a_sum(tmp_path: Path):
    """The words behind a number are judged once a spelling, so they must not hold more of the number."""
    sums = ["5２万", "5²万元", "5①", "5．5万元", "5，000万元", "5 万 元", "5e4", "5E2万", "5٣万", "5", "5.", "0", "9" * 15 + "万亿", "12万元-", "1,2万"]
    rows = [[code_of(i), f"深圳第{i}公司", text] for i, text in enumerate(sums)]
    path = write(tmp_path / "c.csv", csv_text(rows, ["uscc", "name_zh", "注册资本"]))
    few, many = both(path, tmp_path / "w")
    assert few == many and few[0] == len(sums)


def test_persons_in_a_dropped_column_hide_none_in_a_kept_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a column that is dropped arouses suspicion in every line, the kept ones are still looked at."""
    monkeypatch.setattr(bulk_read, "BLOCK", 2000)
    rows = [[code_of(i), f"深圳第{i}公司", f"1380013{i:04}", "零售"] for i in range(200)]
    for i in (3, 77, 150, 199):
        rows[i][3] = "零售；电话 13912345678"
    rows[120][3] = "零\ufffd售"
    path = write(tmp_path / "p.csv", csv_text(rows, ["uscc", "name_zh", "联系电话", "经营范围"]))
    few, many = both(path, tmp_path / "w")
    assert few == many and len(few[3]) == 1
    assert "13912345678" not in str(pl.read_parquet(tmp_path / "w/form.parquet").rows())
