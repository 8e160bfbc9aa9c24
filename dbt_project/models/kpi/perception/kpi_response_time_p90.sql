{{ rollup_percentile(ref('kpi_response_time_p90__observations'), 0.9) }}
