"""A stand-in for Slack: a real HTTP endpoint that keeps what it was sent."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LONGEST_BODY = 1_000_000


class AlertReceiver:
    """Listens on 127.0.0.1 and answers `ok`, as an incoming webhook does.

    The port is kept in `port_file`, so that a stack which outlives one demo still knows the address of the next.
    """

    def __init__(self, port_file: Path) -> None:
        self._messages: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        self._server = _bind(port_file, self._handler())
        port_file.write_text(str(self._server.server_port))
        threading.Thread(target=self._server.serve_forever, name="alert-receiver", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/slack"

    def wait_for(self, text: str, seconds: float) -> dict[str, Any] | None:
        """The first message that contains this text, or None when none came in time."""

        def found() -> dict[str, Any] | None:
            return next((message for message in self._messages if text in json.dumps(message)), None)

        with self._arrived:
            self._arrived.wait_for(lambda: found() is not None, timeout=seconds)
            return found()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, message: dict[str, Any]) -> None:
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", 0)), LONGEST_BODY)
                take(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal: the demo prints what arrived."""

        return Handler


def _bind(port_file: Path, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    earlier = int(port_file.read_text()) if port_file.exists() else 0
    try:
        return ThreadingHTTPServer(("127.0.0.1", earlier), handler)
    except OSError:
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)
