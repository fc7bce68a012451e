#define TEST_SUITE books.library_recorded
#include "tests/support/test.hpp"

#include "apps/books/isbn.hpp"
#include "apps/books/utf8.hpp"
#include "apps/replay/csv_rows.hpp"
#include "tests/pure/books/fixtures.hpp"
#include "tests/pure/books/library_reading.hpp"

#include <map>

using namespace troupe::books;
using namespace troupe::books::library;
using namespace troupe::books::testing;

namespace {

/// What an export must give. The numbers were counted with another CSV reader and another check of ISBNs.
struct expectation {
  form written_by;
  encoding text_encoding;
  std::uint64_t rows;
  std::uint64_t accepted;
  std::uint64_t duplicates;
  std::uint64_t with_isbn;
  std::uint64_t with_isbn_note; // an ISBN in the file that cannot be used
  std::string first;            // title, author and ISBN of the first row
};

const std::map<std::string, expectation>& expectations() {
  static const std::map<std::string, expectation> table{
    {"calibre.csv",
      {form::calibre, encoding::utf8, 1, 1, 0, 1, 0, "That Ain't Witchcraft|Seanan McGuire|9780756411800"}},
    {"goodbooks-10k-books.csv.gz", {form::plain, encoding::utf8, 10'000, 10'000, 0, 9'277, 158,
                                     "The Hunger Games (The Hunger Games, #1)|Suzanne Collins|9780439023481"}},
    {"goodreads-2022-jelu.csv",
      {form::goodreads, encoding::utf8, 10, 10, 0, 10, 0, "La guerre des Gaules|Jules César|9782363071200"}},
    {"goodreads-326-rows.csv",
      {form::goodreads, encoding::utf8, 326, 326, 0, 184, 1, "Warbreaker (Warbreaker, #1)|Brandon Sanderson|"}},
    {"goodreads-french-jelu.csv",
      {form::goodreads, encoding::utf8, 10, 10, 0, 10, 0, "La somme de nos folies|Shih-Li Kow|9782843048302"}},
    {"goodreads-small-openlibrary.csv", {form::goodreads, encoding::utf8, 3, 3, 0, 2, 0,
                                          "Pippi Longstocking (Pippi Långstrump, #1)|Astrid Lindgren|9780142402498"}},
    {"librarything-137-rows.csv", {form::librarything, encoding::ascii, 137, 137, 0, 136, 0,
                                    "The Great International Paper Airplane Book|Jerry Mander|9781578660285"}},
    // of its 182 ids two are no ISBNs ("B07MNWKF2M", "38549081"), and one has lost its zero
    {"storygraph-193-rows.csv",
      {form::storygraph, encoding::utf8, 193, 193, 0, 180, 0, "Shuggie Bain|Douglas Stuart|9780802148049"}}};
  return table;
}

/// The recorded exports by name; none, said on stderr, in a clone without them.
std::map<std::string, std::string> exports() {
  std::map<std::string, std::string> files;
  const auto folder = fixtures_folder() / "csv";
  if (!std::filesystem::is_directory(folder)) {
    std::cerr << "*** LEFT OUT: no recorded library exports in " << folder.string() << " ***\n";
    return files;
  }
  for (const auto& file : std::filesystem::directory_iterator{folder})
    files.emplace(
      file.path().filename().string(), troupe::replay::read_unpacked(file.path().string()).value()); // gzip or not
  return files;
}

std::string text_of(const entry& e) {
  return e.title + "|" + (e.authors.empty() ? "" : e.authors.front()) + "|" + e.isbn13;
}

} // namespace

TEST(every recorded export gives what was counted in it) {
  const auto files = exports();
  for (const auto& [name, text] : files) {
    const auto expected = expectations().find(name);
    REQUIRE(expected != expectations().end());
    const auto& e = expected->second;
    const auto r = read_library(text, 5'000);
    CHECK_EQ(name + r.failed, name);
    for (const auto& rejected : r.rejections)
      CHECK_EQ(name + " " + testing::text_of(rejected), "no rejection");
    CHECK_EQ(name + " " + std::to_string(r.counts.rows), name + " " + std::to_string(e.rows));
    CHECK_EQ(name + " " + std::to_string(r.counts.accepted), name + " " + std::to_string(e.accepted));
    CHECK_EQ(r.counts.accepted, r.entries.size());
    CHECK_EQ(r.counts.rejected_as(cause::duplicate), e.duplicates);
    CHECK_EQ(name + " " + std::to_string(r.counts.with_isbn), name + " " + std::to_string(e.with_isbn));
    CHECK_EQ(name + " " + std::to_string(r.counts.with_isbn_note), name + " " + std::to_string(e.with_isbn_note));
    CHECK(r.layout->written_by == e.written_by);
    CHECK_EQ(name + " " + std::string{to_string(r.encoding)}, name + " " + std::string{to_string(e.text_encoding)});
    CHECK_EQ(text_of(r.entries.at(0)), e.first);
  }
  if (!files.empty())
    CHECK_EQ(files.size(), expectations().size());
}

TEST(every recorded entry keeps the invariants of one) {
  for (const auto& [name, text] : exports())
    for (const auto& e : read_library(text).entries) {
      CHECK(!e.title.empty() && !e.work_title().empty() && e.title.starts_with(e.work_title()));
      CHECK(e.isbn13.empty() || isbn::parse(e.isbn13).value().isbn13() == e.isbn13);
      CHECK(e.isbn13.empty() || e.isbn_note.empty());
      CHECK(utf8::is_well_formed(e.title));
      for (const auto& author : e.authors)
        CHECK(!author.empty() && author.find('\n') == std::string::npos);
    }
}

TEST(each recorded export given twice gives every book once) {
  for (const auto& [name, text] : exports()) {
    const auto once = read_library(text);
    const auto body = text.substr(text.find('\n') + 1);
    const auto twice = read_library(text + (text.ends_with('\n') ? "" : "\n") + body);
    CHECK(twice.entries == once.entries);
    CHECK_EQ(twice.counts.rejected_as(cause::duplicate), once.counts.rows);
  }
}

TEST(recorded oddities of exports are read as they are meant) {
  const auto files = exports();
  if (files.empty())
    return;
  const auto goodreads = read_library(files.at("goodreads-326-rows.csv")).entries;
  // two authors' names where the numbers should be
  CHECK_EQ(goodreads.at(124).isbn_note, "ISBN13 \"=\"Contributor\"\": isbn: expected a digit at character 1, got 'C'");
  const auto thing = read_library(files.at("librarything-137-rows.csv")).entries;
  CHECK_EQ(thing.at(1).authors, std::vector<std::string>{"Richard P. Feynman"});
  CHECK_EQ(thing.at(0).year, 1998);
  const auto french = read_library(files.at("goodreads-french-jelu.csv")).entries;
  CHECK_EQ(french.at(4).authors, (std::vector<std::string>{"Jirō Taniguchi", "谷口 ジロー"}));
  const auto catalogue = read_library(files.at("goodbooks-10k-books.csv.gz")).entries;
  CHECK_EQ(catalogue.at(1).authors, (std::vector<std::string>{"J.K. Rowling", "Mary GrandPré"}));
  CHECK_EQ(catalogue.at(0).work_title(), "The Hunger Games");
  CHECK_EQ(catalogue.at(0).language, "en");
}
