#define TEST_SUITE books.recorded
#include "tests/support/test.hpp"

#include "apps/books/google.hpp"
#include "apps/books/isbn.hpp"
#include "apps/books/isbndb.hpp"
#include "apps/books/json.hpp"
#include "apps/books/openlibrary.hpp"
#include "tests/pure/books/answers.hpp"
#include "tests/pure/books/fixtures.hpp"

#include <map>
#include <set>

using namespace troupe;
using namespace troupe::books;
using namespace troupe::books::testing;

namespace {

/// What a recorded answer must give: how many books and the first one's title, or an error.
struct expectation {
  std::string outcome;
  std::string first_title;
};

const std::map<std::string, expectation>& expectations() {
  static const std::map<std::string, expectation> table{
    {"google_books/error-400-missing-q.json", {"provider_refused: google: status 400: Required parameter: q", ""}},
    {"google_books/error-429-quota-per-day.json",
      {"provider_limited: google: status 429: Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of "
       "service 'books.googleapis.com'",
        ""}},
    {"google_books/search-android-apps.json", {"5 records", "Best Android Apps"}},
    {"google_books/search-dance.json", {"5 records", "What is Dance?"}},
    {"google_books/search-dickens.json", {"10 records", "(Nelson's new Dickens)."}},
    {"google_books/search-dune-like-2-items.json", {"2 records", "A Brief History of Time"}},
    {"google_books/search-empty-zero.json", {"0 records", ""}},
    {"google_books/search-henry-works.json", {"5 records", "Henry Works"}},
    {"google_books/search-isbn-9780349119168.json", {"1 records", "The War for All the Oceans"}},
    {"google_books/search-isbn-9780374104092.json", {"1 records", "Annihilation"}},
    {"google_books/search-isbn-9780747532699.json", {"1 records", "Harry Potter 1 and the Philosopher's Stone"}},
    {"google_books/search-isbn-9781785650406-fr.json", {"1 records", "Genesis Fleet - Vanguard"}},
    {"google_books/search-keyword-items.json", {"2 records", "Google Android 5ª edição"}},
    {"google_books/search-ruby-on-rails.json", {"10 records", "Head First Rails"}},
    {"google_books/search-smith.json", {"10 records", "Pocahontas and John Smith"}},
    {"google_books/volume-2cl7AgAAQBAJ.json", {"1 records", "Annihilation"}},
    {"google_books/volume-9e9Kn9N8yP0C.json", {"1 records", "Best Android Apps"}},
    {"google_books/volume-Gz8t2MttEQUC.json", {"1 records", "Harry Potter and Philosophy"}},
    {"google_books/volume-bUcdDgAAQBAJ.json", {"1 records", "The Nose Book"}},
    {"isbndb/author-charlotte-vale-allen.json", {"20 records", "Dream Train"}},
    {"isbndb/authors-search.json", {"provider_malformed: isbndb: books: expected an array, the body has none", ""}},
    {"isbndb/book-9780792712305.json", {"1 records", "Gentle Stranger"}},
    {"isbndb/book-9781400244102-full.json",
      {"1 records", "Lead Boldly: Seven Principles from Dr. Martin Luther King, Jr."}},
    {"isbndb/books-search-smith.json", {"20 records", "Dead Weight: Severn House Publishers (a Neil Paget Mystery)"}},
    {"isbndb/error-404-not-found.json", {"0 records", ""}},
    {"isbndb/error-500-empty-body.txt", {"provider_failed: isbndb: status 500", ""}},
    {"isbndb/publisher.json", {"20 records", "The Good Friday Murder"}},
    {"isbndb/spec-example-book.json", {"1 records", "The Great Gatsby"}},
    {"isbndb/stats.json", {"provider_malformed: isbndb: books: expected an array, got number", ""}},
    {"isbndb/subjects-search.json", {"provider_malformed: isbndb: books: expected an array, the body has none", ""}},
    {"open_library/apibooks-data-concrete-mathematics.json", {"3 records", "Concrete mathematics"}},
    {"open_library/apibooks-data-harry-potter.json", {"3 records", "Harry Potter and the Chamber of Secrets"}},
    {"open_library/author-OL23919A-rowling.json",
      {"provider_malformed: openlibrary: type: expected an edition or a work, got an author", ""}},
    {"open_library/author-OL23919A-works.json", {"50 records", "Harry Potter and the Cursed Child"}},
    {"open_library/author-OL29463A.json",
      {"provider_malformed: openlibrary: type: expected an edition or a work, got an author", ""}},
    {"open_library/author-OL34184A.json",
      {"provider_malformed: openlibrary: type: expected an edition or a work, got an author", ""}},
    {"open_library/author-OL4452558A-paulsen.json",
      {"provider_malformed: openlibrary: type: expected an edition or a work, got an author", ""}},
    {"open_library/book-OL7353617M.json", {"1 records", "Fantastic Mr. Fox"}},
    {"open_library/edition-bookwyrm.json", {"1 records", "Sabriel"}},
    {"open_library/error-429-too-many-requests.json", {"provider_limited: openlibrary: status 429: Too Many Requests. "
                                                       "Consider using https://openlibrary.org/developers/dumps.",
                                                        ""}},
    {"open_library/isbn-9780140328721.json", {"1 records", "Fantastic Mr. Fox"}},
    {"open_library/isbn-9781888363432.json", {"1 records", "I who have never known men"}},
    {"open_library/search-authors-rowling.json",
      {"provider_malformed: openlibrary: docs[].title: expected a title, none of 1 records has one", ""}},
    {"open_library/search-dune.json", {"3 records", "Dune"}}, {"open_library/search-empty.json", {"0 records", ""}},
    {"open_library/search-lord-of-the-rings-full.json", {"81 records", "The Lord of the Rings"}},
    {"open_library/work-OL15832982W.json", {"1 records", "Sabriel"}},
    {"open_library/work-OL45804W.json", {"1 records", "Fantastic Mr Fox"}},
    {"open_library/work-editions-entries.json", {"10 records", "Neuromantiker"}}};
  return table;
}

result<records_ptr> map(const recording& r) {
  const auto api = r.provider == "google_books" ? google_api()
                   : r.provider == "isbndb"     ? isbndb_api()
                                                : openlibrary_api();
  return api.map(search("recorded"), answer(r.status, r.body, r.content_type));
}

/// The books of the recording of that name, or nothing where there are no recordings.
std::vector<book> books_in(const std::string& file) {
  for (const auto& r : recordings())
    if (r.file == file)
      return books_of(map(r));
  return {};
}

book first_in(const std::string& file) {
  return books_in(file).at(0);
}

} // namespace

TEST(every recorded answer maps to what it says) {
  std::set<std::string> seen;
  for (const auto& r : recordings()) {
    seen.insert(r.file);
    const auto expected = expectations().find(r.file);
    REQUIRE(expected != expectations().end());
    const auto mapped = map(r);
    CHECK_EQ(r.file + ": " + outcome(mapped), r.file + ": " + expected->second.outcome);
    if (mapped && mapped.value()->count() > 0)
      CHECK_EQ(books_of(mapped).front().title, expected->second.first_title);
  }
  if (!seen.empty())
    CHECK_EQ(seen.size(), expectations().size());
}

TEST(every recorded file is in the manifest) {
  std::set<std::string> listed;
  for (const auto& r : recordings())
    listed.insert(r.file);
  if (!listed.empty())
    for (const char* folder : {"google_books", "open_library", "isbndb"})
      for (const auto& entry : std::filesystem::directory_iterator{fixtures_folder() / folder})
        CHECK(listed.count(std::string{folder} + "/" + entry.path().filename().string()) == 1);
}

TEST(every recorded book keeps the invariants of a book) {
  for (const auto& r : recordings()) {
    const auto mapped = map(r);
    if (!mapped)
      continue;
    for (const auto& b : books_of(mapped)) {
      CHECK(!b.title.empty());
      CHECK(b.isbn13.empty() || isbn::parse(b.isbn13).value().isbn10() == b.isbn10);
      CHECK(b.cover_url.empty() || b.cover_url.starts_with("https://"));
      CHECK(b.page_count >= 0);
      CHECK(b.description.find("<b>") == std::string::npos && b.description.find("&#39;") == std::string::npos);
      CHECK_EQ(b.ids.size(), 1u);
      CHECK_EQ(b.said(field::publisher).empty(), b.publisher.empty());
      auto back = book_from_json(to_json(b));
      REQUIRE(back.has_value());
      back.value().other_isbns = b.other_isbns;
      CHECK(back.value() == b);
    }
  }
}

TEST(recorded oddities are read as they are meant) {
  const auto smith = books_in("google_books/search-smith.json");
  if (smith.empty())
    return;
  CHECK_EQ(smith[5].published_date, "1873*");
  CHECK_EQ(smith[5].published_year, 1873);
  CHECK_EQ(smith[2].isbn13, "");
  CHECK(first_in("google_books/search-keyword-items.json").language == "pt-BR");
  CHECK(books_in("google_books/search-dickens.json").at(2).authors.empty());
  CHECK(first_in("google_books/search-isbn-9781785650406-fr.json").published_date == "2017-05");
  const auto nose = first_in("google_books/volume-bUcdDgAAQBAJ.json");
  CHECK(nose.description.starts_with("A beloved board book-now in a larger trim size!\n\"I see a nose"));
  const auto dune = first_in("open_library/search-dune.json");
  CHECK_EQ(dune.authors, (std::vector<std::string>{"Frank Herbert", "Френк Герберт"}));
  CHECK_EQ(dune.isbn13, "9780425043769");
  CHECK_EQ(dune.other_isbns.size(), 5u);
  CHECK_EQ(dune.published_year, 1965);
  const auto fox = first_in("open_library/isbn-9780140328721.json");
  CHECK_EQ(fox.isbn10, "0140328726");
  CHECK_EQ(fox.published_date, "October 1, 1988");
  CHECK_EQ(fox.language, "en");
  CHECK_EQ(fox.cover_url, "https://covers.openlibrary.org/b/id/8739161-L.jpg");
  CHECK(first_in("open_library/edition-bookwyrm.json").isbn13 == "9780060273224");
  CHECK(first_in("open_library/work-editions-entries.json").language == "da");
  const auto potter = first_in("open_library/apibooks-data-harry-potter.json");
  CHECK_EQ(potter.authors, std::vector<std::string>{"J. K. Rowling"});
  const auto found = books_in("isbndb/books-search-smith.json");
  CHECK_EQ(found.at(0).authors, std::vector<std::string>{"Frank Smith"});
  CHECK_EQ(found.at(0).published_year, 2017);
  const auto severn = books_in("isbndb/publisher.json");
  CHECK_EQ(severn.at(3).authors, std::vector<std::string>{"J. N. Williamson"});
  CHECK(severn.at(5).description.starts_with("When Chandra Bansi and her baby are burnt to death"));
  const auto gatsby = first_in("isbndb/spec-example-book.json");
  CHECK_EQ(gatsby.isbn10, "0743273567");
  CHECK(gatsby.other_isbns.empty()); // other editions are other books
  CHECK_EQ(gatsby.page_count, 180);
}
