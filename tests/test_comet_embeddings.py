"""Embeddings on disk: of limited size, shared by processes, and never a wrong one or a failed run."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from evalharness.folders import open_database
from evalharness.metrics.comet import embeddings
from evalharness.metrics.comet.embeddings import Embeddings, EmbeddingStore, Floats32

MEGABYTE = 1 << 20
FILE = "embeddings-2.sqlite"


def embedding(seed: int) -> Floats32:
    return np.random.default_rng(seed).standard_normal(256, dtype=np.float32)


def opened(folder: Path, *signature: str, limit_bytes: int = MEGABYTE) -> Embeddings:
    return Embeddings(signature or ("model",), EmbeddingStore(folder, limit_bytes=limit_bytes))


def test_what_was_put_is_had_again_bit_for_bit(tmp_path: Path) -> None:
    texts = {"": embedding(1), "郑州 \ud800": embedding(2)}
    opened(tmp_path).put(texts)
    found = opened(tmp_path).get(["", "郑州 \ud800", "another"])
    assert found.keys() == texts.keys()
    for text, expected in texts.items():
        assert np.array_equal(found[text], expected)


def test_more_texts_than_one_query_may_name(tmp_path: Path) -> None:
    texts = {f"text {index}": embedding(index) for index in range(1201)}
    opened(tmp_path, limit_bytes=4 * MEGABYTE).put(texts)
    assert opened(tmp_path, limit_bytes=4 * MEGABYTE).get(list(texts)).keys() == texts.keys()


@pytest.mark.parametrize("position", range(4))
def test_nothing_is_had_under_another_signature(tmp_path: Path, position: int) -> None:
    signature = ["1", "sha256 of the weights", "fp32", "cpu"]
    opened(tmp_path, *signature).put({"text": embedding(1)})
    assert "text" in opened(tmp_path, *signature).get(["text"])
    signature[position] += "'"
    assert opened(tmp_path, *signature).get(["text"]) == {}


def test_the_limit_is_held_by_what_was_used_longest_ago(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, limit_bytes=MEGABYTE)
    for index in range(300):  # 3 MB in all, 10 KB at a time
        store.put({f"key {index}": bytes([index % 256]) * 10_000})
        assert store.get(["key 0"]), f"the one that is used all the time was deleted by the {index}th"
    found = store.get([f"key {index}" for index in range(300)])
    assert list(found) == ["key 0", *(f"key {index}" for index in range(301 - len(found), 300))]
    # At 10 KB for each and some pages besides, not a tenth less than nine tenths of the limit.
    assert 80 <= len(found) <= 105
    store.close()
    # A file keeps the pages that were freed, which is at most what one put adds.
    assert (tmp_path / FILE).stat().st_size <= MEGABYTE + 40_000


def test_one_put_of_more_than_the_limit(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, limit_bytes=MEGABYTE)
    store.put({f"key {index}": bytes(10_000) for index in range(300)})
    assert 80 <= len(store.get([f"key {index}" for index in range(300)])) <= 105


def test_a_lower_limit_holds_from_the_next_put_on(tmp_path: Path) -> None:
    EmbeddingStore(tmp_path, limit_bytes=2 * MEGABYTE).put({f"key {index}": bytes(10_000) for index in range(150)})
    store = EmbeddingStore(tmp_path, limit_bytes=MEGABYTE // 2)
    store.put({"new": bytes(10_000)})
    found = store.get(["new", *(f"key {index}" for index in range(150))])
    assert "new" in found
    assert len(found) <= 50


@pytest.mark.parametrize("content", [b"no database at all, " * 100, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database_is_said_once(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="evalharness"):
        store = opened(tmp_path)
        for index in range(3):
            store.put({f"text {index}": embedding(index)})
            assert store.get(["text 0", "none"]).keys() == {"text 0"}  # from memory
    assert len(caplog.messages) == 1
    assert f"{tmp_path / FILE}: embeddings cannot be kept" in caplog.messages[0]


def test_a_database_damaged_inside_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = EmbeddingStore(tmp_path, limit_bytes=MEGABYTE)
    store.put({f"key {index}": bytes(2000) for index in range(100)})
    store.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (tmp_path / FILE).write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="evalharness"):
        store = EmbeddingStore(tmp_path, limit_bytes=MEGABYTE)
        for _ in range(2):
            assert store.get(["key 1"]) == {}
            store.put({"key 2": b"x"})
    assert len(caplog.messages) == 1
    assert "embeddings cannot be kept" in caplog.messages[0]


@pytest.mark.parametrize("damage", ["flipped", "shortened", "emptied"])
def test_a_damaged_vector_is_encoded_again(tmp_path: Path, damage: str) -> None:
    opened(tmp_path).put({"good": embedding(1), "bad": embedding(2)})
    with sqlite3.connect(tmp_path / FILE) as connection:
        rows = dict(connection.execute("SELECT value, key FROM embeddings"))
        (value,) = (value for value in rows if embedding(2).tobytes() in value)
        flipped = value[:500] + bytes([value[500] ^ 1]) + value[501:]
        changed = {"flipped": flipped, "shortened": value[:-4], "emptied": b""}[damage]
        connection.execute("UPDATE embeddings SET value = ? WHERE key = ?", (changed, rows[value]))
    connection.close()
    assert opened(tmp_path).get(["good", "bad"]).keys() == {"good"}
    opened(tmp_path).put({"bad": embedding(2)})
    assert np.array_equal(opened(tmp_path).get(["bad"])["bad"], embedding(2))


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with caplog.at_level(logging.WARNING, logger="evalharness"):
        store = opened(tmp_path / "file" / "cache")
        store.put({"text": embedding(1)})
    assert store.get(["text"]).keys() == {"text"}
    assert len(caplog.messages) == 1


def test_what_is_remembered_holds_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors come as rows of a batch, and one row would keep all of it."""
    monkeypatch.setattr(embeddings, "_REMEMBERED_BYTES", MEGABYTE)
    remembered = Embeddings(("model",), None)
    tracemalloc.start()
    for number in range(50):
        batch = np.zeros((100, 1000), dtype=np.float32)
        remembered.put({f"{number} {row}": batch[row] for row in range(100)})
        remembered.get(["0 0"])  # a source, which stays in use
    n_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_bytes < 1.5 * MEGABYTE  # of 20 that were put
    assert remembered.get(["0 0", "49 99"]).keys() == {"0 0", "49 99"}
    assert remembered.get(["1 0"]) == {}


PUTTING = """
import sys
import threading
import tracemalloc
from pathlib import Path
from evalharness.metrics.comet import embeddings
from evalharness.metrics.comet.embeddings import EmbeddingStore
store = EmbeddingStore(Path(sys.argv[1]), limit_bytes=int(sys.argv[3]))
for index in range(100):
    key = f"{sys.argv[2]} {index}"
    store.put({key: key.encode() * 100, f"both {index}": b"x" * 1000})
    found = store.get([key])
    assert found == {key: key.encode() * 100} or (not found and int(sys.argv[3]) < 1 << 20)  # the other may evict it
"""


@pytest.mark.parametrize("limit_bytes", [16 * MEGABYTE, 65_536])
def test_two_processes_use_it_at_once(tmp_path: Path, limit_bytes: int) -> None:
    words = [sys.executable, "-c", PUTTING, str(tmp_path)]
    processes = [
        subprocess.Popen([*words, name, str(limit_bytes)], stderr=subprocess.PIPE, text=True) for name in ("a", "b")
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert said == ""
    found = EmbeddingStore(tmp_path, limit_bytes=limit_bytes).get([f"{k} {i}" for k in "ab" for i in range(100)])
    assert all(value == key.encode() * 100 for key, value in found.items())
    if limit_bytes == 16 * MEGABYTE:
        assert len(found) == 200


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """SQLite does not wait for another that sets up the file: without waiting here, one round in eight failed."""
    failed = []

    def set_up(file: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            open_database(file, "CREATE TABLE IF NOT EXISTS words (word TEXT)").close()
        except sqlite3.Error as err:
            failed.append(err)

    for index in range(60):
        start = threading.Barrier(8)
        threads = [threading.Thread(target=set_up, args=(tmp_path / f"{index}.sqlite", start)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
