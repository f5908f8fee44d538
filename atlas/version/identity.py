"""What may differ between two versions that are the same: the one list of exceptions.

Belongs here: the names, each with its reason. Does not belong here: comparing (verify.py, changes.py).
"""

from __future__ import annotations

#: Published table -> columns that hold a time or a name of the build itself ("*": the whole table).
MAY_DIFFER: dict[str, list[str]] = {
    "meta.run": ["*"],  # who built when, from which commit, and how many versions came before it in this home
    "meta.source": ["last_success"],  # when a source was last asked, which is no part of what it said
}
#: Columns that say in which version a row was published, not what it says.
STAMPS = ("as_of", "vintage_id", "method_version")
#: Files of a version that hold the same content in other bytes, or speak of the build. Their content is compared otherwise.
MAY_DIFFER_FILES: dict[str, str] = {
    "atlas.duckdb": "DuckDB lays out blocks as its threads finish them: compared table by table",
    "manifest.json": "holds the run, the time, the commit and the digests of the files named here",
}


def may_differ_file(name: str) -> bool:
    """Whether a file of a version (relative path) is excepted, or is an export of a table that is."""
    stem, _dot, suffix = name.rpartition("/")[2].partition(".")
    return name in MAY_DIFFER_FILES or (suffix in ("parquet", "csv") and any(stem == table.replace(".", "_") for table in MAY_DIFFER))


def compared_columns(table: str, columns: list[str]) -> list[str]:
    """The columns of a published table that two builds of the same inputs must agree on."""
    excepted = MAY_DIFFER.get(table, [])
    return [] if "*" in excepted else [c for c in columns if c not in excepted]
