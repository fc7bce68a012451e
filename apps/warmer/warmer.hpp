// The warmer: carries out durable jobs (S2-01, S2-29, S2-43, S2-44). One job at a time: its upload is parsed into
// items, then they are warmed in micro-batches through the bindings that a user's search takes too, at warming
// priority.
//
// Invariants: an item's end is in storage before the next micro-batch is claimed, so that a death repeats at most one
// micro-batch. Whoever pauses or cancels is heard at once, at the latest when the lease is renewed: what is under way
// is let go and counts as nothing. What passes (a circuit that is open, a limit) is waited out; an item fails only of
// its own. What storage refuses is tried again with growing pauses; a job fails only of what it refuses again and
// again.
#pragma once

#include "actors/binding/binding.hpp"
#include "actors/jobs/progress.hpp"
#include "actors/orchestrator/live_traffic.hpp"
#include "actors/pool/pool.hpp"
#include "apps/warmer/importer.hpp"
#include "apps/warmer/micro_batch.hpp"
#include "apps/warmer/refusals.hpp"
#include "messages/common.hpp"
#include "messages/job.hpp"
#include "storage/jobs_repository.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

inline constexpr std::string_view proxy_binding = "BOOKS_API_PROXY";

/// There may be something to do: a job was queued, paused, resumed or cancelled.
struct warm_kick {};
/// From the importer: a part of the upload is stored.
struct import_told {
  std::uint64_t life = 0; // of the order
  job_view job;
};
/// From the importer: it has ended.
struct import_over {
  std::uint64_t life = 0;
  ec code = ec::none;
  std::string message;
};

using warmer_actor = caf::typed_actor<
  // Look for work.
  caf::reacts_to<warm_kick>,
  // The importer is so far.
  caf::reacts_to<import_told>,
  // The importer has ended.
  caf::reacts_to<import_over>,
  // What storage was asked for has ended.
  caf::reacts_to<job_ended_atom, std::uint64_t>,
  // Look what is due.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

/// Reads uploads. Detached, because that blocks.
using importer_actor = caf::typed_actor<
  // Read this one; the sender gets import_told and import_over.
  caf::reacts_to<import_order>>;

importer_actor::behavior_type importer(
  importer_actor::pointer self, import_ground ground, std::shared_ptr<std::atomic<bool>> stop);

struct warmer_settings {
  std::string owner;                   // of leases: this node's name
  std::vector<bound_service> bindings; // of the service cache-warmer
  std::shared_ptr<storage::sql_pool> pool;
  std::int64_t batch = 256;     // items of a micro-batch
  std::size_t concurrency = 16; // calls under way
  std::size_t beside_live = 2;  // of them while people wait for providers
  std::shared_ptr<const live_traffic> live = std::make_shared<live_traffic>();
  std::chrono::microseconds call_time{std::chrono::seconds{60}};
  std::chrono::milliseconds lease{std::chrono::seconds{30}};
  std::chrono::milliseconds look_every{std::chrono::seconds{5}}; // for jobs of other nodes that have died
  std::function<std::int64_t()> now_ms;
  std::function<void(const std::string& job)> changed; // there is a new event of this job; called in the actor
  std::shared_ptr<std::atomic<bool>> stop;             // the importer's
  std::shared_ptr<spdlog::logger> log;
  std::uint64_t seed = 0;
};

struct warmer_state {
  using time = std::chrono::steady_clock::time_point;
  using self_ptr = warmer_actor::stateful_pointer<warmer_state>;

  enum class phase : std::uint8_t {
    idle,    ///< no job
    storage, ///< storage was asked for something that decides how it goes on
    parsing, ///< the importer is at work
    warming, ///< a micro-batch is under way
    held,    ///< the job is paused, or storage refused something: the next renewal says how it goes on
  };

  warmer_settings settings;
  importer_actor importer;
  std::optional<pool_jobs> storage;
  std::unique_ptr<bindings<self_ptr>> peers;
  phase now = phase::idle;
  std::optional<job_view> job;
  std::vector<job_view> recovered; // of an earlier life, to be gone on with
  std::optional<job_progress> progress;
  micro_batch batch;
  std::unordered_map<std::size_t, std::uint64_t> calls; // under way, by their item's place in the batch
  std::shared_ptr<std::atomic<bool>> import_given_up;   // the order's that is under way, or was
  refusals refused;                                     // by storage, since the job last went on
  refusals stuck;                                       // of these, of what the job cannot do without
  bool at_start = true;                                 // nothing was recovered yet
  bool look_again = false;                              // somebody has kicked since the look began
  bool pumping = false;
  bool flushing = false;    // results are on their way to storage
  bool giving_back = false; // what is claimed is on its way back
  bool checking = false;    // the lease is being renewed
  bool check_again = false; // somebody has kicked since
  std::uint64_t life = 0;   // counts leases and resumptions: what comes back from an earlier one is dropped
  time next_look{};
  time next_flush{};
  time next_renew{};
  wake_up tick;
  std::int64_t jobs_done = 0;
  std::int64_t jobs_failed = 0;
  std::int64_t items_hit = 0;
  std::int64_t items_fetched = 0;
  std::int64_t items_failed = 0;

  static inline const char* name = "warmer";
};

warmer_actor::behavior_type warmer(warmer_state::self_ptr self, warmer_settings settings, importer_actor importer);

} // namespace troupe

// These never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::warm_kick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::import_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::import_told)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::import_over)
