"""The page's charts: Bokeh figures with named data sources, filled and switched by page/page.js.

Belongs here: glyphs, axes, tools, colours. Does not belong here: which rows are shown (content.py), texts (text.json),
or anything that runs in the browser (page/page.js).
"""

from __future__ import annotations

from typing import Any

from bokeh.core.properties import value
from bokeh.embed import json_item
from bokeh.models import (
    AdaptiveTicker,
    BoxZoomTool,
    ColumnDataSource,
    FactorRange,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    Span,
    TapTool,
    WheelZoomTool,
    Whisker,
)
from bokeh.plotting import figure

#: Okabe and Ito (2008): told apart with any common colour vision.
OKABE_ITO = {
    "blue": "#0072B2", "orange": "#E69F00", "green": "#009E73", "red": "#D55E00", "sky": "#56B4E9",
    "purple": "#CC79A7", "yellow": "#F0E442", "grey": "#767676",
}  # fmt: skip
SEGMENT_COLOURS = {
    "oem": OKABE_ITO["blue"], "battery": OKABE_ITO["orange"], "battery_materials": OKABE_ITO["yellow"],
    "ice_powertrain": OKABE_ITO["grey"], "e_drive": OKABE_ITO["green"], "charging": OKABE_ITO["sky"],
    "fuel_cell": OKABE_ITO["purple"],
}  # fmt: skip
POWERTRAIN_COLOURS = {"ice": OKABE_ITO["grey"], "converted": OKABE_ITO["orange"], "both": OKABE_ITO["purple"], "ev": OKABE_ITO["blue"]}
TOOL_COLOURS = {
    "subsidies": OKABE_ITO["blue"], "capital participation": OKABE_ITO["red"], "infrastructure": OKABE_ITO["green"],
    "lead-user procurement": OKABE_ITO["purple"], "planning": OKABE_ITO["orange"], "regulation": OKABE_ITO["grey"],
    "capability": OKABE_ITO["sky"],
}  # fmt: skip
#: The line around a prefecture that counts as a cluster.
FRAME = "#4b2a6b"
FONT = "system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def base(name: str, height: int, **options: Any) -> Any:
    """A figure that takes its container's width, with plain axes and no logo. Wheel zoom starts off: it would
    swallow the page's scrolling."""
    plot = figure(name=name, height=height, sizing_mode="stretch_width", tools=[], toolbar_location=None, output_backend="canvas", **options)
    plot.background_fill_color = plot.border_fill_color = None
    plot.outline_line_color = None
    for axis in plot.axis:
        axis.axis_line_color = "#8a8f98"
        axis.major_tick_line_color = "#8a8f98"
        axis.minor_tick_line_color = None
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.axis_label_text_font_style = "normal"
        axis.major_label_text_color = axis.axis_label_text_color = "#3a3f47"
    plot.grid.grid_line_color = "#e6e8ec"
    plot.min_border_right = 20
    for axis in (plot.yaxis, plot.xaxis):
        axis.major_label_text_font_size = "11.5px"
    plot.xaxis.name, plot.yaxis.name = f"{name}_x", f"{name}_y"
    return plot


def empty(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({c: [] for c in columns}, name=name)


def china(backdrop: dict[str, Any]) -> Any:
    """The map: prefectures shaded by EV-capable plants, province lines, density clusters, plants, names.

    The ranges here are only a start: page.js fits them to the frame, so that a kilometre is as long both ways."""
    units, provinces = polygons(backdrop)
    plot = base("map", 640, x_range=Range1d(-2700, 2300), y_range=Range1d(-2250, 2250))
    plot.axis.visible = False
    plot.grid.visible = False
    shapes = ColumnDataSource({**units, "n": [0] * len(units["id"]), "fill": ["#f1f2f4"] * len(units["id"]), "label": units["zh"]}, name="units")
    land = plot.patches("xs", "ys", source=shapes, fill_color="fill", line_color="#ffffff", line_width=0.5,
                        hover_fill_alpha=0.75, nonselection_fill_alpha=1.0, nonselection_line_alpha=1.0, name="land")  # fmt: skip
    plot.multi_line(provinces["xs"], provinces["ys"], line_color="#a9afb8", line_width=0.8)
    plot.patches("xs", "ys", source=empty("frames", "xs", "ys"), fill_color=None, line_color=FRAME, line_width=1.8)
    points = empty("plants", "x", "y", "size", "fill", "line", "alpha", "edge", "name", "city", "segment", "years", "cap", "known", "id")
    dots = plot.scatter("x", "y", size="size", fill_color="fill", line_color="line", fill_alpha="alpha", line_alpha="edge", line_width=1.4, source=points,
                        nonselection_fill_alpha=0.25, nonselection_line_alpha=0.4, selection_line_color="#000000", name="dots")  # fmt: skip
    hulls = empty("hulls", "xs", "ys", "label")
    areas = plot.patches("xs", "ys", source=hulls, fill_color=OKABE_ITO["red"], fill_alpha=0.12, line_color=OKABE_ITO["red"], line_width=2, line_dash="dashed")
    names = empty("names", "x", "y", "text")
    plot.text("x", "y", text="text", source=names, text_font=value(FONT), text_font_size="11px", text_color="#22262c", text_align="center",
              text_baseline="bottom", y_offset=-6)  # fmt: skip
    plot.add_tools(
        PanTool(name="pan"), WheelZoomTool(name="wheel"), BoxZoomTool(name="box", match_aspect=True), ResetTool(), SaveTool(),
        TapTool(renderers=[dots, land]),
        HoverTool(renderers=[dots], name="hover_plants", attachment="above", limit=3, tooltips=[("", "@name"), ("", "@city"), ("", "@segment"), ("", "@years"), ("", "@cap"), ("", "@known")]),
        HoverTool(renderers=[areas], name="hover_areas", attachment="right", tooltips=[("", "@label")]),
        HoverTool(renderers=[land], name="hover_units", attachment="below", tooltips=[("", "@label")]),
    )  # fmt: skip
    plot.toolbar_location = "right"
    plot.toolbar.logo = None
    plot.toolbar.active_scroll = None
    return plot


def polygons(backdrop: dict[str, Any]) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Rings of the backdrop as coordinate lists (kilometres); a unit of several islands gives several patches."""

    def corners(ring: list[int]) -> tuple[list[int], list[int]]:
        xs, ys, x, y = [], [], 0, 0
        for dx, dy in zip(ring[::2], ring[1::2], strict=True):
            x, y = x + dx, y + dy
            xs.append(x)
            ys.append(y)
        return xs, ys

    units: dict[str, list[Any]] = {"xs": [], "ys": [], "id": [], "zh": []}
    for unit in backdrop["units"]:
        for ring in unit["rings"]:
            xs, ys = corners(ring)
            units["xs"].append(xs)
            units["ys"].append(ys)
            units["id"].append(unit["id"])
            units["zh"].append(unit["zh"])
    lines: dict[str, list[Any]] = {"xs": [], "ys": []}
    for ring in backdrop["provinces"]:
        xs, ys = corners(ring)
        lines["xs"].append(xs)
        lines["ys"].append(ys)
    return units, lines


def series() -> Any:
    """A city through time: EV-capable plants, ICE plants, partly converted plants of unknown year."""
    plot = base("series_figure", 280, x_range=Range1d(1990, 2027))
    source = empty("series", "year", "ev", "ice", "partial")
    for column, colour, dash in (("ev", OKABE_ITO["blue"], "solid"), ("ice", OKABE_ITO["grey"], "dashed"), ("partial", OKABE_ITO["orange"], "dotted")):
        plot.step("year", column, source=source, line_color=colour, line_width=2.5, line_dash=dash, mode="after")
    plot.y_range.start = 0
    plot.add_tools(HoverTool(name="hover_series", tooltips=[("", "@year"), ("", "@ev"), ("", "@ice"), ("", "@partial")], mode="vline"))
    whole_numbers(plot)
    return plot


def whole_numbers(plot: Any) -> None:
    """Ticks of a count: there is no half plant."""
    plot.yaxis.ticker = AdaptiveTicker(base=10, mantissas=[1, 2, 5], min_interval=1, num_minor_ticks=0)
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")


def position() -> Any:
    """A city's rank by EV-capable plants through time: the first place on top."""
    plot = base("rank_figure", 280, x_range=Range1d(1990, 2027), y_range=Range1d(40, 0))
    source = empty("rank", "year", "rank", "share")
    plot.step("year", "rank", source=source, line_color=OKABE_ITO["blue"], line_width=2.5, mode="after")
    plot.add_tools(HoverTool(name="hover_rank", tooltips=[("", "@year"), ("", "@rank"), ("", "@share{0.0%}")], mode="vline"))
    whole_numbers(plot)
    return plot


def share() -> Any:
    """A city's share of the nation's known EV-capable plants through time."""
    plot = base("share_figure", 280, x_range=Range1d(1990, 2027))
    source = empty("share", "year", "share", "n")
    plot.step("year", "share", source=source, line_color=OKABE_ITO["blue"], line_width=2.5, mode="after")
    plot.y_range.start = 0
    plot.yaxis.formatter = NumeralTickFormatter(format="0.[0]%")
    plot.add_tools(HoverTool(name="hover_share", tooltips=[("", "@year"), ("", "@share{0.0%}"), ("n", "@n")], mode="vline"))
    return plot


def specialisation() -> Any:
    """Segments of a city against the nation: location quotient by plants with its interval."""
    plot = base("lq_figure", 300, y_range=FactorRange(), x_range=Range1d(0, 4))
    source = empty("lq", "segment", "lq", "lo", "hi", "n", "q")
    plot.add_layout(Span(location=1, dimension="height", line_color="#8a8f98", line_dash="dashed"))
    plot.add_layout(Whisker(source=source, base="segment", upper="hi", lower="lo", dimension="width", line_color=OKABE_ITO["blue"]))
    # an interval that leaves the frame says so, and its end stands in the table
    plot.scatter("end", "segment", source=empty("lq_beyond", "end", "segment"), marker="triangle", angle=-1.5708, size=10, fill_color=OKABE_ITO["blue"], line_color=None)
    plot.scatter("lq", "segment", source=source, size=10, fill_color=OKABE_ITO["blue"], line_color="#ffffff")
    plot.add_tools(HoverTool(name="hover_lq", tooltips=[("", "@segment"), ("LQ", "@lq{0.00} [@lo{0.00}, @hi{0.00}]"), ("n", "@n"), ("q", "@q{0.00}")]))
    return plot


def flow() -> Any:
    """Lineage as a Sankey diagram: predecessors, how they passed on, EV-capable plants. Layout in page.js."""
    plot = base("flow", 360, x_range=Range1d(-0.32, 1.32), y_range=Range1d(0, 1))
    plot.axis.visible = False
    plot.grid.visible = False
    links = empty("flow_links", "xs", "ys", "fill", "label")
    bands = plot.patches("xs", "ys", source=links, fill_color="fill", fill_alpha=0.45, line_color=None)
    nodes = empty("flow_nodes", "left", "right", "top", "bottom", "fill", "label")
    plot.quad(left="left", right="right", top="top", bottom="bottom", source=nodes, fill_color="fill", line_color=None)
    for side in ("right", "left"):
        texts = empty(f"flow_{side}", "x", "y", "text")
        plot.text("x", "y", text="text", text_align=side, source=texts, text_baseline="middle", text_font=value(FONT), text_font_size="11px", text_color="#22262c")
    plot.add_tools(HoverTool(renderers=[bands], name="hover_flow", tooltips=[("", "@label")]))
    return plot


def density() -> Any:
    """K-density of a segment with its local and global envelope, all in thousandths of pairs a kilometre."""
    plot = base("kd", 320, x_range=Range1d(0, 200))
    source = empty("kd_source", "r", "kd", "lo", "hi", "glo", "ghi")
    plot.varea("r", "glo", "ghi", source=source, fill_color=OKABE_ITO["grey"], fill_alpha=0.15)
    plot.varea("r", "lo", "hi", source=source, fill_color=OKABE_ITO["grey"], fill_alpha=0.3)
    plot.line("r", "kd", source=source, line_color=OKABE_ITO["blue"], line_width=2.5)
    plot.add_tools(HoverTool(name="hover_kd", mode="vline", tooltips=[("km", "@r"), ("K", "@kd{0.000}"), ("95 %", "@lo{0.000} to @hi{0.000}")]))
    plot.yaxis.formatter = NumeralTickFormatter(format="0.0")
    plot.y_range.start = 0
    return plot


#: Lines that cross are told apart by dashes too, on paper and with any colour vision.
TOOL_DASHES = {"subsidies": "solid", "capital participation": "dashed", "infrastructure": "solid", "lead-user procurement": "dashed", "planning": "solid", "regulation": "dotted", "capability": "dotted"}


def diffusion(rows: list[dict[str, Any]]) -> Any:
    """Places that have adopted each tool, by year; the last step lasts to the end of its year."""
    plot = base("diffusion", 340)
    for tool, colour in TOOL_COLOURS.items():
        mine = [r for r in rows if r["tool"] == tool]
        mine += [{**mine[-1], "year": mine[-1]["year"] + 1}] if mine else []
        source = ColumnDataSource({"year": [r["year"] for r in mine], "places": [r["places"] for r in mine], "known": [r["known"] for r in mine],
                                   "tool": [tool] * len(mine)}, name=f"diffusion_{tool}")  # fmt: skip
        plot.step("year", "places", source=source, line_color=colour, line_dash=TOOL_DASHES.get(tool, "solid"), line_width=2.5, mode="after", name=f"line_{tool}")
    plot.y_range.start = 0
    plot.add_tools(HoverTool(name="hover_diffusion", tooltips=[("", "@tool"), ("", "@year"), ("", "@places / @known")]))
    plot.xaxis.ticker = AdaptiveTicker(base=10, mantissas=[1, 2, 5], min_interval=1, num_minor_ticks=0)
    return plot


def bars(name: str, parts: dict[str, str], height: int, share: bool) -> Any:
    """Horizontal stacked bars by place; columns of the source are the parts."""
    plot = base(f"{name}_figure", height, y_range=FactorRange())
    source = empty(name, "place", *parts)
    plot.hbar_stack(list(parts), y="place", height=0.75, color=list(parts.values()), source=source, line_color="#ffffff")
    plot.x_range.start = 0
    if share:
        plot.x_range.end = 1
        plot.xaxis.formatter = NumeralTickFormatter(format="0%")
    plot.add_tools(HoverTool(name=f"hover_{name}", tooltips=[("", "@place"), *((part, f"@{{{part}}}" + ("{0 %}" if share else "")) for part in parts)]))
    return plot


HERITAGE_PARTS = {"lineage": OKABE_ITO["orange"], "new_in_ice_city": OKABE_ITO["sky"], "greenfield": OKABE_ITO["green"]}


def charts(data: dict[str, Any], backdrop: dict[str, Any]) -> dict[str, Any]:
    """Every chart as an item for Bokeh.embed.embed_item, by the id of its place on the page."""
    plots = {
        "map": china(backdrop), "series": series(), "share": share(), "rank": position(), "lq": specialisation(), "flow": flow(), "kd": density(),
        "diffusion": diffusion(data["diffusion"]), "mix": bars("mix", TOOL_COLOURS, 560, share=False),
        "heritage": bars("heritage", HERITAGE_PARTS, 560, share=True),
    }  # fmt: skip
    return {name: json_item(plot, f"chart-{name}") for name, plot in plots.items()}


__all__ = ["HERITAGE_PARTS", "POWERTRAIN_COLOURS", "SEGMENT_COLOURS", "TOOL_COLOURS", "TOOL_DASHES", "charts"]
