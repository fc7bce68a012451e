#include "apps/config/custom.hpp"
#include "apps/config/nearest.hpp"
#include "apps/config/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace troupe::config {
namespace {

using custom::operation;
using errors_list = std::vector<std::string>;

const std::vector<std::string> operation_keys{"path", "headers", "map", "map_file", "lane"};

// What tags and metrics say of other things.
constexpr std::array<std::string_view, 6> reserved{
  "cache", "orchestrated", "none", "operations", "global", "elsewhere"};

void report(errors_list& errors, const std::string& where, const std::string& key, const std::string& what) {
  errors.push_back(where + ": " + key + ": " + what);
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~"; // RFC 9110, 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || marks.find(c) != std::string_view::npos;
  });
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
    [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

// What the HTTP client writes itself.
bool is_ours(std::string_view given) {
  const auto name = lower(given);
  return name == "host" || name == "content-length" || name == "connection" || name == "transfer-encoding"
         || name == "traceparent" || name == "accept-encoding";
}

bool holds_secret(std::string_view given) {
  const auto name = lower(given);
  return looks_secret(name) || name == "authorization" || name == "proxy-authorization" || name == "cookie";
}

struct program {
  std::string text;
  std::string file;            // where it stands
  std::int64_t first_line = 1; // and from which line on
  std::string key;
};

class operation_reader {
public:
  operation_reader(const custom_table& table, const provider_settings& of, errors_list& errors)
      : table_{table}, errors_{errors} {
    out_.name = table.name;
    for (const auto& [lane, ignored] : of.lanes)
      lanes_.push_back(lane);
  }

  operation read() && {
    if (!custom::is_name(table_.name))
      report(errors_, table_.where, prefix(), "expected a name of small letters, digits and _");
    for (const auto& item : table_.items) {
      if (item.key == "path")
        read_path(item);
      else if (item.key.starts_with("headers."))
        read_header(item);
      else if (item.key == "map")
        read_map(item);
      else if (item.key == "map_file")
        read_map_file(item);
      else if (item.key == "lane")
        read_lane(item);
      else if (item.key == "headers")
        continue; // an empty table
      else
        report(errors_, item.where_key, prefix() + "." + item.key,
          looks_secret(item.key) ? "not here: write ${secret} where it is needed"
                                 : "no such setting; the nearest is " + nearest(item.key, operation_keys).name);
    }
    if (!has_path_)
      report(errors_, table_.where, prefix(), "expected a path, such as path = \"/v1/things/{id}\"");
    out_.map = program_.text;
    return std::move(out_);
  }

  [[nodiscard]] const program& map() const { return program_; }

private:
  [[nodiscard]] std::string prefix() const { return "providers." + table_.provider + ".operations." + table_.name; }

  bool is_text(const custom_item& item) {
    if (item.value.form == written::kind::text)
      return true;
    report(errors_, item.where, prefix() + "." + item.key, "expected a text, got " + item.value.shown());
    return false;
  }

  void read_path(const custom_item& item) {
    has_path_ = true;
    if (!is_text(item))
      return;
    auto parsed = custom::path_template::parse(item.value.text);
    if (!parsed)
      report(errors_, item.where, prefix() + ".path", parsed.error().message + " of " + item.value.shown());
    else
      out_.path = std::move(parsed.value());
  }

  void read_header(const custom_item& item) {
    const auto name = item.key.substr(item.key.find('.') + 1);
    const auto key = prefix() + "." + item.key;
    if (!is_text(item))
      return;
    const auto& value = item.value.text;
    if (!is_token(name))
      report(errors_, item.where_key, key, "expected the name of a header field");
    else if (is_ours(name))
      report(errors_, item.where_key, key, "this field is written by the HTTP client");
    else if (holds_secret(name) && value.find(custom::secret_reference) == std::string::npos)
      report(errors_, item.where_key, key,
        "not here: a secret belongs into " + key_name(table_.provider) + "; write ${secret} in its place");
    else if (std::any_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      report(errors_, item.where, key, "expected a text without control characters");
    else
      out_.headers.emplace_back(name, value);
  }

  bool second_map(const custom_item& item) {
    if (program_.file.empty())
      return false;
    report(errors_, item.where_key, prefix() + "." + item.key, "expected map or map_file, got both");
    return true;
  }

  void read_map(const custom_item& item) {
    if (!second_map(item) && is_text(item))
      program_ = {item.value.text, item.path, item.text_line, prefix() + ".map"};
  }

  void read_map_file(const custom_item& item) {
    if (second_map(item) || !is_text(item))
      return;
    const auto path = (std::filesystem::path{item.path}.parent_path() / item.value.text).string();
    auto reason = std::string{};
    if (const auto file = read_text_file(path, reason))
      program_ = {file->text, path, 1, prefix() + ".map_file"};
    else
      report(errors_, item.where, prefix() + ".map_file", path + ": " + reason);
  }

  void read_lane(const custom_item& item) {
    if (!is_text(item))
      return;
    out_.lane = item.value.text;
    if (lanes_.empty())
      report(errors_, item.where, prefix() + ".lane",
        "expected [providers." + table_.provider + ".lanes.NAME] beside it, got " + item.value.shown());
    else if (std::find(lanes_.begin(), lanes_.end(), out_.lane) == lanes_.end())
      report(errors_, item.where, prefix() + ".lane",
        item.value.shown() + ": no such lane; the nearest is " + nearest(out_.lane, lanes_).name);
  }

  const custom_table& table_;
  errors_list& errors_;
  std::vector<std::string> lanes_; // of its provider
  operation out_;
  program program_;
  bool has_path_ = false;
};

// "line 2: MESSAGE" of a program that begins in line 14 of a file is "file:15: KEY: line 2 of the program: MESSAGE".
std::string complaint_about(const program& p, const std::string& said) {
  constexpr std::string_view line = "line ";
  std::int64_t number = 1;
  auto rest = said;
  if (const auto colon = said.find(": "); said.starts_with(line) && colon != std::string::npos) {
    if (std::int64_t n = 0; parse(std::string_view{said}.substr(line.size(), colon - line.size()), n))
      number = n;
    rest = said.substr(colon + 2);
  }
  return p.file + ":" + std::to_string(p.first_line + number - 1) + ": " + p.key + ": expected a jq program; line "
         + std::to_string(number) + " of it: " + rest;
}

} // namespace

void declare_providers(const custom_source& source, settings& s, std::vector<std::string>& errors) {
  for (const auto& [name, where] : source.providers) {
    if (!custom::is_name(name) || std::find(reserved.begin(), reserved.end(), name) != reserved.end()) {
      report(errors, where, "providers." + name,
        "expected a name of small letters, digits and _ other than cache, orchestrated, none and operations");
      continue;
    }
    s.providers.emplace(name, provider_settings{});
  }
  for (const auto& [provider, name, where] : source.lanes)
    if (const auto p = s.providers.find(provider); p == s.providers.end())
      continue; // its name is wrong
    else if (!custom::is_name(name))
      report(errors, where, fmt::format("providers.{}.lanes.{}", provider, name),
        "expected a name of small letters, digits and _");
    else
      p->second.lanes.emplace(name, lane_settings{});
}

void define_operations(
  const custom_source& source, const program_checker& check, settings& s, std::vector<std::string>& errors) {
  std::vector<program> programs;
  for (const auto& table : source.operations) {
    const auto provider = s.providers.find(table.provider);
    if (provider == s.providers.end())
      continue; // its name is wrong
    auto reader = operation_reader{table, provider->second, errors};
    provider->second.operations.push_back(std::move(reader).read());
    if (!reader.map().text.empty()) // NOLINT(bugprone-use-after-move): the program is not moved
      programs.push_back(reader.map());
  }
  for (const auto& [name, where] : source.providers)
    if (const auto it = s.providers.find(name); it != s.providers.end() && it->second.operations.empty())
      report(errors, where, "providers." + name,
        "expected [providers." + name + ".operations.NAME] with a path (the built-in provider with the nearest name is "
          + nearest(name, built_in_providers()).name + ")");
  if (!check || programs.empty())
    return;
  std::vector<std::string> texts;
  texts.reserve(programs.size());
  for (const auto& p : programs)
    texts.push_back(p.text);
  const auto said = check(texts);
  for (std::size_t i = 0; i < programs.size() && i < said.size(); ++i)
    if (!said[i].empty())
      errors.push_back(complaint_about(programs[i], said[i]));
}

void check_secrets(
  const custom_source& source, const settings& s, const secrets& known, std::vector<std::string>& errors) {
  for (const auto& table : source.operations) {
    const auto provider = s.providers.find(table.provider);
    if (provider == s.providers.end() || known.provider_keys.contains(table.provider))
      continue;
    for (const auto& o : provider->second.operations) {
      const bool uses = o.path.uses_secret() || std::any_of(o.headers.begin(), o.headers.end(), [](const auto& header) {
        return header.second.find(custom::secret_reference) != std::string::npos;
      });
      if (uses && o.name == table.name)
        report(errors, table.where, "providers." + table.provider + ".operations." + table.name,
          "${secret} needs the secret " + key_name(table.provider) + ", in the environment or in the secrets file");
    }
  }
}

} // namespace troupe::config
