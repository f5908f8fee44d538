"""The locks and the set-up of `.venv`.

Belongs here: what the three locks hold, deploy/environment.py on small packages that are made here (no network), the locked DuckDB
extension. Does not belong here: what the packages do.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import duckdb
import pytest

from deploy.environment import left, pins
from tests.conftest import REPO

LOCK, DEV, SETUP = (REPO / name for name in ("requirements.lock", "requirements-dev.lock", "requirements-setup.lock"))


def entries(lock: Path) -> dict[str, set[str]]:
    """`name==version` -> its hashes."""
    found: dict[str, set[str]] = {}
    for line in lock.read_text().splitlines():
        if match := re.match(r"([a-z0-9][^ ;\[]*)(?:\[[^\]]*\])?==(\S+)", line):
            found[f"{match[1]}=={match[2]}"] = current = set()
        elif match := re.search(r"--hash=(sha256:[0-9a-f]{64})", line):
            current.add(match[1])
    return found


def test_the_larger_lock_holds_the_smaller_one_to_the_hash() -> None:
    small, large = entries(LOCK), entries(DEV)
    assert len(small) > 150
    assert {name: large.get(name) for name in small} == small
    assert all(hashes for hashes in {**small, **large, **entries(SETUP)}.values())


def test_every_dependency_is_locked_and_no_lock_names_a_host() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]

    def names(wanted: list[str]) -> set[str]:
        return {re.sub(r"[-_.]+", "-", re.split(r"[<>=!\[ ;]", text)[0]).lower() for text in wanted}

    assert names(project["dependencies"]) <= pins(LOCK).keys()
    assert names(project["optional-dependencies"]["dev"]) <= pins(DEV).keys()
    assert not names(project["optional-dependencies"]["boundaries"]) & pins(DEV).keys()  # 250 MB
    assert not {"pytest", "playwright", "mypy", "sqlfluff", "ipykernel"} & pins(LOCK).keys()
    for lock in (LOCK, DEV, SETUP):
        assert not re.findall(r"https?:|--(?:extra-)?index|--find-links", lock.read_text()), lock


def test_the_locked_extension_of_duckdb_loads_without_a_network() -> None:
    import duckdb_extension_httpfs

    assert pins(DEV)["duckdb-extension-httpfs"] == pins(LOCK)["duckdb"] == duckdb.__version__
    file = Path(duckdb_extension_httpfs.__file__).parent / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    with duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}) as con:
        state = "select loaded from duckdb_extensions() where extension_name = 'httpfs'"
        assert con.execute(state).fetchone() == (False,)
        con.execute(f"load '{file}'")
        assert con.execute(state).fetchone() == (True,)
        assert con.execute("select count(*) from duckdb_settings() where name = 's3_region'").fetchone() == (1,)


def wheel(folder: Path, name: str, version: str) -> str:
    """Write a package of one empty module; returns its line in a lock."""
    inside = {
        f"{name}.py": b"",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b'=').decode()},{len(body)}\n" for path, body in inside.items()
    ) + f"{name}-{version}.dist-info/RECORD,,\n"  # fmt: skip
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, body in {**inside, f"{name}-{version}.dist-info/RECORD": record.encode()}.items():
            archive.writestr(path, body)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


class Checkout:
    """A checkout of the set-up alone, with locks of packages that lie in its folder `wheels`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "deploy").mkdir()
        (root / "wheels").mkdir()
        shutil.copy(REPO / "deploy" / "environment.py", root / "deploy")
        (root / "requirements-setup.lock").write_text(f"uv=={pins(SETUP)['uv']} --hash=sha256:{'0' * 64}\n")
        one, two = wheel(root / "wheels", "evone", "1.0"), wheel(root / "wheels", "evtwo", "1.0")
        self.newer = wheel(root / "wheels", "evone", "1.1")
        (root / "requirements.lock").write_text(one)
        (root / "requirements-dev.lock").write_text(one + two)

    def set_up(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        links = str(self.root / "wheels")
        env = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": links, "UV_NO_INDEX": "1", "UV_FIND_LINKS": links, "UV_CACHE_DIR": str(self.root / "cache"), **variables}
        return subprocess.run([sys.executable, "deploy/environment.py", *options], cwd=self.root, env=env, capture_output=True, text=True, timeout=120)

    def has(self) -> dict[str, str]:
        found = (self.root / ".venv" / "lib").glob("python3*/site-packages/ev*.dist-info")
        return dict(path.name.removesuffix(".dist-info").split("-") for path in found)


def give_uv(checkout: Checkout) -> None:
    shutil.copy(Path(sys.executable).parent / "uv", checkout.root / ".venv" / "bin")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


def test_set_up_adds_and_never_empties(checkout: Checkout) -> None:
    done = checkout.set_up()  # uv is not among the wheels: pip
    assert done.returncode == 0, done.stdout + done.stderr
    assert checkout.has() == {"evone": "1.0"}
    assert "uv cannot do it" in done.stdout and "pip does, with the same lock" in done.stdout
    marker = checkout.root / ".venv" / "of-mine"
    marker.touch()
    give_uv(checkout)
    done = checkout.set_up("--dev")
    assert done.returncode == 0 and checkout.has() == {"evone": "1.0", "evtwo": "1.0"}, done.stdout + done.stderr
    assert "installed 1 package" in done.stdout and "uv cannot" not in done.stdout
    assert list((checkout.root / ".venv").rglob("evtwo.cpython-*.pyc"))  # compiled: nothing waits for the first import
    lock = checkout.root / "requirements.lock"
    os.utime(lock)  # as after a pull: the smaller lock is new, and what the larger one brought stays
    done = checkout.set_up()
    assert done.returncode == 0 and checkout.has() == {"evone": "1.0", "evtwo": "1.0"}, done.stdout
    assert marker.exists()
    assert checkout.set_up().stdout == ""  # nothing to do, nothing said

    for name in ("requirements.lock", "requirements-dev.lock"):
        file = checkout.root / name
        file.write_text(checkout.newer + "".join(line for line in file.read_text().splitlines(keepends=True) if "evone" not in line))
    done = checkout.set_up()
    assert done.returncode == 0 and checkout.has() == {"evone": "1.1", "evtwo": "1.0"} and marker.exists(), done.stdout


def test_set_up_refuses_another_file_than_the_locked_one(checkout: Checkout) -> None:
    lock = checkout.root / "requirements-dev.lock"
    kept = lock.read_text()
    try:
        lock.write_text(re.sub(r"sha256:\w{4}", "sha256:0000", kept) + f"evthree==1.0 --hash=sha256:{'0' * 64}\n")
        wheel(checkout.root / "wheels", "evthree", "1.0")
        done = checkout.set_up("--dev")
    finally:
        lock.write_text(kept)
    assert done.returncode == 1 and "evthree" not in checkout.has()
    assert "hash" in done.stdout.lower() and "the set-up failed" in done.stdout
    assert not (checkout.root / ".venv" / ".ready").exists()  # the next make tries again


def test_set_up_leaves_a_linked_environment_as_it_is(tmp_path: Path) -> None:
    theirs = Checkout(tmp_path)
    other = tmp_path / "theirs"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python").symlink_to(sys.executable)
    (other / "pyvenv.cfg").write_text("home = /nowhere\n")
    (theirs.root / ".venv").symlink_to(other)
    before = sorted(other.rglob("*"))
    done = theirs.set_up()
    assert done.returncode == 1 and sorted(other.rglob("*")) == before
    assert "is a link to" in done.stdout and "evone 1.0 (it has none)" in done.stdout


def test_what_is_left_is_told_from_the_speed_so_far() -> None:
    import time

    since = time.monotonic() - 10
    assert left(20, 60, since) == ", about 20 s left"
    assert left(0, 60, since) == left(60, 60, since) == ""
