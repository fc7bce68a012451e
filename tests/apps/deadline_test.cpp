#define TEST_SUITE request_deadline
#include "apps/bridge/deadline.hpp"

#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;

TEST(a client may ask for less time and gets no more than there is) {
  CHECK(deadline_of("", 10s).value() == 10s);
  CHECK(deadline_of("1500ms", 10s).value() == 1500ms);
  CHECK(deadline_of("2s", 10s).value() == 2s);
  CHECK(deadline_of("1h", 10s).value() == 10s);
}

TEST(a time that is none is refused by name) {
  for (const auto* bad : {"0s", "-1s", "soon", "1500", "1.5s", "2s, 3s", "99999999999999999999s"}) {
    const auto refused = deadline_of(bad, 10s);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == ec::bad_request);
    CHECK(refused.error().message.find("X-Request-Timeout: expected a duration") == 0);
  }
}
