"""Each cell of the irritants with its share, its trend and its weight on the mark, and their intervals."""

import numpy as np
import pyarrow as pa

from analytics.text import pain_points, themes

DIMENSIONS = ("month_start_on", "territory_level", "territory_code", "service_name", "theme")
COMPLAINT = "négatif"


def model(dbt, session):  # noqa: ANN001, ANN201, ARG001 - dbt's signature
    dbt.config(materialized="table")
    cells = dbt.ref("int_irritant_cell").order(", ".join((*DIMENSIONS, "feeling"))).fetch_arrow_table()
    labels = themes.labels()

    def numbers(name: str) -> np.ndarray:
        return cells[name].cast(pa.float64()).to_numpy()

    texts, of = numbers("texts"), numbers("texts_of_place")
    measures = {
        "share": pain_points.share(texts, of),
        "trend": pain_points.trend(texts, of, numbers("texts_before"), numbers("texts_of_place_before")),
        "weight": pain_points.weight(*map(numbers, ("lost", "lost_squares", "largest_loss", "marks_of_place"))),
    }
    # Only complaints have a weight, and none where nobody gives a mark.
    is_complaint = np.array([feeling == COMPLAINT for feeling in cells["feeling"].to_pylist()], dtype=bool)
    weights = (np.where(is_complaint, values, np.nan) for values in measures["weight"])
    measures["weight"] = pain_points.Interval(*weights)
    return pa.table(
        {name: cells[name] for name in DIMENSIONS}
        | {"theme_label": pa.array([labels[code] for code in cells["theme"].to_pylist()], pa.string())}
        | {name: cells[name] for name in ("feeling", "texts", "texts_of_place", "marks_of_place")}
        | {
            f"{name}{suffix}": rounded(values)
            for name, interval in measures.items()
            for suffix, values in zip(("", "_low", "_high"), interval, strict=True)
        }
    )


def rounded(values: np.ndarray) -> pa.Array:
    """Return numbers as decimals of six places, NaN as null."""
    return pa.array(np.round(values, 6), from_pandas=True).cast(pa.decimal128(18, 6))
