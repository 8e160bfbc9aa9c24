{{ rollup_ratio(ref('kpi_actions_concluded_share__observations')) }}
