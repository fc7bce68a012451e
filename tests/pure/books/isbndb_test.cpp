#define TEST_SUITE books.isbndb
#include "tests/support/test.hpp"

#include "apps/books/isbndb.hpp"
#include "tests/pure/books/answers.hpp"
#include "tests/support/results.hpp"

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;

namespace {

using texts = std::vector<std::string>;

std::string map(const question& q, int status, std::string body) {
  return outcome(isbndb_api().map(q, answer(status, std::move(body))));
}

question by_author(std::string name, int limit, fields params = {}) {
  question q{"author", std::move(name), limit, ""};
  q.params = std::move(params);
  return q;
}

book read_one(const std::string& record) {
  auto page = test::value_of(page_from_isbndb(R"({"book":)" + record + "}"));
  return page.books.empty() ? book{} : std::move(page.books.front());
}

texts authors_of(const std::string& list) {
  return read_one(R"({"title":"x","authors":)" + list + "}").authors;
}

std::string error_of(const std::string& body) {
  return test::error_of(page_from_isbndb(body)).message;
}

} // namespace

TEST(each route asks its endpoint with the key in the header) {
  const auto api = isbndb_api();
  CHECK_EQ(api.name, "isbndb");
  const auto found = api.build(search("dune & c++", 20), "secret key");
  CHECK_EQ(found.target, "/books/dune%20%26%20c%2B%2B?page=1&pageSize=20");
  CHECK_EQ(found.headers, (fields{{"Authorization", "secret key"}}));
  CHECK_EQ(api.build(details("9780441172719"), "").target, "/book/9780441172719");
  CHECK(api.build(details("9780441172719"), "").headers.empty());
  CHECK_EQ(api.build(by_author("andy weir", 50), "").target, "/author/andy%20weir?page=1&pageSize=50");
  CHECK_EQ(api.build(by_author("Андрей", 50, {{"page", "3"}, {"language", "ru"}}), "").target,
    "/author/%D0%90%D0%BD%D0%B4%D1%80%D0%B5%D0%B9?page=3&pageSize=50&language=ru");
  CHECK_EQ(api.build(search("a/b?c", 0), "").target, "/books/a%2Fb%3Fc?page=1&pageSize=1");
  CHECK_EQ(api.build(by_author("x", 5'000, {{"page", "-1"}}), "").target, "/author/x?page=1&pageSize=100");
}

TEST(a record gives every field with its source) {
  const auto b = read_one(R"({"title":" Dune  Messiah","title_long":"Dune Messiah: A novel","isbn":"0441172695",
    "isbn13":"9780441172696","isbn10":"0441172695","dewey_decimal":["813.52"],"binding":"Paperback","publisher":"Ace",
    "language":"en_US","date_published":"2011-08","edition":"1","pages":331,"dimensions":"Height: 10 inches",
    "synopsis":"<p>Twelve&nbsp;years</p>later","image":"http://images.isbndb.com/covers/1.jpg",
    "image_original":"https://images.isbndb.com/for-two-hours.jpg","msrp":18.00,"authors":["Frank Herbert"],
    "subjects":["Fiction","Science Fiction",""],"other_isbns":[{"isbn":"9780684801520","binding":"Hardcover"}]})");
  CHECK_EQ(b.title, "Dune Messiah");
  CHECK_EQ(b.subtitle, "A novel");
  CHECK_EQ(b.authors, texts{"Frank Herbert"});
  CHECK_EQ(b.isbn13, "9780441172696");
  CHECK_EQ(b.isbn10, "0441172695");
  CHECK(b.other_isbns.empty());
  CHECK_EQ(b.publisher, "Ace");
  CHECK_EQ(b.published_date, "2011-08");
  CHECK_EQ(b.published_year, 2011);
  CHECK_EQ(b.page_count, 331);
  CHECK_EQ(b.language, "en-US");
  CHECK_EQ(b.categories, (texts{"Fiction", "Science Fiction"}));
  CHECK_EQ(b.description, "Twelve years\nlater");
  CHECK_EQ(b.cover_url, "https://images.isbndb.com/covers/1.jpg");
  CHECK_EQ(b.ids, (fields{{"isbndb", "9780441172696"}}));
  for (std::size_t i = 0; i < field_count; ++i)
    CHECK_EQ(b.provenance[i], "isbndb");
}

TEST(what is sent for unknown stays unknown and without a source) {
  const auto b = read_one(R"({"title":"Dune","title_long":"","authors":[],"publisher":"","language":"","pages":[],
    "date_published":"","subjects":[],"synopsis":null,"msrp":"0.00","image":null,"isbn":"","isbn13":""})");
  CHECK_EQ(b.title, "Dune");
  CHECK(b.authors.empty() && b.isbn13.empty() && b.published_date.empty() && b.language.empty() && b.ids.empty());
  CHECK_EQ(b.published_year + b.page_count, 0);
  for (std::size_t i = 1; i < field_count; ++i)
    CHECK_EQ(b.provenance[i], "");
}

TEST(the noise in names is cleaned away) {
  CHECK_EQ(authors_of(R"(["Smith","Frank"])"), texts{"Frank Smith"});
  CHECK_EQ(authors_of(R"(["Nelson, Bob, Ph.D."])"), texts{"Bob Nelson"});
  CHECK_EQ(authors_of(R"(["Allen, Charlotte Vale , 1941-"])"), texts{"Charlotte Vale Allen"});
  CHECK_EQ(authors_of(R"(["King, Martin Luther, Jr."])"), texts{"King, Martin Luther, Jr."});
  CHECK_EQ(authors_of(R"(["Martin Luther King, Jr."])"), texts{"Martin Luther King Jr."});
  CHECK_EQ(authors_of(R"(["Charlotte%20Vale%20Allen","100% Me","%C3%89mile Zola","%FF%FE"])"),
    (texts{"Charlotte Vale Allen", "100% Me", "Émile Zola", "%FF%FE"}));
  CHECK_EQ(authors_of(R"(["~autofilled~"])"), texts{});
  CHECK_EQ(
    authors_of(R"(["Charlotte Vale Allen; Erica V. Allen"])"), (texts{"Charlotte Vale Allen", "Erica V. Allen"}));
  CHECK_EQ(authors_of(R"~(["J. N. Williamson (editor)", "Whitelaw, Stella.", "Tolkien, J.R.R."])~"),
    (texts{"J. N. Williamson", "Stella Whitelaw", "J.R.R. Tolkien"}));
  CHECK_EQ(authors_of(R"(["Homer","Robert Fagles","Homer"])"), (texts{"Homer", "Robert Fagles"}));
  CHECK_EQ(authors_of(R"("Frank Herbert")"), texts{"Frank Herbert"});
  CHECK_EQ(authors_of(R"(["", null, 7])"), texts{"7"});
}

TEST(dates come as texts and as numbers and under two names) {
  const auto date = [](const std::string& members) { return read_one(R"({"title":"x",)" + members + "}"); };
  CHECK_EQ(date(R"("date_published":2015)").published_date, "2015");
  CHECK_EQ(date(R"("date_published":2015)").published_year, 2015);
  CHECK_EQ(date(R"("publish_date":"1992")").published_year, 1992);
  CHECK_EQ(date(R"("date_published":"","publish_date":1992)").published_year, 1992);
  CHECK_EQ(date(R"("date_published":[])").published_year, 0);
  CHECK_EQ(date(R"("date_published":"2017-05-23T00:00:01Z")").published_year, 2017);
}

TEST(a synopsis has several names) {
  const auto text = [](const std::string& members) { return read_one(R"({"title":"x",)" + members + "}").description; };
  CHECK_EQ(text(R"("synopsys":"<p>a</p>","overview":"b")"), "a");
  CHECK_EQ(text(R"("synopsis":"","overview":"b")"), "b");
  CHECK_EQ(text(R"("synopsis":[],"excerpt":"c")"), "c");
}

TEST(the title of full length stands in and has the subtitle) {
  CHECK_EQ(read_one(R"({"title_long":"The Good Friday Murder"})").title, "The Good Friday Murder");
  CHECK_EQ(read_one(R"({"title":"","title_long":"Only this"})").title, "Only this");
  CHECK_EQ(read_one(R"~({"title":"Dune","title_long":"Dune (spanish Edition)"})~").subtitle, "");
  CHECK_EQ(read_one(R"({"title":"Dune","title_long":"Dune : a novel"})").subtitle, "a novel");
  CHECK_EQ(read_one(R"({"title":"Dune","title_long":"Dunes: a guide"})").subtitle, "");
}

TEST(a record is one edition and its first valid number counts) {
  const auto isbn = [](const std::string& members) { return read_one(R"({"title":"x",)" + members + "}"); };
  CHECK_EQ(isbn(R"("isbn":"0792712307")").isbn13, "9780792712305");
  CHECK_EQ(isbn(R"("isbn":"9780743273565")").isbn10, "0743273567");
  CHECK_EQ(isbn(R"("isbn13":"9780792712300","isbn10":"0792712307")").isbn13, "9780792712305");
  CHECK_EQ(isbn(R"("isbn13":9780792712305)").isbn13, "9780792712305");
  const auto two = isbn(R"("isbn13":"9780792712305","isbn":"0743273567")");
  CHECK_EQ(two.isbn13, "9780792712305");
  CHECK(two.other_isbns.empty());
}

TEST(a list comes under several names) {
  const auto page = [](const std::string& body) { return test::value_of(page_from_isbndb(body)); };
  const auto found = page(R"({"total":117619,"books":[{"title":"a"},{"isbn":"0792712307"},{"title":"b"}]})");
  CHECK_EQ(found.books.size(), 2u);
  CHECK_EQ(found.listed, 3u);
  const auto author = page(R"({"author":"Charlotte%20Vale%20Allen","books":[{"title":"a"}]})");
  CHECK_EQ(author.books.size(), 1u);
  CHECK_EQ(page(R"({"total":1,"data":[{"title":"a"}]})").listed, 1u);
  CHECK(page(R"({"total":0,"books":[]})").books.empty());
}

TEST(a body without books is malformed and says where) {
  CHECK_EQ(error_of("{}"), "isbndb: books: expected an array, the body has none");
  CHECK_EQ(error_of("[]"), "isbndb: books: expected an array, the body has none");
  CHECK_EQ(error_of(R"({"books":23237277})"), "isbndb: books: expected an array, got number");
  CHECK_EQ(error_of(R"({"book":[]})"), "isbndb: book: expected an object, got array");
  CHECK_EQ(
    error_of(R"({"book":{"isbn":"0792712307"}})"), "isbndb: book.title: expected a title, none of 1 records has one");
  CHECK_EQ(error_of(R"({"data":[{},7,null]})"), "isbndb: data[].title: expected a title, none of 3 records has one");
  CHECK_EQ(error_of("<html>"), "isbndb: body: expected JSON, got HTML or XML");
}

TEST(a status and a complaint tell whose fault it is) {
  CHECK_EQ(map(details("9780441172719"), 404, R"({"errorMessage":"Not Found"})"), "0 records");
  CHECK_EQ(map(details("9780441172719"), 200, R"({"error":"Unable to locate xxx"})"), "0 records");
  CHECK_EQ(
    map(search("x"), 401, R"({"message":"Unauthorized"})"), "provider_refused: isbndb: status 401: Unauthorized");
  CHECK_EQ(map(search("x"), 403, R"({"message":"Limit Exceeded: daily quota"})"),
    "provider_limited: isbndb: status 403: Limit Exceeded: daily quota");
  CHECK_EQ(map(search("x"), 429, R"({"error_message":"Too Many Requests"})"),
    "provider_limited: isbndb: status 429: Too Many Requests");
  CHECK_EQ(map(search("x"), 500, ""), "provider_failed: isbndb: status 500");
  CHECK_EQ(map(search("x"), 200, R"({"error":"Internal"})"), "provider_failed: isbndb: status 500: Internal");
}

TEST(details never pass off another edition) {
  CHECK_EQ(map(details("9780792712305"), 200, R"({"book":{"title":"x","isbn":"0792712307"}})"), "1 records");
  CHECK_EQ(map(details("9780792712305"), 200, R"({"book":{"title":"x","isbn":"0743273567"}})"), "0 records");
}
