#include "apps/custom/routes.hpp"

#include "apps/custom/json_records.hpp"
#include "apps/query/parameters.hpp"

#include <algorithm>

namespace troupe::custom {
namespace {

// Part of every key, as for the built-in routes.
constexpr auto config_version = "1";

result<std::string> read_value(const parameter& p, std::string_view given) {
  auto value = parse_value(p, given);
  // In a provider's path these two would mean another one.
  if (value && (value.value() == "." || value.value() == ".."))
    return fail(ec::bad_request, p.name + ": expected more than dots");
  return value;
}

result<std::string> missing(const parameter& p) {
  return fail(ec::bad_request, p.name + ": expected " + expectation(p) + ", the request has none");
}

} // namespace

result<std::vector<std::string>> path_parameters(std::string_view path) {
  const auto wrong = [] {
    return fail(ec::config_invalid,
      "expected a path such as /api/v1/weather/{city}: literal segments of letters, digits "
      "and -._~, and at most four placeholders that fill a segment each");
  };
  constexpr std::size_t most = 4; // as the bridge's router takes
  if (!path.starts_with('/') || path.size() > 200)
    return wrong();
  std::vector<std::string> names;
  for (path.remove_prefix(1);;) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    if (segment.starts_with('{') && segment.ends_with('}')) {
      const auto name = segment.substr(1, segment.size() - 2);
      if (!is_name(name) || std::find(names.begin(), names.end(), name) != names.end())
        return wrong();
      names.emplace_back(name);
    } else {
      std::string encoded;
      append_encoded(encoded, segment);
      if (segment.empty() || encoded != segment || segment == "." || segment == "..")
        return wrong();
    }
    if (end == path.size())
      break;
    path.remove_prefix(end + 1);
  }
  if (names.size() > most)
    return wrong();
  return names;
}

route make_route(const route_definition& r) {
  route out;
  out.name = r.name;
  for (const auto& t : r.targets)
    out.providers.push_back(t.provider);
  out.merge = [how = r.merge, by = r.by](
                const question&, std::span<const contribution> found) { return custom::merge(how, by, found); };
  out.render = [](const question&, const records& found) { return custom::render(found); };
  return out;
}

result<inquiry> parse_request(const route_definition& r, const fields& query, std::span<const std::string> captured) {
  const auto in_path = path_parameters(r.path); // right: the configuration was checked
  inquiry out;
  for (const auto& p : r.params) {
    const auto& names = in_path.value();
    const auto place = static_cast<std::size_t>(std::find(names.begin(), names.end(), p.name) - names.begin());
    const auto* given = place < captured.size() ? &captured[place] : find_parameter(query, p.name);
    auto value = given != nullptr ? read_value(p, *given) : p.fallback ? read_value(p, *p.fallback) : missing(p);
    if (!value)
      return value.as_failure();
    out.what.params.emplace_back(p.name, std::move(value.value()));
  }
  out.what.route = r.name;
  out.key = cache_key(r, out.what.params);
  out.how = r.strategy;
  out.kept = {r.ttl.count(), r.degraded_ttl.count(), r.stale_max.count()};
  return out;
}

std::vector<parameter> parameters_of(const operation& o) {
  std::vector<parameter> out;
  for (const auto& use : o.path.uses()) {
    auto it = std::find_if(out.begin(), out.end(), [&](const auto& p) { return p.name == use.name; });
    if (it == out.end()) {
      it = out.emplace(out.end());
      it->name = use.name;
      it->highest = longest_text;
    }
    it->lowest = use.in_path ? 1 : it->lowest;
  }
  return out;
}

result<inquiry> parse_operation(const operation& o, const fields& params) {
  inquiry out;
  for (const auto& p : parameters_of(o)) {
    const auto* given = find_parameter(params, p.name);
    auto value = given != nullptr ? read_value(p, *given) : missing(p);
    if (!value)
      return value.as_failure();
    out.what.params.emplace_back(p.name, std::move(value.value()));
  }
  return out;
}

result<std::vector<std::string>> key_parameters(std::string_view key) {
  // What an encoded value can never hold: with one of these between them, two values cannot run into each other.
  constexpr std::string_view separators = ":/&=,;+";
  const auto wrong = [] {
    return fail(ec::config_invalid,
      "expected a template such as {city}:{lang}, with one of : / & = , ; + between two placeholders");
  };
  std::vector<std::string> names;
  bool separated = true;
  for (std::size_t at = 0; at < key.size();) {
    const char c = key[at];
    if (c == '{') {
      const auto end = std::min(key.find('}', at), key.size());
      const auto name = key.substr(at + 1, end - at - 1);
      if (end == key.size() || !is_name(name) || !separated)
        return wrong();
      names.emplace_back(name);
      separated = false;
      at = end + 1;
      continue;
    }
    std::string encoded;
    append_encoded(encoded, {&c, 1});
    const bool separator = separators.find(c) != std::string_view::npos;
    if (!separator && (encoded.size() != 1 || c == '~'))
      return wrong();
    separated = separated || separator;
    ++at;
  }
  return names;
}

std::string default_key(const std::vector<parameter>& params) {
  std::string out;
  for (const auto& p : params)
    out.append(out.empty() ? "" : "&").append(p.name).append("={").append(p.name).append("}");
  return out;
}

std::string cache_key(const route_definition& r, const fields& params) {
  auto key = r.name + ':';
  for (auto rest = std::string_view{r.key}; !rest.empty();) {
    const auto open = std::min(rest.find('{'), rest.size());
    key += rest.substr(0, open);
    if (open == rest.size())
      break;
    const auto close = rest.find('}', open);
    if (const auto* value = find_parameter(params, rest.substr(open + 1, close - open - 1)))
      append_encoded(key, *value);
    rest.remove_prefix(close + 1);
  }
  return key.append("|").append(to_string(r.strategy)).append("|c").append(config_version);
}

} // namespace troupe::custom
