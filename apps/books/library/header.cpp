#include "apps/books/library/header.hpp"

#include "apps/books/library/cells.hpp"
#include "apps/books/library/rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe::books::library {
namespace {

/// What a message shows of all columns.
constexpr std::size_t most_listed = 200;

/// More columns than any program writes; the exports have 49 at most.
constexpr std::size_t most_columns = 2'000;

struct column_name {
  std::string_view name; // letters and digits alone, in lower case
  slot what;
};

constexpr column_name known_names[]{{"title", slot::title}, {"booktitle", slot::title}, {"author", slot::author},
  {"authorname", slot::author}, {"authorfirstlast", slot::author}, {"primaryauthor", slot::author},
  {"writer", slot::author}, {"authors", slot::authors}, {"authornames", slot::authors},
  {"additionalauthors", slot::more_authors}, {"secondaryauthor", slot::more_authors},
  {"secondaryauthors", slot::more_authors}, {"otherauthors", slot::more_authors}, {"contributors", slot::contributors},
  {"authorsort", slot::author_sort}, {"isbn13", slot::isbn13}, {"ean", slot::isbn13}, {"ean13", slot::isbn13},
  {"isbn", slot::isbn}, {"isbn10", slot::isbn10}, {"isbns", slot::isbns}, {"isbnuid", slot::isbn_or_uid},
  {"identifiers", slot::identifiers}, {"publisher", slot::publisher}, {"year", slot::year},
  {"yearpublished", slot::year}, {"publicationyear", slot::year}, {"publicationdate", slot::year},
  {"pubdate", slot::year}, {"datepublished", slot::year}, {"publisheddate", slot::year}, {"date", slot::year},
  {"originalpublicationyear", slot::first_year}, {"firstpublishyear", slot::first_year}, {"language", slot::language},
  {"languages", slot::language}, {"languagecode", slot::language}};

/// "ISBN/UID" is "isbnuid". What is not ASCII stays, so that it makes no other name equal to one of ours.
std::string squashed(std::string_view name) {
  std::string out;
  for (const char c : name)
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80)
      out.push_back(c);
    else if (c >= 'A' && c <= 'Z')
      out.push_back(static_cast<char>(c | 0x20));
  return out;
}

std::optional<slot> slot_of(std::string_view squashed_name) {
  const auto* at = std::find_if(std::begin(known_names), std::end(known_names),
    [&](const column_name& known) { return known.name == squashed_name; });
  return at == std::end(known_names) ? std::nullopt : std::optional{at->what};
}

/// By a column that only that program writes.
form form_of(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (has("exclusiveshelf") || has("authorlf"))
    return form::goodreads;
  if (has("primaryauthor"))
    return form::librarything;
  if (has("isbnuid"))
    return form::storygraph;
  if (has("authorsort") && has("uuid"))
    return form::calibre;
  return form::plain;
}

struct candidate {
  header what;
  std::size_t known = 0;
};

candidate read_as(std::string_view line, char delimiter) {
  candidate c;
  c.what.delimiter = delimiter;
  c.what.columns.fill(-1);
  std::vector<std::string> plain_names;
  for (const auto& name : split_line(line, delimiter)) {
    c.what.names.push_back(shown(name));
    const auto column = static_cast<int>(plain_names.size());
    plain_names.push_back(squashed(name));
    const auto what = slot_of(plain_names.back());
    const bool first = what && c.what.columns[static_cast<std::size_t>(*what)] < 0;
    c.what.slots.push_back(first ? static_cast<int>(*what) : -1);
    if (first) {
      c.what.columns[static_cast<std::size_t>(*what)] = column;
      ++c.known;
    }
  }
  c.what.written_by = form_of(plain_names);
  return c;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (out.size() + name.size() > most_listed)
      return out + ", ...";
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

} // namespace

std::string_view to_string(form f) noexcept {
  switch (f) {
  case form::plain:
    return "plain";
  case form::goodreads:
    return "goodreads";
  case form::librarything:
    return "librarything";
  case form::storygraph:
    return "storygraph";
  case form::calibre:
    return "calibre";
  }
  return "plain";
}

result<header> read_header(std::string_view line, char delimiter) {
  candidate best;
  for (const char each : {',', ';', '\t'}) {
    if (delimiter != '\0' && delimiter != each)
      continue;
    auto next = read_as(line, each);
    if (best.what.names.empty()
        || std::pair{next.known, next.what.names.size()} > std::pair{best.known, best.what.names.size()})
      best = std::move(next);
  }
  auto& found = best.what;
  if (found.names.size() > most_columns)
    return fail(ec::bad_request,
      "expected at most " + std::to_string(most_columns) + " columns, got " + std::to_string(found.names.size()));
  constexpr std::array naming{slot::title, slot::isbn13, slot::isbn, slot::isbn10, slot::isbns, slot::isbn_or_uid};
  if (std::none_of(
        naming.begin(), naming.end(), [&](slot s) { return found.columns[static_cast<std::size_t>(s)] >= 0; }))
    return fail(ec::bad_request,
      "expected a first line that names the columns, 'title' or 'isbn' among them, got: " + listed(found.names));
  return std::move(found);
}

char named_delimiter(std::string_view line) noexcept {
  if (line.size() != 5 || !line.starts_with("sep="))
    return '\0';
  return line[4] == ',' || line[4] == ';' || line[4] == '\t' ? line[4] : '\0';
}

} // namespace troupe::books::library
