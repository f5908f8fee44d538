"""Policies collected by hand: national, provincial and city documents on electric vehicles, each cell with its source.

Belongs here: the declaration. The facts are in `data/`, the reading of them in parse.py.
"""

from __future__ import annotations

import polars as pl

from ingest.curated import declared_day
from ingest.declaration import Source, Table
from ingest.policies.tables import POLICIES, POLICY_INSTRUMENT_KEY, POLICY_INSTRUMENTS
from sources.curated_policies.fetch import DATA, fetch
from sources.curated_policies.parse import parse

SOURCE = Source(
    name="curated_policies",
    title="Electric-vehicle policies collected by hand, with evidence for each cell",
    publisher="The atlas's maintainers",
    homepage="",
    licence="Facts; texts of norms are free of copyright in China (Copyright Law, article 5)",
    cadence="",
    language="zh",
    tables=(
        Table("policies", POLICIES, ("policy_id",), (150, 2_000), "One row a policy"),
        Table("policy_instruments", POLICY_INSTRUMENTS, POLICY_INSTRUMENT_KEY, (300, 20_000), "Instruments of a policy"),
        Table(
            "policy_evidence",
            {
                "policy_id": pl.String, "evidence_no": pl.Int64, "field": pl.String, "value": pl.String, "relation": pl.String,
                "source": pl.String, "statement": pl.String, "confidence": pl.String, "conflict": pl.Boolean,
            },
            ("policy_id", "evidence_no"), (200, 5_000), "What a page says of one cell: confirms, contradicts, adds or corrects",
        ),
        Table(
            "policy_versions",
            {
                "policy_id": pl.String, "version": pl.Int64, "valid_from": pl.String, "valid_to": pl.String,
                "change": pl.String, "source": pl.String,
            },
            ("policy_id", "version"), (5, 1_000), "Known versions of a policy and when each was in force",
        ),
    ),
    fetch=fetch,
    as_of=declared_day(DATA),
    parse=parse,
    vocabulary=("instruments.csv", "instrument_terms.csv", "segments.csv"),
    coverage="187 policies of 29 provinces and cities and the centre, 2007 to 2025; not complete for any place: a place "
    "without a row has no policy collected, which is not the same as no policy",
)  # fmt: skip
