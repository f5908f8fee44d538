"""Policy sites against their replicas: every family, its faults, versions, attachments, the subject, the sweep."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

import ingest.store.landing as landing_module
from ingest.declaration import Page, RejectFile
from ingest.home import SEEDS, Home
from ingest.policies.clauses import abolished, derived_from, superseded
from ingest.store import code_digest
from ingest.store.landing import Account, Landing
from sources.policy_releases import SOURCE
from sources.policy_releases.families import gkmlpt, jpage, search_json, sousuo
from sources.policy_releases.families.rows import rows
from sources.policy_releases.fetch import sweep
from sources.policy_releases.items import Item, canonical, on_subject, record_id
from sources.policy_releases.page import read_page
from sources.policy_releases.sites import BadSite, all_sites, covered_sites, read_sites
from tests.conftest import DATA
from tests.replicas.base import Replica, Reply, serve
from tests.replicas.policies_json import Gkmlpt, GovCn, Jpaas, Jpage, Miit, Sousuo, Suzhou
from tests.replicas.policies_lists import Chongqing, Hunan, Ndrc, Shanghai, Wuhan
from tests.replicas.policies_site import CAPTCHA, SOFT_404, WAF, Doc, PolicySite, pdf, subsidy

SHAPES = Path(__file__).parents[1] / "data" / "live_shapes"
#: site -> (replica, folder of its documents)
FAMILIES: dict[str, tuple[type[PolicySite], str]] = {
    "ndrc": (Ndrc, "/xxgk/zcfb/tz/202405/t20240513_"),
    "shanghai": (Shanghai, "/nw12344/20240513/"),
    "chongqing": (Chongqing, "/zwgk/zfxxgkml/szfwj/xzgfxwj/szf/202405/t20240513_"),
    "wuhan": (Wuhan, "/zwgk/xxgk/zfwj/gfxwj/202405/t20240513_"),
    "hunan": (Hunan, "/hnszf/xxgk/zfgz/202405/t20240513_"),
    "guangzhou": (Gkmlpt, "/gkmlpt/content/5/4457/post_"),
    "jiangsu": (Jpage, "/art/2024/5/13/art_84242_"),
    "hangzhou": (Jpaas, "/art/2024/5/13/art_1229063389_"),
    "suzhou": (Suzhou, "/szsrmzf/zfwj/202405/"),
    "miit": (Miit, "/zwgk/zcwj/wjfb/tz/art/2024/art_"),
}


def docs_of(folder: str, many: int = 2) -> list[Doc]:
    """`many` documents on the subject published in May 2024, one off it, one of the month before."""
    ending = ".shtml" if "xxgk/zfwj" in folder or "szsrmzf" in folder else ".html"
    before = folder.replace("202405", "202404").replace("20240513", "20240413").replace("/2024/5/13/", "/2024/4/13/")
    return [
        *(
            Doc(f"{folder}{1000 + i}{ending}", f"测试市关于印发新能源汽车推广应用补贴办法（第{i}号）的通知", "2024-05-13", subsidy(3000 + i),
                f"测府发〔2024〕{i}号", "2024-05-06")
            for i in range(1, many + 1)
        ),
        Doc(f"{folder}9001{ending}", "关于桥梁养护的通知", "2024-05-13", "桥梁应当养护。" * 10, issued="2024-05-06"),
        Doc(f"{before}9002{ending}", "关于隧道养护的通知", "2024-04-13", "隧道应当养护。" * 10, issued="2024-04-06"),
    ]  # fmt: skip


@contextlib.contextmanager
def standing(*replicas: Replica) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for replica in replicas:
            stack.enter_context(serve(replica))
        yield


def table(landing: Landing, name: str, partition: str) -> pl.DataFrame:
    return pl.read_parquet(landing.table_path(SOURCE, name, partition))


def note(account: Account, code: str) -> str:
    return next((detail for name, detail in account.notes if name == code), "")


# -- every family ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("site", FAMILIES)
def test_a_month_of_a_site_lands(site: str, landing_on: Callable[..., Landing]) -> None:
    """What a month holds lands with number, both dates, validity and instruments; the rest is counted; a second look asks
    with validators and changes nothing."""
    replica = FAMILIES[site][0](docs=docs_of(FAMILIES[site][1]))
    with standing(replica):
        landing = landing_on(SOURCE, replica, attempts=2)
        account = landing.land(SOURCE, f"2024-05__{site}")
        assert (account.outcome, account.message) == ("landed", "")
        assert (account.records_in, account.accepted, account.quarantined) == (2, 2, 0)
        assert note(account, "off_topic") == "1 of 3 entries read, not on the subject"
        found = table(landing, "documents", f"2024-05__{site}").sort("doc_no").row(0, named=True)
        assert found["title_zh"] == "测试市关于印发新能源汽车推广应用补贴办法（第1号）的通知"
        assert (found["doc_no"], found["issued_on"], found["issued_precision"]) == ("测府发〔2024〕1号", "2024-05-06", "day")
        assert found["published_on"] == "2024-05-13" and found["doc_type"] == "norm" and found["text_kind"] == "full"
        assert (found["valid_from"], found["valid_to"]) == ("2024-06-01", "2027-05-31")
        assert found["adcode"] == covered_sites()[site].adcode and found["issuer"] == "测试市人民政府"
        if found["level"] != "national":
            assert found["derives_from_no"] == "国办发〔2014〕35号"
        coded = table(landing, "policy_instruments", f"2024-05__{site}").filter(pl.col("policy_id") == found["record_id"])
        assert {"F1_purchase_subsidy", "F6_facility_subsidy"} <= set(coded["instrument"])
        text = found["title_zh"] + "\n" + found["content_zh"]
        assert all(text[r["evidence_start"] : r["evidence_end"]] == r["evidence_text"] for r in coded.iter_rows(named=True))
        pages = [r for r in replica.asked if r.path in {d.path for d in replica.docs}]
        assert len(pages) == 3, "each page of the month once, none of another month"
        landing.memo.clear()
        assert landing.land(SOURCE, f"2024-05__{site}").outcome == "unchanged"
        again = [r for r in replica.asked if r.path in {d.path for d in replica.docs}][3:]
        assert len(again) == 3 and all(r.headers.get("if-none-match") for r in again)


@pytest.mark.parametrize("site", ["ndrc", "shanghai", "wuhan", "guangzhou", "jiangsu", "hangzhou", "suzhou", "miit"])
def test_every_page_of_a_list_is_read(site: str, landing_on: Callable[..., Landing]) -> None:
    """A month that spans pages comes whole, by each family's own way of numbering them."""
    many = 33
    replica = FAMILIES[site][0](docs=docs_of(FAMILIES[site][1], many))
    with standing(replica):
        account = landing_on(SOURCE, replica).land(SOURCE, f"2024-05__{site}")
        assert (account.accepted, account.message) == (many, "")


@pytest.mark.parametrize("shape", ["listVO", "catMap"])
@pytest.mark.parametrize("first", [0, 1])
def test_the_state_councils_search(shape: str, first: int, landing_on: Callable[..., Landing]) -> None:
    """Both shapes, pages from 0 and from 1; the list alone decides what is fetched; interpretations are left out."""
    docs = docs_of("/zhengce/content/202405/content_", many=11)
    search, pages = Sousuo(docs=docs, shape=shape, first=first), GovCn(docs=docs)
    with standing(search, pages):
        landing = landing_on(SOURCE, search, pages, attempts=2)
        account = landing.land(SOURCE, "2024-05__gov_cn")
        assert (account.outcome, account.accepted, account.message) == ("landed", 11, "")
        assert len(pages.asked) == 11, "the page off the subject is not fetched"
        assert table(landing, "documents", "2024-05__gov_cn")["level"].unique().to_list() == ["national"]
        empty = landing.land(SOURCE, "2023-01__gov_cn")
        assert (empty.outcome, empty.records_in) == ("landed", 0), "code 1001 is a month without documents"


def test_a_search_that_gives_fewer_than_it_counts_is_refused(landing_on: Callable[..., Landing]) -> None:
    docs = docs_of("/zhengce/content/202405/content_", many=4)
    search, pages = Sousuo(docs=docs, total_lies=3), GovCn(docs=docs)
    with standing(search, pages):
        account = landing_on(SOURCE, search, pages, attempts=2).land(SOURCE, "2024-05__gov_cn")
        assert account.outcome == "failed" and "5 of 8 entries read" in account.message


def test_the_stored_samples_are_read() -> None:
    """Responses true to the format of each family, as they were seen."""
    def sample(name: str) -> bytes:
        return (DATA / "samples" / "policies" / name).read_bytes()

    listed, total = sousuo.read(sample("sousuo_gw_listVO_p1.json"), "https://x.gov.cn/")
    assert total == 2 and listed[0].title == "国务院办公厅关于印发新能源汽车产业发展规划（2021—2035年）的通知"
    assert (listed[0].doc_no, listed[0].published, listed[0].issued) == ("国办发〔2020〕39号", "2020-11-02", "")
    mapped, total = sousuo.read(sample("sousuo_all_catMap_p1.json"), "https://x.gov.cn/")
    assert total == 2 and {i.doc_no for i in mapped} == {"国办发〔2020〕39号", "财建〔2020〕86号"}
    assert sousuo.read(sample("sousuo_empty_1001.json"), "") == ([], 0)
    flags = [gkmlpt.entry(a, "http://www.gz.gov.cn/") for a in json.loads(sample("gkmlpt_all_page1.json"))["articles"]]
    assert [(i.is_expired, i.is_abolished, i.published) for i in flags if i] == [(False, False, "2019-01-16"), (True, True, "2017-07-01")]
    sites = covered_sites()

    def of(name: str, url: str, site: str) -> Item:
        return next(rows(sample(name).decode(), url, sites[site].selectors))

    ndrc = of("ndrc_list_tz.html", "https://www.ndrc.gov.cn/xxgk/zcfb/tz/index.html", "ndrc")
    assert ndrc.published == "2022-01-21" and ndrc.url.endswith("/tz/202201/t20220121_1312634.html") and "53号" in ndrc.title
    found = list(rows(sample("shanghai_list_nw39220.html").decode(), "https://www.shanghai.gov.cn/nw39220/index.html", sites["shanghai"].selectors))
    assert len(found) == 1 and found[0].published == "2021-02-25", "the commented-out duplicate is no row"
    cq = of("chongqing_list_szf.html", "https://www.cq.gov.cn/zwgk/zfxxgkml/szfwj/xzgfxwj/szf/index.html", "chongqing")
    assert (cq.doc_no, cq.issued, cq.published) == ("渝府发〔2022〕38号", "2022-08-19", "2022-09-19")
    (record,), _ = jpage.read(sample("trs_recordset.xml"), "https://gxt.jiangsu.gov.cn/x")
    assert (record.doc_no, record.published) == ("苏制造强省〔2022〕1号", "2022-06-01"), "the last date, not the index number"
    data = json.loads(sample("miit_search_p1.json"))["data"]["searchResult"]["dataResults"][0]["data"]
    assert search_json.entry(data, "https://www.miit.gov.cn/s").published == "2021-10-28"

    def page(name: str, item: Item, site: str):
        return read_page(Page(item.url, sample(name), dt.datetime.now(dt.UTC)), item, sites[site])

    plan = page("govcn_templateA.html", listed[0], "gov_cn")
    assert (plan.doc_no, plan.issued, plan.issuer) == ("国办发〔2020〕39号", "2020-10-20", "国务院办公厅")
    assert plan.last_modified == "2020-11-02T17:00:00" and plan.attachments[0][0] == "附件"
    assert page("gkmlpt_detail.html", flags[0], "guangzhou").text == "对符合条件的充电设施按每千瓦给予补贴。"
    gbk = page("gbk_page.html", Item("http://fgw.example.gov.cn/a.html", "关于电动汽车充电设施电价的通知", ""), "ndrc")
    assert gbk.text == "财建〔2014〕692号"
    with pytest.raises(RejectFile, match=r"blocked_page|selector_no_match"):
        page("waf_412.html", ndrc, "ndrc")


# -- versions and flags ------------------------------------------------------------------------------------------------
def test_a_changed_document_keeps_both_versions_and_noise_makes_none(landing_on: Callable[..., Landing]) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]), noise=True)
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        first = landing.land(SOURCE, "2024-05__ndrc")
        landing.memo.clear()
        assert landing.land(SOURCE, "2024-05__ndrc").outcome == "unchanged", "a counter in every page is no change"
        replica.docs[0].body = subsidy(5000)
        replica.docs[0].modified = "2024-06-02-09:30:00"
        landing.memo.clear()
        account = landing.land(SOURCE, "2024-05__ndrc")
        assert (account.outcome, account.accepted) == ("landed", first.accepted)
        changed = table(landing, "documents", "2024-05__ndrc").filter(pl.col("doc_no") == "测府发〔2024〕1号").sort("version")
        assert changed["version"].to_list() == [1, 2] and changed["is_current"].to_list() == [False, True]
        assert "3001元" in changed["content_zh"][0] and "5000元" in changed["content_zh"][1]
        assert changed["first_seen"][0] <= changed["first_seen"][1] and changed["last_modified"][1] == "2024-06-02T09:30:00"
        coded = table(landing, "policy_instruments", "2024-05__ndrc").filter(pl.col("policy_id") == changed["record_id"][0])
        assert 5000.0 in coded["amount"].to_list() and 3001.0 not in coded["amount"].to_list()
        rebuilt = landing.parse(SOURCE, "2024-05__ndrc", landing.store.latest("policy_releases", "2024-05__ndrc"))
        assert rebuilt.digests == account.digests, "a rebuild from raw bytes gives the same bytes"


def test_flags_of_validity_and_when_they_turned(landing_on: Callable[..., Landing]) -> None:
    replica = Gkmlpt(docs=docs_of(FAMILIES["guangzhou"][1]))
    replica.docs[0].title = "（失效）" + replica.docs[0].title
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__guangzhou")
        found = table(landing, "documents", "2024-05__guangzhou").sort("doc_no")
        assert found["is_expired"].to_list() == [True, False] and found["is_abolished"].to_list() == [False, False]
        assert found["title_zh"][0].startswith("（失效）") and found["title_key"][0].startswith("测试市")
        replica.docs[1].abolished = 1
        landing.memo.clear()
        landing.land(SOURCE, "2024-05__guangzhou")
        found = table(landing, "documents", "2024-05__guangzhou").sort("doc_no")
        assert found["is_abolished"].to_list() == [False, True] and found.height == 2, "a flag is no version of the text"
        assert found["flag_seen_on"][1] is not None


def test_a_lists_day_of_issue_yields_to_the_year_of_the_number(landing_on: Callable[..., Landing]) -> None:
    """Lists give the day of a repost as that of issue; neither it nor the day of publication is taken for it."""
    replica = Gkmlpt(docs=docs_of(FAMILIES["guangzhou"][1]))
    replica.docs[0].number, replica.docs[0].body = "粤府办〔2016〕23号", "对购买新能源汽车的给予补贴。"
    replica.docs[1].body = "对购买新能源汽车的给予补贴。"
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__guangzhou")
        found = dict(table(landing, "documents", "2024-05__guangzhou").select("doc_no", "issued_on").iter_rows())
        assert found == {"粤府办〔2016〕23号": None, "测府发〔2024〕2号": "2024-05-06"}


def test_a_page_says_that_it_is_void(landing_on: Callable[..., Landing]) -> None:
    replica = Wuhan(docs=docs_of(FAMILIES["wuhan"][1]))
    replica.docs[0].validity, replica.docs[1].validity = "失效", "有效"
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__wuhan")
        assert table(landing, "documents", "2024-05__wuhan").sort("doc_no")["is_expired"].to_list() == [True, False]


def test_a_short_or_empty_list_and_a_lost_page_take_nothing_out(landing_on: Callable[..., Landing]) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__ndrc")
        lost = replica.docs.pop(0)
        landing.memo.clear()
        account = landing.land(SOURCE, "2024-05__ndrc")
        assert account.accepted == 2 and table(landing, "documents", "2024-05__ndrc").height == 2
        replica.docs = [d for d in replica.docs if d.day < "2024-05"]
        landing.memo.clear()
        empty = landing.land(SOURCE, "2024-05__ndrc")
        assert (empty.outcome, empty.health) == ("failed", "empty") and table(landing, "documents", "2024-05__ndrc").height == 2
        replica.docs = [lost, *docs_of(FAMILIES["ndrc"][1])[1:]]
        lost.gone = True
        landing.memo.clear()
        assert landing.land(SOURCE, "2024-05__ndrc").accepted == 2, "a page that is gone keeps its last good text"


# -- faults ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fault", "health"),
    [
        (Reply(WAF.encode(), 412), "challenged"),
        (Reply(CAPTCHA.encode(), 200), "challenged"),
        (Reply(SOFT_404.encode(), 200), "schema_changed"),
        (Reply("<html><body><ul class='u-list'><li><a href='./x.html'>一半".encode(), 200), "schema_changed"),
        (Reply(b'{"code": 200}', 200), "schema_changed"),
    ],
    ids=["waf 412", "captcha 200", "soft 404", "half page", "another kind"],
)
def test_a_list_that_is_not_the_list_holds_the_last_good_landing(
    fault: Reply, health: str, landing_on: Callable[..., Landing], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.web import fetcher

    monkeypatch.setattr(fetcher, "_HOSTS", {})
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    with standing(replica):
        landing = landing_on(SOURCE, replica, attempts=2)
        landing.land(SOURCE, "2024-05__ndrc")
        before = landing.table_path(SOURCE, "documents", "2024-05__ndrc").read_bytes()
        landing.memo.clear()
        replica.faults[:] = [fault]
        asked = len(replica.asked)
        account = landing.land(SOURCE, "2024-05__ndrc")
        assert account.outcome in ("failed", "rejected") and account.health == health, account.message
        assert landing.table_path(SOURCE, "documents", "2024-05__ndrc").read_bytes() == before
        assert account.accepted == 2 and len(replica.asked) == asked + 1, "one request, no storm"
        if health == "challenged":
            landing.land(SOURCE, "2024-04__ndrc")
            assert len(replica.asked) == asked + 1, "the host is left alone"


def test_a_redesign_is_noticed_never_read_as_no_policy(landing_on: Callable[..., Landing]) -> None:
    for replica, site in ((Ndrc, "ndrc"), (Gkmlpt, "guangzhou"), (Jpage, "jiangsu"), (Sousuo, "gov_cn")):
        stand = replica(docs=docs_of("/x/202405/t20240513_"), redesign=True)
        with standing(stand):
            account = landing_on(SOURCE, stand, attempts=1).land(SOURCE, f"2024-05__{site}")
            assert (account.outcome, account.health) == ("rejected", "schema_changed"), (site, account)


def test_another_template_of_pages_holds_the_partition(landing_on: Callable[..., Landing]) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1], many=6), template_gone=True)
    with standing(replica):
        account = landing_on(SOURCE, replica).land(SOURCE, "2024-05__ndrc")
        assert account.outcome == "failed" and "selector_no_match" in account.message


def test_paging_that_stands_still(landing_on: Callable[..., Landing]) -> None:
    """From abroad jpaas answers every page number with page one: a month that page one covers lands, an older one is
    refused, since what is missing there is unknown."""
    folder = FAMILIES["hangzhou"][1]
    old = [Doc(f"/art/2023/1/{i}/art_1_{i}.html", f"关于新能源汽车的旧通知{i}", f"2023-01-{i:02d}", subsidy()) for i in range(1, 20)]
    replica = Jpaas(docs=[*docs_of(folder), *old], stuck=True)
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE, "2024-05__hangzhou").accepted == 2
        account = landing.land(SOURCE, "2022-12__hangzhou")
        assert account.outcome == "failed" and "repeats what came before" in account.message
        assert sum(r.query.get("pageNo") == "2" for r in replica.asked) == 1


# -- days of publication ---------------------------------------------------------------------------------------------------
def test_regulations_belong_to_the_month_of_their_publication(landing_on: Callable[..., Landing]) -> None:
    """The public shape of Hangzhou's column: promulgated in November, published in December, in force from January."""
    shape = json.loads((SHAPES / "hangzhou_regulations.json").read_text("utf-8"))["data"]["html"]
    site = covered_sites()["hangzhou"]
    replica = Jpaas(docs=docs_of(FAMILIES["hangzhou"][1]), in_force="2026年1月1日", regulations=[
        Doc("/art/2025/12/2/art_1229610717_1.html", "某某市新能源汽车应用促进办法", "2025-12-02", subsidy(), issued="2025-11-20")])  # fmt: skip
    of_shape = Doc("/art/2025/12/2/art_1229610717_1.html", "某某市智能网联车辆应用促进办法", "2025-12-02", issued="2025-11-20")
    assert replica.regulation(of_shape) in shape, "the replica's rows are the public ones"
    for html, published in ((shape, "2025-12-02"), (shape.replace("/art/2025/12/2/", "/col/col1/art/2025/"), "2025-11-20")):
        (found,) = rows(html, "https://www.hangzhou.gov.cn/x", {"item": "li:has(a), tr:has(a)", **site.selectors, **site.roots[0]})
        assert (found.published, found.issued) == (published, "2025-11-20")
    with standing(replica):
        landing = landing_on(SOURCE, replica, attempts=2)
        assert landing.land(SOURCE, "2026-01__hangzhou").accepted == 0
        account = landing.land(SOURCE, "2025-12__hangzhou")
        assert account.accepted == 1, account.message


@pytest.mark.parametrize("shape", [
    {"dates": ("deploytime", "cdate")}, {"dates": ("cdate",), "digits": True}, {"dates": ("deploytime",), "digits": True, "grouped": True},
    {"grouped": True}, {"dates": ("jsearch_date",)},
])  # fmt: skip
def test_the_ministrys_search_is_dated_by_whatever_it_gives(shape: dict, landing_on: Callable[..., Landing]) -> None:
    """With one of its fields of dates, plain or grouped; asked by the month and newest first."""
    replica = Miit(docs=docs_of(FAMILIES["miit"][1], 20)[::-1], **shape)
    with standing(replica):
        account = landing_on(SOURCE, replica, attempts=2).land(SOURCE, "2024-05__miit")
        assert (account.outcome, account.accepted, account.message) == ("landed", 20, "")
        asked = [r.query for r in replica.asked if "sortFields" in r.query]
        assert {(q["begin"], q["end"], q["dateField"], q["scope"]) for q in asked} == {("2024-04-24", "2024-06-07", "deploytime", "basic")}
        assert all(json.loads(q["sortFields"]) == [{"name": "deploytime", "type": "desc"}] for q in asked)


def test_the_public_shapes_of_the_ministrys_search() -> None:
    for name in ("miit_search_without_jsearch_date.json", "miit_search_grouped.json"):
        found, total = search_json.read((SHAPES / name).read_bytes(), "https://www.miit.gov.cn/s")
        item = search_json.entry(found[0], "https://www.miit.gov.cn/s")
        assert total == 1 and item is not None and item.published == "2026-05-11"


def test_undated_rows_of_the_ministrys_search_are_no_empty_month(landing_on: Callable[..., Landing]) -> None:
    replica = Miit(docs=docs_of(FAMILIES["miit"][1]), dates=())
    with standing(replica):
        landing = landing_on(SOURCE, replica, attempts=1)
        account = landing.land(SOURCE, "2024-05__miit")
        assert (account.outcome, account.health) == ("rejected", "schema_changed") and "most without a date" in account.message
        landing.memo.clear()
        replica.dates = ("jsearch_date",)
        replica.docs = [*replica.docs[3:], Doc("/zwgk/zcwj/wjfb/tz/art/2024/art_7.html", "新能源汽车通知", "2024-05-01")]
        undated = {"title": "某通知", "url": "/zwgk/zcwj/wjfb/tz/art/2024/art_8.html"}
        dated = replica.row
        replica.row = lambda doc: undated if doc.day == "2024-05-01" else dated(doc)  # type: ignore[method-assign]
        replica.docs.append(Doc("/zwgk/zcwj/wjfb/tz/art/2024/art_9.html", "旧通知", "2024-04-25"))
        account = landing.land(SOURCE, "2024-05__miit")
        assert account.outcome == "rejected" and "none has a date" in account.message, (account.outcome, account.message)


def test_a_search_that_ignores_the_days_is_walked_by_its_order(landing_on: Callable[..., Landing]) -> None:
    """Newest first is enough; in another order the walk would end too early (the next test)."""
    folder = FAMILIES["miit"][1]
    old = [Doc(f"/zwgk/art/2020/art_{i}.html", f"旧通知{i}", f"2020-01-{i:02d}", subsidy()) for i in range(1, 29)]
    ordered = Miit(docs=[*docs_of(folder), *old[::-1]], honours=False)
    with standing(ordered):
        account = landing_on(SOURCE, ordered, attempts=1).land(SOURCE, "2024-05__miit")
        assert (account.outcome, account.accepted) == ("landed", 2), account.message


def test_a_search_in_another_order_is_refused(landing_on: Callable[..., Landing]) -> None:
    old = [Doc(f"/zwgk/art/2020/art_{i}.html", f"旧通知{i}", f"2020-01-{i:02d}", subsidy()) for i in range(1, 29)]
    replica = Miit(docs=[*old, *docs_of(FAMILIES["miit"][1])], honours=False)
    with standing(replica):
        account = landing_on(SOURCE, replica, attempts=1).land(SOURCE, "2024-05__miit")
        assert account.outcome == "rejected" and "neither the days nor the order" in account.message


def test_a_month_without_hits_is_empty_and_another_answer_is_not(landing_on: Callable[..., Landing]) -> None:
    replica = Miit(docs=docs_of(FAMILIES["miit"][1]), bare=True)
    with standing(replica):
        landing = landing_on(SOURCE, replica, attempts=1)
        assert (landing.land(SOURCE, "2023-01__miit").outcome, landing.land(SOURCE, "2024-05__miit").accepted) == ("landed", 2)
    for body in ('{"code":500,"data":{}}', '{"code":200}', '{"code":200,"data":{"result":[]}}'):
        with pytest.raises(RejectFile, match=r"no data\.searchResult"):
            search_json.read(body.encode(), "x")


def test_stubs_of_further_pages(landing_on: Callable[..., Landing]) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1], many=8), stub=True, per_page=11)
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE, "2024-05__ndrc").accepted == 8
        replica.per_page = 4
        landing.memo.clear()
        account = landing.land(SOURCE, "2024-05__ndrc")
        assert account.outcome == "failed" and "though more are announced" in account.message
        assert account.accepted == 8


def test_single_pages_that_fail(landing_on: Callable[..., Landing]) -> None:
    """A soft 404, a cut page, a page that is gone, one on a host that is not the site's: each has its place in the books."""
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1], many=7))
    replica.docs[0].raw = SOFT_404.encode()
    replica.docs[1].raw = replica.html(replica.docs[1])[:-150].encode()
    replica.docs[2].gone = True
    replica.docs[3].path = "//weixin.example.com/s/abc"
    with standing(replica):
        landing = landing_on(SOURCE, replica, attempts=2)
        account = landing.land(SOURCE, "2024-05__ndrc")
        assert account.outcome == "landed" and account.reasons == {"soft_404": 1, "truncated_html": 1}
        assert (account.records_in, account.accepted, account.quarantined) == (7, 5, 2)
        found = table(landing, "documents", "2024-05__ndrc")
        assert found.filter(pl.col("text_kind") == "title_only").height == 2, "gone, and elsewhere: known by their titles"


def test_gbk_pages_declared_as_gb2312_and_persons_in_them(landing_on: Callable[..., Landing], home: Home) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    for doc in replica.docs[:2]:
        doc.body = doc.body.replace("各区", "深圳市龍華區、东莞市莞镕镇")
        doc.raw = replica.html(doc).replace('charset="utf-8"', 'charset="gb2312"').encode("gbk")
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE, "2024-05__ndrc").accepted == 2
        text = table(landing, "documents", "2024-05__ndrc")["content_zh"][0]
        assert "龍華區" in text and "镕" in text and "张三丰" not in text and "13812345678" not in text
        for path in (p for p in home.root.rglob("*") if p.is_file()):
            held = path.read_bytes()
            assert b"13812345678" not in held and "张三丰".encode() not in held and "张三丰".encode("gbk") not in held, path


def test_hostile_titles_and_names(landing_on: Callable[..., Landing], home: Home) -> None:
    evil = "新能源汽车'); DROP TABLE documents;--<script>alert(1)</script>../../../etc/passwd\u202e\u0000{{ref('x')}}"
    replica = Gkmlpt(docs=docs_of(FAMILIES["guangzhou"][1]))
    replica.docs[0].title = evil
    replica.docs[0].files = {"a.pdf": pdf("Purchase subsidy"), "b.ofd": b"PK\x03\x04ofd"}
    replica.docs[0].file_names = {"a.pdf": "../../../../tmp/evil|`rm -rf`.pdf\u202e", "b.ofd": "*.csv"}
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE, "2024-05__guangzhou")
        assert account.accepted == 2
        titles = table(landing, "documents", "2024-05__guangzhou")["title_zh"].to_list()
        assert any("DROP TABLE" in t for t in titles) and all("\u202e" not in t and "\0" not in t for t in titles)
        named = table(landing, "attachments", "2024-05__guangzhou")
        assert named["name"].to_list() == ["../../../../tmp/evil|`rm -rf`.pdf", "*.csv"]
        assert not [p for p in home.root.rglob("*") if "evil" in p.name]


# -- attachments -------------------------------------------------------------------------------------------------------
def test_attachments_are_stored_read_or_flagged(landing_on: Callable[..., Landing]) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    doc = replica.docs[0]
    doc.body = "现将《新能源汽车补贴办法》印发给你们，请遵照执行。"
    word = b"\xd0\xcf\x11\xe0" + b"\0" * 600
    doc.files = {
        "P1.pdf": pdf("Purchase subsidy for electric vehicles: 3,000 yuan per vehicle."),
        "P2.doc": word, "P3.ofd": b"PK\x03\x04" + b"o" * 50, "P4.pdf": b"<html><body>login</body></html>", "P5.pdf": b"%PDF-1.4 broken",
    }  # fmt: skip
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__ndrc")
        files = table(landing, "attachments", "2024-05__ndrc").sort("n")
        assert files["extraction"].to_list() == ["text", "unextracted", "unextracted", "refused", "unextracted"]
        assert files["media"].to_list() == ["pdf", "doc", "ofd", "pdf", "pdf"]
        assert landing.store.get(files["sha256"][1]) == word, "what cannot be read is kept as it is"
        assert files["sha256"][3] is None and "web page" in files["reason"][3]
        found = table(landing, "documents", "2024-05__ndrc").filter(pl.col("n_attachments") == 5).row(0, named=True)
        assert found["text_kind"] == "attachment" and "3,000 yuan per vehicle" in found["content_zh"] and found["n_unextracted"] == 4
        coded = table(landing, "policy_instruments", "2024-05__ndrc").filter(pl.col("policy_id") == found["record_id"])
        assert 3000.0 in coded["amount"].to_list(), "the instrument in the attachment is coded"
        landing.memo.clear()
        assert landing.land(SOURCE, "2024-05__ndrc").outcome == "unchanged"


def test_a_pdf_with_a_person_in_it_is_kept_as_its_text(landing_on: Callable[..., Landing], home: Home) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    original = pdf("Subsidy office, call 13912345678 for electric vehicles")
    replica.docs[0].files = {"P1.pdf": original}
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__ndrc")
        row = table(landing, "attachments", "2024-05__ndrc").row(0, named=True)
        assert row["extraction"] == "text" and "13912345678" not in row["text"] and "electric vehicles" in row["text"]
        assert not [p for p in home.root.rglob("*") if p.is_file() and b"13912345678" in p.read_bytes()]
        landing.memo.clear()
        assert landing.land(SOURCE, "2024-05__ndrc").outcome == "unchanged"
        assert table(landing, "attachments", "2024-05__ndrc")["sha256"][0] == row["sha256"]


def test_a_new_word_reads_old_months_anew_without_a_request(
    landing_on: Callable[..., Landing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__ndrc")
        landing.land(SOURCE, "2024-04__ndrc")
    assert len(landing.rebuild(SOURCE)) == 2 and landing.rebuild(SOURCE) == []
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    with open(seeds / "policy_topic_terms.csv", "a", encoding="utf-8") as handle:
        handle.write("桥梁,core,\n")
    monkeypatch.setattr(landing_module, "SEEDS", seeds)
    monkeypatch.setattr(code_digest, "SEEDS", seeds)
    monkeypatch.setattr(code_digest, "_DIGESTS", {})
    asked = len(replica.asked)
    again = {account.partition: account for account in landing.rebuild(SOURCE)}
    assert again["2024-05__ndrc"].accepted == 3 and note(again["2024-05__ndrc"], "off_topic").startswith("0 of 3")
    assert len(replica.asked) == asked


# -- lists over months, and the sweep ----------------------------------------------------------------------------------
def test_lists_are_walked_once_a_run_and_only_as_far_as_needed(landing_on: Callable[..., Landing]) -> None:
    docs = docs_of(FAMILIES["ndrc"][1], many=3)
    docs += [Doc(f"/xxgk/zcfb/tz/2021{m:02d}/t2021{m:02d}10_{i}.html", "关于水库的通知", f"2021-{m:02d}-10", "水") for m in range(1, 13) for i in range(3)]
    replica = Ndrc(docs=docs)
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__ndrc")
        lists = [r for r in replica.asked if r.path.startswith("/xxgk/zcfb/tz/index")]
        assert len(lists) == 2, "read until a whole page is older, no further"
        landing.land(SOURCE, "2024-04__ndrc")
        assert len([r for r in replica.asked if r.path.startswith("/xxgk/zcfb/tz/index")]) == 2, "the second month asks nothing again"
        assert len({r.path for r in replica.asked}) == len(replica.asked), "nothing is asked twice in a run"


def test_the_sweep_finds_what_came_late(landing_on: Callable[..., Landing]) -> None:
    replica = Ndrc(docs=docs_of(FAMILIES["ndrc"][1]))
    with standing(replica):
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "2024-05__ndrc")
        landing.land(SOURCE, "2024-04__ndrc")
        landing.memo.clear()
        assert sweep(landing.fetch_context(SOURCE), "ndrc") == []
        replica.docs.append(Doc("/xxgk/zcfb/tz/202404/t20240402_77.html", "关于补录新能源汽车文件的通知", "2024-04-02", subsidy()))
        landing.memo.clear()
        assert sweep(landing.fetch_context(SOURCE), "ndrc") == ["2024-04__ndrc"]
        assert landing.land(SOURCE, "2024-04__ndrc").accepted == 1


# -- declaration, subject, identity, clauses ---------------------------------------------------------------------------
def test_sites_are_declared(home: Home) -> None:
    sites = {site.site: site for site in all_sites()}
    assert len(covered_sites()) >= 20 and not sites["xian"].covered and len(sites["xian"].note) > 20
    for name in ("gov_cn", "miit", "ndrc", "mof", "guangdong", "jiangsu", "shandong", "shenzhen", "shanghai", "guangzhou", "chongqing"):
        assert sites[name].covered, name
    Landing(home).ensure_schema(SOURCE)
    landed = pl.read_parquet(home.landing / "policy_releases/sites/*.parquet")
    assert landed.height == len(sites) and landed.filter(pl.col("site") == "xian")["covered"].to_list() == [False]
    codes = set(pl.read_csv(SEEDS / "cities.csv", infer_schema=False)["city_id"]) | set(
        pl.read_csv(SEEDS / "provinces.csv", infer_schema=False)["province_id"]
    )
    assert {s.adcode for s in sites.values()} - {"100000"} <= codes


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{site: a, family: nosuch, place: x, adcode: '110000', level: city, roots: ['https://a.cn/']}", "unknown family"),
        ("{site: a, family: jpage, place: x, adcode: '110000', level: city}", "has roots"),
        ("{site: a, family: none, place: x, adcode: '110000', level: city, note: no}", "says why"),
        ("{site: a, family: jpage, place: x, adcode: '110000', level: city, roots: ['https://a.cn/'], speed: 9}", "unknown keys"),
        ("{site: a__b, family: jpage, place: x, adcode: '110000', level: city, roots: ['https://a.cn/']}", "single underscores"),
        ("{site: a, family: jpage, place: x, adcode: '110000', level: city, roots: ['https://a.cn/'], gap: 0.1}", "at least 1 s"),
    ],
)
def test_a_bad_row_of_sites_is_named(row: str, says: str) -> None:
    with pytest.raises(BadSite, match=says):
        read_sites(f"- {row}")


@pytest.mark.parametrize(
    ("title", "body", "kept"),
    [
        ("关于加快新能源汽车推广应用的意见", "", True),
        ("关于居民小区充电基础设施建设的通知", "", True),
        ("关于氢能产业发展的规划", "", True),
        ("关于促进汽车以旧换新的若干措施", "", True),
        ("Notice on new energy vehicle subsidies", "", True),
        ("关于加强电动自行车充电管理的通知", "电动自行车充电应当规范。" * 5, False),
        ("关于桥梁养护的通知", "桥梁", False),
        ("关于印发国民经济规划的通知", "发展新能源汽车。", False),
        ("关于印发制造业规划的通知", "发展新能源汽车。建设充电桩。", True),
    ],
)
def test_the_subject(title: str, body: str, kept: bool) -> None:
    assert on_subject(title, body, SEEDS) is kept


def test_the_vocabulary_of_the_subject_is_clean() -> None:
    terms = pl.read_csv(SEEDS / "policy_topic_terms.csv", infer_schema=False)
    assert terms["term"].n_unique() == terms.height and set(terms["kind"]) == {"core", "exclude"}
    assert terms["term"].str.strip_chars().eq(terms["term"]).all() and terms["term"].str.len_chars().min() >= 2


def test_identity_of_addresses() -> None:
    a = record_id("x", "http://www.X.gov.cn:80/iteminfo.jsp?id=7&utm_source=wx#top")
    assert a == record_id("x", "https://www.x.gov.cn/iteminfo.jsp?id=7") and a.startswith("x:") and len(a) == 18
    assert a != record_id("x", "https://www.x.gov.cn/iteminfo.jsp?id=8")
    assert canonical("https://www.x.gov.cn//a/附件.html") == canonical("https://www.x.gov.cn/a/%E9%99%84%E4%BB%B6.html")


def test_clauses_about_other_documents() -> None:
    text = "《测试市新能源汽车推广办法》（测府发〔2019〕3号）同时废止。"
    named = abolished("测试市人民政府关于印发《测试市新能源汽车推广办法》的通知", text, ["测试市新能源汽车推广办法", "测府发〔2019〕3号"])
    assert named == ["测试市新能源汽车推广办法", "测府发〔2019〕3号"]
    assert superseded("测试市人民政府关于印发《测试市新能源汽车推广办法》的通知", text, named) == named
    assert superseded("测试市关于印发充电设施规划的通知", text, named) == []
    decision = "决定废止下列文件：1.《关于充电收费的通知》（测价〔2015〕9号）；2.《关于车辆牌照的通告》"
    assert abolished("测试市人民政府关于废止部分规范性文件的决定", decision, []) == ["关于充电收费的通知", "关于车辆牌照的通告", "测价〔2015〕9号"]
    assert derived_from("x", "根据《国务院关于氢能的意见》（国发〔2020〕1号）", "city") == ("国务院关于氢能的意见", "国发〔2020〕1号")
    assert derived_from("x", "根据《测试省条例》，制定本办法", "city") == (None, None)


_FIELDS = (("发文机关", "测试市人民政府"), ("成文日期", "2024年5月6日"), ("发文字号", "测府发〔2024〕1号"), ("发布日期", "2024-05-13"), ("有效性", "废止"))
_LAYOUTS = {
    "table with colons": "<table><tr>" + "".join(f"<td><b>{k[0]}　{k[1:]}：</b></td><td>{v}</td>" for k, v in _FIELDS) + "</tr></table>",
    "table of heads": "<table>" + "".join(f"<tr><th>{k}</th><td> {v} </td></tr>" for k, v in _FIELDS) + "</table>",
    "list": "<ul class='sub'>" + "".join(f"<li>{k}： {v}</li>" for k, v in _FIELDS) + "</ul>",
    "definitions": "<dl>" + "".join(f"<dt>{k}：</dt><dd>{v}</dd>" for k, v in _FIELDS) + "</dl>",
    "labels": "".join(f"<div><label><font>{k}：</font></label><div class='display-block'>{v}</div></div>" for k, v in _FIELDS),
    "one line": "<p>" + "　".join(f"{k}：{v}" for k, v in _FIELDS) + "</p>",
}


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_fields_are_read_by_their_labels_whatever_holds_them(layout: str) -> None:
    text = f"<html><body>{_LAYOUTS[layout]}<div id='zoom'><p>新能源汽车补贴办法</p></div></body></html>"
    item = Item("http://www.example.gov.cn/a.html", "关于新能源汽车补贴的通知", "", published="2024-05-13")
    found = read_page(Page(item.url, text.encode(), dt.datetime.now(dt.UTC)), item, covered_sites()["ndrc"])
    assert (found.issuer, found.issued, found.doc_no) == ("测试市人民政府", "2024-05-06", "测府发〔2024〕1号")
    assert (found.published, found.is_abolished, found.is_expired) == ("2024-05-13", True, False)
    assert found.text == "新能源汽车补贴办法"


def test_labels_deep_in_a_text_are_not_the_documents_own() -> None:
    lines = "".join(f"<p>第{n}条</p>" for n in range(30)) + "<p>发文机关：别处人民政府</p>"
    text = f"<html><body><div id='zoom'>{lines}</div></body></html>"
    item = Item("http://www.example.gov.cn/a.html", "关于新能源汽车补贴的通知", "", issuer="测试市人民政府")
    assert read_page(Page(item.url, text.encode(), dt.datetime.now(dt.UTC)), item, covered_sites()["ndrc"]).issuer == "测试市人民政府"


@pytest.mark.parametrize(
    ("listed", "head", "heading", "wanted"),
    [
        ("两部门关于完善补贴政策的通知", "财政部 工信部关于完善新能源汽车补贴政策的通知_部门文件_中国政府网", "", "财政部 工信部关于完善新能源汽车补贴政策的通知"),
        ("关于新能源汽车推广…", "关于新能源汽车推广应用的通知_测试网", "", "关于新能源汽车推广应用的通知"),
        ("关于新能源汽车推广应用的通知", "关于新能源汽车推广应用的通知-测试市", "政府信息公开", "关于新能源汽车推广应用的通知"),
        ("关于新能源汽车的通知", "x", "欢迎访问测试市人民政府门户网站首页", "关于新能源汽车的通知"),
        ("关于推广应用的通知", "测试网", "测试市关于推广应用新能源汽车的通知", "测试市关于推广应用新能源汽车的通知"),
        ("（废止）关于新能源汽车推广应用的通知", "x", "关于新能源汽车推广应用的通知", "（废止）关于新能源汽车推广应用的通知"),
        ("废止部分新能源汽车文件的决定", "x", "", "废止部分新能源汽车文件的决定"),
    ],
)
def test_the_title_is_the_documents_own(listed: str, head: str, heading: str, wanted: str) -> None:
    text = f"<html><head><title>{head}</title></head><body><h1>{heading}</h1><div id='zoom'>新能源汽车</div>{'导航 ' * 200}</body></html>"
    item = Item("http://www.example.gov.cn/a.html", listed, "")
    found = read_page(Page(item.url, text.encode(), dt.datetime.now(dt.UTC)), item, covered_sites()["ndrc"])
    assert found.title == wanted
    assert found.is_abolished is (True if listed.startswith("（") else None)


def test_every_family_names_itself() -> None:
    folder = Path(gkmlpt.__file__).parent
    modules = {p.stem for p in folder.glob("*.py")} - {"__init__", "rows"}
    assert {s.family for s in covered_sites().values()} <= modules
