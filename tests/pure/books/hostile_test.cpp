// Bodies that were cut off or damaged: whatever arrives, a mapper gives books or an error.
#define TEST_SUITE books.hostile
#include "tests/support/test.hpp"

#include "apps/books/google.hpp"
#include "apps/books/isbndb.hpp"
#include "apps/books/json.hpp"
#include "apps/books/merge.hpp"
#include "apps/books/openlibrary.hpp"
#include "apps/books/text.hpp"
#include "tests/pure/books/answers.hpp"
#include "tests/pure/books/fixtures.hpp"

#include <random>

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;
using nlohmann::json;

namespace {

/// Bodies of our own, one of each shape.
std::vector<std::string> small_seeds() {
  return {
    R"({"totalItems":2,"items":[{"id":"a","volumeInfo":{"title":"T\u00e9 \ud83e\udeb1","authors":["A","B"],"publishedDate":"1873*",
      "description":"<b>x</b>&#39;","pageCount":1.5e2,"industryIdentifiers":[{"type":"ISBN_10","identifier":"080442957X"}],
      "categories":["a / b"],"language":"pt-BR","imageLinks":{"thumbnail":"http://x/y"}},"searchInfo":{"textSnippet":"&amp;"}}]})",
    R"({"num_found":1,"docs":[{"key":"/works/OL1W","title":"x","author_name":["ساق"],"isbn":["9780441172719","0441172717"],
      "language":["eng"],"publisher":["Ace"],"first_publish_year":1965,"cover_i":1,"subject":["s"]}]})",
    R"({"ISBN:9780441172719":{"title":"x","authors":[{"name":"y"}],"identifiers":{"isbn_13":["9780441172719"]},
      "publishers":[{"name":"p"}],"cover":{"large":"https://c/1"},"subjects":[{"name":"s"}],"publish_date":"May 1, 1990"}})",
    R"({"entries":[{"key":"/books/OL1M","title":"x","description":{"type":"/type/text","value":"v"},"covers":[-1,2],
      "languages":[{"key":"/languages/ger"}],"publishers":["p"],"isbn_10":["0441172717"],"number_of_pages":"12"}]})",
    R"({"total":2,"books":[{"title":"x","title_long":"x: y","authors":["Smith","Frank"],"isbn13":"9780441172719","msrp":"0.00",
      "date_published":2015,"pages":[],"synopsys":"<p>s</p>","image":"http://i/1"},{"title":"","authors":["%C3%A9; A, B, Ph.D."]}]})"};
}

std::vector<std::string> seeds() {
  auto list = small_seeds();
  for (const auto& r : recordings())
    if (r.body.size() < 25'000) // the larger ones hold nothing else
      list.push_back(r.body);
  return list;
}

/// Maps a body every way and writes what came of it. One check a body at most: checks cost more than mapping.
bool swallowed(const std::string& body) {
  const auto q = details("9780441172719");
  bool good = true;
  for (const auto& api : {google_api(), openlibrary_api(), isbndb_api()})
    for (int status : {200, 403}) {
      const auto mapped = api.map(q, answer(status, body));
      good = good && (mapped.has_value() || !mapped.error().message.empty());
    }
  if (auto books = page_from_google(body); books) {
    const std::vector<contribution> found{{"google", std::make_shared<book_list>(std::move(books.value().books))}};
    const auto merged = merge_search(search("x"), found);
    good = good && json::accept(to_json(dynamic_cast<const book_list&>(*merged).books));
  }
  if (auto books = page_from_openlibrary(body, false); books)
    good = good && json::accept(to_json(books.value().books));
  return good;
}

/// Whether our JSON reader reads it as nlohmann's does.
bool read_alike(const std::string& body) {
  const auto mine = parsed(body);
  const auto theirs = json::parse(body, nullptr, false);
  // The two differ only in numbers out of range, and in depth.
  if (mine)
    return !theirs.is_discarded() && *mine == theirs;
  return theirs.is_discarded() || body.find_first_of("0123456789") != std::string::npos;
}

} // namespace

TEST(a body cut off anywhere is books or an error) {
  for (const auto& seed : seeds()) {
    const std::size_t step = std::max<std::size_t>(1, seed.size() / 30);
    for (std::size_t size = 0; size < seed.size(); size += step)
      CHECK(swallowed(seed.substr(0, size)));
    CHECK(!page_from_google(seed.substr(0, seed.find_last_of('}'))).has_value());
    CHECK(!page_from_openlibrary(seed.substr(0, seed.find_last_of('}')), true).has_value());
  }
}

TEST(a damaged body is books or an error and is read as nlohmann reads it) {
  std::mt19937 random{2};
  constexpr std::string_view spice = "{}[]\",:\\0e-.tfn<&\x80\xFF\xC3 \n\0";
  const auto all = seeds();
  for (int round = 0; round < 3'000; ++round) {
    auto body = all[random() % all.size()];
    if (body.size() > 6'000) // a window of it, so that many rounds are quick
      body = body.substr(0, 3'000 + random() % 3'000);
    for (int damage = 1 + static_cast<int>(random() % 4); damage > 0 && !body.empty(); --damage) {
      const auto at = random() % body.size();
      switch (random() % 4) {
      case 0:
        body[at] = spice[random() % spice.size()];
        break;
      case 1:
        body.erase(at, 1 + random() % 8);
        break;
      case 2:
        body.insert(at, 1, spice[random() % spice.size()]);
        break;
      default:
        body.insert(at, body.substr(random() % body.size(), random() % 40));
      }
    }
    CHECK(swallowed(body) && read_alike(body));
  }
}

TEST(fields of any type at any place are skipped or read) {
  // every value of a good body is replaced by each of these in turn
  const std::vector<json> values{nullptr, true, 0, -1, 1.5, 1e300, "", "x", json::array(), json::object(),
    {1, "a", nullptr}, {{"key", 1}, {"value", json::array()}, {"name", nullptr}},
    {{"value", {{"value", {{"value", 1}}}}}}};
  for (const auto& seed : small_seeds()) {
    const auto flat = json::parse(seed, nullptr, false).flatten();
    for (const auto& [pointer, old] : flat.items())
      for (const auto& value : values) {
        auto changed = json::parse(seed);
        changed[json::json_pointer{pointer}] = value;
        CHECK(swallowed(changed.dump()));
      }
  }
}

TEST(any text is normalised matched and decoded without harm) {
  std::mt19937 random{3};
  for (int round = 0; round < 3'000; ++round) {
    std::string text(random() % 40, '\0');
    for (auto& c : text)
      c = static_cast<char>(random() % 3 ? random() % 256 : "<>&#;/ '-x\xE2\x80\x99"[random() % 13]);
    if (const auto once = normalise(text))
      CHECK(normalise(once.value()).value() == once.value());
    (void)match_key(text);
    (void)author_key(text);
    (void)language_code(text);
    (void)year_of(text);
    std::string out;
    append_json(out, html_to_text(text));
    CHECK(json::accept(out));
  }
}
