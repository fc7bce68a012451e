#include "apps/config/nearest.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace troupe::config {
namespace {

std::string_view last_part(std::string_view key) {
  const auto dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

} // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table suffice: a swap of neighbours looks back two.
  auto before_last = std::vector<std::size_t>(b.size() + 1);
  auto last = before_last;
  auto row = before_last;
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

nearest_name nearest(std::string_view name, const std::vector<std::string>& known) {
  // Keys are short; of an absurdly long one the beginning will do.
  name = name.substr(0, 200);
  auto best = nearest_name{{}, std::numeric_limits<std::size_t>::max()};
  auto best_edits = best.distance;
  for (const auto& candidate : known) {
    const auto edits = edit_distance(name, candidate);
    const auto distance = last_part(name) == last_part(candidate) ? std::min<std::size_t>(edits, 2) : edits;
    if (std::tie(distance, edits) < std::tie(best.distance, best_edits)) {
      best = {candidate, distance};
      best_edits = edits;
    }
  }
  return best;
}

} // namespace troupe::config
