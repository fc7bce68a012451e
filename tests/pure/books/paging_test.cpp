// Lists that are read page by page: whether there is another page, and which books of it are new.
#define TEST_SUITE books.paging
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "apps/books/google.hpp"
#include "apps/books/isbndb.hpp"
#include "apps/books/listed_books.hpp"
#include "apps/books/openlibrary.hpp"
#include "tests/pure/books/answers.hpp"

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;

namespace {

// So many records, of which the first `untitled` have no title.
std::string list_of(const std::string& before, const std::string& title, const std::string& no_title, int records,
  int untitled, const std::string& after) {
  std::string out = before;
  for (int i = 0; i < records; ++i)
    out += (i == 0 ? "" : ",") + (i < untitled ? no_title : title);
  return out + after;
}

std::string google_list(int records, int untitled = 0) {
  return list_of(R"({"items":[)", R"({"id":"x","volumeInfo":{"title":"x"}})", R"({"id":"y","volumeInfo":{}})", records,
    untitled, "]}");
}
std::string openlibrary_list(int records, int untitled = 0) {
  return list_of(R"({"docs":[)", R"({"title":"x"})", R"({"key":"/works/OL1W"})", records, untitled, "]}");
}
std::string isbndb_list(int records, int untitled = 0) {
  return list_of(R"({"books":[)", R"({"title":"x"})", R"({"isbn":"0441172717"})", records, untitled, "]}");
}

bool goes_on(const upstream_api& api, const std::string& body, int limit, const std::string& route = "author") {
  const auto mapped = api.map({route, "9780441172719", limit, ""}, answer(200, body));
  return dynamic_cast<const book_list&>(*test::value_of(mapped)).may_go_on;
}

book a_book(
  const std::string& title, const std::string& isbn13, fields ids, const std::string& author = "Frank Herbert") {
  book b;
  b.title = title;
  b.authors = {author};
  b.isbn13 = isbn13;
  for (const auto& [provider, id] : ids) {
    b.set_id(provider, id);
    b.said(field::isbn13) = isbn13.empty() ? "" : provider;
  }
  return b;
}

using flags = std::vector<bool>;

struct source {
  upstream_api api;
  std::string (*list)(int records, int untitled);
};

std::vector<source> sources() {
  return {{google_api(), google_list}, {openlibrary_api(), openlibrary_list}, {isbndb_api(), isbndb_list}};
}

} // namespace

TEST(a page with as many records as were asked for may have another behind it) {
  for (const auto& [api, list] : sources()) {
    CHECK(goes_on(api, list(20, 0), 20));
    CHECK(!goes_on(api, list(19, 0), 20));
    CHECK(!goes_on(api, list(0, 0), 20));
  }
}

TEST(records without a title count for what the page had) {
  for (const auto& [api, list] : sources()) {
    CHECK(goes_on(api, list(20, 19), 20));
    CHECK(!goes_on(api, list(19, 18), 20));
  }
}

TEST(a provider that gives fewer at once than were asked for is measured by what it gives) {
  CHECK(goes_on(google_api(), google_list(40), 50)); // an author's page, of which Google gives 40
  CHECK(!goes_on(google_api(), google_list(39), 50));
  CHECK(!goes_on(isbndb_api(), isbndb_list(40), 50));
  CHECK(goes_on(isbndb_api(), isbndb_list(100), 500));
}

TEST(details are one book and never go on) {
  CHECK(!goes_on(google_api(), google_list(1), 1, "details"));
  CHECK(!goes_on(isbndb_api(), R"({"book":{"title":"x","isbn13":"9780441172719"}})", 1, "details"));
}

TEST(a book of an earlier page is recognised by its ISBN or by what a provider calls it) {
  listed_books seen;
  CHECK_EQ(seen.add_page({a_book("Dune", "9780441172719", {{"google", "g1"}}), a_book("Emma", "", {{"google", "g2"}})}),
    (flags{true, true}));
  CHECK_EQ(seen.add_page({a_book("Dune (Ace)", "9780441172719", {{"isbndb", "9780441172719"}}),
             a_book("Emma, again", "", {{"google", "g2"}}), a_book("Ivanhoe", "", {{"google", "g3"}})}),
    (flags{false, false, true}));
}

TEST(a work of an earlier page is another provider s edition of it once and its other editions stay) {
  listed_books seen;
  CHECK_EQ(seen.add_page({a_book("Dune", "9780340960196", {{"openlibrary", "OL893415W"}})}), flags{true});
  CHECK_EQ(seen.add_page({a_book("Dune", "9780441172719", {{"google", "g1"}}),
             a_book("Dune", "9780593099322", {{"google", "g2"}})}),
    (flags{false, true}));
  CHECK_EQ(seen.add_page({a_book("Dune", "9780441172719", {{"isbndb", "9780441172719"}})}), flags{false});
}

TEST(two editions and what one provider tells apart stay apart from page to page) {
  listed_books seen;
  CHECK_EQ(
    seen.add_page({a_book("Dune", "9780441172719", {{"google", "g1"}}), a_book("Poems", "", {{"google", "g2"}})}),
    (flags{true, true}));
  CHECK_EQ(seen.add_page({a_book("Dune", "9780593099322", {{"isbndb", "9780593099322"}}),
             a_book("Poems", "", {{"google", "g3"}}), a_book("Poems", "", {{"openlibrary", "OL1M"}}, "Sappho")}),
    (flags{true, true, true}));
}

TEST(within a page nothing is left out) {
  listed_books seen;
  const std::vector<book> page{a_book("Dune", "", {{"google", "g1"}}), a_book("Dune", "", {{"openlibrary", "OL1M"}})};
  CHECK_EQ(seen.add_page(page), (flags{true, true}));
  CHECK_EQ(seen.add_page(page), (flags{false, false}));
}
