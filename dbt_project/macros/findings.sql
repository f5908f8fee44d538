{# The eight preliminary findings of the study (docs/methods.md). For each: the claim in our words, the statistic that can
   refute it, a threshold fixed before the data were looked at, how much of the population the data must cover before a
   verdict is given, and the query. The query reads published tables by their plain names, so that the text that is
   published is the text that was run; it returns one row: value, coverage (0-1), detail, and n: the plants, cities or places behind a value that is a share (NULL
   for a count). Shares get a Wilson interval beside them. A verdict goes by the value; where the interval holds the threshold,
   finding.sql says so in `robust`. #}
{% macro findings() %}
{% set latest = "(select max(year) from mart_cluster)" %}
{{ return([
  {
    "id": "F1", "question": "RQ1",
    "claim": "EV clusters concentrate in provinces with strong industrial bases: Guangdong, Jiangsu, Zhejiang, Shandong, Henan, Sichuan",
    "statistic": "how many of the six named provinces are among the six leading ones, mean over firms, EV plants (born or converted) and EV vehicle capacity",
    "threshold": 4.0, "at_least": true, "min_coverage": 0.3,
    "query": "with p as (select c.province_en, sum(m.n_firms) as firms, sum(m.n_ev_plants) as plants, (select sum(i.n_ice_plants) from mart_cluster i join city d using (city_id) where i.year = 2008 and d.province_en = c.province_en) as ice, " ~ ordered_sum('m.capacity_vehicles') ~ " as capacity, " ~ ordered_sum('m.capacity_vehicles_known_share * m.n_ev_vehicle_plants') ~ " / nullif(sum(m.n_ev_vehicle_plants), 0) as known from mart_cluster m join city c using (city_id) where m.year = " ~ latest ~ " group by c.province_en), r as (select *, rank() over (order by firms desc) as rf, rank() over (order by plants desc) as rp, rank() over (order by " ~ rankable('capacity') ~ " desc nulls last) as rc, province_en in ('Guangdong', 'Jiangsu', 'Zhejiang', 'Shandong', 'Henan', 'Sichuan') as named from p) select (count(*) filter (where named and rf <= 6) + count(*) filter (where named and rp <= 6) + count(*) filter (where named and rc <= 6)) / 3.0 as value, " ~ ordered_sum('plants * coalesce(known, 0)') ~ " / nullif(sum(plants), 0) as coverage, 'ranks by firms/plants/capacity: ' || string_agg(province_en || ' ' || rf || '/' || rp || '/' || rc, ', ' order by rp, province_en) filter (where named) || '; share of EV plants (born or converted) in the six ' || round(sum(plants) filter (where named) / sum(plants), 3) || ', of the ICE plants of 2008 ' || round(sum(ice) filter (where named) / sum(ice), 3) || '; leading by plants: ' || string_agg(province_en, ', ' order by rp, province_en) filter (where rp <= 6) as detail, null::bigint as n from r"
  },
  {
    "id": "F2", "question": "RQ1",
    "claim": "The leading cities are Shenzhen, Shanghai, Xi'an, Hefei, Guangzhou, Chongqing, Changsha",
    "statistic": "how many of the seven are among the ten first by NEV output, each city by its newest full-year figure of the last four years",
    "threshold": 6.0, "at_least": true, "min_coverage": 0.4,
    "query": "with m as (select c.city_id, c.name_en, m.nev_output_newest as n, m.nev_output_newest_year as y, m.rank_nev_output_newest as r, m.rank_plants, m.rank_capacity_vehicles, m.rank_firms, coalesce(o.nev_output_newest_basis = 'legal_entity', false) as elsewhere, c.name_en in ('Shenzhen', 'Shanghai', 'Xi''an', 'Hefei', 'Guangzhou', 'Chongqing', 'Changsha') as named from mart_cluster m join city c using (city_id) left join mart_city_profile o using (city_id) where m.year = " ~ latest ~ "), nation as (select max(nev_output / national_share_nev_output) as n from mart_cluster where national_share_nev_output is not null) select (count(*) filter (where named and r <= 10))::double as value, " ~ ordered_sum('m.n') ~ " filter (where not elsewhere) / max(nation.n) as coverage, 'rank by output (year) / capacity / EV plants (born or converted) / firms: ' || string_agg(name_en || ' ' || coalesce(r || ' (' || y || ')', '-') || '/' || coalesce(rank_capacity_vehicles::varchar, '-') || '/' || coalesce(rank_plants::varchar, '-') || '/' || coalesce(rank_firms::varchar, '-'), ', ' order by r nulls last, name_en, city_id) filter (where r <= 10 or named) || '; counted by legal entity, wherever the vehicles were made, and so not in the coverage: ' || coalesce(string_agg(name_en, ', ' order by name_en) filter (where elsewhere), 'none') || '; of the seven ' || (count(*) filter (where named and r <= 10 and not elsewhere)) || ' are among the ten without such figures' as detail, null::bigint as n from m cross join nation"
  },
  {
    "id": "F3", "question": "RQ2",
    "claim": "Leading clusters are diverse: some integrated ecosystems, some specialised",
    "statistic": "distinct structure types among the fifteen cities with most EV plants (born or converted)",
    "threshold": 3.0, "at_least": true, "min_coverage": 0.3,
    "query": "with t as (select c.city_id, c.name_en, m.typology, m.typology_margin, m.n_ev_plants, s.entropy_bits from mart_cluster m join city c using (city_id) left join metrics.city_structure s on s.city_id = m.city_id and s.year = m.year where m.year = " ~ latest ~ " and m.rank_plants <= 15) select count(distinct typology)::double as value, sum(n_ev_plants) / (select sum(n_ev_plants) from mart_cluster where year = " ~ latest ~ ")::double as coverage, string_agg(name_en || ' ' || typology, ', ' order by n_ev_plants desc, name_en, city_id) || '; correlation of entropy with size ' || coalesce(round(" ~ ordered_corr('entropy_bits', 'n_ev_plants') ~ ", 2)::varchar, 'undefined') as detail, null::bigint as n from t"
  },
  {
    "id": "F4", "question": "RQ3",
    "claim": "Local governments foster clusters through subsidies, infrastructure investment and capital participation",
    "statistic": "the smallest of three shares: places with known documents that support by subsidies, by infrastructure, by capital participation",
    "threshold": 0.5, "at_least": true, "min_coverage": 0.3,
    "query": "with p as (select city_id, bool_or(seed_tool = 'subsidies' and n_support > 0) as s, bool_or(seed_tool = 'infrastructure' and n_support > 0) as i, bool_or(seed_tool = 'capital participation' and n_support > 0) as k from mart_policy_toolkit group by city_id) select least(avg(s::integer), avg(i::integer), avg(k::integer)) as value, (select count(distinct place_id) filter (where covered) / count(distinct place_id)::double from meta.coverage where source_id = 'policy_releases' and place_id <> '100000') as coverage, 'share of ' || count(*) || ' places with documents: subsidies ' || round(avg(s::integer), 2) || ', infrastructure ' || round(avg(i::integer), 2) || ', capital participation ' || round(avg(k::integer), 2) || '; hand-picked documents show what was used and never what was not: a low share says nothing until places are covered' as detail, count(*) as n from p"
  },
  {
    "id": "F5", "question": "RQ3",
    "claim": "Fiscal limits keep poorer governments from high-risk investment, which concentrates the industry and sets regions against each other",
    "statistic": "share of the cities with a known capital participation whose budget revenue is above the median of all cities where it is known for the same year",
    "threshold": 0.75, "at_least": true, "min_coverage": 0.1,
    "query": "with known as (select city_id, budget_revenue_100m_cny as r, budget_revenue_year as y from city where budget_revenue_100m_cny is not null), k as (select distinct t.city_id from mart_policy_toolkit t where t.seed_tool = 'capital participation' and t.n_support > 0), g as (select m.year, sum((2 * rn - n - 1) * v) / nullif(n * sum(v), 0) as gini from (select year, n_ev_plants as v, row_number() over (partition by year order by n_ev_plants, city_id) as rn, count(*) over (partition by year) as n from mart_cluster where n_ev_plants > 0) m group by m.year, n) select avg(" ~ above('known.r', '(select median(r) from known)') ~ "::integer) as value, count(known.r) / 337.0 as coverage, count(known.r) || ' cities with a known capital participation and revenue of ' || (select string_agg(distinct y::varchar, ', ' order by y::varchar) from known) || ', the one year compared (' || (select count(*) from known) || ' cities); what governments paid is unknown: no statement names payer and payee; Gini of EV plants (born or converted) over cities that have any: ' || (select string_agg(year || ' ' || round(gini, 2), ', ' order by year) from g where year in (2010, 2015, 2020, " ~ latest ~ ")) as detail, count(known.r) as n from k join known using (city_id)"
  },
  {
    "id": "F6", "question": "RQ3",
    "claim": "Involution: too much focus on EV brings negative competition and waste",
    "statistic": "share of EV-born vehicle plants, opened at least five years before the data end, that closed within five years of opening",
    "threshold": 0.15, "at_least": true, "min_coverage": 0.5,
    "query": "with p as (select opened_year, closed_year from plant where segment_id = 'oem' and powertrain_at_opening = 'ev' and (opened_year is null or opened_year <= year(as_of) - 5)) select avg((closed_year is not null and closed_year - opened_year <= 5)::integer) filter (where opened_year is not null) as value, count(opened_year) / nullif(count(*), 0)::double as coverage, count(opened_year) || ' plants, ' || count(closed_year) || ' of them closed by now; the list leans to makers that made news, failures among them, so the share is an upper one: it would be under ' || 0.15 || ' if the list missed ' || ceil(count(*) filter (where closed_year - opened_year <= 5) / 0.15 + 1e-9 - count(opened_year))::integer || ' plants or more that outlived five years; utilisation (^ a bound, see mart_involution): ' || (select coalesce(string_agg(c.name_en || ' ' || m.year || ' ' || round(m.utilisation, 2) || case when m.utilisation_bound <> 'point' then '^' else '' end, ', ' order by c.name_en, m.year, c.city_id), 'none') from mart_involution m join city c using (city_id) where m.utilisation is not null) as detail, count(opened_year) as n from p"
  },
  {
    "id": "F7", "question": "RQ4",
    "claim": "Path dependence: many EV clusters use the infrastructure of the combustion-engine industry",
    "statistic": "share of EV vehicle plants (born or converted) standing now with a lineage edge of confidence 0.5 or more to an ICE plant, firm or site",
    "threshold": 0.5, "at_least": true, "min_coverage": 0.5,
    "query": "with p as (select p.plant_id, p.capacity, exists (select 1 from mart_lineage_edge e where e.plant_id = p.plant_id and " ~ at_least('e.confidence_score', 0.5) ~ ") as edge, exists (select 1 from mart_lineage_edge e where e.plant_id = p.plant_id and " ~ at_least('e.confidence_score', 0.5) ~ " and e.is_local) as local, exists (select 1 from mart_lineage_edge e where e.plant_id = p.plant_id and " ~ at_least('e.confidence_score', 0.5) ~ " and e.edge_type in ('converted_plant', 'same_site', 'acquired_plant_or_licence')) as brownfield from plant p where p.segment_id = 'oem' and p.ev_from_year is not null and p.closed_year is null), e as (select count(distinct plant_id) as n from plant where segment_id = 'oem' and ev_from_year is not null and closed_year is null and (confidence in ('high', 'medium'))) select avg(edge::integer) as value, (select n from e) / nullif(count(*), 0)::double as coverage, count(*) || ' plants; weighted by known capacity ' || coalesce(round(" ~ ordered_sum('capacity') ~ " filter (where edge) / nullif(" ~ ordered_sum('capacity') ~ ", 0), 2)::varchar, 'unknown') || '; to a predecessor in the same city ' || round(avg(local::integer), 2) || ', conversion, site or takeover alone ' || round(avg(brownfield::integer), 2) || '; plants that build both without a known year are left out' as detail, count(*) as n from p"
  },
  {
    "id": "F8", "question": "RQ4",
    "claim": "Divergence: some clusters arise independently of the combustion-engine heritage, driven by policy and investment",
    "statistic": "share of EV plants (born or converted; vehicles, cells, materials) standing now in cities without an ICE vehicle or engine plant opened, or maker founded, before 2009",
    "threshold": 0.2, "at_least": true, "min_coverage": 0.5,
    "query": "with h as (select m.city_id, c.name_en, m.n_ev_plants, m.ice_plants_before_2009 + m.ice_firms_before_2009 as ice_before_2009, m.share_lineage_plants from mart_heritage m join city c using (city_id) where m.year = (select max(year) from mart_heritage)), k as (select count(opened_year) / count(*)::double as dated from plant where was_ice) select sum(n_ev_plants) filter (where ice_before_2009 = 0) / nullif(sum(n_ev_plants), 0)::double as value, (select dated from k) as coverage, count(*) filter (where ice_before_2009 = 0 and n_ev_plants > 0) || ' cities without an ICE past in the list; the largest: ' || string_agg(name_en || ' ' || n_ev_plants, ', ' order by n_ev_plants desc, name_en) filter (where ice_before_2009 = 0 and n_ev_plants >= 3) || '; of these plants ' || round(" ~ ordered_sum('n_ev_plants * share_lineage_plants') ~ " filter (where ice_before_2009 = 0) / nullif(sum(n_ev_plants) filter (where ice_before_2009 = 0), 0), 2) || ' have a lineage edge to another city' as detail, sum(n_ev_plants)::bigint as n from h"
  }
]) }}
{% endmacro %}
