"""Judging a file for the inbox: each record taken or named with its reason, and the file as a whole.

Belongs here: what a value must be to be taken, when two records contradict each other, and when a readable file
looks wrong altogether (the anomaly guards). Does not belong here: reading bytes (ingest.files.tables), where files
lie (the fetch beside this module), nor anything about other files or other sources.

The way of a file: `read` turns it into scrubbed records (what the raw store keeps), `judge` turns those into
rows, quarantine and flags. Both are pure; check_inputs and the landing call the same two functions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ingest.firms.places import places
from ingest.home import SEEDS
from ingest.text import coordinates
from ingest.text.identifiers import clean_code, is_lei, is_registration_number, is_uscc, normalise_adcode, prefecture_of
from ingest.text.scrub import redact
from ingest.text.values import (
    NULLS,
    FutureDate,
    fold,
    folded_name,
    parse_amount,
    parse_batch,
    parse_bool,
    parse_date,
    parse_number,
    parse_year,
    part_of_year,
)
from sources.inbox.anomalies import Judged, Tally, guard, held_row, note_flags
from sources.inbox.cells import kept
from sources.inbox.kinds import SCHEMAS
from sources.inbox.scrubbed import LONG_TEXT, MAX_LONG_TEXT, MAX_TEXT, Scrubbed, shapes_of
from sources.inbox.texts import _BIDI, _CJK, _ZERO_WIDTH, Held, check_text, is_mojibake, text_of
from sources.inbox.words import ACTIONS, BASES, OUTPUT_PRODUCTS, POWERTRAINS

Values = Mapping[str, Any]


# -- from scrubbed records to rows -----------------------------------------------------------------------


def judge(scrubbed: Scrubbed, today: dt.date) -> Judged:
    """Judge every record, then records against each other, then the file as a whole. Raises BlockFile when an
    anomaly guard holds it back."""
    kind = scrubbed.meta["kind"]
    units = scrubbed.meta["units"]
    found = Judged(kind, len(scrubbed.records), 0, [], [], list(scrubbed.meta["flags"]))
    kept: list[dict[str, Any]] = []
    for number, values, reason, detail, payload, faults in scrubbed.records:
        at = ""
        if values is not None:
            try:
                row = judge_record(kind, values, faults, units, today)
            except Held as held:
                reason, detail, at, payload = held.reason, held.detail, held.column, payload_of(kind, values)
            else:
                row["record_no"] = number
                kept.append(row)
                continue
        found.quarantine.append(held_row(number, reason, detail, payload, at))
    settle_duplicates(kind, kept, found)
    guard(found, Tally.of(kind, kept), scrubbed.meta.get("manifest") or {})
    note_flags(found, Counter(flag for row in kept for flag in (row["flags"] or "").split(";") if flag))
    found.quarantine.sort(key=lambda row: row["record"])
    return found


def payload_of(kind: str, values: Mapping[str, Any]) -> str:
    """A held record for the quarantine, which is not published: scrubbed once more, since forms of former versions kept typed
    cells as they were."""
    shapes = shapes_of(kind)
    clean = {c: kept(shapes[c], str(v), is_mojibake) if c in shapes else redact(str(v)[:2000]) for c, v in values.items() if v != ""}
    return json.dumps(clean, ensure_ascii=False)


def judge_record(
    kind: str, values: Mapping[str, Any], faults: Mapping[str, str], units: Mapping[str, str], today: dt.date
) -> dict[str, Any]:
    """One record as a row of the kind's schema. Raises Held with the first reason, in a fixed order: damaged text,
    identifiers, required values, numbers, dates."""
    for column, reason in faults.items():
        raise Held(reason, f"{column}: the cell cannot be taken as a value", column)
    for column, value in values.items():
        check_text(column, value)
        if len(value) > (MAX_LONG_TEXT if column in LONG_TEXT else MAX_TEXT):
            raise Held("field_too_long", f"{column}: {len(value)} characters", column)
    row: dict[str, Any] = dict.fromkeys(SCHEMAS[kind])
    flags: set[str] = set()
    _JUDGES[kind](values, row, flags, units, today)
    for value in values.values():
        if not value.isascii():
            if _BIDI.search(value):
                flags.add("bidi")
            if _ZERO_WIDTH.search(value):
                flags.add("zero_width")
    row["flags"] = ";".join(sorted(flags)) or None
    return row


def _text(values: Mapping[str, Any], column: str) -> str | None:
    return text_of(values.get(column))


def _name(values: Mapping[str, Any], column: str) -> str | None:
    """A name exactly as written (a firm may be called Null); None only when nothing is visible."""
    value = values.get(column)
    return value if value is not None and folded_name(value) else None


def _date(values: Mapping[str, Any], column: str, today: dt.date | None, first: int = 1840) -> tuple[Any, Any]:
    value = values.get(column)
    if value is None:
        return None, None
    if is_uscc(clean_code(value)):
        raise Held("shifted_columns", f"{column} holds a social credit code", column)
    try:
        found = parse_date(value, today, first)
    except FutureDate as error:
        raise Held("future_date", f"{column}: {error}", column) from None
    except ValueError as error:
        raise Held("bad_date", f"{column}: {error}", column) from None
    return (found.iso, found.precision) if found else (None, None)


def _number(values: Mapping[str, Any], column: str, least: float, most: float) -> float | None:
    try:
        return parse_number(values[column], least, most) if values.get(column) is not None else None
    except ValueError as error:
        raise Held("bad_number", f"{column}: {error}", column) from None


def _adcode(values: Mapping[str, Any], column: str = "city_adcode") -> str | None:
    value = _text(values, column)
    if value is None:
        return None
    try:
        code = normalise_adcode(value)
    except ValueError as error:
        raise Held("bad_adcode", f"{column}: {error}", column) from None
    # a district's code names its city; a province's stays what it is
    return (prefecture_of(code) or code) if column == "city_adcode" else code


def _powertrain(values: Mapping[str, Any], column: str) -> str | None:
    return powertrain_of(values.get(column), column)


def powertrain_of(text: str | None, column: str = "powertrain") -> str | None:
    """ev, ice, both or unknown; None for nothing. Raises Held."""
    value = (text or "").strip()
    if value.lower() in NULLS:
        return None
    try:
        return POWERTRAINS[fold(value).lower()]
    except KeyError:
        raise Held("bad_value", f"{column}: none of ev, ice, both, unknown", column) from None


def _need(row: Mapping[str, Any], *columns: str) -> None:
    if all(row[column] is None for column in columns):
        raise Held("missing_value", " or ".join(columns), columns[0] if len(columns) == 1 else "")


_SUMMARY = re.compile(r"(?:总|小|合)\s*计|汇\s*总|total|sum|grand total", re.I)


def _firm(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    _code_of_firm(v, row, flags)
    row["name_zh"] = _name(v, "name_zh")
    if row["name_zh"] is None:
        raise Held("missing_name", "name_zh", "name_zh")
    row["name_key"] = folded_name(row["name_zh"])
    if is_uscc(row["name_key"]):
        raise Held("shifted_columns", "name_zh holds a social credit code", "name_zh")
    if row["uscc"] is None and _SUMMARY.fullmatch(row["name_key"]):
        raise Held("summary_row", "a total, no firm", "name_zh")
    if (lei := _text(v, "lei")) is not None:
        row["lei"] = clean_code(lei)
        if not is_lei(row["lei"]):
            raise Held("bad_lei", "an LEI has 20 characters and right check digits", "lei")
    row["city_adcode"] = _adcode(v)
    _capital_of_firm(v, row, flags, units.get("registered_capital", ""))
    row["founded_on"], row["founded_precision"] = _date(v, "founded_on", today)
    row["closed_on"], row["closed_precision"] = _date(v, "closed_on", None)
    row["as_of"], _ = _date(v, "as_of", today, 1949)
    row["powertrain"] = _powertrain(v, "powertrain")
    for column in ("name_en", "address", "city", "province", "status", "industry_code", "industry", "business_scope",
                   "stock_code", "group", "company_type", "source_url"):  # fmt: skip
        row[column] = _text(v, column)


def _code_of_firm(v: Values, row: dict[str, Any], flags: set[str]) -> None:
    """A social credit code, or the registration number that stood in its place before 2015."""
    code = _text(v, "uscc")
    if code is None:
        return
    clean = clean_code(code)
    if is_uscc(clean):
        row["uscc"], row["uscc_valid"] = clean, True
        if clean != code:
            flags.add("uscc_normalised")
    elif is_registration_number(clean):
        row["registration_no"] = clean
        flags.add("registration_number")
    else:
        raise Held("bad_uscc", "a social credit code has 18 characters of its alphabet and a right check digit", "uscc")


def _capital_of_firm(v: Values, row: dict[str, Any], flags: set[str], unit: str) -> None:
    """`unit`: what the header says of the column's unit, "" for nothing."""
    amount = v.get("registered_capital")
    if amount is None:
        return
    try:
        capital = parse_amount(amount, unit)
    except ValueError as error:
        raise Held("bad_number", f"registered_capital: {error}", "registered_capital") from None
    if capital is None:
        return
    row["registered_capital"], row["capital_currency"] = capital.value, capital.currency
    row["registered_capital_text"] = amount.strip() + unit
    if not capital.unit_stated:
        flags.add("capital_unit_assumed")


def _year(values: Mapping[str, Any], column: str, last: int) -> int | None:
    if values.get(column) is None:
        return None
    try:
        return parse_year(values[column], last=last)
    except FutureDate as error:
        raise Held("future_date", f"{column}: {error}", column) from None
    except ValueError as error:
        raise Held("bad_date", f"{column}: {error}", column) from None


def _converted(values: Mapping[str, Any]) -> str | None:
    """yes, no, or partial (some lines went on building combustion vehicles)."""
    value = _text(values, "converted_from_ice")
    if value is None:
        return None
    if fold(value).lower() in ("partial", "partly", "部分", "部分转产"):
        return "partial"
    try:
        known = parse_bool(value)
    except ValueError as error:
        raise Held("bad_value", f"converted_from_ice: {error}", "converted_from_ice") from None
    return None if known is None else "yes" if known else "no"


def _plant(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    row["operator_zh"], row["operator_en"] = _name(v, "operator_zh"), _name(v, "operator_en")
    if row["operator_zh"] and not row["operator_en"] and not _CJK.search(row["operator_zh"]):
        row["operator_zh"], row["operator_en"] = None, row["operator_zh"]
    _need(row, "operator_zh", "operator_en")
    row["operator_key"] = folded_name(row["operator_zh"] or row["operator_en"])
    row["city_adcode"], row["city"] = _adcode(v), _text(v, "city")
    _need(row, "city", "city_adcode")
    for column in ("product", "plant_name", "segment", "capacity_unit", "predecessor", "source_url"):
        row[column] = _text(v, column)
    _need(row, "product")
    row["capacity"] = _number(v, "capacity", 0, 1e12)
    row["capacity_unit"] = row["capacity_unit"] or units.get("capacity")
    if row["capacity"] is not None and row["capacity_unit"] is None:
        flags.add("capacity_without_unit")
    _locate_plant(v, row, flags)
    _date_plant(v, row, today)
    row["as_of"], _ = _date(v, "as_of", today, 1949)


def _locate_plant(v: Values, row: dict[str, Any], flags: set[str]) -> None:
    """Longitude and latitude in WGS84; without a stated system they are taken for it."""
    row["longitude"] = _number(v, "longitude", -180, 180)
    row["latitude"] = _number(v, "latitude", -90, 90)
    if (row["longitude"] is None) != (row["latitude"] is None):
        raise Held("bad_coordinates", "a longitude or latitude without the other", "longitude")
    stated = _text(v, "crs")
    if stated is not None:
        try:
            row["crs"] = coordinates.system_of(fold(stated))
        except ValueError as error:
            raise Held("bad_crs", f"crs: {error}", "crs") from None
    if row["longitude"] is None:
        return
    if row["crs"] is None:
        flags.add("crs_assumed_wgs84")
    elif row["crs"] != "wgs84":
        lon, lat = coordinates.to_wgs84(row["longitude"], row["latitude"], row["crs"])
        row["longitude"], row["latitude"] = round(lon, 7), round(lat, 7)
        flags.add(f"converted_from_{row['crs']}")
    if not (73 <= row["longitude"] <= 136 and 3 <= row["latitude"] <= 54):
        raise Held("bad_coordinates", "the point lies outside China (longitude 73 to 136, latitude 3 to 54)", "longitude")


def _date_plant(v: Values, row: dict[str, Any], today: dt.date) -> None:
    """Years of opening, closing and conversion, and what was built at each."""
    # a plant may be announced for a year to come, but not for a distant one
    row["opened_year"] = _year(v, "opened_year", today.year + 10)
    row["closed_year"] = _year(v, "closed_year", today.year + 10)
    if row["opened_year"] and row["closed_year"] and row["closed_year"] < row["opened_year"]:
        raise Held("bad_date", "closed_year lies before opened_year", "closed_year")
    row["powertrain_at_opening"] = _powertrain(v, "powertrain_at_opening")
    row["converted_from_ice"] = _converted(v)
    row["converted_year"] = _year(v, "converted_year", today.year + 10)
    if row["converted_year"] and row["converted_from_ice"] is None:
        row["converted_from_ice"] = "yes"


def _policy(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    row["title_zh"] = _name(v, "title_zh")
    for column in ("issuer", "level", "place", "doc_no", "content_zh", "source_url"):
        row[column] = _text(v, column)
    for column in ("title_zh", "issuer", "level"):
        _need(row, column)
    row["title_key"] = folded_name(row["title_zh"])
    row["adcode"] = _adcode(v, "adcode")
    row["issue_date"], row["issue_precision"] = _date(v, "issue_date", today, 1949)
    _need(row, "issue_date")
    row["valid_from"], _ = _date(v, "valid_from", None, 1949)
    row["valid_to"], _ = _date(v, "valid_to", None, 1949)
    row["as_of"], _ = _date(v, "as_of", today, 1949)


_MONTH_OF_YEAR = re.compile(r"\d{4}\s*(?:[-/.]\s*\d{1,2}$|年\s*\d{1,2}\s*月$)")


def _output(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    row["city_adcode"], row["city"] = _adcode(v), _text(v, "city")
    _need(row, "city", "city_adcode")
    row["year"] = _year(v, "year", today.year)
    _need(row, "year")
    for column in ("year", "unit"):  # "2025年1-11月" reads as a year, and its figure is not the year's
        if (part := part_of_year(_text(v, column))) or (column == "year" and _MONTH_OF_YEAR.search(_text(v, column) or "")):
            raise Held("part_of_a_year", f"{column}: a figure of {part or 'one month'} is no year's output", column)
    product = _text(v, "product")
    if product is None:
        raise Held("missing_value", "product", "product")
    if (row_product := OUTPUT_PRODUCTS.get(fold(product).lower())) is None:
        raise Held("bad_value", "product: neither nev nor auto", "product")
    row["product"] = row_product
    row["output"] = _number(v, "output", 0, 1e9)
    _need(row, "output")
    row["unit"] = _text(v, "unit") or units.get("output")
    _need(row, "unit")
    if (basis := _text(v, "basis")) is not None:
        if fold(basis).lower() not in BASES:
            raise Held("bad_value", "basis: neither place_of_production nor legal_entity nor unknown")
        row["basis"] = BASES[fold(basis).lower()]
    row["source_url"] = _text(v, "source_url")
    row["as_of"], _ = _date(v, "as_of", today, 1949)


_NEV_TYPES = (
    ("fcev", re.compile("燃料电池|氢燃料")), ("erev", re.compile("增程")), ("phev", re.compile("插电|混合动力电动|混合动力(?:轿车|客车|货车)")),
    ("bev", re.compile("纯电动|换电式?电动|纯电")),
)  # fmt: skip


def nev_type(*texts: str | None) -> str | None:
    """bev, phev, erev or fcev by the words of a vehicle's name or fuel; none where both speak of nothing electric; None
    where neither is known."""
    said = " ".join(fold(t) for t in texts if t)
    if not said:
        return None
    return next((kind for kind, words in _NEV_TYPES if words.search(said)), "none")


def _batch(v: Values, row: dict[str, Any]) -> None:
    text = _text(v, "batch")
    row["batch"] = parse_batch(text) if text else None
    if text and row["batch"] is None:
        raise Held("bad_number", "batch: no number of a batch", "batch")
    _need(row, "batch")


def _company(v: Values, row: dict[str, Any]) -> None:
    row["company_zh"] = _name(v, "company_zh")
    _need(row, "company_zh")
    row["company_key"] = folded_name(row["company_zh"])


def _uscc(v: Values, column: str) -> str | None:
    code = _text(v, column)
    if code is None:
        return None
    if not is_uscc(clean := clean_code(code)):
        raise Held("bad_uscc", f"{column}: a social credit code has 18 characters of its alphabet and a right check digit", column)
    return clean


def _lei(v: Values, column: str) -> str | None:
    code = _text(v, column)
    if code is None:
        return None
    if not is_lei(clean := clean_code(code)):
        raise Held("bad_lei", f"{column}: an LEI has 20 characters and right check digits", column)
    return clean


def _miit(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    _batch(v, row)
    _company(v, row)
    for column in ("brand", "model", "product_name", "fuel", "production_address", "registered_address", "source_url"):
        row[column] = _text(v, column)
    _need(row, "model")
    row["nev_type"] = nev_type(row["product_name"], row["fuel"])
    row["published_on"], _ = _date(v, "published_on", today, 1949)
    for column in ("stopped_making_on", "stopped_selling_on"):
        row[column], _ = _date(v, column, None, 1949)
    row["as_of"], _ = _date(v, "as_of", today, 1949)


def _admission(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    row["list_id"] = _text(v, "list_id")
    _need(row, "list_id")
    _batch(v, row)
    _company(v, row)
    action = _text(v, "action")
    if action is None:
        raise Held("missing_value", "action", "action")
    if fold(action).lower() not in ACTIONS:
        raise Held("bad_value", "action: neither admitted nor revoked", "action")
    row["action"] = ACTIONS[fold(action).lower()]
    row["published_on"], row["published_precision"] = _date(v, "published_on", today, 1949)
    _need(row, "published_on")
    row["uscc"] = _uscc(v, "uscc")
    for column in ("announcement_no", "province", "category", "source_url"):
        row[column] = _text(v, column)
    row["as_of"], _ = _date(v, "as_of", today, 1949)


_STOCK_CODE = re.compile(r"(?:(?:SH|SZ|BJ|HK)\.?)?(\d{4,6})(?:\.(?:SH|SZ|BJ|SS|HK|XSHG|XSHE))?|[A-Z][A-Z.]{0,7}", re.I)


def _listed(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    code = _text(v, "stock_code")
    if code is None:
        raise Held("missing_value", "stock_code", "stock_code")
    match = _STOCK_CODE.fullmatch(fold(code))
    if match is None:
        raise Held("bad_value", "stock_code: no code of a share", "stock_code")
    # spreadsheets eat the zeros in front of a mainland code; five digits or a suffix .HK are Hong Kong's
    hong_kong = "HK" in code.upper() or (_text(v, "exchange") or "").upper() in ("HKEX", "SEHK", "HK", "港交所", "香港")
    row["stock_code"] = fold(code).upper() if match[1] is None else match[1].zfill(5 if hong_kong else 6)
    if match[1] and len(match[1]) < len(row["stock_code"]):
        flags.add("zeros_restored")
    row["name_zh"] = _name(v, "name_zh")
    _need(row, "name_zh")
    row["name_key"] = folded_name(row["name_zh"])
    row["uscc"] = _uscc(v, "uscc")
    for column in ("exchange", "name_zh_short", "name_en", "province", "city", "address", "industry", "business_scope", "main_business",
                   "source_url"):  # fmt: skip
        row[column] = _text(v, column)
    row["founded_on"], row["founded_precision"] = _date(v, "founded_on", today)
    row["listed_on"], _ = _date(v, "listed_on", today, 1949)
    if (amount := v.get("registered_capital")) is not None:
        try:
            capital = parse_amount(amount, units.get("registered_capital", ""))
        except ValueError as error:
            raise Held("bad_number", f"registered_capital: {error}", "registered_capital") from None
        if capital is not None:
            row["registered_capital"], row["capital_currency"] = capital.value, capital.currency
            if not capital.unit_stated:
                flags.add("capital_unit_assumed")
    employees = _number(v, "employees", 0, 1e7)
    row["employees"] = None if employees is None else int(employees)
    row["as_of"], _ = _date(v, "as_of", today, 1949)


def _parent(v: Values, row: dict[str, Any], flags: set[str], units: Mapping[str, str], today: dt.date) -> None:
    for side in ("child", "parent"):
        row[f"{side}_name"] = _name(v, f"{side}_name")
        row[f"{side}_key"] = folded_name(row[f"{side}_name"]) if row[f"{side}_name"] else None
        row[f"{side}_uscc"], row[f"{side}_lei"] = _uscc(v, f"{side}_uscc"), _lei(v, f"{side}_lei")
        _need(row, f"{side}_name", f"{side}_uscc", f"{side}_lei")
    if any(row[f"child_{key}"] is not None and row[f"child_{key}"] == row[f"parent_{key}"] for key in ("key", "uscc", "lei")):
        raise Held("bad_value", "a firm that is its own parent")
    if (share := _text(v, "share")) is not None:
        said = fold(share).removesuffix("%")
        value = _number({"share": said}, "share", 0, 100)
        # 51 and 51% are percent, 0.51 is a share
        percent = fold(share).endswith("%") or units.get("share") == "%" or (value or 0) > 1
        row["share"] = value / 100 if value is not None and percent else value
    row["valid_from"], _ = _date(v, "valid_from", today, 1949)
    row["valid_to"], _ = _date(v, "valid_to", None, 1949)
    row["source_url"] = _text(v, "source_url")
    _need(row, "source_url")
    row["as_of"], _ = _date(v, "as_of", today, 1949)


_JUDGES = {
    "firms": _firm, "plants": _plant, "policies": _policy, "city_output": _output, "miit_products": _miit,
    "admission_lists": _admission, "listed_companies": _listed, "parents": _parent,
}  # fmt: skip


# -- records against each other --------------------------------------------------------------------------
#: Columns that are read, not said: they make no difference between two records.
_ASIDE = frozenset(
    {"record_id", "record_no", "flags", "name_zh", "title_zh", "operator_zh", "operator_en", "registered_capital_text",
     "company_zh", "child_name", "parent_name"}
)


def folded_row(row: Mapping[str, Any]) -> str:
    """The content of a row as it is compared: names by their key, text folded, without number and flags."""
    return "\x1f".join(
        fold(value) if isinstance(value, str) else repr(value) for column, value in row.items() if column not in _ASIDE
    )


#: Kinds whose records speak of a thing at a date: the same thing at another date is another record.
DATED = ("firms", "listed_companies")
_BRACKETS = re.compile(r"[\s()（）\[\]【】〔〕［］]+")


def natural_key(kind: str, row: Mapping[str, Any]) -> tuple[Any, ...]:  # noqa: C901 - one case a kind, each a line or two
    """What a record is about, by the columns that name it; a corrected cell beside them corrects it. `city_adcode` stands
    before `city`, which stands as its city where it has one name for certain."""

    def key(column: str) -> str:
        return folded_name(row[column]) if row[column] else ""

    def place() -> str:
        return str(row["city_adcode"] or (row["city"] and (places(SEEDS).city(fold(row["city"])) or fold(row["city"]).lower())) or "")

    match kind:
        case "firms":
            if row["lei"]:
                return ("lei", row["lei"])
            return ("firm", key("name_zh"), place() or key("province"))
        case "plants":
            return (row["operator_key"], place(), key("product"), key("plant_name"))
        case "policies":
            if row["doc_no"]:
                return (_BRACKETS.sub("", fold(row["doc_no"])).upper(), key("issuer"))
            return (row["title_key"], key("issuer"), row["issue_date"])
        case "city_output":
            return (place(), row["year"], row["product"], row["basis"])
        case "miit_products":  # one model may stand in a batch under several names of the product
            return (row["batch"], row["company_key"], key("model"), key("product_name"))
        case "admission_lists":
            return (key("list_id"), row["batch"], row["uscc"] or row["company_key"], row["action"], key("category"))
        case "listed_companies":
            return (row["stock_code"],)
        case "parents":
            sides = (row[f"{side}_uscc"] or row[f"{side}_lei"] or row[f"{side}_key"] for side in ("child", "parent"))
            return (*sides, row["valid_from"])
    raise KeyError(kind)


def record_id(kind: str, row: Mapping[str, Any]) -> str:
    """The natural key of a record as one text: `uscc:…` of a firm with a code, else the first 24 hex digits of the key's
    sha256; with `@` and the date that the record speaks of, where its kind is dated and it has one."""
    if kind == "firms" and row["uscc"] is not None:
        named = f"uscc:{row['uscc']}"
    else:
        identity = "\x1f".join("" if part is None else str(part) for part in natural_key(kind, row))
        named = hashlib.sha256(f"{kind}\x1e{identity}".encode()).hexdigest()[:24]
    return named + (f"@{row['as_of']}" if kind in DATED and row["as_of"] else "")


def settle_duplicates(kind: str, kept: list[dict[str, Any]], found: Judged) -> None:
    """One row a key. The newest `as_of` stands, of equals the first record; the others are held by name, as `repeated` where
    they say the same and as `conflicting` where not. Firms: records that say the same are one row and all accepted (a
    register repeats itself), and of one credit code that contradict each other all are held (`key_conflict`), since nothing
    in a register says which is right."""
    groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for row in kept:
        row["record_id"] = record_id(kind, row)
        groups.setdefault(row["record_id"], []).append((folded_row(row), row))
    doubles = 0
    for members in groups.values():
        alike = len({content for content, _ in members}) == 1
        if kind == "firms" and members[0][1]["uscc"] is not None and not alike:
            numbers = ", ".join(str(row["record_no"]) for _, row in members[:10]) + (" ..." if len(members) > 10 else "")
            for _, row in members:
                shown = {k: v for k, v in row.items() if v is not None and k not in ("record_id", "record_no", "flags", "registered_capital_text")}
                found.quarantine.append(
                    held_row(row["record_no"], "key_conflict", f"{len(members)} records of one code contradict each other: {numbers}",
                          payload_of(kind, shown), "uscc")
                )  # fmt: skip
            continue
        members.sort(key=lambda member: member[1]["record_no"])
        members.sort(key=lambda member: member[1]["as_of"] or "", reverse=True)
        content, stands = members[0]
        found.rows.append(stands)
        found.accepted += 1
        for other, row in members[1:]:
            if kind == "firms" and other == content:
                found.accepted += 1
                doubles += 1
            else:
                found.quarantine.append(not_standing(row["record_no"], stands["record_no"], other == content, newer=row["as_of"] != stands["as_of"]))
    if doubles:
        found.flags.append(f"duplicates_merged:{doubles}")


def not_standing(number: int, stands: int, repeated: bool, newer: bool = False) -> dict[str, Any]:
    """The quarantine of record `number`, since record `stands` of the same file and key does."""
    if repeated:
        return held_row(number, "repeated", f"says what record {stands} says", "")
    why = "speaks of a later day" if newer else "comes first"
    return held_row(number, "conflicting", f"record {stands} is about the same and {why}: it stands", "")
