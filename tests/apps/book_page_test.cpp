#define TEST_SUITE book_page
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "apps/services/book_page.hpp"
#include "tests/support/results.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using json = nlohmann::json;
using test::error_of;
using test::value_of;
using names = std::vector<std::string>;

namespace {

json parsed(const char* text) {
  return json::parse(text);
}

std::string without_translations(const char* text) {
  auto list = parsed(text);
  leave_out_translations(list);
  std::string out;
  for (const auto& b : list)
    out += b.value("title", "?");
  return out;
}

} // namespace

TEST(books are found where searches and authors have them and nowhere else) {
  auto search = parsed(R"({"data":[{"title":"a"}]})");
  REQUIRE(books_in(search) != nullptr);
  CHECK_EQ(books_in(search)->size(), 1u);
  auto author = parsed(R"({"data":{"books":[1,2]}})");
  REQUIRE(books_in(author) != nullptr);
  CHECK_EQ(books_in(author)->size(), 2u);
  for (const auto* none : {"null", "[]", "1", "{}", R"({"data":null})", R"({"data":{}})", R"({"data":{"books":{}}})",
         R"({"data":"books"})", R"({"books":[]})"}) {
    auto body = parsed(none);
    CHECK(books_in(body) == nullptr);
  }
  auto broken = json::parse("{", nullptr, false);
  CHECK(books_in(broken) == nullptr);
}

TEST(S2-83 books in another language than the first that says one are left out) {
  CHECK_EQ(without_translations(R"([{"title":"a","language":"en"},{"title":"b","language":"de"},{"title":"c"},
    {"title":"d","language":"en-GB"}])"),
    "acd");
  CHECK_EQ(without_translations(R"([{"title":"a"},{"title":"b","language":"pt-BR"},{"title":"c","language":"en"},
    {"title":"d","language":"pt"}])"),
    "abd");
  CHECK_EQ(without_translations(R"([{"title":"a"},{"title":"b"}])"), "ab");
  CHECK_EQ(without_translations("[]"), "");
  CHECK_EQ(without_translations(R"([{"title":"a","language":7},{"title":"b","language":null}])"), "ab");
}

TEST(how many were left out is said) {
  auto list = parsed(R"([{"language":"en"},{"language":"de"},{"language":"fr"}])");
  CHECK_EQ(leave_out_translations(list), 2u);
  CHECK_EQ(leave_out_translations(list), 0u);
}

TEST(members are named once each and only those that books have) {
  CHECK_EQ(value_of(parse_members("title,authors")), (names{"title", "authors"}));
  CHECK_EQ(value_of(parse_members("title,authors,title,")), (names{"title", "authors"}));
  CHECK_EQ(
    value_of(parse_members("ids,provenance,isbn13,cover_url")), (names{"ids", "provenance", "isbn13", "cover_url"}));
  CHECK_EQ(value_of(parse_members("")), names{});
  for (const auto* bad : {"Title", " title", "title, authors", ",title", "title,,authors", "password", "title\n"}) {
    const auto e = error_of(parse_members(bad));
    CHECK(e.code == ec::bad_request);
    CHECK(e.message.starts_with("fields: "));
  }
  CHECK(error_of(parse_members(std::string(100'000, 'x'))).message.size() < 200);
  std::string many;
  for (int i = 0; i < 10'000; ++i)
    many += "title,";
  CHECK_EQ(value_of(parse_members(many)), names{"title"});
}

TEST(books keep the members that were chosen and without a choice all) {
  auto list = parsed(R"([{"title":"a","authors":["x"],"page_count":3},{"authors":[]},7])");
  const auto before = list;
  keep_members(list, {});
  CHECK(list == before);
  keep_members(list, {"title", "authors"});
  CHECK(list == parsed(R"([{"title":"a","authors":["x"]},{"authors":[]},{}])"));
}

TEST(a cursor is a place in its own list) {
  for (const std::int64_t page : {1, 2, 15, 16, 25, 1'000'000})
    for (const std::int64_t offset : {0, 1, 40, 120}) {
      const list_place place{page, offset};
      CHECK(value_of(place_at(cursor_of("key", place), "key")) == place);
    }
  CHECK(cursor_of("a", {2, 0}) != cursor_of("b", {2, 0}));
  CHECK(cursor_of("a", {2, 0}) != cursor_of("a", {3, 0}));
  CHECK(cursor_of("a", {2, 0}) != cursor_of("a", {2, 1}));
}

TEST(a cursor of another list or garbage is refused) {
  const auto good = cursor_of("key", {2, 3});
  for (const auto& bad :
    names{"", ".", "-", "2", "2.", "2-3", "2-3.", cursor_of("other", {2, 3}), "02" + good.substr(1), "+" + good,
      good + " ", good + "0", good.substr(0, good.size() - 1), "0" + good.substr(1), "-2" + good.substr(1),
      "ffffffffffffffffffff" + good.substr(1), std::string(100'000, 'f'), std::string("2\0", 2) + good.substr(1),
      "3" + good.substr(1) + "\xff", "2--3" + good.substr(3), "2-ffffffffffffffffffff" + good.substr(3)}) {
    const auto e = error_of(place_at(bad, "key"));
    CHECK(e.code == ec::bad_request);
    CHECK(e.message.starts_with("cursor: ") && e.message.size() < 200);
  }
}
