#include "apps/node/library.hpp"

#include "apps/node/wiring.hpp"
#include "apps/warmer/verify.hpp"
#include "storage/digest.hpp"

#include <caf/send.hpp>

namespace troupe {
namespace {

// 128 bits, as the name of an upload, which is its job's.
constexpr std::size_t job_id_bytes = 16;

} // namespace

node_library start_library(caf::actor_system& in, const config::settings& s, library_ground ground) {
  node_library out;
  out.stop = std::make_shared<std::atomic<bool>>(false);
  out.importer =
    in.spawn<caf::detached>(importer, import_ground{ground.uploads.back(), ground.main, ground.wall_ms}, out.stop);
  // The desk tells the warmer that a job has changed; it is there first, and learns whom to tell.
  warmer_settings w;
  w.owner = lease_owner(s);
  w.bindings = std::move(ground.bindings);
  w.pool = ground.main;
  w.batch = s.warm.batch;
  w.concurrency = static_cast<std::size_t>(s.warm.concurrency);
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

schedule_tasks library_tasks(
  const node_library& library, std::shared_ptr<storage::sql_pool> jobs, std::function<std::int64_t()> wall_ms) {
  schedule_tasks out;
  const auto kick = [to = library.warmer] { caf::anon_send(to, warm_kick{}); };
  out["warm"] = [kick](const run_context&, const run_completion& done) {
    kick();
    done(std::string{"the warmer looks for work"});
  };
  out["verify"] = [kick, jobs = std::move(jobs), wall_ms = std::move(wall_ms)](
                    const run_context& run, const run_completion& done) {
    const auto queued = std::make_shared<std::int64_t>(0);
    jobs->submit(
      storage::job_kind::write,
      [queued, wall_ms](storage::sql& db) -> result<void> {
        auto n = queue_verification(db, wall_ms(), [] { return storage::random_name(job_id_bytes); });
        if (!n)
          return n.as_failure();
        *queued = n.value();
        return ok();
      },
      std::chrono::steady_clock::now() + run.remaining,
      [queued, kick, done](result<void> outcome) {
        if (!outcome)
          return done(outcome.as_failure());
        kick();
        done(std::to_string(*queued) + " libraries are checked");
      });
  };
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
