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
    {{ place_label('expected.territory_code') }} as territory_label,
    expected.bin_start,
    expected.observed,
    expected.expected,
    expected.upper,
    {{ highest_shown('expected', 'expected.topic_code, expected.territory_code') }} as highest_shown
from {{ ref('live_expected') }} as expected
left join {{ ref('live_topic') }} as topics on expected.topic_code = topics.topic_code
left join {{ ref('regions') }} as regions on expected.territory_code = regions.region_code
left join {{ ref('territories') }} as territories on expected.territory_code = territories.territory_code
-- Of a département, what its open signals are about; those of open crises have a chart of their own.
where
    expected.territory_code = 'FR'
    or regions.region_code is not null
    or exists (
        select 1
        from {{ ref('live_signal') }} as signals
        where
            signals.status = 'open'
            and signals.topic_code = expected.topic_code
            and signals.territory_code = expected.territory_code
    )
