{{ rollup_sum(ref('kpi_prevention_hours__observations'), type='decimal(38, 6)') }}
