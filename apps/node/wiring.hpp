// From settings to what the actors and the bridge are made with. Pure: nothing here starts anything.
#pragma once

#include "actors/batch/batch_book.hpp"
#include "actors/cache/tiers.hpp"
#include "actors/orchestrator/route.hpp"
#include "actors/rate_limiter/permit_book.hpp"
#include "apps/batches/body.hpp"
#include "apps/books/endpoints.hpp"
#include "apps/bridge/bridge.hpp"
#include "apps/config/config.hpp"
#include "apps/custom/provider.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe {

/// The lanes of the rate limiter: one a provider, those beneath it, and those of batch_client's typed calls.
[[nodiscard]] permit_book::settings limits_of(const config::settings& s);

[[nodiscard]] tier_settings tiers_of(const config::settings& s);
/// After which an object of the cold tier has died, whatever route it is of.
[[nodiscard]] std::chrono::milliseconds longest_cold(const config::settings& s);

/// This node's name among those that share its database, where leases hold it, the same after a restart, so that what
/// it left is its own again: "local" where the data directory is its alone (storage::directory_lock), else its host and
/// the address at which it listens ("a.example/127.0.0.1:8787"), which no other has at the same time.
[[nodiscard]] std::string lease_owner(const config::settings& s);

[[nodiscard]] client_quota quota(const config::quota& q);

/// The questions that the bridge takes: the books' and those of configured routes.
[[nodiscard]] std::vector<endpoint> endpoints_of(const config::settings& s);
/// The names that a key's list of routes may hold.
[[nodiscard]] std::vector<std::string> granted_names(const config::settings& s);
/// Whom batches answer: they reach what any other route guards, so whatever asks for a key there does so here.
[[nodiscard]] route_edge batches_edge(const config::settings& s);

/// Whom the services' paths answer: they ask what searches and details ask, so whatever asks for a key there does so
/// here.
[[nodiscard]] route_edge services_edge(const config::settings& s);
[[nodiscard]] books::endpoint_defaults defaults_of(const config::settings& s);

/// The providers that the configuration defines, as the platform knows them, and the programs that their mappers are.
struct custom_providers {
  std::map<std::string, std::map<std::string, custom::assignment, std::less<>>> by_provider;
  std::vector<std::string> programs;
};
[[nodiscard]] custom_providers custom_providers_of(const config::settings& s);

/// The questions that the orchestrator knows: the books', those of configured routes and, for batches, each provider's
/// operations one by one ("google.search", "weather.now").
/// @param with_isbndb whether there is a key for ISBNdb; without one it refuses everything, and takes no part
[[nodiscard]] std::vector<route> routes_of(const config::settings& s, bool with_isbndb);

[[nodiscard]] batch_rules batch_rules_of(const config::settings& s);
[[nodiscard]] batch_book::settings batch_limits(const config::batch_settings& s);

} // namespace troupe
