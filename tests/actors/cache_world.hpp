// A cache shard with everything around it in the test's hands.
#pragma once

#include "actors/cache/cache.hpp"
#include "tests/support/actors.hpp"

#include <map>

namespace troupe::test {

using namespace std::chrono_literals;

// A cache shard between an orchestrator, a database and tiers that answer as the test says.
struct cache_world : actors {
  std::shared_ptr<hot_index> index = std::make_shared<hot_index>();
  std::shared_ptr<std::atomic<std::int64_t>> fetches = std::make_shared<std::atomic<std::int64_t>>(0);
  outcome next;
  bool hold = false;
  std::vector<caf::typed_response_promise<outcome>> held;
  int asked = 0;
  std::vector<fetch> fetches_seen;
  std::vector<std::uint64_t> cancelled;
  std::vector<std::uint64_t> hurried;
  stored_records rows;
  stored_records written;
  bool broken_database = false;
  bool hung_database = false;
  std::vector<caf::typed_response_promise<stored_records>> unread;

  orchestrator_actor boss = sys.spawn([this](orchestrator_actor::pointer me) -> orchestrator_actor::behavior_type {
    return {
      [this, me](const fetch& f) -> caf::result<outcome> {
        ++asked;
        fetches_seen.push_back(f);
        if (!hold)
          return next;
        held.push_back(me->make_response_promise<outcome>());
        return held.back();
      },
      [this](const fetch_cancel& c) { cancelled.push_back(c.id); },
      [this](const fetch_hurry& h) { hurried.push_back(h.id); },
      [](const circuit_order&) { return circuit_report{}; },
      [](const provider_drains&) {},
      [](tick_atom) {},
      [this](stats_atom) { return run_inside(); },
    };
  });

  record_store_actor store = sys.spawn([this](record_store_actor::pointer me) -> record_store_actor::behavior_type {
    return {
      [this, me](const record_read&) -> caf::result<stored_records> {
        if (hung_database) {
          unread.push_back(me->make_response_promise<stored_records>());
          return unread.back();
        }
        if (broken_database)
          return make_error(ec::storage_failed, "disk");
        return rows;
      },
      [this](const stored_records& r) { written = r; },
      [](tick_atom) {},
      [](flush_atom) { return std::int64_t{0}; },
      [this](stats_atom) { return run_inside(); },
    };
  });

  // Tiers below memory, each a table.
  std::map<std::string, kv_pair> pairs;
  std::map<std::string, stored_object> cold_objects;
  std::vector<std::string> kv_reads;
  int kv_writes = 0;
  std::vector<std::string> cold_reads;
  bool broken_tiers = false; // reads fail
  bool broken_lists = false;
  bool broken_removal = false;
  bool hung_table = false;
  std::vector<caf::typed_response_promise<kv_pairs>> unanswered;

  kv_actor table = sys.spawn([this](kv_actor::pointer me) -> kv_actor::behavior_type {
    return {
      [this, me](const kv_read& r) -> caf::result<kv_pairs> {
        kv_reads.insert(kv_reads.end(), r.keys.begin(), r.keys.end());
        if (hung_table) {
          unanswered.push_back(me->make_response_promise<kv_pairs>());
          return unanswered.back();
        }
        if (broken_tiers)
          return make_error(ec::storage_failed, "disk");
        kv_pairs out;
        for (const auto& key : r.keys)
          if (const auto it = pairs.find(key); it != pairs.end() && it->second.expires_ms > wall_ms())
            out.push_back(it->second);
        return out;
      },
      [this](const kv_store& w) -> caf::result<std::int64_t> {
        ++kv_writes;
        for (const auto& pair : w.pairs)
          pairs[pair.key] = pair;
        return static_cast<std::int64_t>(w.pairs.size());
      },
      [](const kv_compare_and_set&) { return std::int64_t{0}; },
      [](const kv_add&) { return std::int64_t{0}; },
      [](const kv_erase&) { return std::int64_t{0}; },
      [this](const kv_list& l) -> caf::result<kv_names> {
        if (broken_lists)
          return make_error(ec::storage_failed, "disk");
        kv_names out;
        for (auto it = pairs.upper_bound(l.cursor);
             it != pairs.end() && out.pairs.size() < static_cast<std::size_t>(l.limit); ++it)
          out.pairs.push_back({it->first, {}, {}, 0, 0});
        if (!out.pairs.empty() && out.pairs.back().key != pairs.rbegin()->first)
          out.cursor = out.pairs.back().key;
        return out;
      },
      [](job_ended_atom, std::uint64_t) {},
      [](tick_atom) {},
      [](stats_atom) { return metrics{}; },
    };
  });

  objects_actor bucket = sys.spawn([this](objects_actor::pointer) -> objects_actor::behavior_type {
    return {
      [this](const object_read& r) -> caf::result<stored_objects> {
        cold_reads.push_back(r.key);
        if (broken_tiers)
          return make_error(ec::storage_failed, "disk");
        const auto it = cold_objects.find(r.key);
        return it == cold_objects.end() ? stored_objects{} : stored_objects{it->second};
      },
      [this](const object_store& w) {
        auto object = w.object;
        object.modified_ms = wall_ms();
        cold_objects[object.key] = std::move(object);
        return std::string{"etag"};
      },
      [this](const object_remove& r) -> caf::result<std::int64_t> {
        if (broken_removal)
          return make_error(ec::storage_failed, "disk");
        for (const auto& key : r.keys)
          cold_objects.erase(key);
        return static_cast<std::int64_t>(r.keys.size());
      },
      [this](const object_query& q) -> caf::result<object_page> {
        if (broken_lists)
          return make_error(ec::storage_failed, "disk");
        object_page out;
        auto it = cold_objects.upper_bound(q.cursor);
        for (; it != cold_objects.end() && out.objects.size() < static_cast<std::size_t>(q.limit); ++it)
          out.objects.push_back(it->second);
        out.cursor = it == cold_objects.end() ? "" : out.objects.back().key;
        return out;
      },
      [](stats_atom) { return metrics{}; },
    };
  });

  cache_settings settings;
  cache_actor shard;

  [[nodiscard]] std::int64_t wall_ms() {
    constexpr std::int64_t start = 1'700'000'000'000;
    return start + us(sched.clock().now().time_since_epoch()) / 1000;
  }

  cache_world() {
    next.data = blob{R"([{"title":"Dune"}])"};
    next.tag = "orchestrated:google+openlibrary";
    next.found = true;
    next.fetched_ms = 1'700'000'000'000;
    settings.index = index;
    settings.fetches = fetches;
    settings.max_fetches = 2;
    settings.tiers.revalidate = 0s;
    settings.log = lines.log;
    settings.wall_ms = [this] { return wall_ms(); };
    start(false);
  }

  // The shard anew, with nothing in memory.
  void start(bool with_tiers = true) {
    if (shard) {
      self->send_exit(shard, caf::exit_reason::user_shutdown);
      settle();
    }
    shard = sys.spawn(cache, settings,
      cache_peers{boss, store, store, with_tiers ? table : kv_actor{}, with_tiers ? bucket : objects_actor{}});
    settle();
  }

  // Time by the shard's own lifetime of a key, which is up to a tenth longer or shorter than the setting.
  [[nodiscard]] std::chrono::nanoseconds jittered(
    std::chrono::nanoseconds lifetime, const std::string& key = "search:query:dune") {
    return troupe::jittered(lifetime, hash_of_key(key));
  }

  std::int64_t counter(const std::string& name) {
    std::int64_t found = 0;
    auto asked_for = self->request(shard, caf::infinite, stats_atom::value);
    settle();
    asked_for.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          found += m.name == name ? m.value : 0;
      },
      [](const caf::error&) {});
    return found;
  }

  // From an answer until it has been handed down; `ask` waits for that.
  static constexpr auto gather = 5ms;

  lifetimes kept; // as the route says
  priority asks_as = priority::interactive;

  std::shared_ptr<answer> ask(const std::string& key = "search:query:dune", bool durable = false, bool gzip = false,
    std::chrono::microseconds remaining = 10s, bool bypass = false) {
    auto out = std::make_shared<answer>();
    out->code = ec::internal;
    inquiry about{key, {"search", "dune", 10, {}}, strategy::merge, durable, kept};
    about.what.priority = asks_as;
    clients.push_back(sys.spawn([=, to = shard](caf::event_based_actor* caller) {
      caller->request(to, caf::infinite, lookup{7, about, gzip, remaining.count(), bypass})
        .then([out](const answer& a) { *out = a; });
      return caf::behavior{[=](stats_atom) { caller->send(to, lookup_cancel{7, key}); }};
    }));
    settle();
    if (!hold)
      advance(gather);
    return out;
  }

  // The client that asked as the n-th leaves.
  void leave(std::size_t n) {
    caf::anon_send(clients.at(n), stats_atom::value);
    settle();
  }
  std::vector<caf::actor> clients;

  void fail_all() {
    next = {};
    next.code = ec::all_providers_failed;
    next.message = "All providers exhausted";
    next.providers = {{"google", ec::provider_failed, "503", 1'000, 1, 0}};
  }

  ~cache_world() override {
    for (const auto& client : clients)
      self->send_exit(client, caf::exit_reason::user_shutdown);
    for (const auto& a : {caf::actor_cast<caf::actor>(shard), caf::actor_cast<caf::actor>(boss),
           caf::actor_cast<caf::actor>(store), caf::actor_cast<caf::actor>(table), caf::actor_cast<caf::actor>(bucket)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle(); // while what they use is there
  }
};

} // namespace troupe::test
