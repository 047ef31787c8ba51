"""How thin is a score? The smallest change of a picture that moves it.

    python examples/invert_picture.py [iterations]

The cells (`# %%`) can be run one by one in an editor or as a notebook.
"""

# %% A picture that the classifier thinks nothing of: hills in the evening.
import sys

import numpy as np

from evonsfw import Classifier, invert

iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 60
y, x = np.mgrid[0:1:256j, 0:1:256j]
hills = [y > 0.5 + 0.2 * k + 0.06 * np.sin(6 * x + 2 * k) for k in range(3)]
colours = [(244, 196, 140), (150, 120, 130), (96, 84, 110), (44, 50, 70)]
picture = np.array(colours, np.uint8)[np.sum(hills, axis=0)]
score = Classifier().score(picture)
print(f"hills: {score:.6f}")

# %% The smallest change that takes it to 0.9, through the whole preparation, JPEG included.
inverted = invert(picture, 0.9, iterations=iterations)
found = inverted.found
print(f"{inverted.before:.6f} → {inverted.after:.6f}, PSNR {found.psnr:.1f} dB, ", end="")
print(f"no channel by more than {255 * found.linf:.0f} of 255")

# %% The file says what was done to it; the change is beside it, as an array.
print(inverted.save("hills_changed.png"))

# %% The same with a limit: is 0.9 within two levels of 255?
limited = invert(picture, 0.9, budget=2 / 255, iterations=iterations)
print(f"within 2/255: {limited.after:.6f}, {'reached' if limited.reached else 'not reached'}")
