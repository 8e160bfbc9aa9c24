select
    bands.topic_code,
    coalesce(
        topics.topic_label,
        case bands.topic_code
            when 'ensemble' then 'Toutes les mentions'
            when 'autres' then 'Sujets non surveillés'
            else bands.topic_code
        end
    ) as topic_label,
    bands.territory_code,
    {{ place_label('bands.territory_code') }} as territory_label,
    bands.bin_start,
    bands.observed,
    bands.expected,
    bands.upper,
    {{ highest_shown('bands', 'bands.topic_code, bands.territory_code') }} as highest_shown
from {{ ref('live_expected') }} as bands
left join {{ ref('live_topic') }} as topics on bands.topic_code = topics.topic_code
left join {{ ref('regions') }} as regions on bands.territory_code = regions.region_code
left join {{ ref('territories') }} as territories on bands.territory_code = territories.territory_code
-- Of a département, what its open signals are about; those of open crises have a chart of their own.
where
    bands.territory_code = 'FR'
    or regions.region_code is not null
    or exists (
        select 1
        from {{ ref('live_signal') }} as signals
        where
            signals.status <> 'closed'
            and signals.topic_code = bands.topic_code
            and signals.territory_code = bands.territory_code
    )
