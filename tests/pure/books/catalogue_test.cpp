#define TEST_SUITE books.catalogue
#include "tests/support/test.hpp"

#include "apps/books/isbn.hpp"
#include "apps/books/text.hpp"
#include "apps/books/utf8.hpp"

#include <fstream>
#include <set>

using namespace troupe::books;

namespace {

/// The fields of one row (RFC 4180; no row of ours spans lines).
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back().push_back(line[i++]);
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back().push_back(line[i]);
  }
  return fields;
}

std::vector<std::vector<std::string>> rows() {
  std::vector<std::vector<std::string>> list;
  std::ifstream in{std::string{TROUPE_SOURCE_DIR} + "/config/demo-catalogue.csv"};
  for (std::string line; std::getline(in, line);)
    list.push_back(fields_of(line));
  return list;
}

} // namespace

TEST(the demo catalogue has a header and enough books) {
  const auto all = rows();
  REQUIRE(all.size() > 150);
  CHECK_EQ(
    all[0], (std::vector<std::string>{"isbn13", "title", "authors", "year", "publisher", "language", "subjects"}));
}

TEST(every row of the demo catalogue is complete and its ISBN verifies) {
  std::set<std::string> isbns;
  auto all = rows();
  all.erase(all.begin());
  for (const auto& row : all) {
    REQUIRE_EQ(row.size(), 7u);
    const auto read = isbn::parse(row[0]);
    CHECK_EQ(row[0] + (read ? "" : ": " + read.error().message), row[0]);
    CHECK(read && read.value().isbn13() == row[0]); // written in canonical form
    CHECK(isbns.insert(row[0]).second);
    for (const auto& field : row) {
      CHECK(!field.empty());
      CHECK(normalise(field).has_value()); // UTF-8
      CHECK_EQ(tidy(field), field);
    }
    CHECK(year_of(row[3]) != 0 && row[3].size() == 4);
    CHECK_EQ(language_code(row[5]), row[5]);
  }
}

TEST(the demo catalogue speaks many languages and knows Dune) {
  std::set<std::string> languages;
  int dunes = 0;
  bool ace = false;
  for (const auto& row : rows()) {
    languages.insert(row[5]);
    dunes += row[1].find("Dune") != std::string::npos ? 1 : 0;
    ace = ace || (row[0] == "9780441172719" && row[1] == "Dune" && row[2] == "Frank Herbert");
  }
  for (const char* language : {"en", "fr", "de", "es", "ru", "ja", "ar"})
    CHECK(languages.count(language) == 1);
  CHECK(dunes >= 6);
  CHECK(ace);
}
