// Server-sent events as the WHATWG's HTML standard defines their stream (9.2.5, 9.2.6). Pure.
//
// Nothing that a caller passes can become another field or another event: an id is a number, a name loses its control
// characters, data and comments are cut into lines at every line end that a client knows (CR LF, LF, CR).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// The header lines of a stream of events: not stored, not held back by a proxy.
inline constexpr std::string_view sse_head =
  "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n";

/// One event. A client dispatches it though its data be empty.
struct sse_event {
  std::optional<std::uint64_t> id;                ///< what the client sends back as Last-Event-ID; counts from 1
  std::string_view name;                          ///< empty: "message"
  std::string_view data;                          ///< UTF-8, any number of lines; the client sees them joined by LF
  std::optional<std::chrono::milliseconds> retry; ///< how long the client waits before it connects again
};

/// Appends the event in the stream's form, the empty line that dispatches it included.
void append_event(std::string& out, const sse_event& e);

/// Appends a comment: a heartbeat, which no client shows. It carries no id.
void append_comment(std::string& out, std::string_view text = {});

/// Appends how long the client waits before it connects again, for itself: no event.
void append_retry(std::string& out, std::chrono::milliseconds wait);

/// The last event that a client has seen: the value of its Last-Event-ID, decimal digits. 0, which is the start of the
/// stream, for anything else, for nothing, and for what does not fit in 64 bits.
[[nodiscard]] std::uint64_t parse_last_event_id(std::string_view value) noexcept;

} // namespace troupe::http
