"""csbdeep, n2v and CAREamics with loops of their own, once each beside our driving of the same methods."""

METHODS = {}
