"""What the page says: plain data read from a published database, ready to be written as JSON.

Belongs here: queries of published tables and the places of points on the map. Does not belong here: how anything looks
(charts.py, page/), nor any formula: what is not in the published file is not on the page.
"""

from __future__ import annotations

import math
from typing import Any

import duckdb

from atlas.page.boundaries import project

#: Plants known to a city only are set around its centre on a spiral, so that each can be seen; kilometres.
SPIRAL_KM = 9.0
STAMPS = "method_version, as_of, vintage_id"
#: A page must stay a page when live sources bring thousands of records: of each city so many firms, of each place so many
#: documents (the newest); the rest is counted on the page and stands in the tables.
MOST_FIRMS, MOST_DOCUMENTS, MOST_WORDS = 60, 60, 400
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def rows(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as dictionaries without their NULLs: what is absent is unknown."""
    cursor = con.execute(sql, list(values))
    names = [d[0] for d in cursor.description]
    return [{n: plain(v) for n, v in zip(names, row, strict=True) if v is not None} for row in cursor.fetchall()]


def plain(value: Any) -> Any:
    """A value as JSON has it: dates as text, floats to six significant digits."""
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else float(f"{value:.6g}")
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def link(url: Any) -> str | None:
    """An address that may become a link; only the web's own schemes may."""
    text = str(url or "").split(" ")[0].strip()
    return text if text.startswith(("https://", "http://")) else None


def content(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Everything that the page shows, from one published database (read-only connection).

    Returns a dictionary of JSON values. Raises duckdb.Error where a promised table is missing."""
    year = con.execute("select max(year) from mart_cluster").fetchone()[0]  # type: ignore[index]
    meta = rows(con, "select vintage_id, as_of, method_version, contract_version from meta.run")[0]  # who built it, and when, is no part of the page
    documents = policies(con)
    listed = {d["id"] for d in documents}
    return {
        "meta": {**meta, "newest_year": year, "first_ev_year": first_ev_year(con)},
        "segments": rows(con, "select segment_id as id, family, name_en as en, name_zh as zh from segment"),
        "instruments": rows(con, "select instrument_id as id, family, seed_tool as tool, name_en as en, name_zh as zh from instrument"),
        "indicators": rows(con, "select indicator_id as id, count(value) as n, any_value(unit) as unit from indicator_latest group by 1 order by 1"),
        "findings": rows(con, "select * exclude (method_version, as_of, vintage_id) from finding order by finding_id"),
        "cities": cities(con, year),
        "plants": plants(con),
        "edges": edges(con),
        "clusters": clusters(con),
        "policies": documents,
        "statements": [s for s in statements(con) if s["policy"] in listed],
        "provinces": rows(con, "select distinct province_id as id, province_zh as zh, province_en as en from city order by 1"),
        "places": rows(con, "select place_id as id, place, source_id as source, adapter, covered, pages, body_share, note from meta.coverage where pages > 0 or covered or adapter like '%none%' order by 1, 3"),
        "coverage": rows(con, "select source_id as source, list(distinct adapter order by adapter) as adapters, count(*) as places, count(*) filter (where covered) as covered, count(*) filter (where pages > 0) as with_documents, sum(pages) as pages from meta.coverage group by source_id order by source_id"),
        "concentration": rows(con, "select * from metrics.segment_concentration where year = ? order by n_plants desc", year),
        "coagglomeration": rows(con, "select * from metrics.coagglomeration where year = ? order by egk_gamma desc nulls last", year),
        "k_density": rows(con, "select segment_id, r_km, kd, local_lo, local_hi, global_lo, global_hi, bandwidth_km, n_plants from metrics.k_density where kd is not null order by segment_id, r_km"),
        "k_density_missing": rows(con, "select segment_id, any_value(null_reason) as null_reason, any_value(n_plants) as n_plants from metrics.k_density group by 1 having count(kd) = 0 order by 1"),
        "diffusion": diffusion(con),
        "spread": spread(con),
        "mix": rows(con, """select t.city_id as id, t.seed_tool as tool, sum(t.n_documents) as n from mart_policy_toolkit t
                            group by all order by all"""),
        "effects": rows(con, "select * exclude (method_version, as_of, vintage_id) from mart_policy_effect order by outcome, instrument, estimator, event_time"),
        "sources": rows(con, "select source_id as name, name as title, publisher, licence, url, as_of, rows, quarantined, health, covers as coverage, attribution, live from meta.source order by live, source_id"),
        "known": known(con),
        "dictionary": dictionary(con),
        "quarantine": rows(con, "select source_id as source, reason, count(*) as n from meta.quarantine group by all order by all"),
    }  # fmt: skip


def first_ev_year(con: duckdb.DuckDBPyConnection) -> int:
    """The first year in which a plant may be of unknown EV state (see the dbt macro of this name)."""
    found = con.execute("select coalesce(min(year), max(year)) from mart_cluster where n_ev_state_unknown > 0").fetchone()
    return int(found[0]) if found and found[0] else 0


def cities(con: duckdb.DuckDBPyConnection, year: int) -> list[dict[str, Any]]:
    """One entry per city of mart_city_profile, with its series, segments and heritage."""
    found = rows(con, "select * exclude (method_version, as_of, vintage_id) from mart_city_profile order by city_id")
    place = {r["city_id"]: r for r in rows(con, "select city_id, province_zh, longitude, latitude from city")}
    series: dict[str, list[Any]] = {}
    for r in rows(con, """select city_id, year, n_ev_plants, n_ice_plants, n_ev_state_unknown, national_share_plants, rank_plants, nev_output,
                          nev_output_part_year, nev_output_part_year_period, nev_output_is_lower_bound from mart_cluster where year >= 1990 order by city_id, year"""):  # fmt: skip
        series.setdefault(r["city_id"], []).append([
            r["year"], r["n_ev_plants"], r["n_ice_plants"], r["n_ev_state_unknown"],
            r.get("national_share_plants"), r.get("rank_plants") if r["n_ev_plants"] else None, r.get("nev_output"),
            r.get("nev_output_part_year"), r.get("nev_output_part_year_period"), r.get("nev_output_is_lower_bound"),
        ])  # fmt: skip
    newest = {r["city_id"]: r for r in rows(con, f"select * exclude ({STAMPS}) from mart_cluster where year = ?", year)}
    segments: dict[str, list[Any]] = {}
    for r in rows(con, """select city_id, segment_id as segment, n_firms, n_plants, capacity, capacity_unit, capacity_known_share, share,
        lq_firms, lq_plants, lq_lo, lq_hi, q_bh, density, null_reason from mart_segment_structure where year = ?
        order by city_id, n_plants desc, n_firms desc, segment_id""", year):  # fmt: skip
        segments.setdefault(r.pop("city_id"), []).append(r)
    heritage = {r.pop("city_id"): r for r in rows(con, f"select * exclude ({STAMPS}) from mart_heritage where year = (select max(year) from mart_heritage)")}
    involution = {r.pop("city_id"): r for r in rows(con, f"select * exclude ({STAMPS}) from mart_involution where year = (select max(year) from mart_involution)")}
    firms: dict[str, list[Any]] = {}
    for r in rows(con, """with listed as (select f.city_id, f.firm_id as id, f.name_zh as zh, f.name_en as en, f.founded_year as founded,
        f.status, f.powertrain, f.group_name as grp, f.support, f.source_url as url, list(s.segment_id order by s.segment_id) as segments
        from firm f left join firm_segment s using (firm_id) where f.city_id is not null
        group by all)
        select * from listed
        qualify row_number() over (partition by city_id order by segments[1] is null, support <> 'sourced', founded nulls last, id) <= ?
        order by city_id, founded nulls last, id""", MOST_FIRMS):  # fmt: skip
        r["url"] = link(r.get("url"))
        firms.setdefault(r.pop("city_id"), []).append(r)
    result = []
    for profile in found:
        code = profile["city_id"]
        here = place[code]
        x, y = project(here["longitude"], here["latitude"])
        result.append({
            "id": code, "zh": profile["name_zh"], "en": profile["name_en"], "pen": profile.get("province_en"),
            "pzh": here.get("province_zh"), "x": round(x, 1), "y": round(y, 1), "p": profile, "m": newest.get(code, {}),
            "s": series.get(code, []), "seg": segments.get(code, []), "h": heritage.get(code, {}),
            "inv": involution.get(code), "firms": firms.get(code, []),
        })  # fmt: skip
    return result


def plants(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """One entry per plant in a city, with its place on the map's plane (kilometres)."""
    result = rows(con, """select p.plant_id as id, p.city_id as city, p.plant_name as name, p.operator, p.group_name as grp,
        f.name_zh as firm_zh, f.name_en as firm_en, p.segment_id as segment, p.product, p.opened_year as opened, p.closed_year as closed,
        p.ev_from_year as ev, p.was_ice as ice, p.ev_state_unknown as partial, p.converted_from_ice as converted,
        p.capacity as cap, p.capacity_unit as unit, p.capacity_year as cap_year, p.geocode_level as level, p.district_zh as district,
        p.support, p.confidence, p.evidence_url as url, p.longitude as lon, p.latitude as lat
        from plant p left join firm f using (firm_id) where p.city_id is not null order by p.city_id, p.plant_id""")  # fmt: skip
    around: dict[str, int] = {}
    for plant in result:
        x, y = project(plant.pop("lon"), plant.pop("lat"))
        if plant["level"] != "plant":  # plants of one district or city share a point
            key = f"{plant['city']}/{plant.get('district', '')}"
            k = around[key] = around.get(key, -1) + 1
            radius = SPIRAL_KM * math.sqrt(k) if plant["level"] == "district" else SPIRAL_KM * math.sqrt(k + 1)
            x, y = x + radius * math.cos(k * GOLDEN_ANGLE), y + radius * math.sin(k * GOLDEN_ANGLE)
        plant["x"], plant["y"], plant["url"] = round(x, 1), round(y, 1), link(plant.get("url"))
    return result


def edges(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = rows(con, """select plant_id as ev, predecessor_id as pre, predecessor_name as name, predecessor_kind as kind, edge_type as type,
        city_id as city, predecessor_city_id as from_city, since_year as since, confidence_score as confidence, support, rule, evidence_url as url
        from mart_lineage_edge order by city_id, edge_type, predecessor_name, plant_id""")  # fmt: skip
    for edge in found:
        edge["url"] = link(edge.get("url"))
    return found


def clusters(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Density clusters of every year: the plants in each, its cities, its members. Administrative ones are the cities themselves.

    Members may be seats of firms too; those are drawn by their city's centre."""
    return rows(con, """select m.year, m.cluster_id as id, any_value(m.method) as method, count(distinct m.plant_id) as members,
        list(distinct p.plant_id order by p.plant_id) filter (where p.plant_id is not null) as plants,
        list(distinct m.city_id order by m.city_id) filter (where m.city_id is not null) as cities
        from mart_cluster_membership m left join plant p using (plant_id)
        where m.method <> 'admin' and m.cluster_id is not null group by m.year, m.cluster_id order by m.year, m.cluster_id""")  # fmt: skip


def policies(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The documents that the marts count, by the place that they count for."""
    found = rows(con, """select policy_id as id, counted_place_id as place, level, issuer, title_zh as zh, title_en as en, doc_no as no,
        left(issued_on::varchar, case issued_on_precision when 'year' then 4 when 'month' then 7 else 10 end) as issued, valid_from, valid_to, status, doc_type as type, text_kind as text, support, confidence, url from policy
        where is_counted and counted_place_id is not null
        qualify row_number() over (partition by counted_place_id order by issued_on desc nulls last, policy_id) <= ?
        order by issued_on, length(issued), policy_id""", MOST_DOCUMENTS)  # fmt: skip
    for policy in found:
        policy["url"] = link(policy.get("url"))
    return found


def statements(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Each coded statement once: a title and a summary may say the same. `words` are the document's own where `basis` is
    text, a collector's where it is summary, and absent where the title alone was read (it stands on the page)."""
    first = "(array_position(['text', 'summary', 'title', 'hand'], evidence_basis), evidence_start)"
    return rows(con, f"""select policy_id as policy, instrument_id as instrument, direction, amount, unit, amount_role as role,
        arg_min(evidence_basis, {first}) as basis,
        left(nullif(arg_min(case evidence_basis when 'text' then evidence_text when 'summary' then coded_from else '' end, {first}), ''), ?) as words,
        any_value(rule_id) as rule, any_value(coded_by) as coder
        from policy_instrument group by policy_id, instrument_id, direction, amount, unit, amount_role
        order by policy_id, instrument_id, direction, amount nulls last, unit""", MOST_WORDS)  # fmt: skip


def diffusion(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """By tool and year: places that had adopted it by then, among the places with known documents."""
    return rows(con, """
        with first as (select seed_tool as tool, city_id, min(year(first_adopted_on)) as year from mart_policy_toolkit
                       where first_adopted_on is not null group by all),
             years as (select unnest(generate_series((select min(year) from first), (select max(year) from first))) as year)
        select f.tool, y.year, count(*) as places, (select count(distinct city_id) from mart_policy_toolkit) as known
        from years y join first f on f.year <= y.year group by all order by 1, 2""")  # fmt: skip


def spread(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """By instrument: the first adoption on record and the places that have it, of all places with known documents."""
    found = rows(con, """select instrument_id as instrument, min(first_adopted_on) as first_on, arg_min(city_id, (first_adopted_on, city_id)) as first_place,
        count(distinct city_id) as places, sum(n_documents) as documents, bool_or(covered) as covered
        from mart_policy_toolkit where first_adopted_on is not null group by instrument_id order by places desc, instrument_id""")  # fmt: skip
    if "mart_policy_diffusion" in tables(con):  # with its interval, where the atlas has the mart
        share = {r["instrument"]: r for r in rows(con, """select instrument_id as instrument, share_adopted, 1 - km_hi as share_lo, 1 - km_lo as share_hi
            from mart_policy_diffusion where year = (select max(year) from mart_policy_diffusion)""")}  # fmt: skip
        found = [{**share.get(r["instrument"], {}), **r} for r in found]
    return found


def tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()}


def known(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What is known of how many: the coverage of the page's main numbers, each with the column that it is counted from."""
    return rows(con, """
        with c as (select * from mart_city_profile where n_ev_plants > 0), p as (select * from plant where city_id is not null)
        select 'known.output' as key, 'mart_city_profile.nev_output_newest' as col, count(nev_output_newest) as n, count(*) as total from c
        union all select 'known.utilisation', 'mart_city_profile.utilisation', count(utilisation), count(*) from c
        union all select 'known.documents', 'mart_city_profile.n_documents', count(*) filter (where n_documents > 0), count(*) from c
        union all select 'known.money', 'mart_city_profile.amounts', count(*) filter (where len(amounts) > 0), count(*) from c
        union all select 'known.paid', 'mart_city_profile.amount_cny_m', count(amount_cny_m), count(*) from c
        union all select 'known.literature', 'mart_city_profile.literature_reading', count(literature_reading), count(*) from c
        union all select 'known.opened', 'plant.opened_year', count(opened_year), count(*) from p
        union all select 'known.capacity', 'plant.capacity', count(capacity), count(*) from p
        union all select 'known.district', 'plant.geocode_level', count(*) filter (where geocode_level in ('plant', 'district')), count(*) from p
        union all select 'known.sourced', 'plant.support', count(*) filter (where support = 'sourced'), count(*) from p
        union all select 'known.url', 'plant.evidence_url', count(*) filter (where evidence_url like 'http%'), count(*) from p""")  # fmt: skip


def dictionary(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every published table with its meaning and its columns, as the comments of the file have them."""
    columns: dict[str, list[Any]] = {}
    for table, name, kind, meaning in con.execute("""
        select case schema_name when 'main' then '' else schema_name || '.' end || table_name, column_name, data_type, comment
        from duckdb_columns() where not internal order by schema_name, table_name, column_index""").fetchall():  # fmt: skip
        columns.setdefault(table, []).append([name, kind, meaning or ""])
    tables = con.execute("""select case schema_name when 'main' then '' else schema_name || '.' end || table_name, comment
        from duckdb_tables() where not internal order by schema_name, table_name""").fetchall()  # fmt: skip
    return [{"table": table, "meaning": meaning or "", "columns": columns.get(table, [])} for table, meaning in tables]
