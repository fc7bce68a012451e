#define TEST_SUITE custom_records
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "apps/custom/json_records.hpp"
#include "apps/custom/provider.hpp"
#include "apps/custom/routes.hpp"

using namespace troupe;
using namespace troupe::custom;
using test::error_of;
using test::value_of;

namespace {

contribution said(const char* provider, const char* text, merge_kind merge = merge_kind::first) {
  return {provider, value_of(read_records(text, merge))};
}

std::string merged(merge_kind how, const std::vector<contribution>& found, const char* by = "") {
  return render(*merge(how, by, found));
}

} // namespace

TEST(an array is many records and what is empty knows nothing) {
  CHECK_EQ(value_of(read_records("[1,2,3]", merge_kind::first))->count(), 3u);
  CHECK_EQ(value_of(read_records("{\"a\":[]}", merge_kind::first))->count(), 1u);
  for (const auto* nothing : {"null", "[]", "{}", " null "})
    CHECK_EQ(value_of(read_records(nothing, merge_kind::object))->count(), 0u);
  CHECK_EQ(value_of(read_records("0", merge_kind::first))->count(), 1u);
}

TEST(what a merge cannot take is malformed and not nothing) {
  CHECK_EQ(error_of(read_records("[1]", merge_kind::object)).message,
    "expected an object (the route merges objects), got array");
  CHECK_EQ(error_of(read_records("\"x\"", merge_kind::concat)).message,
    "expected a list or an object (the route joins lists), got string");
  CHECK_EQ(error_of(read_records("{", merge_kind::first)).message, "expected JSON");
  CHECK_EQ(error_of(read_records("", merge_kind::first)).message, "expected JSON");
  CHECK_EQ(error_of(read_records("\"\xff\"", merge_kind::first)).message, "expected JSON");
  CHECK(error_of(read_records("{", merge_kind::first)).code == ec::provider_malformed);
}

TEST(nesting is bounded and brackets in strings do not count) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + "1" + std::string(levels, ']'); };
  CHECK(read_records(nested(deepest), merge_kind::first).has_value());
  CHECK(!read_records(nested(deepest + 1), merge_kind::first).has_value());
  CHECK(!read_records(nested(100'000), merge_kind::first).has_value());
  CHECK(
    read_records("\"" + std::string(500, '[') + "\\\"" + std::string(500, '{') + "\"", merge_kind::first).has_value());
}

TEST(first takes the first provider in order that knows something) {
  CHECK_EQ(merged(merge_kind::first, {said("a", "null"), said("b", "{\"x\":1}"), said("c", "{\"x\":2}")}), "{\"x\":1}");
  CHECK_EQ(merged(merge_kind::first, {said("a", "[1]")}), "[1]");
  CHECK_EQ(merged(merge_kind::first, {said("a", "null")}), "null");
  CHECK_EQ(merged(merge_kind::first, {}), "null");
}

TEST(object takes each field from the first that has it and says from whom) {
  CHECK_EQ(
    merged(merge_kind::object, {said("a", R"({"x":1,"n":null,"list":[1]})"), said("b", R"({"x":2,"n":3,"y":4})")}),
    R"({"list":[1],"n":3,"provenance":{"list":"a","n":"b","x":"a","y":"b"},"x":1,"y":4})");
  CHECK_EQ(merged(merge_kind::object, {}), "null");
  // A provider's own field of that name does not pass for ours.
  CHECK_EQ(
    merged(merge_kind::object, {said("a", R"({"provenance":"me","x":1})")}), R"({"provenance":{"x":"a"},"x":1})");
}

TEST(concat joins lists in order and keeps the first of equal ones) {
  CHECK_EQ(merged(merge_kind::concat,
             {said("a", R"([{"id":1,"s":"a"},{"id":"1"},{"s":"none"}])"),
               said("b", R"([{"id":1,"s":"b"},{"id":{"x":1,"y":2}},{"s":"none"},{"id":null},7])"),
               said("c", R"({"id":{"y":2,"x":1}})")},
             "id"),
    R"([{"id":1,"s":"a"},{"id":"1"},{"s":"none"},{"id":{"x":1,"y":2}},{"s":"none"},{"id":null},7])");
  CHECK_EQ(merged(merge_kind::concat, {}, "id"), "[]");
}

TEST(a status is judged before its body) {
  const auto judged = [](int status, const char* body) {
    http_response r;
    r.status = status;
    r.body = blob{body};
    return judge_status(r);
  };
  CHECK(value_of(judged(200, "{}")) == status_verdict::read);
  CHECK(value_of(judged(200, " \n")) == status_verdict::nothing);
  CHECK(value_of(judged(204, "")) == status_verdict::nothing);
  CHECK(value_of(judged(404, "<html>")) == status_verdict::nothing);
  CHECK(error_of(judged(429, "{}")).code == ec::provider_limited);
  CHECK(error_of(judged(503, "{}")).code == ec::provider_failed);
  for (const int status : {302, 400, 401, 403, 418})
    CHECK(error_of(judged(status, "{}")).code == ec::provider_refused);
  CHECK_EQ(error_of(judged(401, "your key k3y is wrong")).message, "status 401");
}

TEST(an api builds what its route asks and maps elsewhere or here) {
  operation o{"get", value_of(path_template::parse("/v1/{id}?k=${secret}")), {{"X-Key", "Bearer ${secret}"}}, ".x"};
  operation plain{"all", value_of(path_template::parse("/all")), {}, ""};
  std::size_t program = 99;
  std::string body;
  const auto api = make_api("things", {{"one", {o, merge_kind::first, 3}}, {"list", {plain, merge_kind::concat, {}}}},
    [&](std::size_t number, blob b, auto, const std::function<void(result<std::string>)>& done) {
      program = number;
      body = b.view();
      done(b.view() == "bad" ? result<std::string>{fail(ec::provider_malformed, "no")} : std::string{"{\"x\":1}"});
    });
  question q;
  q.route = "one";
  q.params = {{"id", "7"}};
  const auto request = api.build(q, "s3");
  CHECK_EQ(request.target, "/v1/7?k=s3");
  CHECK(request.headers == fields{{"X-Key", "Bearer s3"}});
  const auto ask = [&](const char* text, int status = 200) {
    http_response r;
    r.status = status;
    r.body = blob{text};
    result<records_ptr> out = fail(ec::internal, "not called");
    api.map_later(q, r, std::chrono::seconds{1}, [&](result<records_ptr> found) { out = std::move(found); });
    return out;
  };
  CHECK_EQ(render(*value_of(ask("{}"))), "{\"x\":1}");
  CHECK_EQ(program, 3u);
  CHECK_EQ(error_of(ask("bad")).message, "things: no");
  CHECK_EQ(error_of(ask("{}", 500)).message, "things: status 500");
  body.clear();
  CHECK_EQ(value_of(ask("", 404))->count(), 0u);
  q.route = "list";
  CHECK_EQ(render(*value_of(ask("[12345678901234567890]"))), "[12345678901234567890]");
  CHECK_EQ(body, "");
}

TEST(a request becomes an inquiry with its key and its times) {
  route_definition r;
  r.name = "weather";
  r.path = "/w/{city}";
  r.params = {value_of(parse_parameter("city", "text 1..50")), value_of(parse_parameter("lang", "enum de|en = en"))};
  r.key = default_key(r.params);
  r.ttl = std::chrono::seconds{5};
  const std::vector<std::string> captured{" Bad Ems "};
  const auto got = value_of(parse_request(r, {{"lang", "de"}, {"other", "x"}, {"lang", "en"}}, captured));
  CHECK_EQ(got.key, "weather:city=Bad%20Ems&lang=de|merge|c1");
  CHECK(got.what.params == fields{{"city", "Bad Ems"}, {"lang", "de"}});
  CHECK_EQ(got.what.route, "weather");
  CHECK_EQ(got.kept.fresh_us, 5'000'000);
  CHECK_EQ(got.kept.stale_us, -1);
  CHECK_EQ(value_of(parse_request(r, {}, captured)).key, "weather:city=Bad%20Ems&lang=en|merge|c1");
  CHECK_EQ(error_of(parse_request(r, {{"lang", "fr"}}, captured)).message, "lang: expected de or en, got \"fr\"");
  const std::vector<std::string> dots{".."};
  CHECK_EQ(error_of(parse_request(r, {}, dots)).message, "city: expected more than dots");
  r.params.push_back(value_of(parse_parameter("n", "int 1..5")));
  CHECK_EQ(
    error_of(parse_request(r, {}, captured)).message, "n: expected a whole number from 1 to 5, the request has none");
}

TEST(an operation by itself needs each placeholder once) {
  const operation o{"now", value_of(path_template::parse("/w/{city}/{day}?q={lang}&again={city}&k=${secret}")), {}, ""};
  const auto params = parameters_of(o);
  REQUIRE_EQ(params.size(), 3u);
  CHECK_EQ(params[0].name, "city");
  CHECK_EQ(expectation(params[1]), "a text of 1 to 512 characters");
  CHECK_EQ(expectation(params[2]), "a text of 0 to 512 characters"); // nothing may stand in a query
  const auto asked = value_of(parse_operation(o, {{"lang", ""}, {"day", "1"}, {"city", " Bad Ems "}}));
  CHECK(asked.what.params == fields{{"city", "Bad Ems"}, {"day", "1"}, {"lang", ""}});
  CHECK_EQ(error_of(parse_operation(o, {{"city", "x"}, {"day", " "}, {"lang", ""}})).message,
    "day: expected a text of 1 to 512 characters, got \" \"");
  CHECK_EQ(error_of(parse_operation(o, {{"city", "x"}, {"day", ".."}})).message, "day: expected more than dots");
  CHECK_EQ(error_of(parse_operation(o, {{"city", "x"}})).message,
    "day: expected a text of 1 to 512 characters, the request has none");
}

TEST(two questions never share a key) {
  route_definition r;
  r.name = "x";
  r.key = "{a}:{b}";
  CHECK(cache_key(r, {{"a", "1:2"}, {"b", "3"}}) != cache_key(r, {{"a", "1"}, {"b", "2:3"}}));
  CHECK(cache_key(r, {{"a", "1|merge"}, {"b", ""}}) != cache_key(r, {{"a", "1"}, {"b", ""}}));
  CHECK(key_parameters("{a}{b}").has_value() == false);
  CHECK(key_parameters("{a}-{b}").has_value() == false);
  CHECK(key_parameters("{a}|{b}").has_value() == false);
  CHECK(key_parameters("{a").has_value() == false);
  CHECK(value_of(key_parameters("x={a}&{b}")) == std::vector<std::string>{"a", "b"});
}
