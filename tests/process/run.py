#!/usr/bin/env python3
"""Tests of the program as its user meets it. Usage: run.py PATH/TO/troupe"""
import sys
import unittest

if len(sys.argv) < 2:
    sys.exit("usage: run.py PATH/TO/troupe")

import backup_test  # noqa: E402
import command_line_test  # noqa: E402
import demo_test  # noqa: E402
import edge_test  # noqa: E402
import kill_test  # noqa: E402
import metrics_test  # noqa: E402
import migrate_test  # noqa: E402
import postgres_test  # noqa: E402
import stop_test  # noqa: E402
import warm_kill_test  # noqa: E402
import warm_test  # noqa: E402

if __name__ == "__main__":
    loader = unittest.TestLoader()
    modules = (backup_test, command_line_test, demo_test, edge_test, kill_test, metrics_test, migrate_test, postgres_test,
               stop_test, warm_kill_test, warm_test)
    suite = unittest.TestSuite(loader.loadTestsFromModule(m) for m in modules)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
