#include "storage/books_repository.hpp"

#include "storage/many_rows.hpp"

#include <map>

namespace troupe::storage {
namespace {

constexpr std::string_view select_by_isbn =
  "SELECT isbn, title, author, data, provider, fetched_ms FROM books WHERE isbn = ?";

// What INSERT OR REPLACE does, in the words that PostgreSQL knows too.
constexpr std::string_view insert = "INSERT INTO books (isbn, title, author, data, provider, fetched_ms) VALUES";
constexpr std::string_view or_replace =
  " ON CONFLICT (isbn) DO UPDATE SET title = excluded.title, author = excluded.author, data = excluded.data,"
  " provider = excluded.provider, fetched_ms = excluded.fetched_ms";

const std::string& upsert() {
  static const auto text = std::string{insert}.append(" (?, ?, ?, ?, ?, ?)").append(or_replace);
  return text;
}

params bind(const stored_record& book) {
  return {book.key, book.title, book.author, book.data, book.provider, book.fetched_ms};
}

} // namespace

result<std::optional<stored_record>> books_repository::find(std::string_view isbn) {
  auto found = db_.first(select_by_isbn, {std::string{isbn}});
  if (!found)
    return boost::outcome_v2::failure(found.error());
  if (!found.value())
    return std::optional<stored_record>{};
  const auto& row = *found.value();
  const auto text = [&](std::string_view column) {
    const auto* found_text = row.get<std::string>(column);
    return found_text != nullptr ? *found_text : std::string{};
  };
  const auto* fetched = row.get<std::int64_t>("fetched_ms");
  return std::optional{stored_record{
    text("isbn"), text("title"), text("author"), text("data"), text("provider"), fetched != nullptr ? *fetched : 0}};
}

result<void> books_repository::put(const stored_record& book) {
  if (auto done = db_.run(upsert(), bind(book)); !done)
    return boost::outcome_v2::failure(done.error());
  return ok();
}

result<void> books_repository::put_many(const std::vector<stored_record>& books) {
  // Of two of one book the later stays.
  auto last = std::map<std::string_view, const stored_record*>{};
  for (const auto& book : books)
    last[book.key] = &book;
  auto rows = std::vector<params>{};
  rows.reserve(last.size());
  for (const auto& [isbn, book] : last)
    rows.push_back(bind(*book));
  if (auto done = db_.batch(insert_many(insert, or_replace, std::move(rows))); !done)
    return boost::outcome_v2::failure(done.error());
  return ok();
}

} // namespace troupe::storage
