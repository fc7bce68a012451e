#define TEST_SUITE http_transfer
#include "tests/support/test.hpp"

#include "actors/http_client/file_limit.hpp"
#include "actors/http_client/transfer.hpp"

#include <algorithm>
#include <sys/resource.h>

using namespace troupe;

namespace {

constexpr std::int64_t wall_now_ms = 784'111'777'000; // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples

} // namespace

TEST(a Retry_After that is neither seconds nor a date is none) {
  for (const auto* text : {"", "  ", "soon", "-5", "1.5", "Mon", "5 minutes"})
    CHECK_EQ(parse_retry_after(text, wall_now_ms), -1);
  CHECK_EQ(parse_retry_after(" 0 ", wall_now_ms), 0);
  CHECK_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:36 GMT", wall_now_ms), 0); // has passed
  const auto year_us = 365LL * 24 * 3600 * 1'000'000;
  CHECK_EQ(parse_retry_after("99999999999999999999999", wall_now_ms), year_us);
}

TEST(every way in which a connection fails maps to provider_unreachable and our own faults to internal) {
  CHECK(map_curl_code(CURLE_OK) == ec::none);
  CHECK(map_curl_code(CURLE_OPERATION_TIMEDOUT) == ec::provider_timeout);
  for (auto code : {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING,
         CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION,
         CURLE_BAD_CONTENT_ENCODING, CURLE_HTTP2, CURLE_HTTP2_STREAM})
    CHECK(map_curl_code(code) == ec::provider_unreachable);
  CHECK(map_curl_code(CURLE_SSL_CACERT_BADFILE) == ec::internal);
  CHECK(map_curl_code(CURLE_OUT_OF_MEMORY) == ec::internal);
}

TEST(the limit on open files goes up to what the system allows) {
  rlimit before{};
  REQUIRE_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_max, 1024);
  REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  CHECK_EQ(raise_file_limit(), before.rlim_max);
  rlimit after{};
  REQUIRE_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  CHECK_EQ(after.rlim_cur, before.rlim_max);
}
