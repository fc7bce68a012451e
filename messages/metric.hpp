// A counter or gauge as an actor reports it. Standard library alone.
#pragma once

#include "messages/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

struct metric {
  std::string name; // Prometheus name: troupe_http_client_transfers_total
  fields labels;
  bool counter = false; // else a gauge
  std::int64_t value = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, metric& x) {
  return f(x.name, x.labels, x.counter, x.value);
}

using metrics = std::vector<metric>;

} // namespace troupe
