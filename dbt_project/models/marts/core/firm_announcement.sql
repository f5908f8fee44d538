select
    a.firm_id,
    a.batch,
    a.makers,
    a.brands,
    a.n_models,
    a.n_bev,
    a.n_phev,
    a.n_erev,
    a.n_fcev,
    a.n_swappable,
    a.n_passenger,
    'sourced' as support,
    'official' as source_tier,
    'https://service.miit-eidc.org.cn/miitxxgk/gonggao/xxgk/queryByPc?pc=' || a.batch || '&querylb=cp&qyinfolb='
        as source_url,
    {{ stamp() }}
from {{ ref('int_firms__announced') }} as a
cross join {{ ref('int_build') }} as b
