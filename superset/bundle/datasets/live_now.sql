-- By rank: the live feed where it is late (0), open crises (1), alerts (2), one calm row where there is none of them and nothing to watch (3), what is to be watched
-- and, after it, the live feed where it is up to date, without which calm means nothing (4), signals that have closed (5).
-- Links are the only HTML: other texts lose what would open a tag.
with crises as (
    select
        crisis_id,
        any_value(title) as title,
        min(opened_at) as opened_at,
        max(last_entry_at) as updated_at,
        any_value(coalesce(last_entry, 'le journal est encore vide')) as last_entry,
        any_value(territory_code) as territory_code,
        string_agg(distinct territory_label, ', ' order by territory_label) as places
    from signals.live_crisis
    group by crisis_id
),

signals as (
    select
        *,
        replace(concat(topic_label, ' – ', territory_label), '<', '‹') as signal_label,
        case severity
            when 4 then '●●●● critique' when 3 then '●●●○ élevée' when 2 then '●●○○ modérée' else '●○○○ faible'
        end as gravity,
        -- The sentence without the topic and the place that begin it.
        replace(regexp_replace(explanation, '^.*? : ', ''), '<', '‹') as sentence
    from signals.live_signal
),

latest as (
    select concat(
        'Aucun signal, aucune crise.',
        ' Le dernier signal, ' || arg_max(signal_label, closed_at) || ', s''est calmé le '
        || strftime(timezone('Europe/Paris', timezone('UTC', max(closed_at))), '%d/%m à %H h %M') || '.'
    ) as sentence
    from signals
),

platforms as (
    select
        *,
        last_loaded_at is null or date_diff('minute', last_loaded_at, timezone('UTC', now())) > late_after_minutes as is_late
    from signals.live_state
),

feed as (
    select
        bool_or(is_late) as is_late,
        string_agg(
            concat(
                platform_label,
                coalesce(
                    ' : données arrêtées au '
                    || strftime(timezone('Europe/Paris', timezone('UTC', data_until)), '%d/%m à %H h %M'),
                    ' : jamais chargée'
                )
            ),
            ' ; '
            order by platform_label desc
        ) as sentence,
        max(last_loaded_at) as updated_at
    from platforms
    -- Where one is late, those that are not go without saying.
    where is_late or not (select bool_or(late.is_late) from platforms as late)
),

every as (
    select
        1 as rank,
        4 as severity,
        territory_code,
        concat('Crise : ', replace(title, '<', '‹')) as signal_label,
        'en cours' as state,
        concat(places, ' ; ', replace(last_entry, '<', '‹')) as sentence,
        opened_at,
        updated_at,
        null as closed_at,
        null as probability,
        concat('<a href="/pages/crises/', crisis_id, '">Tenir le journal</a>') as step
    from crises
    union all
    select
        case status when 'open' then 2 when 'watch' then 4 else 5 end as rank,
        severity,
        territory_code,
        signal_label,
        case status when 'watch' then '○ à surveiller' else gravity end as state,
        sentence,
        opened_at,
        updated_at,
        closed_at,
        least(probability, 0.99) as probability, -- never 100 %, as in the alerts
        concat(
            '<a href="/pages/veille/', signal_id, '">',
            case status when 'closed' then 'Revoir' else 'Confirmer ou écarter' end, '</a>'
        ) as step
    from signals
    union all
    select
        3 as rank,
        0 as severity,
        'FR' as territory_code,
        'Rien ne sort de l''ordinaire' as signal_label,
        '✔ calme' as state,
        sentence,
        null as opened_at,
        null as updated_at,
        null as closed_at,
        null as probability,
        '<a href="/pages/veille">Voir la veille</a>' as step
    from latest
    where
        not exists (select 1 from signals where status <> 'closed')
        and not exists (select 1 from crises)
    union all
    select
        case when is_late then 0 else 4 end as rank,
        0 as severity,
        'FR' as territory_code,
        'Flux en direct' as signal_label,
        case when is_late then '▲ en retard' else '✔ à jour' end as state,
        concat(sentence, case when is_late then ' ; un tableau vide ne dit rien du présent.' else '.' end) as sentence,
        null as opened_at,
        updated_at,
        null as closed_at,
        null as probability,
        '<a href="/pages/sources">Voir les sources</a>' as step
    from feed
)

select
    *,
    concat(state, ' – ', signal_label) as headline -- of a phone, which has no room for both
from every
