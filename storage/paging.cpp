#include "storage/paging.hpp"

#include <charconv>
#include <optional>

namespace troupe::storage {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

result<void> check_range(std::string_view field, std::int64_t given, std::int64_t most) {
  if (given >= 1 && given <= most)
    return ok();
  return fail(
    ec::bad_request, std::string{field} + ": expected 1 to " + std::to_string(most) + ", got " + std::to_string(given));
}

std::string hex(std::string_view bytes) {
  auto text = std::string{};
  for (const auto c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 0xf];
  }
  return text;
}

std::optional<std::string> unhex(std::string_view text) {
  auto bytes = std::string{};
  if (text.size() % 2 != 0)
    return {};
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digits.find(text[i]);
    const auto low = digits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return {};
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

/// `i42`, `t` and `b` with hex digits; none for what cannot be part of a key.
std::optional<std::string> written(const value* v) {
  if (v == nullptr)
    return {};
  if (const auto* number = std::get_if<std::int64_t>(v))
    return 'i' + std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(v))
    return 't' + hex(*text);
  if (const auto* bytes = std::get_if<blob>(v))
    return 'b' + hex(bytes->view());
  return {}; // NULL has no place in an order, and a REAL is not exact
}

std::optional<value> read_value(std::string_view text) {
  if (text.empty())
    return {};
  const auto rest = text.substr(1);
  if (text.front() == 'i') {
    auto number = std::int64_t{0};
    const auto [end, trouble] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    return trouble == std::errc{} && end == rest.data() + rest.size() ? std::optional{value{number}} : std::nullopt;
  }
  auto bytes = unhex(rest);
  if (bytes && text.front() == 't')
    return value{std::move(*bytes)};
  if (bytes && text.front() == 'b')
    return value{blob{std::move(*bytes)}};
  return {};
}

std::optional<params> read_cursor(std::string_view cursor, std::size_t columns) {
  auto key = params{};
  for (std::size_t at = 0; at <= cursor.size();) {
    const auto end = std::min(cursor.find('.', at), cursor.size());
    auto part = read_value(cursor.substr(at, end - at));
    if (!part)
      return {};
    key.push_back(std::move(*part));
    at = end + 1;
  }
  return key.size() == columns ? std::optional{std::move(key)} : std::nullopt;
}

std::string joined(const std::vector<std::string>& names, std::string_view suffix) {
  auto text = std::string{};
  for (const auto& name : names)
    text.append(text.empty() ? "" : ", ").append(name).append(suffix);
  return text;
}

} // namespace

result<numbered_page> read_page(sql& db, std::string_view select, const params& bound, page_request wanted) {
  // Beyond this the offset could overflow; no table is that long.
  constexpr auto last_page = std::int64_t{1} << 40;
  if (auto good = check_range("page", wanted.page, last_page); !good)
    return good.as_failure();
  if (auto good = check_range("pageSize", wanted.size, largest_page); !good)
    return good.as_failure();
  auto paged = statement{std::string{select} + " LIMIT ? OFFSET ?", bound};
  paged.bound.emplace_back(wanted.size);
  paged.bound.emplace_back((wanted.page - 1) * wanted.size);
  auto answers = db.read_batch(
    {std::move(paged), {"SELECT count(*) AS total FROM (" + std::string{select} + ") AS counted", bound}});
  if (!answers)
    return answers.as_failure();
  const auto* total = answers.value()[1].front().get<std::int64_t>("total");
  if (total == nullptr)
    return fail(ec::internal, "count(*) answered no whole number");
  return numbered_page{
    std::move(answers.value()[0]), {wanted.page, wanted.size, *total, (*total + wanted.size - 1) / wanted.size}};
}

result<keyset_page> read_after(sql& db, const keyset_query& query, std::string_view cursor) {
  if (auto good = check_range("limit", query.limit, largest_page); !good)
    return good.as_failure();
  auto text = "SELECT * FROM (" + query.select + ") AS page";
  auto bound = query.bound;
  if (!cursor.empty()) {
    auto key = read_cursor(cursor, query.key.size());
    if (!key)
      return fail(ec::bad_request, "cursor: expected one that this list has given");
    auto places = std::string{"?"};
    for (std::size_t i = 1; i < key->size(); ++i)
      places += ", ?";
    text += " WHERE (" + joined(query.key, "") + (query.descending ? ") < (" : ") > (") + places + ")";
    for (auto& each : *key)
      bound.push_back(std::move(each));
  }
  text += " ORDER BY " + joined(query.key, query.descending ? " DESC" : "") + " LIMIT ?";
  bound.emplace_back(query.limit + 1); // one more tells whether anything follows
  auto rows = db.all(text, bound);
  if (!rows)
    return rows.as_failure();
  auto page = keyset_page{std::move(rows.value()), {}};
  if (page.rows.size() <= static_cast<std::size_t>(query.limit))
    return page;
  page.rows.pop_back();
  for (const auto& column : query.key) {
    auto part = written(page.rows.back().find(column));
    if (!part)
      return fail(ec::internal, "the key of a page: expected a whole number, a text or bytes in column " + column);
    page.cursor.append(page.cursor.empty() ? "" : ".").append(*part);
  }
  return page;
}

} // namespace troupe::storage
