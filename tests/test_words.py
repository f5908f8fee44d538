"""What the published words claim: no more than what was read, paid, made in a whole year, or counted.

Belongs here: that a sum is not called paid, a title not quoted as a text, a part of a year not ranked as one, figures of
far years not compared, and a count of converted plants not called the plants that make EVs. Does not belong here: the
numbers themselves (test_pipeline), how the page behaves (test_page).
"""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from atlas.page.content import content
from atlas.page.write import render
from ingest.text.values import part_of_year
from sources.curated_output import metric_period, period_of
from tests.conftest import REPO

TEXT: dict[str, list[str]] = json.loads((REPO / "atlas/page/text.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def con(published: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(published / "atlas.duckdb"), read_only=True)


def published_words(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Every text that a reader meets, by where it stands: page (both languages), comments, README, recipes, findings."""
    words = {f"text.json {key} {lang}": text for key, pair in TEXT.items() for lang, text in zip(("en", "zh"), pair, strict=True)}
    words |= {f"comment {t}.{c}": w or "" for t, c, w in con.execute("select table_name, column_name, comment from duckdb_columns() where not internal").fetchall()}
    words |= {f"comment {t}": w or "" for t, w in con.execute("select table_name, comment from duckdb_tables() where not internal").fetchall()}
    words |= {f"finding {f}": f"{a} {b} {c}" for f, a, b, c in con.execute("select finding_id, claim, statistic, detail from finding").fetchall()}
    for name in ("README.md", "docs/recipes.md", "docs/methods.md"):
        prose = re.sub(r"```.*?```", "", (REPO / name).read_text("utf-8"), flags=re.S)
        words |= {f"{name} {i}": part for i, part in enumerate(re.split(r"\n\n|(?<=[.:;])\s", prose))}
    return words


# -- what was paid --------------------------------------------------------------------------------------------------------
PAID = re.compile(r"\bpa(?:id|y|ys)\b|政府支出|付出|支付")
#: A text may say paid where it names payer and payee, or says that nothing tells of it.
SAYS_WHO = re.compile(r"payer|payee|who paid|not what was paid|known to have been paid|nothing says that it was paid|are unknown|is unknown|付款方|不详")


def test_no_published_text_calls_a_sum_paid_without_payer_and_payee(con: duckdb.DuckDBPyConnection) -> None:
    wrong = {where: text for where, text in published_words(con).items() if PAID.search(text) and not SAYS_WHO.search(text)}
    assert wrong == {}
    assert TEXT["c.paid"] == ["sums named in its documents", "文件中提到的金额"]


def test_no_sum_is_the_governments_where_no_statement_names_payer_and_payee(con: duckdb.DuckDBPyConnection) -> None:
    for table, columns in {"mart_city_profile": ["amount_cny_m"], "mart_policy_toolkit": ["amount_cny_m", "intensity", "amount_to_budget_revenue"], "metrics.policy_mix": ["amount_cny_m", "intensity_cny_per_1000_gdp"]}.items():
        counts = ", ".join(f"count({c})" for c in columns)
        assert con.execute(f"select {counts} from {table}").fetchone() == (0,) * len(columns), table
        assert con.execute(f"select count(*) from {table} where {columns[0]} is null and null_reason is null").fetchone() == (0,), table
    assert con.execute("select sum(amount_known_share) from mart_policy_toolkit").fetchone() == (0,)
    # NIO's own money and a credit line stay listed, one by one, with what they were read from
    listed = dict(con.execute("select name_en, array_to_string(amounts, '|') from mart_city_profile where name_en in ('Hefei', 'Guangzhou')").fetchall())
    assert "NIO 100亿元" in listed["Hefei"] and "credit line" in listed["Guangzhou"]


# -- what was read --------------------------------------------------------------------------------------------------------
def test_words_are_quoted_only_where_a_text_was_read(con: duckdb.DuckDBPyConnection) -> None:
    wrong = """select count(*) from policy_instrument i join policy_source s on s.source_id = i.source_id and s.source_record_id = i.source_record_id
               where (i.evidence_text is not null or i.sentence is not null) and (i.evidence_basis <> 'text' or s.text_kind not in ('full', 'attachment'))"""
    assert con.execute(wrong).fetchone() == (0,)
    assert con.execute("select count(*) from policy_instrument where (evidence_basis = 'text') = (coded_from is not null)").fetchone() == (0,)
    # 903 statements of the bundled documents: 349 coded by a person who kept no words, none of them from a text
    counted = con.execute("select count(*), count(*) filter (where evidence_basis = 'hand' and coded_by = 'curated') from policy_instrument").fetchone()
    assert counted == (903, 349)
    titles = "select count(*) from policy_instrument i join policy p using (policy_id) where i.evidence_basis = 'hand' and i.coded_by = 'curated' and i.coded_from <> p.title_zh"
    assert con.execute(titles).fetchone() == (0,)


def test_the_page_has_words_of_a_text_alone(con: duckdb.DuckDBPyConnection) -> None:
    for said in content(con)["statements"]:
        assert said["basis"] in ("text", "title", "summary", "hand")
        assert ("words" in said) == (said["basis"] not in ("title", "hand")), said


def test_quotation_marks_stand_around_a_text_alone(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """In the browser: of three statements of one document, coded from text, summary and title, one is a quotation."""
    test_page = pytest.importorskip("tests.test_page")
    if test_page.CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed and could not be")
    from playwright.sync_api import sync_playwright

    shown = copy.deepcopy(content(con))
    policy = next(p["id"] for p in shown["policies"] if p["place"] == "340100")
    base: dict[str, Any] = {"policy": policy, "instrument": "F1_purchase_subsidy", "direction": "support"}
    shown["statements"] = [{**base, "basis": "text", "words": "THE TEXT"}, {**base, "basis": "summary", "words": "THE SUMMARY"}, {**base, "basis": "title"}]
    target = tmp_path / "atlas.html"
    target.write_text(render(shown, test_page.EMPTY_BACKDROP, {"version": "v", "previous": None}), encoding="utf-8")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=test_page.CHROMIUM, args=test_page.FLAGS)
        seen = test_page.Seen(browser, target.as_uri())
        seen.page.select_option("#city-choice", "340100")
        assert [q.inner_text() for q in seen.page.locator("#city-rest q").all()] == ["THE TEXT"]
        words = seen.text("#city-rest")
        assert "coded from a summary: THE SUMMARY" in words and "coded from the title" in words
        browser.close()


# -- part of a year -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "part"),
    [("1-11月", "11m"), ("2025年1—9月", "9m"), ("1月至8月", "8m"), ("Jan-Nov 2025", "11m"), ("January to November", "11m"), ("first eleven months", "11m"),
     ("前三季度", "9m"), ("上半年", "h1"), ("H1 2022", "h1"), ("first half", "h1"), ("1-6月", "h1"), ("year to date", "ytd"), ("今年以来", "ytd"), ("5m", "5m"), ("Q1", "3m"),
     ("2025", None), ("full", None), ("1-12月", None), ("more than 1.2 million in 2024", None), ("", None)],
)  # fmt: skip
def test_every_spelling_of_a_part_of_a_year(text: str, part: str | None) -> None:
    assert part_of_year(text) == part


def test_a_figure_says_its_period_or_is_refused() -> None:
    assert metric_period("nev_11m") == ("nev", "11m") and metric_period("auto (NBS)") == ("auto", "full")
    assert metric_period("nev", "1,246,000, first among cities, January to November 2025") == ("nev", "11m")
    assert period_of("full") == "full" and period_of("H1") == "h1"
    with pytest.raises(ValueError, match="unknown_period"):
        period_of("most of it")


def test_no_figure_of_part_of_a_year_is_in_a_rank_share_or_headline(con: duckdb.DuckDBPyConnection) -> None:
    three = {("Hefei", "nev"): 1246000, ("Chengdu", "nev"): 205000, ("Chengdu", "auto"): 821000, ("Shanghai", "auto"): 1601100}
    for (city, metric), vehicles in three.items():
        row = con.execute(f"select {metric}_output, {metric}_output_part_year, {metric}_output_part_year_period from mart_cluster join city using (city_id) where year = 2025 and name_en = ?", [city]).fetchone()
        assert row == (None, vehicles, "11m"), (city, metric)
    assert con.execute("select count(*) from mart_cluster where nev_output is null and (rank_nev_output is not null or national_share_nev_output is not null)").fetchone() == (0,)
    assert con.execute("select count(*) from mart_cluster where (nev_output is null) <> (nev_output_null_reason is not null)").fetchone() == (0,)
    assert con.execute("select nev_output_newest, nev_output_newest_year from mart_city_profile where name_en = 'Hefei'").fetchone() == (1370000, 2024)
    assert con.execute("select count(*) from indicator where indicator_id = 'nev_output' and value in (1246000, 205000)").fetchone() == (0,)
    # in general: what stands as a year's figure in a city was never landed as a part of that year alone
    landed = duckdb.connect().execute(f"""select geography_id, year from read_parquet('{_landed(con)}') where geography_level = 'city' and metric = 'nev'
        group by all having bool_and(period <> 'full')""").fetchall()
    ranked = set(con.execute("select city_id, year from mart_cluster where nev_output is not null").fetchall())
    assert len(landed) >= 3 and not ranked & set(landed)


def _landed(con: duckdb.DuckDBPyConnection) -> str:
    file = Path(con.execute("select path from duckdb_databases() where path is not null limit 1").fetchone()[0])  # type: ignore[index]
    return str(next(p for p in file.resolve().parents if (p / "landing").is_dir()) / "landing/curated_output/output/*.parquet")


# -- years side by side ---------------------------------------------------------------------------------------------------
def test_fiscal_figures_that_stand_side_by_side_are_of_one_year(con: duckdb.DuckDBPyConnection) -> None:
    [(gdp, revenue, n)] = con.execute("select count(distinct gdp_year), count(distinct budget_revenue_year), count(budget_revenue_100m_cny) from city").fetchall()
    assert (gdp, revenue) == (1, 1) and n >= 20
    assert con.execute("select count(*) from city where (gdp_100m_cny is null or budget_revenue_100m_cny is null) <> (fiscal_null_reason is not null)").fetchone() == (0,)
    years = con.execute("select distinct revenue_year from mart_fiscal_limits").fetchall()
    assert years == con.execute("select distinct budget_revenue_year from city where budget_revenue_year is not null").fetchall()
    # a figure of another year stands in no column of its own beside them
    assert [c for (c,) in con.execute("select column_name from duckdb_columns() where table_name = 'city' and column_name like '%_best%'").fetchall()] == []
    detail = con.execute("select detail from finding where finding_id = 'F5'").fetchone()[0]  # type: ignore[index]
    assert f"revenue of {years[0][0]}, the one year compared" in detail


# -- what an EV plant is --------------------------------------------------------------------------------------------------
def test_counts_of_ev_plants_carry_the_word_that_says_what_they_are(con: duckdb.DuckDBPyConnection, published: Path) -> None:
    for table, comment in con.execute("select table_name, comment from duckdb_columns() where column_name = 'n_ev_plants' and schema_name in ('main', 'metrics')").fetchall():
        assert re.search(r"conversion was complete|born or converted", comment), (table, comment)
    assert "year in which its conversion was complete" in con.execute("select comment from duckdb_columns() where table_name = 'plant' and column_name = 'ev_from_year'").fetchone()[0]  # type: ignore[index]
    for key in ("map.ev", "c.ev", "series.ev", "map.shade0", "city.share", "city.rankyears"):
        assert "born or converted" in TEXT[key][0] and "新建或已转换" in TEXT[key][1], key
    assert "before 2022" in TEXT["ev.what"][0] and "2022" in TEXT["ev.what"][1]
    capable = {where: text for where, text in published_words(con).items() if "EV-capable" in text or "电动产能" in text}
    assert capable == {}
    view = json.loads((published / "json/indicators/ev_plants_count.json").read_text("utf-8"))
    assert "born or converted" in view["name_en"] and "before 2022" in view["note_en"].lower() and "2022" in view["note_zh"]


def test_the_table_of_the_readme_is_the_answer_to_its_query(con: duckdb.DuckDBPyConnection) -> None:
    readme = (REPO / "README.md").read_text("utf-8")
    query = re.search(r"```sql\n(.*?)```\n\n(\|.*?)\n\n", readme, re.S)
    assert query
    answer = con.execute(query[1])
    names = [d[0] for d in answer.description]
    said = [[cell.strip() for cell in line.strip("|").split("|")] for line in query[2].split("\n")]
    assert said[0] == names and "ev_plants_born_or_converted" in names
    assert said[2:] == [["" if v is None else str(v) for v in row] for row in answer.fetchall()]


def test_no_bundled_full_year_figure_has_a_page_that_speaks_of_months() -> None:
    """The files themselves: a row of a whole year whose page tells of months would be read as a part of it; the one that stays is said to be expected."""
    rows = csv.DictReader(io.StringIO((REPO / "sources/curated_output/data/city_output.csv").read_text("utf-8")))
    doubtful = [r for r in rows if r["period"] == "full" and r["metric"] in ("nev", "auto") and part_of_year(r["note"])]
    assert [(r["city_en"], r["support"]) for r in doubtful] == [("Zhengzhou", "recalled")]


def test_a_lower_bound_says_so_wherever_it_stands(con: duckdb.DuckDBPyConnection, published: Path) -> None:
    bounds = set(con.execute("select city_id, year::varchar from mart_cluster where nev_output_is_lower_bound and nev_output is not null").fetchall())
    assert len(bounds) >= 5
    rows = con.execute("select geography_id, period, value, lo, hi, interval_reason from indicator_latest where indicator_id = 'nev_output' and value is not null").fetchall()
    assert {(place, year) for place, year, value, lo, hi, why in rows if (lo, hi) == (value, None) and "lower bound" in why} == bounds
    view = json.loads((published / "json/indicators/nev_output.json").read_text("utf-8"))
    at = {c: i for i, c in enumerate(view["columns"])}
    told = {(r[at["geography_id"]], r[at["period"]]) for r in view["rows"] if "lower bound" in (r[at["interval_reason"]] or "")}
    assert told == bounds
    with open(published / "figures/seven_cities.csv", encoding="utf-8-sig", newline="") as handle:
        assert {r["city"] for r in csv.DictReader(handle) if r["output_is_lower_bound"] == "True"} >= {"Hefei", "Guangzhou", "Changsha"}


def test_each_sum_that_a_document_names_is_listed(con: duckdb.DuckDBPyConnection) -> None:
    """Targets too: "no sum named" is said of no city whose documents name one."""
    missed = """select distinct p.policy_id from policy_instrument i join policy p using (policy_id) join mart_city_profile m on m.city_id = p.counted_place_id
                where p.is_counted and i.direction = 'support' and i.amount is not null and i.unit like 'CNY%'
                  and not contains(coalesce(array_to_string(m.amounts, '|'), ''), p.policy_id)"""
    assert con.execute(missed).fetchall() == []
    assert con.execute("select count(*) from mart_city_profile where (n_documents_with_money > 0) <> (len(amounts) > 0)").fetchone() == (0,)
    where = "select m.n_documents_with_money from mart_city_profile m where m.name_en = 'Changzhou'"
    assert con.execute(where).fetchone()[0] > 0  # type: ignore[index]
