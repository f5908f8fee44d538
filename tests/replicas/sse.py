"""Stands for the Shanghai Stock Exchange's query service: refuses without its Referer, caps pages, pages lists.

Belongs here: the exchange's protocol. Does not belong here: assertions. Firms are synthetic, but for the first two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.replicas.base import Replica, Reply, Request

CANARY = "甲乙丙"  # a person's name that must never be kept


def listed_rows(count: int, kind: str) -> list[dict[str, Any]]:
    """`count` rows of one kind of share; B rows carry the code of their A share's company."""
    real = [("600006", "东风股份", "东风汽车股份有限公司", "19990727"), ("600104", "上汽集团", "上海汽车集团股份有限公司", "19971125")]
    rows = []
    for index in range(count):
        base = {"1": 610000, "2": 610000, "8": 698000}[kind] + index
        code, short, name, day = str(base), f"测试{index}", f"测试第{base}股份有限公司", "20100105"
        if kind == "1" and index < len(real):
            code, short, name, day = real[index]
        rows.append({
            "A_STOCK_CODE": code, "B_STOCK_CODE": f"900{index:03d}" if kind == "2" else "-", "COMPANY_CODE": code,
            "COMPANY_ABBR": short, "SEC_NAME_CN": short, "SEC_NAME_FULL": short, "FULL_NAME": name, "LIST_DATE": day,
            "CSRC_CODE": "C", "CSRC_CODE_DESC": "制造业", "STATE_CODE": "2", "DELIST_DATE": "-", "TYPE": "主板A股",
        })  # fmt: skip
    return rows


@dataclass
class Sse(Replica):
    answer: object = None
    host: str = "query.sse.com.cn"
    counts: dict[str, int] = field(default_factory=lambda: {"1": 1_700, "2": 40, "8": 590})
    cap: int = 10_000  # rows that the service gives at most, whatever is asked for
    grows_after: int = 0  # the list grows by one after so many answers: 0 never, -1 after each
    callback: str = ""  # hand the JSON to this function
    drop: str = ""  # a field that no row has any more
    extra: list[dict[str, Any]] = field(default_factory=list)
    delisted: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"COMPANY_CODE": "600991", "COMPANY_ABBR": "广汽长丰", "FULL_NAME": "广汽长丰汽车股份有限公司",
             "LIST_DATE": "20040614", "DELIST_DATE": "20120320", "STATE_CODE": "3", "A_STOCK_CODE": "600991", "B_STOCK_CODE": "-"}
        ]
    )  # fmt: skip
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    lost: dict[str, Any] = field(default_factory=dict)  # company -> what its profile query gives as `result` ("*": all)
    profile_faults: list[Reply | None] = field(default_factory=list)  # replies to profile queries, given first
    given: int = 0

    def __post_init__(self) -> None:
        self.answer = self.speak

    def send(self, found: object) -> Reply:
        text = json.dumps(found, ensure_ascii=False)
        if self.callback:
            return Reply(f"{self.callback}({text})".encode(), headers={"Content-Type": "application/javascript"})
        return Reply.json(text)

    def speak(self, request: Request) -> Reply:
        if "sse.com.cn" not in request.headers.get("referer", ""):
            return Reply(b"<html><body>403</body></html>", 403, {"Content-Type": "text/html"})
        query = request.query
        if query.get("sqlId") == "COMMON_SSE_ZQPZ_GP_GPLB_C":
            if self.profile_faults and (fault := self.profile_faults.pop(0)) is not None:
                return fault
            if request.path != "/commonQuery.do":  # every public reader asks this one; the other knows no such query
                return self.send({"pageHelp": {"total": 0}, "result": []})
            code = query["productid"]
            return self.send({"pageHelp": {"total": 0}, "result": self.lost.get(code, self.lost.get("*", [self.profile(code)]))})
        if request.path != "/sseQuery/commonQuery.do":
            return Reply(b"", 404)
        if query.get("COMPANY_STATUS") == "3":
            rows = self.delisted
        else:
            kind = query["STOCK_TYPE"]
            rows = listed_rows(self.counts[kind], kind) + (self.extra if kind == "1" else [])
        if self.drop:
            rows = [{k: v for k, v in row.items() if k != self.drop} for row in rows]
        size = min(int(query["pageHelp.pageSize"]), self.cap)
        number = int(query["pageHelp.pageNo"])
        found = {
            "pageHelp": {"total": len(rows), "pageNo": number, "pageSize": size, "pageCount": -(-len(rows) // size)},
            "result": rows[(number - 1) * size : number * size],
        }
        self.given += 1
        if self.grows_after == -1 or self.given == self.grows_after:
            self.counts = {k: v + 1 for k, v in self.counts.items()}
        return self.send(found)

    def profile(self, code: str) -> dict[str, Any]:
        row = next(r for r in [*listed_rows(self.counts["1"], "1"), *self.extra] if r["COMPANY_CODE"] == code)
        return {
            "COMPANY_CODE": code, "COMPANY_ABBR": row["COMPANY_ABBR"], "FULLNAME": row["FULL_NAME"],
            "FULL_NAME_IN_ENGLISH": f"Test {code} Co., Ltd.", "AREA_NAME_DESC": "湖北",
            "COMPANY_ADDRESS": "湖北省武汉市经济技术开发区东风大道1号", "OFFICE_ADDRESS": "湖北省武汉市东风大道1号",
            "CSRC_CODE_DESC": "制造业", "CSRC_GREAT_CODE_DESC": "汽车制造业", "CSRC_MIDDLE_CODE_DESC": "-",
            "SSE_CODE_DESC": "可选消费", "STATE_CODE_A_DESC": "上市", "WWW_ADDRESS": "www.example.cn ",
            "LEGAL_REPRESENTATIVE": CANARY, "E_MAIL_ADDRESS": "canary@example.cn", "REPR_PHONE": "027-84287788",
            "QIANYI_DATE": "2021-01-05 17:48:00", **self.profiles.get(code, {}),
        }  # fmt: skip
