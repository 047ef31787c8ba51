"""The best colours of all shapes and of the background together, geometry and alphas as they are.

A pixel is a sum of colours, each times what is seen of its shape there: coverage times alpha times
the transmittance of all that is above. So the best colours are a linear least squares problem
within bounds; SciPy's L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995) solves its normal equations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evonsfw.patches import Reals
from evonsfw.portrait import Portrait

ROUNDS = 200
"""Iterations at most."""


def solve_colours(portrait: Portrait) -> None:
    """Give a portrait its best colours, where the encoding leaves them free.

    Colours have 255 steps: where rounding undoes what was gained, nothing is changed.
    """
    if len(portrait.encoding.swatches):
        return
    before, error = portrait.colours(), portrait.squared_error()
    portrait.recolour(_solved(portrait, before))
    if portrait.squared_error() > error:
        portrait.recolour(before)


def _solved(portrait: Portrait, start: Reals) -> Reals:
    """(1 + N, 3) best colours in [0, 1], the background's first."""
    from scipy import optimize  # a third of a second, for those who need it

    seen = _seen(portrait)
    weighted = seen.multiply(portrait.weights.reshape(1, -1)).tocsr()
    gram = (weighted @ seen.T).toarray().astype(np.float64)
    wanted = (weighted @ portrait.target.reshape(-1, 3)).astype(np.float64)
    lowest, highest = np.zeros_like(start), np.ones_like(start)
    if portrait.encoding.fixed_background is not None:
        lowest[0] = highest[0] = start[0]

    def error(flat: Reals) -> tuple[float, Reals]:
        colours = flat.reshape(start.shape)
        pull = gram @ colours
        return float(np.sum(colours * (0.5 * pull - wanted))), (pull - wanted).ravel()

    bounds = optimize.Bounds(lowest.ravel(), highest.ravel())
    how: dict[str, Any] = {"method": "L-BFGS-B", "options": {"maxiter": ROUNDS}}
    found: Reals = optimize.minimize(error, start.ravel(), jac=True, bounds=bounds, **how).x
    return found.reshape(start.shape)


def _seen(portrait: Portrait) -> Any:
    """(1 + N, H * W) sparse: how much is seen of the background, and of each shape, at a pixel."""
    from scipy import sparse  # likewise

    width, height = portrait.canvas
    through = np.ones((1, height * width), np.float32)
    clear = through.reshape(height, width)
    rows = []
    for i in reversed(range(portrait.count)):
        left, top, across, down = portrait.window(i)
        window = clear[top : top + down, left : left + across]
        above = window.copy()
        portrait.dim(i, through)
        y, x = np.nonzero(above != window)
        rows.append(((y + top) * width + x + left, (above - window)[y, x]))
    rows.append((np.arange(height * width), through[0]))
    places, values = (np.concatenate([row[k] for row in reversed(rows)]) for k in (0, 1))
    ends = np.cumsum([0, *(len(row[0]) for row in reversed(rows))])
    return sparse.csr_array((values, places, ends), shape=(len(rows), height * width))
