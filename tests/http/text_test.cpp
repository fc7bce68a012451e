#define TEST_SUITE http_text
#include "tests/support/test.hpp"

#include "actors/cache/gzip.hpp"
#include "apps/http/date.hpp"
#include "apps/http/negotiate.hpp"
#include "apps/http/render.hpp"
#include "apps/http/server.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"

#include <nlohmann/json.hpp>
#include <zlib.h>

using namespace troupe;
using namespace troupe::http;
using troupe::gzip;

namespace {

std::string gunzip(const std::string& packed, std::size_t size) {
  std::string out(size + 1, '\0');
  z_stream z{};
  inflateInit2(&z, 15 + 16);
  z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  auto end = inflate(&z, Z_FINISH);
  out.resize(end == Z_STREAM_END ? z.total_out : 0);
  inflateEnd(&z);
  return out;
}

} // namespace

TEST(a path decodes its escapes and keeps its plus signs) {
  CHECK(decode_path("/a%20b+c%2Fd%c3%A9").value() == "/a b+c/d\xc3\xa9");
  for (auto bad : {"/%", "/%4", "/%zz", "/%4g", "/%00"})
    CHECK(decode_path(bad).has_error());
}

TEST(a query splits into decoded pairs in order) {
  auto pairs = parse_query("q=dune+%26%20co&limit=5&&flag&empty=&q=second&a=b=c").value();
  fields expected{{"q", "dune & co"}, {"limit", "5"}, {"flag", ""}, {"empty", ""}, {"q", "second"}, {"a", "b=c"}};
  CHECK(pairs == expected);
  CHECK_EQ(parameter_of(pairs, "q"), "dune & co");
  CHECK(find_parameter(pairs, "none") == nullptr);
  CHECK(parse_query("").value().empty());
}

TEST(a query with a bad escape is an error that says so) {
  for (auto bad : {"q=%", "q=%zz", "%4=1", "a=1&b=%f", "q=%00"}) {
    auto r = parse_query(bad);
    REQUIRE(r.has_error());
    CHECK(r.error().code == ec::bad_request);
    CHECK(r.error().message.find("query: ") == 0);
  }
}

TEST(encoding escapes all but unreserved characters and decoding undoes it) {
  CHECK_EQ(encode("a b&c=d/\xc3\xa9~-._"), "a%20b%26c%3Dd%2F%C3%A9~-._");
  std::string all;
  for (int c = 1; c < 256; ++c)
    all += static_cast<char>(c);
  CHECK(decode_path(encode(all)).value() == all);
}

TEST(gzip is chosen when the client prefers it or cannot tell) {
  for (auto yes : {"gzip", "gzip, deflate, br", "GZIP;q=0.5", "x-gzip", "*", "*;q=0.1", "br;q=1, gzip;q=0.001",
         "gzip , identity;q=0.5", "identity;q=0, gzip", "gzip;q=1.000", "bogus;x, gzip", "gzip; q=0.5"})
    CHECK(accepts_gzip(yes));
  for (auto no : {"", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "*, gzip;q=0",
         "gzip;q=0.2, identity;q=0.5", "gzip;q=2", "gzip;q=0.5555", "gzip;q=", "gzip;q=x", "gzipp"})
    CHECK(!accepts_gzip(no));
}

TEST(a client that refuses both codings is told apart from one that wants plain bytes) {
  CHECK(choose_coding("") == coding::identity);
  CHECK(choose_coding("br") == coding::identity);
  CHECK(choose_coding("gzip;q=0") == coding::identity);
  CHECK(choose_coding("br, identity;q=0") == coding::none);
  CHECK(choose_coding("*;q=0") == coding::none);
  CHECK(choose_coding("*;q=0, identity") == coding::identity);
}

TEST(entity tags compare weakly against a list or a star) {
  for (auto yes : {"\"a,b\"", "W/\"a,b\"", "\"x\", W/\"a,b\"", "*", " * ", "\"x\",\"a,b\""})
    CHECK(etag_matches(yes, "W/\"a,b\""));
  CHECK(etag_matches("W/\"a\"", "\"a\""));
  for (auto no : {"", "\"a\"", "a,b", "\"a,b", "\"x\", \"y\"", "w", "\"a\",\"b\""})
    CHECK(!etag_matches(no, "W/\"a,b\""));
  CHECK(!etag_matches("*", ""));
}

TEST(a media type is told whatever its case and parameters) {
  for (const auto* json : {"application/json", "Application/JSON; charset=utf-8", " application/json ;x=y"})
    CHECK(http::is_media_type(json, "application/json"));
  for (const auto* other : {"", "json", "application/jsonp", "text/plain; application/json", "application"})
    CHECK(!http::is_media_type(other, "application/json"));
}

TEST(gzip round trips and is the same each time) {
  for (std::size_t n : {0U, 1U, 100U, 100'000U}) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
      text += static_cast<char>('a' + i * i % 23);
    auto packed = gzip(text, 6);
    CHECK_EQ(gunzip(packed, n), text);
    CHECK_EQ(packed, gzip(text, 6));
  }
  CHECK(gzip(std::string(10'000, 'x'), 6).size() < 100);
}

TEST(dates are written as RFC 9110 shows them) {
  CHECK_EQ(http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK_EQ(http_date(1'709'164'799), "Wed, 28 Feb 2024 23:59:59 GMT");
  CHECK_EQ(http_date(1'709'164'800), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(a head is rendered with exactly the fields that its status allows) {
  std::string out = "what was there before";
  render_head(out, {200, "Date: d\r\n", "A: b\r\n", 5, false, false});
  CHECK_EQ(out, "HTTP/1.1 200 OK\r\nDate: d\r\nA: b\r\nContent-Length: 5\r\n\r\n");
  render_head(out, {304, "Date: d\r\n", "", 0, true, false});
  CHECK_EQ(out, "HTTP/1.1 304 Not Modified\r\nDate: d\r\nConnection: close\r\n\r\n");
  render_head(out, {204, "", "", 0, false, true});
  CHECK_EQ(out, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(an error answer is valid JSON whatever its reason holds) {
  auto r = json_error(400, "a \"b\" \xff\n");
  CHECK_EQ(r.status, 400);
  CHECK(nlohmann::json::parse(r.body.view())["error"].get<std::string>().find("a \"b\"") == 0);
}
