"""The panel of counts by territory and period that every method of this package takes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Counts of comparable territories over the same periods.

    Args:
        territories: Codes, one per row.
        starts: First day of each period (day, week or month), in order and without a gap, one per column.
        counts: What was counted; zero where `exposure` is zero.
        exposure: What it was counted among: 1 for a plain count, the denominator for a share, 0 where nothing is known
            (a suppressed cell, a period without any record of a share).
    """

    territories: "Sequence[str]"
    starts: "Sequence[date]"
    counts: "Matrix"
    exposure: "Matrix"

    def __post_init__(self) -> None:
        shape = (len(self.territories), len(self.starts))
        if self.counts.shape != shape or self.exposure.shape != shape:
            raise ValueError(f"Counts and exposure must have {shape[0]} rows and {shape[1]} columns.")
        if np.any(self.counts < 0) or np.any(self.exposure < 0) or np.any(self.counts[self.exposure == 0] > 0):
            raise ValueError("Counts are not negative, and zero where nothing is known.")

    def merged(self, codes: "Sequence[str]") -> "Panel":
        """Return the panel with some territories added up into one, named by their codes, in the first row.

        A period unknown in one of them is unknown in the whole: a sum that lacks a part is no sum.
        """
        chosen = np.array([code in set(codes) for code in self.territories])
        known = np.all(self.exposure[chosen] > 0, axis=0)
        rest = [code for code, is_chosen in zip(self.territories, chosen, strict=True) if not is_chosen]
        return Panel(
            ["+".join(codes), *rest],
            self.starts,
            np.vstack([self.counts[chosen].sum(axis=0) * known, self.counts[~chosen]]),
            np.vstack([self.exposure[chosen].sum(axis=0) * known, self.exposure[~chosen]]),
        )
