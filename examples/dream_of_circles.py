"""Deep Dream: what layers of a classifier see in a picture that has next to nothing in it.

    python examples/dream_of_circles.py [iterations]

The cells (`# %%`) can be run one by one in an editor or as a notebook.
"""

# %% Soft rings, to begin with.
import sys

import numpy as np

from evonsfw import dream

iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 10
y, x = np.mgrid[-1:1:256j, -1:1:256j]
rings = 0.5 + 0.4 * np.cos(12 * np.hypot(x, y))
picture = (255 * np.stack([rings, 0.8 * rings, 1 - rings], axis=2)).astype(np.uint8)

# %% A layer in the middle likes curls and eyes. `save` writes a PNG that says what made it.
dreamt = dream(picture, iterations=iterations)
print(f"{dreamt.layer}: {np.abs(dreamt.exact - picture).mean():.1f} levels of change")
print(dreamt.save("dream.png"))

# %% One channel alone, in few octaves, draws one pattern again and again.
pattern = dream(picture, channel=3, octaves=2, iterations=iterations, seed=1)
print(pattern.save("pattern.png"))
