"""One policy that opens brackets and never closes them."""

import json
from pathlib import Path


def write(folder: Path) -> None:
    rows = [
        {
            "title_zh": "示例办法",
            "issuer": "芜湖市人民政府",
            "issue_date": "2022-02-20",
            "place": "芜湖市",
            "content_zh": "《（〔" * 66_000,
        },
        {
            "title_zh": "示例办法二",
            "issuer": "芜湖市人民政府",
            "issue_date": "2022-02-21",
            "place": "芜湖市",
            "content_zh": "支持新能源汽车。",
        },
    ]
    (folder / "policies.jsonl").write_text(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8"
    )
