{{ rollup_ratio(ref('kpi_signal_precision__observations')) }}
