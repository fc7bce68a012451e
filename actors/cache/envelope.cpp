#include "actors/cache/envelope.hpp"

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <fmt/format.h>

#include <iterator>

namespace troupe {
namespace {

// Names, tags and codes are plain identifiers (the configuration sees to that), so they need no escaping.
void append_meta(std::string& out, const outcome& o, bool with_origin) {
  auto to = std::back_inserter(out);
  out += R"("meta":{)";
  if (with_origin)
    fmt::format_to(to, R"("origin":"{}",)", o.tag);
  out += R"("providers":[)";
  for (std::size_t i = 0; i < o.providers.size(); ++i) {
    const auto& p = o.providers[i];
    fmt::format_to(to, R"({}{{"name":"{}","status":"{}","ms":{},"attempts":{}}})", i == 0 ? "" : ",", p.name,
      to_string(p.code), p.elapsed_us / 1000, p.attempts);
  }
  out += "]}";
}

} // namespace

std::string_view tag_of(const outcome& o, tier from) {
  switch (from) {
  case tier::hot:
    return "cache:kv";
  case tier::database:
    return "cache:d1";
  case tier::cold:
    return "cache:r2";
  case tier::providers:
    break;
  }
  return o.tag;
}

std::string render_body(const outcome& o, tier from) {
  std::string out;
  // The envelope around `data`: about 120 bytes, and 60 for each provider.
  out.reserve(o.data.view().size() + 160 + 64 * o.providers.size());
  out += R"({"data":)";
  out += o.data.view();
  fmt::format_to(std::back_inserter(out), R"(,"provider":"{}","cached":{},"timestamp":{},)", tag_of(o, from),
    from != tier::providers, o.fetched_ms);
  append_meta(out, o, from != tier::providers);
  out += '}';
  return out;
}

std::string mark_stale(std::string_view body) {
  std::string out{body.substr(0, body.size() - 1)};
  out += R"(,"stale":true})";
  return out;
}

std::string render_not_found(const outcome& o, const question& what) {
  // `what.text` comes from a client: escaped by the library.
  auto out = nlohmann::json{{"error", "Not found"}, {"message", what.route + ": nobody knows " + what.text},
    {"provider", o.tag}, {"timestamp", o.fetched_ms}}
               .dump();
  out.back() = ',';
  append_meta(out, o, false);
  out += '}';
  return out;
}

std::string weak_etag(std::string_view data) {
  return fmt::format("W/\"{:016x}\"", XXH3_64bits(data.data(), data.size()));
}

std::string fixed_head(std::string_view tag, std::chrono::seconds max_age) {
  const auto freshness = max_age.count() > 0 ? fmt::format("public, max-age={}", max_age.count()) : "no-cache";
  return fmt::format("Content-Type: application/json\r\nCache-Control: {}\r\nX-Provider: {}\r\n"
                     "Vary: Accept-Encoding\r\n",
    freshness, tag);
}

std::string with_etag(std::string_view head, std::string_view etag) {
  return fmt::format("{}ETag: {}\r\n", head, etag);
}

} // namespace troupe
