"""The authors' workshop: makes the notebooks, checks the sources, renders the book."""
