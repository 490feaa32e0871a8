"""A web server for who sits at this machine: on 127.0.0.1 only, for pages of its own only, for reading only.

A page of another site can send requests to 127.0.0.1, and under a name that its owner lets point there it could read
the answers (DNS rebinding). So a request must name this server in `Host`, and its page in `Origin` where it has one."""

from __future__ import annotations

import os
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from evalharness.errors import ConfigError
from evalharness.report.visible import visible
from evalharness.workflows.view import Answer

_ADDRESS = "127.0.0.1"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_POLICY_OF_NO_PAGE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_POLICY_OF_PAGES = "frame-ancestors 'none'"  # the rest stands in each page, with the digest of its script
_IDLE_S = 60  # a connection that says nothing is closed

Answerer = Callable[[str], Answer]
Logger = Callable[[str], None]


class LocalServer(ThreadingHTTPServer):
    """Answers GET and HEAD on a port of 127.0.0.1, a thread for each connection; port 0 is any that is free."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere two servers could share a port then

    def __init__(self, answer: Answerer, *, port: int, log: Logger) -> None:
        """Raises: ConfigError where the port cannot be had."""
        self.answer = answer
        self.log = log
        try:
            super().__init__((_ADDRESS, port), _Handler)
        except (OSError, OverflowError) as err:
            said = err.strerror if isinstance(err, OSError) else str(err).rstrip(".")
            raise ConfigError(
                f"--port {port}: cannot be had: {said}. Give another one; --port 0 takes any that is free."
            ) from err

    def server_bind(self) -> None:
        """As of a plain TCP server: the HTTP server's would look this machine's name up in the network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _ADDRESS, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's loss; what else went wrong is logged."""
        self.log(f"a request failed: {sys.exc_info()[1]!r}")

    @property
    def hosts(self) -> frozenset[str]:
        """What requests may call this server."""
        names = ("127.0.0.1", "localhost", "[::1]")
        return frozenset(f"{name}:{self.server_port}" for name in names)

    @property
    def address(self) -> str:
        return f"http://{_ADDRESS}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    server: LocalServer
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"
    _known_methods: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    def do_GET(self) -> None:
        if (refusal := self._refusal()) is not None:
            self.send_error(*refusal)
            return
        try:
            answer = self.server.answer(self.path)
        except Exception as err:  # whatever it is, the server goes on, and no traceback leaves this machine
            self.server.log(f"{self.path!r}: {err!r}")
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong with this program; see --debug")
            return
        self._send(answer)

    do_HEAD = do_GET

    def parse_request(self) -> bool:
        """Also refuse all methods but two: of others not even the path is looked at."""
        if not super().parse_request():
            return False
        if self.command in self._known_methods:
            return True
        self.close_connection = True
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD")
        return False

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        """Why a request is not answered; None where it is."""
        headers = self.headers
        if "Content-Length" in headers or "Transfer-Encoding" in headers:
            self.close_connection = True  # what follows is a body, and no request
            return HTTPStatus.BAD_REQUEST, "A request with a body is not answered"
        hosts = headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].strip().lower() not in self.server.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST, f"This server is called {self.server.address} and nothing else"
        origins = headers.get_all("Origin", [])
        if any(origin.lower() != f"http://{hosts[0].strip().lower()}" for origin in origins):
            return HTTPStatus.FORBIDDEN, "Pages of other sites are not answered"
        if any(site.lower() not in ("same-origin", "none") for site in headers.get_all("Sec-Fetch-Site", [])):
            return HTTPStatus.FORBIDDEN, "Links and pages of other sites are not answered; type the address"
        if not self.path.startswith("/") or self.path.startswith("//"):
            return HTTPStatus.BAD_REQUEST, "The address must begin with one slash"
        return None

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.content)))
        is_page = answer.kind.startswith("text/html")
        self.send_header("Content-Security-Policy", _POLICY_OF_PAGES if is_page else _POLICY_OF_NO_PAGE)
        if answer.location is not None:
            self.send_header("Location", answer.location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A line of text, without what the request said."""
        said = (message or HTTPStatus(code).phrase).partition(" (")[0]  # in brackets stands what was sent
        content = f"{int(code)} {said}\n".encode()
        self.close_connection = True
        self.send_response(code)
        self.send_header("Content-Type", self.error_content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", _POLICY_OF_NO_PAGE)
        self.send_header("Connection", "close")
        if code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", ", ".join(self._known_methods))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def version_string(self) -> str:
        return "evalharness"

    def log_message(self, format: str, *args: Any) -> None:
        self.server.log(visible(format % args))
