// Where settings come from, from the weakest to the strongest: the defaults, the configuration file, environment
// variables, `--set KEY=VALUE`, flags of their own (`--http`). Every mistake in all of them is reported, each in one
// line that says where it is, what was expected and what was found; nothing is guessed and nothing unknown is passed
// over.
#pragma once

#include "apps/config/config.hpp"
#include "apps/config/custom.hpp"
#include "apps/config/secrets.hpp"

#include <optional>
#include <string>
#include <vector>

namespace troupe::config {

/// A command-line flag that stands for a setting: {"--http", "http.address", "127.0.0.1:80"}.
struct flag {
  std::string name;
  std::string key;
  std::string value;
};

struct load_request {
  std::optional<std::string> file; ///< --config
  environment env;                 ///< see process_environment
  std::vector<std::string> sets;   ///< each --set, "KEY=VALUE"; of two for one key the later wins
  std::vector<flag> flags;
  std::optional<std::string> secrets_file; ///< --secrets; otherwise TROUPE_SECRETS_FILE
  program_checker check_programs = {};     ///< compiles jq programs; empty: they are taken as they are
};

struct loaded {
  settings values; ///< what could be read; to be used only when there are no errors
  config::secrets secrets;
  std::vector<std::string> errors;
  std::vector<std::string> warnings; ///< environment variables that begin with TROUPE_ and mean nothing here

  [[nodiscard]] bool ok() const noexcept { return errors.empty(); }
};

[[nodiscard]] loaded load(const load_request& request);

/// What load needs of this process's environment.
[[nodiscard]] environment process_environment();

} // namespace troupe::config
