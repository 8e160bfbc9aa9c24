-- Impossible hand-overs, which the share sets aside: in one way, more victims than were assisted.
{{ config(group='actors') }}
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
