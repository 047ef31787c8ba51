"""What does the classifier look at? The same picture through several instruments.

    python examples/explain_picture.py [shapes] [score]

The cells (`# %%`) can be run one by one in an editor or as a notebook.
"""

# %% A picture to look at: evolved, so that there is something to be seen in it.
import sys

import numpy as np

from evonsfw import evolve, explain

n = int(sys.argv[1]) if len(sys.argv) > 1 else 50
until = float(sys.argv[2]) if len(sys.argv) > 2 else 0.99
evolved = evolve(shapes="circles", n=n, until=until, seed=1)

# %% Which places speak for the class? `found` has the numbers, `save` writes a plate and them.
places = explain.gradcam(evolved.picture)
y, x = np.unravel_index(places.found.shown.argmax(), places.found.shown.shape)
print(f"most of it near x = {x}, y = {y}")
print(places.save("gradcam.png"))

# %% What would a small change of each pixel do?
slope = explain.gradient(evolved.picture, of="margin")
print(f"one level more everywhere: {slope.array.sum():+.4f} of margin")

# %% What happens when a place is covered? Large windows, so that it takes a second.
covered = explain.occlusion(evolved.picture, sliding=explain.Sliding(window=128, stride=64))
print(
    f"{covered.found.scorings} scorings: covered, 1 - score is {covered.array[1].max():.3f} at most"
)

# %% Which shapes make the score? Two orders of joining are few: the errors say how few.
shares = explain.shapes(evolved, samples=2)
best = int(shares.found.shapley.argmax())
print(f"shape {best + 1} of {n} does most: {shares.found.shapley[best]:+.4f}")
print(shares.save("shapes.png"))
