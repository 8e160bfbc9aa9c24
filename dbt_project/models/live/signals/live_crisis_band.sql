-- The series of open crises, beside what was expected and up to where they would not have surprised.
select
    crises.crisis_id,
    crises.title,
    crises.topic_code,
    crises.territory_code,
    concat(
        coalesce(topics.topic_label, crises.topic_code),
        ' – ',
        {{ place_label('crises.territory_code') }}
    ) as series_label,
    bands.bin_start,
    bands.observed,
    bands.expected,
    bands.upper,
    {{ highest_shown('bands', 'crises.crisis_id, bands.topic_code, bands.territory_code') }} as highest_shown
from {{ ref('live_open_crisis') }} as crises
inner join {{ ref('live_expected') }} as bands
    on crises.topic_code = bands.topic_code and crises.territory_code = bands.territory_code
left join {{ ref('live_topic') }} as topics on crises.topic_code = topics.topic_code
left join {{ ref('territories') }} as territories on crises.territory_code = territories.territory_code
left join {{ ref('regions') }} as regions on crises.territory_code = regions.region_code
