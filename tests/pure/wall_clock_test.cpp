#define TEST_SUITE wall_clock
#include "tests/support/test.hpp"

#include "apps/clock/wall_clock.hpp"

using namespace troupe;

TEST(a time is written in UTC with its milliseconds) {
  CHECK_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  CHECK_EQ(rfc3339(1'795'342'443'120), "2026-11-22T10:14:03.120Z");
  CHECK_EQ(rfc3339(-1), "1969-12-31T23:59:59.999Z");
}
