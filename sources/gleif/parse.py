"""Reading GLEIF's records: entities and the relationships by which they are consolidated.

Belongs here: typed columns, which name is Chinese and which English, sector and place of the Chinese entities. Does not
belong here: fetching, which state is the newest (dbt's staging), and which firm an entity is.

Sector: an LEI record has no industry and no business scope. An entity is in the sector where the name rules of
sources/sector.py say so of its Chinese name; which others are known firms is found where all sources meet, by USCC, LEI
or name. The registration number counts as a USCC only with the right check character (GB 32100-2015).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from sources.base import BlockFile, Page, ParseContext, Parsed, RejectFile, Table
from sources.firm_enrichment import ENRICHED, enrich
from sources.gleif import columns
from sources.identifiers import clean_code, is_lei, is_uscc
from sources.location import PROVINCES
from sources.records import Books, Column, at, balance, date, expect_total, items, text
from sources.scrub import redact
from sources.webtext import read_json

ENTITIES = Table(
    name="entities",
    schema={
        "lei": pl.String, "name_zh": pl.String, "name_en": pl.String, "former_names": pl.String, "uscc": pl.String,
        "registered_as": pl.String, "register": pl.String, "country": pl.String, "province": pl.String,
        "city": pl.String, "address": pl.String, "hq_country": pl.String, "hq_city": pl.String,
        "jurisdiction": pl.String, "category": pl.String, "legal_form": pl.String, "entity_status": pl.String,
        "created_on": pl.Date, "successor_lei": pl.String, "registration_status": pl.String,
        "registered_on": pl.Date, "updated_at": pl.String, "renewal_on": pl.Date, "qcc": pl.String, **ENRICHED,
    },
    key=("lei",),
    bounds=(0, 2_000_000),
    description="Legal entities with an LEI and a legal address in China, and their parents abroad",
)  # fmt: skip
PARENTS = Table(
    name="parents",
    schema={
        "record_id": pl.String, "child_lei": pl.String, "parent_lei": pl.String, "relationship": pl.String,
        "relationship_status": pl.String, "registration_status": pl.String, "started_on": pl.Date,
        "updated_at": pl.String, "corroboration": pl.String,
    },
    key=("record_id",),
    bounds=(0, 2_000_000),
    description="Who consolidates a Chinese entity in its accounts, directly and ultimately",
)  # fmt: skip
#: Entities that a whole snapshot of China may have, whatever stood before (fetch.py compares with that).
WHOLE = (1_000, 2_000_000)

#: ISO 3166-2:CN -> the first two digits of the division code.
REGIONS = dict(
    zip("BJ TJ HE SX NM LN JL HL SH JS ZJ AH FJ JX SD HA HB HN GD GX HI CQ SC GZ YN XZ SN GS QH NX XJ TW HK MO".split(),
        "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82".split(),
        strict=True)
)  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def lei(value: object) -> str | None:
    """An LEI with the right check digits; None for nothing. Raises ValueError."""
    found = text(value)
    if found is None:
        return None
    code = clean_code(found)
    if not is_lei(code):
        raise ValueError("no LEI")
    return code


def day(value: object) -> Any:
    """The day of a time stamp (`2015-03-02T00:00:00Z`, `2015-03-02T00:00:00+08:00`); None for nothing."""
    found = text(value)
    return None if found is None else date(found[:10])


def province(value: object) -> str | None:
    """`CN-GD` as the province's Chinese name; None for a region elsewhere."""
    code = (text(value) or "").upper()
    return PROVINCES.get(REGIONS.get(code.removeprefix("CN-"), "")) if code.startswith("CN-") else None


def uscc(value: object) -> str | None:
    """The registration number, where it is a USCC with the right check character."""
    code = clean_code(str(value or ""))
    return code if is_uscc(code) else None


def clean(value: object) -> str | None:
    found = text(value)
    return None if found is None else redact(" ".join(found.split()))


COLUMNS = (
    Column("lei", columns.LEI, lei, required=True),
    Column("uscc", "Entity.RegistrationAuthority.RegistrationAuthorityEntityID", uscc),
    Column("registered_as", "Entity.RegistrationAuthority.RegistrationAuthorityEntityID"),
    Column("register", "Entity.RegistrationAuthority.RegistrationAuthorityID"),
    Column("country", columns.COUNTRY, required=True),
    Column("province", "Entity.LegalAddress.Region", province),
    Column("city", "Entity.LegalAddress.City"),
    Column("address", "Entity.LegalAddress.FirstAddressLine", clean),
    Column("hq_country", "Entity.HeadquartersAddress.Country"),
    Column("hq_city", "Entity.HeadquartersAddress.City"),
    Column("jurisdiction", "Entity.LegalJurisdiction"),
    Column("category", columns.CATEGORY),
    Column("legal_form", "Entity.LegalForm.EntityLegalFormCode"),
    Column("entity_status", "Entity.EntityStatus", required=True),
    Column("created_on", "Entity.EntityCreationDate", day),
    Column("successor_lei", "Entity.SuccessorEntity.1.SuccessorLEI", lei),
    Column("registration_status", "Registration.RegistrationStatus", required=True),
    Column("registered_on", "Registration.InitialRegistrationDate", day),
    Column("updated_at", "Registration.LastUpdateDate", required=True),
    Column("renewal_on", "Registration.NextRenewalDate", day),
    Column("qcc", "qcc"),
)
PARENT_COLUMNS = (
    Column("child_lei", columns.RR_CHILD, lei, required=True),
    Column("parent_lei", columns.RR_PARENT, lei, required=True),
    Column("relationship", columns.RR_TYPE, required=True),
    Column("relationship_status", "Relationship.RelationshipStatus", required=True),
    Column("registration_status", "Registration.RegistrationStatus", required=True),
    Column("started_on", "Relationship.Period.1.startDate", day),
    Column("updated_at", "Registration.LastUpdateDate"),
    Column("corroboration", "Registration.ValidationSources"),
)
NAME_FIELDS = frozenset(
    f"{stem}.{n}{part}" for stem in ("Entity.LegalName", columns.OTHER, columns.TRANSLITERATED)
    for n in range(1, columns.N_OTHER + 1) for part in ("", ".xmllang", ".type")
) | {"Entity.LegalName", "Entity.LegalName.xmllang", "Entity.LegalAddress.PostalCode"}  # fmt: skip


def names(record: dict[str, Any]) -> dict[str, str | None]:
    """name_zh, name_en, former_names of a record. The legal name speaks first; then names in another language; a
    transliteration last. Former names are kept apart, whatever their script."""
    present: list[str] = [clean(record.get("Entity.LegalName")) or ""]
    former: list[str] = []
    for stem in (columns.OTHER, columns.TRANSLITERATED):
        for number in range(1, columns.N_OTHER + 1):
            name = clean(record.get(f"{stem}.{number}"))
            if name is None:
                continue
            kind = str(record.get(f"{stem}.{number}.type") or "")
            (former if kind.startswith("PREVIOUS") else present).append(name)
    chinese = [name for name in present if CHINESE.search(name)]
    others = [name for name in present if name and not CHINESE.search(name)]
    return {
        "name_zh": chinese[0] if chinese else None,
        "name_en": others[0] if others else None,
        "former_names": ";".join(dict.fromkeys(former)) or None,
    }


def csv_records(page: Page) -> Iterator[dict[str, Any]]:
    """Rows of a kept CSV under its header."""
    if page.body.strip():
        yield from pl.read_csv(io.BytesIO(page.body), infer_schema=False).iter_rows(named=True)


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """The pages of a partition into `entities` and `parents`. Raises RejectFile("mixed") for pages of two states,
    BlockFile("incomplete") where the publisher counts other than came, BlockFile("volume") for a whole snapshot of
    unbelievable size."""
    entities = Books(ENTITIES, COLUMNS, NAME_FIELDS)
    parents = Books(PARENTS, PARENT_COLUMNS)
    states: set[str] = set()
    came = stated = withheld = 0
    for page in pages:
        where = page.key
        if where.startswith("rr-"):
            for record in csv_records(page):
                parents.add(record, where, {"record_id": "|".join(str(record.get(name) or "") for name in (
                    columns.RR_CHILD, columns.RR_PARENT, columns.RR_TYPE, "Relationship.RelationshipStatus",
                    "Relationship.Period.1.startDate"))})  # fmt: skip
            continue
        if where.endswith(".csv"):
            rows = list(csv_records(page))
        else:
            reply = read_json(page.body, where)
            rows = []
            data = items(at(reply, "data"), f"{where} data")
            for item in data:
                if item.get("type") == "withheld":
                    withheld += 1
                else:
                    rows.append(columns.flat(item))
            if where.startswith("cn-"):
                came += len(data)
                states.add(str(at(reply, "meta", "goldenCopy", "publishDate")))
                total = at(reply, "meta", "pagination", "total")
                if not isinstance(total, int):
                    raise RejectFile("schema_changed", f"{where}: no meta.pagination.total")
                stated = max(stated, total)
        for record in rows:
            named = names(record)
            if named["name_zh"] is None and named["name_en"] is None:
                entities.refuse(record, where, "missing_name", "no name in any script")
            else:
                entities.add(record, where, named | {"former_names": named["former_names"]})
    if len(states) > 1:
        raise RejectFile("mixed", f"gleif {context.partition}: pages of {', '.join(sorted(states))}")
    if states:
        expect_total(came, stated, f"gleif {context.partition}")
    whole = sum(1 for row in entities.rows if row["country"] == "CN")
    if not context.partition.endswith("-delta") and not WHOLE[0] <= whole <= WHOLE[1]:
        raise BlockFile("volume", f"gleif {context.partition}: {whole} entities of China, believable are {WHOLE[0]}-{WHOLE[1]}")
    notes = [("withheld", f"{withheld} sole proprietors, who are persons")] if withheld else []
    parsed = balance([entities, parents], notes)
    parsed.tables["entities"] = judged(entities, context.seeds)
    return parsed


def judged(entities: Books, seeds: Path) -> pl.DataFrame:
    """The accepted entities with sector and place; those abroad have neither."""
    plain = {name: kind for name, kind in ENTITIES.schema.items() if name not in ENRICHED}
    frame = pl.DataFrame(entities.rows, schema=plain, orient="row").sort("lei")
    found = enrich(frame.select("name_zh", "name_en", "uscc", "address", "city", "province"), seeds)
    home = frame.get_column("country") == "CN"
    blank = {"in_sector": False, "sector_basis": "abroad", "place_conflict": False}
    return pl.concat([frame, found.select(list(ENRICHED)).with_columns(
        pl.when(home).then(pl.col(name)).otherwise(pl.lit(blank.get(name))).cast(kind).alias(name)
        for name, kind in ENRICHED.items() if name != "segments"
    ).with_columns(segments=pl.when(home).then("segments").otherwise(pl.lit([], dtype=ENRICHED["segments"])))],
        how="horizontal").select(list(ENTITIES.schema))  # fmt: skip
