"""A second coder of policy texts: a language model behind any OpenAI-compatible endpoint, beside the rules.

Belongs here: the declaration. Does not belong here: the rules (ingest/policies/coding.py), and any count: what the second
coder says is shown beside the rules where the two disagree, and feeds nothing else.

It is off unless EVATLAS_CODER_URL is set (docs/operations.md), and no refresh needs it.
"""

from __future__ import annotations

import polars as pl

from ingest.declaration import Source, Table
from sources.second_coder.fetch import fetch
from sources.second_coder.parse import parse

SOURCE = Source(
    name="second_coder",
    title="A second coding of the policy texts, by a language model",
    publisher="the endpoint that EVATLAS_CODER_URL names",
    homepage="",
    licence="as the endpoint's terms have it; the texts coded are public norms",
    cadence="40 20 * * 0",  # off until the schedule is switched on and an endpoint is set
    tables=(
        Table(
            "asked",
            {
                "record_key": pl.String,  # source:record of the text
                "content_sha256": pl.String,  # of the text that was sent
                "prompt_sha256": pl.String,
                "model": pl.String,
                "prompt": pl.String,
                "n_labels": pl.Int64,
                "asked_at": pl.String,
            },
            ("content_sha256", "prompt_sha256", "model", "record_key"), (0, 1_000_000), "Texts that were coded, with the prompt and the model",
        ),
        Table(
            "labels",
            {
                "record_key": pl.String,
                "content_sha256": pl.String,
                "prompt_sha256": pl.String,
                "model": pl.String,
                "instrument": pl.String,
                "direction": pl.String,
                "evidence_text": pl.String,
                "evidence_start": pl.Int64,  # NULL: the quoted words are not in the text
            },
            ("content_sha256", "prompt_sha256", "model", "record_key", "instrument"), (0, 5_000_000), "Instruments that the second coder sees",
        ),
    ),
    fetch=fetch,
    parse=parse,
    live=True,
    vocabulary=("instruments.csv",),
    coverage="The texts that were sent to the endpoint, newest first, at most EVATLAS_CODER_MAX a run",
)  # fmt: skip
