"""``course set-repo-url``: give the course its public address, or a fork its own.

``repo-url`` in ``_quarto.yml`` is the only place that names the address. Made from it:

==========================  ==================================================================
``_quarto.yml``             ``site-url``: the repository's GitHub Pages
``README.md``               badges, and the address to clone from
``CITATION.cff``            ``repository-code`` and ``url``
``pyproject.toml``          ``[project.urls]``
``CHANGELOG.md``, pages     wherever they quote it
``notebooks/``              links and the set-up cell for Google Colab (by ``course notebooks``)
``book/_generated/``        the chapters' cards (by ``course notebooks``)
==========================  ==================================================================
"""

import argparse
import re
import sys

from bioimage_course.errors import InputError
from coursebook.project import Project, pages_of, slug, write_text
from coursebook.words import counted

# Files that quote the address, its "owner/name" or the address of its pages.
QUOTING = ("README.md", "CITATION.cff", "pyproject.toml", "CHANGELOG.md", "CONTRIBUTING.md", "book/*.qmd")
ADDRESS = re.compile(
    r"https://github\.com/[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"
)
SITE = re.compile(r"^(\s+site-url:\s*)(\S+)", re.MULTILINE)
SETTING = re.compile(r"^(\s+repo-url:\s*)(\S+)", re.MULTILINE)


def checked(url: str) -> str:
    """Return the address in its plain form, without a trailing slash or ``.git``.

    Raises
    ------
    InputError
        If it is not the address of a repository on GitHub, from where Colab opens notebooks.
    """
    plain = url.strip().rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(plain):
        raise InputError(
            f"{url!r} is not the address of a GitHub repository; write it as https://github.com/OWNER/NAME "
            "(Google Colab opens notebooks from GitHub only)."
        )
    return plain


def set_repo_url(project: Project, url: str) -> list[str]:
    """Write a new address into every file that quotes the old one.

    Parameters
    ----------
    project : Project
        The course.
    url : str
        ``https://github.com/OWNER/NAME``.

    Returns
    -------
    list of str
        Files that changed; none if the address was set already.

    Raises
    ------
    InputError
        If `url` is no such address, or ``_quarto.yml`` has no ``repo-url``.
    """
    url, old = checked(url), project.repo_url
    quarto = project.root / "_quarto.yml"
    before = quarto.read_text(encoding="utf-8")
    if len(SETTING.findall(before)) != 1:
        raise InputError("_quarto.yml must have exactly one line `repo-url: https://github.com/OWNER/NAME`.")
    after = SETTING.sub(lambda match: match[1] + url, before)
    texts = {"_quarto.yml": SITE.sub(lambda match: match[1] + pages_of(url), after)}
    replacements = [(old, url), (project.site_url, pages_of(url)), (slug(old), slug(url))]
    for path in (path for pattern in QUOTING for path in sorted(project.root.glob(pattern))):
        text = path.read_text(encoding="utf-8")
        for gone, come in replacements:
            text = re.sub(rf"{re.escape(gone)}(?![\w-])", come, text)  # an address holds no backslash
        texts[project.relative(path)] = text
    changed = [name for name, text in texts.items() if write_text(project.root / name, text)]
    return changed + _regenerate(Project(project.root))


def _regenerate(project: Project) -> list[str]:
    """Make cards and notebooks again, without executing anything; return the files that changed."""
    from coursebook import generated

    texts, findings = generated.expected(project)
    changed = [name for name, text in texts.items() if write_text(project.root / name, text)]
    if findings:
        raise InputError(
            f"the address is changed, but not every notebook could be made anew: {findings[0]}. "
            "Correct this, then run `course notebooks --no-execute`."
        )
    return changed


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="course set-repo-url",
        description="Change the public address of the course in _quarto.yml and everywhere it is quoted.",
    )
    parser.add_argument("url", metavar="URL", help="https://github.com/OWNER/NAME")
    options = parser.parse_args(argv)
    changed = set_repo_url(Project.find(), options.url)
    for name in changed:
        print(f"changed {name}")
    done = f"{counted(len(changed), 'file')} changed."
    print(done if changed else "Nothing to change: this is the address already.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
