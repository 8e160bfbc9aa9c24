select
    expected.topic_code,
    coalesce(
        topics.topic_label,
        case expected.topic_code
            when 'ensemble' then 'Toutes les mentions'
            when 'autres' then 'Sujets non surveillés'
            else expected.topic_code
        end
    ) as topic_label,
    expected.territory_code,
    coalesce(regions.region_name, 'France entière') as territory_label,
    expected.bin_start,
    expected.observed,
    expected.expected,
    expected.upper
from {{ ref('live_expected') }} as expected
left join {{ ref('live_topic') }} as topics on expected.topic_code = topics.topic_code
left join {{ ref('regions') }} as regions on expected.territory_code = regions.region_code
-- The départements of open crises have a chart of their own.
where expected.territory_code = 'FR' or regions.region_code is not null
