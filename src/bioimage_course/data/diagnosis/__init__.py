"""The label doctor: what is wrong with a mask that somebody has drawn, exported, resized or converted.

Masks of one's own are spoilt in a dozen ways that no training complains about: the loss falls, and the
network learns nonsense. `diagnose` looks for them in an order in which one finding does not bring forth
another, says each in one sentence with its place, and repairs what can be repaired without guessing.
"""

from bioimage_course.data.diagnosis.examining import diagnose
from bioimage_course.data.diagnosis.findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
