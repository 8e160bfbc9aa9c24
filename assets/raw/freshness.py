"""Freshness policies of raw tables, from the lateness that each platform declares."""

from datetime import timedelta

import dagster as dg


def within(age: timedelta) -> dg.FreshnessPolicy:
    """Return the policy that warns at `age` and fails at twice that age."""
    return dg.FreshnessPolicy.time_window(fail_window=2 * age, warn_window=age)
