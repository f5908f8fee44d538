"""The further files that people bring: announced vehicles, admission lists, listed companies, parents, plants with their
coordinate system.

Belongs here: what each contract takes and holds back, and coordinates against published pairs. Does not belong here: firms
(test_inbox, test_bulk). The firms in these files are invented.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from ingest.text.coordinates import bd09_to_gcj02, gcj02_to_wgs84, system_of, to_wgs84, wgs84_to_gcj02
from sources.inbox.check_inputs import main
from sources.inbox.judge import judge, nev_type
from sources.inbox.scrubbed import read
from tests.test_inbox import code_of, land_all, landed, write

TODAY = dt.date(2026, 11, 24)


def judged(path: Path, kind: str, text: str) -> Any:
    found = judge(read(write(path / "f.csv", text), kind, "csv"), TODAY)
    assert found.records_in == found.accepted + len(found.quarantine)
    return found


# -- coordinates: pairs published with eviltransform (WGS-84 <-> GCJ-02) and coordtransform (BD-09 -> GCJ-02) ------------------
PAIRS = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
]


@pytest.mark.parametrize(("wgs", "gcj"), PAIRS)
def test_known_points(wgs: tuple[float, float], gcj: tuple[float, float]):
    assert wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=1e-9)
    assert gcj02_to_wgs84(*gcj) == pytest.approx(wgs, abs=1e-7)  # a centimetre
    assert to_wgs84(*gcj, "gcj02") == pytest.approx(wgs, abs=1e-7) and to_wgs84(*wgs, "wgs84") == wgs


def test_known_point_of_bd09():
    assert bd09_to_gcj02(116.404, 39.915) == pytest.approx((116.39762729119315, 39.90865673957631), abs=1e-9)
    lon, lat = to_wgs84(116.404, 39.915, "bd09")
    assert wgs84_to_gcj02(lon, lat) == pytest.approx((116.39762729119315, 39.90865673957631), abs=1e-9)


def test_outside_china_nothing_is_shifted():
    assert gcj02_to_wgs84(2.35, 48.86) == (2.35, 48.86)


def test_names_of_systems():
    for text, system in [("WGS-84", "wgs84"), ("EPSG:4326", "wgs84"), ("GCJ-02", "gcj02"), ("高德", "gcj02"), ("百度坐标", "bd09"), ("BD-09", "bd09")]:
        assert system_of(text) == system
    with pytest.raises(ValueError, match="none of wgs84"):
        system_of("mars")


def test_plants_with_their_coordinate_system(tmp_path: Path):
    head = "operator_zh,city_adcode,product,plant_name,longitude,latitude,坐标系\n"
    rows = ["甲,310000,整车,一厂,121.531541859215,31.17530398364597,GCJ-02", "甲,310000,整车,二厂,121.5272106,31.1774276,wgs84",
            "甲,310000,整车,三厂,121.5272106,31.1774276,", "甲,310000,整车,四厂,121.5,31.2,mars", "甲,310000,整车,五厂,,,bd09"]  # fmt: skip
    found = judged(tmp_path, "plants", head + "\n".join(rows) + "\n")
    assert [(q["record"], q["reason"]) for q in found.quarantine] == [(4, "bad_crs")]
    first, second, third, fifth = found.rows
    assert (first["longitude"], first["latitude"]) == pytest.approx((121.5272106, 31.1774276), abs=1e-6)
    assert (first["crs"], first["flags"]) == ("gcj02", "converted_from_gcj02")
    assert (second["longitude"], second["flags"], third["flags"], fifth["longitude"]) == (121.5272106, None, "crs_assumed_wgs84", None)


# -- announced vehicles ------------------------------------------------------------------------------------------------------
def test_miit_products(tmp_path: Path):
    head = "批次,企业名称,产品商标,产品型号,产品名称,燃料种类,生产地址,发布日期,停产日期,联系电话\n"
    rows = ["第402批,合肥示例汽车有限公司,示例牌,SL7000BEV,纯电动轿车,纯电动,合肥市,2025-12-30,,13800001234",
            "403,合肥示例汽车有限公司,示例牌,SL6480,插电式混合动力多用途乘用车,汽油/电混合,合肥市,2026-01-30,2027-01-01,13800001234",
            "403,合肥示例汽车有限公司,示例牌,SL6490,增程式多用途乘用车,,,2026-01-30,,", "403,合肥示例汽车有限公司,示例牌,SL5000XLC,冷藏车,柴油,,,,",
            "四百,合肥示例汽车有限公司,示例牌,SL1,纯电动轿车,,,,,", "403,合肥示例汽车有限公司,示例牌,,纯电动轿车,,,,,",
            "403,合肥示例汽车有限公司,示例牌,SL2,纯电动轿车,,,2030-01-01,,"]  # fmt: skip
    found = judged(tmp_path, "miit_products", head + "\n".join(rows) + "\n")
    assert [q["reason"] for q in found.quarantine] == ["bad_number", "missing_value", "future_date"]
    assert [(r["batch"], r["model"], r["nev_type"]) for r in found.rows] == [
        (402, "SL7000BEV", "bev"), (403, "SL6480", "phev"), (403, "SL6490", "erev"), (403, "SL5000XLC", "none")]  # fmt: skip
    assert "personal_columns_dropped:1" in found.flags and "13800001234" not in str(found.rows)
    assert nev_type(None, None) is None and nev_type("燃料电池客车") == "fcev"


# -- admission lists -----------------------------------------------------------------------------------------------------------
def test_admission_lists_are_events(tmp_path: Path):
    head = "list_id,batch,announcement_no,published_on,action,企业名称,uscc,产品类别\n"
    rows = [f"电池规范条件,5,公告2020年第43号,2020-11,admitted,北京示例电池有限公司,{code_of(5, '110105')},电池", "电池规范条件,6,,2022-12-28,撤销,北京示例电池有限公司,,电池",
            "电池规范条件,6,,2022-12-28,proposed,甲公司,,", "电池规范条件,6,,,admitted,甲公司,,", "电池规范条件,6,,2022-12-28,admitted,甲公司,12345,"]  # fmt: skip
    found = judged(tmp_path, "admission_lists", head + "\n".join(rows) + "\n")
    assert [(r["action"], r["published_on"], r["published_precision"]) for r in found.rows] == [
        ("admitted", "2020-11", "month"), ("revoked", "2022-12-28", "day")]  # fmt: skip
    assert [q["reason"] for q in found.quarantine] == ["bad_value", "missing_value", "bad_uscc"]


# -- listed companies ------------------------------------------------------------------------------------------------------------
def test_listed_companies(tmp_path: Path):
    head = "ts_code,com_name,com_id,exchange,province,city,setup_date,reg_capital,main_business,employees,chairman,secretary,email\n"
    who = "某某,某某,a@example.com"
    rows = [f"2594.SZ,深圳示例汽车股份有限公司,{code_of(3)},SZSE,广东,深圳市,19950210,291114.2855,新能源汽车、动力电池的制造,900000,{who}",
            f"1211,深圳示例控股有限公司,,HKEX,广东,深圳市,,,投资,,{who}", f"600000.SH,上海示例银行股份有限公司,,SSE,上海,上海市,19921019,100000(万元),银行业务,50000,{who}",
            f"深交所,甲公司,,,,,,,,,{who}", f"000001.SZ,乙公司,123,,,,,,,,{who}", f"000002.SZ,丙公司,,,,,,,,many,{who}"]  # fmt: skip
    found = judged(tmp_path, "listed_companies", head + "\n".join(rows) + "\n")
    assert [(r["stock_code"], r["registered_capital"], r["employees"]) for r in found.rows] == [
        ("002594", pytest.approx(2_911_142_855), 900_000), ("01211", None, None), ("600000", 1e9, 50_000)]  # fmt: skip
    assert found.rows[0]["flags"] == "capital_unit_assumed;zeros_restored"
    assert [q["reason"] for q in found.quarantine] == ["bad_value", "bad_uscc", "bad_number"]
    assert "personal_columns_dropped:3" in found.flags


def test_only_the_sector_of_listed_companies_goes_on(tmp_path: Path):
    text = ("证券代码,公司名称,城市,主营业务\n002594,深圳示例汽车股份有限公司,深圳市,新能源汽车整车制造\n600000,上海示例银行股份有限公司,上海市,银行业务\n")
    write(tmp_path / "inbox/listed_companies/l.csv", text)
    (account,) = land_all(tmp_path).values()
    assert account.tables == {"listed_companies": 2, "listed_sector": 1}
    (row,) = landed(tmp_path, "listed_sector").rows(named=True)
    assert (row["stock_code"], row["located_adcode"], row["segments"][0]["segment"]) == ("002594", "440300", "oem")


# -- parents ---------------------------------------------------------------------------------------------------------------------
def test_parents(tmp_path: Path):
    head = "子公司,统一社会信用代码,母公司,持股比例(%),valid_from,valid_to,source_url\n"
    rows = [f"甲电池有限公司,{code_of(1)},乙集团有限公司,51.5,2020,,https://example.org", ",,乙集团有限公司,100,,,https://example.org",
            "甲电池有限公司,,乙集团有限公司,100,,,", "甲电池有限公司,,甲电池有限公司,100,,,https://example.org", "丙,,乙,101,,,https://example.org"]  # fmt: skip
    found = judged(tmp_path, "parents", head + "\n".join(rows) + "\n")
    assert [q["reason"] for q in found.quarantine] == ["missing_value", "missing_value", "bad_value", "bad_number"]
    assert (found.rows[0]["share"], found.rows[0]["valid_from"], found.rows[0]["valid_to"]) == (0.515, "2020", None)
    shares = judged(tmp_path, "parents", "child,parent,share,source\n甲,乙,0.51,u\n丙,乙,51%,u\n丁,乙,51,u\n").rows
    assert [r["share"] for r in shares] == [0.51, 0.51, 0.51]


def test_check_inputs_knows_the_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(tmp_path / "parents/p.csv", "child,parent,source_url\n甲,乙,https://example.org\n")
    write(tmp_path / "m.csv", "批次,企业名称,产品型号\n402,甲汽车有限公司,A1\n")
    assert main(["--dir", str(tmp_path), "--kind", "miit_products"]) == 0
    got = {a["file"]: (a["verdict"], a["kind"]) for a in map(json.loads, capsys.readouterr().out.splitlines())}
    assert got == {"m.csv": ("accept", "miit_products"), "parents/p.csv": ("accept", "parents")}
