// The record store actor: messages in front of one database connection. It runs on a thread of its own (spawn it
// detached), because a database call blocks. Writes are gathered and committed together; they never delay an answer.
// Invariant: what waits to be written is bounded; what is dropped, or could not be written, is counted and logged.
#pragma once

#include "messages/store.hpp"
#include "storage/books_repository.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <memory>
#include <optional>

namespace troupe {

struct record_store_settings {
  std::shared_ptr<storage::sql> db; // used by this actor alone
  std::shared_ptr<spdlog::logger> log;
};

struct record_store_state {
  record_store_settings settings;
  std::optional<storage::books_repository> books;
  stored_records waiting;
  bool armed = false; // a tick is under way
  std::int64_t reads = 0;
  std::int64_t written = 0;
  std::int64_t dropped = 0;
  std::int64_t failed = 0;

  static inline const char* name = "record_store";
};

record_store_actor::behavior_type record_store(
  record_store_actor::stateful_pointer<record_store_state> self, record_store_settings settings);

} // namespace troupe
