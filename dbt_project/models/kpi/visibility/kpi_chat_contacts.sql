{{ rollup_sum(ref('kpi_chat_contacts__observations')) }}
