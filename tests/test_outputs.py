"""What other tools read: JSON views, data package, dictionary, figures, citation, dbt's page, the oldest DuckDB.

Belongs here: that each output is whole, valid and says what the tables say. Does not belong here: the page (test_page).
"""

from __future__ import annotations

import csv
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import duckdb
import pytest

from tests.conftest import REPO


@pytest.fixture(scope="module")
def con(published: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(published / "atlas.duckdb"), read_only=True)


def test_the_json_view_holds_every_newest_value_once(published: Path, con: duckdb.DuckDBPyConnection) -> None:
    index = json.loads((published / "json" / "index.json").read_text("utf-8"))
    columns = ["geography_level", "geography_id", "period", "value"]
    seen = set()
    for entry in index["indicators"]:
        view = json.loads((published / "json" / entry["path"]).read_text("utf-8"))
        assert view["unit"] == entry["unit"] and view["name_en"] and view["name_zh"]
        places = [view["columns"].index(c) for c in columns]
        for row in view["rows"]:
            seen.add((entry["indicator_id"], *(row[i] for i in places)))
            if row[view["columns"].index("value")] is None:
                assert row[view["columns"].index("null_reason")]
    table = set(con.execute("select indicator_id, geography_level, geography_id, period, value from indicator_latest").fetchall())
    assert seen == table and len(table) > 10_000


def test_the_json_view_by_city_says_the_same(published: Path, con: duckdb.DuckDBPyConnection) -> None:
    view = json.loads((published / "json" / "cities" / "440300.json").read_text("utf-8"))
    assert (view["name_zh"], view["name_en"]) == ("深圳市", "Shenzhen")
    period, value = view["columns"].index("period"), view["columns"].index("value")
    found = {(i, r[period]): r[value] for i, rows in view["indicators"].items() for r in rows}
    table = {(i, p): v for i, p, v in con.execute("select indicator_id, period, value from indicator_latest where geography_level = 'city' and geography_id = '440300'").fetchall()}
    assert found == table and table
    listed = {c["city_id"] for c in json.loads((published / "json" / "index.json").read_text("utf-8"))["cities"]}
    assert listed == {p.stem for p in (published / "json" / "cities").glob("*.json")}


def test_the_data_package_is_valid_and_its_tables_match_their_schemas(published: Path) -> None:
    from frictionless import Package, system

    with system.use_context(trusted=True):
        package = Package(str((published / "datapackage.json").resolve()))
        assert not package.metadata_errors if hasattr(package, "metadata_errors") else True
        names = {r.name for r in package.resources}
        assert {"mart_cluster", "policy_instrument", "meta_source", "firm", "plant"} <= names
        for name in ("city", "segment", "finding", "mart_policy_effect", "mart_lineage_edge", "firm", "meta_source"):
            report = package.get_resource(name).validate()
            assert report.valid, (name, report.flatten(["rowNumber", "fieldName", "type", "note"])[:5])


def test_the_data_package_describes_every_csv_with_its_digest(published: Path) -> None:
    package = json.loads((published / "datapackage.json").read_text("utf-8"))
    manifest = json.loads((published / "manifest.json").read_text("utf-8"))["files"]
    paths = {r["path"]: r for r in package["resources"]}
    assert set(paths) == {f for f in manifest if f.startswith("csv/")}
    without = {path for path, resource in paths.items() if "hash" not in resource}
    assert without == {"csv/meta_run.csv", "csv/meta_source.csv"}, "those that name their build, of which equal versions may hold other bytes"
    for path, resource in paths.items():
        assert path in without or resource["hash"] == "sha256:" + manifest[path]["sha256"] and resource["bytes"] == manifest[path]["bytes"]
        with open(published / path, encoding="utf-8-sig", newline="") as handle:
            assert next(csv.reader(handle)) == [f["name"] for f in resource["schema"]["fields"]]
        assert all(f["description"] for f in resource["schema"]["fields"]), path


@pytest.mark.parametrize("name", ["map", "seven_cities", "diffusion", "k_density", "event_studies"])
def test_each_figure_has_its_data_beside_it(published: Path, name: str) -> None:
    folder = published / "figures"
    root = ET.fromstring((folder / f"{name}.svg").read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG") and (folder / f"{name}.png").stat().st_size > 10_000
    with open(folder / f"{name}.csv", encoding="utf-8-sig", newline="") as handle:
        assert len(list(csv.DictReader(handle))) > 1


def test_a_figure_without_data_is_left_out_and_holds_nothing_back(home: Path, published: Path, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """No plant, no effect: the library refuses such drawings ("SVG has an invalid size"), and a refresh must not care."""
    from atlas.page.content import content
    from atlas.version.figures import write_figures

    data = content(con)
    bad = {**data, "plants": [], "effects": [], "diffusion": [{"tool": "subsidies", "year": "no year", "places": object(), "known": 1}]}
    left_out = write_figures(bad, home, tmp_path / "figures")
    assert left_out["map"] == left_out["event_studies"] == "no rows to draw"
    assert left_out["diffusion"].startswith("TypeError")
    assert {p.stem for p in (tmp_path / "figures").glob("*.png")} == {"seven_cities", "k_density"}
    assert json.loads((published / "manifest.json").read_text("utf-8"))["figures_left_out"] == {}


def test_changes_tell_what_moved_and_not_the_noise_of_threads(con: duckdb.DuckDBPyConnection, published: Path, tmp_path: Path) -> None:
    from types import SimpleNamespace

    from atlas.version.changes import changes, compare
    from atlas.version.relations import published_relations
    from ingest.home import Home
    from orchestration.build import dbt

    before = tmp_path / "before.duckdb"
    shutil.copy((published / "atlas.duckdb").resolve(), before)
    before.chmod(0o644)
    with duckdb.connect(str(before)) as old:
        old.execute("update indicator_latest set value = value * (1 + 1e-13) where geography_id = '340100'")
        old.execute("update indicator_latest set value = value + 3 where indicator_id = 'ev_plants_count' and geography_id = '440300' and period = '2024'")
        old.execute("update finding set verdict = 'undetermined' where finding_id = 'F1'")
        old.execute("delete from policy where place_id = '440300'")
        old.execute("update city set gdp_100m_cny = gdp_100m_cny / 10000 where gdp_100m_cny is not null and city_id like '44%'")
        old.execute("update meta.source set last_success = 'long ago', licence = 'other' where source_id = 'inbox'")
        gdp = old.execute("select count(*) from city where gdp_100m_cny is not null and city_id like '44%'").fetchone()
    relations = published_relations(dbt.read_manifest(Home(published.parent.parent)))
    told = compare(con, relations, before, SimpleNamespace(vintage_id="v2", as_of="2026-01-01", previous="v1"))
    values = {name: rest for name, *rest in told["values"]}
    assert values["city"] == [0, 0, gdp[0], {"gdp_100m_cny": gdp[0]}], "what no indicator shows is told too"
    assert values["meta.source"] == [0, 0, 1, {"licence": 1}] and values["policy"][0] > 0 and values["policy"][1:] == [0, 0, {}]
    assert set(values) == {"city", "meta.source", "policy", "finding", "indicator_latest"}
    assert told["n_moved"] == 1 and told["moved"][0][:4] == ["ev_plants_count", "city", "440300", "2024"]
    assert [t[0] for t in told["tables"]] == ["policy"] and [f[0] for f in told["turned"]] == ["F1"]
    text = "\n".join(changes(told))
    assert "1 values moved, 0 appeared, 0 are gone" in text and "| city | 0 | 0 |" in text and "F1: undetermined ->" in text


def test_the_figure_of_the_seven_cities_has_seven(published: Path) -> None:
    with open(published / "figures" / "seven_cities.csv", encoding="utf-8-sig", newline="") as handle:
        assert {r["city"] for r in csv.DictReader(handle)} == {"Shenzhen", "Shanghai", "Xi'an", "Hefei", "Guangzhou", "Chongqing", "Changsha"}


def test_dbt_docs_are_one_static_page_that_reports_nowhere(published: Path) -> None:
    html = (published / "dbt_docs.html").read_text("utf-8")
    assert "INLINE DATA" not in html
    assert "mart_city_profile" in html and '"send_anonymous_usage_stats":false' in html


def test_citation_names_the_version(published: Path) -> None:
    import yaml

    manifest = json.loads((published / "manifest.json").read_text("utf-8"))
    cited = yaml.safe_load((published / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == manifest["digest"][:12] and manifest["version"].endswith(cited["version"]) and str(cited["date-released"]) == manifest["as_of"]
    general = yaml.safe_load((REPO / "CITATION.cff").read_text("utf-8"))
    assert general["cff-version"] == "1.2.0" and general["title"] == cited["title"]


def test_every_product_is_an_exposure_of_real_tables() -> None:
    import yaml

    exposures = yaml.safe_load((REPO / "dbt_project" / "models" / "exposures.yml").read_text("utf-8"))["exposures"]
    assert {e["name"] for e in exposures} >= {"atlas_page", "static_figures", "json_views", "data_package", "study_findings"}
    for exposure in exposures:
        assert exposure["description"] and exposure["owner"]["name"] and exposure["depends_on"]


def test_the_database_is_stored_for_the_oldest_reader(published: Path) -> None:
    """DuckDB writes the storage version into the header: 64 is what DuckDB 1.0 reads (platform fact, read from the file)."""
    header = (published / "atlas.duckdb").read_bytes()[:64]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64
