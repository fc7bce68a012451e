#define TEST_SUITE books.openlibrary
#include "tests/support/test.hpp"

#include "apps/books/openlibrary.hpp"
#include "tests/pure/books/answers.hpp"

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;

namespace {

std::string map(const question& q, int status, std::string body) {
  return outcome(openlibrary_api().map(q, answer(status, std::move(body))));
}

book read_one(const std::string& body) {
  const auto page = page_from_openlibrary(body, true);
  return page && page.value().books.size() == 1 ? page.value().books.front() : book{};
}

book read_doc(const std::string& doc) {
  return read_one(R"({"numFound":1,"docs":[)" + doc + "]}");
}

} // namespace

TEST(requests name what they want) {
  const auto api = openlibrary_api();
  CHECK_EQ(api.name, "openlibrary");
  CHECK_EQ(api.build(search("dune & c++", 20), "unused").target,
    "/search.json?q=dune%20%26%20c%2B%2B&limit=20&fields=key,title,subtitle,author_name,isbn,publisher,"
    "first_publish_year,publish_date,number_of_pages_median,language,subject,cover_i");
  CHECK_EQ(
    api.build(details("9780441172719"), "").target, "/api/books?bibkeys=ISBN:9780441172719&format=json&jscmd=data");
  CHECK(api.build(search("x", 1000), "").target.find("&limit=100&") != std::string::npos);
}

TEST(a search document gives what holds for the whole work) {
  const auto b =
    read_doc(R"({"key":"/works/OL893415W","title":"Dune","subtitle":"a novel","author_name":["Frank Herbert",
    "Френк Герберт"],"isbn":["0441172717","bad","9780593099322","9780441172719","0-441-17271-7"],"publisher":["Ace","Ace"],
    "first_publish_year":1965,"publish_date":["2005","1965"],"number_of_pages_median":605,"language":["eng"],
    "subject":["Fiction","Ecology"],"cover_i":11481354})");
  CHECK_EQ(b.title, "Dune");
  CHECK_EQ(b.authors, (std::vector<std::string>{"Frank Herbert", "Френк Герберт"}));
  CHECK_EQ(b.isbn13, "9780593099322");
  CHECK_EQ(b.isbn10, "059309932X");
  CHECK_EQ(b.other_isbns, std::vector<std::uint64_t>{9780441172719});
  CHECK_EQ(b.publisher, "Ace");
  CHECK_EQ(b.published_date, "1965");
  CHECK_EQ(b.published_year, 1965);
  CHECK_EQ(b.page_count, 605);
  CHECK_EQ(b.language, "en");
  CHECK_EQ(b.categories, (std::vector<std::string>{"Fiction", "Ecology"}));
  CHECK_EQ(b.cover_url, "https://covers.openlibrary.org/b/id/11481354-L.jpg");
  CHECK_EQ(b.ids, (fields{{"openlibrary", "OL893415W"}}));
  CHECK_EQ(b.said(field::language), "openlibrary");
  CHECK_EQ(b.said(field::description), "");
}

TEST(a work in several languages and from several publishers claims none) {
  const auto b = read_doc(R"({"key":"OL1W","title":"Dune","language":["eng","ger"],"publisher":["Ace","Heyne"],
    "publish_date":["August 1984","1965","n.d."]})");
  CHECK_EQ(b.language, "");
  CHECK_EQ(b.publisher, "");
  CHECK_EQ(b.published_date, "1965");
  CHECK_EQ(b.ids, (fields{{"openlibrary", "OL1W"}}));
}

TEST(without a valid ISBN of thirteen digits the first valid ISBN of ten digits counts) {
  const auto b = read_doc(R"({"title":"x","isbn":["9780441172710","080442957X","0441172717"]})");
  CHECK_EQ(b.isbn13, "9780804429573");
  CHECK_EQ(b.isbn10, "080442957X");
}

TEST(api books is read under the key that was asked) {
  const std::string body = R"({"ISBN:9780441172719":{"url":"http://openlibrary.org/books/OL1M/Dune","key":"/books/OL1M",
    "title":"Dune","authors":[{"url":"http://x","name":"Frank Herbert"}],"number_of_pages":412,
    "identifiers":{"isbn_10":["0441172717"],"openlibrary":["OL1M"]},"publishers":[{"name":"Ace"},{"name":"Tor"}],
    "publish_date":"July 28, 2008","subjects":[{"name":"Fiction","url":"http://y"},"Ecology"],
    "cover":{"small":"http://c/1-S.jpg","large":"Https://c/1-L.jpg"}}})";
  const auto mapped = openlibrary_api().map(details("9780441172719"), answer(200, body));
  REQUIRE_EQ(outcome(mapped), "1 records");
  const auto& b = books_of(mapped).front();
  CHECK_EQ(b.isbn13, "9780441172719");
  CHECK_EQ(b.authors, std::vector<std::string>{"Frank Herbert"});
  CHECK_EQ(b.publisher, "Ace");
  CHECK_EQ(b.published_date, "July 28, 2008");
  CHECK_EQ(b.published_year, 2008);
  CHECK_EQ(b.page_count, 412);
  CHECK_EQ(b.categories, (std::vector<std::string>{"Fiction", "Ecology"}));
  CHECK_EQ(b.cover_url, "https://c/1-L.jpg");
  CHECK_EQ(b.ids, (fields{{"openlibrary", "OL1M"}}));
}

TEST(details are the edition asked for or nothing) {
  const auto q = details("9780441172719");
  CHECK_EQ(map(q, 200, "{}"), "0 records");
  CHECK_EQ(map(q, 404, R"({"error":"notfound","key":"/isbn/x"})"), "0 records");
  CHECK_EQ(map(q, 200, R"({"error":"notfound","key":"/isbn/x"})"), "0 records");
  CHECK_EQ(map(q, 200, R"({"type":{"key":"/type/delete"},"key":"/books/OL1M"})"), "0 records");
  CHECK_EQ(map(q, 200, R"({"ISBN:9780441172719":{"title":"Other","identifiers":{"isbn_13":["9780441172696"]}}})"),
    "0 records");
  // an edition of two printings is known by the one asked for
  const auto two = openlibrary_api().map(
    q, answer(200,
         R"({"ISBN:9780441172719":{"title":"Dune","identifiers":{"isbn_13":["9780441172696","9780441172719"]}}})"));
  REQUIRE_EQ(outcome(two), "1 records");
  CHECK_EQ(books_of(two).front().isbn13, "9780441172719");
  CHECK_EQ(books_of(two).front().isbn10, "0441172717");
  CHECK_EQ(books_of(two).front().other_isbns, std::vector<std::uint64_t>{9780441172696});
  // found under the ISBN by a record that does not repeat it
  const auto silent = openlibrary_api().map(q, answer(200, R"({"ISBN:9780441172719":{"title":"Dune"}})"));
  REQUIRE_EQ(outcome(silent), "1 records");
  CHECK_EQ(books_of(silent).front().isbn13, "9780441172719");
}

TEST(an edition names its authors by key only) {
  const auto b = read_one(R"({"key":"/books/OL2M","type":{"key":"/type/edition"},"title_prefix":"The ","title":"Hobbit",
    "authors":[{"key":"/authors/OL1A"}],"isbn_10":["0618260307"],"isbn_13":"9780618260300","publishers":["Houghton"],
    "publish_date":"1996","number_of_pages":330,"languages":[{"key":"/languages/eng"},{"key":"/languages/fre"}],
    "subjects":["Fantasy."],"covers":[-1,null,42],"description":{"type":"/type/text","value":" In a hole\r\nin the ground\r\n"}})");
  CHECK_EQ(b.title, "The Hobbit");
  CHECK(b.authors.empty());
  CHECK_EQ(b.isbn13, "9780618260300");
  CHECK_EQ(b.publisher, "Houghton");
  CHECK_EQ(b.language, "en");
  CHECK_EQ(b.description, "In a hole\nin the ground");
  CHECK_EQ(b.cover_url, "https://covers.openlibrary.org/b/id/42-L.jpg");
  CHECK_EQ(b.ids, (fields{{"openlibrary", "OL2M"}}));
}

TEST(a work is read with nested author keys and a plain description) {
  const auto b = read_one(R"({"key":"/works/OL3W","title":"Sabriel","authors":[{"author":{"key":"/authors/OL1A"},
    "type":{"key":"/type/author_role"}}],"description":"First.","first_publish_date":"1995","type":{"key":"/type/work"}})");
  CHECK_EQ(b.title, "Sabriel");
  CHECK(b.authors.empty());
  CHECK_EQ(b.description, "First.");
  CHECK_EQ(b.published_year, 1995);
}

TEST(entries hold editions and works with both forms of text) {
  const auto page =
    page_from_openlibrary(R"({"size":3,"entries":[{"key":"/books/OL1M","title":"A","description":"plain"},
    {"key":"/works/OL1W","title":"B","description":{"type":"/type/text","value":"typed"}},{"key":"/books/OL2M"}]})",
      false);
  REQUIRE(page.has_value());
  const auto& [books, listed] = page.value();
  CHECK_EQ(listed, 3u);
  REQUIRE_EQ(books.size(), 2u);
  CHECK_EQ(books[0].description, "plain");
  CHECK_EQ(books[1].description, "typed");
}

TEST(an author is no book even with a stray title) {
  CHECK_EQ(
    map(search("x"), 200, R"({"key":"/authors/OL1A","type":{"key":"/type/author"},"title":"OBE","name":"J. K. R."})"),
    "provider_malformed: openlibrary: type: expected an edition or a work, got an author");
  CHECK_EQ(map(search("x"), 200, R"({"numFound":1,"docs":[{"key":"OL1A","type":"author","name":"J. K. R."}]})"),
    "provider_malformed: openlibrary: docs[].title: expected a title, none of 1 records has one");
  CHECK_EQ(map(search("x"), 200, R"({"numFound":1,"docs":[{"key":"OL1A","type":"author","title":"OBE"}]})"),
    "provider_malformed: openlibrary: docs[].title: expected a title, none of 1 records has one");
}

TEST(a body without the list is malformed and an empty list is an answer) {
  CHECK_EQ(map(search("x"), 200, R"({"numFound":0,"docs":[]})"), "0 records");
  CHECK_EQ(map(search("x"), 200, R"({"num_found":259,"start":400,"docs":[]})"), "0 records");
  for (const char* body : {"{}", R"({"numFound":3})", R"({"docz":[]})"})
    CHECK_EQ(
      map(search("x"), 200, body), "provider_malformed: openlibrary: docs: expected an array, the body has none");
  CHECK_EQ(map(details("9780441172719"), 200, R"({"unknown":1})"),
    "provider_malformed: openlibrary: docs: expected an array, the body has none");
  CHECK_EQ(map(search("x"), 200, "[]"), "provider_malformed: openlibrary: body: expected an object, got array");
  CHECK_EQ(
    map(search("x"), 200, R"({"docs":{}})"), "provider_malformed: openlibrary: docs: expected an array, got object");
  CHECK_EQ(map(search("x"), 200, "<html>"), "provider_malformed: openlibrary: body: expected JSON, got HTML or XML");
}

TEST(failures carry what the provider says) {
  CHECK_EQ(map(search("x"), 429, R"({"status":429,"message":"Too Many Requests."})"),
    "provider_limited: openlibrary: status 429: Too Many Requests.");
  CHECK_EQ(map(search("x"), 200, R"({"status":429,"message":"Too Many Requests."})"),
    "provider_limited: openlibrary: status 429: Too Many Requests.");
  CHECK_EQ(map(search("x"), 422, R"({"error":"bad query","message":"Solr cannot parse"})"),
    "provider_refused: openlibrary: status 422: Solr cannot parse");
  CHECK_EQ(map(search("x"), 500, "<html>Internal Server Error</html>"), "provider_failed: openlibrary: status 500");
  CHECK_EQ(
    map(search("x"), 200, R"({"error":"Internal error"})"), "provider_failed: openlibrary: status 500: Internal error");
}

TEST(a list of any length is bounded in what is kept of it) {
  std::string subjects;
  for (int i = 0; i < 500; ++i)
    subjects += (i ? ",\"s" : "\"s") + std::to_string(i) + '"';
  CHECK_EQ(read_doc(R"({"title":"x","subject":[)" + subjects + "]}").categories.size(), 20u);
}

TEST(records of api books keep the order of the body) {
  const auto page = page_from_openlibrary(R"({"ISBN:2":{"title":"B"},"ISBN:1":{"title":"A"},"ISBN:0":{}})", true);
  REQUIRE(page.has_value());
  const auto& books = page.value().books;
  REQUIRE_EQ(books.size(), 2u);
  CHECK_EQ(books[0].title, "B");
  CHECK_EQ(books[1].title, "A");
}
