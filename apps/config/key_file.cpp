#include "apps/config/key_file.hpp"

#include "apps/config/nearest.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>
#include <toml++/toml.h>

namespace troupe::config {
namespace {

constexpr std::size_t longest_name = 32; // so that it fits the table of client limits
constexpr duration longest_window = std::chrono::hours{24 * 365};
const std::vector<std::string> members{"name", "sha256", "routes", "limit"};

class reader {
public:
  reader(const std::string& path, const std::vector<std::string>& routes, std::vector<std::string>& errors)
      : path_{path}, routes_{routes}, errors_{errors} {}

  std::vector<listed_key> read(const toml::table& document) {
    for (const auto& [name, node] : document) {
      if (name.str() != "keys")
        report(name.source(), std::string{name.str()}, "no such setting here; expected [[keys]] tables");
      else if (const auto* list = node.as_array(); list != nullptr && list->is_homogeneous(toml::node_type::table))
        for (const auto& each : *list)
          add(*each.as_table());
      else if (list == nullptr || !list->empty())
        report(node.source(), "keys", "expected [[keys]] tables");
    }
    return std::move(keys_);
  }

private:
  void report(const toml::source_region& at, const std::string& what, const std::string& message) {
    errors_.push_back(fmt::format("{}:{}:{}: {}: {}", path_, at.begin.line, at.begin.column, what, message));
  }

  void add(const toml::table& t) {
    const auto before = errors_.size();
    listed_key key;
    for (const auto& [name, node] : t) {
      const auto what = "keys." + std::string{name.str()};
      if (std::find(members.begin(), members.end(), name.str()) == members.end())
        report(name.source(), what, "no such member; the nearest is " + nearest(name.str(), members).name);
    }
    if (const auto* text = member(t, "name"); text != nullptr && !take_name(text->get(), key))
      report(text->source(), "keys.name", "expected a name of its own: 1 to 32 letters, digits, '-', '_' and '.'");
    if (const auto* text = member(t, "sha256"); text != nullptr && !take_digest(text->get(), key))
      report(text->source(), "keys.sha256", "expected 64 lower-case hex digits that no other key has");
    if (const auto* node = t.get("routes"))
      take_routes(*node, key);
    if (const auto* node = t.get("limit")) {
      const auto* text = node->as_string();
      quota q;
      if (text != nullptr && parse(text->get(), q) && q.window >= std::chrono::seconds{1} && q.window <= longest_window)
        key.limit = q;
      else
        report(node->source(), "keys.limit", "expected a quota such as 1000/60s");
    }
    if (errors_.size() == before)
      keys_.push_back(std::move(key));
  }

  const toml::value<std::string>* member(const toml::table& t, std::string_view name) {
    const auto* node = t.get(name);
    const auto* text = node != nullptr ? node->as_string() : nullptr;
    if (text == nullptr)
      report(node != nullptr ? node->source() : t.source(), "keys." + std::string{name},
        node != nullptr ? "expected a text" : "is missing");
    return text;
  }

  bool take_name(const std::string& text, listed_key& key) {
    key.name = text;
    return is_key_name(text) && names_.insert(text).second;
  }

  bool take_digest(const std::string& text, listed_key& key) {
    if (text.size() != 2 * key.digest.size() || text.find_first_not_of("0123456789abcdef") != std::string::npos)
      return false;
    for (std::size_t i = 0; i < key.digest.size(); ++i)
      std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, key.digest.at(i), 16);
    return digests_.insert(key.digest).second;
  }

  void take_routes(const toml::node& node, listed_key& key) {
    const auto expected = fmt::format("expected a list of {}", fmt::join(routes_, ", "));
    const auto* list = node.as_array();
    if (list == nullptr || list->empty()) // an empty list would open every route, and reads as none
      return report(node.source(), "keys.routes", expected);
    for (const auto& each : *list) {
      const auto* text = each.as_string();
      if (text == nullptr || std::find(routes_.begin(), routes_.end(), text->get()) == routes_.end())
        return report(each.source(), "keys.routes", expected);
      key.routes.push_back(text->get());
    }
  }

  const std::string& path_;
  const std::vector<std::string>& routes_;
  std::vector<std::string>& errors_;
  std::vector<listed_key> keys_;
  std::set<std::string> names_;
  std::set<std::array<std::uint8_t, 32>> digests_;
};

} // namespace

std::vector<listed_key> parse_key_file(std::string_view text, const std::string& path,
  const std::vector<std::string>& routes, std::vector<std::string>& errors) {
  try {
    return reader{path, routes, errors}.read(toml::parse(text, path));
  } catch (const toml::parse_error& e) {
    const auto& at = e.source().begin;
    // Not the parser's own words: they quote the text.
    errors.push_back(fmt::format("{}:{}:{}: is not valid TOML", path, at.line, at.column));
    return {};
  }
}

std::string format_key(std::string_view name, std::string_view sha256, const std::vector<std::string>& routes,
  const std::optional<quota>& limit) {
  auto out = fmt::format("[[keys]]\nname = \"{}\"\nsha256 = \"{}\"\n", name, sha256);
  if (!routes.empty())
    out += fmt::format("routes = [\"{}\"]\n", fmt::join(routes, "\", \""));
  if (limit)
    out += fmt::format("limit = \"{}\"\n", format(*limit));
  return out;
}

bool is_key_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_'
           || c == '.';
  };
  return !name.empty() && name.size() <= longest_name && std::all_of(name.begin(), name.end(), allowed);
}

} // namespace troupe::config
