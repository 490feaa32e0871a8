"""What a page says of its run without any script: results, what they mean, problems, settings, signatures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from evalharness.report.html import escaped, isolated, render_html
from evalharness.report.notes import compared, counted, of_testset
from evalharness.report.page.markup import scrolled
from evalharness.report.settings import ReportSettings
from evalharness.report.tables import build_table
from evalharness.report.tables.ranks import parting
from evalharness.report.tables.systems import headings, scored_metrics
from evalharness.runs.plan import Plan
from evalharness.runs.view import RunView


def header(run: RunView) -> str:
    """Name, test set, when and by what the run was made."""
    plan = run.plan
    facts = [
        isolated(of_testset(plan.testset)),
        counted(len(compared(run)), "system"),
        *([counted(len(plan.systems), "run")] if any(system.group for system in plan.systems) else []),
        f'begun <time datetime="{escaped(plan.created)}">{escaped(plan.created)}</time>',
        f"evalharness {escaped(_version(plan))}",
    ]
    return f"<h1>{isolated(run.folder.resolve().name)}</h1><p>{' · '.join(facts)}</p>"


def overview(run: RunView, settings: ReportSettings) -> str:
    """The sections of the overview."""
    problems = run.problem_lines
    sections = [
        _section("results", "Results", _table("systems", run, settings) + _ranks(run, settings)),
        _section("meaning", "What the numbers mean", _meanings(run)),
    ]
    if problems is not None:
        sections.append(_section("problems", "Problems of hypotheses", _table("problems", run, settings)))
    if run.finding_lines is not None:
        sections.append(_section("findings", "Findings in the texts", _table("findings", run, settings)))
    sections += [
        _section("signatures", "Systems and signatures", _signatures(run)),
        _section("settings", "Settings", _settings(run.plan)),
        _section("cite", "How to cite", _citation(run)),
    ]
    return "".join(sections)


def _section(name: str, heading: str, content: str) -> str:
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading"><h2 id="{name}-heading">{heading}</h2>'
        f"{content}</section>"
    )


def _table(name: str, run: RunView, settings: ReportSettings) -> str:
    table = build_table(name, run, settings)
    if not table.rows:
        return _items(map(escaped, table.notes))
    return scrolled(render_html(table), label=table.caption)


def _ranks(run: RunView, settings: ReportSettings) -> str:
    if not run.rank_lines:
        return ""
    return f"<details><summary>Ranks and clusters</summary>{_table('ranks', run, settings)}</details>"


def _meanings(run: RunView) -> str:
    """A line for each thing a reader of the results table asks about."""
    metrics = scored_metrics(run)
    heads = headings(metrics)
    said = []
    for metric in metrics:
        better = "higher is better" if metric.higher_is_better else "lower is better"
        scale = "" if metric.display_factor == 1 else f"; shown times {metric.display_factor:g}"
        remark = "" if metric.remark is None else f": {metric.remark}"
        said.append(f"{heads[metric.name]}: {better}{scale}{remark}")
    if metrics:
        said.append(
            "Scores are of the whole test set, on each metric's own scale; those of two metrics, two test sets or two "
            "signatures are not comparable."
        )
    if any(line.p is not None for line in run.comparison_lines):
        said.append(
            "A p-value is how often a difference as large would come about by chance, were the systems equal. Systems "
            "that the test does not tell apart need not be equal: the test set may be too small."
        )
    if run.rank_lines:
        said.append(
            "A range of ranks holds every rank that the tests leave open to a system. One system beats another where "
            f"it is significantly better. {parting(run)}"
        )
    gaps = sum(line.n_missing for line in run.score_lines)
    if gaps:
        said.append(f"{counted(gaps, 'segment score')} could not be computed; scores are over the others.")
    said += [f"{metric.heading}: not scored. {metric.unavailable}" for metric in run.plan.metrics if metric.unavailable]
    return _items(escaped(sentence) for sentence in said)


def _signatures(run: RunView) -> str:
    plan = run.plan
    heads = headings(plan.metrics)
    metrics = [
        (isolated(heads[metric.name]), f"<code>{escaped(metric.signature or 'not scored')}</code>")
        for metric in plan.metrics
    ]
    systems = [
        (
            isolated(system.name),
            isolated(system.group) if system.group is not None else "",
            isolated(system.provenance),
            f"<code>{escaped(system.signature)}</code>",
        )
        for system in plan.systems
    ]
    has_groups = any(system.group is not None for system in plan.systems)
    if not has_groups:
        systems = [(name, provenance, signature) for name, _, provenance, signature in systems]  # type: ignore[misc]
    heads_of_systems = ("System", *(["Run of"] if has_groups else []), "Where it comes from", "Signature")
    return _grid("Metrics", ("Metric", "Signature"), metrics) + _grid("Systems", heads_of_systems, systems)


def _settings(plan: Plan) -> str:
    testset = plan.testset
    facts = {
        "Test set": of_testset(testset),
        "Where it comes from": testset.provenance,
        "References": "varies" if testset.n_references is None else str(testset.n_references),
        "Fingerprint": testset.fingerprint,
        "Identity of the run": plan.identity,
        "Commit": plan.git or "none: not made in a checkout",
        "Versions": ", ".join(f"{name} {version}" for name, version in plan.versions.items()),
        "Machine": ", ".join(f"{name} {value}" for name, value in plan.machine.items()),
    }
    listed = "".join(f"<dt>{name}</dt><dd>{isolated(value)}</dd>" for name, value in facts.items())
    settings = escaped(json.dumps(plan.settings, ensure_ascii=False, indent=1))
    return f"<dl>{listed}</dl><details><summary>All settings</summary><pre>{settings}</pre></details>"


def _citation(run: RunView) -> str:
    plan = run.plan
    metrics = scored_metrics(run)
    heads = headings(metrics)
    signatures = "; ".join(f"{heads[metric.name]} {metric.signature}" for metric in metrics)
    text = (
        f"Scores on {of_testset(plan.testset)} (fingerprint {plan.testset.fingerprint[:8]}), computed with evalharness "
        f"{_version(plan)}" + (f": {signatures}." if signatures else ".")
    )
    return (
        "<p>Give signatures with scores; without them nobody can compare. Cite the papers of the metrics and of the "
        f"test set beside this program.</p><blockquote>{escaped(text)}</blockquote>"
    )


def _version(plan: Plan) -> str:
    return plan.versions.get("evalharness", "of an unknown version")


def _items(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _grid(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of HTML cells, the first of each row its head."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    table = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return scrolled(table, label=caption)
