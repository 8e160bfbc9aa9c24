{{ rollup_percentile(ref('kpi_response_time_median__observations'), 0.5) }}
