"""The line of versions: what a version is called, what a home made anew gives, and what `make as-of` answers. No dbt here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import duckdb
import polars as pl
import pytest

from atlas.version import identity
from ingest.home import Home, sha256_of
from orchestration.build import history, planning, release
from orchestration.build.history import Entry
from orchestration.commands import as_of

KEYS = {"indicator_id": "i", "geography_level": "city", "geography_id": "1"}


def table(path: Path, *rows: tuple[str, str, float, str, str | None]) -> Path:
    """Indicator rows (period, vintage, value, known_from, known_to)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        [{**dict.fromkeys(planning.INDICATOR_SCHEMA), **KEYS, "period": p, "vintage_id": v, "value": x, "known_from": a, "known_to": b} for p, v, x, a, b in rows],
        schema=planning.INDICATOR_SCHEMA,
    ).write_parquet(path)
    return path


def add(home: Home, inputs: str, day: str, *rows: tuple[str, str, float, str, str | None]) -> Entry:
    """A version of these inputs joins the line, as a publication has it."""
    before, again = history.place(history.entries(home), inputs)
    assert again is None
    digest = history.digest_of(inputs, before)
    sequence = before.sequence + 1 if before else 1
    made = table(home.root / "made.parquet", *rows)
    entry = Entry(sequence, f"v{sequence:04d}-{digest[:12]}", digest, inputs, day, before.digest[:12] if before else None, sha256_of(made), {"n": sequence})
    history.write(home, entry, made)
    return entry


def test_a_version_is_what_it_is_made_from_and_the_line_it_continues(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    for home in (one, other):
        add(home, "a", "2026-01-01", ("2024", "x", 1.0, "2026-01-01", None))
    first, second = add(one, "b", "2026-02-01"), add(other, "b", "2026-02-01")
    assert first.digest == second.digest
    alone = history.digest_of("b", None)
    assert alone != first.digest, "a first version and a second one of the same inputs carry other histories"
    add(one, "a", "2026-02-01")
    assert [e.inputs for e in history.entries(one)] == ["a", "b", "a"], "going back is a step forward"


def test_inputs_of_the_last_version_are_that_version_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = add(home, "a", "2026-01-01", ("2024", "x", 1.0, "2026-01-01", None))
    second = add(home, "b", "2026-02-01", ("2024", "x", 2.0, "2026-01-01", None))
    before, again = history.place(history.entries(home), "b")
    assert (before, again) == (first, second) and history.digest_of("b", before) == second.digest
    assert pl.read_parquet(history.indicators(home, first))["value"].to_list() == [1.0], "it starts from what the version before left"
    history.write(home, second, table(home.root / "other.parquet"))
    assert pl.read_parquet(history.indicators(home, second))["value"].to_list() == [2.0], "an entry is never written over"


def test_damage_of_the_history_is_named_or_healed_by_the_version_itself(tmp_path: Path) -> None:
    home = Home(tmp_path)
    entry = add(home, "a", "2026-01-01", ("2024", "x", 1.0, "2026-01-01", None))
    kept = history.table_path(home, entry)
    published = home.published / entry.version / "tables/indicator.parquet"
    published.parent.mkdir(parents=True)
    published.write_bytes(kept.read_bytes())
    kept.write_bytes(b"cut")
    assert history.indicators(home, entry) == published
    published.unlink()
    with pytest.raises(history.HistoryDamaged, match=kept.name):
        history.indicators(home, entry)
    kept.with_suffix(".json").write_text("{")
    with pytest.raises(history.HistoryDamaged, match="cannot be read"):
        history.entries(home)


def test_a_home_published_before_there_was_a_history_begins_its_line_with_what_stands(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = home.published / "v0003-20261101-abcdef12"
    table(folder / "tables/indicator.parquet", ("2024", "v0003-20261101-abcdef12", 1.0, "2026-11-01T10:00:00+00:00", None))
    (folder / "manifest.json").write_text(json.dumps({"version": folder.name, "sequence": 3, "inputs": "old", "as_of": "2026-11-01"}))
    home.current.symlink_to(folder.name)
    history.adopt(home)
    history.adopt(home)
    (entry,) = history.entries(home)
    assert entry.sequence == 3 and pl.read_parquet(history.indicators(home, entry)).height == 1


def test_as_of_goes_by_the_days_of_the_data_and_versions_of_one_day_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path)
    one = add(home, "a", "2026-01-01", ("2024", "x", 1.0, "2026-01-01", None))
    two = add(home, "b", "2026-01-01", ("2024", "x", 1.0, "2026-01-01", "2026-01-01"), ("2024", "y", 2.0, "2026-01-01", None))
    rows = (("2024", "x", 1.0, "2026-01-01", "2026-01-01"), ("2024", "y", 2.0, "2026-01-01", "2026-03-01"), ("2024", "z", 3.0, "2026-03-01", None))
    three = add(home, "c", "2026-03-01", *rows)
    vintages = table(home.root / "now.parquet", *rows)
    at = {day: as_of.known(pl.read_parquet(vintages), day)["value"].to_list() for day in ("2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01")}
    assert at == {"2025-12-31": [], "2026-01-01": [2.0], "2026-02-28": [2.0], "2026-03-01": [3.0]}
    assert [as_of.published(home, v)["value"].to_list() for v in (one.version, two.digest[:12], three.version)] == [[1.0], [2.0], [3.0]]
    with pytest.raises(ValueError, match="no version of"):
        as_of.published(home, "v0099-20260101-000000000000")
    assert as_of.day_of("2026-03-01T17:00:00+00:00") == "2026-03-02", "a moment is a day in China"
    with pytest.raises(ValueError, match="no offset"):
        as_of.day_of("2026-03-01T17:00:00")


def test_an_as_of_file_is_read_by_whoever_guesses_its_quotes(tmp_path: Path) -> None:
    """Words with quotation marks and commas that stand behind thousands of plain rows."""
    rows = table(tmp_path / "now.parquet", *((str(n), "x", None if n % 2 else n / 8, "2026-01-01", None) for n in range(30_000)))
    frame = as_of.known(pl.read_parquet(rows), "2026-01-01").with_columns(
        pl.when(pl.col("period") == "9999").then(pl.lit('the page says "over", or the like')).alias("null_reason")
    )
    (tmp_path / "out.csv").write_bytes(as_of.text_of(frame))
    with duckdb.connect() as con:
        read = con.execute("select count(*), count(value), max(null_reason), min(value) from read_csv(?)", [str(tmp_path / "out.csv")]).fetchone()
    assert read == (30_000, 15_000, 'the page says "over", or the like', 0.0)
    assert pl.read_csv(tmp_path / "out.csv", schema_overrides=frame.schema)["null_reason"].null_count() == 29_999


def test_as_of_asks_where_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EVATLAS_HOME", str(tmp_path))
    assert as_of.main(["--date", "2026-01-01", "--out", ""]) == 2
    assert "OUT=file.csv" in capsys.readouterr().err


def test_an_older_time_of_day_still_counts_as_its_day() -> None:
    rows = pl.DataFrame(
        [{**dict.fromkeys(planning.INDICATOR_SCHEMA), **KEYS, "period": "2024", "vintage_id": "v0001", "value": 1.0,
          "known_from": "2026-11-01T10:00:00+00:00", "known_to": "2026-11-05"}], schema=planning.INDICATOR_SCHEMA,
    )  # fmt: skip
    assert as_of.known(rows, "2026-11-01").height == 1 and as_of.known(rows, "2026-11-05").height == 0


def test_an_untracked_file_is_told_in_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*args: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *args], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    monkeypatch.setattr(planning, "CHECKOUT", tmp_path)
    clean = planning.code_version()
    assert not clean.endswith("+")
    (tmp_path / "new.py").write_text("x = 1")
    assert planning.code_version() == clean + "+", "a file that git does not know is no part of the commit"
    (tmp_path / "new.py").unlink()
    (tmp_path / "a").write_text("2")
    assert planning.code_version() == clean + "+"


def test_what_may_differ_is_listed_once_and_little() -> None:
    assert identity.compared_columns("meta.run", ["run_id", "as_of"]) == []
    assert identity.compared_columns("meta.source", ["source_id", "last_success"]) == ["source_id"]
    assert identity.compared_columns("mart_cluster", ["typology"]) == ["typology"]
    assert identity.may_differ_file("csv/meta_run.csv") and identity.may_differ_file("tables/meta_source.parquet")
    assert not identity.may_differ_file("csv/mart_cluster.csv") and not identity.may_differ_file("atlas.html")


def test_release_finds_the_version_of_a_digest(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for sequence, digest in ((1, "a" * 64), (2, "b" * 64), (3, "a" * 64)):
        folder = home.published / f"v{sequence:04d}-20260101-{digest[:12]}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"sequence": sequence}))
    found = release.folder_of(home, "a" * 64)
    assert found is not None and found.name.startswith("v0003")
    assert release.folder_of(home, "c" * 64) is None
