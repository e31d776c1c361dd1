"""Materials of chapter 14."""

from bioimage_course.check.exercises.ch14 import (
    BEGINNINGS,
    CATEGORIES,
    MEASURES,
    PROJECTS,
    TOY,
    fields,
    simulated_share,
)

__all__ = ["BEGINNINGS", "CATEGORIES", "MEASURES", "PROJECTS", "TOY", "fields", "simulated_share"]
