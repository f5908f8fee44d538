"""The tables that the policy sites land. Belongs here: columns, keys and bounds. Does not belong here: reading pages.

Versions: `documents` has one row for each (record_id, content_sha256) that any kept snapshot of the partition ever
showed, so a changed page stands with both texts. `is_current` is the newest of a record. Nothing leaves the table
because a list grew short or a page went: it only stops being seen (`last_seen`).
"""

from __future__ import annotations

import polars as pl

from ingest.declaration import Table
from ingest.policies.tables import POLICY_INSTRUMENT_KEY, POLICY_INSTRUMENTS
from sources.policy_releases.sites import site_frame

DOCUMENTS = Table(
    "documents",
    {
        "record_id": pl.String,  # site + ":" + the first 16 hex digits of sha1 of the canonical address
        "content_sha256": pl.String,  # of the stable text alone: noise around it makes no version
        "version": pl.Int64,  # 1, 2, ... in the order in which they were first seen
        "is_current": pl.Boolean,
        "first_seen": pl.String,  # ISO times, UTC
        "last_seen": pl.String,
        "site": pl.String,
        "family": pl.String,
        "url": pl.String,
        "list_url": pl.String,
        "title_zh": pl.String,
        "title_key": pl.String,
        "doc_no": pl.String,
        "doc_no_raw": pl.String,
        "issuer": pl.String,
        "level": pl.String,
        "adcode": pl.String,
        "place": pl.String,
        "language": pl.String,
        "issued_on": pl.String,
        "issued_precision": pl.String,
        "published_on": pl.String,
        "valid_from": pl.String,
        "valid_to": pl.String,
        "is_expired": pl.Boolean,
        "is_abolished": pl.Boolean,
        "flag_seen_on": pl.String,
        "doc_type": pl.String,
        "content_zh": pl.String,
        "text_kind": pl.String,
        "last_modified": pl.String,
        "n_attachments": pl.Int64,
        "n_unextracted": pl.Int64,
        "derives_from_title": pl.String,
        "derives_from_no": pl.String,
        "abolishes": pl.String,
        "supersedes": pl.String,
    },
    ("record_id", "content_sha256"),
    (0, 20_000),
    "Policy documents on the subject, one row a document and version of its text",
)
ATTACHMENTS = Table(
    "attachments",
    {
        "record_id": pl.String,
        "n": pl.Int64,
        "url": pl.String,
        "name": pl.String,
        "media": pl.String,
        "sha256": pl.String,
        "bytes": pl.Int64,
        "extraction": pl.String,
        "reason": pl.String,
        "text": pl.String,
    },
    ("record_id", "n"),
    (0, 100_000),
    "Attachments of the current version of each document",
)
INSTRUMENTS = Table(
    "policy_instruments", POLICY_INSTRUMENTS, POLICY_INSTRUMENT_KEY, (0, 1_000_000),
    "Instruments coded in the current version of each document",
)  # fmt: skip
SITES = Table(
    "sites",
    {
        "site": pl.String,
        "family": pl.String,
        "adapter": pl.String,
        "covered": pl.Boolean,
        "place": pl.String,
        "adcode": pl.String,
        "level": pl.String,
        "issuer": pl.String,
        "homepage": pl.String,
        "n_roots": pl.Int64,
        "first_month": pl.String,
        "verified": pl.String,
        "note": pl.String,
    },
    ("site",),
    (20, 5_000),
    "The declared sites, and the places that are declared to have none",
    declared=site_frame,
)
