"""Reading GLEIF's records: entities and the relationships by which they are consolidated.

Belongs here: typed columns, which name is Chinese and which English, sector and place of the Chinese entities. Does not
belong here: fetching, which state is the newest (dbt's staging), and which firm an entity is.

Sector: an LEI record has no industry and no business scope. An entity is in the sector where the name rules of
ingest/firms/sector.py say so of its Chinese name; which others are known firms is found where all sources meet, by USCC, LEI
or name. The registration number counts as a USCC only with the right check character (GB 32100-2015).
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import BlockFile, Page, ParseContext, Parsed, RejectFile, Table
from ingest.firms.enrichment import ENRICHED, enrich
from ingest.records import BadDate, Books, Column, at, balance, expect_total, items, optional_date, text
from ingest.text.identifiers import clean_code, is_lei, is_uscc
from ingest.text.scrub import redact
from ingest.vocabulary import provinces
from ingest.web.bodies import read_json
from sources.gleif import columns

ENTITIES = Table(
    name="entities",
    schema={
        "lei": pl.String, "name_zh": pl.String, "name_en": pl.String, "former_names": pl.String, "uscc": pl.String,
        "registered_as": pl.String, "register": pl.String, "country": pl.String, "province": pl.String,
        "city": pl.String, "address": pl.String, "hq_country": pl.String, "hq_city": pl.String,
        "jurisdiction": pl.String, "category": pl.String, "legal_form": pl.String, "entity_status": pl.String,
        "created_on": pl.Date, "successor_lei": pl.String, "registration_status": pl.String,
        "registered_on": pl.Date, "updated_at": pl.String, "renewal_on": pl.Date, "qcc": pl.String,
        "blanked": pl.String, **ENRICHED,
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
        "ended_on": pl.Date, "updated_at": pl.String, "corroboration": pl.String, "blanked": pl.String,
    },
    key=("record_id",),
    bounds=(0, 2_000_000),
    description="Who consolidates a Chinese entity in its accounts, directly and ultimately",
)  # fmt: skip
#: Entities that a whole snapshot of China may have, whatever stood before (fetch.py compares with that).
WHOLE = (1_000, 2_000_000)

#: ISO 3166-2:CN -> the province in Chinese.
REGIONS = {p.iso: p.name_zh for p in provinces().values()}
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


def day(latest: dt.date | None = None) -> Any:
    """A reader of the day of a time stamp (`2015-03-02T00:00:00Z`, `2015-03-02T00:00:00+08:00`); None for nothing. Raises
    BadDate: the register holds 1900-01-01, 0202-.. and 9940-01-01, and none of them may cost the record."""
    read = optional_date(latest)
    return lambda value: read((text(value) or "")[:10])


def joined(record: dict[str, Any]) -> str | None:
    """All lines of the legal address in their order, as the API and the golden copy both give them."""
    return clean(" ".join(line for name in columns.ADDRESS_LINES if (line := text(record.get(name)))))


def with_period(record: dict[str, Any]) -> dict[str, Any]:
    """A relationship record with its RELATIONSHIP_PERIOD under names of its own; of several the one that began last. The
    other periods are of accounts and documents, and say nothing of how long the relationship holds."""
    read = day()

    def began(period: tuple[object, object]) -> tuple[bool, dt.date, str]:
        try:
            found = read(period[0])
        except BadDate:
            found = None
        return found is not None, found or dt.date.min, str(period[1] or "9999")  # an open one ends after every closed one

    found = [
        (record.get(start), record.get(end))
        for start, end, kind in columns.RR_PERIODS
        if text(record.get(kind)) == columns.RR_OF_RELATIONSHIP
    ]
    started, ended = max(found, key=began, default=(None, None))
    return {**record, HOLDS_FROM: started, HOLDS_TO: ended}


def identity(record: dict[str, Any]) -> str:
    """Child, parent, kind and state: what a relationship is. No date: the periods of a record are written anew with each
    accounting year."""
    names = (columns.RR_CHILD, columns.RR_PARENT, columns.RR_TYPE, "Relationship.RelationshipStatus")
    return "|".join(str(record.get(name) or "") for name in names)


def surest_first(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Relationship records in an order that depends on what they say alone. Of two with one identity the renewed one, then
    the one that was changed last, comes first: the other is held back as `conflicting`."""
    ordered = sorted(records, key=lambda r: sorted((name, str(value or "")) for name, value in r.items()))
    ordered.sort(key=lambda r: str(r.get("Registration.LastUpdateDate") or ""), reverse=True)
    return sorted(ordered, key=lambda r: (identity(r), r.get("Registration.RegistrationStatus") not in RENEWED))


def province(value: object) -> str | None:
    """`CN-GD` as the province's Chinese name; None for a region elsewhere."""
    code = (text(value) or "").upper()
    return REGIONS.get(code.removeprefix("CN-")) if code.startswith("CN-") else None


def uscc(value: object) -> str | None:
    """The registration number, where it is a USCC with the right check character."""
    code = clean_code(str(value or ""))
    return code if is_uscc(code) else None


def clean(value: object) -> str | None:
    found = text(value)
    return None if found is None else redact(" ".join(found.split()))


#: States of a relationship record that its issuer keeps up; LAPSED is one that was not renewed in its year.
RENEWED = ("PUBLISHED", "PENDING_TRANSFER", "PENDING_ARCHIVAL")
#: Days that a date of renewal or an agreed end may lie ahead of its publication: issuers sell five years at most, and
#: 9999-12-31 is written for "open".
AHEAD = 3_660


#: The relationship's own period, by names that the publisher does not use.
HOLDS_FROM, HOLDS_TO = "Relationship.RELATIONSHIP_PERIOD.startDate", "Relationship.RELATIONSHIP_PERIOD.endDate"


def dated(shelf: tuple[Column, ...], published: dt.date) -> tuple[Column, ...]:
    """The columns as they are read in a state of the register that was published on a day: what has happened lies before
    it, what is to come not far behind it."""
    past = day(published + dt.timedelta(days=1))  # the day has begun in China before it has in UTC
    ahead = day(published + dt.timedelta(days=AHEAD))
    return tuple(
        replace(column, read=ahead if column.name in ("renewal_on", "ended_on") else past) if column.blank else column
        for column in shelf
    )


COLUMNS = (
    Column("lei", columns.LEI, lei, required=True),
    Column("uscc", "Entity.RegistrationAuthority.RegistrationAuthorityEntityID", uscc),
    Column("registered_as", "Entity.RegistrationAuthority.RegistrationAuthorityEntityID"),
    Column("register", "Entity.RegistrationAuthority.RegistrationAuthorityID"),
    Column("country", columns.COUNTRY, required=True),
    Column("province", "Entity.LegalAddress.Region", province),
    Column("city", "Entity.LegalAddress.City"),
    Column("hq_country", "Entity.HeadquartersAddress.Country"),
    Column("hq_city", "Entity.HeadquartersAddress.City"),
    Column("jurisdiction", "Entity.LegalJurisdiction"),
    Column("category", columns.CATEGORY),
    Column("legal_form", "Entity.LegalForm.EntityLegalFormCode"),
    Column("entity_status", "Entity.EntityStatus", required=True),
    Column("created_on", "Entity.EntityCreationDate", day(), blank=True),
    Column("successor_lei", "Entity.SuccessorEntity.1.SuccessorLEI", lei),
    Column("registration_status", "Registration.RegistrationStatus", required=True),
    Column("registered_on", "Registration.InitialRegistrationDate", day(), blank=True),
    Column("updated_at", "Registration.LastUpdateDate", required=True),
    Column("renewal_on", "Registration.NextRenewalDate", day(), blank=True),
    Column("qcc", "qcc"),
)
PARENT_COLUMNS = (
    Column("child_lei", columns.RR_CHILD, lei, required=True),
    Column("parent_lei", columns.RR_PARENT, lei, required=True),
    Column("relationship", columns.RR_TYPE, required=True),
    Column("relationship_status", "Relationship.RelationshipStatus", required=True),
    Column("registration_status", "Registration.RegistrationStatus", required=True),
    Column("started_on", HOLDS_FROM, day(), blank=True),
    Column("ended_on", HOLDS_TO, day(), blank=True),
    Column("updated_at", "Registration.LastUpdateDate"),
    Column("corroboration", "Registration.ValidationSources"),
)
NAME_FIELDS = frozenset(
    f"{stem}.{n}{part}" for stem in ("Entity.LegalName", columns.OTHER, columns.TRANSLITERATED)
    for n in range(1, columns.N_OTHER + 1) for part in ("", ".xmllang", ".type")
) | {"Entity.LegalName", "Entity.LegalName.xmllang", "Entity.LegalAddress.PostalCode", *columns.ADDRESS_LINES}  # fmt: skip
PERIOD_FIELDS = frozenset(columns.RR_KEPT)


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
    published = dt.date.fromisoformat(context.partition[:10])
    entities = Books(ENTITIES, dated(COLUMNS, published), NAME_FIELDS)
    parents = Books(PARENTS, dated(PARENT_COLUMNS, published), PERIOD_FIELDS)
    came = _Came()
    for page in pages:
        if page.key.startswith("rr-"):
            _add_parents(parents, page, came)
        else:
            _add_entities(entities, page, came)
    where = f"gleif {context.partition}"
    came.require_whole(where)
    if not context.partition.endswith("-delta"):
        _require_volume(entities, where)
    parsed = balance([entities, parents], came.notes(where))
    parsed.tables["entities"] = judged(entities, context.seeds)
    return parsed


@dataclass
class _Came:
    """What came of a partition, beside its records: what the publisher counts, and pages that were kept in an old
    form."""

    states: set[str] = field(default_factory=set)  # of the golden copy, by its day of publication
    records: int = 0
    stated: int = 0
    withheld: int = 0
    without_periods: int = 0
    without_lines: int = 0

    def require_whole(self, where: str) -> None:
        if len(self.states) > 1:
            raise RejectFile("mixed", f"{where}: pages of {', '.join(sorted(self.states))}")
        if self.states:
            expect_total(self.records, self.stated, where)

    def notes(self, where: str) -> list[tuple[str, str]]:
        found = []
        if self.withheld:
            found.append(("withheld", f"{self.withheld} sole proprietors, who are persons"))
        if self.without_periods:
            found.append(("old_form", f"{self.without_periods} relationship records were kept without the kinds of their "
                          f"periods: started_on and ended_on are unknown until {where} is fetched anew"))  # fmt: skip
        if self.without_lines:
            found.append(("old_form", f"{self.without_lines} entities were kept with the first line of their address alone, "
                          f"until {where} is fetched anew"))  # fmt: skip
        return found


def _add_parents(parents: Books, page: Page, came: _Came) -> None:
    for record in surest_first(list(csv_records(page))):
        came.without_periods += columns.RR_PERIODS[0][2] not in record
        parents.add(with_period(record), page.key, {"record_id": identity(record)})


def _add_entities(entities: Books, page: Page, came: _Came) -> None:
    if page.key.endswith(".csv"):
        records = list(csv_records(page))
        came.without_lines += sum(columns.ADDRESS_LINES[1] not in record for record in records)
    else:
        records = _api_records(page, came)
    for record in records:
        named = names(record)
        if named["name_zh"] is None and named["name_en"] is None:
            entities.refuse(record, page.key, "missing_name", "no name in any script")
        else:
            entities.add(record, page.key, {**named, "address": joined(record)})


def _api_records(page: Page, came: _Came) -> list[dict[str, Any]]:
    """The records of an answer of the API; of the pages of China the publisher says how many there are in all."""
    where = page.key
    reply = read_json(page.body, where)
    data = items(at(reply, "data"), f"{where} data")
    records = [columns.flat(item) for item in data if item.get("type") != "withheld"]
    came.withheld += len(data) - len(records)
    if where.startswith("cn-"):
        came.records += len(data)
        came.states.add(str(at(reply, "meta", "goldenCopy", "publishDate")))
        total = at(reply, "meta", "pagination", "total")
        if not isinstance(total, int):
            raise RejectFile("schema_changed", f"{where}: no meta.pagination.total")
        came.stated = max(came.stated, total)
    return records


def _require_volume(entities: Books, where: str) -> None:
    whole = sum(1 for row in entities.rows if row["country"] == "CN")
    if not WHOLE[0] <= whole <= WHOLE[1]:
        raise BlockFile("volume", f"{where}: {whole} entities of China, believable are {WHOLE[0]}-{WHOLE[1]}")


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
