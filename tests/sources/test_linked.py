"""Live sources as the atlas uses them: landed from their replicas into one home, built, and linked to firms.

Belongs here: one refresh over all of them (it takes half a minute; add cases, not refreshes). Does not belong here: how a
source is read, nor the rules of matching one by one (tests/test_firm_resolution.py).
"""

from __future__ import annotations

import contextlib
import shutil

import duckdb
import pytest

from ingest.home import Home
from ingest.store.landing import Landing
from ingest.web.fetcher import Fetcher
from sources import bse, overpass, sse, szse, wikidata
from tests.conftest import make
from tests.replicas.base import serve
from tests.replicas.bse import Bse
from tests.replicas.overpass import Overpass, site
from tests.replicas.sse import Sse
from tests.replicas.szse import Szse, row
from tests.replicas.wikidata import BYD, Wikidata, entity

NEW = "苏州测试汽车零部件股份有限公司"  # synthetic: listed, of the sector by its name, in no curated list
OLD_NAME = "黄山测试金马股份有限公司"  # synthetic: what a listed company was called before


@pytest.fixture(scope="module")
def linked(bundled_home, tmp_path_factory):
    """A connection to the version published from the replicas."""
    root = tmp_path_factory.mktemp("linked")
    for name in ("dbt",):  # a cache: to make it again takes as long as the build
        shutil.copytree(bundled_home / name, root / name)
    home = Home(root)
    zotye = row("众泰汽车股份有限公司", "000980", "浙江省金华市永康市北湖路1号", "金华市", "浙江")
    fresh = row(NEW, "300999", "江苏省苏州市工业园区测试路1号", "苏州市", "江苏")
    coded = row("测试精工股份有限公司", "301998", "江苏省无锡市惠山区1号", "无锡市", "江苏", "C36 汽车制造业")
    replicas = [
        (szse.SOURCE, Szse(extra_listed=[zotye, fresh, coded], extra_changes=[
            ["2017-06-01", "000980", "众泰汽车", OLD_NAME, "众泰汽车股份有限公司"]])),
        (sse.SOURCE, Sse()),
        (bse.SOURCE, Bse()),
        (wikidata.SOURCE, Wikidata(rows=[
            BYD, entity(1, classes="Q10429667", label_hans="比亚迪汽车", label_zh="", label_en="BYD Auto"),
            entity(2, label_hans="比亚迪", label_zh="", label_en="BYD"),
            entity(3, label_hans="比亚迪汽车工业有限公司", label_zh="", seats="Q15174~深圳市~440300~Point(114.05 22.54)"),
            *(entity(i) for i in range(10, 60))])),
        (overpass.SOURCE, Overpass(sites={"CN-GD": [site(1), site(2, operator="比亚迪汽车工业有限公司")], "CN-HN": [site(2)]})),
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:
        for source, replica in replicas:
            stack.enter_context(serve(replica))
            web = Fetcher(source.hosts, name=source.name, origins={replica.host: replica.origin}, min_gap=0.0, backoff=0.01)
            for partition in ["440000", "430000"] if source.partitions else ["all"]:
                account = Landing(home, web=web).land(source, partition)
                assert account.outcome == "landed", account
    inbox = home.inbox / "firms"
    inbox.mkdir(parents=True)
    (inbox / "mine.csv").write_text(f"name_zh,city\n{OLD_NAME},金华市\n", "utf-8")
    run = make("orchestration.commands.refresh", root)
    assert run.code == 0, run.out
    con = duckdb.connect(str(root / "published/current/atlas.duckdb"), read_only=True)
    yield con
    con.close()


def link(con, source: str, record: str) -> tuple | None:
    return con.execute(
        "select firm_id, match_rule, match_score from firm_source where source_id = ? and source_record_id = ?", [source, record]
    ).fetchone()


def firm(con, name: str) -> str:
    return con.execute("select firm_id from firm where name_zh = ?", [name]).fetchall()[0][0]


def test_a_listing_code_links_a_company_to_its_curated_firm(linked):
    for source, record, name in [
        ("szse", "002594", "比亚迪股份有限公司"), ("szse", "000980", "众泰汽车股份有限公司"),
        ("sse", "600006", "东风汽车股份有限公司"), ("sse", "600104", "上海汽车集团股份有限公司"),
    ]:  # fmt: skip
        assert link(linked, source, record) == (firm(linked, name), "stock_code", 0.99), record


def test_a_company_that_the_list_lacks_becomes_a_firm_of_its_own(linked):
    found = linked.execute("select firm_id, city_id, stock_code, status from firm where name_zh = ?", [NEW]).fetchall()
    assert [row[1:] for row in found] == [("320500", "300999", "active")]
    assert linked.execute("select segment_id, rule_id <> 'curated' from firm_segment where firm_id = ?", [found[0][0]]).fetchall() == [("components", True)]
    # in the sector by the CSRC's division alone: a firm, and no guess at its segment
    coded = linked.execute("select firm_id from firm where name_zh = '测试精工股份有限公司'").fetchall()
    assert len(coded) == 1 and not linked.execute("select 1 from firm_segment where firm_id = ?", [coded[0][0]]).fetchall()


def test_companies_of_other_sectors_stay_out(linked):
    counts = dict(linked.execute("select source_id, count(*) from firm_source group by source_id").fetchall())
    assert counts["szse"] == 4 and counts["sse"] == 2
    assert counts["bse"] == 44, "every third company of the replica is of division 36"


def test_a_former_name_of_the_exchange_links_a_file_that_still_uses_it(linked):
    found = linked.execute("select firm_id, match_rule from firm_source where source_id = 'inbox'").fetchall()
    assert found == [(firm(linked, "众泰汽车股份有限公司"), "former_name")]


def test_wikidata_gives_identifiers_and_its_brands_stay_brands(linked):
    firm_id, rule, _ = link(linked, "wikidata", "Q27423")
    assert firm_id == firm(linked, "比亚迪股份有限公司") and rule == "stock_code"
    codes = linked.execute("select uscc, lei from firm where firm_id = ?", [firm_id]).fetchone()
    assert codes == ("91440300192317458F", "3003EXAMPLEEV0000133")
    assert link(linked, "wikidata", "Q90001") is None, "a brand"
    assert link(linked, "wikidata", "Q90002") is None, "what people call a firm identifies none"
    assert link(linked, "wikidata", "Q90003")[0] == firm(linked, "比亚迪汽车工业有限公司") != firm_id


def test_sites_of_openstreetmap_stand_apart(linked):
    rows = linked.execute("select site_id, province_id, firm_id, link_rule, licence, attribution from osm_plant_site order by all").fetchall()
    assert [r[:2] for r in rows] == [("way/13800000001", "440000"), ("way/13800000002", "430000")], "one element, once"
    assert {r[4:] for r in rows} == {("ODbL 1.0", "© OpenStreetMap contributors")}
    assert linked.execute("select count(*) from plant where source_id ilike '%osm%' or source_id ilike '%overpass%'").fetchone() == (0,)
    assert linked.execute("select count(*) from firm_source where source_id = 'overpass'").fetchone() == (0,)
    licence = linked.execute("select licence, attribution from meta.source where source_id = 'overpass'").fetchone()
    assert licence[0].startswith("ODbL") and "OpenStreetMap" in licence[1]


def test_every_link_has_a_rule_and_a_score_and_no_firm_two_codes(linked):
    assert linked.execute("select count(*) from firm_source where match_rule is null or not match_score between 0 and 1").fetchone() == (0,)
    assert linked.execute("select count(*) from (select uscc from firm where uscc is not null group by uscc having count(*) > 1)").fetchone() == (0,)
