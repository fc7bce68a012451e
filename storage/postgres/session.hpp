// One connection to PostgreSQL while it lives: sends prepared statements and scripts, and says how each ended. It
// never reconnects by itself: what a lost connection means is the database's to decide (database.hpp).
#pragma once

#include "storage/postgres/errors.hpp"
#include "storage/postgres/values.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <pqxx/connection>
#include <pqxx/result>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::storage::postgres {

template <class T>
using attempt = boost::outcome_v2::basic_result<T, failure, boost::outcome_v2::policy::terminate>;

class session {
public:
  /// Connects and sets the session up. Errors as connecting_error.
  /// @param cached_statements how many prepared statements the server keeps for us; at least 1.
  [[nodiscard]] static result<std::unique_ptr<session>> connect(
    const address& server, std::chrono::milliseconds statement_timeout, std::size_t cached_statements);

  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session();

  /// Whether the server is still there, as far as its socket knows without asking: a server that went away while
  /// nothing was asked is noticed before a statement is sent, so that its outcome is not in doubt.
  [[nodiscard]] bool alive() noexcept;

  /// Runs one prepared statement; `text` has its places as `$n`.
  [[nodiscard]] attempt<pqxx::result> run(std::string_view text, const std::vector<argument>& arguments);

  /// Runs one statement that is prepared for this once; DECLARE CURSOR takes parameters in this way.
  [[nodiscard]] attempt<pqxx::result> run_once(const std::string& text, const std::vector<argument>& arguments);

  /// Runs statements without parameters.
  [[nodiscard]] attempt<pqxx::result> script(const std::string& text);

private:
  session(const address& server, std::size_t cached_statements);

  const std::string& name_of(std::string_view text);
  void forget(std::string_view text);

  template <class Work>
  attempt<pqxx::result> guarded(Work&& work);

  struct entry {
    std::string text;
    std::string name;
  };

  const address server_;
  std::size_t capacity_;
  std::int64_t names_ = 0;
  std::list<entry> entries_; // most recently used first; the keys below point into it
  std::unordered_map<std::string_view, std::list<entry>::iterator> by_text_;
  pqxx::connection connection_;
};

} // namespace troupe::storage::postgres
