"""The kinds of files that a person may bring: their columns, types, and what a header may be called.

Belongs here: names and types. The words that headers may be are data: columns.json beside this module.
Does not belong here: reading files, or judging values.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ingest.text.scrub import fold_header, is_person_column

KINDS = ("firms", "plants", "policies", "city_output", "miit_products", "admission_lists", "listed_companies", "parents")

_TEXT, _NUMBER, _YEAR, _BOOL = pl.String, pl.Float64, pl.Int32, pl.Boolean

#: Landed columns of each kind, in order. Dates are ISO text as precise as they were written, with the precision
#: (day, month, year) beside them; `record_no` is the physical record of the file, 1 for the first.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "firms": {
        "record_id": _TEXT, "record_no": pl.Int64, "name_zh": _TEXT, "name_key": _TEXT, "name_en": _TEXT,
        "uscc": _TEXT, "uscc_valid": _BOOL, "registration_no": _TEXT, "lei": _TEXT, "address": _TEXT,
        "city_adcode": _TEXT, "city": _TEXT, "province": _TEXT, "founded_on": _TEXT, "founded_precision": _TEXT,
        "status": _TEXT, "closed_on": _TEXT, "closed_precision": _TEXT, "registered_capital": _NUMBER,
        "capital_currency": _TEXT, "registered_capital_text": _TEXT, "industry_code": _TEXT, "industry": _TEXT,
        "business_scope": _TEXT, "stock_code": _TEXT, "group": _TEXT, "powertrain": _TEXT, "company_type": _TEXT,
        "source_url": _TEXT, "as_of": _TEXT, "flags": _TEXT,
    },
    "plants": {
        "record_id": _TEXT, "record_no": pl.Int64, "operator_zh": _TEXT, "operator_en": _TEXT,
        "operator_key": _TEXT, "plant_name": _TEXT, "city_adcode": _TEXT, "city": _TEXT, "product": _TEXT,
        "segment": _TEXT, "opened_year": _YEAR, "closed_year": _YEAR, "capacity": _NUMBER, "capacity_unit": _TEXT,
        "powertrain_at_opening": _TEXT, "converted_from_ice": _TEXT, "converted_year": _YEAR, "predecessor": _TEXT, "longitude": _NUMBER,
        "latitude": _NUMBER, "crs": _TEXT, "source_url": _TEXT, "as_of": _TEXT, "flags": _TEXT,
    },
    "policies": {
        "record_id": _TEXT, "record_no": pl.Int64, "title_zh": _TEXT, "title_key": _TEXT, "issuer": _TEXT,
        "level": _TEXT, "issue_date": _TEXT, "issue_precision": _TEXT, "adcode": _TEXT, "place": _TEXT,
        "doc_no": _TEXT, "content_zh": _TEXT, "valid_from": _TEXT, "valid_to": _TEXT, "source_url": _TEXT,
        "as_of": _TEXT, "flags": _TEXT,
    },
    "city_output": {
        "record_id": _TEXT, "record_no": pl.Int64, "city_adcode": _TEXT, "city": _TEXT, "year": _YEAR,
        "product": _TEXT, "output": _NUMBER, "unit": _TEXT, "basis": _TEXT, "source_url": _TEXT, "as_of": _TEXT, "flags": _TEXT,
    },
    "miit_products": {
        "record_id": _TEXT, "record_no": pl.Int64, "batch": _YEAR, "company_zh": _TEXT, "company_key": _TEXT,
        "brand": _TEXT, "model": _TEXT, "product_name": _TEXT, "nev_type": _TEXT, "fuel": _TEXT,
        "production_address": _TEXT, "registered_address": _TEXT, "published_on": _TEXT, "stopped_making_on": _TEXT,
        "stopped_selling_on": _TEXT, "source_url": _TEXT, "as_of": _TEXT, "flags": _TEXT,
    },
    "admission_lists": {
        "record_id": _TEXT, "record_no": pl.Int64, "list_id": _TEXT, "batch": _YEAR, "announcement_no": _TEXT,
        "published_on": _TEXT, "published_precision": _TEXT, "action": _TEXT, "company_zh": _TEXT,
        "company_key": _TEXT, "uscc": _TEXT, "province": _TEXT, "category": _TEXT, "source_url": _TEXT,
        "as_of": _TEXT, "flags": _TEXT,
    },
    "listed_companies": {
        "record_id": _TEXT, "record_no": pl.Int64, "stock_code": _TEXT, "exchange": _TEXT, "name_zh": _TEXT,
        "name_key": _TEXT, "name_zh_short": _TEXT, "name_en": _TEXT, "uscc": _TEXT, "province": _TEXT, "city": _TEXT,
        "address": _TEXT, "founded_on": _TEXT, "founded_precision": _TEXT, "listed_on": _TEXT,
        "registered_capital": _NUMBER, "capital_currency": _TEXT, "industry": _TEXT, "business_scope": _TEXT,
        "main_business": _TEXT, "employees": pl.Int64, "source_url": _TEXT, "as_of": _TEXT, "flags": _TEXT,
    },
    "parents": {
        "record_id": _TEXT, "record_no": pl.Int64, "child_name": _TEXT, "child_key": _TEXT, "child_uscc": _TEXT,
        "child_lei": _TEXT, "parent_name": _TEXT, "parent_key": _TEXT, "parent_uscc": _TEXT, "parent_lei": _TEXT,
        "share": _NUMBER, "valid_from": _TEXT, "valid_to": _TEXT, "source_url": _TEXT, "as_of": _TEXT, "flags": _TEXT,
    },
}  # fmt: skip

#: Texts of a register that are most of its bytes: they stay in its scrubbed form, where `record_no` finds them, and go on with
#: the extract of the sector.
LEFT_IN_RAW = ("address", "business_scope")
#: Landed columns of each kind. Of a register, neither what stays in the raw form nor what says a landed value again.
LANDED: Mapping[str, Mapping[str, Any]] = {
    **SCHEMAS,
    "firms": {c: t for c, t in SCHEMAS["firms"].items() if c not in (*LEFT_IN_RAW, "name_key", "registered_capital_text")},
}

#: Each group needs one of its columns.
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "firms": (("name_zh",),),
    "plants": (("operator_zh", "operator_en"), ("city", "city_adcode"), ("product",)),
    "policies": (("title_zh",), ("issuer",), ("level",), ("issue_date",)),
    "city_output": (("city", "city_adcode"), ("year",), ("product",), ("output",), ("unit",)),
    "miit_products": (("batch",), ("company_zh",), ("model",)),
    "admission_lists": (("list_id",), ("batch",), ("published_on",), ("action",), ("company_zh",)),
    "listed_companies": (("stock_code",), ("name_zh",)),
    "parents": (("child_name", "child_uscc", "child_lei"), ("parent_name", "parent_uscc", "parent_lei"), ("source_url",)),
}

#: An extract of a register (it dates, values and describes its firms) is keyed by the register's own code. A list
#: that a person typed under the contract's own header `name_zh` needs none.
REGISTER_COLUMNS = ("founded_on", "status", "registered_capital", "industry", "business_scope")
REGISTER_KEYS = ("uscc", "lei", "stock_code")

HEADERS: Mapping[str, Mapping[str, list[str]]] = json.loads(
    (Path(__file__).parent / "columns.json").read_text("utf-8")
)
#: kind -> folded header -> (column, rank); rank 0 is the contract's own name
_LOOKUP: dict[str, dict[str, list[tuple[str, int]]]] = {}
for _kind, _columns in HEADERS.items():
    _LOOKUP[_kind] = {}
    for _column, _words in _columns.items():
        for _rank, _word in enumerate([_column, *_words]):
            _LOOKUP[_kind].setdefault(fold_header(_word).replace(" ", ""), []).append((_column, _rank))

_UNIT = re.compile(r"(.+?)[(\[【]([^()\[\]【】]{1,12})[)\]】]$")
#: Columns whose header may carry the unit of bare numbers: 注册资本(万元)
_MEASURED = {"registered_capital": "", "capacity": "capacity_unit", "output": "unit", "share": ""}


@dataclass
class Columns:
    """How a file's headers were understood. `units` maps a measured column to the unit in its header."""

    mapped: dict[str, str] = field(default_factory=dict)  # header -> column
    personal: list[str] = field(default_factory=list)  # never stored
    unknown: list[str] = field(default_factory=list)  # reported, not stored
    shadowed: list[str] = field(default_factory=list)  # a second header of the same meaning: not stored
    units: dict[str, str] = field(default_factory=dict)


def map_columns(kind: str, headers: Iterable[str]) -> Columns:
    """Which header is which column. Where two headers mean one column, the contract's own name wins, then the
    earlier word of columns.json; the other is reported and not stored."""
    found = Columns()
    taken: dict[str, tuple[int, str]] = {}
    for header in headers:
        if not header:
            continue
        folded = fold_header(header)
        options = _LOOKUP[kind].get(folded, [])
        unit = ""
        if not options and (match := _UNIT.fullmatch(unicodedata.normalize("NFKC", folded))):
            options = [o for o in _LOOKUP[kind].get(match[1], []) if o[0] in _MEASURED]
            unit = match[2] if options else ""
        if not options:
            (found.personal if is_person_column(header) else found.unknown).append(header)
            continue
        column, rank = min(options, key=lambda o: o[1])
        if column in taken:
            if taken[column][0] <= rank:
                found.shadowed.append(header)
                continue
            loser = taken[column][1]
            del found.mapped[loser]
            found.units.pop(column, None)
            found.shadowed.append(loser)
        taken[column] = (rank, header)
        found.mapped[header] = column
        if unit:
            found.units[column] = unit
    return found


def missing_columns(kind: str, columns: Columns) -> list[str]:
    """The required columns that no header gives, in words ("" between alternatives is " or ")."""
    have = set(columns.mapped.values()) | {
        _MEASURED[c] for c in columns.units if _MEASURED.get(c)
    }  # a unit in the header of the measure is the unit column
    missing = [" or ".join(group) for group in REQUIRED[kind] if not have & set(group)]
    if kind == "firms" and not missing and "name_zh" not in columns.mapped:
        if sum(column in have for column in REGISTER_COLUMNS) >= 3 and not have & set(REGISTER_KEYS):
            missing.append("uscc")
    return missing
