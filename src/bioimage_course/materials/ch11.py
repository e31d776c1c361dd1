"""Materials of chapter 11."""

from bioimage_course.check.exercises.ch11 import banana, inner_point

__all__ = ["banana", "inner_point"]
