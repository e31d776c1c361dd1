"""The exercises, one module a chapter (``ch01.py``, ``ch11.py`` …)."""
