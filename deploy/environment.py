"""The virtual environment `.venv`, from a hashed lock: what `make` runs before anything else needs it.

    python3.11 deploy/environment.py            what `make refresh`, `make ui` ... need (requirements.lock)
    python3.11 deploy/environment.py --dev      that, and what tests and lint need (requirements-dev.lock)

Belongs here: making `.venv`, installing exactly what a lock names, saying what happens and about how long is left. Does not belong
here: writing locks (`make lock`), Debian's packages (tests/install_tools.sh). It runs before anything is installed, so it uses
the standard library alone.

`uv` installs (pinned and hashed itself, requirements-setup.lock); where it cannot be had or fails, pip installs the same lock.
An environment that has the development packages keeps them: it is brought to the larger lock, which holds the smaller one.
A `.venv` that is a symbolic link belongs to somebody else: it is compared with the lock and never changed.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK, DEV_LOCK, SETUP_LOCK = "requirements.lock", "requirements-dev.lock", "requirements-setup.lock"
#: The stamps that the Makefile compares with the locks: written last, so that a set-up that was cut off is done again.
READY, READY_DEV = ".ready", ".ready-dev"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
#: Seconds between two lines of progress.
EVERY_S = 5.0


def pins(lock: Path) -> dict[str, str]:
    """Distribution (as PEP 503 writes its name) -> version, as a lock has them."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PIN.findall(lock.read_text("utf-8"))}


def say(text: str) -> None:
    print(text, flush=True)


def left(done: float, whole: float, since: float) -> str:
    """`, about 12 s left`, from the speed so far; empty while nothing can be said."""
    spent = time.monotonic() - since
    return f", about {max(1, round(spent * (whole - done) / done))} s left" if done > 0 and spent > 1 and whole > done else ""


def interpreter(venv: Path) -> Path:
    return venv / "bin" / "python"


def usable(venv: Path) -> bool:
    """Whether the environment has an interpreter that starts and is one that the project supports."""
    try:
        done = subprocess.run([interpreter(venv), "-c", "import sys, pip; print(sys.version_info[:2] in ((3, 11), (3, 12)))"], capture_output=True, text=True)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == "True"


def differing(venv: Path, lock: Path) -> list[str]:
    """What the environment lacks or has in another version, one text each; empty: it is what the lock says."""
    ask = "import json,importlib.metadata as m;print(json.dumps({d.name: d.version for d in m.distributions() if d.name}))"
    done = subprocess.run([interpreter(venv), "-c", ask], capture_output=True, text=True)
    if done.returncode:
        return [f"{interpreter(venv)} does not start: {done.stderr.strip()[-300:]}"]
    has = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in json.loads(done.stdout).items()}
    return [f"{name} {version} (it has {has.get(name, 'none')})" for name, version in sorted(pins(lock).items()) if has.get(name) != version]


def lines(command: list[str], env: dict[str, str], kept: list[str]) -> Iterator[str]:
    """The lines that a program prints on either stream while it runs. Raises CalledProcessError when it fails; `kept` has its
    last lines for the message."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            kept[:] = [*kept[-19:], line.rstrip()]
            yield line.strip()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def compiled(venv: Path, suffix: str) -> int:
    return sum(name.endswith(suffix) for _, _, files in os.walk(venv / "lib") for name in files)


def watch_bytecode(venv: Path, over: threading.Event) -> None:
    """Say how far uv is with the bytecode, until `over`; it is silent itself while it compiles."""
    start, before, whole = time.monotonic(), compiled(venv, ".pyc"), compiled(venv, ".py")
    while not over.wait(EVERY_S):
        done = compiled(venv, ".pyc")
        say(f"  bytecode: {done:,} of about {whole:,} files{left(done - before, whole - before, start)}")


def pip_settings(venv: Path) -> dict[str, str]:
    """The index and the certificates that pip was told to use, as uv wants them: uv does not read pip's settings."""
    found = {}
    for setting, name in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        for place in ("global", ":env:"):
            done = subprocess.run([interpreter(venv), "-m", "pip", "config", "get", f"{place}.{setting}"], capture_output=True, text=True)
            if done.returncode == 0 and done.stdout.strip():
                found[name] = done.stdout.strip()
    return {name: value for name, value in found.items() if name not in os.environ}


def with_uv(venv: Path, lock: Path) -> None:
    """Bring the environment to the lock with uv. Raises CalledProcessError or OSError; its message has uv's own last lines."""
    uv = venv / "bin" / "uv"
    wanted = pins(CHECKOUT / SETUP_LOCK)["uv"]
    has = subprocess.run([uv, "--version"], capture_output=True, text=True).stdout.split() if uv.exists() else []
    if wanted not in has:
        pip = [str(interpreter(venv)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
        subprocess.run([*pip, "-r", SETUP_LOCK], check=True, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    env = {**os.environ, **pip_settings(venv), "VIRTUAL_ENV": str(venv.resolve()), "NO_COLOR": "1"}
    sizes: dict[str, float] = {}
    done, told, start = 0.0, time.monotonic(), time.monotonic()
    kept: list[str] = []
    over = threading.Event()
    watcher: threading.Thread | None = None
    try:
        for line in lines([str(uv), "pip", "sync", "--require-hashes", "--compile-bytecode", lock.name], env, kept):
            if match := re.fullmatch(r"Downloading (\S+) \(([\d.]+)([KMG])iB\)", line):
                sizes[match[1]] = float(match[2]) * {"K": 1 / 1024, "M": 1, "G": 1024}[match[3]]
            elif match := re.fullmatch(r"Downloaded (\S+)", line):
                done += sizes.get(match[1], 0.0)
                whole = sum(sizes.values())
                if time.monotonic() - told > EVERY_S:
                    told = time.monotonic()
                    say(f"  downloads: {done:.0f} of {whole:.0f} MiB{left(done, whole, start)}; then the bytecode, some 30 s")
            elif re.match(r"(Resolved|Prepared|Installed|Uninstalled|Audited|Bytecode compiled) ", line):
                say(f"  {line[0].lower()}{line[1:]}")
                if line.startswith("Installed "):
                    watcher = threading.Thread(target=watch_bytecode, args=(venv, over), daemon=True)
                    watcher.start()
    except subprocess.CalledProcessError as error:
        error.stderr = "\n".join(kept)
        raise
    finally:
        over.set()
        if watcher is not None:
            watcher.join()


def with_pip(venv: Path, lock: Path) -> None:
    """Bring the environment to the lock with pip (which removes nothing). Raises CalledProcessError."""
    whole, seen, start, told = len(pins(lock)), 0, time.monotonic(), time.monotonic()
    kept: list[str] = []
    command = [str(interpreter(venv)), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", "--require-hashes", "-r", lock.name]
    try:
        for line in lines(command, {**os.environ, "PYTHONUNBUFFERED": "1"}, kept):
            seen += line.startswith(("Collecting ", "Requirement already satisfied"))
            if line.startswith("Installing collected packages"):
                say(f"  all packages are here after {time.monotonic() - start:.0f} s; now they are unpacked and compiled, about twice as long")
                told = float("inf")  # pip says nothing more until it ends
            elif time.monotonic() - told > EVERY_S:
                told = time.monotonic()
                say(f"  packages: {seen} of {whole}{left(seen, whole, start)}; then unpacking, about twice as long")
    except subprocess.CalledProcessError as error:
        error.stderr = "\n".join(kept)
        raise


def install(venv: Path, lock: Path) -> None:
    """uv, or else pip. Raises CalledProcessError when neither brings the environment to the lock."""
    if os.environ.get("EVATLAS_INSTALLER") != "pip":
        try:
            with_uv(venv, lock)
            return
        except (subprocess.CalledProcessError, OSError) as error:
            say(f"  uv cannot do it: {(getattr(error, 'stderr', None) or str(error)).strip()[-600:]}\n  pip does, with the same lock (some two minutes)")
    with_pip(venv, lock)


def stamp(venv: Path, dev: bool) -> None:
    """Both stamps, the smaller one last: a file that is newer than its lock says that the lock is installed."""
    if dev:
        (venv / READY_DEV).touch()
    (venv / READY).touch()


def set_up(venv: Path, dev: bool) -> int:
    """Bring `venv` to the lock; returns the exit code. Never empties or changes a link's target."""
    if not venv.is_symlink() and (venv / READY_DEV).exists():
        dev = True  # what is there stays: never from the larger lock back to the smaller
    lock = CHECKOUT / (DEV_LOCK if dev else LOCK)
    if venv.is_symlink():
        lacks = differing(venv, lock) if interpreter(venv).exists() else ["it has no interpreter"]
        if lacks:
            shown = ", ".join(lacks[:8]) + (f" and {len(lacks) - 8} more" if len(lacks) > 8 else "")
            say(
                f"{venv.name} is a link to {venv.resolve()}, which this set-up does not change, and it is not what {lock.name} says: {shown}.\n"
                f"Bring it there yourself ({interpreter(venv)} -m pip install --require-hashes -r {lock.name}), or remove the link and say make again."
            )
            return 1
        return 0  # no stamp either: another checkout that links there may have other locks
    start = time.monotonic()
    say(f"setting up {venv.name}: {len(pins(lock))} packages of {lock.name}, some 40 s the first time (two cores, a quick network); later only what is new")
    if not usable(venv):
        if sys.version_info[:2] not in ((3, 11), (3, 12)):
            say(f"Python 3.11 or 3.12 is needed, and this is {sys.version.split()[0]}: make PYTHON=/path/to/python3.11 ...")
            return 1
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    (venv / READY).unlink(missing_ok=True)  # cut off from here on, the set-up is done again; the other stamp says that it was the larger one
    try:
        install(venv, lock)
    except subprocess.CalledProcessError as error:
        say(f"the set-up failed: {(error.stderr or str(error)).strip()}")
        return 1
    if lacks := differing(venv, lock):
        say(f"the set-up ended, but {venv.name} is not what {lock.name} says: {', '.join(lacks[:8])}")
        return 1
    stamp(venv, dev)
    say(f"{venv.name} stands after {time.monotonic() - start:.0f} s")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dev", action="store_true", help="with what tests and lint need")
    parser.add_argument("--venv", type=Path, default=CHECKOUT / ".venv")
    args = parser.parse_args()
    with open(CHECKOUT / LOCK, encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # two makes at once: the second waits, and finds it done
        wanted = args.venv / (READY_DEV if args.dev else READY)
        lock = CHECKOUT / (DEV_LOCK if args.dev else LOCK)
        if not args.venv.is_symlink() and wanted.exists() and wanted.stat().st_mtime > lock.stat().st_mtime and usable(args.venv):
            return 0
        return set_up(args.venv, args.dev)


if __name__ == "__main__":
    raise SystemExit(main())
