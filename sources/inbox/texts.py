"""Texts of the inbox: damaged, turned around, or fit to be kept.

Belongs here: characters. Does not belong here: what a column means (judge.py).
"""

from __future__ import annotations

import re

from ingest.text.values import NULLS


class Held(Exception):
    """A record that is not taken: `reason` is a code, `column` the column at fault ("" where it is no single one), `detail`
    what was expected. It never quotes a value: readers see it."""

    def __init__(self, reason: str, detail: str = "", column: str = ""):
        super().__init__(reason)
        self.reason, self.detail, self.column = reason, detail, column


def printable(text: str) -> str:
    """Text for logs and tables: undecodable bytes and control characters as escapes, on one line."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LATIN = re.compile(r"[\u0080-\u00ff]")
_CJK = re.compile(r"[\u3400-\u9fff]")
_BIDI = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")
_ZERO_WIDTH = re.compile(r"[\u200b-\u200d\u2060\ufeff\u00ad]")


def _turned() -> str:
    first, second = [], []
    for point in range(0x3000, 0xFFEE):
        try:
            code = chr(point).encode("gbk")
        except UnicodeEncodeError:
            continue
        if len(code) == 2 and 0xE0 <= code[0] <= 0xEF and 0x80 <= code[1] <= 0xBF:
            first.append(chr(point))
        if len(code) == 2 and 0x81 <= code[0] <= 0xBF:
            second.append(chr(point))
    return f"[{''.join(first)}][{''.join(second)}]"


#: Two characters that stand side by side in any text whose UTF-8 bytes were read as GB18030: the bytes of the first begin a
#: three-byte character of UTF-8 (E0-EF, 80-BF), and those of the second end it. Rare in text that is sound.
TURNED = re.compile(_turned())


def is_mojibake(text: str) -> bool:
    """Whether Chinese text was decoded in the wrong encoding on its way: UTF-8 or GB18030 read as Latin-1 or
    Windows-1252, or UTF-8 read as GB18030 (锟斤拷, 鏂拌兘婧)."""
    if "锟斤拷" in text or "烫烫烫" in text:
        return True
    high = len(_LATIN.findall(text))
    if high >= 4:
        for wrong in ("latin-1", "cp1252"):
            for right in ("utf-8", "gb18030"):
                try:
                    meant = text.encode(wrong).decode(right)
                except UnicodeError:
                    continue
                if len(_CJK.findall(meant)) >= 2:
                    return True
        # a part was lost on the way, but accented letters do not come in such heaps beside C1 controls
        return high >= 6 and bool(re.search(r"[\x80-\x9f]", text)) and high * 2 > len(text)
    if not text.isascii() and TURNED.search(text) and len(_CJK.findall(text)) >= 3:
        try:
            meant = text.encode("gb18030").decode("utf-8")
        except UnicodeError:
            return False
        return len(_CJK.findall(meant)) >= 2
    return False


def check_text(column: str, text: str) -> None:
    """Raises Held for a damaged value: undecodable bytes, mojibake, replacement or control characters."""
    if text.isascii() and text.isprintable():
        return
    if _SURROGATE.search(text):
        raise Held("invalid_encoding", f"{column} holds bytes that are no text in the file's encoding", column)
    if is_mojibake(text):
        raise Held("mojibake", f"{column} was decoded in the wrong encoding before it came here", column)
    if "\ufffd" in text:
        raise Held("replacement_char", f"{column} lost characters before it came here", column)
    if found := _CONTROL.search(text):
        raise Held("control_char", f"{column} holds the control character U+{ord(found[0]):04X}", column)


def text_of(value: str | None) -> str | None:
    """A text without outer blanks; None for a word that means unknown."""
    value = (value or "").strip()
    return None if value.lower() in NULLS else value
