#define TEST_SUITE health
#include "tests/support/test.hpp"

#include "actors/provider/health.hpp"

using namespace troupe;

TEST(S0-44 the fifth failure in a row is enough) {
  health h{5, false};
  for (int i = 0; i < 4; ++i)
    CHECK(!h.failed(ec::provider_failed));
  CHECK(h.failed(ec::provider_timeout));
}

TEST(S0-43 a success in between starts the count again) {
  health h{5, false};
  for (int i = 0; i < 4; ++i)
    CHECK(!h.failed(ec::provider_failed));
  h.succeeded();
  for (int i = 0; i < 4; ++i)
    CHECK(!h.failed(ec::provider_failed));
}

TEST(C-06 quota and refusals and our own deadlines are no failures) {
  health h{1, false};
  for (const auto code : {ec::provider_limited, ec::provider_refused, ec::permit_refused, ec::deadline_exceeded,
         ec::cancelled, ec::circuit_tripped})
    CHECK(!h.failed(code));
  CHECK(h.failed(ec::provider_malformed));
}

TEST(one failure on probation is enough and one success ends it) {
  health h{5, true};
  CHECK(h.failed(ec::provider_failed));
  health g{5, true};
  CHECK(!g.failed(ec::provider_limited));
  CHECK(g.on_probation());
  g.succeeded();
  CHECK(!g.on_probation());
  CHECK(!g.failed(ec::provider_failed));
}
