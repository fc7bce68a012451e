#include "actors/cache/kept.hpp"

#include <nlohmann/json.hpp>
#include <xxhash.h>
#include <zstd.h>

#include <memory>

namespace troupe {
namespace {

using nlohmann::json;

// The number is the format's version.
constexpr std::string_view plain = "TCA1";
constexpr std::string_view compressed = "TCZ1";

// Below this, zstd's own frame eats what it saves.
constexpr std::size_t worth_compressing = 512;
// zstd's default: a fifth of the size of JSON at about 400 MB/s.
constexpr int level = 3;
constexpr std::size_t most_bytes = 64 << 20;

std::uint64_t sum_of(std::string_view data) noexcept {
  return XXH3_64bits(data.data(), data.size());
}

json span(const lifespan& l) {
  return {l.stored_ms, l.fresh_until_ms, l.dead_ms};
}

lifespan from_span(const json& j) {
  return {j.at(0).get<std::int64_t>(), j.at(1).get<std::int64_t>(), j.at(2).get<std::int64_t>()};
}

std::string header_of(const kept_answer& a) {
  auto providers = json::array();
  for (const auto& p : a.what.providers)
    providers.push_back({p.name, static_cast<int>(p.code), p.detail, p.elapsed_us, p.attempts, p.records});
  const json header{{"key", a.key}, {"tag", a.what.tag}, {"fetched", a.what.fetched_ms}, {"hot", span(a.hot)},
    {"cold", span(a.cold)}, {"providers", std::move(providers)}, {"sum", sum_of(a.what.data.view())}};
  std::string out;
  json::to_cbor(header, out);
  return out;
}

kept_answer from_header(const json& header) {
  kept_answer out;
  out.key = header.at("key").get<std::string>();
  out.hot = from_span(header.at("hot"));
  out.cold = from_span(header.at("cold"));
  out.what.tag = header.at("tag").get<std::string>();
  out.what.fetched_ms = header.at("fetched").get<std::int64_t>();
  out.what.found = true;
  for (const auto& p : header.at("providers"))
    out.what.providers.push_back(
      {p.at(0).get<std::string>(), static_cast<ec>(p.at(1).get<int>()), p.at(2).get<std::string>(),
        p.at(3).get<std::int64_t>(), p.at(4).get<std::int32_t>(), p.at(5).get<std::int32_t>()});
  return out;
}

std::optional<kept_answer> parse(std::string_view body) {
  if (body.size() < 4)
    return std::nullopt;
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i)
    size = size << 8 | static_cast<unsigned char>(body[static_cast<std::size_t>(i)]);
  body.remove_prefix(4);
  if (size > body.size())
    return std::nullopt;
  const auto data = body.substr(size);
  // What was written by another program, or damaged, may be anything: nlohmann's exceptions say so.
  try {
    const auto header = json::from_cbor(body.substr(0, size));
    if (header.at("sum").get<std::uint64_t>() != sum_of(data))
      return std::nullopt;
    auto out = from_header(header);
    out.what.data = blob{std::string{data}};
    return out;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

} // namespace

std::string encode(const kept_answer& answer) {
  const auto header = header_of(answer);
  std::string body;
  body.reserve(plain.size() + 4 + header.size() + answer.what.data.view().size());
  body += plain;
  for (int shift = 24; shift >= 0; shift -= 8)
    body += static_cast<char>(header.size() >> shift & 0xff);
  body += header;
  body += answer.what.data.view();
  if (body.size() < worth_compressing)
    return body;
  const auto source = std::string_view{body}.substr(plain.size());
  // A context's tables are made and cleared anew for each answer without this.
  thread_local const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  if (context == nullptr)
    return body;
  std::string out(compressed.size() + ZSTD_compressBound(source.size()), '\0');
  compressed.copy(out.data(), compressed.size());
  const auto size = ZSTD_compressCCtx(
    context.get(), out.data() + compressed.size(), out.size() - compressed.size(), source.data(), source.size(), level);
  if (ZSTD_isError(size) != 0 || size >= source.size())
    return body;
  out.resize(compressed.size() + size);
  return out;
}

std::optional<kept_answer> decode(std::string_view bytes) {
  const auto format = bytes.substr(0, plain.size());
  if (format == plain)
    return parse(bytes.substr(plain.size()));
  if (format != compressed)
    return std::nullopt;
  bytes.remove_prefix(compressed.size());
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  // Unknown and error are the two largest numbers.
  if (size > most_bytes)
    return std::nullopt;
  std::string body(size, '\0');
  if (ZSTD_decompress(body.data(), body.size(), bytes.data(), bytes.size()) != size)
    return std::nullopt;
  return parse(body);
}

} // namespace troupe
