#include "apps/config/load.hpp"

#include "apps/config/nearest.hpp"
#include "apps/config/schema.hpp"
#include "apps/config/text_file.hpp"
#include "apps/config/toml_source.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <unistd.h>

namespace troupe::config {
namespace {

/// From the weakest to the strongest.
enum class source : std::uint8_t { defaults, file, environment, set, flag };

constexpr std::string_view secrets_file_name = "TROUPE_SECRETS_FILE";

/// A variable whose name is this near to a setting's is a slip of the hand and an error; another may have nothing to do
/// with us (Kubernetes puts TROUPE_SERVICE_HOST there for a service named troupe) and is a warning.
constexpr std::size_t slip = 2;

class loader {
public:
  explicit loader(const load_request& request) : request_{request}, table_{declare()} {
    for (const auto& each : table_) {
      keys_.push_back(each.key);
      for (auto dot = each.key.find('.'); dot != std::string::npos; dot = each.key.find('.', dot + 1))
        sections_.insert(each.key.substr(0, dot));
    }
  }

  loaded run() && {
    read_file();
    read_environment();
    read_sets();
    check_order();
    for (const auto& [key, expected] : missing_companions(out_.values))
      report(origins_[key].where, "expected " + expected);
    define(custom_, request_.check_programs, out_.values, out_.errors);
    define_services(custom_, out_.values, out_.errors);
    define_schedules(custom_, out_.values, out_.errors);
    if (out_.values.storage.dir.empty())
      out_.values.storage.dir = default_data_directory();
    auto file = request_.secrets_file;
    if (const auto found = request_.env.find(secrets_file_name); !file && found != request_.env.end())
      file = found->second;
    auto providers = std::vector<std::string>{};
    for (const auto& [name, ignored] : out_.values.providers)
      providers.push_back(name);
    out_.secrets = read_secrets(file, request_.env, out_.errors, providers);
    check_secrets(custom_, out_.values, out_.secrets, out_.errors);
    return std::move(out_);
  }

private:
  // The file's own providers have settings too: they are known before any value is read.
  std::vector<entry> declare() {
    if (request_.file)
      if (auto file = read_text_file(*request_.file, unreadable_)) {
        text_ = std::move(file->text);
        custom_ = read_custom(text_, *request_.file, built_in_providers());
        declare_providers(custom_, out_.values, out_.errors);
      }
    return schema(out_.values);
  }

  struct origin {
    source from = source::defaults;
    std::string where; // how an error about this value begins
  };

  [[nodiscard]] const entry* find(std::string_view key) const {
    const auto found = std::find_if(table_.begin(), table_.end(), [&](auto& each) { return each.key == key; });
    return found != table_.end() ? &*found : nullptr;
  }

  void report(const std::string& where, const std::string& what) { out_.errors.push_back(where + ": " + what); }

  /// Gives a known setting its value, or reports why not.
  void take(const entry& e, const written& value, source from, const std::string& where) {
    if (const auto expected = assign(e, value)) {
      report(where, "expected " + *expected + ", got " + value.shown());
      faulty_.insert(e.key);
    } else {
      origins_[e.key] = {from, where};
    }
  }

  [[nodiscard]] std::string unknown(std::string_view key) const {
    return "no such setting; the nearest is " + nearest(key, keys_).name;
  }

  void read_file() {
    if (!request_.file)
      return;
    const auto& path = *request_.file;
    if (!unreadable_.empty()) {
      report(path, unreadable_);
      return;
    }
    const auto kind_of = [this](std::string_view key) {
      if (key == "route" || key == "services" || key == "schedules" || is_custom(key))
        return key_kind::elsewhere;
      return find(key) != nullptr ? key_kind::setting : sections_.contains(key) ? key_kind::section : key_kind::unknown;
    };
    for (const auto& item : read_toml(text_, path, kind_of, out_.errors)) {
      if (const auto* e = find(item.key))
        take(*e, item.value, source::file, item.where + ": " + item.key);
      else if (item.key == "routes" && item.value.text == "a list of tables")
        report(item.where_key + ": routes", "a route of your own begins with [[route]], without the s");
      else if (sections_.contains(item.key))
        report(item.where + ": " + item.key, "expected a table, got " + item.value.shown());
      else if (const auto what = of_custom_ones_alone(item.key); !what.empty())
        report(item.where_key + ": " + item.key, "only providers that the configuration defines have " + what);
      else if (item.value.text == "a table" && item.value.form == written::kind::other)
        report(item.where_key + ": " + item.key, "no such table; the nearest is " + nearest_section(item.key));
      else
        report(item.where_key + ": " + item.key,
          looks_secret(item.key) ? "not here: " + where_secrets_belong() : unknown(item.key));
    }
  }

  /// What custom_source takes: the operations of the file's own providers, and all of a provider or lane whose name is
  /// wrong, or that is no table.
  [[nodiscard]] bool is_custom(std::string_view key) const {
    return std::any_of(custom_.providers.begin(), custom_.providers.end(), [&](const auto& p) {
      const auto table = "providers." + p.name;
      const auto lanes = table + ".lanes";
      const bool lane = key.starts_with(lanes + ".") && key.find('.', lanes.size() + 1) == std::string_view::npos;
      return key == table + ".operations" || (key == table && !out_.values.providers.contains(p.name))
             || ((key == lanes || lane) && !sections_.contains(key));
    });
  }

  /// "lanes" or "operations" of a built-in provider; empty: something else.
  [[nodiscard]] static std::string of_custom_ones_alone(std::string_view key) {
    for (const auto& provider : built_in_providers())
      for (const auto* what : {"lanes", "operations"})
        if (key == "providers." + provider + "." + what)
          return what;
    return {};
  }

  [[nodiscard]] std::string nearest_section(std::string_view key) const {
    return nearest(key, {sections_.begin(), sections_.end()}).name;
  }

  void read_environment() {
    auto names = std::vector<std::string>{std::string{secrets_file_name}};
    for (const auto& key : keys_)
      names.push_back(environment_name(key));
    const auto secret = secret_names();
    names.insert(names.end(), secret.begin(), secret.end());
    for (const auto& [name, text] : request_.env) {
      const auto known = std::find(names.begin(), names.end(), name);
      if (known != names.end()) {
        const auto place = static_cast<std::size_t>(known - names.begin());
        if (place >= 1 && place <= table_.size())
          take(table_[place - 1], {written::kind::bare, text}, source::environment, name);
      } else if (name.starts_with("TROUPE_") && !name.starts_with("TROUPE_SECRET_")) {
        const auto [other, distance] = nearest(name, names);
        auto& list = distance <= slip ? out_.errors : out_.warnings;
        list.push_back(fmt::format("{}: no such setting; the nearest is {}", name, other));
      }
    }
  }

  void read_sets() {
    for (const auto& text : request_.sets) {
      const auto equals = text.find('=');
      const auto key = text.substr(0, equals);
      const auto where = "--set " + without_credentials(text);
      const auto* e = find(key);
      if (e == nullptr && looks_secret(key))
        report("--set " + key, "not here: " + where_secrets_belong()); // without what may be the secret
      else if (e == nullptr)
        report(where, sections_.contains(key) ? "expected a setting, got a table" : unknown(key));
      else if (equals == std::string::npos)
        report(where, "expected KEY=VALUE");
      else
        take(*e, {written::kind::bare, text.substr(equals + 1)}, source::set, where);
    }
    for (const auto& each : request_.flags)
      if (const auto* e = find(each.key))
        take(*e, {written::kind::bare, each.value}, source::flag, each.name + " " + without_credentials(each.value));
      else
        report(each.name, unknown(each.key));
  }

  /// Reports pairs in the wrong order at the one that was said later: it is what somebody changed.
  void check_order() {
    for (const auto& [smaller, larger] : ordered_pairs(out_.values)) {
      const auto* a = find(smaller);
      const auto* b = find(larger);
      if (faulty_.contains(smaller) || faulty_.contains(larger) || magnitude(a->at) <= magnitude(b->at))
        continue;
      const auto& [from_a, where_a] = origins_[smaller];
      const auto& [from_b, where_b] = origins_[larger];
      if (from_a >= from_b)
        report(where_a, "expected at most " + larger + " (" + format(b->at) + "), got " + format(a->at));
      else
        report(where_b, "expected at least " + smaller + " (" + format(a->at) + "), got " + format(b->at));
    }
  }

  /// The XDG base directory specification: $XDG_DATA_HOME when it is absolute, else ~/.local/share; for a service
  /// without a home, what the Filesystem Hierarchy Standard says.
  [[nodiscard]] std::string default_data_directory() const {
    const auto absolute = [&](std::string_view name) -> std::optional<std::string> {
      const auto found = request_.env.find(name);
      return found != request_.env.end() && found->second.starts_with('/') ? std::optional{found->second}
                                                                           : std::nullopt;
    };
    if (const auto data = absolute("XDG_DATA_HOME"))
      return *data + "/troupe";
    if (const auto home = absolute("HOME"))
      return *home + "/.local/share/troupe";
    return "/var/lib/troupe";
  }

  const load_request& request_;
  loaded out_;
  std::string text_; // of the file
  std::string unreadable_;
  custom_source custom_;
  std::vector<entry> table_; // its places are in out_.values
  std::vector<std::string> keys_;
  std::set<std::string, std::less<>> sections_;
  std::set<std::string> faulty_;
  std::map<std::string, origin> origins_;
};

} // namespace

loaded load(const load_request& request) {
  return loader{request}.run();
}

environment process_environment() {
  auto env = environment{};
  for (auto** each = environ; each != nullptr && *each != nullptr; ++each) {
    const auto text = std::string_view{*each};
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    if (equals != std::string_view::npos && (name.starts_with("TROUPE_") || name == "HOME" || name == "XDG_DATA_HOME"))
      env.emplace(name, text.substr(equals + 1));
  }
  return env;
}

} // namespace troupe::config
