#!/usr/bin/env python3
"""What limits, circuits and second attempts do under load: Troupe in front of the replay, on free loopback ports.

usage: bench/resilience.py BUILD_DIR [CASE ...]     cases: rate, retry_after, outage, hedge, crowd, shed (all)
One JSON line a case. The replay's own log says what reached the upstream.
"""
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

build = pathlib.Path(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[1]
SEARCH = "/api/v2/books/search?strategy=fallback&limit=4&q=dune+{}"
FREE = {"limits.global.rate": 1_000_000, "limits.global.burst": 1_000_000, "limits.client.enabled": "false",
        **{f"providers.{p}.{k}": v for p in ("google", "openlibrary")
           for k, v in (("rate", 1_000_000), ("burst", 1_000_000), ("concurrency", 512))}}


def say(**line):
    print(json.dumps(line), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(method, url, body=None):
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


class World:
    """The replay and Troupe in front of it; stopped by their process ids."""

    def __init__(self, **settings):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="troupe_bench."))
        self.replay_port, self.port = free_port(), free_port()
        upstream = f"http://127.0.0.1:{self.replay_port}"
        wanted = {**FREE, "providers.google.url": upstream, "providers.openlibrary.url": upstream,
                  **{k.replace("__", "."): v for k, v in settings.items()}}
        self.processes = [
            self.start("replay", "--catalogue", root / "config/demo-catalogue.csv", "--listen", f"127.0.0.1:{self.replay_port}"),
            self.start("up", "--http", f"127.0.0.1:{self.port}", "--data-dir", self.dir / "data", "--log-level", "error",
                       *[x for k, v in wanted.items() for x in ("--set", f"{k}={v}")])]
        for port, path in ((self.replay_port, "/__replay/stats"), (self.port, "/health")):
            self.wait(f"http://127.0.0.1:{port}{path}")

    def start(self, *arguments):
        return subprocess.Popen([build / "troupe", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=open(self.dir / "log", "a"))

    def wait(self, url):
        for _ in range(500):
            if any(p.poll() is not None for p in self.processes):
                sys.exit((self.dir / "log").read_text())
            try:
                return call("GET", url)
            except OSError:
                time.sleep(0.01)
        sys.exit(f"{url} did not come up")

    def fault(self, **what):
        call("PUT", f"http://127.0.0.1:{self.replay_port}/__replay/faults", what)

    def heal(self):
        call("DELETE", f"http://127.0.0.1:{self.replay_port}/__replay/faults")

    def stats(self):
        return json.loads(call("GET", f"http://127.0.0.1:{self.replay_port}/__replay/stats"))

    def calls(self):
        return sum(self.stats()["calls"].values())

    def load(self, rate, seconds, path=SEARCH):
        out = subprocess.run([build / "paced_bench", "x", f"http://127.0.0.1:{self.port}{path}", str(rate), str(seconds)],
                             capture_output=True, text=True).stdout
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in reversed(self.processes):
            p.send_signal(signal.SIGTERM)
        for p in self.processes:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def rate():
    """60 s of ten times what the global limit allows."""
    with World(limits__global__rate=40, limits__global__burst=40, request__retries=0, request__deadline="2s",
               providers__google__attempt_timeout="1s", providers__openlibrary__attempt_timeout="1s") as w:
        seen = []
        begun = time.monotonic()
        load = subprocess.Popen([build / "paced_bench", "x", f"http://127.0.0.1:{w.port}{SEARCH}", "400", "60"],
                                stdout=subprocess.PIPE, text=True)
        while load.poll() is None:
            time.sleep(2)
            seen += w.stats()["log"]
        elapsed = time.monotonic() - begun
        times = sorted({e["t_ms"] for e in seen + w.stats()["log"]})
        calls = w.calls()
        most = max(sum(1 for t in times if start <= t < start + 1000) for start in times)
        per_second = (sum(1 for t in times if t < times[0] + 60_000) - 40) / 60
        say(case="rate_40_under_400", seconds=round(elapsed), calls=calls, calls_less_burst_per_s=round(per_second, 2),
            most_in_one_second=most, **{k: v for k, v in json.loads(load.stdout.read()).items() if k != "case"})


def retry_after():
    """429 with Retry-After 2: nothing reaches the provider in those two seconds."""
    with World(request__retries=0, providers__google__rate=20, providers__google__burst=20) as w:
        w.load(50, 1)
        w.fault(provider="google", fault="rate_limited", retry_after_s=2)
        before = w.calls()
        first = time.monotonic()
        load = subprocess.Popen([build / "paced_bench", "x", f"http://127.0.0.1:{w.port}{SEARCH}", "50", "5"], stdout=subprocess.PIPE, text=True)
        load.wait()
        google = sorted(e["t_ms"] for e in w.stats()["log"] if e["provider"] == "google" and e["fault"])
        gaps = [round(b - a) for a, b in zip(google, google[1:]) if b - a > 1000]
        say(case="429_retry_after_2s", limited_calls=len(google), gaps_ms=gaps, calls=w.calls() - before, seconds=round(time.monotonic() - first))


def outage():
    """Both providers down under 500 requests a second."""
    with World() as w:
        for p in ("google", "openlibrary"):
            w.fault(provider=p, fault="status", status=503)
        first = w.load(500, 2, SEARCH.replace("strategy=fallback&", ""))
        opening = w.calls()
        second = w.load(500, 28, SEARCH.replace("strategy=fallback&", ""))
        say(case="total_outage_500_per_s", inbound=first["n"] + second["n"], calls_in_first_2s=opening,
            calls_in_next_28s=w.calls() - opening, p50_us=second["p50_us"], p99_us=second["p99_us"], max_us=second["max_us"])


def hedge():
    """One call in fifty takes 100 ms longer: with and without second attempts."""
    result = {}
    for percent in (0, 5):
        with World(providers__google__hedge__percent=percent, providers__openlibrary__hedge__percent=percent) as w:
            w.load(200, 3)  # what is usual
            w.fault(provider="google", fault="latency", latency_ms=100, ratio=0.02)
            w.load(200, 3)
            before = w.calls()
            r = w.load(200, 20)
            result[percent] = (r["p50_us"], r["p99_us"], (w.calls() - before) / r["n"])
    say(case="hedging_2_percent_slow", p99_us_without=result[0][1], p99_us_with=result[5][1], times=round(result[0][1] / result[5][1], 1),
        p50_us_with=result[5][0], calls_a_request=round(result[5][2], 3), calls_a_request_without=round(result[0][2], 3))


def crowd():
    """10,000 clients miss one key at once: one call upstream (strategy fallback), answered to all."""
    with World() as w:
        w.fault(provider="google", fault="latency", latency_ms=1500)  # until all have asked
        before = w.calls()
        out = subprocess.run([build / "burst_bench", "crowd_of_10000_on_one_key", "127.0.0.1", str(w.port), SEARCH.format("one"), "10000"],
                             capture_output=True, text=True)
        say(**json.loads(out.stdout or json.dumps({"failed": out.stderr})), upstream_calls=w.calls() - before)


def shed():
    """As many fetches under way as are allowed, all hanging: what another miss is told, and how soon."""
    with World(http__max_inflight_fetches=50, providers__google__attempt_timeout="10s") as w:
        for p in ("google", "openlibrary"):
            w.fault(provider=p, fault="hang")
        waiting = [socket.create_connection(("127.0.0.1", w.port)) for _ in range(50)]
        for i, s in enumerate(waiting):
            s.sendall(f"GET {SEARCH.format(f'fill{i}')} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        time.sleep(1)
        r = w.load(500, 4)
        for s in waiting:
            s.close()
        say(case="shed_past_50_fetches", n=r["n"], refused=r["failed"], p50_us=r["p50_us"], p99_us=r["p99_us"], max_us=r["max_us"])


CASES = {"rate": rate, "retry_after": retry_after, "outage": outage, "hedge": hedge, "crowd": crowd, "shed": shed}
for name in sys.argv[2:] or CASES:
    CASES[name]()
