// What all book mappers share: from an answer's status to its records, choosing an ISBN, noting who said what, and not
// passing off one book as another.
#pragma once

#include "apps/books/book.hpp"
#include "apps/books/isbn.hpp"
#include "messages/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books {

/// More subjects or authors than these say nothing more of a book, and answers are kept in memory: Open Library lists
/// hundreds of subjects for a classic.
inline constexpr std::size_t most_categories = 20;
inline constexpr std::size_t most_authors = 50;

/// The ISBNs that a provider lists for one record. Invalid ones are skipped.
class isbn_list {
public:
  void add(std::string_view text);

  /// Sets isbn13 and isbn10: the first valid ISBN-13, otherwise the first valid ISBN-10. The others go to
  /// `other_isbns`, in ascending order.
  void give_to(book& b) &&;

  [[nodiscard]] bool empty() const noexcept { return numbers_.empty(); }

private:
  std::optional<isbn> first13_;
  std::optional<isbn> first10_;
  std::vector<std::uint64_t> numbers_;
};

/// Sets the published date as given, and its year.
void take_date(book& b, std::string_view date);

/// Sets page_count if it is one that a book can have.
void take_pages(book& b, std::int64_t pages);

/// Notes `provider` as the source of every known field.
void stamp(book& b, std::string_view provider);

/// Keeps of a details answer what is the book asked for. Hits that carry its ISBN (in either form, or among several)
/// stay and get it as their isbn13. If no hit carries any ISBN, the first stays, without one: the provider found it by
/// the ISBN, but does not say that it is that book. Otherwise nothing stays: another ISBN is another book.
void keep_asked(std::vector<book>& hits, std::string_view isbn13);

/// What one answer holds.
struct found_page {
  std::vector<book> books;
  std::size_t listed = 0; ///< records in the body, those without a title too, by which a page is known to be the last
};

/// The records of one answer, or the error that none of `listed` > 0 had a title (`where` names the field).
[[nodiscard]] result<found_page> readable(std::string_view provider, found_page page, std::string_view where);

/// What is asked of a provider: "details" of the routes "details" and "google.details" (one provider's own).
[[nodiscard]] std::string_view operation_of(const question& q) noexcept;

/// Which page of a list is asked for, from 1.
[[nodiscard]] std::int64_t page_of(const question& q) noexcept;

/// How many records a provider is asked for at once, which gives no more than `most`.
[[nodiscard]] int page_size(const question& q, int most) noexcept;

/// The books in the body of a successful answer; `details`: it answers for one ISBN.
using body_reader = result<found_page> (*)(std::string_view body, bool details);

/// A provider's upstream_api::map: judges the status, and keeps of a details answer what was asked for. A list may go
/// on when the body had as many records as were asked for (page_size), however many of them can be used.
[[nodiscard]] result<records_ptr> map_answer(
  std::string_view provider, const question& q, const http_response& answer, int most, body_reader read);

} // namespace troupe::books
