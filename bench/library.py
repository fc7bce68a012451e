#!/usr/bin/env python3
"""A library's export through upload, reading and warming, against the replay: how fast, how much memory, whether every
search of it is a hit afterwards, and what live searches notice meanwhile.

usage: bench/library.py BUILD_DIR [CATALOGUE [CASE ...]]     cases: warm, live, limits (all)
CATALOGUE is a CSV, perhaps packed (default: config/demo-catalogue.csv); the replay answers from it and it is what is
uploaded. One JSON line a case.
"""
import csv
import gzip
import http.client
import io
import json
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

build = pathlib.Path(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[1]
catalogue = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "config/demo-catalogue.csv"
PROVIDERS = ("google", "openlibrary", "isbndb")
FREE = {"limits.global.rate": 1_000_000, "limits.global.burst": 1_000_000, "limits.client.enabled": "false",
        **{f"providers.{p}.{k}": v for p in PROVIDERS
           for k, v in (("rate", 1_000_000), ("burst", 1_000_000), ("concurrency", 512))}}


def say(**line):
    print(json.dumps(line), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def plain(path):
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def is_isbn(text):
    """Whether the check digit is right (ISO 2108)."""
    if len(text) == 13 and text.isdigit():
        return sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(text)) % 10 == 0
    if len(text) == 10 and text[:9].isdigit() and text[9] in "0123456789Xx":
        return sum((10 - i) * (10 if d in "Xx" else int(d)) for i, d in enumerate(text)) % 11 == 0
    return False


def searches(text):
    """What its owner will search for: every title, author and valid ISBN-13 or -10, as the file has them."""
    out = []
    for row in csv.DictReader(io.StringIO(text)):
        row = {k.strip().lower(): v for k, v in row.items() if k}
        if row.get("title"):
            out.append("/search/title?q=" + urllib.parse.quote(row["title"]))
        for name in (row.get("authors") or row.get("author") or "").split(", "):
            if name.strip():
                out.append("/search/author?q=" + urllib.parse.quote(name.strip()))
        isbn = (row.get("isbn13") or "") if (row.get("isbn13") or "").isdigit() else (row.get("isbn") or "").zfill(10)
        if isbn.strip("0") and is_isbn(isbn):
            out.append("/search/isbn?isbn=" + isbn)
    return list(dict.fromkeys(out))


class World:
    def __init__(self, limits):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="troupe_bench."))
        self.replay_port, self.port = free_port(), free_port()
        upstream = f"http://127.0.0.1:{self.replay_port}"
        wanted = {**limits, **{f"providers.{p}.url": upstream for p in PROVIDERS}}
        log = open(self.dir / "log", "a")
        env = {"TROUPE_SECRET_ISBNDB_KEY": "bench", "HOME": str(self.dir), "PATH": "/usr/bin:/bin"}
        self.replay = subprocess.Popen([build / "troupe", "replay", "--catalogue", catalogue, "--listen",
                                        f"127.0.0.1:{self.replay_port}"], stdout=log, stderr=log)
        self.troupe = subprocess.Popen(
            [build / "troupe", "up", "--http", f"127.0.0.1:{self.port}", "--data-dir", self.dir / "data", "--log-level",
             "error", *[x for k, v in wanted.items() for x in ("--set", f"{k}={v}")]], stdout=log, stderr=log, env=env)
        for port, path in ((self.replay_port, "/__replay/stats"), (self.port, "/health")):
            end = time.monotonic() + 20
            while True:
                try:
                    self.get(path, port)
                    break
                except OSError:
                    if time.monotonic() > end:
                        sys.exit((self.dir / "log").read_text())
                    time.sleep(0.02)

    def get(self, path, port=None, method="GET", body=None, headers={}):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        c.request(method, path, body, headers)
        answer = c.getresponse()
        out = answer.status, dict(answer.headers), answer.read()
        c.close()
        return out

    def calls(self):
        stats = json.loads(self.get("/__replay/stats", self.replay_port)[2])
        return sum(p["calls"] if isinstance(p, dict) else p for p in (stats.get("calls") or stats.get("providers")).values())

    def upload(self, data):
        status, headers, body = self.get("/warm/upload?library=bench", method="POST", body=data,
                                         headers={"Content-Type": "text/csv"})
        if status != 202:
            sys.exit(f"upload: {status} {body!r}")
        return json.loads(body)["job_id"]

    def job(self, identity):
        return json.loads(self.get(f"/jobs/{identity}")[2])

    def wait(self, identity, state=("done", "failed", "cancelled"), phase=None):
        while True:
            job = self.job(identity)
            if job["state"] in state or (phase and job["phase"] == phase):
                return job
            time.sleep(0.05)

    def peak_mb(self):
        for line in open(f"/proc/{self.troupe.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in (self.troupe, self.replay):
            p.send_signal(signal.SIGTERM)
        for p in (self.troupe, self.replay):
            p.wait(30)
        shutil.rmtree(self.dir, ignore_errors=True)


def in_threads(world, paths, threads=4):
    """Each path once; (status, X-Cache, seconds) of each."""
    out, lock, rest = [], threading.Lock(), iter(paths)

    def work():
        c = http.client.HTTPConnection("127.0.0.1", world.port, timeout=60)
        while True:
            with lock:
                path = next(rest, None)
            if path is None:
                return
            begun = time.monotonic()
            c.request("GET", path)
            a = c.getresponse()
            a.read()
            with lock:
                out.append((a.status, a.headers.get("X-Cache", ""), time.monotonic() - begun, path))

    all_threads = [threading.Thread(target=work) for _ in range(threads)]
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()
    return out


def warm():
    data = plain(catalogue)
    books = max(0, sum(1 for _ in csv.reader(io.StringIO(data.decode("utf-8", "replace")))) - 1)
    with World(FREE) as w:
        before = w.peak_mb()
        begun = time.monotonic()
        identity = w.upload(data)
        w.wait(identity, phase="warming")
        parsed = time.monotonic()
        job = w.wait(identity)
        ended = time.monotonic()
        calls = w.calls()
        say(case="library_warm", books=books, mb=round(len(data) / 1e6, 2), upload_and_parse_s=round(parsed - begun, 2),
            warm_s=round(ended - parsed, 2), books_per_s=round(books / (ended - parsed)),
            items_per_s=round(job["counts"]["items"] / (ended - parsed)), counts=job["counts"], state=job["state"],
            provider_calls=calls, rss_mb_before=before, rss_mb_peak=w.peak_mb())
        paths = searches(data.decode("utf-8", "replace"))
        found = in_threads(w, paths)
        missed = [f for f in found if not f[1].startswith("HIT")]
        say(case="library_searched_again", searches=len(found), hits=len(found) - len(missed),
            not_200=sum(f[0] != 200 for f in found), provider_calls=w.calls() - calls, first_misses=[f[3] for f in missed[:5]])


def quantile(values, q):
    return round(sorted(values)[int(len(values) * q)] * 1000, 2)


def live():
    """Hits and misses of one client, with the warmer at work and without."""
    data = plain(catalogue)
    asked = [f"/api/v2/books/search?q=live+{i}" for i in range(400)]
    with World(FREE) as w:
        alone = in_threads(w, asked, 1)
        identity = w.upload(data)
        w.wait(identity, phase="warming")
        during, i = [], 0
        while w.job(identity)["state"] == "running" and len(during) < 2_000:
            during += in_threads(w, [f"/api/v2/books/search?q=during+{i}+{k}" for k in range(20)], 1)
            i += 1
        ratio = quantile([f[2] for f in during], 0.99) / max(0.01, quantile([f[2] for f in alone], 0.99))
        say(case="library_live_misses", alone_p50_ms=quantile([f[2] for f in alone], 0.5),
            alone_p99_ms=quantile([f[2] for f in alone], 0.99), during_p50_ms=quantile([f[2] for f in during], 0.5),
            during_p99_ms=quantile([f[2] for f in during], 0.99), times=round(ratio, 2), asked=len(during))


def limits():
    """300 books under the limits as they are by default, against the time that those dictate."""
    rows = plain(catalogue).decode("utf-8", "replace").splitlines(keepends=True)
    data = "".join(rows[:301]).encode()
    with World({"limits.client.enabled": "false"}) as w:
        begun = time.monotonic()
        job = w.wait(w.upload(data))
        took = time.monotonic() - begun
        stats = json.loads(w.get("/__replay/stats", w.replay_port)[2])
        say(case="library_default_limits", took_s=round(took, 1), counts=job["counts"], state=job["state"], calls=stats)


chosen = sys.argv[3:] or ["warm", "live", "limits"]
for name in chosen:
    {"warm": warm, "live": live, "limits": limits}[name]()
