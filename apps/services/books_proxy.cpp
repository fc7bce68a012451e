#include "apps/services/books_proxy.hpp"

#include "apps/books/classify.hpp"
#include "apps/books/text.hpp"
#include "apps/bridge/answers.hpp"
#include "apps/services/book_page.hpp"
#include "apps/services/health.hpp"

#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using books_ptr = std::shared_ptr<const book_services>;
using books::query_kind;

constexpr std::string_view failed = "Search failed";

// One search on its way: what was asked, and what of the answer is to be shown.
struct search {
  session_ptr self;
  books_ptr books;
  call_ref call;
  call_head head;
  std::string text;
  fields query;
  bool bypass = false;
  bool translations = true;
  bool head_only = false;    // nobody reads the body
  bool may_be_title = false; // found under no author, it is asked for as a title
  query_kind kind = query_kind::title;
  std::int32_t most = 0; // books in the answer; 0: as many as there are
  std::function<void(service_response&&)> done;
};
using search_ptr = std::shared_ptr<search>;

// What a client did not want to see is taken out of the envelope; one that takes all of it gets it as it is.
service_response shown(const search& s, service_response&& r) {
  r.headers.emplace_back("X-Search-Kind", to_string(s.kind));
  if (r.status != 200 || s.head_only || (s.translations && s.most == 0))
    return std::move(r);
  auto body = json::parse(r.body.view(), nullptr, false);
  auto* list = books_in(body);
  if (list == nullptr)
    return std::move(r);
  if (!s.translations)
    leave_out_translations(*list);
  if (s.most > 0 && list->size() > static_cast<std::size_t>(s.most))
    list->erase(list->begin() + s.most, list->end());
  r.body = blob{body.dump(-1, ' ', false, json::error_handler_t::replace)};
  std::erase_if(r.headers, [](const auto& h) { return h.first == "ETag"; }); // it was the whole answer's
  return std::move(r);
}

void end(const search_ptr& s, service_response&& r) {
  s->done(shown(*s, std::move(r)));
}

// Looks at the text: a quote within a value is escaped, so this key is one. An answer without such a list is the list.
bool has_books(const blob& envelope) {
  constexpr std::string_view key = R"("books":[)";
  const auto text = envelope.view();
  const auto at = text.find(key);
  return at == std::string_view::npos ? !text.starts_with(R"({"data":[])") : text.substr(at + key.size(), 1) != "]";
}

void by_inquiry(const search_ptr& s, result<inquiry> q) {
  if (!q)
    return s->done(bad_request(q.error()));
  look_up(s->self, *s->books, s->call, s->head, std::move(q.value()), s->bypass,
    [s](answer&& a) { end(s, to_response(a, failed)); });
}

void by_title(const search_ptr& s) {
  s->kind = query_kind::title;
  // The question is the same whatever part of the answer is shown, so that its answer is found again; unless more is
  // wanted than usual.
  if (s->most <= s->books->defaults.limit)
    std::erase_if(s->query, [](const auto& p) { return p.first == "maxResults"; });
  by_inquiry(s, books::parse_titles("search", s->text, s->query, s->books->defaults));
}

// Whoever else knows the author: the way without ISBNdb's service.
void by_author_elsewhere(const search_ptr& s) {
  auto q = books::parse_author("author", s->text, s->query, s->books->defaults);
  if (!q)
    return s->done(bad_request(q.error()));
  look_up(s->self, *s->books, s->call, s->head, std::move(q.value()), s->bypass, [s](answer&& a) {
    if (s->may_be_title && a.code == ec::none && !has_books(a.plain))
      return by_title(s);
    end(s, to_response(a, failed));
  });
}

std::string query_of(const search& s) {
  std::string out;
  for (const auto* name : {"page", "pageSize", "language", "force"})
    if (const auto* value = find_parameter(s.query, name))
      out.append(out.empty() ? "?" : "&").append(name).append("=").append(books::percent_encode(*value));
  return out;
}

void by_author(const search_ptr& s) {
  s->kind = query_kind::author;
  // Said here, so that whoever answers it, what cannot be asked is refused alike.
  if (auto q = books::parse_author("author", s->text, s->query, s->books->defaults); !q)
    return s->done(bad_request(q.error()));
  auto& peers = *s->self->state.peers;
  if (!s->books->has_isbndb || !peers.has(isbndb_binding))
    return by_author_elsewhere(s);
  service_request ask;
  ask.path = "/author/" + books::percent_encode(s->text) + query_of(*s);
  ask.head = s->head;
  // Half of the time: what does not answer at all leaves the other half for the other way.
  ask.head.remaining_us = remaining_us(s->self, s->call) / 2;
  const auto asked = peers.call(isbndb_binding, std::move(ask), [s](service_response&& r) {
    if (r.code == ec::none && r.status == 200 && has_books(r.body))
      return end(s, std::move(r));
    if (r.code != ec::none || (r.status != 404 && r.status != 200)) // S2-53
      s->self->state.service->log->warn("Service binding error: {}",
        r.code == ec::none ? "ISBNdb worker error: " + std::to_string(r.status) : r.detail);
    by_author_elsewhere(s);
  });
  if (asked != 0)
    when_dropped(s->self, s->call, [self = s->self, asked] { self->state.peers->forget(asked); });
}

void by_isbn(const search_ptr& s) {
  s->kind = query_kind::isbn;
  s->most = 0;
  s->translations = true;
  by_inquiry(s, books::parse_book("details", s->text, s->query, s->books->defaults));
}

void start(const search_ptr& s, std::string_view kind) {
  const auto force = parse_flag(s->query, "force", false);
  const auto translations = parse_flag(s->query, "includeTranslations", true);
  if (!force || !translations)
    return s->done(bad_request(force ? translations.error() : force.error()));
  s->bypass = force.value();
  s->translations = translations.value();
  s->text = parameter_of(s->query, "q");
  if (kind == "isbn" && s->text.empty())
    s->text = parameter_of(s->query, "isbn");
  if (kind == "author" && s->text.empty())
    s->text = parameter_of(s->query, "name");
  if (s->text.empty())
    return s->done(bad_request({ec::bad_request, "Missing query parameter"}));
  if (find_parameter(s->query, "maxResults") != nullptr) {
    const auto checked = books::parse_titles("search", "x", s->query, s->books->defaults);
    if (!checked)
      return s->done(bad_request(checked.error()));
    s->most = checked.value().what.limit;
  }
  const auto meant = kind == "auto" ? std::string{to_string(books::classify(s->text))} : std::string{kind};
  s->may_be_title = kind == "auto";
  if (meant == "isbn")
    return by_isbn(s);
  if (meant == "author")
    return by_author(s);
  by_title(s);
}

service_response problem(const error& why) {
  auto body = render({info(why.code).http_status, "Bad request", why.message, {}, {}}, true);
  auto r = json_response(info(why.code).http_status, std::move(body.text));
  r.headers = {{"Content-Type", std::string{body.content_type}}, {"Cache-Control", "no-store"}};
  return r;
}

// GET /api/v3/books/search (S0-54).
void third_version(const search_ptr& s) {
  auto members = find_parameter(s->query, "fields") == nullptr
                   ? result<std::vector<std::string>>{std::vector<std::string>{}}
                   : parse_members(parameter_of(s->query, "fields"));
  const auto force = parse_flag(s->query, "force", false);
  auto query = s->query;
  std::erase_if(query, [](const auto& p) { return p.first == "page"; });
  auto first = books::parse_titles("search", parameter_of(query, "q"), query, s->books->defaults);
  if (!members || !force || !first)
    return s->done(problem(!first ? first.error() : !force ? force.error() : members.error()));
  const auto key = first.value().key;
  std::int64_t page = 1;
  if (const auto* cursor = find_parameter(query, "cursor")) {
    const auto at = page_at(*cursor, key);
    if (!at)
      return s->done(problem(at.error()));
    page = at.value();
  }
  query.emplace_back("page", std::to_string(page));
  auto q = books::parse_titles("search", parameter_of(query, "q"), query, s->books->defaults);
  if (!q)
    return s->done(problem(q.error()));
  look_up(s->self, *s->books, s->call, s->head, std::move(q.value()), force.value(),
    [s, key, page, members = std::move(members.value())](answer&& a) {
      auto r = to_response(a, failed);
      if (a.code != ec::none) {
        auto body = render({r.status, std::string{failed}, a.message, {}, a.providers}, true);
        r.headers.front().second = body.content_type;
        r.body = blob{std::move(body.text)};
        return s->done(std::move(r));
      }
      auto body = json::parse(a.plain.view(), nullptr, false);
      auto* list = books_in(body);
      if (list == nullptr)
        return s->done({ec::internal, "search: the cache's answer has no list", 500, {}, {}});
      const bool empty = list->empty();
      const bool last = empty || page >= books::most_pages;
      keep_members(*list, members);
      body["next"] = last ? json(nullptr) : json(cursor_of(key, page + 1));
      body["cut"] = page >= books::most_pages && !empty;
      r.body = blob{body.dump(-1, ' ', false, json::error_handler_t::replace)};
      std::erase_if(r.headers, [](const auto& h) { return h.first == "ETag"; });
      s->done(std::move(r));
    });
}

void route(session_ptr self, const books_ptr& b, const call_ref& call, service_request& r) {
  const auto done = [self, id = call.id](service_response&& out) { reply(self, id, std::move(out)); };
  auto target = target_of(r.path);
  if (!target)
    return done(bad_request(target.error()));
  auto& [segments, query] = target.value();
  if (r.method != "GET" && r.method != "HEAD")
    return done(json_response(405, R"({"error":"Method not allowed"})"));
  auto s = std::make_shared<search>();
  s->self = self;
  s->books = b;
  s->call = call;
  s->head = r.head;
  s->head_only = r.method == "HEAD";
  s->query = std::move(query);
  s->done = done;
  const auto is = [&](std::initializer_list<std::string_view> path) {
    return std::equal(segments.begin(), segments.end(), path.begin(), path.end());
  };
  if (is({"health"}))
    return tell_health(self, call, r.head);
  for (const auto* kind : {"auto", "title", "author", "isbn"})
    if (is({"search", kind}))
      return start(s, kind);
  if (is({"api", "v2", "books", "search"}))
    return start(s, "title");
  if (is({"api", "v3", "books", "search"}))
    return third_version(s);
  if (segments.size() == 4 && segments[0] == "api" && segments[1] == "v2" && segments[2] == "books") {
    s->query.emplace_back("isbn", segments[3]);
    return start(s, "isbn");
  }
  done(json_response(404, R"({"error":"Not found"})"));
}

} // namespace

void make_books_proxy(service_definition& service, const book_services& books) {
  const auto b = std::make_shared<const book_services>(books);
  auto& entry = service.entrypoints[""];
  entry.fetch = [b](session_ptr self, const call_ref& call, service_request& r) { route(self, b, call, r); };
  entry.methods["search"] = [b](session_ptr self, const call_ref& call, service_call& c) {
    const std::string kind{parameter_of(c.arguments, "kind")};
    auto s = std::make_shared<search>();
    s->self = self;
    s->books = b;
    s->call = call;
    s->head = c.head;
    s->query = c.arguments;
    s->done = [self, id = call.id](service_response&& r) { reply(self, id, to_result(std::move(r))); };
    for (const auto* known : {"auto", "title", "author", "isbn"})
      if (kind == known)
        return start(s, kind);
    reply(self, call.id,
      service_result{
        ec::bad_request, "kind: expected auto, title, author or isbn, got \"" + kind.substr(0, 40) + '"', {}});
  };
}

} // namespace troupe
