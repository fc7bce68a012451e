#include "apps/services/isbndb.hpp"

#include "apps/services/health.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <memory>

namespace troupe {
namespace {

using json = nlohmann::json;
using books_ptr = std::shared_ptr<const book_services>;

constexpr std::string_view failed = "ISBNdb request failed";

service_response without_key() {
  return json_response(503,
    R"({"error":"ISBNdb is not configured","message":"set TROUPE_SECRET_ISBNDB_KEY, in the environment or the secrets file"})");
}

using done_callback = std::function<void(service_response&&)>;

using lists_ptr = std::shared_ptr<std::atomic<int>>; // whole lists that are being read, of all sessions

// One question, whichever form it came in.
struct asked_of_us {
  session_ptr self;
  books_ptr books;
  call_ref call;
  call_head head;
  done_callback done;
  lists_ptr lists;
};

// A stated maximum, so that an upstream that repeats its last page for ever ends here; the answer says when it cut.
constexpr std::int64_t most_pages_together = 40;

// So many whole lists are read at once, because each may cost as many calls as it has pages.
constexpr int most_lists_at_once = 4;
constexpr std::chrono::seconds until_a_list_ends{5}; // a usual one has a few pages

// A whole list that is being read.
class list_slot {
public:
  explicit list_slot(std::shared_ptr<std::atomic<int>> taken)
      : taken_{std::move(taken)}, got_{++*taken_ <= most_lists_at_once} {}
  list_slot(const list_slot&) = delete;
  list_slot& operator=(const list_slot&) = delete;
  ~list_slot() { --*taken_; }

  [[nodiscard]] bool got() const noexcept { return got_; }

private:
  std::shared_ptr<std::atomic<int>> taken_;
  bool got_;
};

// An author's whole list, page by page.
struct whole_list {
  std::unique_ptr<list_slot> slot;
  asked_of_us asked;
  std::string name;
  fields query;
  bool bypass = false;
  std::int64_t page = 1;
  json all = json::array();
};

void next_page(const std::shared_ptr<whole_list>& w);

void take_page(const std::shared_ptr<whole_list>& w, const answer& a) {
  if (a.code != ec::none)
    return w->asked.done(to_response(a, failed));
  auto body = json::parse(a.plain.view(), nullptr, false);
  if (!body.is_object() || !body.contains("data") || !body["data"].is_object())
    return w->asked.done({ec::internal, "author: the cache's answer has no data", 500, {}, {}});
  auto& data = body["data"];
  for (auto& one : data["books"])
    w->all.push_back(std::move(one));
  const auto said = data.find("more");
  const bool more = said != data.end() && *said == true;
  if (more && w->page < most_pages_together) {
    ++w->page;
    return next_page(w);
  }
  data["books"] = std::move(w->all);
  data["page"] = 1;
  data["pages"] = w->page;
  data["more"] = more;
  data["cut"] = more;
  w->asked.done(json_response(200, body.dump(-1, ' ', false, json::error_handler_t::replace)));
}

void next_page(const std::shared_ptr<whole_list>& w) {
  auto query = w->query;
  query.emplace_back("page", std::to_string(w->page));
  auto q = books::parse_author("isbndb.author", w->name, query, w->asked.books->defaults);
  if (!q)
    return w->asked.done(bad_request(q.error()));
  const auto& a = w->asked;
  look_up(
    a.self, *a.books, a.call, a.head, std::move(q.value()), w->bypass, [w](answer&& found) { take_page(w, found); });
}

void ask(const asked_of_us& a, result<inquiry> q, const fields& query) {
  const auto force = parse_flag(query, "force", false);
  if (!q || !force)
    return a.done(bad_request(q ? force.error() : q.error()));
  look_up(a.self, *a.books, a.call, a.head, std::move(q.value()), force.value(),
    [done = a.done](answer&& found) { done(to_response(found, failed)); });
}

void author(const asked_of_us& a, const std::string& name, const fields& query) {
  const auto all = parse_flag(query, "all", false);
  const auto force = parse_flag(query, "force", false);
  if (!all || !force)
    return a.done(bad_request(all ? force.error() : all.error()));
  if (!all.value())
    return ask(a, books::parse_author("isbndb.author", name, query, a.books->defaults), query);
  auto slot = std::make_unique<list_slot>(a.lists);
  if (!slot->got()) {
    auto busy = error_response(503, "Too many whole lists are being read", "all: at most 4 at once; ask for pages");
    set_retry_after(busy, until_a_list_ends);
    return a.done(std::move(busy));
  }
  auto w = std::make_shared<whole_list>(whole_list{std::move(slot), a, name, query, force.value()});
  std::erase_if(w->query, [](const auto& p) { return p.first == "page"; });
  next_page(w);
}

void book(const asked_of_us& a, const std::string& isbn, const fields& query) {
  ask(a, books::parse_book("isbndb.details", isbn, query, a.books->defaults), query);
}

void search(const asked_of_us& a, const std::string& text, const fields& query) {
  ask(a, books::parse_titles("isbndb.search", text, query, a.books->defaults), query);
}

void route(session_ptr self, const books_ptr& b, const lists_ptr& lists, const call_ref& call, service_request& r) {
  const asked_of_us a{
    self, b, call, r.head, [self, id = call.id](service_response&& out) { reply(self, id, std::move(out)); }, lists};
  const auto target = target_of(r.path);
  if (!target)
    return a.done(bad_request(target.error()));
  const auto& [segments, query] = target.value();
  if (r.method != "GET" && r.method != "HEAD")
    return a.done(method_not_allowed());
  const auto is = [&](std::size_t n, std::string_view first) { return segments.size() == n && segments[0] == first; };
  if (is(1, "health"))
    return tell_health(self, call, r.head);
  if (!b->has_isbndb)
    return a.done(without_key());
  if (is(2, "author"))
    return author(a, segments[1], query);
  if (is(2, "book"))
    return book(a, segments[1], query);
  if (is(2, "books"))
    return search(a, segments[1], query);
  if (is(2, "search") && segments[1] == "books")
    return search(a, std::string{parameter_of(query, "q")}, query);
  a.done(error_response(404, "Not found"));
}

// A method by its name, with the argument that its path would have, and the rest as its query.
template <class Run>
method_handler method(const books_ptr& b, const lists_ptr& lists, std::string_view argument, Run run) {
  return [b, lists, argument, run](session_ptr self, const call_ref& call, service_call& c) {
    const asked_of_us a{self, b, call, c.head,
      [self, id = call.id](service_response&& r) { reply(self, id, to_result(std::move(r))); }, lists};
    return b->has_isbndb ? run(a, std::string{parameter_of(c.arguments, argument)}, c.arguments)
                         : a.done(without_key());
  };
}

} // namespace

void make_isbndb(service_definition& service, const book_services& books) {
  const auto b = std::make_shared<const book_services>(books);
  auto& entry = service.entrypoints[""];
  const auto lists = std::make_shared<std::atomic<int>>(0);
  entry.fetch = [b, lists](
                  session_ptr self, const call_ref& call, service_request& r) { route(self, b, lists, call, r); };
  entry.methods["author"] = method(b, lists, "name", author);
  entry.methods["book"] = method(b, lists, "isbn", book);
  entry.methods["search"] = method(b, lists, "q", search);
}

} // namespace troupe
