#define TEST_SUITE books.merge
#include "tests/support/test.hpp"

#include "apps/books/merge.hpp"
#include "apps/books/routes.hpp"
#include "tests/pure/books/answers.hpp"

#include <nlohmann/json.hpp>

#include <span>

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;

namespace {

/// Valid ISBN-13s.
const std::string ace = "9780441172719";
const std::string deluxe = "9780593099322";
const std::string messiah = "9780441172696";

struct sketch {
  std::string title;
  std::string author;
  std::string isbn13;
  std::vector<std::uint64_t> others = {};
};

contribution from(std::string provider, const std::vector<sketch>& sketches) {
  auto list = std::make_shared<book_list>();
  for (const auto& s : sketches) {
    book b;
    b.title = s.title;
    b.said(field::title) = provider;
    if (!s.author.empty()) {
      b.authors = {s.author};
      b.said(field::authors) = provider;
    }
    if (!s.isbn13.empty()) {
      b.isbn13 = s.isbn13;
      b.said(field::isbn13) = provider;
    }
    b.other_isbns = s.others;
    b.set_id(provider, s.title);
    list->books.push_back(std::move(b));
  }
  return {std::move(provider), std::move(list)};
}

std::vector<book> merged(const std::vector<contribution>& found, int limit = 20) {
  return dynamic_cast<const book_list&>(*merge_search(search("dune", limit), found)).books;
}

std::string titles(const std::vector<book>& list) {
  std::string text;
  for (const auto& b : list)
    text += (text.empty() ? "" : " | ") + b.title;
  return text;
}

} // namespace

TEST(the same ISBN is one book and its missing fields come from the other provider) {
  auto google = from("google", {{"Dune", "Frank Herbert", ace}});
  auto open = from("openlibrary", {{"DUNE: a novel", "", ace}});
  auto& theirs = const_cast<book&>(dynamic_cast<const book_list&>(*open.found).books[0]);
  theirs.publisher = "Ace";
  theirs.said(field::publisher) = "openlibrary";
  theirs.page_count = 412;
  theirs.said(field::page_count) = "openlibrary";
  const auto list = merged({google, open});
  REQUIRE_EQ(list.size(), 1u);
  CHECK_EQ(list[0].title, "Dune");
  CHECK_EQ(list[0].said(field::title), "google");
  CHECK_EQ(list[0].authors, std::vector<std::string>{"Frank Herbert"});
  CHECK_EQ(list[0].publisher, "Ace");
  CHECK_EQ(list[0].said(field::publisher), "openlibrary");
  CHECK_EQ(list[0].page_count, 412);
  CHECK_EQ(list[0].ids, (fields{{"google", "Dune"}, {"openlibrary", "DUNE: a novel"}}));
}

TEST(without an ISBN on one side title and first author decide) {
  CHECK_EQ(merged({from("google", {{"The Hobbit", "J. R. R. Tolkien", ace}}),
                    from("openlibrary", {{"Hobbit", "Tolkien, J.R.R.", ""}})})
             .size(),
    1u);
  CHECK_EQ(merged({from("google", {{"The Hobbit", "J. R. R. Tolkien", ""}}),
                    from("openlibrary", {{"Hobbit", "J.R.R. Tolkien", ""}})})
             .size(),
    1u);
  CHECK_EQ(merged({from("google", {{"Poems", "", ace}}), from("openlibrary", {{"Poems", "", ""}})}).size(), 2u);
  CHECK_EQ(merged({from("google", {{"Poems", "A", ace}}), from("openlibrary", {{"Poems", "B", ""}})}).size(), 2u);
}

TEST(two editions stay apart whatever their titles) {
  CHECK_EQ(
    merged({from("google", {{"Dune", "Frank Herbert", ace}}), from("openlibrary", {{"Dune", "Frank Herbert", deluxe}})})
      .size(),
    2u);
  CHECK_EQ(merged({from("google", {{"Dune", "Frank Herbert", ace}, {"Dune", "Frank Herbert", deluxe}})}).size(), 2u);
}

TEST(one provider alone keeps apart what it tells apart) {
  CHECK_EQ(
    merged({from("google", {{"Works", "Dickens", ""}, {"Works", "Dickens", ""}, {"Works", "Dickens", ace}})}).size(),
    3u);
  // but one ISBN may have two hits
  CHECK_EQ(merged({from("google", {{"Dune", "Herbert", ace}, {"Dune!", "Herbert", ace}})}).size(), 1u);
}

TEST(a work joins the edition that it lists and leaves its own choice of ISBN) {
  const auto list = merged({from("google", {{"Dune", "Frank Herbert", ace}}),
    from("openlibrary", {{"Дюна", "Frank Herbert", deluxe, {9780441172719}}})});
  REQUIRE_EQ(list.size(), 1u);
  CHECK_EQ(list[0].isbn13, ace);
  CHECK_EQ(list[0].title, "Dune");
  CHECK(list[0].other_isbns.empty());
}

TEST(two works of one provider that share an ISBN stay two) {
  CHECK_EQ(merged({from("openlibrary", {{"The Two Towers", "Tolkien", ace, {9780593099322}},
                                         {"The Two Towers", "Tolkien", messiah, {9780593099322}}})})
             .size(),
    2u);
}

TEST(what several found comes first and the rest alternates) {
  const auto google = from("google", {{"g0", "a", ""}, {"both", "a", ""}, {"g2", "a", ""}});
  const auto open = from("openlibrary", {{"o0", "a", ""}, {"o1", "a", ""}, {"both", "a", ""}});
  CHECK_EQ(titles(merged({google, open})), "both | g0 | o0 | o1 | g2");
  CHECK_EQ(titles(merged({open, google})), "both | o0 | g0 | o1 | g2");
  CHECK_EQ(titles(merged({google, open}, 2)), "both | g0");
  CHECK_EQ(titles(merged({google})), "g0 | both | g2");
  CHECK_EQ(merged({google, open}, 0).size(), 5u);
}

TEST(no answer of one provider loses the records of another) {
  const auto google = from("google", {{"Dune", "Frank Herbert", ace}});
  CHECK_EQ(merged({google, {"openlibrary", nullptr}}).size(), 1u);
  CHECK_EQ(merged({{"openlibrary", std::make_shared<book_list>()}, google}).size(), 1u);
  CHECK(merged({}).empty());
}

TEST(the same contributions always give the same list) {
  std::vector<sketch> many;
  for (int i = 0; i < 40; ++i)
    many.push_back({"title " + std::to_string(i % 17), "author", i % 3 ? "" : ace});
  const std::vector<contribution> found{from("google", many), from("openlibrary", {many.rbegin(), many.rend()})};
  const auto first = merged(found);
  for (int i = 0; i < 5; ++i)
    CHECK(merged(found) == first);
}

TEST(details become one record with the source of each field) {
  const std::vector<contribution> found{from("google", {{"Dune", "", ace}, {"Dune (reissue)", "Frank Herbert", ace}}),
    from("openlibrary", {{"Dune", "F. Herbert", ace}})};
  const auto list = merge_details(details(ace), found);
  REQUIRE_EQ(list->count(), 1u);
  const auto& b = dynamic_cast<const book_list&>(*list).books[0];
  CHECK_EQ(b.title, "Dune");
  CHECK_EQ(b.authors, std::vector<std::string>{"Frank Herbert"});
  CHECK_EQ(b.said(field::authors), "google");
}

TEST(details take no field from another book) {
  const auto one = merge_details(details(ace),
    std::vector{from("google", {{"Dune Messiah", "X", messiah}}), from("openlibrary", {{"Dune", "", ace}})});
  REQUIRE_EQ(one->count(), 1u);
  CHECK_EQ(dynamic_cast<const book_list&>(*one).books[0].title, "Dune");
  CHECK(dynamic_cast<const book_list&>(*one).books[0].authors.empty());
  // a hit without an ISBN completes only what has its title
  const auto two = merge_details(
    details(ace), std::vector{from("google", {{"Unrelated", "X", ""}}), from("openlibrary", {{"Dune", "", ace}})});
  CHECK(dynamic_cast<const book_list&>(*two).books[0].authors.empty());
  const auto three = merge_details(
    details(ace), std::vector{from("google", {{"DUNE", "X", ""}}), from("openlibrary", {{"Dune", "", ace}})});
  CHECK_EQ(dynamic_cast<const book_list&>(*three).books[0].authors.size(), 1u);
  // and is the answer only when there is no better one
  const auto four = merge_details(details(ace), std::vector{from("google", {{"Dune", "X", ""}})});
  REQUIRE_EQ(four->count(), 1u);
  CHECK_EQ(dynamic_cast<const book_list&>(*four).books[0].isbn13, "");
  CHECK_EQ(merge_details(details(ace), std::vector{from("google", {{"Dune Messiah", "X", messiah}})})->count(), 0u);
}

TEST(the routes tie questions to providers merge and JSON) {
  const auto table = routes(false);
  REQUIRE_EQ(table.size(), 5u);
  CHECK_EQ(table[0].name, "search");
  CHECK_EQ(table[1].name, "details");
  CHECK_EQ(table[2].name, "author");
  const std::vector<contribution> found{from("google", {{"Dune", "Frank Herbert", ace}})};
  for (const auto& route : std::span{table}.first(2)) {
    CHECK_EQ(route.providers, (std::vector<std::string>{"google", "openlibrary"}));
    const question q{route.name, route.name == "author" ? "Frank Herbert" : ace, 20, ""};
    const auto data = nlohmann::json::parse(route.render(q, *route.merge(q, found)));
    CHECK_EQ(data.is_array(), route.name == "search");
    CHECK_EQ((data.is_array() ? data[0] : route.name == "author" ? data["books"][0] : data)["isbn13"], ace);
    const auto nothing = nlohmann::json::parse(route.render(q, *route.merge(q, {})));
    CHECK((route.name == "author" ? nothing["books"] : nothing).empty());
  }
}

TEST(with a key ISBNdb is the third provider and the first of an author) {
  const auto table = routes(true);
  CHECK_EQ(table[0].providers, (std::vector<std::string>{"google", "openlibrary", "isbndb"}));
  CHECK_EQ(table[1].providers, (std::vector<std::string>{"google", "openlibrary", "isbndb"}));
  CHECK_EQ(table[2].providers, (std::vector<std::string>{"isbndb", "google", "openlibrary"}));
  CHECK_EQ(table[3].name, "elsewhere.author"); // of whom it has been asked already
  CHECK_EQ(table[3].providers, (std::vector<std::string>{"google", "openlibrary"}));
}
