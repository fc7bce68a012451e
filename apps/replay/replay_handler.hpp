// What answers replay's calls: recorded bodies first, then the catalogue, each call counted on arrival and put through
// the fault table; and the control calls below /__replay, which are neither counted nor hit by faults:
//   PUT /__replay/faults      adds a fault (parse_fault says what it takes); answers all of them
//   GET /__replay/faults      all of them;   DELETE /__replay/faults   none any more
//   GET /__replay/stats       counts and the last calls;   DELETE /__replay/stats   zeroes both
#pragma once

#include "apps/http/server.hpp"
#include "apps/replay/book_apis.hpp"
#include "apps/replay/call_log.hpp"
#include "apps/replay/catalogue.hpp"
#include "apps/replay/faults.hpp"
#include "apps/replay/manifest.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace troupe::replay {

class replay_handler final : public http::handler {
public:
  replay_handler(std::optional<manifest> recordings, std::optional<catalogue> books, fault_table faults);

  [[nodiscard]] std::size_t max_body(const http::request& r) const override;
  void handle(http::exchange e) override;

private:
  /// A catalogue with the three interfaces to it, at one address.
  struct shelf {
    explicit shelf(catalogue c) : books{std::move(c)}, google{books}, library{books}, isbn_database{books} {}
    shelf(const shelf&) = delete;
    shelf& operator=(const shelf&) = delete;

    catalogue books;
    google_books google;
    open_library library;
    isbndb isbn_database;
  };

  [[nodiscard]] http::response control(const http::request& r);
  /// Draws for a call and writes it down.
  [[nodiscard]] verdict admit(const http::request& r, std::string_view provider);
  /// The right answer to a call.
  [[nodiscard]] reply answer(const http::request& r, std::string_view provider) const;
  /// Answers as the verdict says, its delay being over.
  void finish(http::exchange e, std::string_view provider, const std::optional<fault>& broken) const;

  const std::optional<manifest> recordings_;
  const std::unique_ptr<const shelf> shelf_; // null without a catalogue
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  std::mutex mutex_; // guards what follows; held for a microsecond
  fault_table faults_;
  call_log log_;
};

} // namespace troupe::replay
