"""A folder for one's own experiment: raw images, labels, results, and what is known about them.

``project.new("my-experiment")``, or in the shell ``course project new my-experiment``, makes one.

The folder is the reader's: whatever is in it is never overwritten, and what is written goes to ``results/``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "folder": ["OwnProject", "new", "open_folder"],
        "learning": ["Curve"],
        "racing": ["Race"],
        "steps": ["Drawn"],
    },
)
