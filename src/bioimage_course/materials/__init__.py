"""What chapters show and exercises ask about: images, cases and methods, one module a chapter (``ch09``).

Notebooks, explorables' tests and checks take them from here, so that none of them borrows from another.
"""
