#define TEST_SUITE custom_body
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "apps/custom/body.hpp"
#include "apps/custom/routes.hpp"

using namespace troupe;
using namespace troupe::custom;
using test::error_of;
using test::value_of;

namespace {

route_definition weather() {
  route_definition r;
  r.name = "weather";
  r.method = request_method::post;
  r.path = "/w/{city}";
  r.params = {value_of(parse_parameter("city", "text 1..50")), value_of(parse_parameter("q", "text 0..10")),
    value_of(parse_parameter("days", "int 1..7 = 3")), value_of(parse_parameter("wind", "enum true|false|2 = false"))};
  r.key = default_key(r.params);
  return r;
}

fields read(const std::string& body) {
  return value_of(parse_body(weather(), body));
}

std::string complaint(const std::string& body) {
  const auto e = error_of(parse_body(weather(), body));
  CHECK(e.code == ec::bad_request);
  return e.message;
}

} // namespace

TEST(texts and whole numbers and booleans are read where the type of a parameter allows them) {
  CHECK((read(R"({"wind":true,"days":7,"q":"a\u00e4\n"})")
         == fields{{"q", "a\xc3\xa4\n"}, {"days", "7"}, {"wind", "true"}}));
  CHECK((read(R"({"wind":"false"})") == fields{{"wind", "false"}}));
  CHECK((read(R"({"wind":2})") == fields{{"wind", "2"}}));
  for (const auto* nothing : {"{}", "", " \r\n"})
    CHECK(read(nothing).empty());
}

TEST(what is wrong with a body is said by field) {
  CHECK_EQ(complaint(R"({"q":1})"), "q: expected a text of 0 to 10 characters, got a number");
  CHECK_EQ(complaint(R"({"days":"7"})"), "days: expected a whole number from 1 to 7, got a text");
  CHECK_EQ(complaint(R"({"days":1.5})"), "days: expected a whole number from 1 to 7, got a number");
  CHECK_EQ(complaint(R"({"days":9223372036854775808})"), "days: expected a whole number from 1 to 7, got a number");
  CHECK_EQ(complaint(R"({"days":true})"), "days: expected a whole number from 1 to 7, got true or false");
  CHECK_EQ(complaint(R"({"wind":null})"), "wind: expected true, false or 2, got null");
  CHECK_EQ(complaint(R"({"q":["x"]})"), "q: expected a text of 0 to 10 characters, got a list");
  CHECK_EQ(complaint(R"({"Q":"x"})"), "Q: unknown; expected q, days or wind");
  CHECK_EQ(complaint(R"({"city":"Ems"})"), "city: unknown; expected q, days or wind"); // the path has it
  CHECK_EQ(complaint(R"({"q":"x","q":"y"})"), "q: stands there twice");
  CHECK_EQ(complaint("[]"), "body: expected an object, got a list");
  CHECK_EQ(complaint("7"), "body: expected an object, got a number");
  for (const auto* broken : {"{", "{\"q\":}", "q=1", "{} {}", "{\"q\":\"\xff\"}", "\xef\xbb\xbf{"})
    CHECK(complaint(broken).starts_with("body: broken JSON: "));
  CHECK(complaint("{\"q\":" + std::string(100, '[') + std::string(100, ']') + "}").starts_with("body: broken JSON: "));
}

TEST(a body means what the same query would mean) {
  const auto r = weather();
  const std::vector<std::string> captured{"Bad Ems"};
  const auto asked = value_of(parse_request(r, read(R"({"days":7,"q":" x "})"), captured));
  const auto same = value_of(parse_request(r, {{"q", "x"}, {"days", "07"}}, captured));
  CHECK_EQ(asked.key, "weather:city=Bad%20Ems&q=x&days=7&wind=false|merge|c1");
  CHECK_EQ(asked.key, same.key);
  CHECK_EQ(error_of(parse_request(r, read("{}"), captured)).message,
    "q: expected a text of 0 to 10 characters, the request has none");
  CHECK_EQ(error_of(parse_request(r, read(R"({"q":"","days":8})"), captured)).message,
    "days: expected a whole number from 1 to 7, got \"8\"");
  CHECK_EQ(error_of(parse_request(r, read(R"({"q":"","wind":3})"), captured)).message,
    "wind: expected true, false or 2, got \"3\"");
}
