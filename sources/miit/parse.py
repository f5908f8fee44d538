"""Reading the pages of the MIIT product query.

Belongs here: the columns of the reply, which products are new-energy vehicles, and what kind. Does not belong here:
fetching, and which firm a maker is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from ingest.declaration import Page, ParseContext, Parsed, RejectFile, SourceError, Table
from ingest.records import Books, Column, at, balance, expect_total, items, whole
from ingest.web.bodies import read_json
from sources.miit.fetch import WORDS, count_of

PRODUCTS = Table(
    name="products",
    schema={
        "record_id": pl.String, "batch": pl.Int32, "data_tag": pl.String, "product_id": pl.String,
        "maker": pl.String, "brand": pl.String, "model": pl.String, "product": pl.String,
        "nev_type": pl.String, "swappable": pl.Boolean, "vehicle_class": pl.String,
    },
    key=("record_id",),
    bounds=(20, 20_000),
    description="New-energy vehicle models announced by MIIT, one row a product and batch",
)  # fmt: skip

COLUMNS = (
    Column("batch", "gppc", whole, required=True),
    Column("data_tag", "dataTag"),
    Column("product_id", "cpid", required=True),
    Column("maker", "qymc", required=True),
    Column("brand", "cpsb"),
    Column("model", "clxh", required=True),
    Column("product", "clmc", required=True),
)
NEV = re.compile("|".join(WORDS.values()))
#: The first word that a product's name has decides: a range-extended fuel-cell truck is a fuel-cell truck.
NEV_TYPES = (("fcev", "燃料电池"), ("erev", "增程"), ("phev", "插电"), ("bev", "纯电动|换电"))
CLASSES = (
    ("chassis", "底盘"),
    ("motorcycle", "摩托车"),
    ("bus", "客车|校车"),
    ("passenger", "轿车|乘用车|旅行车|越野车"),
    ("truck", "货车|自卸|牵引|载货|厢式运输|仓栅|冷藏|翼开启|混凝土搅拌"),
)


def nev_type(product: str) -> str | None:
    """fcev, erev, phev or bev by the product's name; None for what is no new-energy vehicle."""
    return next((kind for kind, words in NEV_TYPES if re.search(words, product)), None)


def vehicle_class(product: str) -> str:
    """chassis, motorcycle, bus, passenger, truck, or special (all else: sweepers, cranes, ambulances)."""
    return next((kind for kind, words in CLASSES if re.search(words, product)), "special")


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """The pages of a batch into `products`. A product found under two words is one record. What the server sends
    besides (another batch, a product without a word of new-energy vehicles) is held back, since it means that a
    filter of the query was not honoured. Raises RejectFile, BlockFile("incomplete")."""
    books = Books(PRODUCTS, COLUMNS, overlapping=True)
    stated: dict[str, int] = {}
    seen: dict[str, int] = {}
    for page in pages:
        word = page.key.rsplit("-", 1)[0]
        try:
            counted = count_of(page)
        except SourceError as error:
            raise RejectFile("refused", str(error)) from None
        total = counted[0] if counted else 0
        if stated.setdefault(word, total) != total:
            raise RejectFile("mixed", f"{page.key}: {total} rows, the pages before it count {stated[word]}")
        listed = at(read_json(page.body, page.key), "cpList")
        rows: list[dict[str, Any]] = [] if listed is None and total == 0 else items(listed, f"{page.key} cpList")
        seen[word] = seen.get(word, 0) + len(rows)
        for row in rows:
            name = str(row.get("clmc") or "")
            if str(row.get("gppc") or "").strip() != context.partition:
                books.refuse(row, page.key, "wrong_batch", f"another batch in the answer for {context.partition}", "batch")
            elif name and not NEV.search(name):
                books.refuse(row, page.key, "not_nev", "a vehicle that was not asked for", "product")
            else:
                books.add(row, page.key, {
                    "record_id": f"{context.partition}-{row.get('dataTag') or ''}-{row.get('cpid') or ''}",
                    "nev_type": nev_type(name), "swappable": "换电" in name, "vehicle_class": vehicle_class(name),
                })  # fmt: skip
    for word, total in stated.items():
        expect_total(seen[word], total, f"miit {context.partition} {WORDS.get(word, word)}")
    return balance([books])
