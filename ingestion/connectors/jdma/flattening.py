"""Flattens what the API nests: forms of services, counts of answers, answers of reviews."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import ExpectedFailure
from ingestion.engine.contract import CHANGED_FORMAT

Record = dict[str, Any]
Page = list[Record]

#: Answers that hold a direct identifier: never handed on.
_NEVER_KEPT = frozenset({"contact_email"})

#: Fields of a service that the statistics name differently.
_OF_PRODUCT = frozenset({"product_id", "product_name", "forms", "intervals"})


def service_forms(service: Mapping[str, Any], where: str) -> Iterator[Record]:
    """Yield one record per form of a service; of a service without forms, itself.

    Raises:
        ExpectedFailure: the service is not of the form that the contract says.
    """
    try:
        bare = {name: value for name, value in service.items() if name != "forms"}
        forms = service.get("forms")
        if forms is None:
            yield bare
            return
        for form in forms or [{"id": None, "title": None}]:
            yield bare | {"form_id": form["id"], "form_title": form["title"]}
    except (AttributeError, KeyError, TypeError) as problem:
        raise _changed(where, "a service", problem) from None


def statistics(products: list[Record], where: str) -> Page:
    """Return one record per count, those below another answer included.

    The first version of the API is taken to give intervals without forms [INFERRED].

    Raises:
        ExpectedFailure: the statistics are not of the form that the contract says.
    """
    try:
        return [
            {
                "product_id": product["product_id"],
                "product_title": product.get("product_name"),
                **{name: value for name, value in product.items() if name not in _OF_PRODUCT},
                **({"form_id": form["form_id"], "form_title": form["form_name"]} if "form_id" in form else {}),
                "interval_start": interval["date"],
                "interval_length": interval["length_interval"],
                **counted,
            }
            for product in products
            for form in product.get("forms", [product])
            for interval in form["intervals"]
            for counted in _counts(interval["data"], None, ())
        ]
    except (AttributeError, KeyError, TypeError) as problem:
        raise _changed(where, "a statistic", problem) from None


def _counts(questions: list[Record], parent: str | None, path: tuple[str, ...]) -> Iterator[Record]:
    """Yield the counts of questions, then of those that each answer led to."""
    for question in questions:
        for hit in question["number_hits"]:
            yield {
                "category": question["category"],
                "question": question["label"],
                "parent_category": parent,
                "parent_answer": " > ".join(path) or None,
                **{name: value for name, value in hit.items() if name != "children"},
            }
            yield from _counts(hit.get("children") or [], question["category"], (*path, hit["label"]))


def review(found: Mapping[str, Any]) -> Record:
    """Return a review without its answers, and with the name that it has in exports."""
    return {"review_id": short_id(found.get("id")), **{k: v for k, v in found.items() if k != "answers"}}


def answers(found: Mapping[str, Any], where: str) -> Iterator[Record]:
    """Yield the answers of a review, but for those that hold a direct identifier.

    Raises:
        ExpectedFailure: they are not of the form that the contract says.
    """
    try:
        for answer in found["answers"]:
            if answer["field_code"] in _NEVER_KEPT:
                continue
            parent = answer["parent"] or {}
            yield {
                "review_id": short_id(found["id"]),
                "created_at": found["created_at"],
                "parent_field_code": parent.get("field_code"),
                "parent_answer": parent.get("answer_text"),
                **{name: value for name, value in answer.items() if name != "parent"},
            }
    except (AttributeError, KeyError, TypeError) as problem:
        raise _changed(where, "an answer", problem) from None


def short_id(number: Any) -> str | None:
    """Return the last seven hexadecimal digits of a review's number; `None` of what is no number."""
    return f"{number:07x}"[-7:] if isinstance(number, int) else None


def _changed(where: str, what: str, problem: Exception) -> ExpectedFailure:
    return ExpectedFailure(f"{where}: {what} is not as declared ({type(problem).__name__}: {problem}).", CHANGED_FORMAT)
