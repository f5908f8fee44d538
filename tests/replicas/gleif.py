"""A stand-in for GLEIF: the API by cursor on one host, the golden copy's list, files and deltas on another.

Belongs here: the protocol as the real hosts speak it. Entities are synthetic; their LEIs and USCCs pass their check
digits. A `World` is what GLEIF knows at each publication; both hosts serve it.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import datetime as dt
import functools
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ingest.text.identifiers import uscc_check_char
from tests.replicas.base import Replica, Reply, Request, serve

API, GOLDEN = "api.gleif.org", "goldencopy.gleif.org"
OTHER = "Entity.OtherEntityNames.OtherEntityName"
#: Parts of the real header, in an order of their own; the real file has 338 columns.
HEADER = [
    "Entity.LegalName", "Entity.LegalName.xmllang", "LEI", f"{OTHER}.1", f"{OTHER}.1.xmllang", f"{OTHER}.1.type",
    f"{OTHER}.2", f"{OTHER}.2.xmllang", f"{OTHER}.2.type",
    "Entity.LegalAddress.FirstAddressLine", "Entity.LegalAddress.AddressNumber",
    "Entity.LegalAddress.AdditionalAddressLine.1", "Entity.LegalAddress.AdditionalAddressLine.2",
    "Entity.LegalAddress.AdditionalAddressLine.3", "Entity.LegalAddress.City",
    "Entity.LegalAddress.Region", "Entity.LegalAddress.Country", "Entity.LegalAddress.PostalCode",
    "Entity.HeadquartersAddress.City", "Entity.HeadquartersAddress.Region", "Entity.HeadquartersAddress.Country",
    "Entity.RegistrationAuthority.RegistrationAuthorityID",
    "Entity.RegistrationAuthority.RegistrationAuthorityEntityID", "Entity.LegalJurisdiction",
    "Entity.EntityCategory", "Entity.LegalForm.EntityLegalFormCode", "Entity.EntityStatus",
    "Entity.EntityCreationDate", "Entity.SuccessorEntity.1.SuccessorLEI", "Registration.InitialRegistrationDate",
    "Registration.LastUpdateDate", "Registration.RegistrationStatus", "Registration.NextRenewalDate",
    "Registration.ManagingLOU", "ConformityFlag",
]  # fmt: skip
RR_HEADER = [
    "Relationship.StartNode.NodeID", "Relationship.StartNode.NodeIDType", "Relationship.EndNode.NodeID",
    "Relationship.EndNode.NodeIDType", "Relationship.RelationshipType", "Relationship.RelationshipStatus",
    *(f"Relationship.Period.{n}.{part}" for n in range(1, 6) for part in ("startDate", "endDate", "periodType")),
    "Registration.InitialRegistrationDate", "Registration.LastUpdateDate", "Registration.RegistrationStatus",
    "Registration.NextRenewalDate", "Registration.ManagingLOU", "Registration.ValidationSources",
    "Registration.ValidationDocuments", "Registration.ValidationReference",
]  # fmt: skip
WINDOWS = {"IntraDay": 8 / 24, "LastDay": 1, "LastWeek": 7, "LastMonth": 31}
Record = dict[str, str]


@functools.cache
def lei_of(number: int, prefix: str = "TEST00") -> str:
    body = f"{prefix}{number:012d}"
    digits = int("".join(str(int(c, 36)) for c in body) + "00")
    return f"{body}{98 - digits % 97:02d}"


@functools.cache
def uscc_of(number: int) -> str:
    body = f"91440300T{number:08d}"
    return body + uscc_check_char(body)


def entity(number: int, **changes: str) -> Record:
    """One Chinese entity: every tenth makes vehicles by its name, every third has its Chinese name in second place."""
    kind = "新能源汽车制造" if number % 10 == 0 else "贸易"
    name_zh, name_en = f"测试{number}{kind}有限公司", f"Test {number} Co., Ltd."
    foreign = number % 3 == 0
    record = dict.fromkeys(HEADER, "")
    record |= {
        "LEI": lei_of(number), "Entity.LegalName": name_en if foreign else name_zh,
        "Entity.LegalName.xmllang": "en" if foreign else "zh", f"{OTHER}.1": name_zh if foreign else name_en,
        f"{OTHER}.1.xmllang": "zh" if foreign else "en", f"{OTHER}.1.type": "ALTERNATIVE_LANGUAGE_LEGAL_NAME",
        # as Chinese records have it: the building first, the street in a further line
        "Entity.LegalAddress.FirstAddressLine": '"A"座\n二层,',
        "Entity.LegalAddress.AdditionalAddressLine.1": f"广东省深圳市南山区测试路{number}号",
        "Entity.LegalAddress.City": "深圳市", "Entity.LegalAddress.Region": "CN-GD",
        "Entity.LegalAddress.Country": "CN", "Entity.LegalAddress.PostalCode": "518000",
        "Entity.RegistrationAuthority.RegistrationAuthorityID": "RA999999",
        "Entity.RegistrationAuthority.RegistrationAuthorityEntityID": uscc_of(number), "Entity.LegalJurisdiction": "CN",
        "Entity.EntityCategory": "GENERAL", "Entity.LegalForm.EntityLegalFormCode": "ECAK",
        "Entity.EntityStatus": "ACTIVE", "Entity.EntityCreationDate": "2015-03-02T00:00:00Z",
        "Registration.InitialRegistrationDate": "2020-01-06T00:00:00Z",
        "Registration.LastUpdateDate": "2026-01-06T00:00:00Z", "Registration.RegistrationStatus": "ISSUED",
        "Registration.NextRenewalDate": "2027-01-06T00:00:00Z",
    }  # fmt: skip
    return record | changes


def abroad(number: int, name: str) -> Record:
    return entity(
        number, **{"LEI": lei_of(number, "ABROAD"), "Entity.LegalName": name, "Entity.LegalAddress.Country": "DE",
                   f"{OTHER}.1": "", "Entity.LegalAddress.Region": "DE-BY", "Entity.LegalAddress.City": "München",
                   "Entity.RegistrationAuthority.RegistrationAuthorityEntityID": f"HRB {number}"},
    )  # fmt: skip


def period(number: int, kind: str, start: str, end: str = "") -> Record:
    stem = f"Relationship.Period.{number}"
    return {f"{stem}.startDate": start, f"{stem}.endDate": end, f"{stem}.periodType": kind}


def relationship(child: str, parent: str, kind: str = "IS_ULTIMATELY_CONSOLIDATED_BY", **changes: str) -> Record:
    return {
        **dict.fromkeys(RR_HEADER, ""), "Relationship.StartNode.NodeID": child, "Relationship.StartNode.NodeIDType": "LEI",
        "Relationship.EndNode.NodeID": parent, "Relationship.EndNode.NodeIDType": "LEI",
        "Relationship.RelationshipType": kind, "Relationship.RelationshipStatus": "ACTIVE",
        # nearly all records of the real file have the accounts first
        **period(1, "ACCOUNTING_PERIOD", "2024-01-01T00:00:00Z", "2024-12-31T00:00:00Z"),
        **period(2, "RELATIONSHIP_PERIOD", "2009-05-20T00:00:00+08:00"),
        "Registration.InitialRegistrationDate": "2019-01-08T00:00:00Z", "Registration.NextRenewalDate": "2027-01-06T00:00:00Z",
        "Registration.LastUpdateDate": "2026-01-06T00:00:00Z", "Registration.RegistrationStatus": "PUBLISHED",
        "Registration.ValidationSources": "FULLY_CORROBORATED", **changes,
    }  # fmt: skip


def as_json(record: Record) -> dict[str, Any]:
    """A record as the API words it."""
    def address(kind: str) -> dict[str, Any]:
        stem = f"Entity.{kind}"
        lines = [record.get(f"{stem}.{n}", "") for n in (
            "FirstAddressLine", "AdditionalAddressLine.1", "AdditionalAddressLine.2", "AdditionalAddressLine.3")]  # fmt: skip
        return {"addressLines": [line for line in lines if line], "city": record[f"{stem}.City"] or None,
                "region": record[f"{stem}.Region"] or None, "country": record[f"{stem}.Country"] or None,
                "postalCode": record.get(f"{stem}.PostalCode") or None}  # fmt: skip

    others = [{"name": record[f"{OTHER}.{n}"], "language": record[f"{OTHER}.{n}.xmllang"], "type": record[f"{OTHER}.{n}.type"]}
              for n in (1, 2) if record[f"{OTHER}.{n}"]]  # fmt: skip
    return {"type": "lei-records", "id": record["LEI"], "attributes": {
        "lei": record["LEI"], "entity": {
            "legalName": {"name": record["Entity.LegalName"], "language": record["Entity.LegalName.xmllang"]},
            "otherNames": others, "transliteratedOtherNames": [], "legalAddress": address("LegalAddress"),
            "headquartersAddress": address("HeadquartersAddress"),
            "registeredAt": {"id": record["Entity.RegistrationAuthority.RegistrationAuthorityID"], "other": None},
            "registeredAs": record["Entity.RegistrationAuthority.RegistrationAuthorityEntityID"],
            "jurisdiction": record["Entity.LegalJurisdiction"], "category": record["Entity.EntityCategory"],
            "legalForm": {"id": record["Entity.LegalForm.EntityLegalFormCode"], "other": None},
            "status": record["Entity.EntityStatus"], "creationDate": record["Entity.EntityCreationDate"] or None,
            "successorEntity": {"lei": record["Entity.SuccessorEntity.1.SuccessorLEI"] or None, "name": None}},
        "registration": {"initialRegistrationDate": record["Registration.InitialRegistrationDate"],
                         "lastUpdateDate": record["Registration.LastUpdateDate"],
                         "status": record["Registration.RegistrationStatus"],
                         "nextRenewalDate": record["Registration.NextRenewalDate"]},
        "qcc": None}}  # fmt: skip


def zipped(name: str, header: list[str], rows: list[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, quoting=csv.QUOTE_ALL, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as box:
        box.writestr(name, text.getvalue())
    return out.getvalue()


@dataclass
class World:
    """`states`: publication -> LEI -> record; `links`: publication -> relationships. `api_at`: what the API serves,
    by default the newest; `turn_after`: after so many pages it serves `turn_to`."""

    states: dict[dt.datetime, dict[str, Record]] = field(default_factory=dict)
    links: dict[dt.datetime, list[Record]] = field(default_factory=dict)
    api_at: dt.datetime | None = None
    turn_after: int = 0
    turn_to: dt.datetime | None = None
    header: list[str] = field(default_factory=lambda: list(HEADER))
    rr_header: list[str] = field(default_factory=lambda: list(RR_HEADER))
    lose: int = 0  # records that the API counts and does not send
    loop: bool = False  # the next page is the same for ever
    bomb: bool = False
    short: int = 0  # bytes that a file lacks
    miscount: int = 0  # records that a publication counts and its file does not have
    api: Replica = field(init=False)
    golden: Replica = field(init=False)
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api = Replica(self.speak_api, API)
        self.golden = Replica(self.speak_golden, GOLDEN)

    def publish(self, at: str, records: list[Record], links: list[Record] | None = None) -> None:
        """A whole state: the state before with these records and relationships put over it."""
        when = dt.datetime.fromisoformat(at)
        before = max(self.states, default=None)
        self.states[when] = {**(self.states[before] if before else {}), **{r["LEI"]: r for r in records}}
        key = lambda r: (r["Relationship.StartNode.NodeID"], r["Relationship.EndNode.NodeID"], r["Relationship.RelationshipType"])  # noqa: E731
        merged = {key(r): r for r in [*(self.links[before] if before else []), *(links or [])]}
        self.links[when] = list(merged.values())

    # -- the golden copy -----------------------------------------------------------------------
    def rows(self, kind: str, when: dt.datetime, window: str) -> list[Record]:
        if kind == "lei2":
            new = self.states[when]
            full = list(new.values())
        else:
            full = self.links[when]
        if window == "full":
            return full
        earlier = [p for p in self.states if p <= when - dt.timedelta(days=WINDOWS[window])]
        base = max(earlier, default=min(self.states))
        old = self.states[base].values() if kind == "lei2" else self.links[base]
        before = {tuple(r.items()) for r in old}
        return [r for r in full if tuple(r.items()) not in before]

    def file(self, name: str) -> bytes:
        """The bytes of `<stamp>-<kind>-<window>.csv.zip`."""
        if name not in self.files:
            stamp, kind, window = name.removesuffix(".csv.zip").split("_")
            rows = self.rows(kind, dt.datetime.strptime(stamp, "%Y%m%d-%H%M"), window)
            header = self.header if kind == "lei2" else self.rr_header
            self.files[name] = zipped(name.removesuffix(".zip"), header, rows)
            if self.bomb:
                out = io.BytesIO()
                with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
                    box.writestr("bomb.csv", b"0" * 20_000_000)
                self.files[name] = out.getvalue()
        return self.files[name]

    def described(self, when: dt.datetime) -> dict[str, Any]:
        def one(kind: str, window: str) -> dict[str, Any]:
            name = f"{when:%Y%m%d-%H%M}_{kind}_{window}.csv.zip"
            body = self.file(name)
            count = len(self.rows(kind, when, window)) + (self.miscount if kind == "lei2" else 0)
            return {"csv": {"type": kind, "format": "csv", "record_count": count, "size": len(body),
                            "size_human_readable": f"{len(body)} B", "delta_type": None if window == "full" else window,
                            "url": f"https://{GOLDEN}/storage/golden-copy-files/{name}"}}  # fmt: skip

        return {"publish_date": f"{when:%Y-%m-%d %H:%M:%S}", **{
            kind: {"full_file": one(kind, "full"), "delta_files": {window: one(kind, window) for window in WINDOWS if when > min(self.states)}}
            for kind in ("lei2", "rr")
        }}  # fmt: skip

    def speak_golden(self, request: Request) -> Reply:
        if request.path == "/api/v2/golden-copies/publishes":
            size, number = int(request.query.get("per_page", 10)), int(request.query.get("page", 1))
            chosen = sorted(self.states, reverse=True)[(number - 1) * size : number * size]
            return Reply.json(json.dumps({"data": [self.described(when) for when in chosen]}))
        name = request.path.rsplit("/", 1)[-1]
        if not request.path.startswith("/storage/golden-copy-files/"):
            return Reply(b"", 404)
        body = self.file(name)
        stamp = dt.datetime.strptime(name.split("_")[0], "%Y%m%d-%H%M")
        headers = {"Content-Type": "application/zip", "X-GLEIF-Publish-Date": f"{stamp:%Y-%m-%dT%H:%M:%SZ}"}
        return Reply(body[: len(body) - self.short], headers=headers)

    # -- the API ------------------------------------------------------------------------------------
    def speak_api(self, request: Request) -> Reply:
        if request.path != "/api/v1/lei-records":
            return Reply(b"", 404)
        if request.headers.get("accept") != "application/vnd.api+json":
            return Reply(b"", 406)
        query, size = request.query, int(request.query.get("page[size]", 10))
        if not 1 <= size <= 200 or "page[number]" in query:
            return Reply.json('{"errors":[{"status":"400","title":"page size is 1 to 200; beyond 10,000 rows use a cursor"}]}', status=400)
        pages = len([r for r in self.api.asked if "filter[lei]" not in r.query])
        if self.turn_after and pages > self.turn_after:
            self.api_at, self.turn_after = self.turn_to, 0
        when = self.api_at or max(self.states)
        known = self.states[when]
        if "filter[lei]" in query:
            wanted = query["filter[lei]"].split(",")
            if len(wanted) > 200:
                return Reply.json('{"errors":[{"status":"400","title":"at most 200 LEIs"}]}', status=400)
            rows = [known[lei] for lei in wanted if lei in known]
        else:
            if query.get("filter[entity.legalAddress.country]") != "CN":
                return Reply.json('{"errors":[{"status":"400","title":"Filter should contain only allowed values"}]}', status=400)
            rows = sorted((r for r in known.values() if r["Entity.LegalAddress.Country"] == "CN"), key=lambda r: r["LEI"])
        cursor = query.get("page[cursor]", "*")
        start = 0 if cursor == "*" else int(base64.urlsafe_b64decode(cursor))
        sent = rows[start : start + size]
        links: dict[str, str] = {}
        if start + size < len(rows):
            after = start if self.loop else start + size
            following = {**query, "page[cursor]": base64.urlsafe_b64encode(str(after).encode()).decode()}
            links["next"] = f"https://{API}/api/v1/lei-records?{urlencode(following)}"
        elif self.lose:
            sent = sent[: -self.lose]
        body = {
            "meta": {"goldenCopy": {"publishDate": f"{when:%Y-%m-%dT%H:%M:%SZ}"},
                     "pagination": {"perPage": size, "total": len(rows)}},
            "links": links, "data": [as_json(record) for record in sent],
        }  # fmt: skip
        return Reply.json(json.dumps(body, ensure_ascii=False), headers={"Content-Type": "application/vnd.api+json"})


@contextlib.contextmanager
def serve_world(world: World) -> Iterator[World]:
    with serve(world.api), serve(world.golden):
        yield world
