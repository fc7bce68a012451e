#include "apps/node/node.hpp"

#include "actors/batch/batch.hpp"
#include "actors/cache/cache.hpp"
#include "actors/http_client/http_client.hpp"
#include "actors/orchestrator/orchestrator.hpp"
#include "actors/provider/provider.hpp"
#include "actors/rate_limiter/rate_limiter.hpp"
#include "actors/store/store.hpp"
#include "apps/batches/client.hpp"
#include "apps/batches/resource.hpp"
#include "apps/books/endpoints.hpp"
#include "apps/books/google.hpp"
#include "apps/books/openlibrary.hpp"
#include "apps/books/routes.hpp"
#include "apps/bridge/bridge.hpp"
#include "messages/all_types.hpp"
#include "storage/directory.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <thread>

namespace troupe {
namespace {

using config::settings;

std::int64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::size_t cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

struct system_config : caf::actor_system_config {
  system_config() {
    troupe::add_message_types(*this);
    // A round trip between two busy actors takes 3 us; with one shared queue, whose lock and sleepers are everybody's,
    // 10 us with two workers and 20 us with four. Misses are as fast either way. It costs 100 wake-ups a second for
    // each idle worker (0.3 % of a core).
    set("scheduler.policy", caf::atom("stealing"));
    set("scheduler.max-threads", cores());
  }
};

permit_book::settings limits_of(const settings& s) {
  permit_book::settings out;
  out.rate = s.limits.global.rate;
  out.burst = s.limits.global.burst;
  for (const auto& [name, p] : s.providers)
    out.lanes.push_back({name, p.rate, p.burst, static_cast<int>(p.concurrency)});
  // Lanes of batch_client's typed calls (DECISIONS C-33): their rate is the common one.
  for (const auto& [name, concurrency] : {std::pair{lanes::anthropic, 2}, {lanes::spotify, 5}, {lanes::lastfm, 10}})
    if (!s.providers.contains(name))
      out.lanes.push_back({std::string{name}, out.rate, out.burst, concurrency});
  return out;
}

client_quota quota(const config::quota& q) {
  return {q.count, std::chrono::duration_cast<std::chrono::seconds>(q.window)};
}

books::endpoint_defaults defaults_of(const settings& s) {
  books::endpoint_defaults d;
  d.search = s.routes.search.strategy;
  d.details = s.routes.details.strategy;
  d.limit = static_cast<std::int32_t>(s.routes.search.default_limit);
  d.max_limit = static_cast<std::int32_t>(s.routes.search.max_limit);
  return d;
}

std::vector<endpoint> endpoints_of(const settings& s) {
  const auto d = defaults_of(s);
  return {
    {"search", "/api/v2/books/search", "Search failed", quota(s.limits.client.search),
      [d](const fields& query, const std::string&) { return books::parse_search(query, d); }},
    {"details", "/api/v2/books/{isbn}", "Details failed", quota(s.limits.client.details),
      [d](const fields& query, const std::string& isbn) { return books::parse_details(query, isbn, d); }},
  };
}

// Each provider's operations one by one ("google.search"), for batches.
std::vector<route> with_single_providers(std::vector<route> routes) {
  const auto joint = routes.size();
  for (std::size_t i = 0; i < joint; ++i)
    for (const auto& name : std::vector{routes[i].providers}) {
      auto one = routes[i];
      one.name = name + '.' + one.name;
      one.providers = {name};
      one.rows = {};
      routes.push_back(std::move(one));
    }
  return routes;
}

batch_rules batch_rules_of(const settings& s) {
  const auto d = defaults_of(s);
  batch_rules out;
  for (const auto& [name, ignored] : s.providers)
    out.providers.push_back(name);
  out.operations = {
    {"search", {"q", "limit"}, "q", [d](const fields& params) { return books::parse_search(params, d); }},
    {"details", {"isbn"}, "isbn",
      [d](const fields& params) { return books::parse_details({}, params.front().second, d); }},
  };
  out.max_tasks = static_cast<std::size_t>(s.batch.max_tasks);
  out.max_time = s.batch.deadline;
  return out;
}

batch_book::settings batch_limits(const config::batch_settings& s) {
  batch_book::settings out;
  out.max_tasks = static_cast<std::size_t>(s.max_tasks);
  out.max_held = 4 * out.max_tasks;
  out.concurrency = static_cast<std::size_t>(s.concurrency);
  out.concurrency_all = 4 * out.concurrency;
  out.keep = s.keep;
  out.max_bytes = static_cast<std::size_t>(s.bytes.count);
  return out;
}

struct databases {
  std::shared_ptr<storage::sql> writer;
  std::shared_ptr<storage::sql> reader;
};

result<databases> open_databases(const std::string& dir) {
  if (auto made = storage::prepare_directory(dir); !made)
    return made.as_failure();
  const auto path = dir + "/troupe.db";
  auto writer = storage::sqlite::database::open({path});
  if (!writer)
    return writer.as_failure();
  const auto known = storage::parse_migrations(storage::built_in_migrations());
  if (!known)
    return known.as_failure();
  if (auto migrated = storage::migrate_up(*writer.value(), known.value(), wall_ms()); !migrated)
    return migrated.as_failure();
  storage::sqlite::options read_only{path};
  read_only.read_only = true;
  auto reader = storage::sqlite::database::open(read_only);
  if (!reader)
    return reader.as_failure();
  return databases{std::move(writer.value()), std::move(reader.value())};
}

} // namespace

struct node::parts {
  node_options options;
  system_config system_settings;
  std::unique_ptr<caf::actor_system> system;
  std::shared_ptr<hot_index> index = std::make_shared<hot_index>();
  rate_limiter_actor limiter;
  http_client_actor http_client;
  record_store_actor reader;
  record_store_actor writer;
  orchestrator_actor boss;
  std::vector<cache_actor> shards;
  batch_actor batches;
  gate_actor batch_gate;
  gate_actor batch_intake;
  std::unique_ptr<batch_client> batch_calls;
  front_actor front;
  std::unique_ptr<troupe::bridge> bridge;
  std::optional<http::server> server;

  void spawn(const databases& db);
  result<void> listen();
  bool drain(std::chrono::milliseconds deadline);

private:
  void stop_batches();
  provider_spec spec_of(const std::string& name, const config::provider_settings& p, upstream_api api);
};

provider_spec node::parts::spec_of(const std::string& name, const config::provider_settings& p, upstream_api api) {
  provider_settings s;
  s.api = std::make_shared<const upstream_api>(std::move(api));
  s.url = p.url.text;
  if (const auto key = options.secrets.provider_keys.find(name); key != options.secrets.provider_keys.end())
    s.key = key->second.reveal();
  s.failures = static_cast<int>(p.circuit.failures);
  s.connect_timeout = p.connect_timeout;
  s.attempt_timeout = p.attempt_timeout;
  return {name, p.circuit.open,
    [s, limiter = limiter, client = http_client](caf::actor_system& in, std::uint64_t generation, bool on_probation) {
      return in.spawn(provider, s, generation, on_probation, limiter, client);
    }};
}

// From the outside in: whoever is asked is there before whoever asks.
void node::parts::spawn(const databases& db) {
  const auto& s = options.settings;
  auto& in = *system;
  limiter = in.spawn(rate_limiter, limits_of(s));
  http_client = in.spawn(troupe::http_client, http_loop::settings{});
  reader = in.spawn<caf::detached>(record_store, record_store_settings{db.reader, options.log});
  writer = in.spawn<caf::detached>(record_store, record_store_settings{db.writer, options.log});

  orchestrator_settings o;
  o.providers = {spec_of("google", s.providers.at("google"), books::google_api()),
    spec_of("openlibrary", s.providers.at("openlibrary"), books::openlibrary_api())};
  o.routes = with_single_providers(books::routes());
  o.patience = std::chrono::duration_cast<std::chrono::milliseconds>(s.merge.patience);
  o.wall_ms = wall_ms;
  o.log = options.log;
  boss = in.spawn(orchestrator, std::move(o));

  const auto count = s.cache.shards > 0 ? static_cast<std::size_t>(s.cache.shards) : cores();
  const auto in_seconds = [](config::duration d) { return std::chrono::duration_cast<std::chrono::seconds>(d); };
  const cache_settings c{in_seconds(s.cache.hot_ttl), in_seconds(s.cache.degraded_ttl), in_seconds(s.cache.stale_max),
    static_cast<std::size_t>(s.cache.bytes.count) / count, s.http.max_inflight_fetches,
    std::make_shared<std::atomic<std::int64_t>>(0), index, options.log};
  for (std::size_t i = 0; i < count; ++i)
    shards.push_back(in.spawn(cache, c, cache_peers{boss, reader, writer}));

  batches = in.spawn(batch, batch_actor_settings{batch_limits(s.batch), options.log}, batch_peers{boss, limiter});
  batch_gate = in.spawn(troupe::batch_gate);
  batch_intake = in.spawn<caf::detached>(troupe::batch_gate);
  batch_calls = std::make_unique<batch_client>(batch_gate, batches);

  front_settings f{shards, {}};
  for (const auto& shard : shards)
    f.with_counters.push_back(caf::actor_cast<caf::actor>(shard));
  for (const auto& other :
    {caf::actor_cast<caf::actor>(boss), caf::actor_cast<caf::actor>(limiter), caf::actor_cast<caf::actor>(http_client),
      caf::actor_cast<caf::actor>(reader), caf::actor_cast<caf::actor>(writer), caf::actor_cast<caf::actor>(batches)})
    f.with_counters.push_back(other);
  front = in.spawn(troupe::front, std::move(f));
}

result<void> node::parts::listen() {
  const auto& s = options.settings;
  bridge_settings b;
  b.endpoints = endpoints_of(s);
  b.resources = batch_resources({batch_rules_of(s), quota(s.limits.client.batches), quota(s.limits.client.details),
    batches, batch_gate, batch_intake, [] {
      return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
    }});
  b.deadline = s.request.deadline;
  b.client_limits = s.limits.client.enabled;
  b.trusted_proxies = address_ranges{s.http.trusted_proxies.list};
  b.admin_token = options.secrets.admin_token.reveal();
  b.version = options.version;
  b.log = options.log;
  b.index = index;
  b.server_counters = [this] { return server ? server->count() : http::counters{}; };
  auto made = bridge::make(std::move(b), front);
  if (!made)
    return made.as_failure();
  bridge = std::move(made.value());
  http::limits l;
  l.connections = static_cast<std::size_t>(s.http.max_connections);
  // Half the cores read and write; the other half runs the actors.
  const auto threads =
    s.http.threads > 0 ? static_cast<std::size_t>(s.http.threads) : std::max<std::size_t>(1, cores() / 2);
  auto started = http::server::start(s.http.address.host, s.http.address.port, threads, l, *bridge);
  if (!started)
    return started.as_failure();
  server.emplace(std::move(started.value()));
  return ok();
}

// A batch may take an hour: who waits for one is told first, so that the rest can finish.
void node::parts::stop_batches() {
  if (!system || !batches)
    return;
  caf::scoped_actor self{*system};
  self->send_exit(batches, caf::exit_reason::user_shutdown);
  self->wait_for(batches);
  batches = nullptr;
}

// In the reverse order of starting: first nobody asks any more, then nobody answers.
bool node::parts::drain(std::chrono::milliseconds deadline) {
  stop_batches();
  const bool finished = !server || server->drain(deadline);
  if (!system)
    return finished;
  {
    caf::scoped_actor self{*system};
    const auto stop = [&](const auto& actor) {
      if (actor)
        self->send_exit(actor, caf::exit_reason::user_shutdown);
    };
    for (const auto& gate : {batch_intake, batch_gate})
      if (gate) {
        within(gate, [](gate_actor::pointer me) { me->quit(); }); // behind the answers that are on their way
        self->wait_for(gate);
      }
    stop(front);
    for (const auto& shard : shards)
      stop(shard);
    if (writer)
      self->request(writer, std::chrono::seconds{5}, flush_atom::value)
        .receive([](std::int64_t) {},
          [&](const caf::error& e) { options.log->error("Writing the last records failed: {}", from_caf(e).message); });
    stop(boss);
    stop(reader);
    stop(writer);
    stop(http_client);
    stop(limiter);
  }
  batch_calls.reset();
  server.reset();
  bridge.reset();
  batch_gate = nullptr;
  batch_intake = nullptr;
  front = nullptr;
  shards.clear();
  boss = nullptr;
  reader = nullptr;
  writer = nullptr;
  http_client = nullptr;
  limiter = nullptr;
  system.reset(); // waits for the last actor
  return finished;
}

result<std::unique_ptr<node>> node::start(node_options options) {
  const auto db = open_databases(options.settings.storage.dir);
  if (!db)
    return db.as_failure();
  auto p = std::make_unique<parts>();
  p->options = std::move(options);
  p->system = std::make_unique<caf::actor_system>(p->system_settings);
  p->spawn(db.value());
  if (auto listening = p->listen(); !listening) {
    p->drain(std::chrono::milliseconds{0});
    return listening.as_failure();
  }
  return std::unique_ptr<node>{new node{std::move(p)}};
}

node::node(std::unique_ptr<parts> p) : parts_{std::move(p)} {}

node::~node() {
  parts_->drain(std::chrono::milliseconds{0});
}

std::uint16_t node::port() const noexcept {
  return parts_->server ? parts_->server->port() : 0;
}

batch_client& node::batches() noexcept {
  return *parts_->batch_calls;
}

bool node::drain(std::chrono::milliseconds deadline) {
  return parts_->drain(deadline);
}

} // namespace troupe
