// What a user-defined provider knows: plain JSON. Reading it, merging several providers' and writing it. Pure and
// deterministic: nothing depends on who answered first.
#pragma once

#include "actors/orchestrator/route.hpp"
#include "apps/custom/definition.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::custom {

/// A mapper's output: an array is a list of records, anything else one record; null and what is empty knows nothing.
struct json_records final : records {
  std::vector<nlohmann::json> list;
  bool many = false; ///< it was an array

  [[nodiscard]] std::size_t count() const noexcept override { return list.size(); }
};

/// Deeper JSON than this is refused: what writes it again is recursive.
inline constexpr std::size_t deepest = 100;

/// Reads a mapper's output. Error provider_malformed: no JSON, too deep, or no record that `merge` can take (`object`
/// needs an object, `concat` objects or a list).
[[nodiscard]] result<records_ptr> read_records(std::string_view text, merge_kind merge);

/// Merges what was found, in the order given. `first` keeps the first that is not empty; `object` the union of the
/// top-level fields, with `provenance` (field -> provider) beside them; `concat` all records, of those whose field `by`
/// is equal as JSON the first (records without it all stay).
[[nodiscard]] records_ptr merge(merge_kind how, std::string_view by, std::span<const contribution> found);

/// The JSON text of `data`: a list, one record, or null when there is none (of `concat` an empty list).
[[nodiscard]] std::string render(const records& found);

} // namespace troupe::custom
