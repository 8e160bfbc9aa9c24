{{ rollup_percentile(ref('kpi_response_time_p75__observations'), 0.75) }}
