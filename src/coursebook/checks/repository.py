"""Rules about the repository: configuration, generated files, saved outputs, checkpoints, what it names."""

import re
from pathlib import Path

from coursebook import execute, generated, notebooks
from coursebook.book.findings import Finding, line_of, nearest
from coursebook.book.reader import Book
from coursebook.checks.table import lines_of, of_reader, rule, sources_of
from coursebook.project import slug

LARGEST_CHECKPOINT, LARGEST_TOTAL = 10e6, 40e6
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/~-])/(?:home|Users)/\w+|\b[A-Za-z]:\\+Users\\")
INDEX_ADDRESS = re.compile(
    r"https?://[^\s\"']*/simple\b|\bindex-url\b|--(?:hash-)?find-links\b|https?://\S+\.(?:whl|tar\.gz)\b"
)
INDEX_PAGE = re.compile(r"https?://[\w.-]+/project/[\w.-]+")
COLAB = re.compile(
    r"https://colab\.research\.google\.com/github/([^/\s]+/[^/\s]+)/blob/[^/\s]+/([^\s)\"'>\]]+)"
)
QUARTO_KEYS = {
    "": "project book lang bibliography csl format execute crossref filters website",
    "project": """
        type output-dir render resources pre-render post-render execute-dir preview
    """,
    "book": """
        title subtitle author date description chapters appendices references repo-url repo-actions
        repo-branch site-url search page-navigation sidebar navbar page-footer favicon cover-image
        image image-alt twitter-card reader-mode back-to-top-navigation open-graph
    """,
    "format": "html",
    "format.html": """
        theme css html-math-method toc toc-depth toc-title number-sections number-depth code-copy
        code-fold code-overflow link-external-newwindow link-external-icon lang include-in-header
        include-before-body include-after-body highlight-style minimal embed-resources citations-hover
        footnotes-hover crossrefs-hover anchor-sections section-divs lightbox notebook-links
        smooth-scroll fig-cap-location tbl-cap-location email-obfuscation
    """,
}


@rule("_quarto.yml: known keys, existing files, all pages listed once, formulas as MathML")
def quarto_yml(book: Book):
    yield from of_reader(book, "quarto-yml")
    text = (book.root / "_quarto.yml").read_text(encoding="utf-8")

    def finding(word: str, message: str, mend: str = "") -> Finding:
        before = re.split(rf"(?<!\w){re.escape(word)}", text, maxsplit=1)
        return Finding("_quarto.yml", before[0].count("\n") + 1 if before[1:] else 1, message, mend=mend)

    config = book.project.quarto
    for where, words in QUARTO_KEYS.items():
        known = set(words.split())
        section: dict | None = config
        for key in filter(None, where.split(".")):
            section = section.get(key) if isinstance(section, dict) else None
        for key in section if isinstance(section, dict) else ():
            if key not in known:
                message = f"unknown key {key!r}{' in ' + where if where else ''}"
                yield finding(f"{key}:", message, nearest(key, known))
    listed = book.project.pages()
    html = (config.get("format") or {}).get("html") or {}
    for path in sorted([*book.root.glob("*.qmd"), *book.root.glob("book/*.qmd")]):
        page = book.project.relative(path)
        if page not in listed and not path.name.startswith("_"):
            yield Finding(page, 1, "_quarto.yml does not list this page")
    if html.get("html-math-method") != "mathml":
        yield finding("html-math-method", "html-math-method must be mathml: the others load a script")


@rule("badges and addresses of the repository agree with repo-url in _quarto.yml")
def badges(book: Book):
    own = slug(book.project.repo_url)
    names = ["README.md", "CONTRIBUTING.md", "CITATION.cff", *sorted(page.path for page in book.manuscripts)]
    names += [book.project.relative(path) for path in sorted(book.root.glob("book/_generated/*.md"))]
    for name in names:
        for number, text in lines_of(book.root / name):
            for found, notebook in COLAB.findall(text):
                if found != own:
                    yield Finding(name, number, f"the badge points at {found}, repo-url says {own}")
                elif not (book.root / notebook).is_file():
                    yield Finding(name, number, f"the badge opens {notebook}, which does not exist")
            code = re.match(r"repository-code:\s*[\"']?([^\s\"']+)", text)
            if code and code[1].rstrip("/") != book.project.repo_url:
                yield Finding(name, number, f"repository-code is not repo-url ({book.project.repo_url})")


@rule("generated files are what their sources make")
def generated_files(book: Book):
    yield from generated.out_of_step(book.project)


@rule("notebooks with solutions are executed, from the code that their source has now")
def executed_notebooks(book: Book):
    records = execute.read_timings(book.project)
    for source in sources_of(book):
        file = notebooks.solution_file(source)
        record = records.get(source.name)
        if record is None or not (book.root / file).is_file():
            yield Finding(source.file, 1, f"never executed; run `course notebooks --only {source.chapter}`")
        elif record["cells"] != notebooks.cells_hash(source):
            message = f"executed from other code; run `course notebooks --only {source.chapter}`"
            yield Finding(source.file, 1, message)


@rule("saved outputs hold no error, no unexpected stderr and no path of anybody's machine")
def saved_outputs(book: Book):
    private = [str(book.root), str(Path.home())]
    for path in sorted(book.root.glob("notebooks/**/*.ipynb")):
        file = book.project.relative(path)
        for cell in book.notebook(file)["cells"]:
            tags = cell["metadata"].get("tags", [])
            for output in cell.get("outputs", []):
                text = execute.output_text({**output, "text": "".join(output.get("text", ""))})
                found = [f"the saved output names {leak}" for leak in execute.leaked_paths(text, private)]
                if output["output_type"] == "error" and "raises-exception" not in tags:
                    found.append(f"a saved error: {output['ename']}: {output['evalue']}")
                if output.get("name") == "stderr" and "stderr-ok" not in tags:
                    found.append("saved stderr in a cell that is not tagged stderr-ok")
                for message in found:
                    line = line_of(path.read_text(encoding="utf-8"), f'"id": "{cell["id"]}"')
                    yield Finding(file, line or 1, message)


@rule(
    "no committed text names a folder of somebody's machine or a page of a package index, no requirements one"
)
def no_machine_names(book: Book):
    folders = [str(folder) for folder in (book.root, Path.home()) if len(folder.parts) > 2]
    for path in _texts(book.root):
        file = book.project.relative(path)
        pins = file.startswith("requirements/") or file in ("pyproject.toml", "environment.yml")
        for number, text in lines_of(path):
            found = ABSOLUTE_PATH.search(text)
            named = found[0] if found else next((folder for folder in folders if folder in text), None)
            if named:
                yield Finding(file, number, f"names a folder of a machine: {named}")
            if page := INDEX_PAGE.search(text):
                message = f"links to a page of a package index: {page[0]}"
                yield Finding(file, number, message, mend="name the package, or link to its repository")
            if pins and (address := INDEX_ADDRESS.search(text)):
                yield Finding(file, number, f"names a package index: {address[0]}")


def _texts(root: Path) -> list[Path]:
    """Return the text files that readers get: not the workshop, not the tests."""
    patterns = ["*.md", "*.yml", "*.toml", "*.cff", "*.qmd", "Makefile", "requirements/*", "book/**/*"]
    patterns += ["notebooks/sources/*", "notebooks/*.json", "src/bioimage_course/**/*", ".github/**/*"]
    endings = {".md", ".yml", ".yaml", ".toml", ".cff", ".qmd", ".txt", ".lock", ".in", ".json", ".bib"}
    endings |= {".py", ".css", ".js", ".svg", ".html", ""}
    paths = {path for pattern in patterns for path in root.glob(pattern) if path.suffix in endings}
    return sorted(path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096])


@rule("checkpoints: at most 10 MB each and 40 MB together, each with a card that says where it comes from")
def checkpoints(book: Book):
    folder = book.root / "src" / "bioimage_course" / "weights"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    total = sum(path.stat().st_size for path in files)
    if total > LARGEST_TOTAL:
        where = book.project.relative(files[0])
        yield Finding(where, 1, f"the checkpoints take {total / 1e6:.1f} MB together; 40 are allowed")
    texts = {".json", ".md", ".py", ".txt", ".yml", ".csv"}
    for path in files:
        file = book.project.relative(path)
        size = path.stat().st_size
        if size > LARGEST_CHECKPOINT:
            yield Finding(file, 1, f"{size / 1e6:.1f} MB; a checkpoint has at most 10")
        if path.suffix in texts:
            continue
        cards = [path.with_suffix(".md")]
        if path.parent != folder:
            cards += [path.parent / name for name in ("README.md", "card.md", "CARD.md")]
        if not any(card.is_file() for card in cards):
            wanted = book.project.relative(cards[min(1, len(cards) - 1)])
            yield Finding(file, 1, f"no card {wanted}: data, seed, minutes, score, licence")
