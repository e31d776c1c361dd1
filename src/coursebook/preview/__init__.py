"""The preview renderer: the book from the same sources as Quarto's, where there is no Quarto.

It exists so that the book can be built wherever Python packages can be had. Pandoc reads and writes;
the modules here do what Quarto's filters and its book project do, as far as this course uses them:

``settings``
    the part of ``_quarto.yml`` that matters
``sources``, ``embeds``
    a page's Markdown with includes and notebook cells put in
``document``
    numbering, figures, tables, callouts, tabsets
``references``
    cross-references and citations over the whole book
``site``
    links, pictures and scripts of the written pages
``frame``
    sidebar, contents, search

It is stricter than Quarto: what Quarto warns of (a reference to nothing, a missing citation, a dead
link) or says nothing about (a picture without alt text) fails the build with file and line. It is no
dialect of its own: a page that Quarto would render otherwise is a bug here.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bioimage_course.errors import InputError
from coursebook.project import Project

from .problems import BookError, Problem

__all__ = ["BookError", "Problem", "Site", "compose", "main", "render"]


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
            for name, content in self.files.items():
                path = new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            for name in sorted(self.copies):
                path = new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / name, path)
            if output.exists():
                output.replace(Path(folder) / "old")
            new.replace(output)


def compose(root: str | Path) -> Site:
    """Render the book of a project in memory.

    Parameters
    ----------
    root : path
        The folder with ``_quarto.yml``.

    Raises
    ------
    BookError
        With every mistake found, each with file and line.
    """
    from . import frame, references, settings, site, sources
    from .document import Builder

    root = Path(root).resolve()
    config = settings.read(root)
    problems: list[Problem] = []
    keys = _citation_keys(root, config.bibliography, problems)
    pages, number, letter = [], 0, 0
    for entry in config.entries:
        page = _parse(sources.read(root, entry.path), entry.appendix)
        if page.chapter_numbered and entry.path != "index.qmd":
            number, letter = number + (not entry.appendix), letter + entry.appendix
            page.number = chr(ord("A") + letter - 1) if entry.appendix else str(number)
        Builder(page, home=entry.path == "index.qmd", code_fold=config.code_fold).build()
        pages.append(page)

    labels = {}
    for page in pages:
        for label in page.labels:
            if label.name in labels:
                where = labels[label.name].page.replace(".html", ".qmd")
                page.source.problem(
                    f"the label #{label.name} is already used in {where}.", label.name, last=True
                )
            labels.setdefault(label.name, label)
    for page in pages:
        references.resolve(page, labels, keys)

    bibliography_page = next((page for page in pages if references.holds_bibliography(page)), None)
    cited = sorted({key for page in pages for key in page.citations})
    names, generated = {page.path for page in pages}, {f for page in pages for f in page.source.files}
    written = {}
    shell = frame.template()
    records, glossary = [], ""
    for page in pages:
        body = references.with_bibliography(page, bibliography_page, cited, config, root)
        if page.href.endswith("glossary.html"):
            glossary = body
        records += frame.search_records(page, body)
        text = frame.page_html(page, body, pages, config, shell)
        written[page.href] = site.scan(page, text, names, generated | set(frame.SCRIPTS), root)
    site.check(pages, written)
    scripts = (frame.script(), frame.search_script(records), frame.glossary_script(glossary))

    problems += [problem for page in pages for problem in page.source.problems]
    if problems:
        raise BookError(problems)
    files: dict[str, str | bytes] = {href: found.html for href, found in written.items()}
    for page in pages:
        files.update(page.source.files)
    files.update(zip(frame.SCRIPTS, scripts, strict=True))
    if config.site_url:
        files["sitemap.xml"] = frame.sitemap(pages, config)
    copies = {config.image} if config.image else set()
    copies |= {name for found in written.values() for name in found.files}
    for pattern in config.resources:
        copies |= {p.relative_to(root).as_posix() for p in root.glob(pattern) if p.is_file()}
    return Site(root, files, copies, [page.href for page in pages])


def render(root: str | Path, output: str | Path) -> Site:
    """Render the book of `root` into the folder `output` and return what was written."""
    site = compose(root)
    site.write(Path(output))
    return site


def _citation_keys(root, bibliographies, problems) -> set[str]:
    from . import pandoc

    keys: set[str] = set()
    for name in bibliographies:
        text = (root / name).read_text(encoding="utf-8")
        seen: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            entry = re.match(r"\s*@(\w+)\s*\{\s*([^,\s]+)\s*,", line)
            if entry and entry[1].lower() not in ("comment", "string", "preamble"):
                if entry[2] in seen:
                    problems.append(
                        Problem(name, number, f"{entry[2]} was already defined in line {seen[entry[2]]}.")
                    )
                seen.setdefault(entry[2], number)
        try:
            keys |= pandoc.citation_keys(root / name)
        except pandoc.PandocError as error:
            line = re.search(r"line (\d+)", str(error))
            raise BookError(
                [Problem(name, int(line[1]) if line else 0, str(error).splitlines()[-1])]
            ) from None
    return keys


def _parse(source, appendix):
    import io

    import panflute as pf

    from . import pandoc
    from .model import Page, title_of

    text, warnings = pandoc.run(source.text, f"--from={pandoc.READER}", "--to=json")
    for warning in warnings:
        line = re.search(r"line (\d+)", warning)
        source.problem(f"pandoc says: {warning}", line=int(line[1]) if line else None)
    page = Page(source, "", appendix, pf.load(io.StringIO(text)))
    heading = title_of(page.doc)
    page.chapter_numbered = heading is None or "unnumbered" not in heading.classes
    return page


def main(argv: list[str] | None = None) -> int:
    """``course preview``: render the book with the built-in renderer."""
    parser = argparse.ArgumentParser(
        prog="course preview",
        description="Render the book with the built-in preview renderer (no Quarto needed).",
    )
    parser.add_argument(
        "--output", type=Path, help="folder to write to (default: _book in the course's folder)"
    )
    parser.add_argument("--root", type=Path, help="folder of the course (default: the one around here)")
    options = parser.parse_args(argv)
    started = time.perf_counter()
    root = options.root or Project.find().root
    output = options.output or root / "_book"
    try:
        site = render(root, output)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    index = (output / "index.html").resolve()
    seconds = time.perf_counter() - started
    print(f"{len(site.pages)} pages with the preview renderer in {seconds:.1f} s\nOpen {index} in a browser.")
    return 0
