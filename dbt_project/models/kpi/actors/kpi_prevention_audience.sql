{{ rollup_sum(ref('kpi_prevention_audience__observations')) }}
