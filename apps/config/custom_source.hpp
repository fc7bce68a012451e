// What a configuration file says of user-defined providers and routes, as it is written: nothing is checked here but
// that tables are tables. `[[route]]` is a list of tables, and is not called `routes` because `[routes.search]` makes
// that a table: TOML does not allow both.
#pragma once

#include "apps/config/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

struct custom_item {
  std::string key; ///< "path"; beneath a table "headers.X-Key"
  written value;
  std::string where; ///< of the value
  std::string where_key;
  std::string path;           ///< of the file
  std::int64_t text_line = 0; ///< in which line of the file a text begins: behind ''' and a line break, the next one
};

/// One `[providers.NAME.operations.OP]`, one `[[route]]`, one `[[services]]` or one
/// `[[schedules]]`.
struct custom_table {
  std::string provider; ///< of an operation
  std::string name;     ///< of an operation
  std::string where;
  std::vector<custom_item> items; ///< in the order of the file
};

struct custom_provider {
  std::string name;
  std::string where;
};

/// One `[providers.NAME.lanes.LANE]`. What stands in it are settings like any other (schema.hpp).
struct custom_lane {
  std::string provider;
  std::string name;
  std::string where;
};

struct custom_source {
  std::vector<custom_provider> providers; ///< each table of `[providers]` with a url that is not built in
  std::vector<custom_lane> lanes;
  std::vector<custom_table> operations;
  std::vector<custom_table> routes;
  std::vector<custom_table> services;  ///< each `[[services]]`
  std::vector<custom_table> schedules; ///< each `[[schedules]]`
  bool lists_services = false;         ///< perhaps none: `services = []`
  bool lists_schedules = false;        ///< likewise
  std::vector<std::string> errors;     ///< what should be a table and is none
};

/// A file that is no TOML gives nothing: read_toml says what is wrong with it.
[[nodiscard]] custom_source read_custom(
  std::string_view text, const std::string& path, const std::vector<std::string>& built_in);

} // namespace troupe::config
