#include "apps/node/library.hpp"

#include "apps/node/wiring.hpp"
#include "apps/services/books_proxy.hpp"
#include "apps/warmer/service.hpp"
#include "apps/warmer/sweep.hpp"
#include "apps/warmer/verify.hpp"
#include "storage/digest.hpp"
#include "storage/jobs_repository.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace troupe {
namespace {

// 128 bits, as the name of an upload, which is its job's.
constexpr std::size_t job_id_bytes = 16;

} // namespace

result<void> check_library(const config::settings& s) {
  const auto bindings = config::bindings_in(s.services, s.environment);
  if (std::any_of(bindings.begin(), bindings.end(),
        [](const auto& b) { return b.from == warmer_kind && b.binding == proxy_binding; }))
    return ok();
  return fail(ec::config_invalid, "services: " + std::string{warmer_kind} + " has no binding "
                                    + std::string{proxy_binding} + " in the environment " + s.environment
                                    + "; through it libraries are warmed");
}

node_library start_library(caf::actor_system& in, const config::settings& s, library_ground ground) {
  node_library out;
  out.stop = std::make_shared<std::atomic<bool>>(false);
  out.importer =
    in.spawn<caf::detached>(importer, import_ground{ground.uploads.back(), ground.main, ground.wall_ms}, out.stop);
  // The desk tells the warmer that a job has changed; it is there first, and learns whom to tell.
  warmer_settings w;
  w.owner = lease_owner(s);
  w.bindings = std::move(ground.bindings);
  // Without a key ISBNdb's service refuses everything, and each job would open its circuit.
  if (!ground.with_isbndb)
    std::erase_if(w.bindings, [](const bound_service& b) { return b.settings.name == isbndb_binding; });
  w.pool = ground.main;
  w.batch = s.warm.batch;
  w.concurrency = static_cast<std::size_t>(s.warm.concurrency);
  w.beside_live = static_cast<std::size_t>(s.warm.beside_live);
  w.live = std::move(ground.live);
  w.call_time = s.warm.timeout;
  w.now_ms = ground.wall_ms;
  w.stop = out.stop;
  w.log = ground.log;
  w.seed = ground.seed;
  desk_settings d;
  d.pool = ground.main;
  d.now_ms = ground.wall_ms;
  d.log = ground.log;
  out.desk = in.spawn(desk, std::move(d));
  w.changed = [to = out.desk](const std::string& job) { caf::anon_send(to, desk_news{job}); };
  out.warmer = in.spawn(warmer, std::move(w), out.importer);
  caf::anon_send(out.desk, desk_runner{[to = out.warmer] { caf::anon_send(to, warm_kick{}); }});
  upload_settings u;
  u.buckets.assign(ground.uploads.begin(), ground.uploads.end() - 1);
  u.submit = [to = out.desk](const stored_upload& what, std::function<void(result<std::string>)> done) {
    new_job job;
    job.id = what.key.substr(what.key.rfind('/') + 1);
    job.library = what.library;
    job.source = what.key;
    caf::anon_send(to, desk_submit{std::move(job), std::move(done)});
  };
  u.log = ground.log;
  out.uploads = std::make_shared<upload_desk>(std::move(u));
  return out;
}

namespace {

// Of one step: a millisecond or two of a database in which others wait for their turn.
constexpr std::int64_t libraries_at_once = 50;
constexpr std::int64_t rows_at_once = 2'000;
constexpr std::int64_t objects_at_once = 200;
// A step that takes longer has met a storage that is away.
constexpr auto longest_step = std::chrono::minutes{1};
// Between an upload and its job lies a moment; an hour covers a clock that was set.
constexpr std::int64_t settled_ms = 3'600'000;

// A run of several steps, each a job of the pool. The step that ends has submitted the next.
struct stepwise : std::enable_shared_from_this<stepwise> {
  using step = std::function<result<bool>(storage::sql&)>; // false: it was the last

  storage::sql_pool* pool = nullptr; // runs this, so it is there; to own it would be to end it on its own thread
  std::shared_ptr<const std::atomic<bool>> cancelled;
  std::vector<std::pair<storage::job_kind, step>> left; // one after the other, each until it says false
  std::size_t at = 0;
  std::function<std::string()> said; // how far it came
  std::function<void()> then = [] {};
  run_completion done;

  void go() {
    if (at == left.size() || *cancelled) {
      then();
      return done(at == left.size() ? result<std::string>{said()} : fail(ec::cancelled, "stopped: " + said()));
    }
    const auto again = std::make_shared<bool>(false);
    pool->submit(
      left[at].first,
      [me = shared_from_this(), again](storage::sql& db) -> result<void> {
        auto went = me->left[me->at].second(db);
        if (!went)
          return went.as_failure();
        *again = went.value();
        return ok();
      },
      std::chrono::steady_clock::now() + longest_step,
      [me = shared_from_this(), again](const result<void>& outcome) {
        if (!outcome)
          return me->done(outcome.as_failure());
        me->at += *again ? 0 : 1;
        me->go();
      });
  }
};

// Of a run. A step that the pool runs a second time is counted twice, which is a line in a history.
struct purge_counts {
  std::int64_t jobs = 0;
  std::int64_t uploads = 0;
};

schedule_task verify_task(const library_task_ground& g, std::function<void()> kick) {
  return [g, kick = std::move(kick)](const run_context& run, run_completion done) {
    const auto queued = std::make_shared<std::int64_t>(0);
    const auto run_of = std::make_shared<stepwise>();
    run_of->pool = g.jobs.get();
    run_of->cancelled = run.cancelled;
    run_of->said = [queued] { return std::to_string(*queued) + " libraries are checked"; };
    run_of->then = kick;
    run_of->done = std::move(done);
    run_of->left = {
      {storage::job_kind::write, [wall_ms = g.wall_ms, queued, since = g.wall_ms()](storage::sql& db) -> result<bool> {
         auto n = queue_verification(
           db, since, libraries_at_once, [] { return storage::random_name(job_id_bytes); }, wall_ms());
         if (!n)
           return n.as_failure();
         *queued += n.value();
         return n.value() == libraries_at_once;
       }}};
    run_of->go();
  };
}

schedule_task purge_task(const library_task_ground& g) {
  return [g](const run_context& run, run_completion done) {
    const auto gone = std::make_shared<purge_counts>();
    const auto cursor = std::make_shared<std::string>();
    const auto now = g.wall_ms();
    const auto keep = std::chrono::duration_cast<std::chrono::milliseconds>(g.keep).count();
    const auto run_of = std::make_shared<stepwise>();
    run_of->pool = g.jobs.get();
    run_of->cancelled = run.cancelled;
    run_of->said = [gone] {
      return std::to_string(gone->jobs) + " jobs and " + std::to_string(gone->uploads) + " uploads are removed";
    };
    run_of->done = std::move(done);
    run_of->left = {{storage::job_kind::write,
                      [gone, before = now - keep](storage::sql& db) -> result<bool> {
                        auto part = storage::jobs_repository{db}.purge(before, rows_at_once);
                        if (!part)
                          return part.as_failure();
                        gone->jobs += part.value().jobs;
                        return !part.value().all;
                      }},
      {storage::job_kind::read,
        [gone, cursor, uploads = g.uploads, before = now - settled_ms](storage::sql& db) -> result<bool> {
          auto part = sweep_uploads(db, *uploads, before, objects_at_once, *cursor);
          if (!part)
            return part.as_failure();
          gone->uploads += part.value().removed;
          *cursor = part.value().cursor;
          return !cursor->empty();
        }}};
    run_of->go();
  };
}

} // namespace

schedule_tasks library_tasks(const node_library& library, const library_task_ground& ground) {
  schedule_tasks out;
  const auto kick = [to = library.warmer] { caf::anon_send(to, warm_kick{}); };
  out["warm"] = [kick](const run_context&, const run_completion& done) {
    kick();
    done(std::string{"the warmer looks for work"});
  };
  out["verify"] = verify_task(ground, kick);
  out["purge"] = purge_task(ground);
  return out;
}

std::vector<resource> library_paths(const config::settings& s, const node_library& library) {
  auto out = desk_resources({quota(s.limits.client.details), services_edge(s)}, library.desk);
  auto upload = upload_resource(library.uploads, static_cast<std::size_t>(s.warm.max_upload.count),
    quota(s.limits.client.batches), services_edge(s));
  upload.grant = "library"; // as all of it is known to keys
  out.push_back(std::move(upload));
  return out;
}

} // namespace troupe
