"""evonsfw: evolutionary art that asks an image classifier what it sees."""

__version__ = "0.1.0"
