// How questions of the book services are understood: each parameter, its bounds, and one key for one question.
#define TEST_SUITE books.services
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "apps/books/services.hpp"
#include "apps/query/parameters.hpp"

#include <set>

using namespace troupe;
using namespace troupe::books;
using test::error_of;
using test::value_of;

namespace {

const endpoint_defaults defaults{};

inquiry author(const std::string& name, const fields& query = {}, const char* route = "author") {
  return value_of(parse_author(route, name, query, defaults));
}

inquiry titles(const std::string& text, const fields& query = {}, const char* route = "search") {
  return value_of(parse_titles(route, text, query, defaults));
}

inquiry book(const std::string& isbn, const fields& query = {}, const char* route = "details") {
  return value_of(parse_book(route, isbn, query, defaults));
}

std::string author_error(const std::string& name, const fields& query = {}) {
  const auto e = error_of(parse_author("author", name, query, defaults));
  CHECK(e.code == ec::bad_request);
  return e.message;
}

std::string title_error(const std::string& text, const fields& query = {}) {
  const auto e = error_of(parse_titles("search", text, query, defaults));
  CHECK(e.code == ec::bad_request);
  return e.message;
}

} // namespace

TEST(S2-85 an author without parameters is the first page of fifty in English) {
  const auto q = author("Frank Herbert");
  CHECK_EQ(q.what.route, "author");
  CHECK_EQ(q.what.text, "Frank Herbert");
  CHECK_EQ(q.what.limit, 50);
  CHECK_EQ(q.what.params, (fields{{"language", "en"}}));
  CHECK(q.how == strategy::merge);
  CHECK(!q.durable);
  CHECK_EQ(q.key, author("Frank Herbert", {{"page", "1"}, {"pageSize", "50"}, {"language", "en"}}).key);
}

TEST(an author however written is one key) {
  const auto key = author("Ursula K. Le Guin").key;
  for (const auto* same : {"Le Guin, Ursula K.", " Ursula  K.  Le Guin ", "URSULA K. LE GUIN", "ursula k le guin"})
    CHECK_EQ(author(same).key, key);
  CHECK_EQ(author("J.R.R. Tolkien").key, author("J. R. R. Tolkien").key);
  CHECK_EQ(author("García Márquez, Gabriel").key, author("Gabriel Garci\u0301a Ma\u0301rquez").key); // NFC and NFD
  for (const auto* other : {"Ursula Le Guin Jr.", "Frank Herbert", "村上春樹", "Лев Толстой"})
    CHECK(author(other).key != key);
}

TEST(S2-85 each page size and language of an author is an answer of its own) {
  std::set<std::string> keys;
  std::size_t count = 0;
  for (const auto* route : {"author", "isbndb.author"})
    for (const auto* page : {"1", "2", "200"})
      for (const auto* size : {"1", "20", "50"})
        for (const auto* language : {"en", "de", ""}) {
          const auto q = author("Frank Herbert", {{"page", page}, {"pageSize", size}, {"language", language}}, route);
          keys.insert(q.key);
          ++count;
          CHECK_EQ(q.what.limit, std::stoi(size));
        }
  CHECK_EQ(keys.size(), count);
  CHECK_EQ(author("A B", {{"page", "2"}}).what.params, (fields{{"language", "en"}, {"page", "2"}}));
  CHECK(author("A B", {{"language", ""}}).what.params.empty()); // any
  CHECK_EQ(author("A B", {{"language", "EN"}}).key, author("A B").key);
}

TEST(S2-85 what cannot be a page or a size or a language is refused by its name) {
  for (const auto* bad : {"0", "-1", "201", "two", "1.5", "", " 1", "+1", "99999999999999999999", "1e2"}) {
    CHECK(author_error("A B", {{"page", bad}}).starts_with("page: expected a whole number from 1 to 200"));
    CHECK(title_error("x", {{"page", bad}}).starts_with("page: expected a whole number from 1 to 200"));
  }
  for (const auto* bad : {"0", "51", "-5", "many", ""})
    CHECK(author_error("A B", {{"pageSize", bad}}).starts_with("pageSize: expected a whole number from 1 to 50"));
  for (const auto* bad : {"klingon and more", "12", "e", "en_"})
    CHECK(author_error("A B", {{"language", bad}}).starts_with("language: expected a code such as en or pt-BR"));
  CHECK(author_error("A B", {{"page", std::string(5'000, '9')}}).size() < 200); // quoted in part
}

TEST(a name that is none is refused) {
  for (const auto* none : {"", " ", ",", ", ,", ".", "..", "?!", "\xff\xfe"})
    CHECK(author_error(none).starts_with("name: "));
  CHECK_EQ(author_error(std::string(513, 'a')), "name: expected at most 512 bytes, got 513");
  CHECK_EQ(author(std::string(512, 'a')).what.text.size(), 512u);
}

TEST(S2-84 maxResults overrides the default and so do its other names) {
  CHECK_EQ(titles("dune").what.limit, 40);
  for (const auto* name : {"maxResults", "limit", "pageSize"}) {
    CHECK_EQ(titles("dune", {{name, "7"}}).what.limit, 7);
    for (const auto* bad : {"0", "41", "-1", "x", "", "7 "})
      CHECK(
        title_error("dune", {{name, bad}}).starts_with(std::string{name} + ": expected a whole number from 1 to 40"));
  }
  CHECK_EQ(titles("dune", {{"limit", "3"}, {"maxResults", "7"}}).what.limit, 7);
}

TEST(the same titles however asked for are one key and it is the bridge s own) {
  const auto own = value_of(parse_search({{"q", "dune"}, {"limit", "7"}}, defaults)).key;
  for (const auto& query : {fields{{"maxResults", "7"}}, fields{{"limit", "7"}}, fields{{"pageSize", "07"}},
         fields{{"maxResults", "7"}, {"page", "1"}}, fields{{"maxResults", "7"}, {"includeTranslations", "false"}},
         fields{{"maxResults", "7"}, {"strategy", "merge"}}})
    CHECK_EQ(titles(" DUNE ", query).key, own);
  CHECK_EQ(titles("dune").key, value_of(parse_search({{"q", "dune"}}, defaults)).key);
  CHECK(titles("dune", {{"page", "2"}}).key != titles("dune").key);
  CHECK(titles("dune", {}, "isbndb.search").key != titles("dune").key);
  CHECK(titles("dune", {{"strategy", "fallback"}}).key != titles("dune").key);
}

TEST(a title that is none is a missing parameter and one too long is refused) {
  for (const auto* none : {"", "  "})
    CHECK_EQ(title_error(none), "Missing query parameter");
  CHECK_EQ(title_error(std::string(513, 'x')), "q: expected at most 512 bytes, got 513");
  CHECK(title_error("\xc3\x28").starts_with("q: "));
  CHECK(title_error("x", {{"strategy", "guess"}}).starts_with("strategy: "));
}

TEST(an ISBN in either form is one key and the services of one provider have their own) {
  CHECK_EQ(book("0-441-17271-7").key, book("9780441172719").key);
  CHECK_EQ(book("9780441172719").key, value_of(parse_details({}, "9780441172719", defaults)).key);
  CHECK(book("9780441172719").durable);
  const auto one = book("9780441172719", {}, "isbndb.details");
  CHECK(one.key != book("9780441172719").key);
  CHECK_EQ(one.what.route, "isbndb.details");
  CHECK(!one.durable);
  for (const auto* bad : {"", "hello", "9780441172718", "978044117271"})
    CHECK(error_of(parse_book("details", bad, {}, defaults)).message.starts_with("isbn: "));
}

TEST(S2-83 a flag is true or false and nothing else) {
  CHECK(value_of(parse_flag({}, "force", true)));
  CHECK(!value_of(parse_flag({}, "force", false)));
  CHECK(value_of(parse_flag({{"force", "true"}}, "force", false)));
  CHECK(!value_of(parse_flag({{"force", "false"}}, "force", true)));
  for (const auto* bad : {"", "TRUE", "1", "yes", "true "})
    CHECK_EQ(error_of(parse_flag({{"force", bad}}, "force", true)).message,
      std::string{"force: expected true or false, got \""} + bad + '"');
}

TEST(of a repeated parameter the first counts and another version of the configuration is another key) {
  CHECK_EQ(titles("x", {{"maxResults", "3"}, {"maxResults", "9"}}).what.limit, 3);
  auto later = defaults;
  later.config_version = 2;
  CHECK(value_of(parse_author("author", "A B", {}, later)).key != author("A B").key);
  CHECK(value_of(parse_titles("search", "x", {}, later)).key != titles("x").key);
  CHECK(value_of(parse_book("isbndb.details", "9780441172719", {}, later)).key
        != book("9780441172719", {}, "isbndb.details").key);
}
