{{ rollup_ratio(ref('kpi_feedback_index__observations'), type='decimal(38, 6)') }}
