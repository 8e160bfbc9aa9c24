"""Statistical disclosure control: chooses which counts of a table to suppress so that no small count can be deduced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_array, block_diag, coo_array, csr_array, eye_array, hstack

#: Counts below it are hidden, and a reader who solves the published sums is left with an interval at least as wide.
THRESHOLD = 5

#: HiGHS meets constraints to 1e-7.
TOLERANCE = 1e-6
#: What `linprog` answers where no change meets the constraints.
INFEASIBLE = 2


@dataclass(frozen=True)
class Sum:
    """A published sum: the count at index `total` is that of all `parts`. It holds for the shares numbered too."""

    total: int
    parts: tuple[int, ...]
    shares: tuple[int, ...] = ()


@dataclass(frozen=True)
class Table:
    """Counts of people, with what is published about them.

    Args:
        counts: One number of people per cell, zero included. A cell that is not published is known to count nobody.
        sums: Which counts add up to which.
        shares: Further counts of the same cells, each known to be at most the first, as the people of a cell to whom
            something happened. They are hidden with their cell, add up in the same way, and so narrow what it can hold.

    Raises:
        ValueError: a total is not the sum of its parts, or a share exceeds its count.
    """

    counts: Sequence[int]
    sums: Sequence[Sum]
    shares: Sequence[Sequence[int]] = ()
    guesses: Sequence[Sum] = ()

    def __post_init__(self) -> None:
        for layer, counts in enumerate((self.counts, *self.shares)):
            for total in (*self.sums_of(layer), *(self.guesses if layer == 0 else ())):
                if counts[total.total] != sum(counts[part] for part in total.parts):
                    raise ValueError(f"The count of cell {total.total} is not the sum of cells {total.parts}.")
        for share in self.shares:
            for cell, (part, total) in enumerate(zip(share, self.counts, strict=True)):
                if not 0 <= part <= total:
                    raise ValueError(f"Cell {cell} holds {part} of {total}: a share is at most its total.")

    def sums_of(self, layer: int) -> list[Sum]:
        """Return the sums that hold for the counts, which are layer 0, or for a share."""
        return [total for total in self.sums if layer == 0 or layer - 1 in total.shares]


def pattern(table: Table, hidden_anyway: Iterable[int] = (), unpublished: Iterable[int] = ()) -> set[int]:
    """Return the cells to hide: the counts below the threshold, and others that protect them.

    For each hidden cell in turn, a linear programme looks for other counts that the published sums would allow and that
    differ by the threshold in this cell, and changes as few and as small cells as it can; those are hidden too. Cells
    that are hidden already change at no cost, so that a cell which needs no more protection adds none. What was found
    stays possible when more is hidden: at the end each hidden cell has its proof. There is a solution, for a count may
    grow with all the totals that it is in, with two exceptions. Where no count of a cell but the true one meets all the
    guesses, it is protected from the promised sums alone. Where cells that are not published already give a count, as
    the zero of a month that a breakdown leaves out, it is hidden and nothing else is. The same table gives the same
    pattern.

    Source: J. P. Kelly, B. L. Golden, A. A. Assad, "Cell suppression: disclosure protection for sensitive tabular
    data", Networks 22 (1992); A. Hundepool et al., "Statistical Disclosure Control" (2012), chapter 4.

    Args:
        table: What is published.
        hidden_anyway: Cells that are hidden whatever they count, and are protected like the others.
        unpublished: Cells that are no rows, as the difference of two counts: never seen, hence not protected.

    Raises:
        ValueError: the linear programme is not solved, which no table can cause.
    """
    truth = np.array(table.counts, dtype=float)
    low, high = truth.copy(), truth.copy()
    programme, guessing = Programme(table), Programme(replace(table, sums=(*table.sums, *table.guesses)))
    anyway, unseen = set(hidden_anyway), list(unpublished)
    hidden = [cell for cell, count in enumerate(table.counts) if count < THRESHOLD or cell in anyway]
    hidden = [cell for cell in hidden if cell not in set(unseen)]
    for cell in hidden:  # grows while it is read
        if high[cell] - low[cell] < THRESHOLD - TOLERANCE:
            rise, free = low[cell] + THRESHOLD - truth[cell], [*hidden, *unseen]
            guessed = guessing.cheapest_change(cell, rise, free)
            found = guessed or programme.cheapest_change(cell, rise, free)
            if found is None:
                continue
            change, touched = found
            proven = slice(None) if guessed else cell
            low[proven] = np.minimum(low, truth + change)[proven]
            high[proven] = np.maximum(high, truth + change)[proven]
            known = {*hidden, *unseen}
            hidden.extend(int(other) for other in touched if other not in known)
    return set(hidden)


class Programme:
    """Changes of the counts that leave every sum true, no count negative and no share above its whole.

    Each change is a rise less a fall, both not negative. The variables are the rises of the counts, then those of each
    share, then the falls in the same order.
    """

    def __init__(self, table: Table) -> None:
        self._size = len(table.counts)
        self._layers = 1 + len(table.shares)
        truth = np.array((table.counts, *table.shares), dtype=float)
        sums = block_diag([matrix(table.sums_of(layer), self._size) for layer in range(self._layers)])
        self._sums = csr_array(hstack((sums, -sums)))
        self._zeros = np.zeros(sums.shape[0])
        falls = truth.ravel()
        self._bounds = np.column_stack((np.zeros(2 * falls.size), np.concatenate((np.full(falls.size, np.inf), falls))))
        self._room = (truth[0] - truth[1:]).ravel()
        self._shares = self._at_most_the_whole()
        # The logarithm prefers few cells to small ones, and small ones to large ones.
        self._costs = np.log2(2 + truth[0])

    def _at_most_the_whole(self) -> csr_array | None:
        if self._layers == 1:
            return None
        one, count = eye_array(self._size), self._layers - 1
        rows = block_array([[-one, *(one if i == j else None for j in range(count))] for i in range(count)])
        return csr_array(hstack((rows, -rows)))

    def cheapest_change(self, cell: int, rise: float, hidden: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """Return a change by which the count of a cell rises so much, and the cells that it touches, or None.

        Raises:
            ValueError: the programme was neither solved nor found to be without solution.
        """
        costs = self._costs.copy()
        costs[list(hidden)] = 0
        bounds = self._bounds.copy()
        bounds[cell] = rise, rise
        bounds[cell + self._size * self._layers] = 0, 0
        solved = linprog(
            np.tile(costs, 2 * self._layers),
            A_eq=self._sums,
            b_eq=self._zeros,
            A_ub=self._shares,
            b_ub=None if self._shares is None else self._room,
            bounds=bounds,
            method="highs-ds",
            options={"presolve": False},  # it takes four fifths of the time, and what it simplifies is simple
        )
        if solved.status == INFEASIBLE:
            return None
        if not solved.success:
            raise ValueError(f"No change of cell {cell} by {rise} was found: {solved.message}")
        rises, falls = solved.x.reshape(2, self._layers, self._size)
        changes = rises - falls
        return changes[0], np.flatnonzero(np.abs(changes).max(axis=0) > TOLERANCE)


def matrix(sums: Sequence[Sum], size: int) -> csr_array:
    """Return one row per sum: 1 for each part, -1 for the total."""
    entries = [(row, part, 1.0) for row, total in enumerate(sums) for part in total.parts]
    entries += [(row, total.total, -1.0) for row, total in enumerate(sums)]
    rows, columns, signs = zip(*entries, strict=True) if entries else ((), (), ())
    return csr_array(coo_array((signs, (rows, columns)), shape=(len(sums), size)))
