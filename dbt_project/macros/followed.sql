{# Which KPIs the effect of an action is sought in, and in which periods. How it is measured belongs in `analytics.impact`. #}

{#
  Counts and shares by département. Left out are those that count the actions themselves, on which an action would always
  have an effect; the precision of signals, which judges the watch; and the share of negative texts by theme, whose whole
  is the share of no theme.
#}
{% macro followed_kpis() %}
    {{ return([
        'answer_rate',
        'engagement_rate',
        'experiences',
        'followers',
        'google_answer_rate',
        'handover_share',
        'listing_actions',
        'mentions',
        'negative_reviews_share',
        'perceval_reports',
        'positive_share',
        'pre_complaints',
        'reach',
        'victims_assisted',
    ]) }}
{% endmacro %}


{# Weeks where a KPI has them, else months; and days, by which an effect is told while its window runs. #}
{% macro followed_period_types(kpi) %}
    {% set told = kpi.grain.period_types %}
    {{ return([('week' if 'week' in told else 'month')] + (['day'] if 'day' in told else [])) }}
{% endmacro %}
