#include "apps/services/title_list.hpp"

#include "apps/books/listed_books.hpp"
#include "apps/services/book_page.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe {
namespace {

using json = nlohmann::json;

constexpr std::string_view failed = "Search failed";

// Pages that one request may have fetched: going back, of those that its reader has seen, and going on.
constexpr int most_fetched_again = 2;
constexpr int most_read_on = 3;

struct reading : title_list_request {
  std::string text;
  std::string key; // of the list
  std::int64_t limit = 0;
  std::vector<std::string> members;
  bool bypass = false;
  list_place from;
  std::int64_t page = 1; // that is being read
  int fetched = 0;       // of the pages before `from`
  books::listed_books listed;
  json found = json::array();
  bool cut = false;
};
using reading_ptr = std::shared_ptr<reading>;

std::string text_of(const json& of, const char* name) {
  const auto it = of.find(name);
  return it != of.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

// As much of a book as tells it from others.
books::book outline_of(const json& of) {
  books::book out;
  if (!of.is_object())
    return out;
  out.title = text_of(of, "title");
  out.isbn13 = text_of(of, "isbn13");
  if (const auto authors = of.find("authors"); authors != of.end() && authors->is_array() && !authors->empty())
    if (const auto& first = authors->front(); first.is_string())
      out.authors = {first.get<std::string>()};
  if (const auto ids = of.find("ids"); ids != of.end() && ids->is_object())
    for (const auto& [provider, id] : ids->items())
      if (id.is_string())
        out.set_id(provider, id.get<std::string>());
  if (const auto said = of.find("provenance"); said != of.end() && said->is_object())
    out.said(books::field::isbn13) = text_of(*said, "isbn13");
  return out;
}

// Those of a page that no page before it had.
json new_books(reading& r, json& page) {
  std::vector<books::book> outlines;
  outlines.reserve(page.size());
  std::transform(page.begin(), page.end(), std::back_inserter(outlines), outline_of);
  const auto is_new = r.listed.add_page(outlines);
  auto out = json::array();
  for (std::size_t i = 0; i < page.size(); ++i)
    if (is_new[i])
      out.push_back(std::move(page[i]));
  return out;
}

// Whether every provider that was asked has answered.
bool is_whole(const json& envelope) {
  const auto meta = envelope.find("meta");
  if (meta == envelope.end() || !meta->is_object() || !meta->contains("providers"))
    return true;
  const auto& all = meta->at("providers");
  return std::all_of(all.begin(), all.end(), [](const json& p) { return text_of(p, "status") == "ok"; });
}

void finish(const reading_ptr& r, service_response&& answered, json& envelope, const std::optional<list_place>& next) {
  keep_members(r->found, r->members);
  envelope["data"] = std::move(r->found);
  envelope["next"] = next ? json(cursor_of(r->key, *next)) : json(nullptr);
  envelope["cut"] = r->cut;
  answered.body = blob{envelope.dump(-1, ' ', false, json::error_handler_t::replace)};
  std::erase_if(answered.headers, [](const auto& h) { return h.first == "ETag"; }); // it was the whole page's
  r->done(std::move(answered));
}

void read_page(const reading_ptr& r);

// A page that the reader has had.
void pass_over(const reading_ptr& r, const answer& a, json& page) {
  r->fetched += a.x_cache.starts_with("HIT") || a.x_cache == "STALE" ? 0 : 1;
  if (r->fetched > most_fetched_again)
    return r->done(
      error_response(410, "Gone", "cursor: what it is based on is not kept any more; begin anew without one"));
  (void)new_books(*r, page);
  ++r->page;
  read_page(r);
}

void take_page(const reading_ptr& r, const answer& a) {
  if (a.code != ec::none)
    return r->done(to_response(a, failed));
  auto envelope = json::parse(a.plain.view(), nullptr, false);
  auto* list = books_in(envelope);
  if (list == nullptr)
    return r->done({ec::internal, "search: the cache's answer has no list", 500, {}, {}});
  if (r->page < r->from.page)
    return pass_over(r, a, *list);
  const bool empty = list->empty();
  const bool whole = is_whole(envelope);
  // Of a provider that did not answer nobody knows how long its list is.
  const bool more = !empty && (!whole || envelope["data"].value("more", false));
  auto fresh = new_books(*r, *list);
  r->cut = r->cut || !whole || (more && r->page >= books::most_title_pages);
  auto at = r->page == r->from.page ? static_cast<std::size_t>(r->from.offset) : 0;
  for (; at < fresh.size() && r->found.size() < static_cast<std::size_t>(r->limit); ++at)
    r->found.push_back(std::move(fresh[at]));
  std::optional<list_place> next;
  if (at < fresh.size())
    next = list_place{r->page, static_cast<std::int64_t>(at)};
  else if (more && r->page < books::most_title_pages)
    next = list_place{r->page + 1, 0};
  const bool full = r->found.size() >= static_cast<std::size_t>(r->limit);
  if (full || !next || r->page - r->from.page + 1 >= most_read_on)
    return finish(r, to_response(a, failed), envelope, next);
  ++r->page;
  read_page(r);
}

void read_page(const reading_ptr& r) {
  auto q = books::parse_title_page(r->text, r->page, r->books->defaults);
  if (!q)
    return r->done(bad_request(q.error()));
  look_up(r->self, *r->books, r->call, r->head, std::move(q.value()), r->bypass && r->page >= r->from.page,
    [r](answer&& a) { take_page(r, a); });
}

} // namespace

void list_titles(title_list_request request) {
  const auto r = std::make_shared<reading>();
  static_cast<title_list_request&>(*r) = std::move(request);
  r->text = parameter_of(r->query, "q");
  const auto first = books::parse_title_page(r->text, 1, r->books->defaults);
  if (!first)
    return r->done(bad_request(first.error()));
  r->key = first.value().key;
  const auto limit = whole_number(r->query, "limit", r->books->defaults.limit, 1, r->books->defaults.max_limit);
  if (!limit)
    return r->done(bad_request(limit.error()));
  r->limit = limit.value();
  auto members = parse_members(parameter_of(r->query, "fields"));
  if (!members)
    return r->done(bad_request(members.error()));
  r->members = std::move(members.value());
  const auto force = parse_flag(r->query, "force", false);
  if (!force)
    return r->done(bad_request(force.error()));
  r->bypass = force.value();
  if (const auto* cursor = find_parameter(r->query, "cursor")) {
    const auto place = place_at(*cursor, r->key);
    if (!place)
      return r->done(bad_request(place.error()));
    if (place.value().page > books::most_title_pages)
      return r->done(bad_request({ec::bad_request, "cursor: expected what `next` of an answer said"}));
    r->from = place.value();
  }
  read_page(r);
}

} // namespace troupe
