// The body of one upload on its way from its connection to storage: bytes go in on the I/O thread and come out on the
// thread that stores them, which waits for them. A form is taken apart on the way; what comes out is the file alone.
//
// Invariant: no more is held than was granted (a window), and as much is granted again as was taken out or passed over;
// so a client is never faster than storage, and memory is bounded whatever it sends.
#pragma once

#include "apps/http/multipart.hpp"
#include "apps/http/streams.hpp"
#include "messages/result.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// Bytes that are held, of several bodies together, and the most that ever were.
class held_bytes {
public:
  void add(std::int64_t change) noexcept;
  [[nodiscard]] std::int64_t now() const noexcept { return now_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t most() const noexcept { return most_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::int64_t> now_{0};
  std::atomic<std::int64_t> most_{0};
};

/// Whether a library may be called so: 1 to 64 of A-Z a-z 0-9 . _ -
[[nodiscard]] bool is_library_name(std::string_view name) noexcept;

/// The library's name, or ec::bad_request naming the field.
[[nodiscard]] result<std::string> checked_library_name(std::string_view name);

class upload_body final : public http::body_consumer, private http::part_consumer {
public:
  /// `boundary`: of a form; empty: the body is the file. `held` outlives this.
  upload_body(held_bytes& held, const std::string& boundary);
  ~upload_body() override;

  // ---- on the connection's I/O thread

  /// Calls `fn` once, on the I/O thread, when wait_for_file() does not block any more because of what arrived; not for
  /// stop(). To be set before begin().
  void when_ready(std::function<void()> fn);
  /// What take_body() gave, before anything else arrives.
  void begin(http::body_flow flow);
  void on_part(std::string_view bytes) override;
  void on_end(http::body_end how) override;

  // ---- on the thread that stores; they block

  /// What is known of the file when its first bytes are here.
  struct file {
    std::string name;    ///< of the part, as sent; empty where the body is the file
    std::string type;    ///< of the part, likewise
    std::string library; ///< the form's field that came before it; empty: none
    bool gzip = false;   ///< by its first two bytes
  };

  /// Waits for the file. Fails with ec::bad_request when the body is empty or a form that cannot be read, and as
  /// read().
  [[nodiscard]] result<file> wait_for_file();

  /// The next bytes of the file into the front of `buffer`: how many, 0 at its end, which is there only when the whole
  /// body has arrived. Fails with ec::bad_request for a form that cannot be read, with ec::cancelled when the body
  /// ended otherwise than complete, and with what stop() said.
  [[nodiscard]] result<std::size_t> read(std::span<char> buffer);

  // ---- on any thread

  /// Whoever reads fails with this from now on.
  void stop(error why);

  /// How the body ended, once it has.
  [[nodiscard]] std::optional<http::body_end> ended() const;

private:
  enum class within : std::uint8_t { nothing, file, library, other };

  void on_part(const http::part_head& head) override;
  void on_bytes(std::string_view bytes) override;
  void on_part_end() override;

  void keep(std::string_view bytes);
  [[nodiscard]] std::size_t held() const noexcept { return bytes_.size() - taken_; }
  [[nodiscard]] std::size_t to_grant() noexcept;
  void fail_with(error why);
  [[nodiscard]] std::optional<error> trouble() const;
  [[nodiscard]] bool is_ready() const;
  [[nodiscard]] std::function<void()> news();

  held_bytes& all_held_;
  mutable std::mutex mutex_; // guards everything below
  std::condition_variable changed_;
  http::body_flow flow_;
  std::function<void()> ready_; // null: told
  std::optional<http::multipart_parser> form_;
  within within_ = within::nothing;
  std::string field_; // of the form, so far
  std::optional<file> file_;
  std::string bytes_;
  std::size_t taken_ = 0; // of them, from the front
  std::size_t owed_ = 0;  // arrived, and not granted again
  std::optional<error> failed_;
  std::optional<http::body_end> end_;
};

} // namespace troupe
