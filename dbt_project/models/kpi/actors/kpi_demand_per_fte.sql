-- A month of full-time work is 1607 / 12 hours, by law.
{{ rollup(
    ref('kpi_demand_per_fte__observations'),
    numerator='cast(sum(numerator) as bigint)',
    denominator='cast(sum(denominator) as decimal(38, 6))',
    value=exact_ratio('1607 * sum(numerator)', '12 * sum(denominator)'),
) }}
