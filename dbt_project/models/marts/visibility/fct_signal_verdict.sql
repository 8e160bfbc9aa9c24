-- The last word counts: an operator may see a signal, confirm it, and learn the day after that it was an exercise.
with ranked as (
    select
        *,
        row_number() over (partition by signal_id order by decided_at desc, verdict_id desc) as rank_of_word
    from {{ ref('stg_operations__verdict') }}
    where verdict <> 'vu'
),

seen as (
    select
        signal_id,
        min(decided_at) as first_seen_at
    from {{ ref('stg_operations__verdict') }}
    group by signal_id
)

select
    ranked.signal_id,
    ranked.topic_code,
    ranked.crisis_kind,
    coalesce(ranked.territory_code, 'ZZ') as territory_code,
    ranked.severity,
    coalesce(ranked.signal_opened_at, ranked.decided_at) as opened_at,
    {{ paris_day('coalesce(ranked.signal_opened_at, ranked.decided_at)') }} as opened_on,
    ranked.verdict,
    ranked.verdict = 'confirmé' as is_confirmed,
    ranked.author_role,
    seen.first_seen_at,
    ranked.decided_at,
    ranked.source_load_id
from ranked
inner join seen on ranked.signal_id = seen.signal_id
where ranked.rank_of_word = 1
