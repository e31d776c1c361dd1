"""Materials of chapter 1."""

from bioimage_course.check.exercises.ch01 import MITOSES

__all__ = ["MITOSES"]
