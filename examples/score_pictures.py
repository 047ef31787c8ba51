"""Score pictures: files and arrays, as they are and changed by hand.

    python examples/score_pictures.py [picture …]

The cells (`# %%`) can be run one by one in an editor or as a notebook.
"""

# %% A classifier is opened once. Its default class is the one that counts.
import sys

import numpy as np
from PIL import Image

from evonsfw import Classifier

classifier = Classifier("open_nsfw")
print(f"{classifier.name} knows {', '.join(classifier.classes)}; {classifier.wanted} counts")

# %% A picture is a file's name: what `evonsfw score` prints, to the last digit.
for name in sys.argv[1:]:
    print(f"{name}: {classifier.wanted} {classifier.score(name):.6f}")

# %% Or it is an array of (height, width, 3) bytes. This one is a sunset over the sea.
rows = np.linspace(0, 1, 256)[:, None, None]
sunset = np.where(rows < 0.6, (250, 140, 70), (30, 60, 110)) * (1 - 0.5 * np.abs(rows - 0.6))
picture = np.broadcast_to(sunset, (256, 256, 3)).astype(np.uint8)
print("a sunset:", {name: round(p, 6) for name, p in classifier.scores(picture).items()})

# %% What does the score depend on? Turn it, shrink it, take its colours away.
image = Image.fromarray(picture)
changed = {
    "upside down": image.transpose(Image.Transpose.ROTATE_180),
    "at a quarter of its size": image.resize((64, 64)),
    "in grey": image.convert("L").convert("RGB"),
}
scores = {name: classifier.score(np.asarray(one)) for name, one in changed.items()}
for name, score in scores.items():
    print(f"  {name}: {score:.6f}")
