"""evonsfw: evolutionary art that asks an image classifier what it sees."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is first imported

__version__ = "0.1.0"
