#include "apps/books/library/reader.hpp"

#include "apps/books/library/cells.hpp"
#include "apps/books/mapping.hpp"
#include "apps/books/names.hpp"
#include "apps/books/text.hpp"
#include "apps/books/utf8.hpp"

#include <algorithm>
#include <utility>
#include <xxhash.h>

namespace troupe::books::library {
namespace {

/// Enough to meet a letter beyond ASCII in nearly every library that has one.
constexpr std::size_t beginning_size = std::size_t{64} << 10;

/// Of the first line. The exports' have at most 1,000 bytes.
constexpr std::size_t most_header_size = std::size_t{64} << 10;

/// Of which the codes are kept.
constexpr std::size_t most_languages = 32;

cause cause_of(row_fault fault) noexcept {
  switch (fault) {
  case row_fault::quoting:
    return cause::quoting;
  case row_fault::columns:
    return cause::columns;
  case row_fault::too_long:
    return cause::too_long;
  }
  return cause::quoting;
}

/// What a file is that is no CSV, by its first bytes; empty when it may be.
std::string_view other_than_text(std::string_view beginning) noexcept {
  using namespace std::string_view_literals;
  if (beginning.starts_with("\x1F\x8B"))
    return "a gzip file that is still packed";
  if (beginning.starts_with("PK\x03\x04"))
    return "a zip file or an Excel workbook";
  if (beginning.starts_with("\xFF\xFE") || beginning.starts_with("\xFE\xFF"))
    return "UTF-16";
  if (beginning.starts_with("\xD0\xCF\x11\xE0"))
    return "an old Excel workbook";
  return beginning.find('\0') == std::string_view::npos ? ""sv : "a zero byte"sv;
}

std::string_view cell_of(const row& r, slot s) noexcept {
  return r[static_cast<std::size_t>(s)];
}

/// Whether StoryGraph's cell is meant as an ISBN: audio books and the like have other ids there, which may be numbers,
/// too. Nine digits are an ISBN-10 that has lost its zero; with fewer a guess would be wrong too often.
bool may_be_isbn(std::string_view cell) noexcept {
  const auto count = std::count_if(cell.begin(), cell.end(), [](char c) { return c != '-' && c != ' '; });
  return (count == 9 || count == 10 || count == 13)
         && cell.find_first_not_of("0123456789Xx- ") == std::string_view::npos;
}

/// Whether it looks like 9.78044E+12.
bool has_exponent(std::string_view cell) noexcept {
  return std::any_of(cell.begin(), cell.end(), [](char c) { return c == 'e' || c == 'E'; });
}

/// Makes an entry a new one that uses the memory of the old one.
void forget(entry& e) {
  for (auto* text : {&e.title, &e.isbn13, &e.isbn_note, &e.publisher, &e.language})
    text->clear();
  e.authors.clear();
  e.work_title_size = 0;
  e.line = 0;
  e.year = 0;
}

/// Whether a cell may hold more than a name as it is.
bool separates_names(std::string_view cell) noexcept {
  return std::any_of(cell.begin(), cell.end(), [](char c) { return c == ',' || c == ';' || c == '|' || c == '&'; });
}

/// Each person once, and no more than `most_authors`.
void drop_repeated(std::vector<std::string>& names) {
  auto end = names.begin();
  for (auto name = names.begin(); name != names.end() && end - names.begin() < std::ptrdiff_t{most_authors}; ++name)
    if (std::find(names.begin(), end, *name) == end) {
      if (name != end)
        *end = std::move(*name);
      ++end;
    }
  names.erase(end, names.end());
}

/// The parts of a list between separators.
template <class Visit>
void each_part(std::string_view list, std::string_view separators, Visit visit) {
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(separators), list.size());
    visit(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

/// The values of calibre's "goodreads:39077187,isbn:9780756411800" under the names of ISBNs.
template <class Visit>
void each_isbn_identifier(std::string_view cell, Visit visit) {
  each_part(cell, ",", [&](std::string_view raw) {
    const auto part = bare(raw);
    if (part.starts_with("isbn"))
      if (const auto colon = part.find(':'); colon != std::string_view::npos)
        visit(part.substr(colon + 1));
  });
}

} // namespace

std::string_view to_string(cause c) noexcept {
  constexpr std::array<std::string_view, cause_count> names{
    "quoting", "columns", "too_long", "encoding", "nameless", "duplicate"};
  return names[static_cast<std::size_t>(c)];
}

reader::reader(sinks to, reader_limits limits)
    : to_{std::move(to)}, limits_{limits}, lines_{limits.row.row}, seen_{limits.most_remembered} {}

result<void> reader::standing() const {
  if (broken_)
    return fail(broken_->code, broken_->message);
  return ok();
}

result<void> reader::feed(std::string_view chunk) {
  if (broken_)
    return standing();
  if (!begun_) {
    const auto more = std::min(chunk.size(), beginning_size - beginning_.size());
    beginning_ += chunk.substr(0, more);
    chunk.remove_prefix(more);
    if (beginning_.size() < beginning_size)
      return ok();
    begin(false);
  }
  if (!broken_)
    lines_.feed(chunk, [this](const line& l) { take_line(l); });
  return standing();
}

result<void> reader::finish() {
  if (!begun_)
    begin(true);
  if (!broken_)
    lines_.finish([this](const line& l) { take_line(l); });
  if (!broken_ && !rows_)
    broken_ = error{ec::bad_request, "expected a first line that names the columns, got an empty file"};
  if (!broken_)
    rows_->finish();
  return standing();
}

/// Judges the beginning of the file (`whole`: there is no more of it) and reads it.
void reader::begin(bool whole) {
  begun_ = true;
  const auto text = std::exchange(beginning_, {});
  std::string_view rest{text};
  if (const auto what = other_than_text(rest); !what.empty()) {
    broken_ = error{ec::bad_request, "expected CSV text in UTF-8 or Latin-1, got " + std::string{what}};
    return;
  }
  if (rest.starts_with("\xEF\xBB\xBF")) {
    rest.remove_prefix(3);
    encoding_ = encoding::utf8;
  } else {
    encoding_ = guess_encoding(rest, !whole);
  }
  lines_.feed(rest, [this](const line& l) { take_line(l); });
}

void reader::take_line(const line& l) {
  if (broken_)
    return;
  if (!rows_)
    take_header(l);
  else if (l.too_long)
    rows_->feed_too_long(l.number, l.size);
  else
    rows_->feed(l.number, l.text);
}

void reader::take_header(const line& l) {
  const auto at = "line " + std::to_string(l.number) + ": ";
  if (!l.too_long && l.text.find_first_not_of(" \t") == std::string_view::npos)
    return;
  if (l.size > most_header_size) {
    broken_ = error{
      ec::bad_request, at + "expected the names of the columns, got " + std::to_string(l.size) + " bytes in one line"};
    return;
  }
  if (const auto named = named_delimiter(l.text); named != '\0' && named_delimiter_ == '\0') {
    named_delimiter_ = named;
    return;
  }
  const auto text = encoding_ == encoding::latin1 ? from_latin1(l.text) : std::string{l.text};
  auto found = read_header(text, named_delimiter_);
  if (!found) {
    broken_ = error{found.error().code, at + found.error().message};
    return;
  }
  header_ = std::move(found.value());
  rows_ = std::make_unique<row_reader>(header_->delimiter, header_->slots, header_->names, limits_.row,
    row_sinks{[this](const row& r) { take_row(r); },
      [this](std::uint64_t line, row_fault fault, std::string reason) {
        ++counts_.rows;
        reject(line, cause_of(fault), std::move(reason));
      }});
}

void reader::reject(std::uint64_t line, cause why, std::string reason) {
  ++counts_.rejected[static_cast<std::size_t>(why)];
  to_.rejected({line, why, std::move(reason)});
}

/// A cell as one line of UTF-8. False when it is ill-formed; the row is then rejected.
bool reader::to_text(const row& r, slot s, std::string& out) {
  const auto raw = cell_of(r, s);
  if (raw.empty()) {
    out.clear();
    return true;
  }
  const auto cell = raw.starts_with('=') ? bare(raw) : raw;
  if (is_tidy_ascii(cell)) {
    out = cell;
    return true;
  }
  if (!utf8::is_ascii(cell)) {
    if (encoding_ == encoding::ascii) // the first letter of the file that is not
      encoding_ = guess_encoding(cell, false);
    if (encoding_ == encoding::latin1) {
      out = tidy(from_latin1(cell));
      return true;
    }
    if (!utf8::is_well_formed(cell)) {
      reject(r.line(), cause::encoding, std::string{header_->name_of(s)} + ": expected UTF-8, got an ill-formed byte");
      return false;
    }
  }
  out = tidy(cell);
  return true;
}

bool reader::read_names(const row& r, entry& e) {
  auto& cell = scratch_;
  const bool plural = !cell_of(r, slot::authors).empty();
  if (!to_text(r, plural ? slot::authors : slot::author, cell))
    return false;
  auto& names = e.authors;
  if (!separates_names(cell)) {
    if (!cell.empty())
      names.push_back(cell);
  } else if (!read_several(r, cell, !plural, names)) {
    return false;
  }
  if (!to_text(r, slot::more_authors, cell))
    return false;
  if (!cell.empty()) {
    const bool last_first = header_->written_by == form::librarything;
    for (auto& name : last_first ? split_names(cell, "|") : names_with_commas(cell))
      names.push_back(last_first ? turned_round(name) : std::move(name));
  }
  if (!to_text(r, slot::contributors, cell))
    return false;
  if (!cell.empty())
    for (auto& name : names_with_commas(cell))
      if (!name.ends_with(')')) // "Shvorne Marks (Narrator)" wrote nothing
        names.push_back(std::move(name));
  if (names.size() > 1)
    drop_repeated(names);
  return true;
}

/// Of a cell that may hold several names, or one the last name first, as each program writes them. False as `to_text`.
bool reader::read_several(const row& r, const std::string& cell, bool one, std::vector<std::string>& names) {
  switch (header_->written_by) {
  case form::goodreads: // one person, who may have a comma
    names.push_back(cell);
    break;
  case form::librarything:
    if (auto first = turned_round(cell); !first.empty())
      names.push_back(std::move(first));
    break;
  case form::storygraph:
    names = names_with_commas(cell);
    break;
  case form::calibre: {
    std::string sort;
    if (!to_text(r, slot::author_sort, sort))
      return false;
    names = names_of_calibre(cell, sort);
    break;
  }
  case form::plain:
    names = names_of_anything(cell, one);
    break;
  }
  return true;
}

void reader::read_isbn(const row& r, entry& e) const {
  std::string_view unused; // the first cell that would have been one
  slot unused_slot{};
  const auto attempt = [&](slot s, std::string_view cell, bool scientific) {
    if (!e.isbn13.empty() || cell.empty() || has_exponent(cell) != scientific)
      return;
    if (const auto read = repaired_isbn(cell))
      e.isbn13 = read.value().isbn13();
    else if (unused.empty() && !bare(cell).empty()) {
      unused = cell;
      unused_slot = s;
    }
  };
  // what a spreadsheet has made a number of comes last: it has seldom kept all digits
  for (const bool scientific : {false, true}) {
    for (const auto s : {slot::isbn13, slot::isbn, slot::isbn10})
      attempt(s, cell_of(r, s), scientific);
    if (const auto cell = cell_of(r, slot::isbn_or_uid); may_be_isbn(cell))
      attempt(slot::isbn_or_uid, cell, scientific);
    each_part(
      bare(cell_of(r, slot::isbns)), ",;|", [&](std::string_view part) { attempt(slot::isbns, part, scientific); });
    each_isbn_identifier(
      cell_of(r, slot::identifiers), [&](std::string_view value) { attempt(slot::identifiers, value, scientific); });
    if (!e.isbn13.empty())
      return;
  }
  if (!unused.empty())
    e.isbn_note = std::string{header_->name_of(unused_slot)} + " \"" + shown(unused)
                  + "\": " + repaired_isbn(unused).error().message;
}

/// BCP 47 of a language as the file has it. A library has few, and asking for each row takes a sixth of all time.
std::string reader::language_of(std::string text) {
  if (text.empty())
    return text;
  const auto known = std::find_if(languages_.begin(), languages_.end(), [&](const auto& l) { return l.first == text; });
  if (known != languages_.end())
    return known->second;
  auto code = language_code(text);
  if (languages_.size() < most_languages)
    languages_.emplace_back(std::move(text), code);
  return code;
}

std::uint64_t reader::identity(const entry& e) const {
  if (!e.isbn13.empty())
    return XXH3_64bits(e.isbn13.data(), e.isbn13.size());
  auto key = match_key(e.work_title());
  key += '\n';
  if (!e.authors.empty())
    key += author_key(e.authors.front());
  return XXH3_64bits(key.data(), key.size());
}

void reader::take_row(const row& r) {
  ++counts_.rows;
  auto& e = entry_;
  forget(e);
  e.line = r.line();
  if (!to_text(r, slot::title, e.title) || !read_names(r, e) || !to_text(r, slot::publisher, e.publisher)
      || !to_text(r, slot::language, e.language))
    return;
  read_isbn(r, e);
  if (e.title.empty() && e.isbn13.empty())
    return reject(r.line(), cause::nameless,
      "expected a title or an ISBN, got " + (e.isbn_note.empty() ? std::string{"neither"} : e.isbn_note));
  e.work_title_size = without_series(e.title).size();
  e.language = language_of(std::move(e.language));
  e.year = year_of(cell_of(r, slot::first_year));
  if (e.year == 0)
    e.year = year_of(cell_of(r, slot::year));
  const bool remembered = !seen_.full();
  if (const auto before = seen_.add(identity(e), e.line))
    return reject(r.line(), cause::duplicate, "the book of line " + std::to_string(*before) + " again");
  ++counts_.accepted;
  counts_.with_isbn += e.isbn13.empty() ? 0 : 1;
  counts_.with_isbn_note += e.isbn_note.empty() ? 0 : 1;
  counts_.not_compared += remembered ? 0 : 1;
  to_.accepted(std::move(e));
}

} // namespace troupe::books::library
