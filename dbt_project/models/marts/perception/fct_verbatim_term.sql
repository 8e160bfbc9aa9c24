-- BM25 (Robertson and Zaragoza, 2009, "The probabilistic relevance framework"), with its usual k1 = 1.2 and b = 0.75.
-- How well a text answers a search is the sum of the weights of the terms searched for, so each is told once, here.
with terms as (
    select * from {{ ref('int_verbatim_term') }}
),

lengths as (
    select
        verbatim_id,
        sum(frequency) as length
    from terms
    group by verbatim_id
),

corpus as (
    select
        count(verbatim_id) as texts,
        sum(length) as length
    from lengths
),

spread as (
    select
        term,
        count(verbatim_id) as texts
    from terms
    group by term
)

select
    terms.term,
    terms.words,
    terms.verbatim_id,
    terms.frequency,
    cast( -- numbers with an exponent are doubles on every engine
        ln(1e0 + (corpus.texts - spread.texts + 5e-1) / (spread.texts + 5e-1))
        * terms.frequency * 22e-1
        / (terms.frequency + 12e-1 * (25e-2 + 75e-2 * lengths.length * corpus.texts / corpus.length))
        as decimal(18, 6)
    ) as weight
from terms
inner join lengths on terms.verbatim_id = lengths.verbatim_id
inner join spread on terms.term = spread.term
cross join corpus
