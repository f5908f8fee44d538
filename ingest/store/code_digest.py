"""What a landing depends on beside its bytes: the code that reads them, that code's data, the vocabulary, and the libraries.

Belongs here: the digest that decides whether kept bytes are parsed again. Does not belong here: parsing them.
An edit re-parses the sources that import the edited module, and no others: a vocabulary of ten million records must not be
applied anew because of a comment in a module that never sees them.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from ingest.declaration import Source
from ingest.home import CHECKOUT, SEEDS

#: Imports are found by a pattern, not by a parser: the closures of fifteen sources are wanted at every refresh, and parsing
#: their modules costs a hundred times as much (a test holds the pattern against the parser).
_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([\w.]+(?:[ \t]*,[ \t]*[\w.]+)*)", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
#: Modules whose distribution has another name.
_DISTRIBUTIONS = {"yaml": "pyyaml"}
_NO_DATA = {".py", ".pyc", ".md"}


@cache
def imported(path: Path) -> frozenset[str]:
    """The dotted names that a module imports, with the names taken from a package as sub-modules of it (some are)."""
    text = path.read_text("utf-8")
    found: set[str] = set()
    for module, names in _FROM.findall(text):
        found.add(module)
        for name in names.strip("()").split(","):
            word = name.split("#")[0].strip().split(" ")[0]
            if word.isidentifier():
                found.add(f"{module}.{word}")
    for names in _IMPORT.findall(text):
        found.update(name.strip() for name in names.split(","))
    return frozenset(found)


def _file_of(module: str, root: Path) -> Path | None:
    stem = root.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


def is_program(path: Path) -> bool:
    """Whether a module is a command that people start: it uses the source, and is no part of it."""
    return '\nif __name__ == "__main__":' in path.read_text("utf-8")


def closure(source: Source, root: Path = CHECKOUT) -> list[Path]:
    """Every module of the checkout that the source's folder (commands aside) and the landing itself import, those included, sorted."""
    folder = root / "sources" / source.name
    waiting = [root / "ingest" / "store" / "landing.py", *(p for p in folder.glob("**/*.py") if not is_program(p))]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for module in imported(path):
            if module.partition(".")[0] not in ("ingest", "sources"):
                continue
            parts = module.split(".")
            for length in range(2, len(parts) + 1):  # a package is imported before what is in it
                inside = _file_of(".".join(parts[:length]), root)
                if inside is not None and inside not in found:
                    waiting.append(inside)
    return sorted(found)


def data_files(source: Source, root: Path = CHECKOUT) -> list[Path]:
    """What lies beside the code in the source's folder: site lists, column words, prompts, bundled facts."""
    folder = root / "sources" / source.name
    return sorted(
        path for path in folder.rglob("*")
        if path.is_file() and path.suffix not in _NO_DATA and "__pycache__" not in path.parts and "fixtures" not in path.parts
    )  # fmt: skip


@cache
def pins(root: Path = CHECKOUT) -> dict[str, str]:
    """Distribution -> version, from the lock: another version of a library may read the same bytes otherwise."""
    lock = root / "requirements.lock"
    return {name.lower().replace("_", "-"): version for name, version in _PIN.findall(lock.read_text("utf-8"))} if lock.exists() else {}


def libraries(files: list[Path], root: Path = CHECKOUT) -> list[str]:
    """`name==version` of each locked distribution that the modules import, sorted."""
    known = pins(root)
    names = {module.partition(".")[0] for path in files for module in imported(path)}
    wanted = {_DISTRIBUTIONS.get(name, name).lower().replace("_", "-") for name in names}
    return sorted(f"{name}=={known[name]}" for name in wanted & known.keys())


_DIGESTS: dict[tuple[str, bool], str] = {}


def code_digest(source: Source, parsing: bool = False) -> str:
    """The digest, computed once in a process. `parsing`: without the vocabulary of what is made out of the landed tables."""
    key = (source.name, parsing)
    if key not in _DIGESTS:
        _DIGESTS[key] = digest_of(source, parsing)
    return _DIGESTS[key]


def digest_of(source: Source, parsing: bool = False, root: Path = CHECKOUT, seeds: Path | None = None) -> str:
    """sha256 over the relative path and the bytes of every file that matters, and over the locked libraries."""
    modules = closure(source, root)
    digest = hashlib.sha256()
    for path in [*modules, *data_files(source, root)]:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name in sorted(source.vocabulary):
        if not (parsing and name in source.enrich_vocabulary):
            digest.update(f"seeds/{name}".encode() + b"\0" + ((seeds or SEEDS) / name).read_bytes() + b"\0")
    for pin in libraries(modules, root):
        digest.update(pin.encode() + b"\0")
    return digest.hexdigest()
