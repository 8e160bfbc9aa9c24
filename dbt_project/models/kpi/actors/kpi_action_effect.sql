{{ rollup(
    ref('kpi_action_effect__observations'),
    numerator='cast(sum(numerator) as decimal(38, 6))',
    denominator='cast(sum(denominator) as decimal(38, 6))',
    value=exact_ratio('sum(numerator)', 'sum(denominator)'),
) }}
