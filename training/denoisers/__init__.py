"""The long experiments of chapter 8, in readable pieces; ``training/denoising.py`` is their door.

- `sets`: the real recordings, cut into training, validation and test; how restored images are scored.
- `noise`: what can be measured about the noise before a method is chosen.
- `classical`: five filters, with and without stabilised variance, tuned on the validation images.
- `networks`: one objective a method: a network, what it is shown, and its loss.
- `libraries`: csbdeep, n2v and CAREamics with loops of their own.
- `loop`: the training itself, which can be interrupted at any moment and goes on where it was.
- `runs`: the list of runs, their results, and the comparison in pairs.
"""
