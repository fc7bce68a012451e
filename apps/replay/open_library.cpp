#include "apps/replay/book_apis.hpp"
#include "apps/replay/json_text.hpp"
#include "apps/replay/words.hpp"

#include <bitset>
#include <charconv>

namespace troupe::replay {

namespace {

constexpr std::size_t field_count = open_library_fields.size();
constexpr std::uint32_t default_limit = 100;
constexpr std::uint32_t max_limit = 1'000;
constexpr std::uint32_t max_offset = 1'000'000'000; // keeps page times limit within 64 bits by far

reply bad_parameter(std::string_view name, std::string_view expected, std::string_view got) {
  std::string out = "{";
  append_member(out, "error", std::string{name} + ": expected " + std::string{expected} + ", got " + std::string{got});
  return {400, "application/json", blob{out + '}'}};
}

std::optional<std::uint32_t> whole_number(std::string_view text, std::uint32_t maximum) {
  std::uint32_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value > maximum)
    return std::nullopt;
  return value;
}

/// Calls `each` with every part of a comma-separated list.
template <class Each>
void each_part(std::string_view list, Each each) {
  while (!list.empty())
    each(take_until(list, ','));
}

/// Which fields a document shall have: all, unless `fields` names them. Unknown names are ignored, as they are there.
std::bitset<field_count> wanted_fields(const call& c) {
  std::bitset<field_count> wanted;
  const auto names = c.param("fields");
  if (!names || names->empty())
    return wanted.set();
  each_part(*names, [&](std::string_view name) {
    if (name == "*")
      wanted.set();
    for (std::size_t i = 0; i < field_count; ++i)
      if (open_library_fields.at(i) == name)
        wanted.set(i);
  });
  return wanted;
}

/// The words of `q`, `title` and `author`, and the number of `isbn`.
query_terms search_terms(const call& c) {
  query_terms out;
  for (auto name : {"q", "title", "author"})
    if (const auto text = c.param(name)) {
      auto more = parse_terms(*text);
      out.words += more.words;
      out.isbns.insert(out.isbns.end(), more.isbns.begin(), more.isbns.end());
    }
  if (const auto isbn = c.param("isbn"))
    out.isbns.emplace_back(*isbn);
  return out;
}

reply not_found(std::string_view path) {
  std::string out = "{";
  append_member(out, "error", "notfound");
  append_member(out, "key", path);
  return {404, "application/json", blob{out + '}'}};
}

reply found(std::string body) {
  return {200, "application/json", blob{std::move(body)}};
}

/// "/isbn/123.json" below "/isbn/" is "123"; nothing when the path is of another form.
std::optional<std::string_view> document(std::string_view path, std::string_view below) {
  if (!path.starts_with(below) || !path.ends_with(".json") || path.size() <= below.size() + 5)
    return std::nullopt;
  path.remove_prefix(below.size());
  path.remove_suffix(5);
  return path.find('/') == std::string_view::npos ? std::optional{path} : std::nullopt;
}

} // namespace

open_library::open_library(const catalogue& books) : books_{books} {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  std::uint32_t row = 0;
  for (const auto& b : books.books()) {
    auto& authors = authors_.emplace_back();
    for (const auto& name : b.authors) {
      const auto [at, fresh] = numbers.emplace(name, static_cast<std::uint32_t>(numbers.size()));
      if (fresh)
        author_names_.push_back(name);
      authors.push_back(at->second);
    }
    for (std::size_t i = 0; i < field_count; ++i)
      search_fields_.add(open_library_field(b, row, authors, i));
    data_.add(open_library_data(b, row, authors));
    ++row;
  }
}

std::optional<reply> open_library::answer(const call& c) const {
  if (c.method != "GET" && c.method != "HEAD")
    return std::nullopt;
  if (c.path == "/search.json")
    return search(c);
  if (c.path == "/api/books" || c.path == "/api/books.json")
    return by_bibkeys(c);
  if (const auto isbn = document(c.path, "/isbn/")) {
    const auto rows = books_.with_isbn(*isbn);
    return rows.empty()
             ? not_found(c.path)
             : found(open_library_edition(books_.books()[rows.front()], rows.front(), authors_[rows.front()]));
  }
  for (const auto* folder : {"/books/", "/works/", "/authors/"})
    if (const auto key = document(c.path, folder); key && key->starts_with("OL"))
      return by_key(c.path, *key);
  return std::nullopt;
}

reply open_library::by_key(std::string_view path, std::string_view key) const {
  const auto index = open_library_index(key);
  // /books/ takes the M of an edition, /works/ the W of a work, /authors/ the A of an author
  const auto type = path.starts_with("/books/") ? 'M' : path.starts_with("/works/") ? 'W' : 'A';
  const auto count = type == 'A' ? author_names_.size() : authors_.size();
  if (index < 0 || !key.ends_with(type) || static_cast<std::size_t>(index) >= count)
    return not_found(path);
  const auto at = static_cast<std::uint32_t>(index);
  if (type == 'A')
    return found(open_library_author(author_names_[at], at));
  const auto& b = books_.books()[at];
  return found(type == 'M' ? open_library_edition(b, at, authors_[at]) : open_library_work(b, at, authors_[at]));
}

reply open_library::search(const call& c) const {
  std::uint32_t limit = default_limit;
  if (const auto text = c.param("limit")) {
    const auto value = whole_number(*text, max_limit);
    if (!value)
      return bad_parameter("limit", "a whole number up to 1000", *text);
    limit = *value;
  }
  std::size_t offset = 0;
  if (const auto text = c.param("offset")) {
    const auto value = whole_number(*text, max_offset);
    if (!value)
      return bad_parameter("offset", "a whole number", *text);
    offset = *value;
  } else if (const auto page_text = c.param("page")) {
    const auto page = whole_number(*page_text, max_offset);
    if (!page || *page == 0)
      return bad_parameter("page", "a whole number from 1", *page_text);
    offset = (std::size_t{*page} - 1) * limit;
  }

  const auto hits = find_books(books_, search_terms(c), offset, limit);
  const auto wanted = wanted_fields(c);
  const auto total = std::to_string(hits.total);
  std::string out;
  std::size_t size = 160; // what stands around the documents
  for (const auto row : hits.rows)
    for (std::size_t i = 0; i < field_count; ++i)
      size += wanted[i] ? search_fields_[row * field_count + i].size() + 1 : 0;
  out.reserve(size + 3 * hits.rows.size());
  out += R"({"numFound":)";
  out += total;
  out += R"(,"start":)";
  out += std::to_string(offset);
  out += R"(,"numFoundExact":true,"num_found":)";
  out += total;
  out += R"(,"docs":[)";
  for (const auto row : hits.rows) {
    out += out.back() == '[' ? "{" : ",{";
    for (std::size_t i = 0; i < field_count; ++i) {
      const auto field = search_fields_[row * field_count + i];
      if (!wanted[i] || field.empty())
        continue;
      if (out.back() != '{')
        out += ',';
      out += field;
    }
    out += '}';
  }
  out += "]}";
  return {200, "application/json", blob{std::move(out)}};
}

std::optional<std::uint32_t> open_library::row_of(std::string_view bibkey) const {
  if (bibkey.starts_with("OLID:")) {
    const auto key = bibkey.substr(5);
    const auto row = key.ends_with('M') ? open_library_index(key) : -1;
    if (row < 0 || static_cast<std::size_t>(row) >= authors_.size())
      return std::nullopt;
    return static_cast<std::uint32_t>(row);
  }
  if (bibkey.starts_with("ISBN:"))
    bibkey.remove_prefix(5); // the prefix may be left out
  const auto rows = books_.with_isbn(bibkey);
  return rows.empty() ? std::nullopt : std::optional{rows.front()};
}

reply open_library::by_bibkeys(const call& c) const {
  const auto command = c.param("jscmd").value_or("viewapi");
  std::string out = "{";
  each_part(c.param("bibkeys").value_or(""), [&](std::string_view bibkey) {
    const auto row = row_of(bibkey);
    if (!row)
      return;
    if (command == "data") {
      append_json(out, bibkey, data_[*row]);
      return;
    }
    append_json(out, bibkey, "{");
    append_member(out, "bib_key", bibkey);
    append_member(out, "info_url", "https://openlibrary.org/books/" + open_library_edition_key(*row));
    append_member(out, "preview", "noview");
    append_member(out, "preview_url", "https://openlibrary.org/books/" + open_library_edition_key(*row));
    if (command == "details")
      append_json(out, "details", open_library_edition(books_.books()[*row], *row, authors_[*row]));
    out += '}';
  });
  out += '}';
  if (c.param("format") == "json" || c.path.ends_with(".json"))
    return {200, "application/json", blob{std::move(out)}};
  return {200, "text/javascript", blob{"var _OLBookInfo = " + out + ";"}};
}

} // namespace troupe::replay
