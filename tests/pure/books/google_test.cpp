#define TEST_SUITE books.google
#include "tests/support/test.hpp"

#include "apps/books/google.hpp"
#include "tests/pure/books/answers.hpp"

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;

namespace {

std::string map(const question& q, int status, std::string body) {
  return outcome(google_api().map(q, answer(status, std::move(body))));
}

/// A list of one volume with this volumeInfo.
std::string one(const std::string& info, const std::string& more = "") {
  return R"({"kind":"books#volumes","totalItems":1,"items":[{"id":"abc","volumeInfo":)" + info + more + "}]}";
}

book read_one(const std::string& info, const std::string& more = "") {
  const auto page = page_from_google(one(info, more));
  return page && page.value().books.size() == 1 ? page.value().books.front() : book{};
}

std::string with_isbn(const std::string& title, const std::string& isbn) {
  return R"({"id":")" + title + R"(","volumeInfo":{"title":")" + title + R"(")"
         + (isbn.empty() ? "" : R"(,"industryIdentifiers":[{"type":"ISBN_13","identifier":")" + isbn + R"("}])") + "}}";
}

} // namespace

TEST(a search is asked for by its encoded text within what the API allows) {
  const auto api = google_api();
  CHECK_EQ(api.name, "google");
  CHECK_EQ(api.build(search("dune & c++", 20), "").target, "/books/v1/volumes?q=dune%20%26%20c%2B%2B&maxResults=20");
  CHECK_EQ(
    api.build(search("мир", 99), "k/y").target, "/books/v1/volumes?q=%D0%BC%D0%B8%D1%80&maxResults=40&key=k%2Fy");
  CHECK_EQ(api.build(search("x", 0), "").target, "/books/v1/volumes?q=x&maxResults=1");
  CHECK_EQ(api.build(details("9780441172719"), "").target, "/books/v1/volumes?q=isbn:9780441172719");
}

TEST(a volume gives every field with its source) {
  const auto b =
    read_one(R"({"title":" Dune  Messiah ","subtitle":"A novel","authors":["Frank Herbert","Frank Herbert",""],
    "publisher":"Ace","publishedDate":"2011-08","description":"<p>Twelve&nbsp;years</p>later","pageCount":0,
    "printedPageCount":331,"industryIdentifiers":[{"type":"OTHER","identifier":"STANFORD:36105"},
    {"type":"ISBN_10","identifier":"0441172695"},{"type":"ISBN_13","identifier":"9780441172696"}],
    "categories":["Fiction / Science Fiction / General","Fiction / Fantasy"],"averageRating":4,"language":"pt-BR",
    "imageLinks":{"smallThumbnail":"http://b/5","thumbnail":"http://b/1","medium":"Https://b/3"}})");
  CHECK_EQ(b.title, "Dune Messiah");
  CHECK_EQ(b.subtitle, "A novel");
  CHECK_EQ(b.authors, std::vector<std::string>{"Frank Herbert"});
  CHECK_EQ(b.isbn13, "9780441172696");
  CHECK_EQ(b.isbn10, "0441172695");
  CHECK(b.other_isbns.empty());
  CHECK_EQ(b.publisher, "Ace");
  CHECK_EQ(b.published_date, "2011-08");
  CHECK_EQ(b.published_year, 2011);
  CHECK_EQ(b.page_count, 331);
  CHECK_EQ(b.language, "pt-BR");
  CHECK_EQ(b.categories, (std::vector<std::string>{"Fiction", "Science Fiction", "Fantasy"}));
  CHECK_EQ(b.description, "Twelve years\nlater");
  CHECK_EQ(b.cover_url, "https://b/3");
  CHECK_EQ(b.ids, (fields{{"google", "abc"}}));
  for (std::size_t i = 0; i < field_count; ++i)
    CHECK_EQ(b.provenance[i], "google");
}

TEST(what a volume does not say stays unknown and without a source) {
  const auto b = read_one(R"({"title":"Dune"})");
  CHECK_EQ(b.title, "Dune");
  CHECK(b.authors.empty() && b.isbn13.empty() && b.isbn10.empty() && b.published_date.empty() && b.language.empty());
  CHECK_EQ(b.published_year + b.page_count, 0);
  for (std::size_t i = 1; i < field_count; ++i)
    CHECK_EQ(b.provenance[i], "");
}

TEST(only a valid ISBN of type ISBN counts) {
  const auto ids = [](std::string list) { return read_one(R"({"title":"x","industryIdentifiers":)" + list + "}"); };
  CHECK_EQ(ids(R"([{"type":"OTHER","identifier":"9780441172719"}])").isbn13, "");
  CHECK_EQ(ids(R"([{"type":"ISBN_13","identifier":"9780441172710"}])").isbn13, "");
  CHECK_EQ(ids(R"([{"type":"ISBN_10","identifier":"080442957X"}])").isbn13, "9780804429573");
  CHECK_EQ(
    ids(R"([{"type":"ISBN_10","identifier":"080442957X"},{"type":"ISBN_13","identifier":"9780441172719"}])").isbn13,
    "9780441172719");
  CHECK_EQ(ids(R"([{"type":"ISBN_13","identifier":"9791090636071"}])").isbn10, "");
  CHECK_EQ(ids(R"("none")").isbn13, "");
  CHECK_EQ(ids(R"([null,7,{"type":"ISBN_13"},{}])").isbn13, "");
}

TEST(a snippet stands in for a missing description) {
  CHECK_EQ(read_one(R"({"title":"x"})", R"(,"searchInfo":{"textSnippet":"Vernon&#39;s <b>house</b>"})").description,
    "Vernon's house");
}

TEST(fields of another type are read leniently or skipped) {
  const auto b = read_one(R"({"title":"x","subtitle":{"a":1},"authors":"Frank Herbert","publisher":["Ace","Tor"],
    "publishedDate":1965,"pageCount":"412","language":[],"categories":"Fiction","description":[],"imageLinks":"http://x/"})");
  CHECK_EQ(b.title, "x");
  CHECK_EQ(b.subtitle, "");
  CHECK_EQ(b.authors, std::vector<std::string>{"Frank Herbert"});
  CHECK_EQ(b.publisher, "Ace");
  CHECK_EQ(b.published_year, 1965);
  CHECK_EQ(b.page_count, 412);
  CHECK_EQ(b.categories, std::vector<std::string>{"Fiction"});
  CHECK_EQ(b.cover_url, "");
  CHECK_EQ(read_one(R"({"title":"x","pageCount":412.0})").page_count, 412);
  CHECK_EQ(read_one(R"({"title":"x","pageCount":-5})").page_count, 0);
}

TEST(scripts and odd characters arrive as they were sent) {
  CHECK_EQ(read_one("{\"title\":\"ساق البامبو\"}").title, "ساق البامبو");
  CHECK_EQ(read_one("{\"title\":\"ノルウェイの森\"}").title, "ノルウェイの森");
  CHECK_EQ(
    read_one("{\"title\":\"Dostoevski\xEF\xB8\xA0i\xEF\xB8\xA1\"}").title, "Dostoevski\xEF\xB8\xA0i\xEF\xB8\xA1");
  CHECK_EQ(read_one(R"({"title":"\ud83e\udeb1 \u00e9"})").title, "🪱 é");
}

TEST(no items is an empty answer only with a total) {
  CHECK_EQ(map(search("x"), 200, R"({"kind":"books#volumes","totalItems":0})"), "0 records");
  CHECK_EQ(map(search("x"), 200, R"({"kind":"books#volumes","totalItems":59006})"), "0 records");
  CHECK_EQ(map(search("x"), 200, R"({"totalItems":1,"items":[]})"), "0 records");
  CHECK_EQ(map(search("x"), 200, R"({"kind":"books#volumes"})"),
    "provider_malformed: google: items: expected an array, the body has none");
  CHECK_EQ(map(search("x"), 200, "{}"), "provider_malformed: google: items: expected an array, the body has none");
  CHECK_EQ(map(search("x"), 200, "[]"), "provider_malformed: google: items: expected an array, the body has none");
  CHECK_EQ(map(search("x"), 200, R"({"totalItems":1,"items":null})"),
    "provider_malformed: google: items: expected an array, got null");
  CHECK_EQ(map(search("x"), 200, R"({"totalItems":1,"items":{"0":{}}})"),
    "provider_malformed: google: items: expected an array, got object");
}

TEST(volumes without a title are skipped unless none has one) {
  CHECK_EQ(map(search("x"), 200, R"({"items":[{"volumeInfo":{}},null,7,{"id":"a"},{"volumeInfo":{"title":"Dune"}}]})"),
    "1 records");
  CHECK_EQ(map(search("x"), 200, R"({"items":[{"volumeInfo":{}},null]})"),
    "provider_malformed: google: items[].volumeInfo.title: expected a title, none of 2 records has one");
  CHECK_EQ(map(details("9780441172719"), 200, R"({"id":"a","volumeInfo":{"title":" "}})"),
    "provider_malformed: google: volumeInfo.title: expected a title, none of 1 records has one");
}

TEST(a single volume is one record) {
  CHECK_EQ(map(search("x"), 200, R"({"kind":"books#volume","id":"a","volumeInfo":{"title":"Dune"}})"), "1 records");
}

TEST(what is not JSON is malformed and says so) {
  CHECK_EQ(map(search("x"), 200, ""), "provider_malformed: google: body: expected JSON, got nothing");
  CHECK_EQ(map(search("x"), 200, " \n<!DOCTYPE html><html></html>"),
    "provider_malformed: google: body: expected JSON, got HTML or XML");
  CHECK(map(search("x"), 200, R"({"totalItems":1,"items":[{"vol)")
          .starts_with("provider_malformed: google: body: broken JSON: "));
  CHECK_EQ(map(search("x"), 200, "\xEF\xBB\xBF{\"totalItems\":0}"), "0 records");
  // also where nothing is read
  CHECK(map(search("x"), 200, R"({"totalItems":0,"etag":"\ud800"})")
          .starts_with("provider_malformed: google: body: broken JSON: "));
  CHECK(map(search("x"), 200, R"({"totalItems":0,"etag":[})")
          .starts_with("provider_malformed: google: body: broken JSON: "));
}

TEST(of a field said twice the last counts) {
  const auto b =
    read_one(R"({"title":"x","pageCount":1,"imageLinks":{"large":"http://a/","large":"http://b/"},"title":"y"})");
  CHECK_EQ(b.title, "y");
  CHECK_EQ(b.cover_url, "https://b/");
}

TEST(a status tells whose fault it is) {
  const auto error = [](int code, const char* reason, const char* message) {
    return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message + R"(","errors":[{"reason":")"
           + reason + R"("}]}})";
  };
  CHECK_EQ(map(search("x"), 404, error(404, "notFound", "Not found")), "0 records");
  CHECK_EQ(map(search("x"), 400, error(400, "required", "Required parameter: q")),
    "provider_refused: google: status 400: Required parameter: q");
  CHECK_EQ(map(search("x"), 403, error(403, "accessNotConfigured", "API disabled")),
    "provider_refused: google: status 403: API disabled");
  for (const char* reason : {"dailyLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "rateLimitExceeded"})
    CHECK_EQ(map(search("x"), 403, error(403, reason, "No")), "provider_limited: google: status 403: No");
  CHECK_EQ(map(search("x"), 429, "slow down"), "provider_limited: google: status 429");
  CHECK_EQ(map(search("x"), 403, "<html>Your network may be sending automated queries</html>"),
    "provider_limited: google: status 403");
  CHECK_EQ(map(search("x"), 403, "<html><title>Forbidden</title></html>"), "provider_refused: google: status 403");
  CHECK_EQ(map(search("x"), 503, error(503, "backendFailed", "Service temporarily unavailable.")),
    "provider_failed: google: status 503: Service temporarily unavailable.");
  CHECK_EQ(map(search("x"), 500, ""), "provider_failed: google: status 500");
  CHECK_EQ(map(search("x"), 302, ""), "provider_refused: google: status 302");
  CHECK_EQ(
    map(search("x"), 200, error(503, "backendError", "Backend")), "provider_failed: google: status 503: Backend");
  CHECK_EQ(
    map(search("x"), 200, error(429, "rateLimitExceeded", "Slow")), "provider_limited: google: status 429: Slow");
}

TEST(an error message of any length is cut between characters) {
  std::string words;
  for (int i = 0; i < 500; ++i)
    words += "é";
  const auto text = map(search("x"), 400, R"({"error":{"message":")" + words + R"("}})");
  CHECK_EQ(text.size(), std::string{"provider_refused: google: status 400: "}.size() + 200);
}

TEST(an incomplete answer keeps its own code) {
  http_response none;
  none.code = ec::provider_timeout;
  none.detail = "no answer within 3 s";
  CHECK_EQ(outcome(google_api().map(search("x"), none)), "provider_timeout: google: no answer within 3 s");
}

TEST(details never pass off another book) {
  const auto list = [](std::initializer_list<std::string> volumes) {
    std::string items;
    for (const auto& v : volumes)
      items += (items.empty() ? "" : ",") + v;
    return R"({"totalItems":9,"items":[)" + items + "]}";
  };
  const auto q = details("9780441172719");
  const auto mapped = [&](const std::string& body) { return google_api().map(q, answer(200, body)); };
  // one ISBN can have two hits, and hits with another ISBN are other books
  const auto two = mapped(list({with_isbn("A", "9780441172719"), with_isbn("B", "9780441172696"),
    with_isbn("C", "0441172717"), with_isbn("D", "")}));
  REQUIRE_EQ(books_of(two).size(), 2u);
  CHECK_EQ(books_of(two)[0].title, "A");
  CHECK_EQ(books_of(two)[1].title, "C");
  CHECK_EQ(outcome(mapped(list({with_isbn("B", "9780441172696")}))), "0 records");
  CHECK_EQ(outcome(mapped(list({with_isbn("D", ""), with_isbn("B", "9780441172696")}))), "0 records");
  // without any ISBN the first hit stays, and claims none
  const auto nameless = mapped(list({with_isbn("D", ""), with_isbn("E", "")}));
  REQUIRE_EQ(books_of(nameless).size(), 1u);
  CHECK_EQ(books_of(nameless)[0].title, "D");
  CHECK_EQ(books_of(nameless)[0].isbn13, "");
}
