"""Measurements: each module prints figures, as ratios to a named alternative in the same run."""
