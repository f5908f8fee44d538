"""From the scrubbed form of a large file to its landed table, by whole columns.

Belongs here: judging the form part by part, and what a file's books need. Does not belong here: any rule. What a record must
be stands in sources.inbox.judge and ingest.text.values; this module proves for most records, by whole columns, that those rules
would take them, and gives every record for which it cannot to those rules themselves. tests/test_bulk.py holds the two
ways against each other.

Values with few spellings (dates, sums of money, division codes) are judged once a spelling. What grows with the file: eight
bytes a record, to find doubles, some more for a record without a code, and what is held.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from ingest.declaration import QUARANTINE_SCHEMA, BlockFile, Parsed
from ingest.text.identifiers import (
    clean_code,
    is_lei,
    is_registration_number,
    normalise_adcode,
    prefecture_of,
    uscc_valid_series,
)
from ingest.text.values import LARGEST, LARGEST_OTHER, NULLS, SENTINELS, fold, folded_name, parse_amount, parse_date
from sources.inbox.anomalies import Judged, Tally, guard, held_row, note_flags, place_of_code
from sources.inbox.bulk.lanes import FEW, Writer, ahead, groups, meta_of, parts, plain_memory
from sources.inbox.judge import (
    folded_row,
    judge_record,
    not_standing,
    payload_of,
    powertrain_of,
    record_id,
    settle_duplicates,
)
from sources.inbox.kinds import LANDED, LEFT_IN_RAW, SCHEMAS
from sources.inbox.texts import Held, text_of

#: Records of one identity that a file may hold without saying the same each time; beyond it the file contradicts itself.
MAX_CONTESTED = 500_000

_NULL_WORDS = sorted({"".join(p) for w in NULLS if w for p in product(*((c.lower(), c.upper()) for c in w))})
_PLAIN_NAME = "^[\u4e00-\u9fa5（）()]+$"


def known_text(column: str, columns: list[str]) -> pl.Expr:
    """A text without outer blanks; null for a word that means unknown, and where it is none of the `columns`."""
    if column not in columns:
        return pl.lit(None, pl.String)
    stripped = pl.col(column).str.strip_chars()
    return pl.when(~stripped.is_in(_NULL_WORDS) & (stripped != "")).then(stripped)


class _Spellings:
    """A value judged once for each of its spellings: `read` gives a row, or None for one that judge.py must see."""

    LIMIT = 500_000

    def __init__(self, column: str, schema: Mapping[str, Any], read: Callable[[str], tuple[Any, ...] | None]):
        self.column, self.read = column, read
        self.schema = {"_text": pl.String, "_ok": pl.Boolean, **schema}
        self.known: dict[str, tuple[Any, ...]] = {}
        self.none = (False, *(None for _ in schema))

    def of(self, texts: pl.Series, first: pl.DataFrame | None = None) -> pl.DataFrame:
        """The values of a column, row by row, with `_ok`; `first` has what the expressions of that name gave."""
        spellings = texts.drop_nulls().unique().to_list()
        if len(self.known) > self.LIMIT:
            self.known.clear()
        rows = []
        for text in spellings:
            row = self.known.get(text)
            if row is None:
                found = self.read(text)
                row = self.known[text] = self.none if found is None else (True, *found)
            rows.append((text, *row))
        table = pl.DataFrame(rows, schema=self.schema, orient="row")
        joined = texts.alias("_text").to_frame().join(table, on="_text", how="left", maintain_order="left")
        return joined.select(pl.col("_ok").fill_null(texts.is_null()), *list(self.schema)[2:])

    def first(self) -> list[pl.Expr]:
        """What `of` wants to know beforehand of every value, so that all columns are looked at in one query."""
        return []

    def _first_of(self, texts: pl.Series, first: pl.DataFrame | None) -> pl.DataFrame:
        return first if first is not None else texts.alias(self.column).to_frame().select(self.first())

    def _others_one_by_one(self, fast: pl.DataFrame, plain: pl.Series, texts: pl.Series) -> pl.DataFrame:
        """`fast`, with the values that are not plain read by their spellings."""
        if plain.all():
            return fast
        at = np.flatnonzero(~plain.to_numpy())
        slow = _Spellings.of(self, texts.gather(at))
        return pl.DataFrame([fast[c].clone().scatter(at, slow[c]) for c in fast.columns])


def _date_reader(today: dt.date | None, first: int = 1840) -> Callable[[str], tuple[Any, ...] | None]:
    def read(text: str) -> tuple[Any, ...] | None:
        try:
            found = parse_date(text, today, first)
        except ValueError:
            return None
        return (found.iso, found.precision) if found else (None, None)

    return read


def _capital_reader(unit: str) -> Callable[[str], tuple[Any, ...] | None]:
    def read(text: str) -> tuple[Any, ...] | None:
        try:
            found = parse_amount(text, unit)
        except ValueError:
            return None
        if found is None:
            return (None, None, False)
        return (found.value, found.currency, not found.unit_stated)

    return read


class _Capital(_Spellings):
    """Sums of money: a plain number by whole columns and the words behind it once a spelling; all others one by one."""

    def __init__(self, schema: Mapping[str, Any], unit: str):
        super().__init__("registered_capital", schema, _capital_reader(unit))
        one = _capital_reader(unit)

        def words(text: str) -> tuple[Any, ...] | None:
            """What one of it is, and the most that is believed; not for words that hold more of the number in other signs
            (２, ①)."""
            found = None if re.search(r"[\d.,+-]", fold(text)) else one("1" + text)
            return found and (*found, LARGEST.get(found[1], LARGEST_OTHER))

        self.words = _Spellings("registered_capital", {**schema, "_most": pl.Float64}, words)

    def first(self) -> list[pl.Expr]:
        parts = pl.col(self.column).str.extract_groups(r"^([0-9]{1,15}(?:\.[0-9]{1,9})?)([^0-9.,+eE-][^0-9.,+-]*|)$").struct
        return [parts.field("1").cast(pl.Float64).alias("_number"), parts.field("2").alias("_words")]

    def of(self, texts: pl.Series, first: pl.DataFrame | None = None) -> pl.DataFrame:
        found = self._first_of(texts, first)
        value, currency, assumed = list(self.schema)[2:]
        said = self.words.of(found["_words"])
        fast = said.select(
            (pl.col("_ok") & found["_number"].is_not_null() & (found["_number"] * pl.col(value) <= pl.col("_most"))).fill_null(False),
            (found["_number"] * pl.col(value)).alias(value), currency, assumed,
        )  # fmt: skip
        return self._others_one_by_one(fast, fast["_ok"], texts)


def _adcode_reader(text: str) -> tuple[Any, ...] | None:
    if text.strip().lower() in NULLS:
        return (None,)
    try:
        code = normalise_adcode(text.strip())
    except ValueError:
        return None
    return (prefecture_of(code) or code,)


def _powertrain_reader(text: str) -> tuple[Any, ...] | None:
    try:
        return (powertrain_of(text),)
    except Held:
        return None


class _Dates(_Spellings):
    """Dates: days as ISO writes them by whole columns, all other spellings one by one."""

    def __init__(self, column: str, schema: Mapping[str, Any], today: dt.date | None, first: int = 1840):
        super().__init__(column, schema, _date_reader(today, first))
        self.least, self.most = dt.date(first, 1, 1), today or dt.date.max

    def first(self) -> list[pl.Expr]:
        text = pl.col(self.column)
        day = text.str.to_date("%Y-%m-%d", strict=False)
        plain = text.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$") & day.is_between(self.least, self.most) & ~text.is_in(sorted(SENTINELS))
        return [plain.fill_null(False).alias(f"_{self.column}_plain")]

    def of(self, texts: pl.Series, first: pl.DataFrame | None = None) -> pl.DataFrame:
        plain = self._first_of(texts, first)[f"_{self.column}_plain"]
        iso, precision = list(self.schema)[2:]
        fast = pl.select(plain.alias("_ok"), texts.alias(iso), pl.when(plain).then(pl.lit("day")).alias(precision))
        return self._others_one_by_one(fast, plain, texts)


class _Counts:
    """How often each row occurs in many frames of the same columns."""

    def __init__(self) -> None:
        self.parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        self.parts.append(frame.group_by(frame.columns).len("_n"))
        if len(self.parts) > 16:
            self.parts = [self._merged()]

    def _merged(self) -> pl.DataFrame:
        every = pl.concat(self.parts)
        return every.group_by(every.columns[:-1]).agg(pl.col("_n").sum())

    def rows(self) -> list[tuple[Any, ...]]:
        """Each row with its count."""
        return self._merged().rows() if self.parts else []


class _Judge:
    """Batches of the scrubbed form as landed rows."""

    TEXTS = ("name_en", "city", "province", "status", "industry_code", "industry", "stock_code", "group", "company_type", "source_url")

    def __init__(self, columns: Mapping[str, str], units: Mapping[str, str], today: dt.date, contested: np.ndarray):
        self.units, self.today, self.contested_ids = units, today, contested
        self.columns = list(columns.values())
        text, amount, flag = pl.String, pl.Float64, pl.Boolean
        self.spellings = {
            "founded_on": _Dates("founded_on", {"founded_on": text, "founded_precision": text}, today),
            "closed_on": _Dates("closed_on", {"closed_on": text, "closed_precision": text}, None),
            "as_of": _Dates("as_of", {"as_of": text, "_p": text}, today, 1949),
            "registered_capital": _Capital(
                {"registered_capital": amount, "capital_currency": text, "_assumed": flag},
                self.units.get("registered_capital", ""),
            ),
            "city_adcode": _Spellings("city_adcode", {"city_adcode": text}, _adcode_reader),
            "powertrain": _Spellings("powertrain", {"powertrain": text}, _powertrain_reader),
        }
        self.asked: list[pl.Expr] | None = None
        self.landing: list[pl.Expr] | None = None
        self.found = Judged("firms", 0, 0, [], [])
        self.flags: Counter[str] = Counter()
        self.tally = Tally()
        self.days, self.offices = _Counts(), _Counts()
        self.seen: dict[int, int] = {}  # of records without a code: key -> number and words of the first of them
        self.doubles = 0
        self.contested: list[dict[str, Any]] = []
        self.held: list[pl.DataFrame] = []

    def batch(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The landed rows of a batch; what is held goes to `held`, what is contested waits for the end."""
        self.found.records_in += frame.height
        have = [c for c in self.columns if c in frame.columns]
        sure, typed, uncoded = self._typed(frame)
        rows = self._slow(frame.filter(~sure), have)
        coded = [row for row in rows if row["uscc"] is not None]
        # of records that say the same, the first in the file stands
        uncoded = sorted((*uncoded, *(row for row in rows if row["uscc"] is None)), key=lambda row: row["record_no"])
        single = [*coded, *filter(self._new, uncoded)]
        self._count(typed)
        self._note(single)
        return pl.concat([typed, _landed(single)]) if single else typed

    # -- whole columns -------------------------------------------------------------------------------------
    def _expressions(self, columns: list[str]) -> list[pl.Expr]:
        """What is asked of every record at once."""
        name = pl.col("name_zh") if "name_zh" in columns else pl.lit(None, pl.String)
        return [
            known_text(c, columns).alias(c) for c in ("uscc", "lei", *self.TEXTS)
        ] + [
            name.alias("name_zh"), name.str.contains(_PLAIN_NAME).fill_null(False).alias("_plain_name"),
            (~pl.col("check") & pl.col("odd").is_null()).alias("_whole"),
            *(e for c, spellings in self.spellings.items() if c in columns for e in spellings.first()),
        ]  # fmt: skip

    def _typed(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame, list[dict[str, Any]]]:
        """Which records judge.py would take for certain, and those as landed rows; apart, those without a code."""
        if self.asked is None:
            self.asked = self._expressions(frame.columns)
        found = frame.select(self.asked)
        code = found["uscc"]
        valid = uscc_valid_series(code).fill_null(False).to_numpy()
        old = np.zeros(frame.height, dtype=bool)
        at = np.flatnonzero((code.str.len_bytes() == 15).fill_null(False).to_numpy() & ~valid)
        old[at] = [is_registration_number(c) for c in code.gather(at).to_list()]
        sure = found["_whole"].to_numpy() & (code.is_null().to_numpy() | valid | old)
        sure &= self._sound_names(found, valid)
        lei = found["lei"]
        if lei.null_count() < frame.height:
            sure &= np.array([x is None or (x == clean_code(x) and is_lei(x)) for x in lei.to_list()])
        parts: dict[str, pl.Series] = {}
        for column, spellings in self.spellings.items():
            if column in frame.columns:
                values = spellings.of(frame[column], found)
                sure &= values["_ok"].to_numpy()
                parts.update({c: values[c] for c in values.columns[1:]})
        if len(self.contested_ids):
            ids = _identities(code.set(~pl.Series(valid), None), parts.get("as_of"))
            sure &= ~np.isin(ids.fill_null(0).to_numpy(), self.contested_ids) | ids.is_null().to_numpy()
        columns = pl.DataFrame([
            frame["record"].alias("record_no"), *(found[c] for c in ("name_zh", "lei", *self.TEXTS)), code.alias("_code"),
            pl.Series("_valid", valid), pl.Series("_old", old), *(v.alias(c) for c, v in parts.items()),
        ])  # fmt: skip
        if self.landing is None:
            self.landing = self._landing(columns.columns)
        chosen = pl.Series(sure)
        typed = (columns if sure.all() else columns.filter(chosen)).select(self.landing)
        without = typed["uscc"].is_null()
        if not without.any():
            return chosen, typed, []
        return chosen, typed.filter(~without), self._uncoded(typed.filter(without), frame)

    @staticmethod
    def _landing(columns: list[str]) -> list[pl.Expr]:
        """The landed columns of records that are sure."""
        code = pl.when("_valid").then("_code")
        flags = [pl.when("_old").then(pl.lit("registration_number"))]
        if "_assumed" in columns:
            flags.insert(0, pl.when("_assumed").then(pl.lit("capital_unit_assumed")))
        flag = pl.concat_str(flags, separator=";", ignore_nulls=True)
        day = pl.when(pl.col("as_of").is_null()).then(pl.lit("")).otherwise("@" + pl.col("as_of")) if "as_of" in columns else pl.lit("")
        made = {
            "record_id": pl.lit("uscc:") + code + day, "uscc": code, "uscc_valid": pl.when("_valid").then(True),
            "registration_no": pl.when("_old").then("_code"), "flags": pl.when(flag != "").then(flag),
        }  # fmt: skip
        return [
            made.get(c, pl.col(c) if c in columns else pl.lit(None)).cast(t).alias(c) for c, t in LANDED["firms"].items()
        ]

    @staticmethod
    def _sound_names(found: pl.DataFrame, valid: np.ndarray) -> np.ndarray:
        """Whether a name is one for certain: Chinese signs and brackets, or what has a key that is no code and no total."""
        names = found["name_zh"]
        sound = found["_plain_name"].to_numpy().copy()
        at = np.flatnonzero(~sound)
        if len(at):
            keys = pl.Series([folded_name(n) if n is not None else None for n in names.gather(at).to_list()], dtype=pl.String)
            sound[at] = (keys.is_not_null() & (keys != "") & ~keys.str.contains(r"^[0-9A-Z]{18}$")).fill_null(False).to_numpy()
        at = np.flatnonzero(sound & ~valid)
        if len(at):
            keys = pl.Series([folded_name(n) for n in names.gather(at).to_list()], dtype=pl.String)
            sound[at] = ~keys.str.contains("(?i)计|汇|total|sum").to_numpy()
        return sound

    def _uncoded(self, typed: pl.DataFrame, frame: pl.DataFrame) -> list[dict[str, Any]]:
        """Records without a code are known by all that they say: their rows as judge.py gives them."""
        columns = [c for c in LEFT_IN_RAW if c in frame.columns]
        said = frame.select(pl.col("record").alias("record_no"), *(pl.col(c).alias(f"_{c}") for c in columns))
        rows = []
        for row in typed.join(said, on="record_no", how="left", maintain_order="left").iter_rows(named=True):
            full = {c: row.get(c) for c in SCHEMAS["firms"]}
            for c in LEFT_IN_RAW:
                full[c] = text_of(row.get(f"_{c}"))
            full["name_key"] = folded_name(row["name_zh"])
            full["record_id"] = record_id("firms", full)
            rows.append(full)
        return rows

    def _new(self, row: dict[str, Any]) -> bool:
        """Whether a record without a code is the first of its key, which stands. One that says the same is merged, another is
        held."""
        says = _short(folded_row(row))
        first, said = divmod(self.seen.setdefault(_short(row["record_id"]), row["record_no"] << 64 | says), 1 << 64)
        if first == row["record_no"]:
            return True
        again = Tally.of("firms", [row])  # the guards look at every record that could be judged
        again.distinct = 0
        self.tally.add(again)
        self.flags.update(f for f in (row["flags"] or "").split(";") if f)
        if says == said:
            self.doubles += 1
            self.found.accepted += 1
        else:
            self._hold([not_standing(row["record_no"], first, repeated=False)])
        return False

    def _hold(self, held: list[dict[str, Any]]) -> None:
        if held:
            self.held.append(pl.DataFrame(held, schema={k: v for k, v in QUARANTINE_SCHEMA.items() if k != "page_key"}))

    # -- record by record ----------------------------------------------------------------------------------
    def _slow(self, frame: pl.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
        """The rows that the rules give; what they hold goes to `held`."""
        rows, held = [], []
        for record in frame.iter_rows(named=True):
            number, values, reason, detail, payload, faults = scrubbed_record(record, columns)
            at = ""
            if values is not None:
                try:
                    row = judge_record("firms", values, faults, self.units, self.today)
                except Held as error:
                    reason, detail, at, payload = error.reason, error.detail, error.column, payload_of("firms", values)
                else:
                    row["record_no"] = number
                    row["record_id"] = record_id("firms", row)
                    if row["uscc"] is not None and len(self.contested_ids) and self._is_contested(row):
                        self.contested.append(row)
                        if len(self.contested) > MAX_CONTESTED:
                            raise BlockFile("key_conflict", f"more than {MAX_CONTESTED} records share their code with others")
                    else:
                        rows.append(row)
                    continue
            held.append(held_row(number, reason, detail, payload, at))
        self._hold(held)
        return rows

    def _is_contested(self, row: Mapping[str, Any]) -> bool:
        one = _identities(pl.Series([row["uscc"]], dtype=pl.String), pl.Series([row["as_of"]], dtype=pl.String))
        return bool(np.isin(one.to_numpy(), self.contested_ids)[0])

    def _note(self, rows: list[dict[str, Any]]) -> None:
        self.found.accepted += len(rows)
        self.flags.update(flag for row in rows for flag in (row["flags"] or "").split(";") if flag)
        self.tally.add(Tally.of("firms", rows))

    def _count(self, typed: pl.DataFrame) -> None:
        """Count what the guards look at."""
        tally = self.tally
        tally.kept += typed.height
        tally.distinct += typed.height
        self.found.accepted += typed.height
        for flags, count in typed["flags"].drop_nulls().value_counts().iter_rows():
            for flag in flags.split(";"):
                self.flags[flag] += count
        self.days.add(typed.filter(pl.col("founded_precision") == "day").select("founded_on"))
        self.offices.add(typed.filter(pl.col("city").is_not_null()).select("city", pl.col("uscc").str.slice(0, 6).alias("office")))

    def settle(self) -> pl.DataFrame:
        """The rows of codes that several records have, once all were read."""
        part = Judged("firms", 0, 0, [], [])
        kept = self.contested
        settle_duplicates("firms", kept, part)
        self.tally.add(Tally.of("firms", kept))
        self.flags.update(flag for row in kept for flag in (row["flags"] or "").split(";") if flag)
        self.found.accepted += part.accepted
        self.doubles += sum(int(f.split(":")[1]) for f in part.flags)
        self._hold(part.quarantine)
        return _landed(part.rows)

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Judge the file as a whole. Raises BlockFile."""
        manifest = meta.get("manifest") or {}
        tally = self.tally
        for day, count in self.days.rows():
            tally.days[day] += count
        for city, office, count in self.offices.rows():
            city = fold(city)
            tally.cities.add(city)
            if office is not None:
                tally.places.setdefault(city, Counter())[place_of_code(office)] += count
        self.found.flags[:0] = meta["flags"]
        if self.doubles:
            self.found.flags.append(f"duplicates_merged:{self.doubles}")
        guard(self.found, self.tally, manifest)
        note_flags(self.found, self.flags)

    def quarantine(self, page_key: str) -> pl.DataFrame:
        if not self.held:
            return pl.DataFrame(schema=QUARANTINE_SCHEMA)
        held = pl.concat(self.held).sort("record").with_columns(pl.lit(page_key).alias("page_key"))
        return held.select(pl.col(c).cast(t) for c, t in QUARANTINE_SCHEMA.items())


def _short(text: str) -> int:
    """A text as 64 bits."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _landed(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows that the rules gave, as they land."""
    return pl.DataFrame(rows, schema=dict(SCHEMAS["firms"]), infer_schema_length=0).select(list(LANDED["firms"]))


def scrubbed_record(row: Mapping[str, Any], columns: list[str]) -> Any:
    if row["odd"] is not None:
        return json.loads(row["odd"].decode("utf-8", "surrogatepass"))
    return (row["record"], {c: row[c] for c in columns if row[c] is not None}, "", "", "", {})


# -- identities: which codes a file holds more than once ------------------------------------------------------
def _identities(code: pl.Series, as_of: pl.Series | None) -> pl.Series:
    """A record's identity (code, and date if it has one) as a hash; null where it has no code."""
    if as_of is not None and as_of.null_count() < len(as_of):
        code = pl.DataFrame({"c": code, "a": "@" + as_of}).select(pl.when(pl.col("c").is_not_null()).then(pl.concat_str("c", "a", ignore_nulls=True))).to_series()
    return code.hash(seed=11).set(code.is_null(), None)


class _Identities:
    """The identities of all records of a form: eight bytes a record."""

    def __init__(self, today: dt.date):
        self.dates = _Dates("as_of", {"as_of": pl.String, "_p": pl.String}, today, 1949)
        self.hashes: list[np.ndarray] = []

    def add(self, frame: pl.DataFrame) -> None:
        if "uscc" not in frame.columns:
            return
        code = frame["uscc"].str.to_uppercase()
        unusual = (code.str.len_bytes() != 18) | (code.str.len_chars() != 18)
        other = np.flatnonzero(unusual.fill_null(False).to_numpy())
        if len(other):  # written with blanks, hyphens or wide signs
            code = code.scatter(other, pl.Series([clean_code(c) for c in code.gather(other).to_list()], dtype=pl.String))
        code = code.set(code.str.len_bytes() != 18, None)
        as_of = self.dates.of(frame["as_of"])["as_of"] if "as_of" in frame.columns else None
        self.hashes.append(_identities(code, as_of).drop_nulls().to_numpy())

    def several(self) -> np.ndarray:
        """Those that more than one record has."""
        every = np.concatenate(self.hashes) if self.hashes else np.empty(0, dtype=np.uint64)
        self.hashes.clear()
        every.sort()
        return np.unique(every[1:][every[1:] == every[:-1]])


def _contested(source: pq.ParquetFile, today: dt.date) -> np.ndarray:
    """The identities that more than one record of a form has."""
    found = _Identities(today)
    have = [c for c in ("uscc", "as_of") if c in source.schema_arrow.names]
    if "uscc" in have:
        for frame in groups(source, have):
            found.add(frame)
    return found.several()


# -- a whole form ---------------------------------------------------------------------------------------------
class Contested(Exception):
    """Records share their code with others: they are judged together, which must be known before the first of them."""

    def __init__(self, identities: np.ndarray):
        super().__init__(f"{len(identities)} codes have several records")
        self.identities = identities


class Judging:
    """The parts of a form as they come, judged and written as the landed table `firms` (and the columns of `said`).

    `contested`: the identities that several records have; None where the parts are met for the first time, which cannot
    know them: `finish` then raises Contested if there are any, and the form is judged again."""

    def __init__(
        self, columns: Mapping[str, str], units: Mapping[str, str], today: dt.date, out: Path | None,
        said: Mapping[str, str | None], contested: np.ndarray | None = None,
    ):  # fmt: skip
        self.today, self.out = today, out
        self.identities = _Identities(today) if contested is None else None
        self.judge = _Judge(columns, units, today, np.empty(0, dtype=np.uint64) if contested is None else contested)
        self.said = {name: pl.lit(value, pl.String) for name, value in said.items()}
        few = (*FEW, "uscc_valid", "founded_precision", "closed_precision", "capital_currency", "flags", *said)
        schema = {**LANDED["firms"], **dict.fromkeys(said, pl.String)}
        self.writer = Writer(out, schema, few) if out else None
        self.groups: list[int] = []  # row groups of the landed table that each part gave: 1, or 0 where all was held

    def add(self, frame: pl.DataFrame) -> None:
        if self.identities is not None:
            self.identities.add(frame)
        rows = self.judge.batch(frame)
        self.groups.append(int(rows.height > 0))
        self._put(rows)

    def _put(self, rows: pl.DataFrame) -> None:
        if self.writer is not None:
            self.writer.write(rows.rechunk().with_columns(**self.said))  # pages are cut by chunks: the same bytes always

    def finish(self, meta: Mapping[str, Any], page_key: str = "") -> Parsed:
        """The file's table, books and quarantine. Raises BlockFile when an anomaly guard holds the file back, and
        Contested."""
        try:
            if self.identities is not None and len(several := self.identities.several()):
                raise Contested(several)
            self._put(self.judge.settle())
            self.judge.finish(meta)
            if self.writer is not None:
                self.writer.close({"groups": self.groups})  # after them come records that were judged together
        except BaseException:
            self.abandon()
            raise
        found = self.judge.found
        return Parsed(
            tables={"firms": self.out} if self.out else {}, records_in=found.records_in, accepted=found.accepted,
            quarantine=self.judge.quarantine(page_key), notes=found.notes,
            digests={"firms": self.writer.sha256} if self.writer else {},
        )  # fmt: skip

    def abandon(self) -> None:
        """Stop; what was written is not worth reading."""
        if self.writer is not None:
            self.writer.abandon()


def judge_bulk(
    form: Path, today: dt.date, out: Path | None = None, said: Mapping[str, str | None] | None = None, page_key: str = "",
    contested: np.ndarray | None = None,
) -> Parsed:  # fmt: skip
    """Judge a scrubbed form as sources.inbox.judge.judge does. With `out`, the table `firms` is written there (its columns,
    then those of `said`) and given back as a path; without, nothing is written. Raises BlockFile when an anomaly guard holds
    the file back."""
    plain_memory()
    source, meta = pq.ParquetFile(form), meta_of(form)
    known = _contested(source, today) if contested is None else contested
    judging = Judging(meta["columns"], meta["units"], today, out, said or {}, known)
    try:
        for frame in ahead(parts(source)):
            judging.add(frame)
    except BaseException:
        judging.abandon()
        raise
    return judging.finish(meta, page_key)
