{{ rollup_ratio(ref('kpi_chat_out_of_hours_share__observations')) }}
