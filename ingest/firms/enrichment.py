"""What is decided once for every registration when it lands: sector, segments and place.

Belongs here: the columns that a source of firms adds to its records, and the extract that goes on to the warehouse.
Does not belong here: how sector (ingest/firms/sector.py) or place (ingest/firms/location.py) are decided.

A national register has tens of millions of records, and the warehouse needs those of the sector. So a source lands
all of its records in one table and the extract in another, in the same pass; both are done again only when the bytes,
the code or the vocabulary change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ingest.firms import location, sector

#: Seeds that a source names in its declaration, so that a change of theirs decides again.
VOCABULARY = ("segment_rules.csv", *location.VOCABULARY)

#: Columns that `enrich` adds. `sector_basis`: classified (a rule speaks), services (dealers, repair: known and outside
#: the sector), none (a scope or code that names nothing of the sector), unjudged (nothing to judge by: a name alone).
ENRICHED: dict[str, Any] = {
    "in_sector": pl.Boolean,
    "sector_basis": pl.String,
    "segments": pl.List(sector.SEGMENT_STRUCT),
    "located_adcode": pl.String,
    "place_rule": pl.String,
    "place_conflict": pl.Boolean,
}

#: Records with nothing to judge by go on to the warehouse from a list that a person made, not from a register.
LIST_ROWS = 100_000

#: The extract for the warehouse: one row a record of the sector, and of records that cannot be judged.
EXTRACT: dict[str, Any] = {
    "record_id": pl.String, "record_no": pl.Int64, "name_zh": pl.String, "name_en": pl.String, "uscc": pl.String,
    "lei": pl.String, "stock_code": pl.String, "group": pl.String, "powertrain": pl.String, "founded_on": pl.String,
    "founded_year": pl.Int32, "status": pl.String, "closed_on": pl.String, "closed_year": pl.Int32,
    "province": pl.String, "address": pl.String, "business_scope": pl.String, "source_url": pl.String, "as_of": pl.String,
    **ENRICHED,
}  # fmt: skip


def enrich(frame: pl.DataFrame, seeds: Path) -> pl.DataFrame:
    """`frame` (name_zh, and as known business_scope, industry_code, industry_standard, name_en, uscc, address,
    city_adcode, city, province) with the columns of ENRICHED, in the same order of rows."""
    return pl.concat([_judge(frame, seeds), location_of(frame, seeds)], how="horizontal")


def extract(frame: pl.DataFrame, seeds: Path, unjudged: bool | None = None) -> pl.DataFrame:
    """The records of `frame` that go on to the warehouse, with exactly the columns of EXTRACT. Places are looked for in
    the extract alone: they cost more than the sector. `unjudged`: whether records with nothing to judge by go on (by
    default, where `frame` is a list and not a register)."""
    return placed_of(sector_of(frame, seeds, frame.height <= LIST_ROWS if unjudged is None else unjudged), seeds)


def sector_of(frame: pl.DataFrame, seeds: Path, unjudged: bool) -> pl.DataFrame:
    """The records of `frame` in the sector (and, if asked for, those that nothing judges), with their segments."""
    rules = sector.rules_of(seeds)
    found = sector.classify(frame, rules)
    classified = found.get_column("record").unique()
    numbered = frame.with_row_index("record")
    wanted = pl.col("record").is_in(found.filter("in_sector").get_column("record").unique().implode())
    if unjudged:
        wanted = wanted | ~(_judgeable(frame) | pl.col("record").is_in(classified.implode()))
    some = numbered.filter(wanted)
    judged = _joined(some, found, rules)
    return judged.filter(pl.col("in_sector") | (pl.col("sector_basis") == "unjudged"))


def may_be_of_sector(frame: pl.DataFrame, seeds: Path) -> pl.Series:
    """Whether `sector_of` has to look at a record: of a register, what it leaves out is not in the sector."""
    return sector.candidates(frame, sector.rules_of(seeds))


def placed_of(judged: pl.DataFrame, seeds: Path) -> pl.DataFrame:
    """What `sector_of` gave, located, with exactly the columns of EXTRACT."""
    found = pl.concat([judged, location_of(judged, seeds)], how="horizontal")
    columns = set(found.columns)
    year = {"founded_year": "founded_on", "closed_year": "closed_on"}
    return found.select(
        pl.col(year[c]).cast(pl.String).str.extract(r"^(\d{4})", 1).cast(pl.Int32).alias(c)
        if c in year and year[c] in columns
        else (pl.col(c) if c in columns else pl.lit(None)).cast(t).alias(c)
        for c, t in EXTRACT.items()
    )


def location_of(frame: pl.DataFrame, seeds: Path) -> pl.DataFrame:
    """located_adcode, place_rule, place_conflict of every row."""
    return location.locate(frame, location.gazetteer_of(seeds)).select("located_adcode", "place_rule", "place_conflict")


def _judgeable(frame: pl.DataFrame) -> pl.Expr:
    """Whether a record has a scope or an industry to judge by."""
    columns = [c for c in ("business_scope", "industry_code", "industry") if c in frame.columns]
    if not columns:
        return pl.lit(False)
    return pl.any_horizontal(pl.col(c).cast(pl.String).fill_null("") != "" for c in columns)


def _judge(frame: pl.DataFrame, seeds: Path) -> pl.DataFrame:
    rules = sector.rules_of(seeds)
    return _joined(frame.with_row_index("record"), sector.classify(frame, rules), rules)


def _joined(frame: pl.DataFrame, found: pl.DataFrame, rules: sector.Rules) -> pl.DataFrame:
    """Records (numbered in `record`) with what was found of them."""
    columns = [c for c in frame.columns if c != "record"]
    evidence = found.group_by("record", maintain_order=True).agg(
        pl.struct("segment", "rule_id", "strength", "where", "matched_words", "score", "share").alias("segments"),
        pl.col("in_sector").first(),
    )
    judgeable = _judgeable(frame)
    # a name of a bank, a school, a bus operator says enough by itself
    excluded = pl.col("name_zh").str.contains(sector.excluded_words(rules)) if "name_zh" in columns else pl.lit(False)
    return (
        frame.join(evidence, on="record", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("in_sector").fill_null(False)).then(pl.lit("classified"))
            .when(pl.col("segments").is_not_null()).then(pl.lit("services"))
            .when(judgeable | excluded.fill_null(False)).then(pl.lit("none"))
            .otherwise(pl.lit("unjudged"))
            .alias("sector_basis"),
            pl.col("in_sector").fill_null(False),
            pl.col("segments").fill_null(pl.lit([], dtype=ENRICHED["segments"])),
        )
        .drop("record")
        .select(*columns, "in_sector", "sector_basis", "segments")
    )  # fmt: skip
