"""Labelled records of firms, generated: who is who with the truth known, for bench/who_is_who_splink.py.

Belongs here: what goes wrong with names of firms between registers, and how often. Does not belong here: any rule of
matching. A seed gives the same records for ever; SEEDS_TUNE may be looked at while rules are changed, SEEDS_TEST are for
measuring only.

Firms are the curated list's real ones with their real former names, and synthetic ones around them, made to be confused:
one name in two cities, sisters of one group in one city, branches with and without a registration, a place in brackets,
a name that another firm had before. Each firm is met in one to four registers, each with faults of its own.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.firms.places import places
from ingest.home import SEEDS
from ingest.text.identifiers import uscc_check_char

SEEDS_TUNE = (1, 2, 3)
SEEDS_TEST = (101, 102, 103)
CURATED = Path(__file__).resolve().parent.parent / "sources" / "curated_firms" / "data" / "firms.csv"
NAMES_SQL = Path(__file__).resolve().parent.parent / "dbt_project" / "macros" / "names.sql"

WORDS = (
    "华通 恒源 天元 金达 新泰 东方 长江 鑫源 永盛 华盛 宏达 瑞丰 中科 远景 力源 康达 泰和 安达 博世 德昌 建新 江南 海天 三力 "
    "华强 正大 万里 兴业 大成 龙腾 星辰 启明 光华 富临 科达 双林 精诚 嘉华 福田 通达 伟业 中原 明阳 旭日 国盛 腾飞 巨力 凯达"
).split()
PRODUCTS = (
    "汽车 汽车零部件 汽车配件 新能源汽车 锂电池 动力电池 电机 电驱动系统 电控技术 新能源科技 汽车电子 车桥 内饰件 减震器 "
    "电池材料 充电设备 智能驾驶科技 氢能科技 轮毂 变速器"
).split()
SISTERS = ("工业", "销售", "科技", "部件", "新能源")


@dataclass
class Firm:
    """One firm as it is: the truth that registers blur."""

    name: str
    city: str
    founded: int
    uscc: str
    former: list[str] = field(default_factory=list)
    name_en: str = ""
    stock: str = ""
    doubled: bool = False  # stands beside another firm of its name and place


@lru_cache
def traditional() -> dict[int, str]:
    """Simplified to traditional characters, from the map that the project's names macro holds (one of several)."""
    text = NAMES_SQL.read_text("utf-8")
    trad, simple = (
        re.search(rf"macro {name}\(\) -%\}}\n(.+)\n", text).group(1) for name in ("zh_traditional", "zh_simple")  # type: ignore[union-attr]
    )
    return {ord(s): t for t, s in zip(trad, simple, strict=True)}


def code(rng: random.Random, city: str) -> str:
    body = f"91{city}{rng.randrange(10**9):09d}"
    return body + uscc_check_char(body)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def real_firms(rng: random.Random) -> Iterator[Firm]:
    """The curated list's firms with a registered name, a city and their former names."""
    former: dict[str, list[str]] = {}
    for row in rows(SEEDS / "firm_former_names.csv"):
        former.setdefault(row["name_zh"], []).append(row["former_name_zh"])
    known = places(SEEDS)
    for row in rows(CURATED):
        city = known.city(row["hq_city_zh"])
        if city and row["name_zh_kind"] == "registered" and row["name_zh"].endswith("公司"):
            founded = int(row["founded"]) if row["founded"].isdigit() else rng.randrange(1985, 2022)
            share = re.match(r"\d{6}", row["listing_codes"])
            yield Firm(row["name_zh"], city, founded, code(rng, city), former.get(row["name_zh"], []), row["name_en"],
                       share.group(0) if share else "")  # fmt: skip


def synthetic_firms(rng: random.Random, count: int) -> Iterator[Firm]:  # noqa: C901 - one case for each way in which firms are confused
    """Firms made to be confused with each other; some come as families."""
    cities = [(row["city_id"], row["name_zh_short"], row["name_zh"]) for row in rows(SEEDS / "cities.csv")]
    cities = rng.sample(cities, 60)
    made = 0
    shares = iter(rng.sample(range(301500, 309999), 900))
    while made < count:
        adcode, short, full = rng.choice(cities)
        stem = rng.choice(WORDS) + (rng.choice(WORDS) if rng.random() < 0.25 else "")
        product = rng.choice(PRODUCTS)
        place = rng.choice([short, short, full, ""])
        form = rng.choice(["有限公司", "有限公司", "有限公司", "股份有限公司", "有限责任公司"])
        name = f"{place}{stem}{product}{form}"
        kind = rng.random()
        if kind < 0.06:  # the place in brackets, and a firm of the same name elsewhere
            other = rng.choice(cities)
            for city, word in ((adcode, short), (other[0], other[1])):
                yield firm(rng, f"{stem}{product}（{word}）{form}", city)
                made += 1
        elif kind < 0.14:  # one name without a place in two cities: two firms
            other = rng.choice(cities)
            for city in {adcode, other[0]}:
                yield firm(rng, f"{stem}{product}{form}", city)
                made += 1
        elif kind < 0.24:  # sisters of one group in one city
            yield firm(rng, name, adcode)
            for word in rng.sample(SISTERS, 2):
                yield firm(rng, f"{place}{stem}{product}{word}{form}", adcode)
            yield firm(rng, f"{place}{stem}集团{form}", adcode)
            made += 4
        elif kind < 0.25:  # one name in one city, two registrations
            yield firm(rng, name, adcode)
            second = firm(rng, name, adcode)
            second.doubled = True
            yield second
            made += 2
        elif kind < 0.27:  # a branch with a registration of its own
            other = rng.choice(cities)
            yield firm(rng, name, adcode)
            yield firm(rng, f"{name}{other[1]}分公司", other[0])
            made += 2
        elif kind < 0.30:  # a firm renamed, and its old name taken by another elsewhere
            old = f"{short}{rng.choice(WORDS)}{product}有限公司"
            yield firm(rng, name, adcode, former=[old])
            other = rng.choice(cities)
            yield firm(rng, old, other[0])
            made += 2
        else:
            found = firm(rng, name, adcode)
            if rng.random() < 0.12:
                found.former = [f"{short}{rng.choice(WORDS)}{rng.choice(PRODUCTS)}有限公司"]
            if rng.random() < 0.06 and form.startswith("股份"):
                found.stock = str(next(shares))
            yield found
            made += 1


def firm(rng: random.Random, name: str, city: str, former: list[str] | None = None) -> Firm:
    return Firm(name, city, rng.randrange(1985, 2023), code(rng, city), former or [])


def spelled(rng: random.Random, name: str) -> str:
    """The name as some register spells it."""
    if rng.random() < 0.25:
        name = name.replace("（", "(").replace("）", ")")
    if rng.random() < 0.06:
        name = re.sub(r"[（）()]", "", name)
    if rng.random() < 0.06:
        name = name.translate(traditional())
    if rng.random() < 0.15:
        name = (name.replace("有限责任公司", "有限公司") if "责任" in name
                else re.sub(r"(?<!股份)有限公司$", "有限责任公司", name))  # fmt: skip
    if rng.random() < 0.05:  # turned into a company limited by shares, or met from before it was
        name = (name.replace("股份有限公司", "有限公司") if "股份有限" in name
                else re.sub(r"有限(责任)?公司$", "股份有限公司", name))  # fmt: skip
    if rng.random() < 0.06:
        name = re.sub(r"^([\u4e00-\u9fff]{2})市", r"\1", name)
    if rng.random() < 0.05:
        at = rng.randrange(1, len(name))
        name = name[:at] + " " + name[at:]
    if rng.random() < 0.015:  # a wrong character
        at = rng.randrange(0, len(name))
        name = name[:at] + rng.choice("新华东天金科") + name[at + 1 :]
    return name


def records(seed: int, synthetic: int = 3_000) -> tuple[list[dict[str, Any]], dict[str, int], list[tuple[str, str]]]:  # noqa: C901 - one draw after the other: their order is what the seed gives
    """Out: records (columns of bench.who_is_who.COLUMNS that are known), the firm of each record by its id, and the
    former names that a register publishes: (name now, name before)."""
    rng = random.Random(seed)
    firms: list[Firm] = []
    taken: set[tuple[str, str]] = set()
    for one in [*real_firms(rng), *synthetic_firms(rng, synthetic)]:
        # a registrar refuses a name that its place has already; one in a hundred families breaks the rule on purpose
        mark = (re.sub(r"(股份|有限|责任|公司|市|[（）])", "", one.name), one.city)
        if mark not in taken or one.doubled:
            taken.add(mark)
            firms.append(one)
    other_cities = sorted({f.city for f in firms})
    out: list[dict[str, Any]] = []
    truth: dict[str, int] = {}
    former: list[tuple[str, str]] = []
    for number, one in enumerate(firms):
        known = [old for old in one.former if rng.random() < 0.7]
        former += [(one.name, old) for old in known]
        for _ in range(rng.choices([1, 2, 3, 4], [0.25, 0.4, 0.25, 0.1])[0]):
            name = one.name
            record: dict[str, Any] = {}
            uscc: str | None = one.uscc if rng.random() < 0.5 else None
            city: str | None = one.city
            if one.former and rng.random() < 0.3:
                name = rng.choice(one.former)
            elif rng.random() < 0.03 and "分公司" not in name:
                name = f"{name}{rng.choice(['上海', '武汉', '重庆', '广州'])}分公司"
                uscc, city = None, rng.choice(other_cities)
            chance = rng.random()
            if chance < 0.25:
                city = None
            elif chance < 0.31:
                city = rng.choice(other_cities)  # where it is registered, not where it works
            if uscc and rng.random() < 0.01:
                uscc = uscc[:-1] + ("0" if uscc[-1] != "0" else "1")
            if one.name_en and rng.random() < 0.3:
                record["name_en"] = one.name_en
                if rng.random() < 0.3:
                    name, uscc = "", None
            if one.stock and rng.random() < 0.5:
                record["stock_codes"] = one.stock
            year = one.founded if rng.random() < 0.6 else None
            if year and rng.random() < 0.1:
                year += rng.choice([-1, 1])
            key = f"r{len(out)}"
            truth[key] = number
            out.append(
                {
                    **record, "source_record_id": key, "source_id": f"register{len(out) % 4}",
                    "name_zh": spelled(rng, name) if name else None, "uscc": uscc, "city_id": city,
                    "province_id": city[:2] + "0000" if city else None, "founded_year": year,
                }
            )  # fmt: skip
    return out, truth, former
