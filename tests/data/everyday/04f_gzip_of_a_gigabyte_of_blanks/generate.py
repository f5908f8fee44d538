"""A line that never ends, in gzip."""

import zlib
from pathlib import Path


def write(folder: Path) -> None:
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    with (folder / "firms.csv.gz").open("wb") as out:
        out.write(pack.compress("企业名称,所属城市,经营范围\n晨星整车（柳州）有限公司,柳州市,".encode()))
        blank = b" " * (1 << 20)
        for _ in range(1000):
            out.write(pack.compress(blank))
        out.write(pack.compress(b"\n"))
        out.write(pack.flush())
