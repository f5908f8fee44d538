"""What makes kept bytes be parsed again: every file that a parse depends on, and no other. Works on a copy of the tree."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import pytest

from ingest.declaration import Source
from ingest.home import CHECKOUT, SEEDS
from ingest.store import code_digest
from sources import all_sources
from tests.test_imports import imports

SOURCES = {s.name: s for s in all_sources()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for folder in ("ingest", "sources"):
        shutil.copytree(CHECKOUT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SEEDS, root / "seeds")
    shutil.copy(CHECKOUT / "requirements.lock", root)
    return root


def digests(root: Path) -> dict[str, str]:
    code_digest.imported.cache_clear()
    code_digest.pins.cache_clear()
    try:
        return {name: code_digest.digest_of(s, root=root, seeds=root / "seeds") for name, s in SOURCES.items()}
    finally:
        code_digest.imported.cache_clear()
        code_digest.pins.cache_clear()


@pytest.fixture(scope="module")
def before(tree: Path) -> dict[str, str]:
    """The digests of the tree as it is; every test puts back what it edits."""
    return digests(tree)


@pytest.fixture(scope="module")
def closures(tree: Path) -> dict[str, list[Path]]:
    """The modules of each source: no edit of a data file moves them, and to find them costs more than all digests."""
    return {name: code_digest.closure(s, tree) for name, s in SOURCES.items()}


def moved(root: Path, before: dict[str, str], path: Path, addition: str) -> set[str]:
    """The sources whose digest an edit of `path` moves; the file is put back."""
    kept = path.read_bytes()
    try:
        path.write_bytes(kept + addition.encode())
        after = digests(root)
    finally:
        path.write_bytes(kept)
    return {name for name in before if before[name] != after[name]}


def data_of(source: Source) -> list[tuple[str, str]]:
    files = [p.relative_to(CHECKOUT).as_posix() for p in code_digest.data_files(source)]
    return [(source.name, f) for f in [*files, *(f"seeds/{name}" for name in source.vocabulary)]]


@pytest.mark.parametrize(("name", "file"), [pair for s in SOURCES.values() for pair in data_of(s)])
def test_an_edit_of_a_data_file_parses_again(
    tree: Path, before: dict[str, str], closures: dict[str, list[Path]], name: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_digest, "closure", lambda source, root: closures[source.name])
    assert name in moved(tree, before, tree / file, "\n# edited\n")


def test_what_is_put_back_has_the_digests_that_it_had(tree: Path, before: dict[str, str]) -> None:
    assert digests(tree) == before


def test_the_files_that_were_forgotten_are_among_them() -> None:
    found = {file.rpartition("/")[2] for s in SOURCES.values() for _, file in data_of(s)}
    assert {"sites.yml", "columns.json", "prompt.txt", "segment_rules.csv", "as_of.txt", "plants.csv"} <= found


@pytest.mark.parametrize("file", ["sources/gleif/parse.py", "ingest/web/documents.py", "ingest/policies/text.py", "sources/inbox/judge.py", "ingest/store/raw.py"])
def test_a_comment_parses_again_what_imports_it_and_nothing_else(tree: Path, before: dict[str, str], file: str) -> None:
    expected = {name for name, s in SOURCES.items() if CHECKOUT / file in by_parser(s)}
    assert moved(tree, before, tree / file, "\n# a comment\n") == expected
    if file == "sources/gleif/parse.py":
        assert expected == {"gleif"}
    if file == "ingest/web/documents.py":
        assert "policy_releases" in expected and not expected & {"curated_firms", "gleif", "inbox"}


def test_another_version_of_a_library_parses_again(tree: Path, before: dict[str, str]) -> None:
    lock = tree / "requirements.lock"
    kept = lock.read_text()
    try:
        lock.write_text(kept.replace("\npypdf==", "\npypdf==0"))
        after = digests(tree)
    finally:
        lock.write_text(kept)
    assert {n for n in before if before[n] != after[n]} == {"policy_releases"}


def test_two_files_that_swap_their_contents_are_another_tree(tree: Path) -> None:
    one, other = tree / "sources/policy_releases/families/static_list.py", tree / "sources/policy_releases/families/t_date.py"
    before = digests(tree)["policy_releases"]
    a, b = one.read_bytes(), other.read_bytes()
    try:
        one.write_bytes(b)
        other.write_bytes(a)
        assert digests(tree)["policy_releases"] != before
    finally:
        one.write_bytes(a)
        other.write_bytes(b)


#: What a module of the checkout imports, as Python's own parser finds it.
parsed = functools.cache(imports)


def by_parser(source: Source) -> set[Path]:
    """The closure as Python's own parser finds it."""
    waiting = [CHECKOUT / "ingest/store/landing.py", *(p for p in (CHECKOUT / "sources" / source.name).glob("**/*.py") if p.name not in ("check_inputs.py", "withdraw.py"))]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in parsed(path):
            parts = name.split(".")
            for length in range(2, len(parts) + 1) if parts[0] in ("ingest", "sources") else ():
                stem = CHECKOUT.joinpath(*parts[:length])
                waiting += [p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file()]
    return found


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_pattern_finds_the_imports_that_the_parser_finds(name: str) -> None:
    assert set(code_digest.closure(SOURCES[name])) == by_parser(SOURCES[name])


def test_each_library_that_a_parse_uses_is_locked_under_a_known_name() -> None:
    """What is imported and is neither ours nor Python's is in the lock, so that its version is part of the digest."""
    import sys

    for source in SOURCES.values():
        files = code_digest.closure(source)
        names = {name.partition(".")[0] for path in files for name in parsed(path)}
        others = names - sys.stdlib_module_names - {"ingest", "sources", "__future__"}
        pinned = {pin.partition("==")[0] for pin in code_digest.libraries(files)}
        wanted = {code_digest._DISTRIBUTIONS.get(n, n).replace("_", "-").lower() for n in others}
        assert wanted <= pinned, (source.name, wanted - pinned)
