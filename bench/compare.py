#!/usr/bin/env python3
"""HTTP as a client sees it: Troupe beside nginx (`return 200` and `proxy_cache` of the same bytes), in one run, in turn.

usage: bench/compare.py BUILD_DIR     settings: ROUNDS (3), SECONDS_EACH (4)
Everything listens on free loopback ports and is stopped by its process id. One JSON line a case, medians over the rounds;
cpu_us is the server's own user and system time a request, the steadier figure on a busy machine.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

build = pathlib.Path(sys.argv[1])
rounds = int(os.environ.get("ROUNDS", 3))
seconds = int(os.environ.get("SECONDS_EACH", 4))
root = pathlib.Path(__file__).resolve().parents[1]
work = pathlib.Path(tempfile.mkdtemp(prefix="troupe_bench."))
started = []


def say(**line):
    print(json.dumps(line), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(*command, log):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(work / log, "w"))
    started.append(process)
    return process


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read(), dict(answer.headers)


def wait_until_up(url, process):
    begun = time.monotonic()
    while time.monotonic() - begun < 10:
        if process.poll() is not None:
            sys.exit("ended: " + " ".join(process.args) + "\n" + "".join(f.read_text() for f in work.glob("*.log")))
        try:
            get(url)
            return (time.monotonic() - begun) * 1000
        except OSError:
            time.sleep(0.002)
    sys.exit(f"{url} did not come up")


def cpu_s(pid):
    total = 0
    for p in [str(pid), *subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]:
        fields = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def wrk(url, process, connections=64, script=None):
    before = cpu_s(process.pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if script:
        command += ["-s", str(script)]
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    used = cpu_s(process.pid) - before
    number = int(re.search(r"(\d+) requests in", out).group(1))
    unit = {"us": 1, "ms": 1000, "s": 1e6}
    p = {q: float(v) * unit[u] for q, v, u in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", out)}
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), "p50_us": p["50"], "p99_us": p["99"],
            "cpu_us": used * 1e6 / max(number, 1), "bad": int(bad.group(1)) if bad else 0}


def median(samples):
    return {k: round(statistics.median(s[k] for s in samples), 1) for k in samples[0]}


def nginx(body, upstream):
    direct, cached = free_port(), free_port()
    (work / "nginx").mkdir()
    # nginx takes no literal longer than its configuration buffer (4 kB); what the bytes are is all one to it.
    literal = "x" * min(len(body), 4000)
    user = "user root; " if os.geteuid() == 0 else ""  # its worker must reach our temporary folder
    config = f"""
{user}daemon off; worker_processes 1; error_log {work}/nginx/error.log warn; pid {work}/nginx/pid;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {work}/nginx/b; proxy_temp_path {work}/nginx/p; fastcgi_temp_path {work}/nginx/f;
  uwsgi_temp_path {work}/nginx/u; scgi_temp_path {work}/nginx/s;
  proxy_cache_path {work}/nginx/cache levels=1:2 keys_zone=books:16m inactive=10m use_temp_path=off;
  server {{ listen 127.0.0.1:{direct}; location / {{ default_type application/json; return 200 '{literal}'; }} }}
  server {{ listen 127.0.0.1:{cached}; location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_cache books;
    proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Expires Vary; }} }}
}}"""
    (work / "nginx.conf").write_text(config)
    process = start("nginx", "-p", str(work), "-c", str(work / "nginx.conf"), log="nginx.log")
    wait_until_up(f"http://127.0.0.1:{direct}/", process)
    return process, direct, cached


def main():
    replay_port, port = free_port(), free_port()
    replay = start(str(build / "troupe"), "replay", "--catalogue", str(root / "config/demo-catalogue.csv"), "--listen",
                   f"127.0.0.1:{replay_port}", log="replay.log")
    wait_until_up(f"http://127.0.0.1:{replay_port}/__replay/stats", replay)
    many = 1_000_000
    settings = [f"providers.{p}.{k}={v}" for p in ("google", "openlibrary")
                for k, v in (("url", f"http://127.0.0.1:{replay_port}"), ("rate", 1000000), ("burst", 1000000), ("concurrency", 256))]
    # The client limit is on; it only does not refuse.
    settings += ["limits.global.rate=1000000", "limits.global.burst=1000000", f"limits.client.search={many}/1s"]
    command = [str(build / "troupe"), "up", "--http", f"127.0.0.1:{port}", "--data-dir", str(work / "data"), "--log-level", "error"]
    for s in settings:
        command += ["--set", s]
    troupe = start(*command, log="troupe.log")
    base = f"http://127.0.0.1:{port}"
    ready = wait_until_up(base + "/health", troupe)
    time.sleep(1)
    status = pathlib.Path(f"/proc/{troupe.pid}/status").read_text()
    say(case="start", ready_ms=round(ready), idle_rss_mb=round(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024, 1))

    hit = base + "/api/v2/books/search?q=dune&limit=3"
    get(hit)
    body, headers = get(hit)
    assert headers["X-Cache"] == "HIT-KV-HOT", headers
    server, direct, cached = nginx(body, port)
    path = "/api/v2/books/search?q=dune&limit=3"
    get(f"http://127.0.0.1:{cached}{path}")
    targets = {"troupe_cached": (hit, troupe), "nginx_return_200": (f"http://127.0.0.1:{direct}/", server),
               "nginx_proxy_cache": (f"http://127.0.0.1:{cached}{path}", server)}
    samples = {name: [] for name in targets}
    for _ in range(rounds):
        for name, (url, process) in targets.items():
            samples[name].append(wrk(url, process))
    results = {name: median(s) for name, s in samples.items()}
    sizes = {"troupe_cached": len(body), "nginx_proxy_cache": len(body), "nginx_return_200": len(get(targets["nginx_return_200"][0])[0])}
    for name, r in results.items():
        say(case=name, body_bytes=sizes[name], **r)
    say(case="ratios", to_return_200=round(results["troupe_cached"]["rps"] / results["nginx_return_200"]["rps"], 2),
        to_proxy_cache=round(results["troupe_cached"]["rps"] / results["nginx_proxy_cache"]["rps"], 2))

    unique = work / "unique.lua"
    unique.write_text(f'local n = {int(time.time())} * 1000\nrequest = function() n = n + 1; '
                      'return wrk.format("GET", "/api/v2/books/search?limit=4&q=dune+" .. n) end\n')
    say(case="unique_misses_full_load", **median([wrk(base, troupe, script=unique) for _ in range(rounds)]))
    paced = [str(build / "paced_bench")]
    for name, url in (("replay_direct_200_per_s", f"http://127.0.0.1:{replay_port}/search.json?limit=4&q=dune+{{}}"),
                      ("miss_200_per_s", f"{base}/api/v2/books/search?limit=4&q=dune+p{{}}")):
        print(subprocess.run([*paced, name, url, "200", str(seconds * 2)], capture_output=True, text=True).stdout.strip(), flush=True)
    print(subprocess.run([str(build / "actors_bench"), f"http://127.0.0.1:{direct}/"], capture_output=True, text=True).stdout.strip())


try:
    main()
finally:
    for p in reversed(started):
        p.send_signal(signal.SIGTERM)
    for p in started:
        try:
            p.wait(15)
        except subprocess.TimeoutExpired:
            p.kill()
    shutil.rmtree(work, ignore_errors=True)
