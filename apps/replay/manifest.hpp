// Recorded bodies: a MANIFEST.json (a list of {file, provider, endpoint, status, content_type}; other members are left
// alone) and the files beside it, all read at start. Immutable afterwards.
//
// An endpoint is "GET /path?query", written for people: not escaped, perhaps with a remark in brackets at its end
// (which is dropped), perhaps with a host in front of the path (dropped too). Entries whose endpoint is no HTTP call
// (CSV exports) are skipped. Three wildcards: `<...>` and `{...}` stand for some text (within one segment of a path),
// `…` for any text or none; a query of `…` alone stands for any query, a parameter with the value `…` may be absent.
//
// Which entry answers a call: the first whose method, path and set of parameters equal the call's. Otherwise, of those
// that fit by wildcards, the one with the most literal characters, then the first; here the call may have further
// parameters (an API key), though not for an entry with an error status, which was recorded for the lack of one. So of
// several entries for one endpoint the first always answers.
#pragma once

#include "apps/replay/call.hpp"
#include "messages/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::replay {

/// A text with wildcards.
class text_pattern {
public:
  /// `in_path`: `<...>` and `{...}` do not match '/'.
  text_pattern(std::string_view text, bool in_path);

  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] bool is_literal() const noexcept { return pieces_.size() == 1 && pieces_[0].what == kind::literal; }
  /// `…` alone.
  [[nodiscard]] bool is_anything() const noexcept { return pieces_.size() == 1 && pieces_[0].what == kind::anything; }
  [[nodiscard]] std::size_t literal_size() const noexcept;

private:
  enum class kind { literal, some, anything };
  struct piece {
    kind what;
    std::string text; // of a literal
  };
  [[nodiscard]] bool matches_from(std::size_t from, std::string_view text) const;

  std::vector<piece> pieces_; // never empty
  bool in_path_;
};

struct recorded {
  std::string file;     ///< as the manifest writes it
  std::string provider; ///< as in tags: google, openlibrary, ...
  std::string endpoint;
  reply answer;
};

class manifest {
public:
  /// Reads the manifest and its bodies, whose paths are relative to it. Errors name the file, the entry's number (from
  /// 0) and the member: "F: entry 3: status: expected an integer from 200 to 599, got 0".
  [[nodiscard]] static result<manifest> load(const std::string& path);

  /// The entry that answers a call; nullptr when none does.
  [[nodiscard]] const recorded* find(const call& c) const;

  [[nodiscard]] const std::vector<recorded>& entries() const noexcept { return entries_; }

  /// Adds an entry; false when its endpoint is no HTTP call.
  bool add(recorded entry);

private:
  struct endpoint {
    std::string method;
    text_pattern path;
    std::vector<std::pair<std::string, text_pattern>> params;
    bool any_query = false;
    std::size_t literal_size = 0;

    [[nodiscard]] bool equals(const call& c) const;
    /// `further`: whether the call may have parameters that are not named here.
    [[nodiscard]] bool fits(const call& c, bool further) const;
  };
  [[nodiscard]] static std::optional<endpoint> parse_endpoint(std::string_view text);

  std::vector<recorded> entries_;
  std::vector<endpoint> endpoints_; // of the same index
};

} // namespace troupe::replay
