#include "apps/books/isbndb.hpp"

#include "apps/books/body.hpp"
#include "apps/books/mapping.hpp"
#include "apps/books/members.hpp"
#include "apps/books/names.hpp"
#include "apps/books/text.hpp"
#include "apps/books/utf8.hpp"
#include "apps/http/hex.hpp"
#include "apps/query/parameters.hpp"

#include <algorithm>

namespace troupe::books {
namespace {

constexpr std::string_view name = "isbndb";

/// The API allows 1,000 a page; a page of ours is a search's or an author's (S2-35).
constexpr int most_results = 100;

constexpr name_list record_names{
  {"authors", "date_published", "excerpt", "image", "isbn", "isbn10", "isbn13", "language", "overview", "pages",
    "publish_date", "publisher", "subjects", "synopsis", "synopsys", "title", "title_long"}};
using record = members<record_names>;

/// "Charlotte%20Vale%20Allen" as it was meant; a percent sign that escapes nothing stays.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    const int high = escape ? http::hex_value(text[i + 1]) : -1;
    const int low = escape ? http::hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return utf8::is_well_formed(out) ? out : std::string{text};
}

/// Without what other catalogues have put behind a name: degrees, years of life, a role in brackets.
std::string name_alone(std::string text) {
  if (const auto bracket = text.rfind(" ("); text.ends_with(')') && bracket != std::string::npos && bracket > 0)
    text.resize(bracket);
  for (auto comma = text.rfind(','); comma != std::string::npos; comma = text.rfind(',')) {
    const auto behind = tidy(std::string_view{text}.substr(comma + 1));
    const bool years = !behind.empty() && behind.front() >= '0' && behind.front() <= '9'; // "1941-"
    if (!behind.empty() && !years && !is_degree(behind))
      break;
    text.resize(comma);
  }
  // a full stop that ends a sentence; behind a shorter word, or with another before it, it is an abbreviation's
  const auto word = std::string_view{text}.substr(text.find_last_of(" ,") + 1);
  if (word.size() > 4 && word.find('.') == word.size() - 1)
    text.pop_back();
  return text;
}

/// The people in one text, which is mostly one.
std::vector<std::string> people_of(std::string_view sent) {
  const auto text = sent.find('%') == std::string_view::npos ? std::string{sent} : decoded(sent);
  if (text.find("autofilled") != std::string::npos) // "~autofilled~"
    return {};
  auto names = split_names(text, ";");
  for (auto& one : names) {
    one = name_alone(std::move(one));
    one = std::count(one.begin(), one.end(), ',') == 1 ? turned_round(one) : tidy(one);
  }
  return names;
}

std::vector<std::string> authors_of(const record& r) {
  std::vector<std::string> list;
  bool whole = false; // some name has a first name and a last one
  each(r["authors"], [&](const json_value& one) {
    for (auto& text : with_text(one, people_of))
      if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) {
        whole = whole || !is_one_word(text);
        list.push_back(std::move(text));
      }
    return list.size() < most_authors;
  });
  if (list.size() == 2 && !whole) // one name in halves, the last one first
    list = {list[1] + " " + list[0]};
  return list;
}

/// What its title of full length has behind its title, when that is how it goes on.
std::string subtitle_of(const record& r, std::string_view title) {
  const auto full = text_of(r["title_long"]);
  if (!full.starts_with(title))
    return {};
  std::string_view rest{full};
  rest.remove_prefix(title.size());
  for (std::string_view between : {": ", " : ", " - "})
    if (rest.starts_with(between))
      return tidy(rest.substr(between.size()));
  return {};
}

std::string description_of(const record& r) {
  for (const auto& text : {r["synopsis"], r["synopsys"], r["overview"], r["excerpt"]})
    if (auto plain = with_text(text, html_to_text); !plain.empty())
      return plain;
  return {};
}

void add_record(std::vector<book>& list, const json_value& value) {
  const record r{value};
  auto title = text_of(r["title"]);
  if (title.empty())
    title = text_of(r["title_long"]);
  if (title.empty())
    return;
  auto& b = list.emplace_back();
  b.title = std::move(title);
  b.subtitle = subtitle_of(r, b.title);
  b.authors = authors_of(r);
  isbn_list isbns; // one edition: were two of them different, the first would count
  for (const auto& number : {r["isbn13"], r["isbn"], r["isbn10"]})
    if (isbns.empty())
      with_text(number, [&](std::string_view text) { isbns.add(text); });
  std::move(isbns).give_to(b);
  b.publisher = text_of(r["publisher"]);
  for (const auto& date : {r["date_published"], r["publish_date"]})
    if (b.published_date.empty())
      take_date(b, text_of(date));
  take_pages(b, number_of(r["pages"]));
  b.language = language_code(text_of(r["language"]));
  b.categories = texts_of(r["subjects"], most_categories);
  b.description = description_of(r);
  b.cover_url = https_url(text_of(r["image"])); // not image_original, whose links are good for two hours
  b.set_id(name, b.isbn13);
  stamp(b, name);
}

/// "?page=1&pageSize=20"
std::string page_query(const question& q) {
  return "?page=" + std::to_string(page_of(q)) + "&pageSize=" + std::to_string(page_size(q, most_results));
}

upstream_request build(const question& q, const std::string& key) {
  upstream_request request;
  const auto asked = operation_of(q);
  if (asked == "details") {
    request.target = "/book/" + percent_encode(q.text);
  } else if (asked == "author") {
    request.target = "/author/" + percent_encode(q.text) + page_query(q);
    if (const auto language = parameter_of(q.params, "language"); !language.empty())
      request.target += "&language=" + percent_encode(language);
  } else {
    request.target = "/books/" + percent_encode(q.text) + page_query(q);
  }
  if (!key.empty())
    request.headers.emplace_back("Authorization", key);
  return request;
}

result<records_ptr> map(const question& q, const http_response& answer) {
  return map_answer(name, q, answer, most_results, [](std::string_view body, bool) { return page_from_isbndb(body); });
}

} // namespace

result<found_page> page_from_isbndb(std::string_view text) {
  const auto parsed = parse_body(name, text);
  if (!parsed)
    return parsed.error();
  const auto& body = parsed.value();
  found_page page;
  if (const auto one = find(body, "book")) {
    if (!one->is_object())
      return malformed(name, "book: expected an object, got " + type_name(*one));
    page.listed = 1;
    add_record(page.books, *one);
    return readable(name, std::move(page), "book.title");
  }
  for (const char* key : {"books", "data"}) {
    const auto list = find(body, key);
    if (!list)
      continue;
    if (!list->is_array())
      return malformed(name, std::string{key} + ": expected an array, got " + type_name(*list));
    const simdjson::dom::array records = list->get_array().value_unsafe();
    page.listed = records.size();
    page.books.reserve(std::min<std::size_t>(page.listed, most_results));
    for (const auto& one : records)
      add_record(page.books, one);
    return readable(name, std::move(page), std::string{key} + "[].title");
  }
  if (text_of(find(body, "error")).starts_with("Unable to locate")) // under status 200, too
    return page;
  const auto verdict = judge_complaint(name, body);
  if (!verdict)
    return verdict.error();
  if (verdict.value() == verdict::nothing)
    return page;
  return malformed(name, "books: expected an array, the body has none");
}

upstream_api isbndb_api() {
  return {std::string{name}, build, map};
}

} // namespace troupe::books
