"""Numerals that go on and on."""

import json
from pathlib import Path


def write(folder: Path) -> None:
    n = 50_000
    cases = [
        {"text": "奖励" + "一百" * (n // 2) + "万元", "asks": "amount", "is": None},
        {"text": "奖励" + "9" * n + "万元", "asks": "amount", "is": None},
        {"text": "奖励" + "1," * (n // 2) + "000元", "asks": "amount", "is": None},
        {
            "text": "自2022年1月1日起施行，有效期" + "一" * n + "年。",
            "asks": "validity",
            "is": ["2022-01-01", None],
            "or": [None],
        },
        {"text": "零" * n, "asks": "numeral", "is": None, "or": [0]},
        {"text": "第" * n + "批", "asks": "batch", "is": None},
    ]
    (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False), encoding="utf-8")
