#include "apps/json/members.hpp"

#include <algorithm>

namespace troupe::json_body {
namespace {

using simdjson::dom::element_type;

constexpr std::size_t max_depth = 16;     // a batch, the deepest that there is, has four levels
constexpr std::size_t longest_shown = 60; // of what came, in an error

} // namespace

result<element> parse(simdjson::dom::parser& parser, std::string_view body) {
  if (const auto error = parser.allocate(simdjson::dom::MINIMAL_DOCUMENT_CAPACITY, max_depth); error)
    return fail(ec::overloaded, "no memory for the body");
  const auto parsed = parser.parse(body.data(), body.size(), true);
  if (parsed.error())
    return wrong("body", "broken JSON: " + std::string{simdjson::error_message(parsed.error())});
  return parsed.value_unsafe();
}

std::optional<element> members::find(std::string_view name) const {
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.first == name; });
  return it == all.end() ? std::nullopt : std::optional{it->second};
}

result<members> read_members(const element& e, const std::string& path, const std::vector<std::string>& known) {
  simdjson::dom::object object;
  if (e.get(object))
    return wrong_kind(path.empty() ? "body" : path, "an object", e);
  members out{path.empty() ? "" : path + ".", {}};
  for (const auto& [name, value] : object) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return wrong(out.path + std::string{name.substr(0, longest_shown)},
        "unknown; expected " + (known.empty() ? "an empty object" : listed(known)));
    if (out.find(name))
      return wrong(out.path + std::string{name}, "stands there twice");
    out.all.emplace_back(name, value);
  }
  return out;
}

std::string kind(const element& e) {
  switch (e.type()) {
  case element_type::OBJECT:
    return "an object";
  case element_type::ARRAY:
    return "a list";
  case element_type::STRING:
    return "a text";
  case element_type::BOOL:
    return "true or false";
  case element_type::NULL_VALUE:
    return "null";
  default:
    return "a number";
  }
}

std::string quoted(std::string_view text) {
  auto end = std::min(text.size(), longest_shown);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end; // not within a character
  return '"' + std::string{text.substr(0, end)} + (end < text.size() ? "...\"" : "\"");
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out.append(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ").append(words[i]);
  return out;
}

} // namespace troupe::json_body
