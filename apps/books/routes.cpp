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

stored_records rows_of(const question& q, const records& found) {
  const auto* list = dynamic_cast<const book_list*>(&found);
  if (!list || list->books.empty())
    return {};
  const auto& b = list->books.front();
  std::string author;
  for (const auto& name : b.authors)
    author.append(author.empty() ? "" : ", ").append(name);
  return {{q.text, b.title, std::move(author), to_json(b), {}, 0}};
}

} // namespace

std::vector<route> routes() {
  const std::vector<std::string> providers{"google", "openlibrary"};
  return {
    {"search", providers, merge_search, render_list, {}}, {"details", providers, merge_details, render_one, rows_of}};
}

} // namespace troupe::books
