{{ rollup_ratio(ref('kpi_cost_per_person_reached__observations'), type='decimal(38, 6)') }}
