#include "apps/services/books_proxy.hpp"

#include "apps/books/classify.hpp"
#include "apps/books/text.hpp"
#include "apps/bridge/answers.hpp"
#include "apps/services/book_page.hpp"
#include "apps/services/health.hpp"
#include "apps/services/title_list.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <bit>

namespace troupe {
namespace {

using json = nlohmann::json;
using books_ptr = std::shared_ptr<const book_services>;
using books::query_kind;

constexpr std::string_view failed = "Search failed";

using failure_count = std::shared_ptr<std::atomic<std::uint64_t>>; // of ISBNdb's service, in a row

// One search on its way: what was asked, and what of the answer is to be shown.
struct search {
  session_ptr self;
  books_ptr books;
  failure_count failures;
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
  if (s.most > 0 && list->size() > static_cast<std::size_t>(s.most)) {
    list->erase(list->begin() + s.most, list->end());
    auto& where = body["data"].is_object() ? body["data"] : body; // an author's page says it beside its books
    where["more"] = true;
    where["cut"] = true;
  }
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
// @param route "elsewhere.author" when that has been asked and has answered, else "author"
void by_author_elsewhere(const search_ptr& s, std::string_view route) {
  auto q = books::parse_author(route, s->text, s->query, s->books->defaults);
  if (!q)
    return s->done(bad_request(q.error()));
  look_up(s->self, *s->books, s->call, s->head, std::move(q.value()), s->bypass, [s](answer&& a) {
    if (s->may_be_title && a.code == ec::none && !has_books(a.plain))
      return by_title(s);
    end(s, to_response(a, failed));
  });
}

// @param page in the place of the one that was asked for; empty: that one
std::string query_of(const search& s, std::string_view page) {
  std::string out;
  for (const auto* name : {"page", "pageSize", "language", "force"})
    if (const auto* value = find_parameter(s.query, name)) {
      const bool other = !page.empty() && std::string_view{name} == "page";
      out.append(out.empty() ? "?" : "&").append(name).append("=");
      out.append(other ? std::string{page} : books::percent_encode(*value));
    }
  return out;
}

// Asks ISBNdb's service for a page of the author's list.
void ask_isbndb(const search_ptr& s, std::string_view page, std::function<void(service_response&&)> then) {
  service_request ask;
  ask.path = "/author/" + books::percent_encode(s->text) + query_of(*s, page);
  ask.head = s->head;
  // Half of the time: what does not answer at all leaves the other half for the other way.
  ask.head.remaining_us = remaining_us(s->self, s->call) / 2;
  const auto asked = s->self->state.peers->call(isbndb_binding, std::move(ask),
    [s, then = std::move(then)](service_response&& r) { go_on(s->self, s->call, [&] { then(std::move(r)); }); });
  if (asked != 0)
    when_dropped(s->self, s->call, [self = s->self, asked] { self->state.peers->forget(asked); });
}

bool answered(const service_response& r) {
  return r.code == ec::none && (r.status == 200 || r.status == 404);
}

// S2-53. A service that is away fails with each request: of failures in a row those with a power of two are told.
void isbndb_failed(const search_ptr& s, const service_response& r) {
  const auto failures = s->failures->fetch_add(1, std::memory_order_relaxed) + 1;
  if (std::has_single_bit(failures))
    s->self->state.service->log->warn("Service binding error: {} ({} in a row)",
      r.code == ec::none ? "ISBNdb worker error: " + std::to_string(r.status) : r.detail, failures);
  by_author_elsewhere(s, "author");
}

// A later page of ISBNdb's is empty: is that the end of its list, or does it not know the author? In the second case
// the first page came from the others, and so does this one.
void by_author_behind(const search_ptr& s, service_response&& empty) {
  const auto page = std::make_shared<service_response>(std::move(empty));
  ask_isbndb(s, "1", [s, page](service_response&& r) {
    if (!answered(r))
      return isbndb_failed(s, r);
    if (has_books(r.body))
      return end(s, std::move(*page));
    by_author_elsewhere(s, "elsewhere.author");
  });
}

void by_author(const search_ptr& s) {
  s->kind = query_kind::author;
  // Said here, so that whoever answers it, what cannot be asked is refused alike.
  const auto q = books::parse_author("author", s->text, s->query, s->books->defaults);
  if (!q)
    return s->done(bad_request(q.error()));
  const bool first_page = parameter_of(q.value().what.params, "page").empty();
  if (!s->books->has_isbndb || !s->self->state.peers->has(isbndb_binding))
    return by_author_elsewhere(s, "author");
  ask_isbndb(s, {}, [s, first_page](service_response&& r) {
    if (!answered(r))
      return isbndb_failed(s, r);
    s->failures->store(0, std::memory_order_relaxed);
    if (r.status == 200 && has_books(r.body))
      return end(s, std::move(r));
    if (!first_page)
      return by_author_behind(s, std::move(r));
    by_author_elsewhere(s, "elsewhere.author");
  });
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

void route(
  session_ptr self, const books_ptr& b, const failure_count& failures, const call_ref& call, service_request& r) {
  const auto done = [self, id = call.id](service_response&& out) { reply(self, id, std::move(out)); };
  auto target = target_of(r.path);
  if (!target)
    return done(bad_request(target.error()));
  auto& [segments, query] = target.value();
  if (r.method != "GET" && r.method != "HEAD")
    return done(method_not_allowed());
  auto s = std::make_shared<search>();
  s->self = self;
  s->books = b;
  s->failures = failures;
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
    return list_titles({self, b, call, r.head, std::move(s->query), done});
  if (segments.size() == 4 && segments[0] == "api" && segments[1] == "v2" && segments[2] == "books") {
    s->query.emplace_back("isbn", segments[3]);
    return start(s, "isbn");
  }
  done(error_response(404, "Not found"));
}

} // namespace

void make_books_proxy(service_definition& service, const book_services& books) {
  const auto b = std::make_shared<const book_services>(books);
  auto& entry = service.entrypoints[""];
  const auto failures = std::make_shared<std::atomic<std::uint64_t>>(0);
  entry.fetch = [b, failures](
                  session_ptr self, const call_ref& call, service_request& r) { route(self, b, failures, call, r); };
  entry.methods["search"] = [b, failures](session_ptr self, const call_ref& call, service_call& c) {
    const std::string kind{parameter_of(c.arguments, "kind")};
    auto s = std::make_shared<search>();
    s->self = self;
    s->books = b;
    s->failures = failures;
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
