"""Starts the real program on free loopback ports, with a data directory of its own, and stops it by its process id."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_S = 20  # for anything to happen at all, on a busy machine


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


def call(port, target, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def environment(**extra):
    """What the program sees: nothing of the caller's TROUPE_ variables."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TROUPE_")}
    env.update(extra)
    return env


def run(*args, env=None):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=PATIENCE_S, env=env or environment())


class Troupe:
    """`troupe up --demo` with both ports free ones; use it in a `with`."""

    def __init__(self, *args, env=None, demo=True, data_dir=None):
        self.own_dir = None if data_dir else tempfile.mkdtemp(prefix="troupe_test.")
        self.data_dir = data_dir or self.own_dir
        command = [PROGRAM, "up", "--http", "127.0.0.1:0", "--data-dir", self.data_dir, *args]
        if demo:
            command += ["--demo", "--demo-listen", "127.0.0.1:0"]
        self.stdout = tempfile.TemporaryFile("w+")  # rather than a pipe, which nobody would read while it fills
        self.process = subprocess.Popen(
            command, stdout=self.stdout, stderr=subprocess.PIPE, text=True, env=env or environment())
        self.lines = []
        self.seen = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.port = int(self.wait_for(r"Ready on https?://[^ ]*:(\d+)").group(1))
        self.replay = int(self.wait_for(r"replay on port (\d+)").group(1)) if demo else None

    def _read(self):
        for line in self.process.stderr:
            with self.seen:
                self.lines.append(line)
                self.seen.notify_all()
        with self.seen:
            self.lines.append("<end>")
            self.seen.notify_all()

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE_S
        with self.seen:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                if "<end>" in self.lines or not self.seen.wait(deadline - time.monotonic()):
                    raise AssertionError(f"no line like {pattern!r} in:\n" + "".join(self.lines))

    def output(self):
        """What the program has written to its standard output so far."""
        self.stdout.seek(0)
        return self.stdout.read()

    def get(self, target, *, method="GET", body=None, **headers):
        return call(self.port, target, method, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def fault(self, **fault):
        answer = call(self.replay, "/__replay/faults", "PUT", json.dumps(fault))
        assert answer.status // 100 == 2, answer.body

    def heal(self):
        assert call(self.replay, "/__replay/faults", "DELETE").status // 100 == 2

    def stop(self, number=signal.SIGTERM):
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        self.stdout.close()
        if self.own_dir:
            shutil.rmtree(self.own_dir, ignore_errors=True)
