#include "apps/books/google.hpp"

#include "apps/books/body.hpp"
#include "apps/books/mapping.hpp"
#include "apps/books/text.hpp"

#include <algorithm>
#include <array>

namespace troupe::books {
namespace {

using nlohmann::json;

constexpr std::string_view name = "google";

/// The API refuses more (reference: "Acceptable values are 0 to 40").
constexpr int most_results = 40;

/// Every name that the functions below look up.
constexpr key_set wanted_keys{
  std::array<std::string_view, 32>{"id", "code", "type", "error", "items", "large", "small", "title", "errors",
    "medium", "reason", "status", "authors", "message", "language", "subtitle", "pageCount", "publisher", "thumbnail",
    "categories", "extraLarge", "identifier", "imageLinks", "searchInfo", "totalItems", "volumeInfo", "description",
    "textSnippet", "publishedDate", "smallThumbnail", "printedPageCount", "industryIdentifiers"}};

bool wanted(std::string_view key, int) noexcept {
  return wanted_keys.contains(key);
}

/// "Fiction / Science Fiction / General" is Fiction and Science Fiction.
std::vector<std::string> categories_of(const json& info) {
  std::vector<std::string> list;
  for (const auto& path : texts_of(info, "categories", most_categories)) {
    for (std::size_t from = 0; from < path.size();) {
      const auto end = std::min(path.find(" / ", from), path.size());
      auto part = path.substr(from, end - from);
      const bool says_nothing = part == "General" && from > 0;
      if (!part.empty() && !says_nothing && list.size() < most_categories
          && std::find(list.begin(), list.end(), part) == list.end())
        list.push_back(std::move(part));
      from = end + 3;
    }
  }
  return list;
}

std::string cover_of(const json& info) {
  const auto* links = find(info, "imageLinks");
  if (!links)
    return {};
  for (const char* size : {"large", "medium", "small", "thumbnail", "smallThumbnail", "extraLarge"})
    if (auto url = https_url(text_of(*links, size)); !url.empty())
      return url;
  return {};
}

std::string description_of(const json& volume, const json& info) {
  if (const auto* text = find(info, "description"))
    if (auto plain = html_to_text(raw_text(*text)); !plain.empty())
      return plain;
  const auto* search = find(volume, "searchInfo");
  const auto* snippet = search ? find(*search, "textSnippet") : nullptr;
  return snippet ? html_to_text(raw_text(*snippet)) : std::string{};
}

void add_volume(std::vector<book>& list, const json& volume) {
  const auto* info = find(volume, "volumeInfo");
  if (!info)
    return;
  book b;
  b.title = text_of(*info, "title");
  if (b.title.empty())
    return;
  b.subtitle = text_of(*info, "subtitle");
  b.authors = texts_of(*info, "authors", most_authors);
  b.publisher = text_of(*info, "publisher");
  take_date(b, text_of(*info, "publishedDate"));
  if (const auto* identifiers = find(*info, "industryIdentifiers"); identifiers && identifiers->is_array()) {
    std::vector<std::string> listed;
    for (const auto& one : *identifiers)
      if (text_of(one, "type").starts_with("ISBN")) // not OTHER, ISSN, PKEY
        listed.push_back(text_of(one, "identifier"));
    take_isbns(b, listed);
  }
  for (const char* key : {"pageCount", "printedPageCount"})
    if (const auto* pages = find(*info, key); pages && b.page_count == 0)
      take_pages(b, number_of(*pages));
  b.language = language_code(text_of(*info, "language"));
  b.categories = categories_of(*info);
  b.description = description_of(volume, *info);
  b.cover_url = cover_of(*info);
  b.set_id(name, text_of(volume, "id"));
  stamp(b, name);
  list.push_back(std::move(b));
}

upstream_request build(const question& q, const std::string& key) {
  upstream_request request;
  request.target = "/books/v1/volumes?q=";
  if (q.route == "details")
    request.target += "isbn:" + percent_encode(q.text);
  else
    request.target +=
      percent_encode(q.text) + "&maxResults=" + std::to_string(std::clamp<int>(q.limit, 1, most_results));
  if (!key.empty())
    request.target += "&key=" + percent_encode(key);
  return request;
}

result<records_ptr> map(const question& q, const http_response& answer) {
  const auto verdict = judge_status(name, answer);
  if (!verdict)
    return verdict.error();
  if (verdict.value() == verdict::nothing)
    return records_ptr{std::make_shared<book_list>()};
  auto books = books_from_google(answer.body.view());
  if (!books)
    return books.error();
  if (q.route == "details")
    keep_asked(books.value(), q.text);
  return records_ptr{std::make_shared<book_list>(std::move(books.value()))};
}

} // namespace

result<std::vector<book>> books_from_google(std::string_view text) {
  const auto parsed = parse_body(name, text, wanted);
  if (!parsed)
    return parsed.error();
  const auto& body = parsed.value();
  std::vector<book> list;
  if (const auto* items = find(body, "items")) {
    if (!items->is_array())
      return malformed(name, "items: expected an array, got " + std::string{items->type_name()});
    list.reserve(items->size());
    for (const auto& volume : *items)
      add_volume(list, volume);
    return readable(name, std::move(list), items->size(), "items[].volumeInfo.title");
  }
  if (find(body, "volumeInfo")) {
    add_volume(list, body);
    return readable(name, std::move(list), 1, "volumeInfo.title");
  }
  const auto verdict = judge_complaint(name, body);
  if (!verdict)
    return verdict.error();
  const auto* total = find(body, "totalItems");
  if (verdict.value() == verdict::nothing || (total && total->is_number()))
    return list;
  return malformed(name, "items: expected an array, the body has none");
}

upstream_api google_api() {
  return {std::string{name}, build, map};
}

} // namespace troupe::books
