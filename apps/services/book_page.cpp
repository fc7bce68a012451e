#include "apps/services/book_page.hpp"

#include "apps/books/book.hpp"

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace troupe {
namespace {

using json = nlohmann::json;

std::string language_of(const json& book) {
  const auto it = book.find("language");
  if (it == book.end() || !it->is_string())
    return {};
  const auto& text = it->get_ref<const std::string&>();
  return text.substr(0, text.find('-')); // "pt" of "pt-BR"
}

bool is_member(std::string_view name) {
  return name == "ids" || name == "provenance"
         || std::find(books::field_names.begin(), books::field_names.end(), name) != books::field_names.end();
}

} // namespace

json* books_in(json& envelope) {
  if (!envelope.is_object() || !envelope.contains("data"))
    return nullptr;
  auto& data = envelope["data"];
  if (data.is_array())
    return &data;
  return data.is_object() && data.contains("books") && data["books"].is_array() ? &data["books"] : nullptr;
}

std::size_t leave_out_translations(json& books) {
  const auto first = std::find_if(books.begin(), books.end(), [](const json& b) { return !language_of(b).empty(); });
  if (first == books.end())
    return 0;
  const auto own = language_of(*first);
  auto kept = json::array();
  const auto before = books.size();
  for (auto& b : books)
    if (const auto language = language_of(b); language.empty() || language == own)
      kept.push_back(std::move(b));
  books = std::move(kept);
  return before - books.size();
}

result<std::vector<std::string>> parse_members(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto name = list.substr(0, end);
    if (!is_member(name))
      return fail(
        ec::bad_request, fmt::format("fields: expected names of a book's members such as title,authors, got \"{}\"",
                           name.substr(0, 40)));
    if (std::find(out.begin(), out.end(), name) == out.end())
      out.emplace_back(name);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

void keep_members(json& books, const std::vector<std::string>& names) {
  if (names.empty())
    return;
  for (auto& book : books) {
    auto kept = json::object();
    for (const auto& name : names)
      if (const auto it = book.find(name); it != book.end())
        kept[name] = std::move(*it);
    book = std::move(kept);
  }
}

std::string cursor_of(std::string_view key, const list_place& place) {
  return fmt::format("{:x}-{:x}.{:016x}", place.page, place.offset, XXH3_64bits(key.data(), key.size()));
}

result<list_place> place_at(std::string_view cursor, std::string_view key) {
  list_place place;
  const auto dash = std::min(cursor.find('-'), cursor.size());
  const auto read = [](std::string_view digits, std::int64_t& to) {
    constexpr int hexadecimal = 16;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), to, hexadecimal);
  };
  read(cursor.substr(0, dash), place.page);
  read(cursor.substr(std::min(dash + 1, cursor.size())), place.offset);
  if (place.page < 1 || place.offset < 0 || cursor_of(key, place) != cursor)
    return fail(
      ec::bad_request, "cursor: expected what `next` of an answer to the same question said, got another text");
  return place;
}

} // namespace troupe
