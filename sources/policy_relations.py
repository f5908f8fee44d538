"""What one policy text says of others: which it carries out, which it repeals, which it replaces, which it explains.

Belongs here: pure functions over text that every source of policies shares. Does not belong here: which document a name
or number means (the dbt models resolve it, by number, then by title), nor the text's own dates (policy_text).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from sources.policy_text import document_type, normalise_doc_no, normalise_title, validity

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

_NAMED = r"《([^《》]{4,90})》(?:\s*[（(〔\[]?([^（()）《》。；，\n]{0,14}[〔\[（(【]\s*(?:19|20)\d{2}\s*[〕\])）】]\s*第?\d{1,5}号|[^（()）《》。；，\n]{0,12}(?:令|公告)\s*(?:(?:19|20)\d{2}年)?第?\s*\d{1,4}\s*号)[）)〕\]]?)?"
_BASIS = re.compile(rf"(?:根据|依据|按照|依照|为?贯彻(?:落实|执行)?|为?落实|转发|按)[^。；\n《》]{{0,40}}?{_NAMED}")
_BASIS_EN = re.compile(r"(?:pursuant to|in accordance with|to implement|implementing) (?:the )?[“\"]([^”\"]{6,120})[”\"]", re.I)
_REPEAL = re.compile(r"[^。；;\n]*(?:同时废止|予以废止|即行废止|自行废止|同时失效|宣布失效|起失效|停止执行|不再执行|予以失效|起废止)[^。；;\n]*")
_FORMER = re.compile(r"原|修订|修改|此前|以往|上一版|旧版|同时废止")
_TITLED = re.compile(_NAMED)
_NUMBER = re.compile(r"[一-龥A-Za-z]{1,12}[〔\[（(【]\s*(?:19|20)\d{2}\s*[〕\])）】]\s*第?\d{1,5}号")


@dataclass(frozen=True)
class Mention:
    """One text named by another: its title or number, and the very words of the clause that names it."""

    title: str | None
    doc_no: str | None
    words: str


@dataclass(frozen=True)
class Relations:
    """What a text says of others. `supersedes` is the part of `abolishes` that it replaces as former editions of
    itself (same subject in the title)."""

    derives_from: Mention | None = None
    abolishes: tuple[Mention, ...] = ()
    supersedes: tuple[Mention, ...] = ()


def _mentions(clause: str) -> list[Mention]:
    """The texts that a clause names, each once; a number that stands beside a title belongs to it."""
    words = clause.strip()
    out = [Mention(found[1].strip(), normalise_doc_no(found[2]), words) for found in _TITLED.finditer(clause)]
    beside = {m.doc_no for m in out}
    for found in _NUMBER.finditer(_TITLED.sub(" ", clause)):
        number = normalise_doc_no(found[0])
        if number and number not in beside:
            out.append(Mention(None, number, words))
    return out


def relations(title: str, text: str | None) -> Relations:
    """Read the relations of a text. In: its title and body; out: mentions, unresolved. A basis counts when it stands
    in the first 600 characters, where Chinese norms name it; in a title, 转发 (forwarding) counts too."""
    body = text or ""
    basis = None
    for part in (title, body[:600]):
        if found := _BASIS.search(part):
            name = found[1].strip()
            if normalise_title(name) != normalise_title(title):
                clause = part[part.rfind("\n", 0, found.start()) + 1 :].split("。")[0]
                basis = Mention(name, normalise_doc_no(found[2]), clause.strip()[:300])
                break
    if basis is None and (english := _BASIS_EN.search(body[:900])):
        basis = Mention(english[1].strip(), None, english[0])
    abolished: list[Mention] = []
    former: list[Mention] = []
    own = _subject(title)
    for clause in _REPEAL.finditer(body):
        for mention in _mentions(clause[0]):
            abolished.append(mention)
            if mention.title and own and (_subject(mention.title) == own or own in _subject(mention.title) or _subject(mention.title) in own):
                former.append(mention)
            elif not mention.title and _FORMER.search(clause[0]) and "同时" in clause[0]:
                former.append(mention)
    return Relations(basis, _once(abolished), _once(former))


def _subject(title: str) -> str:
    """A title without issuer, years and the words of its kind: two editions of one measure agree on it."""
    key = normalise_title(re.sub(r"（[^）]*）|\([^)]*\)", "", title))
    key = re.sub(r"^.*?(?:关于印发|关于公布|关于)", "", key)
    key = re.sub(r"(?:19|20)\d{2}(?:年度?)?|至|的通知$|的公告$|的决定$|试行|暂行|修订|修改", "", key)
    return re.sub(r"(?:实施细则|管理办法|实施办法|若干措施|实施意见|办法|细则|规定|意见|措施|方案)$", "", key)


def _once(found: list[Mention]) -> tuple[Mention, ...]:
    kept: dict[tuple[str | None, str | None], Mention] = {}
    for mention in found:
        kept.setdefault((mention.title and normalise_title(mention.title), mention.doc_no), mention)
    return tuple(kept.values())


def marks(title: str) -> tuple[bool | None, bool | None]:
    """(is_expired, is_abolished) as the title itself marks them: （失效）, 【已废止】; None where it has no mark."""
    found = re.search(r"[\[【(（〔]\s*(?:已)?(失效|废止)\s*[\]】)）〕]", unicodedata.normalize("NFKC", title) if title else "")
    return (True if found and found[1] == "失效" else None, True if found and found[1] == "废止" else None)


def as_json(mentions: tuple[Mention, ...]) -> str | None:
    """A JSON list of the numbers (else titles) that mentions name; None where there is none."""
    names = [mention.doc_no or mention.title for mention in mentions]
    return json.dumps(names, ensure_ascii=False) if names else None


def content_sha256(title: str, text: str | None) -> str:
    """Digest of a text with its white space folded: noise of layout makes no version. Of the title where no body is."""
    return hashlib.sha256(re.sub(r"\s+", "", text or title).encode()).hexdigest()


def fact_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of POLICY_FACTS. In: `record_id`, `title_zh`, and any of `content_zh`, `doc_no`, `issue_date`, `valid_from`,
    `valid_to`; a stated date or number goes before one that the text says."""
    title, text = row["title_zh"], row.get("content_zh")
    number = normalise_doc_no(row.get("doc_no")) or row.get("doc_no")
    said = validity(text or "", row.get("issue_date"))
    found = relations(title, text)
    expired, abolished = marks(title)
    basis = found.derives_from
    return {
        "policy_id": row["record_id"], "content_sha256": content_sha256(title, text),
        "doc_type": document_type(title, number, text or ""), "doc_no": number, "title_key": normalise_title(title),
        "valid_from": row.get("valid_from") or said.valid_from, "valid_to": row.get("valid_to") or said.valid_to,
        "is_expired": expired, "is_abolished": abolished,
        "derives_from_title": basis.title if basis else None, "derives_from_no": basis.doc_no if basis else None,
        "abolishes": as_json(found.abolishes), "supersedes": as_json(found.supersedes),
    }  # fmt: skip
