"""What moved in the policy labels between two versions, for CHANGES.md.

Belongs here: comparing two published files. Does not belong here: coding (ingest/policies/coding.py), writing the file.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

LISTED = 20


def policy_changes(con: Any, other: Any) -> list[str]:
    """Lines of Markdown, empty where nothing moved. In: connections to the new and the old `atlas.duckdb`.

    Labels are (document, instrument, direction). Those of documents whose text is the same in both versions moved because the
    rules did, and are told by instrument; documents that are new, or whose text changed, are counted apart."""
    new, old = _labels(con), _labels(other)
    new_texts, old_texts = _texts(con), _texts(other)
    same = {p for p in new_texts.keys() & old_texts.keys() if None in (new_texts[p], old_texts[p]) or new_texts[p] == old_texts[p]}
    gained = Counter(label[1] for label in new - old if label[0] in same)
    lost = Counter(label[1] for label in old - new if label[0] in same)
    fresh = len(new_texts.keys() - old_texts.keys())
    gone = len(old_texts.keys() - new_texts.keys())
    changed = len(new_texts.keys() & old_texts.keys()) - len(same)
    rules = _rules_moved(con, other)
    if not (gained or lost or fresh or gone or changed or rules):
        return []
    lines = ["## Policies", ""]
    if fresh or gone or changed:
        lines += [f"{fresh} documents are new, the text of {changed} changed, {gone} are now part of another document or gone.", ""]
    lines += rules
    if gained or lost:
        lines += [
            "Labels (document, instrument, direction) of documents whose text is the same:", "",
            "| instrument | gained | lost |", "| --- | ---: | ---: |",
            *(f"| {name} | {gained[name]} | {lost[name]} |" for name in sorted({*gained, *lost})), "",
        ]  # fmt: skip
    elif rules:
        lines += ["No label of a document whose text is the same moved.", ""]
    return lines


def _has(con: Any, table: str) -> bool:
    return bool(con.execute("select count(*) from duckdb_tables() where table_name = ? and schema_name = 'main'", [table]).fetchone()[0])


def _labels(con: Any) -> set[tuple[str, str, str]]:
    return set(con.execute("select distinct policy_id, instrument_id, direction from policy_instrument").fetchall())


def _texts(con: Any) -> dict[str, str | None]:
    """Digest of the coded text of each document; None where the version did not publish it yet."""
    if _has(con, "policy_source"):
        return dict(con.execute("select policy_id, any_value(content_sha256) filter (where is_text) from policy_source group by policy_id").fetchall())
    return dict(con.execute("select policy_id, null from policy").fetchall())


def _rules_moved(con: Any, other: Any) -> list[str]:
    if not (_has(con, "policy_rule") and _has(other, "policy_rule")):
        return []
    sql = "select rule_id, instrument_id, language, kind, pattern from policy_rule"
    new, old = ({row[0]: row[1:] for row in each.execute(sql).fetchall()} for each in (con, other))
    found = {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(r for r in new.keys() & old.keys() if new[r] != old[r]),
        "removed": sorted(old.keys() - new.keys()),
    }
    if not any(found.values()):
        return []
    told = [
        f"{len(names)} {what} ({', '.join(names[:LISTED])}{', …' if len(names) > LISTED else ''})" for what, names in found.items() if names
    ]
    return [f"The rules of the coder changed: {'; '.join(told)}. Every text was coded anew.", ""]
