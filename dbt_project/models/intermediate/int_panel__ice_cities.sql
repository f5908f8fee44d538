-- Cities with an ICE vehicle or engine plant before 2009, the year of the first EV pilot programme.
select distinct city_id
from {{ ref('int_plants__located') }}
where was_ice and opened_year < 2009 and city_id is not null
