"""The page of a run as one HTML document: with everything in it, or for a server that has the rest."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from evalharness.errors import MissingError
from evalharness.report.html import escaped
from evalharness.report.page.content import RunContent, embedded_parts
from evalharness.report.page.markup import inline_script
from evalharness.report.page.overview import header, overview
from evalharness.report.settings import ReportSettings
from evalharness.runs.view import RunView
from evalharness.textio import write_text

MOST_EMBEDDED = 200_000
"""Hypotheses that one file holds, about 30 MB; of more it is the overview alone, which a browser can open."""
_BUNDLE = Path(__file__).resolve().parent / "web" / "dist"


def embedded_page(run: RunView, settings: ReportSettings) -> str:
    """The page with all its content: it needs neither a network nor other files. Of a very large run the overview."""
    plan = run.plan
    if len(plan.systems) * plan.testset.n_segments > MOST_EMBEDDED:
        return document(
            title=run.folder.resolve().name,
            body=(
                f'<body data-source="none"><header>{header(run)}</header><main><div id="overview"><p role="note">'
                f"This run has more than {MOST_EMBEDDED:,} hypotheses, too many for one file. "
                f"<code>evalharness view {escaped(str(run.folder))}</code> shows its pairs, segments and plots.</p>"
                f"{overview(run, settings)}</div></main></body>"
            ),
            is_served=False,
        )
    return _document(run, settings, embedded_parts(RunContent(run, settings)))


def served_page(run: RunView, settings: ReportSettings) -> str:
    """The page that asks a server for its content, at `content/...` below its own address."""
    return _document(run, settings, None)


def write_page(run: RunView, settings: ReportSettings) -> Path:
    """Write `report.html` of a record, in one step; its path."""
    write_text(run.paths.page, embedded_page(run, settings))
    return run.paths.page


def document(*, title: str, body: str, script: str | None = None, is_served: bool) -> str:
    """HTML that runs one script at most, loads nothing, and where it is not served asks for nothing.

    `title` is text, `body` and what it holds are HTML."""
    policy = "; ".join(content_policy(script, is_served=is_served))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<link rel="icon" href="data:,">'  # else browsers ask for /favicon.ico
        f"<title>{escaped(title)} · evalharness</title><style>{stylesheet()}</style></head>"
        f"{body}</html>\n"
    )


def content_policy(script: str | None, *, is_served: bool) -> list[str]:
    """The directives of the document's Content-Security-Policy."""
    digest = None if script is None else base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return [
        "default-src 'none'",
        *([] if digest is None else [f"script-src 'sha256-{digest}'"]),
        "style-src 'unsafe-inline'",
        "img-src data:",
        *(["connect-src 'self'"] if is_served else []),
        "base-uri 'none'",
        "form-action 'self'" if is_served and script is None else "form-action 'none'",
    ]


def stylesheet() -> str:
    """What every page of this program looks like."""
    return _bundled("page.css").replace("</", "<\\/")


def _document(run: RunView, settings: ReportSettings, parts: Iterable[tuple[str, str]] | None) -> str:
    script = inline_script(_bundled("page.js"))
    data = "".join(
        f'<script type="application/octet-stream" data-content="{escaped(name)}">{content}</script>'
        for name, content in parts or ()
    )
    source = "server" if parts is None else "embedded"
    return document(
        title=run.folder.resolve().name,
        body=(
            f'<body data-source="{source}"><header>{header(run)}</header>'
            f'<nav id="views" aria-label="Views"></nav><main><div id="app"></div>'
            f'<div id="overview">{overview(run, settings)}</div></main>'
            f"{data}<script>{script}</script></body>"
        ),
        script=script,
        is_served=parts is None,
    )


def _bundled(name: str) -> str:
    path = _BUNDLE / name
    if not path.is_file():
        raise MissingError(
            f"{path}: is not there. It ships with evalharness: install that again, or, in a checkout, build it with "
            "`make page`. Runs with report.page=false need it not."
        )
    return path.read_text(encoding="utf-8")
