{{ suppressed(rollup_ratio(ref('kpi_handover_share__observations'))) }}
