#include "storage/sqlite/statement_cache.hpp"

#include <climits>
#include <sqlite3.h>

namespace troupe::storage::sqlite {
namespace {

/// Whether what follows a statement is nothing but white space, semicolons and comments: preparing it gives no
/// statement.
bool nothing_follows(sqlite3* connection, const char* tail, const char* end) {
  while (tail < end) {
    sqlite3_stmt* next = nullptr;
    const auto code = sqlite3_prepare_v3(connection, tail, static_cast<int>(end - tail), 0, &next, &tail);
    const auto owner = statement_ptr{next};
    if (code != SQLITE_OK || next != nullptr)
      return false;
  }
  return true;
}

} // namespace

void finalizer::operator()(sqlite3_stmt* prepared) const noexcept {
  sqlite3_finalize(prepared);
}

statement_cache::prepared statement_cache::prepare(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return {found->second->statement.get(), SQLITE_OK, true};
  }
  if (text.size() > INT_MAX)
    return {nullptr, SQLITE_TOOBIG, true};
  // SQLite stops reading at a NUL byte: what stands behind it would be ignored without a word.
  if (text.find('\0') != std::string_view::npos)
    return {nullptr, SQLITE_OK, false};
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const auto code =
    sqlite3_prepare_v3(connection_, text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  auto owner = statement_ptr{raw};
  if (code != SQLITE_OK)
    return {nullptr, code, true};
  if (!owner || !nothing_follows(connection_, tail, text.data() + text.size()))
    return {nullptr, SQLITE_OK, false};
  if (entries_.size() >= capacity_) {
    by_text_.erase(entries_.back().text);
    entries_.pop_back();
  }
  entries_.push_front(entry{std::string{text}, std::move(owner)});
  by_text_.emplace(entries_.front().text, entries_.begin());
  return {entries_.front().statement.get(), SQLITE_OK, true};
}

void statement_cache::clear() noexcept {
  by_text_.clear();
  entries_.clear();
}

} // namespace troupe::storage::sqlite
