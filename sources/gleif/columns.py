"""The fields of an LEI record, under the names of the golden copy's CSV, and the same fields out of the API's JSON.

Belongs here: names of fields, and which are kept. Does not belong here: fetching, or typed values.
The golden copy has 338 columns in an order that changes: they are found by name, and only these are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.records import at

LEI = "LEI"
COUNTRY = "Entity.LegalAddress.Country"
CATEGORY = "Entity.EntityCategory"
#: A sole proprietor is a person: such records do not pass the door.
PERSON_CATEGORY = "SOLE_PROPRIETOR"
OTHER = "Entity.OtherEntityNames.OtherEntityName"
TRANSLITERATED = "Entity.TransliteratedOtherEntityNames.TransliteratedOtherEntityName"
N_OTHER = 5
#: The street may stand in any of them: a building in the first, the road in the second.
ADDRESS_LINES = (
    "Entity.LegalAddress.FirstAddressLine", *(f"Entity.LegalAddress.AdditionalAddressLine.{n}" for n in (1, 2, 3)),
)  # fmt: skip
#: Columns without which a file is not the one that we know.
REQUIRED = (
    LEI, "Entity.LegalName", COUNTRY, "Entity.LegalAddress.City", CATEGORY, "Entity.EntityStatus",
    "Entity.RegistrationAuthority.RegistrationAuthorityEntityID", "Registration.RegistrationStatus",
    "Registration.LastUpdateDate",
)  # fmt: skip
KEPT = (
    *REQUIRED, "Entity.LegalName.xmllang",
    *(f"{stem}.{n}{part}" for stem in (OTHER, TRANSLITERATED) for n in range(1, N_OTHER + 1)
      for part in ("", ".xmllang", ".type")),
    *ADDRESS_LINES, "Entity.LegalAddress.Region", "Entity.LegalAddress.PostalCode",
    "Entity.HeadquartersAddress.City", "Entity.HeadquartersAddress.Region", "Entity.HeadquartersAddress.Country",
    "Entity.RegistrationAuthority.RegistrationAuthorityID", "Entity.LegalJurisdiction",
    "Entity.LegalForm.EntityLegalFormCode", "Entity.EntityCreationDate", "Entity.SuccessorEntity.1.SuccessorLEI",
    "Registration.InitialRegistrationDate", "Registration.NextRenewalDate",
)  # fmt: skip
#: Free text, in which a phone number or an e-mail address may hide.
FREE_TEXT = (
    "Entity.LegalName", *ADDRESS_LINES,
    *(f"{stem}.{n}" for stem in (OTHER, TRANSLITERATED) for n in range(1, N_OTHER + 1)),
)  # fmt: skip

RR_CHILD = "Relationship.StartNode.NodeID"
RR_PARENT = "Relationship.EndNode.NodeID"
RR_TYPE = "Relationship.RelationshipType"
RR_REQUIRED = (
    RR_CHILD, RR_PARENT, RR_TYPE, "Relationship.RelationshipStatus", "Registration.RegistrationStatus",
    "Registration.LastUpdateDate",
)  # fmt: skip
#: A record states up to five periods in any order: the accounting year that was consolidated (it moves every year), the
#: time for which a document was filed, and the relationship itself. Only periodType tells which is which.
RR_PERIODS = tuple(
    (f"Relationship.Period.{n}.startDate", f"Relationship.Period.{n}.endDate", f"Relationship.Period.{n}.periodType")
    for n in range(1, 6)
)
RR_OF_RELATIONSHIP = "RELATIONSHIP_PERIOD"
#: Columns without which a relationship file is not the one that we know (kept files of old may lack the last of them).
RR_OF_FILE = (*RR_REQUIRED, *RR_PERIODS[0])
RR_KEPT = (
    *RR_REQUIRED, *(name for period in RR_PERIODS for name in period), "Registration.InitialRegistrationDate",
    "Registration.NextRenewalDate", "Registration.ValidationSources",
)  # fmt: skip
#: Ownership by accounting consolidation; funds and branches have types of their own.
RR_TYPES = ("IS_DIRECTLY_CONSOLIDATED_BY", "IS_ULTIMATELY_CONSOLIDATED_BY")


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """One record of the API (`data[]`) under the golden copy's column names, plus `qcc`."""
    attributes = record.get("attributes")
    entity, registration = at(attributes, "entity"), at(attributes, "registration")
    found: dict[str, Any] = {
        LEI: at(attributes, "lei"),
        "Entity.LegalName": at(entity, "legalName", "name"),
        "Entity.LegalName.xmllang": at(entity, "legalName", "language"),
        COUNTRY: at(entity, "legalAddress", "country"),
        "Entity.LegalAddress.City": at(entity, "legalAddress", "city"),
        "Entity.LegalAddress.Region": at(entity, "legalAddress", "region"),
        "Entity.LegalAddress.PostalCode": at(entity, "legalAddress", "postalCode"),
        "Entity.HeadquartersAddress.City": at(entity, "headquartersAddress", "city"),
        "Entity.HeadquartersAddress.Region": at(entity, "headquartersAddress", "region"),
        "Entity.HeadquartersAddress.Country": at(entity, "headquartersAddress", "country"),
        "Entity.RegistrationAuthority.RegistrationAuthorityID": at(entity, "registeredAt", "id"),
        "Entity.RegistrationAuthority.RegistrationAuthorityEntityID": at(entity, "registeredAs"),
        "Entity.LegalJurisdiction": at(entity, "jurisdiction"),
        CATEGORY: at(entity, "category"),
        "Entity.LegalForm.EntityLegalFormCode": at(entity, "legalForm", "id"),
        "Entity.EntityStatus": at(entity, "status"),
        "Entity.EntityCreationDate": at(entity, "creationDate"),
        "Entity.SuccessorEntity.1.SuccessorLEI": at(entity, "successorEntity", "lei"),
        "Registration.InitialRegistrationDate": at(registration, "initialRegistrationDate"),
        "Registration.LastUpdateDate": at(registration, "lastUpdateDate"),
        "Registration.RegistrationStatus": at(registration, "status"),
        "Registration.NextRenewalDate": at(registration, "nextRenewalDate"),
        "qcc": at(attributes, "qcc"),
    }
    lines = [str(line) for line in at(entity, "legalAddress", "addressLines") or [] if line]
    for number, name in enumerate(ADDRESS_LINES):  # the last takes what the file has no column for
        found[name] = " ".join(lines[number : None if name == ADDRESS_LINES[-1] else number + 1])
    for stem, key in ((OTHER, "otherNames"), (TRANSLITERATED, "transliteratedOtherNames")):
        for number, name in enumerate((at(entity, key) or [])[:N_OTHER], start=1):
            found[f"{stem}.{number}"] = at(name, "name")
            found[f"{stem}.{number}.xmllang"] = at(name, "language")
            found[f"{stem}.{number}.type"] = at(name, "type")
    return found
