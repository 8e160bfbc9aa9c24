{{ rollup_percentile(ref('kpi_pre_complaint_duration_median__observations'), 0.5) }}
