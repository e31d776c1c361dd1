"""Materials of chapter 10."""

from bioimage_course.check.exercises.ch10 import carved, windows

__all__ = ["carved", "windows"]
