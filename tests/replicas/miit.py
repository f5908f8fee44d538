"""A stand-in for the MIIT product query: form fields encoded twice, 100 rows a page, totals, `Table` for no data.

Belongs here: the protocol as the real server speaks it. Makers and models are synthetic.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.replicas.base import Replica, Reply, Request

HOST = "service.miit-eidc.org.cn"
PATH = "/miitxxgk/gonggao/xxgk/doCpQuery"
MAKERS = ("比亚迪汽车工业有限公司", "重庆长安汽车股份有限公司", "测试新能源汽车制造有限公司")
NAMES = ("纯电动轿车", "插电式混合动力多用途乘用车", "增程式混合动力多用途乘用车", "换电式纯电动自卸汽车",
         "燃料电池城市客车", "轿车")  # fmt: skip


def product(batch: int, number: int) -> dict[str, Any]:
    return {
        "qymc": MAKERS[number % len(MAKERS)], "cpsb": "测试牌", "clxh": f"TST{batch}{number:05d}",
        "clmc": NAMES[number % len(NAMES)], "gppc": batch, "dataTag": "Z", "cpid": f"S{batch}{number:05d}",
    }  # fmt: skip


@dataclass
class Miit(Replica):
    """`batches`: batch -> products in it (a sixth of them is no new-energy vehicle). `grow`: added to a batch
    after so many requests, as if the publisher corrected it between two pages."""

    answer: Any = None
    host: str = HOST
    batches: dict[int, int] = field(default_factory=dict)
    cap: int = 100
    ignore_words: bool = False
    lose: int = 0  # rows of the last page that are not sent
    rename: dict[str, str] = field(default_factory=dict)
    grow: tuple[int, int, int] | None = None  # (after n queries, batch, rows)
    counts_nothing: bool = False  # a word without rows has no countResult, as the public shape has it
    queries: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answer = self.speak

    def speak(self, request: Request) -> Reply:
        if request.method != "POST" or request.path != PATH:
            return Reply(b"", 404)
        if not request.headers.get("referer", "").startswith(f"https://{HOST}/miitxxgk/gonggao/xxgk/queryByPc?pc="):
            return Reply(b"<html>illegal request</html>", 403)
        once = {k: v[-1] for k, v in parse_qs(request.body.decode("ascii"), keep_blank_values=True).items()}
        form = {k: unquote(v) for k, v in once.items()}  # the second decoding
        if not any(form[name] for name in ("qymc", "cpsb", "clxh", "clmc")):  # collectors had to give two characters at least
            return self.say(500, "请输入查询条件")
        form["encoded_twice"] = str(once["clmc"] != form["clmc"] or not form["clmc"])
        # a word that was encoded once arrives here as Chinese, and the real server finds nothing by it
        word = form["clmc"] if form["encoded_twice"] == "True" else "\0"
        self.queries.append(form)
        if self.grow and len(self.queries) > self.grow[0]:
            self.batches[self.grow[1]] += self.grow[2]
            self.grow = None
        batch, size, number = int(form["pc"]), min(int(form["pageSize"]), self.cap), int(form["pageNum"])
        if batch not in self.batches:
            return self.say(500, f"Table GG_CP_{batch} not found")
        rows = [product(batch, n) for n in range(self.batches[batch])]
        if not self.ignore_words:
            rows = [row for row in rows if word in row["clmc"]]
        if not rows and self.counts_nothing:
            return self.say(200, "", [])
        pages = math.ceil(len(rows) / size)
        page = rows[(number - 1) * size : number * size]
        if self.lose and number == pages:
            page = page[: -self.lose]
        page = [{self.rename.get(k, k): v for k, v in row.items()} for row in page]
        return Reply.json(json.dumps({
            "handleResult": {"respCode": 200, "digest": ""},
            "countResult": {"total": len(rows), "totalPage": pages, "pageSize": size, "pageNum": number},
            "cpList": page or None,
        }, ensure_ascii=False))  # fmt: skip

    def say(self, code: int, digest: str, rows: list[Any] | None = None) -> Reply:
        said = {"handleResult": {"respCode": code, "digest": digest}, "countResult": None, "cpList": rows}
        return Reply.json(json.dumps(said, ensure_ascii=False))
