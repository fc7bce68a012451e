#include "storage/sqlite/values.hpp"

#include <sqlite3.h>

namespace troupe::storage::sqlite {
namespace {

value column_value(sqlite3_stmt* prepared, int index) {
  switch (sqlite3_column_type(prepared, index)) {
  case SQLITE_INTEGER:
    return std::int64_t{sqlite3_column_int64(prepared, index)};
  case SQLITE_FLOAT:
    return sqlite3_column_double(prepared, index);
  case SQLITE_TEXT: {
    const auto* text = static_cast<const char*>(static_cast<const void*>(sqlite3_column_text(prepared, index)));
    return std::string{text, static_cast<std::size_t>(sqlite3_column_bytes(prepared, index))};
  }
  case SQLITE_BLOB: {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(prepared, index)); // null when it is empty
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared, index));
    return bytes != nullptr ? blob{std::string{bytes, size}} : blob{std::string{}};
  }
  default:
    return std::monostate{};
  }
}

} // namespace

int bind_one(sqlite3_stmt* prepared, int index, const value& v) {
  struct binder {
    sqlite3_stmt* prepared;
    int index;
    int operator()(std::monostate) const { return sqlite3_bind_null(prepared, index); }
    int operator()(std::int64_t number) const { return sqlite3_bind_int64(prepared, index, number); }
    int operator()(double number) const { return sqlite3_bind_double(prepared, index, number); }
    int operator()(const std::string& text) const {
      return sqlite3_bind_text64(prepared, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(const blob& bytes) const {
      const auto view = bytes.view();
      return view.empty() ? sqlite3_bind_zeroblob(prepared, index, 0) // a null pointer would bind NULL
                          : sqlite3_bind_blob64(prepared, index, view.data(), view.size(), SQLITE_STATIC);
    }
  };
  return std::visit(binder{prepared, index}, v);
}

std::vector<value> read_row(sqlite3_stmt* prepared) {
  const auto width = sqlite3_column_count(prepared);
  auto values = std::vector<value>{};
  values.reserve(static_cast<std::size_t>(width));
  for (int i = 0; i < width; ++i)
    values.push_back(column_value(prepared, i));
  return values;
}

} // namespace troupe::storage::sqlite
