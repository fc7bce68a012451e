#include "apps/warmer/items.hpp"

#include "apps/books/text.hpp"

#include <xxhash.h>

namespace troupe {
namespace {

// A cell may be as long as the reader lets it; nobody searches for more than a query may have.
constexpr std::size_t longest_subject = 512;

} // namespace

void item_maker::add_once(
  std::string_view kind, std::string subject, std::string_view key, std::vector<job_item>& to) {
  if (subject.empty() || subject.size() > longest_subject)
    return;
  const auto seed = static_cast<unsigned char>(kind.front());
  if (seen_.size() < most_remembered) {
    if (!seen_.insert(XXH3_64bits_withSeed(key.data(), key.size(), seed)).second)
      return;
  } else if (seen_.contains(XXH3_64bits_withSeed(key.data(), key.size(), seed))) {
    return;
  }
  to.push_back({++last_, std::string{kind}, std::move(subject)});
}

void item_maker::add(const books::library::entry& book, std::vector<job_item>& to) {
  if (!book.isbn13.empty())
    add_once(isbn_item, book.isbn13, book.isbn13, to);
  if (auto title = books::normalise(book.work_title()); title && !title.value().empty())
    add_once(title_item, std::string{book.work_title()}, title.value(), to);
  for (const auto& author : book.authors)
    if (const auto key = books::author_key(author); !key.empty())
      add_once(author_item, author, key, to);
}

std::string path_of(const job_item& item) {
  const auto subject = books::percent_encode(item.subject);
  if (item.kind == isbn_item)
    return "/search/auto?q=" + subject + "&maxResults=1"; // S2-37
  if (item.kind == author_item)
    return "/author/" + subject + "?page=1&pageSize=50&language=en"; // S2-39
  return "/search/title?q=" + subject + "&maxResults=40&includeTranslations=false"; // S2-38, S2-83
}

std::string other_path_of(const job_item& author) {
  return "/search/author?q=" + books::percent_encode(author.subject) + "&maxResults=40&includeTranslations=false";
}

} // namespace troupe
