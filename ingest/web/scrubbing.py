"""Personal data in what a site answers, taken out before it is kept.

Belongs here: bodies by their media type. Does not belong here: what is personal in a text (ingest/text/scrub.py).
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from ingest.declaration import RejectFile
from ingest.text.scrub import PHONE, is_mobile_number, is_person_column, redact_bytes
from ingest.text.scrub import redact as redact_text
from ingest.web.bodies import decode_text, kind_of

#: JSON with padding, as `jsonpCallback12({...})` and `null([...])` are.
CALLBACK = re.compile(rb"(\s*[A-Za-z_$][\w$.]{0,80}\s*\(\s*)([\[{].*[\]}])(\s*\)\s*;?\s*)", re.DOTALL)


def scrub(body: bytes, media: str) -> bytes:
    """The body without personal data, as the raw store keeps it.

    JSON is taken apart: fields about persons go, and only texts are searched for numbers of people (an
    OpenStreetMap id looks like a mobile number). All else is the business of ingest/text/scrub.py."""
    kind = kind_of(body)
    call = CALLBACK.fullmatch(body) if kind == "text" else None  # JSON handed to a function: fields go there, too
    if kind == "json" or call is not None:
        head, inner, tail = call.groups() if call is not None else (b"", body, b"")
        try:
            found = json.loads(inner)
        except (ValueError, RecursionError):
            return scrub_bytes(body)
        clean = scrub_json(found)
        return body if clean == found else head + json.dumps(clean, ensure_ascii=False).encode("utf-8") + tail
    if kind == "binary" and body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return scrub_bytes(body)  # text in UTF-16: half of its bytes are zeros
    if kind in ("pdf", "ole") or (kind in ("zip", "gzip", "binary") and not media.startswith("text/")):
        # a table of declared columns: its parser stores no other; a document: its text is compressed, and a changed byte
        # breaks it, so that its source must clean it (policy_releases keeps the text instead)
        return body
    return scrub_bytes(body)


def scrub_bytes(body: bytes) -> bytes:
    """A text without personal patterns, in the encoding that its bytes show."""
    try:
        charset = decode_text(body)[1]
    except RejectFile:
        charset = "utf-8"
    return redact_bytes(body, charset)  # names and numbers in a page of GBK are found in GBK


def scrub_json(value: Any) -> Any:
    """A JSON value without fields about persons, and with personal patterns in its texts, names of fields and numbers
    redacted. Numbers of fields that are ids stay."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for name, inner in value.items():
            if person_field(name):
                continue
            clean, number = redact_text(name), 1
            while clean in found:  # two names that are alike without what was taken out
                number += 1
                clean = f"{redact_text(name)} {number}"
            found[clean] = inner if ID_FIELD.search(name) and not holds_text(inner) else scrub_json(inner)
        return found
    if isinstance(value, list):
        return [scrub_json(item) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and is_mobile_number(str(value)):
        return PHONE
    return value


#: Fields whose numbers name things: OpenStreetMap counts its nodes in eleven digits.
ID_FIELD = re.compile(r"(?i:(?:^|_)(?:id|ids|oid|ref|refs|nodes|code|codes|version|changeset))$|[a-z](?:Id|ID|Ids|Code)$")


def holds_text(value: Any) -> bool:
    """Whether a value is, or has in it, anything but numbers."""
    return any(map(holds_text, value)) if isinstance(value, list) else isinstance(value, str | dict)


@functools.cache
def person_field(name: str) -> bool:
    """Whether a field of this name is about a person: by the column rules, and by the prefixes that Chinese
    exchanges use (REPR_PHONE, SECRETARY_NAME)."""
    return is_person_column(name) or is_person_column(name.replace("_", " "))
