"""The page's charts: Bokeh figures with named data sources, filled and switched by page/page.js.

Belongs here: glyphs, axes, tools, colours. Does not belong here: which rows are shown (content.py), texts (text.json),
or anything that runs in the browser (page/page.js).
"""

from __future__ import annotations

from typing import Any

from bokeh.core.properties import value
from bokeh.embed import json_item
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    FactorRange,
    HoverTool,
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
    plot.xaxis.name, plot.yaxis.name = f"{name}_x", f"{name}_y"
    return plot


def empty(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({c: [] for c in columns}, name=name)


def style_legend(plot: Any, **options: Any) -> None:
    legend = plot.legend[0]
    legend.label_text_font = FONT
    legend.label_text_font_size = "12px"
    legend.border_line_color = None
    legend.background_fill_alpha = 0.8
    for name, option in options.items():
        setattr(legend, name, option)


def china(backdrop: dict[str, Any]) -> Any:
    """The map: prefectures shaded by EV-capable plants, province lines, density clusters, plants, names."""
    units, provinces = polygons(backdrop)
    plot = base("map", 620, match_aspect=True, x_range=Range1d(-2700, 2300), y_range=Range1d(-2250, 2250))
    plot.axis.visible = False
    plot.grid.visible = False
    shapes = ColumnDataSource({**units, "n": [0] * len(units["id"]), "fill": ["#f1f2f4"] * len(units["id"]), "label": units["zh"]}, name="units")
    land = plot.patches("xs", "ys", source=shapes, fill_color="fill", line_color="#ffffff", line_width=0.5,
                        hover_fill_alpha=0.75, nonselection_fill_alpha=1.0, nonselection_line_alpha=1.0, name="land")  # fmt: skip
    plot.multi_line(provinces["xs"], provinces["ys"], line_color="#a9afb8", line_width=0.8)
    hulls = ColumnDataSource({"xs": [], "ys": [], "label": []}, name="hulls")
    plot.patches("xs", "ys", source=hulls, fill_color=OKABE_ITO["purple"], fill_alpha=0.15, line_color=OKABE_ITO["purple"], line_width=1.5, line_dash="dashed")
    points = empty("plants", "x", "y", "size", "fill", "line", "alpha", "name", "city", "segment", "years", "cap", "known", "id")
    dots = plot.scatter("x", "y", size="size", fill_color="fill", line_color="line", fill_alpha="alpha", line_width=1, source=points,
                        nonselection_fill_alpha=0.25, nonselection_line_alpha=0.4, selection_line_color="#000000", name="dots")  # fmt: skip
    names = empty("names", "x", "y", "text")
    plot.text("x", "y", text="text", source=names, text_font=value(FONT), text_font_size="11px", text_color="#22262c", text_align="center",
              text_baseline="bottom", y_offset=-6)  # fmt: skip
    plot.add_tools(
        PanTool(name="pan"), WheelZoomTool(name="wheel"), BoxZoomTool(name="box", match_aspect=True), ResetTool(), SaveTool(),
        TapTool(renderers=[dots, land]),
        HoverTool(renderers=[dots], name="hover_plants", tooltips=[("", "@name"), ("", "@city"), ("", "@segment"), ("", "@years"), ("", "@cap"), ("", "@known")]),
        HoverTool(renderers=[land], name="hover_units", tooltips=[("", "@label")]),
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
    plot = base("series_figure", 280, x_range=Range1d(1990, 2030))
    source = empty("series", "year", "ev", "ice", "partial", "share")
    for column, colour, dash in (("ev", OKABE_ITO["blue"], "solid"), ("ice", OKABE_ITO["grey"], "dashed"), ("partial", OKABE_ITO["orange"], "dotted")):
        plot.step("year", column, source=source, line_color=colour, line_width=2.5, line_dash=dash, mode="after", legend_label=column, name=column)
    plot.y_range.start = 0
    plot.add_tools(HoverTool(name="hover_series", tooltips=[("", "@year"), ("", "@ev"), ("", "@ice"), ("", "@share{0.0%}")], mode="vline"))
    plot.yaxis.ticker.desired_num_ticks = 5
    plot.yaxis.ticker.num_minor_ticks = 0
    style_legend(plot, location="top_left")
    return plot


def specialisation() -> Any:
    """Segments of a city against the nation: location quotient by plants with its interval."""
    plot = base("lq_figure", 300, y_range=FactorRange(), x_range=Range1d(0, 4))
    source = empty("lq", "segment", "lq", "lo", "hi", "n", "q")
    plot.add_layout(Span(location=1, dimension="height", line_color="#8a8f98", line_dash="dashed"))
    plot.add_layout(Whisker(source=source, base="segment", upper="hi", lower="lo", dimension="width", line_color=OKABE_ITO["blue"]))
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
    """K-density of a segment with its local and global envelope."""
    plot = base("kd", 320, x_range=Range1d(0, 200))
    source = empty("kd_source", "r", "kd", "lo", "hi", "glo", "ghi")
    plot.varea("r", "glo", "ghi", source=source, fill_color=OKABE_ITO["grey"], fill_alpha=0.15, legend_label="global", name="global")
    plot.varea("r", "lo", "hi", source=source, fill_color=OKABE_ITO["grey"], fill_alpha=0.3, legend_label="local", name="local")
    plot.line("r", "kd", source=source, line_color=OKABE_ITO["blue"], line_width=2.5, legend_label="kd", name="kd")
    plot.add_tools(HoverTool(name="hover_kd", mode="vline", tooltips=[("km", "@r"), ("K", "@kd{0.00000}"), ("95 %", "@lo{0.00000} - @hi{0.00000}")]))
    plot.yaxis.formatter.precision = 4
    style_legend(plot, location="top_right")
    return plot


def diffusion(rows: list[dict[str, Any]]) -> Any:
    """Places that have adopted each tool, by year."""
    plot = base("diffusion", 340)
    for tool, colour in TOOL_COLOURS.items():
        mine = [r for r in rows if r["tool"] == tool]
        source = ColumnDataSource({"year": [r["year"] for r in mine], "places": [r["places"] for r in mine], "known": [r["known"] for r in mine],
                                   "tool": [tool] * len(mine)}, name=f"diffusion_{tool}")  # fmt: skip
        plot.step("year", "places", source=source, line_color=colour, line_width=2.5, mode="after", legend_label=tool, name=f"diffusion_{tool}")
    plot.y_range.start = 0
    plot.add_tools(HoverTool(name="hover_diffusion", tooltips=[("", "@tool"), ("", "@year"), ("", "@places / @known")]))
    style_legend(plot, location="top_left", click_policy="hide")
    return plot


def bars(name: str, parts: dict[str, str], height: int, share: bool) -> Any:
    """Horizontal stacked bars by place; columns of the source are the parts."""
    plot = base(f"{name}_figure", height, y_range=FactorRange())
    source = empty(name, "place", *parts)
    plot.hbar_stack(list(parts), y="place", height=0.75, color=list(parts.values()), source=source, legend_label=list(parts), line_color="#ffffff")
    if share:
        plot.x_range.start, plot.x_range.end = 0, 1
    else:
        plot.x_range.start = 0
    plot.add_tools(HoverTool(name=f"hover_{name}", tooltips=[("", "@place"), *((part, f"@{{{part}}}" + ("{0 %}" if share else "")) for part in parts)]))
    style_legend(plot, orientation="horizontal", location="top_left")
    plot.add_layout(plot.legend[0], "above")
    plot.legend[0].ncols = 4
    return plot


HERITAGE_PARTS = {"lineage": OKABE_ITO["orange"], "new_in_ice_city": OKABE_ITO["sky"], "greenfield": OKABE_ITO["green"]}


def charts(data: dict[str, Any], backdrop: dict[str, Any]) -> dict[str, Any]:
    """Every chart as an item for Bokeh.embed.embed_item, by the id of its place on the page."""
    plots = {
        "map": china(backdrop), "series": series(), "lq": specialisation(), "flow": flow(), "kd": density(),
        "diffusion": diffusion(data["diffusion"]), "mix": bars("mix", TOOL_COLOURS, 560, share=False),
        "heritage": bars("heritage", HERITAGE_PARTS, 560, share=True),
    }  # fmt: skip
    return {name: json_item(plot, f"chart-{name}") for name, plot in plots.items()}


__all__ = ["POWERTRAIN_COLOURS", "SEGMENT_COLOURS", "TOOL_COLOURS", "charts"]
