"""Materials of chapter 13."""

from bioimage_course.check.exercises.ch13 import depth, hit, largest_region

__all__ = ["depth", "hit", "largest_region"]
