"""A text of cases whose blanks never end."""

import json
from pathlib import Path


def write(folder: Path) -> None:
    texts = [
        "电话：" + "\u3000" * 20_000,
        "法定代表人" + "\t" * 20_000,
        ("联系人 " * 4_000) + "。",
        "邮箱：" + "a." * 10_000,
    ]
    cases = [{"text": t, "asks": "redact", "free": True} for t in texts]
    (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False), encoding="utf-8")
