// Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol): which web pages' scripts may read
// a route's answers. Browsers ask with Origin; everybody else is not concerned. Credentials in the sense of that
// protocol (cookies) are never allowed: keys travel in header fields. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class cors_policy {
public:
  cors_policy() = default;

  /// Origins as browsers send them ("https://app.example"), or "*" for all. Empty: no page of another origin may.
  explicit cors_policy(std::vector<std::string> origins);

  [[nodiscard]] bool enabled() const noexcept { return any_ || !origins_.empty(); }

  /// Appends the fields of an actual answer to a request with that Origin (empty: none was sent).
  void append(std::string& head, std::string_view origin) const;

  /// Appends the fields of the answer to a preflight. `methods` are what the route has: "GET, HEAD".
  void append_preflight(std::string& head, std::string_view origin, std::string_view methods) const;

private:
  bool append_origin(std::string& head, std::string_view origin) const;

  bool any_ = false;
  std::vector<std::string> origins_;
};

} // namespace troupe
