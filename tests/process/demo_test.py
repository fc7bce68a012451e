"""The README's worked examples, against the demo."""
import unittest

from harness import Troupe, call, environment


class Demo(unittest.TestCase):
    def test_a_search_is_merged_and_then_cached(self):
        with Troupe() as troupe:
            first = troupe.get("/api/v2/books/search?q=dune")
            self.assertEqual(first.status, 200)
            self.assertEqual(first.json["provider"], "orchestrated:google+openlibrary")
            self.assertIs(first.json["cached"], False)
            self.assertTrue(any(b["isbn13"] == "9780441172719" for b in first.json["data"]))
            second = troupe.get("/api/v2/books/search?q=dune")
            self.assertEqual(second.json["provider"], "cache:kv")
            self.assertIs(second.json["cached"], True)
            self.assertEqual(second.json["data"], first.json["data"])

    def test_one_provider_down_and_both_down_with_a_warm_and_a_cold_cache(self):
        with Troupe("--set", "cache.degraded_ttl=0s") as troupe:
            troupe.fault(provider="google", fault="status", status=503)
            alone = troupe.get("/api/v2/books/search?q=hobbit")
            self.assertEqual((alone.status, alone.json["provider"]), (200, "openlibrary"))
            troupe.fault(provider="openlibrary", fault="status", status=503)
            stale = troupe.get("/api/v2/books/search?q=hobbit")
            self.assertEqual((stale.status, stale.json["provider"], stale.json["stale"]), (200, "cache:kv", True))
            self.assertEqual(stale.headers["x-cache"], "STALE")
            cold = troupe.get("/api/v2/books/search?q=emma")
            self.assertEqual(cold.status, 502)
            self.assertEqual([p["name"] for p in cold.json["providers"]], ["google", "openlibrary"])
            troupe.heal()

    def test_a_hanging_provider_costs_no_more_than_the_patience(self):
        with Troupe() as troupe:
            troupe.fault(provider="google", fault="hang")
            answer = troupe.get("/api/v2/books/search?q=dune")
            self.assertEqual((answer.status, answer.json["provider"]), (200, "openlibrary"))
            self.assertEqual(answer.json["meta"]["providers"][0]["status"], "provider_timeout")

    def test_details_are_stored(self):
        with Troupe() as troupe:
            first = troupe.get("/api/v2/books/0441172717")
            self.assertEqual(first.status, 200)
            self.assertEqual(first.json["data"]["title"], "Dune")
            self.assertEqual(troupe.stop(), 0)
            with Troupe("--set", "providers.google.url=http://127.0.0.1:1", "--set",
                        "providers.openlibrary.url=http://127.0.0.1:1", "--set", "cache.persist=false",
                        data_dir=troupe.data_dir) as again:
                answer = again.get("/api/v2/books/9780441172719")
                self.assertEqual((answer.status, answer.json["provider"]), (200, "cache:d1"))
                self.assertEqual(answer.json["data"], first.json["data"])

    def test_metrics_are_for_loopback_or_for_the_token(self):
        with Troupe() as troupe:
            text = troupe.get("/metrics").body.decode()
            self.assertIn("troupe_http_requests_total", text)
            self.assertIn('troupe_circuit_state{provider="google",state="closed"} 1', text)
        with Troupe(env=environment(TROUPE_ADMIN_TOKEN="hush")) as troupe:
            self.assertEqual(troupe.get("/metrics").status, 401)
            self.assertEqual(troupe.get("/metrics", Authorization="Bearer hush").status, 200)
            self.assertNotIn("hush", "".join(troupe.lines))

    def test_the_trace_is_taken_in_and_health_is_told(self):
        with Troupe() as troupe:
            trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            answer = troupe.get("/api/v2/books/search?q=dune", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
            self.assertEqual(answer.headers["x-trace-id"], trace)
            self.assertEqual(troupe.get("/health").json["status"], "ok")

    def test_the_replay_counts_what_arrives(self):
        with Troupe() as troupe:
            troupe.get("/api/v2/books/search?q=dune")
            troupe.get("/api/v2/books/search?q=dune")
            calls = call(troupe.replay, "/__replay/stats").json["calls"]
            self.assertEqual((calls["google"], calls["openlibrary"]), (1, 1))
