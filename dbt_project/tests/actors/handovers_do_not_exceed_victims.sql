-- No more victims are handed over in one way than were assisted; the producer may count otherwise, hence a warning.
{{ config(severity='warn', group='actors') }}
select
    assistance_key,
    victims,
    provider_handovers,
    chat_handovers,
    complaint_handovers
from {{ ref('fct_assistance') }}
where
    provider_handovers > victims
    or chat_handovers > victims
    or complaint_handovers > victims
