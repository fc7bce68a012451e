#include "apps/replay/manifest.hpp"

#include "apps/http/uri.hpp"
#include "apps/replay/csv_rows.hpp"
#include "apps/replay/words.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace troupe::replay {

namespace {

using nlohmann::json;

constexpr std::string_view ellipsis = "\xE2\x80\xA6"; // U+2026

/// The length of the wildcard that `text` begins with, 0 when it begins with none.
std::size_t wildcard_size(std::string_view text) {
  if (text.starts_with(ellipsis))
    return ellipsis.size();
  if (text.starts_with('<') || text.starts_with('{')) {
    const auto end = text.find(text.front() == '<' ? '>' : '}');
    return end == std::string_view::npos ? 0 : end + 1;
  }
  return 0;
}

std::string_view effective_method(const call& c) {
  return c.method == "HEAD" ? "GET" : std::string_view{c.method};
}

/// The provider's name in tags, for what manifests call it.
std::string tag_of(const std::string& name) {
  if (name == "google_books")
    return "google";
  return name == "open_library" ? "openlibrary" : name;
}

/// One member of an entry, as T; the error says what was expected.
template <class T>
result<T> member(const json& entry, const char* name, std::string_view expected) {
  const auto at = entry.find(name);
  auto wrong = [&](const std::string& got) -> result<T> {
    return fail(ec::bad_request, std::string{name} + ": expected " + std::string{expected} + ", got " + got);
  };
  if (at == entry.end())
    return wrong("nothing");
  if constexpr (std::is_same_v<T, int>) {
    // 200 is the least that an answer of its own can have
    if (!at->is_number_integer() || *at < 200 || *at > 599)
      return wrong(at->dump());
  } else {
    if (!at->is_string() || at->template get_ref<const std::string&>().empty())
      return wrong(at->dump());
  }
  return at->template get<T>();
}

} // namespace

text_pattern::text_pattern(std::string_view text, bool in_path) : in_path_{in_path} {
  std::string literal;
  auto flush = [&] {
    if (!literal.empty())
      pieces_.push_back({kind::literal, std::exchange(literal, {})});
  };
  while (!text.empty()) {
    if (const auto size = wildcard_size(text); size > 0) {
      flush();
      pieces_.push_back({text.starts_with(ellipsis) ? kind::anything : kind::some, {}});
      text.remove_prefix(size);
    } else {
      literal += text.front();
      text.remove_prefix(1);
    }
  }
  flush();
  if (pieces_.empty())
    pieces_.push_back({kind::literal, {}});
}

std::size_t text_pattern::literal_size() const noexcept {
  std::size_t size = 0;
  for (const auto& each : pieces_)
    size += each.text.size();
  return size;
}

bool text_pattern::matches(std::string_view text) const {
  return matches_from(0, text);
}

bool text_pattern::matches_from(std::size_t from, std::string_view text) const {
  if (from == pieces_.size())
    return text.empty();
  const auto& next = pieces_[from];
  if (next.what == kind::literal)
    return text.starts_with(next.text) && matches_from(from + 1, text.substr(next.text.size()));
  auto longest = text.size();
  if (next.what == kind::some && in_path_)
    longest = std::min(text.find('/'), longest);
  for (std::size_t taken = next.what == kind::some ? 1 : 0; taken <= longest; ++taken)
    if (matches_from(from + 1, text.substr(taken)))
      return true;
  return false;
}

std::optional<manifest::endpoint> manifest::parse_endpoint(std::string_view text) {
  const auto space = text.find(' ');
  const auto method = text.substr(0, space);
  if (space == std::string_view::npos || method.empty()
      || !std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return std::nullopt;
  text.remove_prefix(space + 1);
  if (const auto remark = text.rfind(" ("); remark != std::string_view::npos && text.ends_with(')'))
    text = text.substr(0, remark);
  if (!text.starts_with('/')) {
    const auto slash = text.find('/');
    const auto host = text.substr(0, slash);
    if (slash == std::string_view::npos || host.find('.') == std::string_view::npos
        || host.find(' ') != std::string_view::npos)
      return std::nullopt;
    text.remove_prefix(slash);
  }

  const auto path = take_until(text, '?');
  endpoint out{std::string{method}, text_pattern{path, true}, {}, false, 0};
  out.literal_size = out.path.literal_size();
  const auto params = http::parse_query(text);
  if (!params)
    return std::nullopt;
  for (const auto& [name, value] : params.value()) {
    if (name == ellipsis) {
      out.any_query = true;
      continue;
    }
    out.literal_size += name.size() + 1;
    out.params.emplace_back(name, text_pattern{value, false});
    out.literal_size += out.params.back().second.literal_size();
  }
  return out;
}

bool manifest::endpoint::equals(const call& c) const {
  if (any_query || !path.is_literal() || c.params.size() != params.size())
    return false;
  return std::all_of(params.begin(), params.end(), [](const auto& each) { return each.second.is_literal(); })
         && fits(c, false);
}

bool manifest::endpoint::fits(const call& c, bool further) const {
  if (method != effective_method(c) || !path.matches(c.path))
    return false;
  // Each parameter of the call satisfies one of ours at most: a call with one `a` does not fit `a=1&a=2`.
  std::vector<bool> used(c.params.size());
  for (const auto& [name, value] : params) {
    bool found = false;
    for (std::size_t i = 0; i < c.params.size() && !found; ++i)
      if (!used[i] && c.params[i].first == name && value.matches(c.params[i].second))
        found = used[i] = true;
    if (!found && !value.is_anything())
      return false;
  }
  return further || any_query || std::find(used.begin(), used.end(), false) == used.end();
}

bool manifest::add(recorded entry) {
  auto parsed = parse_endpoint(entry.endpoint);
  if (!parsed)
    return false;
  endpoints_.push_back(std::move(*parsed));
  entries_.push_back(std::move(entry));
  return true;
}

const recorded* manifest::find(const call& c) const {
  std::size_t best = endpoints_.size();
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (endpoints_[i].equals(c))
      return &entries_[i];
    if (endpoints_[i].fits(c, entries_[i].answer.status < 400)
        && (best == endpoints_.size() || endpoints_[i].literal_size > endpoints_[best].literal_size))
      best = i;
  }
  return best == endpoints_.size() ? nullptr : &entries_[best];
}

result<manifest> manifest::load(const std::string& path) {
  auto text = read_unpacked(path);
  if (!text)
    return text.error();
  const auto list = json::parse(text.value(), nullptr, false);
  if (!list.is_array())
    return fail(ec::bad_request,
      path + ": expected a JSON list of entries, got " + (list.is_discarded() ? "broken JSON" : list.type_name()));

  manifest out;
  std::size_t number = 0;
  for (const auto& entry : list) {
    const auto where = path + ": entry " + std::to_string(number++) + ": ";
    auto located = [&](const error& e) { return error{e.code, where + e.message}; };
    if (!entry.is_object())
      return fail(ec::bad_request, where + "expected an object, got " + entry.type_name());
    auto file = member<std::string>(entry, "file", "a path relative to the manifest");
    auto provider = member<std::string>(entry, "provider", "a name");
    auto endpoint = member<std::string>(entry, "endpoint", "\"METHOD /path?query\"");
    auto status = member<int>(entry, "status", "an integer from 200 to 599");
    auto type = member<std::string>(entry, "content_type", "a media type");
    for (const auto* each : {&file, &provider, &endpoint, &type})
      if (!*each)
        return located(each->error());
    if (!status)
      return located(status.error());
    if (!parse_endpoint(endpoint.value()))
      continue; // a file format, not a call
    auto body = read_unpacked((std::filesystem::path{path}.parent_path() / file.value()).string());
    if (!body)
      return located(body.error());
    // a line end in a content type would end the header field
    if (type.value().find_first_of("\r\n") != std::string::npos)
      return fail(ec::bad_request, where + "content_type: expected one line");
    out.add({file.value(), tag_of(provider.value()), endpoint.value(),
      {status.value(), type.value(), blob{std::move(body.value())}}});
  }
  return out;
}

} // namespace troupe::replay
