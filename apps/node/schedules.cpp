#include "apps/node/schedules.hpp"

#include "actors/scheduler/scheduler.hpp"
#include "apps/clock/wall_clock.hpp"
#include "apps/cron/expression.hpp"
#include "apps/node/wiring.hpp"
#include "apps/schedules/resource.hpp"

namespace troupe {

schedule_book::schedule to_schedule(const config::schedule& s) {
  const auto policy =
    s.missed == config::missed_runs::skip ? schedule_book::missed::skip : schedule_book::missed::run_once;
  const auto when = cron::expression::parse(s.cron);
  const auto zone = cron::time_zone::named(s.zone);
  if (!when || !zone)
    return {s.name, [](schedule_book::time) { return std::optional<schedule_book::time>{}; }, policy};
  return {s.name,
    [when = when.value(), zone = zone.value()](schedule_book::time after) -> std::optional<schedule_book::time> {
      return when.next(std::chrono::floor<std::chrono::seconds>(after), zone);
    },
    policy};
}

scheduler_actor start_scheduler(caf::actor_system& in, const config::settings& s,
  std::shared_ptr<storage::sql_pool> pool, const schedule_tasks& tasks, std::shared_ptr<spdlog::logger> log) {
  scheduler_settings out;
  out.pool = std::move(pool);
  out.pool_name = "main";
  out.owner = lease_owner(s);
  out.now_ms = wall_ms;
  out.log = std::move(log);
  for (const auto& each : s.schedules) {
    const auto found = tasks.find(each.task);
    auto task = found != tasks.end()
                  ? found->second
                  : schedule_task{[name = each.task](const run_context&, const run_completion& done) {
                      done(fail(ec::internal, "there is no task " + name));
                    }};
    out.schedules.push_back({to_schedule(each), each.cron, each.zone, each.deadline, std::move(task)});
  }
  return in.spawn(scheduler, std::move(out));
}

std::vector<resource> schedule_paths(const config::settings& s, const scheduler_actor& to, const gate_actor& gate) {
  return schedule_resources({quota(s.limits.client.details), s.request.deadline, to, gate});
}

} // namespace troupe
