#include "apps/replay/book_apis.hpp"
#include "apps/replay/json_text.hpp"
#include "apps/replay/words.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::replay {

namespace {

constexpr std::size_t max_page_size = 1'000;
constexpr std::size_t most_results = 10'000; // however they are cut into pages

/// A number of at least 1; the default for anything else, as the real API takes it.
std::size_t number(const call& c, std::string_view name, std::size_t otherwise) {
  const auto text = c.param(name).value_or("");
  std::size_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code != std::errc{} || end != text.data() + text.size() || value == 0 ? otherwise : value;
}

struct window {
  std::size_t offset = 0;
  std::size_t count = 0;
};

window page_of(const call& c) {
  const auto size = std::min(number(c, "pageSize", 20), max_page_size);
  const auto page = number(c, "page", 1);
  if (page > most_results / size + 1)
    return {most_results, 0};
  const auto offset = (page - 1) * size;
  return {offset, std::min(size, most_results - std::min(offset, most_results))};
}

reply unknown() {
  return {404, "application/json", blob{std::string{R"({"errorMessage":"Not Found"})"}}};
}

/// What follows a prefix, without the slash before it; nothing when the path is another.
std::optional<std::string_view> behind(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix) || path.size() == prefix.size())
    return std::nullopt;
  return path.substr(prefix.size());
}

} // namespace

isbndb::isbndb(const catalogue& books) : books_{books} {
  std::uint32_t row = 0;
  for (const auto& b : books.books()) {
    records_.add(b.isbn13.empty() ? std::string{} : isbndb_record(b, row));
    for (const auto& author : b.authors)
      rows_by_author_[key(author)].push_back(row);
    ++row;
  }
  for (auto& [author, rows] : rows_by_author_) // of one who is named twice
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

std::string isbndb::key(std::string_view author) {
  std::string out;
  for (const auto& word : words(author))
    out += word + ' ';
  return out;
}

std::optional<reply> isbndb::answer(const call& c) const {
  if (c.method != "GET" && c.method != "HEAD")
    return std::nullopt;
  if (const auto isbn = behind(c.path, "/book/"))
    return book_by(*isbn);
  if (const auto name = behind(c.path, "/author/"))
    return author(c, *name);
  if (c.path == "/search/books")
    return search(c, std::string{c.param("text").value_or("")} + " " + std::string{c.param("author").value_or("")},
      c.param("isbn13").value_or(c.param("isbn").value_or("")));
  if (const auto query = behind(c.path, "/books/"); query && !query->starts_with("OL")) // Open Library's
    return search(c, *query, {});
  return std::nullopt;
}

reply isbndb::book_by(std::string_view isbn) const {
  const auto rows = books_.with_isbn(isbn);
  if (rows.empty())
    return unknown();
  return {200, "application/json", blob{R"({"book":)" + std::string{records_[rows.front()]} + "}"}};
}

reply isbndb::search(const call& c, std::string_view text, std::string_view isbn) const {
  query_terms terms{std::string{text}, {}};
  if (!isbn.empty())
    terms.isbns.emplace_back(isbn);
  // rows without a number are no records here, so that pages are cut of those that have one
  std::vector<std::uint32_t> rows;
  for (const auto row : find_books(books_, terms, 0, books_.books().size()).rows)
    if (!records_[row].empty())
      rows.push_back(row);
  if (rows.empty())
    return unknown();
  std::string out = "{";
  append_member(out, "total", static_cast<long long>(rows.size()));
  append_page(out, "books", rows, c);
  return {200, "application/json", blob{out + "}"}};
}

reply isbndb::author(const call& c, std::string_view name) const {
  const auto found = rows_by_author_.find(key(name));
  if (found == rows_by_author_.end())
    return unknown();
  const auto language = google_language(c.param("language").value_or(""));
  std::vector<std::uint32_t> rows;
  for (const auto row : found->second)
    if (!records_[row].empty() && (language.empty() || google_language(books_.books()[row].language) == language))
      rows.push_back(row);
  std::string escaped; // the name comes back as it stands in the URL
  for (const char ch : name)
    escaped += ch == ' ' ? std::string{"%20"} : std::string{ch};
  std::string out = "{";
  append_member(out, "author", escaped);
  append_page(out, "books", rows, c);
  return {200, "application/json", blob{out + "}"}};
}

void isbndb::append_page(
  std::string& out, std::string_view name, const std::vector<std::uint32_t>& rows, const call& c) const {
  const auto [offset, count] = page_of(c);
  append_json(out, name, "[");
  for (auto i = std::min(offset, rows.size()); i < std::min(offset + count, rows.size()); ++i) {
    out += out.back() == '[' ? "" : ",";
    out += records_[rows[i]];
  }
  out += ']';
}

} // namespace troupe::replay
