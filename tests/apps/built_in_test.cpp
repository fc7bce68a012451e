// What the configuration holds for taken is what a node has.
#define TEST_SUITE built_in
#include "tests/support/test.hpp"

#include "apps/batches/resource.hpp"
#include "apps/books/routes.hpp"
#include "apps/config/built_in.hpp"
#include "apps/node/library.hpp"
#include "apps/node/schedules.hpp"
#include "apps/node/services.hpp"
#include "apps/node/wiring.hpp"

#include <set>

using namespace troupe;

namespace {

// Of the bridge, without the configuration's own routes. Nobody is behind them.
std::vector<const entry_point*> assembled(std::vector<endpoint>& questions, std::vector<resource>& others) {
  const config::settings s;
  questions = endpoints_of(s);
  others = batch_resources({batch_rules_of(s), {}, {}, {}, 0, {}, {}, {}, {}});
  for (auto paths : {service_paths(s, {}), library_paths(s, {}), schedule_paths(s, {}, {})})
    for (auto& path : paths)
      others.push_back(std::move(path));
  std::vector<const entry_point*> out;
  for (const auto& q : questions)
    out.push_back(&q);
  for (const auto& r : others)
    out.push_back(&r);
  return out;
}

} // namespace

TEST(every path and name of a node is held for taken and no other is) {
  std::vector<endpoint> questions;
  std::vector<resource> others;
  std::set<std::string> patterns{"/health", "/metrics"};
  std::set<std::string> names{"health", "metrics", "other"};
  for (const auto* r : assembled(questions, others)) {
    patterns.insert(r->pattern);
    names.insert(r->name);
    if (!r->grant.empty())
      names.insert(r->grant);
  }
  for (const auto& route : books::routes(true))
    if (route.name.find('.') == std::string::npos) // no configured route has such a name
      names.insert(route.name);
  std::set<std::string> held_patterns;
  std::set<std::string> held_names;
  for (const auto& r : config::built_in_routes()) {
    CHECK(held_names.emplace(r.name).second);
    if (!r.pattern.empty())
      CHECK(held_patterns.emplace(r.pattern).second);
  }
  CHECK_EQ(held_patterns, patterns);
  CHECK_EQ(held_names, names);
}
