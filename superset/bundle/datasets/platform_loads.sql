select
    loads.load_key,
    loads.platform,
    coalesce(platforms.title, loads.platform) as title,
    loads.entity,
    loads.origin,
    loads.origin_kind,
    case loads.origin_kind
        when 'file' then 'fichier' when 'api' then 'plateforme' when 'window' then 'jours passés' when 'inbox' then 'envoi reçu' when 'quarantine' then 'lignes écartées'
        else loads.origin_kind
    end as origin_label,
    loads.started_at,
    loads.finished_at,
    loads.rows_read,
    loads.rows_new,
    loads.rows_updated,
    loads.rows_unchanged,
    loads.rows_quarantined,
    loads.rows_outdated,
    loads.sha256
from audit.platform_load as loads
left join reference.dim_platform as platforms on loads.platform = platforms.platform
