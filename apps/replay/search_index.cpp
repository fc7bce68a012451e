#include "apps/replay/search_index.hpp"

#include <algorithm>
#include <limits>

namespace troupe::replay {

namespace {

/// No query that a person writes has more words; it bounds the work of one that a machine writes.
constexpr std::size_t max_words = 32;

/// Appends what of `part` lies on the page, given that `before` rows rank ahead of it.
void take_page(
  std::span<const std::uint32_t> part, std::size_t before, std::size_t offset, std::size_t count, hits& out) {
  const auto skip = offset > before ? offset - before : 0;
  if (skip >= part.size() || out.rows.size() >= count)
    return;
  part = part.subspan(skip, std::min(part.size() - skip, count - out.rows.size()));
  out.rows.insert(out.rows.end(), part.begin(), part.end());
}

} // namespace

void search_index::add(std::string_view word, std::uint32_t row) {
  auto at = rows_.find(word);
  if (at == rows_.end())
    at = rows_.emplace(std::string{word}, std::vector<std::uint32_t>{}).first;
  if (at->second.empty() || at->second.back() != row)
    at->second.push_back(row);
}

std::span<const std::uint32_t> search_index::rows_of(std::string_view word) const {
  const auto at = rows_.find(word);
  return at == rows_.end() ? std::span<const std::uint32_t>{} : std::span{at->second};
}

hits search_index::find(std::span<const std::string> words, std::size_t offset, std::size_t count) const {
  std::vector<std::span<const std::uint32_t>> lists;
  for (const auto& word : words.first(std::min(words.size(), max_words)))
    if (auto rows = rows_of(word); !rows.empty())
      lists.push_back(rows);

  hits out;
  if (lists.size() == 1) { // the common case: the list itself is the answer
    out.total = lists.front().size();
    take_page(lists.front(), 0, offset, count, out);
    return out;
  }

  // by_score[n]: the rows that hold n + 1 of the words
  std::vector<std::vector<std::uint32_t>> by_score(lists.size());
  while (true) {
    auto row = std::numeric_limits<std::uint32_t>::max();
    for (const auto& list : lists)
      if (!list.empty())
        row = std::min(row, list.front());
    std::size_t score = 0;
    for (auto& list : lists)
      if (!list.empty() && list.front() == row) {
        list = list.subspan(1);
        ++score;
      }
    if (score == 0)
      break;
    by_score[score - 1].push_back(row);
    ++out.total;
  }
  std::size_t before = 0;
  for (auto part = by_score.rbegin(); part != by_score.rend(); ++part) {
    take_page(*part, before, offset, count, out);
    before += part->size();
  }
  return out;
}

} // namespace troupe::replay
