#include "apps/node/node.hpp"

#include "actors/batch/batch.hpp"
#include "actors/cache/cache.hpp"
#include "actors/cache_keeper/cache_keeper.hpp"
#include "actors/http_client/http_client.hpp"
#include "actors/jq/jq.hpp"
#include "actors/kv/kv.hpp"
#include "actors/objects/objects.hpp"
#include "actors/orchestrator/orchestrator.hpp"
#include "actors/provider/provider.hpp"
#include "actors/rate_limiter/rate_limiter.hpp"
#include "actors/store/store.hpp"
#include "apps/batches/client.hpp"
#include "apps/batches/resource.hpp"
#include "apps/books/google.hpp"
#include "apps/books/isbndb.hpp"
#include "apps/books/openlibrary.hpp"
#include "apps/bridge/bridge.hpp"
#include "apps/clock/wall_clock.hpp"
#include "apps/custom/provider.hpp"
#include "apps/node/databases.hpp"
#include "apps/node/edge.hpp"
#include "apps/node/library.hpp"
#include "apps/node/schedules.hpp"
#include "apps/node/services.hpp"
#include "apps/node/wiring.hpp"
#include "messages/all_types.hpp"
#include "storage/directory.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <random>
#include <thread>

namespace troupe {
namespace {

// Of jitter: nodes that were started together must not act together.
std::uint64_t seed() {
  return std::random_device{}();
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
  std::shared_ptr<jq::pool> mappers; // of user-defined providers; empty without any
  jq_actor mapper_counters;
  orchestrator_actor boss;
  std::unique_ptr<storage::directory_lock> lock;          // outlives what is kept in the directory
  cache_stores stores;                                    // outlives the actors that use it
  std::shared_ptr<storage::sql_pool> main_pool;           // likewise
  std::vector<std::shared_ptr<storage::objects>> uploads; // likewise
  kv_actor cache_kv;
  objects_actor cache_cold;
  std::vector<cache_actor> shards;
  cache_keeper_actor keeper;
  node_services services;
  node_library library;
  scheduler_actor schedules;
  batch_actor batches;
  gate_actor batch_gate;
  gate_actor batch_intake;
  std::unique_ptr<batch_client> batch_calls;
  front_actor front;
  std::shared_ptr<access_log> access; // null: none
  std::unique_ptr<troupe::bridge> bridge;
  std::optional<http::server> server;

  void spawn(const databases& db);
  void spawn_cache();
  result<void> listen();
  void reload();
  bool drain(std::chrono::milliseconds deadline);

private:
  void stop_long_work();
  provider_spec spec_of(const std::string& name, const config::provider_settings& p, upstream_api api);
};

provider_spec node::parts::spec_of(const std::string& name, const config::provider_settings& p, upstream_api api) {
  provider_settings s;
  s.api = std::make_shared<const upstream_api>(std::move(api));
  s.url = p.url.text;
  if (const auto key = options.secrets.provider_keys.find(name); key != options.secrets.provider_keys.end())
    s.key = key->second.reveal();
  s.health.failures = static_cast<int>(p.circuit.failures);
  s.health.window = p.circuit.window;
  s.health.minimum = static_cast<int>(p.circuit.minimum);
  s.health.failure_percent = static_cast<int>(p.circuit.failure_percent);
  s.health.slow = p.circuit.slow;
  s.health.slow_percent = static_cast<int>(p.circuit.slow_percent);
  s.retry = {static_cast<int>(p.retry.attempts), p.retry.base, p.retry.longest};
  s.retry_percent = static_cast<int>(p.retry.percent);
  s.hedge_percent = static_cast<int>(p.hedge.percent);
  s.seed = seed();
  s.connect_timeout = p.connect_timeout;
  s.attempt_timeout = p.attempt_timeout;
  circuit_settings c;
  c.open = p.circuit.open;
  c.longest = p.circuit.longest;
  c.successes = static_cast<int>(p.circuit.successes);
  c.ramp_step = p.circuit.ramp_step;
  if (c.ramp_step.count() == 0)
    c.ramp.clear();
  // Twice, so that it may wait for its permit and then still has the time of a whole attempt.
  return {name, c, 2 * p.attempt_timeout, p.hedge.percent > 0 ? static_cast<int>(p.hedge.percentile) : 0,
    [s, limiter = limiter, client = http_client](
      caf::actor_system& in, supervisor_actor supervisor, std::uint64_t generation) {
      return in.spawn(provider, s, generation, provider_peers{std::move(supervisor), limiter, client});
    }};
}

// From the outside in: whoever is asked is there before whoever asks.
void node::parts::spawn(const databases& db) {
  const auto& s = options.settings;
  auto& in = *system;
  limiter = in.spawn(rate_limiter, rate_limiter_settings{limits_of(s), options.log});
  http_client = in.spawn(troupe::http_client, http_loop::settings{});
  reader = in.spawn<caf::detached>(record_store, record_store_settings{db.reader, options.log});
  writer = in.spawn<caf::detached>(record_store, record_store_settings{db.writer, options.log});

  auto custom = custom_providers_of(s);
  if (!custom.programs.empty()) {
    jq::pool_settings m;
    m.process.memory = s.jq.memory.count;
    m.process.timeout = s.jq.timeout;
    m.workers = s.jq.workers > 0 ? static_cast<std::size_t>(s.jq.workers) : cores();
    m.programs = std::move(custom.programs);
    mappers = std::make_shared<jq::pool>(std::move(m));
    mapper_counters = in.spawn(jq_counters, mappers);
  }

  orchestrator_settings o;
  o.providers = {spec_of("google", s.providers.at("google"), books::google_api()),
    spec_of("openlibrary", s.providers.at("openlibrary"), books::openlibrary_api())};
  const bool with_isbndb = options.secrets.provider_keys.contains("isbndb");
  if (with_isbndb)
    o.providers.push_back(spec_of("isbndb", s.providers.at("isbndb"), books::isbndb_api()));
  o.routes = routes_of(s, with_isbndb);
  for (auto& [name, by_route] : custom.by_provider)
    o.providers.push_back(spec_of(name, s.providers.at(name),
      custom::make_api(name, std::move(by_route),
        // Weak, so that no callback on a thread of the pool ever ends the pool.
        [weak = std::weak_ptr{mappers}](
          std::size_t program, blob body, jq::pool::time deadline, jq::pool::callback done) {
          if (const auto pool = weak.lock())
            pool->map(program, std::move(body), deadline, std::move(done));
          else
            done(fail(ec::cancelled, "shutting down"));
        })));
  o.patience = std::chrono::duration_cast<std::chrono::milliseconds>(s.merge.patience);
  o.retries = static_cast<int>(s.request.retries);
  o.calls = static_cast<int>(s.request.calls);
  o.seed = seed();
  o.wall_ms = wall_ms;
  o.log = options.log;
  const auto live = o.live;
  boss = in.spawn(orchestrator, std::move(o));

  spawn_cache();
  services =
    start_services(in, s, options.secrets, {{shards, defaults_of(s), with_isbndb, wall_ms}, boss, options.log, seed()});

  // The last bucket is the sweep's.
  library = start_library(in, s,
    {main_pool, {uploads.begin(), uploads.end() - 1}, services.of_warmer, with_isbndb, live, wall_ms, options.log,
      seed()});

  batches = in.spawn(batch, batch_actor_settings{batch_limits(s.batch), options.log}, batch_peers{boss, limiter});
  batch_gate = in.spawn(troupe::batch_gate);
  batch_intake = in.spawn<caf::detached>(troupe::batch_gate);
  batch_calls = std::make_unique<batch_client>(batch_gate, batches);

  schedules = start_scheduler(
    in, s, main_pool, library_tasks(library, {main_pool, uploads.back(), s.warm.keep, wall_ms}), options.log);

  front_settings f{shards, {}};
  for (const auto& shard : shards)
    f.with_counters.push_back(caf::actor_cast<caf::actor>(shard));
  for (const auto& other :
    {caf::actor_cast<caf::actor>(boss), caf::actor_cast<caf::actor>(limiter), caf::actor_cast<caf::actor>(http_client),
      caf::actor_cast<caf::actor>(reader), caf::actor_cast<caf::actor>(writer), caf::actor_cast<caf::actor>(batches)})
    f.with_counters.push_back(other);
  const auto if_there = [&](const auto& other) {
    if (other)
      f.with_counters.push_back(caf::actor_cast<caf::actor>(other));
  };
  if_there(mapper_counters);
  if_there(cache_kv);
  if_there(cache_cold);
  if_there(keeper);
  if_there(services.door);
  if_there(library.warmer);
  if_there(library.desk);
  if_there(schedules);
  for (const auto& [name, each] : services.fronts)
    if_there(each);
  front = in.spawn(troupe::front, std::move(f));
}

void node::parts::spawn_cache() {
  const auto& s = options.settings;
  auto& in = *system;
  if (stores.kv)
    cache_kv = in.spawn(kv, kv_settings{stores.kv, "cache", wall_ms, options.log});
  if (stores.cold)
    cache_cold = in.spawn<caf::detached>(objects, objects_settings{stores.cold, "cache"});
  const auto count = s.cache.shards > 0 ? static_cast<std::size_t>(s.cache.shards) : cores();
  cache_settings c;
  c.tiers = tiers_of(s);
  c.promotion.hits = static_cast<std::uint32_t>(s.cache.promote_after);
  c.max_bytes = static_cast<std::size_t>(s.cache.bytes.count) / count;
  c.max_fetches = s.http.max_inflight_fetches;
  c.fetches = std::make_shared<std::atomic<std::int64_t>>(0);
  c.refresh_deadline = s.request.deadline;
  c.index = index;
  c.wall_ms = wall_ms;
  c.log = options.log;
  for (std::size_t i = 0; i < count; ++i)
    shards.push_back(in.spawn(cache, c, cache_peers{boss, reader, writer, cache_kv, cache_cold}));
  if (cache_kv || cache_cold)
    keeper =
      in.spawn(cache_keeper, cache_keeper_settings{shards, cache_kv, cache_cold, !s.storage.url.empty(),
                               static_cast<std::size_t>(s.cache.bytes.count), longest_cold(s), wall_ms, options.log});
}

result<void> node::parts::listen() {
  const auto& s = options.settings;
  bridge_settings b;
  b.endpoints = endpoints_of(s);
  b.resources = batch_resources({batch_rules_of(s), quota(s.limits.client.batches), quota(s.limits.client.details),
    batches_edge(s), static_cast<std::size_t>(s.routes.batches.max_body.count), batches, batch_gate, batch_intake, [] {
      return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
    }});
  for (auto paths :
    {service_paths(s, services.door), library_paths(s, library), schedule_paths(s, schedules, batch_gate)})
    for (auto& path : paths)
      b.resources.push_back(std::move(path));
  b.deadline = s.request.deadline;
  b.client_limits = s.limits.client.enabled;
  b.trusted_proxies = address_ranges{s.http.trusted_proxies.list};
  b.admin_token = options.secrets.admin_token.reveal();
  b.version = options.version;
  b.log = options.log;
  b.index = index;
  b.counters = [uploads = library.uploads] { return uploads ? uploads->counters() : metrics{}; };
  b.server_counters = [this] { return server ? server->count() : http::counters{}; };
  auto keys = load_keys(s, granted_names(s));
  if (!keys)
    return keys.as_failure();
  b.keys = std::make_shared<const api_keys>(std::move(keys.value()), nullptr);
  if (s.log.access != config::access_format::off) {
    using format = access_log::format;
    auto opened =
      access_log::open(s.log.access_file, s.log.access == config::access_format::json ? format::json : format::common);
    if (!opened)
      return opened.as_failure();
    b.access_log = access = std::move(opened.value());
  }
  auto certificate = load_certificate(s);
  if (!certificate)
    return certificate.as_failure();
  auto made = bridge::make(std::move(b), front);
  if (!made)
    return made.as_failure();
  bridge = std::move(made.value());
  http::limits l;
  l.connections = static_cast<std::size_t>(s.http.max_connections);
  // Half the cores read and write; the other half runs the actors.
  const auto threads =
    s.http.threads > 0 ? static_cast<std::size_t>(s.http.threads) : std::max<std::size_t>(1, cores() / 2);
  auto started =
    http::server::start(s.http.address.host, s.http.address.port, threads, l, *bridge, std::move(certificate.value()));
  if (!started)
    return started.as_failure();
  server.emplace(std::move(started.value()));
  return ok();
}

void node::parts::reload() {
  const auto& s = options.settings;
  if (!server)
    return;
  // Said once it holds.
  const auto take = [&](const std::string& what, auto loaded, const auto& apply) {
    if (!loaded)
      return options.log->error("Not reloaded, the old one stays: {}", loaded.error().message);
    apply(loaded);
    options.log->info("Reloaded {}", what);
  };
  if (!s.http.tls.certificate.empty())
    take("the certificate", load_certificate(s),
      [&](auto& loaded) { server->replace_certificate(std::move(loaded.value())); });
  if (!s.auth.keys_file.empty())
    take("the API keys", load_keys(s, granted_names(s)),
      [&](auto& loaded) { bridge->replace_keys(std::move(loaded.value())); });
  if (access && !s.log.access_file.empty())
    take("the access log", access->reopen(), [](auto&) {});
}

// A batch or a run may take an hour: who waits for one is told first, so that the rest can finish. The warmer too,
// because a node that is started in this one's place goes on with its job at once.
void node::parts::stop_long_work() {
  if (!system)
    return;
  caf::scoped_actor self{*system};
  const auto end = [&](auto& actor) {
    if (!actor)
      return;
    self->send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
    actor = nullptr;
  };
  end(schedules);
  if (library.stop)
    *library.stop = true;
  end(library.warmer);
  end(batches);
}

// For what is stored at the end, each store.
constexpr std::chrono::seconds last_writes{5};

// In the reverse order of starting: first nobody asks any more, then nobody answers.
bool node::parts::drain(std::chrono::milliseconds deadline) {
  stop_long_work();
  const bool finished = !server || server->drain(deadline);
  if (library.uploads)
    library.uploads->stop();
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
    const auto end = [&](const auto& actor) {
      stop(actor);
      if (actor)
        self->wait_for(actor);
    };
    // What they have not answered they answer now, through the bridge: it goes when they have.
    end(front);
    end(library.desk);
    end(services.door);
    stop(library.importer);
    for (auto it = services.fronts.rbegin(); it != services.fronts.rend(); ++it)
      stop(it->second);
    stop(keeper);
    for (const auto& shard : shards) {
      stop(shard);
      self->wait_for(shard);
    }
    if (writer)
      self->request(writer, last_writes, flush_atom::value)
        .receive([](std::int64_t) {},
          [&](const caf::error& e) { options.log->error("Writing the last records failed: {}", from_caf(e).message); });
    // What comes behind the shards' last writes is answered when those have been made, or at least begun.
    const auto incomplete = [&](const caf::error& e) {
      options.log->warn("Not all that the cache has on disk is complete: {}", from_caf(e).message);
    };
    if (cache_kv)
      self->request(cache_kv, last_writes, kv_store{std::string{cache_space}, {}, us(last_writes)})
        .receive([](std::int64_t) {}, incomplete);
    if (cache_cold)
      self->request(cache_cold, last_writes, stats_atom::value).receive([](const metrics&) {}, incomplete);
    stop(cache_kv);
    stop(cache_cold);
    stop(boss);
    stop(mapper_counters);
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
  library = {};
  services = {};
  shards.clear();
  keeper = nullptr;
  cache_kv = nullptr;
  cache_cold = nullptr;
  boss = nullptr;
  mapper_counters = nullptr;
  mappers.reset();
  reader = nullptr;
  writer = nullptr;
  http_client = nullptr;
  limiter = nullptr;
  system.reset(); // waits for the last actor
  stores = {};    // and writes what it had yet to write
  main_pool.reset();
  uploads.clear();
  lock.reset();
  return finished;
}

result<std::unique_ptr<node>> node::start(node_options options) {
  if (auto whole = check_library(options.settings); !whole)
    return whole.as_failure();
  std::unique_ptr<storage::directory_lock> lock;
  if (options.settings.storage.url.empty()) {
    auto taken = storage::directory_lock::take(options.settings.storage.dir);
    if (!taken)
      return taken.as_failure();
    lock = std::move(taken.value());
  }
  const auto db = open_databases(options.settings, options.secrets, wall_ms());
  if (!db)
    return db.as_failure();
  auto stores = open_cache_stores(options.settings, options.secrets, wall_ms);
  if (!stores)
    return stores.as_failure();
  std::vector<std::shared_ptr<storage::objects>> uploads;
  while (uploads.size() < uploads_at_once + 2) { // those who store, who reads, and who sweeps
    auto opened = open_uploads(options.settings, options.secrets, wall_ms);
    if (!opened)
      return opened.as_failure();
    uploads.push_back(std::move(opened.value()));
  }
  auto p = std::make_unique<parts>();
  p->options = std::move(options);
  p->lock = std::move(lock);
  p->uploads = std::move(uploads);
  p->stores = std::move(stores.value());
  p->main_pool = db.value().main;
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

void node::reload() {
  parts_->reload();
}

batch_client& node::batches() noexcept {
  return *parts_->batch_calls;
}

bool node::drain(std::chrono::milliseconds deadline) {
  return parts_->drain(deadline);
}

} // namespace troupe
