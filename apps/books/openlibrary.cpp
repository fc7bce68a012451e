#include "apps/books/openlibrary.hpp"

#include "apps/books/body.hpp"
#include "apps/books/mapping.hpp"
#include "apps/books/members.hpp"
#include "apps/books/text.hpp"
#include "apps/query/parameters.hpp"

#include <algorithm>

namespace troupe::books {
namespace {

constexpr std::string_view name = "openlibrary";

/// More than a page of ours ever needs; the API has no stated maximum, but grows slow.
constexpr int most_results = 100;

constexpr std::string_view search_fields =
  "key,title,subtitle,author_name,isbn,publisher,first_publish_year,publish_date,"
  "number_of_pages_median,language,subject,cover_i";

constexpr name_list record_names{{"author_name", "authors", "cover", "cover_i", "covers", "description",
  "first_publish_date", "first_publish_year", "identifiers", "isbn", "isbn_10", "isbn_13", "key", "language",
  "languages", "number_of_pages", "number_of_pages_median", "publish_date", "publish_year", "publisher", "publishers",
  "subject", "subjects", "subtitle", "title", "title_prefix", "type"}};
using record = members<record_names>;

/// "/type/edition" of `{"type": {"key": ...}}`, or "work" of a search document.
std::string type_of(const record& r) {
  return text_of(r["type"]);
}

bool is_author(const record& r) {
  const auto type = type_of(r);
  return type == "/type/author" || type == "author" || text_of(r["key"]).starts_with("/authors/");
}

/// The only one of a list that says the same throughout.
std::string only_text(const json_member& value) {
  std::string only;
  each(value, [&](const json_value& one) {
    auto text = text_of(one);
    if (only.empty())
      only = std::move(text);
    else if (!text.empty() && text != only) {
      only.clear();
      return false;
    }
    return true;
  });
  return only;
}

std::string first_of(const json_member& preferred, const json_member& other) {
  auto text = text_of(preferred);
  return text.empty() ? text_of(other) : text;
}

/// Names in `author_name`, or in `authors` where they are more than keys.
std::vector<std::string> authors_of(const record& r) {
  auto list = texts_of(r["author_name"], most_authors);
  if (list.empty() && r["authors"] && r["authors"]->is_array())
    each(r["authors"], [&](const json_value& author) {
      if (auto text = text_of(author.is_string() ? author : find(author, "name")); !text.empty())
        list.push_back(std::move(text));
      return list.size() < most_authors;
    });
  return list;
}

isbn_list isbns_of(const record& r) {
  isbn_list list;
  for (const auto& values :
    {r["isbn_13"], r["isbn_10"], r["isbn"], find(r["identifiers"], "isbn_13"), find(r["identifiers"], "isbn_10")})
    each(values, [&](const json_value& one) {
      with_text(one, [&](std::string_view text) { list.add(text); });
      return true;
    });
  return list;
}

std::string cover_of(const record& r) {
  for (const auto& ids : {r["cover_i"], r["covers"]}) {
    std::int64_t id = 0;
    each(ids, [&](const json_value& one) { // -1 stands for a cover that was taken away
      id = number_of(one);
      return id == 0;
    });
    if (id > 0)
      return "https://covers.openlibrary.org/b/id/" + std::to_string(id) + "-L.jpg";
  }
  for (const auto* size : {"large", "medium", "small"})
    if (auto url = https_url(text_of(find(r["cover"], size))); !url.empty())
      return url;
  return {};
}

/// Plain text, trimmed; "\r\n" becomes "\n".
std::string description_of(const record& r) {
  return with_text(r["description"], [](std::string_view sent) {
    constexpr std::string_view space = " \t\r\n";
    const auto from = std::min(sent.find_first_not_of(space), sent.size());
    std::string text{sent.substr(from, sent.find_last_not_of(space) + 1 - from)};
    std::erase(text, '\r');
    return text;
  });
}

/// "OL45804W" of "/works/OL45804W".
std::string id_of(const record& r) {
  auto key = text_of(r["key"]);
  if (key.empty())
    key = text_of(find(r["identifiers"], "openlibrary"));
  return key.substr(key.rfind('/') + 1); // npos + 1 is 0
}

/// The first date of a list, or the earliest: a work's dates are those of its editions, in no order.
std::string date_of(const json_member& dates, bool earliest) {
  std::string chosen;
  int chosen_year = 0;
  each(dates, [&](const json_value& one) {
    auto date = text_of(one);
    const int year = year_of(date);
    if (chosen.empty() || (year != 0 && (chosen_year == 0 || year < chosen_year))) {
      chosen = std::move(date);
      chosen_year = year;
    }
    return earliest || chosen.empty();
  });
  return chosen;
}

void take_dates(book& b, const record& r, bool work) {
  std::string date;
  if (const auto year = number_of(r["first_publish_year"]); year > 0)
    date = std::to_string(year);
  if (date.empty())
    date = date_of(r["publish_date"], work);
  if (date.empty())
    date = date_of(r["first_publish_date"], false);
  if (date.empty())
    date = date_of(r["publish_year"], true);
  take_date(b, date);
}

void add_record(std::vector<book>& list, const record& r, bool work, std::string_view bibkey = {}) {
  auto title = text_of(r["title"]);
  if (title.empty() || is_author(r))
    return;
  if (const auto prefix = text_of(r["title_prefix"]); !prefix.empty()) // "The", in older records
    title = prefix + ' ' + title;
  auto& b = list.emplace_back();
  b.title = std::move(title);
  b.subtitle = text_of(r["subtitle"]);
  b.authors = authors_of(r);
  auto isbns = isbns_of(r);
  if (isbns.empty() && bibkey.starts_with("ISBN:")) // found under this ISBN, without repeating it
    isbns.add(bibkey.substr(5));
  std::move(isbns).give_to(b);
  b.publisher = work ? only_text(r["publisher"]) : first_of(r["publishers"], r["publisher"]);
  take_dates(b, r, work);
  for (const auto& pages : {r["number_of_pages"], r["number_of_pages_median"]})
    if (b.page_count == 0)
      take_pages(b, number_of(pages));
  b.language = language_code(work ? only_text(r["language"]) : first_of(r["languages"], r["language"]));
  b.categories = texts_of(r["subjects"] ? r["subjects"] : r["subject"], most_categories);
  b.description = description_of(r);
  b.cover_url = cover_of(r);
  b.set_id(name, id_of(r));
  stamp(b, name);
}

result<found_page> read_list(const json_value& value, const std::string& where, bool works) {
  if (!value.is_array())
    return malformed(name, where + ": expected an array, got " + type_name(value));
  const simdjson::dom::array records = value.get_array().value_unsafe();
  found_page page{{}, records.size()};
  page.books.reserve(std::min<std::size_t>(page.listed, most_results));
  for (const auto& one : records)
    add_record(page.books, record{one}, works);
  return readable(name, std::move(page), where + "[].title");
}

/// The object of api/books. What was not found is not in it.
result<found_page> read_bibkeys(const simdjson::dom::object& body) {
  found_page page{{}, body.size()};
  for (const auto& [bibkey, value] : body) {
    const auto details = find(value, "details"); // jscmd=details wraps the edition
    add_record(page.books, record{details && details->is_object() ? details : value}, false, bibkey);
  }
  return readable(name, std::move(page), "ISBN:*.title");
}

upstream_request build(const question& q, const std::string&) {
  upstream_request request;
  const auto asked = operation_of(q);
  if (asked == "details") {
    request.target = "/api/books?bibkeys=ISBN:" + percent_encode(q.text) + "&format=json&jscmd=data";
  } else {
    request.target = (asked == "author" ? "/search.json?author=" : "/search.json?q=") + percent_encode(q.text)
                     + "&limit=" + std::to_string(page_size(q, most_results)) + "&fields=" + std::string{search_fields};
    if (const auto page = page_of(q); page > 1)
      request.target += "&page=" + std::to_string(page);
    if (const auto language = parameter_of(q.params, "language"); !language.empty())
      request.target += "&lang=" + percent_encode(language);
  }
  return request;
}

result<records_ptr> map(const question& q, const http_response& answer) {
  return map_answer(name, q, answer, most_results, page_from_openlibrary);
}

} // namespace

result<found_page> page_from_openlibrary(std::string_view text, bool details) {
  const auto parsed = parse_body(name, text);
  if (!parsed)
    return parsed.error();
  const auto& body = parsed.value();
  simdjson::dom::object all;
  if (body.get(all))
    return malformed(name, "body: expected an object, got " + type_name(body));
  if (const auto docs = find(body, "docs"))
    return read_list(*docs, "docs", true);
  if (const auto entries = find(body, "entries"))
    return read_list(*entries, "entries", false);
  const auto verdict = judge_complaint(name, body);
  if (!verdict)
    return verdict.error();
  const record only{body};
  if (verdict.value() == verdict::nothing || (all.size() == 0 && details) || type_of(only) == "/type/delete")
    return found_page{};
  if (is_author(only))
    return malformed(name, "type: expected an edition or a work, got an author");
  if (all.size() > 0 && all.begin().key().find(':') != std::string_view::npos)
    return read_bibkeys(all);
  if (!only["title"])
    return malformed(name, "docs: expected an array, the body has none");
  found_page page{{}, 1};
  add_record(page.books, only, false);
  return readable(name, std::move(page), "title");
}

upstream_api openlibrary_api() {
  return {std::string{name}, build, map};
}

} // namespace troupe::books
