"""Materials of chapter 1."""

MITOSES = ((14, 268), (30, 265), (110, 15), (129, 470), (214, 57), (308, 52), (345, 73), (458, 50))
"""Points (row, column) in those nuclei of `data.load("nuclei")` that the course calls mitotic, by eye."""
