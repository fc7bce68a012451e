// What all book mappers share: choosing an ISBN, noting who said what, and not passing off one book as another.
#pragma once

#include "apps/books/book.hpp"
#include "messages/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::books {

/// More subjects or authors than these say nothing more of a book, and answers are kept in memory: Open Library lists
/// hundreds of subjects for a classic.
inline constexpr std::size_t most_categories = 20;
inline constexpr std::size_t most_authors = 50;

/// Sets isbn13 and isbn10 from what a provider lists: the first valid ISBN-13, otherwise the first valid ISBN-10. The
/// others that are valid go to `other_isbns`, in ascending order. Invalid ones are skipped.
void take_isbns(book& b, const std::vector<std::string>& listed);

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

/// The records of one answer, or the error that none of `seen` > 0 listed ones had a title (`where` names the field).
[[nodiscard]] result<std::vector<book>> readable(
  std::string_view provider, std::vector<book> list, std::size_t seen, std::string_view where);

} // namespace troupe::books
