"""A month of a site as Dagster sees it: keys and names, a landing by key, a range in one run, the schedules, the sweep."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration import automation
from orchestration.assets import landing, sweep
from orchestration.partitions import by_site, dagster_key, landing_name, newest, partitions_of
from orchestration.resources import HomeResource
from sources.policy_releases import SOURCE
from tests.replicas.base import serve
from tests.replicas.policies_json import Gkmlpt
from tests.replicas.policies_site import Doc, subsidy

RESOURCES = {"home": HomeResource()}


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gkmlpt]:
    """A replica of Guangzhou behind the environment that `make ui` would run in."""
    replica = Gkmlpt(docs=[
        Doc("/gkmlpt/content/1/post_1.html", "关于新能源汽车补贴的通知", "2024-05-13", subsidy(), "测府发〔2024〕1号", "2024-05-06"),
        Doc("/gkmlpt/content/1/post_2.html", "关于充电设施的通知", "2024-06-13", subsidy(), "测府发〔2024〕2号", "2024-06-06"),
    ])  # fmt: skip
    monkeypatch.setenv("EVATLAS_HOME", str(tmp_path / "home"))
    with serve(replica):
        monkeypatch.setenv("EVATLAS_TEST_ORIGINS", f"{replica.host}={replica.origin}")
        yield replica


def test_keys_and_names_are_one_to_one() -> None:
    assert landing_name(SOURCE, "2024-05-01|shenzhen") == "2024-05__shenzhen"
    assert dagster_key(SOURCE, "2024-05__shenzhen") == "2024-05-01|shenzhen"
    definition = partitions_of(SOURCE)
    keys = definition.get_partition_keys(current_time=dt.datetime(2024, 6, 2, tzinfo=dt.UTC))
    assert "2024-05-01|gov_cn" in keys and not [k for k in keys if k.endswith("|xian")]
    names = [landing_name(SOURCE, k) for k in keys]
    assert len(set(names)) == len(names) and all(dagster_key(SOURCE, n) == k for n, k in zip(names[::97], keys[::97], strict=True))
    assert all(n.replace("-", "").replace("_", "").isalnum() for n in names), "safe as file names"
    assert by_site(["2024-05__a", "2024-05__b", "2024-06__a"]) == ["2024-06__a", "2024-05__a", "2024-05__b"]


def test_a_month_of_a_city_by_its_key_and_a_range_in_one_run(city: Gkmlpt, tmp_path: Path) -> None:
    """One key lands one month; a range of months of a site lands in one run that reads the lists once."""
    assets = landing.ingest_assets(SOURCE, {})
    with dg.DagsterInstance.ephemeral() as instance:
        landing._MEMOS.clear()
        done = dg.materialize([assets], partition_key="2024-05-01|guangzhou", instance=instance, resources=RESOURCES)
        assert done.success
        folder = tmp_path / "home/landing/policy_releases"
        assert [p.name for p in (folder / "documents").glob("2*")] == ["2024-05__guangzhou.parquet"]
        made = instance.get_materialized_partitions(dg.AssetKey(["policy_releases", "documents"]))
        assert made == {"2024-05-01|guangzhou"}
        landing._MEMOS.clear()
        before = len(city.asked)
        job = dg.Definitions(assets=[assets], jobs=automation.source_jobs([SOURCE]), resources=RESOURCES).resolve_job_def("land_policy_releases_job")
        tags = {"dagster/asset_partition_range_start": "2024-05-01|guangzhou", "dagster/asset_partition_range_end": "2024-06-01|guangzhou"}
        assert job.execute_in_process(instance=instance, tags=tags).success
        made = instance.get_materialized_partitions(dg.AssetKey(["policy_releases", "documents"]))
        assert made == {"2024-05-01|guangzhou", "2024-06-01|guangzhou"}
        assert len([r for r in city.asked[before:] if "/api/all/" in r.path]) == 1
        account = json.loads((folder / "_accounts/2024-06__guangzhou.json").read_text())
        assert account["accepted"] == 1 and account["outcome"] == "landed"


def test_the_daily_schedule_asks_for_two_months_of_every_site_in_one_run() -> None:
    at = dt.datetime(2024, 6, 2, 19, 20, tzinfo=dt.UTC)
    keys = newest(SOURCE, at)
    assert len(keys) == 2 * len(SOURCE.sites) and keys[:2] == ["2024-05-01|beijing", "2024-06-01|beijing"]
    schedule = next(s for s in automation.schedules([SOURCE]) if s.name == "policy_releases_schedule")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at, resources=RESOURCES)
        (request,) = schedule.evaluate_tick(context).run_requests
    ends = [request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
    inside = partitions_of(SOURCE).get_partition_keys_in_range(dg.PartitionKeyRange(*ends))
    assert sorted(map(str, inside)) == sorted(keys)
    assert {s.default_status.value for s in sweep.sweep_schedules([SOURCE])} == {"STOPPED"}


def test_the_sweep_lands_what_came_late(city: Gkmlpt, tmp_path: Path) -> None:
    assets = landing.ingest_assets(SOURCE, {})
    job = sweep.sweep_job(SOURCE)
    config = {"ops": {"sweep_policy_releases": {"config": {"sites": ["guangzhou", "shenzhen"]}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        landing._MEMOS.clear()
        dg.materialize([assets], partition_key="2024-05-01|guangzhou", instance=instance, resources=RESOURCES)
        city.docs.append(Doc("/gkmlpt/content/1/post_3.html", "关于换电试点的通知", "2024-05-02", subsidy(), "测府发〔2024〕3号"))
        done = job.execute_in_process(run_config=config, instance=instance, resources=RESOURCES)
        assert done.success, "Shenzhen cannot be reached here: it is named, and the sweep goes on"
        account = json.loads((tmp_path / "home/landing/policy_releases/_accounts/2024-05__guangzhou.json").read_text())
        assert account["accepted"] == 2
        latest = instance.get_latest_materialization_event(dg.AssetKey(["policy_releases", "documents"]))
        assert latest.asset_materialization.partition == "2024-05-01|guangzhou"
