#include "apps/config/services.hpp"

#include "apps/config/custom.hpp"
#include "apps/config/table_reader.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::config {
namespace {

using path = std::vector<std::string_view>;

constexpr std::size_t deepest = 3; // bindings one after the other (S2-71)

constexpr std::string_view warmer = "cache-warmer";

// What is warmed waits behind everybody else for the providers' limits.
constexpr duration warmers_timeout = std::chrono::seconds{60};

std::string shown(const path& p, std::string_view last) {
  std::string out;
  for (const auto step : p)
    out.append(step).append(" -> ");
  return out.append(last);
}

result<void> walk(const std::vector<service_binding>& all, path& so_far) {
  const auto here = so_far.back();
  for (const auto& b : all) {
    if (b.from != here)
      continue;
    if (std::find(so_far.begin(), so_far.end(), b.service) != so_far.end())
      return fail(ec::config_invalid, "services bind each other in a circle: " + shown(so_far, b.service));
    if (so_far.size() > deepest)
      return fail(ec::config_invalid, "services are bound deeper than 3: " + shown(so_far, b.service));
    so_far.push_back(b.service);
    if (auto below = walk(all, so_far); !below)
      return below;
    so_far.pop_back();
  }
  return ok();
}

class binding_reader {
public:
  binding_reader(const custom_table& table, std::vector<std::string>& errors) : table_{table}, errors_{errors} {}

  service_binding read() && {
    using namespace std::chrono_literals;
    const auto us = [](duration d) { return d.count(); };
    constexpr std::int64_t many = 1'000'000;
    const std::vector<entry> entries{
      {"from", &out_.from, {}, {}},
      {"binding", &out_.binding, {}, {}},
      {"service", &out_.service, {}, {}},
      {"entrypoint", &out_.entrypoint, {}, {}},
      {"env", &out_.environment, {}, {}},
      {"timeout", &out_.timeout, {us(1ms), us(10min)}, {}},
      {"failures", &out_.failures, {1, many}, {}},
      {"open", &out_.open, {us(1ms), us(24h)}, {}},
      {"concurrency", &out_.concurrency, {1, many}, {}},
      {"rate", &out_.rate, {0, many}, {}},
    };
    read_table("services", table_, entries, errors_, [](const custom_item&) {});
    const bool says_timeout = std::any_of(
      table_.items.begin(), table_.items.end(), [](const custom_item& item) { return item.key == "timeout"; });
    if (out_.from == warmer && !says_timeout)
      out_.timeout = warmers_timeout;
    for (const auto* name : {&out_.from, &out_.service})
      if (const auto& there = service_names(); std::find(there.begin(), there.end(), *name) == there.end())
        errors_.push_back(table_.where + ": services." + (name == &out_.from ? "from" : "service")
                          + ": expected cache-warmer, books-proxy or isbndb, got \"" + *name + '"');
    if (!out_.entrypoint.empty())
      errors_.push_back(table_.where + ": services.entrypoint: expected none, because " + out_.service
                        + " has its default one alone, got \"" + out_.entrypoint + '"');
    if (out_.binding.empty())
      errors_.push_back(table_.where + ": services.binding: expected a name such as ISBNDB_WORKER");
    return std::move(out_);
  }

private:
  const custom_table& table_;
  std::vector<std::string>& errors_;
  service_binding out_;
};

} // namespace

const std::vector<std::string>& service_names() {
  static const std::vector<std::string> names{"cache-warmer", "books-proxy", "isbndb"};
  return names;
}

std::vector<service_binding> default_bindings() {
  std::vector<service_binding> out{{"cache-warmer", "BOOKS_API_PROXY", "books-proxy", {}, {}},
    {"cache-warmer", "ISBNDB_WORKER", "isbndb", {}, {}}, {"books-proxy", "ISBNDB_WORKER", "isbndb", {}, {}}};
  for (auto& b : out)
    if (b.from == warmer)
      b.timeout = warmers_timeout;
  return out;
}

std::vector<service_binding> bindings_in(const std::vector<service_binding>& all, std::string_view where) {
  std::vector<service_binding> out;
  for (const bool own : {true, false})
    for (const auto& b : all)
      if ((own ? b.environment == where && !where.empty() : b.environment.empty())
          && std::none_of(out.begin(), out.end(),
            [&](const service_binding& o) { return o.from == b.from && o.binding == b.binding; }))
        out.push_back(b);
  return out;
}

result<void> check_bindings(const std::vector<service_binding>& bindings) {
  for (const auto& b : bindings) {
    path so_far{b.from};
    if (auto fine = walk(bindings, so_far); !fine)
      return fine;
  }
  return ok();
}

void define_services(const custom_source& source, settings& s, std::vector<std::string>& errors) {
  const auto before = errors.size();
  if (source.lists_services)
    s.services.clear();
  std::map<std::string, std::string> taken;
  for (const auto& table : source.services) {
    auto b = binding_reader{table, errors}.read();
    const auto name = b.environment + '/' + b.from + '/' + b.binding;
    if (const auto [it, first] = taken.emplace(name, table.where); !first)
      errors.push_back(table.where + ": services.binding: " + b.from + " has a binding " + b.binding + " at "
                       + it->second + " already");
    s.services.push_back(std::move(b));
  }
  if (errors.size() > before)
    return;
  std::set<std::string> named{{}};
  for (const auto& b : s.services)
    named.insert(b.environment);
  for (const auto& e : named)
    if (auto fine = check_bindings(bindings_in(s.services, e)); !fine)
      errors.push_back(
        (source.services.empty() ? std::string{} : source.services.front().where + ": ") + fine.error().message);
}

} // namespace troupe::config
