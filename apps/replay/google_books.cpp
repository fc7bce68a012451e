#include "apps/replay/book_apis.hpp"
#include "apps/replay/json_text.hpp"

#include <charconv>

namespace troupe::replay {

namespace {

/// A 400 in Google's form, about one parameter.
reply bad_parameter(std::string_view message, std::string_view reason, std::string_view parameter) {
  std::string out = R"({"error":{"code":400)";
  append_member(out, "message", message);
  append_json(out, "errors", "[{");
  append_member(out, "message", message);
  append_member(out, "domain", "global");
  append_member(out, "reason", reason);
  append_member(out, "location", parameter);
  append_member(out, "locationType", "parameter");
  return {400, "application/json; charset=UTF-8", blob{out + "}]}}"}};
}

/// An integer parameter within bounds, `otherwise` when absent; nothing when it is neither.
std::optional<std::uint32_t> bounded(
  const call& c, std::string_view name, std::uint32_t otherwise, std::uint32_t maximum) {
  const auto text = c.param(name);
  if (!text)
    return otherwise;
  std::uint32_t value = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (code != std::errc{} || end != text->data() + text->size() || value > maximum)
    return std::nullopt;
  return value;
}

constexpr std::string_view volumes_path = "/books/v1/volumes";
constexpr std::uint32_t max_results = 40;           // Google's own bound
constexpr std::uint32_t max_start = 2'147'483'647U; // its parameters are 32-bit

} // namespace

google_books::google_books(const catalogue& books) : books_{books} {
  std::uint32_t row = 0;
  for (const auto& b : books.books()) {
    items_.add(google_item(b, row));
    rows_by_id_.emplace(google_id(b, row), row);
    ++row;
  }
}

std::optional<reply> google_books::answer(const call& c) const {
  if (!c.path.starts_with(volumes_path) || (c.method != "GET" && c.method != "HEAD"))
    return std::nullopt;
  const auto rest = std::string_view{c.path}.substr(volumes_path.size());
  if (rest.empty() || rest == "/")
    return search(c);
  if (!rest.starts_with('/') || rest.find('/', 1) != std::string_view::npos)
    return std::nullopt;
  return volume(rest.substr(1));
}

reply google_books::search(const call& c) const {
  const auto q = c.param("q");
  if (!q)
    return bad_parameter("Required parameter: q", "required", "q");
  if (q->find_first_not_of(' ') == std::string_view::npos)
    return bad_parameter("Missing query.", "queryRequired", "q");
  const auto start = bounded(c, "startIndex", 0, max_start);
  if (!start)
    return bad_parameter(
      "Invalid value '" + std::string{*c.param("startIndex")} + "'. Values must be within the range: [0, 2147483647]",
      "invalidParameter", "startIndex");
  const auto count = bounded(c, "maxResults", 10, max_results);
  if (!count)
    return bad_parameter(
      "Invalid value '" + std::string{*c.param("maxResults")} + "'. Values must be within the range: [0, 40]",
      "invalidParameter", "maxResults");

  const auto found = find_books(books_, parse_terms(*q), *start, *count);
  std::string out;
  std::size_t size = 80; // what stands around the items
  for (const auto row : found.rows)
    size += items_[row].size() + 1;
  out.reserve(size);
  out += R"({"kind":"books#volumes","totalItems":)";
  out += std::to_string(found.total);
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    out += i == 0 ? R"(,"items":[)" : ",";
    out += items_[found.rows[i]];
  }
  out += found.rows.empty() ? "}" : "]}";
  return {200, "application/json; charset=UTF-8", blob{std::move(out)}};
}

reply google_books::volume(std::string_view id) const {
  if (const auto at = rows_by_id_.find(std::string{id}); at != rows_by_id_.end())
    return {200, "application/json; charset=UTF-8", blob{google_volume(books_.books()[at->second], at->second)}};
  const int status = id.size() == 12 ? 404 : 503;
  return {status, "application/json; charset=UTF-8", blob{error_body("google", status)}};
}

} // namespace troupe::replay
