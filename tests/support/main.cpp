// The one main of each test executable: CAF's own test engine. `--help` lists its options (-s SUITE, -t TEST).
#define CAF_TEST_NO_MAIN

#include <caf/test/unit_test_impl.hpp>

int main(int argc, char** argv) {
  return caf::test::main(argc, argv);
}
