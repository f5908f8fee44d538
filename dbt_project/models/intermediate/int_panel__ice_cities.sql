-- Cities with an ICE vehicle or engine plant before 2009, the year of the first EV pilot programme.
select distinct city_adcode as city_id
from {{ ref('int_plants__located') }}
where was_ice and opened_year < 2009 and city_adcode is not null
