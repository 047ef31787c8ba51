"""What a classifier looks at, from Python: `from evonsfw import explain`.

Each function is the instrument that `evonsfw explain` has under the same name, and what that
calls. It returns what was found, as an `Explanation`: numbers to go on with, a plate to look at,
and `save` for both. A picture is a file's name or an array (H, W, 3) uint8 sRGB.
"""

from __future__ import annotations

from evonsfw.comparing import Compared, compare
from evonsfw.explaining import Sliding, occlusion, shapes
from evonsfw.explanation import Explanation
from evonsfw.saliency_maps import deconvnet, gradcam, gradient, guided, integrated

__all__ = [
    "Compared",
    "Explanation",
    "Sliding",
    "compare",
    "deconvnet",
    "gradcam",
    "gradient",
    "guided",
    "integrated",
    "occlusion",
    "shapes",
]
