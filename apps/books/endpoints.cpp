#include "apps/books/endpoints.hpp"

#include "apps/books/cache_key.hpp"
#include "apps/books/isbn.hpp"
#include "apps/books/library/cells.hpp"
#include "apps/books/text.hpp"
#include "apps/query/parameters.hpp"

namespace troupe::books {
namespace {

result<strategy> parse_strategy(const fields& query, strategy fallback) {
  const auto* text = find_parameter(query, "strategy");
  auto chosen = fallback;
  if (text != nullptr && !parse(*text, chosen))
    return fail(ec::bad_request, "strategy: expected merge or fallback, got \"" + *text + "\"");
  return chosen;
}

} // namespace

result<inquiry> parse_search(const fields& query, const endpoint_defaults& defaults) {
  const auto* q = find_parameter(query, "q");
  if (q == nullptr)
    return fail(ec::bad_request, "Missing query parameter");
  if (q->size() > defaults.max_query_bytes)
    return fail(ec::bad_request,
      "q: expected at most " + std::to_string(defaults.max_query_bytes) + " bytes, got " + std::to_string(q->size()));
  // A series in brackets ("Warbreaker (Warbreaker, #1)") is how some lists write a title, and no part of it.
  auto text = normalise(library::without_series(*q));
  if (!text)
    return fail(ec::bad_request, "q: " + text.error().message);
  if (text.value().empty())
    return fail(ec::bad_request, "Missing query parameter");
  const auto limit = whole_number(query, "limit", defaults.limit, 1, defaults.max_limit);
  if (!limit)
    return limit.as_failure();
  const auto how = parse_strategy(query, defaults.search);
  if (!how)
    return how.as_failure();
  inquiry out;
  const auto books = static_cast<std::int32_t>(limit.value());
  out.key = variant_key(cache_key("search", text.value()), how.value(), books, defaults.config_version);
  out.what = {"search", std::move(text.value()), books, {}};
  out.how = how.value();
  return out;
}

result<inquiry> parse_details(const fields& query, const std::string& text, const endpoint_defaults& defaults) {
  const auto number = isbn::parse(text);
  if (!number)
    return fail(ec::bad_request, "isbn: " + number.error().message);
  const auto how = parse_strategy(query, defaults.details);
  if (!how)
    return how.as_failure();
  inquiry out;
  out.what = {"details", std::string{number.value().isbn13()}, 1, {}};
  out.key = variant_key(cache_key("details", out.what.text), how.value(), 1, defaults.config_version);
  out.how = how.value();
  out.durable = true;
  return out;
}

} // namespace troupe::books
