"""The authors' workshop: makes the notebooks, checks the sources, renders the book."""

import sys

# jsonschema, which nbformat needs, would build a grammar of web addresses: seconds for nothing here.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
