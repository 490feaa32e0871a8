"""`evalharness view`: the pages of one or many runs, in a browser on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evalharness.cli.main import is_debugging, write_out
from evalharness.config import build_stats, recorded_metric
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.workflows.view import Viewer

_PORT = 8460


def main(arguments: Sequence[str]) -> int:
    """Serve until interrupted; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness view",
        description="Show a run, or all runs of a folder, in a browser. The pages are served on 127.0.0.1 until "
        "Ctrl-C; nothing is written, nothing outside the folder is read, and no other machine is answered.",
    )
    parser.add_argument(
        "folder", nargs="?", default="results", type=Path, help="a record or a folder of records (default: results)"
    )
    parser.add_argument("--port", type=int, metavar="N", help=f"default: {_PORT}, or any where that is taken; 0 is any")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--config-dir", type=Path, metavar="FOLDER", help="with metric options of your own, to compare runs"
    )
    options = parser.parse_args(arguments)
    from evalharness.workflows.server import LocalServer

    viewer = Viewer(options.folder, build_stats, partial(recorded_metric, config_dir=options.config_dir))
    log = _to_stderr if is_debugging() else _to_nobody
    try:
        server = LocalServer(viewer.answer, port=_PORT if options.port is None else options.port, log=log)
    except ConfigError:
        if options.port is not None:
            raise
        server = LocalServer(viewer.answer, port=0, log=log)
    with server:
        address = f"{server.address}{viewer.start}"
        try:
            write_out(f"{address}\n")
            print("evalharness: Ctrl-C ends this.", file=sys.stderr)
            if not options.no_browser:
                _open_browser(address)
            server.serve_forever()
        except KeyboardInterrupt:
            print(file=sys.stderr)
    return EXIT_DONE


def _open_browser(address: str) -> None:
    """Nothing where there is no screen: a browser for terminals would take this one over."""
    import webbrowser

    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def _to_stderr(line: str) -> None:
    print(f"evalharness: {line}", file=sys.stderr)


def _to_nobody(line: str) -> None:
    del line
