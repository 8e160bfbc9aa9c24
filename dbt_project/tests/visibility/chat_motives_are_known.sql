-- Labels of the chat that neither the seed nor the installation knows, with the number of contacts that they concern.
{{ config(group='visibility') }}
select
    coalesce(parent_motive, 'sans motif parent') as parent_motive,
    coalesce(motive, 'sans motif') as motive,
    category,
    count(contact_key) as contacts
from {{ ref('fct_chat_contact') }}
where not is_known_motive and not is_pnav
group by parent_motive, motive, category
order by contacts desc
