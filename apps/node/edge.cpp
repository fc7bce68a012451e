#include "apps/node/edge.hpp"

#include "apps/config/key_file.hpp"
#include "apps/config/text_file.hpp"

#include <fmt/format.h>

namespace troupe {

result<std::shared_ptr<const http::tls_context>> load_certificate(const config::settings& s) {
  if (s.http.tls.certificate.empty())
    return std::shared_ptr<const http::tls_context>{};
  return http::tls_context::load(s.http.tls.certificate, s.http.tls.key);
}

result<std::vector<key_entry>> load_keys(const config::settings& s, const std::vector<std::string>& routes) {
  std::vector<key_entry> out;
  const auto& path = s.auth.keys_file;
  if (path.empty())
    return out;
  std::string reason;
  const auto file = config::read_text_file(path, reason);
  if (!file)
    return fail(ec::config_invalid, path + ": " + reason);
  // Hashes are no secret; but whoever may write here lets himself in.
  if ((file->mode & 022U) != 0)
    return fail(ec::config_invalid, path + ": others may write to it; expected mode 0644 or stricter");
  std::vector<std::string> errors;
  for (auto& k : config::parse_key_file(file->text, path, routes, errors)) {
    key_entry e{std::move(k.name), k.digest, std::move(k.routes), std::nullopt};
    if (k.limit)
      e.limit = gcra_limit{k.limit->count, k.limit->window};
    out.push_back(std::move(e));
  }
  if (!errors.empty())
    return fail(ec::config_invalid, fmt::format("{}", fmt::join(errors, "\n")));
  return out;
}

} // namespace troupe
