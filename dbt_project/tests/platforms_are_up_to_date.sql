-- Names the platforms whose last load is too old, or that were never loaded.
{{ config(group='governance') }}
select
    concat(
        platform, case when last_loaded_at is null then ' (never loaded)' else concat(' (last load ', cast(last_loaded_at as date), ')') end
    ) as platform
from {{ ref('freshness') }}
where is_late
order by platform
