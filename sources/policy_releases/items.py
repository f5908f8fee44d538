"""What a list says of one document, and how an address and a subject are judged.

Belongs here: the entry of a list, its identity and its journey through JSON; the subject filter. Does not belong here:
reading lists (families/) or pages (page.py).
"""

from __future__ import annotations

import csv
import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

TERMS = "policy_topic_terms.csv"
BODY_HITS = 2  # one word in passing does not make a document one on the subject
_TRACKING = re.compile(r"^(?:utm_\w+|from|isappinstalled|spm|share\w*|_t|timestamp|nsukey|weixin\w*)$", re.I)
#: Failures of a page that will not pass by asking again: the document is known by its entry alone.
LASTING = frozenset({"gone", "forbidden", "host_not_allowed", "scheme_not_allowed", "robots", "userinfo", "private_address"})
FILES = ("pdf", "doc", "docx", "wps", "ofd", "xls", "xlsx", "et", "zip", "rar", "ceb")


def canonical(url: str) -> str:
    """The address under which a document is one: host in lower case, no fragment, no default port, no tracking
    parameter; every other parameter stays, since `iteminfo.jsp?id=` tells documents apart."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if parts.port and parts.port not in (80, 443):
        host += f":{parts.port}"
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)])
    path = quote(unquote(re.sub(r"/{2,}", "/", parts.path or "/")), safe="/%:@!$&'()*+,;=~-._")
    return urlunsplit((parts.scheme.lower(), host, path, query, ""))


def record_id(site: str, url: str) -> str:
    """`<site>:<16 hex digits>`; http and https are one document."""
    plain = canonical(url).partition("://")[2]
    return f"{site}:{hashlib.sha1(plain.encode(), usedforsecurity=False).hexdigest()[:16]}"


def extension(url: str) -> str:
    """The file extension of an address, if it is one of a document file; else ""."""
    name = urlsplit(url).path.rsplit("/", 1)[-1].lower()
    found = name.rpartition(".")[2] if "." in name else ""
    return found if found in FILES else ""


def clean(text: str | None) -> str:
    """One line of text: white space folded, control and invisible characters dropped."""
    shown = "".join(c for c in (text or "") if c.isprintable() or c.isspace())
    return " ".join(shown.split())


@dataclass(frozen=True)
class Item:
    """One entry of a list. Dates are ISO text cut to their precision, "" where the list has none; flags are None where
    the list has no flag. `attachments`: (name, address) where the list names them."""

    url: str
    title: str
    list_url: str
    published: str = ""
    issued: str = ""
    doc_no: str = ""
    issuer: str = ""
    summary: str = ""
    is_expired: bool | None = None
    is_abolished: bool | None = None
    attachments: tuple[tuple[str, str], ...] = field(default_factory=tuple)

    @property
    def month(self) -> str:
        return self.published[:7] if len(self.published) >= 7 else ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Item:
        known = {name: said[name] for name in cls.__dataclass_fields__ if name in said}
        known["attachments"] = tuple((str(n), str(u)) for n, u in known.get("attachments", ()))
        return cls(**known)


@functools.cache
def _terms(seeds: Path) -> tuple[re.Pattern[str], re.Pattern[str]]:
    core: list[str] = []
    exclude: list[str] = []
    with open(seeds / TERMS, encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            (core if row["kind"] == "core" else exclude).append(row["term"])

    def one(words: list[str]) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(w) for w in sorted(words, key=len, reverse=True)) or r"(?!)", re.I)

    return one(core), one(exclude)


def on_subject(title: str, body: str, seeds: Path) -> bool:
    """Whether a document is on the subject: a term of the seed in its title, or BODY_HITS of them in its body, after the
    words that the seed excludes are masked."""
    core, exclude = _terms(seeds)
    if core.search(exclude.sub("", title)):
        return True
    found = core.finditer(exclude.sub("", body))
    return sum(1 for _, _ in zip(found, range(BODY_HITS), strict=False)) >= BODY_HITS
