"""Policy documents from text to mart: how good the coder is, what a text says of others, and one document over all sources.

Belongs here: the coder's quality, relations, the bench's promise on a sample, and one refresh in which everything that can
happen to a document happens. Does not belong here: reading sites (tests/sources), the second coder's endpoint.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from bench import policy_quality
from bench.policies import documents, run
from ingest.home import SEEDS, Home
from ingest.policies.coding import code_stream, code_text, coded_text
from ingest.policies.facts import fact_row
from ingest.store.landing import ALL, Landing
from ingest.text.values import china_day
from ingest.web.fetcher import Fetcher
from sources import all_sources
from tests.conftest import REPO, make
from tests.replicas.base import serve
from tests.replicas.policies_json import Gkmlpt
from tests.replicas.policies_site import Doc
from tests.test_second_coder import FakeEndpoint

SOURCES = {source.name: source for source in all_sources()}


# -- the coder --------------------------------------------------------------------------------------------------------
def test_the_published_quality_is_what_the_coder_does_and_meets_its_goals() -> None:
    """The seed is regenerated and compared; the goals are held on texts that the rules were not made on."""
    assert policy_quality.table() == policy_quality.TABLE.read_text("utf-8"), "run python -m bench.policy_quality --write"
    rows = {(r["part"], r["measure"], r["item"]): r for r in pl.read_csv(policy_quality.TABLE).iter_rows(named=True)}
    held = {measure: rows["held_out", measure, item]["f1"] for measure, item in
            [("instruments", "all"), ("amounts", "value_unit_role"), ("direction", "all"), ("baseline_substring", "all")]}  # fmt: skip
    assert held["instruments"] >= 0.90 and held["amounts"] >= 0.85 and held["direction"] >= 0.95
    assert held["instruments"] - held["baseline_substring"] >= 0.10
    assert rows["held_out", "instruments", "all"]["n_texts"] >= 50


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("补贴退出公告", "自2023年1月1日起，对新能源乘用车不再给予购置补贴。", {"F1_purchase_subsidy": "terminate"}),
        ("补贴管理办法", "违规企业不得享受购车补贴。", {}),
        ("停售规定", "自2030年起全岛停止销售燃油汽车。", {"R3_credit_mandate": "restrict"}),
        ("金融意见", "依托链主企业开展供应链金融。", {"K3_credit_guarantee": "support"}),
        ("配建通知", "停车场按不低于车位总数10%的比例配建充电桩。", {"I1_charging_swap": "support"}),
        ("废止决定", "《关于新能源汽车购车补贴的通知》予以废止。", {}),
        ("Notice", "Cars registered later get no purchase subsidy.", {"F1_purchase_subsidy": "terminate"}),
    ],
)  # fmt: skip
def test_scopes_and_false_friends(title: str, text: str, expected: dict[str, str]) -> None:
    whole = coded_text(title, text)
    rows = [row for row in code_text(whole, titled=True) if row["evidence_start"] > len(title)]
    assert {row["instrument"]: row["direction"] for row in rows} == expected
    for row in rows:
        assert whole[row["evidence_start"] : row["evidence_end"]] == row["evidence_text"] and row["evidence_text"] in row["sentence"]


def test_instalments_bands_and_lists_have_their_roles() -> None:
    from ingest.policies.amounts import amounts

    found = [(a.value, a.unit, a.role) for a in amounts("购车价格10万元（含）至20万元的，每辆补贴二千元；立项后拨付资金40%，验收后拨付尾款10%")]
    assert found == [(1e5, "CNY", "threshold"), (2e5, "CNY", "threshold"), (2000.0, "CNY/vehicle", "rate")]
    found = [(a.value, a.role) for a in amounts("年产值首次突破50亿元、100亿元的，分别奖励300万元、500万元，按1:0.5配套，1.5吨以下货车除外")]
    assert found == [(5e9, "threshold"), (1e10, "threshold"), (3e6, "rate"), (5e6, "rate"), (0.5, "rate")]


def test_the_coder_streams_in_bounded_memory_and_beats_its_goal() -> None:
    """A sample of the bench: the ratio to a plain scan in the same run, since the machine may be busy."""
    found = run(200, workers=1)
    assert found["labels"] > 1_000 and found["ratio_to_scan"] < 15, found
    made = 0

    def counted():
        nonlocal made
        for document in documents(60):
            made += 1
            yield document

    stream = code_stream(counted(), workers=1, batch=10)
    assert next(stream).height > 0 and made <= 20, "the stream is read ahead of the coding"


# -- what a text says of others ---------------------------------------------------------------------------------------
def test_a_text_names_what_it_follows_and_what_it_ends() -> None:
    row = fact_row({
        "record_id": "r", "title_zh": "关于印发《深圳市充电设施补贴实施细则（2024年修订）》的通知", "level": "city", "doc_no": "深发改规【2024】03号",
        "content_zh": "为贯彻落实《国务院办公厅关于印发新能源汽车产业发展规划（2021—2035年）的通知》（国办发〔2020〕39号），制定本细则。\n"
        "本细则自2024年10月1日起施行，有效期3年。《深圳市充电设施补贴实施细则》（深发改规〔2021〕7号）同时废止。",
    })  # fmt: skip
    assert row["doc_no"] == "深发改规〔2024〕3号" and row["doc_type"] == "norm"
    assert (row["valid_from"], row["valid_to"]) == ("2024-10-01", "2027-09-30")
    assert row["derives_from_no"] == "国办发〔2020〕39号"
    assert "深发改规〔2021〕7号" in json.loads(row["abolishes"]) and json.loads(row["supersedes"])
    assert fact_row({"record_id": "r", "title_zh": "（失效）关于补贴的通知"})["is_expired"] is True
    assert fact_row({"record_id": "r", "title_zh": "对市人大第12号建议的答复"})["doc_type"] == "reply"


def test_a_curve_is_fitted_only_where_the_data_say_where_it_ends() -> None:
    import sys

    sys.path.insert(0, str(REPO / "dbt_project" / "python"))
    from evatlas_science.diffusion import fit, logistic

    years = np.arange(2009, 2026)
    true = np.round(logistic(years, 40, 0.7, 2016))
    found = fit(years, true, places=60)
    assert found["null_reason"] is None
    assert abs(found["ceiling"] - 40) < 1 and abs(found["growth"] - 0.7) < 0.05 and abs(found["midyear"] - 2016) < 0.2
    assert fit(years, np.minimum(true, 4), 60)["null_reason"] == "fewer than 5 adopters"
    still = fit(years[:6], np.array([1, 2, 4, 8, 16, 32]), 60)
    assert still["ceiling"] is None and "not identified" in still["null_reason"]


# -- one refresh in which everything happens ---------------------------------------------------------------------------
HEAD = "title_zh,issuer,level,issue_date,place,doc_no,content_zh,as_of\n"
FIRST = "深圳市充电设施运营补贴实施细则,深圳市发展和改革委员会,city,2024-03-05,深圳,深发改规〔2024〕8号,{},{}\n"
TEXT_1 = "对公共充电桩按充电量给予0.2元/千瓦时的运营补贴。本细则有效期5年。"
TEXT_2 = "对公共充电桩按充电量给予0.1元/千瓦时的运营补贴。本细则有效期5年。个人自用充电桩不予补贴。"
LATER = (
    HEAD + FIRST.format(TEXT_2, "2025-05-20")
    + "关于调整深圳市充电设施运营补贴的通知,深圳市发展和改革委员会,city,2025-05-20,深圳,深发改规〔2025〕2号,"
    "自2025年6月1日起施行。对公共充电桩不再给予运营补贴。《深圳市充电设施运营补贴实施细则》（深发改规〔2024〕8号）同时废止。,\n"
    "关于贯彻新能源汽车产业发展规划的实施意见,青岛市人民政府,city,2021-06-01,青岛,青政发〔2021〕9号,"
    "为贯彻落实《国务院办公厅关于印发新能源汽车产业发展规划（2021—2035年）的通知》（国办发〔2020〕39号），加快公共充电桩建设。,\n"
    "对市政协第0456号提案的答复,青岛市发展和改革委员会,city,2021-07-01,青岛,,我市将加快公共充电桩建设。,\n"
)  # fmt: skip


FILLER = "各区应当做好资金审核和发放工作，按季度报送情况。" * 10


def land_releases(home: Path) -> None:
    """Two sites of one platform, looked at twice: a document that changed in between, one that was marked abolished, and a
    repost of the first on the province's site."""
    source = SOURCES["policy_releases"]
    old, new = (f"对个人购买新能源乘用车给予每辆{amount}元购车补贴。\n{FILLER}" for amount in (5000, 3000))
    maker, folder = "广州市工业和信息化局", "/gkmlpt/content/9/9800/post_"
    title = "关于印发广州市新能源汽车购车补贴办法的通知"
    city = Gkmlpt(docs=[
        Doc(folder + "9800001.html", title, "2024-08-05", old, "穗工信规字〔2024〕3号", "2024-08-01", maker),
        Doc(folder + "9800002.html", "广州市新能源汽车公交电动化办法", "2024-08-06", "新增和更新公交车全部使用新能源汽车。\n" + FILLER, "穗交规字〔2020〕1号",
            "2020-02-01", "广州市交通运输局"),
    ])  # fmt: skip
    province = Gkmlpt(host="www.gd.gov.cn", sid="2", docs=[
        Doc(folder + "9800009.html", title, "2024-08-20", new, "穗工信规字〔2024〕3号", "2024-08-01", maker),
    ])  # fmt: skip
    with serve(city), serve(province):
        web = Fetcher(source.hosts, name=source.name, origins={r.host: r.origin for r in (city, province)}, min_gap=0.0, backoff=0.01)
        landing = Landing(Home(home), web=web)
        for partition in ("2024-08__guangzhou", "2024-08__guangdong"):
            account = landing.land(source, partition)
            assert account.outcome == "landed" and account.accepted == (2 if "guangzhou" in partition else 1), account.message
        time.sleep(1.1)
        city.docs[0].body = new
        city.docs[1].abolished = 1
        landing.memo.clear()
        assert landing.land(source, "2024-08__guangzhou").outcome == "landed"
        # a list that grows short takes nothing away
        city.docs.pop()
        landing.memo.clear()
        landing.land(source, "2024-08__guangzhou")


@pytest.fixture(scope="module")
def busy(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one refresh that met: a rule taken out of the vocabulary, a brought document that changed, its repeal, a
    local text that carries out a national one, a reply, scraped documents with a change, a repost and a repeal, and a second
    coder's answers."""
    root = tmp_path_factory.mktemp("busy") / "home"
    shutil.copytree(home, root, symlinks=True)
    checkout = root.parent / "checkout"
    skip = (".venv", ".git", "__pycache__", "target", "data", ".mypy_cache", ".ruff_cache")
    shutil.copytree(REPO, checkout, ignore=lambda folder, names: {n for n in names if n in skip and not (n == "data" and "sources" in folder or n == "data" and "tests" in folder)})
    seed = checkout / "dbt_project" / "seeds" / "instrument_terms.csv"
    lines = seed.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("P1-zh-H01,")]
    assert len(kept) == len(lines) - 1
    seed.write_text("".join(kept), encoding="utf-8")

    inbox = root / "inbox" / "policies"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "first.csv").write_text(HEAD + FIRST.format(TEXT_1, "2024-03-10"), encoding="utf-8")
    landing = Landing(Home(root))
    for partition in landing.partitions(SOURCES["inbox"]):
        assert landing.land(SOURCES["inbox"], partition).outcome == "landed"
    time.sleep(1.1)  # the next look is a second later
    (inbox / "later.csv").write_text(LATER, encoding="utf-8")
    land_releases(root)

    fake = FakeEndpoint()
    fake.answer = '[{"instrument": "R6_recycling", "direction": "support", "quote": "不在文中"}]'
    context = pytest.MonkeyPatch()
    try:
        for name, value in {"URL": fake.url, "MODEL": "fake-1", "MAX": "2"}.items():
            context.setenv(f"EVATLAS_CODER_{name}", value)
        assert landing.land(SOURCES["second_coder"], ALL).accepted == 2
    finally:
        context.undo()
        fake.server.shutdown()
        fake.server.server_close()

    done = make("orchestration.commands.refresh", root, PYTHONPATH=str(checkout), EVATLAS_TEST_CWD=str(checkout))
    assert done.code == 0, done.out
    return root


def ask(root: Path, sql: str, *values: object) -> list[tuple]:
    con = duckdb.connect(str(root / "published" / "current" / "atlas.duckdb"), read_only=True)
    try:
        return con.execute(sql, list(values)).fetchall()
    finally:
        con.close()


EVIDENCE = """
    select t.city_id, t.instrument_id, t.year, t.n_documents, t.n_own_initiative, t.n_support, t.n_reduce_or_end, t.amount_cny_m,
      count(distinct p.policy_id), count(distinct p.policy_id) filter (where not p.is_reissue),
      count(distinct p.policy_id) filter (where i.direction = 'support'),
      count(distinct p.policy_id) filter (where i.direction in ('reduce', 'terminate')), count(coalesce(i.sentence, i.coded_from))
    from mart_policy_toolkit t
    left join policy p on p.is_counted and p.counted_place_id = t.city_id and p.year = t.year
    left join policy_instrument i on i.policy_id = p.policy_id and i.instrument_id = t.instrument_id
    where i.policy_id is not null
    group by all"""


def test_every_number_of_the_toolkit_has_its_sentences(busy: Path, home: Path) -> None:
    for root in (home, busy):
        rows = ask(root, EVIDENCE)
        assert len(rows) == ask(root, "select count(*) from mart_policy_toolkit")[0][0] > 100
        for row in rows:
            assert row[3:7] == row[8:12] and row[12] >= row[3] > 0, row
    # words are quoted where a text was read, and a document that was read has some
    read = dict(ask(busy, "select evidence_basis, count(evidence_text) from policy_instrument group by all"))
    assert read["text"] > 5 and read["title"] == read["summary"] == 0
    counted = ask(busy, "select count(distinct policy_id) from policy join policy_instrument using (policy_id) where is_counted")[0][0]
    assert counted > 50


def test_a_brought_document_is_coded_versioned_and_repealed_on_the_right_day(busy: Path) -> None:
    [(policy, start, end, basis, by, status, sources)] = ask(
        busy, "select policy_id, in_force_from, in_force_to, in_force_to_basis, repealed_by_policy_id, status, n_sources from policy where doc_no = '深发改规〔2024〕8号'"
    )
    assert (start, end, basis, status) == (dt.date(2024, 3, 5), dt.date(2025, 5, 31), "repealed_by", "repealed")
    assert ask(busy, "select doc_no, in_force_from, in_force from policy where policy_id = ?", by) == [("深发改规〔2025〕2号", dt.date(2025, 6, 1), None)], "no end is stated and no site says that it is in force"
    assert ask(busy, "select in_force from policy where policy_id = ?", policy) == [(False,)]
    assert sources == 2
    words = ask(busy, "select amount, unit, evidence_text, sentence from policy_instrument where policy_id = ? and instrument_id = 'F6_facility_subsidy' and amount is not null", policy)
    assert words == [(0.1, "CNY/kWh", words[0][2], "对公共充电桩按充电量给予0.1元/千瓦时的运营补贴")], "the newer text is not the one coded"
    versions = ask(busy, "select version, known_from, known_to, sentences_new, sentences_gone from policy_version where policy_id = ? order by version", policy)
    assert [v[0] for v in versions] == [1, 2] and versions[0][2] == versions[1][1] > versions[0][1] and versions[1][2] is None
    assert set(versions[1][3]) == {"对公共充电桩按充电量给予0.1元/千瓦时的运营补贴", "个人自用充电桩不予补贴"}
    assert versions[1][4] == ["对公共充电桩按充电量给予0.2元/千瓦时的运营补贴"]
    edges = ask(busy, "select edge_type, to_policy_id, resolved_by, evidence_words from policy_edge where from_policy_id = ?", by)
    assert edges and all(e[1] == policy and "同时废止" in e[3] for e in edges)


def test_types_and_reissues_are_told_apart_before_anything_is_counted(busy: Path) -> None:
    rows = ask(busy, "select doc_type, is_counted, is_reissue from policy where counted_place_id = '370200' and source_id = 'inbox' order by doc_type")
    assert rows == [("norm", True, True), ("reply", False, False)]
    [(documents_, own, again)] = ask(busy, "select n_documents, n_own_initiative, n_reissue from mart_policy_toolkit where city_id = '370200' and year = 2021 and instrument_id = 'I1_charging_swap'")
    assert again >= 1 and own == documents_ - again


def test_a_scraped_document_counts_once_with_both_its_texts(busy: Path) -> None:
    members = ask(busy, "select split_part(source_record_id, ':', 1), policy_id, source_record_id from policy_source where doc_no = '穗工信规字〔2024〕3号' order by 1")
    assert [m[0] for m in members] == ["guangdong", "guangzhou"] and len({m[1] for m in members}) == 1
    [(level, adcode, published)] = ask(busy, "select level, counted_place_id, published_on from policy where policy_id = ?", members[0][1])
    assert (level, adcode, published) == ("city", "440100", dt.date(2024, 8, 5)), "the repost's site was taken for the issuer"
    versions = ask(busy, "select version, known_from, known_to, sentences_new, sentences_gone from policy_version where source_record_id = ? order by 1", members[1][2])
    assert [v[0] for v in versions] == [1, 2] and versions[0][1] <= versions[0][2] == versions[1][1] and versions[1][2] is None
    assert (versions[1][3], versions[1][4]) == (["对个人购买新能源乘用车给予每辆3000元购车补贴"], ["对个人购买新能源乘用车给予每辆5000元购车补贴"])
    assert ask(busy, "select n_documents from mart_policy_toolkit where city_id = '440100' and instrument_id = 'F1_purchase_subsidy' and year = 2024")[0][0] == 1
    [(by, seen, status)] = ask(busy, "select out_of_force_by, in_force_seen, status from policy where doc_no = '穗交规字〔2020〕1号'")
    today = china_day(dt.datetime.now(dt.UTC))
    # days, not hours: seen without its mark and with it on one day, it was seen in force on no day before
    assert status == "repealed" and seen is None and today - dt.timedelta(1) <= by <= today, "a mark says that it is over, not since when"
    covered = ask(busy, "select covered, pages, body_share, months from meta.coverage where source_id = 'policy_releases' and place_id in ('440100', '610100') order by place_id")
    assert covered == [(True, 2, 1.0, 1), (False, 0, None, 0)], "Xi'an must read as not covered"
    assert ask(busy, "select bool_and(covered) from mart_policy_toolkit where city_id = '440100'")[0][0] is True


def test_a_change_of_vocabulary_codes_anew_and_says_so(busy: Path, home: Path) -> None:
    sql = "select count(*) from policy_instrument where rule_id = 'P1-zh-H01'"
    assert ask(home, sql)[0][0] > 0 and ask(busy, sql)[0][0] == 0
    changes = (busy / "published" / "current" / "CHANGES.md").read_text("utf-8")
    assert "1 removed (P1-zh-H01)" in changes
    lost = [line for line in changes.splitlines() if line.startswith("| P1_plan_target |")]
    assert len(lost) == 1 and int(lost[0].split("|")[3]) > 0 and int(lost[0].split("|")[2]) == 0
    assert "documents are new" in changes


def test_the_second_coder_stands_beside_the_rules_and_counts_nowhere(busy: Path, home: Path) -> None:
    rows = ask(busy, "select verdict, instrument_id, second_evidence_in_text, model, length(prompt) from policy_coder_disagreement order by 1, 2")
    assert {r[0] for r in rows} == {"only_rules", "only_second_coder"}
    assert {(r[1], r[2]) for r in rows if r[0] == "only_second_coder"} == {("R6_recycling", False)}
    assert all(r[3] == "fake-1" and r[4] > 500 for r in rows)
    assert ask(busy, "select count(*) from policy_instrument where coded_by = 'second_coder'") == [(0,)]
    assert ask(home, "select count(*) from policy_coder_disagreement") == [(0,)]


def test_the_quality_and_the_rules_are_published(home: Path) -> None:
    assert ask(home, "select count(*) from meta.policy_coding_quality where part = 'held_out' and measure = 'instruments'") == [(1,)]
    rules = sum(1 for _ in open(SEEDS / "instrument_terms.csv", encoding="utf-8")) - 1
    assert ask(home, "select count(*) from policy_rule") == [(rules,)]
    unknown = "select count(*) from policy_instrument where coded_by = 'rules' and rtrim(rule_id, '+') not in (select rule_id from policy_rule)"
    assert ask(home, unknown) == [(0,)]


def test_diffusion_is_whole(home: Path) -> None:
    bad = ask(home, """select * from mart_policy_diffusion where n_adopters > n_places or n_at_risk + n_adopters - n_new <> n_places
        or km_not_adopted not between 0 and 1 or abs(1 - share_adopted - km_not_adopted) > 1e-9 or (fit_ceiling is null) <> (null_reason is not null)""")
    assert bad == []
    first = ask(home, "select instrument_id, min(year(first_adopted_on)) from mart_policy_toolkit where first_adopted_on is not null group by 1")
    assert dict(first) == dict(ask(home, "select instrument_id, min(year) from mart_policy_diffusion group by 1"))
