#include "apps/books/google.hpp"

#include "apps/books/body.hpp"
#include "apps/books/mapping.hpp"
#include "apps/books/members.hpp"
#include "apps/books/text.hpp"
#include "apps/query/parameters.hpp"

#include <algorithm>

namespace troupe::books {
namespace {

constexpr std::string_view name = "google";

/// The API refuses more (reference: "Acceptable values are 0 to 40").
constexpr int most_results = 40;

constexpr name_list info_names{{"authors", "categories", "description", "imageLinks", "industryIdentifiers", "language",
  "pageCount", "printedPageCount", "publishedDate", "publisher", "subtitle", "title"}};
using volume_info = members<info_names>;

/// "Fiction / Science Fiction / General" is Fiction and Science Fiction.
std::vector<std::string> categories_of(const volume_info& info) {
  std::vector<std::string> list;
  for (const auto& path : texts_of(info["categories"], most_categories)) {
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

isbn_list isbns_of(const volume_info& info) {
  isbn_list list;
  if (const auto& all = info["industryIdentifiers"]; all && all->is_array())
    each(all, [&](const json_value& one) {
      if (text_of(find(one, "type")).starts_with("ISBN")) // not OTHER, ISSN, PKEY
        list.add(text_of(find(one, "identifier")));
      return true;
    });
  return list;
}

std::string cover_of(const volume_info& info) {
  for (const auto* size : {"large", "medium", "small", "thumbnail", "smallThumbnail", "extraLarge"})
    if (auto url = https_url(text_of(find(info["imageLinks"], size))); !url.empty())
      return url;
  return {};
}

std::string description_of(const json_value& volume, const volume_info& info) {
  auto plain = with_text(info["description"], html_to_text);
  return plain.empty() ? with_text(find(find(volume, "searchInfo"), "textSnippet"), html_to_text) : plain;
}

void add_volume(std::vector<book>& list, const json_value& volume) {
  const volume_info info{find(volume, "volumeInfo")};
  auto title = text_of(info["title"]);
  if (title.empty())
    return;
  auto& b = list.emplace_back();
  b.title = std::move(title);
  b.subtitle = text_of(info["subtitle"]);
  b.authors = texts_of(info["authors"], most_authors);
  b.publisher = text_of(info["publisher"]);
  take_date(b, text_of(info["publishedDate"]));
  isbns_of(info).give_to(b);
  for (const auto& pages : {info["pageCount"], info["printedPageCount"]})
    if (b.page_count == 0)
      take_pages(b, number_of(pages));
  b.language = language_code(text_of(info["language"]));
  b.categories = categories_of(info);
  b.description = description_of(volume, info);
  b.cover_url = cover_of(info);
  b.set_id(name, text_of(find(volume, "id")));
  stamp(b, name);
}

upstream_request build(const question& q, const std::string& key) {
  upstream_request request;
  request.target = "/books/v1/volumes?q=";
  const auto asked = operation_of(q);
  if (asked == "details") {
    request.target += "isbn:" + percent_encode(q.text);
  } else {
    const auto limit = page_size(q, most_results);
    request.target += asked == "author" ? "inauthor:" + percent_encode('"' + q.text + '"') : percent_encode(q.text);
    request.target += "&maxResults=" + std::to_string(limit);
    if (const auto page = page_of(q); page > 1)
      request.target += "&startIndex=" + std::to_string((page - 1) * limit);
    if (const auto language = parameter_of(q.params, "language"); !language.empty())
      request.target += "&langRestrict=" + percent_encode(language);
  }
  if (!key.empty())
    request.target += "&key=" + percent_encode(key);
  return request;
}

result<records_ptr> map(const question& q, const http_response& answer) {
  return map_answer(name, q, answer, most_results, [](std::string_view body, bool) { return page_from_google(body); });
}

} // namespace

result<found_page> page_from_google(std::string_view text) {
  const auto parsed = parse_body(name, text);
  if (!parsed)
    return parsed.error();
  const auto& body = parsed.value();
  found_page page;
  if (const auto items = find(body, "items")) {
    if (!items->is_array())
      return malformed(name, "items: expected an array, got " + type_name(*items));
    const simdjson::dom::array volumes = items->get_array().value_unsafe();
    page.listed = volumes.size();
    page.books.reserve(std::min<std::size_t>(page.listed, most_results));
    for (const auto& volume : volumes)
      add_volume(page.books, volume);
    return readable(name, std::move(page), "items[].volumeInfo.title");
  }
  if (find(body, "volumeInfo")) {
    page.listed = 1;
    add_volume(page.books, body);
    return readable(name, std::move(page), "volumeInfo.title");
  }
  const auto verdict = judge_complaint(name, body);
  if (!verdict)
    return verdict.error();
  const auto total = find(body, "totalItems");
  if (verdict.value() == verdict::nothing || (total && total->is_number()))
    return page;
  return malformed(name, "items: expected an array, the body has none");
}

upstream_api google_api() {
  return {std::string{name}, build, map};
}

} // namespace troupe::books
