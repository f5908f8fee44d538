"""How good the policy coder is, measured on the gold set (`tests/gold/policies.jsonl`).

    python -m bench.policy_quality            print the report (parts held_out and test: figures only, never their texts)
    python -m bench.policy_quality --errors   also list the errors of the *tune* part
    python -m bench.policy_quality --write    regenerate the seed policy_coding_quality.csv

Belongs here: the measures and their baseline. Does not belong here: the rules (the seed instrument_terms.csv).

A text counts once for each instrument: precision, recall and F1 are micro-averaged over (text, instrument).
Direction is the share of right directions among instruments found. An amount is right when value, unit and role
all are. The baseline fires an instrument where any of its plain words of the taxonomy's list stands anywhere in it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ingest.home import CHECKOUT, SEEDS
from ingest.policies.amounts import amounts
from ingest.policies.amounts_en import amounts_en
from ingest.policies.coding import TERMS, code_text, coded_text, sentences
from ingest.policies.text import document_type

GOLD = CHECKOUT / "tests" / "gold" / "policies.jsonl"
TABLE = SEEDS / "policy_coding_quality.csv"
#: `held_out` was composed and labelled after the rules stood and is only measured; `test` is the part of the first
#: set that a hash put aside; `tune` is what the rules may be improved on.
PARTS = ("held_out", "test", "tune")
COLUMNS = ("part", "measure", "item", "precision", "recall", "f1", "n_gold", "n_predicted", "n_texts")
#: A text that supports in one sentence and reduces in another is a reduction on the whole, and so on.
_TIES = ("reduce", "restrict", "support", "terminate")


def load(path: Path = GOLD) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def direction_of(found: Iterable[str]) -> str:
    """One direction for an instrument of a text: the most frequent, ties in the order of _TIES."""
    count = Counter(found)
    return min(count, key=lambda name: (-count[name], _TIES.index(name)))


def predict(item: dict[str, Any]) -> dict[str, Any]:
    text = coded_text(item["title"], item["text"])
    found: dict[str, list[str]] = {}
    for row in code_text(text, titled=True):
        if row["evidence_text"] and (row["amount"] is None or row["rule_id"]):
            found.setdefault(row["instrument"], []).append(row["direction"])
    read = amounts if item["language"] == "zh" else amounts_en
    numbers = [
        (amount.value, amount.unit, amount.role)
        for start, end in sentences(item["text"], item["language"])
        for amount in read(item["text"][start:end])
    ]
    return {
        "codes": {code: direction_of(directions) for code, directions in found.items()},
        "amounts": numbers,
        "doc_type": document_type(item["title"], None, item["text"]),
    }


@cache
def _plain_words() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    with open(SEEDS / TERMS, encoding="utf-8") as handle:
        return tuple(
            (row["instrument_id"], row["language"], tuple(w.replace("\0", "/").lower() for w in row["pattern"].replace("\\/", "\0").split("/")))
            for row in csv.DictReader(handle)
            if row["kind"] == "plain"
        )


def baseline(item: dict[str, Any]) -> set[str]:
    """Plain substrings: any word of the taxonomy's list for an instrument (kind `plain`), anywhere."""
    text = coded_text(item["title"], item["text"]).lower()
    return {code for code, language, words in _plain_words() if language == item["language"] and any(w in text for w in words)}


def _prf(hit: int, predicted: int, gold: int) -> tuple[float | None, float | None, float | None]:
    precision = hit / predicted if predicted else None
    recall = hit / gold if gold else None
    f1 = 2 * hit / (predicted + gold) if predicted + gold else None
    return precision, recall, f1


def measure(items: list[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    """Rows of the quality table for the items of one part."""
    families = {row["instrument_id"]: row["family"] for row in csv.DictReader(open(SEEDS / "instruments.csv", encoding="utf-8"))}
    hit, predicted, gold = Counter[str](), Counter[str](), Counter[str]()
    base = [0, 0]
    right = found = types = 0
    amount_hit = Counter[str]()
    n_amounts = [0, 0]
    for item in items:
        guess = predict(item)
        truth = {code["instrument"]: code["direction"] for code in item["codes"]}
        for code in set(truth) | set(guess["codes"]):
            keys = ("all", "family:" + families[code], "instrument:" + code)
            for key in keys:
                gold[key] += code in truth
                predicted[key] += code in guess["codes"]
                hit[key] += code in truth and code in guess["codes"]
        for code in set(truth) & set(guess["codes"]):
            found += 1
            right += truth[code] == guess["codes"][code]
        plain = baseline(item)
        base[0] += len(plain & set(truth))
        base[1] += len(plain)
        want = Counter((a["value"], a["unit"], a["role"]) for a in item["amounts"])
        have = Counter(guess["amounts"])
        amount_hit["all"] += (want & have).total()
        amount_hit["value"] += (Counter(k[:2] for k in want.elements()) & Counter(k[:2] for k in have.elements())).total()
        n_amounts[0] += want.total()
        n_amounts[1] += have.total()
        types += guess["doc_type"] == item["doc_type"]
    rows = []

    def add(what: str, item_name: str, hits: int, n_predicted: int, n_gold: int) -> None:
        precision, recall, f1 = _prf(hits, n_predicted, n_gold)
        rows.append(dict(zip(COLUMNS, (part, what, item_name, precision, recall, f1, n_gold, n_predicted, len(items)), strict=True)))

    add("instruments", "all", hit["all"], predicted["all"], gold["all"])
    add("baseline_substring", "all", base[0], base[1], gold["all"])
    add("direction", "all", right, found, found)
    add("amounts", "value_unit_role", amount_hit["all"], n_amounts[1], n_amounts[0])
    add("amounts", "value_unit", amount_hit["value"], n_amounts[1], n_amounts[0])
    add("doc_type", "all", types, len(items), len(items))
    for key in sorted(k for k in set(gold) | set(predicted) if k != "all"):
        what, name = key.split(":")
        add(what, name, hit[key], predicted[key], gold[key])
    return rows


def table() -> str:
    """The quality table as CSV text: both parts, three decimals."""
    items = load()
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for part in PARTS:
        for row in measure([item for item in items if item["part"] == part], part):
            writer.writerow({k: ("" if v is None else f"{v:.3f}" if isinstance(v, float) else v) for k, v in row.items()})
    return out.getvalue()


def errors(items: list[dict[str, Any]]) -> Iterable[str]:
    for item in items:
        guess = predict(item)
        truth = {code["instrument"]: code["direction"] for code in item["codes"]}
        wrong = [f"+{c[:2]}" for c in guess["codes"] if c not in truth] + [f"-{c[:2]}" for c in truth if c not in guess["codes"]]
        wrong += [f"{c[:2]}:{truth[c]}≠{d}" for c, d in guess["codes"].items() if c in truth and truth[c] != d]
        want = Counter((a["value"], a["unit"], a["role"]) for a in item["amounts"])
        have = Counter(guess["amounts"])
        if want != have:
            wrong.append(f"amounts -{list((want - have).elements())} +{list((have - want).elements())}")
        if guess["doc_type"] != item["doc_type"]:
            wrong.append(f"type {item['doc_type']}≠{guess['doc_type']}")
        if wrong:
            why = [
                f"{r['instrument'][:2]} {r['rule_id']} {r['evidence_text'][:24]}"
                for r in code_text(coded_text(item["title"], item["text"]), True)
                if r["instrument"] not in truth
            ]
            yield f"{item['id']} {item['title']}\n   {item['text']}\n   {wrong} {why}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errors", action="store_true", help="list the errors of the tune part")
    parser.add_argument("--write", action="store_true", help="regenerate the seed")
    options = parser.parse_args()
    items = load()
    if options.errors:
        print("\n".join(errors([item for item in items if item["part"] == "tune"])))
    for part in PARTS:
        for row in measure([item for item in items if item["part"] == part], part)[:6]:
            print(row["part"], row["measure"], row["item"], *(f"{row[k]:.3f}" for k in ("precision", "recall", "f1")), row["n_gold"])
    if options.write:
        TABLE.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
