#define TEST_SUITE books.json
#include "tests/support/test.hpp"

#include "apps/books/body.hpp"
#include "apps/books/json.hpp"
#include "apps/books/members.hpp"
#include "tests/pure/books/answers.hpp"

using namespace troupe;
using namespace troupe::books;
using nlohmann::json;
using troupe::books::testing::parsed;

namespace {

book full_book() {
  book b;
  b.title = "Dune \"quoted\" \\ \x01 \n";
  b.subtitle = "Der Wüstenplanet 🪱";
  b.authors = {"Frank Herbert", "Френк Герберт"};
  b.isbn13 = "9780441172719";
  b.isbn10 = "0441172717";
  b.publisher = "Ace";
  b.published_date = "August 1965";
  b.published_year = 1965;
  b.page_count = 412;
  b.language = "en";
  b.categories = {"Fiction", "Science Fiction"};
  b.description = "One.\nTwo.";
  b.cover_url = "https://covers.openlibrary.org/b/id/1-L.jpg";
  b.set_id("openlibrary", "OL893415W");
  b.set_id("google", "B1hSG45JCX4C");
  for (std::size_t i = 0; i < field_count; ++i)
    b.provenance[i] = i % 2 == 0 ? "google" : "openlibrary";
  return b;
}

constexpr name_list some_names{{"a", "bb", "cc", "title"}};

} // namespace

TEST(a book survives its JSON) {
  const auto b = full_book();
  const auto back = book_from_json(to_json(b));
  REQUIRE(back.has_value());
  CHECK(back.value() == b);
}

TEST(unknown fields are left out and never null) {
  book b;
  b.title = "Dune";
  b.said(field::title) = "google";
  CHECK_EQ(to_json(b), R"({"title":"Dune","provenance":{"title":"google"}})");
  CHECK(book_from_json(to_json(b)).value() == b);
}

TEST(the members have the names and the order that clients are told) {
  const auto text = to_json(full_book());
  std::size_t last = 0;
  for (std::string_view name : {"title", "subtitle", "authors", "isbn13", "isbn10", "publisher", "published_date",
         "published_year", "page_count", "language", "categories", "description", "cover_url", "ids", "provenance"}) {
    std::string member{"\""};
    member.append(name).append("\":");
    const auto at = text.find(member);
    REQUIRE(at != std::string::npos);
    CHECK(at > last || last == 0);
    last = at;
  }
  const auto parsed = json::parse(text);
  CHECK(parsed["published_year"].is_number_integer());
  CHECK_EQ(parsed["ids"]["google"], "B1hSG45JCX4C");
  CHECK_EQ(parsed["provenance"].size(), field_count);
}

TEST(a list of books is a JSON array) {
  CHECK_EQ(to_json(std::span<const book>{}), "[]");
  const std::vector<book> two{full_book(), full_book()};
  const auto parsed = json::parse(to_json(two));
  REQUIRE(parsed.is_array());
  CHECK_EQ(parsed.size(), 2u);
}

TEST(any bytes make valid JSON) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i)
    all_bytes.push_back(static_cast<char>(i));
  all_bytes += "\xF0\x9F\xAA\xB1 \xED\xA0\x80";
  std::string out;
  append_json(out, all_bytes);
  const auto parsed = json::parse(out, nullptr, false);
  REQUIRE(parsed.is_string());
  CHECK(parsed.get<std::string>().starts_with(all_bytes.substr(0, 128)));
  CHECK(parsed.get<std::string>().find("🪱") != std::string::npos);
}

TEST(a stored book that is none is an error that names the member) {
  const std::vector<std::pair<std::string, std::string>> cases{{"", "book: expected a JSON object"},
    {"[]", "book: expected a JSON object"}, {"{\"title\":\"x\"", "book: expected a JSON object"},
    {"{}", "book: title: expected one, got none"}, {R"({"title":7})", "book: title: expected a string, got number"},
    {R"({"title":"x","authors":"y"})", "book: authors: expected an array, got string"},
    {R"({"title":"x","authors":["a",null]})", "book: authors: expected strings, got null"},
    {R"({"title":"x","page_count":-3})", "book: page_count: expected a number from 0, got number"},
    {R"({"title":"x","ids":[]})", "book: ids: expected an object, got array"},
    {R"({"title":"x","provenance":{"title":1}})", "book: provenance: expected strings, got number"}};
  for (const auto& [text, message] : cases) {
    const auto read = book_from_json(text);
    REQUIRE(!read.has_value());
    CHECK(read.error().code == ec::storage_failed);
    CHECK_EQ(read.error().message, message);
  }
  CHECK(book_from_json(R"({"title":"x","later":{"a":[1]}})").has_value());
}

TEST(the reader takes exactly what is JSON) {
  for (std::string_view text :
    {R"({})", R"([])", R"( [1, -0, 0.5, 1e3, -1.5E-2, 18446744073709551615, -9223372036854775808] )",
      R"({"a":{"b":[{"c":null}]},"d":true,"e":false})", R"("\u00e9\ud83e\udeb1\n\/\"\\\b\f\r\t")", R"("plain ü 🪱")",
      R"({"a":1,"a":{"b":2},"a":[3]})", R"(0)", R"("")", R"([[[[[[[[]]]]]]]])"}) {
    const auto mine = parsed(text);
    REQUIRE(mine.has_value());
    CHECK(*mine == json::parse(text));
  }
  for (std::string_view text : {"", " ", "{", "[", "[1,]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01",
         "-", "1.", ".5", "1e", "+1", "tru", "nul", "nulll", "\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"",
         "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\"\xFF\"", "\"\xC0\xAF\"", "[1 2]", "{} {}", "[]]",
         "\"\\u+123\"", "NaN", "'a'", "//x\n1"}) {
    CHECK(!parsed(text).has_value());
    CHECK(!json::accept(text));
  }
}

TEST(a number that no type of ours holds is an error and not another number) {
  for (std::string_view text : {"[1e999]", "[-1e999]", "[123456789012345678901]"})
    CHECK(!parsed(text).has_value());
}

TEST(nesting is bounded) {
  std::string deep(100'000, '[');
  deep.append(100'000, ']');
  CHECK(!parsed(deep).has_value());
  std::string fits(max_json_depth / 2, '[');
  fits.append(max_json_depth / 2, ']');
  CHECK(parsed(fits).has_value());
}

TEST(a body is read alike whatever was read before it) {
  const std::string large = R"({"a":")" + std::string(1'000'000, 'x') + R"("})";
  const std::string deep(max_json_depth + 1, '[');
  const std::string closed(max_json_depth + 1, ']');
  for (int round = 0; round < 2; ++round) {
    CHECK_EQ(parsed(large).value().at("a").get<std::string>().size(), 1'000'000u);
    CHECK(!parsed(deep + closed).has_value());
    CHECK(!parsed(large.substr(0, 900'000)).has_value());
    CHECK_EQ(parsed(R"({"a":1})").value().dump(), R"({"a":1})");
    CHECK(!parsed(deep + closed).has_value());
  }
}

TEST(of two members with one name the last counts) {
  const auto body = parse_body("test", R"({"a":1,"bb":"x","a":{"b":2},"unlisted":3,"a":4})");
  REQUIRE(body.has_value());
  CHECK_EQ(number_of(find(body.value(), "a")), 4);
  const members<some_names> found{body.value()};
  CHECK_EQ(number_of(found["a"]), 4);
  CHECK_EQ(text_of(found["bb"]), "x");
  CHECK(!found["cc"] && !found["title"]);
}

TEST(what is no object has no members) {
  for (std::string_view text : {"[]", "null", "7", R"("title")", R"([{"title":"x"}])"}) {
    const auto body = parse_body("test", text);
    REQUIRE(body.has_value());
    CHECK(!find(body.value(), "title"));
    CHECK(!members<some_names>{body.value()}["title"]);
  }
  CHECK(!members<some_names>{json_member{}}["title"]);
}

TEST(only an http address becomes a cover) {
  CHECK_EQ(https_url("http://books.google.com/x?y=1"), "https://books.google.com/x?y=1");
  CHECK_EQ(https_url("Https://example.org/a"), "https://example.org/a");
  CHECK_EQ(https_url("//example.org/a"), "https://example.org/a");
  for (std::string_view none :
    {"", "http://", "ftp://a/b", "javascript://a", "example.org", "http:///a", "http://a b/", "data:x"})
    CHECK_EQ(https_url(none), "");
}
