#include "apps/warmer/items.hpp"

#include "apps/books/text.hpp"
#include "apps/books/utf8.hpp"

#include <algorithm>
#include <xxhash.h>

namespace troupe {
namespace {

// A cell may be as long as the reader lets it; nobody searches for more than a query may have.
constexpr std::size_t longest_subject = 512;

// The tier that an answer came from, by its X-Cache (actors/cache/tiers.hpp): what was promoted on the way was cold.
std::string_view tier_of(std::string_view x_cache) {
  return x_cache.starts_with("HIT-KV") ? done_hot : x_cache.starts_with("HIT") ? done_cold : done_fetched;
}

} // namespace

void item_maker::add_once(std::string_view kind, std::string subject, std::string_view key, std::vector<job_item>& to) {
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
    return "/author/" + subject + "?page=1&pageSize=50&language=en";                // S2-39
  return "/search/title?q=" + subject + "&maxResults=40&includeTranslations=false"; // S2-38, S2-83
}

std::string other_path_of(const job_item& author) {
  return "/search/author?q=" + books::percent_encode(author.subject) + "&maxResults=40&includeTranslations=false";
}

warm_verdict judge(const service_response& r) {
  constexpr std::size_t longest_message = 300;
  constexpr std::int64_t longest_wait = 3'600;
  warm_verdict v;
  if (r.code == ec::none && (r.status == 200 || r.status == 404)) {
    v.how = tier_of(r.header("X-Cache"));
    // A quote within a value is escaped: this is the key.
    constexpr std::string_view key = R"("books":[)";
    const auto at = r.body.view().find(key);
    v.empty = r.status == 404 || (at != std::string_view::npos && r.body.view().substr(at + key.size(), 1) == "]");
    return v;
  }
  // The platform's own words for what passes come as a status.
  v.code = r.code != ec::none ? r.code
           : r.status == 503  ? ec::all_circuits_open
           : r.status >= 500  ? ec::all_providers_failed
                              : ec::bad_request;
  v.message = storable(r.code != ec::none ? std::string_view{r.detail} : r.body.view(), longest_message);
  std::int64_t n = 0;
  for (const char c : r.header("Retry-After"))
    n = c >= '0' && c <= '9' && n < longest_wait ? n * 10 + (c - '0') : n;
  v.wait = std::chrono::seconds{std::min(n, longest_wait)};
  return v;
}

std::string storable(std::string_view text, std::size_t most) {
  std::string out;
  std::string character;
  for (std::size_t at = 0; at < text.size();) {
    const auto point = books::utf8::next(text, at);
    if (point == 0)
      continue;
    character.clear();
    books::utf8::append(character, point);
    if (out.size() + character.size() > most)
      break;
    out += character;
  }
  return out;
}

} // namespace troupe
