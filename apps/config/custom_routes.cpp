#include "apps/config/built_in.hpp"
#include "apps/config/custom.hpp"
#include "apps/config/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace troupe::config {

void define_operations(
  const custom_source& source, const program_checker& check, settings& s, std::vector<std::string>& errors);

namespace {

using custom::route_definition;
using errors_list = std::vector<std::string>;

const std::vector<std::string> route_keys{"name", "method", "path", "params", "strategy", "providers", "merge", "by",
  "key", "ttl", "degraded_ttl", "stale_max", "deadline", "limit", "auth", "cors", "max_response"};

constexpr std::int64_t us(duration d) {
  return d.count();
}

// Two patterns that could mean the same path with equal right have the same shape: one name for every placeholder.
std::string shape_of(std::string_view path) {
  std::string out;
  for (bool inside = false; const char c : path) {
    if (!inside)
      out.push_back(c);
    inside = c == '{' || (inside && c != '}');
  }
  return out;
}

class route_reader {
public:
  route_reader(const custom_table& table, const settings& s, errors_list& errors)
      : table_{table}, settings_{s}, errors_{errors} {}

  route_definition read() && {
    using namespace std::chrono_literals;
    constexpr range life{0, us(365 * 24h)};
    quota limit{out_.limit, out_.limit_window};
    origin_list cors;
    byte_size max_response{out_.max_response};
    const std::vector<entry> entries{
      {"name", &out_.name, {}, {}},
      {"path", &out_.path, {}, {}},
      {"strategy", &out_.strategy, {}, {}},
      {"by", &out_.by, {}, {}},
      {"key", &out_.key, {}, {}},
      {"ttl", &out_.ttl, life, {}},
      {"degraded_ttl", &out_.degraded_ttl, life, {}},
      {"stale_max", &out_.stale_max, life, {}},
      {"deadline", &out_.deadline, {us(10ms), us(10min)}, {}},
      {"limit", &limit, {1, 1'000'000}, {}},
      {"cors", &cors, {}, {}},
      {"max_response", &max_response, {1'000, std::int64_t{1} << 30}, {}},
    };
    for (const auto& item : table_.items) {
      seen_.emplace(item.key, &item);
      const auto known = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key == item.key; });
      if (known != entries.end()) {
        if (const auto expected = assign(*known, item.value))
          wrong(item, "expected " + *expected + ", got " + item.value.shown());
      } else if (item.key.starts_with("params.")) {
        read_parameter(item);
      } else if (!read_word(item)) {
        errors_.push_back(item.where_key + ": route." + item.key + ": no such setting; the nearest is route."
                          + nearest(item.key, route_keys).name);
      }
    }
    out_.limit = limit.count;
    out_.limit_window = limit.window;
    out_.cors = std::move(cors.list);
    out_.max_response = max_response.count;
    // In the order in which they depend on each other.
    check_name();
    check_path();
    check_targets();
    check_merge();
    check_key();
    if (out_.auth == custom::audience::key_holders && settings_.auth.keys_file.empty())
      wrong(*seen_.at("auth"), "expected auth.keys_file beside it: without keys nobody could ask");
    if (out_.ttl.count() >= 0 && out_.degraded_ttl > out_.ttl)
      wrong(*seen_.at("degraded_ttl"),
        "expected at most route.ttl (" + format(out_.ttl) + "), got " + format(out_.degraded_ttl));
    return std::move(out_);
  }

private:
  void wrong(const custom_item& item, const std::string& what) {
    errors_.push_back(item.where + ": route." + item.key + ": " + what);
  }
  void wrong_at(const std::string& key, const std::string& what) {
    if (const auto it = seen_.find(key); it != seen_.end())
      wrong(*it->second, what);
    else
      errors_.push_back(table_.where + ": route" + (out_.name.empty() ? "" : " " + out_.name) + ": " + what);
  }

  // Settings with types of their own.
  bool read_word(const custom_item& item) {
    const auto& text = item.value.text;
    const auto refuse = [&](const std::string& expected) {
      wrong(item, "expected " + expected + ", got " + item.value.shown());
      return true;
    };
    const bool is_text = item.value.form == written::kind::text;
    if (item.key == "method") {
      if (!is_text || (text != "GET" && text != "POST"))
        return refuse("GET or POST");
      out_.method = text == "POST" ? custom::request_method::post : custom::request_method::get;
      return true;
    }
    if (item.key == "auth") {
      if (!is_text || (text != "none" && text != "key"))
        return refuse("none or key");
      out_.auth = text == "key" ? custom::audience::key_holders : custom::audience::everybody;
      return true;
    }
    if (item.key == "merge") {
      const std::map<std::string, custom::merge_kind> kinds{{"first", custom::merge_kind::first},
        {"object", custom::merge_kind::object}, {"concat", custom::merge_kind::concat}};
      const auto kind = kinds.find(text);
      if (!is_text || kind == kinds.end())
        return refuse("first, object or concat");
      out_.merge = kind->second;
      return true;
    }
    if (item.key == "providers") {
      if (item.value.form != written::kind::list)
        return refuse("a list of PROVIDER.OPERATION");
      read_targets(item);
      return true;
    }
    return item.key == "params" && item.value.text == "a table"; // an empty one
  }

  void read_targets(const custom_item& item) {
    for (auto rest = std::string_view{item.value.text}; !rest.empty();) {
      const auto end = std::min(rest.find(','), rest.size());
      const auto one = std::string{rest.substr(0, end)};
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto dot = std::min(one.find('.'), one.size());
      const auto provider = settings_.providers.find(one.substr(0, dot));
      std::vector<std::string> known;
      for (const auto& [name, p] : settings_.providers)
        for (const auto& o : p.operations)
          known.push_back(name + "." + o.name);
      if (std::find(known.begin(), known.end(), one) == known.end()) {
        const bool built_in = provider != settings_.providers.end() && provider->second.operations.empty();
        wrong(item, "\"" + one + "\": "
                      + (built_in ? "this provider has no operations; only those do that the configuration defines"
                                  : "no such operation")
                      + (known.empty() ? "" : "; the nearest is " + nearest(one, known).name));
        continue;
      }
      const bool again = std::any_of(
        out_.targets.begin(), out_.targets.end(), [&](const auto& t) { return t.provider == one.substr(0, dot); });
      if (again)
        wrong(item, "\"" + one + "\": expected each provider once");
      else
        out_.targets.push_back({one.substr(0, dot), one.substr(dot + 1)});
    }
  }

  void read_parameter(const custom_item& item) {
    const auto name = item.key.substr(item.key.find('.') + 1);
    if (!custom::is_name(name))
      return errors_.push_back(
        item.where_key + ": route." + item.key + ": expected a name of small letters, digits and _");
    if (item.value.form != written::kind::text)
      return wrong(item, "expected a text such as \"text 1..100\", got " + item.value.shown());
    auto read = custom::parse_parameter(name, item.value.text);
    if (!read)
      return wrong(item, read.error().message + ", got " + item.value.shown());
    out_.params.push_back(std::move(read.value()));
  }

  void check_name() {
    if (!custom::is_name(out_.name))
      wrong_at("name", "expected a name of small letters, digits and _" + got("name"));
    else if (const auto& all = built_in_routes();
             std::any_of(all.begin(), all.end(), [&](const built_in_route& r) { return r.name == out_.name; }))
      wrong_at("name", "\"" + out_.name + "\" is taken by a built-in route");
  }

  [[nodiscard]] std::string got(const std::string& key) const {
    const auto it = seen_.find(key);
    return it == seen_.end() ? " (name = \"...\")" : ", got " + it->second->value.shown();
  }

  [[nodiscard]] const custom::parameter* parameter(std::string_view name) const {
    const auto it = std::find_if(out_.params.begin(), out_.params.end(), [&](const auto& p) { return p.name == name; });
    return it == out_.params.end() ? nullptr : &*it;
  }

  // One that is wrong itself has been reported.
  [[nodiscard]] bool is_declared(const std::string& name) const { return seen_.contains("params." + name); }

  void check_path() {
    if (!seen_.contains("path"))
      return wrong_at("path", "expected a path, such as path = \"/api/v1/weather/{city}\"");
    const auto names = custom::path_parameters(out_.path);
    if (!names)
      return wrong_at("path", names.error().message);
    for (const auto& taken : built_in_routes())
      if (!taken.pattern.empty() && shape_of(taken.pattern) == shape_of(out_.path))
        wrong_at("path", fmt::format("this path is taken by the built-in {}", taken.pattern));
    for (const auto& name : names.value()) {
      if (!is_declared(name))
        wrong_at(
          "path", fmt::format("{{{0}}} is no parameter: expected params.{0} = \"text 1..100\" or another type", name));
      const auto* p = parameter(name);
      if (p != nullptr && p->fallback)
        wrong(*seen_.at("params." + name), "expected no default: it stands in the path, which always has it");
      if (p != nullptr && p->type == custom::parameter::kind::text && p->lowest == 0)
        wrong(*seen_.at("params." + name), "expected at least 1 character: it stands in the path");
    }
  }

  void check_targets() {
    if (!seen_.contains("providers"))
      return wrong_at("providers", "expected providers = [\"PROVIDER.OPERATION\", ...]");
    const auto& item = *seen_.at("providers");
    if (item.value.form == written::kind::list && item.value.text.empty())
      return wrong(item, "expected a list of PROVIDER.OPERATION, got an empty one");
    for (const auto& t : out_.targets) {
      const auto& operations = settings_.providers.at(t.provider).operations;
      const auto o =
        std::find_if(operations.begin(), operations.end(), [&](const auto& each) { return each.name == t.operation; });
      for (const auto& use : o->path.uses()) {
        const auto* p = parameter(use.name);
        if (!is_declared(use.name))
          wrong(item, "\"" + t.provider + "." + t.operation + "\": its path has {" + use.name
                        + "}, which is no parameter of this route");
        else if (use.in_path && p != nullptr && p->type == custom::parameter::kind::text && p->lowest == 0)
          wrong(*seen_.at("params." + use.name),
            "expected at least 1 character: it stands in the path of " + t.provider + "." + t.operation);
      }
    }
  }

  void check_merge() {
    const bool concat = out_.merge == custom::merge_kind::concat;
    if (concat && out_.by.empty())
      wrong_at(
        seen_.contains("by") ? "by" : "merge", "concat needs by = \"FIELD\": the field that tells records apart");
    if (!concat && seen_.contains("by"))
      wrong_at("by", "only merge = \"concat\" takes it");
  }

  // A parameter that the providers are asked with, and that is not in the key, would give one question's answer to
  // another.
  void check_key() {
    if (!seen_.contains("key"))
      out_.key = custom::default_key(out_.params);
    const auto names = custom::key_parameters(out_.key);
    if (!names)
      return wrong_at("key", names.error().message);
    const auto& list = names.value();
    for (const auto& name : list)
      if (!is_declared(name))
        wrong_at("key", "{" + name + "} is no parameter of this route");
    std::set<std::string> missing;
    for (const auto& t : out_.targets)
      for (const auto& o : settings_.providers.at(t.provider).operations)
        if (o.name == t.operation)
          for (const auto& use : o.path.uses())
            if (is_declared(use.name) && parameter(use.name) != nullptr
                && std::find(list.begin(), list.end(), use.name) == list.end())
              missing.insert(use.name);
    for (const auto& name : missing)
      wrong_at("key", "expected {" + name + "} in it: a provider is asked with it");
  }

  const custom_table& table_;
  const settings& settings_;
  errors_list& errors_;
  route_definition out_;
  std::map<std::string, const custom_item*> seen_;
};

} // namespace

void define(const custom_source& source, const program_checker& check, settings& s, std::vector<std::string>& errors) {
  errors.insert(errors.end(), source.errors.begin(), source.errors.end());
  define_operations(source, check, s, errors);
  std::map<std::string, std::string> names;
  std::map<std::string, std::string> shapes;
  for (const auto& table : source.routes) {
    auto route = route_reader{table, s, errors}.read();
    const auto once = [&](std::map<std::string, std::string>& taken, const std::string& what, const char* kind) {
      if (const auto [it, first] = taken.emplace(what, table.where); !first && !what.empty())
        errors.push_back(
          table.where + ": route " + route.name + ": this " + kind + " is taken by the route at " + it->second);
    };
    once(names, route.name, "name");
    once(shapes, shape_of(route.path), "path");
    s.custom_routes.push_back(std::move(route));
  }
}

} // namespace troupe::config
