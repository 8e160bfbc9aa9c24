with readings as (
    select
        kpi_values.*,
        {{ is_small('kpi_values') }} as is_small,
        {{ observed_label('kpi_values') }} as observations_label,
        {{ reading_label('kpi_values.value', 'catalogue.unit', 'kpi_values.is_suppressed') }} as plain_label
    from {{ ref('kpi_value') }} as kpi_values
    inner join {{ ref('kpi_catalogue') }} as catalogue on kpi_values.kpi_code = catalogue.kpi_code
),

periods as (
    select * from {{ ref('dim_period') }}
),

known as (
    select max(data_as_of) as data_as_of
    from {{ ref('freshness') }}
),

complete as (
    select
        periods.period_type,
        periods.period_start
    from periods
    cross join known
    where periods.last_day <= known.data_as_of
),

latest as (
    select
        readings.kpi_code,
        readings.period_type,
        max(readings.period_start) as period_start
    from readings
    inner join complete
        on
            readings.period_type = complete.period_type
            and readings.period_start = complete.period_start
    group by readings.kpi_code, readings.period_type
)

select
    readings.kpi_code,
    readings.period_type,
    readings.period_start,
    readings.territory_level,
    readings.territory_code,
    readings.breakdown_dimension,
    readings.breakdown_value,
    readings.numerator,
    readings.denominator,
    readings.value,
    readings.observations,
    readings.is_suppressed,
    case
        when catalogue.is_held_back
            then concat(catalogue.label, ' (retenu : ', {{ values_label('catalogue.values_of') }}, ')')
        else catalogue.label
    end as kpi_label,
    catalogue.pillar,
    catalogue.unit,
    catalogue.direction,
    catalogue.target,
    territories.territory_name,
    territories.map_code,
    territories.region_code,
    periods.period_label,
    periods.previous_period_start,
    previous.value as previous_value,
    coalesce(labels.breakdown_label, readings.breakdown_value) as breakdown_label,
    {{ qualified_label('readings') }} as value_label,
    coalesce({{ qualified_label('previous') }}, '–') as previous_value_label,
    case
        when complete.period_start is null or readings.is_small or coalesce(previous.is_small, true) then '–'
        else coalesce({{ change_label('readings.value', 'previous.value', 'catalogue.unit') }}, '–')
    end as change_label,
    readings.is_small,
    {{ interval_end('readings', -1) }} as low,
    {{ interval_end('readings', 1) }} as high,
    readings.observations_label,
    complete.period_start is not null as is_complete,
    latest.period_start is not null as is_latest,
    {{ is_headline('readings') }} as is_headline,
    peers.peer_median,
    {{ reading_label('peers.peer_median', 'catalogue.unit', 'false') }} as peer_median_label,
    peers.peer_rank,
    peers.peer_count,
    map_classes.map_class,
    map_classes.map_class_label,
    usual.usual_low,
    usual.usual_high,
    usual.usual_position,
    events.event_label,
    case
        when readings.period_type = 'month' and not readings.is_suppressed and readings.value is not null
            then concat(
                    {{ qualified_label('readings') }}, ' en ', periods.period_label,
                    case usual.usual_position
                        when 'habituel' then ', comme d''habitude ('
                        when 'au-dessus' then ', au-dessus de l''habitude ('
                        when 'au-dessous' then ', au-dessous de l''habitude ('
                        else ''
                    end,
                    case
                        when usual.usual_position is null then ''
                        else concat({{ range_label('usual.usual_low', 'usual.usual_high', 'catalogue.unit') }}, ')')
                    end,
                    case
                        when events.event_label is null then ''
                        else concat('. Commence ce mois-là : ', events.event_label)
                    end
                )
        else {{ qualified_label('readings') }}
    end as reading,
    {{ page_path('readings', 'periods.period_name') }} as page_path,
    coalesce(catalogue.is_held_back, false) as is_held_back,
    readings.is_archived
from readings
inner join {{ ref('kpi_catalogue') }} as catalogue on readings.kpi_code = catalogue.kpi_code
inner join {{ ref('dim_territory') }} as territories on readings.territory_code = territories.territory_code
inner join periods
    on
        readings.period_type = periods.period_type
        and readings.period_start = periods.period_start
left join {{ ref('breakdown_labels') }} as labels
    on
        readings.breakdown_dimension = labels.breakdown_dimension
        and readings.breakdown_value = labels.breakdown_value
left join complete
    on
        readings.period_type = complete.period_type
        and readings.period_start = complete.period_start
left join latest
    on
        readings.kpi_code = latest.kpi_code
        and readings.period_type = latest.period_type
        and readings.period_start = latest.period_start
left join readings as previous
    on
        readings.kpi_code = previous.kpi_code
        and readings.period_type = previous.period_type
        and periods.previous_period_start = previous.period_start
        and readings.territory_code = previous.territory_code
        and readings.territory_level = previous.territory_level
        and readings.breakdown_dimension = previous.breakdown_dimension
        and readings.breakdown_value = previous.breakdown_value
left join {{ ref('kpi_peer') }} as peers
    on
        readings.kpi_code = peers.kpi_code
        and readings.period_type = peers.period_type
        and readings.period_start = peers.period_start
        and readings.territory_level = peers.territory_level
        and readings.territory_code = peers.territory_code
        and readings.breakdown_dimension = peers.breakdown_dimension
        and readings.breakdown_value = peers.breakdown_value
left join {{ ref('kpi_map_class') }} as map_classes
    on
        readings.kpi_code = map_classes.kpi_code
        and readings.period_type = map_classes.period_type
        and readings.period_start = map_classes.period_start
        and readings.territory_code = map_classes.territory_code
        and readings.territory_level = map_classes.territory_level
        and readings.breakdown_dimension = map_classes.breakdown_dimension
        and readings.breakdown_value = map_classes.breakdown_value
left join {{ ref('kpi_usual') }} as usual
    on
        readings.kpi_code = usual.kpi_code
        and readings.period_type = usual.period_type
        and readings.period_start = usual.period_start
        and readings.territory_level = usual.territory_level
        and readings.territory_code = usual.territory_code
        and readings.breakdown_dimension = usual.breakdown_dimension
        and readings.breakdown_value = usual.breakdown_value
left join {{ ref('kpi_event') }} as events
    on
        readings.kpi_code = events.kpi_code
        and readings.period_type = events.period_type
        and readings.period_start = events.period_start
        and readings.territory_code = events.territory_code
        and {{ is_headline('readings') }}
