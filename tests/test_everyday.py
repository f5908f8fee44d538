"""Files as people have them: what each should give, by the folders of tests/data/everyday and tests/data/real_world.

Belongs here: running what their `expected.json` says, through the landing and `check-inputs`, `make panel`, the reader of pages and
the readers of texts. Does not belong here: what is expected (it stands in the folders, written before the code), nor the hostile
set (test_hostile). What fails today is named in tests/data/everyday/open.txt, and is a strict expected failure: a name that passes
makes this file red until it is taken out of the list.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.declaration import Page, RejectFile
from ingest.home import Home
from ingest.policies.amounts import amounts
from ingest.policies.text import parse_date, parse_numeral, validity
from ingest.store.landing import Landing
from ingest.text.scrub import redact
from ingest.text.values import parse_batch
from ingest.web.documents import judge_page
from sources.inbox import SOURCE, shelf
from sources.inbox.check_inputs import judge_file
from sources.policy_releases.items import Item
from sources.policy_releases.page import plain, read_page
from sources.policy_releases.sites import covered_sites
from tests.conftest import DATA

TODAY = dt.date(2026, 11, 24)
EVERYDAY, REAL = DATA / "everyday", DATA / "real_world"
#: member -> "slow" or "".
OPEN = {
    name: rest for line in (EVERYDAY / "open.txt").read_text("utf-8").splitlines() if not line.startswith("#") for name, _, rest in [line.partition(" ")]
}


def cases(folder: Path, *does: str) -> list[Any]:
    """The members of a folder that do one of these things, as parameters; those that fail today as strict expected failures."""
    found = []
    for path in sorted(folder.glob("*/expected.json")):
        said = json.loads(path.read_text("utf-8"))
        if said.get("do", said.get("type")) in does:
            slow = OPEN.get(path.parent.name) == "slow"
            marks = [pytest.mark.xfail(strict=True, run=not slow, reason="named in open.txt")] if path.parent.name in OPEN else []
            found.append(pytest.param(path.parent, said, id=path.parent.name, marks=marks))
    return found


def test_the_list_of_what_is_open_names_members_only() -> None:
    assert OPEN.keys() <= {path.parent.name for folder in (EVERYDAY, REAL) for path in folder.glob("*/expected.json")}


def generated(member: Path, target: Path) -> Path:
    """The files of a member, and those that its generator writes, in a folder of the test."""
    target.mkdir(parents=True, exist_ok=True)
    for path in member.iterdir():
        if path.is_file() and path.name not in ("expected.json", "generate.py"):
            shutil.copy(path, target)
    if (member / "generate.py").exists():
        spec = importlib.util.spec_from_file_location("generate", member / "generate.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.write(target)
    return target


def any_of(expect: dict[str, Any], judge: Callable[[dict[str, Any]], list[str]]) -> None:
    """Asserts that one of the outcomes that are right is the outcome; `judge` says what is wrong with one."""
    wrong = [judge(one) for one in expect.get("any", [expect])]
    assert not all(wrong), "\n".join(f"outcome {n}: {'; '.join(w)}" for n, w in enumerate(wrong, 1))


# -- files of the inbox ------------------------------------------------------------------------------------------------
class Read:
    """What the landing and `check-inputs` made of one file."""

    def __init__(self, home: Path, kind: str, name: str):
        path = home / "inbox" / kind / name
        started = time.monotonic()
        landing = Landing(Home(home))
        [partition] = landing.partitions(SOURCE)
        self.audit = landing.land(SOURCE, partition)
        self.seconds = time.monotonic() - started
        started = time.monotonic()
        self.checked = judge_file(path, kind, TODAY)
        self.seconds = max(self.seconds, time.monotonic() - started)
        self.refused = self.audit.outcome in ("rejected", "blocked")
        self.rows = self._rows(home, "landing/inbox/" + kind)
        self.held = self._rows(home, "quarantine/inbox")
        self.message = " ".join([self.audit.message or "", *(f"{r['column'] or ''} {r['detail'] or ''}" for r in self.held)])
        self.flags = {r["record_no"]: r["flags"] or "" for r in self.rows}
        self.file_flags = list(self.checked.get("flags") or [])

    @staticmethod
    def _rows(home: Path, folder: str) -> list[dict[str, Any]]:
        files = list((home / folder).glob("*.parquet"))
        return pl.concat([pl.read_parquet(p) for p in files], how="diagonal_relaxed").to_dicts() if files else []

    def value(self, record: int, field: str) -> Any:
        """A value in the units of the expectations; LookupError where the record did not land."""
        [row] = [r for r in self.rows if r["record_no"] == record] or [None]
        if row is None:
            raise LookupError
        found = row[field if field in row else f"{field}_id"]
        if found is None:
            return None
        if field == "registered_capital":
            return found / 1e6 if (row["capital_currency"] or "CNY") == "CNY" else None
        if field == "capacity":
            return found if row["capacity_unit"] in ("vehicles_per_year", "gwh_per_year") else None
        return found


def read_alone(member: Path, kind: str, name: str, home: Path) -> Read:
    """One file of a member, alone in the inbox of a new home."""
    given = generated(member, home / "given") / name
    lies = home / "inbox" / kind / name
    lies.parent.mkdir(parents=True)
    given.rename(lies)
    return Read(home, kind, name)


def same(found: Any, right: list[Any]) -> bool:
    """Whether a value is one of those that are right; numbers to a relative 1e-9."""
    if isinstance(found, int | float):
        return any(isinstance(r, int | float) and abs(found - r) <= 1e-9 * max(1, abs(r)) for r in right)
    return found in right


def wrong_counts(expect: dict[str, Any], read: Read) -> list[str]:
    n = read.audit.records_in
    found = {"records": n, "accepted": read.audit.accepted, "quarantined": n - read.audit.accepted}
    return [] if read.refused else [f"{key}: {number}, not {expect[key]}" for key, number in found.items() if expect.get(key, number) != number]


def wrong_values(expect: dict[str, Any], read: Read) -> list[str]:
    """What is wrong with the values of records; those of a record that may be held, and is, are not judged."""
    wrong, free, held = [], set(expect.get("may_be_held", ())), {r["record"] for r in read.held}
    for value in expect.get("values", ()):
        record, right = value["record"], [value["is"], *value.get("or", ())]
        if record in held & free:
            continue
        try:
            found = read.value(record, value["field"])
        except LookupError:
            wrong.append(f"record {record} is not there ({read.message})")
        else:
            wrong += [] if same(found, right) else [f"record {record} {value['field']}: {found!r}, not {right!r}"]
    return wrong


def wrong_with(read: Read, expect: dict[str, Any]) -> list[str]:
    """What is wrong with a file if `expect` is right."""
    if expect.get("refused", False) != read.refused:
        return [f"refused: {read.refused} ({read.message})"]
    held = {r["record"] for r in read.held}
    spoken = f"{read.audit.file} {read.message}".lower()
    wrong = [f"does not say {word!r}: {read.message}" for word in expect.get("says", ()) if word.lower() not in spoken]
    if read.seconds > expect.get("seconds_at_most", 1e9):
        wrong.append(f"{read.seconds:.1f} s")
    if "may_be_held" in expect and not held <= set(expect["may_be_held"]):
        wrong.append(f"held: {sorted(held)} {read.message}")
    wrong += [f"record {n} carries no flag" for n in expect.get("flagged", ()) if n not in held and not read.flags.get(n)]
    return wrong + wrong_counts(expect, read) + wrong_values(expect, read)


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "LOOK_S", 0.02)


@pytest.mark.parametrize(("member", "said"), cases(EVERYDAY, "check"))
def test_file(member: Path, said: dict[str, Any], tmp_path: Path) -> None:
    [name] = said["files"]
    read = read_alone(member, said["kind"], name, tmp_path)
    assert "Error" not in read.message and "Traceback" not in read.message, read.message
    any_of(said["expect"], lambda expect: wrong_with(read, expect))
    # check-inputs says what the landing did
    verdict = read.checked["verdict"]
    assert (verdict in ("reject", "block")) == read.refused, read.checked
    if not read.refused:
        assert (read.checked["rows_in"], read.checked["rows_ok"]) == (read.audit.records_in, read.audit.accepted), read.checked


def judged(said: dict[str, Any], read: Read) -> Callable[[dict[str, Any]], list[str]]:
    verdict = {"rejected": "reject", "blocked": "block"}.get(read.audit.outcome, "quarantine" if read.held else "accept")

    def judge(expect: dict[str, Any]) -> list[str]:
        wrong = []
        if expect.get("verdict", verdict) != verdict:
            wrong.append(f"verdict {verdict} ({read.message})")
        if expect.get("rows_ok", read.audit.accepted) != read.audit.accepted:
            wrong.append(f"rows_ok {read.audit.accepted}")
        if not set(expect.get("rows_held", ())) <= {r["record"] for r in read.held}:
            wrong.append(f"held {read.held}")
        if "flags_contain" in expect and not any(expect["flags_contain"] in f for f in [*read.file_flags, *read.flags.values()]):
            wrong.append(f"flags {read.file_flags}")
        if expect.get("detail_contains", "") not in read.message:
            wrong.append(read.message)
        for row in expect.get("rows", ()):
            [found] = [r for r in read.rows if r["record_no"] == row["record_no"]] or [{}]
            # what was in ten thousands is in vehicles since
            wanted = {**row, "output": row["output"] * 1e4, "unit": "vehicles"} if row.get("unit") == "万辆" and found.get("unit") == "vehicles" else row
            if not all(same(found.get(k), [v]) for k, v in wanted.items()):
                wrong.append(f"record {row['record_no']}: { {k: found.get(k) for k in wanted} }, not {wanted}")
        return wrong

    return judge


@pytest.mark.parametrize(("member", "said"), cases(REAL, "judge"))
def test_reported_file(member: Path, said: dict[str, Any], tmp_path: Path) -> None:
    any_of(said["expect"], judged(said, read_alone(member, said["kind"], said["file"], tmp_path)))


# -- pages and texts ---------------------------------------------------------------------------------------------------
def text_in_order(text: str, words: list[str]) -> list[str]:
    flat, at = re.sub(r"\s+", "", text), 0
    for word in words:
        found = flat.find(re.sub(r"\s+", "", word), at)
        if found < 0:
            return [f"{word!r} is not there, or earlier: {flat[:400]}"]
        at = found
    return []


@pytest.mark.parametrize(("member", "said"), cases(EVERYDAY, "page"))
def test_page(member: Path, said: dict[str, Any]) -> None:
    body = (member / "page.html").read_bytes()
    try:
        page, refused = judge_page(body, TODAY), ""
    except RejectFile as error:
        page, refused = None, f"{error.reason}: {error.detail}"

    def judge(expect: dict[str, Any]) -> list[str]:
        if "text_order" in expect:
            return text_in_order(plain(body.decode("utf-8")), expect["text_order"]) + text_in_order(page.text if page else refused, expect["text_order"])
        held = page is None or bool(page.problems)
        if expect.get("refused", False) != held:
            return [f"refused: {refused or (page and page.problems)}"]
        assert page is not None or expect.get("refused")
        return [
            f"{key}: {found!r}, not {expect[key]!r}"
            for key, found in (("title", page and page.title), ("published_on", (page and page.date) or None))
            if key in expect and expect[key] != found
        ]

    any_of(said["expect"], judge)


@pytest.mark.parametrize(("member", "said"), cases(REAL, "page"))
def test_reported_page(member: Path, said: dict[str, Any]) -> None:
    item = Item("http://www.example.gov.cn/a.html", said["title"], "", published=said["published"])
    found = read_page(Page(item.url, (member / "page.html").read_bytes(), dt.datetime.now(dt.UTC)), item, covered_sites()[said["site"]])
    assert text_in_order(found.text, said["expect"].get("order", [])) == []
    any_of(said["expect"], lambda one: [] if one.get("issued_on", found.issued) == found.issued else [found.issued])


def sums(text: str) -> list[float]:
    """The sums of money of a text, in million yuan."""
    return [a.value / 1e6 for a in amounts(text) if a.unit.startswith("CNY")]


ASKS: dict[str, Callable[[str], Any]] = {
    "date": lambda text: parse_date(text)[0], "validity": lambda text: [validity(text).valid_from, validity(text).valid_to],
    "batch": parse_batch, "numeral": parse_numeral, "redact": redact, "amount": lambda text: (sums(text) or [None])[0],
}  # fmt: skip


@pytest.mark.parametrize(("member", "said"), cases(EVERYDAY, "text"))
def test_text(member: Path, said: dict[str, Any], tmp_path: Path) -> None:
    texts = json.loads((generated(member, tmp_path) / "cases.json").read_text("utf-8"))
    started, wrong = time.monotonic(), []
    for case in texts:
        found = ASKS[case["asks"]](case["text"])
        if case.get("free"):
            continue
        right = [case["is"], *case.get("or", ())]
        right += [[None, None]] if None in right and case["asks"] == "validity" else []
        if not same(found, right):
            wrong.append(f"{case['asks']} of {case['text'][:60]!r}: {found!r}, not {right!r}")
    assert not wrong, "\n".join(wrong)
    assert time.monotonic() - started <= said["expect"].get("seconds_at_most", 60)


def test_reported_end_of_validity() -> None:
    text, issued = "对新能源汽车给予补贴。本通知有效期2025年12月31日。", "2022-01-05"
    assert validity(text, issued).valid_to in ("2025-12-31", None)
