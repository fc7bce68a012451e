// User-defined providers' operations and routes as plain values, as the configuration gives them once it is known to be
// right (apps/config/custom.hpp says what right is).
#pragma once

#include "apps/custom/parameter.hpp"
#include "apps/custom/path_template.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::custom {

/// One thing that a provider can be asked.
struct operation {
  std::string name;
  path_template path;
  fields headers;        ///< values may hold ${secret}
  std::string map;       ///< a jq program; empty: the answer is taken as it is
  std::string lane = {}; ///< of the provider, for its calls' permits; empty: the provider's own

  friend bool operator==(const operation&, const operation&) = default;
};

/// How plain JSON of several providers becomes one.
enum class merge_kind : std::uint8_t {
  first,  ///< what the first provider says that knows something
  object, ///< one object: each top-level field from the first provider that has it, and who that was (`provenance`)
  concat, ///< one list, in the order of the providers; of records with an equal `by` field the first stays
};

/// Who may call a route: everybody, or who has an API key for it.
enum class audience : std::uint8_t { everybody, key_holders };

/// Where the parameters come from that the path does not give: of GET from the query, of POST from a JSON object in the
/// body. Either is a query: it changes nothing and may be repeated.
enum class request_method : std::uint8_t { get, post };

struct route_definition {
  struct target {
    std::string provider;
    std::string operation;
    friend bool operator==(const target&, const target&) = default;
  };

  std::string name;
  request_method method = request_method::get;
  std::string path; ///< "/api/v1/weather/{city}"
  troupe::strategy strategy = troupe::strategy::merge;
  std::vector<target> targets; ///< in order of preference; a provider at most once
  merge_kind merge = merge_kind::first;
  std::string by; ///< with concat
  std::vector<parameter> params;
  std::string key;                   ///< of its answers in the cache: "city={city}&lang={lang}"
  std::chrono::microseconds ttl{-1}; ///< -1: as cache.* says
  std::chrono::microseconds degraded_ttl{-1};
  std::chrono::microseconds stale_max{-1};
  std::chrono::microseconds deadline{0}; ///< 0: as request.deadline says
  std::int64_t limit = 100;              ///< requests of one client in `limit_window`
  std::chrono::microseconds limit_window{std::chrono::seconds{60}};
  audience auth = audience::everybody;
  std::vector<std::string> cors;                     ///< web origins whose pages may read the answers; "*": all
  std::int64_t max_response = std::int64_t{8} << 20; ///< bytes of an answer's body; more is 502

  friend bool operator==(const route_definition&, const route_definition&) = default;
};

/// The route's path's placeholders, in order. Error config_invalid: what was expected.
[[nodiscard]] result<std::vector<std::string>> path_parameters(std::string_view path);

/// The parameters of a key template, in order. Error config_invalid: what was expected.
[[nodiscard]] result<std::vector<std::string>> key_parameters(std::string_view key);

/// The key template of a route that gives none: every parameter by its name.
[[nodiscard]] std::string default_key(const std::vector<parameter>& params);

} // namespace troupe::custom
