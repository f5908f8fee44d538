"""`python -m bench.page_libraries`: the same map by Bokeh and by Vega-Lite, in the same headless Chromium.

Belongs here: what docs/decisions.md cites when it says why the page uses Bokeh. Prints the size of the page, the time to
the first paint and until the plants stand, the time of one step of the year slider, and what runs under a content security
policy without eval. Needs a published version (EVATLAS_HOME) and Debian's chromium.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from atlas.page.boundaries import backdrop
from atlas.page.charts import china, polygons
from atlas.page.content import content
from atlas.page.write import escaped, library
from ingest.home import Home

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def standing(plants: list[dict[str, Any]], year: int) -> list[dict[str, Any]]:
    return [p for p in plants if p.get("opened", year) <= year < p.get("closed", year + 1)]


def bokeh_page(data: dict[str, Any], outlines: dict[str, Any]) -> str:
    from bokeh.embed import json_item

    by_year = {y: {"x": [p["x"] for p in standing(data["plants"], y)], "y": [p["y"] for p in standing(data["plants"], y)]} for y in range(1990, 2027)}
    item = json_item(china(outlines), "chart")
    return f"""<!doctype html><meta charset="utf-8"><div id="chart" style="height:620px"></div>
<script>{library()}</script><script>
const years = {escaped(by_year)};
Bokeh.embed.embed_item({escaped(item)}).then(views => {{
  const doc = [...views][0].model.document, source = doc.get_model_by_name('plants');
  window.step = y => {{ const d = years[y], n = d.x.length, k = v => Array(n).fill(v);
    source.data = {{...d, size: k(8), fill: k('#0072B2'), line: k('#fff'), alpha: k(.9), name: k(''), city: k(''), segment: k(''), years: k(''), cap: k(''), known: k(''), id: k('')}}; }};
  step(2026); document.documentElement.dataset.ready = 'true';
}});</script>"""


def vega_page(data: dict[str, Any], outlines: dict[str, Any]) -> str:
    import vl_convert

    units, lines = polygons(outlines)
    land = [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [list(zip(xs, ys, strict=True))]}} for xs, ys in zip(units["xs"], units["ys"], strict=True)]
    border = [{"type": "Feature", "geometry": {"type": "MultiLineString", "coordinates": [list(zip(xs, ys, strict=True)) for xs, ys in zip(lines["xs"], lines["ys"], strict=True)]}}]
    plants = [{"x": p["x"], "y": p["y"], "o": p.get("opened", 2026), "c": p.get("closed", 9999)} for p in data["plants"]]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json", "width": 800, "height": 620,
        "params": [{"name": "year", "value": 2026}], "projection": {"type": "identity", "reflectY": True},
        "layer": [
            {"data": {"values": land}, "mark": {"type": "geoshape", "fill": "#f1f2f4", "stroke": "#fff"}},
            {"data": {"values": border}, "mark": {"type": "geoshape", "filled": False, "stroke": "#a9afb8"}},
            {"data": {"values": plants}, "transform": [{"filter": "datum.o <= year && datum.c > year"}], "mark": {"type": "circle", "tooltip": True}, "encoding": {"longitude": {"field": "x", "type": "quantitative"}, "latitude": {"field": "y", "type": "quantitative"}}},
        ],
    }  # fmt: skip
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"""<!doctype html><meta charset="utf-8"><div id="chart"></div><script type="module">{bundle}
vegaEmbed('#chart', {escaped(spec)}, {{actions: false}}).then(r => {{
  window.step = y => {{ r.view.signal('year', y).run(); }};
  document.documentElement.dataset.ready = 'true';
}}).catch(e => {{ document.documentElement.dataset.failed = String(e); }});</script>"""


def main() -> None:
    from playwright.sync_api import sync_playwright

    home = Home.from_env()
    data = content(duckdb.connect(str(home.current / "atlas.duckdb"), read_only=True))
    outlines = backdrop(home.root)
    pages = {"Bokeh": bokeh_page(data, outlines), "Vega-Lite": vega_page(data, outlines)}
    folder = Path(tempfile.mkdtemp(prefix="evatlas-pages-"))
    print(f"{'':<12}{'kB':>8}{'paint ms':>10}{'ready ms':>10}{'step ms':>9}   without eval")
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            for name, html in pages.items():
                path = folder / f"{name}.html"
                path.write_text(html, encoding="utf-8")
                paints, readies, steps = [], [], []
                for _ in range(5):
                    page = browser.new_page(viewport={"width": 1280, "height": 900})
                    page.goto(path.as_uri())
                    page.wait_for_selector("html[data-ready=true]", timeout=60_000)
                    readies.append(page.evaluate("performance.now()"))
                    paints.append(page.evaluate("(performance.getEntriesByType('paint')[0] || {startTime: NaN}).startTime"))
                    steps.append(page.evaluate("""async () => { const t = performance.now();
                        for (let y = 2000; y < 2020; y++) { step(y); await new Promise(requestAnimationFrame); }
                        return (performance.now() - t) / 20; }"""))
                    page.close()
                strict = folder / f"{name}-strict.html"
                strict.write_text(html.replace("<meta charset", """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"><meta charset""", 1), encoding="utf-8")
                page = browser.new_page()
                page.goto(strict.as_uri())
                page.wait_for_timeout(4000)
                works = page.locator("html[data-ready=true]").count() == 1
                why = page.evaluate("document.documentElement.dataset.failed || ''")[:90]
                page.close()
                print(f"{name:<12}{len(html.encode()) / 1000:>8.0f}{statistics.median(paints):>10.0f}{statistics.median(readies):>10.0f}{statistics.median(steps):>9.1f}   {'runs' if works else 'refused: ' + json.dumps(why)}")
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
