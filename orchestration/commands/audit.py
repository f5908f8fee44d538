"""What a refresh tells a person at its end: sources, files, quarantine, the first failure.

Belongs here: words about what happened. Does not belong here: making it happen (refresh.py).
"""

from __future__ import annotations

from typing import Any

from ingest.declaration import Source
from ingest.home import Home
from ingest.store.landing import Account, Landing
from ingest.store.raw import RawStore
from orchestration.commands.progress import Teller
from sources.inbox.shelf import gone_files


def first_failure(result: Any) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                return str(data.user_failure_data.description)
            error = data.error
            while error is not None and error.cause is not None:  # Dagster wraps what was raised
                error = error.cause
            return f"{error.message}{''.join(error.stack[-3:])}" if error else str(event.message)
    return "the run failed before any step began"


def unreached(books: list[Account]) -> list[str]:
    """One line for each source and kind of failure: a network that is gone is said once, and not for each of a hundred months."""
    alike: dict[tuple[str, str], list[Account]] = {}
    for a in books:
        if a.outcome == "failed":
            alike.setdefault((a.source, a.health), []).append(a)
    lines = []
    for (source, health), failed in alike.items():
        names = [a.file or a.partition for a in failed]
        which = ", ".join(names) if len(names) <= 3 else f"{len(names)} partitions ({names[0]} to {names[-1]})"
        whys = list(dict.fromkeys(a.message for a in failed))
        more = f"; and {len(whys) - 1} more like it, in meta.source and the UI" if len(whys) > 1 else ""
        stands = sum(1 for a in failed if a.tables)
        kept = f"; what landed before stands for {stands} of {len(failed)}" if stands else "; nothing has landed of it yet"
        lines.append(f"failed: {source} {which}: {health}: {whys[0]}{more}{kept}")
    return lines


def no_longer_there(home: Home) -> list[str]:
    """One line for each supplied file that stands and is no longer in the inbox; above ten, one line for the rest."""
    gone = gone_files(home.inbox, RawStore(home.raw))
    lines = [
        f"inbox: {file} is no longer in the inbox; what it said stands; `make withdraw FILE={file} WHY=...` takes it out" for file in gone[:10]
    ]
    if len(gone) > 10:
        lines.append(f"inbox: so are {len(gone) - 10} more files: {', '.join(gone[10:13])} …")
    return lines


def told_of_supplied(home: Home) -> str:
    """What became of the records that users supplied, in the version that is published; "" where there are none."""
    path = home.current / "tables" / "meta_supplied.parquet"
    if not path.exists():
        return ""
    import polars as pl

    rows = pl.read_parquet(path, columns=["file", "record_no", "outcome"])
    counts = dict(rows.group_by("outcome").len().sort("outcome").iter_rows())
    if not counts:
        return ""
    told = ", ".join(f"{counts[word]} {word}" for word in ("added", "corrected", "confirmed", "lost", "quarantined", "withdrawn") if word in counts)
    return f"supplied: {rows['file'].n_unique()} files: {told} (meta.supplied says against what and why)"


def account(
    home: Home, sources: list[Source], failure: str | None, say: Teller, missed: dict[str, str] | None = None
) -> None:
    """What was published, where, from which sources, and what was held back."""
    books = [a for s in sources for a in Landing(home).accounts(s)]
    print()
    _tell_sources(sources, books, missed or {})
    for line in unreached(books):
        print(f"  {line}")
    for a in books:
        _tell_partition(a)
    for line in no_longer_there(home):
        print(f"  {line}")
    if supplied := told_of_supplied(home):
        print(f"  {supplied}")
    print()
    _tell_version(home, failure)
    say("done")


def _tell_sources(sources: list[Source], books: list[Account], missed: dict[str, str]) -> None:
    print(f"{'source':<20} {'state':<22} {'in':>8} {'accepted':>9} {'held back':>9}")
    for source in sources:
        mine = [a for a in books if a.source == source.name]
        states = ", ".join(sorted({a.outcome for a in mine})) or (
            "not reached" if source.name in missed else "nothing yet"
        )
        print(f"{source.name:<20} {states[:22]:<22} {sum(a.records_in for a in mine):>8} "
              f"{sum(a.accepted for a in mine):>9} {sum(a.quarantined for a in mine):>9}")  # fmt: skip
    for name, why in missed.items():
        print(f"  not reached: {name}: {why}; what it gave before stands")


def _tell_partition(a: Account) -> None:
    """What a person should look at in one partition."""
    if a.outcome in ("rejected", "blocked"):
        print(f"  held back: {a.source} {a.file or a.partition}: {a.outcome}: {a.message}")
    elif a.quarantined:
        reasons = ", ".join(f"{reason} {count}" for reason, count in a.reasons.items())
        print(f"  quarantined: {a.source} {a.file or a.partition}: {a.quarantined} of {a.records_in} ({reasons})")
    elif a.outcome in ("withdrawn", "double"):
        print(f"  {a.outcome}: {a.source}: {a.message}")
    for code, _ in a.notes:
        if a.source == "inbox" and code == "last_line_without_end":
            print(f"  look at: {a.source} {a.file}: its last line has no end: is it whole?")


def _tell_version(home: Home, failure: str | None) -> None:
    """What was published, or what stands."""
    from orchestration.build import planning, release

    plan = planning.load_plan(home)
    current = release.current_manifest(home)
    if failure:
        print(f"REFUSED: {failure}")
        print(f"the last good version stands: {current['version'] if current else 'none yet'}")
    elif current is None:
        print("nothing was published")
    elif plan is None or not plan.run_id or current["run"] != plan.run_id:
        print(f"nothing new: {current['version']} (as of {current['as_of']}) stands; nothing was built or published")
    else:
        tables = sum(1 for f in current["files"] if f.startswith("tables/"))
        print(f"published {current['version']} (as of {current['as_of']}): {tables} tables")
        for name in ("atlas.duckdb", "atlas.html", "CHANGES.md"):
            if (home.current / name).exists():
                print(f"  {home.current / name}")
        for name, reason in current.get("figures_left_out", {}).items():
            print(f"  left out: figures/{name}: {reason}")
