#include "apps/books/endpoints.hpp"

#include "apps/books/cache_key.hpp"
#include "apps/books/isbn.hpp"
#include "apps/books/library/cells.hpp"
#include "apps/books/text.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::books {
namespace {

const std::string* find(const fields& query, std::string_view name) {
  const auto it = std::find_if(query.begin(), query.end(), [&](const auto& pair) { return pair.first == name; });
  return it == query.end() ? nullptr : &it->second;
}

result<strategy> parse_strategy(const fields& query, strategy fallback) {
  const auto* text = find(query, "strategy");
  auto chosen = fallback;
  if (text != nullptr && !parse(*text, chosen))
    return fail(ec::bad_request, "strategy: expected merge or fallback, got \"" + *text + "\"");
  return chosen;
}

result<std::int32_t> parse_limit(const fields& query, const endpoint_defaults& defaults) {
  const auto* text = find(query, "limit");
  if (text == nullptr)
    return defaults.limit;
  std::int32_t limit = 0;
  const auto* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, limit);
  if (error != std::errc{} || stop != end || limit < 1 || limit > defaults.max_limit)
    return fail(ec::bad_request,
      "limit: expected a whole number from 1 to " + std::to_string(defaults.max_limit) + ", got \"" + *text + "\"");
  return limit;
}

} // namespace

result<inquiry> parse_search(const fields& query, const endpoint_defaults& defaults) {
  const auto* q = find(query, "q");
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
  const auto limit = parse_limit(query, defaults);
  if (!limit)
    return limit.as_failure();
  const auto how = parse_strategy(query, defaults.search);
  if (!how)
    return how.as_failure();
  inquiry out;
  out.key = variant_key(cache_key("search", text.value()), how.value(), limit.value(), defaults.config_version);
  out.what = {"search", std::move(text.value()), limit.value(), {}};
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
