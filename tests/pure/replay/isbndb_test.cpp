#define TEST_SUITE replay_isbndb
#include "tests/support/test.hpp"

#include "apps/books/isbndb.hpp"
#include "apps/replay/book_apis.hpp"

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

using namespace troupe::replay;
using nlohmann::json;

namespace {

const char* const shelf = "isbn13,title,authors,year,publisher,language,subjects\n"
                          "9780441013593,Dune,Frank Herbert,1965,Ace,en,Fiction;Deserts\n"
                          "9780062316097,Sapiens: A Brief History,Yuval Noah Harari,2011,Harper,en-US,History\n"
                          "9791032305690,\"Le \"\"Petit\"\" Prince\\\",A;B,1943,Gallimard,fre,Fiction\n"
                          ",Dune of the Nameless,Frank Herbert,,,xx,\n"
                          "9780441172696,Dune Messiah,Frank Herbert;Frank Herbert,1969,,fr,\n";

struct fixture {
  catalogue books = [] {
    auto parsed = catalogue::parse(shelf, "books.csv");
    if (!parsed)
      CAF_FAIL(parsed.error().message);
    return std::move(parsed.value());
  }();
  isbndb api{books};

  std::optional<reply> ask(std::string_view target, std::string_view method = "GET") const {
    const auto mark = std::min(target.find('?'), target.size());
    return api.answer(
      make_call(method, target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))).value());
  }

  json get(std::string_view target, int status = 200) const {
    const auto r = ask(target);
    if (!r)
      CAF_FAIL("no answer to " << target);
    CHECK_EQ(r->status, status);
    CHECK_EQ(r->content_type, "application/json");
    return json::parse(r->body.view());
  }

  std::vector<std::string> titles(std::string_view target) const {
    std::vector<std::string> out;
    const auto body = get(target);
    for (const auto& each : body.at("books"))
      out.push_back(each.at("title"));
    return out;
  }
};

using texts = std::vector<std::string>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(replay_isbndb_tests, fixture)

TEST(a book by its number is in the form of the recorded ones) {
  const auto book = get("/book/0062316095")["book"];
  CHECK_EQ(book["title"], "Sapiens");
  CHECK_EQ(book["title_long"], "Sapiens: A Brief History");
  CHECK_EQ(book["isbn13"], "9780062316097");
  CHECK_EQ(book["isbn"], "0062316095");
  CHECK_EQ(book["publisher"], "Harper");
  CHECK_EQ(book["language"], "en");
  CHECK_EQ(book["image"], "https://images.isbndb.com/covers/60/97/9780062316097.jpg");
  CHECK_EQ(get("/book/9791032305690")["book"]["isbn"], "9791032305690"); // no ISBN-10
  CHECK_EQ(get("/book/9780441172696")["book"]["publisher"], "");
}

TEST(what ISBNdb does not know is 404) {
  for (auto target :
    {"/book/9780261103573", "/book/nonsense", "/books/zzz", "/author/nobody", "/search/books?text=zzz"})
    CHECK_EQ(get(target, 404)["errorMessage"], "Not Found");
}

TEST(a search has a total and pages of the rows that have a number) {
  CHECK_EQ(get("/books/dune")["total"], 2);
  CHECK_EQ(titles("/books/dune"), (texts{"Dune", "Dune Messiah"}));
  CHECK_EQ(titles("/books/dune?page=2&pageSize=1"), texts{"Dune Messiah"});
  CHECK_EQ(titles("/books/dune?page=3&pageSize=1"), texts{});
  CHECK_EQ(titles("/books/dune?page=18446744073709551615&pageSize=1000"), texts{});
  CHECK_EQ(titles("/books/dune?page=x&pageSize=0"), (texts{"Dune", "Dune Messiah"}));
  CHECK_EQ(titles("/search/books?text=messiah"), texts{"Dune Messiah"});
  CHECK_EQ(titles("/search/books?author=harari"), texts{"Sapiens"});
  CHECK_EQ(titles("/search/books?isbn13=9780441013593"), texts{"Dune"});
  CHECK_EQ(titles("/search/books?isbn=0441172695"), texts{"Dune Messiah"});
}

TEST(an author has all of the books and no others and no total) {
  const auto body = get("/author/frank%20HERBERT?page=1&pageSize=50");
  CHECK_EQ(body["author"], "frank%20HERBERT");
  CHECK(!body.contains("total"));
  CHECK_EQ(titles("/author/frank%20HERBERT"), (texts{"Dune", "Dune Messiah"}));
  CHECK_EQ(titles("/author/Frank+Herbert?language=fr"), texts{"Dune Messiah"});
  CHECK_EQ(titles("/author/Frank%20Herbert?pageSize=1&page=2"), texts{"Dune Messiah"});
  CHECK_EQ(titles("/author/B"), texts{"Le \"Petit\" Prince\\"});
  CHECK_EQ(get("/author/herbert", 404)["errorMessage"], "Not Found");
}

TEST(paths of others and other methods are not answered) {
  for (auto target :
    {"/books/OL1M.json", "/book", "/book/", "/books/", "/author/", "/authors/smith", "/search/authors.json"})
    CHECK(!ask(target));
  CHECK(!ask("/book/9780441013593", "POST"));
}

TEST(what is answered from a catalogue maps back to it) {
  const std::string path = TROUPE_SOURCE_DIR "/config/demo-catalogue.csv";
  const auto demo = catalogue::load(path);
  REQUIRE(demo.has_value());
  const isbndb all{demo.value()};
  int noisy = 0;
  for (const auto& b : demo.value().books()) {
    const auto answer = all.answer(make_call("GET", "/book/" + b.isbn13, "").value());
    REQUIRE(answer.has_value());
    const auto page = troupe::books::page_from_isbndb(answer->body.view());
    REQUIRE(page.has_value());
    const auto& mapped = page.value().books.at(0);
    CHECK_EQ(mapped.title + (mapped.subtitle.empty() ? "" : ": " + mapped.subtitle), b.title);
    CHECK_EQ(mapped.isbn13, b.isbn13);
    CHECK_EQ(mapped.publisher, b.publisher);
    CHECK_EQ(mapped.published_year, b.year > 0 ? b.year : 0);
    CHECK_EQ(mapped.authors, b.authors);
    noisy += answer->body.view().find("\"authors\":[\"" + b.authors.front() + "\"") == std::string_view::npos ? 1 : 0;
  }
  CHECK(noisy > 10); // some were turned round on the way
}

CAF_TEST_FIXTURE_SCOPE_END()
