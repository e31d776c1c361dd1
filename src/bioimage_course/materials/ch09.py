"""Materials of chapter 9."""

from bioimage_course.check.exercises.ch09 import between_class_variance, six_objects

__all__ = ["between_class_variance", "six_objects"]
