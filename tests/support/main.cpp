// The one main of each test executable: CAF's own test engine. `--help` lists its options (-s SUITE, -t TEST).
#define CAF_TEST_NO_MAIN

#include "actors/jq/worker.hpp"

#include <caf/test/unit_test_impl.hpp>

int main(int argc, char** argv) {
  // A mapper's process is this very program, as it is of `troupe`.
  if (const int code = troupe::jq::run_worker_if_asked(argc, argv); code >= 0)
    return code;
  return caf::test::main(argc, argv);
}
