"""The inbox from file to landed Parquet: encodings, kinds, synonyms, identity by content, books that balance.

Belongs here: the inbox's own rules and its landing. Does not belong here: the hostile set (test_hostile), and what
becomes of the rows in the warehouse.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.declaration import RejectFile
from ingest.home import Home
from ingest.store.landing import Landing, landed_schema
from ingest.text.identifiers import is_uscc, uscc_check_char
from sources.inbox import SOURCE
from sources.inbox.check_inputs import judge_file, main
from sources.inbox.judge import judge
from sources.inbox.kinds import HEADERS, KINDS, SCHEMAS, map_columns
from sources.inbox.scrubbed import Scrubbed, read, said_of
from sources.inbox.texts import is_mojibake
from tests.conftest import examples
from tests.registers import registrations

TODAY = dt.date(2026, 11, 24)


def code_of(number: int, office: str = "440300") -> str:
    body = f"91{office}MA{number:07d}"
    return body + uscc_check_char(body)


def firm_lines(count: int, start: int = 0) -> list[list[str]]:
    rows = []
    for i in range(start, start + count):
        rows.append([code_of(i), f"深圳第{i}新能源汽车有限公司", "深圳市", f"20{i % 20:02d}-0{1 + i % 9}-1{i % 9}", f"{i + 1}万元", "存续"])
    return rows


HEADER = ["统一社会信用代码", "企业名称", "所属城市", "成立日期", "注册资本", "经营状态"]


def csv_text(rows: list[list[str]], header: list[str] = HEADER) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


def verdict(path: Path, kind: str = "firms", **manifest: Any) -> dict[str, Any]:
    return judge_file(path, kind, TODAY, manifest)


def land_all(home: Path) -> dict[str, Any]:
    landing = Landing(Home(home))
    return {p: landing.land(SOURCE, p) for p in landing.partitions(SOURCE)}


def landed(home: Path, kind: str) -> pl.DataFrame:
    return pl.read_parquet(home / "landing" / "inbox" / kind / "*.parquet")


# -- media and encodings ---------------------------------------------------------------------------------
def media_variants(rows: list[list[str]]) -> dict[str, bytes]:
    import openpyxl

    text = csv_text(rows)
    records = [dict(zip(HEADER, row, strict=True)) for row in rows]
    book, parquet = io.BytesIO(), io.BytesIO()
    workbook = openpyxl.Workbook()
    for row in [HEADER, *rows]:
        workbook.active.append(row)
    workbook.save(book)
    pl.DataFrame(records).write_parquet(parquet)
    return {
        "utf8.csv": text.encode(), "bom.csv": text.encode("utf-8-sig"), "gb.csv": text.encode("gb18030"),
        "u16.csv": text.encode("utf-16"), "u16le.csv": text.encode("utf-16-le"), "u16be.csv": text.encode("utf-16-be"),
        "crlf.csv": text.replace("\n", "\r\n").encode(), "mac.csv": text.replace("\n", "\r").encode(),
        "z.csv.gz": gzip.compress(text.encode("gb18030")),
        "two.csv.gz": gzip.compress(text[:100].encode()) + gzip.compress(text[100:].encode()),
        "l.jsonl": "\n".join(json.dumps(r, ensure_ascii=False) for r in records).encode(),
        "j.json": json.dumps({"total": len(records), "rows": records}, ensure_ascii=False).encode(),
        "b.xlsx": book.getvalue(), "p.parquet": parquet.getvalue(),
    }  # fmt: skip


def test_every_medium_gives_the_same_rows(tmp_path: Path):
    rows = firm_lines(25)
    rows[3][1] = '深圳"引号",逗号有限公司'
    seen = set()
    for name, body in media_variants(rows).items():
        path = write(tmp_path / name, body)
        judged = judge(read(path, "firms", _media(name)), TODAY)
        assert (judged.records_in, judged.accepted, len(judged.quarantine)) == (25, 25, 0), name
        seen.add(json.dumps(judged.rows, ensure_ascii=False, sort_keys=True))
    assert len(seen) == 1
    row = json.loads(seen.pop())[3]
    assert row["name_zh"] == rows[3][1] and row["registered_capital"] == 40_000 and row["founded_precision"] == "day"


def _media(name: str) -> str:
    from ingest.files.open import media_of

    return media_of(name)


def test_parquet_with_types(tmp_path: Path):
    frame = pl.DataFrame({"name_zh": ["甲公司", "乙公司"], "founded_on": [dt.date(2001, 2, 3), None],
                          "registered_capital": [5e6, None], "city_adcode": [440300, 310000]})  # fmt: skip
    frame.write_parquet(tmp_path / "a.parquet")
    judged = judge(read(tmp_path / "a.parquet", "firms", "parquet"), TODAY)
    assert [r["founded_on"] for r in judged.rows] == ["2001-02-03", None]
    assert [r["city_adcode"] for r in judged.rows] == ["440300", "310000"]


# -- columns -----------------------------------------------------------------------------------------------
def test_every_word_for_a_column_is_known():
    for kind in KINDS:
        assert set(HEADERS[kind]) <= set(SCHEMAS[kind])
        for column in HEADERS[kind]:
            assert map_columns(kind, [column]).mapped == {column: column}
    for word, column in [("统一社会信用代码", "uscc"), ("企业名称", "name_zh"), ("注册地址", "address"), ("成立日期", "founded_on"),
                         ("注册资本", "registered_capital"), ("经营范围", "business_scope"), ("经营状态", "status"),
                         ("行业", "industry"), ("name", "name_zh"), ("founded", "founded_on"), ("reg_date", "founded_on"),
                         ("capital", "registered_capital"), ("scope", "business_scope"), ("type", "company_type"),
                         (" 企业 名称 ", "name_zh"), ("NAME", "name_zh")]:  # fmt: skip
        assert map_columns("firms", [word]).mapped == {word: column}


def test_unit_in_the_header(tmp_path: Path):
    path = write(tmp_path / "a.csv", "企业名称,注册资本（万元）\n甲公司,12.5\n乙公司,3亿元\n")
    rows = judge(read(path, "firms", "csv"), TODAY).rows
    assert [r["registered_capital"] for r in rows] == [125_000, 3e8]
    assert rows[0]["registered_capital_text"] == "12.5万元" and rows[0]["flags"] is None


def test_missing_and_drifted_columns(tmp_path: Path):
    got = verdict(write(tmp_path / "a.csv", "uscc,企业名称2\n" + code_of(1) + ",甲\n"))
    assert got["reasons"] == ["missing_column"] and "name_zh" in got["detail"] and "企业名称2" in got["detail"]
    got = verdict(write(tmp_path / "b.csv", "name_zh,colour\n甲公司,red\n"))
    assert got["verdict"] == "accept" and "schema_drift:added:colour" in got["flags"]
    got = verdict(write(tmp_path / "c.csv", "企业名称,name\n甲公司,乙公司\n"))
    assert got["verdict"] == "accept" and "same_column_twice:name" in got["flags"]
    # the contract asks of firms only a name, also where other columns come with it under its own names
    got = verdict(write(tmp_path / "d.csv", "name_zh,founded_on,status,registered_capital,industry\n甲公司,2001,存续,5万元,电池\n"))
    assert got["verdict"] == "accept"
    # a register's extract without the register's key is not one
    got = verdict(write(tmp_path / "e.csv", "企业名称,成立日期,注册资本,经营状态\n甲公司,2001,5万元,存续\n"))
    assert got["reasons"] == ["missing_column"] and "uscc" in got["detail"]


@pytest.mark.parametrize(
    ("kind", "text", "bad"),
    [("plants", "operator_en,city,product,opened_year,capacity,capacity_unit,longitude,latitude\n"
                "BYD,Shenzhen,cars,2007,300000,vehicles/yr,114.3,22.7\nBYD,Xi'an,cars,2003-05,,,,\n", 0),
     ("plants", "operator_zh,city_adcode,product,longitude,latitude\n甲,440300,电池,22.7,114.3\n", 1),
     ("plants", "operator_zh,city_adcode,product,opened_year,closed_year\n甲,440300,电池,2010,2005\n,440300,电池,,\n", 2),
     ("policies", "title_zh,issuer,level,issue_date\n若干措施,深圳市,city,2023年5月\n规划,国务院,national,2032-01-01\n", 1),
     ("city_output", "city,year,product,output,unit\n深圳,2023,nev,1730000,vehicles\n西安,2023,tank,1,vehicles\n合肥,2023,auto,-3,x\n", 2),
     ("city_output", "城市,年份,产品,产量,单位\n深圳,2023,新能源汽车,173,万辆\n", 0),
     # a part of a year is no year's output, whatever year it is of
     ("city_output", "城市,年份,产品,产量,单位\n合肥,2025年1-11月,nev,124.6,万辆\n合肥,2025-11,nev,13,万辆\n合肥,2025,nev,124.6,万辆（1-11月）\n合肥,2025年,nev,137,万辆\n", 3)],
)  # fmt: skip
def test_other_kinds(tmp_path: Path, kind: str, text: str, bad: int):
    path = write(tmp_path / "a.csv", text)
    judged = judge(read(path, kind, "csv"), TODAY)
    assert len(judged.quarantine) == bad
    assert judged.records_in == len(text.strip().split("\n")) - 1 == judged.accepted + bad


def test_sub_folders_are_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(tmp_path / "plants" / "p.csv", "operator_en,city,product\nBYD,Shenzhen,cars\n")
    write(tmp_path / "city_output" / "o.csv", "city,year,product,output,unit\n深圳,2023,nev,1,vehicles\n")
    write(tmp_path / "f.csv", "name_zh\n甲公司\n")
    write(tmp_path / "notes.txt", "x")
    before = sorted(p.as_posix() for p in tmp_path.rglob("*"))
    assert main(["--dir", str(tmp_path)]) == 0
    got = {a["file"]: a for a in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {k: v["verdict"] for k, v in got.items()} == {
        "plants/p.csv": "accept", "city_output/o.csv": "accept", "f.csv": "accept", "notes.txt": "reject"
    }  # fmt: skip
    assert sorted(p.as_posix() for p in tmp_path.rglob("*")) == before


def test_nothing_tells_what_a_cell_held(tmp_path: Path):
    """Column, reason and the form that was expected; in raw the length of the cell, in nothing the value."""
    rows = firm_lines(6)
    rows[0][3], rows[1][4], rows[2][0], rows[3][3] = "张三丰", "欧阳锋", "李晓明", "2023-02-30"
    rows[4] = [*rows[4], "王重阳"]
    rows[5][3] = rows[5][4] = "13812345678"
    path = write(tmp_path / "a.csv", csv_text(rows, [*HEADER[:5], "状态 13912345678"]))
    scrubbed = read(path, "firms", "csv")
    judged = judge(scrubbed, TODAY)
    got = {q["record"]: (q["reason"], q["column"]) for q in judged.quarantine}
    assert got == {1: ("bad_date", "founded_on"), 2: ("bad_number", "registered_capital"), 3: ("bad_uscc", "uscc"), 4: ("bad_date", "founded_on"),
                   5: ("too_many_columns", None), 6: ("bad_number", "registered_capital")}  # fmt: skip
    assert "expected" in judged.quarantine[0]["detail"]
    told = json.dumps([judged.quarantine, judged.notes, verdict(path)], ensure_ascii=False)
    for value in ("张三丰", "欧阳锋", "李晓明", "王重阳", "13812345678", "13912345678"):
        assert value not in scrubbed.to_bytes().decode() and value not in told
    raw = scrubbed.to_bytes().decode()
    assert "[3字已隐去]" in raw and "2023-02-30" in raw  # a wrong value of the right shape stays
    assert judge(Scrubbed.from_bytes(scrubbed.to_bytes()), TODAY).quarantine == judged.quarantine


def test_a_first_line_that_is_no_header_is_not_told(tmp_path: Path):
    got = verdict(write(tmp_path / "a.csv", "张三丰,13812345678,深圳\n李晓明,13912345678,西安\n"))
    assert got["reasons"] == ["missing_column"] and "is it a header" in got["detail"]
    twice = verdict(write(tmp_path / "b.csv", "张三丰,张三丰\n1,2\n"))
    assert twice["reasons"] == ["duplicate_header"] and "columns 1 and 2" in twice["detail"]
    assert "张三丰" not in json.dumps([got, twice], ensure_ascii=False)


def test_a_sidecar_is_kept_as_numbers_and_codes():
    said = {"rows": 5, "previous": {"rows": 4, "cities": 2, "by": "张三丰"}, "accept_anomalies": ["row_count_drop", "张三丰"], "sha256": "x",
            "threshold": 0.3, "previous_rows": 13812345678, "note": "张三丰"}  # fmt: skip
    assert said_of(said) == {"rows": 5, "previous": {"rows": 4, "cities": 2}, "accept_anomalies": ["row_count_drop"], "threshold": 0.3}


# -- sidecars and guards -----------------------------------------------------------------------------------
def test_sidecars_tell_of_truncation(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = csv_text(firm_lines(50))
    write(tmp_path / "a.csv", text[: text.index("\n", 2000) + 1])
    write(tmp_path / "a.csv.manifest.json", json.dumps({"rows": 50}))
    write(tmp_path / "b.csv", text)
    write(tmp_path / "c.csv", text)
    write(tmp_path / "manifest.json", json.dumps({"files": {"b.csv": {"rows": 50, "bytes": len(text.encode())},
                                                            "c.csv": {"sha256": "0" * 64}}}))  # fmt: skip
    main(["--dir", str(tmp_path)])
    got = {a["file"]: (a["verdict"], a["reasons"]) for a in map(json.loads, capsys.readouterr().out.splitlines())}
    assert got == {"a.csv": ("reject", ["truncated"]), "b.csv": ("accept", []), "c.csv": ("reject", ["digest_mismatch"])}


def test_guards_and_their_override(tmp_path: Path):
    rows = firm_lines(60)
    for row in rows[:40]:
        row[3] = "2024-01-02"
    path = write(tmp_path / "burst.csv", csv_text(rows))
    assert verdict(path)["reasons"] == ["anomaly:same_day_burst"]
    assert verdict(path, accept_anomalies=["anomaly:same_day_burst"])["verdict"] == "accept"
    assert verdict(write(tmp_path / "x.csv", csv_text(firm_lines(40))), previous_rows=100)["reasons"] == ["row_count_drop"]
    assert verdict(tmp_path / "x.csv", previous_rows=45)["verdict"] == "accept"
    doubled = write(tmp_path / "d.csv", csv_text(firm_lines(10) * 6))
    assert verdict(doubled)["reasons"] == ["row_count_jump_or_duplicates"]
    mixed = [[code_of(i, office), f"公司{i}", "深圳市", "", "", ""] for i, office in
             enumerate(["440300", "340100", "430100", "610100"] * 10)]  # fmt: skip
    for i, row in enumerate(mixed):
        row[3] = f"19{50 + i}-01-01"
    assert verdict(write(tmp_path / "s.csv", csv_text(mixed)))["reasons"] == ["category_shift"]
    for row in mixed:
        row[2] = {"4403": "深圳市", "3401": "合肥市", "4301": "长沙市", "6101": "西安市"}[row[0][2:6]]
    assert verdict(write(tmp_path / "t.csv", csv_text(mixed)))["verdict"] == "accept"


def test_registrations_pass(tmp_path: Path):
    """2,000 composed registrations: the dirt that was measured in real ones is caught by name, and little else."""
    frame = registrations(2000, 3)
    frame.write_csv(tmp_path / "r.csv")
    got = judge(read(tmp_path / "r.csv", "firms", "csv"), TODAY)
    assert got.records_in == 2000 == got.accepted + len(got.quarantine)
    assert len(got.quarantine) < 30, got.reasons
    assert set(got.reasons) <= {"bad_uscc", "key_conflict", "replacement_char", "shifted_columns", "bad_date", "bad_number",
                                "mojibake", "control_char", "missing_name"}  # fmt: skip


@pytest.mark.parametrize("name", ["深圳市比亚迪锂电池有限公司", "上海电驱动股份有限公司", "Société Générale 中国", "Müller Weingarten AG",
                                  "长春·一汽", "鑫磊矿业", "鎏鑫", "ÄÖÜ äöü ßé Größe"])  # fmt: skip
def test_mojibake(name: str):
    assert not is_mojibake(name)
    if sum("\u4e00" <= c <= "\u9fff" for c in name) >= 6:
        assert is_mojibake(name.encode().decode("latin-1"))
        assert is_mojibake(name.encode("gb18030").decode("latin-1"))
        assert is_mojibake(name.encode().decode("gb18030", "ignore")) or len(name.encode()) % 2


# -- landing -------------------------------------------------------------------------------------------------
def test_a_bad_file_stops_nothing_and_is_named(tmp_path: Path):
    write(tmp_path / "inbox/firms/good.csv", csv_text(firm_lines(5)))
    write(tmp_path / "inbox/firms/empty.csv", b"")
    write(tmp_path / "inbox/firms/odd.docx", b"x")
    write(tmp_path / "inbox/plants/none.csv", "operator_en\nBYD\n")
    accounts = land_all(tmp_path)
    outcomes = sorted((a.outcome, *a.reasons) for a in accounts.values())
    assert outcomes == [("landed",), ("rejected", "empty_file"), ("rejected", "missing_column"), ("rejected", "unsupported_type")]
    held = pl.concat([pl.read_parquet(p) for p in (tmp_path / "quarantine/inbox").glob("[fp]*.parquet")])
    assert sorted(held["reason"]) == ["empty_file", "missing_column", "unsupported_type"]
    assert landed(tmp_path, "firms").height == 5 and landed(tmp_path, "plants").height == 0
    assert pl.read_parquet_schema(next((tmp_path / "landing/inbox/firms").glob("firms-*.parquet"))) == landed_schema(
        SOURCE.table("firms")
    )


def test_no_personal_data_anywhere(tmp_path: Path):
    canaries = ["张三丰", "13812345678", "canary.person@example.com", "11010519491231002X", "13900001111"]
    head = [*HEADER, "经营范围", "法定代表人", "联系电话", "电子邮箱", "身份证号", "备注"]
    rows = [[*row, "电池；联系人张三丰 13900001111", "张三丰", "13812345678", canaries[2], canaries[3], "张三丰"] for row in firm_lines(8)]
    rows[2][0] = "1234"  # quarantined with its payload
    rows[4] = [*rows[4], "张三丰", "13812345678"]  # too many columns: which is whose is not sure
    rows[5][5] = "11010519491231002X"  # shifted
    for encoding in ("utf-8", "gb18030"):
        write(tmp_path / f"inbox/firms/13812345678-{encoding}.csv", csv_text(rows, head).encode(encoding))
    accounts = land_all(tmp_path)
    assert {a.quarantined for a in accounts.values()} == {2}
    shutil.rmtree(tmp_path / "inbox")
    blobs = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(blobs) > 8
    for path in blobs:
        body = path.read_bytes()
        if path.suffix == ".parquet":
            body += str(pl.read_parquet(path).rows()).encode()
        for canary in canaries:
            for encoding in ("utf-8", "gb18030", "utf-16-le"):
                assert canary.encode(encoding) not in body, (path.name, canary)


def test_rebuilt_from_raw_alone_is_the_same(tmp_path: Path):
    write(tmp_path / "inbox/firms/a.csv", csv_text([*firm_lines(10), ["1234", "甲", "", "", "", ""]]))
    (before,) = land_all(tmp_path).values()
    shutil.rmtree(tmp_path / "landing")
    shutil.rmtree(tmp_path / "quarantine")
    shutil.rmtree(tmp_path / "inbox")
    (after,) = land_all(tmp_path).values()
    assert after.digests == before.digests and after.quarantined == 1


def test_scrubbed_form_survives_the_raw_store():
    damaged = Scrubbed({"kind": "firms"}, [(1, {"name_zh": "\udce5坏\x00"}, "", "", "", {}), (2, None, "unclosed_quote", "", "x", {})])
    assert Scrubbed.from_bytes(damaged.to_bytes()) == damaged


# -- any file ------------------------------------------------------------------------------------------------
# Python's writer leaves a lone carriage return unquoted when lines end otherwise: such a file has two readings
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS).map(list), min_size=1, max_size=12)


def no_blank(rows: list[list[str]]) -> list[list[str]]:
    return [[f"名{i}" if not row[0].strip() else row[0], *row[1:]] for i, row in enumerate(rows)]


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS.map(no_blank), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
       st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))  # fmt: skip
def test_every_written_record_is_accounted_for(tmp_path: Path, rows: Any, quoting: Any, end: str, encoding: str):
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator=end).writerows([["name_zh", "city", "industry"], *rows])
    path = write(tmp_path / "h.csv", out.getvalue().encode(encoding))
    judged = judge(read(path, "firms", "csv"), TODAY)
    assert judged.records_in == len(rows) == judged.accepted + len(judged.quarantine)


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_edited_files_never_raise_and_always_balance(tmp_path: Path, data: st.DataObject, encoding: str):
    body = bytearray(csv_text(firm_lines(data.draw(st.integers(1, 8)))).encode(encoding))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body)))
        piece = data.draw(st.sampled_from([b'"', b",", b"\n", b"\r", b'""', b"\0", b"\xff", b"\xe5", b",,", b'"\n"', b"\x1b[0m"]))
        cut = data.draw(st.integers(0, 3))
        body[place : place + cut] = piece
    path = write(tmp_path / "e.csv", bytes(body))
    got = judge_file(path, "firms", TODAY)
    assert got["rows_in"] == got["rows_ok"] + got["rows_quarantined"]
    assert got["verdict"] in ("accept", "quarantine", "reject", "block") and got["reasons"] != ["unreadable"]
    assert (got["verdict"] == "accept") == (not got["reasons"])


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.csv.gz", "a.jsonl", "a.json", "a.xlsx", "a.parquet", "a.zip",
                                                 "a.html", "a.xml"]))  # fmt: skip
def test_any_bytes_get_a_verdict(tmp_path: Path, body: bytes, name: str):
    got = judge_file(write(tmp_path / name, body), "firms", TODAY)
    assert got["verdict"] in ("accept", "quarantine", "reject", "block") and got["reasons"] != ["unreadable"]


def test_one_stray_quote_costs_one_record(tmp_path: Path):
    lines = csv_text(firm_lines(30)).split("\n")
    for place in range(1, 31):
        edited = lines.copy()
        edited[place] = edited[place].replace(",", ',"', 1)
        got = verdict(write(tmp_path / "q.csv", "\n".join(edited)))
        assert (got["rows_in"], got["rows_ok"], got["reasons"]) == (30, 29, ["unclosed_quote"]), place


def test_rejects_carry_a_reason_code(tmp_path: Path):
    with pytest.raises(RejectFile) as caught:
        read(write(tmp_path / "a.csv", "<html>"), "firms", "csv")
    assert caught.value.reason == "not_csv"
    assert is_uscc(code_of(7))
