#define TEST_SUITE http_multipart
#include "tests/support/test.hpp"

#include "apps/http/multipart.hpp"

#include <algorithm>
#include <random>
#include <vector>

using namespace troupe;
using namespace troupe::http;

namespace {

struct part {
  std::string name;
  std::string filename; // "-": none
  std::string type;
  std::string bytes;
  bool ended = false;

  bool operator==(const part&) const = default;
};

struct collector final : part_consumer {
  std::vector<part> parts;
  std::size_t longest = 0;

  void on_part(const part_head& head) override {
    parts.push_back(
      {std::string{head.name}, std::string{head.filename.value_or("-")}, std::string{head.type}, "", false});
  }
  void on_bytes(std::string_view bytes) override {
    parts.back().bytes += bytes;
    longest = std::max(longest, bytes.size());
  }
  void on_part_end() override { parts.back().ended = true; }
};

struct outcome {
  std::vector<part> parts;
  std::string problem; // empty: none

  bool operator==(const outcome&) const = default;
};

// Feeds the pieces between the cuts, which are in order.
outcome parse(std::string_view body, const std::vector<std::size_t>& cuts = {}, std::string_view boundary = "XX",
  const multipart_bounds& bounds = {}) {
  collector got;
  multipart_parser parser{boundary, got, bounds};
  std::size_t at = 0;
  auto feed = [&](std::size_t to) {
    const std::string piece{body.substr(at, to - at)}; // of its own, so that a sanitizer sees what is read beyond
    at = to;
    return parser.feed(piece);
  };
  for (const auto cut : cuts)
    if (auto fed = feed(cut); !fed)
      return {got.parts, fed.error().message};
  if (auto fed = feed(body.size()); !fed)
    return {got.parts, fed.error().message};
  if (auto done = parser.finish(); !done)
    return {got.parts, done.error().message};
  return {got.parts, ""};
}

std::string field(std::string_view name, std::string_view bytes) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string{name} + "\"\r\n\r\n" + std::string{bytes}
         + "\r\n";
}

// Everything that looks like a delimiter and is none, and empty parts in both forms.
std::string awkward() {
  return "a preamble\r\n-- XX\r\n" + field("plain", "value")
         + "--XX \t\r\ncontent-type: text/csv\r\nContent-Disposition: form-data; filename=\"a;b=\\\"c\\\".csv\"; "
           "name=file\r\nX-Other: 1\r\n\r\n"
         + "\r\r\n\r\n-\r\n--\r\n--X\r\n--XY\r--XX\n--XX \r\n\r\n--x" + "\r\n" + field("empty", "")
         + "--XX\r\nContent-Disposition: form-data; name=none\r\n\r\n--XX\r\n"
         + "Content-Disposition: form-data; name=\"\"; filename=\"\"\r\n\r\n\r\r\n--XX--\r\nan epilogue\r\n--XX";
}

const std::vector<part> awkward_parts{
  {"plain", "-", "text/plain", "value", true},
  {"file", "a;b=\"c\".csv", "text/csv", "\r\r\n\r\n-\r\n--\r\n--X\r\n--XY\r--XX\n--XX \r\n\r\n--x", true},
  {"empty", "-", "text/plain", "", true},
  {"none", "-", "text/plain", "", true},
  {"", "", "text/plain", "\r", true},
};

} // namespace

TEST(a form is taken apart into its parts) {
  const auto got = parse(awkward());
  CHECK_EQ(got.problem, "");
  CHECK(got.parts == awkward_parts);
}

TEST(it makes no difference where the body is cut) {
  const auto body = awkward();
  constexpr std::size_t near = 24; // more than a delimiter is long
  for (std::size_t first = 0; first <= body.size(); ++first)
    for (std::size_t second = first; second <= std::min(first + near, body.size()); ++second) {
      const auto got = parse(body, {first, second});
      if (got.problem.empty() && got.parts == awkward_parts)
        continue;
      CHECK_EQ(got.problem, "");
      CHECK_EQ(std::to_string(first) + "," + std::to_string(second), "no difference");
    }
  std::vector<std::size_t> everywhere;
  for (std::size_t i = 0; i < body.size(); ++i)
    everywhere.push_back(i);
  CHECK(parse(body, everywhere).parts == awkward_parts);
}

TEST(bytes at random are parsed alike whole and in pieces) {
  std::mt19937 random{20261121};
  const std::vector<std::string> tokens{"\r\n", "\r", "\n", "--", "-", "XX", "X", "--XX", "\r\n--XX", "\r\n--XX--",
    "Content-Disposition: form-data; name=a\r\n", "Content-Disposition:", "\r\n\r\n", "\"", ";", "=", "name=", "a",
    " "};
  std::size_t with_parts = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = random() % 2 == 0 ? "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n" : "";
    for (auto n = random() % 12; n > 0; --n)
      body += tokens[random() % tokens.size()];
    const auto whole = parse(body);
    std::vector<std::size_t> cuts;
    for (std::size_t i = 0; i < body.size(); ++i)
      if (random() % 3 == 0)
        cuts.push_back(i);
    if (!(parse(body, cuts) == whole))
      CHECK_EQ(body, "parsed alike");
    with_parts += whole.parts.empty() ? 0 : 1;
  }
  CHECK(with_parts > 5'000);
}

TEST(the bytes of a part are handed on as they come and not held) {
  collector got;
  multipart_parser parser{"XX", got};
  REQUIRE(parser.feed(field("big", "").substr(0, field("big", "").size() - 2)));
  const std::string piece(10'000, 'x');
  for (std::size_t i = 1; i <= 100; ++i) {
    REQUIRE(parser.feed(piece));
    CHECK_EQ(got.parts.back().bytes.size(), i * piece.size());
  }
  CHECK(!parser.finish());
  REQUIRE(parser.feed("\r\n--XX--"));
  CHECK(parser.finish());
  CHECK_EQ(got.longest, piece.size());
}

TEST(what is wrong with a form is said) {
  const std::string head = "--XX\r\nContent-Disposition: form-data; name=a\r\n";
  const std::vector<std::pair<std::string, std::string>> rows{
    {"", "form: no boundary in it"},
    {"nothing of the kind", "form: no boundary in it"},
    {"--XX", "form: ends before its last boundary"},
    {head + "\r\nvalue", "form: ends before its last boundary"},
    {head + "\r\nvalue\r\n--XX-", "form: ends before its last boundary"},
    {"--XXY\r\n", "form: expected '--' or a line end behind a boundary"},
    {"--XX-\r\n", "form: expected '--' or a line end behind a boundary"},
    {"--XX\rX", "form: expected CR LF behind a boundary"},
    {"--XX\nX", "form: expected '--' or a line end behind a boundary"},
    {"--XX\r\nContent-Disposition: form-data; name=a\n\r\n", "form: a header field's line ends in LF alone"},
    {"--XX\r\n\r\n", "form: a part without Content-Disposition"},
    {"--XX\r\nno colon\r\n\r\n", "form: header field: no ':' in it"},
    {"--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n", "form: Content-Disposition: expected form-data"},
    {"--XX\r\nContent-Disposition: form-data\r\n\r\n", "form: Content-Disposition: name: missing"},
    {"--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n",
      "form: Content-Disposition: a parameter is sent more than once"},
    {"--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
      "form: Content-Disposition: a quoted string does not end"},
    {"--XX\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\n",
      "form: Content-Disposition: expected ';' between parameters"},
    {"--XX\r\nContent-Disposition: form-data; name\r\n\r\n",
      "form: Content-Disposition: expected parameters of the form name=value"},
    {"--XX\r\nContent-Disposition: form-data; name=\r\n\r\n",
      "form: Content-Disposition: expected a token or a quoted string behind '='"},
    {head + "Content-Disposition: form-data; name=b\r\n\r\n",
      "form: Content-Disposition: sent more than once in a part"},
    {head + "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", "form: Content-Type: sent more than once in a part"},
    {head + "Content-Transfer-Encoding: base64\r\n\r\n",
      "form: Content-Transfer-Encoding: deprecated (RFC 7578 4.7), and its bytes are not decoded here"},
  };
  for (const auto& [body, expected] : rows)
    CHECK_EQ(parse(body).problem, expected);
}

TEST(a form is bounded in its parts and their header fields) {
  const multipart_bounds tight{64, 2};
  const auto two = field("a", "1") + field("b", "2");
  CHECK_EQ(parse(two + "--XX--", {}, "XX", tight).problem, "");
  CHECK_EQ(parse(two + field("c", "3") + "--XX--", {}, "XX", tight).problem, "form: more than 2 parts");
  CHECK_EQ(parse(field(std::string(64, 'n'), "") + "--XX--", {}, "XX", tight).problem,
    "form: the header fields of a part are too large");
  CHECK_EQ(parse("--XX" + std::string(65, ' ') + "\r\n", {}, "XX", tight).problem,
    "form: expected '--' or a line end behind a boundary");
}

TEST(a form without parts has none) {
  CHECK(parse("--XX--") == outcome{});
  CHECK(parse("\r\n--XX--\r\n") == outcome{});
}

TEST(the boundary is read from the content type) {
  const std::string longest(70, 'b');
  CHECK_EQ(multipart_boundary("multipart/form-data; boundary=XX").value(), "XX");
  CHECK_EQ(multipart_boundary("Multipart/Form-Data;charset=utf-8 ; BOUNDARY=\"a b:c\"").value(), "a b:c");
  CHECK_EQ(multipart_boundary("multipart/form-data; boundary=" + longest).value(), longest);
  for (const auto& bad : {std::string{""}, std::string{"text/csv"}, std::string{"multipart/mixed; boundary=XX"},
         std::string{"multipart/form-data"}, std::string{"multipart/form-data; boundary="},
         std::string{"multipart/form-data; boundary=\"\""}, std::string{"multipart/form-data; boundary=\"a \""},
         std::string{"multipart/form-data; boundary=\"a"}, std::string{"multipart/form-data; boundary=a; boundary=a"},
         std::string{"multipart/form-data; boundary=\"a;b\""}, "multipart/form-data; boundary=" + longest + "b"}) {
    const auto r = multipart_boundary(bad);
    REQUIRE(r.has_error());
    CHECK(r.error().code == ec::bad_request);
    CHECK(r.error().message.find("Content-Type: ") == 0);
  }
}

TEST(a real browser form with a file is taken apart) {
  const std::string boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
  const auto body = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\b\\x.csv\"\r\n"
                    + "Content-Type: text/csv\r\n\r\nTitle,Author\r\nDune,\"Herbert, Frank\"\r\n\r\n--" + boundary
                    + "--\r\n";
  const auto got = parse(body, {}, boundary);
  CHECK_EQ(got.problem, "");
  const std::vector<part> expected{
    {"file", "C:\\b\\x.csv", "text/csv", "Title,Author\r\nDune,\"Herbert, Frank\"\r\n", true}};
  CHECK(got.parts == expected);
}
