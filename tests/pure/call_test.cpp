// What an answer of a service says of it.
#define TEST_SUITE call
#include "tests/support/test.hpp"

#include "messages/call.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

ec verdict(int status, ec cause = ec::none, bool says_when = false) {
  service_response r;
  r.status = status;
  r.cause = cause;
  if (says_when)
    set_retry_after(r, 1s);
  return verdict_of(r);
}

ec verdict(ec code) {
  return verdict_of(refused<service_result>({code, "why"}));
}

} // namespace

TEST(a status alone blames the service from 500 on unless it says when to come back) {
  CHECK(verdict(200) == ec::none);
  CHECK(verdict(304) == ec::none);
  CHECK(verdict(404) == ec::provider_refused);
  CHECK(verdict(500) == ec::provider_failed);
  CHECK(verdict(503) == ec::provider_failed);
  CHECK(verdict(503, ec::none, true) == ec::overloaded);
  CHECK(verdict(502, ec::none, true) == ec::provider_failed);
}

TEST(what an answer came of goes before its status) {
  CHECK(verdict(502, ec::provider_refused) == ec::provider_refused);
  CHECK(verdict(503, ec::all_circuits_open) == ec::all_circuits_open);
  CHECK(verdict(502, ec::all_providers_failed) == ec::provider_failed);
  CHECK(verdict(504, ec::deadline_exceeded) == ec::provider_timeout);
  CHECK(verdict(200, ec::provider_failed) == ec::none);
}

TEST(a code that counts against nobody is its own verdict in the typed form) {
  for (const auto code : {ec::bad_request, ec::not_found, ec::overloaded, ec::permit_refused, ec::circuit_open,
         ec::cancelled, ec::provider_refused, ec::provider_limited, ec::client_limited})
    CHECK(verdict(code) == code);
  CHECK(verdict(ec::deadline_exceeded) == ec::provider_timeout);
  for (const auto code : {ec::internal, ec::all_providers_failed, ec::storage_failed, ec::config_invalid})
    CHECK(verdict(code) == ec::provider_failed);
  CHECK(verdict(ec::provider_malformed) == ec::provider_malformed);
}

TEST(when to come back is said once in whole seconds) {
  service_response r;
  r.headers = {{"retry-after", "7"}};
  set_retry_after(r, 1'000'001us);
  REQUIRE_EQ(r.headers.size(), 1u);
  CHECK_EQ(r.header("Retry-After"), "2");
  set_retry_after(r, 0s);
  CHECK_EQ(r.header("Retry-After"), "1");
}

TEST(milliseconds have two decimals) {
  CHECK_EQ(milliseconds(0us), "0.00");
  CHECK_EQ(milliseconds(12'349us), "12.34");
  CHECK_EQ(milliseconds(1'050us), "1.05");
}
