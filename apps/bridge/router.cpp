#include "apps/bridge/router.hpp"

#include <algorithm>

namespace troupe {
namespace {

// Takes the first segment off a path.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1); // the slash
  const auto end = std::min(path.find('/'), path.size());
  const auto segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

} // namespace

result<void> router::add(std::string_view pattern, std::size_t endpoint) {
  entry e;
  e.pattern = pattern;
  e.endpoint = endpoint;
  if (!pattern.starts_with('/'))
    return fail(ec::config_invalid, "route " + e.pattern + ": expected /literal/{placeholder}");
  std::size_t placeholders = 0;
  for (auto rest = pattern; !rest.empty();) {
    const auto text = take_segment(rest);
    const bool whole = text.size() > 2 && text.front() == '{' && text.back() == '}';
    if (text.substr(whole ? 1 : 0, text.size() - (whole ? 2 : 0)).find_first_of("{}") != std::string_view::npos)
      return fail(ec::config_invalid, "route " + e.pattern + ": expected placeholders that fill a segment each");
    placeholders += whole ? 1 : 0;
    e.segments.push_back({whole ? std::string{} : std::string{text}, whole});
  }
  if (placeholders > most_placeholders)
    return fail(ec::config_invalid,
      "route " + e.pattern + ": expected at most " + std::to_string(most_placeholders) + " placeholders");
  const auto shape = [](const entry& x, const entry& y, const auto& same) {
    return std::equal(x.segments.begin(), x.segments.end(), y.segments.begin(), y.segments.end(), same);
  };
  const auto same = [](const segment& x, const segment& y) {
    return x.placeholder == y.placeholder && x.literal == y.literal;
  };
  auto& group = placeholders > 0 ? open_ : literal_;
  const auto clash =
    std::find_if(group.begin(), group.end(), [&](const entry& other) { return shape(other, e, same); });
  if (clash != group.end())
    return fail(ec::config_invalid, "route " + e.pattern + " clashes with " + clash->pattern);
  group.push_back(std::move(e));
  // A total order over shapes, so that which was registered first means nothing.
  std::sort(group.begin(), group.end(), [](const entry& x, const entry& y) {
    return std::lexicographical_compare(x.segments.begin(), x.segments.end(), y.segments.begin(), y.segments.end(),
      [](const segment& a, const segment& b) {
        return a.placeholder != b.placeholder ? b.placeholder : a.literal < b.literal;
      });
  });
  return ok();
}

bool router::fits(const entry& e, std::string_view path, match& out) noexcept {
  out.placeholders = 0;
  for (const auto& s : e.segments) {
    if (path.empty())
      return false;
    const auto text = take_segment(path);
    if (!s.placeholder) {
      if (text != s.literal)
        return false;
    } else if (text.empty()) {
      return false;
    } else {
      out.captured[out.placeholders++] = text;
    }
  }
  return path.empty();
}

std::optional<router::match> router::find(std::string_view path) const noexcept {
  match out;
  for (const auto& e : literal_)
    if (path == e.pattern) {
      out.endpoint = e.endpoint;
      return out;
    }
  if (!path.starts_with('/'))
    return std::nullopt;
  for (const auto& e : open_)
    if (fits(e, path, out)) {
      out.endpoint = e.endpoint;
      return out;
    }
  return std::nullopt;
}

} // namespace troupe
