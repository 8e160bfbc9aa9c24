-- A label without a row in the seed threat_labels is shown here; what it counts is unclassified until it has one.
{{ config(group='actors') }}
with labels as (
    select
        'cybermalveillance' as platform,
        threat_name as label
    from {{ ref('stg_cybermalveillance__case_count') }}
    union all
    select
        'ma_securite' as platform,
        theme as label
    from {{ ref('stg_ma_securite__news_item') }}
    union all
    select
        'prevention_actions' as platform,
        theme as label
    from {{ ref('stg_prevention_actions__action') }}
    union all
    select
        'brigade_numerique' as platform,
        motive as label
    from {{ ref('int_chat_contact_archive') }}
)

select
    labels.platform,
    labels.label,
    count(labels.label) as records
from labels
left join {{ ref('threat_labels') }} as mapped
    on
        labels.platform = mapped.platform
        and labels.label = mapped.label
where
    labels.label is not null
    and mapped.label is null
group by labels.platform, labels.label
