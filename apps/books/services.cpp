#include "apps/books/services.hpp"

#include "apps/books/cache_key.hpp"
#include "apps/books/names.hpp"
#include "apps/books/text.hpp"
#include "apps/query/parameters.hpp"

#include <fmt/format.h>

namespace troupe::books {
namespace {

// One list's page is another answer; the first one is what everybody asks for, and has no mark.
void take_page(inquiry& q, std::int64_t page) {
  if (page == 1)
    return;
  q.what.params.emplace_back("page", std::to_string(page));
  q.key += "|p" + std::to_string(page);
}

} // namespace

result<inquiry> parse_author(
  std::string_view route, std::string_view name, const fields& query, const endpoint_defaults& defaults) {
  if (name.size() > defaults.max_query_bytes)
    return fail(ec::bad_request, "name: expected at most " + std::to_string(defaults.max_query_bytes) + " bytes, got "
                                   + std::to_string(name.size()));
  const auto checked = normalise(name);
  if (!checked)
    return fail(ec::bad_request, "name: " + checked.error().message);
  const auto written = tidy(name);
  auto asked = turned_round(written);
  if (!has_letters(asked)) // nobody is called so, and "/author/.." is another place than it looks
    return fail(ec::bad_request, "name: expected the name of an author, got none");
  const auto page = whole_number(query, "page", 1, 1, most_pages);
  if (!page)
    return page.as_failure();
  const auto size = whole_number(query, "pageSize", default_page_size, 1, most_page_size);
  if (!size)
    return size.as_failure();
  const auto page_size = static_cast<std::int32_t>(size.value());
  const auto* wanted = find_parameter(query, "language");
  auto language = wanted == nullptr || wanted->empty() ? std::string{} : language_code(*wanted);
  if (wanted == nullptr)
    language = default_language;
  else if (!wanted->empty() && language.empty())
    return fail(ec::bad_request, "language: expected a code such as en or pt-BR, got \"" + wanted->substr(0, 40) + '"');
  inquiry out;
  out.key = variant_key(cache_key(route, author_key(written)), strategy::merge, page_size, defaults.config_version)
            + "|" + language;
  out.what.route = route;
  out.what.text = std::move(asked);
  out.what.limit = page_size;
  if (!language.empty())
    out.what.params.emplace_back("language", language);
  out.kept.nothing_too = true;
  take_page(out, page.value());
  return out;
}

result<inquiry> parse_titles(
  std::string_view route, std::string_view text, const fields& query, const endpoint_defaults& defaults) {
  fields asked{{"q", std::string{text}}};
  for (const auto* name : {"maxResults", "pageSize", "limit"})
    if (const auto* given = find_parameter(query, name)) {
      const auto n = whole_number(query, name, 0, 1, defaults.max_limit);
      if (!n)
        return n.as_failure();
      asked.emplace_back("limit", *given);
      break;
    }
  if (const auto* how = find_parameter(query, "strategy"))
    asked.emplace_back("strategy", *how);
  auto out = parse_search(asked, defaults);
  if (!out)
    return out.as_failure();
  const auto page = whole_number(query, "page", 1, 1, most_pages);
  if (!page)
    return page.as_failure();
  auto& q = out.value();
  if (route != "search") {
    q.what.route = route;
    q.key = variant_key(cache_key(route, q.what.text), q.how, q.what.limit, defaults.config_version);
  }
  take_page(q, page.value());
  return out;
}

result<inquiry> parse_title_page(std::string_view text, std::int64_t page, const endpoint_defaults& defaults) {
  auto out = parse_search({{"q", std::string{text}}, {"strategy", std::string{to_string(strategy::merge)}}}, defaults);
  if (!out)
    return out.as_failure();
  auto& q = out.value();
  q.what.route = "search_page";
  q.key = variant_key(cache_key(q.what.route, q.what.text), q.how, q.what.limit, defaults.config_version);
  take_page(q, page);
  return out;
}

result<inquiry> parse_book(
  std::string_view route, const std::string& isbn, const fields& query, const endpoint_defaults& defaults) {
  auto out = parse_details(query, isbn, defaults);
  if (!out || route == "details")
    return out;
  auto& q = out.value();
  q.what.route = route;
  q.key = variant_key(cache_key(route, q.what.text), q.how, 1, defaults.config_version);
  q.durable = false; // the database has what all providers say of a book
  return out;
}

} // namespace troupe::books
