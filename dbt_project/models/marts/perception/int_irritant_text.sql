-- What a complaint costs is told beside those who complain of nothing, on the same platform in the same month: past
-- months stay as they are whatever comes later.
with texts as (
    select
        verbatims.verbatim_id,
        verbatims.platform,
        coalesce(verbatims.service_name, 'Unités') as service_name,
        verbatims.territory_code,
        verbatims.written_on,
        cast({{ dbt.date_trunc('month', 'verbatims.written_on') }} as date) as month_start_on,
        feelings.feeling,
        feedback.normalised_score as mark
    from {{ ref('fct_verbatim') }} as verbatims
    inner join {{ ref('fct_verbatim_kind') }} as kinds
        on
            verbatims.verbatim_id = kinds.verbatim_id
            and kinds.set_aside is null
    inner join {{ ref('fct_verbatim_feeling') }} as feelings on verbatims.verbatim_id = feelings.verbatim_id
    inner join {{ ref('fct_feedback') }} as feedback on verbatims.verbatim_id = feedback.verbatim_id
    where
        verbatims.scope = 'gendarmerie'
        and feelings.feeling is not null
        and not feelings.is_undecided
),

untroubled as (
    select
        platform,
        month_start_on,
        {{ exact_ratio('sum(mark)', 'count(mark)') }} as mark
    from texts
    where
        feeling <> 'négatif'
        and mark is not null
    group by platform, month_start_on
),

themes as (
    select
        verbatim_id,
        count(theme) as themes
    from {{ ref('fct_verbatim_theme') }}
    group by verbatim_id
),

compared as (
    select
        texts.verbatim_id,
        texts.platform,
        texts.service_name,
        texts.territory_code,
        texts.written_on,
        texts.month_start_on,
        texts.feeling,
        cast(texts.mark as decimal(18, 6)) as mark,
        themes.themes,
        case
            when texts.mark is null then null
            when texts.feeling <> 'négatif' then cast(0 as decimal(18, 6))
            else cast(greatest(coalesce(untroubled.mark, 5) - texts.mark, 0) as decimal(18, 6))
        end as lost
    from texts
    inner join themes on texts.verbatim_id = themes.verbatim_id
    left join untroubled
        on
            texts.platform = untroubled.platform
            and texts.month_start_on = untroubled.month_start_on
)

select
    compared.verbatim_id,
    compared.platform,
    compared.service_name,
    compared.territory_code,
    compared.written_on,
    compared.month_start_on,
    compared.feeling,
    compared.mark,
    cast(compared.themes as bigint) as themes,
    compared.lost,
    {{ exact_ratio('compared.lost', 'compared.themes') }} as lost_by_theme
from compared
