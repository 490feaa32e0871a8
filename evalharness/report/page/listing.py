"""Pages over many runs: the list of records, a comparison, and what to say where there is neither."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from evalharness.report.html import escaped, isolated, render_html
from evalharness.report.notes import counted
from evalharness.report.page.markup import scrolled
from evalharness.report.page.page import document
from evalharness.report.table import ScoreCell, Table
from evalharness.report.tables.systems import best_first, scored_metrics, standings
from evalharness.runs.view import RunView

_HEADS = (
    "Compare",
    "Record",
    "Begun",
    "State",
    "Test set",
    "Segments",
    "Systems",
    "Metrics",
    "Best by the first metric",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    """A row of the list. `wrong` is None for a complete record; of a damaged one hardly more than its name is known."""

    name: str
    created: str | None = None
    testset: str | None = None
    n_segments: int | None = None
    systems: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    best: str | None = None
    state: str = "complete"
    wrong: str | None = None


def listed(name: str, run: RunView, *, decimals: int) -> ListedRun:
    """What the list says of a record that can be read."""
    if (wrong := _unaddressable(name)) is not None:
        return ListedRun(name=name, state="damaged", wrong=wrong)
    plan = run.plan
    is_complete = run.is_complete
    return ListedRun(
        name=name,
        created=plan.created,
        testset=f"{plan.testset.name} {plan.testset.language_pair}".strip(),
        n_segments=plan.testset.n_segments,
        systems=tuple(system.name for system in plan.systems),
        metrics=tuple(metric.heading for metric in plan.metrics),
        best=_best(run, decimals) if run.is_whole else None,
        state="complete" if is_complete else "incomplete",
        wrong=None
        if run.is_whole
        else "The run did not come to its end (no done.json that can be read). Give its command again: it goes on.",
    )


def run_address(name: str) -> str:
    """Where the page of a record is; for a name that is not UTF-8 an address nobody answers, but no error."""
    return f"/runs/{quote(name, safe='', errors='surrogateescape')}/"


def list_page(folder: str, runs: Sequence[ListedRun], *, order: str) -> str:
    """Records as a form that asks for a comparison; `order` says how they are sorted."""
    orders = {"newest": "newest first", "oldest": "oldest first", "name": "by name"}
    links = " · ".join(
        f"<b>{said}</b>" if name == order else f'<a href="/?order={name}">{said}</a>' for name, said in orders.items()
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    rows = "".join(_row(run) for run in runs)
    caption = counted(len(runs), "record")
    table = f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    form = (
        f"<p>{links}</p><form action='/compare' method='get'>{scrolled(table, label=caption)}"
        '<p><button type="submit">Compare the chosen runs</button></p></form>'
    )
    nothing = "<p>There is no record in this folder. <code>evalharness run</code> makes one.</p>"
    return _page(f"Runs in {folder}", form if runs else nothing)


def comparison_page(names: Sequence[str], tables: Iterable[Table], warnings: Iterable[str]) -> str:
    """Tables over the systems of several records, after what was to be said of them."""
    compared = ", ".join(f'<a href="{run_address(name)}">{isolated(name)}</a>' for name in names)
    said = "".join(f'<p role="note">{escaped(warning)}</p>' for warning in warnings)
    sections = "".join(f"<section>{scrolled(render_html(table), label=table.caption)}</section>" for table in tables)
    return _page("Comparison of runs", f"<p>{compared}</p>{said}{sections}")


def error_page(heading: str, message: str) -> str:
    """One message, and the way back."""
    return _page(heading, f'<p role="alert">{escaped(message)}</p>')


def _page(heading: str, content: str) -> str:
    return document(
        title=heading,
        body=(
            f'<body data-source="none"><header><h1>{escaped(heading)}</h1><p><a href="/">All runs</a></p></header>'
            f'<main><div id="overview">{content}</div></main></body>'
        ),
        is_served=True,
    )


def _row(run: ListedRun) -> str:
    name = isolated(run.name)
    is_complete = run.wrong is None
    # The value is sent back, so it is the name itself, whatever it hides.
    value = html.escape(run.name, quote=True)
    box = f'<input type="checkbox" name="run" value="{value}" aria-label="Compare {escaped(run.name)}">'
    state = run.state if is_complete else f"<strong>{run.state}</strong>: {escaped(run.wrong or '')}"
    cells = (
        f'<span class="whole">{escaped(_minute(run.created))}</span>',
        state,
        f'<span class="whole">{isolated(run.testset or "")}</span>',
        "" if run.n_segments is None else str(run.n_segments),
        f'<span title="{escaped(", ".join(run.systems))}">{len(run.systems)}</span>' if run.systems else "",
        escaped(", ".join(run.metrics)),
        isolated(run.best or ""),
    )
    linked = f'<a href="{run_address(run.name)}">{name}</a>' if is_complete else name
    return (
        f'<tr><td>{box if is_complete else ""}</td><th scope="row">{linked}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    )


def _minute(created: str | None) -> str:
    """`2026-11-25 14:39`, in the time zone of the record, UTC."""
    return (created or "")[:16].replace("T", " ")


def _unaddressable(name: str) -> str | None:
    """Why no address leads to a folder of this name; None where one does."""
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "its name is not UTF-8. Rename the folder."
    if any(character < " " for character in name):
        return "its name holds a control character. Rename the folder."
    return None


def _best(run: RunView, decimals: int) -> str | None:
    """`polished, BLEU 19.7`; None where nothing is scored."""
    metrics = scored_metrics(run)
    if not metrics:
        return None
    first = metrics[0]
    name = best_first(run, first)[0]
    score = standings(run)[name, first.name].score
    if score is None:
        return None
    shown = ScoreCell(score=score, display_factor=first.display_factor, decimals=decimals).shown()
    return f"{name}, {first.heading} {shown}"
