"""The book, read once, by the one reader that the preview and ``course check`` share.

Pandoc reads and writes; the modules here do what Quarto's filters and its book project do, as far as this
course uses them. Whatever is wrong becomes a :class:`~coursebook.book.findings.Finding`:

``configuration``
    the part of ``_quarto.yml`` that matters
``text``, ``cells``
    a page's Markdown with includes and notebook cells put in, each line knowing where it came from
``pandoc``
    the program, and what it said of the same text before
``model``, ``document``, ``floats``
    numbering, figures, tables, callouts, tabsets
``references``, ``bibliography``
    cross-references and citations over the whole book
``links``
    links, pictures and scripts of the written pages
``reader``
    all of it in order

It is stricter than Quarto, and no dialect of its own: a page that Quarto would render otherwise is a bug.
Nothing is imported here, so that the commands that only need a `Finding` stay light.
"""
