"""What the published names mean is promised with them: a change of meaning moves the contract's version.

Belongs here: descriptions against the version. Does not belong here: names and types (test_pipeline.py, contract_schema.json).

After a change of descriptions: `python -m tests.test_contract <home>` writes the record anew. Where a description now says another
thing, CONTRACT_VERSION (atlas/version/contract.py) moves first; where it says the same in other words, the record alone does.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from pathlib import Path

from atlas.version.contract import CONTRACT_VERSION

RECORD = Path(__file__).parent / "contract_meanings.json"


def meanings(published: Path) -> dict[str, str]:
    """Table -> digest of what the dictionary of a version says of its columns: type, key, unit, description."""
    found: dict[str, list[str]] = {}
    with open(published / "data_dictionary.csv", encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            said = [row[k] for k in ("column", "type", "key", "unit", "description")]
            found.setdefault(row["table"], []).append(json.dumps(said, ensure_ascii=False))
    return {table: hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16] for table, rows in sorted(found.items())}


def test_a_change_of_meaning_moves_the_contract(published: Path) -> None:
    record = json.loads(RECORD.read_text("utf-8"))
    now = meanings(published)
    changed = sorted(t for t in now.keys() | record["tables"].keys() if now.get(t) != record["tables"].get(t))
    assert changed == [], f"what columns of these tables mean was written anew; see the top of {Path(__file__).name}"
    assert record["contract"] == CONTRACT_VERSION, f"the contract moved: see the top of {Path(__file__).name}"


if __name__ == "__main__":
    body = {"contract": CONTRACT_VERSION, "tables": meanings(Path(sys.argv[1]) / "published" / "current")}
    RECORD.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
