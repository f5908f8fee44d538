"""Each piece of knowledge stands in one place: what is added there is seen everywhere, and a half that was forgotten is named.

Belongs here: vocabularies, words and rules that more than one part of the project uses. Does not belong here: the import law
(test_imports), what the vocabularies mean. Run this file first after adding a segment, an instrument, a city, an indicator or a site.
"""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from ingest import vocabulary
from ingest.firms.sector import load_rules
from ingest.home import SEEDS
from sources import all_sources
from tests.conftest import REPO

CODE = sorted(p for top in ("ingest", "sources", "orchestration", "atlas") for p in (REPO / top).rglob("*.py"))


def column(file: str, name: str) -> list[str]:
    with open(SEEDS / file, encoding="utf-8", newline="") as handle:
        return [row[name] for row in csv.DictReader(handle)]


def lists(text: str, words: set[str]) -> int:
    """How many of the words stand as literals within any ten lines of a text."""
    lines = text.splitlines()
    return max((len({w for w in words if re.search(rf"[\"']{re.escape(w)}[\"']", "\n".join(lines[i : i + 10]))}) for i in range(len(lines))), default=0)


@pytest.mark.parametrize(("file", "key", "most"), [("segments.csv", "segment_id", 8), ("instruments.csv", "instrument_id", 8), ("provinces.csv", "province_id", 8), ("provinces.csv", "name_zh", 4)])
def test_no_code_lists_what_a_seed_lists(file: str, key: str, most: int) -> None:
    words = set(column(file, key))
    found = {str(p.relative_to(REPO)): n for p in CODE if (n := lists(p.read_text("utf-8"), words)) > most}
    assert found == {}, f"these modules list {key} themselves; dbt_project/seeds/{file} does it, by ingest/vocabulary.py"


def test_a_list_in_code_would_be_seen() -> None:
    words = set(column("segments.csv", "segment_id"))
    assert lists("KNOWN = " + repr(sorted(words)), words) == len(words) and lists("x = 'oem'", words) == 1


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    shutil.copytree(SEEDS, tmp_path / "seeds")
    return tmp_path / "seeds"


def add(path: Path, **row: str) -> None:
    with open(path, encoding="utf-8", newline="") as handle:
        header = next(csv.reader(handle))
    with open(path, "a", encoding="utf-8", newline="") as handle:
        csv.DictWriter(handle, header, restval="").writerow(row)


def test_a_segment_is_a_row(seeds: Path) -> None:
    add(seeds / "segments.csv", segment_id="hubs", family="components", name_en="Hub motors", policy_words="轮毂电机", policy_rank="1")
    add(seeds / "segment_rules.csv", rule_id="hubs_n1", segment_id="hubs", kind="name", pattern="轮毂电机", strength="strong")
    found = vocabulary.segments(seeds)["hubs"]
    assert found.words is not None and found.words.search("支持轮毂电机研发") and found.rank == 1
    assert any(rule.segment == "hubs" for rule in load_rules(seeds / "segment_rules.csv").rules)


def test_a_segment_with_half_its_words_is_named(seeds: Path) -> None:
    add(seeds / "segments.csv", segment_id="hubs", family="components", policy_words="轮毂电机")
    with pytest.raises(ValueError, match="hubs: policy_words and policy_rank go together"):
        vocabulary.segments(seeds)


def test_an_instrument_is_a_row(seeds: Path) -> None:
    add(seeds / "instruments.csv", instrument_id="F8_lease", family="fiscal", default_direction="support", default_beneficiary="consumer")
    found = vocabulary.instruments(seeds)["F8_lease"]
    assert (found.direction, found.beneficiary, found.segment_id) == ("support", "consumer", None)
    add(seeds / "instruments.csv", instrument_id="F9_half", family="fiscal")
    vocabulary.instruments.cache_clear()
    with pytest.raises(ValueError, match="F9_half"):
        vocabulary.instruments(seeds)


def test_every_half_of_a_vocabulary_is_there() -> None:
    """What names a segment or an instrument elsewhere names one that is; each instrument has terms, each segment rules."""
    segments, instruments = set(column("segments.csv", "segment_id")), set(column("instruments.csv", "instrument_id"))
    rules, terms = set(column("segment_rules.csv", "segment_id")), set(column("instrument_terms.csv", "instrument_id"))
    assert rules - {""} - segments == set() and terms - {"*"} - instruments == set(), "rules of what is no segment or instrument"
    without = segments - rules
    assert without == set(), f"segment_rules.csv has no rule that finds {sorted(without)} in a register"
    without = instruments - terms
    assert without == set(), f"instrument_terms.csv has no term of {sorted(without)}"
    cities = set(column("cities.csv", "city_id"))
    for file in ("city_aliases.csv", "place_names.csv", "districts.csv"):
        assert set(column(file, "city_id")) - cities - {""} == set(), f"{file} names cities that cities.csv lacks"
    assert set(column("cities.csv", "province_id")) <= set(column("provinces.csv", "province_id"))


def test_a_source_that_uses_a_vocabulary_is_parsed_again_when_it_changes() -> None:
    for source in all_sources():
        texts = "\n".join(p.read_text("utf-8") for p in (REPO / "sources" / source.name).rglob("*.py"))
        if re.search(r"\bcode_(?:text|frame)\(", texts):
            assert {"instruments.csv", "segments.csv", "instrument_terms.csv"} <= set(source.vocabulary), source.name
        if "import provinces" in "\n".join(p.read_text("utf-8") for p in (REPO / "sources" / source.name).rglob("parse.py")):
            assert "provinces.csv" in source.vocabulary, source.name


def test_words_of_challenges_stand_in_one_module() -> None:
    words = re.compile(r"滑块|人机验证|安全验证|acw_sc__v2|__jsl_clearance|页面不存在|您访问的页面")
    found = [str(p.relative_to(REPO)) for p in CODE if words.search(p.read_text("utf-8"))]
    assert found == ["ingest/web/bodies.py"]


def test_dbt_is_started_in_one_module() -> None:
    found = [str(p.relative_to(REPO)) for p in CODE if re.search(r"dbt\.cli|dbtRunner|\"dbt\", \"(?:build|run)", p.read_text("utf-8"))]
    assert found == ["orchestration/build/dbt_child.py"]


def test_a_province_has_its_letters() -> None:
    found = vocabulary.provinces()
    assert len(found) == 34 and found["440000"].iso == "GD" and found["440000"].short == "广东"
    assert pl.Series([p.iso for p in found.values()]).is_unique().all()
