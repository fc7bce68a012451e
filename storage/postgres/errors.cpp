#include "storage/postgres/errors.hpp"

#include <array>
#include <pqxx/except>
#include <utility>

namespace troupe::storage::postgres {
namespace {

/// The primary message: the first line, without "ERROR:  " and the position.
std::string primary(std::string_view said) {
  said = said.substr(0, said.find('\n'));
  for (const std::string_view severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "})
    if (said.starts_with(severity))
      said.remove_prefix(severity.size());
  if (const auto position = said.rfind(" at character "); position != std::string_view::npos)
    said = said.substr(0, position);
  return std::string{said};
}

/// https://www.postgresql.org/docs/15/errcodes-appendix.html, class 22: the server's own words quote the value.
std::string data_exception(std::string_view state) {
  static constexpr auto known = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"22P02", "a value is not of the type that its place needs"},
    {"22P03", "a value is not of the type that its place needs"},
    {"22003", "a number is out of range"},
    {"22001", "a text is too long for its column"},
    {"22021", "a text is not UTF-8"},
    {"22012", "division by zero"},
    {"22007", "a text is no date or time"},
    {"22008", "a date or time is out of range"},
  });
  for (const auto& [code, words] : known)
    if (code == state)
      return std::string{words};
  return "a value does not suit the statement (SQLSTATE " + std::string{state} + ")";
}

error of_state(std::string_view state, std::string_view said, const address& server) {
  if (state.starts_with("XX00") && state != "XX000") // data_corrupted, index_corrupted
    return {ec::storage_unusable, server.shown + ": is corrupt: " + primary(said) + ": restore it from a backup"};
  if (state.starts_with("22"))
    return {ec::storage_failed, data_exception(state)};
  if (state == "57014")
    return {ec::storage_failed, "the statement took longer than the statement time-out and was stopped"};
  if (state == "53100")
    return {ec::storage_failed, server.shown + ": cannot be written: the disk is full"};
  if (state == "25006")
    return {ec::storage_failed, server.shown + ": cannot be written: it is read-only (a standby?)"};
  return {ec::storage_failed, redact(primary(said), server)};
}

/// The server closed this session, or is going down: it says so and rolls back what ran.
bool ends_session(std::string_view state) noexcept {
  return state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" || state == "57P05";
}

} // namespace

failure failure_in_flight(const address& server) {
  try {
    throw;
  } catch (const pqxx::sql_error& e) {
    const auto& state = e.sqlstate();
    if (ends_session(state))
      return {{ec::storage_failed, redact(primary(e.what()), server)}, true, false};
    const auto outgrown = state == "0A000" && std::string_view{e.what()}.find("cached plan") != std::string_view::npos;
    return {of_state(state, e.what(), server), false, outgrown};
  } catch (const pqxx::broken_connection& e) {
    return {{ec::storage_failed, redact(primary(e.what()), server)}, true, false};
  } catch (const pqxx::failure& e) {
    return {{ec::storage_failed, redact(primary(e.what()), server)}, false, false};
  } catch (const pqxx::pqxx_exception& e) {
    return {{ec::internal, "libpqxx: " + redact(primary(e.base().what()), server)}, false, false};
  }
}

error connecting_error(std::string_view said, const address& server) {
  auto words = std::string{};
  for (const auto c : said.substr(0, said.find_last_not_of(" \n") + 1))
    words += c == '\n' || c == '\t' ? ' ' : c;
  words = redact(std::move(words), server);
  // libpq has no SQLSTATE for a connection that was not made, only these words.
  for (const std::string_view final_word : {"password authentication failed", "authentication failed", "does not exist",
         "no pg_hba.conf entry", "no password supplied", "role ", "invalid", "permission denied for database"})
    if (words.find(final_word) != std::string::npos)
      return {ec::storage_unusable, server.shown + ": refuses us: " + words};
  return {ec::storage_failed, server.shown + ": is not reachable: " + words};
}

} // namespace troupe::storage::postgres
