{{ rollup_per_inhabitant(ref('kpi_prevention_coverage__observations'), per=1) }}
