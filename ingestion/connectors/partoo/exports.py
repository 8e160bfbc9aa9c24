"""Adapts files of Partoo's records to the contract by flattening what the API nests."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingestion.connectors.partoo.client import flat_business, flat_review, values_by_metric
from ingestion.connectors.partoo.contract import BUSINESSES, METRICS, PRESENCE, REVIEWS
from ingestion.engine.contract import Table
from ingestion.engine.parsed_file import Adapt


def adapter(labels: Sequence[str], _: str) -> Sequence[tuple[Table | None, Adapt]]:
    """Return how the records of a file are read: listings, reviews or presence, as the interface gives them."""
    names = set(labels)
    if {"business_id", "rating"} <= names:
        return [(REVIEWS, lambda values: [flat_review(dict(values)) if "comments" in names else values])]
    if "business_id" in names and names & set(METRICS):
        return [(PRESENCE, lambda values: values_by_metric(dict(values)))]
    if {"lat", "long"} <= names or "subscriptions" in names:
        return [(BUSINESSES, _business)]
    return [(None, lambda values: [values])]


def _business(values: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Return a listing; an export without states holds those that are open."""
    return [flat_business({"status": "open", **values})]
