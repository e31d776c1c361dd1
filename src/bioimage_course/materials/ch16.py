"""Materials of chapter 16."""

from bioimage_course.check.exercises.ch16 import shelf

__all__ = ["shelf"]
