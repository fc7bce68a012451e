#include "storage/postgres/session.hpp"

#include <algorithm>
#include <poll.h>
#include <pqxx/nontransaction>
#include <pqxx/version>
#if PQXX_VERSION_MAJOR < 7
#include <pqxx/prepared_statement>
#else
#include <pqxx/params>
#endif

namespace troupe::storage::postgres {
namespace {

// What differs between libpqxx 6 (Debian 12) and 7 (7.10 in Debian 13) stands here.
#if PQXX_VERSION_MAJOR < 7
constexpr auto terse = pqxx::connection_base::terse;

/// Version 6 would open a lost connection again in the middle of a transaction, and go on outside of it.
void never_reconnect(pqxx::connection& c) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  c.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

auto arguments_of(const std::vector<const char*>& pointers) {
  return pqxx::prepare::make_dynamic_params(pointers);
}
#else
constexpr auto terse = pqxx::error_verbosity::terse;

void never_reconnect(pqxx::connection&) {}

auto arguments_of(const std::vector<const char*>& pointers) {
  auto list = pqxx::params{};
  for (const auto* each : pointers)
    list.append(each);
  return list;
}
#endif

#if PQXX_VERSION_MAJOR > 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 10)
pqxx::result execute_prepared(
  pqxx::nontransaction& work, const std::string& name, const std::vector<const char*>& pointers) {
  return work.exec(pqxx::prepped{name}, arguments_of(pointers));
}

pqxx::result execute_once(
  pqxx::nontransaction& work, const std::string& text, const std::vector<const char*>& pointers) {
  return work.exec(text, arguments_of(pointers));
}
#else
pqxx::result execute_prepared(
  pqxx::nontransaction& work, const std::string& name, const std::vector<const char*>& pointers) {
  return work.exec_prepared(name, arguments_of(pointers));
}

pqxx::result execute_once(
  pqxx::nontransaction& work, const std::string& text, const std::vector<const char*>& pointers) {
  return work.exec_params(text, arguments_of(pointers));
}
#endif

std::vector<const char*> pointers_to(const std::vector<argument>& arguments) {
  auto pointers = std::vector<const char*>{};
  pointers.reserve(arguments.size());
  for (const auto& each : arguments)
    pointers.push_back(each ? each->c_str() : nullptr);
  return pointers;
}

} // namespace

session::session(const address& server, std::size_t cached_statements)
    : server_{server}, capacity_{std::max<std::size_t>(1, cached_statements)}, connection_{server.complete} {}

session::~session() = default;

result<std::unique_ptr<session>> session::connect(
  const address& server, std::chrono::milliseconds statement_timeout, std::size_t cached_statements) {
  try {
    auto opened = std::unique_ptr<session>{new session{server, cached_statements}};
    never_reconnect(opened->connection_);
    opened->connection_.set_verbosity(terse); // without DETAIL, which holds values
    auto set = opened->script("SET statement_timeout = " + std::to_string(statement_timeout.count())
                              + "; SET client_encoding = 'UTF8'; SET client_min_messages = error;"
                                " SET standard_conforming_strings = on; SET bytea_output = 'hex';"
                                " SET TimeZone = 'UTC'; SET DateStyle = 'ISO'");
    if (!set)
      return boost::outcome_v2::failure(std::move(set.error().what));
    return opened;
  } catch (const pqxx::pqxx_exception& e) {
    return boost::outcome_v2::failure(connecting_error(e.base().what(), server));
  }
}

bool session::alive() noexcept {
  // What the server had to say before it closed comes first, its end of the connection after it: hence a few turns.
  for (auto turn = 0; turn < 8; ++turn) {
    if (!connection_.is_open())
      return false;
    auto socket = pollfd{connection_.sock(), POLLIN, 0};
    if (::poll(&socket, 1, 0) == 0)
      return true;
    try {
      connection_.get_notifs();
    } catch (...) {
      return false;
    }
  }
  return connection_.is_open();
}

template <class Work>
attempt<pqxx::result> session::guarded(Work&& work) {
  try {
    auto transaction = pqxx::nontransaction{connection_};
    return work(transaction);
  } catch (...) {
    auto failed = failure_in_flight(server_);
    failed.lost = failed.lost || !connection_.is_open();
    return boost::outcome_v2::failure(std::move(failed));
  }
}

attempt<pqxx::result> session::run(std::string_view text, const std::vector<argument>& arguments) {
  auto done = guarded([&](pqxx::nontransaction& transaction) {
    return execute_prepared(transaction, name_of(text), pointers_to(arguments));
  });
  if (!done && done.error().outgrown)
    forget(text);
  return done;
}

attempt<pqxx::result> session::run_once(const std::string& text, const std::vector<argument>& arguments) {
  return guarded(
    [&](pqxx::nontransaction& transaction) { return execute_once(transaction, text, pointers_to(arguments)); });
}

attempt<pqxx::result> session::script(const std::string& text) {
  return guarded([&](pqxx::nontransaction& transaction) { return transaction.exec(text); });
}

const std::string& session::name_of(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->name;
  }
  if (entries_.size() >= capacity_)
    forget(std::string{entries_.back().text});
  auto made = entry{std::string{text}, "t" + std::to_string(++names_)};
  connection_.prepare(made.name, made.text);
  entries_.push_front(std::move(made));
  by_text_.emplace(entries_.front().text, entries_.begin());
  return entries_.front().name;
}

void session::forget(std::string_view text) {
  const auto found = by_text_.find(text);
  if (found == by_text_.end())
    return;
  try {
    connection_.unprepare(found->second->name);
  } catch (...) {
    // In a transaction that failed the server forgets nothing; the name is never used again.
  }
  const auto where = found->second;
  by_text_.erase(found);
  entries_.erase(where);
}

} // namespace troupe::storage::postgres
