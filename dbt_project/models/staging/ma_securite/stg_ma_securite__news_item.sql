select
    id as news_id,
    cast(created_at as timestamp) as created_at,
    {{ paris_day('created_at') }} as created_on,
    theme,
    is_national_theme,
    locality,
    department_code as departement_code,
    generation,
    _dlt_load_id as source_load_id
from {{ source('ma_securite', 'news') }}
