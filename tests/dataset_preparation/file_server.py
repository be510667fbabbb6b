"""A web server of this machine with the virtues and faults of real ones: ranges, lost connections, wrong answers."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answers:
    """What the server holds and how it behaves; ``log`` collects (method, path, range header or None)."""

    files: dict[str, bytes]
    ranges: bool = True
    tells_length: bool = True
    drops: list[int] = field(default_factory=list)  # each entry ends one answer after so many bytes
    errors: dict[str, list[int]] = field(default_factory=dict)  # method → statuses of its next answers
    announced: dict[str, int] = field(default_factory=dict)  # lengths that HEAD tells
    seconds_per_block: float = 0.0  # of 4096 bytes
    log: list[tuple[str, str, str | None]] = field(default_factory=list)

    def gets(self) -> list[str | None]:
        """Ranges of the GETs."""
        return [r for method, _, r in self.log if method == "GET"]


class Handler(BaseHTTPRequestHandler):
    answers: Answers

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        a, name = self.answers, self.path.lstrip("/")
        asked = self.headers.get("Range")
        a.log.append((self.command, name, asked))
        if a.errors.get(self.command):
            return self.send_error(a.errors[self.command].pop(0))
        if name not in a.files:
            return self.send_error(404)
        body = a.files[name]
        span = re.fullmatch(r"bytes=(\d+)-", asked or "") if a.ranges else None
        first = int(span[1]) if span else 0
        if span and first >= len(body):
            return self.send_error(416)
        self.send_response(206 if span else 200)
        if span:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if a.tells_length:
            length = len(body) - first
            self.send_header("Content-Length", str(a.announced.get(name, length) if self.command == "HEAD" else length))
        self.end_headers()
        if self.command == "GET":
            body = body[first:]
            for block in range(0, len(body[: a.drops.pop(0)] if a.drops else body), 4096):
                self.wfile.write(body[block : block + 4096])
                time.sleep(a.seconds_per_block)

    do_GET = do_HEAD

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was stopped


@contextmanager
def serve(answers: Answers) -> Iterator[str]:
    """Serve on a free port of this machine; yields the base address."""
    handler = type("BoundHandler", (Handler,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
