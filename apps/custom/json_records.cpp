#include "apps/custom/json_records.hpp"

#include <algorithm>
#include <set>

namespace troupe::custom {
namespace {

using json = nlohmann::json;

// The deepest nesting of a JSON text, without reading it whole: brackets outside of strings.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return most;
}

bool knows_nothing(const json& value) {
  return value.is_null() || (value.is_structured() && value.empty());
}

records_ptr first_of(std::span<const contribution> found) {
  for (const auto& c : found)
    if (c.found->count() > 0)
      return c.found;
  return std::make_shared<json_records>();
}

records_ptr one_object(std::span<const contribution> found) {
  auto whole = json::object();
  auto provenance = json::object();
  for (const auto& c : found) {
    const auto* said = dynamic_cast<const json_records*>(c.found.get());
    if (said == nullptr)
      continue;
    for (const auto& record : said->list)
      for (const auto& [name, value] : record.items())
        if (!value.is_null() && name != "provenance" && whole.emplace(name, value).second)
          provenance[name] = c.provider;
  }
  auto out = std::make_shared<json_records>();
  if (whole.empty())
    return out;
  whole["provenance"] = std::move(provenance);
  out->list.push_back(std::move(whole));
  return out;
}

records_ptr one_list(std::string_view by, std::span<const contribution> found) {
  auto out = std::make_shared<json_records>();
  out->many = true;
  std::set<std::string> seen; // as text: members are sorted in it, so equal values have equal texts
  for (const auto& c : found) {
    const auto* said = dynamic_cast<const json_records*>(c.found.get());
    if (said == nullptr)
      continue;
    for (const auto& record : said->list) {
      const auto field = record.is_object() ? record.find(by) : record.end();
      const bool named = record.is_object() && field != record.end() && !field->is_null();
      if (!named || seen.insert(field->dump(-1, ' ', false, json::error_handler_t::replace)).second)
        out->list.push_back(record);
    }
  }
  return out;
}

} // namespace

result<records_ptr> read_records(std::string_view text, merge_kind merge) {
  if (depth_of(text) > deepest)
    return fail(ec::provider_malformed, "expected at most " + std::to_string(deepest) + " levels of nesting");
  auto value = json::parse(text, nullptr, false);
  if (value.is_discarded())
    return fail(ec::provider_malformed, "expected JSON");
  auto out = std::make_shared<json_records>();
  out->many = value.is_array();
  if (knows_nothing(value))
    return records_ptr{std::move(out)};
  if (merge == merge_kind::object && !value.is_object())
    return fail(
      ec::provider_malformed, std::string{"expected an object (the route merges objects), got "} + value.type_name());
  if (merge == merge_kind::concat && !value.is_structured())
    return fail(ec::provider_malformed,
      std::string{"expected a list or an object (the route joins lists), got "} + value.type_name());
  if (out->many)
    out->list = std::move(value.get_ref<json::array_t&>());
  else
    out->list.push_back(std::move(value));
  return records_ptr{std::move(out)};
}

records_ptr merge(merge_kind how, std::string_view by, std::span<const contribution> found) {
  switch (how) {
  case merge_kind::first:
    return first_of(found);
  case merge_kind::object:
    return one_object(found);
  case merge_kind::concat:
    break;
  }
  return one_list(by, found);
}

std::string render(const records& found) {
  const auto* said = dynamic_cast<const json_records*>(&found);
  if (said == nullptr || (said->list.empty() && !said->many))
    return "null";
  const auto text = [](const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); };
  if (!said->many)
    return text(said->list.front());
  std::string out = "[";
  for (const auto& record : said->list)
    out.append(out.size() == 1 ? "" : ",").append(text(record));
  return out + ']';
}

} // namespace troupe::custom
