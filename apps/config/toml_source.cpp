#include "apps/config/toml_source.hpp"

#include "apps/config/secrets.hpp"
#include "apps/config/toml_node.hpp"

#include <algorithm>
#include <utility>

namespace troupe::config {
namespace {

struct position {
  toml::source_index line = 0;
  toml::source_index column = 0;
  auto operator<=>(const position&) const = default;
};

position begin_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

class reader {
public:
  reader(const std::string& path, const std::function<key_kind(std::string_view)>& kind_of)
      : path_{path}, kind_of_{kind_of} {}

  void walk(const toml::table& table, const std::string& prefix, bool known) {
    for (const auto& [key, node] : table) {
      const auto whole = prefix.empty() ? std::string{key.str()} : prefix + "." + std::string{key.str()};
      const auto kind = known ? kind_of_(whole) : key_kind::unknown;
      if (kind == key_kind::elsewhere)
        continue;
      const auto* inner = node.as_table();
      if (kind == key_kind::section && inner != nullptr) {
        walk(*inner, whole, true);
        continue;
      }
      if (known || looks_secret(key.str()))
        add(whole, key, node);
      if (kind == key_kind::unknown && inner != nullptr)
        walk(*inner, whole, false);
    }
  }

  std::vector<toml_item> in_order() && {
    std::stable_sort(found_.begin(), found_.end(), [](auto& a, auto& b) { return a.first < b.first; });
    auto items = std::vector<toml_item>{};
    for (auto& [ignored, item] : found_)
      items.push_back(std::move(item));
    return items;
  }

private:
  void add(const std::string& whole, const toml::key& key, const toml::node& node) {
    const auto at = begin_of(key.source());
    found_.emplace_back(at, toml_item{whole, to_written(node), locate(begin_of(node.source())), locate(at)});
  }

  [[nodiscard]] std::string locate(position at) const {
    return path_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  }

  const std::string& path_;
  const std::function<key_kind(std::string_view)>& kind_of_;
  std::vector<std::pair<position, toml_item>> found_;
};

} // namespace

written to_written(const toml::node& node) {
  if (const auto* text = node.as_string())
    return {written::kind::text, text->get()};
  if (const auto* number = node.as_integer())
    return {written::kind::number, std::to_string(number->get())};
  if (const auto* boolean = node.as_boolean())
    return {written::kind::boolean, boolean->get() ? "true" : "false"};
  if (node.is_table())
    return {written::kind::other, "a table"};
  if (node.is_floating_point())
    return {written::kind::other, "a number with a fraction"};
  if (const auto* array = node.as_array()) {
    if (!array->empty() && array->is_homogeneous(toml::node_type::table))
      return {written::kind::other, "a list of tables"};
    auto list = written{written::kind::list, ""};
    for (const auto& each : *array) {
      const auto* text = each.as_string();
      if (text == nullptr)
        return {written::kind::other, "a list with more than texts in it"};
      if (text->get().empty() || text->get().find(',') != std::string::npos)
        return {written::kind::other, "a list with an empty text or one with a comma in it"};
      list.text.append(list.text.empty() ? "" : ",").append(text->get());
    }
    return list;
  }
  return {written::kind::other, "a date or time"};
}

std::string locate(const std::string& path, const toml::source_position& at) {
  return path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

std::vector<toml_item> read_toml(std::string_view text, const std::string& path,
  const std::function<key_kind(std::string_view)>& kind_of, std::vector<std::string>& errors) {
  try {
    const auto document = toml::parse(text, path);
    auto found = reader{path, kind_of};
    found.walk(document, "", true);
    return std::move(found).in_order();
  } catch (const toml::parse_error& e) {
    const auto at = begin_of(e.source());
    auto description = std::string{e.description()};
    std::replace(description.begin(), description.end(), '\n', ' ');
    errors.push_back(
      path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": is not valid TOML: " + description);
    return {};
  }
}

} // namespace troupe::config
