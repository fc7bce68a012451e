#include "apps/replay/catalogue.hpp"

#include "apps/books/isbn.hpp"
#include "apps/replay/csv_rows.hpp"
#include "apps/replay/words.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace troupe::replay {

namespace {

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos)
    return {};
  return std::string{text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1)};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty())
    if (auto part = trimmed(take_until(text, separator)); !part.empty())
      parts.push_back(std::move(part));
  return parts;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "1965", and "1965.0" as data tools write it; empty is 0.
result<int> parse_year(std::string_view text) {
  if (text.empty())
    return 0;
  auto digits = text;
  if (digits.ends_with(".0"))
    digits.remove_suffix(2);
  int year = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), year);
  // no book is older than writing, and five digits are a slip of the pen
  if (code != std::errc{} || end != digits.data() + digits.size() || year < -4000 || year > 9999)
    return fail(ec::bad_request, "year: expected a whole number from -4000 to 9999, got '" + std::string{text} + "'");
  return year;
}

/// Which column of the file holds what; -1 is nowhere.
struct columns {
  int isbn13 = -1, isbn = -1, title = -1, authors = -1, year = -1, publisher = -1, language = -1, subjects = -1;
  std::size_t count = 0;
  char author_separator = ';';
};

result<columns> read_header(const std::vector<std::string>& names) {
  columns at;
  at.count = names.size();
  std::string found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto name = trimmed(names[i]);
    found += (i == 0 ? "" : ", ") + name;
    int* slot = nullptr;
    if (name == "isbn13")
      slot = &at.isbn13;
    else if (name == "isbn")
      slot = &at.isbn;
    else if (name == "title")
      slot = &at.title;
    else if (name == "authors")
      slot = &at.authors;
    else if (name == "year" || name == "original_publication_year")
      slot = &at.year;
    else if (name == "publisher")
      slot = &at.publisher;
    else if (name == "language" || name == "language_code")
      slot = &at.language;
    else if (name == "subjects")
      slot = &at.subjects;
    if (slot == nullptr)
      continue;
    if (*slot >= 0)
      return fail(ec::bad_request, name + ": expected one such column, got two");
    *slot = static_cast<int>(i);
    if (name == "original_publication_year") // the goodbooks-10k data set
      at.author_separator = ',';
  }
  if (at.title < 0)
    return fail(ec::bad_request, "expected a column 'title', got: " + found);
  if (at.isbn13 < 0 && at.isbn < 0)
    return fail(ec::bad_request, "expected a column 'isbn13' or 'isbn', got: " + found);
  return at;
}

result<std::optional<books::isbn>> read_isbn(const std::string& isbn13, std::string isbn10) {
  // What a spreadsheet ruined has a point in it; everything else was meant.
  if (!isbn13.empty() && isbn13.find('.') == std::string::npos) {
    if (const auto read = books::isbn::parse(isbn13))
      return std::optional{read.value()};
    return fail(ec::bad_request, "isbn13: expected an ISBN with a right check digit, got '" + isbn13 + "'");
  }
  if (isbn10.size() < 10 && !isbn10.empty() && is_digits(isbn10.substr(0, isbn10.size() - 1)))
    isbn10.insert(0, 10 - isbn10.size(), '0');
  const auto read = books::isbn::parse(isbn10);
  return read ? std::optional{read.value()} : std::nullopt;
}

result<book> read_book(const columns& at, const std::vector<std::string>& row) {
  if (row.size() != at.count)
    return fail(ec::bad_request,
      "expected " + std::to_string(at.count) + " columns as in the first line, got " + std::to_string(row.size()));
  auto field = [&](int column) { return column < 0 ? std::string{} : trimmed(row[static_cast<std::size_t>(column)]); };
  book out;
  out.title = field(at.title);
  if (out.title.empty())
    return fail(ec::bad_request, "title: expected one, got nothing");
  auto number = read_isbn(field(at.isbn13), field(at.isbn));
  if (!number)
    return number.error();
  auto year = parse_year(field(at.year));
  if (!year)
    return year.error();
  if (const auto& isbn = number.value()) {
    out.isbn13 = isbn->isbn13();
    out.isbn10 = isbn->isbn10();
  }
  out.authors = split(field(at.authors), at.author_separator);
  out.year = year.value();
  out.publisher = field(at.publisher);
  out.language = field(at.language);
  out.subjects = split(field(at.subjects), ';');
  return out;
}

} // namespace

result<catalogue> catalogue::load(const std::string& path) {
  auto text = read_unpacked(path);
  if (!text)
    return text.error();
  return parse(text.value(), path);
}

result<catalogue> catalogue::parse(std::string_view text, const std::string& name) {
  catalogue out;
  std::optional<columns> at;
  auto read_row = [&](std::size_t line, std::vector<std::string>& row) -> result<void> {
    auto located = [&](const error& e) { return error{e.code, "line " + std::to_string(line) + ": " + e.message}; };
    if (!at) {
      auto header = read_header(row);
      if (!header)
        return located(header.error());
      at = header.value();
      return ok();
    }
    auto next = read_book(*at, row);
    if (!next)
      return located(next.error());
    out.add(std::move(next.value()));
    return ok();
  };
  if (auto done = each_csv_row(text, read_row); !done)
    return error{done.error().code, name + ": " + done.error().message};
  if (!at)
    return fail(ec::bad_request, name + ": expected a first line that names the columns, got an empty file");
  return out;
}

void catalogue::add(book next) {
  const auto row = static_cast<std::uint32_t>(books_.size());
  for (const auto& word : words(next.title))
    index_.add(word, row);
  for (const auto& author : next.authors)
    for (const auto& word : words(author))
      index_.add(word, row);
  for (const auto* number : {&next.isbn13, &next.isbn10})
    if (!number->empty())
      for (const auto& word : words(*number)) // folds the X
        index_.add(word, row);
  books_.push_back(std::move(next));
}

hits catalogue::search(std::string_view query, std::size_t offset, std::size_t count) const {
  return index_.find(words(query), offset, count);
}

std::span<const std::uint32_t> catalogue::with_isbn(std::string_view isbn) const {
  const auto read = books::isbn::parse(isbn);
  return read ? index_.rows_of(read.value().isbn13()) : std::span<const std::uint32_t>{};
}

} // namespace troupe::replay
