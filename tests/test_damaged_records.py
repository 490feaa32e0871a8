"""Records that lost something: every report of them is refused by one clear message, and nothing is written."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import Finished

import evalharness as eh
from evalharness.config import build_stats, recorded_metric
from evalharness.errors import RecordError
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.report.tables import table_names
from evalharness.workflows.view import Viewer

LINES = ("scores.csv", "comparisons.csv", "ranks.csv", "slices.csv", "problems.csv", "replicates.csv", "guarded.csv")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record with every derived file but AutoRank's."""
    folder = tmp_path_factory.mktemp("whole")
    words = [f"word{n} of the day {n % 4} x" for n in range(12)]
    outputs = {f"mine-seed{seed}": [word if (n + seed) % 3 else "" for n, word in enumerate(words)] for seed in (1, 2)}
    outputs["other"] = [word.upper() if n % 2 else word for n, word in enumerate(words)]
    (folder / "hyp").mkdir()
    for name, lines in outputs.items():
        (folder / "hyp" / f"{name}.en").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    segments = tuple(
        Segment(id=f"s{n}", source="源" * (n + 1), references=(word,), document=f"d{n // 4}")
        for n, word in enumerate(words)
    )
    run = eh.evaluate(
        testset=TestSet(name="whole", language_pair=LanguagePair.parse("zh-en"), segments=segments),
        metrics=["bleu", "chrf"],
        results=folder / "results",
        overrides=[
            "cache=false", "systems=[folder]", f"systems.folder.path={folder / 'hyp'}",
            "systems.folder.group_by='*-seed*'", "outputs.guarded=true",
        ],
    )  # fmt: skip
    return run.folder


@pytest.fixture
def record(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "records" / whole.name))


def halved(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[: 1 + len(lines) // 2]), encoding="utf-8")


def renamed(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("mine", "yours"), encoding="utf-8")


def not_numbers(path: Path) -> None:
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[0] = re.sub(r"(?<=,)-?\d+\.\d+(?=,)", "nan", lines[0])
    path.write_text("".join([header, *lines]), encoding="utf-8")


def shuffled(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def hole(path: Path) -> None:
    """Another byte in the middle of a column."""
    metadata = pq.ParquetFile(path).metadata.row_group(0)
    chunks = [metadata.column(number) for number in range(metadata.num_columns)]
    (chunk,) = [one for one in chunks if one.path_in_schema == "hypothesis"]
    content = bytearray(path.read_bytes())
    content[chunk.data_page_offset + chunk.total_compressed_size // 4] ^= 1
    path.write_bytes(bytes(content))


HARMS: list[tuple[str, Callable[[Path], object]]] = [
    *((name, harm) for name in LINES for harm in (halved, renamed, Path.unlink)),
    ("findings.csv", Path.unlink),
    ("comparisons.csv", not_numbers), ("scores.csv", not_numbers),
    *(("segments.parquet", harm) for harm in (shuffled, cut, hole, Path.unlink)),
]  # fmt: skip


def test_the_record_has_every_file(whole: Path) -> None:
    counts = json.loads((whole / "done.json").read_text(encoding="utf-8"))["n_lines"]
    assert set(counts) == {*LINES, "findings.csv"}
    for name, n_lines in counts.items():
        assert len((whole / name).read_text(encoding="utf-8").splitlines()) == n_lines + 1


@pytest.mark.parametrize(("name", "harm"), HARMS, ids=lambda one: getattr(one, "__name__", one))
def test_what_is_drawn_from_a_damaged_file_is_refused(
    record: Path, name: str, harm: Callable[[Path], object], command: Callable[..., Finished]
) -> None:
    """By one message that names the file; what another file holds is drawn as before."""
    before = {path.name: path.read_bytes() for path in record.glob("*") if path.is_file()}
    tables = {table: command("report", str(record), "--table", table).out for table in table_names()}
    harm(record / name)
    n_refused = 0
    for table, text in tables.items():
        for kind in ("text", "json"):
            finished = command("report", str(record), "--table", table, "-f", kind)
            if finished.code == 0:
                assert kind == "json" or finished.out == text, table
            else:
                assert (finished.code, finished.out) == (2, "")
                assert re.fullmatch(rf"evalharness: .*{re.escape(name)}\S* .*\n", finished.err), finished.err
                n_refused += 1
    assert n_refused > 0
    page = command("report", str(record), "--page")
    if page.code == 0:
        assert (record / "report.html").read_bytes() == before["report.html"]
    else:
        assert name in page.err
        assert "went wrong" not in page.err
    figures = command("report", str(record), "--figures", "-f", "svg")
    assert figures.code == 0 or name in figures.err
    served = Viewer(record.parent, build_stats, recorded_metric)
    answers = [served.answer(target) for target in ("/", f"/runs/{record.name}/", f"/runs/{record.name}/content/run")]
    assert answers[0].status == 200
    assert answers[1].status >= answers[2].status  # no page without its content
    assert answers[1].status in (200, 409)
    assert all(answer.status == 200 or name.encode() in answer.content for answer in answers)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_nothing_is_drawn_of_a_run_that_is_not_complete(
    record: Path, content: str | None, command: Callable[..., Finished]
) -> None:
    (record / "done.json").unlink()
    if content is not None:
        (record / "done.json").write_text(content, encoding="utf-8")
    for words in (["--table", "all"], ["--table", "findings", "-f", "csv"], ["--figures"], ["--page"]):
        finished = command("report", str(record), *words)
        assert (finished.code, finished.out) == (2, "")
        assert "is not complete" in finished.err


def test_a_record_of_an_earlier_version_shows_what_it_has(record: Path, command: Callable[..., Finished]) -> None:
    """Before slices, problems and findings, flags and original languages, and the numbers of lines."""
    done = json.loads((record / "done.json").read_text(encoding="utf-8"))
    (record / "done.json").write_text(json.dumps({key: done[key] for key in ("finished", "n_scores", "n_missing")}))
    for name in ("slices.csv", "problems.csv", "findings.csv", "guarded.csv"):
        (record / name).unlink()
    table = pq.read_table(record / "segments.parquet")
    pq.write_table(table.drop_columns(["flags", "original_language"]), record / "segments.parquet")
    for name in table_names():
        finished = command("report", str(record), "--table", name)
        if name in ("slices", "findings"):
            assert finished.code == 2
            assert "the command of the run" in finished.err
        else:
            assert finished.code == 0, finished.err
    assert command("report", str(record), "--page").code == 0
    assert command("report", str(record), "--figures", "-f", "svg").code == 0
    plan = (record / "plan.json").read_text(encoding="utf-8")
    (record / "plan.json").write_text(plan.replace('"schema": 1', '"schema": 2'), encoding="utf-8")
    with pytest.raises(RecordError, match="reads schema 1"):
        eh.open_run(record).table()
