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
    errors: list[int] = field(default_factory=list)  # each entry answers one GET with this status
    head_errors: list[int] = field(default_factory=list)
    pages: dict[str, bytes] = field(default_factory=dict)  # GET gets these bytes in place of the file
    types: dict[str, str] = field(default_factory=dict)
    announced: dict[str, int] = field(default_factory=dict)  # lengths that HEAD tells
    leaves: bool = False  # the first GET finds nobody any more
    seconds_per_block: float = 0.0  # of 4096 bytes
    log: list[tuple[str, str, str | None]] = field(default_factory=list)

    def gets(self, name: str) -> list[str | None]:
        """Ranges of the GETs of files whose path contains ``name``, but for the comparison of what is here already."""
        return [
            r for method, path, r in self.log if method == "GET" and name in path and not (r and r[-1] != "-")
        ]


class Handler(BaseHTTPRequestHandler):
    answers: Answers

    def log_message(self, format: str, *args: object) -> None:
        pass

    def refuse(self, status: int) -> None:
        body = b"<html>error</html>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.answer(self.answers.head_errors)

    def do_GET(self) -> None:
        if self.answers.leaves:
            self.server.shutdown()
            self.server.server_close()
            return
        self.answer(self.answers.errors)

    def answer(self, errors: list[int]) -> None:
        a, name = self.answers, self.path.lstrip("/")
        asked = self.headers.get("Range")
        a.log.append((self.command, name, asked))
        if errors:
            return self.refuse(errors.pop(0))
        if name not in a.files:
            return self.refuse(404)
        body = a.files[name] if self.command == "HEAD" else a.pages.get(name, a.files[name])
        first, last = 0, len(body) - 1
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "") if a.ranges else None
        if span:
            first, last = int(span[1]), min(int(span[2] or last), last)
            if first >= len(body):
                return self.refuse(416)
        self.send_response(206 if span else 200)
        if span:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        self.send_header("Content-Type", a.types.get(name, "video/mp4"))
        length = last + 1 - first
        if a.tells_length:
            announced = a.announced.get(name, length) if self.command == "HEAD" else length
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        if self.command == "GET":
            limit = a.drops.pop(0) if a.drops and not (span and span[2]) else length
            self.send(body[first : last + 1][:limit])

    def send(self, body: bytes) -> None:
        for block in range(0, len(body), 4096):
            self.wfile.write(body[block : block + 4096])
            time.sleep(self.answers.seconds_per_block)

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
