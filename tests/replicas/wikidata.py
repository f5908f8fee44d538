"""Stands for the Wikidata Query Service: refuses a nameless agent, joins values in any order, throttles, runs out of time.

Belongs here: the service's protocol. Does not belong here: assertions. Entities are synthetic (Q9000…), but for the first.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.replicas.base import Replica, Reply, Request

TRACE = """
SPARQL-QUERY: queryStr=SELECT ?item
java.util.concurrent.TimeoutException
	at java.util.concurrent.FutureTask.get(FutureTask.java:205)
	at com.bigdata.rdf.sail.webapp.BigdataServlet.submitApiTask(BigdataServlet.java:292)
"""

BYD = {
    "item": "http://www.wikidata.org/entity/Q27423", "classes": "Q4830453|Q786820", "label_zh": "比亞迪", "label_hans": "比亚迪",
    "label_en": "BYD", "official_names": "比亚迪股份有限公司", "lei": "3003EXAMPLEEV0000133", "uscc": "91440300192317458F",
    "tickers": "002594|1211", "seats": "Q15174~深圳市~440300~Point(114.0596 22.5428)", "inception": "1995-02-01T00:00:00Z",
    "dissolved": "", "parents": "",
}  # fmt: skip
VARIABLES = ["item", "classes", "label_zh", "label_hans", "label_en", "official_names", "lei", "uscc", "tickers", "seats",
             "inception", "dissolved", "parents"]  # fmt: skip


def entity(number: int, **more: str) -> dict[str, str]:
    return {
        "item": f"http://www.wikidata.org/entity/Q9000{number}", "classes": "Q786820", "label_zh": f"測試{number}汽車有限公司",
        "label_hans": f"测试{number}汽车有限公司", "label_en": f"Test {number} Auto", "official_names": "", "lei": "", "uscc": "",
        "tickers": "", "seats": "Q11725~宁波市~3302~Point(121.54 29.86)", "inception": "1997-01-01T00:00:00Z", "dissolved": "",
        "parents": "Q27423", **more,
    }  # fmt: skip


@dataclass
class Wikidata(Replica):
    answer: object = None
    host: str = "query.wikidata.org"
    robots: str = "User-agent: *\nDisallow: /sparql\n"
    rows: list[dict[str, str]] = field(default_factory=lambda: [BYD, *(entity(i) for i in range(60))])
    timeout: str = ""  # "cut": rows and then the trace; "start": the trace alone
    shuffle: int = 0  # values are joined in an order of their own

    def __post_init__(self) -> None:
        self.answer = self.speak

    def speak(self, request: Request) -> Reply:
        agent = request.headers.get("user-agent", "")
        if "python" in agent.lower() or len(agent) < 10 or "(" not in agent:
            return Reply(b"Forbidden: see the User-Agent policy", 403, {"Content-Type": "text/plain"})
        query = parse_qs(request.body.decode()).get("query", [""])[0]
        if "GROUP_CONCAT" not in query or "ORDER BY" in query:
            return Reply(b"", 400)
        order = random.Random(self.shuffle)
        bindings = []
        for row in self.rows:
            cells = {}
            for name, value in row.items():
                parts = value.split("|")
                if self.shuffle:
                    order.shuffle(parts)
                kind = "uri" if name == "item" else "literal"
                cells[name] = {"type": kind, "value": "|".join(parts)}
            bindings.append(cells)
        if self.shuffle:
            order.shuffle(bindings)
        text = json.dumps({"head": {"vars": VARIABLES}, "results": {"bindings": bindings}}, ensure_ascii=False)
        if self.timeout:
            text = TRACE.lstrip() if self.timeout == "start" else text[: len(text) // 2] + TRACE
        return Reply(text.encode(), headers={"Content-Type": "application/sparql-results+json;charset=utf-8"})
