"""What a trial shape does to the error of a picture, without rendering the picture.

While one shape is moved, all below it is one picture B and all above it is one transmittance T and
one colour A: the pixel is A + T (B + p (c - B)), where the trial covers it with p = coverage times
alpha. Its squared error, against target t and with R = t - A - T B, is

    R^2 - 2 p T R (c - B) + p^2 T^2 (c - B)^2,

so over all pixels it is a polynomial in alpha and c whose nine coefficients are sums of products
of coverage, T, B and R. Inside the trial coverage is the same along a row, and running sums along
the rows give those of a span by one subtraction: a trial costs its rim and its rows, not its area.
Alpha and colour need no search, for the polynomial's least value has a closed form.

Coverage is the exact area, as in `raster`; B and A are kept in float32 as there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.lanes import SUMS, alike, put, take
from evonsfw.patches import Bench, outline, spans

U, F = np.uintp, np.float32
LINEAR = np.array([1.0] * 4 + [0.0] * 12, np.float32)
SQUARED = np.array([0.0] * 4 + [1.0] * 5 + [0.0] * 7, np.float32)
"""Which of the sums grow with coverage, and which with its square."""
FOUND = 5
"""Numbers found for each trial: what it adds to the squared error, alpha, red, green, blue."""


@compiled
def add_up(
    bench: Bench, target: Any, weights: Any, place: Any
) -> float:  # pragma: no cover - compiled
    """Running sums of what `compose` left in a window.

    Args:
        bench: where to: `sums`.
        target: (H, W, 3) float32 in [0, 1].
        weights: (H, W) float32.
        place: the window.

    Returns:
        The weighted squared error of the window without the trial shape.
    """
    left, top, width, height = place
    below, above, sums, error = bench.below, bench.above, bench.sums, 0.0
    for row in range(height):
        at = row * (width + 1) * SUMS
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = 0.0
        for lane in range(9):
            sums[at + lane] = F(0.0)
        for x in range(width):
            i = row * width + x
            weight, through = weights[top + row, left + x], above[3, i]
            b0, b1, b2 = below[0, i], below[1, i], below[2, i]
            r0 = target[top + row, left + x, 0] - above[0, i] - through * b0
            r1 = target[top + row, left + x, 1] - above[1, i] - through * b1
            r2 = target[top + row, left + x, 2] - above[2, i] - through * b2
            error += weight * (r0 * r0 + r1 * r1 + r2 * r2)
            once = weight * through
            twice = once * through
            s0 += once * r0
            s1 += once * r1
            s2 += once * r2
            s3 += once * (r0 * b0 + r1 * b1 + r2 * b2)
            s4 += twice
            s5 += twice * b0
            s6 += twice * b1
            s7 += twice * b2
            s8 += twice * (b0 * b0 + b1 * b1 + b2 * b2)
            at += SUMS
            sums[at], sums[at + 1], sums[at + 2], sums[at + 3] = s0, s1, s2, s3
            sums[at + 4], sums[at + 5], sums[at + 6], sums[at + 7] = s4, s5, s6, s7
            sums[at + 8] = s8
    bench.work[0] += 4 * width * height
    return error


@compiled
def _total(
    bench: Bench, corners: Any, count: int, place: Any, result: Any
) -> None:  # pragma: no cover - compiled
    """The nine sums of one trial, written to `result`, (16,) float32."""
    width = place[2]
    cells, sums = bench.cells, bench.sums
    linear, squared = take(LINEAR, 0), take(SQUARED, 0)
    whole, one = alike(F(0.0)), U(1)
    begin, stop = outline(bench, corners, count, place)
    for row in range(begin, stop):
        first, inner, outer, end = spans(bench.extents, row, width)
        if first < end:
            at, total, x = U(row * (width + 2) + first) * U(2), 0.0, first
            base = U(row * (width + 1)) * U(SUMS)
            before = take(sums, base + U(first * SUMS))
            while x < end:
                if x == inner and inner < outer:
                    part = alike(F(min(abs(total), 1.0)))
                    at += U(2 * (outer - inner))
                    x = outer
                else:
                    part = alike(F(min(abs(total + cells[at]), 1.0)))
                    total += cells[at + one]
                    cells[at] = cells[at + one] = 0.0
                    at += U(2)
                    x += 1
                after = take(sums, base + U(x * SUMS))
                whole = whole + (after - before) * part * (linear + squared * part)
                before = after
        at = U(row * (width + 2) + width) * U(2)
        cells[at] = cells[at + one] = 0.0
        bench.work[0] += max(end - first - (outer - inner), 0) + 2
    put(result, 0, whole)


@compiled
def _best_alpha(s: Any, low: float, high: float) -> float:  # pragma: no cover - compiled
    """Where colours are free, the alpha of the polynomial's least value."""
    if low == high:
        return low
    shared = s[5] * s[0] + s[6] * s[1] + s[7] * s[2]
    spread = s[8] - (s[5] * s[5] + s[6] * s[6] + s[7] * s[7]) / s[4]
    if spread <= 1e-6 * s[4]:
        return high
    return min(max((shared / s[4] - s[3]) / spread, low), high)


@compiled
def _alpha_for(s: Any, r: float, g: float, b: float, low: float, high: float) -> float:
    """The best alpha for a colour."""  # pragma: no cover - compiled
    bend = s[4] * (r * r + g * g + b * b) - 2.0 * (s[5] * r + s[6] * g + s[7] * b) + s[8]
    if bend <= 1e-9:
        return high
    return min(max((s[0] * r + s[1] * g + s[2] * b - s[3]) / bend, low), high)


@compiled
def _change(s: Any, a: float, r: float, g: float, b: float) -> float:  # pragma: no cover
    """What a trial of that alpha and colour adds to the squared error."""
    bend = s[4] * (r * r + g * g + b * b) - 2.0 * (s[5] * r + s[6] * g + s[7] * b) + s[8]
    return a * a * bend - 2.0 * a * (s[0] * r + s[1] * g + s[2] * b - s[3])


@compiled
def _solve(s: Any, low: float, high: float, swatches: Any, found: Any) -> None:
    """The best alpha and colour for nine sums, within bounds."""  # pragma: no cover - compiled
    found[0], found[1] = 0.0, low
    found[2] = found[3] = found[4] = 0.0
    if s[4] <= 1e-9:
        return
    if len(swatches):
        found[0] = np.inf
        for k in range(len(swatches)):
            r, g, b = swatches[k, 0], swatches[k, 1], swatches[k, 2]
            alpha = _alpha_for(s, r, g, b, low, high)
            change = _change(s, alpha, r, g, b)
            if change < found[0]:
                found[0], found[1], found[2], found[3], found[4] = change, alpha, r, g, b
        return
    alpha = max(_best_alpha(s, low, high), 1e-3)
    for _ in range(3):
        over = 1.0 / (alpha * s[4])
        r = min(max((s[0] + alpha * s[5]) * over, 0.0), 1.0)
        g = min(max((s[1] + alpha * s[6]) * over, 0.0), 1.0)
        b = min(max((s[2] + alpha * s[7]) * over, 0.0), 1.0)
        again = max(_alpha_for(s, r, g, b, low, high), 1e-3)
        if again == alpha:
            break
        alpha = again
    found[0], found[1] = _change(s, alpha, r, g, b), alpha
    found[2], found[3], found[4] = r, g, b


@compiled
def _fits(corners: Any, count: int, place: Any, canvas: Any) -> bool:  # pragma: no cover - compiled
    """Whether all of a polygon that is on the canvas is in the window."""
    left, top, width, height = place
    for k in range(count):
        x = min(max(corners[k, 0], 0.0), float(canvas[0]))
        y = min(max(corners[k, 1], 0.0), float(canvas[1]))
        if x < left or y < top or x > left + width or y > top + height:
            return False
    return True


@compiled
def score(
    bench: Bench, corners: Any, place: Any, canvas: Any, limits: Any, swatches: Any, found: Any
) -> None:  # pragma: no cover - compiled
    """Score trials at the place in the picture that `add_up` summed.

    Args:
        bench: with its sums.
        corners: (K, V, 2) in pixels of the canvas.
        place: the window. A trial that leaves it adds infinitely much.
        canvas: width and height.
        limits: lowest and highest alpha.
        swatches: (P, 3) colours to choose from; (0, 3) for any colour.
        found: (K, FOUND) float64, written.
    """
    sums, s = np.empty(SUMS, np.float32), np.empty(SUMS, np.float64)
    for k in range(len(corners)):
        if not _fits(corners[k], corners.shape[1], place, canvas):
            found[k, 0], found[k, 1:] = np.inf, 0.0
            continue
        _total(bench, corners[k], corners.shape[1], place, sums)
        for lane in range(9):
            s[lane] = sums[lane]
        _solve(s, limits[0], limits[1], swatches, found[k])


@compiled
def map_errors(
    bench: Bench, target: Any, weights: Any, place: Any, cell: int, errors: Any
) -> None:  # pragma: no cover - compiled
    """Weighted squared error of the window without the trial shape, in square cells."""
    left, top, width, height = place
    errors[:] = 0.0
    for row in range(height):
        for x in range(width):
            i = row * width + x
            total = F(0.0)
            for q in range(3):
                r = target[top + row, left + x, q] - bench.above[q, i]
                r -= bench.above[3, i] * bench.below[q, i]
                total += r * r
            errors[row // cell, x // cell] += total * weights[top + row, left + x]
