-- A month of one département holds a handful of actions: levels are compared over the last twelve months.
{% set yearly = ['prevention_hours', 'prevention_cost_eur', 'people_reached', 'pre_complaints', 'victims_assisted'] %}
{% set compared = ['hours_per_10k', 'pre_complaints_per_10k', 'victims_per_10k'] %}
with months as (
    select
        *,
        case
            when extract(month from month_start) in (7, 8) then 'été'
            when holiday_days >= 8 then 'vacances scolaires'
            else 'hors vacances'
        end as season,
        {% for column in yearly %}
        -- Twelve known months or none: a hidden month must not follow from a sum.
        case
            when count({{ column }}) over year_to_month = 12 then sum({{ column }}) over year_to_month
        end as {{ column }}_12m,
        {% endfor %}
        lag(pre_complaints) over by_month as previous_pre_complaints,
        lag(prevention_hours) over by_month as previous_prevention_hours
    from {{ ref('int_territory_month') }}
    window
        by_month as (partition by territory_code order by month_start),
        year_to_month as (
            partition by territory_code order by month_start rows between 11 preceding and current row
        )
),

rated as (
    select
        months.*,
        territories.territory_name,
        territories.groupement_name,
        territories.gendarmerie_region_code,
        territories.map_code,
        {{ exact_ratio('prevention_hours_12m', 'months.population', 10000) }} as hours_per_10k,
        {{ exact_ratio('pre_complaints_12m', 'months.population', 10000) }} as pre_complaints_per_10k,
        {{ exact_ratio('victims_assisted_12m', 'months.population', 10000) }} as victims_per_10k,
        {{ exact_ratio('1607 * pre_complaints_12m', '12 * prevention_hours_12m') }} as pre_complaints_per_fte,
        {{ exact_ratio('prevention_cost_eur_12m', 'people_reached_12m') }} as cost_per_person_reached
    from months
    inner join {{ ref('dim_territory') }} as territories on months.territory_code = territories.territory_code
),

peers as (
    select
        own.territory_code,
        own.month_start,
        count(peers.territory_code) as peers,
    {% for column in compared %}
    {{ exact_median('peers.' ~ column) }} as {{ column }}_of_peers,
    1 + sum(case when peers.{{ column }} > own.{{ column }} then 1 else 0 end) as {{ column }}_rank
    {{- ',' if not loop.last }}
    {% endfor %}
    from rated as own
    inner join {{ ref('bridge_territory_peer') }} as similar_places
        on own.territory_code = similar_places.territory_code
    -- Similar in season too: a month of holidays is not compared with one without.
    inner join rated as peers
        on
            similar_places.peer_code = peers.territory_code
            and own.month_start = peers.month_start
            and own.season = peers.season
    group by own.territory_code, own.month_start
),

placed as (
    select
        rated.*,
        peers.peers,
        {% for column in compared %}
        peers.{{ column }}_of_peers,
        case when rated.{{ column }} is not null then peers.{{ column }}_rank end as {{ column }}_rank,
        {% endfor %}
        {{ exact_ratio('rated.hours_per_10k', 'peers.hours_per_10k_of_peers') }} as means_index,
        {{ exact_ratio('rated.pre_complaints_per_10k', 'peers.pre_complaints_per_10k_of_peers') }} as needs_index,
        lag(rated.prevention_hours_12m, 12) over by_month as prevention_hours_year_before,
        lag(rated.pre_complaints_12m, 12) over by_month as pre_complaints_year_before,
        max(case when rated.pre_complaints_12m is not null then rated.month_start end) over () as latest_month
    from rated
    left join peers
        on
            rated.territory_code = peers.territory_code
            and rated.month_start = peers.month_start
    window by_month as (partition by rated.territory_code order by rated.month_start)
)

select
    territory_code,
    territory_level,
    territory_name,
    groupement_name,
    gendarmerie_region_code,
    map_code,
    month_start,
    month_label,
    coalesce(month_start = latest_month, false) as is_latest,
    season,
    holiday_days,
    population,
    headcount,
    units,
    weekly_opening_hours,
    cast(prevention_actions as bigint) as prevention_actions,
    prevention_hours,
    cast(prevention_cost_eur as decimal(38, 6)) as prevention_cost_eur,
    cast(people_reached as bigint) as people_reached,
    cast(pre_complaints as bigint) as pre_complaints,
    cast(chat_contacts as bigint) as chat_contacts,
    cast(mentions as bigint) as mentions,
    cast(victims_assisted as bigint) as victims_assisted,
    victims_are_hidden,
    unanswered,
    unanswered_age_days,
    cast(pre_complaints - previous_pre_complaints as bigint) as pre_complaints_change,
    cast(prevention_hours - previous_prevention_hours as decimal(38, 6)) as prevention_hours_change,
    {% for column in yearly %}
    cast({{ column }}_12m as decimal(38, 6)) as {{ column }}_12m,
    {% endfor %}
    cast(prevention_hours_12m - prevention_hours_year_before as decimal(38, 6)) as prevention_hours_12m_change,
    cast(pre_complaints_12m - pre_complaints_year_before as decimal(38, 6)) as pre_complaints_12m_change,
    hours_per_10k,
    pre_complaints_per_10k,
    victims_per_10k,
    pre_complaints_per_fte,
    cost_per_person_reached,
    cast(peers as bigint) as peers,
    {% for column in compared %}
    {{ column }}_of_peers,
    cast({{ column }}_rank as bigint) as {{ column }}_rank,
    {% endfor %}
    means_index,
    needs_index,
    case
        when means_index is null or needs_index is null then null
        when needs_index >= 1 and means_index < 1 then 'besoins forts, moyens faibles'
        when needs_index >= 1 then 'besoins forts, moyens forts'
        when means_index < 1 then 'besoins faibles, moyens faibles'
        else 'besoins faibles, moyens forts'
    end as quadrant
from placed
