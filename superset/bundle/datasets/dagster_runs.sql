-- The jobs of the graph in the words of the guides.
select
    runs.run_id,
    runs.job,
    case
        when runs.job like 'load_%' then concat('Chargement : ', coalesce(platforms.title, runs.job))
        when runs.job like 'micro_batch_%' then concat('Flux en direct : ', coalesce(platforms.title, runs.job))
        when runs.job = 'build' then 'Construction des tables'
        when runs.job = 'build_live' then 'Construction du flux en direct'
        when runs.job = 'publish' then 'Publication'
        when runs.job = 'publish_live' then 'Publication du flux en direct'
        when runs.job = 'superset' then 'Tableaux de bord'
        when runs.job = 'purge' then 'Purge'
        else runs.job
    end as job_label,
    runs.status,
    case
        when runs.status = 'SUCCESS' then 'réussie'
        when runs.status = 'FAILURE' then 'échouée'
        when runs.status = 'CANCELED' then 'annulée'
        else 'en cours'
    end as state,
    runs.started_at,
    runs.ended_at
from audit.dagster_run as runs
left join reference.dim_platform as platforms on regexp_replace(runs.job, '^(load|micro_batch)_', '') = platforms.platform
