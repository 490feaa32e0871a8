"""Checkpoints from a hub: a server of ours that answers as the hub does, and everything that can go wrong."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import Finished, spawn

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

from huggingface_hub import constants, file_download
from tiny_comet import write_checkpoint

from evalharness.errors import MissingModelError
from evalharness.metrics.comet import checkpoint as finding
from evalharness.metrics.comet.checkpoint import encoder_files, locate
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.comet.settings import read_settings
from evalharness.records import ScoringSegment

MODEL, ENCODER = "nobody/model", "nobody/encoder"
COMMIT, OLD_COMMIT, ENCODER_COMMIT = "1" * 40, "2" * 40, "3" * 40
LARGE = 20_000  # bytes from which a file lies in the hub's large file storage
SEGMENT = ScoringSegment(id="1", source="郑州", hypothesis="Zhengzhou", references=("Zhengzhou.",))


@dataclass
class Hub:
    """Repositories by name and commit, `faults` by path, and what was asked of it."""

    url: str = ""
    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    faults: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    cut_after: int | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def downloaded(self) -> set[str]:
        """Names of the files whose content was asked for."""
        return {path.rpartition("@")[2] for method, path, _ in self.asked if method == "GET" and "/files@" in path}

    def file(self, repository: str, revision: str, name: str) -> tuple[str, bytes] | None:
        commits = self.repositories.get(repository, {})
        commit = next(iter(commits), "") if revision == "main" else revision
        return (commit, commits[commit][name]) if name in commits.get(commit, {}) else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def log_message(self, *_: object) -> None:
        return

    def _answer(self, method: str) -> None:
        hub = self.hub
        hub.asked.append((method, self.path, self.headers.get("Range")))
        for part, (status, headers) in hub.faults.items():
            if part in self.path:
                return self._send(status, headers, b"")
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", self.path):
            return self._info(found.group(1), found.group(2) or "main")
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path):
            return self._resolve(*found.groups())
        if found := re.fullmatch(r"/files@(.+)@(.+)@(.+)", self.path):
            _, content = hub.file(*found.groups()) or ("", b"")
            return self._content(content)
        return self._send(404, {"X-Error-Code": "RepoNotFound"}, b"")

    def _info(self, repository: str, revision: str) -> None:
        commits = self.hub.repositories.get(repository)
        if commits is None:
            return self._send(401, {"X-Error-Code": "RepoNotFound"}, b"")
        commit = next(iter(commits)) if revision == "main" else revision
        if commit not in commits:
            return self._send(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        info = {"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in commits[commit]]}
        return self._send(200, {"Content-Type": "application/json"}, json.dumps(info).encode())

    def _resolve(self, repository: str, revision: str, name: str) -> None:
        found = self.hub.file(repository, revision, name)
        if found is None:
            return self._send(404, {"X-Error-Code": "EntryNotFound"}, b"")
        commit, content = found
        headers = {"X-Repo-Commit": commit, "Location": f"{self.hub.url}/files@{repository}@{commit}@{name}"}
        if len(content) >= LARGE:
            headers |= {"X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Linked-Size": str(len(content))}
        else:
            headers |= {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Linked-Size": str(len(content))}
        return self._send(302, headers, b"")

    def _content(self, content: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked else 0
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if asked else {}
        self._send(206 if asked else 200, headers, content[start:], cut_after=self.hub.cut_after)

    def _send(self, status: int, headers: dict[str, str], body: bytes, cut_after: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            is_cut = cut_after is not None and len(body) > cut_after
            self.wfile.write(body[:cut_after] if is_cut else body)
            self.close_connection = self.close_connection or is_cut


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What the repositories hold, by repository and path."""
    folder = write_checkpoint(tmp_path_factory.mktemp("hub") / "model", pretrained_model=ENCODER)
    of_encoder = {path.name: path.read_bytes() for path in (folder / "encoder").iterdir()}
    shutil.rmtree(folder / "encoder")
    of_model = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    weights = b"w" * LARGE
    return {
        MODEL: {**of_model, "LICENSE": b"Do.", "README.md": b"A model.", "checkpoints/old.ckpt": weights},
        ENCODER: {**of_encoder, "model.safetensors": weights, "onnx/config.json": b"{}", "pytorch_model.bin": weights},
    }


@pytest.fixture
def hub(files: dict[str, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub, which huggingface_hub takes for the real one, and an empty cache."""
    hub = Hub(
        repositories={
            MODEL: {COMMIT: dict(files[MODEL]), OLD_COMMIT: dict(files[MODEL])},
            ENCODER: {ENCODER_COMMIT: dict(files[ENCODER])},
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)  # for processes of their own; this one has read it
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(
        file_download, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache_of(tmp_path)))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    finding._on_hub.cache_clear()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def cache_of(tmp_path: Path) -> Path:
    return tmp_path / "hf" / "hub"


def blob(tmp_path: Path) -> Path:
    """The weights in the cache."""
    return (cache_of(tmp_path) / "models--nobody--model" / "snapshots" / COMMIT / "checkpoints/model.ckpt").resolve()


class TestDownload:
    def test_gets_what_is_needed_and_no_more(self, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
        found = locate(MODEL, None)
        assert (found.name, found.revision) == (MODEL, COMMIT)
        assert hub.downloaded() == {"checkpoints/model.ckpt", "hparams.yaml", "LICENSE", "README.md"}
        hub.asked.clear()
        encoder = encoder_files(found, read_settings(found.settings(), found.settings_file))
        assert hub.downloaded() == {"config.json", "tokenizer.json"}
        assert encoder.config.parent.name == ENCODER_COMMIT
        captured = capfd.readouterr()
        assert (captured.out, captured.err) == ("", "")  # no bars where there is no terminal

    def test_scores_and_the_signature_names_the_commit(self, hub: Hub) -> None:
        metric = Comet(model=MODEL, device="cpu", embedding_cache_mb=0)
        assert metric.statistics([SEGMENT]).shape == (1, 6)
        said = dict(metric.signature(n_references=1).fields)
        weights = hub.repositories[MODEL][COMMIT]["checkpoints/model.ckpt"]
        assert (said["model"], said["revision"]) == (MODEL, COMMIT)
        assert said["sha256"] == hashlib.sha256(weights).hexdigest()[:16]

    def test_a_revision_is_pinned(self, hub: Hub) -> None:
        assert locate(MODEL, OLD_COMMIT).revision == OLD_COMMIT
        n_asked = len(hub.asked)
        assert locate(MODEL, OLD_COMMIT).revision == OLD_COMMIT
        assert len(hub.asked) == n_asked  # once per run

    def test_converted_keeps_name_and_commit(self, hub: Hub, command: Callable[..., Finished]) -> None:
        finished = command("comet", "convert", MODEL, "--revision", OLD_COMMIT, "--output", "new")
        assert finished.code == 0, finished.err
        original, converted = Comet(model=MODEL, revision=OLD_COMMIT, device="cpu"), Comet(model="new", device="cpu")
        assert str(converted.signature(n_references=1)) == str(original.signature(n_references=1))
        assert f"revision:{OLD_COMMIT}" in str(converted.signature(n_references=1))

    def test_bars_on_a_terminal(self, hub: Hub) -> None:
        pty = pytest.importorskip("pty")
        import fcntl
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        code = f"from evalharness.metrics.comet.checkpoint import locate; locate({MODEL!r}, None)"
        process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        os.close(ours)
        assert process.wait(timeout=60) == 0
        assert b"Fetching 4 files" in shown


class TestFailure:
    """Each is one message and exit code 3."""

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ({"/api/models": (404, {"X-Error-Code": "RepoNotFound"})}, "not on the hub, or private. Check the name;"),
            ({"/resolve/": (401, {"X-Error-Code": "GatedRepo"})}, "is gated: accept its licence on "),
            ({"/resolve/": (403, {"X-Error-Code": "GatedRepo"})}, "is gated: accept its licence on "),
            ({"/api/models": (403, {"X-Error-Code": "GatedRepo"})}, "is gated: accept its licence on "),
            ({"/api/models": (503, {})}, "cannot be reached (it answers with status 503). On a machine with a network"),
            ({"/files@": (410, {})}, "cannot be downloaded: 410 Client Error"),
            ({"/api/models": (403, {})}, "cannot be reached (it answers with status 403)"),
            (
                {"/api/models": (401, {"X-Error-Message": "Invalid credentials in Authorization header"})},
                "refuses the token",
            ),
        ],
    )
    def test_what_the_hub_answers(
        self, hub: Hub, fault: dict[str, tuple[int, dict[str, str]]], said: str, command: Callable[..., Finished]
    ) -> None:
        hub.faults = fault
        check(command("comet", "convert", MODEL, "--output", "new"), said)
        assert not Path("new").exists()

    def test_no_such_repository(self, hub: Hub, command: Callable[..., Finished]) -> None:
        check(command("comet", "convert", "nobody/nothing", "--output", "new"), "not on the hub, or private")

    def test_no_such_revision(self, hub: Hub, command: Callable[..., Finished]) -> None:
        finished = command("comet", "convert", MODEL, "--revision", "v9", "--output", "new")
        check(finished, "at revision 'v9'", "the hub has no revision 'v9' of it; expected a commit, branch or tag")

    def test_no_name_of_a_repository(self, hub: Hub, command: Callable[..., Finished]) -> None:
        check(command("comet", "convert", "no--body/x", "--output", "new"), "is no name that a repository on the hub")

    def test_a_server_that_is_not_there(
        self, hub: Hub, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # discard: nobody listens
        said = "`hf download nobody/model checkpoints/model.ckpt hparams.yaml` puts it into the cache"
        check(command("comet", "convert", MODEL, "--output", "new"), "http://127.0.0.1:9 cannot be reached", said)

    def test_no_network_wanted(self, hub: Hub, tmp_path: Path) -> None:
        finished = spawn("comet", "convert", MODEL, "--output", "new", HF_HUB_OFFLINE="1")
        check(
            Finished(finished.returncode, finished.stdout, finished.stderr),
            f"not in the cache {cache_of(tmp_path)}, and HF_HUB_OFFLINE is set. On a machine with a network",
        )
        assert hub.asked == []

    @pytest.mark.slow
    def test_no_network_wanted_and_none_needed(self, hub: Hub) -> None:
        pytest.importorskip("transformers", reason="transformers is not installed")
        assert locate(MODEL, None).revision == COMMIT
        assert spawn("comet", "convert", MODEL, "--output", "new", HF_HUB_OFFLINE="1").returncode == 3  # the encoder
        encoder_files(locate(MODEL, None), read_settings(locate(MODEL, None).settings(), Path("x")))
        hub.asked.clear()
        finished = spawn("comet", "convert", MODEL, "--output", "new", HF_HUB_OFFLINE="1")
        assert finished.returncode == 0, finished.stderr
        assert hub.asked == []

    def test_the_encoder_is_not_there(self, hub: Hub, command: Callable[..., Finished]) -> None:
        del hub.repositories[ENCODER]
        finished = command("comet", "convert", MODEL, "--output", "new")
        check(finished, "the tokenizer and configuration of 'nobody/encoder', the encoder of COMET model nobody/model")

    def test_an_encoder_that_was_cut_short(self, hub: Hub, command: Callable[..., Finished], tmp_path: Path) -> None:
        hub.faults = {"/files@nobody/encoder@" + ENCODER_COMMIT + "@tokenizer.json": (410, {})}
        check(command("comet", "convert", MODEL, "--output", "new"), "cannot be downloaded: 410 Client Error")
        hub.faults = {"/": (503, {})}  # and now the hub is gone
        check(
            command("comet", "convert", MODEL, "--output", "new"),
            f"{ENCODER_COMMIT}: holds no tokenizer (tokenizer.json or sentencepiece.bpe.model",
            "`hf download nobody/encoder --include 'config.json' 'tokenizer*.json'",
        )

    def test_a_repository_of_something_else(self, hub: Hub, command: Callable[..., Finished]) -> None:
        check(command("comet", "convert", ENCODER, "--output", "new"), "lacks checkpoints/model.ckpt. Either its")

    def test_no_space_left(self, hub: Hub, tmp_path: Path, command: Callable[..., Finished]) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full here")
        sha256 = hashlib.sha256(hub.repositories[MODEL][COMMIT]["checkpoints/model.ckpt"]).hexdigest()
        unfinished = cache_of(tmp_path) / "models--nobody--model" / "blobs" / f"{sha256}.incomplete"
        unfinished.parent.mkdir(parents=True)
        unfinished.symlink_to("/dev/full")  # a device that is always full
        check(
            command("comet", "convert", MODEL, "--output", "new"),
            f"no disk space left in {cache_of(tmp_path)}. Free some or move the cache with HF_HOME",
        )

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            ("Data processing error: IO Error: No space left on device (os error 28)", "no disk space left in"),
            ("Data processing error: CAS service error : Reqwest Error", "cannot be downloaded: Data processing error"),
        ],
    )
    def test_errors_of_the_other_way_to_download(
        self, hub: Hub, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch, error: str, said: str
    ) -> None:
        """hf_xet, for servers that offer it, raises no OSError. As in tenstorrent/tt-forge-onnx#2987."""

        def failing(*_: object, **__: object) -> None:
            raise RuntimeError(error)

        monkeypatch.setattr("huggingface_hub.file_download.http_get", failing)
        check(command("comet", "convert", MODEL, "--output", "new"), said)

    def test_a_download_cut_short_goes_on(
        self, hub: Hub, tmp_path: Path, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)  # of 10 MB, more than the file
        hub.cut_after = 3 * 4096
        said = "cannot be downloaded: "
        check(command("comet", "convert", MODEL, "--output", "new"), said, "the same command goes on from there")
        hub.cut_after = None
        hub.asked.clear()
        finished = command("comet", "convert", MODEL, "--output", "new")
        assert finished.code == 0, finished.err
        ranges = {path.rpartition("@")[2]: asked for method, path, asked in hub.asked if "/files@" in path}
        assert ranges["checkpoints/model.ckpt"] == "bytes=12288-"
        weights = hub.repositories[MODEL][COMMIT]["checkpoints/model.ckpt"]
        assert blob(tmp_path).read_bytes() == weights

    def test_one_that_was_cut_short_is_not_taken_for_whole(
        self, hub: Hub, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.cut_after = 10_000
        assert command("comet", "convert", MODEL, "--output", "new").code == 3
        hub.faults = {"/": (503, {})}  # and now the hub is gone
        check(
            command("comet", "convert", MODEL, "--output", "new"), "lacks checkpoints/model.ckpt. Either its download"
        )

    def test_damage_in_the_cache(self, hub: Hub, tmp_path: Path, command: Callable[..., Finished]) -> None:
        locate(MODEL, None)
        whole = blob(tmp_path).read_bytes()
        damaged = bytearray(whole)
        damaged[len(damaged) // 2] ^= 1
        blob(tmp_path).write_bytes(bytes(damaged))
        check(
            command("comet", "convert", MODEL, "--output", "new"),
            f"is damaged: expected SHA-256 {hashlib.sha256(whole).hexdigest()}, which the hub names it by, found",
            f"To get it again, delete {blob(tmp_path)} and give the same command",
        )
        with pytest.raises(MissingModelError, match="is damaged"):
            Comet(model=MODEL, device="cpu").signature(n_references=1)
        blob(tmp_path).unlink()  # as it says
        finding._on_hub.cache_clear()
        assert command("comet", "convert", MODEL, "--output", "new").code == 0
        assert blob(tmp_path).read_bytes() == whole


def check(finished: Finished, *said: str) -> None:
    assert finished.code == 3, finished.err
    assert finished.err.startswith("evalharness: error: ")
    assert len(finished.err.splitlines()) == 1
    for text in said:
        assert text in finished.err
