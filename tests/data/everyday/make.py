"""Makes the binary files and the panels of the members, always the same bytes: `python tests/data/everyday/make.py`."""

from __future__ import annotations

import csv
import gzip
import io
import struct
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
STAMP = (2020, 1, 1, 0, 0, 0)

# The columns of a panel, left as the members are written, right as the file is to say them. If `make panel` knows a
# column by another name, change the right side here and run this script again: the members mean the things, not the names.
PANEL_COLUMNS = {
    "cities": {"city_id": "city_id", "name": "name", "province_id": "province_id", "longitude": "lon", "latitude": "lat"},
    "segments": {"segment_id": "segment_id", "family": "family_id"},
    "plants": {
        "plant_id": "plant_id", "city_id": "city_id", "segment_id": "segment_id", "group_id": "firm_id", "opened_year": "entry_year",
        "closed_year": "exit_year", "longitude": "lon", "latitude": "lat",
    },
    "plant_year": {"plant_id": "plant_id", "year": "year", "employment": "employment"},
    "policy_panel": {"city_id": "city_id", "year": "year", "treated": "treated", "first_treated_year": "first_treat", "outcome": "y"},
}  # fmt: skip
#: Columns that a panel must have and whose cells may be empty: the members do not speak of them.
EMPTY_COLUMNS = {"cities": ("population", "gdp_cny_m"), "plant_year": ("capacity_k_units", "output_k_units"), "policy_panel": ("province_id",)}


# ---- xlsx, written by hand so that every part is what it says -----------------------------------------------------
def serial(day: date) -> int:
    """Excel's number of a day (1900 system, after February 1900)."""
    return (day - date(1899, 12, 30)).days


class Cell:
    """A cell that is more than a text or a number: kind n (number with a format), e (error), d (ISO date)."""

    def __init__(self, kind: str, value: object, fmt: int | str = 0):
        self.kind, self.value, self.fmt = kind, value, fmt


def day(value: date, fmt: int | str) -> Cell:
    return Cell("n", serial(value), fmt)


def column_name(index: int) -> str:
    name = ""
    while index >= 0:
        name, index = chr(65 + index % 26) + name, index // 26 - 1
    return name


def cell_xml(ref: str, value: object, formats: list[int | str]) -> str:
    if value is None:
        return ""
    if isinstance(value, Cell):
        style = formats.index(value.fmt)
        kind = "" if value.kind == "n" else f' t="{value.kind}"'
        return f'<c r="{ref}" s="{style}"{kind}><v>{escape(str(value.value))}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{ref}"><v>{value}</v></c>'
    return f'<c r="{ref}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def zipped(parts: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, body in parts.items():
            z.writestr(zipfile.ZipInfo(name, STAMP), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def xlsx(sheets: list[dict], *, strict: bool = False, macro: bool = False) -> bytes:
    """Each sheet: name, rows, and where wanted state, merges, hidden_rows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    if strict:
        main = "http://purl.oclc.org/ooxml/spreadsheetml/main"
        rel = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    formats: list[int | str] = [0]
    for sheet in sheets:
        for row in sheet["rows"]:
            for value in row:
                if isinstance(value, Cell) and value.fmt not in formats:
                    formats.append(value.fmt)
    custom = {code: 164 + i for i, code in enumerate(f for f in formats if isinstance(f, str))}
    num_fmts = "".join(
        f'<numFmt numFmtId="{n}" formatCode="{escape(c, {chr(34): "&quot;"})}"/>' for c, n in custom.items()
    )
    xfs = "".join(
        f'<xf numFmtId="{custom.get(f, f)}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        for f in formats
    )
    styles = (
        f'<styleSheet xmlns="{main}">'
        + (f'<numFmts count="{len(custom)}">{num_fmts}</numFmts>' if custom else "")
        + '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(formats)}">{xfs}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    parts: dict[str, str | bytes] = {}
    book = (
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
        if macro
        else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    )
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    parts["[Content_Types].xml"] = (
        f'{head}<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="{book}"/>{overrides}'
        '<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>'
    )
    parts["_rels/.rels"] = (
        f'{head}<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    )
    sheet_tags = "".join(
        f'<sheet name="{escape(s["name"])}" sheetId="{i}"'
        + (f' state="{s["state"]}"' if "state" in s else "")
        + f' r:id="rId{i}"/>'
        for i, s in enumerate(sheets, 1)
    )
    conformance = ' conformance="strict"' if strict else ""
    visible = next(i for i, s in enumerate(sheets) if "state" not in s)
    parts["xl/workbook.xml"] = (
        f'{head}<workbook xmlns="{main}" xmlns:r="{rel}"{conformance}><bookViews><workbookView activeTab="{visible}"/></bookViews>'
        f"<sheets>{sheet_tags}</sheets></workbook>"
    )
    n = len(sheets) + 1
    parts["xl/_rels/workbook.xml.rels"] = (
        f'{head}<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{i}" Type="{rel}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in range(1, n)
        )
        + f'<Relationship Id="rId{n}" Type="{rel}/styles" Target="styles.xml"/></Relationships>'
    )
    parts["xl/styles.xml"] = head + styles
    for i, sheet in enumerate(sheets, 1):
        rows = []
        for r, row in enumerate(sheet["rows"], 1):
            cells = "".join(cell_xml(f"{column_name(c)}{r}", v, formats) for c, v in enumerate(row))
            hidden = ' hidden="1"' if r in sheet.get("hidden_rows", ()) else ""
            rows.append(f'<row r="{r}"{hidden}>{cells}</row>')
        merges = sheet.get("merges", [])
        merge_xml = (
            f'<mergeCells count="{len(merges)}">' + "".join(f'<mergeCell ref="{m}"/>' for m in merges) + "</mergeCells>"
            if merges
            else ""
        )
        parts[f"xl/worksheets/sheet{i}.xml"] = (
            f'{head}<worksheet xmlns="{main}"><sheetData>{"".join(rows)}</sheetData>{merge_xml}</worksheet>'
        )
    if macro:
        parts["xl/vbaProject.bin"] = b"not a macro; only a part that a reader must leave alone"
    return zipped(parts)


# ---- xls: BIFF8 in a compound file, as Excel 97 to 2003 wrote ------------------------------------------------------
def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file (OLE 2) with the given streams; each is padded to 4,096 bytes so that none is a small one."""
    free, end, fat_mark = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    sectors: list[bytes] = []
    fat: list[int] = []
    entries = []
    for name, body in streams.items():
        body = body.ljust(max(4096, -(-len(body) // 512) * 512), b"\0")
        start = len(sectors)
        count = len(body) // 512
        sectors += [body[i * 512 : (i + 1) * 512] for i in range(count)]
        fat += [start + i + 1 for i in range(count - 1)] + [end]
        entries.append((name, 2, start, len(body)))
    directory = len(sectors)

    def entry(name: str, kind: int, start: int, size: int, right: int = free, child: int = free) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        return (
            raw.ljust(64, b"\0")
            + struct.pack("<HBB", len(raw), kind, 1)
            + struct.pack("<III", free, right, child)
            + bytes(36)
            + struct.pack("<IQ", start, size)
        )

    rows = [entry("Root Entry", 5, end, 0, child=1)]
    rows += [entry(n, k, s, z, right=i + 2 if i + 1 < len(entries) else free) for i, (n, k, s, z) in enumerate(entries)]
    rows += [bytes(68) + struct.pack("<III", free, free, free) + bytes(48)] * (-len(rows) % 4)
    raw = b"".join(rows)
    count = len(raw) // 512
    sectors += [raw[i * 512 : (i + 1) * 512] for i in range(count)]
    fat += [directory + i + 1 for i in range(count - 1)] + [end]
    fat_at = len(sectors)
    fat += [fat_mark]
    sectors.append(struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff"))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += (
        struct.pack("<IIIIIIIII", 0, 1, directory, 0, 4096, end, 0, end, 0) + struct.pack("<I", fat_at) + b"\xff" * 432
    )
    return header + b"".join(sectors)


def xls(name: str, rows: list[list]) -> bytes:
    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    texts = list(dict.fromkeys(str(v) for row in rows for v in row if isinstance(v, str)))
    sst = struct.pack("<II", sum(isinstance(v, str) for row in rows for v in row), len(texts))
    sst += b"".join(struct.pack("<HB", len(t), 1) + t.encode("utf-16-le") for t in texts)
    font = struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + struct.pack("<BB", 5, 0) + b"Arial"
    xf = struct.pack("<HHHBBBBIIH", 0, 0, 0xFFF5, 0x20, 0, 0, 0, 0, 0, 0x20C0)
    cell_xf = struct.pack("<HHHBBBBIIH", 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0x20C0)
    bof = struct.pack("<HHHHII", 0x600, 5, 0x0DBB, 0x07CC, 0, 6)
    start = record(0x809, bof) + record(0x42, struct.pack("<H", 1200)) + record(0x22, struct.pack("<H", 0))
    start += record(0x31, font) * 4 + record(0xE0, xf) * 15 + record(0xE0, cell_xf)
    tail = record(0xFC, sst) + record(0x0A, b"")
    title = name.encode("utf-16-le")
    size = 4 + 8 + len(title)
    offset = len(start) + size + len(tail)
    sheet_record = record(0x85, struct.pack("<IHBB", offset, 0, len(name), 1) + title)
    body = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0x0DBB, 0x07CC, 0, 6))
    body += record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                body += record(0xFD, struct.pack("<HHHI", r, c, 15, texts.index(value)))
            elif value is not None:
                body += record(0x203, struct.pack("<HHHd", r, c, 15, float(value)))
    body += record(0x0A, b"")
    return compound({"Workbook": start + sheet_record + tail + body})


def gz(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


# ---- panels ---------------------------------------------------------------------------------------------------------
def panel() -> dict[str, list[dict]]:
    """Ten invented cities of two provinces, four segments, thirty plants, 2012 to 2019; four cities treated in 2015 or 2017."""
    cities = [
        {
            "city_id": f"{p}{i:02d}00",
            "name": f"City {p}{i}",
            "province_id": f"{p}0000",
            "longitude": 105 + 1.5 * i + (p - 34) * 0.3,
            "latitude": 28 + 0.9 * i,
        }
        for p in (34, 41)
        for i in range(1, 6)
    ]
    segments = [
        {"segment_id": s, "family": f}
        for s, f in (
            ("oem", "assembly"),
            ("battery", "battery"),
            ("battery_materials", "battery"),
            ("components", "components"),
        )
    ]
    plants, years = [], []
    for i in range(30):
        city = cities[(i * 7) % 10]
        plants.append(
            {
                "plant_id": f"p{i:02d}",
                "city_id": city["city_id"],
                "segment_id": segments[(i * 3 + i // 10) % 4]["segment_id"],
                "group_id": f"g{i % 9}",
                "opened_year": 2008 + i % 7,
                "closed_year": 2017 if i in (4, 17) else "",
                "longitude": round(city["longitude"] + 0.01 * (i % 5), 4),
                "latitude": round(city["latitude"] + 0.01 * (i % 4), 4),
            }
        )
        for year in range(2014, 2020):
            if not plants[-1]["closed_year"] or year <= plants[-1]["closed_year"]:
                years.append(
                    {"plant_id": f"p{i:02d}", "year": year, "employment": 100 + 37 * i % 400 + 10 * (year - 2014)}
                )
    first = {
        cities[0]["city_id"]: 2015,
        cities[3]["city_id"]: 2015,
        cities[5]["city_id"]: 2017,
        cities[8]["city_id"]: 2017,
    }
    policy = []
    for j, city in enumerate(cities):
        when = first.get(city["city_id"])
        for year in range(2012, 2020):
            on = bool(when) and year >= when
            policy.append(
                {
                    "city_id": city["city_id"],
                    "year": year,
                    "treated": int(on),
                    "first_treated_year": when or "",
                    "outcome": round(10 + j + 0.5 * (year - 2012) + 2 * on, 2),
                }
            )
    return {"cities": cities, "segments": segments, "plants": plants, "plant_year": years, "policy_panel": policy}


def write_panel(member: str, tables: dict[str, list[dict]], encodings: dict[str, str] | None = None) -> None:
    for name, rows in tables.items():
        names = PANEL_COLUMNS[name]
        out = io.StringIO()
        keys = list(rows[0])
        writer = csv.writer(out, lineterminator="\n")
        more = EMPTY_COLUMNS.get(name, ())
        writer.writerow([*(names.get(k, k) for k in keys), *more])
        writer.writerows([*(row[k] for k in keys), *("" for _ in more)] for row in rows)
        (HERE / member).mkdir(exist_ok=True)
        (HERE / member / f"{name}.csv").write_bytes(out.getvalue().encode((encodings or {}).get(name, "utf-8")))


def of(*names: str) -> dict[str, list[dict]]:
    full = panel()
    return {n: full[n] for n in names} if names else full


STRUCTURE = ("cities", "segments", "plants", "plant_year")


def panels_of_treatment() -> None:
    """Sentence 2."""
    t = of()
    for row in t["policy_panel"]:
        row["first_treated_year"] = row["first_treated_year"] or 9999
    write_panel("02a_never_is_9999", t)

    t = of()
    for row in t["policy_panel"]:
        row["first_treated_year"] = f"{row['first_treated_year']}-07-01" if row["first_treated_year"] else ""
    write_panel("02b_first_treated_is_a_day", t)

    t = of()
    for row in t["policy_panel"]:
        if row["city_id"] == "340100" and row["year"] >= 2018:
            row["treated"] = 0
    write_panel("02c_treatment_switched_off", t)

    t = of()
    t["plant_year"] = [r for r in t["plant_year"] if r["year"] == 2019]
    t["policy_panel"] = [r for r in t["policy_panel"] if r["year"] == 2019]
    write_panel("02e_one_year_only", t)

    t = of()
    for name, row in zip("庐州 江淮 皖江 淮北 新安 中原 嵩山 洛水 伏牛 豫东".split(), t["cities"], strict=True):
        row["name"] = name + "市"
    write_panel("02f_saved_by_chinese_excel", t, dict.fromkeys(t, "gb18030"))


def panels_of_plants() -> None:
    """Sentence 11."""
    for member, staff in (("11a_closed_plants_at_zero", 0), ("11j_rows_after_the_closing", 260)):
        t = of(*STRUCTURE)
        closed = [p["plant_id"] for p in t["plants"] if p["closed_year"]]
        t["plant_year"] += [{"plant_id": p, "year": y, "employment": staff} for p in closed for y in (2018, 2019)]
        t["plant_year"].sort(key=lambda r: (r["plant_id"], r["year"]))
        write_panel(member, t)

    t = of(*STRUCTURE)
    t["plants"][3]["opened_year"] = 2017
    for row in t["plant_year"]:
        if row["plant_id"] == "p03" and row["year"] < 2017:
            row["employment"] = ""
    write_panel("11b_rows_before_the_opening", t)

    t = of()
    t["policy_panel"] += [dict(r) for r in t["policy_panel"] if r["city_id"] == "340300"]
    write_panel("11g_city_years_twice", t)

    t = of(*STRUCTURE)
    for i in (2, 5, 9):
        t["plants"][i]["longitude"] = t["plants"][i]["latitude"] = -999
    write_panel("11i_coordinates_minus_999", t)


# ---- members --------------------------------------------------------------------------------------------------------
OUTPUT = ["城市", "年份", "产品", "产量", "单位", "口径", "来源"]
BASIS, PAGE = "place_of_production", "https://example.org/bulletin"
FIRM = ["企业名称", "所属城市", "成立日期", "经营范围", "来源"]
SCOPE = "新能源汽车整车制造"


def output_row(city: str, year: object, value: object, unit: str = "辆") -> list:
    return [city, year, "新能源汽车", value, unit, BASIS, PAGE]


def firm_row(name: str, city: str, founded: object) -> list:
    return [name, city, founded, SCOPE, PAGE]


def parquet_bytes(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def firms_parquet(names: list[str], cities: list[str], founded: pa.Array, **options: object) -> bytes:
    n = len(names)
    return parquet_bytes(
        pa.table(
            {
                "name_zh": names,
                "city": cities,
                "founded_on": founded,
                "business_scope": [SCOPE] * n,
                "source_url": [PAGE] * n,
            }
        ),
        **options,
    )


def binaries() -> dict[str, bytes]:
    one = [OUTPUT, output_row("芜湖市", 2021, 31000), output_row("柳州市", 2021, 42500)]
    files: dict[str, bytes] = {}
    files["10e_cells_in_percent_format/shares.xlsx"] = xlsx(
        [
            {
                "name": "持股",
                "rows": [
                    ["子公司", "母公司", "持股比例（%）", "来源"],
                    ["云岭电池（宜宾）有限公司", "云岭科技股份有限公司", Cell("n", 0.51, 10), PAGE],
                    ["云岭材料（眉山）有限公司", "云岭科技股份有限公司", Cell("n", 0.006, 10), PAGE],
                    ["云岭回收（遂宁）有限公司", "云岭科技股份有限公司", Cell("n", 1, 9), PAGE],
                ],
            }
        ]
    )
    files["12e_hidden_first_sheet_of_lists/output.xlsx"] = xlsx(
        [
            {
                "name": "下拉选项",
                "state": "hidden",
                "rows": [["城市", "产品", "单位"], ["合肥市", "新能源汽车", "辆"], ["芜湖市", "汽车", "万辆"]],
            },
            {"name": "数据", "rows": one},
        ]
    )
    files["12f_very_hidden_old_version/output.xlsx"] = xlsx(
        [
            {
                "name": "旧版",
                "state": "veryHidden",
                "rows": [OUTPUT, output_row("芜湖市", 2021, 9), output_row("柳州市", 2021, 8)],
            },
            {"name": "产量", "rows": one},
        ]
    )
    files["12g_one_sheet_a_year/output.xlsx"] = xlsx(
        [
            {"name": str(y), "rows": [OUTPUT, output_row("芜湖市", y, v), output_row("柳州市", y, w)]}
            for y, v, w in ((2020, 21000, 30500), (2021, 31000, 42500))
        ]
    )
    files["12h_cover_sheet_before_the_data/output.xlsx"] = xlsx(
        [
            {"name": "封面", "rows": [["2021年各市新能源汽车产量汇编"], [None], ["编制说明：数据按生产地统计。"]]},
            {"name": "表1", "rows": one},
        ]
    )
    utc = pa.timestamp("ms", tz="UTC")
    files["13b_evening_in_utc_parquet/firms.parquet"] = firms_parquet(
        ["晨星电驱（芜湖）有限公司", "晨星整车（柳州）有限公司", "晨星电池（安庆）有限公司"],
        ["芜湖市", "柳州市", "安庆市"],
        pa.array(
            [
                datetime(2019, 8, 31, 16, tzinfo=UTC),
                datetime(2012, 2, 28, 16, tzinfo=UTC),
                datetime(2018, 5, 1, tzinfo=UTC),
            ],
            utc,
        ),
    )
    us = pa.timestamp("us")
    files["13c_int96_of_old_hive_tables/firms.parquet"] = firms_parquet(
        ["红旗桥汽车配件厂", "晨星整车（柳州）有限公司"],
        ["长春市", "柳州市"],
        pa.array([datetime(1958, 9, 1), datetime(2003, 2, 28)], us),
        use_deprecated_int96_timestamps=True,
    )
    files["13d_int96_with_9999/firms.parquet"] = firms_parquet(
        ["晨星电驱（芜湖）有限公司", "晨星整车（柳州）有限公司"],
        ["芜湖市", "柳州市"],
        pa.array([datetime(9999, 12, 31), datetime(2016, 11, 18)], us),
        use_deprecated_int96_timestamps=True,
    )
    files["13e_number_2019_1/firms.xlsx"] = xlsx(
        [
            {
                "name": "企业",
                "rows": [
                    FIRM,
                    firm_row("晨星电驱（芜湖）有限公司", "芜湖市", 2019.1),
                    firm_row("晨星整车（柳州）有限公司", "柳州市", 2018.11),
                    firm_row("晨星电池（安庆）有限公司", "安庆市", 2020.2),
                ],
            }
        ]
    )
    d = date(2015, 6, 9)
    files["13g_chinese_built_in_formats/firms.xlsx"] = xlsx(
        [
            {
                "name": "企业",
                "rows": [
                    FIRM,
                    *[
                        firm_row(f"晨星零部件第{n}有限公司", "芜湖市", day(d, f))
                        for n, f in zip("一二三四", (31, 28, 36, 57), strict=True)
                    ],
                ],
            }
        ]
    )
    files["13h_custom_chinese_formats/firms.xlsx"] = xlsx(
        [
            {
                "name": "企业",
                "rows": [
                    FIRM,
                    firm_row("晨星零部件第一有限公司", "芜湖市", day(d, '[DBNum1][$-804]yyyy"年"m"月"d"日";@')),
                    firm_row("晨星零部件第二有限公司", "芜湖市", day(d, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy")),
                    firm_row("晨星零部件第三有限公司", "芜湖市", day(d, "yyyy\\-mm\\-dd\\ aaaa")),
                ],
            }
        ]
    )
    files["15a_city_merged_over_its_years/output.xlsx"] = xlsx(
        [
            {
                "name": "产量",
                "merges": ["A2:A4", "A5:A6"],
                "rows": [
                    OUTPUT,
                    output_row("芜湖市", 2019, 18000),
                    output_row(None, 2020, 21000),
                    output_row(None, 2021, 31000),
                    output_row("柳州市", 2020, 30500),
                    output_row(None, 2021, 42500),
                ],
            }
        ]
    )
    files["15b_unit_and_basis_merged/output.xlsx"] = xlsx(
        [
            {
                "name": "产量",
                "merges": ["E2:E3", "F2:F3"],
                "rows": [
                    OUTPUT,
                    output_row("芜湖市", 2021, 3.1, "万辆"),
                    ["柳州市", 2021, "新能源汽车", 4.25, None, None, PAGE],
                ],
            }
        ]
    )
    files["15c_two_line_header_merged/plants.xlsx"] = xlsx(
        [
            {
                "name": "工厂",
                "merges": ["A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:F1", "G1:G2"],
                "rows": [
                    ["企业名称", "工厂名称", "城市", "投产年份", "产能", None, "产品"],
                    [None, None, None, None, "产能", "产能单位", None],
                    ["晨星整车（柳州）有限公司", "一工厂", "柳州市", 2016, 150000, "辆/年", "新能源乘用车"],
                    ["晨星电池（安庆）有限公司", "电池厂", "安庆市", 2019, 12, "GWh/年", "动力电池"],
                ],
            }
        ]
    )
    files["15g_stock_codes_as_numbers/listed.xlsx"] = xlsx(
        [
            {
                "name": "上市公司",
                "rows": [
                    ["证券代码", "交易所", "公司名称", "城市", "来源"],
                    [625, "深圳证券交易所", "示例甲汽车股份有限公司", "重庆市", PAGE],
                    [2074.0, "深圳证券交易所", "示例乙高科股份有限公司", "合肥市", PAGE],
                    [600006, "上海证券交易所", "示例丙汽车股份有限公司", "十堰市", PAGE],
                ],
            }
        ]
    )
    # ugly
    files["16b_workbook_with_a_password/plants.xlsx"] = compound(
        {
            "EncryptionInfo": struct.pack("<HHI", 4, 4, 0x40) + b"<encryption/>",
            "EncryptedPackage": bytes(range(256)) * 8,
        }
    )
    whole = gz(("\n".join(",".join(map(str, r)) for r in one) + "\n").encode())
    files["16c_cut_gzip/output.csv.gz"] = whole[: len(whole) * 2 // 3]
    files["16f_strict_workbook/output.xlsx"] = xlsx([{"name": "产量", "rows": one}], strict=True)
    files["16g_strict_workbook_with_iso_days/firms.xlsx"] = xlsx(
        [
            {
                "name": "企业",
                "rows": [
                    FIRM,
                    firm_row("晨星电驱（芜湖）有限公司", "芜湖市", Cell("d", "2016-11-18", 14)),
                    firm_row("晨星整车（柳州）有限公司", "柳州市", Cell("d", "2003-02-28T00:00:00", 14)),
                ],
            }
        ],
        strict=True,
    )
    files["16h_division_by_zero_in_a_cell/plants.xlsx"] = xlsx(
        [
            {
                "name": "工厂",
                "rows": [
                    ["企业名称", "工厂名称", "城市", "产品", "投产年份", "产能", "产能单位"],
                    [
                        "晨星整车（柳州）有限公司",
                        "一工厂",
                        "柳州市",
                        "新能源乘用车",
                        2016,
                        Cell("e", "#DIV/0!"),
                        "辆/年",
                    ],
                    [
                        "晨星整车（柳州）有限公司",
                        "二工厂",
                        "柳州市",
                        "新能源乘用车",
                        Cell("e", "#REF!"),
                        80000,
                        "辆/年",
                    ],
                    ["晨星整车（柳州）有限公司", "三工厂", "柳州市", "新能源乘用车", 2020, 60000, "辆/年"],
                ],
            }
        ]
    )
    files["16k_merged_title_and_unit_line/output.xlsx"] = xlsx(
        [
            {
                "name": "Sheet1",
                "merges": ["A1:E1"],
                "rows": [
                    ["2021年部分城市新能源汽车产量", None, None, None, None],
                    [None, None, None, None, "单位：万辆"],
                    ["城市", "年份", "产品", "产量", "口径"],
                    ["芜湖市", 2021, "新能源汽车", 3.1, BASIS],
                    ["柳州市", 2021, "新能源汽车", 4.25, BASIS],
                ],
            }
        ]
    )
    files["16o_excel_97_workbook/output.xls"] = xls("产量", one)
    files["16q_workbook_with_macros/output.xlsm"] = xlsx([{"name": "产量", "rows": one}], macro=True)
    files["16r_lines_of_json_in_gzip/firms.jsonl.gz"] = gz(
        '{"name_zh":"晨星电驱（芜湖）有限公司","city":"芜湖市","founded_on":"2016-11-18","business_scope":"驱动电机制造"}\n'
        '{"name_zh":"晨星整车（柳州）有限公司","city":"柳州市","founded_on":"2003-02-28","business_scope":"新能源汽车整车制造"}\n'.encode()
    )
    return files


def main() -> None:
    for path, body in binaries().items():
        (HERE / path).parent.mkdir(exist_ok=True)
        (HERE / path).write_bytes(body)
    panels_of_treatment()
    panels_of_plants()


if __name__ == "__main__":
    main()
