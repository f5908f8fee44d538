"""Composed registrations: firms that do not exist, in the columns and with the dirt of a real register.

Belongs here: what tests of registers need from the generator of bench/registries.py, and the dirt it leaves out. Does not belong
here: real registrations (the bench reads them from a folder of its own; their licence keeps them out of the repository).
"""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import polars as pl

from bench.registries import HEADER, districts, records, vocabulary
from ingest.text.identifiers import is_registration_number

COLUMNS = dict(zip(HEADER, ["name", "uscc", "reg_date", "type", "person", "capital", "scope", "province", "city", "address"], strict=True))
MUNICIPALITIES = ("北京", "上海", "天津", "重庆")


def old_number(digits: int) -> str:
    """A registration number of before 2015: 14 digits and the check digit that fits."""
    body = f"{44030110000000 + digits:014d}"
    return next(body + check for check in "0123456789" if is_registration_number(body + check))


@cache
def registrations(count: int, seed: int) -> pl.DataFrame:
    """`count` registrations, always the same for one seed. Of a thousand, three have an old number for a code, two a day that no
    calendar has, two a damaged city, two a capital with a thousands comma; a municipality's district stands for the city in each."""
    rng = np.random.default_rng(seed)
    frame = records(rng, vocabulary(rng), districts(), count, 0).rename(COLUMNS).drop("person")
    rows = frame.to_dicts()
    order = random.Random(seed)
    for number, row in enumerate(rows):
        if row["province"].startswith(MUNICIPALITIES):  # as registers write it: the district
            row["city"] = row["address"].removeprefix(row["city"]).partition("区")[0] or row["city"]
        dirt = order.randrange(1000)
        if dirt < 3:
            row["uscc"] = old_number(number)
        elif dirt < 5:
            row["reg_date"] = order.choice(["2001-02-30", "N/A", "2001年13月1日"])
        elif dirt < 7:
            row["city"] = "深\ufffd"
        elif dirt < 9:
            row["capital"] = f"1,{order.randrange(100, 999)}(万元人民币)"
    return pl.DataFrame(rows, schema=frame.schema)


def dirty(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with a damaged city or a date of another form."""
    return frame.filter(pl.col("city").str.contains("\ufffd") | ~pl.col("reg_date").str.contains(r"^\d{4}-\d\d-\d\d$"))
