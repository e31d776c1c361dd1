"""csbdeep and n2v with loops of their own, once each beside our driving of the same methods.

Not written yet: `PLANNED` are the runs that the list of runs shows as missing and passes over.
"""

METHODS = {}
"""Name: function of (fold, seed, steps, checkpoint) that returns ``restored`` and what else is to be kept."""

PLANNED = ("csbdeep-care", "n2v-original")
