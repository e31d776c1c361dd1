"""``course preview --watch``: a server that renders a page again when it is saved, and reloads the browser.

The reloading script is put in only when a page is served; the files stay as they were rendered.
"""

import functools
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bioimage_course.errors import CourseError

WATCHED = ("*.qmd", "*.yml", "book/**/*", "notebooks/solutions/*.ipynb", "src/bioimage_course/explore/js/*")
VERSION = "/__version"
RELOAD = f"""<script>
"use strict";
(() => {{
  let seen = null;
  const ask = () => fetch("{VERSION}").then((answer) => answer.text()).then((version) => {{
    if (seen !== null && version !== seen) location.reload();
    seen = version;
  }}, () => {{}}).finally(() => setTimeout(ask, 500));
  ask();
}})();
</script>
"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the rendered book; pages ask for the number of the last rendering and reload when it grows."""

    server: "Server"

    def do_GET(self):
        """Answer with a page and the reloading script, the version, or a file."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if self.path == VERSION:
            self._answer(str(self.server.version), "text/plain")
        elif path.suffix == ".html" and path.is_file():
            page = path.read_text(encoding="utf-8")
            self._answer(page.replace("</body>", f"{RELOAD}</body>"), "text/html")
        else:
            super().do_GET()

    def _answer(self, text: str, kind: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *values):
        """Say nothing: the terminal shows what was rendered."""


class Server(ThreadingHTTPServer):
    """The server of a rendered book; `version` grows with each rendering."""

    version = 0
    daemon_threads = True


def changed(root: Path, before: dict[Path, float]) -> tuple[dict[Path, float], set[Path]]:
    """Return the times of the watched files, and which of them are not as `before`."""
    now = {}
    for pattern in WATCHED:
        for path in root.glob(pattern):
            try:
                now[path] = path.stat().st_mtime
            except OSError:  # an editor is just replacing it
                continue
    return now, {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}


def page_of(root: Path, paths: set[Path]) -> str:
    """Return the one chapter that changed files belong to, or "" where all pages must be rendered."""
    names = {path.name[:2] for path in paths if path.parent.name in ("book", "_generated", "solutions")}
    alone = all(path.suffix in (".qmd", ".md", ".ipynb") and path.name[:2].isdigit() for path in paths)
    chapter = names.pop() if alone and len(names) == 1 else ""
    return chapter if chapter and list(root.glob(f"book/{chapter}-*.qmd")) else ""


def serve(root: Path, output: Path, only: str = "", port: int = 0, rounds: float = float("inf")) -> int:
    """Render, serve and watch until Ctrl-C (or for `rounds` looks at the files)."""
    from . import show

    times, _ = changed(root, {})
    show(root, output, only)
    with Server(("127.0.0.1", port), functools.partial(Handler, directory=str(output))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"Watching; read at http://127.0.0.1:{server.server_port}/ and stop with Ctrl-C.", flush=True)
        try:
            while rounds > 0:
                rounds -= 1
                time.sleep(0.3)
                times, paths = changed(root, times)
                if paths:
                    try:
                        show(root, output, page_of(root, paths))
                    except CourseError as error:
                        print(error, flush=True)
                    server.version += 1
        except KeyboardInterrupt:
            print("\nstopped")
        finally:
            server.shutdown()
    return 0
