-- Whether what readers see is fresh, checked and unchanged: one row per question, with its answer and the page that proves it.
with late as (
    select
        count(platform) as platforms,
        count(case when is_late then platform end) as late,
        string_agg(case when is_late then title end, ', ' order by title) as names
    from audit.freshness
),

checks as (
    select
        count(case when status = 'pass' then unique_id end) as passed,
        count(case when status = 'warn' then unique_id end) as warned,
        count(case when status not in ('pass', 'warn') then unique_id end) as failed
    from audit.check_result
    where kind = 'test'
),

held as (
    select
        count(kpi_code) as kpis,
        count(case when is_held_back then kpi_code end) as held_back,
        string_agg(case when is_held_back then label end, ', ' order by label) as names
    from kpi.kpi_catalogue
),

loads as (
    select sum(rows_read) as rows_read, sum(rows_quarantined) as rows_quarantined
    from audit.platform_load
    where finished_at > timezone('UTC', now()) - interval 31 day
),

ledger as (
    select
        count(distinct publication) as publications,
        count(case when change = 'changed' then kpi_code end) as changed,
        count(case when change = 'removed' then kpi_code end) as removed
    from audit.kpi_ledger
),

accesses as (
    select coalesce(sum(times), 0) as times, count(distinct account) as accounts
    from audit.access_day
),

acts as (
    select count(act_id) as acts
    from audit.act
)

select
    1 as rank,
    'Publication' as question,
    'à vérifier' as state,
    concat(
        'Publiée le ', strftime(timezone('Europe/Paris', published_at), '%d/%m/%Y à %H h %M'), ', données arrêtées au ',
        coalesce(strftime(data_as_of, '%d/%m/%Y'), '…'), ', code ', code_version, '. Sa signature se vérifie avec votre clé.'
    ) as answer,
    '<a href="/pages/verifier">Vérifier</a>' as step
from audit.publication
union all
select
    2 as rank,
    'Sources' as question,
    case when late > 0 then '▲ à regarder' else '✔ à jour' end as state,
    concat(
        platforms - late, ' plateformes à jour sur ', platforms, ' à la publication',
        case when late > 0 then ' ; en retard ou jamais chargées : ' || names end, '.'
    ) as answer,
    '<a href="/pages/sources">Sources</a>' as step
from late
union all
select
    3 as rank,
    'Contrôles' as question,
    case when failed > 0 or warned > 0 then '▲ à regarder' else '✔ réussis' end as state,
    concat(passed, ' réussis, ', warned, ' signalés, ', failed, ' échoués à la dernière construction.') as answer,
    'onglet « Contrôles »' as step
from checks
union all
select
    4 as rank,
    'Indicateurs retenus' as question,
    case when held_back > 0 then '▲ à regarder' else '✔ aucun' end as state,
    coalesce('Gardent leurs valeurs d''avant : ' || names, concat('Les ', kpis, ' indicateurs montrent leurs dernières valeurs')) || '.' as answer,
    'onglet « Indicateurs »' as step
from held
union all
select
    5 as rank,
    'Lignes écartées' as question,
    case when rows_quarantined > 0 then '▲ à regarder' else '✔ aucune' end as state,
    replace(printf('%,d lignes écartées sur %,d lues en 31 jours.', rows_quarantined, rows_read), ',', ' ') as answer,
    '<a href="/pages/sources">Sources</a>' as step
from loads
union all
select
    6 as rank,
    'Valeurs modifiées' as question,
    case when changed + removed > 0 then '▲ à regarder' else '✔ aucune' end as state,
    replace(printf('%,d modifiées et %,d retirées après affichage (publications : %,d).', changed, removed, publications), ',', ' ') as answer,
    '<a href="/pages/verifier">Définitions</a>' as step
from ledger
union all
select
    7 as rank,
    'Consultations' as question,
    'pour information' as state,
    concat('Consultations ou exports : ', times, ', par ', accounts, ' compte(s) ; actes : ', acts, ' ; jusqu''à cette publication.') as answer,
    'onglet « Qui a fait quoi »' as step
from accesses
cross join acts
