"""`troupe warm` against a node of the test's own."""
import gzip
import http.server
import json
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from harness import PATIENCE_S, PROGRAM, ROOT, environment, run

FIXTURES = ROOT.parent / "shared/fixtures/csv"
BOOKS = b"Title,Author,ISBN13\nDune,Frank Herbert,9780441172719\nEmma,Jane Austen,\nDune,Frank Herbert,9780441172719\n,,\n,Nobody,\n"
JOB = "0123456789abcdef0123456789abcdef"


def event(number, name, **data):
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


PROGRESS = dict(phase="warming", counts=dict(rows=4, items=4, done=2, failed=0, hits=0), percent_hundredths=5000,
                items_per_1000_s=2000, left_ms=1000, errors={})
DONE = dict(counts=dict(rows=4, items=4, done=4, failed=0, hits=1), errors={})


class Node:
    """Takes uploads, and serves each connection to a job's events the next of `streams`: bytes, or a status."""

    def __init__(self, *streams, upload=202, hold=False):
        node = self
        self.streams, self.uploads, self.asked = list(streams), [], []
        self.hold = threading.Event()  # while it is not set, a stream stays open
        if not hold:
            self.hold.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body):
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                node.uploads.append((self.path, dict(self.headers), body))
                self.answer(upload, {"job_id": JOB} if upload == 202 else {"error": "no", "message": "the upload is empty"})

            def do_GET(self):
                node.asked.append((self.path, dict(self.headers)))
                stream = node.streams.pop(0) if node.streams else 404
                if stream == 204:
                    self.send_response(stream)
                    return self.end_headers()
                if isinstance(stream, int):
                    return self.answer(stream, {"error": "Not found", "message": "no such job"})
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(stream)
                self.wfile.flush()
                node.hold.wait(PATIENCE_S)
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Warm(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe_test.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name="my books.csv", content=BOOKS):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    # ---- without a node

    def test_a_dry_run_tells_what_is_in_the_file(self):
        result = run("warm", self.file(), "--dry-run")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for line in (r"rows +4", r"accepted +2", r"duplicates +1", r"  line 4: duplicate: ", r"rejected +1",
                     r"  nameless +1", r"  line 6: nameless: "):
            self.assertRegex(result.stdout, rf"(?m)^{line}")

    def test_a_dry_run_as_json(self):
        path = self.file("books.csv.gz", gzip.compress(BOOKS))
        result = run("warm", path, "--dry-run", "--json")
        found = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0)
        self.assertEqual([found[k] for k in ("rows", "accepted", "duplicates", "rejected", "gzip", "with_isbn")],
                         [4, 2, 1, 1, True, 1])
        self.assertEqual([(r["line"], r["cause"]) for r in found["rejections"]], [(6, "nameless"), (4, "duplicate")])
        self.assertTrue(all(r["reason"] for r in found["rejections"]))

    def test_the_first_twenty_rejected_rows_are_told_or_all(self):
        path = self.file(content=b"Title,Author\n" + b",Nobody\n" * 50)
        few, many = run("warm", path, "--dry-run"), run("warm", path, "--dry-run", "--all")
        self.assertEqual(len(re.findall(r"(?m)^  line ", few.stdout)), 20)
        self.assertIn("and 30 more", few.stdout)
        self.assertEqual(len(re.findall(r"(?m)^  line ", many.stdout)), 50)
        self.assertNotIn("more", many.stdout)

    def test_a_file_that_is_no_library_or_cut_off_fails_with_its_reason(self):
        cut = self.file("cut.csv.gz", gzip.compress(BOOKS)[:-5])
        result = run("warm", cut, "--dry-run")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the gzip file is cut off", result.stderr)
        result = run("warm", self.file("no.csv", b"Colour,Size\nred,1\n"), "--dry-run")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)

    def test_real_exports_are_read(self):
        if not FIXTURES.exists():
            print("\n*** LEFT OUT: the recorded exports are not beside the project ***", file=sys.stderr)
            self.skipTest("no recorded exports")
        for path in sorted(FIXTURES.iterdir()):
            found = json.loads(run("warm", str(path), "--dry-run", "--json").stdout)
            self.assertGreater(found["accepted"], 0, path)
            self.assertEqual(found["rows"], found["accepted"] + found["rejected"] + found["duplicates"], path)

    def test_wrong_use_is_refused(self):
        path = self.file()
        for args in ((), (path, "--job", "1"), ("no/such/file.csv",), (path, "--url", "ftp://x"), (path, "--library", "a b"),
                     (path, "--dry-run", "--watch"), (path, "--all"), (path, "--key", "a\nb"), (str(self.folder),),
                     ("no/such/file.csv", "--dry-run"), (path, "--url", "http://x/?a")):
            result = run("warm", *args)
            self.assertEqual(result.returncode, 2, (args, result.stderr))

    # ---- uploads

    def test_the_file_is_uploaded_as_it_is_and_the_job_told(self):
        with Node() as node:
            result = run("warm", self.file(), "--url", node.url + "/", "--library", "home", "--key", "k1")
            self.assertEqual((result.returncode, result.stdout), (0, JOB + "\n"), result.stderr)
            [(path, headers, body)] = node.uploads
            self.assertEqual(path, "/warm/upload?library=home&name=my%20books.csv")
            self.assertEqual(body, BOOKS)
            self.assertEqual(headers["Content-Type"], "text/csv")
            self.assertEqual(headers["Authorization"], "Bearer k1")
            packed = gzip.compress(BOOKS)
            result = run("warm", self.file("b.csv.gz", packed), "--url", node.url, "--json",
                         env=environment(TROUPE_API_KEY="k2"))
            self.assertEqual(json.loads(result.stdout), {"job_id": JOB})
            path, headers, body = node.uploads[1]
            self.assertEqual(path, "/warm/upload?library=default&name=b.csv.gz")
            self.assertEqual((body, headers["Content-Type"], headers["Authorization"]),
                             (packed, "application/gzip", "Bearer k2"))
            self.assertEqual(node.asked, [])

    def test_a_large_file_streams(self):
        content = b"Title,Author\n" + b"Dune,Frank Herbert\n" * 1_000_000
        with Node() as node:
            result = run("warm", self.file(content=content), "--url", node.url)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertTrue(node.uploads[0][2] == content)

    def test_what_comes_out_of_a_pipe_is_uploaded_too(self):
        with Node() as node:
            result = subprocess.run([PROGRAM, "warm", "/dev/stdin", "--url", node.url], input=BOOKS,
                                    capture_output=True, timeout=PATIENCE_S, env=environment())
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(node.uploads[0][2], BOOKS)

    def test_a_refused_upload_fails_with_what_the_node_says(self):
        with Node(upload=400) as node:
            result = run("warm", self.file(), "--url", node.url, "--watch")
            self.assertEqual(result.returncode, 1)
            self.assertIn("HTTP 400: the upload is empty", result.stderr)
            self.assertEqual(node.asked, [])
        result = run("warm", self.file(), "--url", node.url)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "(?i)connect")

    # ---- watching

    def test_a_job_is_followed_to_its_end(self):
        stream = (b"retry: 10\n\n: hello\n\n" + event(1, "state", state="running") + event(2, "phase", phase="parsing")
                  + event(3, "progress", **PROGRESS) + event(4, "done", **DONE))
        with Node(stream, hold=True) as node:  # the client goes by itself
            result = run("warm", self.file(), "--url", node.url, "--watch")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stdout, JOB + "\ndone (4 rows, 4 items, 4 done, 1 of them hits, 0 failed)\n")
            self.assertEqual(result.stderr.splitlines(), [
                "running", "parsing", "warming  [##########----------]  50.00 %  2 of 4  2.0/s  1 s left"])
            self.assertEqual(node.asked[0][0], f"/jobs/{JOB}/events")
            self.assertNotIn("Last-Event-ID", node.asked[0][1])

    def test_a_lost_connection_goes_on_after_the_last_event(self):
        whole = event(1, "state", state="running") + event(2, "progress", **PROGRESS)
        with Node(b"retry: 10\n\n" + whole + event(3, "done", **DONE)[:20], 503, event(3, "progress", **PROGRESS), b"",
                  event(4, "done", **DONE)) as node:
            result = run("warm", "--job", JOB, "--url", node.url, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            told = json.loads(result.stdout)
            self.assertEqual((told["job_id"], told["state"], told["counts"]["done"]), (JOB, "done", 4))
            self.assertEqual([headers.get("Last-Event-ID") for _, headers in node.asked], [None, "2", "2", "3", "3"])
            self.assertEqual(result.stderr, "")

    def test_heartbeats_alone_are_reason_enough_to_connect_again(self):
        quiet = [b"retry: 1\n\n"] + [b":\n\n"] * 15  # more than are tried in a row without a byte
        with Node(*quiet, event(1, "done", **DONE)) as node:
            result = run("warm", "--job", JOB, "--url", node.url)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(len(node.asked), len(quiet) + 1)

    def test_a_job_that_has_ended_without_a_word_is_not_asked_again(self):
        with Node(204) as node:
            result = run("warm", "--job", JOB, "--url", node.url)
            self.assertEqual(result.returncode, 1)
            self.assertIn("the job has ended", result.stderr)
            self.assertEqual(len(node.asked), 1)

    def test_a_job_that_fails_or_is_cancelled_ends_with_1(self):
        for data, line in ((dict(state="failed", message="no column tells a book"), "failed: no column tells a book\n"),
                           (dict(state="cancelled"), "cancelled\n")):
            with Node(event(1, "error", **data)) as node:
                result = run("warm", "--job", JOB, "--url", node.url)
                self.assertEqual((result.returncode, result.stdout), (1, line), result.stderr)

    def test_a_job_that_is_unknown_ends_with_1_and_no_second_try(self):
        with Node() as node:
            result = run("warm", "--job", "../x", "--url", node.url)
            self.assertEqual(result.returncode, 1)
            self.assertIn("HTTP 404: no such job", result.stderr)
            self.assertEqual([path for path, _ in node.asked], ["/jobs/..%2Fx/events"])

    def test_ctrl_c_leaves_the_job_and_says_how_to_see_it(self):
        with Node(event(1, "state", state="running"), hold=True) as node:
            process = subprocess.Popen([PROGRAM, "warm", "--job", JOB, "--url", node.url], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=environment())
            with process:
                self.assertEqual(process.stderr.readline(), "running\n")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=PATIENCE_S)
            self.assertEqual((process.returncode, out), (130, ""))
            self.assertIn(f"troupe warm --url {node.url} --job {JOB}", err)

    def test_on_a_terminal_progress_is_one_line(self):
        stream = event(1, "phase", phase="parsing") + event(2, "progress", **PROGRESS) + event(3, "done", **DONE)
        with Node(stream) as node:
            ours, theirs = pty.openpty()
            with open(ours, "rb", buffering=0) as screen:
                process = subprocess.Popen([PROGRAM, "warm", "--job", JOB, "--url", node.url], stdout=subprocess.DEVNULL,
                                           stderr=theirs, env=environment())
                with open(theirs, "rb"):  # kept open: Linux drops what a terminal without writers holds
                    self.assertEqual(process.wait(PATIENCE_S), 0)
                    shown, end = b"", time.monotonic() + PATIENCE_S
                    while not shown.endswith(b"\r\x1b[K") or b"warming" not in shown:
                        self.assertLess(time.monotonic(), end, shown)
                        if select.select([screen], [], [], 1)[0]:
                            shown += screen.read(4096)
            self.assertNotIn(b"\n", shown)
            self.assertIn(b"\r\x1b[Kwarming  [#####", shown)
