"""A month of a city, backfilled from the UI: the calls that its button makes, against a replica of the city's site."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl

from tests.replicas.base import serve
from tests.replicas.policies_json import Gkmlpt
from tests.replicas.policies_site import Doc, subsidy
from tests.ui_server import ui_server


def test_months_of_a_city_are_backfilled_from_the_ui(home: Path, tmp_path: Path) -> None:
    """Two months of one city, one of them without a document on the subject, land in one run; nothing else is asked."""
    mine = tmp_path / "home"
    shutil.copytree(home, mine, symlinks=True)
    replica = Gkmlpt(docs=[
        Doc("/gkmlpt/content/1/post_1.html", "关于新能源汽车补贴的通知", "2024-05-13", subsidy(), "穗府规〔2024〕1号", "2024-05-06"),
        Doc("/gkmlpt/content/1/post_2.html", "关于桥梁养护的通知", "2024-06-13", "桥梁"),
        Doc("/gkmlpt/content/1/post_3.html", "关于氢能的通知", "2023-06-13", subsidy()),
    ])  # fmt: skip
    tables = [["policy_releases", t] for t in ("documents", "attachments", "policy_instruments")]
    with serve(replica), ui_server(mine, EVATLAS_TEST_ORIGINS=f"{replica.host}={replica.origin}") as ui:
        backfill = ui.backfill(tables, ["2024-05-01|guangzhou", "2024-06-01|guangzhou"])
        runs = ui.finished(backfill)
        assert list(runs.values()) == ["SUCCESS"], (runs, ui.tail())
    folder = mine / "landing/policy_releases"
    books = {p.stem: json.loads(p.read_text()) for p in (folder / "_accounts").glob("*.json")}
    assert {name: (b["outcome"], b["accepted"]) for name, b in books.items()} == {
        "2024-05__guangzhou": ("landed", 1), "2024-06__guangzhou": ("landed", 0)
    }  # fmt: skip
    found = pl.read_parquet(folder / "documents/2024-05__guangzhou.parquet").row(0, named=True)
    assert (found["doc_no"], found["adcode"], found["is_current"]) == ("穗府规〔2024〕1号", "440100", True)
    paths = [r.path for r in replica.asked]
    assert len(paths) == len(set(paths)) and "/gkmlpt/content/1/post_3.html" not in paths
