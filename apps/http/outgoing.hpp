// The buffer between the writer of a streamed answer and the connection that sends it. The writer appends under a
// mutex; the I/O thread takes all that waits as one chunk, so that small writes cost no chunk each.
//
// Invariant: what waits and what is being sent are together never more than stream_buffer bytes.
#pragma once

#include "apps/http/streams.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace troupe::http {

class outgoing : public std::enable_shared_from_this<outgoing> {
public:
  outgoing(std::shared_ptr<session> s, stream_calls calls);

  // The writer's side, from any thread.

  [[nodiscard]] wrote write(std::string_view bytes);
  void flush(std::function<void(bool)> fn);
  void end(bool complete);
  [[nodiscard]] bool is_over() const noexcept;
  [[nodiscard]] std::size_t buffered() const noexcept;

  // The connection's side, on its thread.

  /// Whether the writer has said its last word, be it end() or by being dropped.
  [[nodiscard]] bool is_ended() const noexcept;

  /// Unless something is loaded: takes what waits, as one chunk with the last one behind it, or plain. What precedes
  /// its bytes is appended to `head`.
  void load(std::string& head, bool chunked);
  /// What is loaded; unchanged until unload().
  [[nodiscard]] std::string_view loaded() const noexcept { return part_; }
  /// So much of loaded() has been sent in all.
  void sent(std::size_t bytes);
  void unload() noexcept { is_loaded_ = false; }

  /// What to do when all that was loaded has been sent.
  enum class last : std::uint8_t { no, complete, cut };
  [[nodiscard]] last is_last() const noexcept { return last_; }

  /// Tells the writer that the server wants to stop.
  void drain();
  /// Takes no more; over() is still to be called.
  void shut();
  /// The last call: all has been sent, or nothing more will be.
  void over(bool complete);

private:
  using flushes = std::vector<std::pair<std::uint64_t, std::function<void(bool)>>>;

  bool wake(std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<session> session_;

  mutable std::mutex mutex_;
  std::shared_ptr<const stream_calls> calls_; // until over
  std::string waiting_;
  flushes flushes_;           // by position in all that was written
  std::size_t held_ = 0;      // bytes waiting or being sent
  std::uint64_t written_ = 0; // in all
  bool woken_ = false;        // the connection's thread will look
  bool wants_room_ = false;
  bool ended_ = false;
  bool cut_ = false; // dropped without end()
  bool over_ = false;
  bool drained_ = false;

  // Of the connection's thread alone.
  std::string part_;         // with what frames it behind it
  std::size_t payload_ = 0;  // bytes of the writer's in part_
  std::size_t reported_ = 0; // of those, sent
  bool is_loaded_ = false;
  last last_ = last::no;
};

} // namespace troupe::http
