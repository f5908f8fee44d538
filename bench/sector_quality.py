"""How well sector and segments are decided, on labelled real registrations: EVATLAS_SHARED=folder python -m bench.sector_quality

Belongs here: precision and recall on the labelled samples, and whether they still reach their goals. Does not belong here: the rules
(dbt_project/seeds/segment_rules.csv), composed registrations (tests/test_registrations.py).

Labels: `tests/labels/registrations_300_{b,c}.csv` are 300 registrations each (150 drawn at random among the classified, 150 among
the near misses, seeds 20261127 and 20261128), labelled by a language model that read names and scopes without seeing what
the rules said. The rules were changed after both; `docs/methods.md` says what they scored before. `registrations_300.csv`
is the older sample that the rules were developed on. A registration is named by the sha256 of its code: the data's licence
forbids copies.
The data lie in `<folder>/registrations/registrations_1978_2004_sample.parquet`.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import polars as pl

from ingest.firms import sector
from ingest.home import CHECKOUT, SEEDS

LABELS = (("registrations_300_b.csv", "registrations_300_c.csv"), ("registrations_300.csv",))
GOALS = {"sector_precision": 0.95, "sector_recall": 0.90, "segment_precision": 0.95, "segment_recall": 0.90}


def registrations(folder: Path) -> pl.DataFrame:
    frame = pl.read_parquet(folder / "registrations" / "registrations_1978_2004_sample.parquet")
    digest = pl.Series("uscc_sha256", [hashlib.sha256(code.encode()).hexdigest() for code in frame["uscc"].to_list()])
    return frame.with_columns(digest).rename({"name": "name_zh", "scope": "business_scope"})


def segments_of(frame: pl.DataFrame, rules: sector.Rules) -> list[set[str]]:
    found = sector.classify(frame, rules).filter("in_sector").select("record", "segment").rows()
    answer: list[set[str]] = [set() for _ in range(frame.height)]
    for record, segment in found:
        answer[record].add(segment)
    return answer


def score(frame: pl.DataFrame, rules: sector.Rules, names: tuple[str, ...]) -> dict[str, float]:
    """Precision and recall of the sector and of the segments over the labelled registrations of some files."""
    labels = pl.concat([pl.read_csv(CHECKOUT / "tests" / "labels" / name) for name in names])
    rows = labels.join(frame.unique("uscc_sha256"), on="uscc_sha256", how="inner", maintain_order="left")
    if rows.height != labels.height:
        raise SystemExit(f"{labels.height - rows.height} labelled registrations are not in the data")
    truth = [{s for s in (text or "").split("|") if s} for text in rows["segments"].to_list()]
    pairs = list(zip(truth, segments_of(rows.select("name_zh", "business_scope"), rules), strict=True))
    right = sum(bool(t and f) for t, f in pairs)
    both = sum(len(t & f) for t, f in pairs)
    return {
        "sector_precision": right / sum(bool(f) for _, f in pairs),
        "sector_recall": right / sum(bool(t) for t, _ in pairs),
        "segment_precision": both / sum(len(f) for _, f in pairs),
        "segment_recall": both / sum(len(t) for t, _ in pairs),
    }


def main() -> int:
    folder = os.environ.get("EVATLAS_SHARED")
    if not folder:
        raise SystemExit("EVATLAS_SHARED has to name the folder of the registrations")
    frame, rules = registrations(Path(folder)), sector.load_rules(SEEDS / "segment_rules.csv")
    missed = 0
    for names in LABELS:
        for name, value in score(frame, rules, names).items():
            missed += value < GOALS[name]
            print(f"{' + '.join(names)}: {name} {value:.3f} (goal {GOALS[name]}){' MISSED' if value < GOALS[name] else ''}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
