"""What a policy document says of itself and of other texts, as one row: for sources whose documents come as rows.

Belongs here: the schema POLICY_FACTS and how its row is made of the shared readers. Does not belong here: the readers
(policy_text: type, number, validity; policy_clauses: which texts it follows and repeals).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import polars as pl

from ingest.policies.clauses import abolished, derived_from, superseded
from ingest.policies.text import document_type, normalise_doc_no, normalise_title, validity

#: One row a document: its type, number, digest, validity and relations, read from its own words.
POLICY_FACTS: dict[str, Any] = {
    "policy_id": pl.String,
    "content_sha256": pl.String,
    "doc_type": pl.String,
    "doc_no": pl.String,  # in one form
    "title_key": pl.String,  # as titles are compared
    "valid_from": pl.String,
    "valid_to": pl.String,
    "is_expired": pl.Boolean,
    "is_abolished": pl.Boolean,
    "derives_from_title": pl.String,
    "derives_from_no": pl.String,
    "abolishes": pl.String,  # JSON lists of numbers and titles
    "supersedes": pl.String,
}
_MARK = re.compile(r"[\[【(〔]\s*已?(失效|废止)\s*[\]】)〕]")
_NATIONAL_WORDS = ("national", "国家", "国家级", "中央")


def marks(title: str) -> tuple[bool | None, bool | None]:
    """(is_expired, is_abolished) as the title itself marks them: （失效）, 【已废止】; None where it has no mark."""
    found = _MARK.search(unicodedata.normalize("NFKC", title))
    return (True if found and found[1] == "失效" else None, True if found and found[1] == "废止" else None)


def content_sha256(title: str, text: str | None) -> str:
    """Digest of a text with its white space dropped: noise of layout makes no version. Of the title where no body is."""
    return hashlib.sha256(re.sub(r"\s+", "", text or title).encode()).hexdigest()


def fact_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of POLICY_FACTS. In: `record_id`, `title_zh`, and any of `level`, `content_zh`, `doc_no`, `issue_date`,
    `valid_from`, `valid_to`; a stated date or number goes before one that the text says."""
    title, text = row["title_zh"], row.get("content_zh") or ""
    number = normalise_doc_no(row.get("doc_no")) or row.get("doc_no")
    said = validity(text, row.get("issue_date"))
    repealed = abolished(title, text, said.supersedes)
    replaced = superseded(title, text, repealed)
    level = "national" if row.get("level") in _NATIONAL_WORDS else str(row.get("level") or "")
    basis, basis_no = derived_from(title, text, level)
    expired, ended = marks(title)
    return {
        "policy_id": row["record_id"], "content_sha256": content_sha256(title, text),
        "doc_type": document_type(title, number, text), "doc_no": number, "title_key": normalise_title(title),
        "valid_from": row.get("valid_from") or said.valid_from, "valid_to": row.get("valid_to") or said.valid_to,
        "is_expired": expired, "is_abolished": ended, "derives_from_title": basis, "derives_from_no": basis_no,
        "abolishes": json.dumps(repealed, ensure_ascii=False) if repealed else None,
        "supersedes": json.dumps(replaced, ensure_ascii=False) if replaced else None,
    }  # fmt: skip
