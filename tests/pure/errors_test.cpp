#define TEST_SUITE errors
#include "tests/support/test.hpp"

#include "messages/errors.hpp"
#include "messages/types.hpp"

#include <set>

using namespace troupe;

TEST(every error code has a name of its own and a status that a client understands) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ec::internal); ++i) {
    const auto& row = info(static_cast<ec>(i));
    CHECK(names.insert(row.name).second);
    CHECK(row.http_status == 200 || (row.http_status >= 400 && row.http_status < 600));
  }
}

TEST(what the provider did wrong counts against its circuit and what we or its quota did does not) {
  for (auto code : {ec::provider_failed, ec::provider_timeout, ec::provider_unreachable, ec::provider_malformed})
    CHECK(info(code).trips_circuit);
  for (auto code : {ec::provider_refused, ec::provider_limited, ec::circuit_tripped, ec::cancelled, ec::permit_refused})
    CHECK(!info(code).trips_circuit);
}

TEST(a strategy is parsed by its exact name) {
  auto s = strategy::merge;
  CHECK(parse("fallback", s));
  CHECK(s == strategy::fallback);
  CHECK(!parse("Merge", s));
  CHECK(s == strategy::fallback);
}
