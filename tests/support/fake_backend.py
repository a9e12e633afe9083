"""A small backend for the agent's tests: two TLS listeners, one-time tokens, signed tasks, results kept.

It speaks the agent's HTTP contract and nothing else. ``answers`` replaces one path's handler, to misbehave on purpose.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.agent_pki import leaf_for
from tests.support.pki import Pair, make_ca, make_leaf

Json = dict[str, Any]
Respond = Callable[[BaseHTTPRequestHandler], None]


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign_jws(key: Ed25519PrivateKey, header: Json, payload: Json) -> str:
    """Sign a compact JWS with Ed25519, whatever the header says."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{text}.{b64(key.sign(text.encode()))}"


class FakeBackend:
    """State and rules; the listeners below only carry bytes."""

    def __init__(self, folder: Path) -> None:
        self.root, self.agent_ca = make_ca("Backend Root"), make_ca("Agent CA")
        self.folder = folder
        self.server = make_leaf(self.root, sans=("127.0.0.1",)).write(folder, "backend")
        self.task_key = Ed25519PrivateKey.generate()
        self.host_id = "host-" + str(uuid.uuid4())
        self.tokens: set[str] = set()
        self.queue: dict[str, str] = {}
        self.results: dict[str, list[Json]] = {}
        self.heartbeats: list[Json] = []
        self.renewals = 0
        self.renew_in = timedelta(days=20)
        self.answers: dict[str, Respond] = {}
        self.requests: list[str] = []
        self.people_url = self.agent_url = ""

    def token(self, **changes: str) -> str:
        """Make a bootstrap token; ``changes`` forge it."""
        fields = {"url": self.people_url, "ca": hashlib.sha256(self.root.der).hexdigest(), "host": "web-1"}
        text = json.dumps({**fields, "secret": b64(secrets.token_bytes(32)), **changes})
        token = "sslclm-bt1." + b64(text.encode())
        self.tokens.add(token)
        return token

    def payload(self, kind: str, parameters: Json, **changes: object) -> Json:
        """Return a task's claims; ``changes`` forge them."""
        now = int(time.time())
        fields = {"host": self.host_id, "task_id": "task-" + str(uuid.uuid4()), "kind": kind}
        return {**fields, "parameters": parameters, "iat": now, "exp": now + 3600, **changes}

    def add(self, kind: str, parameters: Json, **changes: object) -> str:
        """Queue a signed task and return its id."""
        payload = self.payload(kind, parameters, **changes)
        return self.deliver(payload["task_id"], sign_jws(self.task_key, {"alg": "EdDSA", "kid": "k1"}, payload))

    def deliver(self, task_id: str, jws: str) -> str:
        """Queue any text as a task."""
        self.queue[task_id] = jws
        return task_id

    def result(self, task_id: str) -> Json:
        """Return the one result of a task; reported twice is a failure of the test."""
        (only,) = self.results[task_id]
        return only

    def task_jwk(self) -> Json:
        """Return the public task key as the enrolment gives it."""
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(self.task_key.public_key().public_bytes_raw()), "kid": "k1"}

    def enrol(self, body: Json) -> tuple[int, Json]:
        """Answer an enrolment; a token works once."""
        if body["token"] not in self.tokens:
            return 403, {
                "type": "about:blank",
                "title": "Token used",
                "status": 403,
                "detail": "used",
                "fix": "ask anew",
            }
        self.tokens.remove(body["token"])
        more = {"host_id": self.host_id, "server_ca": self.root.pem.decode(), "agent_url": self.agent_url}
        return 201, {**self.identity(body), **more, "task_keys": [self.task_jwk()]}

    def identity(self, body: Json) -> Json:
        """Issue the agent's own certificate."""
        csr = x509.load_pem_x509_csr(body["csr"].encode())
        leaf = leaf_for(csr.public_key(), self.agent_ca, [], client=True)
        after = (datetime.now(UTC) + self.renew_in).isoformat()
        return {"certificate_chain": [leaf.decode(), self.agent_ca.pem.decode()], "renew_after": after}

    def known_agent(self, path: str, data: bytes) -> tuple[int, Json]:
        """Answer an agent that proved its certificate."""
        if path == "/agent/v1/tasks":
            return 200, {"tasks": [{"task_id": key, "jws": jws} for key, jws in self.queue.items()]}
        if path == "/agent/v1/identity":
            self.renewals += 1
            return 200, self.identity(json.loads(data))
        if path == "/agent/v1/heartbeat":
            self.heartbeats.append(json.loads(data))
            return 200, {}
        return 404, {"status": 404, "detail": "no such path"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: FakeBackend

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.backend.requests.append(f"{self.command} {self.path}")
        self.close_connection = True
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path in self.backend.answers:
            return self.backend.answers[path](self)
        status, body = self._route(path, data)
        return reply(self, status, body)

    def _route(self, path: str, data: bytes) -> tuple[int, bytes | Json]:
        backend, parts = self.backend, path.split("/")
        if path == "/.well-known/sslclm/ca.pem":
            return 200, backend.root.pem
        if path == "/agent/v1/enrol":
            return backend.enrol(json.loads(data))
        if not self.connection.getpeercert():
            return 401, {"status": 401, "detail": "no client certificate"}
        if parts[1:4] == ["agent", "v1", "tasks"] and parts[5:] == ["result"]:
            return self._result(parts[4], json.loads(data))
        return backend.known_agent(path, data)

    def _result(self, task_id: str, result: Json) -> tuple[int, Json]:
        assert self.headers["Idempotency-Key"] == task_id
        known = task_id in self.backend.results
        self.backend.queue.pop(task_id, None)
        self.backend.results.setdefault(task_id, [])
        if known:
            return 409, {"status": 409, "detail": "reported already"}
        self.backend.results[task_id].append(result)
        return 200, {}


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes | Json, **headers: str) -> None:
    """Send a whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, backend: FakeBackend, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), type("Handler", (_Handler,), {"backend": backend}))
        self._context = context

    def get_request(self):
        """Wrap the connection; the handshake happens in the connection's own thread."""
        raw, address = super().get_request()
        return self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address) -> None:
        """Clients that go away are part of the tests."""

    def shutdown_request(self, request) -> None:
        """Close without the shutdown dance."""
        request.close()


def _context(backend: FakeBackend, *, mutual: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*backend.server)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=backend.agent_ca.pem.decode())
    return context


@contextmanager
def running_backend(folder: Path) -> Iterator[FakeBackend]:
    """Serve a backend on two loopback ports until the block ends."""
    backend = FakeBackend(folder)
    servers = [_Server(backend, _context(backend, mutual=mutual)) for mutual in (False, True)]
    backend.people_url, backend.agent_url = (f"https://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield backend
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join(10)


def issue(csr_pem: str, issuer: Pair, names: list[str], **options: Any) -> bytes:
    """Issue a server certificate for the key in a CSR, PEM."""
    return leaf_for(x509.load_pem_x509_csr(csr_pem.encode()).public_key(), issuer, names, **options)
