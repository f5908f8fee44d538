"""The two tables that every source of policies lands, with the same columns, and the defaults of the code book.

Belongs here: the schemas of `policies` and `policy_instruments`, and which segment and beneficiary an instrument
has where the text names none. Does not belong here: reading any text (policy_text, policy_coding).
"""

from __future__ import annotations

from typing import Any

import polars as pl

POLICIES: dict[str, Any] = {
    "policy_id": pl.String,
    "issuer": pl.String,
    "level": pl.String,  # the issuer's: national | province | city
    "adcode": pl.String,  # the place that the text applies to
    "place": pl.String,
    "title_zh": pl.String,
    "title_is_back_translated": pl.Boolean,
    "title_en": pl.String,
    "title_key": pl.String,  # as titles are compared (policy_text.normalise_title)
    "doc_no": pl.String,
    "doc_no_norm": pl.String,
    "issued_on": pl.String,
    "issued_precision": pl.String,
    "published_on": pl.String,
    "valid_from": pl.String,
    "valid_to": pl.String,
    "status": pl.String,  # in_force | expired | repealed | unknown, on the day of the fetch
    "doc_type": pl.String,  # norm | plan | call | result | interpretation | reply | news | agreement | other
    "derives_from": pl.String,
    "supersedes": pl.String,  # policy ids (or numbers and titles where unresolved), separated by ;
    "segments": pl.String,  # separated by ;
    "text_kind": pl.String,  # title_only | summary | full
    "content": pl.String,  # exactly the text that was coded: title, line break, body
    "content_sha256": pl.String,
    "url": pl.String,
    "support": pl.String,
    "confidence": pl.String,
    "doc_no_support": pl.String,
    "note": pl.String,
}

POLICY_INSTRUMENTS: dict[str, Any] = {
    "policy_id": pl.String,
    "instrument": pl.String,
    "direction": pl.String,  # support | reduce | terminate | restrict
    "amount": pl.Float64,
    "unit": pl.String,
    "amount_role": pl.String,  # rate | cap | total | target | threshold
    "segment": pl.String,
    "beneficiary": pl.String,  # consumer | maker | operator | city
    "evidence_text": pl.String,  # the words coded: content[evidence_start:evidence_end]; a quotation only where text_kind is full
    "evidence_start": pl.Int64,  # characters from the start of `content`; negative = place in a curated list
    "evidence_end": pl.Int64,
    "sentence": pl.String,
    "rule_id": pl.String,
    "coded_by": pl.String,  # curated | rules | second_coder
    "support": pl.String,
    "confidence": pl.String,
}
POLICY_INSTRUMENT_KEY = ("policy_id", "instrument", "evidence_start")
