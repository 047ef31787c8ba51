"""Evolve circles that a classifier scores high, and keep them in three formats.

    python examples/evolve_circles.py [shapes] [score]

The cells (`# %%`) can be run one by one in an editor or as a notebook.
"""

# %% Every flag of `evonsfw` is a keyword. Some seconds for fifty circles and 0.99.
import sys

from evonsfw import Classifier, evolve

n = int(sys.argv[1]) if len(sys.argv) > 1 else 50
until = float(sys.argv[2]) if len(sys.argv) > 2 else 0.99
evolved = evolve(shapes="circles", n=n, until=until, seed=1, say=print)

# %% The picture is an array; its score is what the classifier says of it.
print(f"{evolved.picture.shape}: {evolved.score:.6f}")
assert abs(Classifier().score(evolved.picture) - evolved.score) < 1e-5

# %% The genome says what each shape is: here, the circle that was painted last.
drawing = evolved.encoding.decode(evolved.genome)
print(f"{len(drawing.alphas)} shapes, the last of opacity {drawing.alphas[-1]:.2f}")

# %% Saved, it takes its genome along: as a picture of any size, as a drawing, as numbers.
for path, size in (("circles.png", (1024, 1024)), ("circles.svg", None), ("circles.json", None)):
    print(evolved.save(path, size))
