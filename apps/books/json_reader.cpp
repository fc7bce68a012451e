#include "apps/books/json_reader.hpp"

#include <simdjson.h>

#include <algorithm>

namespace troupe::books {
namespace {

using json = nlohmann::json;
using simdjson::dom::element;
using simdjson::dom::element_type;

json build(const element& from, key_filter wanted, int depth) {
  switch (from.type()) {
  case element_type::OBJECT: {
    auto out = json::object();
    const simdjson::dom::object members = from.get_object().value_unsafe();
    for (const auto& [key, value] : members)
      if (wanted(key, depth))
        out[std::string{key}] = build(value, wanted, depth + 1);
    return out;
  }
  case element_type::ARRAY: {
    const simdjson::dom::array list = from.get_array().value_unsafe();
    auto out = json::array();
    out.get_ref<json::array_t&>().reserve(list.size());
    for (const auto& value : list)
      out.push_back(build(value, wanted, depth));
    return out;
  }
  case element_type::STRING:
    return json(std::string{from.get_string().value_unsafe()});
  case element_type::INT64: { // nlohmann's own reader has what is not negative as unsigned
    const auto number = from.get_int64().value_unsafe();
    return number < 0 ? json(number) : json(static_cast<std::uint64_t>(number));
  }
  case element_type::UINT64:
    return json(from.get_uint64().value_unsafe());
  case element_type::DOUBLE:
    return json(from.get_double().value_unsafe());
  case element_type::BOOL:
    return json(from.get_bool().value_unsafe());
  case element_type::NULL_VALUE:
    break;
  }
  return json(nullptr);
}

} // namespace

json_read read_json(std::string_view text, key_filter wanted) {
  simdjson::dom::parser parser;
  // Room for the text at once; simdjson reads up to 32 bytes beyond it, so it is copied into a padded buffer.
  if (const auto error = parser.allocate(std::max<std::size_t>(text.size(), 32), max_json_depth); error)
    return {std::nullopt, simdjson::error_message(error)};
  const auto parsed = parser.parse(text.data(), text.size(), true);
  if (parsed.error())
    return {std::nullopt, simdjson::error_message(parsed.error())};
  return {build(parsed.value_unsafe(), wanted, 1), {}};
}

} // namespace troupe::books
