{{ rollup_sum(ref('kpi_prevention_actions__observations')) }}
