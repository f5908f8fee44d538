"""The page: one self-contained HTML file from one published database.

Belongs here: putting content, charts, script and style into the template, safely. Does not belong here: which rows are
read (content.py), how charts look (charts.py), what happens in the browser (page/page.js).
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from markupsafe import Markup

from atlas.page.boundaries import backdrop
from atlas.page.charts import HERITAGE_PARTS, POWERTRAIN_COLOURS, SEGMENT_COLOURS, TOOL_COLOURS, TOOL_DASHES, charts
from atlas.page.content import content

FOLDER = Path(__file__).parent
#: In JSON inside a script element these may never stand bare: an end tag, a comment, or a line end of old scripts.
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def write_page(con: duckdb.DuckDBPyConnection, home: Path, changes: dict[str, Any], target: Path) -> dict[str, Any]:
    """Write the page of the open published database to `target`; returns the content that it shows.

    `home` keeps the prepared backdrop; `changes` is what moved since the version before (atlas.version.changes.compare). Raises duckdb.Error or OSError."""
    data = content(con)
    target.write_text(render(data, backdrop(home), changes), encoding="utf-8")
    return data


def render(data: dict[str, Any], outlines: dict[str, Any], changes: dict[str, Any]) -> str:
    """The page's HTML. Data are inlined as escaped JSON; only the two scripts whose digests the content security
    policy names may run, and the page may ask nothing of any server."""
    text = json.loads((FOLDER / "text.json").read_text(encoding="utf-8"))
    bokeh = library()
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    payload = {
        "data": data,
        "charts": charts(data, outlines),
        "text": text,
        "colours": {"segments": SEGMENT_COLOURS, "powertrain": POWERTRAIN_COLOURS, "tools": TOOL_COLOURS, "dashes": TOOL_DASHES, "heritage": HERITAGE_PARTS},
    }
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "measured": measured, "short": short}
    return environment.get_template("page.html.j2").render(
        data=data,
        text=text,
        changes=changes,
        backdrop={k: outlines.get(k) for k in ("source", "note")},
        policy=policy([bokeh, script]),
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        payload=Markup(escaped(payload)),
        bokeh=Markup(bokeh),
        script=Markup(script),
    )


def percent(value: float | None) -> str:
    """A share from 0 to 1 as whole per cent; a non-zero share below half a per cent is not called 0."""
    if not isinstance(value, (int, float)):
        return "–"
    return "< 1\u00a0%" if 0 < value < 0.005 else f"{100 * value:.0f}\u00a0%"


def measured(value: float | None, threshold: float) -> str:
    """A finding's statistic: a share in per cent, a count as it is (the threshold says which of the two it is)."""
    if not isinstance(value, (int, float)):
        return "–"
    return percent(value) if threshold <= 1 else f"{value:.3g}"


def short(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def library() -> str:
    """Bokeh's own JavaScript, as its locked package ships it."""
    return (files("bokeh") / "server" / "static" / "js" / "bokeh.min.js").read_text(encoding="utf-8")


def policy(scripts: list[str]) -> str:
    digests = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    # Bokeh writes its styles into shadow roots, hence inline styles; images are only what its canvas makes
    return f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def escaped(value: Any) -> str:
    """JSON that is harmless inside a script element. Lone surrogates, which UTF-8 cannot hold, are replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=False)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text.encode("utf-8", "replace").decode("utf-8")
