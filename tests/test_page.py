"""The atlas page in a real browser: it shows what the database holds, asks nobody, and nothing hostile comes to life.

Belongs here: what a reader does with the page. Does not belong here: the numbers themselves (test_pipeline, test_oracles).
"""

from __future__ import annotations

import collections
import copy
import http.server
import itertools
import json
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from atlas.page.content import MOST_DOCUMENTS, content, link
from atlas.page.write import escaped, render

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--lang=en-US"]  # fmt: skip
SECTIONS = ("map", "cities", "city", "findings", "segments", "policies", "heritage", "data")
CHARTS = ("map", "series", "share", "rank", "lq", "flow", "kd", "diffusion", "mix", "heritage")
EMPTY_BACKDROP: dict[str, Any] = {"source": None, "note": "", "units": [], "provinces": []}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed and could not be")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Seen:
    """A page with what it said and asked for."""

    def __init__(self, browser: Any, address: str, **options: Any):
        self.page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.said.append(f"{m.type}: {m.text}") if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("dialog", lambda d: (self.said.append(f"dialog {d.message}"), d.dismiss()))
        self.page.on("request", lambda r: None if r.url.startswith(("data:", "blob:")) or r.url == address.split("#")[0] else self.asked.append(r.url))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready=true]", timeout=30_000)

    def all_charts(self) -> None:
        for name in CHARTS:
            self.page.locator(f"#chart-{name}").scroll_into_view_if_needed()
            self.page.wait_for_selector(f"#chart-{name} > *", timeout=15_000)
            self.page.wait_for_timeout(60)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()


@pytest.fixture(scope="module")
def opened(browser: Any, published: Path) -> Iterator[Seen]:
    seen = Seen(browser, (published / "atlas.html").resolve().as_uri())
    yield seen
    seen.page.close()


def reset(seen: Seen) -> None:
    if seen.page.evaluate("document.documentElement.lang") != "en":
        seen.page.click("#language")
    seen.page.click('[data-preset="all"]')


def test_it_is_one_file_under_five_megabytes_and_paints_within_two_seconds(opened: Seen, published: Path) -> None:
    assert (published / "atlas.html").stat().st_size < 5_000_000
    paints = opened.page.evaluate("Object.fromEntries(performance.getEntriesByType('paint').map(e => [e.name, e.startTime]))")
    assert paints["first-contentful-paint"] < 2_000


def test_no_error_and_no_request_from_a_file(opened: Seen) -> None:
    opened.all_charts()
    assert opened.said == []
    assert opened.asked == []


def test_no_error_and_no_request_from_a_server(browser: Any, published: Path) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(published.resolve()))
    handler.log_message = lambda *a: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        seen = Seen(browser, f"http://127.0.0.1:{server.server_address[1]}/atlas.html")
        seen.all_charts()
        assert seen.said == [] or seen.said == ["error: Failed to load resource: the server responded with a status of 404 (File not found)"]
        assert [u for u in seen.asked if not u.endswith("/favicon.ico")] == []
        seen.page.close()
    finally:
        server.shutdown()
        server.server_close()


def test_every_section_renders_and_is_photographed(opened: Seen, tmp_path: Path) -> None:
    for section in SECTIONS:
        opened.page.evaluate("id => document.getElementById(id).scrollIntoView({behavior: 'instant'})", section)
        opened.page.wait_for_timeout(400)
        picture = tmp_path / f"{section}.png"
        opened.page.screenshot(path=str(picture))
        assert picture.stat().st_size > 20_000, section
        assert len(opened.text(f"#{section}")) > 80, section


def test_the_map_follows_the_year(opened: Seen, published: Path) -> None:
    reset(opened)
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    for year in (1995, 2012, con.execute("select max(year) from mart_cluster").fetchone()[0]):
        opened.page.locator("#year").fill(str(year))
        shown = opened.page.evaluate("Bokeh.documents.map(d => d.get_model_by_name('plants')).find(Boolean).data.x.length")
        counted = opened.text("#map-counts")
        # the marts' own counts, not the page's rules
        ev, ice = con.execute("select sum(n_ev_plants), sum(n_ice_plants) from mart_cluster where year = ?", [year]).fetchone()
        assert shown > 0
        numbers = [int(n.inner_text()) for n in opened.page.locator("#map-counts b").all()]
        assert numbers[1] == ev, counted
        assert numbers[0] == ice, counted


def test_the_language_switches_and_all_names_have_both(opened: Seen) -> None:
    reset(opened)
    assert "Findings" in opened.text("header nav")
    opened.page.click("#language")
    try:
        assert "结论" in opened.text("header nav") and "Findings" not in opened.text("header nav")
        assert opened.page.evaluate("document.documentElement.lang") == "zh"
        assert "深圳市" in opened.page.locator("#city-choice").inner_text()
    finally:
        opened.page.click("#language")
    data = json.loads(opened.page.locator("#payload").text_content())["data"]
    assert all(c["zh"] and c["en"] for c in data["cities"])
    assert all(i["zh"] and i["en"] for i in data["instruments"] + data["segments"])


def test_search_finds_a_city_by_keyboard(opened: Seen) -> None:
    reset(opened)
    opened.page.fill("#search", "合肥")
    assert "Hefei" in opened.text("#hits")
    opened.page.press("#search", "Enter")
    assert "Hefei" in opened.text("#city-head")
    opened.page.fill("#search", "nothing of this name")
    assert opened.page.locator("#hits li[role=option]").count() == 0
    opened.page.press("#search", "Escape")


def test_a_city_shows_its_numbers_words_and_links(opened: Seen, published: Path) -> None:
    reset(opened)
    opened.page.select_option("#city-choice", "440300")
    head = opened.text("#city-head")
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    output, year, anchor = con.execute("select nev_output_newest, nev_output_newest_year, anchor_firm from mart_city_profile where city_id = '440300'").fetchone()
    assert f"{int(output):,} ({year})" in head and anchor in head
    documents = con.execute("select n_documents from mart_city_profile where city_id = '440300'").fetchone()[0]
    assert opened.page.locator("#city-rest > .scroll > table th[scope=row]").count() == documents > 0
    assert opened.page.locator("#city-rest q").count() == 0, "no text of these documents was read: nothing may stand in quotation marks"
    assert "coded from the title" in opened.text("#city-rest") and "coded from a summary" in opened.text("#city-rest")
    targets = opened.page.evaluate("[...document.querySelectorAll('main a[target=_blank]')].map(a => a.getAttribute('href') + ' ' + a.rel)")
    assert targets and all(t.startswith("http") and "noopener" in t for t in targets)
    assert "city=440300" in opened.page.evaluate("location.hash")


def test_walking_through_cities_years_and_languages_says_no_error(opened: Seen) -> None:
    reset(opened)
    opened.all_charts()
    for city in ("440300", "340100", "350900", "310000", "500000", "440100", "320400"):
        opened.page.select_option("#city-choice", city)
        opened.page.wait_for_timeout(80)
    opened.page.check("input[value=powertrain]")
    for year in ("1990", "2008", "2020"):
        opened.page.locator("#year").fill(year)
    for button in ("in", "out", "reset"):
        opened.page.click(f"[data-zoom={button}]")
    opened.page.click("#language")
    opened.page.click("#language")
    opened.page.wait_for_timeout(200)
    assert opened.said == []


def test_five_minutes_of_an_analyst(opened: Seen, published: Path) -> None:
    """Which cities have a battery cluster without an ICE past, who anchors it, which sums do its documents name? One press on the
    question at the top of the page leads there, and the database gives the same rows and the same sums."""
    reset(opened)
    opened.page.evaluate("scrollTo(0, 0)")
    opened.page.click('[data-ask="battery"]')
    shown = {}
    for row in opened.page.locator("#cities-table tbody tr").all():
        cells = row.locator("td").all()
        makers, anchor = cells[2].inner_text().strip().split("\n")
        paid = cells[8].inner_text()
        shown[row.locator("th").inner_text().split(" · ")[0].strip()] = (
            int(cells[1].inner_text()), makers, anchor.removeprefix("led by ") if anchor != "no single leader" else None,
            cells[8].locator("li").count(), int(paid.split()[0]) if "document," in paid or "documents," in paid else 0, "no document counts for it" in paid,
        )  # fmt: skip
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    expected = {
        city: (n, ", ".join(makers), anchor, len(amounts), documents if not amounts else 0, coverage.startswith("not covered"))
        for city, n, makers, anchor, amounts, documents, coverage in con.execute(
            """select name_en, n_battery_plants, battery_makers, battery_anchor, amounts, n_documents, policy_coverage
               from mart_city_profile where n_battery_plants >= 2 and ice_past = 'none known'"""
        ).fetchall()
    }
    assert shown == expected and len(expected) > 5
    n, led, documents, money = con.execute(
        """select count(*), count(battery_anchor), count(*) filter (where n_documents > 0), count(*) filter (where len(amounts) > 0)
           from mart_city_profile where n_battery_plants >= 2 and ice_past = 'none known'"""
    ).fetchone()
    said = opened.text("#cities-answer")
    assert f"{n} cities have at least 2 battery plants" in said and f"In {led} of them one maker" in said
    assert f"For {documents} of them a policy document is counted, and {money} of these name a sum of money" in said and "what a government paid is known for 0" in said


def test_each_question_leads_to_its_answer(opened: Seen) -> None:
    reset(opened)
    for question, section in (("seven", "cities"), ("words", "city-tools"), ("findings", "findings"), ("wave", "map")):
        opened.page.evaluate("document.documentElement.style.scrollBehavior = 'auto'; scrollTo(0, 0)")
        opened.page.click(f'[data-ask="{question}"]')
        top = opened.page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", section)
        assert -5 <= top < 200, question
    until(opened.page, "Number(document.getElementById('year').value) < 2020")  # the map plays from the start
    opened.page.click("#play")
    reset(opened)
    opened.page.click('[data-ask="seven"]')
    assert opened.page.locator("#cities-table tbody tr").count() == 7
    reset(opened)


def test_a_number_leads_to_its_meaning(opened: Seen, published: Path) -> None:
    reset(opened)
    opened.page.click('#city-head a.how[href="#d-mart_cluster.typology"]')
    row = opened.page.locator("tr.asked")
    assert row.is_visible() and row.get_attribute("id") == "d-mart_cluster.typology"
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    comment = con.execute("select comment from duckdb_columns() where table_name = 'mart_cluster' and column_name = 'typology'").fetchone()[0]
    assert row.locator("td").inner_text() == comment
    dead = opened.page.evaluate("[...document.querySelectorAll('a.to-dictionary')].map(a => a.getAttribute('href')).filter(h => !document.getElementById(h.slice(1)))")
    assert dead == []


def until(page: Any, condition: str, seconds: float = 20) -> None:
    """Wait for a condition; Playwright's own waiting asks for eval, which the page's policy refuses."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


#: Kilometres a pixel east over kilometres a pixel north are 1 where the map is not stretched.
TO_SCALE = """(() => { const f = Bokeh.documents.map(d => d.get_model_by_name('map')).find(Boolean);
    return Math.abs(((f.x_range.end - f.x_range.start) / f.inner_width) / ((f.y_range.end - f.y_range.start) / f.inner_height) - 1) < 0.02; })()"""


def test_the_map_is_not_stretched(opened: Seen) -> None:
    opened.page.locator("#chart-map").scroll_into_view_if_needed()
    opened.page.click('[data-zoom="reset"]')
    try:
        for width in (1280, 700):
            opened.page.set_viewport_size({"width": width, "height": 900})
            until(opened.page, f"document.getElementById('chart-map').clientWidth < {width}")
            opened.page.wait_for_timeout(300)
            until(opened.page, TO_SCALE, 5)
        for button in ("in", "east"):
            opened.page.click(f'[data-zoom="{button}"]')
            until(opened.page, TO_SCALE, 5)
    finally:
        opened.page.set_viewport_size({"width": 1280, "height": 900})
        opened.page.click('[data-zoom="reset"]')


def test_choosing_a_plant_shows_its_evidence(opened: Seen, published: Path) -> None:
    reset(opened)
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    name, url = con.execute("select plant_name, evidence_url from plant where evidence_url like 'http%' and city_id is not null and plant_name is not null order by plant_id limit 1").fetchone()
    opened.page.fill("#search", name)
    opened.page.press("#search", "Enter")
    assert name in opened.text("#selection")
    assert opened.page.locator("#selection a[target=_blank]").get_attribute("href") == url.split(" ")[0]


def test_on_paper_every_chart_is_there(browser: Any, published: Path) -> None:
    """Nobody scrolls before printing: charts below the screen are drawn when the browser has nothing else to do."""
    seen = Seen(browser, (published / "atlas.html").resolve().as_uri())
    until(seen.page, "[...document.querySelectorAll('.chart')].every(c => c.children.length)")
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate("getComputedStyle(document.querySelector('header')).display") == "none"
    assert len(seen.page.pdf(format="A4")) > 100_000
    assert seen.said == []
    seen.page.close()


def test_sorting_by_a_header(opened: Seen) -> None:
    reset(opened)
    for wanted in ("descending", "ascending"):
        opened.page.click('#cities-table [data-sort="nev_output_newest"]')
        assert opened.page.get_attribute('#cities-table th:has([data-sort="nev_output_newest"])', "aria-sort") == wanted
        first = opened.page.locator("#cities-table tbody tr th").first.inner_text()
        assert first.startswith("Shenzhen") == (wanted == "descending")


def test_everything_is_reached_by_keyboard(opened: Seen) -> None:
    """Tab alone visits links, slider, buttons and tables; the focus is always on something visible."""
    reset(opened)
    opened.page.evaluate("document.querySelector('.skip').focus()")
    visited = set()
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        visited.add(opened.page.evaluate("document.activeElement.id || document.activeElement.dataset.zoom || document.activeElement.tagName"))
    assert {"search", "language", "year", "play", "in"} <= visited


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Any, published: Path, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.goto((published / "atlas.html").resolve().as_uri())
    page.wait_for_selector("html[data-ready=true]", timeout=30_000)
    for section in SECTIONS:
        page.evaluate("id => document.getElementById(id).scrollIntoView({behavior: 'instant'})", section)
        page.wait_for_timeout(150)
        page.screenshot(path=str(tmp_path / f"phone_{section}.png"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 392
    until(page, TO_SCALE, 5)
    page.close()


def test_each_city_lists_the_documents_that_its_profile_counts(shown_content: dict[str, Any]) -> None:
    listed = collections.Counter(p["place"] for p in shown_content["policies"])
    counted = {c["id"]: min(c["p"]["n_documents"], MOST_DOCUMENTS) for c in shown_content["cities"]}
    assert {c: listed[c] for c in counted} == counted and sum(counted.values()) > 50


def test_what_changed_is_told(browser: Any, shown_content: dict[str, Any], tmp_path: Path) -> None:
    told = {"version": "v2", "previous": "v0001-x", "tables": [["plant", 3, None]], "gained": ["main.plant.a"], "lost": [], "n_moved": 7, "n_appeared": 5, "n_gone": 2,
            "values": [["city", 1, 0, 3, {"gdp_cny_m": 3}]],
            "moved": [["ev_plants_count", "city", "340100", "2024", 1.0, 2.5]], "turned": [["F1", "supported", "not_supported", 3.3]]}  # fmt: skip
    target = tmp_path / "atlas.html"
    target.write_text(render(shown_content, EMPTY_BACKDROP, told), encoding="utf-8")
    seen = Seen(browser, target.as_uri())
    words = seen.page.locator("#data").text_content()
    assert "v0001-x" in words and "7 values of indicators moved" in words and "supported → not supported" in words
    assert "ev_plants_count" in words and "main.plant.a" in words and all(said in words for said in ("5 appeared", "2 are gone", "1 tables changed a value")) and "gdp_cny_m 3" in words
    seen.page.close()


def test_a_page_stays_small_when_sources_are_large(published: Path, tmp_path: Path) -> None:
    """Thousands of firms and documents of one city are counted, and not all listed."""
    target = tmp_path / "atlas.duckdb"
    shutil.copy((published / "atlas.duckdb").resolve(), target)
    target.chmod(0o644)
    con = duckdb.connect(str(target))
    for table, key, one in (("firm", "firm_id", "city_id = '440300'"), ("policy", "policy_id", "place_id = '440300' and doc_type = 'norm'")):
        con.execute(f"insert into {table} select r.* replace ('x' || n.i as {key}) from (select * from {table} where {one} limit 1) r, range(5000) n(i)")
    shown = content(con)  # the copy
    assert len(next(c for c in shown["cities"] if c["id"] == "440300")["firms"]) == 60
    assert sum(p["place"] == "440300" for p in shown["policies"]) == 60
    assert len(json.dumps(shown)) < 1.5e6


# -- hostile names -------------------------------------------------------------------------------------------------------
PROBES = [
    "<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "</script><script>window.pwned=1</script>", "<!--<script>",
    "{{constructor.constructor('window.pwned=1')()}}", "=HYPERLINK(\"http://example.invalid\")", "\u202etxt.exe\u202c", "a\u2028b\u2029c",
    "'\"><svg onload=window.pwned=1>", "javascript:window.pwned=1",
]  # fmt: skip


def hostile(data: dict[str, Any], strings: list[str]) -> dict[str, Any]:  # noqa: C901 - one loop for each part of the page
    """The page's content with its names, titles and words replaced by the strings in turn."""
    data = copy.deepcopy(data)
    given = itertools.cycle(strings)
    for group, keys in (("cities", ("zh", "en", "pen", "pzh")), ("plants", ("name", "operator", "grp", "product", "district")), ("policies", ("zh", "en", "no")),
                        ("statements", ("words",)), ("edges", ("name",)), ("findings", ("detail", "claim"))):  # fmt: skip
        for row in data[group]:
            for key in keys:
                if key in row:
                    row[key] = next(given)
    for city in data["cities"]:
        for firm in city["firms"]:
            firm["zh"] = firm["en"] = next(given)
        city["p"]["anchor_firm"] = next(given)
    for table in data["dictionary"]:
        table["meaning"] = next(given)
        table["columns"] = [[name, kind, next(given)] for name, kind, _ in table["columns"]]
    for effect in data["effects"]:
        effect["warnings"] = effect["outcome"] = next(given)
    for source in data["sources"]:
        source["title"] = source["publisher"] = next(given)
        source["url"] = "javascript:window.pwned=1"
    for policy in data["policies"]:
        policy["url"] = link("javascript:window.pwned=1")
    return data


@pytest.fixture(scope="module")
def shown_content(published: Path) -> dict[str, Any]:
    return content(duckdb.connect(str(published / "atlas.duckdb"), read_only=True))


@pytest.mark.parametrize("kind", ["probes", "naughty"])
def test_hostile_names_give_no_live_node(browser: Any, shown_content: dict[str, Any], tmp_path: Path, kind: str) -> None:
    strings = PROBES if kind == "probes" else [s for s in json.loads((Path(__file__).parent / "data" / "naughty_strings.json").read_text("utf-8")) if s.strip()]
    assert len(strings) >= (10 if kind == "probes" else 480)
    target = tmp_path / "atlas.html"
    told = {"version": strings[0], "previous": strings[1], "tables": [[strings[2], 1, 2]], "gained": [strings[3]], "lost": [], "n_moved": 1, "n_appeared": 0, "n_gone": 0,
            "values": [[strings[5], 1, 0, 3, {strings[6]: 3}]],
            "moved": [[strings[4], "city", strings[0], "2024", 1.0, 2.0]], "turned": [[strings[1], strings[2], strings[3], 1.0]]}  # fmt: skip
    target.write_text(render(hostile(shown_content, strings), EMPTY_BACKDROP, told), encoding="utf-8")
    seen = Seen(browser, target.as_uri())
    seen.all_charts()
    for city in ("440300", "340100", "350900"):
        seen.page.select_option("#city-choice", city)
    seen.page.click("#language")
    assert seen.page.evaluate("window.pwned") is None
    assert seen.said == [] and seen.asked == []
    assert seen.page.evaluate("document.querySelectorAll('body script').length") == 3
    assert seen.page.evaluate("[...document.querySelectorAll('main img, main iframe, main object, main svg[onload], main [onerror], main [onload]')].length") == 0
    assert seen.page.evaluate("[...document.querySelectorAll('a')].filter(a => /^(javascript|data):/i.test(a.getAttribute('href') || '')).length") == 0
    words = json.loads(seen.page.locator("#payload").text_content())
    assert {c["zh"] for c in words["data"]["cities"]} <= set(strings)
    seen.page.close()


def test_json_in_the_page_cannot_leave_its_element() -> None:
    text = escaped({"a": "</script><!--&\u2028"})
    assert "<" not in text and ">" not in text and "&" not in text and "\u2028" not in text
    assert json.loads(text) == {"a": "</script><!--&\u2028"}


@pytest.mark.parametrize(("url", "kept"), [("https://a.example/x", True), ("http://a.example", True), ("javascript:alert(1)", False), ("data:text/html,x", False), ("", False), (None, False), ("//a.example", False)])
def test_only_web_addresses_become_links(url: str | None, kept: bool) -> None:
    assert (link(url) is not None) == kept


def test_the_script_may_not_be_changed(browser: Any, published: Path, tmp_path: Path) -> None:
    """The policy names the scripts by digest: a page whose script was tampered with does not run it."""
    html = (published / "atlas.html").read_text(encoding="utf-8")
    target = tmp_path / "tampered.html"
    target.write_text(html.replace("begin();\n})();", "window.pwned = 1; begin();\n})();"), encoding="utf-8")
    page = browser.new_page()
    page.goto(target.as_uri())
    page.wait_for_timeout(500)
    assert page.evaluate("window.pwned") is None
    assert page.locator("html[data-ready=true]").count() == 0
    page.close()
