#define TEST_SUITE books.library_rows
#include "tests/support/test.hpp"

#include "apps/books/library/encoding.hpp"
#include "apps/books/library/header.hpp"
#include "apps/books/library/lines.hpp"
#include "apps/books/library/regular_row.hpp"
#include "apps/books/library/rows.hpp"
#include "apps/books/library/seen.hpp"

#include <csv.h>
#include <random>

using namespace troupe::books::library;

namespace {

using texts = std::vector<std::string>;

/// "1:abc", or "2: 70 bytes" of a line that was too long.
texts lines_of(const texts& chunks, std::size_t longest = 64) {
  line_splitter lines{longest};
  texts out;
  const auto take = [&](const line& l) {
    out.push_back(
      std::to_string(l.number) + ":" + (l.too_long ? " " + std::to_string(l.size) + " bytes" : std::string{l.text}));
  };
  for (const auto& chunk : chunks)
    lines.feed(chunk, take);
  lines.finish(take);
  return out;
}

/// What a reader of three columns makes of a text: "1: a|b|c", "4 quoting: why".
texts rows_of(const std::string& text, char delimiter = ',', row_limits limits = {}) {
  texts out;
  row_reader rows{delimiter, {0, 1, 2}, {"a", "b", "c"}, limits,
    {[&](const row& r) {
       out.push_back(
         std::to_string(r.line()) + ": " + std::string{r[0]} + "|" + std::string{r[1]} + "|" + std::string{r[2]});
     },
      [&](std::uint64_t number, row_fault fault, const std::string& reason) {
        constexpr std::array names{"quoting", "columns", "too_long"};
        out.push_back(std::to_string(number) + " " + names.at(static_cast<std::size_t>(fault)) + ": " + reason);
      }}};
  line_splitter lines{limits.row};
  const auto take = [&](const line& l) {
    if (l.too_long)
      rows.feed_too_long(l.number, l.size);
    else
      rows.feed(l.number, l.text);
  };
  lines.feed(text, take);
  lines.finish(take);
  rows.finish();
  return out;
}

const std::string stray = " quoting: a quote within a field that is not doubled";
const std::string open_quote = " quoting: a quoted field without its closing quote";

} // namespace

TEST(lines end with LF or CRLF or CR and come without their ends) {
  CHECK_EQ(lines_of({"a\nb\r\nc\rd"}), (texts{"1:a", "2:b", "3:c", "4:d"}));
  CHECK_EQ(lines_of({"a\n\nb\r\n\r\n\r\rc\n"}), (texts{"1:a", "2:", "3:b", "4:", "5:", "6:", "7:c"}));
  CHECK_EQ(lines_of({""}), texts{});
  CHECK_EQ(lines_of({"\n"}), texts{"1:"});
}

TEST(lines are the same however the text is cut) {
  const std::string text = "one\r\ntwo\rthree\n\r\n\n\rfour";
  const auto whole = lines_of({text});
  for (std::size_t i = 0; i <= text.size(); ++i)
    for (std::size_t j = i; j <= text.size(); ++j)
      CHECK_EQ(lines_of({text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole);
}

TEST(a line that is too long is counted and not kept) {
  CHECK_EQ(lines_of({"abcdef\nab\n", "abc", "def\nxyz"}, 3), (texts{"1: 6 bytes", "2:ab", "3: 6 bytes", "4:xyz"}));
  CHECK_EQ(lines_of({"abc", "d"}, 3), texts{"1: 4 bytes"});
}

TEST(quotes hold delimiters and line ends and doubled quotes) {
  CHECK_EQ(rows_of("x,\"y, z\",\"a \"\"b\"\"\"\n\"1\r\n2\",3,4\n5,6,7"),
    (texts{"1: x|y, z|a \"b\"", "2: 1\n2|3|4", "4: 5|6|7"}));
  CHECK_EQ(rows_of("x;\"y;z\";1\n", ';'), texts{"1: x|y;z|1"});
  CHECK_EQ(rows_of("x\t y \t\n", '\t'), texts{"1: x|y|"});
}

TEST(blank lines and lines of delimiters alone are no rows) {
  CHECK_EQ(rows_of("\n  \n1,2,3\n,,\n\"\",,\"\"\r\n\r\n4,5,6\n\n"), (texts{"3: 1|2|3", "7: 4|5|6"}));
}

TEST(a row may be short and may have empty columns too many) {
  CHECK_EQ(rows_of("1\n1,2\n1,2,3,,\n"), (texts{"1: 1||", "2: 1|2|", "3: 1|2|3"}));
  CHECK_EQ(rows_of("1,2,3,4\n5,6,7\n"), (texts{"1 columns: expected 3 columns as in the header, got 4", "2: 5|6|7"}));
}

TEST(a stray quote in one line is a character) {
  CHECK_EQ(rows_of("1,5\" disk,3\n4,5,6\n"), (texts{"1: 1|5\" disk|3", "2: 4|5|6"}));
  CHECK_EQ(rows_of("1,\"a \"b\" c\",3\n"), texts{"1: 1|a \"b\" c|3"});
}

TEST(an open quote costs its line and not the rest of the file) {
  CHECK_EQ(rows_of("1,2,3\n4,\"5,6\n7,8,9\n"), (texts{"1: 1|2|3", "2" + open_quote, "3: 7|8|9"}));
  // the next quoted field seems to close it, and what follows that tells
  CHECK_EQ(rows_of("4,\"5,6\n7,\"8\",9\n1,2,3\n"), (texts{"1" + stray, "2: 7|8|9", "3: 1|2|3"}));
  CHECK_EQ(rows_of("4,\"5,6\n\n7,8,9\n4,\"5,6\n1,2,3"), (texts{"1" + stray, "3: 7|8|9", "4" + open_quote, "5: 1|2|3"}));
}

TEST(the rest of a broken row does not pass for rows) {
  CHECK_EQ(rows_of("1,2,3\n4,\"a \"b\nmore\nand, more\",6\n7\n8,9,10\n11\n"),
    (texts{"1: 1|2|3", "2" + stray,
      "3 columns: expected 3 columns as in the header, got 1, after a line that could not be read", "4: and|more\"|6",
      "5: 7||", "6: 8|9|10", "7: 11||"}));
}

TEST(a file with tabs may quote nothing) {
  CHECK_EQ(rows_of("1\t\"A\" is for Alibi\t3\n\"x\ty\tz\n\"q\tw\"\t2\t3\n", '\t'),
    (texts{"1: 1|\"A\" is for Alibi|3", "2: \"x|y|z", "3: q\tw|2|3"}));
}

TEST(a field or a row over the limit is rejected and what follows is read) {
  const row_limits small{8, 32};
  CHECK_EQ(rows_of("1,123456789,3\n4,12345678,6\n", ',', small),
    (texts{"1 too_long: b: expected at most 8 bytes, got 9", "2: 4|12345678|6"}));
  CHECK_EQ(rows_of("1," + std::string(40, 'x') + ",3\n4,5,6\n", ',', small),
    (texts{"1 too_long: the line: expected at most 32 bytes, got 44", "2: 4|5|6"}));
  // an open quote ends no later than where the limit is
  std::string text = "1,\"2\n";
  for (int i = 0; i < 20; ++i)
    text += "a,b,c\n";
  const auto rows = rows_of(text, ',', small);
  REQUIRE_EQ(rows.size(), 21u);
  CHECK_EQ(rows[0], "1 too_long: a quoted field without its closing quote within 32 bytes");
  CHECK_EQ(rows[1], "2: a|b|c");
  CHECK_EQ(rows[20], "21: a|b|c");
  // and where a line is longer than any row may be
  CHECK_EQ(rows_of("1,\"2\n3,4,5\n" + std::string(40, 'x') + "\n6,7,8\n", ',', small),
    (texts{"1" + open_quote, "2: 3|4|5", "3 too_long: the line: expected at most 32 bytes, got 40", "4: 6|7|8"}));
}

TEST(an open quote before empty lines ends as well) {
  CHECK_EQ(rows_of("1,\"2\n" + std::string(25'000, '\n') + "3,4,5\n"),
    (texts{"1 too_long: a quoted field without its closing quote within 10000 lines", "25002: 3|4|5"}));
}

TEST(every line of a file of quotes is accounted for) {
  for (const std::string piece : {"\"", "\"\"", "\"\"\"", "\",\"", "\"a\n", "a\"\n", "\"\n", ",\"", "\"x\"y,"}) {
    std::string text;
    for (int i = 0; i < 50; ++i)
      text += piece + (i % 7 == 0 ? "\n" : "");
    CHECK(rows_of(text, ',', {64, 128}).size() <= 101);
    CHECK(rows_of(text, '\t', {64, 128}).size() <= 101);
  }
}

TEST(a regular row is what libcsv makes of it) {
  std::mt19937 random{11};
  std::size_t regular = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string line;
    for (auto size = random() % 12; size > 0; --size)
      line.push_back(std::string_view{"\"\",; \tab"}[random() % 8]);
    const char delimiter = std::string_view{",;\t"}[random() % 3];
    texts fast;
    const bool whole = each_regular_field(line, delimiter, [&](std::string_view field, bool doubled) {
      std::string text{field};
      for (auto at = text.find("\"\""); doubled && at != std::string::npos; at = text.find("\"\"", at + 1))
        text.erase(at, 1);
      fast.push_back(std::move(text));
    });
    if (!whole)
      continue;
    ++regular;
    csv_parser parser;
    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser, static_cast<unsigned char>(delimiter));
    const auto text = line + "\n";
    texts slow;
    const auto collect = [](void* field, std::size_t size, void* to) {
      static_cast<texts*>(to)->emplace_back(static_cast<const char*>(field), size);
    };
    CHECK_EQ(csv_parse(&parser, text.data(), text.size(), collect, nullptr, &slow), text.size());
    CHECK_EQ(csv_fini(&parser, collect, nullptr, &slow), 0);
    csv_free(&parser);
    if (slow.empty())
      slow.emplace_back(); // a blank line, which both skip
    if (fast != slow)
      CHECK_EQ(line + " " + caf::deep_to_string(fast), line + " " + caf::deep_to_string(slow));
  }
  CHECK(regular > 10'000);
}

TEST(the encoding is told by what is not ASCII) {
  CHECK(guess_encoding("plain", false) == encoding::ascii);
  CHECK(guess_encoding("Fran\xC3\xA7ois", false) == encoding::utf8);
  CHECK(guess_encoding("Fran\xE7ois", false) == encoding::latin1);
  CHECK(guess_encoding("\xC3\xA9\xC3\xA9 and one \xE9 broken", false) == encoding::utf8);
  // cut within a character
  CHECK(guess_encoding("\xE8\xB0", true) == encoding::ascii);
  CHECK(guess_encoding("\xE8\xB0", false) == encoding::latin1);
  CHECK(guess_encoding("\xF0\x9F\x98", true) == encoding::ascii);
}

TEST(Latin-1 is read as Windows-1252) {
  CHECK_EQ(from_latin1("Garc\xED"
                       "a \x93M\xE1rquez\x94 \x80 \xFF"),
    "Garc\u00EDa \u201CM\u00E1rquez\u201D \u20AC \u00FF");
  CHECK_EQ(from_latin1("\x81"), "\xC2\x81");
}

TEST(the header tells delimiter and columns and the program) {
  const auto goodreads = read_header("Book Id,Title,Author,Author l-f,ISBN,ISBN13");
  REQUIRE(goodreads.has_value());
  CHECK(goodreads.value().written_by == form::goodreads);
  CHECK_EQ(goodreads.value().slots, (std::vector<int>{-1, 0, 1, -1, 7, 6}));
  CHECK_EQ(goodreads.value().name_of(slot::isbn13), "ISBN13");
  CHECK_EQ(goodreads.value().name_of(slot::publisher), "");
  const auto semicolons = read_header("titel, deutsch;ISBN-13;title;\"author\"");
  REQUIRE(semicolons.has_value());
  CHECK_EQ(semicolons.value().delimiter, ';');
  CHECK_EQ(semicolons.value().slots, (std::vector<int>{-1, 6, 0, 1}));
  CHECK_EQ(read_header("isbn\tname, if any").value().delimiter, '\t');
  CHECK_EQ(read_header("ISBN").value().slots, (std::vector<int>{7}));
  CHECK_EQ(read_header("title;author", ',').has_value(), false);
  CHECK_EQ(read_header("title,Title").value().slots, (std::vector<int>{0, -1}));
  CHECK(read_header("ISBN/UID,title").value().written_by == form::storygraph);
}

TEST(a header without a title or an ISBN is refused with its names) {
  const auto refused = read_header("name,price");
  REQUIRE(!refused);
  CHECK_EQ(refused.error().message,
    "expected a first line that names the columns, 'title' or 'isbn' among them, got: name, price");
  CHECK(refused.error().code == troupe::ec::bad_request);
  const auto long_one = read_header(std::string(300, 'x') + ",y");
  CHECK(!long_one && long_one.error().message.ends_with("got: " + std::string(60, 'x') + "..., y"));
  const auto names = std::string(60, 'x') + ',' + std::string(60, 'y') + ',' + std::string(60, 'z') + ",more and more";
  const auto many = read_header(names + ',' + names);
  CHECK(!many && many.error().message.ends_with("zzz, more and more, ..."));
  const auto damaged = read_header("na\xEFme,\xF0\x9F");
  CHECK(!damaged && damaged.error().message.ends_with("got: na\uFFFDme, \uFFFD\uFFFD"));
  CHECK_EQ(read_header("title" + std::string(2'000, ',')).error().message, "expected at most 2000 columns, got 2001");
  CHECK_EQ(named_delimiter("sep=;"), ';');
  CHECK_EQ(named_delimiter("sep=x"), '\0');
}

TEST(a set of seen books names the first line and is bounded) {
  seen_books seen{2'000};
  for (std::uint64_t i = 0; i < 3'000; ++i)
    CHECK(!seen.add(i * 0x9e3779b97f4a7c15ULL, i + 10));
  CHECK(seen.full());
  CHECK_EQ(seen.add(0, 5), std::optional<std::uint64_t>{10});
  CHECK_EQ(seen.add(1'999 * 0x9e3779b97f4a7c15ULL, 5), std::optional<std::uint64_t>{2'009});
  CHECK(!seen.add(2'000 * 0x9e3779b97f4a7c15ULL, 5)); // came when it was full
}
