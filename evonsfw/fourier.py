"""Pictures made of waves, and pictures made of pixels: priors that gradients climb.

Olah, Mordvintsev, Schubert 2017, "Feature Visualization", appendix on preconditioning: coarse and
fine waves are given the power that they have in photographs, and colours are uncorrelated, so that
a step of equal size changes what is seen about equally in each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.preparation import resize_back
from evonsfw.prior import View, overhang, sigmoid
from evonsfw.resampling import resized

Floats = npt.NDArray[np.float32]
BILINEAR, LANCZOS = Image.Resampling.BILINEAR, Image.Resampling.LANCZOS
CORRELATION = np.array(
    [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=np.float32
)
"""Square root of the colour covariance of ImageNet's pictures, RGB x independent (Olah 2017)."""
MIXED = CORRELATION / np.linalg.norm(CORRELATION, axis=0).max()
AMPLITUDE = 0.25
"""Of all waves: photographs have about that, before the sigmoid."""
NOISE = 0.01
"""Standard deviation of the numbers at the start."""


class Pixels:
    """Every pixel is free, through a sigmoid. What comes out is noise that only a model can read.

    Args:
        side: pixels of the square that is climbed, what lies beyond the picture's edges included.

    Attributes:
        rate: the step size of Adam that suits it.
    """

    rate = 0.05

    def __init__(self, side: int) -> None:
        self.side = side

    def start(self, rng: np.random.Generator) -> Floats:
        """(L,) numbers to begin with: nearly grey."""
        return rng.normal(0.0, NOISE, self._length()).astype(np.float32)

    def see(self, numbers: Floats, view: View) -> tuple[Floats, Floats]:
        """What a view shows.

        Args:
            numbers: (L,).
            view: which part, how large.

        Returns:
            (h, w, 3) pixels in 0…255; and (side, side, 3), the canvas, for `back`.
        """
        canvas = sigmoid(self._canvas(numbers))
        size, rows, columns = _part(view)
        return 255.0 * resized(canvas, size, BILINEAR)[rows, columns], canvas

    def back(self, cotangent: Floats, view: View, canvas: Floats) -> Floats:
        """`see` transposed: (h, w, 3) d f / d pixels to (L,) d f / d numbers."""
        size, rows, columns = _part(view)
        whole = np.zeros((*size, 3), np.float32)
        whole[rows, columns] = 255.0 * cotangent
        slope = resize_back(whole, (self.side, self.side), BILINEAR)
        return self._canvas_back(slope * canvas * (1.0 - canvas))

    def draw(self, numbers: Floats, side: int) -> Floats:
        """(side, side, 3) pixels in 0…255, in any size."""
        whole = View((side, side), 0, 0, (side, side))
        size, rows, columns = _part(whole)
        return 255.0 * sigmoid(resized(self._canvas(numbers), size, LANCZOS)[rows, columns])

    def _length(self) -> int:
        return self.side * self.side * 3

    def _canvas(self, numbers: Floats) -> Floats:
        """(L,) to (side, side, 3), before the sigmoid."""
        return numbers.reshape(self.side, self.side, 3)

    def _canvas_back(self, cotangent: Floats) -> Floats:
        return cotangent.reshape(-1)


def _part(view: View) -> tuple[tuple[int, int], slice, slice]:
    """Height and width that the canvas is brought to, and the rows and columns that are shown."""
    beyond = [overhang(side) for side in view.size]
    height, width = (side + 2 * more for side, more in zip(view.size, beyond, strict=True))
    top, left = view.top + beyond[0], view.left + beyond[1]
    rows, columns = slice(top, top + view.shape[0]), slice(left, left + view.shape[1])
    return (height, width), rows, columns


class Fourier(Pixels):
    """Every wave is free, in each of three uncorrelated colours: as `Pixels`, but for that.

    Args:
        side: pixels of the square that is climbed, what lies beyond the picture's edges included.
    """

    def __init__(self, side: int) -> None:
        super().__init__(side)
        across = np.fft.rfftfreq(side)
        rate = np.hypot(np.fft.fftfreq(side)[:, None], across[None])
        self._scale = (AMPLITUDE / np.maximum(rate, 1.0 / side)).astype(np.float32)
        twice = (across > 0.0) & (across < 0.5)
        self._counts = np.where(twice, 2.0, 1.0).astype(np.float32)

    def _length(self) -> int:
        return 2 * 3 * self._scale.size

    def _canvas(self, numbers: Floats) -> Floats:
        parts = numbers.reshape(2, 3, *self._scale.shape)
        waves = (parts[0] + 1j * parts[1]) * self._scale
        planes = np.fft.irfft2(waves, (self.side, self.side), norm="ortho")
        mixed: Floats = planes.transpose(1, 2, 0).astype(np.float32) @ MIXED.T
        return mixed

    def _canvas_back(self, cotangent: Floats) -> Floats:
        """A wave that is not its own mirror image counts twice: it stands for both."""
        planes = (cotangent @ MIXED).transpose(2, 0, 1)
        waves = np.fft.rfft2(planes, norm="ortho") * (self._scale * self._counts)
        return np.stack([waves.real, waves.imag]).astype(np.float32).reshape(-1)
