"""What all Opendatasoft portals share (Explore API v2.1): refusals, filters and pages."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox import odsql
from sandbox.drift import fault_of, first_row

LARGEST_PAGE = 100
WINDOW = 10_000

Record = dict[str, Any]


def refused(code: str, message: str) -> Response:
    """Return the answer to a wrong question."""
    return JSONResponse({"message": message, "error_code": code}, 400)


def selected(request: Request, dataset: Iterable[Record], fields: Sequence[str]) -> list[Record]:
    """Return the records that a question asks for, in its order.

    Raises:
        odsql.ODSQLError: `where` or `order_by` is malformed, or names a field that does not exist.
    """
    found = list(filter(odsql.where(request.query_params.get("where", ""), fields), dataset))
    return odsql.ordered(found, request.query_params.get("order_by", ""), fields)


def page(
    request: Request, dataset: Iterable[Record], fields: Sequence[str], drift: Callable[[Record, str], Record]
) -> Response:
    """Return what `/records` answers: a page of the records asked for, within the window of the portal.

    Args:
        request: The question.
        dataset: All records of the dataset.
        fields: Names of its fields.
        drift: Returns a record after the fault that was asked for.

    Raises:
        odsql.ODSQLError: as `selected`.
    """
    try:
        limit = int(request.query_params.get("limit", "10"))
        offset = int(request.query_params.get("offset", "0"))
    except ValueError:
        return _wrong("limit or offset API parameter.")
    if not -1 <= limit <= LARGEST_PAGE:
        return _wrong(f"limit API parameter: {limit} was found but -1 <= limit <= {LARGEST_PAGE} is expected.")
    limit = LARGEST_PAGE if limit == -1 else limit
    if offset + limit >= WINDOW:
        found = f"{offset + limit} was found but < {WINDOW} is expected"
        return _wrong(f"sum of offset + limit API parameter: {found}.")
    records, fault = selected(request, dataset, fields), fault_of(request)
    start = first_row(fault, offset)
    shown = [drift(record, fault) for record in records[start : start + limit]]
    return JSONResponse({"total_count": len(records), "results": shown})


def _wrong(parameter: str) -> Response:
    return refused("InvalidRESTParameterError", f"Invalid value for {parameter}")
