{{ rollup_per_inhabitant(ref('kpi_prevention_hours_per_10k__observations'), per=10000, type='decimal(38, 6)') }}
