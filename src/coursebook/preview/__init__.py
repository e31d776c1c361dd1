"""The preview renderer: the book from the same sources as Quarto's, where there is no Quarto.

It exists so that the book can be built wherever Python packages can be had. What the pages say, and what
is wrong with them, it has from `coursebook.book`, the reader that ``course check`` asks, too; here stand
``frame``
    sidebar, contents, search around a page's text
``watch``
    a server that renders a page again when it is saved

What the reader found fails the build with file and line.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bioimage_course.errors import InputError
from coursebook.book import links
from coursebook.book.findings import BookError
from coursebook.book.reader import Book
from coursebook.project import Project, write_text
from coursebook.words import counted

from . import frame

__all__ = ["BookError", "Site", "compose", "main", "render"]


@dataclass
class Site:
    """A rendered book in memory: `files` are texts and bytes, `copies` files of the project."""

    root: Path
    files: dict[str, str | bytes]
    copies: set[str]
    pages: list[str]

    def write(self, output: Path) -> None:
        """Write the site to `output`, which is replaced as a whole when everything is there."""
        output = output.resolve()
        if output.exists() and not (output / "index.html").is_file() and any(output.iterdir()):
            raise InputError(f"{output} holds something else than a rendered book; choose another folder.")
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".book-", dir=output.parent) as folder:
            new = Path(folder) / "new"
            self.update(new)
            if output.exists():
                output.replace(Path(folder) / "old")
            new.replace(output)

    def update(self, output: Path) -> None:
        """Write the pages of this site into the rendered book in `output`."""
        for name, content in self.files.items():
            write_text(output / name, content)
        for name in sorted(self.copies):
            write_text(output / name, (self.root / name).read_bytes())


def compose(root: str | Path, only: str = "") -> Site:
    """Render the book of a project in memory.

    Parameters
    ----------
    root : path
        The folder with ``_quarto.yml``.
    only : str
        Chapter (``"03"``) or page (``"book/setup.qmd"``, ``"setup"``); without it all pages are rendered.

    Raises
    ------
    BookError
        With every mistake found, each with file and line.
    """
    book = Book(Project(Path(root).resolve()))
    chosen = _choose(book, only) if only else []
    document = book.write(chosen)
    pages, settings = document.pages, book.settings
    names = {page.path for page in pages}
    generated = {name for page in pages for name in page.manuscript.files} | set(frame.SCRIPTS)
    site = Site(book.root, {}, set(), [page.href for page in pages if page.href in document.written])
    shell, records, glossary = frame.template(), [], ""
    for page in pages:
        if page.href not in document.written:
            continue
        if page.href.endswith("glossary.html"):
            glossary = page.body
        records += frame.search_records(page, page.body)
        around = links.scan(page, frame.page_html(page, pages, settings, shell), names, generated, book.root)
        site.files[page.href] = frame.fill(around.html, page.body)
        site.files.update(page.manuscript.files)
        site.copies |= around.files | document.written[page.href].files
    if book.found():
        raise BookError(book.found())
    resources = (path for pattern in settings.resources for path in book.root.glob(pattern))
    site.copies |= {book.project.relative(path) for path in resources if path.is_file()}
    if chosen:
        return site
    scripts = (frame.script(), frame.search_script(records), frame.glossary_script(glossary))
    site.files.update(zip(frame.SCRIPTS, scripts, strict=True))
    if settings.site_url:
        site.files["sitemap.xml"] = frame.sitemap(pages, settings)
    site.copies |= {settings.image} if settings.image else set()
    return site


def _choose(book: Book, name: str) -> list[str]:
    """Return the paths of the pages that `name` means."""
    paths = [manuscript.path for manuscript in book.manuscripts]
    found = [path for path in paths if name in (path, Path(path).stem, Path(path).name[:2])]
    if not found:
        known = ", ".join(Path(path).stem for path in paths)
        raise InputError(f"No page is called {name!r}; there are {known}.")
    return found


def render(root: str | Path, output: str | Path, only: str = "") -> Site:
    """Render the book of `root`, or one page of it, into the folder `output`; return what was written."""
    output = Path(output)
    if only:
        _choose(Book(Project(Path(root).resolve())), only)  # a wrong name comes before mistakes elsewhere
    alone = only and (output / "index.html").is_file()  # a page needs the styles and scripts of the others
    site = compose(root, only if alone else "")
    if alone:
        site.update(output)
    else:
        site.write(output)
    return site


def main(argv: list[str] | None = None) -> int:
    """``course preview``: render the book with the built-in renderer."""
    parser = argparse.ArgumentParser(
        prog="course preview",
        description="Render the book with the built-in preview renderer (no Quarto needed).",
    )
    where = "folder to write to (default: _book in the course's folder)"
    parser.add_argument("--output", type=Path, help=where)
    parser.add_argument("--root", type=Path, help="folder of the course (default: the one around here)")
    parser.add_argument("--only", default="", metavar="NN", help="render this chapter or page only")
    watch_text = "serve the book; render a page again when it is saved"
    parser.add_argument("--watch", action="store_true", help=watch_text)
    options = parser.parse_args(argv)
    root = options.root or Project.find().root
    output = options.output or root / "_book"
    if options.watch:
        from . import watch

        return watch.serve(root, output, options.only)
    return show(root, output, options.only)


def show(root: Path, output: Path, only: str = "") -> int:
    """Render, and print where the result is or what is wrong with the sources."""
    started = time.perf_counter()
    try:
        site = render(root, output, only)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    place = (output / (site.pages[0] if only else "index.html")).resolve()
    print(f"{counted(len(site.pages), 'page')} with the preview renderer in {seconds:.1f} s")
    print(f"Open {place} in a browser.")
    return 0
