-- What is dated in advance does not tell how far the data go: the day is that of the card « Données au ».
select
    publication.publication_id,
    publication.published_at,
    publication.code_version,
    known.data_as_of,
    concat(
        'Données au ', coalesce(strftime(known.data_as_of, '%d/%m/%Y'), '…'),
        ' · publiées le ', strftime(timezone('Europe/Paris', publication.published_at), '%d/%m/%Y à %H h %M'),
        ' · publication ', publication.publication_id
    ) as shown
from audit.publication as publication
cross join (
    select max(freshness.data_as_of) as data_as_of
    from audit.freshness as freshness
    where freshness.data_as_of <= cast(freshness.last_loaded_at as date)
) as known
