// ISBNdb's way to write a book. The noise of the real answers is kept, some of it in one record, some in another: names
// in halves or turned round, a date that is a number, "" and [] for what is not known, a price that is a string.
#include "apps/replay/json_text.hpp"
#include "apps/replay/render.hpp"

namespace troupe::replay {

namespace {

/// "Frank Herbert" as ["Herbert","Frank"], ["Herbert, Frank"] or as it is.
std::vector<std::string> noisy_authors(const book& b, std::uint64_t print) {
  auto authors = b.authors;
  if (authors.empty())
    return authors;
  const auto& name = authors.front();
  const auto space = name.rfind(' ');
  if (space == std::string::npos || name.find(',') != std::string::npos)
    return authors;
  const auto last = name.substr(space + 1);
  const auto first = name.substr(0, space);
  if (print % 8 == 3 && authors.size() == 1 && first.find(' ') == std::string::npos)
    return {last, first};
  if (print % 8 == 5)
    authors.front() = last + ", " + first;
  return authors;
}

std::string cover_url(const book& b) {
  return "https://images.isbndb.com/covers/" + b.isbn13.substr(9, 2) + "/" + b.isbn13.substr(11, 2) + "/" + b.isbn13
         + ".jpg";
}

} // namespace

std::string isbndb_record(const book& b, std::uint32_t row) {
  const auto print = fingerprint(b, row);
  const auto [title, subtitle] = split(b.title);
  std::string out = "{";
  append_member(out, "publisher", b.publisher); // "" when unknown
  append_member(out, "image", cover_url(b));
  append_member(out, "title_long", b.title);
  append_member(out, "edition", "1");
  if (print % 8 == 1)
    append_json(out, "pages", "[]");
  if (b.year > 0) {
    if (print % 4 == 1)
      append_member(out, "date_published", static_cast<long long>(b.year));
    else
      append_member(out, "date_published", std::to_string(b.year));
  }
  append_member(out, "language", google_language(b.language));
  if (!b.subjects.empty())
    append_member(out, "subjects", b.subjects);
  append_member(out, print % 4 == 2 ? "synopsys" : "synopsis", describe(b));
  append_member(out, "authors", noisy_authors(b, print));
  append_member(out, "title", subtitle.empty() ? std::string_view{b.title} : title);
  append_member(out, "isbn13", b.isbn13);
  append_member(out, "msrp", "0.00");
  append_member(out, "binding", print % 3 == 0 ? "Hardcover" : "Paperback");
  append_member(out, "isbn", b.isbn10.empty() ? b.isbn13 : b.isbn10);
  if (!b.isbn10.empty())
    append_member(out, "isbn10", b.isbn10);
  return out + '}';
}

} // namespace troupe::replay
