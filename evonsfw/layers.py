"""Layers of a model, by name: what an instrument can be pointed at."""

from __future__ import annotations

from dataclasses import dataclass

from evonsfw.discovery import nearest
from evonsfw.gradient import activations
from evonsfw.model_spec import ModelSpec, check_hash
from evonsfw.preparation import input_shape


@dataclass(frozen=True)
class Layer:
    """One node of a model whose output is a stack of maps.

    Attributes:
        name: what people call it: the name of its tensor without ":0".
        tensor: its output's name in the graph.
        operator: the ONNX operator that makes it.
        shape: channels, height and width.
    """

    name: str
    tensor: str
    operator: str
    shape: tuple[int, int, int]

    @property
    def channels(self) -> int:
        """How many maps."""
        return self.shape[0]


def layers_of(spec: ModelSpec) -> tuple[Layer, ...]:
    """All layers between the input and the first output, in order of execution.

    Raises:
        ValueError: the file cannot be read, or has none.
    """
    check_hash(spec)
    found = [
        Layer(_name(tensor), tensor, operator, (shape[1], shape[2], shape[3]))
        for tensor, operator, shape in activations(spec.path, input_shape(spec))
        if len(shape) == 4 and shape[0] == 1 and operator not in LAYOUT
    ]
    if not found:
        raise ValueError(f"classifier '{spec.name}': it has no layer of maps")
    return tuple(found)


LAYOUT = ("Transpose", "Identity", "Cast", "Reshape", "Pad")
"""Operators that only move numbers: their outputs are no layers of their own."""


def find_layer(spec: ModelSpec, wanted: str) -> Layer:
    """The layer of that name, or of that tensor.

    Raises:
        ValueError: there is none; the message gives the nearest names.
    """
    layers = layers_of(spec)
    for layer in layers:
        if wanted in (layer.name, layer.tensor):
            return layer
    hint = nearest(wanted, [layer.name for layer in layers])
    raise ValueError(f"unknown layer '{wanted}' of classifier '{spec.name}': {hint}")


def default_layer(spec: ModelSpec) -> Layer:
    """The last layer of more than one place, which Grad-CAM is read from (Selvaraju 2017).

    Raises:
        ValueError: as `layers_of`.
    """
    layers = layers_of(spec)
    wide = [layer for layer in layers if layer.shape[1] * layer.shape[2] > 1]
    return (wide or list(layers))[-1]


def require_channel(layer: Layer, channel: int) -> int:
    """The channel itself.

    Raises:
        ValueError: the layer has no such channel.
    """
    if not 0 <= channel < layer.channels:
        raise ValueError(
            f"channel {channel} of layer '{layer.name}': expected 0 to {layer.channels - 1}"
        )
    return channel


def _name(tensor: str) -> str:
    return tensor.removesuffix(":0")
