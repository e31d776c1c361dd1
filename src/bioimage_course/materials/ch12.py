"""Materials of chapter 12."""

from bioimage_course.check.exercises.ch12 import bent_cell, heat, middle, two_cells

__all__ = ["bent_cell", "heat", "middle", "two_cells"]
