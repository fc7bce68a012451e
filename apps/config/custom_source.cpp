#include "apps/config/custom_source.hpp"

#include "apps/config/toml_node.hpp"

#include <algorithm>

namespace troupe::config {
namespace {

class custom_reader {
public:
  custom_reader(std::string_view text, const std::string& path) : text_{text}, path_{path} {}

  void read(const toml::table& document, const std::vector<std::string>& built_in) {
    if (const auto* providers = document["providers"].as_table())
      for (const auto& [key, node] : *providers)
        if (const auto* table = node.as_table();
            table != nullptr && table->contains("url")
            && std::find(built_in.begin(), built_in.end(), key.str()) == built_in.end())
          read_provider(std::string{key.str()}, key, *table);
    if (const auto* routes = document.get("route"))
      read_list("route", *routes, found_.routes);
    if (const auto* services = document.get("services")) {
      found_.lists_services = true;
      read_list("services", *services, found_.services);
    }
    if (const auto* schedules = document.get("schedules")) {
      found_.lists_schedules = true;
      read_list("schedules", *schedules, found_.schedules);
    }
    std::stable_sort(found_.operations.begin(), found_.operations.end(), by_line);
  }

  custom_source result() && { return std::move(found_); }

private:
  struct placed {
    toml::source_position at;
    custom_item item;
  };

  // Tables of TOML are sorted by name; people read files from the top.
  static bool by_line(const custom_table& a, const custom_table& b) {
    return std::pair{a.where.size(), a.where} < std::pair{b.where.size(), b.where};
  }

  void read_provider(const std::string& name, const toml::key& key, const toml::table& table) {
    found_.providers.push_back({name, locate(path_, key.source().begin)});
    each_table(name, table, "operations", [&](const toml::key& operation, const toml::table& found) {
      found_.operations.push_back(
        {name, std::string{operation.str()}, locate(path_, operation.source().begin), items_of(found)});
    });
    each_table(name, table, "lanes", [&](const toml::key& lane, const toml::table&) {
      found_.lanes.push_back({name, std::string{lane.str()}, locate(path_, lane.source().begin)});
    });
  }

  // Calls take(key, table) for each table of [providers.NAME.KIND].
  template <class Take>
  void each_table(const std::string& provider, const toml::table& of, const std::string& kind, Take take) {
    const auto* list = of.get(kind);
    const auto whole = "providers." + provider + "." + kind;
    if (list == nullptr)
      return;
    if (!list->is_table())
      return wrong(*list, whole, "a table of " + kind);
    for (const auto& [key, node] : *list->as_table())
      if (node.is_table())
        take(key, *node.as_table());
      else
        wrong(node, whole + "." + std::string{key.str()}, "a table");
  }

  // The tables that begin with [[name]].
  void read_list(const std::string& name, const toml::node& node, std::vector<custom_table>& to) {
    const auto* list = node.as_array();
    if (list == nullptr || (!list->empty() && !list->is_homogeneous(toml::node_type::table))) {
      wrong(node, name, "tables that begin with [[" + name + "]], in double brackets");
      return;
    }
    for (const auto& each : *list)
      to.push_back({{}, {}, locate(path_, each.source().begin), items_of(*each.as_table())});
  }

  void wrong(const toml::node& node, const std::string& key, const std::string& expected) {
    found_.errors.push_back(
      locate(path_, node.source().begin) + ": " + key + ": expected " + expected + ", got " + to_written(node).shown());
  }

  [[nodiscard]] std::vector<custom_item> items_of(const toml::table& table) const {
    std::vector<placed> list;
    for (const auto& [key, node] : table) {
      const auto* inner = node.as_table();
      if (inner == nullptr) {
        list.push_back(item_of(std::string{key.str()}, key, node));
        continue;
      }
      if (inner->empty())
        list.push_back(item_of(std::string{key.str()}, key, node));
      for (const auto& [inner_key, inner_node] : *inner)
        list.push_back(item_of(std::string{key.str()} + "." + std::string{inner_key.str()}, inner_key, inner_node));
    }
    std::stable_sort(list.begin(), list.end(), [](const placed& a, const placed& b) {
      return std::pair{a.at.line, a.at.column} < std::pair{b.at.line, b.at.column};
    });
    std::vector<custom_item> items;
    items.reserve(list.size());
    for (auto& each : list)
      items.push_back(std::move(each.item));
    return items;
  }

  [[nodiscard]] placed item_of(std::string name, const toml::key& key, const toml::node& node) const {
    const auto at = node.source().begin;
    return {key.source().begin,
      {std::move(name), to_written(node), locate(path_, at), locate(path_, key.source().begin), path_, text_line(at)}};
  }

  [[nodiscard]] std::int64_t text_line(const toml::source_position& at) const {
    std::size_t from = 0;
    for (toml::source_index line = 1; line < at.line && from != std::string_view::npos; ++line)
      from = text_.find('\n', from) == std::string_view::npos ? std::string_view::npos : text_.find('\n', from) + 1;
    if (from == std::string_view::npos)
      return at.line;
    // Columns count characters, and a line may hold more bytes: the delimiter is what counts.
    const auto line = text_.substr(from, text_.find('\n', from) - from);
    const auto bare = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    const auto opens = [&](std::string_view quotes) {
      return bare.size() >= quotes.size() && bare.find(quotes) == bare.size() - quotes.size();
    };
    return at.line + (opens("'''") || opens("\"\"\"") ? 1 : 0);
  }

  std::string_view text_;
  const std::string& path_;
  custom_source found_;
};

} // namespace

custom_source read_custom(std::string_view text, const std::string& path, const std::vector<std::string>& built_in) {
  try {
    const auto document = toml::parse(text, path);
    auto reader = custom_reader{text, path};
    reader.read(document, built_in);
    return std::move(reader).result();
  } catch (const toml::parse_error&) {
    return {};
  }
}

} // namespace troupe::config
