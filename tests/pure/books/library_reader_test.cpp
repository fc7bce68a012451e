#define TEST_SUITE books.library
#include "tests/support/test.hpp"

#include "tests/pure/books/library_reading.hpp"

using namespace troupe::books;
using namespace troupe::books::library;
using namespace troupe::books::testing;

namespace {

using texts = std::vector<std::string>;

/// "2: Dune by Frank Herbert, 9780441172719"
std::string text_of(const entry& e) {
  auto text = std::to_string(e.line) + ": " + e.title;
  for (const auto& name : e.authors)
    text += (&name == &e.authors.front() ? " by " : " and ") + name;
  return text + (e.isbn13.empty() ? "" : ", " + e.isbn13);
}

texts entries_of(const reading& r) {
  texts out;
  for (const auto& e : r.entries)
    out.push_back(text_of(e));
  return out;
}

texts entries_of(std::string_view text) {
  const auto r = read_library(text);
  return r.failed.empty() ? entries_of(r) : texts{r.failed};
}

texts rejections_of(std::string_view text, reader_limits limits = {}) {
  texts out;
  for (const auto& r : read_library(text, 4096, limits).rejections)
    out.push_back(testing::text_of(r));
  return out;
}

const std::string goodreads_header =
  "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Publisher,Year Published,"
  "Original Publication Year,Exclusive Shelf,My Review\r\n";

const std::string goodreads =
  "\xEF\xBB\xBF" + goodreads_header
  + "1,\"Warbreaker (Warbreaker, #1)\",Brandon  Sanderson,\"Sanderson, Brandon\",,\"=\"\"\"\"\",\"=\"\"\"\"\",4,Tor,"
    "2009,2009,read,\r\n"
    "2,Quartier lointain,Jir\u014D Taniguchi,\"Taniguchi, Jir\u014D\",\"\u8C37\u53E3 \u30B8\u30ED\u30FC, Kyko "
    "Duarte\",\"=\"\"220339644X\"\"\",\"=\"\"9782203396449\"\"\",0,Casterman,2006,1998,read,\"good<br/>\r\n\r\n"
    "very, good\"\r\n"
    "3,Only ten,A B,\"B, A\",,\"=\"\"0142402494\"\"\",\"=\"\"\"\"\",0,,,,read,\r\n";

} // namespace

TEST(a Goodreads export is read with its quoting and its people) {
  const auto r = read_library(goodreads);
  CHECK_EQ(r.failed, "");
  CHECK(r.rejections.empty());
  CHECK_EQ(entries_of(r), (texts{"2: Warbreaker (Warbreaker, #1) by Brandon Sanderson",
                            "3: Quartier lointain by Jir\u014D Taniguchi and \u8C37\u53E3 \u30B8\u30ED\u30FC and "
                            "Kyko Duarte, 9782203396449",
                            "6: Only ten by A B, 9780142402498"}));
  CHECK_EQ(r.entries[0].work_title(), "Warbreaker");
  CHECK_EQ(r.entries[1].year, 1998);
  CHECK_EQ(r.entries[1].publisher, "Casterman");
  CHECK_EQ(r.entries[0].isbn_note, "");
  CHECK(r.encoding == encoding::utf8);
  CHECK(r.layout->written_by == form::goodreads);
}

TEST(a LibraryThing export in Latin-1 with tabs is read) {
  const std::string text = "Book Id\tTitle\tPrimary Author\tSecondary Author\tDate\tLanguages\tISBN\tISBNs\r\n"
                           "1\tCien a\xF1os de soledad\tGarc\xED"
                           "a M\xE1rquez, Gabriel\t\t1967\tSpanish\t[]\t\r\n"
                           "2\tNumerical Recipes\tPress, William H.\tFlannery, Brian P.|Teukolsky, Saul A.\t1992\t"
                           "English\t[0521431085]\t[0521431085, 9780521431088]\r\n"
                           "3\t\"A\" Is for Alibi\tGrafton, Sue\t\t1982\tEnglish\t[wrong]\t[9780553279917]\r\n";
  const auto r = read_library(text);
  CHECK_EQ(entries_of(r),
    (texts{"2: Cien a\u00F1os de soledad by Gabriel Garc\u00EDa M\u00E1rquez",
      "3: Numerical Recipes by William H. Press and Brian P. Flannery and Saul A. Teukolsky, 9780521431088",
      "4: \"A\" Is for Alibi by Sue Grafton, 9780553279917"}));
  CHECK(r.layout->written_by == form::librarything);
  CHECK_EQ(r.layout->delimiter, '\t');
  CHECK(r.encoding == encoding::latin1);
  CHECK_EQ(r.entries[2].isbn_note, ""); // the other one will do
}

TEST(a StoryGraph export has ids that are no ISBNs and people who wrote nothing) {
  const std::string text = "Title,Authors,Contributors,ISBN/UID,Format\n"
                           "Queenie,Candice Carty-Williams,Shvorne Marks (Narrator),9781508277996,audio\n"
                           "Crucial Conversations,Kerry Patterson,\"Joseph Grenny, Al Switzler\",0071401946,paperback\n"
                           "Kindred,\"Octavia E. Butler, John Jennings\",,B07MNWKF2M,digital\n"
                           "Other,A B,,38549081,digital\n"
                           "Wrong,A B,,9780071401945,digital\n"
                           "84 Charing Cross Road,Helene Hanff,,140143505,paperback\n";
  const auto r = read_library(text);
  CHECK_EQ(entries_of(r), (texts{"2: Queenie by Candice Carty-Williams, 9781508277996",
                            "3: Crucial Conversations by Kerry Patterson and Joseph Grenny and Al Switzler, "
                            "9780071401944",
                            "4: Kindred by Octavia E. Butler and John Jennings", "5: Other by A B", "6: Wrong by A B",
                            "7: 84 Charing Cross Road by Helene Hanff, 9780140143508"}));
  CHECK_EQ(r.entries[2].isbn_note + r.entries[3].isbn_note, "");
  CHECK_EQ(r.entries[4].isbn_note, "ISBN/UID \"9780071401945\": isbn: expected check digit 4, got 5");
  CHECK_EQ(r.counts.with_isbn, 3u);
  CHECK_EQ(r.counts.with_isbn_note, 1u);
}

TEST(a calibre catalogue names ISBNs among its identifiers) {
  const std::string text = "authors,author_sort,isbn,identifiers,languages,title,publisher,pubdate,uuid\n"
                           "\"Terry Pratchett, Neil Gaiman\",\"Pratchett, Terry & Gaiman, Neil\",,"
                           "\"goodreads:12067,isbn:9780060853983\",eng,Good Omens,Harper,"
                           "1990-05-01T01:00:00+01:00,3051ed45\n";
  const auto r = read_library(text);
  CHECK_EQ(entries_of(r), texts{"2: Good Omens by Terry Pratchett and Neil Gaiman, 9780060853983"});
  CHECK_EQ(r.entries[0].language, "en");
  CHECK_EQ(r.entries[0].year, 1990);
  CHECK(r.layout->written_by == form::calibre);
}

TEST(a plain table is read in any order of columns) {
  CHECK_EQ(entries_of("year;isbn;Author;title\n1965;441172717;Herbert, Frank;Dune\n"),
    texts{"2: Dune by Frank Herbert, 9780441172719"});
  CHECK_EQ(
    entries_of("sep=;\r\ntitle;authors\r\nGood, and Bad;\"A B, C D\"\r\n"), texts{"3: Good, and Bad by A B and C D"});
  CHECK_EQ(entries_of("\n\nISBN\n9780441172719\n\n0142402494"), (texts{"4: , 9780441172719", "6: , 9780142402498"}));
  CHECK_EQ(entries_of("isbn,isbn13,authors,original_publication_year,title\n"
                      "439023483,9.78043902348e+12,Suzanne Collins,2008.0,\"The Hunger Games (Games, #1)\"\n"),
    texts{"2: The Hunger Games (Games, #1) by Suzanne Collins, 9780439023481"});
  CHECK_EQ(entries_of("=\"title\",isbn\nx,\n"), texts{"2: x"}); // a header in Goodreads' quoting
}

TEST(what a spreadsheet has dropped of an ISBN is said and the book kept) {
  const auto r = read_library("title,isbn13\nDune,9.78044E+12\n");
  REQUIRE_EQ(r.entries.size(), 1u);
  CHECK_EQ(r.entries[0].isbn13, "");
  CHECK_EQ(
    r.entries[0].isbn_note, "isbn13 \"9.78044E+12\": isbn: expected all digits, a spreadsheet has dropped 7 of them");
}

TEST(a row that names no book is rejected with its line) {
  CHECK_EQ(rejections_of("title,isbn\nDune,\n ,\"x\ny\"\n,9780441172710\n"),
    (texts{"3 nameless: expected a title or an ISBN, got isbn \"x y\": isbn: expected a digit at character 1, got 'x'",
      "5 nameless: expected a title or an ISBN, got isbn \"9780441172710\": isbn: expected check digit 9, got 0"}));
  CHECK_EQ(
    rejections_of("title,author\n,Frank Herbert\n"), texts{"2 nameless: expected a title or an ISBN, got neither"});
}

TEST(a book again is rejected and names its first line) {
  CHECK_EQ(rejections_of("title,author,isbn\n"
                         "Dune,Frank Herbert,0441172717\n"
                         "Dune (Dune #1),\"Herbert, Frank\",978-0-441-17271-9\n"
                         "The Dispossessed,Ursula K. Le Guin,\n"
                         "\"dispossessed (Hainish, #6)\",\"Le Guin, Ursula K.\",\n"
                         "The Dispossessed,Somebody Else,\n"
                         "Dune,Frank Herbert,\n"),
    (texts{"3 duplicate: the book of line 2 again", "5 duplicate: the book of line 4 again"}));
}

TEST(more books than are remembered go through and are counted) {
  reader_limits few;
  few.most_remembered = 2;
  const auto r = read_library("title\na\nb\nc\nb\nc\n", 4096, few);
  CHECK_EQ(entries_of(r), (texts{"2: a", "3: b", "4: c", "6: c"}));
  CHECK_EQ(r.counts.not_compared, 2u);
  CHECK_EQ(r.counts.rejected_as(cause::duplicate), 1u);
}

TEST(every row is counted once) {
  const auto r = read_library("title,isbn\nDune,0441172717\nDune,0441172717\n,\n\n\"x\"y\",\nx,y,z\n,1\n\"z,\n");
  CHECK_EQ(r.counts.rows, 6u);
  CHECK_EQ(r.counts.accepted, 2u);
  CHECK_EQ(r.counts.with_isbn, 1u);
  CHECK_EQ(r.counts.rejected_as(cause::duplicate), 1u);
  CHECK_EQ(r.counts.rejected_as(cause::columns), 1u);
  CHECK_EQ(r.counts.rejected_as(cause::nameless), 1u);
  CHECK_EQ(r.counts.rejected_as(cause::quoting), 1u);
}

TEST(a damaged letter costs its row in a file that is UTF-8) {
  std::string text = "title,note\n\u00C9t\u00E9 \u00E0 No\u00EBl,x\nbro\xE9ken,x\nfine,bro\xE9ken\n";
  CHECK_EQ(rejections_of(text), texts{"3 encoding: title: expected UTF-8, got an ill-formed byte"});
  CHECK_EQ(entries_of(text),
    (texts{"2: \u00C9t\u00E9 \u00E0 No\u00EBl", "4: fine"})); // a column that is not read may be damaged
}

TEST(an encoding that shows late is told by the first letter that is not ASCII) {
  std::string text = "title,author\n";
  for (int i = 0; i < 8'000; ++i)
    text += "Book " + std::to_string(i) + ",Nobody\n";
  const auto latin = read_library(text
                                    + "Garc\xED"
                                      "a,x\nM\xE1rquez,y\n",
    10'000);
  CHECK(latin.encoding == encoding::latin1);
  CHECK_EQ(latin.entries.back().title, "M\u00E1rquez");
  const auto utf8 = read_library(text + "Garc\u00EDa,x\n", 10'000);
  CHECK(utf8.encoding == encoding::utf8);
  CHECK_EQ(utf8.entries.back().title, "Garc\u00EDa");
  CHECK_EQ(utf8.entries.back().line, 8'002u);
}

TEST(the same comes of a file however it is cut) {
  std::string text = goodreads;
  for (int i = 0; i < 600; ++i) // beyond the part that encoding and delimiter are told from
    text += std::to_string(i) + ",\"T\u00EFtle, " + std::to_string(i) + "\",A B,\"B, A\",,,,0,,,,read,\""
            + std::string(120, 'r') + "\r\n" + (i % 50 == 7 ? "\"\" open\r\n" : "more\"\r\n");
  const auto whole = read_library(text, text.size());
  CHECK(whole.entries.size() > 500 && !whole.rejections.empty());
  for (const std::size_t chunk : {1, 2, 3, 7, 64, 1'000, 65'536}) {
    const auto cut = read_library(text, chunk);
    CHECK(cut.entries == whole.entries);
    CHECK(cut.rejections == whole.rejections);
  }
}

TEST(a file that is no table says what it is) {
  const auto failed = [](std::string_view text) { return read_library(text).failed; };
  const std::string expected = "expected CSV text in UTF-8 or Latin-1, got ";
  CHECK_EQ(failed("\x1F\x8B\x08"), expected + "a gzip file that is still packed");
  CHECK_EQ(failed("PK\x03\x04xyz"), expected + "a zip file or an Excel workbook");
  CHECK_EQ(failed(std::string_view{"\xFF\xFEt\0i\0", 6}), expected + "UTF-16");
  CHECK_EQ(failed(std::string_view{"title\0", 6}), expected + "a zero byte");
  CHECK_EQ(failed(""), "expected a first line that names the columns, got an empty file");
  CHECK_EQ(failed("\n \n"), "expected a first line that names the columns, got an empty file");
  CHECK_EQ(failed("\nname,price\n1,2\n"),
    "line 2: expected a first line that names the columns, 'title' or 'isbn' among them, got: name, price");
  CHECK_EQ(
    failed(std::string(2 << 20, 'x')), "line 1: expected the names of the columns, got 2097152 bytes in one line");
}

TEST(a first line that is too long for names is refused before it is taken apart) {
  CHECK_EQ(read_library(std::string(70'000, ',') + "\ntitle\n").failed,
    "line 1: expected the names of the columns, got 70000 bytes in one line");
}

TEST(a file that failed fails for ever with the same error) {
  reader r{{[](entry&&) {}, [](rejection&&) {}}};
  CHECK(r.feed(std::string(70'000, ' ') + "\nname\n").has_value() == false);
  CHECK(!r.feed("title\nDune\n"));
  const auto ended = r.finish();
  REQUIRE(!ended);
  CHECK(ended.error().message.starts_with("line 2: expected a first line"));
  CHECK_EQ(r.counts().rows, 0u);
}
