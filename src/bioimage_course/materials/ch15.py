"""Materials of chapter 15."""

from bioimage_course.check.exercises.ch15 import (
    COMPARISONS,
    UNLIKE,
    best_first,
    blob,
    lecture_cases,
    lecture_truth,
    pooled,
)

__all__ = ["COMPARISONS", "UNLIKE", "best_first", "blob", "lecture_cases", "lecture_truth", "pooled"]
