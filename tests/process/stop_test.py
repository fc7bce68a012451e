"""Stopping: what is in flight is finished, and the exit code says so."""
import signal
import socket
import threading
import unittest

from harness import Troupe, call


class Stop(unittest.TestCase):
    def test_interrupt_and_terminate_both_end_with_zero(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Troupe() as troupe:
                troupe.get("/api/v2/books/search?q=dune")
                self.assertEqual(troupe.stop(number), 0)
                troupe.wait_for("Stopped")

    def test_a_request_in_flight_is_answered_and_new_ones_are_refused(self):
        with Troupe() as troupe:
            for provider in ("google", "openlibrary"):
                troupe.fault(provider=provider, fault="latency", latency_ms=1500)
            answers = []
            asking = threading.Thread(target=lambda: answers.append(troupe.get("/api/v2/books/search?q=dune")))
            asking.start()
            # The call is under way once the upstream has counted it.
            while sum(call(troupe.replay, "/__replay/stats").json["calls"].values()) < 2:
                pass
            troupe.process.send_signal(signal.SIGTERM)
            troupe.wait_for("finishing what is in flight")
            asking.join()
            self.assertEqual([a.status for a in answers], [200])
            self.assertEqual(troupe.process.wait(20), 0)
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", troupe.port), timeout=1)
