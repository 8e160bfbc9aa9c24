-- An answer that the scale of its question does not know counts in no mark: the form or the export has changed.
{{ config(group='perception') }}
select
    question,
    intention,
    answer_item_id,
    count(record_key) as answers
from {{ ref('fct_jdma_answer') }}
where
    mark is null
    and question in (select scales.scale from {{ ref('feedback_scales') }} as scales)
group by question, intention, answer_item_id
