#include "apps/books/routes.hpp"

#include "apps/books/json.hpp"
#include "apps/books/merge.hpp"

namespace troupe::books {
namespace {

std::string render_list(const question&, const records& found) {
  const auto* list = dynamic_cast<const book_list*>(&found);
  return list ? to_json(list->books) : "[]";
}

std::string render_one(const question&, const records& found) {
  const auto* list = dynamic_cast<const book_list*>(&found);
  return list && !list->books.empty() ? to_json(list->books.front()) : "null";
}

} // namespace

std::vector<route> routes() {
  const std::vector<std::string> providers{"google", "openlibrary"};
  return {{"search", providers, merge_search, render_list}, {"details", providers, merge_details, render_one}};
}

} // namespace troupe::books
