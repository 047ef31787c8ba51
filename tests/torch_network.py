"""A classifier's ONNX file as a torch module with the same weights, for comparisons."""

from __future__ import annotations

from typing import Any

import onnx
import torch
from onnx import numpy_helper
from test_gradient import by_torch

from evonsfw.backward_graph import read_network
from evonsfw.model_spec import ModelSpec


class TorchNetwork(torch.nn.Module):
    """The operators of open_nsfw, to the logits; every Relu is a module of its own, in `relus`
    by the place of its node.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        model = onnx.load(spec.path)
        self.network = read_network(model)
        self.weights: dict[str, Any] = {
            tensor.name: torch.tensor(numpy_helper.to_array(tensor).copy())
            for tensor in model.graph.initializer
        }
        assert self.network.nodes[-1].operator == "Softmax"
        self.nodes = self.network.nodes[:-1]
        self.relus = torch.nn.ModuleDict(
            {
                str(place): torch.nn.ReLU()
                for place, node in enumerate(self.nodes)
                if node.operator == "Relu"
            }
        )

    def relu_of(self, tensor: str) -> torch.nn.Module:
        """The module whose output is that tensor."""
        places = {node.outputs[0]: str(place) for place, node in enumerate(self.nodes)}
        return self.relus[places[tensor]]

    def forward(self, x: Any) -> Any:
        """(B, …) prepared inputs to (B, C) logits."""
        values = {**self.weights, self.network.source: x}
        for place, node in enumerate(self.nodes):
            inputs = [values[name] for name in node.inputs]
            whole = inputs[0].shape[0]
            if node.operator == "Relu":
                made = self.relus[str(place)](inputs[0])
            elif node.operator == "Reshape":
                made = inputs[0].reshape(whole, *(int(side) for side in inputs[1][1:]))
            else:
                made = by_torch(torch, node, inputs)
            values[node.outputs[0]] = made
        return values[self.nodes[-1].outputs[0]]
