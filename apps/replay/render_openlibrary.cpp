// Open Library's way to write a book: three shapes for one thing (search documents, editions, `api/books` data), which
// the recorded bodies show: keys instead of names in editions, names beside URLs in data, ISBNs of both lengths mixed
// in searches, a work's description as a string or as an object.
#include "apps/replay/json_text.hpp"
#include "apps/replay/render.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::replay {

namespace {

// Far above the numbers of the recorded bodies, so that a catalogue and a manifest can be served side by side.
constexpr std::uint32_t first_work = 450'000'000;
constexpr std::uint32_t first_edition = 570'000'000;
constexpr std::uint32_t first_author = 120'000'000;

std::string key(std::uint32_t first, std::uint32_t index, char type) {
  return "OL" + std::to_string(first + index) + type;
}

/// Covers are numbers of up to eight digits.
long long cover(const book& b, std::uint32_t row) {
  return static_cast<long long>(1'000'000 + fingerprint(b, row) % 14'000'000);
}

std::vector<std::string> isbns(const book& b, std::uint32_t row) {
  std::vector<std::string> out;
  for (const auto& number : {b.isbn13, b.isbn10})
    if (!number.empty())
      out.push_back(number);
  if (fingerprint(b, row) % 2 == 0)
    std::reverse(out.begin(), out.end());
  return out;
}

/// A title as it stands in URLs: "J._K._Rowling".
std::string slug(std::string_view text) {
  std::string out{text};
  std::replace(out.begin(), out.end(), ' ', '_');
  return out;
}

std::string lower_slug(std::string_view text) {
  auto out = slug(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// `[{"name":...},...]`, each built by `one`.
template <class List, class One>
void append_objects(std::string& out, std::string_view name, const List& list, One one) {
  append_json(out, name, "[");
  bool first = true;
  for (const auto& each : list) {
    out += first ? "{" : ",{";
    first = false;
    one(each);
    out += '}';
  }
  out += ']';
}

void append_titles(std::string& out, const book& b) {
  const auto [title, subtitle] = split(b.title);
  append_member(out, "title", title);
  if (!subtitle.empty())
    append_member(out, "subtitle", subtitle);
}

void append_covers(std::string& out, const book& b, std::uint32_t row) {
  append_key(out, "covers");
  out += '[';
  out += std::to_string(cover(b, row));
  out += ']';
}

void append_isbns(std::string& out, const book& b) {
  if (!b.isbn10.empty())
    append_member(out, "isbn_10", std::vector{b.isbn10});
  if (!b.isbn13.empty())
    append_member(out, "isbn_13", std::vector{b.isbn13});
}

} // namespace

std::string open_library_work_key(std::uint32_t row) {
  return key(first_work, row, 'W');
}
std::string open_library_edition_key(std::uint32_t row) {
  return key(first_edition, row, 'M');
}
std::string open_library_author_key(std::uint32_t author) {
  return key(first_author, author, 'A');
}

std::int64_t open_library_index(std::string_view text) noexcept {
  if (text.size() < 4 || !text.starts_with("OL"))
    return -1;
  const char type = text.back();
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size() - 1;
  const auto [stop, code] = std::from_chars(text.data() + 2, end, number);
  const auto first = type == 'W' ? first_work : type == 'M' ? first_edition : first_author;
  if (code != std::errc{} || stop != end || number < first || (type != 'W' && type != 'M' && type != 'A'))
    return -1;
  return number - first;
}

std::string open_library_field(
  const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors, std::size_t field) {
  const auto name = open_library_fields.at(field);
  std::string out;
  if (name == "author_key" && !authors.empty()) {
    std::vector<std::string> keys;
    keys.reserve(authors.size());
    for (auto author : authors)
      keys.push_back(open_library_author_key(author));
    append_member(out, name, keys);
  } else if (name == "author_name" && !b.authors.empty()) {
    append_member(out, name, b.authors);
  } else if (name == "cover_edition_key") {
    append_member(out, name, open_library_edition_key(row));
  } else if (name == "cover_i") {
    append_member(out, name, cover(b, row));
  } else if (name == "edition_count") {
    append_member(out, name, 1LL);
  } else if (name == "edition_key") {
    append_member(out, name, std::vector{open_library_edition_key(row)});
  } else if (name == "first_publish_year" && b.year > 0) {
    append_member(out, name, static_cast<long long>(b.year));
  } else if (name == "isbn" && !b.isbn13.empty()) {
    append_member(out, name, isbns(b, row));
  } else if (name == "key") {
    append_member(out, name, "/works/" + open_library_work_key(row));
  } else if (name == "language") {
    if (auto language = marc_language(b.language); !language.empty())
      append_member(out, name, std::vector{std::move(language)});
  } else if (name == "publisher" && !b.publisher.empty()) {
    append_member(out, name, std::vector{b.publisher});
  } else if (name == "subject" && !b.subjects.empty()) {
    append_member(out, name, b.subjects);
  } else if (name == "subtitle") {
    if (const auto parts = split(b.title); !parts.subtitle.empty())
      append_member(out, name, parts.subtitle);
  } else if (name == "title") {
    append_member(out, name, split(b.title).title);
  }
  return out;
}

std::string open_library_edition(const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors) {
  std::string out = "{";
  append_json(out, "type", R"({"key":"/type/edition"})");
  append_member(out, "key", "/books/" + open_library_edition_key(row));
  append_titles(out, b);
  if (!authors.empty())
    append_objects(out, "authors", authors,
      [&](std::uint32_t author) { append_member(out, "key", "/authors/" + open_library_author_key(author)); });
  append_json(out, "works", R"([{"key":"/works/)" + open_library_work_key(row) + R"("}])");
  if (b.year > 0)
    append_member(out, "publish_date", std::to_string(b.year));
  if (!b.publisher.empty())
    append_member(out, "publishers", std::vector{b.publisher});
  if (auto language = marc_language(b.language); !language.empty())
    append_json(out, "languages", R"([{"key":"/languages/)" + language + R"("}])");
  append_covers(out, b, row);
  append_isbns(out, b);
  if (!b.subjects.empty())
    append_member(out, "subjects", b.subjects);
  append_json(out, "identifiers", "{}");
  append_json(out, "classifications", "{}");
  append_json(out, "latest_revision", "1");
  append_json(out, "revision", "1");
  append_json(out, "created", R"({"type":"/type/datetime","value":"2008-04-29T13:35:46.876380"})");
  append_json(out, "last_modified", R"({"type":"/type/datetime","value":"2008-04-29T13:35:46.876380"})");
  return out + '}';
}

std::string open_library_work(const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors) {
  std::string out = "{";
  append_json(out, "type", R"({"key":"/type/work"})");
  append_member(out, "key", "/works/" + open_library_work_key(row));
  append_titles(out, b);
  append_objects(out, "authors", authors, [&](std::uint32_t author) {
    append_json(out, "author", R"({"key":"/authors/)" + open_library_author_key(author) + R"("})");
    append_json(out, "type", R"({"key":"/type/author_role"})");
  });
  if (fingerprint(b, row) % 2 == 0) {
    append_member(out, "description", describe(b));
  } else {
    append_json(out, "description", R"({"type":"/type/text")");
    append_member(out, "value", describe(b));
    out += '}';
  }
  if (!b.subjects.empty())
    append_member(out, "subjects", b.subjects);
  append_covers(out, b, row);
  append_json(out, "latest_revision", "1");
  append_json(out, "revision", "1");
  return out + '}';
}

std::string open_library_author(std::string_view name, std::uint32_t author) {
  std::string out = "{";
  append_json(out, "type", R"({"key":"/type/author"})");
  append_member(out, "key", "/authors/" + open_library_author_key(author));
  append_member(out, "name", name);
  append_member(out, "personal_name", name);
  append_json(out, "latest_revision", "1");
  append_json(out, "revision", "1");
  return out + '}';
}

std::string open_library_data(const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors) {
  const auto edition = open_library_edition_key(row);
  std::string out = "{";
  append_member(out, "url", "http://openlibrary.org/books/" + edition + "/" + slug(split(b.title).title));
  append_member(out, "key", "/books/" + edition);
  append_titles(out, b);
  if (!authors.empty()) {
    std::size_t i = 0;
    append_objects(out, "authors", authors, [&](std::uint32_t author) {
      const auto& name = b.authors[i++];
      append_member(out, "url", "http://openlibrary.org/authors/" + open_library_author_key(author) + "/" + slug(name));
      append_member(out, "name", name);
    });
  }
  append_json(out, "identifiers", "{");
  append_isbns(out, b);
  append_member(out, "openlibrary", std::vector{edition});
  out += '}';
  if (!b.publisher.empty())
    append_objects(
      out, "publishers", std::vector{b.publisher}, [&](const std::string& name) { append_member(out, "name", name); });
  if (b.year > 0)
    append_member(out, "publish_date", std::to_string(b.year));
  if (!b.subjects.empty())
    append_objects(out, "subjects", b.subjects, [&](const std::string& name) {
      append_member(out, "name", name);
      append_member(out, "url", "https://openlibrary.org/subjects/" + lower_slug(name));
    });
  const auto image = "https://covers.openlibrary.org/b/id/" + std::to_string(cover(b, row));
  append_json(out, "cover", "{");
  append_member(out, "small", image + "-S.jpg");
  append_member(out, "medium", image + "-M.jpg");
  append_member(out, "large", image + "-L.jpg");
  return out + "}}";
}

} // namespace troupe::replay
