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
    new, old = _texts(con), _texts(other)
    same = {p for p in new.keys() & old.keys() if None in (new[p], old[p]) or new[p] == old[p]}
    documents = _documents_moved(new, old, len(same))
    rules = _rules_moved(con, other)
    labels = _labels_moved(_labels(con), _labels(other), same)
    if rules and not labels:
        labels = ["No label of a document whose text is the same moved.", ""]
    found = [*documents, *rules, *labels]
    return ["## Policies", "", *found] if found else []


def _documents_moved(new: dict[str, str | None], old: dict[str, str | None], same: int) -> list[str]:
    fresh, gone = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    changed = len(new.keys() & old.keys()) - same
    if not (fresh or gone or changed):
        return []
    return [
        f"{fresh} documents are new, the text of {changed} changed, {gone} are now part of another document or gone.",
        "",
    ]


def _labels_moved(new: set[tuple[str, str, str]], old: set[tuple[str, str, str]], same: set[str]) -> list[str]:
    """A table by instrument, of the documents whose text is the `same`."""
    gained = Counter(instrument for document, instrument, _ in new - old if document in same)
    lost = Counter(instrument for document, instrument, _ in old - new if document in same)
    if not (gained or lost):
        return []
    return [
        "Labels (document, instrument, direction) of documents whose text is the same:", "",
        "| instrument | gained | lost |", "| --- | ---: | ---: |",
        *(f"| {name} | {gained[name]} | {lost[name]} |" for name in sorted({*gained, *lost})), "",
    ]  # fmt: skip


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
