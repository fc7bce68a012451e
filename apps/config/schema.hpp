// The table of settings: key, place, allowed range, one line of help. Everything else follows from it: parsing a file,
// `--set`, environment variables, suggestions and `troupe check`. A new setting is a member in config.hpp, a line here
// and a line in config/troupe.toml.
#pragma once

#include "apps/config/config.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::config {

/// Where a setting's value is; the alternative is its type.
using place = std::variant<bool*, std::int64_t*, duration*, byte_size*, quota*, address*, base_url*, ip_ranges*,
  origin_list*, std::string*, strategy*, route_auth*, access_format*, log_level*, log_format*>;

/// What a number may be: a count, microseconds, bytes; for a quota its count. Other types have no range.
struct range {
  std::int64_t lowest = 0;
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
};

struct entry {
  std::string key; ///< "providers.google.rate"
  place at;
  range allowed;
  std::string_view help; ///< one line
};

/// The table, whose places are in `s`: `s` outlives it and is not assigned to as a whole meanwhile.
[[nodiscard]] std::vector<entry> schema(settings& s);

/// Pairs of settings of one type of which the first may not exceed the second.
struct ordered_pair {
  std::string smaller;
  std::string larger;
};
[[nodiscard]] std::vector<ordered_pair> ordered_pairs(const settings& s);

/// What is set and useless, or dangerous, without another setting; in words. Nothing when all is well.
struct missing_companion {
  std::string key;      ///< the setting that was given
  std::string expected; ///< "http.tls.key beside it"
};
[[nodiscard]] std::vector<missing_companion> missing_companions(const settings& s);

/// A value as somebody wrote it.
struct written {
  enum class kind : std::uint8_t {
    bare,    ///< from the command line or the environment: of whatever type the setting has
    text,    ///< a TOML string
    number,  ///< a TOML integer
    boolean, ///< a TOML boolean
    list,    ///< a TOML array of strings, joined with commas
    other,   ///< anything else; `text` describes it ("a table")
  };
  kind form = kind::bare;
  std::string text;

  /// For "got ..." in an error: quoted and bounded, without credentials, with control characters escaped.
  [[nodiscard]] std::string shown() const;
};

/// A text without the credentials of a URL in it: "https://***@host" for "https://me:password@host".
[[nodiscard]] std::string without_credentials(std::string_view text);

/// Gives a setting a value. Returns what was expected ("a size such as 256MiB") when the value is not allowed, and
/// leaves the setting alone then.
[[nodiscard]] std::optional<std::string> assign(const entry& e, const written& value);

/// A setting's value as text that `--set` accepts.
[[nodiscard]] std::string format(const place& at);

/// A setting's value as a number for comparing two of one type; nothing for a type without order.
[[nodiscard]] std::optional<std::int64_t> magnitude(const place& at);

/// The environment variable that overrides a setting: "http.address" -> "TROUPE_HTTP_ADDRESS".
[[nodiscard]] std::string environment_name(std::string_view key);

} // namespace troupe::config
