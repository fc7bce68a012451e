#include "actors/cache/left_lately.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

std::uint32_t tag_of(std::uint64_t hash) noexcept {
  return std::max(static_cast<std::uint32_t>(hash >> 16), 1u);
}

} // namespace

void left_lately::remember(std::size_t count) {
  count_ = count;
  // A quarter more places than marks, so that few buckets overflow; grown by an eighth at a time.
  if (const auto needed = (count + count / 4) / 4 + 1; needed > table_.size()) {
    const auto old = std::exchange(table_, std::vector<bucket>(needed + needed / 8));
    for (const auto& b : old)
      for (const auto& m : b)
        if (m.tag != 0)
          put(m.tag, m.left);
  }
}

void left_lately::add(std::uint64_t hash) {
  if (count_ == 0)
    return;
  put(tag_of(hash), clock_);
  ++clock_;
}

bool left_lately::take(std::uint64_t hash) noexcept {
  if (table_.empty())
    return false;
  const auto tag = tag_of(hash);
  for (auto& m : bucket_of(tag))
    if (m.tag == tag) {
      m.tag = 0;
      return age(m) <= count_;
    }
  return false;
}

void left_lately::put(std::uint32_t tag, std::uint32_t left) noexcept {
  // Its own place, a free one, or that of whoever left first.
  const auto worth = [&](const mark& m) {
    return m.tag == tag ? std::uint64_t{1} << 33 : m.tag == 0 ? std::uint64_t{1} << 32 : std::uint64_t{age(m)};
  };
  auto& b = bucket_of(tag);
  *std::max_element(b.begin(), b.end(), [&](const auto& x, const auto& y) { return worth(x) < worth(y); }) = {
    tag, left};
}

} // namespace troupe
