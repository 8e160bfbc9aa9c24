with answers as (
    select
        *,
        row_number() over (
            partition by review_id, question, parent_question, parent_answer
            order by source_load_id desc, answer_item_id desc
        ) as recency
    from {{ ref('stg_jdma__answer') }}
    where kind <> 'text'
)

select
    answers.answer_id,
    answers.review_id,
    answers.question,
    answers.answer_item_id,
    answers.parent_answer,
    answers.intention,
    scales.mark,
    scales.feeling,
    answers.source_load_id
from answers
left join {{ ref('feedback_scales') }} as scales
    on
        answers.question = scales.scale
        and answers.intention = scales.answer
where
    -- Who changes an answer to a question with a single one leaves both: the one loaded last is the answer.
    answers.kind <> 'radio'
    or answers.recency = 1
