#include "storage/sql.hpp"

namespace troupe::storage {

const value* row::find(std::string_view column) const noexcept {
  // A dozen columns at most: a scan beats a map that every answer would have to build.
  for (std::size_t i = 0; i < columns_->size() && i < values_.size(); ++i)
    if ((*columns_)[i] == column)
      return &values_[i];
  return nullptr;
}

} // namespace troupe::storage
