"""When a run ends, and how a resumed one gets further ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from evonsfw.config import MIN_SIDE, RunConfig, make_config
from evonsfw.evolution import Progress
from evonsfw.objectives import Goal
from evonsfw.scene import format_score
from evonsfw.wishes import Wish, reached


def end_reached(config: RunConfig, wish: Wish, done: Progress) -> str | None:
    """Which end has been reached, in words, or None."""
    if done.best is None:
        return None
    until = config.until
    if until is not None and wish.reached(done.best.score, until):
        worst = " in the worst view" if config.robust else ""
        return f"reached {wish.label} {format_score(done.best.score)}{worst}"
    if config.evaluations is not None and done.evaluations >= config.evaluations:
        return f"{config.evaluations:,} scorings done"
    if config.generations is not None and done.generation >= config.generations:
        return f"{config.generations:,} generations done"
    if config.minutes is not None and done.seconds >= config.minutes * 60.0:
        return f"{config.minutes:g} minutes over"
    return None


def extended(config: RunConfig, more: dict[str, Any], state: dict[str, Any] | None) -> RunConfig:
    """The settings with further ends: `more` counts from where the run stands, and the ends
    that the run has come to give way to it.
    """
    changes = {key: value for key, value in more.items() if value is not None}
    done = {
        "generations": state["generation"] if state else 0,
        "evaluations": state["evaluations"] if state else 0,
        "minutes": state["seconds"] / 60.0 if state else 0.0,
    }
    further = {key: done[key] + changes[key] for key in done if key in changes}
    if further or "until" in changes:
        for key, amount in done.items():
            end = getattr(config, key)
            further.setdefault(key, None if end is not None and amount >= end else end)
        if state and config.until is not None and _was_reached(config, state["best_score"]):
            further["until"] = None
    return make_config({**config.to_dict(), **further, **_others(changes, done)})


def _others(changes: dict[str, Any], done: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key not in done}


def _was_reached(config: RunConfig, score: float) -> bool:
    """Whether a score is as good as the settings' `until`."""
    assert config.until is not None
    target = np.zeros((MIN_SIDE, MIN_SIDE, 3), np.uint8)
    goal = Goal(target_score=config.target_score, target=target)
    return reached(config.goal_name, goal, score, config.until)
