"""Stands for the public Overpass instance: areas by ISO code, two slots, and failures inside answers of status 200.

Belongs here: the API's protocol. Does not belong here: assertions. Sites are synthetic.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.replicas.base import Replica, Reply, Request

BUSY = b"""<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html><html><body>
<p><strong style="color:#FF0000">Error</strong>: runtime error: open64: 0 Success /osm3s_osm_base
Dispatcher_Client::request_read_and_idx::timeout. The server is probably too busy to handle your request. </p></body></html>"""


def site(number: int, **tags: str) -> dict[str, Any]:
    return {
        "type": "way", "id": 13_800_000_000 + number, "center": {"lat": 22.69 + number / 100, "lon": 114.35},
        "tags": {"landuse": "industrial", "man_made": "works", "product": "cars", "name": f"测试汽车工厂{number}",
                 "name:en": f"Test car plant {number}", "operator": "测试汽车有限公司", "phone": "+86 138 0013 8000",
                 "contact:email": "canary@example.cn", **tags},
    }  # fmt: skip


@dataclass
class Overpass(Replica):
    answer: object = None
    host: str = "overpass-api.de"
    robots: str = "User-agent: *\nDisallow: /api/\n"
    sites: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            "CN-GD": [site(1), site(2, operator="比亚迪汽车工业有限公司"),
                      {"type": "node", "id": 7, "lat": 23.1, "lon": 113.3, "tags": {"man_made": "works", "name": "某某电池"}}],
            "CN-XZ": [],
        }
    )  # fmt: skip
    remark: str = ""
    busy: bool = False
    areas: bool = True

    def __post_init__(self) -> None:
        self.answer = self.speak

    def speak(self, request: Request) -> Reply:
        if request.method != "POST" or request.path != "/api/interpreter":
            return Reply(b"", 404)
        if self.busy:
            return Reply(BUSY, headers={"Content-Type": "text/html"})
        query = parse_qs(request.body.decode())["data"][0]
        found = re.search(r'area\["ISO3166-2"="(CN-[A-Z]{2})"\]', query)
        if not found or "out center tags" not in query:
            return Reply(b"parse error", 400)
        iso = found.group(1)
        elements: list[dict[str, Any]] = []
        if self.areas:
            elements.append({"type": "area", "id": 3600911844, "tags": {"ISO3166-2": iso, "name": "省"}})
        elements += self.sites.get(iso, [])
        body: dict[str, Any] = {
            "version": 0.6, "generator": "Overpass API 0.7.62.4",
            "osm3s": {"timestamp_osm_base": "2026-11-20T00:00:00Z",
                      "copyright": "The data included in this document is from www.openstreetmap.org. The data is made available under ODbL."},
            "elements": elements[: len(elements) // 2] if self.remark else elements,
        }  # fmt: skip
        if self.remark:
            body["remark"] = self.remark
        return Reply.json(json.dumps(body, ensure_ascii=False))
