#define TEST_SUITE replay_catalogue
#include "tests/support/test.hpp"

#include "apps/replay/catalogue.hpp"
#include "apps/replay/words.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <unistd.h>
#include <zlib.h>

using namespace troupe::replay;

namespace {

constexpr std::string_view header = "isbn13,title,authors,year,publisher,language,subjects\n";

catalogue parsed(const std::string& rows, std::string_view head = header) {
  auto result = catalogue::parse(std::string{head} + rows, "books.csv");
  if (!result)
    CAF_FAIL(result.error().message);
  return std::move(result.value());
}

std::string error_of(const std::string& text) {
  auto result = catalogue::parse(text, "books.csv");
  return result ? "no error" : result.error().message;
}

std::vector<std::string> titles(const catalogue& books, std::string_view query) {
  std::vector<std::string> out;
  for (auto row : books.search(query, 0, 100).rows)
    out.push_back(books.books()[row].title);
  return out;
}

using list = std::vector<std::string>;

/// Three books that share words.
const std::string shelf = "9780441013593,Dune,Frank Herbert,1965,Ace,en,Science fiction;Deserts\n"
                          "9780441172696,Dune Messiah,Frank Herbert,1969,Ace,en,Science fiction\n"
                          "9780140449136,The Odyssey,Homer;Robert Fagles,-700,Penguin,en,\n";

/// A file that goes when the test does.
struct temporary_file {
  std::string path = (std::filesystem::temp_directory_path()
                      / ("troupe-replay-" + std::to_string(::getpid()) + "-" + std::to_string(++count)))
                       .string();
  ~temporary_file() { std::filesystem::remove(path); }
  static inline int count = 0;
};

} // namespace

TEST(a row has every column whatever their order) {
  const auto books =
    parsed("Ace,Dune,1965,en,Deserts; Science fiction ;,\"Frank Herbert;Brian, Jr.\",978-0-441-01359-3,x\n",
      "publisher,title,year,language,subjects,authors,isbn13,shelf mark\n");
  REQUIRE_EQ(books.books().size(), 1u);
  const auto& b = books.books()[0];
  CHECK_EQ(b.title, "Dune");
  CHECK_EQ(b.isbn13, "9780441013593");
  CHECK_EQ(b.isbn10, "0441013597");
  CHECK_EQ(b.authors, (list{"Frank Herbert", "Brian, Jr."}));
  CHECK_EQ(b.year, 1965);
  CHECK_EQ(b.publisher, "Ace");
  CHECK_EQ(b.language, "en");
  CHECK_EQ(b.subjects, (list{"Deserts", "Science fiction"}));
}

TEST(quotes and line ends within fields and a byte order mark and CRLF are read as RFC 4180 says) {
  const auto books = parsed("9780441013593,\"The \"\"Dune\"\",\r\nagain\",,,,,\r\n\r\n9780441172696,Two,,,,,",
    "\xEF\xBB\xBFisbn13,title,authors,year,publisher,language,subjects\r\n");
  REQUIRE_EQ(books.books().size(), 2u);
  CHECK_EQ(books.books()[0].title, "The \"Dune\",\r\nagain");
  CHECK_EQ(books.books()[1].title, "Two");
}

TEST(the error names the file and the line and what was expected) {
  const std::string head{header};
  CHECK_EQ(error_of(""), "books.csv: expected a first line that names the columns, got an empty file");
  CHECK_EQ(error_of("isbn13,name\n"), "books.csv: line 1: expected a column 'title', got: isbn13, name");
  CHECK_EQ(error_of("title,year\n"), "books.csv: line 1: expected a column 'isbn13' or 'isbn', got: title, year");
  CHECK_EQ(error_of("isbn13,title,title\n"), "books.csv: line 1: title: expected one such column, got two");
  CHECK_EQ(error_of(head + shelf + "\n9780441013593,Dune\n"),
    "books.csv: line 6: expected 7 columns as in the first line, got 2");
  CHECK_EQ(error_of(head + shelf + "9780441013593,\"two\nlines\",,,,,\n9780441013593,Dune,,19x5,,,\n"),
    "books.csv: line 7: year: expected a whole number from -4000 to 9999, got '19x5'");
  CHECK_EQ(error_of(head + "9780441013594,Dune,,,,,\n"),
    "books.csv: line 2: isbn13: expected an ISBN with a right check digit, got '9780441013594'");
  CHECK_EQ(error_of(head + "9780441013593, ,,,,,\n"), "books.csv: line 2: title: expected one, got nothing");
  CHECK_EQ(error_of(head + shelf + "9780441013593,\"Dune,,,,,\n\n"),
    "books.csv: line 5: not CSV: a quoted field without its closing quote");
  CHECK(error_of(head + "9780441013593,Du\"ne,,,,,\n").starts_with("books.csv: line 2: not CSV: "));
  CHECK_EQ(error_of(head + "9780441013593,D\xFCne,,,,,\n"), "books.csv: line 2: expected UTF-8 text");
  auto missing = catalogue::load("/nonexistent/books.csv");
  CHECK(!missing && missing.error().message == "/nonexistent/books.csv: cannot be opened: No such file or directory");
}

TEST(an isbn13 that a spreadsheet ruined is rebuilt from the isbn with its leading zeros) {
  const auto books =
    parsed("439023483,9.78043902348e+12,\"Suzanne Collins, Somebody Else\",2008.0,The Hunger Games,eng\n"
           "812971060,9.78081297106e+12,Nobody,,A wrong check digit,\n"
           ",9.78e+12,Nobody,-720.0,No isbn at all,\n"
           "43942089X,,J.K. Rowling,1999.0,With an X,eng\n",
      "isbn,isbn13,authors,original_publication_year,title,language_code\n");
  REQUIRE_EQ(books.books().size(), 4u);
  CHECK_EQ(books.books()[0].isbn13, "9780439023481");
  CHECK_EQ(books.books()[0].isbn10, "0439023483");
  CHECK_EQ(books.books()[0].year, 2008);
  CHECK_EQ(books.books()[0].authors, (list{"Suzanne Collins", "Somebody Else"}));
  CHECK_EQ(books.books()[0].language, "eng");
  CHECK_EQ(books.books()[1].isbn13, "");
  CHECK_EQ(books.books()[2].isbn13, "");
  CHECK_EQ(books.books()[2].year, -720);
  CHECK_EQ(books.books()[3].isbn10, "043942089X");
}

TEST(books that hold more of the words come first and then the file decides) {
  const auto books = parsed(shelf);
  CHECK_EQ(titles(books, "dune"), (list{"Dune", "Dune Messiah"}));
  CHECK_EQ(titles(books, "messiah DUNE herbert"), (list{"Dune Messiah", "Dune"}));
  CHECK_EQ(titles(books, "odyssey herbert frank"), (list{"Dune", "Dune Messiah", "The Odyssey"}));
  CHECK_EQ(titles(books, "dune u123"), (list{"Dune", "Dune Messiah"}));
  CHECK_EQ(titles(books, "fagles"), (list{"The Odyssey"}));
  CHECK_EQ(titles(books, "u123"), list{});
  CHECK_EQ(titles(books, ""), list{});
  CHECK_EQ(titles(books, "0441013597"), (list{"Dune"}));
}

TEST(a page of hits is a window on all of them) {
  const auto books = parsed(shelf);
  const auto all = books.search("dune herbert odyssey", 0, 10);
  REQUIRE_EQ(all.total, 3u);
  REQUIRE_EQ(all.rows.size(), 3u);
  for (std::size_t offset = 0; offset < 5; ++offset)
    for (std::size_t count = 0; count < 5; ++count) {
      const auto page = books.search("dune herbert odyssey", offset, count);
      CHECK_EQ(page.total, 3u);
      std::vector<std::uint32_t> expected;
      for (auto i = offset; i < 3 && expected.size() < count; ++i)
        expected.push_back(all.rows[i]);
      CHECK_EQ(page.rows, expected);
    }
  CHECK_EQ(books.search("dune", 1, 1).rows, (std::vector<std::uint32_t>{1}));
  CHECK_EQ(books.search("dune", 2, 1).total, 2u);
}

TEST(words are folded in every script) {
  CHECK_EQ(words("The LORD of  the Rings"), (list{"the", "lord", "of", "rings"}));
  CHECK_EQ(words("Ender's Game, Ender\u2019s Shadow"), (list{"enders", "game", "shadow"}));
  CHECK_EQ(words("\u201CDune\u201D\u2014again"), (list{"dune", "again"}));
  CHECK_EQ(words("\u041C\u0410\u0421\u0422\u0415\u0420"), (list{"\u043C\u0430\u0441\u0442\u0435\u0440"}));
  CHECK_EQ(words("MISE\u0301RABLES"), (list{"mis\u00E9rables"})); // decomposed and composed are one
  CHECK_EQ(words("\u767D\u9CAF\u3001\u767D\u9CAF"), (list{"\u767D\u9CAF"}));
  CHECK_EQ(words("...!"), list{});
  CHECK(!words("caf\xE9 dune").empty()); // not UTF-8: no crash, no exception
}

TEST(a book is found by either of its numbers) {
  const auto books = parsed(shelf);
  for (auto isbn : {"9780441013593", "978-0-441-01359-3", "0441013597", "0-441-01359-7"}) {
    REQUIRE_EQ(books.with_isbn(isbn).size(), 1u);
    CHECK_EQ(books.with_isbn(isbn)[0], 0u);
  }
  CHECK(books.with_isbn("9780261103573").empty());
  CHECK(books.with_isbn("0441013590").empty()); // wrong check digit
  CHECK(books.with_isbn("dune").empty());
}

TEST(a gzip file is read as what it holds and a cut one is an error) {
  temporary_file whole;
  auto* gz = gzopen(whole.path.c_str(), "wb");
  const auto text = std::string{header} + shelf;
  REQUIRE_EQ(gzwrite(gz, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  gzclose(gz);
  auto books = catalogue::load(whole.path);
  REQUIRE(books.has_value());
  CHECK_EQ(books.value().books().size(), 3u);

  std::ifstream in{whole.path, std::ios::binary};
  const std::string packed{std::istreambuf_iterator<char>{in}, {}};
  temporary_file cut;
  std::ofstream{cut.path, std::ios::binary} << packed.substr(0, packed.size() - 12);
  auto broken = catalogue::load(cut.path);
  REQUIRE(!broken);
  CHECK_EQ(broken.error().message, cut.path + ": cannot be read: the gzip data ends too early");
}

TEST(the goodbooks data set is read whole) {
  const std::string path = TROUPE_SOURCE_DIR "/../shared/fixtures/csv/goodbooks-10k-books.csv.gz";
  if (!std::filesystem::exists(path)) {
    std::cerr << "LEFT OUT: " << path << " is not there; goodbooks-10k was not read\n";
    return;
  }
  auto books = catalogue::load(path);
  if (!books)
    CAF_FAIL(books.error().message);
  const auto& rows = books.value().books();
  CHECK_EQ(rows.size(), 10'000u);
  // 700 have no isbn and 23 a wrong one
  CHECK_EQ(std::count_if(rows.begin(), rows.end(), [](const book& b) { return b.isbn13.empty(); }), 723);
  CHECK_EQ(rows[0].isbn13, "9780439023481");
  CHECK_EQ(rows[1].authors, (list{"J.K. Rowling", "Mary GrandPr\u00E9"}));
  CHECK_EQ(titles(books.value(), "hunger games").front(), "The Hunger Games (The Hunger Games, #1)");
}
