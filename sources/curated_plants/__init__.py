"""Plants of vehicles, cells and materials, collected by hand: place, years, capacity, conversions, lineage.

Belongs here: the declaration and the reading of `data/`; the rules that derive lineage edges. Does not belong
here: shares and readings (dbt).

Lineage edges come from a hand-made table (rule `curated`) and from listed rules:
  R1  an ICE plant that now makes EVs (converted_from_ice = yes): converted_plant, confidence 0.95
  R2  an ICE plant that makes EVs beside (partial): converted_plant, 0.80
  R3  an EV vehicle plant whose maker's group ran an ICE vehicle plant in the same city before:
      same_firm_diversifier, 0.80
  R4  the same, the group's earliest ICE plant standing elsewhere: same_firm_diversifier, 0.60
A curated edge of a plant replaces R3 and R4 for it. Battery plants get curated edges only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ingest.curated import (
    BadCell,
    Books,
    blank,
    choose,
    declared_day,
    first_url,
    number_of,
    records,
    support_of,
    year_of,
)
from ingest.declaration import FetchContext, Page, ParseContext, Parsed, Source, Table
from ingest.firms.places import places
from ingest.store.landing import page_of

DATA = Path(__file__).parent / "data"
FILES = ("plants.csv", "leads.csv", "plants_leads.csv", "operators.csv", "districts.csv", "lineage.csv", "plants_evidence.csv")
KIND = {"vehicle": "oem", "battery": "battery", "battery_materials": "battery_materials"}
UNIT = {"vehicles/yr": "vehicles_per_year", "GWh": "gwh_per_year", "": None}
#: The unit of a capacity whose cell has none (62 of the list, filled in from pages that were read).
USUAL = {"vehicle": "vehicles_per_year", "battery": "gwh_per_year", "battery_materials": None}
POWERTRAIN = ("ev", "ice", "both", "unknown")
CONVERTED = ("yes", "partial", "no", "unknown")
EDGES = (
    "same_firm_diversifier", "converted_plant", "acquired_plant_or_licence", "spin_off", "joint_venture",
    "supplier_follow_on", "same_site",
)  # fmt: skip
RELATIONS = ("operates", "joint_venture_parent", "group", "unmapped")

PLANTS: dict[str, Any] = {
    "plant_id": pl.String, "operator": pl.String, "plant_name": pl.String, "city_adcode": pl.String,
    "district_zh": pl.String, "district_support": pl.String, "segment": pl.String, "product": pl.String,
    "opened_year": pl.Int32, "opened_support": pl.String, "opened_source": pl.String, "closed_year": pl.Int32,
    "closed_support": pl.String, "closed_source": pl.String, "capacity": pl.Float64, "capacity_unit": pl.String,
    "capacity_year": pl.Int32, "capacity_support": pl.String, "capacity_source": pl.String,
    "powertrain_at_opening": pl.String, "converted_from_ice": pl.String, "converted_year": pl.Int32,
    "site_group": pl.String, "predecessor_text": pl.String, "lineage_known": pl.Boolean, "support": pl.String,
    "confidence": pl.String, "evidence_url": pl.String, "note": pl.String, "from_lead": pl.Boolean,
}  # fmt: skip
CAPACITIES: dict[str, Any] = {
    "plant_id": pl.String, "year": pl.Int32, "phase": pl.String, "capacity": pl.Float64, "capacity_unit": pl.String,
    "status": pl.String, "support": pl.String, "confidence": pl.String, "source_url": pl.String, "note": pl.String,
    "record_id": pl.String,
}  # fmt: skip
OPERATORS: dict[str, Any] = {
    "operator": pl.String, "plant_id": pl.String, "firm_id": pl.String, "relation": pl.String,
    "lineage_group": pl.String, "from_year": pl.Int32, "to_year": pl.Int32, "support": pl.String, "note": pl.String,
}  # fmt: skip
EVIDENCE: dict[str, Any] = {
    "evidence_id": pl.String, "plant_id": pl.String, "field": pl.String, "value": pl.String, "relation": pl.String,
    "value_before": pl.String, "source_url": pl.String, "statement": pl.String, "confidence": pl.String,
    "conflict": pl.Boolean,
}  # fmt: skip
LINEAGE: dict[str, Any] = {
    "ev_plant_id": pl.String, "predecessor_id": pl.String, "predecessor_kind": pl.String,
    "predecessor_name": pl.String, "edge_type": pl.String, "since_year": pl.Int32, "confidence": pl.Float64,
    "support": pl.String, "evidence_url": pl.String, "rule": pl.String, "note": pl.String, "predecessor_city_adcode": pl.String,
}  # fmt: skip


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    for name in FILES:
        yield page_of(DATA / name, declared_day(DATA))


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:  # noqa: C901 - a reader for each file; their branches are added up here
    """Plants with their facts, dated capacities, who runs them, what pages say of each cell, and lineage."""
    where = places(ctx.seeds)
    books = Books()
    plants: dict[str, dict[str, Any]] = {}
    operators: list[dict[str, Any]] = []
    evidence: list[dict[str, Any]] = []
    capacities: list[dict[str, Any]] = []
    lineage: list[dict[str, Any]] = []
    by_page = {page.key: page for page in pages}
    lead_sources = dict(enumerate(records(by_page["plants_leads.csv"]), start=1))
    leads_taken = {int(row["lead"]) for row in records(by_page["leads.csv"])}

    def plant(row: dict[str, str]) -> None:
        support, reference = support_of(row["support"])
        if where.city(row["adcode"]) is None:
            raise BadCell("unknown_city", "adcode", "no city of that code")
        capacity = number_of(row["capacity"])
        plants[row["plant_id"]] = {
            "plant_id": row["plant_id"], "operator": row["operator"], "plant_name": row["plant"],
            "city_adcode": row["adcode"], "district_zh": None, "district_support": None,
            "segment": KIND[choose(row["kind"], KIND, "kind")], "product": blank(row["product"]),
            "opened_year": year_of(row["opened"]), "opened_support": row["opened_support"] or None, "opened_source": None,
            "closed_year": year_of(row["closed"]), "closed_support": row["closed_support"] or None, "closed_source": None,
            "capacity": capacity, "capacity_unit": (UNIT[choose(row["capacity_unit"], UNIT, "unit")] or USUAL[row["kind"]]) if capacity is not None else None,
            "capacity_year": None, "capacity_support": row["capacity_support"] or None, "capacity_source": None,
            "powertrain_at_opening": choose(row["powertrain_at_opening"] or "unknown", POWERTRAIN, "powertrain"),
            "converted_from_ice": choose(row["converted_from_ice"] or "unknown", CONVERTED, "converted"),
            "converted_year": year_of(row["converted_year"]), "site_group": None, "predecessor_text": blank(row["heritage"]),
            "lineage_known": bool(row["heritage"]), "support": support, "confidence": row["confidence"],
            "evidence_url": first_url(reference), "note": blank(row["capacity_text"]), "from_lead": False,
        }  # fmt: skip

    def lead(row: dict[str, str]) -> None:
        source = lead_sources[int(row["lead"])]
        if where.city(row["city_adcode"]) is None:
            raise BadCell("unknown_city", "city_adcode", "no city of that code")
        plants[row["plant_id"]] = {
            **dict.fromkeys(PLANTS), "plant_id": row["plant_id"], "operator": row["operator"], "plant_name": row["plant_name"],
            "city_adcode": row["city_adcode"], "segment": choose(row["segment"], KIND.values(), "segment"), "product": row["product"],
            "opened_year": year_of(row["opened_year"]), "opened_support": (row.get("opened_support") or "seen") if row["opened_year"] else None,
            "opened_source": source["source_url"] if not row.get("opened_support") else None, "closed_year": year_of(row["closed_year"]),
            "capacity": number_of(row["capacity"]), "capacity_unit": blank(row["capacity_unit"]),
            "capacity_year": year_of(row["capacity_year"]), "capacity_support": "seen" if row["capacity"] else None,
            "capacity_source": source["source_url"] if row["capacity"] else None,
            "powertrain_at_opening": choose(row["powertrain_at_opening"], POWERTRAIN, "powertrain"), "converted_from_ice": "no",
            "predecessor_text": blank(row["predecessor_text"]), "lineage_known": bool(row["predecessor_text"]),
            "support": "seen", "confidence": source["confidence"], "evidence_url": source["source_url"], "note": source["what"],
            "from_lead": True,
        }  # fmt: skip

    def unused_lead(row: dict[str, str]) -> None:
        number = next(n for n, other in lead_sources.items() if other == row)
        if number not in leads_taken:
            raise BadCell("lead_not_worked_in", detail="planned, or operator, city or year not in the source")

    def operator(row: dict[str, str]) -> None:
        operators.append(
            {
                "operator": row["operator"], "plant_id": blank(row["plant_id"]), "firm_id": blank(row["firm_id"]),
                "relation": choose(row["relation"], RELATIONS, "relation"), "lineage_group": row["lineage_group"],
                "from_year": year_of(row["from_year"]), "to_year": year_of(row["to_year"]), "support": row["support"],
                "note": blank(row["note"]),
            }
        )  # fmt: skip

    def district(row: dict[str, str]) -> None:
        if row["plant_id"] not in plants:
            raise BadCell("unknown_plant", "plant_id", "no plant of that id")
        plants[row["plant_id"]].update(district_zh=row["district_zh"], district_support=row["support"])

    def edge(row: dict[str, str]) -> None:
        known = plants.get(row["ev_plant_id"])
        if not row["predecessor_plant_id"] and where.city(row["predecessor_city"]) is None:
            raise BadCell("unknown_city", "predecessor_city", "no city of that code")
        if known is None or (row["predecessor_plant_id"] and row["predecessor_plant_id"] not in plants):
            raise BadCell("unknown_plant", "ev_plant_id", "no plant of that id, or none of the predecessor's")
        lineage.append(
            {
                "ev_plant_id": row["ev_plant_id"],
                "predecessor_id": row["predecessor_plant_id"] or f"{row['predecessor_kind']}:{row['predecessor_name']}",
                "predecessor_kind": row["predecessor_kind"], "predecessor_name": row["predecessor_name"],
                "edge_type": choose(row["edge_type"], EDGES, "edge_type"), "since_year": year_of(row["since_year"]),
                "confidence": float(row["confidence"]), "support": known["support"], "evidence_url": known["evidence_url"],
                "rule": "curated", "note": blank(row["note"]),
                "predecessor_city_adcode": plants[row["predecessor_plant_id"]]["city_adcode"] if row["predecessor_plant_id"] else row["predecessor_city"],
            }
        )  # fmt: skip

    def statement(row: dict[str, str]) -> None:
        number = len(evidence) + 1
        evidence.append(
            {
                "evidence_id": f"E{number:04d}", "plant_id": row["plant_id"], "field": row["field"], "value": row["value"],
                "relation": choose(row["relation"], ("confirms", "contradicts", "adds"), "relation"),
                "value_before": blank(row["value_before"]), "source_url": row["source_url"], "statement": row["what_it_says"],
                "confidence": row["confidence"], "conflict": row["relation"] == "contradicts",
            }
        )  # fmt: skip
        known = plants.get(row["plant_id"])
        if known is None:
            return  # evidence on a plant that the list has dropped is kept, and bound to nothing
        for cell in ("opened", "closed", "capacity"):
            if row["field"] == cell and row["relation"] == "confirms":
                known[f"{cell}_source"] = known[f"{cell}_source"] or row["source_url"]
        fact = dated_capacity(row, known, number)
        if fact:
            capacities.append(fact)

    readers = (plant, lead, unused_lead, operator, district, edge, statement)
    for name, read in zip(FILES, readers, strict=True):
        books.take(by_page[name], records(by_page[name]), read)
    group_of = {o["operator"]: o["lineage_group"] for o in operators if o["plant_id"] is None}
    unmapped = sorted({p["operator"] for p in plants.values()} - set(group_of))
    if unmapped:
        raise ValueError(f"operators.csv names no firm, and no reason, for: {', '.join(unmapped)}")
    for item in lineage:
        if item["edge_type"] == "same_site" and item["predecessor_kind"] == "plant":
            for side in (item["ev_plant_id"], item["predecessor_id"]):
                plants[side]["site_group"] = f"site:{item['predecessor_id']}"
    lineage += rule_edges(plants, group_of, {e["ev_plant_id"] for e in lineage})
    return Parsed(
        tables={
            "plants": pl.DataFrame(list(plants.values()), schema=PLANTS),
            "capacities": pl.DataFrame(capacities, schema=CAPACITIES),
            "operators": pl.DataFrame(operators, schema=OPERATORS),
            "evidence": pl.DataFrame(evidence, schema=EVIDENCE),
            "lineage": pl.DataFrame(lineage, schema=LINEAGE).unique(["ev_plant_id", "predecessor_id", "edge_type"], keep="first", maintain_order=True),
        },
        records_in=books.records_in,
        accepted=books.accepted,
        quarantine=books.quarantine(),
    )


def dated_capacity(row: dict[str, str], plant: dict[str, Any], number: int) -> dict[str, Any] | None:
    """A capacity that a page gives with its year ("600000 (2019)", field capacity_gwh_2024): a fact of its own.
    Planned figures keep status `planned` and never count as built; totals of a company are no plant's."""
    if not row["field"].startswith(("capacity", "company_")):
        return None
    amount = re.search(r"\d[\d,]*(?:\.\d+)?", row["value"])
    if not amount:
        return None
    field, text = row["field"], f"{row['value']} {row['what_it_says']}".lower()
    year = re.search(r"\b(19[89]\d|20[0-3]\d)\b", field + " " + row["value"]) or re.search(r"\b(19[89]\d|20[0-3]\d)\b", row["what_it_says"])
    gwh = "gwh" in field or plant["segment"] != "oem"
    value = float(amount.group(0).replace(",", ""))
    if not gwh and value < 1000:
        return None  # a phase number or a share, not vehicles a year
    if gwh and value > 1000:
        return None
    status = "company_total" if field.startswith("company") else (
        "planned" if "planned" in field or re.search(r"\b(plan|plans|planned|planning|target\w*|will|design\w*|agreement|final)\b", text) else "built"
    )  # fmt: skip
    phase = re.search(r"phase\s*\d|first[_ ](?:phase|stage)", f"{field} {row['what_it_says']}".lower())
    return {
        "plant_id": row["plant_id"], "year": int(year.group(1)) if year else None, "phase": phase.group(0) if phase else None,
        "capacity": value, "capacity_unit": "gwh_per_year" if gwh else "vehicles_per_year", "status": status, "support": "seen",
        "confidence": row["confidence"], "source_url": row["source_url"], "note": row["what_it_says"], "record_id": f"C{number:04d}",
    }  # fmt: skip


def rule_edges(plants: dict[str, dict[str, Any]], group_of: dict[str, str], curated: set[str]) -> list[dict[str, Any]]:
    """Edges by the rules R1 to R4 of this module's docstring."""
    makers = [plant for plant in plants.values() if plant["segment"] == "oem"]
    edges = []
    for plant in makers:
        if plant["powertrain_at_opening"] in ("ice", "both") and plant["converted_from_ice"] in ("yes", "partial"):
            rule, confidence = ("R1", 0.95) if plant["converted_from_ice"] == "yes" else ("R2", 0.80)
            edges.append(rule_edge(plant, plant, "converted_plant", confidence, rule, plant["converted_year"]))
        if plant["powertrain_at_opening"] not in ("ev", "both") or plant["plant_id"] in curated:
            continue
        before = [other for other in makers if made_engines_before(other, plant, group_of)]
        near = [other for other in before if other["city_adcode"] == plant["city_adcode"]]
        rule, found, confidence = ("R3", near, 0.80) if near else ("R4", before, 0.60)
        if found:
            first = min(found, key=lambda o: (o["opened_year"], o["plant_id"]))
            edges.append(rule_edge(plant, first, "same_firm_diversifier", confidence, rule, plant["opened_year"]))
    return edges


def made_engines_before(other: dict[str, Any], plant: dict[str, Any], group_of: dict[str, str]) -> bool:
    """Whether `other` opened as a plant of combustion vehicles of the same group, before `plant` did."""
    return (
        other["powertrain_at_opening"] == "ice"
        and group_of[other["operator"]] == group_of[plant["operator"]]
        and other["plant_id"] != plant["plant_id"]
        and (other["opened_year"] or 9999) < (plant["opened_year"] or 0)
    )


def rule_edge(
    plant: dict[str, Any], other: dict[str, Any], kind: str, confidence: float, rule: str, year: int | None
) -> dict[str, Any]:  # fmt: skip
    return {
        "ev_plant_id": plant["plant_id"], "predecessor_id": other["plant_id"], "predecessor_kind": "plant",
        "predecessor_name": other["plant_name"], "edge_type": kind, "since_year": year, "confidence": confidence,
        "support": "derived", "evidence_url": plant["evidence_url"], "rule": rule, "note": None,
        "predecessor_city_adcode": other["city_adcode"],
    }  # fmt: skip


SOURCE = Source(
    name="curated_plants",
    title="Plants of vehicles, cells and materials collected by hand",
    publisher="The atlas's maintainers",
    homepage="",
    licence="Facts",
    cadence="",
    tables=(
        Table("plants", PLANTS, ("plant_id",), (200, 5_000)),
        Table("capacities", CAPACITIES, ("record_id",), (10, 10_000)),
        Table("operators", OPERATORS, ("operator", "plant_id"), (80, 5_000)),
        Table("evidence", EVIDENCE, ("evidence_id",), (300, 20_000)),
        Table("lineage", LINEAGE, ("ev_plant_id", "predecessor_id", "edge_type"), (50, 5_000)),
    ),
    fetch=fetch,
    as_of=declared_day(DATA),
    parse=parse,
    vocabulary=("cities.csv", "city_aliases.csv", "provinces.csv"),
    coverage="282 plants of well-known makers; small makers, suppliers and most material plants are missing; about "
    "half of the opening years are recalled",
)
