select
    publication.publication_id,
    publication.published_at,
    publication.code_version,
    publication.data_as_of,
    concat(
        'Données au ', coalesce(strftime(publication.data_as_of, '%d/%m/%Y'), '…'),
        ' · publiées le ', strftime(timezone('Europe/Paris', publication.published_at), '%d/%m/%Y à %H h %M'),
        ' · publication ', publication.publication_id,
        case
            when held_back.labels is not null
                then concat(' · indicateurs retenus, qui gardent leurs valeurs d''avant : ', held_back.labels)
        end
    ) as shown
from audit.publication as publication
cross join (
    select string_agg(catalogue.label, ', ' order by catalogue.label) as labels
    from kpi.kpi_catalogue as catalogue
    where catalogue.is_held_back
) as held_back
