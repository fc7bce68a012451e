// Who follows which job's events, and what is to be read for them: of each job one reading at a time, from where the
// one of its streams stands that is furthest behind, for all of them. Which streams there may be. Pure.
//
// Invariant: a stream is given the events of its job in order and each once, whatever is read for it: what does not
// follow upon what it has had is not for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe {

class stream_book {
public:
  using id = std::uint64_t;

  struct bounds {
    std::size_t streams = 0;  // open or opening
    std::size_t a_client = 0; // likewise, of one
  };

  stream_book() = default;
  explicit stream_book(bounds most) noexcept : most_{most} {}

  enum class place : std::uint8_t { granted, none, none_for_client };

  /// For a stream that is to be opened; to be followed by give_back() or open().
  [[nodiscard]] place take_place(const std::string& client);
  void give_back(const std::string& client);

  /// A stream of a job's events behind number `seen`, in the place that was taken.
  id open(const std::string& client, const std::string& job, std::int64_t seen);
  void close(id which);

  [[nodiscard]] std::size_t size() const noexcept { return streams_.size(); }
  [[nodiscard]] std::vector<id> of(const std::string& job) const;
  [[nodiscard]] std::vector<std::string> jobs() const;
  /// Empty: there is no such stream (any more).
  [[nodiscard]] std::string job_of(id which) const;

  /// Behind which number to read the job's events now. None: nobody has room for them, or they are being read; in that
  /// case they are read once more.
  [[nodiscard]] std::optional<std::int64_t> begin_reading(const std::string& job);
  /// The reading has ended, and all of it been offered. @param more there was more than it took
  /// @return whether to begin the next at once
  [[nodiscard]] bool end_reading(const std::string& job, bool more);

  /// Whether this event is the stream's next.
  [[nodiscard]] bool takes(id which, std::int64_t seq) const;
  void sent(id which, std::int64_t seq);
  /// The client reads slower than there is to say; nothing is read for it until it has room.
  void full(id which);
  void has_room(id which);

private:
  struct stream {
    std::string client;
    std::string job;
    std::int64_t seen = 0;
    bool full = false;
  };
  struct followed {
    std::set<id> streams;
    bool reading = false;
    bool again = false; // somebody asked meanwhile
  };

  bounds most_;
  std::map<id, stream> streams_;
  std::map<std::string, followed> jobs_;
  std::map<std::string, std::size_t> clients_; // streams, open or opening
  std::size_t opening_ = 0;
  id last_ = 0;
};

} // namespace troupe
