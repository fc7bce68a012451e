#include "apps/books/library/seen.hpp"

#include <utility>

namespace troupe::books::library {
namespace {

constexpr std::size_t first_size = 1024;

} // namespace

std::size_t seen_books::place_of(std::uint64_t hash) const noexcept {
  auto at = hash & (hashes_.size() - 1);
  while (hashes_[at] != 0 && hashes_[at] != hash)
    at = (at + 1) & (hashes_.size() - 1);
  return at;
}

std::optional<std::uint64_t> seen_books::add(std::uint64_t hash, std::uint64_t line) {
  hash = hash == 0 ? 1 : hash;
  if ((count_ + 1) * 4 > hashes_.size() * 3 && !full())
    grow();
  if (hashes_.empty())
    return std::nullopt;
  const auto at = place_of(hash);
  if (hashes_[at] == hash)
    return lines_[at];
  if (!full()) {
    hashes_[at] = hash;
    lines_[at] = static_cast<std::uint32_t>(line);
    ++count_;
  }
  return std::nullopt;
}

void seen_books::grow() {
  const auto size = hashes_.empty() ? first_size : 2 * hashes_.size();
  const auto hashes = std::exchange(hashes_, std::vector<std::uint64_t>(size));
  const auto lines = std::exchange(lines_, std::vector<std::uint32_t>(size));
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (hashes[i] != 0) {
      const auto at = place_of(hashes[i]);
      hashes_[at] = hashes[i];
      lines_[at] = lines[i];
    }
}

} // namespace troupe::books::library
