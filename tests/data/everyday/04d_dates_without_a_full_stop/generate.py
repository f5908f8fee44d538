"""One sentence of 20,000 dates."""

import json
from pathlib import Path


def write(folder: Path) -> None:
    body = "自2022年1月1日起施行，" * 20_000
    row = {
        "title_zh": "示例目录",
        "issuer": "芜湖市人民政府",
        "issue_date": "2022-02-20",
        "place": "芜湖市",
        "content_zh": body,
    }
    (folder / "policies.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "cases.json").write_text(
        json.dumps([{"text": body, "asks": "validity", "is": ["2022-01-01", None], "or": [None]}], ensure_ascii=False),
        encoding="utf-8",
    )
