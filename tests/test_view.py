"""`evalharness view` as a process of its own, asked over real connections."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd
import pytest
from conftest import spawn

HIDING = 'a\u202e"b'
NOT_UTF8 = os.fsdecode(b"not-\xff-utf8")


class Viewed:
    """A running server, its port and the folder it shows."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "evalharness", "view", str(folder), *arguments]
        command += [] if environment else ["--no-browser"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.process.communicate()[1]
        self.port = urlsplit(self.address).port or 0
        self.folder = folder

    def get(self, target: str, method: str = "GET", **headers: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; a header given as None is not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"127.0.0.1:{self.port}", **headers}.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            parts = []
            try:
                while part := connection.recv(65536):
                    parts.append(part)
            except ConnectionResetError:
                pass
            return b"".join(parts)

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete record, a copy of it, an unfinished one, a damaged one and one with a link that leaves the folder."""
    folder = tmp_path_factory.mktemp("shown")
    results = folder / "results"
    made = spawn("run", "metrics=[bleu,ter]", f"results={results}", EVALHARNESS_CACHE=str(folder / "cache"))
    assert made.returncode == 0, made.stderr
    (folder / "secret").write_text("secret words")
    (results / "secret").write_text("secret words")
    whole = (results / "latest").resolve()
    for name in ("copy", "unfinished", "damaged", "linked"):
        shutil.copytree(whole, results / name)
    for name in (HIDING, NOT_UTF8):
        shutil.copytree(whole, results / name)
    (results / "unfinished" / "done.json").unlink()
    (results / "damaged" / "plan.json").write_text("{")
    (results / "linked" / "scores.csv").unlink()
    (results / "linked" / "scores.csv").symlink_to(folder / "secret")
    return results


@pytest.fixture(scope="module")
def viewed(results: Path) -> Iterator[Viewed]:
    server = Viewed(results, "--port", "0")
    yield server
    code, err = server.stop()
    assert code == 0
    assert "Traceback" not in err


@pytest.fixture(scope="module")
def name(results: Path) -> str:
    return (results / "latest").resolve().name


def test_the_list_has_every_record_and_what_is_wrong(viewed: Viewed, name: str) -> None:
    status, headers, body = viewed.get("/")
    html = body.decode()
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert f'href="/runs/{name}/"' in html
    assert "polished, BLEU 19.7" in html  # as in tables/systems.md of the bundled run
    assert "did not come to its end" in html
    assert "plan.json: is damaged" in html
    assert "is a link to a file outside" in html
    assert "secret" not in html
    values = [unescape(value) for value in re.findall(r'name="run" value="([^"]*)"', html)]
    assert sorted(values) == sorted([name, "copy", HIDING])
    assert "not-[U+DCFF]-utf8" in html
    assert "its name is not UTF-8" in html


def test_content_is_that_of_the_record(viewed: Viewed, name: str) -> None:
    frame = pd.read_parquet(viewed.folder / name / "segments.parquet")
    base = f"/runs/{name}/"
    status, headers, body = viewed.get(base)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'data-source="server"' in body
    assert b"connect-src 'self'" in body
    assert b"<script type=" not in body
    run = json.loads(viewed.get(f"{base}content/run")[2])
    assert run["name"] == name
    column = np.frombuffer(viewed.get(f"{base}content/columns/ter")[2], dtype="<f8")
    np.testing.assert_array_equal(column, frame["ter"])
    texts = json.loads(viewed.get(f"{base}content/texts?segments=8,0")[2])
    assert texts["positions"] == [8, 0]
    assert texts["hypotheses"][1] == [frame["hypothesis"][17], frame["hypothesis"][9]]  # the second system's rows
    found = json.loads(viewed.get(f"{base}content/search?text={quote(frame['source'][4][:5])}")[2])
    assert 4 in found["sources"]
    assert viewed.get(f"/runs/{name}")[1]["Location"] == base
    status, headers, body = viewed.get(base, method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 1000


def test_many_connections_one_after_another(viewed: Viewed, name: str) -> None:
    # each is a thread of its own that ends; pyarrow crashed the process at the second when it read in those
    for target in ["run", "columns/bleu", "columns/hypothesis_length", "texts?segments=1", "search?text=a"] * 4:
        assert viewed.get(f"/runs/{name}/content/{target}")[0] == 200


def test_runs_are_compared_or_said_why_not(viewed: Viewed, name: str) -> None:
    status, _, body = viewed.get(f"/compare?run={name}&run=copy")
    assert status == 200
    assert body.decode().count("<table") >= 2
    assert viewed.get(f"/compare?run={quote(HIDING)}&run=copy")[0] == 200
    for query, said in (
        ("", "No run was chosen"),
        ("run=nothing", "no such record"),
        ("run=unfinished", "not complete"),
        ("run=..%2F..", "no such record"),
    ):
        status, _, body = viewed.get(f"/compare?{query}")
        assert (status in (400, 409), said in body.decode()) == (True, True), query


@pytest.mark.parametrize(("record", "said"), [("unfinished", b"not complete"), ("damaged", b"is damaged")])
def test_no_half_page(viewed: Viewed, record: str, said: bytes) -> None:
    for target in ("", "content/run"):
        status, _, body = viewed.get(f"/runs/{record}/{target}")
        assert status == 409
        assert said in body
        assert b"Traceback" not in body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": None}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": "127.0.0.1.evil.example:{port}"}, 421),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "[::1]:{port}"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Content_Length": "5"}, 400),
    ],
)
def test_only_own_pages_are_answered(viewed: Viewed, headers: dict[str, str | None], status: int) -> None:
    sent = {key: None if value is None else value.format(port=viewed.port) for key, value in headers.items()}
    assert viewed.get("/", **sent)[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"])
def test_only_reading(viewed: Viewed, method: str) -> None:
    status, headers, _ = viewed.get("/", method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "target",
    [
        "/../secret", "/runs/../secret", "/runs/..%2f..%2fsecret/", "/runs/%2e%2e/secret", "/secret", "/runs/",
        "/runs/secret/", "/runs//etc/passwd", "/runs/NAME/../../../secret", "/runs/NAME/plan.json",
        "/runs/NAME/content/..%2f..%2f..%2fsecret", "/runs/NAME/content/columns/..%2fplan.json",
        "/runs/NAME/content/columns/source", "/runs/NAME%00/", "/runs/%ff/", "/runs/latest/", "/runs/linked/",
        "/runs/linked/content/run", "//etc/passwd", "http://evil.example/", "/runs/NAME/content/texts",
        "/runs/NAME/content/texts?segments=9", "/runs/NAME/content/texts?segments=-1",
        "/runs/NAME/content/texts?segments=" + ",".join(["1"] * 1001), "/runs/NAME/content/search?text=",
        "/runs/NAME/content/search?text=" + "a" * 1001,
    ],
)  # fmt: skip
def test_nothing_else_can_be_read(viewed: Viewed, name: str, target: str) -> None:
    status, _, body = viewed.get(target.replace("NAME", name))
    assert status in (400, 404, 409)
    assert b"secret words" not in body
    assert b"root:x:" not in body


def test_malformed_requests_do_not_end_it(viewed: Viewed) -> None:
    for request in (
        b"\x00\xff\x16\x03\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"",
    ):
        assert b"200 OK" not in viewed.raw(request)
        assert b"Traceback" not in viewed.raw(request)
    assert viewed.get("/")[0] == 200


def test_a_rewritten_record_shows_anew(viewed: Viewed) -> None:
    target = "/runs/copy/content/columns/bleu"
    before = viewed.get(target)[2]
    path = viewed.folder / "copy" / "segments.parquet"
    frame = pd.read_parquet(path)
    frame["bleu"] += 1.0
    frame.to_parquet(path)
    after = np.frombuffer(viewed.get(target)[2], dtype="<f8")
    np.testing.assert_array_equal(after, np.frombuffer(before, dtype="<f8") + 1.0)


def test_one_record_a_taken_port_and_the_end(results: Path, name: str) -> None:
    first = Viewed(results / "latest", "--port", "0")
    assert urlsplit(first.address).path == f"/runs/{name}/"
    assert first.get(urlsplit(first.address).path)[0] == 200
    assert first.get("/runs/copy/")[0] == 404
    second = spawn("view", str(results), "--no-browser", "--port", str(first.port))
    assert second.returncode == 2
    assert "--port 0 takes any" in second.stderr
    code, err = first.stop()
    assert (code, "GET" in err) == (0, False)
    assert spawn("view", "nowhere").returncode == 2


def test_another_port_where_the_usual_one_is_taken(results: Path) -> None:
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # then somebody else has it
            taken.bind(("127.0.0.1", 8460))
            taken.listen()
        server = Viewed(results)
        assert server.port not in (0, 8460)
        assert server.get("/")[0] == 200
        assert server.stop()[0] == 0


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="asks the system for its browser, not BROWSER")
def test_the_browser_is_opened_at_the_address(results: Path, tmp_path: Path) -> None:
    script, said = tmp_path / "browser", tmp_path / "said"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {said}.new && mv {said}.new {said}\n')
    script.chmod(0o755)
    server = Viewed(results, "--port", "0", BROWSER=f"{script} %s", DISPLAY=":0")
    for _ in range(100):
        if said.exists():
            break
        time.sleep(0.1)
    assert said.read_text() == server.address
    assert server.stop()[0] == 0


def test_comparisons_keep_nobody_waiting(results: Path, tmp_path: Path, name: str) -> None:
    """They are made one after another, and other requests are answered meanwhile."""
    folder = tmp_path / "many"
    for number in range(4):
        shutil.copytree(results / name, folder / f"r{number}")
    server = Viewed(folder, "--port", "0")
    pairs = [f"/compare?run=r{a}&run=r{b}" for a in range(4) for b in range(4) if a != b]
    with ThreadPoolExecutor(len(pairs)) as asking:
        asked = [asking.submit(server.get, pair) for pair in pairs]
        assert server.get("/")[0] == 200
        assert server.get("/runs/r0/")[0] == 200
        assert not all(answer.done() for answer in asked)
        assert {answer.result()[0] for answer in asked} == {200}
    assert server.stop()[0] == 0


def test_a_link_to_itself_does_not_hide_the_others(results: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "linked"
    shutil.copytree(results / name, folder / "good")
    shutil.copytree(results / name, folder / "loop")
    (folder / "loop" / "self").symlink_to("self")
    server = Viewed(folder, "--port", "0")
    status, _, body = server.get("/")
    assert status == 200
    assert b"/runs/good/" in body
    assert b"damaged" in body
    assert server.get("/runs/loop/")[0] == 409
    assert server.stop()[0] == 0
