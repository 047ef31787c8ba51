"""What a picture file says of where it comes from: the genome and the settings in its text chunks.

The file may be a stranger's: everything in it is checked before it is used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from evonsfw.config import RunConfig, make_config
from evonsfw.genome import Genome, genome_from_text
from evonsfw.pictures import open_picture

GENOME, SETTINGS = "evonsfw:genome", "evonsfw:settings"
"""Keywords of the chunks that `runs` writes."""


class Provenance(NamedTuple):
    """What a picture can be made from again.

    Attributes:
        genome: (L,) float32 in [0, 1]; it is of `config.encoding`'s length.
        config: the settings of its run.
    """

    genome: Genome
    config: RunConfig


def read_provenance(path: Path) -> Provenance | None:
    """The provenance in a picture file, or None where the file holds none.

    Raises:
        ValueError: as `pictures.open_picture`, or the provenance is damaged or a newer version's.
    """
    return parse_provenance(open_picture(path, "picture").info, path)


def parse_provenance(info: dict[Any, Any], path: Path) -> Provenance | None:
    """As `read_provenance`, from the `info` of a Pillow image that is open already."""
    genome, settings = info.get(GENOME), info.get(SETTINGS)
    if genome is None and settings is None:
        return None
    if not isinstance(genome, str) or not isinstance(settings, str):
        raise _damaged(path, "genome and settings belong together, one of them is missing")
    try:
        return _checked(genome_from_text(genome), _config(settings))
    except (ValueError, RecursionError) as error:  # JSON may be nested as deep as it likes
        raise _damaged(path, str(error)) from None


def _config(text: str) -> RunConfig:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("its settings are no JSON object")
    if isinstance(values.get("palette"), str):  # it might name a file, which would be opened
        raise ValueError("palette: expected a list of colours")
    return make_config(values)


def _checked(genome: Genome, config: RunConfig) -> Provenance:
    if genome.shape != (config.encoding.length,):
        raise ValueError(f"{len(genome)} genes, but its settings have {config.encoding.length}")
    return Provenance(genome, config)


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"picture {path}: its genome or settings are damaged, or a newer evonsfw's: {reason}; "
        f"use the file that evonsfw wrote, or save the pixels alone"
    )
