"""Splink on records that the project has cleaned: run by bench/who_is_who_splink.py in an environment that has Splink.

Belongs here: Splink's model of the same question (needs `splink` and `duckdb`, nothing of the project). Does not belong
here: making or judging records. In: a Parquet file of int_firms__records with `names` (a record's keys, former names
included), a Parquet file to write, thresholds. Out: record_key and a cluster for each threshold; CPU seconds on stdout.
"""

from __future__ import annotations

import json
import sys
import time

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on


def settings() -> SettingsCreator:
    """The comparisons an experienced user would write: every rule of the project has its level here."""
    name = cl.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            cll.CustomLevel("name_key_l is null or name_key_r is null", label_for_charts="unknown").configure(is_null_level=True),
            cll.CustomLevel("name_key_l = name_key_r and says_place_l", label_for_charts="same name that says its place"),
            cll.CustomLevel("name_key_l = name_key_r", label_for_charts="same name"),
            cll.CustomLevel("len(list_intersect(names_l, names_r)) > 0", label_for_charts="same by a former name"),
            cll.CustomLevel("branch_of_key_l = name_key_r or branch_of_key_r = name_key_l", label_for_charts="branch"),
            cll.CustomLevel("name_core_l = name_core_r", label_for_charts="same core"),
            cll.JaroWinklerLevel("name_core", 0.95),
            cll.JaroWinklerLevel("name_core", 0.88),
            cll.ElseLevel(),
        ],
    )
    year = cl.CustomComparison(
        output_column_name="founded_year",
        comparison_levels=[
            cll.NullLevel("founded_year"), cll.ExactMatchLevel("founded_year"),
            cll.CustomLevel("abs(founded_year_l - founded_year_r) <= 1"), cll.ElseLevel(),
        ],
    )  # fmt: skip
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_key",
        comparisons=[
            name, cl.ExactMatch("uscc"), cl.ExactMatch("stock_codes"), cl.ExactMatch("city_id"), year,
            cl.ExactMatch("name_en_key"), cl.ExactMatch("is_branch"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("uscc"), block_on("stock_codes"), block_on("name_core"), block_on("name_en_key"),
            block_on("substr(name_core, 1, 4)"), block_on("city_id", "substr(name_core, 1, 2)"),
            block_on("names", arrays_to_explode=["names"]),
            "l.branch_of_key = r.name_key",
        ],
        retain_intermediate_calculation_columns=False,
    )  # fmt: skip


def main(source: str, target: str, thresholds: list[float]) -> None:
    con = duckdb.connect()
    con.execute(f"create table records as select * from read_parquet('{source}')")
    start, wall = time.process_time(), time.perf_counter()
    api = DuckDBAPI(connection=con)
    linker = Linker(api.register("records"), settings(), log_level=40)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("uscc"), block_on("stock_codes"), "l.name_key = r.name_key and l.city_id = r.city_id"], recall=0.6
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("uscc"), record_sample_proportion=1.0)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("name_core"), record_sample_proportion=1.0)
    predicted = linker.inference.predict(threshold_match_probability=min(thresholds))
    frames = []
    once = time.process_time() - start
    per_cluster = 0.0
    for threshold in thresholds:
        start = time.process_time()
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold_match_probability=threshold)
        per_cluster = time.process_time() - start
        name = f"c{len(frames)}"
        con.execute(f"create table {name} as select record_key, cluster_id, {threshold}::double as threshold from {found.physical_name}")
        frames.append(f"select * from {name}")
    con.execute(f"copy ({' union all '.join(frames)}) to '{target}' (format parquet)")
    print(json.dumps({"cpu_s": once + per_cluster, "wall_s": time.perf_counter() - wall}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [float(t) for t in sys.argv[3].split(",")])
