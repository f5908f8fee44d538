"""Sites: rows of sites.yml, checked when they are read.

Belongs here: what a site is, and reading the declaration. Does not belong here: any site's name or selector (those
are in sites.yml), nor how a family of sites is read (families/).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import yaml

FILE = Path(__file__).with_name("sites.yml")
NONE = "none"  # the family of a place for which no adapter is known
LEVELS = ("national", "province", "city", "district")
VERIFIED = ("sample", "seen", "recalled", "none")
#: family -> what meta.coverage calls its adapter
ADAPTERS = {
    "sousuo": "State Council library, JSON search",
    "gkmlpt": "gkmlpt open-government platform",
    "static_list": "static list pages with createPage",
    "t_date": "t-date list pages",
    "jpage": "jpage record sets",
    "jpaas": "jpaas build/unit",
    "post_json": "JSON by POST",
    "search_json": "JSON search of a ministry",
    NONE: "none",
}
_KEYS = {
    "site", "family", "place", "adcode", "level", "issuer", "homepage", "roots", "hosts", "selectors", "gap", "filter",
    "first_month", "encoding", "verified", "note",
}  # fmt: skip


class BadSite(ValueError):
    """A row of sites.yml that cannot be used; names the site and what is wrong."""


@dataclass(frozen=True)
class Site:
    """One row of sites.yml. `roots`: where its lists begin, each with the parameters of its family. `filter`: whether
    the list's own words decide what is on the subject (`list`: only such pages are fetched) or title and body do
    (`body`: every page of the month is). `gap`: least seconds between two requests. `verified`: what the row rests
    on: a stored `sample`, `seen` in public code, or `recalled`; no site was reached when the row was written."""

    site: str
    family: str
    place: str
    adcode: str
    level: str
    issuer: str = ""
    homepage: str = ""
    roots: tuple[Mapping[str, Any], ...] = ()
    hosts: tuple[str, ...] = ()
    selectors: Mapping[str, Any] = field(default_factory=dict)
    gap: float = 1.0
    filter: str = "body"
    first_month: str = "2009-01"
    encoding: str = "utf-8"
    verified: str = "seen"
    note: str = ""

    @property
    def covered(self) -> bool:
        return self.family != NONE


def read_sites(text: str) -> tuple[Site, ...]:
    """The sites of a YAML text. Raises BadSite for an unknown key, family or level, a doubled name, a root without an
    address, or a `family: none` that does not say why."""
    found: dict[str, Site] = {}
    for row in yaml.safe_load(text):
        name = _name_of(row)
        if name in found:
            raise BadSite(f"{name}: declared twice")
        found[name] = _checked(_site_of(row))
    return tuple(found.values())


def _name_of(row: Mapping[str, Any]) -> str:
    """The name of a row that can be read."""
    name = str(row.get("site", ""))
    if not name.isascii() or not name.replace("_", "").isalnum() or "__" in name:
        raise BadSite(f"{name!r}: a site's name is ASCII letters, digits and single underscores")
    if unknown := set(row) - _KEYS:
        raise BadSite(f"{name}: unknown keys {', '.join(sorted(unknown))}")
    return name


def _site_of(row: Mapping[str, Any]) -> Site:
    roots = tuple(root if isinstance(root, dict) else {"url": root} for root in row.get("roots", ()))
    said = {**row, "roots": roots, "hosts": tuple(row.get("hosts", ()))}
    return Site(**{**said, "adcode": str(row["adcode"]), "note": str(row.get("note", ""))})


def _checked(site: Site) -> Site:
    name, roots = site.site, site.roots
    if site.family not in ADAPTERS or site.level not in LEVELS or site.verified not in VERIFIED:
        raise BadSite(f"{name}: unknown family, level or verified: {site.family}, {site.level}, {site.verified}")
    if len(site.adcode) != 6 or site.filter not in ("list", "body") or site.gap < 1:
        raise BadSite(f"{name}: adcode has six digits, filter is list or body, gap is at least 1 s")
    if site.covered and not (roots and all(urlsplit(str(root.get("url", ""))).hostname for root in roots)):
        raise BadSite(f"{name}: a covered site has roots, each with an address")
    if not site.covered and (roots or len(site.note) < 15):
        raise BadSite(f"{name}: a place without an adapter has no roots, and its note says why")
    return site


@functools.cache
def all_sites() -> tuple[Site, ...]:
    return read_sites(FILE.read_text("utf-8"))


def covered_sites() -> dict[str, Site]:
    """The sites that have an adapter, by name, in a fixed order."""
    return {site.site: site for site in sorted(all_sites(), key=lambda s: s.site) if site.covered}


def hosts_of(sites: tuple[Site, ...]) -> tuple[str, ...]:
    """The only hosts that fetching may reach: those of the roots, and those that a row adds (for documents that a list
    links to elsewhere). `http://host` where the site offers no TLS."""
    found: dict[str, None] = {}
    for site in sites:
        for root in site.roots:
            parts = urlsplit(str(root["url"]))
            found[f"http://{parts.netloc}" if parts.scheme == "http" else parts.netloc] = None
        for host in site.hosts:
            found[host] = None
    return tuple(found)


def gaps_of(sites: tuple[Site, ...]) -> dict[str, float]:
    """host -> least seconds between two requests, where a site asks for more than the common second."""
    found: dict[str, float] = {}
    for site in sites:
        for host in hosts_of((site,)):
            name = host.split("://")[-1].split(":")[0]
            found[name] = max(found.get(name, 1.0), site.gap)
    return {host: gap for host, gap in found.items() if gap > 1.0}


def site_frame() -> pl.DataFrame:
    """The declaration as a table, so that a place without an adapter reads as not covered, never as without policy."""
    rows = [
        {
            "site": s.site, "family": s.family, "adapter": ADAPTERS[s.family], "covered": s.covered, "place": s.place,
            "adcode": s.adcode, "level": s.level, "issuer": s.issuer or None, "homepage": s.homepage or None,
            "n_roots": len(s.roots), "first_month": s.first_month if s.covered else None, "verified": s.verified,
            "note": s.note or None,
        }
        for s in sorted(all_sites(), key=lambda s: s.site)
    ]  # fmt: skip
    schema = {
        "site": pl.String, "family": pl.String, "adapter": pl.String, "covered": pl.Boolean, "place": pl.String,
        "adcode": pl.String, "level": pl.String, "issuer": pl.String, "homepage": pl.String, "n_roots": pl.Int64,
        "first_month": pl.String, "verified": pl.String, "note": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)
