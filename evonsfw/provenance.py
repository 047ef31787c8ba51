"""What a file says of where it comes from: the genome and the settings that travel inside.

The file may be a stranger's: everything in it is checked before it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import evonsfw
from evonsfw.config import FORMAT, RunConfig, make_config
from evonsfw.exporters import exporter_names, load_exporter
from evonsfw.genome import Genome, genome_from_text
from evonsfw.pictures import open_picture

GENOME, SETTINGS = "evonsfw:genome", "evonsfw:settings"
"""Keywords of the texts that `runs` writes."""
FORMAT_WORD, VERSION = "evonsfw:format", "evonsfw:version"
"""Keywords of what tells a newer evonsfw's file."""


class Provenance(NamedTuple):
    """What a picture can be made from again.

    Attributes:
        genome: (L,) float32 in [0, 1]; it is of `config.encoding`'s length.
        config: the settings of its run.
        texts: all that the file says, by keyword.
    """

    genome: Genome
    config: RunConfig
    texts: dict[str, str]


def read_texts(path: Path) -> dict[str, str]:
    """All texts in a file, by keyword, by the exporter of its ending; of other pictures, Pillow's.

    Raises:
        ValueError: it is missing, damaged, or not what its ending says.
    """
    name = path.suffix.lower().removeprefix(".")
    if name in exporter_names():
        return load_exporter(name).read(path)
    return _texts(open_picture(path, "picture").info)


def read_provenance(path: Path) -> Provenance | None:
    """The provenance in a file that an exporter or `runs` wrote, or None where it holds none.

    Raises:
        ValueError: as `read_texts`, or the provenance is damaged or a newer version's.
    """
    return parse_provenance(read_texts(path), path)


def parse_provenance(info: Mapping[Any, Any], path: Path) -> Provenance | None:
    """As `read_provenance`, from texts, or from the `info` of a Pillow image that is open."""
    texts = _texts(info)
    genome, settings = texts.get(GENOME), texts.get(SETTINGS)
    if genome is None and settings is None:
        return None
    _require_known(texts, path)
    if genome is None or settings is None:
        raise _damaged(path, "genome and settings belong together, one of them is missing")
    try:
        values = _values(settings)
        _require_fields(values, path)
        return _checked(genome_from_text(genome), make_config(values), texts)
    except _NewerError:
        raise
    except (ValueError, RecursionError) as error:  # JSON may be nested as deep as it likes
        raise _damaged(path, str(error)) from None


class _NewerError(ValueError):
    """What a newer evonsfw wrote."""


def _require_known(texts: dict[str, str], path: Path) -> None:
    """Refuse a newer format, and a newer version but for its last number."""
    version, kind = texts.get(VERSION, ""), texts.get(FORMAT_WORD, "0")
    newer_format = kind.isdecimal() and int(kind[:9]) > FORMAT
    if newer_format or _release(version) > _release(evonsfw.__version__):
        told = f"{version[:20] or 'unknown'}; this is {evonsfw.__version__}"
        raise _NewerError(f"picture {path}: made by a newer evonsfw ({told}): update evonsfw")


def _require_fields(values: dict[str, Any], path: Path) -> None:
    known = {field.alias or name for name, field in RunConfig.model_fields.items()}
    if unknown := sorted(values.keys() - known):
        told = f"{evonsfw.__version__} has no setting '{unknown[0][:40]}'"
        raise _NewerError(f"picture {path}: made by a newer evonsfw ({told}): update evonsfw")


def _release(version: str) -> tuple[int, int]:
    """The first two numbers of a version; before all others where there are none."""
    found = re.match(r"(\d{1,6})\.(\d{1,6})", version, re.ASCII)
    return (int(found[1]), int(found[2])) if found else (-1, -1)


def _texts(info: Mapping[Any, Any]) -> dict[str, str]:
    return {
        str(key): str(text)
        for key, text in info.items()
        if isinstance(key, str) and isinstance(text, str)
    }


def _values(text: str) -> dict[str, Any]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("its settings are no JSON object")
    if isinstance(values.get("palette"), str):  # it might name a file, which would be opened
        raise ValueError("palette: expected a list of colours")
    return values


def _checked(genome: Genome, config: RunConfig, texts: dict[str, str]) -> Provenance:
    if genome.shape != (config.encoding.length,):
        raise ValueError(f"{len(genome)} genes, but its settings have {config.encoding.length}")
    return Provenance(genome, config, texts)


def _damaged(path: Path, reason: str) -> ValueError:
    reason = " ".join(reason.split())
    return ValueError(
        f"picture {path}: its genome or settings are damaged, or a newer evonsfw's: {reason}; "
        f"use the file that evonsfw wrote, or save the pixels alone"
    )
