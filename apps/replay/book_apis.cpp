#include "apps/replay/book_apis.hpp"

#include "apps/replay/words.hpp"

#include <algorithm>
#include <array>

namespace troupe::replay {

query_terms parse_terms(std::string_view q) {
  // Google: developers.google.com/books/docs/v1/using#PerformingSearch; Open Library: its Solr fields
  static constexpr std::array<std::string_view, 12> prefixes{"intitle:", "inauthor:", "inpublisher:", "subject:",
    "lccn:", "oclc:", "title:", "author:", "author_name:", "publisher:", "key:", "text:"};
  query_terms out;
  while (!q.empty()) {
    auto term = take_until(q, ' ');
    if (term.starts_with("isbn:") || term.starts_with("ISBN:")) {
      std::string number{term.substr(5)};
      std::erase(number, '"');
      out.isbns.push_back(std::move(number));
      continue;
    }
    for (auto prefix : prefixes)
      if (term.starts_with(prefix)) {
        term.remove_prefix(prefix.size());
        break;
      }
    out.words += term;
    out.words += ' ';
  }
  return out;
}

hits find_books(const catalogue& books, const query_terms& terms, std::size_t offset, std::size_t count) {
  if (terms.isbns.empty())
    return books.search(terms.words, offset, count);
  std::vector<std::uint32_t> all;
  for (const auto& isbn : terms.isbns)
    for (const auto row : books.with_isbn(isbn))
      if (std::find(all.begin(), all.end(), row) == all.end())
        all.push_back(row);
  hits out;
  out.total = all.size();
  for (std::size_t i = offset; i < all.size() && out.rows.size() < count; ++i)
    out.rows.push_back(all[i]);
  return out;
}

} // namespace troupe::replay
