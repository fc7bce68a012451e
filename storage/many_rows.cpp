#include "storage/many_rows.hpp"

#include <iterator>

namespace troupe::storage {
namespace {

constexpr std::size_t rows_at_once = 32;

std::string insert_text(std::string_view head, std::string_view tail, std::size_t columns, std::size_t rows) {
  auto places = std::string{" (?"};
  for (std::size_t i = 1; i < columns; ++i)
    places += ", ?";
  places += ')';
  auto text = std::string{head} + places;
  for (std::size_t i = 1; i < rows; ++i)
    text += ',' + places;
  return text.append(tail);
}

} // namespace

std::vector<statement> insert_many(std::string_view head, std::string_view tail, std::vector<params> rows) {
  auto statements = std::vector<statement>{};
  if (rows.empty())
    return statements;
  const auto columns = rows.front().size();
  auto at = std::size_t{0};
  if (rows.size() >= rows_at_once) {
    const auto text = insert_text(head, tail, columns, rows_at_once);
    for (; at + rows_at_once <= rows.size(); at += rows_at_once) {
      auto bound = params{};
      bound.reserve(rows_at_once * columns);
      for (auto i = at; i < at + rows_at_once; ++i)
        std::move(rows[i].begin(), rows[i].end(), std::back_inserter(bound));
      statements.push_back({text, std::move(bound)});
    }
  }
  const auto text = insert_text(head, tail, columns, 1);
  for (; at < rows.size(); ++at)
    statements.push_back({text, std::move(rows[at])});
  return statements;
}

} // namespace troupe::storage
