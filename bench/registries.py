"""`python -m bench.registries`: registry files at national scale, as ratios in one run (machines are noisy; ratios less so).

Belongs here: a generator of synthetic registry files with the dirt that was measured in real ones, and what landing,
classifying, a month's delta and ten million records cost beside what nobody can avoid (inflating the file). Every firm is
invented: names, codes and scopes are drawn at random, with valid check digits. Goals: docs/operations.md has the numbers.

pandas and dlt are measured on a sample where they are installed; neither is a dependency (`--dlt PYTHON` names an
interpreter that has dlt).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.refresh import timed
from ingest.home import CHECKOUT, SEEDS, Home
from ingest.text.identifiers import USCC_ALPHABET, USCC_WEIGHTS

HEADER = ["企业名称", "统一社会信用代码", "注册日期", "企业类型", "法人代表", "注册资金", "经营范围", "所在省份", "地区", "注册地址"]
SECTOR = 0.03  # of all firms
GOALS = {"landing / gzip -dc": 1.5, "peak 5 M / 1 M": 1.5, "sector, records a CPU second": 400_000, "delta / full": 0.05, "10 M peak, GiB": 6.0}


def vocabulary(rng: np.random.Generator) -> dict[str, pl.Series]:
    """Words for invented firms. Scopes are long and varied, so that the file compresses about as real ones do."""
    signs = np.array(list("华鑫瑞盛恒通达信诚远宏泰龙丰汇金星海天明兴业利隆嘉德源和正阳凯博安捷新晨万宝永昌春江东方南北"))
    trade = ["销售", "制造", "加工", "批发", "零售", "研发", "设计", "安装", "维修", "技术服务", "进出口", "租赁"]
    things = ["五金交电", "建筑材料", "服装鞋帽", "日用百货", "化工产品", "机械设备", "电子产品", "计算机软硬件", "通讯器材", "办公用品", "农副产品",
              "预包装食品", "塑料制品", "橡胶制品", "金属材料", "家用电器", "工艺美术品", "仪器仪表", "装饰材料", "汽车配件", "针纺织品", "电线电缆",
              "水暖器材", "劳保用品", "文化用品", "家具", "玩具", "化妆品", "医疗器械", "矿产品", "木材", "钢材", "水泥", "苗木", "饲料", "电动工具"]  # fmt: skip
    weight = np.array([0.25 if t == "汽车配件" else 1.0 for t in things])  # one scope in eight names it, as in real registers
    weight /= weight.sum()
    middle = np.array(["".join(rng.choice(signs, 2)) for _ in range(2000)])
    scopes = np.array([
        "；".join("、".join(rng.choice(things, rng.integers(1, 7), replace=False, p=weight)) + rng.choice(trade) for _ in range(rng.integers(2, 7)))
        + rng.choice(["", "。", "（依法须经批准的项目，经相关部门批准后方可开展经营活动）", "；货物及技术进出口。"]) for _ in range(30_000)
    ])  # fmt: skip
    maker = np.array(["汽车零部件的制造、加工、销售", "锂离子电池、动力电池系统的研发、生产、销售", "驱动电机及其控制系统研发、制造", "电动汽车充电基础设施运营；充电桩销售",
                      "发动机及内燃机配件的制造、销售", "专用汽车、挂车的生产、销售", "锂电池正极材料的研发、生产", "报废汽车回收、拆解"])  # fmt: skip
    found = {
        "middle": middle, "scope": scopes, "maker": maker,
        "kind": np.array(["商贸有限公司", "科技有限公司", "实业有限公司", "服装厂", "建材有限公司", "餐饮管理有限公司", "信息技术有限公司", "农业发展有限公司"]),
        "maker_kind": np.array(["汽车零部件有限公司", "电池有限公司", "汽车配件厂", "新能源科技有限公司", "机械有限公司", "专用汽车有限公司"]),
        "person": np.array([f"某某{c}" for c in signs]),
        "capital": np.array(["(万元人民币)", "万元", "(万元)", "万", "万人民币", "(万美元)", "万港元", "万欧元", "万日元", "N/A"]),
    }  # fmt: skip
    return {name: pl.Series(name, values.tolist()) for name, values in found.items()}


def codes(rng: np.random.Generator, offices: np.ndarray, first: int) -> np.ndarray:
    """Social credit codes of invented firms: 91, an office, MA and a running number, and the right check character."""
    n = len(offices)
    body = np.char.add(np.char.add(np.char.add("91", offices), "MA"), np.char.zfill((first + np.arange(n)).astype(str), 7))
    chars = np.frombuffer("".join(body.tolist()).encode(), dtype=np.uint8).reshape(n, 17)
    value = np.zeros(256, dtype=np.int64)
    for index, char in enumerate(USCC_ALPHABET):
        value[ord(char)] = index
    check = (31 - (value[chars] @ np.array(USCC_WEIGHTS)) % 31) % 31
    return np.char.add(body, np.array(list(USCC_ALPHABET))[check])


def records(rng: np.random.Generator, words: dict[str, pl.Series], places: pl.DataFrame, n: int, first: int) -> pl.DataFrame:
    """n invented registrations, a few in a thousand of them dirty."""
    at = places[rng.integers(0, places.height, n)]
    pick = {k: v.gather(rng.integers(0, len(v), n)).rename(k) for k, v in words.items()}
    day = pl.Series("day", np.datetime64("1980-01-01") + rng.integers(0, 16_000, n)).cast(pl.Date)
    frame = pl.DataFrame([*pick.values(), day, pl.Series("amount", rng.integers(1, 2000, n) * 5), pl.Series("u", rng.random(n)),
                          pl.Series("dirty", rng.random(n)), pl.Series("number", rng.integers(1, 999, n)),
                          pl.Series("code", codes(rng, at["district_id"].to_numpy().astype(str), first)),
                          pl.Series("middle2", words["middle"].gather(rng.integers(0, len(words["middle"]), n)))])  # fmt: skip
    frame = pl.concat([frame, at], how="horizontal")
    make, dirty = pl.col("u") < SECTOR, pl.col("dirty")
    name = pl.concat_str(pl.col("city").str.slice(0, 2), "middle", pl.col("middle2").str.slice(0, 1),
                         pl.when(make).then("maker_kind").otherwise("kind"))  # fmt: skip
    scope = pl.when(make).then(pl.concat_str("maker", pl.lit("；"), "scope")).otherwise(pl.col("scope"))
    amount = pl.when(pl.col("u") * 1000 % 1 < 0.3).then(pl.col("amount").cast(pl.String) + ".0000").otherwise(pl.col("amount").cast(pl.String))
    # shifted columns, a damaged character, a bad check character, a telephone in the scope
    return frame.select(
        pl.when(dirty.is_between(0.0006, 0.001)).then(name + "\ufffd").otherwise(name).alias("企业名称"),
        pl.when(dirty.is_between(0.001, 0.0012)).then(pl.col("code").str.slice(0, 17) + "I").otherwise("code").alias("统一社会信用代码"),
        pl.when(dirty < 0.0006).then("code").otherwise(pl.col("day").cast(pl.String)).alias("注册日期"),
        pl.lit("有限责任公司").alias("企业类型"), pl.col("person").alias("法人代表"),
        pl.when(pl.col("capital") == "N/A").then(pl.lit("N/A")).otherwise(amount + pl.col("capital")).alias("注册资金"),
        pl.when(dirty.is_between(0.002, 0.004)).then(scope + "，联系电话 13800001234").otherwise(scope).alias("经营范围"),
        pl.col("province").alias("所在省份"), pl.col("city").alias("地区"),
        pl.concat_str("city", "district", "number", pl.lit("号"), "middle2", pl.lit("路")).alias("注册地址"),
    )  # fmt: skip


def districts() -> pl.DataFrame:
    cities = pl.read_csv(SEEDS / "cities.csv", infer_schema=False).select("city_id", pl.col("name_zh").alias("city"), pl.col("province_zh").alias("province"))
    return pl.read_csv(SEEDS / "districts.csv", infer_schema=False).select("district_id", "city_id", pl.col("name_zh").alias("district")).join(cities, on="city_id")


def make_file(path: Path, n: int, first: int = 0, seed: int = 20260101) -> None:
    """A synthetic registry of n records as csv.gz; one line in ten thousand has a thousands comma too many."""
    rng = np.random.default_rng(seed)
    words, places = vocabulary(rng), districts()
    packer = zlib.compressobj(4, zlib.DEFLATED, 31)
    with open(path, "wb") as out:
        out.write(packer.compress((",".join(HEADER) + "\n").encode()))
        for start in range(0, n, 200_000):
            part = records(rng, words, places, min(200_000, n - start), first + start)
            text = part.write_csv(include_header=False)
            lines = text.split("\n")
            for i in range(500, len(lines) - 1, 10_000):
                lines[i] = lines[i].replace("(万", ",000(万", 1)
            out.write(packer.compress("\n".join(lines).encode()))
        out.write(packer.flush())


# -- measures --------------------------------------------------------------------------------------------------
def land(home: Path, file: Path) -> dict[str, Any]:
    """Land one file in a fresh process; its account with wall, CPU and memory. Landing ends with the account of all records
    and the quarantine; deciding sector and places is the step after it, and has a goal of its own."""
    from ingest.store.landing import Landing
    from sources.inbox import SOURCE

    (home / "inbox/firms").mkdir(parents=True, exist_ok=True)
    os.symlink(file, home / "inbox/firms" / file.name)
    landing = Landing(Home(home))
    start, before = time.monotonic(), cpu()
    stages: dict[str, tuple[float, float]] = {}
    enrich = landing._enrich

    def timed_enrich(*args: Any) -> None:
        stages["landing"] = (time.monotonic() - start, cpu() - before)
        enrich(*args)

    landing._enrich = timed_enrich  # type: ignore[method-assign]
    account = landing.land(SOURCE, landing.partitions(SOURCE)[0])
    wall, used = time.monotonic() - start, cpu() - before
    first = stages.get("landing", (wall, used))
    return {
        "outcome": account.outcome, "in": account.records_in, "accepted": account.accepted, "quarantined": account.quarantined,
        "tables": account.tables, "reasons": account.reasons, "wall": first[0], "cpu": first[1], "start_cpu": before,
        "sector_wall": wall - first[0], "sector_cpu": used - first[1],
        "peak_mb": peak_mb(),
    }  # fmt: skip


def peak_mb() -> float:
    """Most memory that this process had; `ru_maxrss` would begin with what its parent had when it was forked."""
    said = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(said[1]) / 1024 if said else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu() -> float:
    """CPU seconds of this process so far."""
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def landed(root: Path, file: Path) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(dir=root))
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run([sys.executable, "-m", "bench.registries", "--land", str(file), str(home)], env=env, capture_output=True,
                          text=True, cwd=CHECKOUT)  # fmt: skip
    shutil.rmtree(home, ignore_errors=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["in"] != found["accepted"] + found["quarantined"] or found["outcome"] != "landed":
        raise SystemExit(f"the books of {file.name} do not balance: {found}")
    return found


def sector_rate(file: Path) -> float:
    """Records that one core classifies in a second."""
    from ingest.firms import sector

    frame = pl.read_csv(file, n_rows=400_000, infer_schema=False, truncate_ragged_lines=True, quote_char='"')
    frame = frame.select(pl.col("企业名称").alias("name_zh"), pl.col("经营范围").alias("business_scope"))
    rules = sector.rules_of(SEEDS)
    sector.classify(frame.head(1000), rules)
    rates = []
    for _ in range(3):
        before = time.process_time()
        sector.classify(frame, rules)
        rates.append(frame.height / (time.process_time() - before))
    return statistics.median(rates)


PANDAS = """
import pandas as pd, sys, time
from bench.registries import peak_mb
t = time.monotonic(); f = pd.read_csv(sys.argv[1], dtype=str, on_bad_lines="skip"); f.drop(columns=["法人代表"]).to_parquet(sys.argv[2])
print(len(f), time.monotonic() - t, peak_mb())
"""
DLT = """
import csv, gzip, re, sys, time, dlt
def rows():
    with gzip.open(sys.argv[1], "rt", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            row.pop("法人代表", None); row.pop(None, None); yield row
t = time.monotonic()
dlt.pipeline("p", destination=dlt.destinations.duckdb(sys.argv[2]), dataset_name="d", pipelines_dir=sys.argv[2] + ".dlt").run(rows(), table_name="firms")
print(0, time.monotonic() - t, int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]) / 1024)
"""


def other(name: str, python: str, code: str, file: Path, root: Path, rows: int) -> None:
    done = subprocess.run([python, "-c", code, str(file), str(root / f"{name}.out")], capture_output=True, text=True, cwd=CHECKOUT)
    if done.returncode:
        print(f"  {name:8s} not measured: {(done.stderr.strip().splitlines() or ['?'])[-1][:100]}")
        return
    _, wall, peak = done.stdout.split()[-3:]
    print(f"  {name:8s} {float(wall):7.1f} s  {rows / float(wall) / 1000:8.1f} k records/s  {float(peak):7.0f} MB (no judging, no quarantine)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--national", type=int, default=10_000_000, help="records of the end-to-end run (0: leave it out)")
    parser.add_argument("--dlt", default="", help="a Python that has dlt")
    parser.add_argument("--file", type=Path, help="a registry file of your own instead of the synthetic one, for the landing ratio")
    parser.add_argument("--work", type=Path, help="a folder for files and homes (default: a temporary one)")
    parser.add_argument("--land", nargs=2, metavar=("FILE", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.land:
        print(json.dumps(land(Path(options.land[1]), Path(options.land[0]))))
        return
    root = Path(tempfile.mkdtemp(prefix="evatlas-registries-", dir=options.work))
    results: dict[str, float] = {}
    try:
        million = options.rows
        one, five, delta, tiny = (root / f"synthetic_{n}.csv.gz" for n in ("1", "5", "delta", "tiny"))
        for path, n in ((one, million), (five, 5 * million), (delta, million // 100), (tiny, 30)):
            make_file(path, n, seed=n)
        from sources.inbox import bulk

        file = options.file or one
        print(f"landing {file.name}, {file.stat().st_size / 1e6:.0f} MB; interleaved pairs, wall s")
        pairs = []
        for _ in range(options.rounds):
            floor, floor_cpu = gzip_seconds(file)
            got = landed(root, file)
            pairs.append((got["wall"] / floor, got["cpu"] / floor_cpu, got))
            print(f"  gzip -dc {floor:6.2f} ({floor_cpu:.1f} CPU)  landing {got['wall']:6.2f} ({got['cpu']:.1f} CPU)  "
                  f"wall ratio {got['wall'] / floor:.2f}, CPU ratio {got['cpu'] / floor_cpu:.2f}; then sector and places "
                  f"{got['sector_wall']:.2f} ({got['sector_cpu']:.1f} CPU)", flush=True)
        results["landing / gzip -dc"] = statistics.median(p[0] for p in pairs)
        print(f"  load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; CPU ratio {statistics.median(p[1] for p in pairs):.2f}")
        print(f"  {pairs[-1][2]['in']} records = {pairs[-1][2]['accepted']} accepted + {pairs[-1][2]['quarantined']} quarantined {pairs[-1][2]['reasons']}")
        small = landed(root, one)
        large = landed(root, five)
        results["peak 5 M / 1 M"] = large["peak_mb"] / small["peak_mb"]
        print(f"memory: {small['peak_mb']:.0f} MB at {million}, {large['peak_mb']:.0f} MB at {5 * million} records")
        results["sector, records a CPU second"] = sector_rate(one)
        month, fixed = landed(root, delta), landed(root, tiny)
        month_, fixed_, full_ = (got["cpu"] + got["sector_cpu"] for got in (month, fixed, small))
        results["delta / full"] = (month_ - fixed_) / (full_ - fixed_)
        print(f"a delta of 1 %: {month_:.2f} CPU s, fixed {fixed_:.2f}, full {full_:.2f}"
              f" (files below {bulk.BULK_BYTES['csv.gz'] >> 10} KiB are judged record by record)")  # fmt: skip
        print(f"others on {million // 5} records (landing here: {million / small['wall'] / 1000:.0f} k records/s)")
        sample = root / "sample.csv.gz"
        make_file(sample, million // 5, seed=3)
        other("pandas", sys.executable, PANDAS, sample, root, million // 5)
        if options.dlt:
            other("dlt", options.dlt, DLT, sample, root, million // 5)
        else:
            print("  dlt      not measured: name a Python that has it with --dlt")
        if options.national:
            national(root, options.national, results)
        print("\ngoal                              measured    wanted")
        for name, value in results.items():
            print(f"{name:32s} {value:11.3f}  {'>=' if value > 1000 else '<='} {GOALS[name]:g}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def gzip_seconds(file: Path) -> tuple[float, float]:
    """Wall and CPU seconds of inflating a file and doing nothing with it."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["gzip", "-dc", str(file)], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def national(root: Path, n: int, results: dict[str, float]) -> None:
    """Ten million records from the inbox to the published version."""
    home = root / "national"
    (home / "inbox/firms").mkdir(parents=True)
    make_file(home / "inbox/firms/national.csv.gz", n, seed=9)
    env = {**os.environ, "EVATLAS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "PYTHONPATH": str(CHECKOUT)}
    wall, cpu, peak = timed([sys.executable, "-m", "orchestration.commands.refresh"], env)
    account = json.loads(next((home / "landing/inbox/_accounts").glob("firms-*.json")).read_text())
    results["10 M peak, GiB"] = peak / 1024
    print(f"{n} records end to end: {wall:.0f} s, {cpu:.0f} CPU s, peak {peak / 1024:.2f} GiB; {account['records_in']} in = "
          f"{account['accepted']} accepted + {account['quarantined']} quarantined; to the warehouse {account['tables']['firms_sector']}")  # fmt: skip


if __name__ == "__main__":
    main()
