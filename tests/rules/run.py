#!/usr/bin/env python3
"""Who may include whom, and what keeps the tree readable: the rules of the design, as a test."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
sources = sorted(p for top in ("messages", "actors", "storage", "apps") for p in (root / top).rglob("*.[ch]pp"))
failures = []

# The headers of messages/ that need the standard library alone (result.hpp: and Boost.Outcome).
VALUES = {"messages/types.hpp", "messages/errors.hpp", "messages/result.hpp", "messages/outcome.hpp",
          "messages/task.hpp", "messages/histogram.hpp", "messages/metric.hpp", "messages/answer.hpp",
          "messages/call.hpp", "messages/job.hpp", "messages/schedule.hpp"}


# The actors in front of storage, and the actor folders that others may include.
BEFORE_STORAGE = {"store", "kv", "objects", "pool", "scheduler"}
SHARED = {"timer", "pool", "circuit"}


def includes(path):
    return [(n, m.group(1)) for n, line in enumerate(path.read_text().splitlines(), 1)
            if (m := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line))]


def is_shell(path):
    """actors/x/x.cpp and x.hpp are the actor; the rest of the folder are its pure cores."""
    return path.stem == path.parent.name


def complain(path, line, text):
    failures.append(f"{path.relative_to(root)}:{line}: {text}")


for path in sources:
    name = path.relative_to(root).as_posix()
    top, *rest = name.split("/")
    for line, target in includes(path):
        own = target.split("/")[0] in ("messages", "actors", "storage", "apps", "tests")
        if target.startswith("apps/") and top != "apps":
            complain(path, line, f"nothing but apps includes apps: {target}")
        if target.startswith("tests/"):
            complain(path, line, f"only tests include tests: {target}")
        if top == "messages":
            if own and not target.startswith("messages/"):
                complain(path, line, f"messages include messages alone: {target}")
            if name in VALUES and (target.startswith("caf/") or own and target not in VALUES):
                complain(path, line, f"a value header needs the standard library alone: {target}")
        if top == "storage":
            if own and not target.startswith("storage/") and target not in VALUES:
                complain(path, line, f"storage includes storage and the value headers: {target}")
            if target.startswith("caf/"):
                complain(path, line, f"storage knows no CAF: {target}")
        if top == "actors":
            folder = rest[0]
            if target.startswith("actors/") and target.split("/")[1] not in {folder, *SHARED}:
                complain(path, line, f"actor {folder} includes another: {target}")
            if target.startswith("storage/") and folder not in BEFORE_STORAGE:
                complain(path, line, f"only the actors in front of storage include it: {target}")
            if not is_shell(path) and (target.startswith("caf/") or target.startswith("messages/") and target not in VALUES):
                complain(path, line, f"a pure core includes no CAF: {target}")
        # `troupe warm` is a client of a node that may be elsewhere: it has no actor system to ask an http_client in.
        if target.startswith("curl/") and not name.startswith(("actors/http_client/", "storage/s3/", "apps/troupe/warm.")):
            complain(path, line, "curl only in http_client, storage/s3 and the troupe warm command")
        if target.startswith("pqxx/") and not name.startswith("storage/postgres/"):
            complain(path, line, "pqxx only in storage/postgres")
        if target == "sqlite3.h" and not name.startswith("storage/sqlite/"):
            complain(path, line, "sqlite3 only in storage/sqlite")
        if target in ("archive.h", "archive_entry.h") and not name.startswith("storage/archive."):
            complain(path, line, "libarchive only in storage/archive")
        if target.startswith(("boost/beast", "boost/asio")) and not name.startswith("apps/http/"):
            complain(path, line, "Beast only in apps/http")
        if target.startswith("openssl/") and not name.startswith(("apps/http/t", "apps/bridge/api_keys.", "storage/digest.", "storage/s3/")):
            complain(path, line, "OpenSSL only in TLS, API keys, storage/digest and storage/s3")
        if target in ("caf/all.hpp", "caf/io/all.hpp"):
            complain(path, line, "caf/all.hpp costs 7 s a file")
    text = path.read_text()
    if name != "actors/timer/timer.hpp" and (m := re.search(r"caf::infinite", text)):
        complain(path, text[:m.start()].count("\n") + 1, "by_its_deadline (actors/timer/timer.hpp) says why there is no time-out")
    lines = text.count("\n")
    if lines > 500:
        complain(path, lines, "over 500 lines: two ideas in one file?")
    spawns = re.search(r"\bspawn(<[^>]*>)?\(", text)
    if spawns and top in ("messages", "storage") or spawns and top == "actors" and not name.startswith("actors/orchestrator/"):
        complain(path, text[:spawns.start()].count("\n") + 1, "only the orchestrator, apps and tests spawn")
    if top == "messages" and (m := re.search(r"^[^/\n]*\b(double|float)\b", text, re.M)):
        complain(path, text[:m.start()].count("\n") + 1, "no floating point in messages")

for path in sorted((root / "tests").rglob("*.[ch]pp")):
    text = path.read_text()
    if (lines := text.count("\n")) > 500:
        complain(path, lines, "over 500 lines: two subjects in one file?")
    if path.name != "eventually.hpp" and (m := re.search(r"\bsleep_(for|until)\(", text)):
        complain(path, text[:m.start()].count("\n") + 1, "tests wait for an event, or with eventually()")

# The documents name no machine and no path of one.
for path in [root / "README.md", *root.glob("*/README.md"), *root.glob("config/*.toml")]:
    if path.exists() and (m := re.search(r"/(work|home|root)/\w", path.read_text())):
        complain(path, 1, f"a machine's path: {m.group(0)}")

if not sources:
    failures.append(f"{root}: no sources found")
print("\n".join(failures) or f"{len(sources)} files keep the rules")
print(f"{len(sources) - len({f.split(':')[0] for f in failures})} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
