"""What machines read about the course: JSON-LD for search engines and training registries.

The vocabulary is schema.org's ``LearningResource`` with the properties that Bioschemas' profile for training
materials asks for (https://bioschemas.org/profiles/TrainingMaterial/1.0-RELEASE), which TeSS and other
registries harvest. Everything is taken from ``_quarto.yml``, ``CITATION.cff`` and the notebooks' headers.
"""

import json

import yaml

from coursebook.project import Project
from coursebook.sources import Source

PROFILE = "https://bioschemas.org/profiles/TrainingMaterial/1.0-RELEASE"
TEXT_LICENCE = "https://creativecommons.org/licenses/by/4.0/"
PATHS = {"user": "beginner", "builder": "intermediate"}


def header(project: Project, sources: list[Source]) -> str:
    """Return the HTML that goes into the head of each page: one script of type ``application/ld+json``.

    Parameters
    ----------
    project : Project
    sources : list of Source
        Only those whose page is part of the book are described.
    """
    text = json.dumps(description(project, sources), indent=1, ensure_ascii=False)
    # No text of ours may end the script element early.
    return '<script type="application/ld+json">\n' + text.replace("<", "\\u003c") + "\n</script>\n"


def description(project: Project, sources: list[Source]) -> dict:
    """Return the description of the course and its chapters as schema.org terms."""
    citation = yaml.safe_load((project.root / "CITATION.cff").read_text(encoding="utf-8"))
    pages = project.pages()
    about = project.quarto["book"].get("description", project.title)
    course = _resource(f"{project.site_url}/", project.title, about)
    return course | {
        "@context": "https://schema.org/",
        "keywords": citation.get("keywords", []),
        "author": [_author(author) for author in citation.get("authors", [])],
        "version": str(citation.get("version", "")),
        "datePublished": str(citation.get("date-released", "")),
        "audience": {"@type": "EducationalAudience", "educationalRole": "life scientists, facility staff"},
        "hasPart": [_chapter(project, s) for s in sources if f"book/{s.name}.qmd" in pages],
    }


def _chapter(project: Project, source: Source) -> dict:
    about = f"Chapter of {project.title}: text, executed notebook, exercises with checks, and a quiz."
    url = f"{project.site_url}/book/{source.name}.html"
    level = PATHS["user" if "user" in source.header["paths"] else "builder"]
    return _resource(url, source.title, about) | {"educationalLevel": level}


def _author(author: dict) -> dict:
    if "family-names" in author:
        person = {
            "@type": "Person",
            "name": f"{author.get('given-names', '')} {author['family-names']}".strip(),
        }
        return person | ({"identifier": author["orcid"]} if "orcid" in author else {})
    return {"@type": "Organization", "name": author["name"]}


def _resource(url: str, name: str, about: str) -> dict:
    return {
        "@type": "LearningResource",
        "@id": url,
        "url": url,
        "http://purl.org/dc/terms/conformsTo": {"@id": PROFILE, "@type": "CreativeWork"},
        "name": name,
        "description": " ".join(about.split()),
        "license": TEXT_LICENCE,
        "inLanguage": "en-GB",
        "isAccessibleForFree": True,
        "learningResourceType": ["e-learning", "tutorial"],
    }
