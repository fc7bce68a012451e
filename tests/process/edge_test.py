"""The edge: TLS, API keys, CORS, size limits, the access log, and SIGHUP."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest

from harness import PATIENCE_S, Answer, Troupe, run

SEARCH = "/api/v2/books/search?q=dune"
BATCH = '{"operations": [{"provider": "google", "operation": "search", "params": {"q": "dune"}}]}'
DETAILS = "/api/v2/books/9780441172719"


def make_certificate(folder, name):
    """A self-signed certificate for localhost; returns the paths of certificate and key."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", certificate, "-keyout", key],
        check=True, capture_output=True, timeout=PATIENCE_S)
    key.chmod(0o600)
    return str(certificate), str(key)


def make_key(name, *options):
    """A new key, and the table for the file."""
    result = run("key", "new", "--name", name, *options)
    assert result.returncode == 0, result.stderr
    return re.search(r"troupe_[0-9a-f]{64}", result.stderr).group(0), result.stdout


def request(connection, target, method="GET", **headers):
    connection.request(method, target, headers={k.replace("_", "-"): v for k, v in headers.items()})
    return Answer(connection.getresponse())


def reload(troupe, times=1):
    """Sends SIGHUP and waits for what it says."""
    before = sum("Hang-up: reloading" in line for line in troupe.lines)
    troupe.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE_S
    while sum("Hang-up: reloading" in line for line in troupe.lines) < before + times:
        assert time.monotonic() < deadline, troupe.lines


def lines_of(path, count):
    """The first `count` lines of a file, once they are there."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= count:
            return lines
        assert time.monotonic() < deadline, lines
        time.sleep(0.01)  # a file tells nobody that it grew


class Edge(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe_test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def connect(self, troupe, certificate):
        context = ssl.create_default_context(cafile=certificate)
        return http.client.HTTPSConnection("127.0.0.1", troupe.port, timeout=PATIENCE_S, context=context)

    def test_the_bridge_speaks_tls_and_gets_a_new_certificate_on_hang_up(self):
        certificate, key = make_certificate(self.folder, "first")
        with Troupe("--set", f"http.tls.certificate={certificate}", "--set", f"http.tls.key={key}") as troupe:
            first = self.connect(troupe, certificate)
            self.assertEqual(request(first, SEARCH).status, 200)
            self.assertEqual(first.sock.version(), "TLSv1.3")
            clear = http.client.HTTPConnection("127.0.0.1", troupe.port, timeout=PATIENCE_S)
            self.assertEqual(request(clear, SEARCH).status, 400)

            make_certificate(self.folder, "second")
            reload(troupe)
            troupe.wait_for("Reloaded the certificate")
            second = self.connect(troupe, certificate)  # trusts the new one alone
            self.assertEqual(request(second, SEARCH).status, 200)
            self.assertEqual(request(first, SEARCH).status, 200)  # the open connection goes on

            pathlib.Path(certificate).write_text("broken")
            reload(troupe)
            troupe.wait_for(r"Not reloaded, the old one stays: .*server\.crt: expected a certificate in PEM")
            self.assertEqual(request(second, SEARCH).status, 200)
            metrics = request(second, "/metrics").body.decode()
            self.assertIn('troupe_tls_handshakes_total{outcome="completed"} 2', metrics)
            self.assertIn('troupe_tls_handshakes_total{outcome="failed"} 1', metrics)
            for connection in (first, second, clear):
                connection.close()
            self.assertEqual(troupe.stop(), 0)

    def test_a_certificate_that_cannot_be_used_is_a_start_error(self):
        certificate, key = make_certificate(self.folder, "first")
        os.chmod(key, 0o644)
        result = run("up", "--data-dir", str(self.folder), "--set", f"http.tls.certificate={certificate}", "--set",
                     f"http.tls.key={key}", "--http", "127.0.0.1:0")
        self.assertEqual(result.returncode, 2)
        self.assertIn("server.key: others may read this key", result.stderr)

    def test_hang_up_without_anything_to_reload_changes_nothing(self):
        with Troupe() as troupe:
            reload(troupe)
            self.assertEqual(troupe.get(SEARCH).status, 200)
            self.assertEqual(troupe.stop(), 0)

    def test_a_route_with_keys_answers_their_holders_alone(self):
        mobile, mobile_table = make_key("mobile", "--route", "search", "--limit", "3/60s")
        partner, partner_table = make_key("partner")
        keys = self.folder / "keys.toml"
        keys.write_text(mobile_table)
        log = self.folder / "access.log"
        with Troupe("--set", f"auth.keys_file={keys}", "--set", "routes.search.auth=key", "--set",
                    "routes.details.auth=key", "--set", "log.access=json", "--set", f"log.access_file={log}") as troupe:
            missing = troupe.get(SEARCH)
            self.assertEqual(missing.status, 401)
            self.assertEqual(missing.headers["www-authenticate"], 'Bearer realm="troupe"')
            unknown = troupe.get(SEARCH, Authorization=f"Bearer {partner}")
            self.assertEqual(unknown.status, 401)
            self.assertIn("invalid_token", unknown.headers["www-authenticate"])
            self.assertEqual(troupe.get(DETAILS, X_API_Key=mobile).status, 403)
            for remaining in ("2", "1", "0"):
                answer = troupe.get(SEARCH, X_API_Key=mobile)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.headers["x-ratelimit-remaining"], remaining)
                self.assertIn("private", answer.headers["cache-control"])
            self.assertEqual(troupe.get(SEARCH, Authorization=f"bearer {mobile}").status, 429)

            keys.write_text(mobile_table + "\n" + partner_table)
            reload(troupe)
            troupe.wait_for("Reloaded the API keys")
            self.assertEqual(troupe.get(SEARCH, Authorization=f"Bearer {partner}").status, 200)
            self.assertEqual(troupe.get(SEARCH, X_API_Key=mobile).status, 429)  # what it has used is not forgotten

            keys.write_text(mobile_table.replace("sha256", "sha265"))
            reload(troupe)
            troupe.wait_for(r"Not reloaded, the old one stays: .*keys\.sha265: no such member")
            self.assertEqual(troupe.get(DETAILS, X_API_Key=partner).status, 200)

            keys.write_text(partner_table)
            reload(troupe)
            deadline = time.monotonic() + PATIENCE_S
            while sum("Reloaded the API keys" in line for line in troupe.lines) < 2:
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(troupe.get(SEARCH, X_API_Key=mobile).status, 401)

            metrics = troupe.get("/metrics").body.decode()
            for cause, count in (("missing", 1), ("unknown", 2), ("route", 1)):
                self.assertIn(f'troupe_auth_refused_total{{cause="{cause}"}} {count}', metrics)
            self.assertEqual(troupe.stop(), 0)
            said = "".join(troupe.lines)
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual({e["key"] for e in entries}, {None, "mobile", "partner"})
        for secret in (mobile, partner):
            self.assertNotIn(secret, said + log.read_text())

    def test_batches_ask_for_the_key_that_a_route_they_reach_asks_for(self):
        mobile, mobile_table = make_key("mobile", "--route", "search")
        worker, worker_table = make_key("worker", "--route", "batches")
        keys = self.folder / "keys.toml"
        keys.write_text(mobile_table + "\n" + worker_table)
        with Troupe("--set", f"auth.keys_file={keys}", "--set", "routes.search.auth=key",
                    "--set", "routes.batches.cors=https://app.example") as troupe:
            post = {"method": "POST", "body": BATCH}
            self.assertEqual(troupe.get("/api/v1/batches", **post).status, 401)
            self.assertEqual(troupe.get("/api/v1/batches", X_API_Key=mobile, **post).status, 403)
            started = troupe.get("/api/v1/batches?wait=5s", X_API_Key=worker, Origin="https://app.example",
                                 Idempotency_Key="one", **post)
            self.assertEqual(started.status, 200)
            self.assertEqual(started.headers["access-control-allow-origin"], "https://app.example")
            self.assertNotIn("idempotency-replayed", started.headers)
            again = troupe.get("/api/v1/batches?wait=5s", X_API_Key=worker, Idempotency_Key="one", **post)
            self.assertEqual(again.headers["idempotency-replayed"], "true")
            where = started.headers["location"]
            self.assertEqual(troupe.get(where).status, 401)
            self.assertEqual(troupe.get(where, X_API_Key=mobile).status, 403)
            self.assertEqual(troupe.get(where, X_API_Key=worker).status, 200)
            preflight = troupe.get("/api/v1/batches", method="OPTIONS", Origin="https://app.example",
                                   Access_Control_Request_Method="POST")
            self.assertEqual(preflight.status, 204)
            self.assertIn("POST", preflight.headers["access-control-allow-methods"])
            self.assertEqual(troupe.stop(), 0)

    def test_a_key_file_with_mistakes_is_a_start_error_that_names_them(self):
        keys = self.folder / "keys.toml"
        keys.write_text('[[keys]]\nname = "a"\nsha256 = "short"\n')
        result = run("up", "--data-dir", str(self.folder), "--set", f"auth.keys_file={keys}", "--http", "127.0.0.1:0")
        self.assertEqual(result.returncode, 2)
        self.assertIn("keys.toml:3:10: keys.sha256: expected 64 lower-case hex digits", result.stderr)

    def test_pages_of_a_listed_origin_may_read_the_answers(self):
        with Troupe("--set", "routes.search.cors=https://app.example") as troupe:
            for _ in range(2):  # from the providers, then from memory
                answer = troupe.get(SEARCH, Origin="https://app.example")
                self.assertEqual(answer.headers["access-control-allow-origin"], "https://app.example")
                self.assertIn("X-Cache", answer.headers["access-control-expose-headers"])
                self.assertIn("Origin", answer.headers["vary"])
            refused = troupe.get("/api/v2/books/search", Origin="https://app.example")
            self.assertEqual(refused.status, 400)
            self.assertEqual(refused.headers["access-control-allow-origin"], "https://app.example")
            other = troupe.get(SEARCH, Origin="https://other.example")
            self.assertNotIn("access-control-allow-origin", other.headers)
            self.assertNotIn("access-control-allow-origin", troupe.get(DETAILS, Origin="https://app.example").headers)
            connection = http.client.HTTPConnection("127.0.0.1", troupe.port, timeout=PATIENCE_S)
            preflight = request(connection, SEARCH, "OPTIONS", Origin="https://app.example",
                                Access_Control_Request_Method="GET", Access_Control_Request_Headers="x-api-key")
            connection.close()
            self.assertEqual(preflight.status, 204)
            self.assertEqual(preflight.headers["access-control-allow-origin"], "https://app.example")
            self.assertIn("GET", preflight.headers["access-control-allow-methods"])
            self.assertIn("X-API-Key", preflight.headers["access-control-allow-headers"])

    def test_an_answer_over_its_limit_is_not_sent(self):
        with Troupe("--set", "routes.search.max_response=1kB") as troupe:
            for _ in range(2):
                answer = troupe.get(SEARCH)
                self.assertEqual(answer.status, 502)
                self.assertRegex(answer.json["message"], r"routes\.search\.max_response allows 1000")
                self.assertIn("x-trace-id", answer.headers)
                self.assertNotIn("etag", answer.headers)
            self.assertEqual(troupe.get(DETAILS).status, 200)

    def test_the_access_log_has_a_line_for_each_request_and_is_rotated(self):
        log = self.folder / "access.log"
        with Troupe("--set", "log.access=json", "--set", f"log.access_file={log}") as troupe:
            first = troupe.get(SEARCH)
            second = troupe.get(SEARCH)
            troupe.get("/nowhere")
            entries = [json.loads(line) for line in lines_of(log, 3)]
            self.assertEqual([e["status"] for e in entries], [200, 200, 404])
            self.assertEqual([e["cache"] for e in entries], ["MISS", "HIT-KV-HOT", None])
            self.assertEqual([e["trace"] for e in entries[:2]], [first.headers["x-trace-id"], second.headers["x-trace-id"]])
            self.assertEqual([e["bytes"] for e in entries[:2]], [len(first.body), len(second.body)])
            self.assertEqual(entries[0]["client"], "127.0.0.1")
            self.assertNotIn("dune", log.read_text())  # what people search for is personal
            log.rename(self.folder / "old.log")
            reload(troupe)
            troupe.wait_for("Reloaded the access log")
            troupe.get(SEARCH)
            self.assertEqual(len(lines_of(log, 1)), 1)

    def test_the_access_log_in_common_format_goes_to_standard_output(self):
        with Troupe("--set", "log.access=common") as troupe:
            troupe.get(SEARCH)
            self.assertEqual(troupe.stop(), 0)
            line = troupe.output()
        self.assertRegex(line, r'\A127\.0\.0\.1 - - \[[^]]+ \+0000\] "GET /api/v2/books/search HTTP/1\.1" 200 \d+ \d+ '
                               r"[0-9a-f]{32} MISS\n\Z")

    def test_the_key_command_refuses_what_the_file_would(self):
        for arguments, field in ((("--name", "a b"), "--name"), (("--name", "a", "--limit", "many"), "--limit")):
            result = run("key", "new", *arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn(field, result.stderr)
        self.assertNotIn("troupe_", make_key("a")[1])  # the table for the file never holds the key
