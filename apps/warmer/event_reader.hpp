// Reads server-sent events as a client does (WHATWG HTML 9.2.5 and 9.2.6), from pieces of any size. What is needed to
// go on after a lost connection stays: the last event's id, and how long to wait. Pure.
#pragma once

#include "messages/result.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// An event as it was dispatched.
struct received_event {
  std::string id; ///< the last that was sent, with this event or one before it
  std::string name = "message";
  std::string data; ///< lines joined by LF
};

class event_reader {
public:
  using sink = std::function<void(const received_event&)>;

  /// The next bytes of the stream. Fails with ec::provider_malformed when an event is larger than any of ours.
  [[nodiscard]] result<void> feed(std::string_view bytes, const sink& to);

  /// The connection was lost: what has come of an event that was not dispatched is dropped.
  void reconnect();

  /// For Last-Event-ID; empty: none yet.
  [[nodiscard]] const std::string& last_id() const noexcept { return last_id_; }
  /// What the server wants to be waited before the next connection, if it said so.
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

private:
  void take_line(const sink& to);
  void take_field(std::string_view name, std::string_view value);

  std::string line_;
  bool after_cr_ = false; // an LF that follows belongs to the same line end
  bool first_line_ = true;
  received_event event_;
  bool has_data_ = false;
  std::string last_id_;
  std::optional<std::chrono::milliseconds> retry_;
};

} // namespace troupe
