#include "apps/config/schedules.hpp"

#include "apps/config/custom.hpp"
#include "apps/config/table_reader.hpp"
#include "apps/cron/expression.hpp"
#include "apps/custom/path_template.hpp"

#include <algorithm>
#include <map>

namespace troupe::config {
namespace {

class schedule_reader {
public:
  schedule_reader(const custom_table& table, std::vector<std::string>& errors) : table_{table}, errors_{errors} {}

  schedule read() && {
    using namespace std::chrono_literals;
    const std::vector<entry> entries{
      {"name", &out_.name, {}, {}},
      {"cron", &out_.cron, {}, {}},
      {"task", &out_.task, {}, {}},
      {"zone", &out_.zone, {}, {}},
      {"missed", &missed_, {}, {}},
      {"deadline", &out_.deadline, {duration{1s}.count(), duration{24h}.count()}, {}},
    };
    read_table("schedules", table_, entries, errors_, [this](const custom_item& item) { check(item); });
    for (const auto* needed : {"name", "cron", "task"})
      if (std::none_of(table_.items.begin(), table_.items.end(), [&](const auto& i) { return i.key == needed; }))
        report(table_.where, needed, "missing");
    return std::move(out_);
  }

private:
  void check(const custom_item& item) {
    const auto& tasks = schedule_task_names();
    if (item.key == "name" && !custom::is_name(out_.name)) {
      wrong(item, "expected a name of small letters, digits and _");
    } else if (item.key == "task" && std::find(tasks.begin(), tasks.end(), out_.task) == tasks.end()) {
      wrong(item, "expected warm, verify or purge");
    } else if (item.key == "missed") {
      if (missed_ != "run_once" && missed_ != "skip")
        wrong(item, "expected run_once or skip");
      out_.missed = missed_ == "skip" ? missed_runs::skip : missed_runs::run_once;
    } else if (item.key == "zone") {
      if (const auto zone = cron::time_zone::named(out_.zone); !zone)
        report(item.where, item.key, zone.error().message);
    } else if (item.key == "cron") {
      if (const auto when = cron::expression::parse(out_.cron); !when) // "cron: hour (character 3): expected ..."
        errors_.push_back(item.where + ": schedules." + when.error().message);
    }
  }

  void wrong(const custom_item& item, const std::string& expected) {
    report(item.where, item.key, expected + ", got " + item.value.shown());
  }

  void report(const std::string& where, const std::string& key, const std::string& what) {
    errors_.push_back(where + ": schedules." + key + ": " + what);
  }

  const custom_table& table_;
  std::vector<std::string>& errors_;
  schedule out_;
  std::string missed_;
};

} // namespace

const std::vector<std::string>& schedule_task_names() {
  static const std::vector<std::string> names{"warm", "verify", "purge"};
  return names;
}

std::vector<schedule> default_schedules() {
  return {{"warm", "*/15 * * * *", "warm"}, {"verify", "0 2 * * *", "verify"}, {"purge", "30 3 * * *", "purge"}};
}

void define_schedules(const custom_source& source, settings& s, std::vector<std::string>& errors) {
  if (source.lists_schedules)
    s.schedules.clear();
  std::map<std::string, std::string> taken;
  for (const auto& table : source.schedules) {
    auto made = schedule_reader{table, errors}.read();
    if (const auto [it, first] = taken.emplace(made.name, table.where); !first && !made.name.empty())
      errors.push_back(table.where + ": schedules.name: there is a schedule " + made.name + " at " + it->second);
    s.schedules.push_back(std::move(made));
  }
}

} // namespace troupe::config
