#include "apps/bridge/router.hpp"

#include <algorithm>

namespace troupe {

result<void> router::add(std::string_view pattern, std::size_t endpoint) {
  entry e;
  e.pattern = pattern;
  e.endpoint = endpoint;
  const auto open = pattern.find('{');
  const auto close = pattern.find('}');
  e.placeholder = open != std::string_view::npos;
  if (pattern.empty() || pattern.front() != '/' || e.placeholder != (close != std::string_view::npos))
    return fail(ec::config_invalid, "route " + e.pattern + ": expected /literal/{placeholder}");
  e.before = pattern.substr(0, open);
  if (e.placeholder) {
    e.after = pattern.substr(close + 1);
    const bool whole_segment = e.before.back() == '/' && close > open && (e.after.empty() || e.after.front() == '/');
    if (!whole_segment || e.after.find('{') != std::string::npos)
      return fail(ec::config_invalid, "route " + e.pattern + ": expected one placeholder that fills a segment");
  }
  auto& group = e.placeholder ? open_ : literal_;
  const auto clash = std::find_if(
    group.begin(), group.end(), [&](const entry& other) { return other.before == e.before && other.after == e.after; });
  if (clash != group.end())
    return fail(ec::config_invalid, "route " + e.pattern + " clashes with " + clash->pattern);
  group.push_back(std::move(e));
  return ok();
}

std::optional<router::match> router::find(std::string_view path) const noexcept {
  for (const auto& e : literal_)
    if (path == e.before)
      return match{e.endpoint, {}};
  for (const auto& e : open_) {
    if (path.size() <= e.before.size() + e.after.size() || !path.starts_with(e.before) || !path.ends_with(e.after))
      continue;
    const auto captured = path.substr(e.before.size(), path.size() - e.before.size() - e.after.size());
    if (captured.find('/') == std::string_view::npos)
      return match{e.endpoint, captured};
  }
  return std::nullopt;
}

} // namespace troupe
