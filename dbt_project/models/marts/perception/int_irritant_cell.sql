{% set total = "'total'" %}
with themes as (
    select * from {{ ref('fct_verbatim_theme') }}
),

-- Each text counts at every level of its territory, and both under its service and under all services together.
placed as (
    {% for service in [total, 'texts.service_name'] %}
    select
        texts.verbatim_id,
        texts.month_start_on,
        levels.territory_level,
        levels.level_code as territory_code,
        {{ service }} as service_name,
        texts.feeling,
        texts.mark,
        texts.lost_by_theme
    from {{ ref('int_irritant_text') }} as texts
    inner join {{ ref('bridge_territory_level') }} as levels on texts.territory_code = levels.territory_code
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

wholes as (
    select
        month_start_on,
        territory_level,
        territory_code,
        service_name,
        count(verbatim_id) as texts,
        count(mark) as marks
    from placed
    group by month_start_on, territory_level, territory_code, service_name
),

parts as (
    select
        placed.month_start_on,
        placed.territory_level,
        placed.territory_code,
        placed.service_name,
        themes.theme,
        placed.feeling,
        count(placed.verbatim_id) as texts,
        sum(placed.lost_by_theme) as lost,
        sum(cast(placed.lost_by_theme * placed.lost_by_theme as decimal(18, 6))) as lost_squares,
        max(placed.lost_by_theme) as largest_loss
    from placed
    inner join themes on placed.verbatim_id = themes.verbatim_id
    group by
        placed.month_start_on,
        placed.territory_level,
        placed.territory_code,
        placed.service_name,
        themes.theme,
        placed.feeling
),

wholes_before as (
    select
        wholes.month_start_on,
        wholes.territory_level,
        wholes.territory_code,
        wholes.service_name,
        sum(earlier.texts) as texts
    from wholes
    inner join wholes as earlier
        on
            wholes.territory_level = earlier.territory_level
            and wholes.territory_code = earlier.territory_code
            and wholes.service_name = earlier.service_name
            and wholes.month_start_on > earlier.month_start_on
            and earlier.month_start_on >= {{ dbt.dateadd('month', -3, 'wholes.month_start_on') }}
    group by wholes.month_start_on, wholes.territory_level, wholes.territory_code, wholes.service_name
),

parts_before as (
    select
        parts.month_start_on,
        parts.territory_level,
        parts.territory_code,
        parts.service_name,
        parts.theme,
        parts.feeling,
        sum(earlier.texts) as texts
    from parts
    inner join parts as earlier
        on
            parts.territory_level = earlier.territory_level
            and parts.territory_code = earlier.territory_code
            and parts.service_name = earlier.service_name
            and parts.theme = earlier.theme
            and parts.feeling = earlier.feeling
            and parts.month_start_on > earlier.month_start_on
            and earlier.month_start_on >= {{ dbt.dateadd('month', -3, 'parts.month_start_on') }}
    group by
        parts.month_start_on,
        parts.territory_level,
        parts.territory_code,
        parts.service_name,
        parts.theme,
        parts.feeling
)

select
    parts.month_start_on,
    parts.territory_level,
    parts.territory_code,
    parts.service_name,
    parts.theme,
    parts.feeling,
    cast(parts.texts as bigint) as texts,
    cast(wholes.texts as bigint) as texts_of_place,
    cast(coalesce(parts_before.texts, 0) as bigint) as texts_before,
    cast(coalesce(wholes_before.texts, 0) as bigint) as texts_of_place_before,
    cast(wholes.marks as bigint) as marks_of_place,
    cast(coalesce(parts.lost, 0) as decimal(38, 6)) as lost,
    cast(coalesce(parts.lost_squares, 0) as decimal(38, 6)) as lost_squares,
    cast(coalesce(parts.largest_loss, 0) as decimal(18, 6)) as largest_loss
from parts
inner join wholes
    on
        parts.month_start_on = wholes.month_start_on
        and parts.territory_level = wholes.territory_level
        and parts.territory_code = wholes.territory_code
        and parts.service_name = wholes.service_name
left join wholes_before
    on
        parts.month_start_on = wholes_before.month_start_on
        and parts.territory_level = wholes_before.territory_level
        and parts.territory_code = wholes_before.territory_code
        and parts.service_name = wholes_before.service_name
left join parts_before
    on
        parts.month_start_on = parts_before.month_start_on
        and parts.territory_level = parts_before.territory_level
        and parts.territory_code = parts_before.territory_code
        and parts.service_name = parts_before.service_name
        and parts.theme = parts_before.theme
        and parts.feeling = parts_before.feeling
