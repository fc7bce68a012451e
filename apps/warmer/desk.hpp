// Jobs over HTTP (issue's "Progress"; DECISIONS "Streams"): what clients see of them and do with them.
//
//   GET /jobs?limit&cursor               newest first
//   GET /jobs/{id}                       {"id","library","state","phase","counts":{...},...}
//   DELETE /jobs/{id}                    cancels it
//   POST /jobs/{id}/pause, /resume
//   GET /jobs/{id}/events                server-sent events: from Last-Event-ID on, to the end (desk_streams.hpp)
//   GET /jobs/{id}/results?state&limit&cursor     its items
//   GET /jobs/{id}/rejections?limit&cursor        rows that no item was made of
//
// Errors are RFC 9457 problems.
#pragma once

#include "actors/pool/pool.hpp"
#include "apps/bridge/bridge.hpp"
#include "apps/http/streams.hpp"
#include "apps/warmer/stream_book.hpp"
#include "messages/common.hpp"
#include "messages/job.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// A request for a path of jobs; `action` is what follows the id ("events").
struct desk_visit {
  std::shared_ptr<visit> who;
  std::string action;
};
/// There are new events of this job.
struct desk_news {
  std::string job;
};
/// Whom to tell that a job has changed: called in the actor.
struct desk_runner {
  std::function<void()> kick;
};
/// A job was uploaded: queue it. `done` is called once, on an actor thread.
struct desk_submit {
  new_job job;
  std::function<void(result<std::string>)> done;
};
/// A stream has room again, or is over.
struct desk_stream {
  std::uint64_t id = 0;
  bool over = false;
};

using desk_actor = caf::typed_actor<
  // Answer this.
  caf::reacts_to<desk_visit>,
  // Queue this.
  caf::reacts_to<desk_submit>,
  // Tell this one when a job has changed.
  caf::reacts_to<desk_runner>,
  // Somebody may be waiting for this.
  caf::reacts_to<desk_news>,
  // Of a stream.
  caf::reacts_to<desk_stream>,
  // What storage was asked for has ended.
  caf::reacts_to<job_ended_atom, std::uint64_t>,
  // Look what is due.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

struct desk_settings {
  std::shared_ptr<storage::sql_pool> pool;
  std::function<std::int64_t()> now_ms;
  std::size_t most_streams = 1'000;
  std::size_t most_streams_a_client = 32; // what a browser's tabs have; one address must not take all there are
  std::chrono::seconds heartbeat{15};
  std::chrono::seconds poll{1}; // for events of jobs that another node runs
  std::shared_ptr<spdlog::logger> log;
};

/// Events by what became of them; counted on I/O threads.
struct desk_events {
  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> dropped{0}; // written, and the client has left before they were sent
};

struct desk_state {
  using time = std::chrono::steady_clock::time_point;
  struct stream {
    http::answer_stream out;
    time next_beat{};
  };

  desk_settings settings;
  std::function<void()> kick = [] {};
  std::optional<pool_jobs> storage;
  std::map<std::uint64_t, stream> streams; // by their numbers in the book
  stream_book book;
  bool unread = false; // the last reading for streams has failed
  time next_poll{};
  wake_up tick;
  std::shared_ptr<desk_events> events = std::make_shared<desk_events>();

  static inline const char* name = "jobs";
};

desk_actor::behavior_type desk(desk_actor::stateful_pointer<desk_state> self, desk_settings settings);

struct desk_resource_settings {
  client_quota reading;
  route_edge edge;
};

/// The resources for bridge_settings.
[[nodiscard]] std::vector<resource> desk_resources(const desk_resource_settings& settings, desk_actor desk);

/// A job as clients see it; with what it told last, if that is an event of progress or of its end: rate, time left and
/// errors by cause.
[[nodiscard]] std::string to_json(const job_view& job, const std::optional<job_event>& told = {});

} // namespace troupe

// Exchanges and callbacks never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::desk_visit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::desk_submit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::desk_runner)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::desk_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::desk_stream)
