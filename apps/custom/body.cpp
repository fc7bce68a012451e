#include "apps/custom/body.hpp"

#include "apps/json/members.hpp"

#include <algorithm>

namespace troupe::custom {
namespace {

using json_body::element;

// The value as a query would have it.
result<std::string> text_of(const parameter& p, const element& e) {
  std::string_view text;
  std::int64_t number = 0;
  bool yes = false;
  if (p.type != parameter::kind::integer && !e.get(text))
    return std::string{text};
  if (p.type != parameter::kind::text && !e.get(number))
    return std::to_string(number);
  if (p.type == parameter::kind::choice && !e.get(yes))
    return std::string{yes ? "true" : "false"};
  return json_body::wrong_kind(p.name, expectation(p), e);
}

} // namespace

result<fields> parse_body(const route_definition& r, std::string_view body) {
  fields out;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return out;
  const auto in_path = path_parameters(r.path); // right: the configuration was checked
  std::vector<std::string> known;
  for (const auto& p : r.params)
    if (std::find(in_path.value().begin(), in_path.value().end(), p.name) == in_path.value().end())
      known.push_back(p.name);
  simdjson::dom::parser parser;
  const auto parsed = json_body::parse(parser, body);
  if (!parsed)
    return parsed.as_failure();
  const auto given = json_body::read_members(parsed.value(), "", known);
  if (!given)
    return given.as_failure();
  for (const auto& p : r.params)
    if (const auto e = given.value().find(p.name)) {
      auto value = text_of(p, *e);
      if (!value)
        return value.as_failure();
      out.emplace_back(p.name, std::move(value.value()));
    }
  return out;
}

} // namespace troupe::custom
