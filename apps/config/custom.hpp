// Checks what a configuration says of user-defined providers and routes, and makes definitions of it. Every mistake is
// one line that begins with file, line and column, names the setting, and says what was expected.
#pragma once

#include "apps/config/config.hpp"
#include "apps/config/custom_source.hpp"
#include "apps/config/secrets.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe::config {

/// Compiles jq programs: a complaint about each, in order ("line 2: syntax error, unexpected '}'"); empty: none.
using program_checker = std::function<std::vector<std::string>(const std::vector<std::string>& programs)>;

/// Gives `s` the providers of `source` and their lanes, so that the schema knows their settings. Their operations
/// follow with define().
void declare_providers(const custom_source& source, settings& s, std::vector<std::string>& errors);

/// Gives `s` the operations and routes. `check` may be empty.
void define(const custom_source& source, const program_checker& check, settings& s, std::vector<std::string>& errors);

/// Gives `s` the bindings of `[[services]]`, in the place of the built-in ones if there is such a list, be it empty.
/// Reports what cannot be bound so (check_bindings), in whichever environment.
void define_services(const custom_source& source, settings& s, std::vector<std::string>& errors);

/// Gives `s` the schedules of `[[schedules]]`, in the place of the built-in ones if there is such a list, be it empty.
void define_schedules(const custom_source& source, settings& s, std::vector<std::string>& errors);

/// Reports operations with `${secret}` whose provider has no key.
void check_secrets(
  const custom_source& source, const settings& s, const secrets& known, std::vector<std::string>& errors);

} // namespace troupe::config
