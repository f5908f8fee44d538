"""Static figures for papers and the README: SVG and PNG by Altair and vl-convert, each with its data as CSV beside it.

Belongs here: what is drawn and how. Does not belong here: the page's own charts (charts.py) and any computation.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt

from atlas.page.boundaries import backdrop
from atlas.page.charts import OKABE_ITO, SEGMENT_COLOURS, TOOL_COLOURS, TOOL_DASHES, polygons

#: A newline in a title is drawn as one; sizes in pixels at 72 dpi, PNG at twice that.
PNG_SCALE = 2.0
#: The renderer brings this face with it; "sans-serif" would be drawn in whatever the machine has, in other pixels.
FONT = "Liberation Sans, Arial, sans-serif"
DASHES = {"solid": [1, 0], "dashed": [8, 3], "dotted": [2, 3]}
HERITAGE = {"lineage": OKABE_ITO["orange"], "new in an ICE city": OKABE_ITO["sky"], "greenfield": OKABE_ITO["green"]}


def write_figures(data: dict[str, Any], home: Path, folder: Path) -> dict[str, str]:
    """Write every figure of the page's content to `folder` as <name>.svg, .png and .csv.

    Returns the figures left out, each with its reason. A figure is an ornament of the data: one that has no rows, or
    that the library cannot draw, is left out and named, and never holds back the publication of the tables."""
    makers: dict[str, Callable[[], tuple[Any, list[dict[str, Any]]]]] = {
        "map": lambda: china(data, backdrop(home)),
        "seven_cities": lambda: seven_cities(data),
        "diffusion": lambda: diffusion(data),
        "k_density": lambda: k_density(data),
        "event_studies": lambda: event_studies(data),
    }
    folder.mkdir(parents=True, exist_ok=True)
    left_out: dict[str, str] = {}
    for name, make in makers.items():
        try:
            chart, rows = make()
            if rows:
                write_csv(folder / f"{name}.csv", rows)
            if chart is None or not rows:
                left_out[name] = "no rows to draw" if not rows else "nothing could be computed: see the CSV"
                continue
            chart = chart.configure(font=FONT).configure_axis(labelFontSize=11, titleFontSize=12, gridColor="#e6e8ec").configure_view(strokeWidth=0).configure_legend(labelLimit=300)
            write_images(chart.to_json(indent=None), folder / name)
        except Exception as error:  # noqa: BLE001 - whatever a drawing library raises: the data are published all the same
            left_out[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            for half in (".svg", ".png"):
                (folder / name).with_suffix(half).unlink(missing_ok=True)
    return left_out


def write_images(spec: str, stem: Path) -> None:
    import vl_convert

    svg = vl_convert.vegalite_to_svg(spec)
    stem.with_suffix(".svg").write_text(svg, encoding="utf-8")
    stem.with_suffix(".png").write_bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(path, "w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)


def english(data: dict[str, Any]) -> dict[str, str]:
    return {c["id"]: c["en"] for c in data["cities"]}


def china(data: dict[str, Any], outlines: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Plants standing in the newest year, on the schematic backdrop."""
    year, names = data["meta"]["newest_year"], english(data)
    segments = {s["id"]: s["en"] for s in data["segments"]}
    rows = [
        {"plant_id": p["id"], "name": p.get("name"), "city": names.get(p["city"]), "segment": segments.get(p["segment"], p["segment"]),
         "ev_from": p.get("ev"), "capacity": p.get("cap"), "unit": p.get("unit"), "located_by": p["level"], "east_km": p["x"], "north_km": p["y"]}
        for p in data["plants"]
        if p.get("opened", year) <= year and p.get("closed", year + 1) > year
    ]  # fmt: skip
    _, lines = polygons(outlines)
    shape = [{"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": [[list(zip(xs, ys, strict=True))] for xs, ys in zip(lines["xs"], lines["ys"], strict=True)]}}]
    base = alt.Chart(alt.Data(values=shape if lines["xs"] else [])).mark_geoshape(fill="#f1f2f4", stroke="#a9afb8", strokeWidth=0.6)
    present = [s for s in data["segments"] if any(r["segment"] == s["en"] for r in rows)]
    points = (
        alt.Chart(alt.Data(values=[{**r, "area": area(r["capacity"], r["unit"])} for r in rows]))
        .mark_circle(opacity=0.75, stroke="white", strokeWidth=0.5)
        .encode(
            longitude="east_km:Q", latitude="north_km:Q", size=alt.Size("area:Q", scale=None), order=alt.Order("area:Q", sort="descending"),
            color=alt.Color("segment:N", title=None, scale=alt.Scale(domain=[s["en"] for s in present], range=[SEGMENT_COLOURS.get(s["id"], OKABE_ITO["grey"]) for s in present]), legend=alt.Legend(orient="bottom-left")),
        )
    )  # fmt: skip
    chart = alt.layer(base, points).project(type="identity", reflectY=True).properties(width=760, height=620, title=alt.TitleParams(
        f"{len(rows)} vehicle, cell and material plants standing in {year} (known plants, not a census)",
        subtitle="Area: capacity, largest at 1 million vehicles or 100 GWh a year and above; smallest also where it is unknown. Backdrop schematic, no authority on borders.",
    ))  # fmt: skip
    return chart, rows


def area(capacity: float | None, unit: str | None) -> float:
    """The area of a point in square pixels: proportional to capacity, with a floor and a ceiling."""
    most = {"vehicles_per_year": 1e6, "gwh_per_year": 100.0}.get(unit or "")
    return 30.0 if capacity is None or most is None or math.isnan(capacity) else 30.0 + 220.0 * min(capacity, most) / most


def seven_cities(data: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """What the EV-capable plants of the study's seven cities come from."""
    rows, flat = [], []
    for c in data["cities"]:
        p, h = c["p"], c["h"]
        if not p.get("in_study_seven"):
            continue
        flat.append({
            "city": c["en"], "structure": p.get("typology"), "anchor": p.get("anchor_firm"), "anchor_share": p.get("cr1"), "ev_plants": p["n_ev_plants"],
            "nev_output": p.get("nev_output_newest"), "output_year": p.get("nev_output_newest_year"),
            "output_is_lower_bound": c["m"].get("nev_output_newest_is_lower_bound"), "output_basis": p.get("nev_output_newest_basis"), "reading": p.get("reading"),
            "literature": p.get("literature_reading"), "utilisation": p.get("utilisation"), "utilisation_year": p.get("utilisation_year"),
            "utilisation_bound": p.get("utilisation_bound"), "utilisation_missing": p.get("utilisation_null_reason"),
            "share_lineage": h.get("share_lineage_plants"), "share_lineage_lo": h.get("share_lineage_lo"), "share_lineage_hi": h.get("share_lineage_hi"), "documents": p["n_documents"],
            "instruments": len(p["instruments"]), "quality": p.get("quality_flag"), "missing": p.get("null_reason"),
        })  # fmt: skip
        for part, key in zip(HERITAGE, ("share_lineage_plants", "share_new_in_ice_city", "share_greenfield"), strict=True):
            rows.append({"city": f"{c['en']} (n = {p['n_ev_plants']})", "part": part, "share": h.get(key, 0) or 0})
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            y=alt.Y("city:N", title=None), x=alt.X("share:Q", title="share of EV plants (born or converted); line: 95 % interval of the lineage share", axis=alt.Axis(format="%")),
            color=alt.Color("part:N", title=None, scale=alt.Scale(domain=list(HERITAGE), range=list(HERITAGE.values())), legend=alt.Legend(orient="top")),
        )
    )  # fmt: skip
    spans = [{"city": f"{r['city']} (n = {r['ev_plants']})", "lo": r["share_lineage_lo"], "hi": r["share_lineage_hi"]} for r in flat if r["share_lineage_lo"] is not None]
    lines = alt.Chart(alt.Data(values=spans)).mark_rule(strokeWidth=2).encode(y=alt.Y("city:N", title=None), x="lo:Q", x2="hi:Q")
    chart = alt.layer(bars, lines).properties(width=560, height=220, title="The study's seven cities: what their EV plants (born or converted) come from")
    return chart, flat


def diffusion(data: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    rows = data["diffusion"]
    known = rows[0]["known"] if rows else 0
    last = [{**r, "year": r["year"] + 1} for r in rows if r["year"] == max(q["year"] for q in rows)]  # a step lasts its year
    chart = (
        alt.Chart(alt.Data(values=[*rows, *last]))
        .mark_line(interpolate="step-after", strokeWidth=2.5)
        .encode(
            x=alt.X("year:Q", axis=alt.Axis(format="d"), title=None, scale=alt.Scale(zero=False)), y=alt.Y("places:Q", title="places that had adopted"),
            color=alt.Color("tool:N", title=None, scale=alt.Scale(domain=list(TOOL_COLOURS), range=list(TOOL_COLOURS.values()))),
            strokeDash=alt.StrokeDash("tool:N", title=None, scale=alt.Scale(domain=list(TOOL_COLOURS), range=[DASHES[TOOL_DASHES[t]] for t in TOOL_COLOURS])),
        )
        .properties(width=560, height=320, title=f"Diffusion of tools over the {known} places with known documents (a selection)")
    )  # fmt: skip
    return chart, rows


def k_density(data: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    names = {s["id"]: s["en"] for s in data["segments"]}
    rows = [{**r, "segment": f"{names.get(r['segment_id'], r['segment_id'])} (n = {r['n_plants']})"} for r in data["k_density"]]
    if not rows:
        return None, [{"segment_id": r["segment_id"], "null_reason": r.get("null_reason")} for r in data["k_density_missing"]]
    base = alt.Chart().encode(x=alt.X("r_km:Q", title="distance, km"))
    area = base.mark_area(opacity=0.15, color=OKABE_ITO["grey"]).encode(y=alt.Y("global_lo:Q", title="density of plant pairs"), y2="global_hi:Q")
    local = base.mark_area(opacity=0.3, color=OKABE_ITO["grey"]).encode(y="local_lo:Q", y2="local_hi:Q")
    line = base.mark_line(color=OKABE_ITO["blue"], strokeWidth=2.5).encode(y="kd:Q")
    chart = alt.layer(area, local, line, data=alt.Data(values=rows)).properties(width=320, height=220).facet(facet=alt.Facet("segment:N", title=None), columns=2)
    return chart.properties(title="K-density with 95 % local (dark) and global (light) envelope"), rows


PRIMARY_ESTIMATOR = "callaway_santanna_nyt"


def event_studies(data: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Estimates by event time; where none may be printed, adopters and controls with the reason in the data."""
    rows = data["effects"]
    estimated = [r for r in rows if r.get("estimate") is not None and r.get("event_time") is not None and r.get("lo") is not None]
    if estimated:
        found = {r["estimator"] for r in estimated}
        first = next(e for e in (PRIMARY_ESTIMATOR, *sorted(found)) if e in found)
        shown = [{"outcome": "", **r} for r in estimated if r["estimator"] == first]
        base = alt.Chart().encode(x=alt.X("event_time:Q", title="years since adoption", axis=alt.Axis(tickMinStep=1)))
        zero = alt.Chart().mark_rule(color=OKABE_ITO["grey"], strokeDash=[4, 3]).encode(y=alt.datum(0))
        bars = base.mark_rule(color=OKABE_ITO["grey"]).encode(y=alt.Y("lo:Q", title="effect, 95 %"), y2="hi:Q")
        dots = base.mark_point(filled=True, color=OKABE_ITO["blue"], size=50, opacity=1).encode(y="estimate:Q")
        chart = alt.layer(zero, bars, dots, data=alt.Data(values=shown)).properties(width=170, height=120).facet(row=alt.Row("outcome:N", title=None), column=alt.Column("instrument:N", title=None))
        return chart.properties(title=f"Event studies by {first}; design grade {', '.join(sorted({str(r.get('design_grade')) for r in shown}))}"), rows
    counts = [{"tool": r["instrument"], "places": r.get(k, 0), "kind": word} for r in rows for k, word in (("n_treated", "adopted"), ("n_control", "not adopted or unknown"))]
    chart = (
        alt.Chart(alt.Data(values=counts))
        .mark_bar()
        .encode(y=alt.Y("tool:N", title=None), x=alt.X("places:Q", title="places"), color=alt.Color("kind:N", title=None, scale=alt.Scale(range=[OKABE_ITO["blue"], "#c8ccd2"]), legend=alt.Legend(orient="top")))
        .properties(width=560, height=220, title=["No effect is estimated: the documents known are a selection,", "so adoption is unknown where none was picked (design grade: none)"])
    )
    return chart, rows
