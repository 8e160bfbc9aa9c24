{{ rollup_ratio(ref('kpi_irritant_weight__observations'), type='decimal(38, 6)') }}
