"""Stands for the Beijing Stock Exchange: a session, JSON handed to `null(`, pages of twenty counted from 0.

Belongs here: the exchange's protocol. Does not belong here: assertions. Firms are synthetic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tests.replicas.base import Replica, Reply, Request

PROVINCES = ("江苏省", "浙江省", "湖北省", "广东省")
INDUSTRIES = ("汽车制造业", "专用设备制造业", "软件和信息技术服务业")


@dataclass
class Bse(Replica):
    answer: object = None
    host: str = "www.bse.cn"
    count: int = 130
    bare: int = 0  # rows as bare lists of so many columns, instead of objects
    shifted: bool = False  # a column has come in before the code
    grows_at: int = -1  # the list grows while this page is asked for
    silent_cap: bool = False  # pages hold less than they count

    def __post_init__(self) -> None:
        self.answer = self.speak

    def row(self, index: int) -> Any:
        found = {
            "xxzqdm": str(929000 + index), "xxzqjc": f"测试{index}", "xxywjc": f"CESHI{index}",
            "xxhyzl": INDUSTRIES[index % 3], "xxssdq": PROVINCES[index % 4], "fxssrq": "20211115",
            "xxjsrq": "20261125", "xxzgb": 100_000_000, "xxzbqs": "测试证券",
        }  # fmt: skip
        if not self.bare:
            return found
        cells: list[Any] = ["" for _ in range(self.bare)]
        for name, at in {"fxssrq": 0, "xxhyzl": 17, "xxjsrq": 22, "xxssdq": 29, "xxzqdm": 38, "xxzqjc": 40}.items():
            cells[at + (1 if self.shifted and at > 20 else 0)] = found[name]
        return cells

    def speak(self, request: Request) -> Reply:
        if request.path == "/nq/listedcompany.html":
            return Reply(b"<!doctype html><html><body>list</body></html>", headers={
                "Content-Type": "text/html", "Set-Cookie": "C3VK=abc; path=/"})  # fmt: skip
        if request.method != "POST" or request.path != "/nqxxController/nqxxCnzq.do":
            return Reply(b"", 404)
        if "C3VK=abc" not in request.headers.get("cookie", ""):
            return Reply(b"", 302, {"Location": "/nq/listedcompany.html"})
        form = {k: v[-1] for k, v in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        number = int(form["page"])
        if number == self.grows_at:
            self.grows_at = -1
            self.count += 1
        rows = [self.row(i) for i in range(number * 20, min(number * 20 + 20, self.count))]
        block = {
            "content": rows[:10] if self.silent_cap else rows, "number": number, "size": 20,
            "totalElements": self.count, "totalPages": -(-self.count // 20), "numberOfElements": len(rows),
        }  # fmt: skip
        return Reply(f"null([{json.dumps(block, ensure_ascii=False)}])".encode(), headers={"Content-Type": "text/html;charset=UTF-8"})
