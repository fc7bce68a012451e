#include "apps/books/mapping.hpp"

#include "apps/books/body.hpp"
#include "apps/books/text.hpp"
#include "apps/query/parameters.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::books {
namespace {

void set_isbn(book& b, const isbn& chosen) {
  b.isbn13 = chosen.isbn13();
  b.isbn10 = chosen.isbn10();
}

} // namespace

void isbn_list::add(std::string_view text) {
  const auto read = isbn::parse(text);
  if (!read)
    return;
  // ten digits may carry hyphens, but never reach the thirteen digits that the other form has at least
  auto& first =
    std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) == 13 ? first13_ : first10_;
  if (!first)
    first = read.value();
  numbers_.push_back(read.value().number());
}

void isbn_list::give_to(book& b) && {
  if (empty())
    return;
  const auto& chosen = first13_ ? *first13_ : *first10_;
  set_isbn(b, chosen);
  auto& others = b.other_isbns = std::move(numbers_);
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  others.erase(std::find(others.begin(), others.end(), chosen.number()));
}

void take_date(book& b, std::string_view date) {
  b.published_date = date;
  b.published_year = year_of(date);
}

void take_pages(book& b, std::int64_t pages) {
  // the longest printed books have some 20,000; Google sends 0 for unknown
  if (pages > 0 && pages <= 100'000)
    b.page_count = static_cast<int>(pages);
}

void stamp(book& b, std::string_view provider) {
  auto note = [&](field f, bool known) {
    if (known)
      b.said(f) = provider;
  };
  note(field::title, !b.title.empty());
  note(field::subtitle, !b.subtitle.empty());
  note(field::authors, !b.authors.empty());
  note(field::isbn13, !b.isbn13.empty());
  note(field::isbn10, !b.isbn10.empty());
  note(field::publisher, !b.publisher.empty());
  note(field::published_date, !b.published_date.empty());
  note(field::published_year, b.published_year != 0);
  note(field::page_count, b.page_count != 0);
  note(field::language, !b.language.empty());
  note(field::categories, !b.categories.empty());
  note(field::description, !b.description.empty());
  note(field::cover_url, !b.cover_url.empty());
}

void keep_asked(std::vector<book>& hits, std::string_view isbn13) {
  const auto asked = isbn::parse(isbn13);
  if (!asked) {
    hits.clear();
    return;
  }
  const auto number = asked.value().number();
  const bool any_isbn = std::any_of(hits.begin(), hits.end(), [](const book& b) { return !b.isbn13.empty(); });
  if (!any_isbn) {
    if (hits.size() > 1)
      hits.erase(hits.begin() + 1, hits.end());
    return;
  }
  std::erase_if(hits, [&](const book& b) {
    return b.isbn13 != asked.value().isbn13()
           && !std::binary_search(b.other_isbns.begin(), b.other_isbns.end(), number);
  });
  for (auto& b : hits)
    if (b.isbn13 != asked.value().isbn13()) {
      const auto source = b.said(field::isbn13);
      auto& others = b.other_isbns;
      others.erase(std::find(others.begin(), others.end(), number));
      const auto was = isbn::parse(b.isbn13).value().number();
      others.insert(std::lower_bound(others.begin(), others.end(), was), was);
      set_isbn(b, asked.value());
      b.said(field::isbn10) = b.isbn10.empty() ? std::string{} : source;
    }
}

result<found_page> readable(std::string_view provider, found_page page, std::string_view where) {
  if (page.books.empty() && page.listed > 0)
    return malformed(
      provider, std::string{where} + ": expected a title, none of " + std::to_string(page.listed) + " records has one");
  return page;
}

std::string_view operation_of(const question& q) noexcept {
  const std::string_view route{q.route};
  return route.substr(route.rfind('.') + 1); // npos + 1 is 0
}

std::int64_t page_of(const question& q) noexcept {
  const auto text = parameter_of(q.params, "page");
  std::int64_t page = 1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), page);
  return code != std::errc{} || end != text.data() + text.size() || page < 1 ? 1 : page;
}

int page_size(const question& q, int most) noexcept {
  return std::clamp<int>(q.limit, 1, most);
}

result<records_ptr> map_answer(
  std::string_view provider, const question& q, const http_response& answer, int most, body_reader read) {
  const auto verdict = judge_status(provider, answer);
  if (!verdict)
    return verdict.error();
  if (verdict.value() == verdict::nothing)
    return records_ptr{std::make_shared<book_list>()};
  const bool details = operation_of(q) == "details";
  auto read_page = read(answer.body.view(), details);
  if (!read_page)
    return read_page.error();
  auto& page = read_page.value();
  if (details)
    keep_asked(page.books, q.text);
  auto list = std::make_shared<book_list>(std::move(page.books));
  list->may_go_on = !details && page.listed >= static_cast<std::size_t>(page_size(q, most));
  return records_ptr{std::move(list)};
}

} // namespace troupe::books
