"""evonsfw: evolutionary art that asks an image classifier what it sees.

`from evonsfw import Classifier, evolve, explain, invert, dream`: see `evonsfw.api` and
`evonsfw.explain`, which are imported when they are first asked for.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is first imported

__version__ = "0.1.0"
__all__ = ["Classifier", "dream", "evolve", "explain", "invert"]

TYPE_CHECKING = False  # type checkers take it for true; `typing` need not be imported
if TYPE_CHECKING:
    from evonsfw import explain as explain
    from evonsfw.api import Classifier as Classifier
    from evonsfw.api import dream as dream
    from evonsfw.api import evolve as evolve
    from evonsfw.api import invert as invert


def __getattr__(name: str) -> object:
    """The calls of the Python API, imported when they are first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'evonsfw' has no attribute '{name}'")
    source = "evonsfw.explain" if name == "explain" else "evonsfw.api"
    module = __import__(source, fromlist=["*"])
    found: object = module if name == "explain" else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """All names, those that are imported later included."""
    return sorted({*globals(), *__all__})
