#define TEST_SUITE replay_book_apis
#include "tests/support/test.hpp"

#include "apps/replay/book_apis.hpp"

#include <nlohmann/json.hpp>

using namespace troupe::replay;
using nlohmann::json;

namespace {

const char* const shelf = "isbn13,title,authors,year,publisher,language,subjects\n"
                          "9780441013593,Dune,Frank Herbert,1965,Ace,en,Fiction;Deserts\n"
                          "9780062316097,Sapiens: A Brief History,Yuval Noah Harari,2011,Harper,en-US,History\n"
                          "9791032305690,\"Le \"\"Petit\"\" Prince\\\",A;B,1943,Gallimard,fre,Fiction\n"
                          ",Dune of the Nameless,,,,xx,\n"
                          "9788535914849,Cem Anos,G. M\u00E1rquez,1967,Record,pt-BR,Fiction\n";

/// The catalogue and both of its APIs.
struct fixture {
  catalogue books = [] {
    auto parsed = catalogue::parse(shelf, "books.csv");
    if (!parsed)
      CAF_FAIL(parsed.error().message);
    return std::move(parsed.value());
  }();
  google_books google{books};
  open_library library{books};

  template <class Api>
  reply ask(const Api& api, std::string_view target) const {
    const auto mark = std::min(target.find('?'), target.size());
    auto found =
      api.answer(make_call("GET", target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))).value());
    if (!found)
      CAF_FAIL("no answer to " << target);
    return std::move(*found);
  }

  template <class Api>
  json get(const Api& api, std::string_view target, int status = 200) const {
    auto r = ask(api, target);
    CHECK_EQ(r.status, status);
    CHECK(r.content_type.starts_with("application/json"));
    return json::parse(r.body.view());
  }

  json items(std::string_view q) const { return get(google, "/books/v1/volumes?q=" + std::string{q})["items"]; }
  json docs(std::string_view q) const { return get(library, "/search.json?q=" + std::string{q})["docs"]; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(replay_book_apis_tests, fixture)

TEST(a Google search answers volumes in the form of the recorded ones) {
  const auto answer = get(google, "/books/v1/volumes?q=herbert");
  CHECK_EQ(answer["kind"], "books#volumes");
  CHECK_EQ(answer["totalItems"], 1);
  REQUIRE_EQ(answer["items"].size(), 1u);
  const auto& item = answer["items"][0];
  CHECK_EQ(item["kind"], "books#volume");
  CHECK_EQ(item["id"].get<std::string>().size(), 12u);
  const auto& info = item["volumeInfo"];
  CHECK_EQ(info["title"], "Dune");
  CHECK(!info.contains("subtitle"));
  CHECK_EQ(info["authors"], json({"Frank Herbert"}));
  CHECK_EQ(info["publisher"], "Ace");
  CHECK_EQ(info["publishedDate"], "1965");
  CHECK_EQ(info["language"], "en");
  CHECK_EQ(info["categories"], json({"Fiction"}));
  CHECK(info["imageLinks"]["thumbnail"].get<std::string>().starts_with("http://books.google.com/"));
  std::map<std::string, std::string> identifiers;
  for (const auto& each : info["industryIdentifiers"])
    identifiers[each["type"]] = each["identifier"];
  CHECK_EQ(identifiers.size(), 2u);
  CHECK_EQ(identifiers["ISBN_13"], "9780441013593");
  CHECK_EQ(identifiers["ISBN_10"], "0441013597");
  CHECK(item["searchInfo"]["textSnippet"].get<std::string>().find("&#39;") != std::string::npos);
  CHECK(item.dump().size() > 1'000); // as large as real ones, or measurements flatter
}

TEST(a book of which little is known leaves keys out at Google) {
  const auto info = items("nameless")[0]["volumeInfo"];
  for (auto key : {"authors", "publisher", "publishedDate", "language", "categories", "subtitle"})
    CHECK(!info.contains(key));
  REQUIRE_EQ(info["industryIdentifiers"].size(), 1u);
  CHECK_EQ(info["industryIdentifiers"][0]["type"], "OTHER");
  CHECK_EQ(items("petit")[0]["volumeInfo"]["industryIdentifiers"].size(), 1u); // 979 has no ISBN-10
  CHECK_EQ(items("petit")[0]["volumeInfo"]["title"], "Le \"Petit\" Prince\\");
  CHECK_EQ(items("cem")[0]["volumeInfo"]["language"], "pt-BR");
  CHECK_EQ(items("sapiens")[0]["volumeInfo"]["language"], "en");
  CHECK_EQ(items("sapiens")[0]["volumeInfo"]["subtitle"], "A Brief History");
}

TEST(a Google page without hits has no items even when there are hits before it) {
  auto none = get(google, "/books/v1/volumes?q=zzz");
  CHECK_EQ(none["totalItems"], 0);
  CHECK(!none.contains("items"));
  auto beyond = get(google, "/books/v1/volumes?q=dune&startIndex=2");
  CHECK_EQ(beyond["totalItems"], 2);
  CHECK(!beyond.contains("items"));
  auto second = get(google, "/books/v1/volumes?q=dune&startIndex=1&maxResults=1");
  REQUIRE_EQ(second["items"].size(), 1u);
  CHECK_EQ(second["items"][0]["volumeInfo"]["title"], "Dune of the Nameless");
}

TEST(Google finds by number and drops the prefixes of fields) {
  CHECK_EQ(items("isbn:9780441013593").size(), 1u);
  CHECK_EQ(items("isbn%3A0441013597")[0]["volumeInfo"]["title"], "Dune");
  CHECK(items("isbn:9780261103573").is_null());
  CHECK(items("isbn:9780441013593x").is_null());
  CHECK_EQ(items("intitle:dune+inauthor:herbert")[0]["volumeInfo"]["title"], "Dune");
  CHECK_EQ(items("inauthor:harari").size(), 1u);
  CHECK_EQ(items("dune+u123").size(), 2u);
}

TEST(a wrong Google call is answered in its error form) {
  auto missing = get(google, "/books/v1/volumes", 400);
  CHECK_EQ(missing["error"]["code"], 400);
  CHECK_EQ(missing["error"]["message"], "Required parameter: q");
  CHECK_EQ(missing["error"]["errors"][0]["reason"], "required");
  CHECK_EQ(get(google, "/books/v1/volumes?q=", 400)["error"]["errors"][0]["reason"], "queryRequired");
  for (auto target : {"/books/v1/volumes?q=dune&maxResults=41", "/books/v1/volumes?q=dune&maxResults=x",
         "/books/v1/volumes?q=dune&startIndex=-1"})
    CHECK_EQ(get(google, target, 400)["error"]["errors"][0]["reason"], "invalidParameter");
  CHECK_EQ(get(google, "/books/v1/volumes/AAAAAAAAAAAA", 404)["error"]["code"], 404);
  CHECK_EQ(get(google, "/books/v1/volumes/nonsense", 503)["error"]["code"], 503);
}

TEST(a Google volume by id is the bare volume with markup and paths) {
  const auto item = items("herbert")[0];
  const auto volume = get(google, "/books/v1/volumes/" + item["id"].get<std::string>());
  CHECK_EQ(volume["id"], item["id"]);
  CHECK_EQ(volume["volumeInfo"]["title"], "Dune");
  CHECK(volume["volumeInfo"]["description"].get<std::string>().starts_with("<p><b>Dune</b></p>"));
  CHECK_EQ(volume["volumeInfo"]["categories"], json({"Fiction", "Fiction / Deserts"}));
  CHECK(volume["volumeInfo"]["imageLinks"].contains("extraLarge"));
  CHECK(!volume.contains("searchInfo"));
}

TEST(an Open Library search answers documents with mixed numbers and keys) {
  const auto answer = get(library, "/search.json?q=herbert");
  CHECK_EQ(answer["numFound"], 1);
  CHECK_EQ(answer["num_found"], 1);
  CHECK_EQ(answer["start"], 0);
  const auto& doc = answer["docs"][0];
  CHECK_EQ(doc["title"], "Dune");
  CHECK_EQ(doc["author_name"], json({"Frank Herbert"}));
  CHECK_EQ(doc["first_publish_year"], 1965);
  CHECK_EQ(doc["language"], json({"eng"}));
  CHECK_EQ(doc["publisher"], json({"Ace"}));
  CHECK_EQ(doc["subject"], json({"Fiction", "Deserts"}));
  CHECK(doc["cover_i"].is_number_integer());
  CHECK(doc["key"].get<std::string>().starts_with("/works/OL"));
  CHECK_EQ(
    (std::set<std::string>{doc["isbn"][0], doc["isbn"][1]}), (std::set<std::string>{"0441013597", "9780441013593"}));
  CHECK_EQ(docs("petit")[0]["language"], json({"fre"}));
  CHECK_EQ(docs("petit")[0]["author_name"], json({"A", "B"}));
  CHECK_EQ(docs("cem")[0]["language"], json({"por"}));
  const auto nameless = docs("nameless")[0];
  for (auto key : {"author_name", "author_key", "isbn", "first_publish_year", "language", "publisher", "subject"})
    CHECK(!nameless.contains(key));
}

TEST(an Open Library search gives the fields asked for and no others) {
  const auto doc = get(library, "/search.json?q=herbert&fields=title,isbn,nonsense,author_name")["docs"][0];
  std::set<std::string> names;
  for (const auto& [name, value] : doc.items())
    names.insert(name);
  CHECK_EQ(names, (std::set<std::string>{"author_name", "isbn", "title"}));
  CHECK_EQ(get(library, "/search.json?q=herbert&fields=nonsense")["docs"][0], json::object());
  CHECK_EQ(get(library, "/search.json?q=herbert&fields=*")["docs"][0], docs("herbert")[0]);
}

TEST(an Open Library search has pages and an empty list when nothing is found) {
  const auto none = get(library, "/search.json?q=zzz");
  CHECK_EQ(none["numFound"], 0);
  CHECK_EQ(none["docs"], json::array());
  CHECK_EQ(get(library, "/search.json")["docs"], json::array());
  const auto second = get(library, "/search.json?q=dune&limit=1&page=2");
  CHECK_EQ(second["numFound"], 2);
  CHECK_EQ(second["start"], 1);
  REQUIRE_EQ(second["docs"].size(), 1u);
  CHECK_EQ(second["docs"][0]["title"], "Dune of the Nameless");
  CHECK_EQ(get(library, "/search.json?q=dune&limit=1&page=3")["docs"], json::array());
  CHECK_EQ(get(library, "/search.json?q=dune&offset=1")["docs"][0]["title"], "Dune of the Nameless");
  CHECK_EQ(get(library, "/search.json?isbn=0441013597")["docs"].size(), 1u);
  CHECK_EQ(get(library, "/search.json?title=dune&author=herbert")["docs"][0]["title"], "Dune");
  for (auto target : {"/search.json?q=a&limit=x", "/search.json?q=a&limit=1001", "/search.json?q=a&page=0"})
    CHECK(get(library, target, 400).contains("error"));
}

TEST(api books answers an object keyed by what was asked for) {
  const auto found = get(library,
    "/api/"
    "books?bibkeys=ISBN:0-441-01359-7,ISBN:9780441013593,ISBN:9780261103573,OLID:OL570000001M&format=json&jscmd=data");
  CHECK_EQ(found.size(), 3u);
  const auto& dune = found["ISBN:9780441013593"];
  CHECK_EQ(dune, found["ISBN:0-441-01359-7"]);
  CHECK_EQ(dune["title"], "Dune");
  CHECK_EQ(dune["authors"][0]["name"], "Frank Herbert");
  CHECK(dune["authors"][0]["url"].get<std::string>().starts_with("http://openlibrary.org/authors/OL"));
  CHECK_EQ(dune["publishers"], json::array({json{{"name", "Ace"}}}));
  CHECK_EQ(dune["publish_date"], "1965");
  CHECK_EQ(dune["identifiers"]["isbn_10"], json({"0441013597"}));
  CHECK_EQ(dune["identifiers"]["isbn_13"], json({"9780441013593"}));
  CHECK_EQ(dune["subjects"][1]["name"], "Deserts");
  CHECK(dune["cover"]["large"].get<std::string>().starts_with("https://covers.openlibrary.org/b/id/"));
  CHECK_EQ(found["OLID:OL570000001M"]["subtitle"], "A Brief History");
  CHECK_EQ(get(library, "/api/books?bibkeys=ISBN:9780261103573&format=json&jscmd=data"), json::object());
  CHECK_EQ(get(library, "/api/books?format=json"), json::object());
  const auto details = get(library, "/api/books?bibkeys=ISBN:0441013597&format=json&jscmd=details");
  CHECK_EQ(details["ISBN:0441013597"]["details"]["title"], "Dune");
  const auto script = ask(library, "/api/books?bibkeys=ISBN:9780261103573");
  CHECK_EQ(script.body.view(), "var _OLBookInfo = {};");
  CHECK_EQ(script.content_type, "text/javascript");
}

TEST(an edition has keys that lead to its work and its authors) {
  const auto edition = get(library, "/isbn/0441013597.json");
  CHECK_EQ(edition["title"], "Dune");
  CHECK_EQ(edition["publishers"], json({"Ace"}));
  CHECK_EQ(edition["isbn_13"], json({"9780441013593"}));
  CHECK_EQ(edition["languages"], json::array({json{{"key", "/languages/eng"}}}));
  CHECK(edition["covers"][0].is_number_integer());
  CHECK_EQ(get(library, edition["key"].get<std::string>() + ".json"), edition);
  const auto author = get(library, edition["authors"][0]["key"].get<std::string>() + ".json");
  CHECK_EQ(author["name"], "Frank Herbert");
  const auto work = get(library, edition["works"][0]["key"].get<std::string>() + ".json");
  CHECK_EQ(work["authors"][0]["author"]["key"], edition["authors"][0]["key"]);
  CHECK_EQ(docs("herbert")[0]["key"], work["key"]);
  const auto subtitled = get(library, "/isbn/9780062316097.json");
  CHECK_EQ(subtitled["subtitle"], "A Brief History");
}

TEST(a work has its description as a string or as an object) {
  std::set<std::string> shapes;
  for (int row = 0; row < 5; ++row)
    shapes.insert(get(library, "/works/OL45000000" + std::to_string(row) + "W.json")["description"].type_name());
  CHECK_EQ(shapes, (std::set<std::string>{"object", "string"}));
}

TEST(what Open Library does not know is 404) {
  for (auto target : {"/isbn/9780261103573.json", "/isbn/nonsense.json", "/books/OL570000009M.json", "/works/OL1W.json",
         "/works/OL570000000M.json", "/authors/OL999999999999A.json"})
    CHECK_EQ(get(library, target, 404)["error"], "notfound");
}

TEST(paths of nobody and other methods are not answered) {
  CHECK(!google.answer(make_call("GET", "/books/v1/volumesx", "").value()));
  CHECK(!google.answer(make_call("GET", "/books/v1/volumes/a/b", "").value()));
  CHECK(!google.answer(make_call("POST", "/books/v1/volumes", "q=dune").value()));
  CHECK(!library.answer(make_call("GET", "/isbn/0441013597", "").value()));
  CHECK(!library.answer(make_call("GET", "/books/smith.json", "").value()));
}

TEST(the provider is told by the path) {
  const std::pair<std::string_view, std::string_view> table[]{{"/books/v1/volumes", "google"},
    {"/search.json", "openlibrary"}, {"/search/authors.json", "openlibrary"}, {"/api/books", "openlibrary"},
    {"/isbn/1.json", "openlibrary"}, {"/works/OL1W.json", "openlibrary"}, {"/books/OL1M.json", "openlibrary"},
    {"/authors/OL1A/works.json", "openlibrary"}, {"/books/smith", "isbndb"}, {"/book/978", "isbndb"},
    {"/authors/smith", "isbndb"}, {"/stats", "isbndb"}, {"/search/books", "isbndb"}, {"/author/smith", "isbndb"},
    {"/v1/search", "spotify"}, {"/api/token", "spotify"}, {"/v1/messages", "anthropic"}, {"/2.0/", "lastfm"},
    {"/", "other"}, {"/v2", "other"}, {"/bookshop", "other"}};
  for (const auto& [path, provider] : table)
    CHECK_EQ(provider_of(path), provider);
}

TEST(every provider has an error form of its own and it is JSON) {
  for (auto provider : provider_names)
    for (int status : {400, 403, 404, 429, 500, 503, 529})
      CHECK(json::parse(error_body(provider, status)).is_object());
  CHECK_EQ(json::parse(error_body("google", 429))["error"]["errors"][0]["reason"], "rateLimitExceeded");
  CHECK_EQ(json::parse(error_body("openlibrary", 429))["status"], 429);
  CHECK_EQ(json::parse(error_body("spotify", 503))["error"]["status"], 503);
  CHECK_EQ(json::parse(error_body("lastfm", 429))["error"], 29);
  CHECK_EQ(json::parse(error_body("anthropic", 529))["error"]["type"], "overloaded_error");
}

CAF_TEST_FIXTURE_SCOPE_END()
