"""Where a path in a page leads."""


def resolve(page: str, target: str) -> str | None:
    """Return `target` as seen from `page` as a path from the root, None if it leaves the project."""
    parts = [] if target.startswith("/") else page.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
