#include "apps/books/routes.hpp"

#include "apps/books/json.hpp"
#include "apps/books/mapping.hpp"
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

std::string render_author(const question& q, const records& found) {
  const auto* list = dynamic_cast<const book_list*>(&found);
  std::string out = R"({"author":)";
  append_json(out, q.text);
  out.append(R"(,"page":)").append(std::to_string(page_of(q)));
  out.append(R"(,"page_size":)").append(std::to_string(q.limit));
  out.append(list != nullptr && list->may_go_on ? R"(,"more":true,"books":)" : R"(,"more":false,"books":)");
  return out.append(list ? to_json(list->books) : "[]").append("}");
}

std::string render_page(const question&, const records& found) {
  const auto* list = dynamic_cast<const book_list*>(&found);
  std::string out = list != nullptr && list->may_go_on ? R"({"more":true,"books":)" : R"({"more":false,"books":)";
  return out.append(list ? to_json(list->books) : "[]").append("}");
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

std::vector<route> routes(bool with_isbndb) {
  std::vector<std::string> providers{"google", "openlibrary"};
  const auto others = providers;
  auto of_authors = providers;
  if (with_isbndb) {
    providers.emplace_back("isbndb");
    of_authors.insert(of_authors.begin(), "isbndb");
  }
  return {{"search", providers, merge_search, render_list, {}},
    {"details", providers, merge_details, render_one, rows_of}, {"author", of_authors, merge_page, render_author, {}},
    {"elsewhere.author", others, merge_page, render_author, {}},
    {"search_page", providers, merge_page, render_page, {}}};
}

} // namespace troupe::books
