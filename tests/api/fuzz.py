"""Fuzzes the API by its own description: starts a server on free ports with a temporary data folder, signs in as a
program with every scope, lets schemathesis look for 5xx and for answers outside the description, ends the server.

CXC_BIN        the binary; target/debug/cxc if absent
CXC_TEST_FUZZ_SECONDS the longest the fuzzing may take, in seconds; 600 if absent
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BASE = "/cx-contact/v3"
READY_SECONDS = 30
COMPONENTS = ["api-aggregator", "list-builder", "list-manager", "campaign-manager", "compliance-manager", "dial-manager"]
PASSWORD = "correct-horse-battery-staple"


def free_port():
    """Below the range that the kernel gives to outgoing connections."""
    for number in range(14_000 + os.getpid() % 1_000, 18_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", number))
                return number
            except OSError:
                continue
    sys.exit("error: a port from 14000 to 17999 is free")


def ask(method, url, body=None, form=None, headers=()):
    """The status, headers and JSON of an answer."""
    data = None
    headers = dict(headers)
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    elif form is not None:
        data = urllib.parse.urlencode(form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"null")


class Server:
    """The server under test; as a context it is ended by its pid."""

    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.binary = os.environ.get("CXC_BIN", ROOT / "target/debug/cxc")
        self.log = home / "server.log"
        self.process = None
        settings = [f"http.port = {self.port}", "http.internal_port = 0", "limits.requests_per_second = 0"]
        # the fuzzer tries many a password
        settings += ["access.failures_per_address = 100000"]
        settings += [f"component.{name}.metrics_port = 0" for name in COMPONENTS]
        (home / "cxc.toml").write_text("\n".join(settings) + "\n")

    def run(self, *arguments, stdin=None):
        command = [self.binary, "--config", self.home / "cxc.toml", "--data", self.home / "data", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            sys.exit(f"error: cxc {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self):
        with open(self.log, "wb") as log:
            command = [self.binary, "--config", self.home / "cxc.toml", "--data", self.home / "data", "up"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        start = time.monotonic()
        while time.monotonic() - start < READY_SECONDS:
            if self.process.poll() is not None:
                sys.exit(f"error: the server ended at its start:\n{self.tail()}")
            try:
                if ask("GET", f"{self.url}/health/ready")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.__exit__()
        sys.exit(f"error: the server was not ready within {READY_SECONDS} s:\n{self.tail()}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def tail(self):
        return self.log.read_text(errors="replace")[-4000:]


def expect(status, answer, what):
    if answer[0] != status:
        sys.exit(f"error: {what}: {answer[0]} {answer[2]}")
    return answer


def sign_in(server):
    """The id and a token of a program that may do all that an administrator may, in a tenant of its own."""
    api = server.url + BASE
    server.run("tenant", "add", "Fuzz", "--domain", "fuzz")
    server.run("user", "add", "fuzz\\admin", "--role", "administrator", "--password-stdin", stdin=PASSWORD)
    login = {"username": "fuzz\\admin", "password": PASSWORD}
    _, headers, session = expect(200, ask("POST", f"{api}/auth/login", login), "the administrator signs in")
    signed_in = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": session["csrfToken"]}
    wanted = {"name": "fuzzer", "scopes": session["scopes"]}
    made = expect(201, ask("POST", f"{api}/api-clients", wanted, headers=signed_in), "an API client is made")[2]
    form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["clientSecret"]}
    token = expect(200, ask("POST", f"{api}/auth/token", form=form), "the API client gets a token")[2]
    return made["id"], token["access_token"]


def fuzz(home, url, client, token, options):
    command = [
        ROOT / ".venv/bin/schemathesis",
        "--config-file", HERE / "schemathesis.toml",
        "--no-color",
        "run", f"{url}{BASE}/openapi.json",
        "--header", f"Authorization: Bearer {token}",
        *options,
    ]  # fmt: skip
    limit = int(os.environ.get("CXC_TEST_FUZZ_SECONDS", "600"))
    environment = os.environ | {
        "CXC_TEST_FUZZER": client,
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    start = time.monotonic()
    try:
        # in the temporary folder: what the tool remembers is not ours to keep
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, timeout=limit, cwd=home, env=environment
        ).returncode
    except subprocess.TimeoutExpired:
        sys.exit(f"error: fuzzing took longer than {limit} s")
    print(f"fuzzing took {time.monotonic() - start:.0f} s", flush=True)
    return status


def main():
    with tempfile.TemporaryDirectory(prefix="cxc-fuzz-") as folder:
        server = Server(pathlib.Path(folder))
        with server:
            client, token = sign_in(server)
            status = fuzz(server.home, server.url, client, token, sys.argv[1:])
            # a token that no longer holds would have made every answer a harmless 401
            if ask("GET", f"{server.url}{BASE}/me", headers={"Authorization": f"Bearer {token}"})[0] != 200:
                sys.exit("error: the fuzzer's token no longer holds: later cases tested nothing")
            if server.process.poll() is not None:
                sys.exit(f"error: the server ended while it was fuzzed:\n{server.tail()}")
        if "panicked at" in server.log.read_text(errors="replace"):
            sys.exit(f"error: the server panicked:\n{server.tail()}")
    sys.exit(status)


if __name__ == "__main__":
    main()
