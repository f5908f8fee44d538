"""Stands for the Shenzhen Stock Exchange: workbooks made from a list, with the publisher's odd header blanks.

Belongs here: the exchange's protocol. Does not belong here: assertions. Firms are synthetic, but for the first.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import openpyxl

from tests.replicas.base import Replica, Reply, Request

HEADER = [
    "板块", "公司全称", "英文名称", "注册地址", "A股代码", "A股简称", "A股上市日期", "A股总股本", "A股流通股本", "B股代码",
    "B股 简 称", "B股上市日期", "B股总股本", "B股流通股本", "地      区", "省    份", "城     市", "所属行业",
    "公司网址", "未盈利", "具有表决权差异安排", "具有协议控制架构",
]  # fmt: skip
CHANGES_HEADER = ["变更日期", "证券代码", "证券简称", "变更前全称", "变更后全称"]


def row(name: str, code: str, address: str, city: str, province: str, industry: str = "C 制造业") -> list[str]:
    return ["主板", name, f"Test {code} Co.", address, code, name[:4], "2015-01-02", "100,000,000", "50,000,000", "", "", "",
            "0", "0", "华东", province, city, industry, "-", "-", "-", "-"]  # fmt: skip


def listed_rows(count: int) -> list[list[str]]:
    rows = [
        ["主板", "比亚迪股份有限公司", "BYD Company Limited", "深圳市大鹏新区葵涌街道延安路一号", "002594", "比亚迪",
         "2011-06-30", "2,911,142,855", "1,165,000,000", "", "", "", "0", "0", "华南", "广东", "深圳市", "C 制造业",
         "www.byd.com.cn", "-", "-", "-"]
    ]  # fmt: skip
    for index in range(1, count):
        rows.append(
            ["主板", f"测试第{index}股份有限公司", f"Test {index} Co.", f"测试市测试路{index}号", f"{390000 + index}",
             f"测试{index}", "2015-01-02", "100,000,000", "50,000,000", "", "", "", "0", "0", "华东", "江苏", "苏州市",
             "C 制造业", "-", "-", "-", "-"]
        )  # fmt: skip
    return rows


def workbook(header: list[str], rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(header)
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@dataclass
class Szse(Replica):
    answer: object = None
    host: str = "www.szse.cn"
    header: list[str] = field(default_factory=lambda: list(HEADER))
    listed: int = 2_400
    changes: int = 1_100
    extra_listed: list[list[str]] = field(default_factory=list)
    extra_changes: list[list[str]] = field(default_factory=list)
    cache: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answer = self.speak

    def speak(self, request: Request) -> Reply:
        if request.path != "/api/report/ShowReport" or request.query.get("SHOWTYPE") != "xlsx":
            return Reply(b"", 404)
        catalogue = request.query.get("CATALOGID")
        etag = f'"{catalogue}-{self.listed}-{self.changes}-{len(self.header)}"'
        if request.headers.get("if-none-match") == etag:
            return Reply(b"", 304, {"ETag": etag})
        if etag not in self.cache:
            if catalogue == "1110":
                rows = [row[: len(self.header)] for row in [*listed_rows(self.listed), *self.extra_listed]]
                self.cache[etag] = workbook(self.header, rows)
            else:
                rows = [
                    [
                        "2020-03-04",
                        f"{390000 + i}",
                        f"测试{i}",
                        f"老名字{i}股份有限公司",
                        f"测试第{i}股份有限公司",
                    ]
                    for i in range(self.changes)
                ]
                self.cache[etag] = workbook(CHANGES_HEADER, rows + self.extra_changes)
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return Reply(self.cache[etag], headers={"Content-Type": kind, "ETag": etag})
