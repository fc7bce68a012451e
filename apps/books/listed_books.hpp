// Which books of a list that is read page by page its reader has seen. Providers rank differently, so that a book of
// one provider's first page may be on another's third: there it is left out. The rules are those of the merge
// (merge.hpp) as far as a finished record still tells. Pure.
#pragma once

#include "apps/books/book.hpp"

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::books {

class listed_books {
public:
  /// The books of the next page. For each, whether it is new: none of the pages before had it. Within a page all are
  /// told apart, as the merge has told them apart.
  [[nodiscard]] std::vector<bool> add_page(const std::vector<book>& page);

private:
  struct listed {
    bool edition = false;               // it has an ISBN of its own; a work has one among others
    std::vector<std::string> providers; // that have said something of it
  };

  [[nodiscard]] listed* find(const book& b, const listed& as);
  void remember(const book& b, listed as);

  std::vector<listed> all_;
  std::unordered_map<std::string, std::size_t> by_id_;                // ISBNs, and providers' own ids
  std::unordered_map<std::string, std::vector<std::size_t>> by_name_; // several have one title and author
};

} // namespace troupe::books
