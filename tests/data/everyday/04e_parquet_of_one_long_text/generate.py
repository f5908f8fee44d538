"""A small file with 6 GB of text in it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write(folder: Path) -> None:
    n, block = 3_000_000, 100_000
    index = pa.array([0] * block, pa.int32())
    names = pa.DictionaryArray.from_arrays(index, pa.array(["晨星整车（柳州）有限公司"]))
    scope = pa.DictionaryArray.from_arrays(index, pa.array(["新能源汽车整车制造；" * 200]))
    city = pa.DictionaryArray.from_arrays(index, pa.array(["柳州市"]))
    table = pa.table({"name_zh": names, "city": city, "business_scope": scope})
    with pq.ParquetWriter(folder / "firms.parquet", table.schema, compression="zstd") as out:
        for _ in range(n // block):
            out.write_table(table)
