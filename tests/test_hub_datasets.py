"""Data sets of the Hugging Face hub: a server of ours answers as the hub does, and the real packages ask it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import spawn, write

from evalharness.testsets.library import Library

pytestmark = pytest.mark.slow  # each asks in a process of its own

COMMIT = "a" * 40
ROWS = b'{"source": "\xe4\xb8\x80", "reference": "one"}\n{"source": "\xe4\xba\x8c", "reference": "two"}\n'
RUN_ME = b"open('the-code-was-run', 'w')\n"


class Handler(BaseHTTPRequestHandler):
    """The requests that huggingface_hub 0.36 and datasets 5.0 make of a repository."""

    protocol_version = "HTTP/1.1"
    repositories: ClassVar = {
        "me/set": {"test.jsonl": ROWS, "README.md": b"# A data set\n"},
        "me/code": {"code.py": RUN_ME, "test.jsonl": ROWS},
    }

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        return

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        found = re.fullmatch(r"/(?:api/)?datasets/([^/]+/[^/]+)(?:/(revision|tree|resolve)/([^/]+))?/?(.*)", path)
        if found is None or found.group(1) not in self.repositories:
            return self._send(401, b"", {"X-Error-Code": "RepoNotFound"})
        name, what, revision, place = found.groups()
        files = self.repositories[name]
        if revision not in (None, "main", "v1", COMMIT):
            return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        if what == "resolve":
            if place not in files:
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            tag = hashlib.sha1(files[place]).hexdigest()
            return self._send(200, files[place], {"X-Repo-Commit": COMMIT, "ETag": f'"{tag}"'})
        listed = [{"type": "file", "path": path, "size": len(text), "oid": "0"} for path, text in files.items()]
        info = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in files]}
        body = json.dumps(listed if what == "tree" else info).encode()
        return self._send(200, body, {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def imported(hub: str, name: str, *settings: str, **environment: str) -> subprocess.CompletedProcess[str]:
    words = ["import", name, "--reader", "huggingface", "-l", "zh-en", "--name", "x"]
    words += ["--set", *settings] if settings else []
    home = str(Path("hf").resolve())
    return spawn(*words, **{"HF_ENDPOINT": hub, "HF_HOME": home, "HF_HUB_OFFLINE": "0", **environment})


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_rows_and_the_commit_they_are_of(hub: str, streaming: str) -> None:
    finished = imported(hub, "me/set", f"streaming={streaming}", "revision=v1")
    assert finished.returncode == 0, finished.stderr
    assert "no revision is given" not in finished.stderr
    testset = Library(name="x").read()
    assert [(one.source, one.references) for one in testset.segments] == [("一", ("one",)), ("二", ("two",))]
    assert testset.provenance == f"me/set of the Hugging Face hub, split test, revision {COMMIT}"
    assert json.loads(Path("references/x/testset.json").read_text())["raw"] == []


def test_without_a_revision_the_one_to_pin_is_said(hub: str) -> None:
    finished = imported(hub, "me/set", "streaming=true", "limit=1")
    assert finished.returncode == 0, finished.stderr
    assert f"me/set: no revision is given; pin this one with testset.revision={COMMIT}." in finished.stderr
    assert Library(name="x").read().provenance.endswith(f"revision {COMMIT}, the first 1 rows")


def test_a_pinned_revision_is_found_in_the_cache_without_a_hub(hub: str) -> None:
    assert imported(hub, "me/set", f"revision={COMMIT}").returncode == 0
    Path("references").rename("first")
    finished = imported("http://127.0.0.1:1", "me/set", f"revision={COMMIT}", HF_HUB_OFFLINE="1")
    assert finished.returncode == 0, finished.stderr
    assert Path("references/x/segments.jsonl").read_bytes() == Path("first/x/segments.jsonl").read_bytes()


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_code_of_a_data_set_is_never_run(hub: str, streaming: str) -> None:
    imported(hub, "me/code", f"streaming={streaming}")
    assert not Path("the-code-was-run").exists()
    write("local/local.py", RUN_ME.decode())
    write("local/test.jsonl", '{"source": "一", "reference": "one"}')
    imported(hub, "local", f"streaming={streaming}")
    assert not Path("the-code-was-run").exists()


@pytest.mark.parametrize(
    ("name", "settings", "code", "said"),
    [
        ("me/set", ["revision=v2"], 2, "me/set: the data set has no revision 'v2' on the Hugging Face hub."),
        ("me/nothing", [], 2, "me/nothing: is no file or folder here"),
        ("me/set", ["split=train"], 2, "me/set: cannot be read as a data set: "),
        ("me/set", ["source_column=src"], 2, "me/set:row 1: no column 'src'"),
    ],
)
def test_what_is_not_there(hub: str, name: str, settings: list[str], code: int, said: str) -> None:
    finished = imported(hub, name, "streaming=true", *settings)
    assert (finished.returncode, f"evalharness: error: {said}" in finished.stderr) == (code, True), finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_hub_that_does_not_answer() -> None:
    finished = imported("http://127.0.0.1:1", "me/set")
    assert finished.returncode == 3
    assert "the Hugging Face hub cannot be reached" in finished.stderr
