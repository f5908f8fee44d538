"""Sector, segments and place of registrations: composed ones, false friends, places.

Belongs here: makers among traders, false friends, years of industry codes, places against codes. Does not belong here: precision and
recall on labelled real registrations (python -m bench.sector_quality), reading files (test_inbox, test_bulk), who is who
(test_firm_resolution).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from ingest.firms import sector
from ingest.firms.location import gazetteer_of, locate
from ingest.home import SEEDS
from ingest.store import code_digest
from ingest.store import landing as landing_module
from tests.registers import registrations
from tests.test_inbox import code_of, csv_text, land_all, landed, write

RULES = sector.load_rules(SEEDS / "segment_rules.csv")


def segments_of(frame: pl.DataFrame) -> list[set[str]]:
    found = sector.classify(frame, RULES).filter("in_sector").select("record", "segment").rows()
    answer: list[set[str]] = [set() for _ in range(frame.height)]
    for record, segment in found:
        answer[record].add(segment)
    return answer


#: What the composed makers do (bench/registries.py), and the segment that each is in whatever else its scope names.
MAKERS = {
    "汽车零部件的制造": "components", "锂离子电池、动力电池系统的研发": "battery", "驱动电机及其控制系统研发": "e_drive", "电动汽车充电基础设施运营": "charging",
    "发动机及内燃机配件的制造": "ice_powertrain", "专用汽车、挂车的生产": "oem", "锂电池正极材料的研发": "battery_materials", "报废汽车回收": "recycling",
}  # fmt: skip


def test_makers_are_found_among_traders() -> None:
    """Of composed registrations every maker is found, in its segment, and no trader whose scope never names a part of a car.
    Precision and recall on labelled real ones: python -m bench.sector_quality."""
    frame = registrations(12_000, 5).rename({"name": "name_zh", "scope": "business_scope"})
    found = segments_of(frame.select("name_zh", "business_scope"))
    seen = set()
    for scope, segments in zip(frame["business_scope"].to_list(), found, strict=True):
        maker = next((segment for start, segment in MAKERS.items() if scope.startswith(start)), None)
        if maker:
            assert maker in segments, scope
            seen.add(maker)
        elif "汽车" not in scope:
            assert not segments, scope
    assert seen == set(MAKERS.values())


FALSE_FRIENDS = [
    ("中国农业银行股份有限公司十堰汽配城支行", "吸收公众存款；发放短期、中期和长期贷款"),
    ("武安市公共汽车有限公司", "公共汽车客运；汽车配件销售"),
    ("广州市第二公共汽车公司", "城市公交客运；汽车修理"),
    ("陕西新鑫机电机械有限公司", "机电机械设备的制造、销售"),
    ("宁波富氢水科技有限公司", "富氢水机的研发、生产、销售"),
    ("深圳市品胜充电宝有限公司", "充电宝、手机配件的生产、销售"),
    ("上海雷达表业有限公司", "手表、钟表的制造、销售"),
    ("方大碳素石墨电极有限公司", "石墨电极、碳素制品的制造、销售"),
    ("成都精典汽车贸易有限公司", "汽车销售；汽车零配件零售；二类汽车维修"),
    ("杭州大众汽车销售服务有限公司", "汽车销售；新能源汽车销售；机动车充电销售；汽车修理"),
    ("合肥安达驾驶培训学校", "机动车驾驶员培训"),
    ("江苏金河纺织有限公司", "纺织品制造；服装制造；日用百货销售；机动车充电销售"),
    ("上海南孚干电池有限公司", "干电池、碱性电池的制造、销售"),
    ("天津市自行车电机厂", "自行车、童车及零件的制造"),
    ("中国石化销售有限公司湖北十堰加油站", "汽油、柴油零售；汽车配件销售"),
    ("永嘉县气门芯厂", "气门芯、气门嘴的制造、加工"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "scope"), FALSE_FRIENDS)
def test_false_friends(name: str, scope: str):
    assert segments_of(pl.DataFrame({"name_zh": [name], "business_scope": [scope]})) == [set()]


TRUE_FRIENDS = [
    ("宁德新能源科技有限公司", "锂离子电池、动力电池系统的研发、生产、销售", {"battery"}),
    ("上海电驱动股份有限公司", "驱动电机及其控制系统研发、生产、销售", {"e_drive"}),
    ("特来电新能源有限公司", "电动汽车充电基础设施运营；充电桩销售", {"charging"}),
    ("湖南杉杉能源科技有限公司", "锂离子电池正极材料的研发、生产、销售", {"battery_materials"}),
    ("深圳市速腾聚创科技有限公司", "激光雷达的研发、生产、销售", {"icv"}),
    ("上海重塑能源科技有限公司", "燃料电池系统的研发、生产、销售", {"fuel_cell"}),
    ("荆门市格林美新材料有限公司", "新能源汽车废旧动力蓄电池回收及梯次利用（不含危险废物经营）", {"recycling"}),
    ("北汽福田汽车股份有限公司", "道路机动车辆生产；汽车、汽车零部件的制造、销售", {"oem"}),
    ("东风康明斯发动机有限公司", "柴油发动机及其零部件的开发、生产、销售", {"ice_powertrain"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "scope", "segments"), TRUE_FRIENDS)
def test_firms_of_the_sector(name: str, scope: str, segments: set[str]):
    (got,) = segments_of(pl.DataFrame({"name_zh": [name], "business_scope": [scope]}))
    assert segments <= got <= segments | {"components"}


def test_evidence_names_rule_words_and_place():
    frame = pl.DataFrame({"name_zh": ["合肥锂电池有限公司"], "business_scope": ["锂离子电池制造"], "industry_code": ["3841"]})
    row = sector.classify(frame, RULES).row(0, named=True)
    assert (row["segment"], row["where"], row["strength"], row["matched_words"]) == ("battery", "code", "definitive", "3841")
    named = sector.classify(frame.drop("industry_code"), RULES).row(0, named=True)
    assert named["where"] == "name" and "锂电" in named["matched_words"] and named["rule_id"] == "B01"


@pytest.mark.parametrize(
    ("code", "standard", "segments"),
    [("3660", "GB/T 4754-2011", {"components"}), ("3660", "GB/T 4754-2017", {"components"}), ("3620", "GB/T 4754-2017", {"ice_powertrain"}),
     ("3620", "GB/T 4754-2011", {"oem"}), ("3620", None, set()), ("3610", "GB/T 4754-2011", {"oem"}), ("3612", None, {"oem"}),
     ("4417", "GB/T 4754-2017", set()), ("5267", "GB/T 4754-2017", {"charging"}), ("5261", "GB/T 4754-2017", set()),
     ("3841", None, {"battery"})],
)  # fmt: skip
def test_codes_with_their_year(code: str, standard: str | None, segments: set[str]):
    frame = pl.DataFrame(
        {"name_zh": ["某某实业有限公司"], "business_scope": [""], "industry_code": [code], "industry_standard": [standard]},
        schema_overrides={"industry_standard": pl.String},
    )
    assert segments_of(frame) == [segments]


def test_a_change_of_the_vocabulary_decides_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The extract is made once for a file, kept, and made again when a seed changes, from the raw store alone."""
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    monkeypatch.setattr(landing_module, "SEEDS", seeds)
    monkeypatch.setattr(code_digest, "SEEDS", seeds)
    monkeypatch.setattr(code_digest, "_DIGESTS", {})
    rows = [[code_of(1), "深圳飞碟有限公司", "飞碟反重力舱的制造"], [code_of(2), "深圳电池有限公司", "锂离子电池制造"]]
    write(tmp_path / "home/inbox/firms/a.csv", csv_text(rows, ["uscc", "name_zh", "经营范围"]))
    (first,) = land_all(tmp_path / "home").values()
    assert landed(tmp_path / "home", "firms_sector").height == 1
    (again,) = land_all(tmp_path / "home").values()
    assert again.outcome == "unchanged" and again.digests == first.digests
    with open(seeds / "segment_rules.csv", "a", encoding="utf-8") as handle:
        handle.write("Z01,icv,icv,scope,反重力舱,make,strong,,a word that the vocabulary did not have\n")
    code_digest._DIGESTS.clear()
    sector.rules_of.cache_clear()
    shutil.rmtree(tmp_path / "home/inbox")
    (changed,) = land_all(tmp_path / "home").values()
    assert changed.outcome == "landed" and landed(tmp_path / "home", "firms_sector").height == 2


# -- place -----------------------------------------------------------------------------------------------------
def test_places_agree_with_valid_codes():
    """At least 99 % of registrations with a valid code lie where it says, also when the code is not looked at."""
    frame = registrations(20_000, 11).rename({"name": "name_zh", "scope": "business_scope"})
    with_code = locate(frame, gazetteer_of(SEEDS))
    comparable = with_code.filter(pl.col("located_adcode").is_not_null() & pl.col("uscc_adcode").is_not_null())
    assert comparable.height > 0.95 * frame.height
    assert (comparable["located_adcode"] == comparable["uscc_adcode"]).mean() >= 0.99
    blind = locate(frame.drop("uscc"), gazetteer_of(SEEDS)).with_columns(code=with_code["uscc_adcode"])
    blind = blind.filter(pl.col("located_adcode").is_not_null() & pl.col("code").is_not_null())
    assert blind.height > 0.95 * frame.height and (blind["located_adcode"] == blind["code"]).mean() >= 0.99
    assert 0 < with_code["place_conflict"].mean() < 0.02


PLACES = [
    # municipalities: districts given as the city, streets named after other cities
    (None, None, "嘉定", "上海", "310000"), (None, None, "海淀", "北京", "110000"), (None, None, "自贸区", "上海", "310000"),
    (None, "中山北一路705号", "虹口", "上海", "310000"), (None, "武清开发区泉州公路西侧", "武清", "天津", "120000"),
    (None, "天津滨海新区", None, None, "120000"),
    # names that several cities have
    (None, "江北区建新西路", "重庆", "重庆", "500000"), (None, "宁波市江北区", None, None, "330200"), (None, None, "江北", "浙江", "330200"),
    (None, "南京市鼓楼区", None, None, "320100"), (None, "福州市鼓楼区", None, None, "350100"), (None, "鼓楼区", None, None, None),
    (None, "长春市朝阳区", None, None, "220100"), (None, "朝阳区建国路", None, "北京", "110000"), (None, "鼓楼区中山路", None, "江苏", None),
    # development zones
    (None, "苏州工业园区星湖街", None, None, "320500"), (None, "西安高新技术产业开发区", None, None, "610100"),
    (None, "大连经济技术开发区", None, None, "210200"), ("91320594", None, None, None, "320500"),
    # abolished and divided places
    (None, "安徽省巢湖市居巢区", None, None, "340100"), (None, "含山县环峰镇", "巢湖", "安徽", "340500"), (None, "无为县", "巢湖", "安徽", "340200"),
    (None, None, "莱芜", "山东", "370100"), (None, "莱芜市莱城区", None, None, "370100"), ("91371200", None, None, None, "370100"),
    (None, "四川省简阳市", None, None, "510100"), ("91222400", None, None, None, "222400"),
    # the code alone; the nation's office says nothing
    ("91440300", None, None, None, "440300"), ("91100000", None, None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("office", "address", "city", "province", "adcode"), PLACES)
def test_places(office: str | None, address: str | None, city: str | None, province: str | None, adcode: str | None):
    uscc = None if office is None else code_of(7, office[2:])
    frame = pl.DataFrame({"uscc": [uscc], "address": [address], "city": [city], "province": [province]},
                         schema=dict.fromkeys(["uscc", "address", "city", "province"], pl.String))  # fmt: skip
    row = locate(frame, gazetteer_of(SEEDS)).row(0, named=True)
    assert row["located_adcode"] == adcode and (row["place_rule"] is None) == (adcode is None)


def test_a_firm_that_moved_keeps_its_code_and_shows_a_conflict():
    frame = pl.DataFrame({"uscc": [code_of(7, "610100")], "address": ["陕西省渭南市富平县高新区"], "city": ["渭南"], "province": ["陕西"]})
    row = locate(frame, gazetteer_of(SEEDS)).row(0, named=True)
    assert (row["located_adcode"], row["place_rule"], row["place_conflict"]) == ("610500", "address+stated", True)
