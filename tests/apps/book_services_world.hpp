// The services isbndb and books-proxy on virtual time, over a cache shard that answers as the test says.
#pragma once

#include "tests/support/actors.hpp"

#include "apps/services/book_page.hpp"
#include "apps/services/books_proxy.hpp"
#include "apps/services/door.hpp"
#include "apps/services/isbndb.hpp"

#include <nlohmann/json.hpp>

namespace troupe::test {

using namespace std::chrono_literals;
using json = nlohmann::json;
using texts = std::vector<std::string>;

inline constexpr auto an_author = R"({"provider":"x","data":{"author":"Frank Herbert","page":1,"more":false,"books":[)"
                                  R"({"title":"Dune","language":"en"},{"title":"Der Wüstenplanet","language":"de"}]}})";
inline constexpr auto no_author =
  R"({"provider":"none","data":{"author":"Great Expectations","more":false,"books":[]}})";
inline constexpr auto a_list = R"({"provider":"y","data":[{"title":"a","language":"en"},{"title":"b","language":"fr"},)"
                               R"({"title":"c","language":"en"}]})";

inline answer said(const std::string& body) {
  answer a;
  a.plain = blob{body};
  a.head = "Content-Type: application/json\r\nETag: W/\"1\"\r\n";
  a.x_cache = "MISS";
  return a;
}

inline answer failed_with(ec code, ec of_provider = ec::provider_failed) {
  answer a;
  a.code = code;
  a.message = "All providers exhausted";
  a.providers.push_back({});
  a.providers.back().name = "isbndb";
  a.providers.back().code = of_provider;
  return a;
}

struct book_services_world : actors {
  book_services books;
  std::vector<lookup> asked;
  std::vector<std::uint64_t> cancelled;
  std::function<answer(const lookup&)> next = [](const lookup&) { return said(a_list); };
  std::function<bool(const lookup&)> silent = [](const lookup&) { return false; };
  std::vector<caf::typed_response_promise<answer>> open;
  service_front_actor isbndb;
  service_front_actor proxy;
  door_actor way_in;
  std::shared_ptr<shared_binding> counted = std::make_shared<shared_binding>();
  std::uint64_t calls = 0;
  bool with_binding = true;

  cache_actor shard = sys.spawn([this](cache_actor::pointer me) -> cache_actor::behavior_type {
    return {
      [this, me](const lookup& l) -> caf::result<answer> {
        asked.push_back(l);
        if (!silent(l))
          return next(l);
        open.push_back(me->make_response_promise<answer>());
        return open.back();
      },
      [this](const lookup_cancel& c) { cancelled.push_back(c.id); },
      [](const compress&) {},
      [](const kv_pairs&) {},
      [](const tier_keys&) {},
      [](const hand_down&) {},
      [](tick_atom) {},
      [this](stats_atom) { return run_inside(); },
    };
  });

  book_services_world() {
    books.shards = {shard};
    books.has_isbndb = true;
    books.wall_ms = [] { return std::int64_t{0}; };
  }

  service_front_actor spawn_front(service_definition def, std::vector<service_open> bound) {
    def.log = lines.log;
    def.wall_ms = books.wall_ms;
    return sys.spawn(service_front, std::make_shared<const service_definition>(std::move(def)), std::move(bound));
  }

  void start() {
    service_definition leaf;
    leaf.name = "isbndb";
    leaf.secrets = {{"ISBNDB_API_KEY", books.has_isbndb}};
    make_isbndb(leaf, books);
    isbndb = spawn_front(std::move(leaf), {{"bridge", "isbndb", "", 3}, {"books-proxy", "ISBNDB_WORKER", "", 3}});
    service_definition middle;
    middle.name = "books-proxy";
    binding_settings b;
    b.caller = "books-proxy";
    b.name = isbndb_binding;
    b.service = "isbndb";
    if (with_binding)
      middle.bindings = {{b, isbndb, counted}};
    make_books_proxy(middle, books);
    proxy = spawn_front(std::move(middle), {{"bridge", "books-proxy", "", 3}});
    way_in = sys.spawn(door,
      std::vector<bound_service>{{door_to("isbndb", 10s), isbndb, std::make_shared<shared_binding>()},
        {door_to("books-proxy", 10s), proxy, std::make_shared<shared_binding>()}},
      lines.log, std::uint64_t{1});
    settle();
  }

  std::shared_ptr<std::vector<service_response>> ask(const std::string& service, const std::string& path,
    std::chrono::microseconds left = 5s, const std::string& method = "GET") {
    auto out = std::make_shared<std::vector<service_response>>();
    service_request r;
    r.method = method;
    r.path = path;
    r.head.remaining_us = left.count();
    caf::anon_send(
      way_in, door_call{++calls, service, r, [out](service_response&& a) { out->push_back(std::move(a)); }});
    settle();
    return out;
  }

  service_response get(const std::string& service, const std::string& path) {
    const auto out = ask(service, path);
    return out->at(0);
  }

  service_response search(const std::string& path) { return get("books-proxy", path); }
  service_response isbndbs(const std::string& path) { return get("isbndb", path); }

  [[nodiscard]] texts routes() const {
    texts out;
    for (const auto& l : asked)
      out.push_back(l.about.what.route);
    return out;
  }

  static json body_of(const service_response& r) { return json::parse(r.body.view(), nullptr, false); }

  static std::string titles(const service_response& r) {
    auto body = body_of(r);
    std::string out;
    for (const auto& b : body["data"].is_array() ? body["data"] : body["data"]["books"])
      out += b.value("title", "?") + ";";
    return out;
  }

  ~book_services_world() override {
    for (const auto& a : {caf::actor_cast<caf::actor>(way_in), caf::actor_cast<caf::actor>(proxy),
           caf::actor_cast<caf::actor>(isbndb), caf::actor_cast<caf::actor>(shard)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace troupe::test
