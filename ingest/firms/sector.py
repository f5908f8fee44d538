"""Sector and segments of a registration: does the firm itself make or develop a part of the electric-vehicle or the
combustion-vehicle chain, which part, and what says so.

Belongs here: the decision, whole columns at a time, from name, business scope and industry code, by the rules of the
seed `segment_rules.csv`. Does not belong here: any word of that vocabulary, where records come from, where a firm is.

Method. Every word of the seed is a literal, so one automaton (Aho-Corasick, leftmost and longest) rewrites a text into
tokens: one private-use character a rule. False friends (机电机, 干电池, 雷达表) are words of the seed as well and
vanish in the same pass. What remains are short regular expressions over tokens. A business scope is read as it is
written: a list of things, governed by a verb that stands before it ("制造、销售：汽车配件、五金") or after it
("汽车配件、五金制造"); a thing that is only sold, repaired or leased is no evidence of making it, and a thing far down
the list is a sideline.

Precedence: exclude -> definitive code -> definitive phrase -> name -> contributory code with a word -> what the scope
says is made first. A registration whose segments are `services` alone (dealers, repair shops) is classified and is not
in the sector.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

#: A word of the seed becomes the character FIRST + number of its rule.
FIRST = 0xE000
#: Signs that end a statement of a scope, and signs between the things of a list.
STOP = "；;。\\n"
SEPARATOR = "、，,：:·；;。\\n "
#: Among how many things at the head of a scope one counts as a main business, and a telling phrase as more than a
#: sideline.
FIRST_THINGS = 2
NEAR_THINGS = 6

SCORES = {"definitive": 0.97, "strong": 0.88, "contributory": 0.7, "weak": 0.55}

#: Evidence of one segment for one record: the segments of a record are ordered, the first being its main one.
SEGMENT_STRUCT = pl.Struct(
    {
        "segment": pl.String, "rule_id": pl.String, "strength": pl.String, "where": pl.String,
        "matched_words": pl.String, "score": pl.Float64, "share": pl.Float64,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One row of segment_rules.csv."""

    rule_id: str
    segment: str
    kind: str
    words: tuple[str, ...]
    needs: str
    strength: str
    standard: str
    token: str


@dataclass(frozen=True)
class Rules:
    """The vocabulary, compiled: words and their tokens for names and for scopes, and the rules by kind."""

    rules: tuple[Rule, ...]
    name_words: tuple[tuple[str, ...], tuple[str, ...]]
    scope_words: tuple[tuple[str, ...], tuple[str, ...]]
    name_filter: str
    scope_filter: str
    verb_filter: str
    develop_filter: str
    develop_words: str
    phrase_filter: str

    def of(self, *kinds: str, segment: str | None = None) -> list[Rule]:
        return [r for r in self.rules if r.kind in kinds and (segment is None or r.segment == segment)]

    def tokens(self, *kinds: str, segment: str | None = None) -> str:
        return "".join(r.token for r in self.of(*kinds, segment=segment))

    @property
    def segments(self) -> list[str]:
        return sorted({r.segment for r in self.rules if r.segment})


#: Segments in which developing is enough; for vehicles and parts it takes making.
DEVELOPERS = ("icv", "chips", "fuel_cell", "power_electronics", "e_drive", "battery", "battery_materials")

_VEHICLE_TRADE = "汽车|汽配|车辆|轿车|摩托车"
NAME_KINDS = ("name", "name_code", "exclude", "trade", "strip", "word_charge")
SCOPE_KINDS = ("scope", "phrase", "strip", "strip_scope", "word_make", "word_trade", "word_dev",
               "word_auto", "word_vehicle", "word_battery")  # fmt: skip


def load_rules(path: Path) -> Rules:
    """Read segment_rules.csv. Raises ValueError for a word with signs of regular expressions in a literal rule, an
    unknown kind, or a rule id that is used twice."""
    with open(path, encoding="utf-8", newline="") as handle:
        rules = tuple(_rule(row, number, path.name) for number, row in enumerate(csv.DictReader(handle)))
    if len({r.rule_id for r in rules}) != len(rules):
        raise ValueError(f"{path.name}: a rule id is used twice")

    def words(meant: Callable[[Rule], bool]) -> str:
        return _alternation(word for rule in rules if meant(rule) for word in rule.words)

    return Rules(
        rules,
        _automaton(rules, NAME_KINDS),
        _automaton(rules, SCOPE_KINDS),
        name_filter=words(lambda r: r.kind == "name"),
        scope_filter=words(lambda r: r.kind in ("scope", "phrase")),
        verb_filter=words(lambda r: r.kind == "word_make"),
        develop_filter=words(lambda r: r.kind == "word_dev"),
        develop_words=words(lambda r: r.kind in ("scope", "phrase") and r.segment in DEVELOPERS),
        phrase_filter=words(lambda r: r.kind == "phrase" and r.needs in ("", "sideline")),
    )


def _rule(row: dict[str, str], number: int, file: str) -> Rule:
    """The rule of a row, the `number`-th of the seed. The pattern of an English name is a regular expression; all
    others are literal words joined by |."""
    kind = row["kind"]
    words: tuple[str, ...] = (row["pattern"],)
    if kind not in {*NAME_KINDS, *SCOPE_KINDS, "gbt2017", "gbt2011", "name_en"}:
        raise ValueError(f"{file}: rule {row['rule_id']} has unknown kind {kind!r}")
    if kind != "name_en":
        words = tuple(w for w in row["pattern"].split("|") if w)
        if any(re.search(r"[\[\]*+?\\^$.]", w) for w in words):
            raise ValueError(f"{file}: rule {row['rule_id']} must be literal words joined by |")
    return Rule(
        row["rule_id"], row["segment_id"], kind, words, row["needs"], row["strength"], row["standard"], chr(FIRST + number)
    )


def _automaton(rules: Iterable[Rule], kinds: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words and tokens, longest word first: with leftmost matching the longest word at a place then wins. A word of
    two rules belongs to the one that stands first in the seed."""
    found: dict[str, str] = {}
    for rule in rules:
        if rule.kind in kinds:
            for word in rule.words:
                found.setdefault(word, rule.token)
    ordered = sorted(found.items(), key=lambda item: (-len(item[0]), item[0]))
    return tuple(w for w, _ in ordered), tuple(t for _, t in ordered)


def _alternation(words: Iterable[str]) -> str:
    """One alternation of the shortest words: a longer word that contains another is covered by it."""
    shortest: list[str] = []
    for word in sorted(set(words), key=len):
        if not any(s in word for s in shortest):
            shortest.append(word)
    return "|".join(re.escape(w) for w in shortest)


@lru_cache(maxsize=4)
def rules_of(seeds: Path) -> Rules:
    """The rules of a seeds folder, read once a process."""
    return load_rules(seeds / "segment_rules.csv")



def classify(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Segments of registrations, with evidence.

    In: one row a registration with `name_zh`, and as far as known `business_scope`, `industry_code` (with
    `industry_standard`, e.g. "GB/T 4754-2017"), `name_en`. Out: one row for each record and segment found, ordered by
    record and falling score: `record` (row number in `frame`), `segment`, `rule_id`, `strength`, `where` (name, scope,
    code), `matched_words`, `score` (0-1), `share` (1, 1/2, 1/3 ... by place, summing to 1), `in_sector`.
    A record without any row has nothing to do with vehicles by these rules.
    """
    some = _base(frame)
    some = some.filter(_tells(some, rules))
    if some.is_empty():
        return _finish(some.select("record"), [])
    some = _tokenise(some, rules)
    return _finish(some, _evidence(some, rules))


def candidates(frame: pl.DataFrame, rules: Rules) -> pl.Series:
    """Whether `classify` has to look at a record at all; of one where not it says nothing."""
    return _tells(_base(frame), rules)


def _base(frame: pl.DataFrame) -> pl.DataFrame:
    """What is read of a record: `record`, `name`, `scope` (never NULL), `industry_code`, `industry_standard`, `name_en`."""
    columns = frame.columns
    name = pl.col("name_zh") if "name_zh" in columns else pl.lit(None, pl.String)
    scope = pl.col("business_scope") if "business_scope" in columns else pl.lit(None, pl.String)
    return frame.select(
        name.fill_null("").alias("name"),
        scope.fill_null("").alias("scope"),
        *(
            pl.col(c).cast(pl.String).alias(c) if c in columns else pl.lit(None, pl.String).alias(c)
            for c in ("industry_code", "industry_standard", "name_en")
        ),
    ).with_row_index("record")


def _tells(base: pl.DataFrame, rules: Rules) -> pl.Series:
    """Whether a record holds a word, a code or a name that may say anything."""
    named = base.get_column("name").str.contains(rules.name_filter)
    wanted = named | base.get_column("scope").str.contains(rules.scope_filter)
    if base["industry_code"].null_count() < base.height:
        codes = sorted({w for r in rules.of("gbt2017", "gbt2011") for w in r.words})
        wanted |= base.get_column("industry_code").str.contains("|".join(codes)).fill_null(False)
    if base["name_en"].null_count() < base.height:
        wanted |= base.get_column("name_en").is_not_null()
    some = base.with_columns(named.alias("named")).filter(wanted)
    # most scopes that name a part only sell it: without a verb of making there is nothing to read in them
    speaks = some.select(
        pl.col("named")
        | pl.col("scope").str.contains(rules.verb_filter)
        | pl.col("scope").str.contains(rules.phrase_filter)
        | (pl.col("scope").str.contains(rules.develop_words) & pl.col("scope").str.contains(rules.develop_filter))
        | _coded()
    ).to_series()
    return wanted.scatter(some.get_column("record"), speaks)


def _tokenise(some: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Tokens of names and scopes: `n` (tokens of the name alone), `made` (tokens of the scope that a verb of making
    governs), `early` (tokens among the first things of the scope), `said` (all tokens of the scope)."""
    make, trade, dev = (rules.tokens(k) for k in ("word_make", "word_trade", "word_dev"))
    things = rules.tokens("scope", "phrase", "word_auto", "word_vehicle", "word_battery")
    strips = rules.tokens("strip", "strip_scope")
    keep = f"[^{chr(FIRST)}-{chr(FIRST + len(rules.rules))}]+"
    flat = (
        pl.col("scope")
        .str.replace_many(list(rules.scope_words[0]), list(rules.scope_words[1]), leftmost=True)
        .str.replace_all(f"[（(【\\[][^（()）】\\]]*[）)】\\]]|[{strips}]", "")
    )
    some = some.with_columns(
        pl.col("name")
        .str.replace_many(list(rules.name_words[0]), list(rules.name_words[1]), leftmost=True)
        .str.replace_all(keep, "")
        .alias("n"),
        flat.alias("flat"),
    )
    some = some.with_columns(
        pl.col("flat").str.contains(f"[{make}]").alias("makes"),
        pl.col("flat").str.contains(f"[{make}{trade}]").alias("speaks"),
        # most scopes that name a part only sell it: without a verb of making or developing there is nothing to read
        (pl.col("flat").str.contains(f"[{things}]") & pl.col("flat").str.contains(f"[{make}{dev}]")).alias("telling"),
    )
    telling = some.filter("telling")
    silent = some.filter(~pl.col("telling"))
    listing = f"[、，,和及与：: ]|{trade}"

    def governed(verb: str) -> pl.Expr:
        """Parts of the scope governed by a verb: one that follows the list, before any verb of trade and in the same
        statement (a list that a verb of trade opens is none of it), or one that opens the list."""
        behind = f"(?:^|[{STOP}]|{trade}[、，,])[^{STOP}{trade}]*[{verb}]"
        opens = f"(?:^|[{STOP}])(?:[{make}{dev}]|{listing})*[{verb}](?:[{make}{dev}]|{listing})*[^{STOP}{trade}]*"
        text = pl.col("flat")
        return pl.concat_str(
            text.str.extract_all(behind).list.join(""), text.str.extract_all(opens).list.join(""), separator="|"
        )

    body = pl.col("flat").str.replace(f"^(?:[{make}{dev}]|{listing})+", "")

    def head(things: int) -> pl.Expr:
        return body.str.extract(f"^((?:[^{SEPARATOR}]*[{SEPARATOR}]+){{0,{things - 1}}}[^{SEPARATOR}]*)", 1)

    simple = rules.tokens("phrase")
    silent = silent.filter(pl.col("n").str.contains(f"[{rules.tokens('name', 'trade')}]") | pl.col("flat").str.contains(f"[{simple}]") | _coded()).with_columns(
        pl.lit("").alias("made"), pl.lit("").alias("developed"), head(FIRST_THINGS).alias("first"),
        pl.lit("").alias("near"), head(1).alias("lead"),
    )  # fmt: skip
    telling = telling.with_columns(
        governed(make).alias("made"),
        pl.when(pl.col("flat").str.contains(f"[{dev}]")).then(governed(dev)).otherwise(pl.lit("")).alias("developed"),
        head(FIRST_THINGS).alias("first"),
        head(NEAR_THINGS).alias("near"),
        head(1).alias("lead"),
    )
    phrase = "".join(r.token for r in rules.of("phrase") if r.needs in ("", "sideline"))
    named = rules.tokens("scope", "phrase", "word_battery")
    return pl.concat([telling, silent]).filter(
        pl.col("n").str.contains(f"[{rules.tokens('name')}]")
        | (pl.col("n").str.contains(f"[{rules.tokens('trade')}]") & pl.col("name").str.contains(_VEHICLE_TRADE))
        | (
            pl.col("near").str.contains(f"[{things}]")
            & (pl.col("made").str.contains(f"[{named}]") | pl.col("developed").str.contains(f"[{named}]"))
        )
        | pl.col("flat").str.contains(f"[{phrase}]")
        | _coded()
    )


def _coded() -> pl.Expr:
    return pl.col("industry_code").is_not_null() | pl.col("name_en").is_not_null()


# -- evidence ----------------------------------------------------------------------------------------------------------
def _has(column: str, tokens: str, after: str = "") -> pl.Expr:
    return pl.col(column).str.contains(f"[{tokens}]{after}") if tokens else pl.lit(False)


#: No dealer and no repair shop by its name.
_KEEPS = ~pl.col("trades")
#: The scope says nothing about verbs, and the name is one of a maker.
_NO_VERB = ~pl.col("speaks") & (pl.col("maker_name") | (pl.col("scope") == ""))
#: The scope says that the firm makes things; or it says nothing about verbs, and the name does.
_MAKES = pl.col("makes") | _NO_VERB


class _Vocabulary:
    """Tokens of the seed that conditions ask for, and what they mean in a record."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        own = rules.tokens("word_make", "word_trade", "word_dev")
        #: behind a word: it is a thing of its own and not the first half of a part's name
        self.item = f"(?:[{SEPARATOR}{own}的及和与/|]|$)"
        #: behind "汽车": a part of it (汽车的悬架系统 is one, 汽车、零配件 is none)
        self.of_a_part = f"[^{SEPARATOR}{own}及和与/|零配]"
        self.components = rules.tokens("scope", segment="components")
        self.parts = self.components + rules.tokens("word_auto", "word_vehicle")
        self.engines = rules.tokens("scope", segment="ice_powertrain")
        self.vehicle = rules.tokens("word_vehicle")
        self.vehicles = rules.tokens("scope", segment="oem") + self.vehicle
        self.charging = rules.tokens("word_charge")
        self.battery = rules.tokens("word_battery")
        self.maker_of_vehicles = rules.tokens("name", segment="oem")
        self.new_vehicles = "".join(r.token for r in rules.rules if r.rule_id == "P04")

    def of_segment(self, segment: str) -> str:
        return self.rules.tokens("scope", "phrase", segment=segment)

    def made(self, segment: str, tokens: str) -> pl.Expr:
        """One of `tokens` is made, or developed where developing is enough."""
        return _has("made", tokens) | _has("developed", tokens) if segment in DEVELOPERS else _has("made", tokens)


_Condition = Callable[[_Vocabulary, Rule], pl.Expr]


# What a word of the scope needs (column `needs` of the seed) to be evidence.
def _scope_said(_: _Vocabulary, rule: Rule) -> pl.Expr:
    return _has("flat", rule.token)


def _scope_sideline(v: _Vocabulary, rule: Rule) -> pl.Expr:
    supported = _has("first", rule.token) | _has("n", v.charging)
    return _KEEPS & (
        (_has("flat", rule.token) & supported) | (_has("near", rule.token) & v.made(rule.segment, rule.token))
    )


def _scope_make_vehicle(v: _Vocabulary, rule: Rule) -> pl.Expr:
    itself = _has("made", rule.token, v.item) & _has("first", rule.token, v.item) & _KEEPS
    return itself & ~_has("first", rule.token, f"[^{STOP}]*(?:用|等的|的各)")


def _scope_make_auto(v: _Vocabulary, rule: Rule) -> pl.Expr:
    return v.made(rule.segment, rule.token) & _has("first", rule.token) & _has("made", v.parts)


def _scope_make_phrase(v: _Vocabulary, rule: Rule) -> pl.Expr:
    return v.made(rule.segment, rule.token) & _has("near", rule.token)


def _scope_make(v: _Vocabulary, rule: Rule) -> pl.Expr:
    about = _has("first", rule.token)
    if rule.segment == "components":  # "汽车的悬架系统；…；其他汽车用零部件制造"
        about = about | (_has("first", v.vehicle, v.of_a_part) & _KEEPS)
        # makers of vehicles make parts too, and say so further down
        about = about | (_has("n", v.maker_of_vehicles) & _has("near", rule.token) & _KEEPS)
    # of a dealer or a repair shop the very first thing must be a part: what else it makes is a sideline
    return v.made(rule.segment, rule.token) & about & (_KEEPS | _has("lead", rule.token))


#: any other need: `_scope_make`
_SCOPE_NEEDS: dict[str, _Condition] = {
    "": _scope_said,
    "sideline": _scope_sideline,
    "make_vehicle": _scope_make_vehicle,
    "make_auto": _scope_make_auto,
    "make_phrase": _scope_make_phrase,
}


# What a word of the name needs to be evidence.
def _name_vehicle(v: _Vocabulary, rule: Rule) -> pl.Expr:
    stated = _has("made", v.vehicles, v.item) | _has("made", v.new_vehicles)
    return _KEEPS & (stated | (_NO_VERB & pl.col("name").str.contains("制造|工业|厂$|股份")))


def _name_battery(v: _Vocabulary, rule: Rule) -> pl.Expr:
    words = v.of_segment(rule.segment)
    said = words + v.battery
    made = _has("made", said) | _has("developed", words) | (_NO_VERB & _has("flat", said))
    return made & (_KEEPS | _has("first", words))


def _name_scope_vehicle_motor(v: _Vocabulary, rule: Rule) -> pl.Expr:
    return _KEEPS & v.made(rule.segment, v.of_segment(rule.segment))


def _name_context(v: _Vocabulary, rule: Rule) -> pl.Expr:
    return _KEEPS & (_has("made", v.parts + v.engines) | (_NO_VERB & _has("flat", v.parts + v.engines)))


def _name_context_ice(v: _Vocabulary, rule: Rule) -> pl.Expr:
    foreign = pl.col("scope").str.contains("摩托车发动机|船舶|船用|航空|燃气轮机")
    return _KEEPS & (_has("made", v.parts + v.engines) | (_MAKES & ~foreign))


def _name_auto_name(v: _Vocabulary, rule: Rule) -> pl.Expr:
    whole = _has("made", v.vehicle) & pl.col("maker_name")
    return _KEEPS & (_has("made", v.components) | whole | (_NO_VERB & pl.col("name").str.contains("厂$")))


def _name_makes(v: _Vocabulary, rule: Rule) -> pl.Expr:
    words = v.of_segment(rule.segment)
    return (_MAKES & _KEEPS) | (v.made(rule.segment, words) & _has("first", words))


#: any other need: `_name_makes`
_NAME_NEEDS: dict[str, _Condition] = {
    "any": lambda v, rule: pl.lit(True),
    "": lambda v, rule: _KEEPS,
    "vehicle": _name_vehicle,
    "battery": _name_battery,
    "scope_vehicle_motor": _name_scope_vehicle_motor,
    "context": _name_context,
    "context_ice": _name_context_ice,
    "auto_name": _name_auto_name,
}


def _evidence(some: pl.DataFrame, rules: Rules) -> list[pl.DataFrame]:
    """All evidence of the records, a frame a rule that speaks for some."""
    of_rule = {r.rule_id: r.token for r in rules.of("exclude")}
    in_name = pl.col("name").str.contains("汽车|车用|汽配")
    some = some.with_columns(
        (_has("n", of_rule.get("X01", "")) | (_has("n", of_rule.get("X02", "")) & ~in_name)).alias("excluded"),
        _has("n", rules.tokens("trade")).alias("trades"),
        pl.col("name").str.contains("[厂]|制造|集团|工业").alias("maker_name"),
    ).filter(~pl.col("excluded"))
    words = _Vocabulary(rules)
    found = _by_code(some, rules)
    for segment in rules.segments:
        for r in rules.of("scope", "phrase", segment=segment):
            holds = _SCOPE_NEEDS.get(r.needs, _scope_make)(words, r)
            found.append(_hits(some, holds, r, "scope", "contributory" if r.kind == "scope" else r.strength))
        for r in rules.of("name", segment=segment):
            holds = _has("n", r.token) & _NAME_NEEDS.get(r.needs, _name_makes)(words, r)
            found.append(_hits(some, holds, r, "name", r.strength))
    for r in rules.of("word_battery"):  # "电池制造" as a business of its own; dry cells are stripped
        found.append(_hits(some, _has("made", r.token, words.item) & _has("first", r.token), r, "scope", r.strength))
    for r in rules.of("trade"):
        holds = _has("n", r.token) & pl.col("name").str.contains(_VEHICLE_TRADE)
        found.append(_hits(some, holds, r, "name", r.strength))
    return [frame for frame in found if not frame.is_empty()]


def _hits(some: pl.DataFrame, holds: pl.Expr, rule: Rule, where: str, strength: str) -> pl.DataFrame:
    """The records for which the condition `holds`, as evidence by `rule`. `where`: name, scope or code."""
    words = pl.col("industry_code")
    if where != "code":
        words = (
            pl.col(where)
            .str.extract_many(sorted(set(rule.words), key=lambda w: (-len(w), w)), leftmost=True)
            .list.unique(maintain_order=True)
            .list.head(3)
            .list.join("|")
        )
    return some.filter(holds).select(
        "record", pl.lit(rule.segment).alias("segment"), pl.lit(rule.rule_id).alias("rule_id"),
        pl.lit(strength).alias("strength"), pl.lit(where).alias("where"), words.alias("matched_words"),
        pl.lit(SCORES[strength]).alias("score"),
    )  # fmt: skip


def _by_code(some: pl.DataFrame, rules: Rules) -> list[pl.DataFrame]:
    """By industry codes, with the year of their standard, since 3660 is parts in 2011 and bodies in 2017."""
    if some["industry_code"].null_count() == some.height:
        return []
    codes = rules.of("gbt2017", "gbt2011")
    digits = pl.col("industry_code").str.extract(r"([0-9]{4})$", 1)
    year = pl.coalesce(
        pl.col("industry_standard").str.extract(r"(2011|2017)", 1),
        pl.col("industry_code").str.extract(r"4754.?(2011|2017)", 1),
    )
    auto = pl.col("name").str.contains("汽车|车用|新能源") | pl.col("scope").str.contains("汽车|车用|新能源车")
    found = []
    for code in codes:
        twins = [c for c in codes if c.words == code.words and c.kind != code.kind]
        agree = all(t.segment == code.segment for t in twins)
        # without a year a code counts only where both standards mean the same, or only one has it
        dated = (year == code.kind.removeprefix("gbt")) | (pl.lit(agree) & year.is_null())
        holds = ((digits == code.words[0]) & dated).fill_null(False)
        if code.strength == "definitive":
            found.append(_hits(some, holds, code, "code", code.strength))
        elif code.segment != "services":  # contributory: the name or the scope must have a word of the segment
            named = _has("n", rules.tokens("name", "name_code", segment=code.segment))
            said = _has("flat", rules.tokens("scope", "phrase", segment=code.segment))
            found.append(_hits(some, holds & (named | said) & (said | auto), code, "code", "contributory"))
    return found


def _finish(some: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
    schema = {
        "record": pl.UInt32, "segment": pl.String, "rule_id": pl.String, "strength": pl.String, "where": pl.String,
        "matched_words": pl.String, "score": pl.Float64, "share": pl.Float64, "in_sector": pl.Boolean,
    }  # fmt: skip
    if not found:
        return pl.DataFrame(schema=schema)
    order = {"code": 0.003, "name": 0.002, "scope": 0.0}
    best = (
        pl.concat(found)
        .with_columns(pl.col("score") + pl.col("where").replace_strict(order, return_dtype=pl.Float64))
        .sort("record", "score", "rule_id", descending=[False, True, False])
        .unique(["record", "segment"], keep="first", maintain_order=True)
    )
    chain = (pl.col("segment") != "services").any().over("record")
    best = best.with_columns(chain.alias("in_sector")).filter(~pl.col("in_sector") | (pl.col("segment") != "services"))
    weight = 1.0 / (pl.int_range(pl.len()).over("record") + 1)
    return (
        best.with_columns(weight.alias("share"))
        .with_columns((pl.col("share") / pl.col("share").sum().over("record")).alias("share"))
        .select([pl.col(c).cast(t) for c, t in schema.items()])
    )


@lru_cache(maxsize=4)
def excluded_words(rules: Rules) -> str:
    """A pattern of the words that keep a name out of the sector whatever else it says (banks, schools, bus operators)."""
    return _alternation(w for r in rules.rules if r.rule_id == "X01" for w in r.words)
