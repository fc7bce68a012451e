#include "apps/books/openlibrary.hpp"

#include "apps/books/body.hpp"
#include "apps/books/mapping.hpp"
#include "apps/books/text.hpp"

#include <algorithm>
#include <array>

namespace troupe::books {
namespace {

using nlohmann::json;

constexpr std::string_view name = "openlibrary";

/// More than a page of ours ever needs; the API has no stated maximum, but grows slow.
constexpr int most_results = 100;

constexpr std::string_view search_fields =
  "key,title,subtitle,author_name,isbn,publisher,first_publish_year,publish_date,"
  "number_of_pages_median,language,subject,cover_i";

/// Every name that the functions below look up.
constexpr key_set wanted_keys{std::array<std::string_view, 45>{"key", "code", "docs", "isbn", "name", "type", "cover",
  "error", "large", "small", "title", "value", "covers", "errors", "medium", "reason", "status", "authors", "cover_i",
  "details", "entries", "isbn_10", "isbn_13", "message", "subject", "language", "numFound", "subjects", "subtitle",
  "languages", "num_found", "publisher", "publishers", "author_name", "description", "identifiers", "openlibrary",
  "publish_date", "publish_year", "title_prefix", "error_message", "number_of_pages", "first_publish_date",
  "first_publish_year", "number_of_pages_median"}};

bool wanted(std::string_view key, int depth) noexcept {
  // in the outermost object api/books has whatever was asked ("ISBN:..."), and only a truly empty one is "not found"
  return depth == 1 || wanted_keys.contains(key);
}

/// "/type/edition" of `{"type": {"key": ...}}`, or "work" of a search document.
std::string type_of(const json& record) {
  return text_of(record, "type");
}

bool is_author(const json& record) {
  return type_of(record) == "/type/author" || type_of(record) == "author"
         || text_of(record, "key").starts_with("/authors/");
}

/// The only one of a list that says the same throughout.
std::string only_text(const json& record, const char* key) {
  auto list = texts_of(record, key, 2);
  return list.size() == 1 ? std::move(list.front()) : std::string{};
}

std::string first_of(const json& record, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (auto text = text_of(record, key); !text.empty())
      return text;
  return {};
}

/// Names in `author_name`, or in `authors` where they are more than keys.
std::vector<std::string> authors_of(const json& record) {
  auto list = texts_of(record, "author_name", most_authors);
  const auto* authors = find(record, "authors");
  if (list.empty() && authors && authors->is_array())
    for (const auto& author : *authors)
      if (auto text = author.is_string() ? tidy_text(author) : text_of(author, "name");
          !text.empty() && list.size() < most_authors)
        list.push_back(std::move(text));
  return list;
}

std::vector<std::string> isbns_of(const json& record) {
  std::vector<std::string> list;
  auto add = [&](const json* from, const char* key) {
    const auto* value = from ? find(*from, key) : nullptr;
    if (!value)
      return;
    if (value->is_array())
      for (const auto& one : *value)
        list.push_back(raw_text(one));
    else
      list.push_back(raw_text(*value));
  };
  add(&record, "isbn_13");
  add(&record, "isbn_10");
  add(&record, "isbn");
  const auto* identifiers = find(record, "identifiers");
  add(identifiers, "isbn_13");
  add(identifiers, "isbn_10");
  return list;
}

std::string cover_of(const json& record) {
  for (const char* key : {"cover_i", "covers"})
    if (const auto* value = find(record, key)) {
      // -1 stands for a cover that was taken away
      auto id = value->is_array() ? 0 : number_of(*value);
      if (value->is_array())
        for (const auto& one : *value)
          id = id > 0 ? id : number_of(one);
      if (id > 0)
        return "https://covers.openlibrary.org/b/id/" + std::to_string(id) + "-L.jpg";
    }
  if (const auto* cover = find(record, "cover"))
    for (const char* size : {"large", "medium", "small"})
      if (auto url = https_url(text_of(*cover, size)); !url.empty())
        return url;
  return {};
}

/// Plain text; "\r\n" becomes "\n".
std::string description_of(const json& record) {
  const auto* value = find(record, "description");
  auto text = value ? raw_text(*value) : std::string{};
  std::erase(text, '\r');
  const auto from = text.find_first_not_of(" \t\n");
  const auto end = text.find_last_not_of(" \t\n");
  return from == std::string::npos ? std::string{} : text.substr(from, end - from + 1);
}

/// "OL45804W" of "/works/OL45804W".
std::string id_of(const json& record) {
  auto key = text_of(record, "key");
  if (key.empty())
    if (const auto* identifiers = find(record, "identifiers"))
      key = text_of(*identifiers, "openlibrary");
  return key.substr(key.rfind('/') + 1); // npos + 1 is 0
}

void take_dates(book& b, const json& record, bool work) {
  if (const auto* year = find(record, "first_publish_year"); year && number_of(*year) > 0) {
    take_date(b, std::to_string(number_of(*year)));
    return;
  }
  auto dates = texts_of(record, "publish_date", work ? std::string::npos : 1);
  if (dates.empty())
    dates = texts_of(record, "first_publish_date", 1);
  if (dates.empty())
    dates = texts_of(record, "publish_year", std::string::npos);
  if (dates.empty())
    return;
  // a work's dates are those of its editions, in no order: the first edition's counts
  const auto* first = &dates.front();
  for (const auto& date : dates)
    if (const int year = year_of(date); year != 0 && (year_of(*first) == 0 || year < year_of(*first)))
      first = &date;
  take_date(b, *first);
}

void add_record(std::vector<book>& list, const json& record, bool work, std::string_view bibkey = {}) {
  book b;
  b.title = text_of(record, "title");
  if (b.title.empty() || is_author(record))
    return;
  if (const auto prefix = text_of(record, "title_prefix"); !prefix.empty()) // "The", in older records
    b.title = prefix + ' ' + b.title;
  b.subtitle = text_of(record, "subtitle");
  b.authors = authors_of(record);
  take_isbns(b, isbns_of(record));
  if (b.isbn13.empty() && bibkey.starts_with("ISBN:")) // found under this ISBN, without repeating it
    take_isbns(b, {std::string{bibkey.substr(5)}});
  b.publisher = work ? only_text(record, "publisher") : first_of(record, {"publishers", "publisher"});
  take_dates(b, record, work);
  for (const char* key : {"number_of_pages", "number_of_pages_median"})
    if (const auto* pages = find(record, key); pages && b.page_count == 0)
      take_pages(b, number_of(*pages));
  b.language = language_code(work ? only_text(record, "language") : first_of(record, {"languages", "language"}));
  b.categories = texts_of(record, find(record, "subjects") ? "subjects" : "subject", most_categories);
  b.description = description_of(record);
  b.cover_url = cover_of(record);
  b.set_id(name, id_of(record));
  stamp(b, name);
  list.push_back(std::move(b));
}

result<std::vector<book>> read_list(const json& records, const std::string& where, bool works) {
  if (!records.is_array())
    return malformed(name, where + ": expected an array, got " + records.type_name());
  std::vector<book> list;
  list.reserve(records.size());
  for (const auto& record : records)
    add_record(list, record, works);
  return readable(name, std::move(list), records.size(), where + "[].title");
}

/// The object of api/books. What was not found is not in it.
result<std::vector<book>> read_bibkeys(const json& body) {
  std::vector<book> list;
  for (const auto& [bibkey, value] : body.items()) {
    const auto* details = find(value, "details"); // jscmd=details wraps the edition
    add_record(list, details && details->is_object() ? *details : value, false, bibkey);
  }
  return readable(name, std::move(list), body.size(), "ISBN:*.title");
}

upstream_request build(const question& q, const std::string&) {
  upstream_request request;
  if (q.route == "details")
    request.target = "/api/books?bibkeys=ISBN:" + percent_encode(q.text) + "&format=json&jscmd=data";
  else
    request.target = "/search.json?q=" + percent_encode(q.text)
                     + "&limit=" + std::to_string(std::clamp<int>(q.limit, 1, most_results))
                     + "&fields=" + std::string{search_fields};
  return request;
}

result<records_ptr> map(const question& q, const http_response& answer) {
  const auto verdict = judge_status(name, answer);
  if (!verdict)
    return verdict.error();
  if (verdict.value() == verdict::nothing)
    return records_ptr{std::make_shared<book_list>()};
  const bool details = q.route == "details";
  auto books = books_from_openlibrary(answer.body.view(), details);
  if (!books)
    return books.error();
  if (details)
    keep_asked(books.value(), q.text);
  return records_ptr{std::make_shared<book_list>(std::move(books.value()))};
}

} // namespace

result<std::vector<book>> books_from_openlibrary(std::string_view text, bool details) {
  const auto parsed = parse_body(name, text, wanted);
  if (!parsed)
    return parsed.error();
  const auto& body = parsed.value();
  if (!body.is_object())
    return malformed(name, "body: expected an object, got " + std::string{body.type_name()});
  if (const auto* docs = find(body, "docs"))
    return read_list(*docs, "docs", true);
  if (const auto* entries = find(body, "entries"))
    return read_list(*entries, "entries", false);
  const auto verdict = judge_complaint(name, body);
  if (!verdict)
    return verdict.error();
  if (verdict.value() == verdict::nothing || (body.empty() && details) || type_of(body) == "/type/delete")
    return std::vector<book>{};
  if (is_author(body))
    return malformed(name, "type: expected an edition or a work, got an author");
  if (!body.empty() && body.begin().key().find(':') != std::string::npos)
    return read_bibkeys(body);
  if (!find(body, "title"))
    return malformed(name, "docs: expected an array, the body has none");
  std::vector<book> list;
  add_record(list, body, false);
  return readable(name, std::move(list), 1, "title");
}

upstream_api openlibrary_api() {
  return {std::string{name}, build, map};
}

} // namespace troupe::books
