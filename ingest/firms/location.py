"""Where a firm is: its prefecture-level city, from the code of the office that registered it, its address and the
place that a record states, with the rule that decided and a flag where they contradict.

Belongs here: the decision, whole columns at a time, over a gazetteer of places and their history. Does not belong
here: the list of places (the seeds), or resolving one name of a place (ingest/firms/places.py).

Method. A unified social credit code names the office that registered the firm ([2:6]); it stays when the firm moves, and
some offices (development zones, city bureaus) have codes of their own under their city. An address is read from its
start: an automaton over all names of provinces, cities, counties and zones (longest first; streets that are named after
cities are words too, and lead nowhere) gives its place words, which are joined to their prefectures; a name borne by
several places (鼓楼区, 江北区) counts only where province or city decide between them. Two of code, address and stated
place that agree win; where only two speak and contradict, an address that names its city wins over the code, since
firms move and codes do not. Abolished places lead to their successors (Chaohu by county, Laiwu to Jinan).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from ingest.text.identifiers import MUNICIPALITIES, uscc_valid
from ingest.vocabulary import provinces

#: How far into an address a place is looked for: province, city, county and zone stand before that.
HEAD = 30

#: First two digits of a code -> name of the province, whole and short.
PROVINCES = {p.province_id[:2]: p.name_zh for p in provinces().values()}
_PROVINCE_SHORT = {p.province_id[:2]: p.short for p in provinces().values()}
_ROADS = ("路", "街", "大道", "东路", "西路", "南路", "北路", "镇", "乡", "村", "桥", "中路", "大街", "道", "一路", "二路", "东街", "西街",
          "南街", "北街", "大厦", "商城", "花园", "饭店", "宾馆", "商场", "市场", "新村", "广场", "公寓", "支路", "弄",
          "巷", "圩", "商业", "办事处", "小区", "宫", "西区", "东区", "村委")  # fmt: skip

#: Names of lists, not of places, and names that many cities have for their middle.
_NO_PLACE = {"县", "市辖区", "城区", "郊区", "矿区", "东区", "西区", "南区", "北区", "市区", "新区", "开发区", "高新区",
             "省直辖县级行政区划", "自治区直辖县级行政区划", "省直辖县", "直辖县", "直辖"}  # fmt: skip
#: Hainan's counties were renumbered in 2010 and offices kept the old numbers: 469028 was Lingao and is Lingshui now.
_AMBIGUOUS = tuple(str(code) for code in range(469021, 469031))
#: Offices with codes of their own that no list of divisions has, and prefectures that are no more, by their first four
#: digits: the city that has their firms now. Chaohu went to three cities in 2011, by county (see _COUNTIES).
_OFFICES = {"3712": "370100", "5129": "511300", "5122": "500000", "5102": "500000", "5123": "500000", "4228": "422800",
            "3426": "340100", "1326": "131000", "4128": "411700", "4527": "451200", "5136": "511900", "5138": "511900",
            "2224": "222400", "3414": "340100", "3209": "320900", "6525": "652300", "5424": "540600", "5421": "540300",
            "5422": "540500", "5423": "540200", "5426": "540400", "6321": "630200", "6522": "650500",
            "6521": "650400"}  # fmt: skip
_COUNTIES = {"139001": "130600", "139002": "130100", "469003": "460400", "469031": "469026", "469033": "469027",
             "469034": "469028", "469035": "469029", "469036": "469030",
             "341402": "340100", "341421": "340100", "341422": "340200", "341423": "340500", "341424": "340500",
             "340181": "340100", "512081": "510100", "511081": "510100"}  # fmt: skip

#: Prefectures whose counties went to several cities, and those cities.
_DIVIDED = {"巢湖": {"340100", "340200", "340500"}}


@dataclass(frozen=True)
class Gazetteer:
    """Names of places and the prefecture of each. `table`: word, level (0 province, 1 city, 2 county or zone, 9 a
    street that only bears a city's name), province (two digits), city (six digits, "" for provinces)."""

    table: pl.DataFrame
    words: tuple[str, ...]
    names: tuple[str, ...]  # the words without streets
    cities: frozenset[str]

    @classmethod
    def build(cls, places: Iterable[tuple[str, str, int]]) -> Gazetteer:
        """From (name, adcode of the place now or once, level 1 or 2). The prefecture is that of the adcode, through
        abolished codes to their successors."""
        given = {(name, _prefecture(code), level) for name, code, level in places
                 if len(name) >= 2 and name not in _NO_PLACE}  # fmt: skip
        entries = _province_entries() | _place_entries(given)
        entries |= _risen_county_entries(given, known=entries)
        names = {entry[0] for entry in entries}
        entries |= _street_entries(entries, names)
        table = pl.DataFrame(
            sorted(entries), schema={"word": pl.String, "level": pl.Int8, "province": pl.String, "city": pl.String},
            orient="row",
        )  # fmt: skip
        cities = frozenset(city for _, city, level in given if level == 1 and city)
        return cls(table, _longest_first({entry[0] for entry in entries}), _longest_first(names), cities)


#: word, level, province (two digits), city (six digits), as in `Gazetteer.table`
_Entry = tuple[str, int, str, str]
#: name, prefecture ("" where it is not known), level 1 or 2
_Given = tuple[str, str, int]


def _province_entries() -> set[_Entry]:
    return {
        (word, 0, code, "")
        for code, name in PROVINCES.items()
        if code not in MUNICIPALITIES
        for word in (name, _PROVINCE_SHORT[code], _PROVINCE_SHORT[code] + "省")
    }


def _place_entries(given: Iterable[_Given]) -> set[_Entry]:
    """Cities and counties by their names, cities by their short names too."""
    entries: set[_Entry] = set()
    for name, city, level in given:
        if not city:
            continue
        entries.add((name, level, city[:2], city))
        if level == 1 and len(short := short_name(name)) >= 2:
            entries.add((short, 1, city[:2], city))
    return entries


def _risen_county_entries(given: Iterable[_Given], known: Iterable[_Entry]) -> set[_Entry]:
    """Counties rise to cities and districts and keep their name: 玉环县 is 玉环市, 长乐市 is 长乐区. One that is known by a
    name in its province has it; short names (玉环) are level 3."""
    taken = {(word, province) for word, _, province, _ in known}
    entries: set[_Entry] = set()
    for name, city, level in given:
        if level != 2 or not city or len(name) < 3 or name[-1] not in "县市区":
            continue
        stem, province = name[:-1], city[:2]
        entries |= {(stem + kind, 2, province, city) for kind in "县市区" if (stem + kind, province) not in taken}
        if name[-1] in "县市":
            entries.add((stem, 3, province, city))
    return entries


def _street_entries(entries: Iterable[_Entry], names: set[str]) -> set[_Entry]:
    """Streets that are named after a city or a county (上海路) and lead nowhere, but for words that are a place's name."""
    words: set[str] = set()
    for name, level, _, _ in entries:
        if len(name) <= 4 and level != 2:
            words.update(name + road for road in (_ROADS[:12] if level == 3 else _ROADS))
    return {(word, 9, "", "") for word in words - names}


def _longest_first(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def short_name(name: str) -> str:
    """A city's name without its kind: 恩施土家族苗族自治州 -> 恩施, 苏州市 -> 苏州."""
    for kind in ("自治州", "地区", "盟", "市", "林区"):
        if name.endswith(kind) and len(name) - len(kind) >= 2:
            name = name[: -len(kind)]
            break
    for people in ("朝鲜族", "土家族", "苗族", "藏族", "羌族", "彝族", "布依族", "侗族", "壮族", "傣族", "白族", "景颇族",
                   "傈僳族", "哈尼族", "回族", "蒙古族", "蒙古", "哈萨克", "柯尔克孜"):  # fmt: skip
        if len(name) - len(people) >= 2 and people in name[2:]:
            name = name[:2] + name[2:].replace(people, "")
    return name


def _prefecture(code: str) -> str:
    """The prefecture-level city of an adcode, now or once; "" for a province or nonsense."""
    if len(code) != 6 or not code.isdigit():
        return ""
    if code in _COUNTIES:
        return _COUNTIES[code]
    if code[:4] in _OFFICES:
        return _OFFICES[code[:4]]
    if code[:2] in MUNICIPALITIES:
        return code[:2] + "0000"
    if code[2:4] == "00":
        return ""
    # counties directly under a province are cities of their own: 429004 Xiantao, 419001 Jiyuan, 659001 Shihezi
    return code if code[2:4] == "90" else code[:4] + "00"


@lru_cache(maxsize=2)
def gazetteer_of(seeds: Path) -> Gazetteer:
    """The gazetteer of a seeds folder: cities, their districts, and place_names.csv (zones, new districts, former
    counties and prefectures with the city that has them now)."""
    places: list[tuple[str, str, int]] = []
    for file, code in (("cities.csv", "city_id"), ("districts.csv", "city_id"),
                       ("place_names.csv", "city_id"), ("city_history.csv", "successor_city_id")):  # fmt: skip
        with open(seeds / file, encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                county = file == "districts.csv" or "county" in row.get("kind", "") or "zone" in row.get("kind", "")
                places.append((row["name_zh"], row[code], 2 if county else 1))
    return Gazetteer.build(places)


#: The seeds that a change of which must locate firms again.
VOCABULARY = ("provinces.csv", "cities.csv", "districts.csv", "place_names.csv", "city_history.csv")


def locate(frame: pl.DataFrame, gazetteer: Gazetteer) -> pl.DataFrame:
    """The prefecture of every record.

    In: one row a record with any of `uscc`, `address`, `city_adcode`, `city`, `province` (text, NULL or "" for unknown).
    Out, in the order of `frame`: `located_adcode` (six digits or NULL), `place_rule` (which evidence decided),
    `place_conflict` (true where two pieces of evidence name different cities), `uscc_adcode`, `address_adcode`,
    `stated_adcode` (what each piece says by itself).
    """
    columns = frame.columns

    def text(column: str) -> pl.Expr:
        return (pl.col(column).cast(pl.String) if column in columns else pl.lit(None, pl.String)).alias(column)

    base = frame.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("record"),  # as many rows as came, also where no column is known
        *(text(c) for c in ("uscc", "address", "city_adcode", "city", "province")),
    )
    named = {w: c for c, n in PROVINCES.items() for w in (n, _PROVINCE_SHORT[c], _PROVINCE_SHORT[c] + "省",
                                                              _PROVINCE_SHORT[c] + "市")}  # fmt: skip
    base = base.with_columns(
        pl.col("province").replace_strict(named, default=None, return_dtype=pl.String).alias("province"),
        _code_prefecture(
            pl.when(uscc_valid("uscc").fill_null(False) & ~pl.col("uscc").str.slice(2, 6).is_in(_AMBIGUOUS))
            .then(pl.col("uscc").str.slice(2, 6)),
            gazetteer,
        ).alias("u"),
        _code_prefecture(pl.col("city_adcode").str.slice(0, 6), gazetteer).alias("stated_code"),
    )
    stated = _read(base.select("record", "province", pl.col("city").alias("text")), gazetteer, "stated")
    address = _read(
        base.select("record", "province", pl.col("address").str.slice(0, HEAD).alias("text")), gazetteer, "address"
    )
    # registers give districts of municipalities, and counties, without their kind: 嘉定, 江北, 莱芜
    bare = base.join(stated, on="record", how="anti").filter(
        pl.col("city").is_not_null() & pl.col("province").is_not_null() & ~pl.col("city").str.contains("[市区县州盟旗]$")
    )
    again = _read(bare.select("record", "province", (pl.col("city") + "区").alias("text")), gazetteer, "stated")
    stated = pl.concat([stated, again])
    base = (
        base.join(stated.rename({"city": "stated_name"}).drop("sure"), on="record", how="left", maintain_order="left")
        .join(address.rename({"city": "a"}), on="record", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce(
                "stated_code", "stated_name",
                # a municipality is a province and a city at once
                pl.when(pl.col("province").is_in(list(MUNICIPALITIES))).then(pl.col("province") + "0000"),
            ).alias("c"),
            # of a prefecture that was divided, the county says who has the place now
            pl.col("city").str.contains("^(?:" + "|".join(_DIVIDED) + ")").fill_null(False).alias("divided"),
        )
    )
    # an ambiguous county of an address counts where code or stated place name one of its cities
    u, a, c, sure = pl.col("u"), pl.col("a"), pl.col("c"), pl.col("sure").fill_null(False)
    rule = (
        pl.when(u.is_not_null() & (u == a)).then(pl.lit("uscc+address"))
        .when(pl.col("divided") & a.is_in(sorted(set().union(*_DIVIDED.values())))).then(pl.lit("address"))
        .when(u.is_not_null() & (u == c)).then(pl.lit("uscc+stated"))
        .when(a.is_not_null() & (a == c)).then(pl.lit("address+stated"))
        .when(a.is_not_null() & sure).then(pl.lit("address"))
        .when(pl.col("stated_code").is_not_null()).then(pl.lit("stated_adcode"))
        .when(u.is_not_null()).then(pl.lit("uscc"))
        .when(c.is_not_null()).then(pl.lit("stated"))
        .when(a.is_not_null()).then(pl.lit("address_county"))
    )  # fmt: skip
    chosen = (
        pl.when(pl.col("rule").str.starts_with("uscc")).then(u)
        .when(pl.col("rule").str.starts_with("address")).then(a)
        .when(pl.col("rule").str.starts_with("stated")).then(c)
    )  # fmt: skip
    differ = (u != a).fill_null(False) | (u != c).fill_null(False) | (a != c).fill_null(False)
    return (
        base.with_columns(rule.alias("rule"))
        .with_columns(chosen.alias("located_adcode"), differ.alias("place_conflict"))
        .select(
            "located_adcode", pl.col("rule").alias("place_rule"), "place_conflict", u.alias("uscc_adcode"),
            a.alias("address_adcode"), c.alias("stated_adcode"),
        )
    )  # fmt: skip


def _code_prefecture(code: pl.Expr, gazetteer: Gazetteer) -> pl.Expr:
    """The prefecture of a six-digit code, by column; NULL for the nation, a province, or a code of no known city."""
    four = code.str.slice(0, 4)
    two = code.str.slice(0, 2)
    direct = code.str.slice(2, 2) == "90"
    known = sorted(gazetteer.cities)
    plain = (
        pl.when(two.is_in(list(MUNICIPALITIES))).then(two + "0000").when(direct).then(code).otherwise(four + "00")
    )
    found = pl.coalesce(
        code.replace_strict(_COUNTIES, default=None, return_dtype=pl.String),
        four.replace_strict(_OFFICES, default=None, return_dtype=pl.String),
        plain,
    )
    return pl.when(found.is_in(known)).then(found)


def _read(texts: pl.DataFrame, gazetteer: Gazetteer, kind: str) -> pl.DataFrame:
    """Place words of texts and the city that they lead to: `record`, `city`, `sure` (the text names the city or its
    province, and not a county alone)."""
    words = gazetteer.names if kind == "stated" else gazetteer.words
    if texts.get_column("text").null_count() == texts.height:
        return pl.DataFrame(schema={"record": pl.UInt32, "city": pl.String, "sure": pl.Boolean})
    found = (
        texts.filter(pl.col("text").is_not_null() & (pl.col("text") != ""))
        .with_columns(pl.col("text").str.replace_all(r"[\s·，,、（）()]", ""))
        .with_columns(
            pl.col("text").str.extract_many(list(words), leftmost=True).list.head(5).alias("word")
        )
        .drop("text")
        .with_columns(pl.int_ranges(pl.col("word").list.len()).alias("at"))
        .explode("word", "at")
        .filter(pl.col("word").is_not_null())
        .join(gazetteer.table, on="word", suffix="_word")
        .filter(pl.col("level") < 9)
    )
    # the first province of the text, else the one that the record states, decides between places of one name
    said = found.filter(pl.col("level") == 0).sort("record", "at").unique("record", keep="first").select(
        "record", pl.col("province_word").alias("own")
    )  # fmt: skip
    placed = (
        found.filter(pl.col("level") > 0)
        .join(said, on="record", how="left")
        .with_columns(pl.coalesce("own", "province").alias("context"))
        .filter(
            pl.col("context").is_null() | (pl.col("context") == pl.col("province_word"))
            # a text that names no province may lie in another one, but not a street of a municipality: 中山北一路, 上海
            | (pl.col("own").is_null() & ~pl.col("context").is_in(list(MUNICIPALITIES)))
        )
        .with_columns((pl.col("context") == pl.col("province_word")).fill_null(False).alias("inside"))
    )
    # a county without its kind (临高, 蓟) is a guess, taken only inside a known province
    placed = placed.filter((pl.col("level") < 3) | pl.col("inside"))
    # where the context knows one of the places of a word, the others fall
    placed = placed.filter(pl.col("inside") | ~pl.col("inside").any().over("record"))
    # the city of the first word that leads to one city alone; a city's name before a county's
    single = placed.filter(pl.col("city").n_unique().over("record", "word") == 1)
    first = (
        single.with_columns(
            (pl.col("at").cast(pl.Int32) + pl.when(pl.col("level") == 1).then(0).when(pl.col("level") == 2).then(1).otherwise(4)).alias("rank")
        )
        .sort("record", "rank", "at")
        .unique("record", keep="first")
        .select("record", "city", ((pl.col("level") == 1) | pl.col("own").is_not_null()).alias("sure"))
    )
    # every word is ambiguous: the city that two of them share
    rest = placed.join(first, on="record", how="anti")
    shared = (
        rest.group_by("record", "city").agg(pl.col("word").n_unique().alias("n"))
        .filter((pl.col("n") > 1) & (pl.col("n") == pl.col("n").max().over("record")))
        .filter(pl.len().over("record") == 1)
        .select("record", "city", pl.lit(True).alias("sure"))
    )  # fmt: skip
    return pl.concat([first, shared])
